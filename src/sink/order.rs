//! One round's records in their total order.
//!
//! A round is complete when it arrives here: everything below its cut is in it, and all stamps
//! lie in one short window. So it is *sorted*, not merged: a least-significant-digit radix sort
//! over the offsets inside the window costs the same for five producers as for a thousand. The
//! records stay where they are; what moves is eight bytes each, offset and index in one word.
//! (Counting passes: Knuth, The Art of Computer Programming 3, section 5.2.5, 1973.)

use std::ops::ControlFlow;

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
const PLACES: usize = 1 << DIGIT;
type Counts = [u32; PLACES];

/// Records of one round, and the order in which they leave.
///
/// They arrive run by run, ascending in producer id, each run in sequence; so a stable sort by
/// stamp yields the total order (stamp, producer, sequence). Where they arrive otherwise,
/// [`Arrival::Mixed`] says so.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    entries: Vec<Entry<T>>,
    /// Where the entry of each rank lies; unused while `ascending`.
    order: Vec<u32>,
    keys: Vec<u64>,
    spare: Vec<u64>,
    counts: Vec<Counts>,
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
            order: Vec::new(),
            keys: Vec::new(),
            spare: Vec::new(),
            counts: Vec::new(),
            least: u64::MAX,
            greatest: 0,
            ascending: true,
        }
    }
}

impl<T> Batch<T> {
    /// Adds one record.
    #[inline]
    pub(crate) fn push(&mut self, entry: Entry<T>) {
        self.note(entry.stamp, entry.stamp);
        self.entries.push(entry);
    }

