//! Event-time records that are here before their time: buckets by stamp.

use std::collections::BTreeMap;

use super::order::{Batch, Entry};

/// A calendar queue (Brown, 1988): a record goes to the bucket of its time and leaves with it, so
/// it is moved twice however long it waits.
#[derive(Debug)]
pub(crate) struct Pending<T> {
    buckets: BTreeMap<u64, Vec<Entry<T>>>,
    shift: u32,
    len: usize,
}

impl<T> Pending<T> {
    /// For a lag of so many nanoseconds: about 64 buckets, none shorter than 2^16 ns.
    pub(crate) fn new(lag: u64) -> Self {
        let shift = (u64::BITS - (lag / 64).leading_zeros()).max(16);
        Self { buckets: BTreeMap::new(), shift, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, entry: Entry<T>) {
        self.buckets.entry(entry.stamp >> self.shift).or_default().push(entry);
        self.len += 1;
    }

    /// Moves every record stamped below `cut` to `batch`.
    pub(crate) fn take_below(&mut self, cut: u64, batch: &mut Batch<T>) {
        let border = cut >> self.shift;
        while let Some(first) = self.buckets.first_entry() {
            if *first.key() > border {
                break;
            }
            if *first.key() < border {
                let entries = first.remove();
                self.len -= entries.len();
                entries.into_iter().for_each(|entry| batch.push(entry));
                continue;
            }
            let entries = first.into_mut();
            let before = entries.len();
            entries.extract_if(.., |entry| entry.stamp < cut).for_each(|entry| batch.push(entry));
            self.len -= before - entries.len();
            if entries.is_empty() {
                self.buckets.remove(&border);
            }
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::order::Arrival;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rising_cuts_release_a_sorted_whole(
            lag in prop_oneof![Just(0), Just(1 << 22), Just(1 << 40)],
            stamps in proptest::collection::vec((0..1_u64 << 24, 0..4_u32), 0..300),
            mut cuts in proptest::collection::vec(0..1_u64 << 24, 0..6),
        ) {
            let mut pending = Pending::new(lag);
            for (sequence, &(stamp, producer)) in stamps.iter().enumerate() {
                pending.push(Entry::new(stamp, producer, sequence as u64, sequence));
            }
            cuts.sort_unstable();
            cuts.push(u64::MAX);
            let mut released = Vec::new();
            for cut in cuts {
                let mut batch = Batch::default();
                pending.take_below(cut, &mut batch);
                batch.sort(Arrival::Mixed);
                prop_assert!(batch.iter().all(|entry| entry.stamp < cut));
                released.extend(batch.iter().map(|entry| (entry.stamp, entry.producer, entry.value)));
            }
            let mut expected: Vec<_> =
                stamps.iter().enumerate().map(|(i, &(stamp, producer))| (stamp, producer, i)).collect();
            expected.sort_unstable();
            prop_assert_eq!(released, expected);
            prop_assert_eq!(pending.len(), 0);
        }
    }
}
