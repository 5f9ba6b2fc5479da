//! The three meanings of time, as types.

use std::fmt::Debug;
use std::time::Duration;

mod sealed {
    pub trait Sealed {}
}

/// What a stamp means; one of [`IngestionTime`], [`EventTime`], [`LogicalTime`].
pub trait TimeMode: sealed::Sealed + Debug + Send + 'static {}

/// The sink stamps each record as it is pushed.
#[derive(Debug, Clone, Copy)]
pub enum IngestionTime {}

/// The producer brings the stamp; it may lag behind the clock by an agreed time.
#[derive(Debug, Clone, Copy)]
pub enum EventTime {}

/// The producer brings the stamp; the clock plays no part, each producer's promise does.
#[derive(Debug, Clone, Copy)]
pub enum LogicalTime {}

impl sealed::Sealed for IngestionTime {}
impl sealed::Sealed for EventTime {}
impl sealed::Sealed for LogicalTime {}
impl TimeMode for IngestionTime {}
impl TimeMode for EventTime {}
impl TimeMode for LogicalTime {}

/// What happens to an event-time stamp behind the frontier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Late {
    /// The push is refused and the value handed back: the producer at fault learns it at once.
    #[default]
    Reject,
    /// The stamp is moved forward to the frontier; the report counts it.
    Clamp,
}

/// What happens when logical time stands still because a producer says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Silence {
    /// Everybody waits for it: the order is strict, whatever it does.
    #[default]
    Wait,
    /// After this time without a push or a promise, in which it was not blocked by the sink, it is
    /// passed over. If it comes back with a stamp behind the frontier, that push is late.
    PassOver(Duration),
}

/// What a push does when the producer's ring is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// Blocks until the writer has made room: back-pressure.
    #[default]
    Block,
    /// Refuses at once and hands the value back.
    Reject,
    /// Refuses at once and counts the record as dropped; a batch is emptied. For callers who look
    /// at the report and not at each result.
    DropNewest,
    /// Blocks for at most this time.
    Timeout(Duration),
}

/// What survives what.
///
/// | Level | A returned push survives | Cost |
/// |---|---|---|
/// | [`None`](Self::None) | nothing until the sink is idle, flushed or finished | no system call until 256 KiB are together |
/// | [`Flush`](Self::Flush) | the process being killed, once its round is written: within about a tick | one write a round |
/// | [`Sync`](Self::Sync) | loss of power, after at most the given time more | one sync each such time |
/// | `push_durable`, `wait_durable`, at any level | loss of power, when the call returns | one sync for all who wait |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Bytes are written when 256 KiB are together or the sink is idle.
    None,
    /// Bytes are handed to the operating system in every round.
    #[default]
    Flush,
    /// As `Flush`, and the output is synced at most this long after a write.
    Sync {
        /// The longest time that written bytes stay unsynced.
        every: Duration,
    },
}
