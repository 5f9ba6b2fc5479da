//! Locks with a rank: out of order is an error, before it is a deadlock.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::time::{Duration, Instant};

use lock_api::{
    Mutex, MutexGuard, RawMutex, RawMutexTimed, RawRwLock, RawRwLockTimed, RawRwLockUpgrade,
    RawRwLockUpgradeTimed, RwLock, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard,
};

use super::error::{LockName, WrongOrder};
use super::reentrant::Own;
use super::table::{Holding, Rank, check_again, is_in_order};

type Place = &'static Location<'static>;

/// A lock that knows its place in an order, and refuses to be taken out of it.
///
/// `L` is any mutex, reentrant mutex or RW lock of [`lock_api`]: [`FairMutex`](crate::mutex::FairMutex),
/// [`FairReentrantMutex`](crate::mutex::FairReentrantMutex),
/// [`FairRwLock`](crate::rwlock::FairRwLock), `parking_lot`'s. `R` is a rank that
/// [`lock_ranks!`](super::lock_ranks) declared. The methods are those of the lock. Before one of them
/// waits it looks at what this thread holds; if that is not all of lower rank, it panics, in release builds
/// too, and says both locks, both ranks, both places in the source, and the declared order. A
/// program that nests its locks in a wrong order thus fails the first time it does so, in one thread,
/// instead of hanging on the day when two threads meet.
///
/// | | wrong order | |
/// |---|---|---|
/// | [`lock`](Self::lock), [`read`](Self::read), [`write`](Self::write), [`upgradable_read`](Self::upgradable_read) | panics | waits |
/// | `checked_lock` and so on | [`WrongOrder`] | waits |
/// | `try_lock_for`, `try_lock_until` and so on | panics | waits that long |
/// | `try_lock` and so on | is allowed | never waits |
///
/// What is tried for without waiting cannot be part of a deadlock, so any order is good; but it counts as
/// held afterwards. Neither does a thread wait that locks a reentrant mutex again: that is in order
/// whatever it holds. Two locks of one rank are only taken together, by [`lock_all`](super::lock_all).
/// Guards may be dropped in any order and stay on their thread. A guard that is forgotten
/// (`mem::forget`) holds its lock, and therefore its rank, as long as its thread lives.
///
/// **Cost**: a load and a test before, four stores after; less than a nanosecond a pair of lock and unlock
/// (`lock/rank` on the scoreboard, `benches/lock.rs`). **Proof**: `tests/model/lock.rs` takes ranked locks in
/// every order that passes the check, and its mutants show what happens without.
///
/// # Examples
///
/// ```
/// use brigade::lock::{Ranked, lock_ranks, read};
/// use brigade::mutex::FairMutex;
/// use brigade::rwlock::FairRwLock;
///
/// lock_ranks! { CONFIG < ACCOUNTS < JOURNAL }
///
/// static FEE: Ranked<FairRwLock<u32>, CONFIG> = Ranked::named("fee", CONFIG, FairRwLock::new(1));
/// let account = Ranked::new(ACCOUNTS, FairMutex::new(100));
/// let journal = Ranked::new(JOURNAL, FairMutex::new(vec![]));
///
/// let fee = FEE.read();
/// *account.lock() -= *fee;
/// journal.lock().push("paid"); // ACCOUNTS is free again; it would be in order anyway
/// drop(fee);
///
/// let writing = journal.lock();
/// assert!(account.checked_lock().is_err()); // `account.lock()` would panic
/// # drop(writing);
/// ```
///
/// Guards do not leave their thread:
///
/// ```compile_fail,E0277
/// # use brigade::lock::{Ranked, lock_ranks};
/// # use brigade::mutex::FairMutex;
/// # lock_ranks! { ONLY }
/// let lock = Ranked::new(ONLY, FairMutex::new(1));
/// let guard = lock.lock();
/// std::thread::scope(|s| { s.spawn(move || drop(guard)); });
/// ```
///
/// ```
/// # use brigade::lock::{Ranked, lock_ranks};
/// # use brigade::mutex::FairMutex;
/// # lock_ranks! { ONLY }
/// let lock = Ranked::new(ONLY, FairMutex::new(1));
/// let guard = lock.lock();
/// std::thread::scope(|s| { s.spawn(|| assert_eq!(*guard, 1)); });
/// ```
#[doc(alias = "lockdep")]
#[doc(alias = "lock_hierarchy")]
#[doc(alias = "hierarchical_mutex")]
pub struct Ranked<L: ?Sized, R> {
    name: LockName,
    rank: PhantomData<R>,
    lock: L,
}

