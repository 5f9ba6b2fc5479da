//! The raw lock: `lock_api`'s traits over the state machine.

#![allow(unsafe_code)]

use std::fmt;
use std::time::{Duration, Instant};

use lock_api::GuardNoSend;

use super::line::Kind;
use super::machine::{Machine, Refused};
use super::policy::{PhaseFair, Policy};
#[cfg(feature = "detect-recursion")]
use super::recursion::{LockId, Mode};
use super::word::{MAX_READERS, WRITER};

/// The lock behind [`FairRwLock`](super::FairRwLock): one word, no data.
///
/// For those who build their own types on [`lock_api`]; it implements all eight of its raw
/// reader-writer traits. Plain and fair unlocking are the same, except under
/// [`Bypass`](super::Bypass), where fair unlocking lets nobody pass. A guard must be dropped by the
/// thread that got it.
///
/// # Examples
///
/// ```
/// use brigade::rwlock::RawFairRwLock;
/// use lock_api::RwLock;
///
/// static SETTINGS: RwLock<RawFairRwLock, Vec<u8>> = RwLock::new(Vec::new());
/// SETTINGS.write().push(1);
/// assert_eq!(size_of::<RawFairRwLock>(), if cfg!(feature = "detect-recursion") { 16 } else { 8 });
/// ```
pub struct RawFairRwLock<P = PhaseFair> {
    machine: Machine<P>,
    #[cfg(feature = "detect-recursion")]
    id: LockId,
}

impl<P: Policy> RawFairRwLock<P> {
    /// Makes an unlocked lock.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            machine: Machine::new(),
            #[cfg(feature = "detect-recursion")]
            id: LockId::new(),
        }
    }

    /// Counts the shared locks that are held, an upgradable one included.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.machine.load().readers()
    }

    /// Counts the threads that wait for shared access, upgradable or not.
    #[must_use]
    pub fn waiting_readers(&self) -> usize {
        self.machine.waiting(|kind| matches!(kind, Kind::Reader | Kind::Upgradable))
    }

    /// Counts the threads that wait for exclusive access, upgrading or not.
    #[must_use]
    pub fn waiting_writers(&self) -> usize {
        self.machine.waiting(|kind| matches!(kind, Kind::Writer | Kind::Upgrader))
    }

    #[cfg(test)]
    pub(super) fn fill_up(&self) {
        self.machine.fill_up();
    }

    #[inline]
    #[track_caller]
    fn block(&self, kind: Kind) -> GuardNoSend {
        #[cfg(feature = "detect-recursion")]
        self.id.forbid_recursion(mode(kind));
        self.taken(kind, self.machine.enter(kind, None))
            .expect("a wait without a deadline ends with the lock")
    }

    #[inline]
    #[track_caller]
    fn attempt(&self, kind: Kind) -> Option<GuardNoSend> {
        let entered = self.machine.try_enter(kind);
        self.taken(kind, if entered { Ok(()) } else { Err(Refused::TimedOut) })
    }

    /// Turns the outcome into a guard; `None` after a timeout.
    #[inline]
    #[track_caller]
    fn taken(&self, kind: Kind, outcome: Result<(), Refused>) -> Option<GuardNoSend> {
        match outcome {
            Ok(()) => {
                self.note_entry(kind);
                Some(GuardNoSend::new())
            }
            Err(Refused::TimedOut) => None,
            Err(Refused::Full) => full(),
        }
    }

    #[inline]
    #[track_caller]
    fn note_entry(&self, kind: Kind) {
        #[cfg(feature = "detect-recursion")]
        self.id.entered(mode(kind));
        let _ = kind;
    }

    #[inline]
    fn note_exit(&self, kind: Kind) {
        #[cfg(feature = "detect-recursion")]
        self.id.left(mode(kind));
        let _ = kind;
    }

    #[inline]
    fn note_change(&self, from: Kind, to: Kind) {
        #[cfg(feature = "detect-recursion")]
        self.id.changed(mode(from), mode(to));
        let _ = (from, to);
    }

    #[inline]
    fn note_upgrade(&self, upgraded: bool, guard: GuardNoSend) -> Result<GuardNoSend, GuardNoSend> {
        if upgraded {
            self.note_change(Kind::Upgradable, Kind::Writer);
            Ok(guard)
        } else {
            Err(guard)
        }
    }
}

#[cfg(feature = "detect-recursion")]
fn mode(kind: Kind) -> Mode {
    match kind {
        Kind::Reader => Mode::Reading,
        Kind::Upgradable => Mode::UpgradableReading,
        Kind::Writer | Kind::Upgrader => Mode::Writing,
    }
}

#[cold]
#[track_caller]
fn full() -> ! {
    panic!("{MAX_READERS} shared locks are held, which is the limit; were guards forgotten?")
}

impl<P: Policy> Default for RawFairRwLock<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Policy> fmt::Debug for RawFairRwLock<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.machine.fmt(f)
    }
}

