//! Records to bytes: the [`Encode`] trait and the four encodings.
//!
//! | Encoding | One record | Order checked by | Take it when |
//! |---|---|---|---|
//! | [`Text`] | `2026-11-22T03:00:00.000000042Z<TAB>chef<TAB>7` | `LC_ALL=C sort -c FILE` | people and shell tools read it |
//! | [`Csv`] | `1795316400000000042,chef,0,7` | `sort -t, -k1,1n -s -c` after the header | tables and data frames read it |
//! | [`Ndjson`] | `{"ts_ns":1795316400000000042,"producer":"chef","seq":0,"value":7}` | a JSON reader | structure matters |
//! | [`Binary`] | 5 to 12 bytes and the value, in blocks with CRC32C | [`BinaryReader`] | it must be small, fast, or checked for rot |
//!
//! The value of a record is a [`Field`]: numbers, `bool`, `char`, strings, [`Shown`] for
//! everything that implements `Display`, [`Json`] for everything that implements `Serialize`.

mod binary;
mod csv;
mod digits;
mod field;
mod ndjson;
mod tail;
mod text;

pub use binary::{Binary, BinaryReader, BinaryRecord, ReadError};
pub use csv::Csv;
pub use field::{Field, Json, Notation, Shown, ValueError};
pub use ndjson::Ndjson;
pub use text::Text;

use std::fmt;
use std::io;

use super::output::Output;
use crate::clock::Stamp;

/// The number of a producer within its sink, which decides ties between equal stamps.
///
/// Ids start at zero in the order of joining. The id of a producer that has left, with all its
/// records written, goes to a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerId(u32);

impl ProducerId {
    pub(crate) const fn new(id: u32) -> Self {
        Self(id)
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for ProducerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One record as an encoding sees it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Record<'a, T> {
    /// When it was generated.
    pub stamp: Stamp,
    /// Which producer pushed it.
    pub producer: ProducerId,
    /// That producer's name.
    pub name: &'a str,
    /// Its place among that producer's records, from zero, in the order of the pushes.
    pub sequence: u64,
    /// What was pushed.
    pub value: &'a T,
}

/// What an encoding found in an output that already had content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Length in bytes of the whole records, from the start; what lies behind is a torn tail.
    pub keep: u64,
    /// The stamp of the last whole record.
    pub last: Option<Stamp>,
}

/// Turns records into bytes.
///
/// The writer calls these methods, from one thread, in this order: [`begin`](Self::begin) for
/// an empty output (or [`recover`](Self::recover) for one with content), then per chunk
/// [`producer`](Self::producer) and [`encode`](Self::encode) as needed and [`seal`](Self::seal)
/// before the bytes leave. What a failing or panicking `encode` has appended is discarded.
///
/// # Examples
///
/// A fixed-width encoding of one's own:
///
/// ```
/// use brigade::sink::{Encode, MemoryOutput, OrderedSink, Record, ValueError};
///
/// struct Words;
///
/// impl Encode<u32> for Words {
///     fn encode(&mut self, record: &Record<'_, u32>, out: &mut Vec<u8>) -> Result<(), ValueError> {
///         out.extend_from_slice(&record.value.to_le_bytes());
///         Ok(())
///     }
/// }
///
/// let memory = MemoryOutput::new();
/// let sink = OrderedSink::builder(Words, memory.clone()).build()?;
/// sink.producer("a")?.push(258)?;
/// sink.finish()?;
/// assert_eq!(memory.contents(), [2, 1, 0, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Encode<T>: Send {
    /// Appends what stands before the first record of a file.
    fn begin(&mut self, out: &mut Vec<u8>) {
        let _ = out;
    }

    /// Learns a producer's name, before its first record and again in every new file.
    fn producer(&mut self, id: ProducerId, name: &str) {
        let _ = (id, name);
    }

    /// Appends one record.
    ///
    /// # Errors
    ///
    /// A [`ValueError`] if the value has no form in this encoding. The sink then sets the record
    /// aside, writes everything else, and `finish` returns it.
    fn encode(&mut self, record: &Record<'_, T>, out: &mut Vec<u8>) -> Result<(), ValueError>;

    /// Completes what `encode` has appended since the last call, so that it stands for itself.
    fn seal(&mut self, out: &mut Vec<u8>) {
        let _ = out;
    }

    /// A check to run on every value at the push, so that the producer learns at once what this
    /// encoding cannot express. `None` if there is nothing to check.
    fn check(&self) -> Option<fn(&T) -> Result<(), ValueError>> {
        None
    }

    /// Finds the end of the last whole record in an output with content.
    ///
    /// # Errors
    ///
    /// A [`RecoverError`] if the content is not this encoding's: appending to it would be a guess.
    fn recover(&mut self, existing: &dyn Output) -> Result<Recovered, RecoverError> {
        let _ = existing;
        Err(RecoverError::Unsupported)
    }
}

/// Why an existing output cannot be continued.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecoverError {
    /// The encoding has no way to find the end of the last record.
    Unsupported,
    /// The content is not of this encoding.
    Foreign {
        /// Where the first thing that does not fit begins, in bytes.
        at: u64,
        /// What was expected there.
        expected: &'static str,
    },
    /// Reading failed.
    Io(io::Error),
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => f.write_str(
                "this encoding cannot continue an existing output; start a new one instead",
            ),
            Self::Foreign { at, expected } => write!(
                f,
                "the existing content does not continue: expected {expected} at byte {at}; \
                 nothing was changed, move the output away or repair it"
            ),
            Self::Io(error) => write!(f, "the existing content cannot be read: {error}"),
        }
    }
}

impl std::error::Error for RecoverError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for RecoverError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
