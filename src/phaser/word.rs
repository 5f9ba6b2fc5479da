//! The phaser's word: `phase:31 | advancing:1 | sleepers:1 | closed:1 | parties:15 | unarrived:15`.
//!
//! Once closed, nothing counts arrivals any more, and their field holds the reason.

use super::CloseReason;

const FIELD: u64 = (1 << 15) - 1;
const PARTIES_SHIFT: u32 = 15;
const CLOSED: u64 = 1 << 30;
const ADVANCING: u64 = 1 << 32;
const PHASE_SHIFT: u32 = 33;

pub(super) const MAX_PARTIES: u32 = FIELD as u32;

/// One reading of the word, without a view on its bit for sleepers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(pub(super) u64);

impl Word {
    #[inline]
    pub(super) fn phase(self) -> u32 {
        (self.0 >> PHASE_SHIFT) as u32
    }

    #[inline]
    pub(super) fn parties(self) -> u32 {
        (self.0 >> PARTIES_SHIFT & FIELD) as u32
    }

    #[inline]
    pub(super) fn unarrived(self) -> u32 {
        (self.0 & FIELD) as u32
    }

    #[inline]
    pub(super) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    /// All have arrived and the last of them is running `on_advance`.
    #[inline]
    pub(super) fn is_advancing(self) -> bool {
        self.0 & ADVANCING != 0
    }

    /// Why it is closed; of no meaning if it is not.
    pub(super) fn reason(self) -> CloseReason {
        match self.unarrived() {
            0 => CloseReason::Close,
            1 => CloseReason::Advance,
            _ => CloseReason::Panic,
        }
    }

    #[inline]
    pub(super) fn with_parties(self, parties: u32) -> Self {
        Self(self.0 & !(FIELD << PARTIES_SHIFT) | u64::from(parties) << PARTIES_SHIFT)
    }

    #[inline]
    pub(super) fn with_unarrived(self, unarrived: u32) -> Self {
        Self(self.0 & !FIELD | u64::from(unarrived))
    }

    #[inline]
    pub(super) fn advancing(self) -> Self {
        Self(self.0 | ADVANCING)
    }

    #[inline]
    pub(super) fn closed(self, reason: CloseReason) -> Self {
        let code = match reason {
            CloseReason::Close => 0,
            CloseReason::Advance => 1,
            CloseReason::Panic => 2,
        };
        Self((self.0 | CLOSED) & !ADVANCING).with_unarrived(code)
    }

    /// The next phase, for which nobody has arrived.
    #[inline]
    pub(super) fn next_phase(self) -> Self {
        Self((self.0 & !ADVANCING).wrapping_add(1 << PHASE_SHIFT)).with_unarrived(self.parties())
    }
}

#[cfg(all(test, not(any(brigade_loom, brigade_shuttle))))]
mod tests {
    use super::*;
    use crate::sync::SLEEPERS;

    #[test]
    fn the_fields_tile_the_word() {
        let fields =
            [FIELD, FIELD << PARTIES_SHIFT, CLOSED, SLEEPERS, ADVANCING, u64::MAX << PHASE_SHIFT];
        assert_eq!(fields.iter().fold(0, |all, field| all | field), u64::MAX);
        assert_eq!(fields.iter().map(|field| field.count_ones()).sum::<u32>(), 64);
    }

    #[test]
    fn the_last_phase_is_followed_by_the_first() {
        let last = Word(u64::MAX << PHASE_SHIFT).with_parties(MAX_PARTIES).advancing();
        let first = last.next_phase();
        assert_eq!(first, Word(0).with_parties(MAX_PARTIES).with_unarrived(MAX_PARTIES));
    }

    #[test]
    fn a_reason_reads_back() {
        for reason in [CloseReason::Close, CloseReason::Advance, CloseReason::Panic] {
            let word = Word(0).with_parties(7).with_unarrived(5).advancing().closed(reason);
            assert_eq!((word.reason(), word.parties()), (reason, 7));
            assert!(word.is_closed() && !word.is_advancing());
        }
    }
}
