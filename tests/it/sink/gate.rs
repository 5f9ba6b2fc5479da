//! A door that holds threads up until it is opened: how tests arrange an order without a clock.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    shut: bool,
    arrivals: u64,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn shut(&self) {
        self.state().shut = true;
    }

    pub(crate) fn open(&self) {
        self.state().shut = false;
        self.changed.notify_all();
    }

    /// Arrives, and waits while the gate is shut.
    pub(crate) fn pass(&self) {
        let mut state = self.state();
        state.arrivals += 1;
        self.changed.notify_all();
        while state.shut {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(crate) fn arrivals(&self) -> u64 {
        self.state().arrivals
    }

    /// Waits until the gate has seen `count` arrivals in all.
    pub(crate) fn await_arrivals(&self, count: u64) {
        let mut state = self.state();
        while state.arrivals < count {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
