//! The pipeline from outside: what comes out, what may be in flight, and how it ends.

mod bad_input;
mod bounds;
mod cancel;
mod chains;
mod errors;
mod left_behind;
mod rings;
mod stats;

use std::sync::{Condvar, Mutex, PoisonError};

/// A door that opens once.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub(crate) fn open(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.opened.notify_all();
    }

    pub(crate) fn pass(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.opened.wait_while(open, |open| !*open).unwrap_or_else(PoisonError::into_inner));
    }
}

/// Gives its turn away until `done`; the watchdog ends it if that never comes.
pub(crate) fn until(done: impl Fn() -> bool) {
    while !done() {
        std::thread::yield_now();
    }
}

/// Waits until a number has not changed for long, as far as giving turns away can tell. Who asks
/// must be right with any answer; a better one makes the test sharper.
pub(crate) fn settled(number: impl Fn() -> usize) {
    let (mut last, mut looks) = (number(), 0);
    while looks < 2000 {
        std::thread::yield_now();
        let now = number();
        looks = if now == last { looks + 1 } else { 0 };
        last = now;
    }
}
