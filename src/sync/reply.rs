//! One answer that one thread waits for and another gives.

use super::{Condvar, Mutex};
use std::time::Instant;

/// A place for one answer. Every waiter has its own, so that whoever serves it wakes it alone and
/// the woken thread takes no lock that others want.
#[derive(Debug)]
pub(crate) struct Reply<V> {
    answer: Mutex<Option<V>>,
    given: Condvar,
}

impl<V> Reply<V> {
    pub(crate) fn new() -> Self {
        Self { answer: Mutex::new(None), given: Condvar::new() }
    }

    /// Gives the answer, once.
    pub(crate) fn give(&self, value: V) {
        *self.answer.lock() = Some(value);
        self.given.notify_one();
    }

    /// Blocks until the answer is there; without a deadline it always comes back with one.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Option<V> {
        let mut answer = self.answer.lock();
        loop {
            if let Some(value) = answer.take() {
                return Some(value);
            }
            match deadline {
                None => self.given.wait(&mut answer),
                Some(at) => {
                    if self.given.wait_until(&mut answer, at).timed_out() {
                        return answer.take();
                    }
                }
            }
        }
    }
}
