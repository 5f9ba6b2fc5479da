//! Several locks without deadlock: ranks that are checked, all locks at once, and trying with an end to it.
//!
//! # How a deadlock comes about
//!
//! Four conditions have to hold together (Coffman, Elphick and Shoshani, *System Deadlocks*, 1971). Break one,
//! and there is no deadlock:
//!
//! | condition | here it is broken by |
//! |---|---|
//! | mutual exclusion: one at a time | shared access: [`FairRwLock`](crate::rwlock::FairRwLock), [`read`] |
//! | hold and wait: who waits keeps what it has | [`Attempt`] in [`Mode::Polite`]: who waits has nothing |
//! | no preemption: nothing is taken away | [`Attempt`] with a deadline: who waited too long gives everything back; [`Mode::Aged`]: the younger give way |
//! | circular wait: everybody waits for the next one | an order: [`lock_all`] keeps one, [`Ranked`] checks one, [`Mode::Ordered`] is both with a deadline |
//!
//! ```
//! use brigade::lock::{Ranked, lock_all, lock_ranks};
//! use brigade::mutex::FairMutex;
//!
//! lock_ranks! { ACCOUNTS < JOURNAL }
//!
//! type Account = Ranked<FairMutex<i64>, ACCOUNTS>;
//! static JOURNAL_LINES: Ranked<FairMutex<Vec<i64>>, JOURNAL> =
//!     Ranked::named("journal", JOURNAL, FairMutex::new(Vec::new()));
//!
//! fn transfer(from: &Account, to: &Account, amount: i64) -> Result<(), brigade::lock::LockError> {
//!     let (mut from, mut to) = lock_all((from, to))?; // an error if they are the same account
//!     JOURNAL_LINES.lock().push(amount); // a panic, at the first test, if the order were wrong
//!     *from -= amount;
//!     *to += amount;
//!     Ok(())
//! }
//!
//! let (anna, bert) = (
//!     Ranked::new(ACCOUNTS, FairMutex::new(100)),
//!     Ranked::new(ACCOUNTS, FairMutex::new(100)),
//! );
//! std::thread::scope(|s| {
//!     s.spawn(|| (0..100).for_each(|_| transfer(&anna, &bert, 1).unwrap()));
//!     s.spawn(|| (0..100).for_each(|_| transfer(&bert, &anna, 1).unwrap())); // the other way round
//! });
//! assert_eq!(*anna.lock(), 100);
//! assert_eq!(*bert.lock(), 100); // in one expression with the line above it would be refused
//! ```
//!
//! # Which one do I need?
//!
//! | You have | and want | Take |
//! |---|---|---|
//! | locks that one function needs together | them all, or to wait | [`lock_all`] |
//! | locks that different functions take one inside the other | a wrong order to fail at once, in every build | [`Ranked`] with [`lock_ranks!`] |
//! | the same, and no idea what the order is | a program that tells | [`observe`] |
//! | locks, and only so much time | them all, or to know which one was taken | [`Attempt::lock_all`] |
//! | locks that others take in whatever order | never to hold up anybody | [`Mode::Polite`] |
//! | the same, in a crowd | nobody to starve | [`Mode::Aged`] |
//! | anything that may be refused | to try again, with pauses that part the crowd | [`Attempt::run`] |
//! | one lock | it | its own `lock`, `try_lock`, `try_lock_for` |
//!
//! # What is promised
//!
//! - **No deadlock** among threads that take and upgrade ranked locks, or use [`lock_all`], in any run in
//!   which no order was refused. (`tests/model/lock.rs`, with the mutants that skip the check, forget
//!   what was tried for, drop the sort, or sort without the ranks.)
//! - **Wrong orders are found by one thread**, at the first nesting, before it waits: no two
//!   threads have to meet. Detectors that wait for both orders, or for the hang itself, find less.
//! - **[`lock_all`] is all or nothing**: an error, a timeout or a panic leaves nothing locked.
//! - **The eldest of the [`Mode::Aged`] attempts completes**, if the locks are fair ones and their holders
//!   let go (`tests/model/lock.rs`, with the mutant that ages anew after each failure).
//! - **Nobody sleeps beyond a deadline**, and pauses are distributed as [`Jitter`] says
//!   (the tests beside the code, on a clock that stands still).
//!
//! # This or ...
//!
//! - **vs C++ `std::lock` and `std::scoped_lock`**: they try and back off; [`lock_all`] sorts, and
//!   waits asleep. Try and back off is [`Mode::Polite`].
//! - **vs learning detectors** (Linux's lockdep, tracing-mutex): they need no table and know no order before they
//!   have seen one; each nested lock goes through a graph. Here it is one test of one word, so that it stays
//!   on in production.
//! - **vs typed keys** (a lock's level in its type, checked by the compiler): stronger, and in the
//!   way of everything: keys have to be handed through every call.
//! - **vs `parking_lot`'s `deadlock_detection`**: that one says why the program hangs.
//! - **from Python**: `threading.Lock` has none of this; `lock.acquire(timeout=t)` is
//!   [`Attempt::within`]`(t).lock(&lock)`, or `try_lock_for`.
//!
//! # Trade-offs
//!
//! - Ranks find what is run. A nesting that no test reaches is not checked by any.
//! - Two tables know nothing of each other, and a lock without a rank is invisible to the check.
//! - [`lock_all`] waits for one lock while it holds others, as everybody who nests locks does; a long hold
//!   of one of them holds up users of the rest. [`Mode::Polite`] does not, and may starve.
//! - All or nothing needs to know the set beforehand. To take what the first lock tells you to, rank them.

mod access;
mod all;
mod attempt;
#[allow(unreachable_pub, reason = "the models reach in")]
mod elders;
mod error;
mod observe;
mod pace;
mod ranked;
mod reentrant;
mod set;
mod table;
mod target;

#[doc(inline)]
pub use crate::lock_ranks;
pub use access::{Access, AccessGuard};
pub use all::{lock_all, polled, read, upgradable, write};
pub use attempt::{Attempt, Mode};
pub use error::{LockError, LockName, RankedLock, Timeout, WrongOrder};
pub use observe::{Observed, Observer, observe};
pub use pace::Jitter;
pub use ranked::{Ranked, RankedGuard};
pub use set::{LockSet, TimedSet};
pub use table::Rank;
pub use target::{Lockable, Polled, Read, Timed, Upgradable, Write};

/// What [`lock_ranks!`] writes. Not part of the interface.
#[doc(hidden)]
pub mod macros {
    pub use super::table::{Held, Slot, Table, close, line};
    #[cfg(brigade_loom)]
    pub use crate::sync::loom_thread_local;
    pub use crate::sync::thread_local;
}

/// What the models explore.
#[cfg(any(brigade_loom, brigade_shuttle))]
#[doc(hidden)]
pub mod internals {
    pub use super::elders::{Elders, Event};
}
