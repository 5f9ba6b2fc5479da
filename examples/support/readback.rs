//! Reads a sink's file back, in any of its four formats, and checks the order that it claims.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use brigade::sink::BinaryReader;
use clap::ValueEnum;

/// The encodings of the sink, as a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// RFC 3339 stamp, TAB, producer, TAB, value
    Text,
    /// ts_ns,producer,seq,value under a header
    Csv,
    /// One JSON object a line
    Ndjson,
    /// Blocks with checksums
    Binary,
}

impl Format {
    /// How the names of such files end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Text => "tsv",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Binary => "bin",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Csv => "CSV",
            Self::Ndjson => "NDJSON",
            Self::Binary => "binary",
        })
    }
}

/// What a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadBack {
    /// Records in all.
    pub records: u64,
    /// How often each value occurs.
    pub counts: BTreeMap<u32, u64>,
    /// The last values in the file, at most [`LAST`].
    pub last: VecDeque<u32>,
    /// The number, from 1, of the first record that stands before its predecessor in the total
    /// order.
    pub disorder: Option<u64>,
}

/// How many of the last values are kept.
pub const LAST: usize = 100;

/// Why a file could not be read back.
#[derive(Debug)]
pub enum ReadBackError {
    /// The file cannot be read.
    Io(PathBuf, io::Error),
    /// The record of this number is not of the format.
    Malformed(PathBuf, u64),
}

impl fmt::Display for ReadBackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{} cannot be read back: {error}", path.display()),
            Self::Malformed(path, record) => {
                write!(f, "record {record} of {} is not of this format", path.display())
            }
        }
    }
}

impl std::error::Error for ReadBackError {}

impl ReadBack {
    /// Reads the whole of `path`.
    pub fn of(path: &Path, format: Format) -> Result<Self, ReadBackError> {
        let failed = |error| ReadBackError::Io(path.into(), error);
        let file = BufReader::with_capacity(1 << 20, File::open(path).map_err(failed)?);
        let mut scan = Scan::default();
        match format {
            Format::Binary => {
                for record in BinaryReader::new(file) {
                    let malformed = ReadBackError::Malformed(path.into(), scan.found.records + 1);
                    let Ok(record) = record else { return Err(malformed) };
                    let Ok(value) = <[u8; 4]>::try_from(&record.value[..]) else {
                        return Err(malformed);
                    };
                    let stamp = u128::from(record.stamp.as_nanos());
                    scan.see(stamp, &record.name, u32::from_le_bytes(value));
                }
            }
            lines => scan.lines(file, path, lines)?,
        }
        Ok(scan.found)
    }
}

#[derive(Debug, Default)]
struct Scan {
    found: ReadBack,
    stamp: u128,
    name: String,
}

impl Scan {
    /// Takes one record. Names are padded to one width, so their order is that of the ids.
    fn see(&mut self, stamp: u128, name: &str, value: u32) {
        let found = &mut self.found;
        found.records += 1;
        if (stamp, name) < (self.stamp, &self.name) {
            found.disorder.get_or_insert(found.records);
        }
        self.stamp = stamp;
        if self.name != name {
            name.clone_into(&mut self.name);
        }
        *found.counts.entry(value).or_default() += 1;
        if found.last.len() == LAST {
            found.last.pop_front();
        }
        found.last.push_back(value);
    }

    fn lines(
        &mut self,
        mut file: BufReader<File>,
        path: &Path,
        format: Format,
    ) -> Result<(), ReadBackError> {
        let mut line = String::new();
        if format == Format::Csv {
            let header = file.read_line(&mut line);
            header.map_err(|error| ReadBackError::Io(path.into(), error))?;
        }
        loop {
            line.clear();
            match file.read_line(&mut line) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(ReadBackError::Io(path.into(), error)),
            }
            let record = match format {
                Format::Csv => csv(&line),
                Format::Ndjson => ndjson(&line),
                _ => text(&line),
            };
            let Some((stamp, name, value)) = record else {
                return Err(ReadBackError::Malformed(path.into(), self.found.records + 1));
            };
            self.see(stamp, name, value);
        }
    }
}

fn text(line: &str) -> Option<(u128, &str, u32)> {
    let mut columns = line.strip_suffix('\n')?.splitn(3, '\t');
    let (stamp, name, value) = (columns.next()?, columns.next()?, columns.next()?);
    Some((fixed_width(stamp)?, name, value.parse().ok()?))
}

fn csv(line: &str) -> Option<(u128, &str, u32)> {
    let mut columns = line.strip_suffix('\n')?.split(',');
    let (stamp, name, _) = (columns.next()?, columns.next()?, columns.next()?);
    Some((stamp.parse().ok()?, name, columns.next()?.parse().ok()?))
}

fn ndjson(line: &str) -> Option<(u128, &str, u32)> {
    let (stamp, rest) = line.strip_prefix("{\"ts_ns\":")?.split_once(",\"producer\":\"")?;
    let (name, rest) = rest.split_once("\",\"seq\":")?;
    let (_, value) = rest.strip_suffix("}\n")?.split_once(",\"value\":")?;
    Some((stamp.parse().ok()?, name, value.parse().ok()?))
}

/// The digits of `2026-11-22T03:00:00.000000042Z` as one number: with a fixed width it grows with
/// time.
fn fixed_width(stamp: &str) -> Option<u128> {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd.dddddddddZ";
    (stamp.len() == SHAPE.len()).then_some(())?;
    stamp.bytes().zip(SHAPE).try_fold(0, |number, (byte, shape)| match (byte, shape) {
        (b'0'..=b'9', b'd') => Some(number * 10 + u128::from(byte - b'0')),
        (byte, shape) => (byte == *shape).then_some(number),
    })
}
