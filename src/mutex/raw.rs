//! The raw mutex: the fair lock's machine, used for writing only.

#![allow(unsafe_code)]

use std::fmt;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lock_api::GuardNoSend;

use super::condition::Condition;
use crate::rwlock::{Kind, Machine, Policy, Refused, TaskFair};

/// The lock behind [`FairMutex`](super::FairMutex): one word, no data.
///
/// # Examples
///
/// ```
/// use brigade::mutex::RawFairMutex;
///
/// let lock: lock_api::Mutex<RawFairMutex, u8> = lock_api::Mutex::new(1);
/// assert_eq!(*lock.lock(), 1);
/// ```
pub struct RawFairMutex<P = TaskFair> {
    machine: Machine<P>,
}

impl<P: Policy> RawFairMutex<P> {
    /// Makes an unlocked mutex.
    #[must_use]
    pub const fn new() -> Self {
        Self { machine: Machine::new() }
    }

    /// Counts the threads that wait for the lock.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.machine.waiting(|_| true)
    }
}

impl<P: Policy> Default for RawFairMutex<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Policy> fmt::Debug for RawFairMutex<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawFairMutex")
            .field("locked", &lock_api::RawMutex::is_locked(self))
            .finish_non_exhaustive()
    }
}

#[inline]
fn guard(outcome: Result<(), Refused>) -> Option<GuardNoSend> {
    outcome.ok().map(|()| GuardNoSend::new())
}

// SAFETY: writers of the machine exclude one another, entering with Acquire and leaving with
// Release (`rwlock/machine.rs`, modelled in `tests/model/rwlock.rs`). The guard state is a unit.
// Nothing points at the lock except threads that borrow it. No operation unwinds.
unsafe impl<P: Policy> lock_api::RawMutex for RawFairMutex<P> {
    #[allow(clippy::declare_interior_mutable_const, reason = "the trait asks for it")]
    const INIT: Self = Self::new();

    type Guard = GuardNoSend;

    #[inline]
    fn lock(&self) -> GuardNoSend {
        // A writer without a deadline is refused nothing.
        let _entered = self.machine.enter(Kind::Writer, None);
        debug_assert_eq!(_entered, Ok(()));
        GuardNoSend::new()
    }

    #[inline]
    fn try_lock(&self) -> Option<GuardNoSend> {
        self.machine.try_enter(Kind::Writer).then(GuardNoSend::new)
    }

    #[inline]
    unsafe fn unlock(&self, _: GuardNoSend) {
        self.machine.leave_writer(false);
    }

    #[inline]
    fn is_locked(&self) -> bool {
        !self.machine.load().is_free()
    }
}

// SAFETY: as above.
unsafe impl<P: Policy> lock_api::RawMutexFair for RawFairMutex<P> {
    #[inline]
    unsafe fn unlock_fair(&self, _: GuardNoSend) {
        self.machine.leave_writer(true);
    }

    #[inline]
    unsafe fn bump(&self, _: &mut GuardNoSend) {
        if self.machine.has_line() {
            self.machine.leave_writer(true);
            let _entered = self.machine.enter(Kind::Writer, None);
            debug_assert_eq!(_entered, Ok(()));
        }
    }
}

// SAFETY: as above; a timeout leaves the lock as a failed attempt does.
unsafe impl<P: Policy> lock_api::RawMutexTimed for RawFairMutex<P> {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    fn try_lock_for(&self, timeout: Duration) -> Option<GuardNoSend> {
        guard(self.machine.enter_for(Kind::Writer, timeout))
    }

    #[inline]
    fn try_lock_until(&self, deadline: Instant) -> Option<GuardNoSend> {
        guard(self.machine.enter(Kind::Writer, Some(deadline)))
    }
}

/// Tells the running threads apart, for [`FairReentrantMutex`](super::FairReentrantMutex).
#[derive(Debug, Clone, Copy, Default)]
pub struct ThreadId;

// SAFETY: the address of a thread-local variable is not zero, is the same for every call on one
// thread, and belongs to no other thread while this one runs. The variable needs no destructor, so
// it can be asked for until the thread is gone.
unsafe impl lock_api::GetThreadId for ThreadId {
    const INIT: Self = Self;

    #[inline]
    fn nonzero_thread_id(&self) -> NonZeroUsize {
        thread_local!(static HERE: u8 = const { 0 });
        HERE.with(|here| NonZeroUsize::from(std::ptr::NonNull::from(here).addr()))
    }
}

/// The line behind [`FairCondvar`](super::FairCondvar), without data.
///
/// # Examples
///
/// ```
/// use brigade::mutex::RawFairCondvar;
///
/// let nobody: lock_api::Condvar<RawFairCondvar> = lock_api::Condvar::new();
/// assert!(!nobody.notify_one());
/// ```
#[derive(Debug)]
pub struct RawFairCondvar {
    condition: Condition,
}

// SAFETY: a waiting thread stands in the condition's line before it leaves the mutex, and has the
// mutex again when `wait` returns, with the same unit for a guard state. The lot wakes nobody
// without a notification or a deadline. Nothing keeps a pointer to the mutex beyond the call, so
// different mutexes may be used. Nothing unwinds.
unsafe impl lock_api::RawCondvar for RawFairCondvar {
    #[allow(clippy::declare_interior_mutable_const, reason = "the trait asks for it")]
    const INIT: Self = Self { condition: Condition::new() };

    type RawMutex = RawFairMutex;

    unsafe fn wait(&self, mutex: &RawFairMutex, _: &mut GuardNoSend) {
        self.condition.wait(&mutex.machine, None);
    }

    #[inline]
    fn notify_one(&self) -> bool {
        self.condition.notify(1) == 1
    }

    #[inline]
    fn notify_all(&self) -> usize {
        self.condition.notify(usize::MAX)
    }
}

// SAFETY: as above; `true` is a timeout.
unsafe impl lock_api::RawCondvarTimed for RawFairCondvar {
    fn checked_duration_to_instant(timeout: &Duration) -> Option<Instant> {
        Instant::now().checked_add(*timeout)
    }

    unsafe fn wait_until(
        &self,
        mutex: &RawFairMutex,
        _: &mut GuardNoSend,
        deadline: &Instant,
    ) -> bool {
        !self.condition.wait(&mutex.machine, Some(*deadline))
    }
}

/// Looks at who waits for a mutex.
///
/// The number is a snapshot: true at one moment of the call.
///
/// # Examples
///
/// ```
/// use brigade::mutex::{FairMutex, InspectMutex};
///
/// let lock = FairMutex::new(());
/// let held = lock.lock();
/// assert_eq!(lock.waiting(), 0);
/// # drop(held);
/// ```
pub trait InspectMutex {
    /// Counts the threads that wait for the lock.
    fn waiting(&self) -> usize;
}

impl<P: Policy, T: ?Sized> InspectMutex for lock_api::Mutex<RawFairMutex<P>, T> {
    fn waiting(&self) -> usize {
        // SAFETY: the raw lock is only asked, never unlocked.
        unsafe { self.raw() }.waiting()
    }
}

impl<T: ?Sized> InspectMutex for super::FairReentrantMutex<T> {
    fn waiting(&self) -> usize {
        // SAFETY: as above.
        unsafe { self.raw() }.waiting()
    }
}