impl<L, R: Rank> Ranked<L, R> {
    /// Gives a lock a rank. Messages call it by the place of this call.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::lock::{Ranked, lock_ranks};
    /// use brigade::mutex::FairMutex;
    ///
    /// lock_ranks! { ACCOUNTS }
    ///
    /// let account = Ranked::new(ACCOUNTS, FairMutex::new(100));
    /// assert_eq!(*account.lock(), 100);
    /// ```
    #[must_use]
    #[track_caller]
    pub const fn new(rank: R, lock: L) -> Self {
        let _ = rank;
        Self { name: LockName::MadeAt(Location::caller()), rank: PhantomData, lock }
    }

    /// The same, and messages call it by `name`.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::lock::{Ranked, lock_ranks};
    /// use brigade::mutex::FairMutex;
    ///
    /// lock_ranks! { pub JOURNAL }
    ///
    /// static LINES: Ranked<FairMutex<Vec<u8>>, JOURNAL> =
    ///     Ranked::named("lines", JOURNAL, FairMutex::new(Vec::new()));
    /// LINES.lock().push(1);
    /// ```
    #[must_use]
    pub const fn named(name: &'static str, rank: R, lock: L) -> Self {
        let _ = rank;
        Self { name: LockName::Given(name), rank: PhantomData, lock }
    }

    /// Takes the lock out.
    pub fn into_inner(self) -> L {
        self.lock
    }
}

impl<L: ?Sized, R: Rank> Ranked<L, R> {
    /// Gives access to the lock itself; nobody else can be using it.
    pub fn get_mut(&mut self) -> &mut L {
        &mut self.lock
    }

    /// Gives the lock itself, to look at it. What is taken through it is neither checked nor counted as
    /// held.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::lock::{Ranked, lock_ranks};
    /// use brigade::mutex::{FairMutex, InspectMutex};
    ///
    /// lock_ranks! { ACCOUNTS }
    ///
    /// let account = Ranked::new(ACCOUNTS, FairMutex::new(100));
    /// assert_eq!(account.unranked().waiting(), 0);
    /// ```
    pub const fn unranked(&self) -> &L {
        &self.lock
    }

    /// Whether it may be waited for now.
    #[inline]
    pub(super) fn check(&self, place: Place) -> Result<(), WrongOrder>
    where
        L: Own,
    {
        if is_in_order::<R>() || self.lock.is_own() {
            return Ok(());
        }
        check_again::<R>(&self.name, place, None)
    }

    #[inline]
    #[track_caller]
    pub(super) fn demand(&self) -> Place
    where
        L: Own,
    {
        let place = Location::caller();
        if !is_in_order::<R>() && !self.lock.is_own() {
            insist(check_again::<R>(&self.name, place, None));
        }
        place
    }

    #[inline]
    pub(super) fn held<G>(&self, guard: G, place: Place) -> RankedGuard<G, R> {
        RankedGuard { guard, holding: Holding::record(self.name, place) }
    }

    #[inline]
    pub(super) fn tried<G>(&self, guard: Option<G>, place: Place) -> Option<RankedGuard<G, R>> {
        let guard = guard?;
        Some(RankedGuard { guard, holding: Holding::record_tried(self.name, place) })
    }
}

