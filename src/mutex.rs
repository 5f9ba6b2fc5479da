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
//! Handing over to a sleeping thread costs a context switch in which nobody works. If two threads
//! do nothing but lock for 100 ns, that is most of the time. [`Bypass`](crate::rwlock::Bypass)
//! bounds the unfairness instead of forbidding it.
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

mod raw;

pub use raw::{InspectMutex, RawFairMutex, ThreadId};

use crate::rwlock::TaskFair;

/// Lets one thread at a time at its data, in the order of arrival.
///
/// [`lock`](lock_api::Mutex::lock) blocks while somebody holds the lock or waits for it; the
/// unlocking thread passes the lock to the head of the line. Dropping the guard unlocks, also in a
/// panic; there is no poisoning. A thread that locks what it holds waits for ever.
///
/// # Examples
///
/// ```
/// use brigade::mutex::FairMutex;
/// use std::time::Duration;
///
/// static QUEUE: FairMutex<Vec<u32>> = FairMutex::new(Vec::new());
///
/// let mut queue = QUEUE.lock();
/// queue.push(1);
/// assert!(QUEUE.try_lock().is_none());
/// assert!(QUEUE.try_lock_for(Duration::ZERO).is_none());
/// ```
#[doc(alias = "threading.Lock")]
pub type FairMutex<T> = lock_api::Mutex<RawFairMutex<TaskFair>, T>;

/// A [`FairMutex`] with another [`Policy`](crate::rwlock::Policy).
///
/// # Examples
///
/// ```
/// use brigade::mutex::FairMutexWith;
/// use brigade::rwlock::Bypass;
///
/// let hits: FairMutexWith<u64, Bypass<32>> = FairMutexWith::new(0);
/// *hits.lock() += 1;
/// ```
pub type FairMutexWith<T, P> = lock_api::Mutex<RawFairMutex<P>, T>;

/// Exclusive access; released on drop.
pub type FairMutexGuard<'a, T, P = TaskFair> = lock_api::MutexGuard<'a, RawFairMutex<P>, T>;

/// Exclusive access to a part of the data, made by `FairMutexGuard::map`.
pub type MappedFairMutexGuard<'a, T, P = TaskFair> =
    lock_api::MappedMutexGuard<'a, RawFairMutex<P>, T>;

/// Lets one thread at a time in, as often as that thread asks.
///
/// The first [`lock`](lock_api::ReentrantMutex::lock) of a thread waits its turn; further ones
/// succeed at once. The lock is free when as many guards have been dropped as were taken. Guards
/// give shared access only, for there can be several: put a `Cell` or `RefCell` inside to mutate.
///
/// # Panics
///
/// If one thread holds it `usize::MAX` times.
///
/// # Examples
///
/// ```
/// use brigade::mutex::FairReentrantMutex;
/// use std::cell::Cell;
///
/// let depth = FairReentrantMutex::new(Cell::new(0));
///
/// fn descend(depth: &FairReentrantMutex<Cell<u32>>, left: u32) {
///     let mine = depth.lock();
///     mine.set(mine.get() + 1);
///     if left > 0 {
///         descend(depth, left - 1);
///     }
/// }
/// descend(&depth, 4);
/// assert_eq!(depth.lock().get(), 5);
/// ```
#[doc(alias = "threading.RLock")]
#[doc(alias = "recursive_mutex")]
pub type FairReentrantMutex<T> = lock_api::ReentrantMutex<RawFairMutex<TaskFair>, ThreadId, T>;

/// One of the accesses that a thread has; the last one to be dropped releases the lock.
pub type FairReentrantMutexGuard<'a, T> =
    lock_api::ReentrantMutexGuard<'a, RawFairMutex<TaskFair>, ThreadId, T>;

/// Access to a part of the data, made by `FairReentrantMutexGuard::map`.
pub type MappedFairReentrantMutexGuard<'a, T> =
    lock_api::MappedReentrantMutexGuard<'a, RawFairMutex<TaskFair>, ThreadId, T>;

/// Exclusive access that keeps the mutex alive; from `lock_arc`.
#[cfg(feature = "arc_lock")]
#[cfg_attr(docsrs, doc(cfg(feature = "arc_lock")))]
pub type ArcFairMutexGuard<T, P = TaskFair> = lock_api::ArcMutexGuard<RawFairMutex<P>, T>;
