//! Which instructions this processor has.

use std::sync::atomic::{AtomicU8, Ordering};

/// Which instructions are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Level {
    Scalar = 1,
    #[cfg(target_arch = "x86_64")]
    Avx2 = 2,
    #[cfg(target_arch = "x86_64")]
    Avx512 = 3,
}

/// What a group of lanes knows of the processor. The loop that is compiled for AVX-512 says so to the
/// groups that it makes, and what is computed from a group knows as much. So where a closure has become part
/// of that loop, nothing in it asks for the level any more: the compiler sees the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proof {
    None,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Proof {
    /// What two groups know together.
    #[inline(always)]
    pub(crate) const fn or(self, other: Self) -> Self {
        match self {
            Self::None => other,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => self,
        }
    }

    #[inline(always)]
    pub(crate) fn level(self) -> Level {
        match self {
            Self::None => Level::best(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Level::Avx512,
        }
    }
}

impl Level {
    /// Those that this machine has.
    pub(crate) fn available() -> Vec<Self> {
        let mut levels = vec![Self::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Self::Avx2);
            }
            if is_x86_feature_detected!("avx512f") {
                levels.push(Self::Avx512);
            }
        }
        levels
    }

    /// The best one of this machine.
    #[inline]
    pub(crate) fn best() -> Self {
        // A value that never changes needs no order.
        static BEST: AtomicU8 = AtomicU8::new(0);
        match BEST.load(Ordering::Relaxed) {
            #[cfg(target_arch = "x86_64")]
            3 => Self::Avx512,
            #[cfg(target_arch = "x86_64")]
            2 => Self::Avx2,
            1 => Self::Scalar,
            _ => Self::find(&BEST),
        }
    }

    #[cold]
    fn find(best: &AtomicU8) -> Self {
        let found = Self::available().pop().unwrap_or(Self::Scalar);
        best.store(found as u8, Ordering::Relaxed);
        found
    }
}