// SAFETY: the word admits either readers or one writer, entering with Acquire and leaving with
// Release (`machine.rs`, modelled in `tests/model/rwlock.rs`). The guard state is a unit: there
// is nothing in it to forget, and a forgotten one leaves the lock held. Nothing points at the
// lock except threads that borrow it, so it can be moved and dropped while locked. The entries
// unwind only before the word has been changed: for a recursion, or because the count is full.
unsafe impl<P: Policy> lock_api::RawRwLock for RawFairRwLock<P> {
    #[allow(clippy::declare_interior_mutable_const, reason = "the trait asks for it")]
    const INIT: Self = Self::new();

    type SharedGuard = GuardNoSend;
    type ExclusiveGuard = GuardNoSend;

    #[inline]
    #[track_caller]
    fn lock_shared(&self) -> GuardNoSend {
        self.block(Kind::Reader)
    }

    #[inline]
    #[track_caller]
    fn try_lock_shared(&self) -> Option<GuardNoSend> {
        self.attempt(Kind::Reader)
    }

    #[inline]
    unsafe fn unlock_shared(&self, _: GuardNoSend) {
        self.note_exit(Kind::Reader);
        self.machine.leave_reader();
    }

    #[inline]
    #[track_caller]
    fn lock_exclusive(&self) -> GuardNoSend {
        self.block(Kind::Writer)
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive(&self) -> Option<GuardNoSend> {
        self.attempt(Kind::Writer)
    }

    #[inline]
    unsafe fn unlock_exclusive(&self, _: GuardNoSend) {
        self.note_exit(Kind::Writer);
        self.machine.leave_writer(false);
    }

    #[inline]
    fn is_locked(&self) -> bool {
        !self.machine.load().is_free()
    }

    #[inline]
    fn is_locked_exclusive(&self) -> bool {
        self.machine.load().has(WRITER)
    }
}

// SAFETY: as above; handing over under the queue's lock is what every unlock does.
unsafe impl<P: Policy> lock_api::RawRwLockFair for RawFairRwLock<P> {
    #[inline]
    unsafe fn unlock_shared_fair(&self, guard: GuardNoSend) {
        // SAFETY: the caller's promise is the same.
        unsafe { lock_api::RawRwLock::unlock_shared(self, guard) };
    }

    #[inline]
    unsafe fn unlock_exclusive_fair(&self, _: GuardNoSend) {
        self.note_exit(Kind::Writer);
        self.machine.leave_writer(true);
    }

    #[inline]
    unsafe fn bump_shared(&self, _: &mut GuardNoSend) {
        if self.machine.has_line() {
            self.machine.leave_reader();
            restored(self.machine.enter(Kind::Reader, None));
        }
    }

    #[inline]
    unsafe fn bump_exclusive(&self, _: &mut GuardNoSend) {
        if self.machine.has_line() {
            self.machine.leave_writer(true);
            restored(self.machine.enter(Kind::Writer, None));
        }
    }
}

/// A bump that cannot take the lock again cannot give the caller its guard back either.
#[inline]
fn restored(outcome: Result<(), Refused>) {
    if outcome.is_err() {
        eprintln!("{MAX_READERS} shared locks are held: a bumped guard cannot be restored");
        std::process::abort();
    }
}

// SAFETY: as above; the downgrade releases what the writer did before it shares the lock.
unsafe impl<P: Policy> lock_api::RawRwLockDowngrade for RawFairRwLock<P> {
    #[inline]
    unsafe fn downgrade(&self, guard: GuardNoSend) -> GuardNoSend {
        self.note_change(Kind::Writer, Kind::Reader);
        self.machine.downgrade(Kind::Reader);
        guard
    }
}

// SAFETY: as above; a timeout leaves the lock as a failed attempt does.
unsafe impl<P: Policy> lock_api::RawRwLockTimed for RawFairRwLock<P> {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    #[track_caller]
    fn try_lock_shared_for(&self, timeout: Duration) -> Option<GuardNoSend> {
        self.taken(Kind::Reader, self.machine.enter_for(Kind::Reader, timeout))
    }

