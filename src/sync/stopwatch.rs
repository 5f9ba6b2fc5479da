//! Time since a moment, for what measures itself and acts upon it.

pub(crate) use measured::Stopwatch;

#[cfg(not(brigade_shuttle))]
mod measured {
    use std::time::Instant;

    /// Nanoseconds since it was started.
    #[derive(Debug)]
    pub(crate) struct Stopwatch(Instant);

    impl Stopwatch {
        pub(crate) fn started(at: Instant) -> Self {
            Self(at)
        }

        #[inline]
        pub(crate) fn nanos(&self) -> u64 {
            u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
        }
    }
}

/// Under shuttle nobody's clock: each look draws how much time has passed since the last, from
/// nothing to seconds, out of what draws the schedule. So a seed repeats all that follows from it.
#[cfg(brigade_shuttle)]
mod measured {
    use shuttle::rand::{Rng, thread_rng};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Instant;

    #[derive(Debug)]
    pub(crate) struct Stopwatch(AtomicU64);

    impl Stopwatch {
        pub(crate) fn started(_: Instant) -> Self {
            Self(AtomicU64::new(0))
        }

        pub(crate) fn nanos(&self) -> u64 {
            let passed = (1_u64 << thread_rng().gen_range(0..32)) - 1;
            self.0.fetch_add(passed, Ordering::Relaxed) + passed
        }
    }
}
