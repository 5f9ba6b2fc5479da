//! A stop sign that threads can look at, and wait in front of.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

/// Once requested, it stays. Waiting ends at the deadline or at the request, whichever is first.
#[derive(Debug, Default)]
pub struct Stop {
    requested: AtomicBool,
    waiting: Mutex<()>,
    changed: Condvar,
}

impl Stop {
    /// Requests a stop at Ctrl-C or a termination signal; the second one ends the process.
    pub fn at_ctrl_c() -> Result<Arc<Self>, ctrlc::Error> {
        let stop = Arc::new(Self::default());
        let sign = Arc::clone(&stop);
        ctrlc::set_handler(move || {
            if sign.request() {
                std::process::exit(130);
            }
        })?;
        Ok(stop)
    }

    /// Requests the stop; tells whether it had been requested before.
    pub fn request(&self) -> bool {
        let _nobody_is_about_to_wait = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.requested.swap(true, Ordering::Relaxed);
        self.changed.notify_all();
        before
    }

    /// Whether a stop was requested.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }

    /// Waits until `deadline`; true if the stop came first.
    pub fn wait_until(&self, deadline: Instant) -> bool {
        if Instant::now() >= deadline {
            return self.is_requested();
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.is_requested() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.changed.wait_timeout(waiting, left);
            (waiting, _) = woken.unwrap_or_else(PoisonError::into_inner);
        }
        self.is_requested()
    }
}
