//! Where blocked threads wait: a queue behind two operations.
//!
//! A lock of this crate is a word and a queue. The word is an atomic integer; the queue is a
//! [`Parking`]: production takes `parking_lot_core`, whose queues are found by address, so that a
//! lock stays one word long; the models take the small reference lot of [`super::lot`]. The state
//! machine between them is the same code in both.

use std::time::Instant;

#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub(crate) use production::ThreadLot;

/// What a queued thread is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Shared access.
    Reader,
    /// Shared access with the one right to upgrade.
    Upgradable,
    /// Exclusive access.
    Writer,
    /// Exclusive access, by the holder of the upgradable lock.
    Upgrader,
}

/// What a thread leaves in the queue for those who decide over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// What it waits for.
    pub kind: Kind,
    /// It has been to the front of the line once and comes first, wherever it stands.
    pub heir: bool,
}

const HEIR: usize = 4;

impl Ticket {
    pub(crate) fn to_bits(self) -> usize {
        self.kind as usize | if self.heir { HEIR } else { 0 }
    }

    pub(crate) fn from_bits(bits: usize) -> Self {
        let kind = match bits & !HEIR {
            0 => Kind::Reader,
            1 => Kind::Upgradable,
            2 => Kind::Writer,
            _ => Kind::Upgrader,
        };
        Self { kind, heir: bits & HEIR != 0 }
    }
}

/// What to do with the thread under the finger while the queue is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Wake,
    Skip,
    Stop,
}

/// What a woken thread is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// The lock is yours.
    Granted,
    /// You are the next in line: come and take the lock.
    Elected,
}

/// How a call of [`Parking::park`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parked {
    Woken(Message),
    /// `validate` said no; the thread never queued.
    Invalid,
    TimedOut,
}

/// What the oracles of the models want to know and the queue itself cannot see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The caller entered without queueing.
    Entered(Kind),
    /// The caller entered past an elected thread, by a counted steal.
    Stole(Kind),
    /// The caller, elected, entered.
    Inherited(Kind),
    /// The caller, a writer, is about to become this kind of reader.
    Downgrades(Kind),
}

/// A first-in first-out queue of sleeping threads, one per key, and the lock of that queue.
///
/// Closures run under the queue's lock. They must not panic and must not call back into the
/// queue. What a waker did before `unpark_filter` happens before the woken `park` returns.
pub(crate) trait Parking {
    /// Joins the queue at its tail and sleeps, if `validate` agrees.
    ///
    /// `before_sleep` runs outside the queue's lock. `timed_out` runs under it, after the thread
    /// has left the queue because `deadline` passed.
    fn park(
        &self,
        key: usize,
        ticket: Ticket,
        deadline: Option<Instant>,
        validate: impl FnOnce() -> bool,
        before_sleep: impl FnOnce(),
        timed_out: impl FnOnce(),
    ) -> Parked;

    /// Walks the queue from its head, takes out those whom `filter` wakes, and asks `commit`,
    /// which learns whether anybody stays, for the message that they all get.
    fn unpark_filter(
        &self,
        key: usize,
        filter: impl FnMut(Ticket) -> Verdict,
        commit: impl FnOnce(bool) -> Message,
    );

    /// Tells an oracle. The atomic step that `event` is about is the last one before this call, or
    /// the first after it.
    #[inline(always)]
    fn note(&self, event: Event) {
        let _ = event;
    }
}

#[cfg(not(any(brigade_loom, brigade_shuttle)))]
#[allow(unsafe_code)]
mod production {
    use super::{Message, Parked, Parking, Ticket, Verdict};
    use parking_lot_core::{FilterOp, ParkResult, ParkToken, UnparkToken};
    use std::time::Instant;

    const GRANTED: UnparkToken = UnparkToken(0);
    const ELECTED: UnparkToken = UnparkToken(1);

    /// The process-wide parking lot, keyed by address.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct ThreadLot;

    impl Parking for ThreadLot {
        fn park(
            &self,
            key: usize,
            ticket: Ticket,
            deadline: Option<Instant>,
            validate: impl FnOnce() -> bool,
            before_sleep: impl FnOnce(),
            timed_out: impl FnOnce(),
        ) -> Parked {
            // SAFETY: `key` is the address of a word that the calling lock owns, so no other
            // user of the lot shares it. By the contract of `Parking` the closures neither
            // unwind nor call into the lot.
            let result = unsafe {
                parking_lot_core::park(
                    key,
                    validate,
                    before_sleep,
                    |_, _| timed_out(),
                    ParkToken(ticket.to_bits()),
                    deadline,
                )
            };
            match result {
                ParkResult::Unparked(ELECTED) => Parked::Woken(Message::Elected),
                ParkResult::Unparked(_) => Parked::Woken(Message::Granted),
                ParkResult::Invalid => Parked::Invalid,
                ParkResult::TimedOut => Parked::TimedOut,
            }
        }

        fn unpark_filter(
            &self,
            key: usize,
            mut filter: impl FnMut(Ticket) -> Verdict,
            commit: impl FnOnce(bool) -> Message,
        ) {
            let filter = |token: ParkToken| match filter(Ticket::from_bits(token.0)) {
                Verdict::Wake => FilterOp::Unpark,
                Verdict::Skip => FilterOp::Skip,
                Verdict::Stop => FilterOp::Stop,
            };
            let commit =
                |result: parking_lot_core::UnparkResult| match commit(result.have_more_threads) {
                    Message::Granted => GRANTED,
                    Message::Elected => ELECTED,
                };
            // SAFETY: as in `park`.
            unsafe { parking_lot_core::unpark_filter(key, filter, commit) };
        }
    }
}
