//! Large rounds, taken in slices of time.
//!
//! The cut that a look proves is the latest one that is right; every earlier one is right as well.
//! Where more records lie below it than the caches hold, an earlier cut is taken and the rest is
//! left to the rounds that follow: records are then sorted and encoded where they are near.

use crate::sync::MODELLED;

/// Records of one slice: with what sorts them, they fit a second-level cache. Under a model so few
/// that slices occur in it.
pub(crate) const SLICE: usize = if MODELLED { 2 } else { 8 * 1024 };

/// Every slice asks every producer; with many of them it holds so many records of each, for the
/// question to be worth it.
const OF_EACH: usize = if MODELLED { 0 } else { 16 };

/// How much of the time between the first record and the cut makes a slice.
#[derive(Debug)]
pub(crate) struct Slices {
    /// Nanoseconds that held a slice lately.
    width: u64,
    /// Records that a slice should hold.
    aim: usize,
}

impl Slices {
    pub(crate) fn new() -> Self {
        Self { width: 1 << 20, aim: SLICE }
    }

    /// Slices of one nanosecond, however little there is.
    #[cfg(brigade_loom)]
    pub(crate) fn finest() -> Self {
        Self { width: 1, aim: 0 }
    }

    pub(crate) fn suit(&mut self, producers: usize) {
        self.aim = SLICE.max(producers * OF_EACH);
    }

    /// Where to cut if at most `found` records lie from `first` on: at `cut`, or earlier if they
    /// are too many, but always behind the first one.
    #[inline]
    pub(crate) fn cut(&self, first: u64, found: usize, cut: u64) -> u64 {
        if found <= self.aim + self.aim / 2 {
            cut
        } else {
            cut.min(first.saturating_add(self.width))
        }
    }

    /// Learns from a slice that held so many records. Their density may change by any factor; the
    /// width follows by at most eight a slice.
    pub(crate) fn took(&mut self, count: usize) {
        let (count, aim) = (count.max(1) as u128, self.aim as u128);
        let fitting = u64::try_from(u128::from(self.width) * aim / count).unwrap_or(u64::MAX);
        self.width = fitting.clamp(self.width / 8, self.width.saturating_mul(8)).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the stamps, slices come to an end, each takes something, and none is skipped.
        #[test]
        fn slices_take_everything_in_order(
            mut stamps in proptest::collection::vec(any::<u64>().prop_map(|s| s >> (s % 64)), 1..400),
            scale in 1..200_usize,
        ) {
            stamps.sort_unstable();
            let cut = u64::MAX - 1;
            stamps.retain(|&stamp| stamp < cut);
            // As many as that for each one, or no slice would be made.
            let weight = SLICE * scale / 100;
            let mut slices = Slices::new();
            let mut left = &stamps[..];
            let mut rounds = 0;
            while let Some(&first) = left.first() {
                let here = slices.cut(first, left.len() * weight, cut);
                prop_assert!(first < here && here <= cut);
                let (taken, rest) = left.split_at(left.partition_point(|&stamp| stamp < here));
                prop_assert!(!taken.is_empty());
                slices.took(taken.len() * weight);
                left = rest;
                rounds += 1;
            }
            prop_assert!(rounds <= stamps.len());
        }
    }

    #[test]
    fn the_width_settles_where_a_slice_fits() {
        for gap in [1, 1_000, 1_000_000_000] {
            let mut slices = Slices::new();
            let records = |slices: &Slices| {
                let width = slices.cut(0, usize::MAX, u64::MAX);
                usize::try_from(width / gap).map_or(usize::MAX, |count| count.max(1))
            };
            for _ in 0..20 {
                slices.took(records(&slices));
            }
            let settled = records(&slices);
            assert!((SLICE / 2..=SLICE * 2).contains(&settled), "{settled} records a slice");
        }
    }

    #[test]
    fn a_small_round_is_not_sliced() {
        assert_eq!(Slices::new().cut(7, SLICE, 1 << 50), 1 << 50);
        assert_eq!(Slices::new().cut(7, 2 * SLICE, 9), 9);
    }
}
