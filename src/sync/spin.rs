//! A few rounds of waiting on the processor, before a thread is put to sleep.

/// At most three rounds, some 20 ns in all; none under a model checker.
#[derive(Debug)]
pub(crate) struct Short(u32);

#[cfg(any(brigade_loom, brigade_shuttle))]
const ROUNDS: u32 = 0;
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
const ROUNDS: u32 = 3;

impl Short {
    pub(crate) fn new() -> Self {
        Self(0)
    }

    /// Waits one round, each twice as long as the one before; `false` when there are none left.
    pub(crate) fn again(&mut self) -> bool {
        if self.0 == ROUNDS {
            return false;
        }
        self.0 += 1;
        (0..1 << self.0).for_each(|_| std::hint::spin_loop());
        true
    }
}
