//! Shared or exclusive, decided at run time: for arrays and slices, whose members are of one type.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;

use super::error::WrongOrder;
use super::pace::Pace;
use super::target::{Identity, Lockable, Read, Timed, Write};

type Place = &'static Location<'static>;

/// An RW lock and the kind of access to it, as a value.
///
/// In a tuple [`read`](super::read) and [`write`](super::write()) do the same, and give the locks' own guards.
///
/// # Examples
///
/// ```
/// use brigade::lock::{Access, lock_all};
/// use brigade::rwlock::FairRwLock;
///
/// let cells = [1, 2, 3].map(FairRwLock::new);
/// let mut guards = lock_all([Access::Read(&cells[0]), Access::Write(&cells[1]), Access::Read(&cells[2])])?;
/// let sum = *guards[0] + *guards[2];
/// if let Some(middle) = guards[1].as_mut() {
///     *middle = sum;
/// }
/// assert_eq!(*guards[1], 4);
/// # Ok::<(), brigade::lock::LockError>(())
/// ```
pub enum Access<'a, L: ?Sized> {
    /// Shared.
    Read(&'a L),
    /// Exclusive.
    Write(&'a L),
}

impl<L: ?Sized> Clone for Access<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: ?Sized> Copy for Access<'_, L> {}

impl<L: ?Sized + fmt::Debug> fmt::Debug for Access<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(lock) => f.debug_tuple("Read").field(lock).finish(),
            Self::Write(lock) => f.debug_tuple("Write").field(lock).finish(),
        }
    }
}

/// What an [`Access`] gives: a guard of one kind or the other. It derefs to the data.
#[derive(Debug)]
#[must_use = "the lock is released the moment the guard is dropped"]
pub enum AccessGuard<R, W> {
    /// Shared.
    Read(R),
    /// Exclusive.
    Write(W),
}

impl<R, W: std::ops::DerefMut> AccessGuard<R, W> {
    /// Gives the data to be changed, if the access is exclusive.
    pub fn as_mut(&mut self) -> Option<&mut W::Target> {
        match self {
            Self::Read(_) => None,
            Self::Write(guard) => Some(guard),
        }
    }
}

impl<R: Deref, W: Deref<Target = R::Target>> Deref for AccessGuard<R, W> {
    type Target = R::Target;

    fn deref(&self) -> &R::Target {
        match self {
            Self::Read(guard) => guard,
            Self::Write(guard) => guard,
        }
    }
}

impl<'a, L: ?Sized> Lockable for Access<'a, L>
where
    Read<'a, L>: Lockable,
    Write<'a, L>: Lockable,
{
    type Guard = AccessGuard<<Read<'a, L> as Lockable>::Guard, <Write<'a, L> as Lockable>::Guard>;

    fn identity(&self) -> Identity {
        match *self {
            Self::Read(lock) => Read(lock).identity(),
            Self::Write(lock) => Write(lock).identity(),
        }
    }

    fn check(&self, place: Place) -> Result<(), WrongOrder> {
        match *self {
            Self::Read(lock) => Read(lock).check(place),
            Self::Write(lock) => Write(lock).check(place),
        }
    }

    fn take(&self, place: Place) -> Self::Guard {
        match *self {
            Self::Read(lock) => AccessGuard::Read(Read(lock).take(place)),
            Self::Write(lock) => AccessGuard::Write(Write(lock).take(place)),
        }
    }

    fn try_take(&self, place: Place) -> Option<Self::Guard> {
        Some(match *self {
            Self::Read(lock) => AccessGuard::Read(Read(lock).try_take(place)?),
            Self::Write(lock) => AccessGuard::Write(Write(lock).try_take(place)?),
        })
    }
}

impl<'a, L: ?Sized> Timed for Access<'a, L>
where
    Read<'a, L>: Timed,
    Write<'a, L>: Timed,
{
    fn take_until(&self, place: Place, pace: &mut Pace<'_>) -> Option<Self::Guard> {
        Some(match *self {
            Self::Read(lock) => AccessGuard::Read(Read(lock).take_until(place, pace)?),
            Self::Write(lock) => AccessGuard::Write(Write(lock).take_until(place, pace)?),
        })
    }
}
