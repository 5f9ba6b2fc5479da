//! One lock and how to take it.

use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use lock_api::{
    GetThreadId, Mutex, MutexGuard, RawMutex, RawMutexTimed, RawRwLock, RawRwLockTimed,
    RawRwLockUpgrade, RawRwLockUpgradeTimed, ReentrantMutex, ReentrantMutexGuard, RwLock,
    RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard,
};

use super::error::WrongOrder;
use super::pace::Pace;
use super::ranked::{Ranked, RankedGuard};
use super::table::Rank;
use crate::sync::{Mutant, mutant};

type Place = &'static Location<'static>;

/// Where a lock stands among all locks: by rank and then by address.
///
/// An address is a lock's identity only together with its size: a lock without size may share its address
/// with anything, and the first part of a lock lies where the lock lies.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// That of its rank, or zero.
    class: usize,
    address: usize,
    size: usize,
}

impl Identity {
    #[inline]
    fn plain<L: ?Sized>(lock: &L) -> Self {
        Self { class: 0, address: std::ptr::from_ref(lock).addr(), size: size_of_val(lock) }
    }

    #[inline]
    fn ranked<L: ?Sized, R: Rank>(lock: &Ranked<L, R>) -> Self {
        Self { class: R::class(), ..Self::plain(lock.unranked()) }
    }

    /// Whether both are one lock. Locks of no size and one address are, for they have no state of their
    /// own to tell them apart.
    #[inline]
    pub(super) fn is(&self, other: &Self) -> bool {
        self.address == other.address && self.size == other.size
    }

    /// Whether it is taken before another lock; the same for everybody.
    #[inline]
    pub(super) fn precedes(&self, other: &Self) -> bool {
        if mutant(Mutant::LockAllUnsorted) {
            return true;
        }
        self.key() < other.key() || (self.key() == other.key() && self.size < other.size)
    }

    /// One number, for one comparison.
    #[inline]
    fn key(&self) -> u128 {
        let class = if mutant(Mutant::LockAllByAddress) { 0 } else { self.class };
        (class as u128) << 64 | self.address as u128
    }
}

/// What [`lock_all`](super::lock_all) and [`Attempt`](super::Attempt) can take: a lock and the kind of
/// access.
///
/// | Written | Access |
/// |---|---|
/// | `&mutex`, also a reentrant one | exclusive |
/// | [`read`](super::read)`(&rwlock)` | shared |
/// | [`write`](super::write())`(&rwlock)` | exclusive |
/// | [`upgradable`](super::upgradable)`(&rwlock)` | shared, to be upgraded |
/// | [`Access::Read`](super::Access::Read)`(&rwlock)`, [`Access::Write`](super::Access::Write)`(&rwlock)` | the same, as values of one type |
/// | [`polled`](super::polled)`(…)` | one of the above, of a lock that has no timed methods |
///
/// The locks are those of [`lock_api`], or [`Ranked`] ones. The trait is sealed.
pub trait Lockable {
    /// What it gives.
    type Guard;

    #[doc(hidden)]
    fn identity(&self) -> Identity;

    /// Whether it may be waited for.
    #[doc(hidden)]
    fn check(&self, place: Place) -> Result<(), WrongOrder>;

    /// Waits for it, unchecked.
    #[doc(hidden)]
    fn take(&self, place: Place) -> Self::Guard;

    #[doc(hidden)]
    fn try_take(&self, place: Place) -> Option<Self::Guard>;
}

/// A [`Lockable`] that can be waited for until a deadline.
///
/// All locks of this crate and of `parking_lot` have timed methods, and wait asleep. Others can be
/// [`polled`](super::polled). The trait is sealed.
pub trait Timed: Lockable {
    #[doc(hidden)]
    fn take_until(&self, place: Place, pace: &mut Pace<'_>) -> Option<Self::Guard>;
}

/// Shared access to an RW lock; made by [`read`](super::read).
pub struct Read<'a, L: ?Sized>(pub(super) &'a L);

/// Exclusive access to an RW lock; made by [`write`](super::write()).
pub struct Write<'a, L: ?Sized>(pub(super) &'a L);

/// Upgradable access to an RW lock; made by [`upgradable`](super::upgradable).
pub struct Upgradable<'a, L: ?Sized>(pub(super) &'a L);

macro_rules! plain_data {
    ($($wrapper:ident)+) => {$(
        impl<L: ?Sized> Clone for $wrapper<'_, L> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<L: ?Sized> Copy for $wrapper<'_, L> {}

        impl<L: ?Sized + fmt::Debug> fmt::Debug for $wrapper<'_, L> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($wrapper)).field(&self.0).finish()
            }
        }
    )+};
}

plain_data! { Read Write Upgradable }

/// A lock that is tried for again and again; made by [`polled`](super::polled).
#[derive(Debug, Clone, Copy)]
pub struct Polled<L>(pub(super) L);

