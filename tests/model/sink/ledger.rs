//! What was accepted and what was released, held against each other.

/// Stamp, producer id, sequence number: the total order.
pub(crate) type Key = (u64, u32, u64);

/// The records that the writer has released, checked as they come.
#[derive(Default)]
pub(crate) struct Ledger {
    released: Vec<Key>,
    cut: u64,
}

impl Ledger {
    /// Enters one round's records, in the order of their release; `cut` is that of the round.
    ///
    /// Three things are promised: nothing comes below an earlier cut, each record comes behind
    /// the one before, and a producer's records come one by one, so that its n-th record (from
    /// zero) has the value n.
    pub(crate) fn enter(&mut self, round: Vec<(u32, u64, u64, u64)>, cut: u64) {
        for (producer, sequence, stamp, value) in round {
            let key = (stamp, producer, sequence);
            assert!(
                stamp >= self.cut,
                "order broken: {key:?} came when everything below {} was out",
                self.cut
            );
            if let Some(last) = self.released.last() {
                assert!(*last < key, "order broken: {last:?} was released before {key:?}");
            }
            assert_eq!(sequence, value, "lost or twice: a record of producer {producer}");
            self.released.push(key);
        }
        assert!(cut >= self.cut, "order broken: the cut went back from {} to {cut}", self.cut);
        self.cut = cut;
    }

    /// Demands that what was accepted is what was released.
    pub(crate) fn balance(&self, accepted: impl IntoIterator<Item = Key>) {
        let mut accepted: Vec<Key> = accepted.into_iter().collect();
        accepted.sort_unstable();
        let lost: Vec<_> = accepted.iter().filter(|key| !self.released.contains(key)).collect();
        assert!(lost.is_empty(), "lost: {lost:?} of {accepted:?} were accepted, never released");
        assert_eq!(accepted, self.released, "released, but never accepted");
    }

    pub(crate) fn count(&self) -> usize {
        self.released.len()
    }

    /// Everything below it is out.
    pub(crate) fn cut(&self) -> u64 {
        self.cut
    }
}
