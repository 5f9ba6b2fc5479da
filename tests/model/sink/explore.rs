//! How loom is asked, and the clock it is asked with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use loom::sync::atomic::{AtomicU64, Ordering};

use super::ledger::Key;
use super::mutants::WEAKENINGS;
use crate::weakened::arm_as_told;
use brigade::internals::Port;

/// Explores every interleaving with at most `preemptions` preemptions; `None` is all of them.
pub(crate) fn explore(preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    arm_as_told(WEAKENINGS);
    let began = Instant::now();
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let mut loom = loom::model::Builder::new();
    loom.preemption_bound = preemptions;
    loom.max_branches = 20_000;
    loom.check(move || {
        counter.fetch_add(1, Relaxed);
        model();
    });
    let name = std::thread::current().name().unwrap_or("a model").to_owned();
    println!(
        "{name}: {} interleavings, preemptions {preemptions:?}, {:.2?}",
        runs.load(Relaxed),
        began.elapsed()
    );
}

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