#[cold]
#[track_caller]
fn insist(checked: Result<(), WrongOrder>) {
    if let Err(wrong) = checked {
        panic!("{wrong}");
    }
}

impl<Raw: RawMutex, T: ?Sized, R: Rank> Ranked<Mutex<Raw, T>, R> {
    /// Takes the lock and waits until it has it.
    ///
    /// # Panics
    ///
    /// If the thread holds a lock that is not of lower rank. Nothing has been taken then.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> RankedGuard<MutexGuard<'_, Raw, T>, R> {
        let place = self.demand();
        self.held(self.lock.lock(), place)
    }

    /// Takes the lock and waits until it has it, unless that would be out of order.
    ///
    /// # Errors
    ///
    /// [`WrongOrder`] if the thread holds a lock that is not of lower rank.
    #[inline]
    #[track_caller]
    pub fn checked_lock(&self) -> Result<RankedGuard<MutexGuard<'_, Raw, T>, R>, WrongOrder> {
        let place = Location::caller();
        self.check(place)?;
        Ok(self.held(self.lock.lock(), place))
    }

    /// Takes the lock if it is free, in any order, and never waits.
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<RankedGuard<MutexGuard<'_, Raw, T>, R>> {
        self.tried(self.lock.try_lock(), Location::caller())
    }
}

impl<Raw, T: ?Sized, R: Rank> Ranked<Mutex<Raw, T>, R>
where
    Raw: RawMutexTimed<Duration = Duration, Instant = Instant>,
{
    /// Takes the lock and waits at most `timeout` for it.
    ///
    /// # Panics
    ///
    /// As [`lock`](Self::lock): it waits, and who waits has to be in order.
    #[inline]
    #[track_caller]
    pub fn try_lock_for(
        &self,
        timeout: Duration,
    ) -> Option<RankedGuard<MutexGuard<'_, Raw, T>, R>> {
        let place = self.demand();
        self.tried(self.lock.try_lock_for(timeout), place)
    }

    /// Takes the lock and waits for it until `deadline`.
    ///
    /// # Panics
    ///
    /// As [`lock`](Self::lock).
    #[inline]
    #[track_caller]
    pub fn try_lock_until(
        &self,
        deadline: Instant,
    ) -> Option<RankedGuard<MutexGuard<'_, Raw, T>, R>> {
        let place = self.demand();
        self.tried(self.lock.try_lock_until(deadline), place)
    }
}

impl<Raw: RawRwLock, T: ?Sized, R: Rank> Ranked<RwLock<Raw, T>, R> {
    /// Takes shared access and waits until it has it.
    ///
    /// # Panics
    ///
    /// If the thread holds a lock that is not of lower rank: also if it reads this one already, for a
    /// writer may have come in between, and both would wait for ever.
    #[inline]
    #[track_caller]
    pub fn read(&self) -> RankedGuard<RwLockReadGuard<'_, Raw, T>, R> {
        let place = self.demand();
        self.held(self.lock.read(), place)
    }

    /// Takes shared access and waits until it has it, unless that would be out of order.
    ///
    /// # Errors
    ///
    /// [`WrongOrder`] if the thread holds a lock that is not of lower rank.
    #[inline]
    #[track_caller]
    pub fn checked_read(&self) -> Result<RankedGuard<RwLockReadGuard<'_, Raw, T>, R>, WrongOrder> {
        let place = Location::caller();
        self.check(place)?;
        Ok(self.held(self.lock.read(), place))
    }

    /// Takes shared access if it is to be had, in any order, and never waits.
    #[inline]
    #[track_caller]
    pub fn try_read(&self) -> Option<RankedGuard<RwLockReadGuard<'_, Raw, T>, R>> {
        self.tried(self.lock.try_read(), Location::caller())
    }

    /// Takes exclusive access and waits until it has it.
    ///
    /// # Panics
    ///
    /// If the thread holds a lock that is not of lower rank.
    #[inline]
    #[track_caller]
    pub fn write(&self) -> RankedGuard<RwLockWriteGuard<'_, Raw, T>, R> {
        let place = self.demand();
        self.held(self.lock.write(), place)
    }

    /// Takes exclusive access and waits until it has it, unless that would be out of order.
    ///
    /// # Errors
    ///
    /// [`WrongOrder`] if the thread holds a lock that is not of lower rank.
    #[inline]
    #[track_caller]
    pub fn checked_write(
        &self,
    ) -> Result<RankedGuard<RwLockWriteGuard<'_, Raw, T>, R>, WrongOrder> {
        let place = Location::caller();
        self.check(place)?;
        Ok(self.held(self.lock.write(), place))
    }

    /// Takes exclusive access if it is to be had, in any order, and never waits.
    #[inline]
    #[track_caller]
    pub fn try_write(&self) -> Option<RankedGuard<RwLockWriteGuard<'_, Raw, T>, R>> {
        self.tried(self.lock.try_write(), Location::caller())
    }
}

