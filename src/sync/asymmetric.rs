//! A pair of fences of which one is nearly free.
//!
//! Two threads that each store and then look at what the other stores need a full fence between, or
//! both may look too early. Where one does so for each item and the other only before it sleeps, the
//! sleeper can pay for both: [`heavy_fence`] makes every running thread of this process execute a
//! full fence, so that [`light_fence`] only has to keep the compiler from moving things. Linux does
//! that with `membarrier`; elsewhere, and where the kernel refuses, both are full fences.
//!
//! D. Goldblatt, *Asymmetric Fences* (P1202), 2018.

#[cfg(not(all(target_os = "linux", not(any(brigade_loom, brigade_shuttle, miri)))))]
pub(crate) use symmetric::{heavy_fence, light_fence};
#[cfg(all(target_os = "linux", not(any(brigade_loom, brigade_shuttle, miri))))]
pub(crate) use with_kernel::{heavy_fence, light_fence};

#[cfg(all(target_os = "linux", not(any(brigade_loom, brigade_shuttle, miri))))]
mod with_kernel {
    use std::sync::atomic::{AtomicU8, Ordering, compiler_fence, fence};

    use rustix::thread::{MembarrierCommand, membarrier};

    const UNKNOWN: u8 = 0;
    const THERE: u8 = 1;
    const MISSING: u8 = 2;

    static KERNEL: AtomicU8 = AtomicU8::new(UNKNOWN);

    /// For the side that looks often.
    #[inline]
    pub(crate) fn light_fence() {
        if KERNEL.load(Ordering::Relaxed) == THERE {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    /// For the side that looks before it sleeps. False if the fence failed, so that it must not sleep
    /// for long: a kernel that has it keeps it, but a filter that somebody installs may not.
    #[cold]
    pub(crate) fn heavy_fence() -> bool {
        use MembarrierCommand::{PrivateExpedited, RegisterPrivateExpedited};
        fence(Ordering::SeqCst);
        if KERNEL.load(Ordering::Relaxed) == UNKNOWN {
            let there = membarrier(RegisterPrivateExpedited).is_ok();
            let answer = if there { THERE } else { MISSING };
            let relaxed = Ordering::Relaxed;
            let _ = KERNEL.compare_exchange(UNKNOWN, answer, relaxed, relaxed);
        }
        KERNEL.load(Ordering::Relaxed) == MISSING || membarrier(PrivateExpedited).is_ok()
    }
}

#[cfg(not(all(target_os = "linux", not(any(brigade_loom, brigade_shuttle, miri)))))]
mod symmetric {
    use crate::sync::atomic::{Ordering, fence};
    use crate::sync::{Mutant, mutant};

    /// For the side that looks often.
    #[inline]
    pub(crate) fn light_fence() {
        if !mutant(Mutant::LightFenceMissing) {
            fence(Ordering::SeqCst);
        }
    }

    /// For the side that looks before it sleeps. True: it cannot fail.
    #[cold]
    pub(crate) fn heavy_fence() -> bool {
        if !mutant(Mutant::HeavyFenceMissing) {
            fence(Ordering::SeqCst);
        }
        true
    }
}