    #[inline]
    #[track_caller]
    fn try_lock_shared_until(&self, deadline: Instant) -> Option<GuardNoSend> {
        self.taken(Kind::Reader, self.machine.enter(Kind::Reader, Some(deadline)))
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive_for(&self, timeout: Duration) -> Option<GuardNoSend> {
        self.taken(Kind::Writer, self.machine.enter_for(Kind::Writer, timeout))
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive_until(&self, deadline: Instant) -> Option<GuardNoSend> {
        self.taken(Kind::Writer, self.machine.enter(Kind::Writer, Some(deadline)))
    }
}

// SAFETY: as above; an upgrade enters exclusively, with Acquire, once it is the only reader.
unsafe impl<P: Policy> lock_api::RawRwLockUpgrade for RawFairRwLock<P> {
    type UpgradableGuard = GuardNoSend;

    #[inline]
    #[track_caller]
    fn lock_upgradable(&self) -> GuardNoSend {
        self.block(Kind::Upgradable)
    }

    #[inline]
    #[track_caller]
    fn try_lock_upgradable(&self) -> Option<GuardNoSend> {
        self.attempt(Kind::Upgradable)
    }

    #[inline]
    unsafe fn unlock_upgradable(&self, _: GuardNoSend) {
        self.note_exit(Kind::Upgradable);
        self.machine.leave_upgradable();
    }

    #[inline]
    unsafe fn upgrade(&self, guard: GuardNoSend) -> GuardNoSend {
        self.machine.upgrade(None);
        self.note_change(Kind::Upgradable, Kind::Writer);
        guard
    }

    #[inline]
    unsafe fn try_upgrade(&self, guard: GuardNoSend) -> Result<GuardNoSend, GuardNoSend> {
        self.note_upgrade(self.machine.try_upgrade(), guard)
    }
}

// SAFETY: as for the fair trait.
unsafe impl<P: Policy> lock_api::RawRwLockUpgradeFair for RawFairRwLock<P> {
    #[inline]
    unsafe fn unlock_upgradable_fair(&self, guard: GuardNoSend) {
        // SAFETY: the caller's promise is the same.
        unsafe { lock_api::RawRwLockUpgrade::unlock_upgradable(self, guard) };
    }

    #[inline]
    unsafe fn bump_upgradable(&self, _: &mut GuardNoSend) {
        if self.machine.has_line() {
            self.machine.leave_upgradable();
            restored(self.machine.enter(Kind::Upgradable, None));
        }
    }
}

// SAFETY: as for the downgrade.
unsafe impl<P: Policy> lock_api::RawRwLockUpgradeDowngrade for RawFairRwLock<P> {
    #[inline]
    unsafe fn downgrade_upgradable(&self, guard: GuardNoSend) -> GuardNoSend {
        self.note_change(Kind::Upgradable, Kind::Reader);
        self.machine.downgrade_upgradable();
        guard
    }

    #[inline]
    unsafe fn downgrade_to_upgradable(&self, guard: GuardNoSend) -> GuardNoSend {
        self.note_change(Kind::Writer, Kind::Upgradable);
        self.machine.downgrade(Kind::Upgradable);
        guard
    }
}

// SAFETY: as for the timed trait; a failed upgrade keeps the upgradable lock.
unsafe impl<P: Policy> lock_api::RawRwLockUpgradeTimed for RawFairRwLock<P> {
    #[inline]
    #[track_caller]
    fn try_lock_upgradable_for(&self, timeout: Duration) -> Option<GuardNoSend> {
        self.taken(Kind::Upgradable, self.machine.enter_for(Kind::Upgradable, timeout))
    }

    #[inline]
    #[track_caller]
    fn try_lock_upgradable_until(&self, deadline: Instant) -> Option<GuardNoSend> {
        self.taken(Kind::Upgradable, self.machine.enter(Kind::Upgradable, Some(deadline)))
    }

    #[inline]
    unsafe fn try_upgrade_for(
        &self,
        guard: GuardNoSend,
        timeout: Duration,
    ) -> Result<GuardNoSend, GuardNoSend> {
        self.note_upgrade(self.machine.upgrade_for(timeout), guard)
    }

    #[inline]
    unsafe fn try_upgrade_until(
        &self,
        guard: GuardNoSend,
        deadline: Instant,
    ) -> Result<GuardNoSend, GuardNoSend> {
        self.note_upgrade(self.machine.upgrade(Some(deadline)), guard)
    }
}

/// Looks at who holds a lock and who waits for it.
///
/// The numbers are snapshots: true at one moment of the call. They serve monitoring and tests;
/// a decision to lock must not lean on them. Counting those who wait walks the line under its
/// lock.
///
/// # Examples
///
/// ```
/// use brigade::rwlock::{FairRwLock, Inspect};
///
/// let lock = FairRwLock::new(());
/// let (one, two) = (lock.try_read(), lock.try_read());
/// assert_eq!(lock.readers(), 2);
/// assert_eq!(lock.waiting_readers() + lock.waiting_writers(), 0);
/// # drop((one, two));
/// ```
#[doc(alias = "getQueueLength")]
pub trait Inspect {
    /// Counts the shared locks that are held, an upgradable one included.
    fn readers(&self) -> usize;

    /// Counts the threads that wait for shared access, upgradable or not.
    fn waiting_readers(&self) -> usize;

    /// Counts the threads that wait for exclusive access, upgrading or not.
    fn waiting_writers(&self) -> usize;
}

impl<P: Policy, T: ?Sized> Inspect for lock_api::RwLock<RawFairRwLock<P>, T> {
    fn readers(&self) -> usize {
        // SAFETY: the raw lock is only asked, never unlocked.
        unsafe { self.raw() }.readers()
    }

    fn waiting_readers(&self) -> usize {
        // SAFETY: as above.
        unsafe { self.raw() }.waiting_readers()
    }

    fn waiting_writers(&self) -> usize {
        // SAFETY: as above.
        unsafe { self.raw() }.waiting_writers()
    }
}