    /// Adds records of one producer that are in order among themselves; gives the last stamp.
    #[inline]
    pub(crate) fn extend_run(&mut self, run: impl Iterator<Item = Entry<T>>) -> u64 {
        let before = self.entries.len();
        self.entries.extend(run);
        let run = &self.entries[before..];
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return 0 };
        let (first, last) = (first.stamp, last.stamp);
        self.note(first, last);
        last
    }

    fn note(&mut self, first: u64, last: u64) {
        // Grouped by producer, so an equal stamp behind an equal one is in order too.
        self.ascending &= first >= self.greatest;
        self.least = self.least.min(first);
        self.greatest = self.greatest.max(last);
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
            self.entries.get(*self.order.get(rank)? as usize)
        }
    }

    /// Calls `each` with the entries in order, from `rank` on, until it breaks.
    #[inline]
    pub(crate) fn try_for_each_from<B>(
        &self,
        rank: usize,
        mut each: impl FnMut(&Entry<T>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        // One loop with one call in it, so that the call becomes a part of the loop.
        let order = (!self.ascending).then_some(&self.order[..]);
        (rank..self.len()).try_for_each(|rank| {
            let at = order.map_or(rank, |order| order[rank] as usize);
            each(&self.entries[at])
        })
    }

    /// Where the entry at `rank` lies among [`drain`](Self::drain)'s positions.
    pub(crate) fn position(&self, rank: usize) -> usize {
        if self.ascending { rank } else { self.order[rank] as usize }
    }

    pub(crate) fn sort(&mut self, arrival: Arrival) {
        if self.ascending && arrival == Arrival::Grouped {
            return;
        }
        let span = self.greatest.saturating_sub(self.least);
        match u32::try_from(span) {
            Ok(_) if self.entries.len() <= SMALL => self.sort_small(),
            Ok(span) => self.sort_by_digits(span),
            Err(_) => self.sort_wide(),
        }
        self.order.truncate(self.entries.len());
        self.ascending = false;
        if arrival == Arrival::Mixed {
            self.settle_ties();
        }
    }

    /// A window of more than four seconds: rare, and never hot.
    #[cold]
    fn sort_wide(&mut self) {
        let entries = &self.entries;
        self.order.clear();
        self.order.extend((0_u32..).zip(entries).map(|(at, _)| at));
        self.order.sort_by_key(|&at| entries[at as usize].stamp);
    }

    /// The index in the low half makes every word different, so any sort is a stable one.
    fn sort_small(&mut self) {
        let least = self.least;
        self.keys.clear();
        self.keys.extend((0_u64..).zip(&self.entries).map(|(at, e)| (e.stamp - least) << 32 | at));
        self.keys.sort_unstable();
        self.order.clear();
        self.order.extend(self.keys.iter().map(|&key| index_of(key)));
    }

    fn sort_by_digits(&mut self, span: u32) {
        let bits = (u32::BITS - span.leading_zeros()).max(1);
        let passes = bits.div_ceil(DIGIT);
        let width = bits.div_ceil(passes);
        let (len, least) = (self.entries.len(), self.least);
        match passes {
            1 => self.count_digits::<1>(width),
            2 => self.count_digits::<2>(width),
            _ => self.count_digits::<3>(width),
        }
        grow(&mut self.order, len);
        grow(&mut self.keys, len);
        let Some((last, earlier)) = self.counts.split_last_mut() else { return };
        let keys = (0_u64..).zip(&self.entries).map(|(at, e)| (e.stamp - least) << 32 | at);
        let Some((first, middle)) = earlier.split_first_mut() else {
            for key in keys {
                self.order[next_place(last, digit(key, 32, width))] = index_of(key);
            }
            return;
        };
        for key in keys {
            self.keys[next_place(first, digit(key, 32, width))] = key;
        }
        for (counts, pass) in middle.iter_mut().zip(1..) {
            grow(&mut self.spare, len);
            for &key in &self.keys[..len] {
                self.spare[next_place(counts, digit(key, 32 + pass * width, width))] = key;
            }
            std::mem::swap(&mut self.keys, &mut self.spare);
        }
        let shift = 32 + (passes - 1) * width;
        let order = &mut self.order[..len];
        for &key in &self.keys[..len] {
            order[next_place(last, digit(key, shift, width))] = index_of(key);
        }
    }

    /// For each of the passes, where each digit's entries begin: one look at the entries for all.
    fn count_digits<const PASSES: usize>(&mut self, width: u32) {
        let least = self.least;
        self.counts.clear();
        self.counts.resize(PASSES, [0; PLACES]);
        if let Ok(counts) = <&mut [Counts; PASSES]>::try_from(&mut self.counts[..]) {
            for entry in &self.entries {
                let mut rest = entry.stamp - least;
                for counts in &mut *counts {
                    counts[digit(rest, 0, width)] += 1;
                    rest >>= width;
                }
            }
        }
        for counts in &mut self.counts {
            let mut start = 0;
            for count in &mut counts[..1 << width] {
                start += std::mem::replace(count, start);
            }
        }
    }

    /// Orders records of one stamp by producer and sequence.
    fn settle_ties(&mut self) {
        let entries = &self.entries;
        let of = |at: u32| &entries[at as usize];
        self.order
            .chunk_by_mut(|&a, &b| of(a).stamp == of(b).stamp)
            .filter(|tied| tied.len() > 1)
            .for_each(|tied| tied.sort_by_key(|&at| of(at).producer));
    }

    #[cfg(test)]
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
        self.least = u64::MAX;
        self.greatest = 0;
        self.ascending = true;
    }
}

#[inline]
#[allow(clippy::cast_possible_truncation)]
fn index_of(key: u64) -> u32 {
    key as u32
}

/// The `width` bits above `shift`; the mask lets the compiler see that they name a place.
#[inline]
#[allow(clippy::cast_possible_truncation)]
fn digit(key: u64, shift: u32, width: u32) -> usize {
    ((key >> shift) & ((1 << width) - 1)) as usize % PLACES
}

#[inline]
fn next_place(counts: &mut Counts, digit: usize) -> usize {
    let place = counts[digit];
    counts[digit] = place + 1;
    place as usize
}

/// Makes sure of `len` elements; what they hold does not matter.
fn grow<N: Copy + Default>(numbers: &mut Vec<N>, len: usize) {
    if numbers.len() < len {
        numbers.resize(len, N::default());
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