impl<Raw, T: ?Sized, R: Rank> Ranked<RwLock<Raw, T>, R>
where
    Raw: RawRwLockTimed<Duration = Duration, Instant = Instant>,
{
    /// Takes shared access and waits at most `timeout` for it.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[inline]
    #[track_caller]
    pub fn try_read_for(
        &self,
        timeout: Duration,
    ) -> Option<RankedGuard<RwLockReadGuard<'_, Raw, T>, R>> {
        let place = self.demand();
        self.tried(self.lock.try_read_for(timeout), place)
    }

    /// Takes shared access and waits for it until `deadline`.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[inline]
    #[track_caller]
    pub fn try_read_until(
        &self,
        deadline: Instant,
    ) -> Option<RankedGuard<RwLockReadGuard<'_, Raw, T>, R>> {
        let place = self.demand();
        self.tried(self.lock.try_read_until(deadline), place)
    }

    /// Takes exclusive access and waits at most `timeout` for it.
    ///
    /// # Panics
    ///
    /// As [`write`](Self::write).
    #[inline]
    #[track_caller]
    pub fn try_write_for(
        &self,
        timeout: Duration,
    ) -> Option<RankedGuard<RwLockWriteGuard<'_, Raw, T>, R>> {
        let place = self.demand();
        self.tried(self.lock.try_write_for(timeout), place)
    }

    /// Takes exclusive access and waits for it until `deadline`.
    ///
    /// # Panics
    ///
    /// As [`write`](Self::write).
    #[inline]
    #[track_caller]
    pub fn try_write_until(
        &self,
        deadline: Instant,
    ) -> Option<RankedGuard<RwLockWriteGuard<'_, Raw, T>, R>> {
        let place = self.demand();
        self.tried(self.lock.try_write_until(deadline), place)
    }
}

impl<Raw: RawRwLockUpgrade, T: ?Sized, R: Rank> Ranked<RwLock<Raw, T>, R> {
    /// Takes shared access that can be upgraded, and waits until it has it.
    ///
    /// [`RankedGuard::upgrade`] makes exclusive access of it.
    ///
    /// # Panics
    ///
    /// If the thread holds a lock that is not of lower rank.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::lock::{Ranked, RankedGuard, lock_ranks};
    /// use brigade::rwlock::FairRwLock;
    ///
    /// lock_ranks! { CACHE }
    ///
    /// let cache = Ranked::new(CACHE, FairRwLock::new(vec![1]));
    /// let reading = cache.upgradable_read();
    /// if !reading.contains(&2) {
    ///     RankedGuard::upgrade(reading).push(2);
    /// }
    /// assert_eq!(*cache.read(), [1, 2]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn upgradable_read(&self) -> RankedGuard<RwLockUpgradableReadGuard<'_, Raw, T>, R> {
        let place = self.demand();
        self.held(self.lock.upgradable_read(), place)
    }

    /// The same, unless it would be out of order.
    ///
    /// # Errors
    ///
    /// [`WrongOrder`] if the thread holds a lock that is not of lower rank.
    #[inline]
    #[track_caller]
    pub fn checked_upgradable_read(
        &self,
    ) -> Result<RankedGuard<RwLockUpgradableReadGuard<'_, Raw, T>, R>, WrongOrder> {
        let place = Location::caller();
        self.check(place)?;
        Ok(self.held(self.lock.upgradable_read(), place))
    }

    /// The same if it is to be had, in any order, and never waits.
    #[inline]
    #[track_caller]
    pub fn try_upgradable_read(
        &self,
    ) -> Option<RankedGuard<RwLockUpgradableReadGuard<'_, Raw, T>, R>> {
        self.tried(self.lock.try_upgradable_read(), Location::caller())
    }
}

