//! One JSON object a line.

use serde::Deserialize as _;

use super::tail::{head, last_line, put_label};
use super::{Encode, Field, Notation, ProducerId, Record, RecoverError, Recovered, ValueError};
use crate::clock::Stamp;
use crate::sink::output::Output;

const BEGIN: &[u8] = b"{\"ts_ns\":";

/// Newline-delimited JSON: `{"ts_ns":…,"producer":…,"seq":…,"value":…}` a line.
///
/// `ts_ns` is an integer above 2^53: readers that keep numbers as doubles must be told to read it
/// as an integer. NaN and infinities have no JSON form and are refused at the push.
///
/// # Examples
///
/// ```
/// use brigade::clock::{ManualClock, Stamp};
/// use brigade::sink::{MemoryOutput, Ndjson, OrderedSink};
///
/// let memory = MemoryOutput::new();
/// let sink = OrderedSink::builder(Ndjson::new(), memory.clone())
///     .clock(ManualClock::at(Stamp::from_nanos(42)))
///     .build()?;
/// let mut chef = sink.producer("chef")?;
/// chef.push(0.5)?;
/// assert!(chef.push(f64::NAN).is_err());
/// sink.finish()?;
/// assert_eq!(memory.text(), "{\"ts_ns\":42,\"producer\":\"chef\",\"seq\":0,\"value\":0.5}\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Ndjson {
    /// By producer id: everything between the stamp and the sequence number.
    labels: Vec<Vec<u8>>,
}

impl Ndjson {
    /// Makes the encoding.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<T: Field> Encode<T> for Ndjson {
    fn producer(&mut self, id: ProducerId, name: &str) {
        let label = format!(",\"producer\":{},\"seq\":", serde_json::Value::from(name));
        put_label(&mut self.labels, id, label.into_bytes(), Vec::new());
    }

    #[inline]
    fn encode(&mut self, record: &Record<'_, T>, out: &mut Vec<u8>) -> Result<(), ValueError> {
        out.extend_from_slice(BEGIN);
        record.stamp.as_nanos().write(Notation::Json, out)?;
        if let Some(label) = self.labels.get(record.producer.get() as usize) {
            out.extend_from_slice(label);
        }
        record.sequence.write(Notation::Json, out)?;
        out.extend_from_slice(b",\"value\":");
        record.value.write(Notation::Json, out)?;
        out.extend_from_slice(b"}\n");
        Ok(())
    }

    fn check(&self) -> Option<fn(&T) -> Result<(), ValueError>> {
        T::is_checked(Notation::Json).then_some(|value: &T| value.check(Notation::Json))
    }

    fn recover(&mut self, existing: &dyn Output) -> Result<Recovered, RecoverError> {
        let tail = last_line(existing)?;
        let foreign =
            |at| RecoverError::Foreign { at, expected: "a JSON object with an integer ts_ns" };
        let Some(line) = tail.line else {
            // A torn first record, or somebody else's text.
            let is_ours = BEGIN.starts_with(&head(existing, BEGIN.len())?);
            return if is_ours { Ok(Recovered::default()) } else { Err(foreign(0)) };
        };
        let last = read_stamp(&line).ok_or_else(|| foreign(tail.line_at))?;
        Ok(Recovered { keep: tail.keep, last: Some(last) })
    }
}

fn read_stamp(line: &[u8]) -> Option<Stamp> {
    let mut reader = serde_json::Deserializer::from_slice(line);
    let record = serde_json::Value::deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    record.get("ts_ns")?.as_u64().map(Stamp::from_nanos)
}
