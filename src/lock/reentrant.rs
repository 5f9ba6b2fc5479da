//! Ranked locks that a thread may take again.

use std::panic::Location;
use std::time::{Duration, Instant};

use lock_api::{
    GetThreadId, Mutex, RawMutex, RawMutexTimed, ReentrantMutex, ReentrantMutexGuard, RwLock,
};

use super::error::WrongOrder;
use super::ranked::{Ranked, RankedGuard};
use super::table::Rank;
use crate::sync::{Mutant, mutant};

/// A lock that is asked, before it is waited for, whether there will be nothing to wait for.
pub(super) trait Own {
    /// Whether this thread has it already, and may have it again.
    fn is_own(&self) -> bool;
}

impl<Raw, T: ?Sized> Own for Mutex<Raw, T> {
    #[inline]
    fn is_own(&self) -> bool {
        false
    }
}

impl<Raw, T: ?Sized> Own for RwLock<Raw, T> {
    #[inline]
    fn is_own(&self) -> bool {
        false
    }
}

impl<Raw: RawMutex, G: GetThreadId, T: ?Sized> Own for ReentrantMutex<Raw, G, T> {
    #[inline]
    fn is_own(&self) -> bool {
        self.is_owned_by_current_thread() || mutant(Mutant::LockReentryByRank)
    }
}

/// What it gives.
type Guard<'a, Raw, G, T, R> = RankedGuard<ReentrantMutexGuard<'a, Raw, G, T>, R>;

impl<Raw: RawMutex, G: GetThreadId, T: ?Sized, R: Rank> Ranked<ReentrantMutex<Raw, G, T>, R> {
    /// Takes the lock and waits until it has it.
    ///
    /// Who has it gets it again at once, whatever else it holds by now.
    ///
    /// # Panics
    ///
    /// If the thread holds another lock that is not of lower rank, and does not have this one. Nothing has
    /// been taken then.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cell::Cell;
    ///
    /// use brigade::lock::{Ranked, lock_ranks};
    /// use brigade::mutex::{FairMutex, FairReentrantMutex};
    ///
    /// lock_ranks! { PENCIL < LIST }
    ///
    /// let pencil = Ranked::new(PENCIL, FairReentrantMutex::new(Cell::new(0)));
    /// let list = Ranked::new(LIST, FairMutex::new(vec![]));
    ///
    /// let writing = pencil.lock();
    /// list.lock().push("garlic");
    /// let mut items = list.lock();
    /// let again = pencil.lock(); // it has it already: no order is to be kept
    /// items.push("potatoes");
    /// again.set(again.get() + 1);
    /// assert_eq!(writing.get(), 1);
    /// drop((writing, again));
    /// assert!(pencil.checked_lock().is_err()); // now it would have to wait for it
    /// # drop(items);
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> Guard<'_, Raw, G, T, R> {
        let place = self.demand();
        self.held(self.unranked().lock(), place)
    }

    /// Takes the lock and waits until it has it, unless that would be out of order.
    ///
    /// # Errors
    ///
    /// [`WrongOrder`] if the thread holds another lock that is not of lower rank, and does not have this
    /// one.
    #[inline]
    #[track_caller]
    pub fn checked_lock(&self) -> Result<Guard<'_, Raw, G, T, R>, WrongOrder> {
        let place = Location::caller();
        self.check(place)?;
        Ok(self.held(self.unranked().lock(), place))
    }

    /// Takes the lock if nobody else has it, in any order, and never waits.
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<Guard<'_, Raw, G, T, R>> {
        self.tried(self.unranked().try_lock(), Location::caller())
    }
}

impl<Raw, G: GetThreadId, T: ?Sized, R: Rank> Ranked<ReentrantMutex<Raw, G, T>, R>
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
    pub fn try_lock_for(&self, timeout: Duration) -> Option<Guard<'_, Raw, G, T, R>> {
        let place = self.demand();
        self.tried(self.unranked().try_lock_for(timeout), place)
    }

    /// Takes the lock and waits for it until `deadline`.
    ///
    /// # Panics
    ///
    /// As [`lock`](Self::lock).
    #[inline]
    #[track_caller]
    pub fn try_lock_until(&self, deadline: Instant) -> Option<Guard<'_, Raw, G, T, R>> {
        let place = self.demand();
        self.tried(self.unranked().try_lock_until(deadline), place)
    }
}
