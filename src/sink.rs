//! The ordered sink: many producers, one writer, one total order.
//!
//! Every producer thread pushes records; one writer thread puts all of them into an output,
//! sorted by the time they were generated. The order is strict and it is *proven*, not hoped for:
//! no grace period, no timeout, no guess. Accepted means written: what a push has accepted is in
//! the output when [`finish`](OrderedSink::finish) returns, or the error it returns holds it.
//!
//! ```
//! use brigade::sink::{MemoryOutput, OrderedSink, Text};
//!
//! let memory = MemoryOutput::new();
//! let sink = OrderedSink::builder(Text::new(), memory.clone()).build()?;
//! std::thread::scope(|threads| {
//!     for name in ["barron", "olivia"] {
//!         let mut producer = sink.producer(name)?;
//!         threads.spawn(move || (1..=100).all(|n| producer.push(n).is_ok()));
//!     }
//!     Ok::<_, brigade::sink::JoinError>(())
//! })?;
//! let report = sink.finish()?;
//! assert_eq!(report.written, 200);
//! assert!(memory.text().lines().is_sorted_by_key(|line| line.split('\t').next()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which time do I need?
//!
//! | The stamp is | Mode | A silent producer | A late record |
//! |---|---|---|---|
//! | when the record was pushed | [`IngestionTime`], the default | delays nobody | cannot be |
//! | brought along, at most a lag behind the clock | [`EventTime`], by [`event_time`](SinkBuilder::event_time) | delays nobody by more than the lag | is refused at the push, with the value |
//! | brought along, and no clock counts | [`LogicalTime`], by [`logical_time`](SinkBuilder::logical_time) | holds all back until it advances, pauses or leaves | cannot be, but behind one's own promise |
//!
//! # The order
//!
//! Records stand in the order of *(stamp, producer id, sequence)*: by time; at the same time by
//! the id that producers get in the order of joining; within a producer as they were pushed. It
//! is a total order, so a run has exactly one right output, and sorting the output changes
//! nothing. Where an output is continued, stamps go on behind the last one in it.
//!
//! # The protocol, step by step
//!
//! The writer must know, for a point in time, that nothing earlier is still on its way. So a
//! producer says what it is about to do before it counts: it *claims* its stamp, and only then
//! looks at how far the writer means to go. The writer does the mirror image: it *proposes* how
//! far it means to go, and only then looks at the claims. Whoever comes second sees the other.
//! The numbers are those in the code.
//!
//! ```text
//!    a producer pushes                            the writer makes a round
//!
//! 0  make sure of room in the ring             5  propose a cut: the clock's reading
//! 1  draw a stamp from the clock                  ------------- fence -------------
//! 2  publish a claim on the stamp              6  admit producers that have joined
//!    ------------- fence -------------         7  of each producer read the claim, then the
//!    look at the proposal; if it is past          end of its ring; the cut is the least of
//!    the stamp, draw again from there             the proposal and all claims
//! 3  put the record into the ring              8  take every record stamped below the cut,
//! 4  free the claim                               sort, encode, write
//! ```
//!
//! 0. A producer whose ring is full waits here, or is refused: never with a claim in its hand,
//!    for a claim holds all others back.
//! 1. The stamp is the clock's reading, or the producer's last stamp if that is later. How right
//!    the clock is decides how true the stamp is, and never the order.
//! 2. The claim is one word that only this producer writes. If the proposal it then sees is past
//!    the stamp, the writer may have cut there without seeing the claim: in ingestion time a new
//!    stamp is drawn at or behind the proposal, in the other modes the push is late. If the sink
//!    is closed, the value goes back.
//! 3. The ring belongs to this producer and the writer alone. There is no lock.
//! 4. Freeing the claim publishes the record: who sees the claim freed sees the record too. A
//!    writer at rest is woken.
//! 5. The proposal never goes back. Event time proposes the clock's reading less the lag; logical
//!    time the least promise of all producers.
//! 6. Behind the fence, so that a producer who joined before it is looked at, and one who joined
//!    after it sees the proposal in its own step 2.
//! 7. The claim first, the ring second: a claim that is free by now has its record in the ring by
//!    now. The cut never goes back: a claim below the last cut belongs to somebody who is about to
//!    draw again.
//! 8. *Strictly* below: at the cut itself, a claim may still bring a record of a lower producer
//!    id. What is taken is complete, so sorting this batch behind the earlier ones sorts all. Any
//!    earlier cut would be as right, so a round too large for the caches is taken in slices.
//!
//! To close is to propose the end of time: pushes from there on are refused, and the writer waits
//! for the claims it sees, each a few instructions long, before it takes what is left.
//!
//! Why this is right, case by case, is in [the essay](crate::guide::ordered_sink); the
//! [first chapter](crate::guide::ch00_merged_sink) builds up to it from the version that loses its
//! order.
//!
//! # What blocks, and who ends it
//!
//! | Call | May block | Until |
//! |---|---|---|
//! | `push`, `push_at`, `push_batch` | if the ring is full and the [`Overflow`] policy is to wait | the writer takes a record, the time is over, or the sink ends |
//! | `push_durable`, [`wait_durable`](OrderedSink::wait_durable) | yes | a sync covers the stamp; one sync serves all who wait |
//! | [`flush`](OrderedSink::flush) | yes | everything accepted before the call is handed to the output |
//! | [`finish`](OrderedSink::finish), and dropping the sink | yes | everything accepted is written, and synced if that was asked for |
//! | [`producer`](OrderedSink::producer), [`stats`](OrderedSink::stats), `advance_to`, `pause`, dropping a producer | no; a short lock at most, never held while writing | |
//! | the writer | nobody inside a push waits for it | a tick is over while records come; the next push or order when there are none |
//!
//! A thread that is stopped inside a push, between its steps 2 and 4, holds back what is stamped
//! later than its claim, for as long as it does not run: a delay, and no disorder. No user code
//! runs there.
//!
//! # What survives what
//!
//! | Level | A push that has returned survives | Cost |
//! |---|---|---|
//! | [`Durability::None`] | nothing before the sink is idle, flushed or finished | none |
//! | [`Durability::Flush`], the default | the process being killed, within about a tick | one write a round |
//! | [`Durability::Sync`] | a loss of power, within the time given | one sync each such time |
//! | `push_durable`, at any level | a loss of power | one sync for all who wait |
//!
//! A file can be [continued](FileOutput::append) after a crash: a torn last record is removed,
//! every whole one is kept, and what is not of the encoding is refused rather than guessed at. A
//! failed write or sync poisons the sink: every producer learns it at its next push, and `finish`
//! returns the first cause and every accepted record that is not in the output.
//!
//! # Trade-offs
//!
//! * A push pays for a claim: two stores, one load and a fence more than a bare queue.
//! * A record is in the output a round after its push, not at once. A longer [tick](SinkBuilder::tick)
//!   makes larger, cheaper rounds.
//! * Every producer holds a ring of [`capacity`](SinkBuilder::capacity) records, and the writer
//!   looks at every producer in every round: a thousand are fine, a million are not.
//! * One thread encodes and writes. Work that belongs to a record is done before its push.
//! * In ingestion time a record that is overtaken by the writer gets a later stamp than was first
//!   drawn; the [report](Report::restamped) counts it.
//!
//! # Sink, channel and sort, or logger?
//!
//! | | the ordered sink | a channel, then a sort | a logger's queue |
//! |---|---|---|---|
//! | order of the output | by stamp, at every moment | by stamp, once all is in | by arrival; stamps may go back |
//! | first byte | after about a tick | after the last record | soon |
//! | memory | a ring a producer | everything | its queue |
//! | queue full | waits, refuses or drops, as told, and counts | waits, if bounded | often drops |
//! | the disk fails | all producers and `finish` are told, values come back | up to you | often nobody is told |
//! | at the end | all that was accepted is written | all that was received | up to a timeout, often |
//! | take it when | order matters while it runs | the whole fits into memory and may wait | only one thread's order matters |
//!
//! # From Python
//!
//! A `queue.Queue` and one thread that writes give the order of arrival, and so does `logging` with
//! `QueueHandler` and `QueueListener`: a thread that is stopped between taking the time and `put`
//! makes the stamps go back. `heapq.merge` sorts inputs that have ended, or waits for a silent one.
//! A sink is the two together, for inputs that are alive.
//!
//! # What proves it
//!
//! | Claim | Model or test |
//! |---|---|
//! | the output is in the total order, however threads run | `tests/model/sink/order.rs`, `tests/it/sink/order.rs` |
//! | each fence, ordering and check of the protocol is needed | `tests/model/sink/mutants.rs` |
//! | a batch appears as one | `tests/model/sink/batch.rs` |
//! | producers join and leave at any time | `tests/model/sink/members.rs`, `tests/it/sink/lifecycle.rs` |
//! | closing loses no accepted record | `tests/model/sink/close.rs`, `tests/it/sink/lifecycle.rs` |
//! | no wake-up is lost: writer at rest, producer without room | `tests/model/sink/rest.rs`, `tests/model/sink/room.rs` |
//! | event and logical time keep their contracts | `tests/model/sink/event.rs`, `tests/model/sink/logical.rs`, `tests/it/sink/modes.rs` |
//! | more threads than cores, stopped inside their pushes, in flat memory | `tests/it/sink/stress.rs` |
//! | a full disk, a failed sync, a panic: told, and nothing lost | `tests/it/sink/faults.rs` |
//! | each level survives what it says; a killed process leaves a file that goes on | `tests/it/sink/durability.rs`, `tests/it/sink/crash.rs`, `tests/it/sink/recovery.rs` |
//! | a full ring does what the policy says | `tests/it/sink/overflow.rs` |
//! | every bad input is answered with a typed error | `tests/it/sink/bad_input.rs` |

