//! Several locks at once, in one order for everybody.

use std::panic::Location;

use super::error::LockError;
use super::set::LockSet;
use super::target::{Polled, Read, Upgradable, Write};

/// Takes all locks of a set and waits until it has them.
///
/// The set is a tuple, an array, or a slice (`&locks[..]`) of [`Lockable`](super::Lockable)s: `&mutex`,
/// [`read`]`(&rwlock)`, [`write()`]`(&rwlock)`. Whatever the order in which they are named, they are taken
/// by rank and then by address, which is the same order for every thread; so threads that take all
/// their locks in one call cannot wait for one another in a circle. The guards come back as the locks were
/// named. Tuples and arrays allocate nothing; a slice allocates its guards.
///
/// Plain locks have no rank and come first. A call of its own while locks of an earlier call are still held
/// is a new beginning, and nothing orders the two: rank the locks, then that is checked, too.
///
/// Proof: `tests/model/lock.rs` (opposite orders, ranks that contradict addresses; its mutants drop the
/// sort, and the ranks), and random sets on many threads in `tests/it/lock.rs`.
///
/// # Errors
///
/// [`LockError::Duplicate`] if a lock is named twice, by which positions; reading twice is no exception,
/// for a writer may come in between. [`LockError::WrongOrder`] if the thread holds a lock that is
/// not of lower rank than all of these. Either is found before anything is taken.
///
/// # Examples
///
/// ```
/// use brigade::lock::{lock_all, read};
/// use brigade::mutex::FairMutex;
/// use brigade::rwlock::FairRwLock;
///
/// let (from, to, fee) = (FairMutex::new(100), FairMutex::new(0), FairRwLock::new(1));
///
/// let (mut a, mut b, fee) = lock_all((&from, &to, read(&fee)))?;
/// *a -= 10 + *fee;
/// *b += 10;
/// # Ok::<(), brigade::lock::LockError>(())
/// ```
///
/// All of an array, or as many as there are:
///
/// ```
/// use brigade::lock::lock_all;
/// use brigade::mutex::FairMutex;
///
/// let sticks = [1, 2, 3].map(FairMutex::new);
/// let guards = lock_all(sticks.each_ref())?;
/// assert_eq!(guards.map(|guard| *guard), [1, 2, 3]);
///
/// let some: Vec<_> = sticks.iter().skip(1).collect();
/// let guards = lock_all(&some[..])?;
/// assert_eq!(guards.len(), 2);
/// # Ok::<(), brigade::lock::LockError>(())
/// ```
///
/// Readers and writers in one array or slice are [`Access`](super::Access)es.
///
/// Guards do not outlive their locks:
///
/// ```compile_fail,E0505
/// # use brigade::lock::lock_all;
/// # use brigade::mutex::FairMutex;
/// let (one, two) = (FairMutex::new(1), FairMutex::new(2));
/// let guards = lock_all((&one, &two)).unwrap();
/// drop(one);
/// println!("{}", guards.0);
/// ```
///
/// ```
/// # use brigade::lock::lock_all;
/// # use brigade::mutex::FairMutex;
/// let (one, two) = (FairMutex::new(1), FairMutex::new(2));
/// let guards = lock_all((&one, &two)).unwrap();
/// println!("{}", guards.0);
/// drop(guards);
/// drop(one);
/// ```
#[doc(alias = "std::lock")]
#[doc(alias = "scoped_lock")]
#[inline]
#[track_caller]
pub fn lock_all<S: LockSet>(set: S) -> Result<S::Guards, LockError> {
    let place = Location::caller();
    set.check(place)?;
    Ok(set.take_all(set.order()?, place))
}

/// Means shared access to an RW lock, in [`lock_all`] and [`Attempt`](super::Attempt).
///
/// # Examples
///
/// ```
/// use brigade::lock::{lock_all, read, write};
/// use brigade::rwlock::FairRwLock;
///
/// let (old, new) = (FairRwLock::new(vec![1]), FairRwLock::new(0));
/// let (old, mut new) = lock_all((read(&old), write(&new)))?;
/// *new = old.len();
/// # Ok::<(), brigade::lock::LockError>(())
/// ```
#[must_use]
pub const fn read<L: ?Sized>(lock: &L) -> Read<'_, L> {
    Read(lock)
}

/// Means exclusive access to an RW lock, in [`lock_all`] and [`Attempt`](super::Attempt).
///
/// See [`read`] for an example.
#[must_use]
pub const fn write<L: ?Sized>(lock: &L) -> Write<'_, L> {
    Write(lock)
}

/// Means shared access that can be upgraded, in [`lock_all`] and [`Attempt`](super::Attempt).
///
/// # Examples
///
/// ```
/// use brigade::lock::{lock_all, upgradable};
/// use brigade::mutex::FairMutex;
/// use brigade::rwlock::{FairRwLock, FairRwLockUpgradableReadGuard};
///
/// let (cache, hits) = (FairRwLock::new(vec![1]), FairMutex::new(0));
/// let (cache, mut hits) = lock_all((upgradable(&cache), &hits))?;
/// if cache.contains(&2) {
///     *hits += 1;
/// } else {
///     FairRwLockUpgradableReadGuard::upgrade(cache).push(2);
/// }
/// # Ok::<(), brigade::lock::LockError>(())
/// ```
#[must_use]
pub const fn upgradable<L: ?Sized>(lock: &L) -> Upgradable<'_, L> {
    Upgradable(lock)
}

/// Lets an [`Attempt`](super::Attempt) take a lock that has no timed methods, by trying again and again.
///
/// # Examples
///
/// ```
/// use brigade::lock::{Attempt, polled};
/// use brigade::mutex::FairMutex; // it has timed methods; take a lock without
/// use std::time::Duration;
///
/// let lock = FairMutex::new(1);
/// let guard = Attempt::within(Duration::from_millis(1)).lock(polled(&lock))?;
/// assert_eq!(*guard, 1);
/// # Ok::<(), brigade::lock::LockError>(())
/// ```
#[must_use]
pub const fn polled<L>(lock: L) -> Polled<L> {
    Polled(lock)
}
