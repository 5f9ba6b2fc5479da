//! One round's records in their total order.
//!
//! A round is complete when it arrives here: everything below its cut is in it, and all stamps
//! lie in one short window. So it is *sorted*, not merged: a least-significant-digit radix sort
//! over the offsets inside the window costs the same for five producers as for a thousand. The
//! records stay where they are; what moves is eight bytes each, offset and index in one word.
//! (Counting passes: Knuth, The Art of Computer Programming 3, section 5.2.5, 1973.)

use crate::clock::Stamp;

/// One record on its way from ring to output.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) stamp: u64,
    pub(crate) value: T,
    pub(crate) producer: u32,
    /// The low half of the sequence number; [`Entry::sequence`] restores it.
    sequence: u32,
}

impl<T> Entry<T> {
    #[inline]
    pub(crate) fn new(stamp: u64, producer: u32, sequence: u64, value: T) -> Self {
        #[allow(clippy::cast_possible_truncation)]
        let sequence = sequence as u32;
        Self { stamp, value, producer, sequence }
    }

    /// The sequence number, given any one of the same producer at most 2^31 away.
    #[inline]
    pub(crate) fn sequence(&self, near: u64) -> u64 {
        #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
        let distance = self.sequence.wrapping_sub(near as u32) as i32;
        near.wrapping_add_signed(i64::from(distance))
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp::from_nanos(self.stamp)
    }
}

/// Below this many records a comparison sort of the words wins over the counting passes.
const SMALL: usize = 192;

/// Bits of one counting pass: its table of counts stays in the first-level cache.
const DIGIT: u32 = 11;

/// Records of one round, and the order in which they leave.
///
/// They arrive grouped by producer, ascending in id, each group in sequence; so a stable sort by
/// stamp yields the total order (stamp, producer, sequence). Where they arrive otherwise,
/// [`Arrival::Mixed`] says so.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    entries: Vec<Entry<T>>,
    keys: Vec<u64>,
    scratch: Vec<u64>,
    least: u64,
    greatest: u64,
    ascending: bool,
}

/// How the records of a batch arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// By producer id, each in sequence.
    Grouped,
    /// In any order, but each producer in sequence.
    Mixed,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            keys: Vec::new(),
            scratch: Vec::new(),
            least: u64::MAX,
            greatest: 0,
            ascending: true,
        }
    }
}

impl<T> Batch<T> {
    #[inline]
    pub(crate) fn push(&mut self, entry: Entry<T>) {
        // Grouped by producer, so an equal stamp behind an equal one is in order too.
        self.ascending &= entry.stamp >= self.greatest;
        self.greatest = self.greatest.max(entry.stamp);
        self.least = self.least.min(entry.stamp);
        self.entries.push(entry);
    }

    pub(crate) fn reserve(&mut self, more: usize) {
        self.entries.reserve(more);
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry at `rank` of the order; [`sort`](Self::sort) comes first.
    #[inline]
    pub(crate) fn get(&self, rank: usize) -> Option<&Entry<T>> {
        if self.ascending {
            self.entries.get(rank)
        } else {
            let key = *self.keys.get(rank)?;
            self.entries.get(index_of(key))
        }
    }

    /// Where the entry at `rank` lies among [`drain`](Self::drain)'s positions.
    pub(crate) fn position(&self, rank: usize) -> usize {
        if self.ascending { rank } else { index_of(self.keys[rank]) }
    }

    pub(crate) fn sort(&mut self, arrival: Arrival) {
        if self.ascending && arrival == Arrival::Grouped {
            return;
        }
        self.keys.clear();
        let span = self.greatest.saturating_sub(self.least);
        if span > u64::from(u32::MAX) || self.entries.len() > u32::MAX as usize {
            self.sort_wide();
        } else {
            let least = self.least;
            self.keys.extend(
                (0_u64..).zip(&self.entries).map(|(i, entry)| (entry.stamp - least) << 32 | i),
            );
            // The index in the low half makes every word different: stable by construction.
            if self.keys.len() <= SMALL {
                self.keys.sort_unstable();
            } else {
                #[allow(clippy::cast_possible_truncation)]
                self.sort_by_digits(span as u32);
            }
        }
        self.ascending = false;
        if arrival == Arrival::Mixed {
            self.settle_ties();
        }
    }

    /// A window of more than four seconds: rare, and never hot.
    #[cold]
    fn sort_wide(&mut self) {
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        order.sort_by_key(|&i| self.entries[i].stamp);
        self.keys.extend(order.into_iter().map(|i| i as u64));
    }

    fn sort_by_digits(&mut self, span: u32) {
        let bits = u32::BITS - span.leading_zeros();
        let passes = bits.div_ceil(DIGIT).max(1);
        let width = bits.div_ceil(passes).max(1);
        self.scratch.clear();
        self.scratch.resize(self.keys.len(), 0);
        for pass in 0..passes {
            counting_pass(&self.keys, &mut self.scratch, 32 + pass * width, width);
            std::mem::swap(&mut self.keys, &mut self.scratch);
        }
    }

    /// Orders records of one stamp by producer and sequence.
    fn settle_ties(&mut self) {
        let entries = &self.entries;
        let of = |key: &u64| &entries[index_of(*key)];
        self.keys
            .chunk_by_mut(|a, b| of(a).stamp == of(b).stamp)
            .filter(|tied| tied.len() > 1)
            .for_each(|tied| tied.sort_by_key(|key| of(key).producer));
    }

    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry<T>> {
        (0..self.len()).filter_map(|rank| self.get(rank))
    }

    /// Empties the batch: the entries with their positions, in order of arrival.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (usize, Entry<T>)> {
        self.reset();
        self.entries.drain(..).enumerate()
    }

