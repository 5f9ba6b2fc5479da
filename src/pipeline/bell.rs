//! What a blocked thread of a pipeline waits on: its own bell.
//!
//! A bell that was rung stays rung until its owner has noticed, so it does not matter whether the
//! owner sleeps already. That makes one rule enough for everybody who waits: announce yourself,
//! under a lock or by a flag, wait for the bell, look again.

use std::time::Instant;

use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutant, Mutex, mutant, thread};

/// Turns given away before sleeping. A partner that has work to do needs a core more than the
/// waiter needs to look again.
const YIELDS: u32 = if cfg!(any(brigade_loom, brigade_shuttle)) { 0 } else { 4 };

/// A sticky wake-up for one thread.
#[derive(Debug)]
pub struct Bell {
    rung: Mutex<bool>,
    rings: Condvar,
    /// A hint for who looks before it sleeps; the lock has the truth.
    seen: AtomicBool,
}

impl Bell {
    pub(crate) fn new() -> Self {
        Self { rung: Mutex::new(false), rings: Condvar::new(), seen: AtomicBool::new(false) }
    }

    pub(crate) fn ring(&self) {
        if !mutant(Mutant::PipelineBellForgets) {
            *self.rung.lock() = true;
        }
        self.seen.store(true, Ordering::Relaxed);
        self.rings.notify_one();
    }

    /// Blocks until the bell was rung, at most until `deadline`.
    pub(crate) fn wait(&self, deadline: Option<Instant>) {
        for _ in 0..YIELDS {
            if self.seen.load(Ordering::Relaxed) {
                break;
            }
            thread::yield_now();
        }
        self.sleep(deadline);
    }

    /// The same for who has given away turns already.
    pub(crate) fn sleep(&self, deadline: Option<Instant>) {
        let mut rung = self.rung.lock();
        if mutant(Mutant::PipelineBellForgets) {
            self.rings.wait(&mut rung);
        }
        while !*rung {
            match deadline {
                None => self.rings.wait(&mut rung),
                Some(at) => {
                    if self.rings.wait_until(&mut rung, at).timed_out() {
                        break;
                    }
                }
            }
        }
        *rung = false;
        self.seen.store(false, Ordering::Relaxed);
    }
}

/// Turns edges off and wakes everybody who could be waiting at one.
///
/// Edges are numbered from the source on, and are only ever turned off from the source up to some
/// edge: all of them when the pipeline is over, those before a stage when that stage has failed.
#[derive(Debug)]
pub struct Switch {
    /// Edges with a lower number are off.
    off: AtomicUsize,
    bells: Mutex<Vec<std::sync::Arc<Bell>>>,
}

impl Switch {
    pub(crate) fn new() -> Self {
        Self { off: AtomicUsize::new(0), bells: Mutex::new(Vec::new()) }
    }

    /// A bell for a thread that is about to join; before it joins.
    pub(crate) fn bell(&self) -> std::sync::Arc<Bell> {
        let bell = std::sync::Arc::new(Bell::new());
        self.bells.lock().push(std::sync::Arc::clone(&bell));
        bell
    }

    #[inline]
    pub(crate) fn is_off(&self, edge: usize) -> bool {
        // Relaxed: who is woken by its bell has the bell's lock between.
        edge < self.off.load(Ordering::Relaxed)
    }

    /// Turns off every edge with a number below `edges`.
    pub(crate) fn turn_off(&self, edges: usize) {
        let early = mutant(Mutant::PipelineHaltRingsFirst);
        if early {
            self.ring_all();
        }
        self.off.fetch_max(edges, Ordering::Relaxed);
        if !early && !mutant(Mutant::PipelineHaltRingsNobody) {
            self.ring_all();
        }
    }

    pub(crate) fn ring_all(&self) {
        for bell in self.bells.lock().iter() {
            bell.ring();
        }
    }
}