mod builder;
mod encode;
mod error;
pub(crate) mod frontier;
mod held;
mod mode;
pub(crate) mod order;
mod output;
mod pending;
mod producer;
mod report;
mod ring;
mod shared;
mod signal;
pub(crate) mod slice;
mod writer;

pub use builder::{ScopeError, SinkBuilder};
pub use encode::{
    Binary, BinaryReader, BinaryRecord, Csv, Encode, Field, Json, Ndjson, Notation, ProducerId,
    ReadError, Record, RecoverError, Recovered, Shown, Text, ValueError,
};
pub use error::{
    BuildError, Cause, DurableError, Failure, JoinError, PushError, Refusal, SinkError, Unwritten,
    WaitError,
};
pub use mode::{
    Durability, EventTime, IngestionTime, Late, LogicalTime, Overflow, Silence, TimeMode,
};
pub use output::{FileOutput, MemoryOutput, OpenError, Output};
pub use producer::Producer;
pub use report::{Durations, HeldBack, ProducerStats, Recovery, Report, Stats};

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use crate::clock::Stamp;
use crate::sync::thread::JoinHandle;
use frontier::NotAdmitted;
use shared::Shared;

/// A sink for the records of many producers.
///
/// `T` is what is pushed; `M` is what a stamp means: [`IngestionTime`] by default,
/// [`EventTime`], or [`LogicalTime`].
///
/// Dropping a sink without [`finish`](Self::finish) drains and closes it all the same, but then
/// nobody learns of an error; a line on standard error says so.
///
/// From Python: what a `queue.Queue` with one writing thread is meant to be, in the order of time.
#[doc(alias = "queue.Queue")]
#[doc(alias = "QueueListener")]
#[doc(alias = "heapq.merge")]
#[doc(alias = "mpsc")]
pub struct OrderedSink<T, M: TimeMode = IngestionTime> {
    shared: Arc<Shared<T>>,
    writer: Option<JoinHandle<()>>,
    finished: bool,
    mode: PhantomData<M>,
}

