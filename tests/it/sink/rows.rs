//! The four encodings read back, by code that shares nothing with what wrote them.

use brigade::clock::Stamp;
use brigade::sink::{
    Binary, BinaryReader, Csv, Encode, Field, Ndjson, Output, ProducerId, Record, RecoverError,
    Recovered, Text, ValueError,
};

/// One record as it stands in an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) stamp: u64,
    pub(crate) name: String,
    /// The text encoding does not hold it.
    pub(crate) sequence: Option<u64>,
    pub(crate) value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Csv,
    Ndjson,
    Binary,
}

pub(crate) const FORMATS: [Format; 4] = [Format::Text, Format::Csv, Format::Ndjson, Format::Binary];

/// Any of the four as one type.
pub(crate) enum Encoding {
    Text(Text),
    Csv(Csv),
    Ndjson(Ndjson),
    Binary(Binary),
}

impl Format {
    pub(crate) fn encoding(self) -> Encoding {
        match self {
            Self::Text => Encoding::Text(Text::new()),
            Self::Csv => Encoding::Csv(Csv::new()),
            Self::Ndjson => Encoding::Ndjson(Ndjson::new()),
            Self::Binary => Encoding::Binary(Binary::new()),
        }
    }

    /// Reads `bytes`, which must be whole records to the last byte.
    pub(crate) fn read(self, bytes: &[u8]) -> Result<Vec<Row>, String> {
        match self {
            Self::Text => lines(bytes)?.iter().map(|line| text(line)).collect(),
            Self::Csv => {
                let lines = lines(bytes)?;
                match lines.split_first() {
                    None => Ok(Vec::new()),
                    Some((&"ts_ns,producer,seq,value", rows)) => {
                        rows.iter().map(|line| csv(line)).collect()
                    }
                    Some((header, _)) => Err(format!("header {header:?}")),
                }
            }
            Self::Ndjson => lines(bytes)?.iter().map(|line| ndjson(line)).collect(),
            Self::Binary => BinaryReader::new(bytes)
                .map(|record| {
                    let record = record.map_err(|error| error.to_string())?;
                    Ok(Row {
                        stamp: record.stamp.as_nanos(),
                        name: record.name.to_string(),
                        sequence: Some(record.sequence),
                        value: String::from_utf8(record.value).map_err(|e| e.to_string())?,
                    })
                })
                .collect(),
        }
    }
}

macro_rules! delegate {
    ($self:ident, $inner:ident => $call:expr) => {
        match $self {
            Encoding::Text($inner) => $call,
            Encoding::Csv($inner) => $call,
            Encoding::Ndjson($inner) => $call,
            Encoding::Binary($inner) => $call,
        }
    };
}

impl<T: Field> Encode<T> for Encoding {
    fn begin(&mut self, out: &mut Vec<u8>) {
        delegate!(self, inner => Encode::<T>::begin(inner, out));
    }

    fn producer(&mut self, id: ProducerId, name: &str) {
        delegate!(self, inner => Encode::<T>::producer(inner, id, name));
    }

    fn encode(&mut self, record: &Record<'_, T>, out: &mut Vec<u8>) -> Result<(), ValueError> {
        delegate!(self, inner => inner.encode(record, out))
    }

    fn seal(&mut self, out: &mut Vec<u8>) {
        delegate!(self, inner => Encode::<T>::seal(inner, out));
    }

    fn check(&self) -> Option<fn(&T) -> Result<(), ValueError>> {
        delegate!(self, inner => Encode::<T>::check(inner))
    }

    fn recover(&mut self, existing: &dyn Output) -> Result<Recovered, RecoverError> {
        delegate!(self, inner => Encode::<T>::recover(inner, existing))
    }
}

fn lines(bytes: &[u8]) -> Result<Vec<&str>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let text = text.strip_suffix('\n').ok_or("the last line is cut off")?;
    Ok(text.split('\n').collect())
}

fn text(line: &str) -> Result<Row, String> {
    let broken = || format!("not a line of text: {line:?}");
    let mut columns = line.splitn(3, '\t');
    let stamp = columns.next().ok_or_else(broken)?;
    let name = columns.next().ok_or_else(broken)?.to_owned();
    let value = columns.next().ok_or_else(broken)?.to_owned();
    Ok(Row { stamp: rfc3339(stamp).ok_or_else(broken)?, name, sequence: None, value })
}

/// `2026-11-22T03:00:00.000000042Z`, of this width and no other.
fn rfc3339(text: &str) -> Option<u64> {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    (shape == "0000-00-00T00:00:00.000000000Z").then_some(())?;
    let number = |from: usize, to: usize| text[from..to].parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    // Days since 1970 by counting: slow, and obviously right.
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let february = if leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let days = years + months[..usize::try_from(month).ok()? - 1].iter().sum::<u64>() + day - 1;
    let seconds = days * 86_400 + number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    Some(seconds * 1_000_000_000 + number(20, 29)?)
}

fn csv(line: &str) -> Result<Row, String> {
    let mut fields = vec![String::new()];
    let mut rest = line.chars().peekable();
    let mut quoted = false;
    while let Some(c) = rest.next() {
        let field = fields.last_mut().expect("one field at least");
        match c {
            '"' if !quoted && field.is_empty() => quoted = true,
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            ',' if !quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    let [stamp, name, sequence, value] = <[String; 4]>::try_from(fields)
        .map_err(|fields| format!("{} columns in {line:?}", fields.len()))?;
    Ok(Row {
        stamp: stamp.parse().map_err(|_| format!("stamp in {line:?}"))?,
        name,
        sequence: Some(sequence.parse().map_err(|_| format!("sequence in {line:?}"))?),
        value,
    })
}

fn ndjson(line: &str) -> Result<Row, String> {
    let object: serde_json::Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let broken = || format!("not a record: {line:?}");
    Ok(Row {
        stamp: object["ts_ns"].as_u64().ok_or_else(broken)?,
        name: object["producer"].as_str().ok_or_else(broken)?.to_owned(),
        sequence: Some(object["seq"].as_u64().ok_or_else(broken)?),
        value: match &object["value"] {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        },
    })
}

#[test]
fn the_oracle_reads_a_calendar() {
    assert_eq!(rfc3339("1970-01-01T00:00:00.000000007Z"), Some(7));
    assert_eq!(rfc3339("2026-11-22T03:00:00.000000042Z"), Some(1_795_316_400_000_000_042));
    assert_eq!(rfc3339("2024-02-29T00:00:00.000000000Z"), Some(1_709_164_800_000_000_000));
    assert_eq!(rfc3339("2554-07-21T23:34:33.709551612Z"), Some(Stamp::MAX.as_nanos()));
    assert_eq!(rfc3339("2026-11-22T03:00:00.42Z"), None);
}
