//! Who goes next: the policies of the fair lock.

use std::fmt;

mod sealed {
    pub trait Sealed {}
}

/// Decides who enters when a writer leaves, and whether anybody may pass the line.
///
/// Sealed: the bounds are proved for the three policies of this module, not for any other.
pub trait Policy: sealed::Sealed + fmt::Debug + Send + Sync + 'static {
    /// A leaving writer admits every waiting reader, also those behind a writer.
    #[doc(hidden)]
    const READERS_FIRST: bool;
    /// How many may pass an elected thread that is still on its way.
    #[doc(hidden)]
    const STEALS: u8;
}

/// Lets readers and writers take turns: the default.
///
/// A leaving writer admits *all* readers that wait, wherever they stand; the last reader to leave
/// admits the first writer. Phase-fair locks are from Brandenburg and Anderson, "Spin-based
/// reader-writer synchronization for multiprocessor real-time systems" (2010).
///
/// **Bound.** A reader waits for at most one writer, plus the rest of one reader phase, however
/// many writers there are. A writer waits for the writers that arrived before it and at most one
/// more reader phase than that; no writer that arrived later enters before it, and no reader
/// joins a phase once it runs.
///
/// # Examples
///
/// ```
/// use brigade::rwlock::{FairRwLockWith, PhaseFair};
///
/// let lock: FairRwLockWith<u32, PhaseFair> = FairRwLockWith::new(1); // a FairRwLock<u32>
/// assert_eq!(*lock.read(), 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhaseFair;

/// Serves threads strictly in the order of their arrival.
///
/// Whoever leaves admits the head of the line, together with the readers right behind it if it
/// is a reader. This is Java's `ReentrantReadWriteLock(true)` and tokio's `RwLock`.
///
/// **Bound.** Nobody who arrived later and conflicts with you enters before you do. A reader
/// behind `w` writers waits for all of them.
///
/// # Examples
///
/// ```
/// use brigade::rwlock::{FairRwLockWith, TaskFair};
///
/// let log: FairRwLockWith<Vec<&str>, TaskFair> = FairRwLockWith::default();
/// log.write().push("first come, first served");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskFair;

/// Phase-fair, but lets up to `B` threads pass the next one in line while it wakes up.
///
/// Handing a lock to a sleeping thread leaves it idle until that thread runs. Here the leaver
/// wakes the next one in line and lets the lock go; running threads may take it until the woken
/// one arrives and finds it free, `B` times at most. If it has looked for some 64 µs in vain, the
/// passing ends and the next release is its.
///
/// **Bound.** [`PhaseFair`]'s, plus at most `B` steals for each turn that you wait for: one for every
/// writer and every reader phase before you, and your own. `Bypass<0>` is [`PhaseFair`].
///
/// # Examples
///
/// ```
/// use brigade::rwlock::{Bypass, FairRwLockWith};
///
/// let hot: FairRwLockWith<u64, Bypass<32>> = FairRwLockWith::new(0);
/// *hot.write() += 1;
/// assert_eq!(*hot.read(), 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bypass<const B: u8>;

impl sealed::Sealed for PhaseFair {}
impl sealed::Sealed for TaskFair {}
impl<const B: u8> sealed::Sealed for Bypass<B> {}

impl Policy for PhaseFair {
    const READERS_FIRST: bool = true;
    const STEALS: u8 = 0;
}

impl Policy for TaskFair {
    const READERS_FIRST: bool = false;
    const STEALS: u8 = 0;
}

impl<const B: u8> Policy for Bypass<B> {
    const READERS_FIRST: bool = true;
    const STEALS: u8 = B;
}
