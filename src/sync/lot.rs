//! Where blocked threads wait: first-in first-out queues of sleeping threads, found by a key.
//!
//! A primitive of this crate is a word and a queue. The word is an atomic integer; the queue is in
//! a [`Lot`], under the word's address, so that a lock stays one word long. Production takes
//! `parking_lot_core`; the models take a lot that is small enough to be read in one sitting and
//! keeps a diary. The state machines above are the same code on both.
//!
//! Both have three operations. `park` joins the queue at its tail and sleeps, if `validate` agrees.
//! `before_sleep` runs outside the queue's lock, `timed_out` under it, after the thread has left
//! the queue because the deadline passed. `unpark_filter` walks the queue from its head, takes out
//! those whom `filter` wakes, and asks `commit`, which learns whether anybody stays, for the
//! message that they all get. `note` tells an oracle what the queue cannot see.
//!
//! Closures other than `before_sleep` run under the queue's lock. They must not panic and must not
//! call back into the lot. What a waker did before `unpark_filter` happens before the woken `park`
//! returns. What a thread leaves in the queue (its `ticket`) and what it is told when it is woken
//! are plain integers: their meaning belongs to the primitive.

#[cfg(any(brigade_loom, brigade_shuttle))]
mod reference;
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
mod threads;

#[cfg(any(brigade_loom, brigade_shuttle))]
pub use reference::{Entry, Lot};
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub(crate) use threads::Lot;

/// What to do with the thread under the finger while the queue is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Wake,
    Skip,
    Stop,
}

/// How a stay in the queue ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parked {
    /// A waker took the thread out, with this message.
    Woken(usize),
    /// `validate` said no; the thread never queued.
    Invalid,
    TimedOut,
}
