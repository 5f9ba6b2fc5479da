//! The names that users write.

use super::policy::PhaseFair;
use super::raw::RawFairRwLock;

/// Protects data that many may read or one may write, in turns that nobody can spoil.
///
/// Blocks: [`read`](lock_api::RwLock::read) while somebody writes or a writer waits,
/// [`write`](lock_api::RwLock::write) while somebody reads, writes or waits. The release of the
/// last holder wakes those who are next, and they own the lock when they wake. Dropping a guard
/// releases its lock, also when a panic drops it; there is no poisoning. `const`
/// [`new`](lock_api::RwLock::new); one word beside the data.
///
/// All methods are those of [`lock_api::RwLock`]: `read`, `write`, `upgradable_read`, each with
/// `try_`, `try_…_for` and `try_…_until` forms, and `map` on the guards. `try_` forms respect the
/// line: they fail while somebody waits whom they would pass.
///
/// # Panics
///
/// `read` and `upgradable_read` if the reader count is at its limit. With the feature
/// `detect-recursion`, the blocking methods without a deadline if this thread holds the lock.
///
/// # Examples
///
/// ```
/// use brigade::rwlock::FairRwLock;
///
/// static LIMITS: FairRwLock<(u32, u32)> = FairRwLock::new((0, 10));
///
/// LIMITS.write().1 = 20;
/// let (low, high) = *LIMITS.read();
/// assert!(low < high);
/// ```
///
/// It cannot be read and written at once, and the compiler knows:
///
/// ```compile_fail,E0505
/// # use brigade::rwlock::FairRwLock;
/// let lock = FairRwLock::new(1);
/// let one = lock.read();
/// drop(lock);
/// println!("{one}");
/// ```
///
/// ```
/// # use brigade::rwlock::FairRwLock;
/// let lock = FairRwLock::new(1);
/// let one = lock.read();
/// println!("{one}");
/// drop(one);
/// drop(lock);
/// ```
#[doc(alias = "RWLockFair")]
#[doc(alias = "shared_mutex")]
#[doc(alias = "ReentrantReadWriteLock")]
pub type FairRwLock<T> = lock_api::RwLock<RawFairRwLock<PhaseFair>, T>;

/// A [`FairRwLock`] with another [`Policy`](super::Policy).
///
/// A name of its own, so that `FairRwLock::new(1)` needs no type annotation.
///
/// # Examples
///
/// ```
/// use brigade::rwlock::{FairRwLockWith, TaskFair};
///
/// let lock: FairRwLockWith<_, TaskFair> = FairRwLockWith::new(1);
/// *lock.write() += 1;
/// assert_eq!(lock.into_inner(), 2);
/// ```
pub type FairRwLockWith<T, P> = lock_api::RwLock<RawFairRwLock<P>, T>;

/// Shared access; released on drop.
pub type FairRwLockReadGuard<'a, T, P = PhaseFair> =
    lock_api::RwLockReadGuard<'a, RawFairRwLock<P>, T>;

/// Exclusive access; released on drop.
///
/// It can turn into a shared or an upgradable guard without letting a writer in between.
///
/// # Examples
///
/// ```
/// use brigade::rwlock::{FairRwLock, FairRwLockWriteGuard};
///
/// let lock = FairRwLock::new(String::new());
/// let mut writing = lock.write();
/// writing.push_str("ready");
/// let reading = FairRwLockWriteGuard::downgrade(writing);
/// assert_eq!(*reading, "ready"); // nobody wrote in between
/// ```
pub type FairRwLockWriteGuard<'a, T, P = PhaseFair> =
    lock_api::RwLockWriteGuard<'a, RawFairRwLock<P>, T>;

/// Shared access with the right to upgrade; at most one at a time.
///
/// `try_upgrade` and its timed forms give the guard back when they fail.
///
/// # Examples
///
/// ```
/// use brigade::rwlock::{FairRwLock, FairRwLockUpgradableReadGuard as Upgradable};
///
/// let lock = FairRwLock::new(1);
/// let mine = lock.upgradable_read();
/// let other = lock.try_read().expect("readers share");
/// let mine = Upgradable::try_upgrade(mine).expect_err("somebody reads");
/// drop(other);
/// *Upgradable::try_upgrade(mine).expect("alone") += 1;
/// assert_eq!(lock.into_inner(), 2);
/// ```
pub type FairRwLockUpgradableReadGuard<'a, T, P = PhaseFair> =
    lock_api::RwLockUpgradableReadGuard<'a, RawFairRwLock<P>, T>;

/// Shared access to a part of the data, made by `FairRwLockReadGuard::map`.
pub type MappedFairRwLockReadGuard<'a, T, P = PhaseFair> =
    lock_api::MappedRwLockReadGuard<'a, RawFairRwLock<P>, T>;

/// Exclusive access to a part of the data, made by `FairRwLockWriteGuard::map`.
pub type MappedFairRwLockWriteGuard<'a, T, P = PhaseFair> =
    lock_api::MappedRwLockWriteGuard<'a, RawFairRwLock<P>, T>;

/// Shared access that keeps the lock alive; from `read_arc`.
#[cfg(feature = "arc_lock")]
#[cfg_attr(docsrs, doc(cfg(feature = "arc_lock")))]
pub type ArcFairRwLockReadGuard<T, P = PhaseFair> =
    lock_api::ArcRwLockReadGuard<RawFairRwLock<P>, T>;

/// Exclusive access that keeps the lock alive; from `write_arc`.
#[cfg(feature = "arc_lock")]
#[cfg_attr(docsrs, doc(cfg(feature = "arc_lock")))]
pub type ArcFairRwLockWriteGuard<T, P = PhaseFair> =
    lock_api::ArcRwLockWriteGuard<RawFairRwLock<P>, T>;

/// Upgradable access that keeps the lock alive; from `upgradable_read_arc`.
#[cfg(feature = "arc_lock")]
#[cfg_attr(docsrs, doc(cfg(feature = "arc_lock")))]
pub type ArcFairRwLockUpgradableReadGuard<T, P = PhaseFair> =
    lock_api::ArcRwLockUpgradableReadGuard<RawFairRwLock<P>, T>;