impl<Raw, T: ?Sized, R: Rank> Ranked<RwLock<Raw, T>, R>
where
    Raw: RawRwLockUpgradeTimed<Duration = Duration, Instant = Instant>,
{
    /// Takes shared access that can be upgraded, and waits at most `timeout` for it.
    ///
    /// # Panics
    ///
    /// As [`upgradable_read`](Self::upgradable_read).
    #[inline]
    #[track_caller]
    pub fn try_upgradable_read_for(
        &self,
        timeout: Duration,
    ) -> Option<RankedGuard<RwLockUpgradableReadGuard<'_, Raw, T>, R>> {
        let place = self.demand();
        self.tried(self.lock.try_upgradable_read_for(timeout), place)
    }

    /// Takes shared access that can be upgraded, and waits for it until `deadline`.
    ///
    /// # Panics
    ///
    /// As [`upgradable_read`](Self::upgradable_read).
    #[inline]
    #[track_caller]
    pub fn try_upgradable_read_until(
        &self,
        deadline: Instant,
    ) -> Option<RankedGuard<RwLockUpgradableReadGuard<'_, Raw, T>, R>> {
        let place = self.demand();
        self.tried(self.lock.try_upgradable_read_until(deadline), place)
    }
}

impl<L: ?Sized + fmt::Debug, R: Rank> fmt::Debug for Ranked<L, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rank = R::table().names[R::INDEX as usize];
        f.debug_struct("Ranked")
            .field("name", &format_args!("{}", self.name))
            .field("rank", &format_args!("{rank}"))
            .field("lock", &&self.lock)
            .finish()
    }
}

/// Access to what a [`Ranked`] lock protects: the lock's own guard, and the record that it is held.
///
/// It derefs to the data. Dropping it unlocks, also in a panic.
#[must_use = "the lock is released the moment the guard is dropped"]
#[clippy::has_significant_drop]
pub struct RankedGuard<G, R: Rank> {
    // In this order: what is recorded is held.
    guard: G,
    holding: Holding<R>,
}

impl<G, R: Rank> RankedGuard<G, R> {
    /// Turns the lock's own guard into another one of the same lock: downgrades, tries to upgrade, maps to
    /// a part of the data.
    ///
    /// `turn` must not wait: nobody checks its order. To wait for an upgrade there is
    /// [`upgrade`](RankedGuard::upgrade). If `turn` panics the lock is released.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::lock::{Ranked, RankedGuard, lock_ranks};
    /// use brigade::mutex::{FairMutex, FairMutexGuard};
    ///
    /// lock_ranks! { PAIR }
    ///
    /// let pair = Ranked::new(PAIR, FairMutex::new((1, "one")));
    /// let mut number = RankedGuard::map(pair.lock(), |guard| FairMutexGuard::map(guard, |p| &mut p.0));
    /// *number = 2;
    /// ```
    #[inline]
    pub fn map<H>(this: Self, turn: impl FnOnce(G) -> H) -> RankedGuard<H, R> {
        let Self { guard, holding } = this;
        RankedGuard { guard: turn(guard), holding }
    }

