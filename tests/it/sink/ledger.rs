//! What was accepted, kept by the test beside the sink, and the comparison with what came out.

use std::collections::HashMap;

use brigade::clock::Stamp;
use brigade::sink::{Report, SinkError, Unwritten};

use super::rows::Row;

/// One accepted record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// Unknown for all but the last record of a batch that the sink has stamped.
    pub(crate) stamp: Option<u64>,
    pub(crate) producer: u32,
    pub(crate) name: String,
    pub(crate) sequence: u64,
    pub(crate) value: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    entries: Vec<Accepted>,
    next: HashMap<String, u64>,
}

impl Ledger {
    pub(crate) fn note(
        &mut self,
        stamp: Option<Stamp>,
        producer: u32,
        name: &str,
        value: impl Into<String>,
    ) {
        let next = self.next.entry(name.to_owned()).or_default();
        self.entries.push(Accepted {
            stamp: stamp.map(Stamp::as_nanos),
            producer,
            name: name.to_owned(),
            sequence: *next,
            value: value.into(),
        });
        *next += 1;
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.entries.extend(other.entries);
        self.next.extend(other.next);
    }

    /// `rows` are all entries in their total order, each once. Where every stamp is known that is
    /// a comparison with a stable sort; where some are not it is what makes any order total.
    pub(crate) fn assert_is(&self, rows: &[Row]) {
        assert_eq!(rows.len(), self.entries.len(), "nothing lost, nothing twice");
        if self.entries.iter().all(|entry| entry.stamp.is_some()) {
            let mut sorted = self.entries.clone();
            sorted.sort_by_key(|entry| (entry.stamp, entry.producer));
            for (row, entry) in rows.iter().zip(&sorted) {
                assert_matches(row, entry);
            }
            return;
        }
        let ids: HashMap<&str, u32> =
            self.entries.iter().map(|entry| (&*entry.name, entry.producer)).collect();
        for pair in rows.windows(2) {
            let key = |row: &Row| (row.stamp, ids[&*row.name]);
            assert!(key(&pair[0]) <= key(&pair[1]), "{:?} before {:?}", pair[0], pair[1]);
        }
        let mut by_name: HashMap<&str, Vec<&Accepted>> = HashMap::new();
        for entry in self.entries.iter().rev() {
            by_name.entry(&entry.name).or_default().push(entry);
        }
        for row in rows {
            let entry = by_name.get_mut(&*row.name).and_then(Vec::pop);
            assert_matches(row, entry.unwrap_or_else(|| panic!("{row:?} was never pushed")));
        }
    }

    /// `rows` and `left` together are all entries, each once; `rows` are in order.
    pub(crate) fn assert_split(&self, rows: &[Row], left: &[Unwritten<String>]) {
        assert!(rows.windows(2).all(|pair| pair[0].stamp <= pair[1].stamp), "{rows:?}");
        let mut all: Vec<(String, String)> =
            rows.iter().map(|row| (row.name.clone(), row.value.clone())).collect();
        all.extend(left.iter().map(|record| (record.name.to_string(), record.value.clone())));
        let mut expected: Vec<(String, String)> =
            self.entries.iter().map(|entry| (entry.name.clone(), entry.value.clone())).collect();
        all.sort();
        expected.sort();
        assert_eq!(all, expected, "written and unwritten are what was accepted");
        let in_order = left.is_sorted_by_key(|r| (r.stamp, r.producer, r.sequence));
        assert!(in_order, "unwritten records come in their total order");
        for record in left {
            let entry = self
                .entries
                .iter()
                .find(|entry| entry.name == *record.name && entry.sequence == record.sequence)
                .unwrap_or_else(|| panic!("{record:?} was never pushed"));
            assert_eq!(entry.value, record.value);
            assert!(entry.stamp.is_none_or(|stamp| stamp == record.stamp.as_nanos()));
        }
    }
}

fn assert_matches(row: &Row, entry: &Accepted) {
    let same = row.name == entry.name
        && row.value == entry.value
        && row.sequence.is_none_or(|sequence| sequence == entry.sequence)
        && entry.stamp.is_none_or(|stamp| stamp == row.stamp);
    assert!(same, "{row:?} stands where {entry:?} belongs");
}

/// The one law of every outcome: what was accepted is written or handed back.
pub(crate) fn assert_accounts<T>(outcome: &Result<Report, SinkError<T>>, accepted: usize) {
    match outcome {
        Ok(report) => {
            assert_eq!(report.accepted, accepted as u64);
            assert_eq!(report.written, accepted as u64);
        }
        Err(error) => {
            let report = error.report();
            assert_eq!(report.accepted, accepted as u64, "{error}");
            assert_eq!(report.written + error.unwritten().len() as u64, report.accepted, "{error}");
        }
    }
}