impl<T, M: TimeMode> fmt::Debug for OrderedSink<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrderedSink").finish_non_exhaustive()
    }
}

impl<T> OrderedSink<T> {
    /// Chooses an encoding and an output, and goes on to the options.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::sink::{Csv, MemoryOutput, OrderedSink, Overflow};
    ///
    /// let sink = OrderedSink::builder(Csv::new(), MemoryOutput::new())
    ///     .capacity(64)
    ///     .overflow(Overflow::Reject)
    ///     .build()?;
    /// sink.producer("chef")?.push(7)?;
    /// sink.finish()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder<E: Encode<T>, O: Output>(
        encoder: E,
        output: O,
    ) -> SinkBuilder<T, IngestionTime, E, O> {
        SinkBuilder::new(encoder, output)
    }
}

impl<T: Field + Send + 'static> OrderedSink<T> {
    /// Starts a sink that writes [`Text`] to a new file, with every option at its default.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the file exists or cannot be made.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::sink::OrderedSink;
    ///
    /// let dir = tempfile::tempdir()?;
    /// let sink = OrderedSink::create(dir.path().join("numbers.tsv"))?;
    /// sink.producer("chef")?.push(7)?;
    /// assert_eq!(sink.finish()?.written, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(path: impl AsRef<Path>) -> Result<Self, BuildError> {
        Self::builder(Text::new(), FileOutput::create(path)?).build()
    }
}

