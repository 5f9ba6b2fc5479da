//! `FairRwLock` from outside.

use std::thread;

use brigade::rwlock::{FairRwLockWith, Inspect, Policy};

mod bad_input;
mod features;
mod line;
mod std_suite;
mod stress;
mod time;

/// Waits for something that another thread is about to bring about; the watchdog is patient.
pub(crate) fn until(happened: impl Fn() -> bool) {
    while !happened() {
        thread::yield_now();
    }
}

pub(crate) fn readers_queue<T, P: Policy>(lock: &FairRwLockWith<T, P>, count: usize) {
    until(|| lock.waiting_readers() == count);
}

pub(crate) fn writers_queue<T, P: Policy>(lock: &FairRwLockWith<T, P>, count: usize) {
    until(|| lock.waiting_writers() == count);
}
