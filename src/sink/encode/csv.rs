//! Comma-separated values with nanosecond keys.

use super::field::quote_csv;
use super::tail::{head, last_line, put_label};
use super::{Encode, Field, Notation, ProducerId, Record, RecoverError, Recovered, ValueError};
use crate::clock::Stamp;
use crate::sink::output::Output;

const HEADER: &[u8] = b"ts_ns,producer,seq,value\n";

/// CSV with the columns `ts_ns,producer,seq,value` and one header line.
///
/// `ts_ns` counts nanoseconds since the Unix epoch, since many readers cut a time of day to
/// microseconds. Fields are quoted where they must be (RFC 4180: Shafranovich, 2005), but a field
/// never holds a line break, so that a line is a record and a torn tail can be told from a whole
/// one.
///
/// # Examples
///
/// ```
/// use brigade::clock::{ManualClock, Stamp};
/// use brigade::sink::{Csv, MemoryOutput, OrderedSink};
///
/// let memory = MemoryOutput::new();
/// let sink = OrderedSink::builder(Csv::new(), memory.clone())
///     .clock(ManualClock::at(Stamp::from_nanos(42)))
///     .build()?;
/// sink.producer("chef")?.push("salt, pepper")?;
/// sink.finish()?;
/// assert_eq!(memory.text(), "ts_ns,producer,seq,value\n42,chef,0,\"salt, pepper\"\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Csv {
    /// By producer id: comma, name, comma.
    labels: Vec<Vec<u8>>,
}

impl Csv {
    /// Makes the encoding.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<T: Field> Encode<T> for Csv {
    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(HEADER);
    }

    fn producer(&mut self, id: ProducerId, name: &str) {
        let mut label = vec![b','];
        quote_csv(name, &mut label);
        label.push(b',');
        put_label(&mut self.labels, id, label, Vec::new());
    }

    #[inline]
    fn encode(&mut self, record: &Record<'_, T>, out: &mut Vec<u8>) -> Result<(), ValueError> {
        record.stamp.as_nanos().write(Notation::Csv, out)?;
        match self.labels.get(record.producer.get() as usize) {
            Some(label) => out.extend_from_slice(label),
            None => out.extend_from_slice(b",,"),
        }
        record.sequence.write(Notation::Csv, out)?;
        out.push(b',');
        record.value.write(Notation::Csv, out)?;
        out.push(b'\n');
        Ok(())
    }

    fn check(&self) -> Option<fn(&T) -> Result<(), ValueError>> {
        T::is_checked(Notation::Csv).then_some(|value: &T| value.check(Notation::Csv))
    }

    fn recover(&mut self, existing: &dyn Output) -> Result<Recovered, RecoverError> {
        let foreign =
            RecoverError::Foreign { at: 0, expected: "the header ts_ns,producer,seq,value" };
        if !HEADER.starts_with(&head(existing, HEADER.len())?) {
            return Err(foreign);
        }
        let tail = last_line(existing)?;
        let Some(line) = tail.line else {
            return Ok(Recovered::default());
        };
        if tail.line_at == 0 {
            return Ok(Recovered { keep: tail.keep, last: None });
        }
        let last = read_stamp(&line).ok_or(RecoverError::Foreign {
            at: tail.line_at,
            expected: "nanoseconds and three more columns",
        })?;
        Ok(Recovered { keep: tail.keep, last: Some(last) })
    }
}

fn read_stamp(line: &[u8]) -> Option<Stamp> {
    let line = std::str::from_utf8(line).ok()?;
    let (stamp, rest) = line.split_once(',')?;
    (rest.matches(',').count() >= 2).then_some(())?;
    stamp.parse().ok().map(Stamp::from_nanos)
}