/// One kind of access, to a plain lock and to a ranked one.
macro_rules! lockable {
    (
        $target:ident for $lock:ident $([$id:ident: $bound:ident])?, $raw:ident, $timed:ident,
        $guard:ident, $take:ident, $try_take:ident, $try_until:ident, |$this:ident| $get:expr
    ) => {
        impl<'a, Raw: $raw, $($id: $bound,)? T: ?Sized> Lockable for target!($target, 'a, $lock<Raw, $($id,)? T>) {
            type Guard = $guard<'a, Raw, $($id,)? T>;

            #[inline]
            fn identity(&self) -> Identity {
                let $this = self;
                Identity::plain($get)
            }

            #[inline]
            fn check(&self, _: Place) -> Result<(), WrongOrder> {
                Ok(())
            }

            #[inline]
            fn take(&self, _: Place) -> Self::Guard {
                let $this = self;
                $get.$take()
            }

            #[inline]
            fn try_take(&self, _: Place) -> Option<Self::Guard> {
                let $this = self;
                $get.$try_take()
            }
        }

        impl<'a, Raw, $($id: $bound,)? T: ?Sized> Timed for target!($target, 'a, $lock<Raw, $($id,)? T>)
        where
            Raw: $raw + $timed<Duration = Duration, Instant = Instant>,
        {
            fn take_until(&self, place: Place, pace: &mut Pace<'_>) -> Option<Self::Guard> {
                let $this = self;
                pace.count();
                match pace.deadline() {
                    Some(deadline) => $get.$try_until(deadline),
                    None => Some(self.take(place)),
                }
            }
        }

        impl<'a, Raw: $raw, $($id: $bound,)? T: ?Sized, R: Rank> Lockable
            for target!($target, 'a, Ranked<$lock<Raw, $($id,)? T>, R>)
        {
            type Guard = RankedGuard<$guard<'a, Raw, $($id,)? T>, R>;

            #[inline]
            fn identity(&self) -> Identity {
                let $this = self;
                Identity::ranked($get)
            }

            #[inline]
            fn check(&self, place: Place) -> Result<(), WrongOrder> {
                let $this = self;
                $get.check(place)
            }

            #[inline]
            fn take(&self, place: Place) -> Self::Guard {
                let $this = self;
                let lock: &'a Ranked<_, R> = $get;
                lock.held(lock.unranked().$take(), place)
            }

            #[inline]
            fn try_take(&self, place: Place) -> Option<Self::Guard> {
                let $this = self;
                let lock: &'a Ranked<_, R> = $get;
                lock.tried(lock.unranked().$try_take(), place)
            }
        }

        impl<'a, Raw, $($id: $bound,)? T: ?Sized, R: Rank> Timed for target!($target, 'a, Ranked<$lock<Raw, $($id,)? T>, R>)
        where
            Raw: $raw + $timed<Duration = Duration, Instant = Instant>,
        {
            fn take_until(&self, place: Place, pace: &mut Pace<'_>) -> Option<Self::Guard> {
                let $this = self;
                let lock: &'a Ranked<_, R> = $get;
                pace.count();
                match pace.deadline() {
                    Some(deadline) => lock.tried(lock.unranked().$try_until(deadline), place),
                    None => Some(self.take(place)),
                }
            }
        }
    };
}

macro_rules! target {
    (Ref, $life:lifetime, $lock:ty) => { &$life $lock };
    ($wrapper:ident, $life:lifetime, $lock:ty) => { $wrapper<$life, $lock> };
}

lockable!(Ref for Mutex, RawMutex, RawMutexTimed, MutexGuard,
    lock, try_lock, try_lock_until, |this| *this);
lockable!(Ref for ReentrantMutex[G: GetThreadId], RawMutex, RawMutexTimed, ReentrantMutexGuard,
    lock, try_lock, try_lock_until, |this| *this);
lockable!(Read for RwLock, RawRwLock, RawRwLockTimed, RwLockReadGuard,
    read, try_read, try_read_until, |this| this.0);
lockable!(Write for RwLock, RawRwLock, RawRwLockTimed, RwLockWriteGuard,
    write, try_write, try_write_until, |this| this.0);
lockable!(Upgradable for RwLock, RawRwLockUpgrade, RawRwLockUpgradeTimed, RwLockUpgradableReadGuard,
    upgradable_read, try_upgradable_read, try_upgradable_read_until, |this| this.0);

impl<L: Lockable> Lockable for Polled<L> {
    type Guard = L::Guard;

    #[inline]
    fn identity(&self) -> Identity {
        self.0.identity()
    }

    #[inline]
    fn check(&self, place: Place) -> Result<(), WrongOrder> {
        self.0.check(place)
    }

    #[inline]
    fn take(&self, place: Place) -> Self::Guard {
        self.0.take(place)
    }

    #[inline]
    fn try_take(&self, place: Place) -> Option<Self::Guard> {
        self.0.try_take(place)
    }
}

impl<L: Lockable> Timed for Polled<L> {
    fn take_until(&self, place: Place, pace: &mut Pace<'_>) -> Option<Self::Guard> {
        pace.poll(|| self.0.try_take(place))
    }
}
