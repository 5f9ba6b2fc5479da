//! A sticky wake-up: set once, consumed by one waiter, never lost in between.

use std::time::Instant;

use crate::sync::{Condvar, Mutex};

#[derive(Debug)]
pub(crate) struct Signal {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    pub(crate) fn new() -> Self {
        Self { raised: Mutex::new(false), changed: Condvar::new() }
    }

    pub(crate) fn raise(&self) {
        *self.raised.lock() = true;
        self.changed.notify_one();
    }

    /// Blocks until the signal is raised, and lowers it.
    pub(crate) fn wait(&self) {
        let mut raised = self.raised.lock();
        while !*raised {
            self.changed.wait(&mut raised);
        }
        *raised = false;
    }

    /// As [`wait`](Self::wait), but gives up at `deadline`; true if the signal was raised.
    pub(crate) fn wait_until(&self, deadline: Instant) -> bool {
        let mut raised = self.raised.lock();
        while !*raised {
            if self.changed.wait_until(&mut raised, deadline).timed_out() {
                break;
            }
        }
        std::mem::take(&mut *raised)
    }

    /// As [`wait_until`](Self::wait_until); for ever if there is no deadline.
    pub(crate) fn wait_at_most(&self, deadline: Option<Instant>) {
        match deadline {
            Some(deadline) => drop(self.wait_until(deadline)),
            None => self.wait(),
        }
    }
}
