//! The clock that loom is asked with, and what producers do.

use std::sync::Arc;

use loom::sync::atomic::{AtomicU64, Ordering};

use super::ledger::Key;
pub(crate) use crate::explore::explore;
use brigade::internals::Port;

/// A clock as bad as can be: whoever reads it may see any time that it has shown since that
/// reader's last look, in whatever order others see it.
#[derive(Clone)]
pub(crate) struct Skewed(Arc<AtomicU64>);

impl Skewed {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
    }

    /// Moves on to `now`, and gives it back.
    pub(crate) fn show(&self, now: u64) -> u64 {
        self.0.store(now, Ordering::Relaxed);
        now
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Pushes so many records, each valued by its number, under a clock that runs ahead of the
/// others by `ahead`; tells what was accepted.
pub(crate) fn push_some(port: &mut Port<u64>, pushes: u64, clock: &Skewed, ahead: u64) -> Vec<Key> {
    let mut accepted: Vec<Key> = Vec::new();
    for _ in 0..pushes {
        let sequence = accepted.len() as u64;
        match port.push(sequence, || clock.read() + ahead) {
            Ok(stamp) => accepted.push((stamp, port.id(), sequence)),
            Err(value) => assert_eq!(value, sequence, "lost: another value came back"),
        }
    }
    accepted
}
