//! What the producers were told, against what is in the output.

use std::any::TypeId;
use std::collections::BTreeMap;

use brigade::clock::Stamp;
use brigade::sink::{
    BinaryReader, DurableError, IngestionTime, MemoryOutput, Producer, PushError, Refusal, Report,
    TimeMode, Unwritten,
};

/// An accepted record. Of a batch that went in pieces only the last stamp is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    stamp: Option<u64>,
    producer: u32,
    name: String,
    sequence: u64,
    value: u32,
}

/// One producer's account of its pushes. Its values are numbered, so each is there once.
pub(crate) struct Account {
    producer: u32,
    name: String,
    base: u32,
    next: u32,
    may_be_late: bool,
    pub(crate) accepted: Vec<Accepted>,
}

/// Whether it makes sense to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sink {
    Open,
    Ended,
}

impl Account {
    /// `base` tells this producer's values from all others'.
    pub(crate) fn of<T, M: TimeMode>(producer: &Producer<T, M>, base: u32) -> Self {
        let may_be_late = TypeId::of::<M>() != TypeId::of::<IngestionTime>();
        let (name, producer) = (producer.name().to_owned(), producer.id().get());
        Self { producer, name, base: base << 16, next: 0, may_be_late, accepted: Vec::new() }
    }

    /// A value that nobody else has.
    pub(crate) fn value(&mut self) -> u32 {
        self.next += 1;
        self.base + self.next
    }

    fn enter(&mut self, value: u32, stamp: Option<u64>) {
        let (producer, name) = (self.producer, self.name.clone());
        let sequence = self.accepted.len() as u64;
        self.accepted.push(Accepted { stamp, producer, name, sequence, value });
    }

    pub(crate) fn pushed(&mut self, value: u32, told: Result<Stamp, PushError<u32>>) -> Sink {
        match told {
            Ok(stamp) => {
                self.enter(value, Some(stamp.as_nanos()));
                Sink::Open
            }
            Err(error) => {
                assert_eq!(error.value, value, "lost: another value came back");
                self.sink_by(&error.reason)
            }
        }
    }

    pub(crate) fn pushed_durable(
        &mut self,
        value: u32,
        told: Result<Stamp, DurableError<u32>>,
    ) -> Sink {
        match told {
            Ok(stamp) => self.pushed(value, Ok(stamp)),
            Err(DurableError::Push(error)) => self.pushed(value, Err(error)),
            Err(DurableError::Wait { stamp, .. }) => {
                self.enter(value, Some(stamp.as_nanos()));
                Sink::Ended
            }
            Err(other) => panic!("unheard of: {other:?}"),
        }
    }

    /// `batch` is what went in, with its stamps where the producer gave them; `left` is what was
    /// not accepted, or dropped if the policy says so.
    pub(crate) fn pushed_batch(
        &mut self,
        batch: &[(Option<u64>, u32)],
        left: &[u32],
        told: Result<(), PushError<()>>,
    ) -> Sink {
        let values: Vec<u32> = batch.iter().map(|&(_, value)| value).collect();
        let outcome =
            told.as_ref().map_or_else(|error| self.sink_by(&error.reason), |()| Sink::Open);
        let dropped = matches!(&told, Err(error) if matches!(error.reason, Refusal::Dropped));
        assert!(values.ends_with(left), "lost: {left:?} is not the tail of {values:?}");
        assert!(told.is_err() || left.is_empty(), "a batch is accepted, and {left:?} is left");
        // How much of a dropped batch went in before is not told; the report has the sum.
        let count = if dropped { 0 } else { values.len() - left.len() };
        for &(stamp, value) in &batch[..count] {
            self.enter(value, stamp);
        }
        outcome
    }

    fn sink_by(&self, reason: &Refusal) -> Sink {
        match reason {
            Refusal::Closed | Refusal::Failed(_) => Sink::Ended,
            Refusal::Full | Refusal::TimedOut | Refusal::Dropped => Sink::Open,
            Refusal::Late { .. } | Refusal::TooFarAhead { .. } if self.may_be_late => Sink::Open,
            other => panic!("refused for no reason: {other:?}"),
        }
    }
}

/// Demands that `memory` holds a stable sort of what was accepted, less what `finish` gave back.
pub(crate) fn check(
    memory: &MemoryOutput,
    accepted: Vec<Accepted>,
    report: &Report,
    unwritten: &[Unwritten<u32>],
) {
    let bytes = memory.contents();
    let written: Vec<_> =
        BinaryReader::new(&bytes[..]).collect::<Result<_, _>>().expect("whole blocks");
    let key = |at: usize| (written[at].stamp, written[at].producer, written[at].sequence);
    for at in 1..written.len() {
        let (before, after) = (key(at - 1), key(at));
        assert!(before < after, "order broken: {before:?} is written before {after:?}");
    }

    let mut found = BTreeMap::new();
    for record in &written {
        let value = u32::from_le_bytes(record.value[..].try_into().expect("four bytes"));
        let record = Accepted {
            stamp: Some(record.stamp.as_nanos()),
            producer: record.producer.get(),
            name: record.name.to_string(),
            sequence: record.sequence,
            value,
        };
        let twice = found.insert(value, record);
        assert!(twice.is_none(), "twice: {twice:?}");
    }
    for record in unwritten {
        let record = Accepted {
            stamp: Some(record.stamp.as_nanos()),
            producer: record.producer.get(),
            name: record.name.to_string(),
            sequence: record.sequence,
            value: record.value,
        };
        let twice = found.insert(record.value, record);
        assert!(twice.is_none(), "written, and given back as unwritten: {twice:?}");
    }
    let count = accepted.len() as u64;
    for mut record in accepted {
        let Some(found) = found.remove(&record.value) else {
            panic!("lost: {record:?} was accepted");
        };
        record.stamp = record.stamp.or(found.stamp);
        assert_eq!(record, found, "changed on its way");
    }
    assert!(found.is_empty(), "never accepted, and yet written: {found:?}");
    assert_eq!(report.accepted, count, "the report miscounts what was accepted");
    assert_eq!(report.written, written.len() as u64, "the report miscounts what was written");
}