impl<T, M: TimeMode> OrderedSink<T, M> {
    fn new(shared: Arc<Shared<T>>, writer: Option<JoinHandle<()>>) -> Self {
        Self { shared, writer, finished: false, mode: PhantomData }
    }

    /// Adds a producer, at any time, from any thread.
    ///
    /// # Errors
    ///
    /// [`JoinError`] if the name is taken or unusable, or the sink is closed.
    pub fn producer(&self, name: impl AsRef<str>) -> Result<Producer<T, M>, JoinError> {
        let name = name.as_ref();
        if name.is_empty() || name.len() > 255 || name.chars().any(char::is_control) {
            return Err(JoinError::BadName { name: name.into() });
        }
        match self.shared.frontier.join(name, self.shared.capacity) {
            Ok(port) => Ok(Producer::new(port, Arc::clone(&self.shared))),
            Err(NotAdmitted::NameTaken) => Err(JoinError::NameTaken { name: name.into() }),
            Err(NotAdmitted::Closed) => Err(JoinError::Closed),
            Err(NotAdmitted::Full) => Err(JoinError::TooMany),
        }
    }

    /// Blocks until every record accepted before the call is handed to the output.
    ///
    /// With event or logical time: every one of them that the frontier has passed; the others
    /// cannot be in order yet.
    ///
    /// # Errors
    ///
    /// [`WaitError`] if the sink fails.
    pub fn flush(&self) -> Result<(), WaitError> {
        self.shared.flush()
    }

    /// Blocks until every record stamped up to and including `stamp` survives a loss of power.
    ///
    /// For a `stamp` still to come it blocks until the frontier has passed it.
    ///
    /// # Errors
    ///
    /// [`WaitError`] if the sink fails.
    pub fn wait_durable(&self, stamp: Stamp) -> Result<(), WaitError> {
        self.shared.wait_durable(stamp)
    }

    /// Looks at the sink as it was in the writer's last round, some milliseconds ago at most
    /// while records come. Never waits for the output.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.control.lock().stats.clone()
    }

    /// Closes the sink, writes everything accepted, and reports.
    ///
    /// Producers that are still there get [`Refusal::Closed`] at their next push, with the value.
    /// Blocks until the output has everything, and is synced if that was asked for.
    ///
    /// # Errors
    ///
    /// [`SinkError`] with the first failure and every accepted record that is not in the output.
    #[must_use = "the report, or the error with the records that were not written, is in it"]
    pub fn finish(mut self) -> Result<Report, SinkError<T>> {
        self.end()
    }

    fn end(&mut self) -> Result<Report, SinkError<T>> {
        self.finished = true;
        self.shared.close();
        if let Some(writer) = self.writer.take() {
            // It catches its panics itself; there is nothing to learn from its result.
            let _ = writer.join();
        }
        let outcome = self.shared.control.lock().outcome.take();
        outcome.unwrap_or_else(|| Ok(Report::default()))
    }
}

impl<T, M: TimeMode> Drop for OrderedSink<T, M> {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        match self.end() {
            Ok(report) => eprintln!(
                "brigade: an ordered sink was dropped without finish(); {} records were written",
                report.written
            ),
            Err(error) => eprintln!(
                "brigade: an ordered sink was dropped without finish(), and so nobody was told: \
                 {error}"
            ),
        }
    }
}
