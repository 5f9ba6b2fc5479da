//! The barrier's word: `generation:32 | sleepers:1 | draining:1 | broken:1 | cause:2 | arrived:27`.
//!
//! The cause sits in the word because it has to be decided by the exchange that breaks the
//! generation: kept beside it, a party could learn that the barrier broke before it could learn why.

use super::Cause;

const ARRIVED: u64 = (1 << 27) - 1;
const CAUSE_SHIFT: u32 = 27;
const CAUSE: u64 = 0b11 << CAUSE_SHIFT;
const BROKEN: u64 = 1 << 29;
const DRAINING: u64 = 1 << 30;
const GENERATION_SHIFT: u32 = 32;

pub(super) const MAX_PARTIES: u32 = ARRIVED as u32;

/// One reading of the word, without a view on its bit for sleepers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(pub(super) u64);

impl Word {
    #[inline]
    pub(super) fn generation(self) -> u32 {
        (self.0 >> GENERATION_SHIFT) as u32
    }

    #[inline]
    pub(super) fn arrived(self) -> u32 {
        (self.0 & ARRIVED) as u32
    }

    #[inline]
    pub(super) fn is_broken(self) -> bool {
        self.0 & BROKEN != 0
    }

    /// Broken, but on the way to a fresh generation as soon as its last waiter has left.
    #[inline]
    pub(super) fn is_draining(self) -> bool {
        self.0 & DRAINING != 0
    }

    /// Why it is broken; of no meaning if it is not.
    #[inline]
    pub(super) fn cause(self) -> Cause {
        match (self.0 & CAUSE) >> CAUSE_SHIFT {
            0 => Cause::Timeout,
            1 => Cause::Panic,
            2 => Cause::Abort,
            _ => Cause::Reset,
        }
    }

    #[inline]
    pub(super) fn with_arrived(self, arrived: u32) -> Self {
        Self(self.0 & !ARRIVED | u64::from(arrived))
    }

    #[inline]
    pub(super) fn with_cause(self, cause: Cause) -> Self {
        let bits = match cause {
            Cause::Timeout => 0,
            Cause::Panic => 1,
            Cause::Abort => 2,
            Cause::Reset => 3,
        };
        Self(self.0 & !(CAUSE | DRAINING) | BROKEN | bits << CAUSE_SHIFT)
    }

    #[inline]
    pub(super) fn with_draining(self) -> Self {
        Self(self.0 | DRAINING)
    }

    #[inline]
    pub(super) fn without_cause(self) -> Self {
        Self(self.0 & !(CAUSE | DRAINING | BROKEN))
    }

    /// The next generation with nobody arrived; a break that was ordered for it stays.
    #[inline]
    pub(super) fn next_generation(self) -> Self {
        Self((self.0 & !ARRIVED).wrapping_add(1 << GENERATION_SHIFT))
    }
}

#[cfg(all(test, not(any(brigade_loom, brigade_shuttle))))]
mod tests {
    use super::*;
    use crate::sync::SLEEPERS;

    #[test]
    fn the_fields_tile_the_word() {
        let fields = [ARRIVED, CAUSE, BROKEN, DRAINING, SLEEPERS, u64::MAX << GENERATION_SHIFT];
        assert_eq!(fields.iter().fold(0, |all, field| all | field), u64::MAX);
        assert_eq!(fields.iter().map(|field| field.count_ones()).sum::<u32>(), 64);
    }

    #[test]
    fn the_last_generation_is_followed_by_the_first() {
        let last = Word(u64::MAX << GENERATION_SHIFT).with_arrived(MAX_PARTIES);
        assert_eq!(last.next_generation(), Word(0));
    }

    #[test]
    fn a_cause_reads_back_and_ends_a_drain() {
        for cause in [Cause::Timeout, Cause::Panic, Cause::Abort, Cause::Reset] {
            let word = Word(0).with_arrived(5).with_cause(Cause::Reset).with_draining();
            let word = word.with_cause(cause);
            assert_eq!((word.cause(), word.is_broken(), word.is_draining()), (cause, true, false));
            assert_eq!(word.without_cause(), Word(0).with_arrived(5));
        }
    }
}
