//! Mutexes that serve threads in the order of their arrival.
//!
//! [`FairMutex`] hands itself over: the thread that unlocks gives the lock to the one that has
//! waited longest, and nobody passes. [`FairReentrantMutex`] is the same for a thread that may
//! lock again what it holds. Both are the [`FairRwLock`](crate::rwlock::FairRwLock)'s machine,
//! used for writing only.
//!
//! | You want | Take |
//! |---|---|
//! | one at a time, first come first served | [`FairMutex`] |
//! | to call yourself while you hold it | [`FairReentrantMutex`] |
//! | more throughput with very short holds, still with a bound | [`FairMutexWith<T, Bypass<32>>`](crate::rwlock::Bypass) |
//! | to wait for a condition | [`FairCondvar`], with a [`FairMutex`] |
//! | readers at the same time | [`FairRwLock`](crate::rwlock::FairRwLock) |
//!
//! **Bound.** With `k` threads in the line before you, you wait for `k + 1` holds: nobody who
//! arrives later is served before you. The oracle tests of the reader-writer lock check it
//! (`tests/model/rwlock.rs`), and `tests/it/mutex.rs` does under stress.
//!
//! # `FairMutex` or ...
//!
//! * **vs [`std::sync::Mutex`]**: no poisoning, deadlines, `map`, and a bound; std's lets a running
//!   thread take the lock again and again while others sleep.
//! * **vs `parking_lot::FairMutex`**: the same promise; this one has a condition variable and an
//!   inspectable line.
//! * **from Python**: `threading.Lock` makes no promise about order; `threading.RLock` is
//!   [`FairReentrantMutex`], which cannot be released by a thread that does not hold it, for only
//!   a guard releases it.
//!
//! # Trade-offs
//!
//! Handing over costs a context switch if the next one has no processor of its own. If four threads
//! on two processors do nothing but lock for 100 ns, that is most of the time.
//! [`Bypass`](crate::rwlock::Bypass) bounds the unfairness instead of forbidding it.
//!
//! # Examples
//!
//! ```
//! use brigade::mutex::FairMutex;
//! use std::thread;
//!
//! let total = FairMutex::new(0);
//! thread::scope(|scope| {
//!     for n in 1..=4 {
//!         let total = &total;
//!         scope.spawn(move || *total.lock() += n);
//!     }
//! });
//! assert_eq!(total.into_inner(), 10);
//! ```

#[cfg(not(any(brigade_loom, brigade_shuttle)))]
mod api;
#[allow(unreachable_pub, reason = "the models reach in")]
mod condition;
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
mod raw;

#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub use api::*;
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub use raw::{InspectMutex, RawFairCondvar, RawFairMutex, ThreadId};

/// What the models explore.
#[cfg(any(brigade_loom, brigade_shuttle))]
#[doc(hidden)]
pub mod internals {
    pub use super::condition::Condition;
}
