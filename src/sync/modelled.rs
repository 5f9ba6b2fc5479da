//! `Mutex` and `Condvar` in `parking_lot`'s shape over a model checker's types.
//!
//! Model checkers keep time out of the model: a timed wait here gives other threads a turn and
//! reports that it timed out, so every deadline is a possible event and none is a certain one.

use std::ops::{Deref, DerefMut};
use std::sync::TryLockError;
use std::time::Instant;

#[cfg(brigade_loom)]
use loom::{sync as backend, thread};
#[cfg(brigade_shuttle)]
use shuttle::{sync as backend, thread};

const TAKEN: &str = "the guard is only away while its thread waits";

pub(crate) struct Mutex<T>(backend::Mutex<T>);

pub(crate) struct MutexGuard<'a, T> {
    lock: &'a backend::Mutex<T>,
    inner: Option<backend::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(backend::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let inner = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        MutexGuard { lock: &self.0, inner: Some(inner) }
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let inner = match self.0.try_lock() {
            Ok(inner) => inner,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(MutexGuard { lock: &self.0, inner: Some(inner) })
    }

    /// Finds the lock free or reports that the deadline passed.
    pub(crate) fn try_lock_until(&self, _: Instant) -> Option<MutexGuard<'_, T>> {
        self.try_lock()
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl<T> std::fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mutex")
    }
}

impl<T> MutexGuard<'_, T> {
    pub(crate) fn unlock_fair(guard: Self) {
        drop(guard);
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.inner.as_ref().expect(TAKEN)
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect(TAKEN)
    }
}

#[derive(Debug)]
pub(crate) struct Condvar(backend::Condvar);

pub(crate) struct WaitTimeoutResult;

impl WaitTimeoutResult {
    pub(crate) fn timed_out(&self) -> bool {
        true
    }
}

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(backend::Condvar::new())
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let inner = guard.inner.take().expect(TAKEN);
        let inner = self.0.wait(inner).unwrap_or_else(|poisoned| poisoned.into_inner());
        guard.inner = Some(inner);
    }

    pub(crate) fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        _: Instant,
    ) -> WaitTimeoutResult {
        drop(guard.inner.take());
        thread::yield_now();
        guard.inner = Some(guard.lock.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        WaitTimeoutResult
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}