    /// Empties the batch in its order, from `rank` on; what lies before is dropped.
    pub(crate) fn take_from(&mut self, rank: usize, mut each: impl FnMut(Entry<T>)) {
        let ranks: Vec<usize> = (rank..self.len()).map(|rank| self.position(rank)).collect();
        self.reset();
        let mut entries: Vec<Option<Entry<T>>> = self.entries.drain(..).map(Some).collect();
        ranks.into_iter().filter_map(|at| entries[at].take()).for_each(&mut each);
    }

    pub(crate) fn clear(&mut self) {
        self.reset();
        self.entries.clear();
    }

    fn reset(&mut self) {
        self.keys.clear();
        self.least = u64::MAX;
        self.greatest = 0;
        self.ascending = true;
    }
}

#[inline]
#[allow(clippy::cast_possible_truncation)]
fn index_of(key: u64) -> usize {
    key as u32 as usize
}

/// Moves `from` into `to`, stably, by the `width` bits above `shift`.
fn counting_pass(from: &[u64], to: &mut [u64], shift: u32, width: u32) {
    const PLACES: usize = 1 << DIGIT;
    let mask = (1_u64 << width.min(DIGIT)) - 1;
    #[allow(clippy::cast_possible_truncation)]
    let digit = |key: u64| ((key >> shift) & mask) as usize % PLACES;
    let mut ends = [0_u32; PLACES];
    for &key in from {
        ends[digit(key)] += 1;
    }
    let mut start = 0;
    for place in &mut ends[..=usize::try_from(mask).unwrap_or(PLACES - 1)] {
        let count = *place;
        *place = start;
        start += count;
    }
    for &key in from {
        let place = &mut ends[digit(key)];
        to[*place as usize] = key;
        *place += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ordered(records: &[(u64, u32)], arrival: Arrival) -> Vec<(u64, u32, u64)> {
        let mut batch = Batch::default();
        let mut sequences = std::collections::BTreeMap::new();
        for &(stamp, producer) in records {
            let sequence = sequences.entry(producer).or_insert(0_u64);
            batch.push(Entry::new(stamp, producer, *sequence, *sequence));
            *sequence += 1;
        }
        batch.sort(arrival);
        batch.iter().map(|e| (e.stamp, e.producer, e.sequence(e.value))).collect()
    }

    fn oracle(records: &[(u64, u32)]) -> Vec<(u64, u32, u64)> {
        let mut sequences = std::collections::BTreeMap::new();
        let mut all: Vec<_> = records
            .iter()
            .map(|&(stamp, producer)| {
                let sequence = sequences.entry(producer).or_insert(0_u64);
                *sequence += 1;
                (stamp, producer, *sequence - 1)
            })
            .collect();
        all.sort_by_key(|&(stamp, producer, _)| (stamp, producer));
        all
    }

    fn window() -> impl Strategy<Value = (u64, u64)> {
        let width = prop_oneof![Just(0), Just(1), 2..100_u64, Just(1 << 20), Just(1 << 33)];
        (prop_oneof![Just(0), Just(u64::MAX - (1 << 40)), any::<u32>().prop_map(u64::from)], width)
    }

    proptest! {
        #[test]
        fn grouped_runs_leave_as_a_stable_sort_would_have_them(
            (base, width) in window(),
            seeds in proptest::collection::vec((any::<u64>(), 0..7_u32), 0..700),
        ) {
            let mut records: Vec<(u64, u32)> =
                seeds.iter().map(|&(s, p)| (base + s % (width + 1), p)).collect();
            records.sort_by_key(|&(stamp, producer)| (producer, stamp));
            prop_assert_eq!(ordered(&records, Arrival::Grouped), oracle(&records));
        }

        #[test]
        fn mixed_arrivals_leave_in_the_total_order(
            (base, width) in window(),
            seeds in proptest::collection::vec((any::<u64>(), 0..7_u32), 0..700),
        ) {
            let records: Vec<(u64, u32)> =
                seeds.iter().map(|&(s, p)| (base + s % (width + 1), p)).collect();
            prop_assert_eq!(ordered(&records, Arrival::Mixed), oracle(&records));
        }

        #[test]
        fn a_sequence_number_is_restored_from_its_low_half(near in any::<u64>(), by in -1000_i64..1000) {
            let sequence = near.saturating_add_signed(by);
            let entry = Entry::new(0, 0, sequence, ());
            prop_assert_eq!(entry.sequence(near), sequence);
        }
    }

    #[test]
    fn what_is_left_from_a_rank_on_comes_in_order() {
        let mut batch = Batch::default();
        for (sequence, stamp) in [30, 10, 20, 40].into_iter().enumerate() {
            batch.push(Entry::new(stamp, 0, sequence as u64, stamp));
        }
        batch.sort(Arrival::Grouped);
        let mut left = Vec::new();
        batch.take_from(1, |entry| left.push(entry.value));
        assert_eq!(left, [20, 30, 40]);
        assert!(batch.is_empty());
    }
}
