//! A reader-writer lock that states how long you can be made to wait, and keeps to it.
//!
//! Any number of threads may read at once, or one may write. [`FairRwLock`] decides who is next by
//! a [policy](Policy), in a line that nobody passes; `std`'s and `parking_lot`'s locks let running
//! threads take a lock that others wait for, for as long as they like.
//!
//! | You want | Take |
//! |---|---|
//! | readers and writers to take turns; nobody starves | [`FairRwLock`] ([`PhaseFair`]) |
//! | strictly first come, first served | [`FairRwLockWith<T, TaskFair>`](TaskFair) |
//! | more throughput with very short holds, still with a bound | [`FairRwLockWith<T, Bypass<32>>`](Bypass) |
//! | exclusive access only | [`FairMutex`](crate::mutex::FairMutex) |
//! | two readers that both may become writers | one [upgradable](#upgrading) read lock |
//!
//! # What is promised
//!
//! Arrival is the moment a thread joins the line; the few rounds that it spins before that (at
//! most three) do not count. *Hold* is the longest time that anybody keeps the lock.
//!
//! | policy | a reader waits for at most | a writer waits for at most |
//! |---|---|---|
//! | [`PhaseFair`] | one writer and the rest of one reader phase | the writers before it, and one reader phase each, and one more |
//! | [`TaskFair`] | those who arrived before it | those who arrived before it |
//! | [`Bypass<B>`](Bypass) | `PhaseFair`, and `B` steals for each turn that it waits for | the same |
//!
//! A reader phase holds only readers who waited when it began, one upgradable reader among them at
//! most; an upgradable reader waits for one writer more for each phase that already has its one. An upgrade passes the line (see
//! below), and so does a downgrade's reader phase: a holder that goes up and down again and again
//! is one long hold.
//!
//! These bounds are counts, and they are tested as counts: the models record every arrival and
//! every grant in one order (`tests/model/rwlock.rs`), and a stress test with more threads than
//! processors does the same (`tests/it/rwlock.rs`). The algorithm and its proofs in numbered steps
//! are in [an essay](crate::guide::fair_rwlock).
//!
//! # Examples
//!
//! ```
//! use brigade::rwlock::FairRwLock;
//! use std::thread;
//!
//! let scores = FairRwLock::new(vec![0_u32; 4]);
//! thread::scope(|scope| {
//!     for player in 0..4 {
//!         let scores = &scores;
//!         scope.spawn(move || scores.write()[player] += 10);
//!     }
//!     scope.spawn(|| println!("so far: {}", scores.read().iter().sum::<u32>()));
//! });
//! assert_eq!(scores.into_inner(), [10; 4]);
//! ```
//!
//! With a deadline:
//!
//! ```
//! use brigade::rwlock::FairRwLock;
//! use std::time::Duration;
//!
//! let lock = FairRwLock::new(7);
//! let reading = lock.read();
//! assert!(lock.try_write_for(Duration::from_millis(1)).is_none());
//! drop(reading);
//! assert!(lock.try_write_for(Duration::from_millis(1)).is_some());
//! ```
//!
//! A deadline that has passed means "only if it is free now"; a timeout too long for the clock,
//! such as `Duration::MAX`, means "for as long as it takes".
//!
//! # Upgrading
//!
//! A reader cannot become a writer: two of them would wait for each other for ever. One of the
//! readers can, if it says so beforehand:
//!
//! ```
//! use brigade::rwlock::{FairRwLock, FairRwLockUpgradableReadGuard};
//! use std::collections::HashMap;
//!
//! let cache = FairRwLock::new(HashMap::from([("one", 1)]));
//! let reading = cache.upgradable_read(); // shares with readers, not with its own kind
//! if !reading.contains_key("two") {
//!     FairRwLockUpgradableReadGuard::upgrade(reading).insert("two", 2);
//! }
//! assert_eq!(cache.read().len(), 2);
//! ```
//!
//! The upgrade waits for the other readers and comes before everybody in the line, for it holds
//! what they wait for. A *waiting* upgradable reader keeps no plain reader out.
//!
//! # `FairRwLock` or ...
//!
//! * **vs [`std::sync::RwLock`]**: no poisoning; deadlines, upgrades, mapped guards; a bound. The
//!   lock is one word in both.
//! * **vs `parking_lot::RwLock`**: the same API, for both come from [`lock_api`]; since 0.13 it
//!   says that waiting threads may starve. Reading recursively hangs in both if a writer comes in
//!   between; the feature `detect-recursion` finds that for you.
//! * **vs tokio's `RwLock`**: for threads, not for tasks.
//! * **from Python**: `threading` has none; `readerwriterlock.RWLockFair` is the twin, without
//!   stated bounds.
//!
//! # Trade-offs
//!
//! * Handing over costs a context switch if the next one has no processor of its own. Threads that
//!   do nothing but hold the lock for 100 ns get a third less done than with an unfair lock while
//!   each has a processor, and a tenth of it otherwise; [`Bypass`] buys most of that back for a larger
//!   bound. With holds from 10 µs on there is no difference
//!   ([measured](crate::guide::fair_rwlock#measured)).
//! * A thread that waits stays awake for up to 64 µs before it sleeps, and gives its processor to
//!   whoever wants it meanwhile.
//! * A thread that reads while it reads waits for itself as soon as a writer stands in the line.
//!   Hand the guard down, or use the feature `detect-recursion`, which panics with both places.
//! * A panic while a guard is held releases the lock and does not poison it.
//! * `mem::forget` of a guard keeps the lock locked. The reader count has a limit
//!   (2⁴⁷ − 1, on 32-bit machines 2¹⁵ − 1); beyond it `read` panics.
//! * Guards stay on their thread.

#[cfg(not(any(brigade_loom, brigade_shuttle)))]
mod api;
#[allow(unreachable_pub, reason = "the models reach in")]
mod line;
#[allow(unreachable_pub, reason = "the models reach in")]
mod machine;
mod policy;
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
mod raw;
#[cfg(all(feature = "detect-recursion", not(any(brigade_loom, brigade_shuttle))))]
mod recursion;
mod word;

#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub use api::*;
pub(crate) use line::Kind;
pub(crate) use machine::Machine;
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub(crate) use machine::Refused;
pub use policy::{Bypass, PhaseFair, Policy, TaskFair};
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub use raw::{Inspect, RawFairRwLock};

/// What the models explore.
#[cfg(any(brigade_loom, brigade_shuttle))]
#[doc(hidden)]
pub mod internals {
    pub use super::line::{Entry, Event, Kind, Message, Ticket};
    pub use super::machine::{Machine, Refused};
}
