//! The names that users write.

use super::raw::{RawFairCondvar, RawFairMutex, ThreadId};
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
/// It may be [`Ranked`](crate::lock::Ranked): who has it has it again in whatever order.
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

/// Lets threads that hold a [`FairMutex`] wait until another one notifies them, in order.
///
/// [`wait`](lock_api::Condvar::wait) releases the mutex, sleeps, and takes the mutex again, at the
/// end of its line. [`notify_one`](lock_api::Condvar::notify_one) wakes the thread that has waited
/// longest, [`notify_all`](lock_api::Condvar::notify_all) all of them. There are no spurious
/// wake-ups, but a woken thread may find that another one has changed the data first: wait in a
/// loop, or with [`wait_while`](lock_api::Condvar::wait_while), which is one. Notifying without
/// holding the mutex is allowed; changing the data without holding it is not possible.
///
/// # Examples
///
/// ```
/// use brigade::mutex::{FairCondvar, FairMutex};
/// use std::thread;
///
/// let (basket, filled) = (FairMutex::new(Vec::new()), FairCondvar::new());
/// thread::scope(|scope| {
///     scope.spawn(|| {
///         let mut basket = basket.lock();
///         filled.wait_while(&mut basket, |basket| basket.is_empty());
///         assert_eq!(basket.pop(), Some("apple"));
///     });
///     basket.lock().push("apple");
///     filled.notify_one();
/// });
/// ```
#[doc(alias = "threading.Condition")]
pub type FairCondvar = lock_api::Condvar<RawFairCondvar>;
