//! How long a waiter stays awake before it parks.
//!
//! A party that is about to arrive is met fastest by looking again, so a waiter spins while every
//! thread it waits for can have a core of its own. When they cannot, spinning keeps the awaited
//! thread off the core: then the waiter looks a few times only, for the last party may be running on
//! another core, gives up its turn a few times, and goes to sleep.
//! Both are bounded by counts, so one late party costs the others microseconds, not its delay.

#[cfg(not(any(brigade_loom, brigade_shuttle)))]
use std::sync::atomic::{AtomicUsize, Ordering};

/// Looks at the word with a pause of the processor between: about five microseconds in all.
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
const SPINS: u32 = 200;

/// The same where there are more threads than cores: half a microsecond, less than a switch.
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
const SPINS_IN_A_CROWD: u32 = 14;

/// Looks at the word with a turn given away between.
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
const YIELDS: u32 = 16;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    spins: u32,
    yields: u32,
}

impl Patience {
    /// For a wait that needs `threads` threads, the waiter included, to run.
    #[cfg(not(any(brigade_loom, brigade_shuttle)))]
    #[inline]
    pub(crate) fn among(threads: usize) -> Self {
        Self { spins: if threads > cores() { SPINS_IN_A_CROWD } else { SPINS }, yields: YIELDS }
    }

    /// None under a model, where looking again teaches nothing and multiplies the schedules.
    #[cfg(any(brigade_loom, brigade_shuttle))]
    pub(crate) fn among(_: usize) -> Self {
        Self { spins: 0, yields: 0 }
    }

    /// Passes a moment; `false` when it is time to sleep.
    #[inline]
    pub(crate) fn spend(&mut self) -> bool {
        if self.spins > 0 {
            self.spins -= 1;
            std::hint::spin_loop();
            true
        } else if self.yields > 0 {
            self.yields -= 1;
            std::thread::yield_now();
            true
        } else {
            false
        }
    }
}

/// The cores this process may use, asked for once: the question costs system calls.
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
#[inline]
fn cores() -> usize {
    static CORES: AtomicUsize = AtomicUsize::new(0);

    #[cold]
    fn ask() -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        CORES.store(cores, Ordering::Relaxed);
        cores
    }

    match CORES.load(Ordering::Relaxed) {
        0 => ask(),
        cores => cores,
    }
}