    /// Gives the lock's own guard, for a condition variable to wait with.
    ///
    /// Waiting releases the lock and takes it again. That is in order only if nothing else is held that is
    /// not of lower rank, so this checks it.
    ///
    /// # Panics
    ///
    /// If the thread holds another lock that is not of lower rank.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::lock::{Ranked, RankedGuard, lock_ranks};
    /// use brigade::mutex::{FairCondvar, FairMutex};
    ///
    /// lock_ranks! { QUEUE }
    ///
    /// let (queue, filled) = (Ranked::new(QUEUE, FairMutex::new(vec![])), FairCondvar::new());
    /// std::thread::scope(|s| {
    ///     s.spawn(|| {
    ///         queue.lock().push(1);
    ///         filled.notify_one();
    ///     });
    ///     let mut queue = queue.lock();
    ///     filled.wait_while(RankedGuard::own(&mut queue), |queue| queue.is_empty());
    ///     assert_eq!(queue.pop(), Some(1));
    /// });
    /// ```
    #[track_caller]
    pub fn own(this: &mut Self) -> &mut G {
        insist(this.holding.check_again(Location::caller()));
        &mut this.guard
    }
}

impl<'a, Raw: RawRwLockUpgrade, T: ?Sized, R: Rank>
    RankedGuard<RwLockUpgradableReadGuard<'a, Raw, T>, R>
{
    /// Makes exclusive access of shared access, and waits until the other readers have left.
    ///
    /// A reader that has to leave may itself wait, in order, for a lock of higher rank, or share
    /// this one's rank. So this is in order only if nothing else is held that is not of lower rank.
    ///
    /// # Panics
    ///
    /// If the thread holds another lock that is not of lower rank. The shared access is released.
    ///
    /// # Examples
    ///
    /// See [`Ranked::upgradable_read`].
    #[track_caller]
    pub fn upgrade(this: Self) -> RankedGuard<RwLockWriteGuard<'a, Raw, T>, R> {
        match Self::checked_upgrade(this) {
            Ok(writing) => writing,
            Err((this, wrong)) => {
                drop(this);
                panic!("{wrong}")
            }
        }
    }

    /// The same, unless it would be out of order.
    ///
    /// # Errors
    ///
    /// [`WrongOrder`] if the thread holds another lock that is not of lower rank, with the shared access.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::lock::{Ranked, RankedGuard, lock_ranks};
    /// use brigade::mutex::FairMutex;
    /// use brigade::rwlock::FairRwLock;
    ///
    /// lock_ranks! { CACHE < LOG }
    ///
    /// let cache = Ranked::named("cache", CACHE, FairRwLock::new(1));
    /// let log = Ranked::named("log", LOG, FairMutex::new(()));
    /// let (reading, logging) = (cache.upgradable_read(), log.lock());
    /// let (reading, wrong) = RankedGuard::checked_upgrade(reading).unwrap_err();
    /// assert!(wrong.to_string().contains("took `log` (rank LOG)"));
    /// drop(logging);
    /// *RankedGuard::upgrade(reading) += 1;
    /// ```
    #[track_caller]
    #[allow(clippy::type_complexity, reason = "what comes back is what went in")]
    pub fn checked_upgrade(
        this: Self,
    ) -> Result<RankedGuard<RwLockWriteGuard<'a, Raw, T>, R>, (Self, WrongOrder)> {
        match this.holding.check_again(Location::caller()) {
            Ok(()) => Ok(Self::map(this, RwLockUpgradableReadGuard::upgrade)),
            Err(wrong) => Err((this, wrong)),
        }
    }
}

impl<G: Deref, R: Rank> Deref for RankedGuard<G, R> {
    type Target = G::Target;

    #[inline]
    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut, R: Rank> DerefMut for RankedGuard<G, R> {
    #[inline]
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

impl<G: fmt::Debug, R: Rank> fmt::Debug for RankedGuard<G, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.guard.fmt(f)
    }
}

impl<G: fmt::Display, R: Rank> fmt::Display for RankedGuard<G, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.guard.fmt(f)
    }
}
