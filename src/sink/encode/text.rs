//! Lines of stamp, producer, value: sorted as text means sorted in time.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::digits::{six_digits, three_digits};
use super::tail::{head, last_line, put_label};
use super::{Encode, Field, Notation, ProducerId, Record, RecoverError, Recovered, ValueError};
use crate::clock::Stamp;
use crate::sink::output::Output;

const NANOS: u64 = 1_000_000_000;
const SECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
const FULL: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:9]Z");

/// Length of `2026-11-22T03:00:00.`
const SECOND: usize = 20;
/// Length of `2026-11-22T03:00:00.000000`
const MICRO: usize = SECOND + 6;
const NANO: usize = MICRO + 3;
const STAMP: usize = NANO + 1;
/// Room for a label that is copied whole, whatever its length.
const SHORT: usize = 32;
const HEAD: usize = NANO + SHORT;

/// RFC 3339 in UTC with exactly nine fraction digits, TAB, producer name, TAB, value.
///
/// The stamp has a fixed width, so the order of the lines as bytes is their order in time and
/// `LC_ALL=C sort -c FILE` checks a file. (RFC 3339: Klyne and Newman, 2002.) Where stamps are
/// equal, lines stand in the order of producer ids, which is not the order of their names; check
/// such a file by its first column, `LC_ALL=C sort -s -c -k1,1 FILE`.
///
/// # Examples
///
/// ```
/// use brigade::clock::{ManualClock, Stamp};
/// use brigade::sink::{MemoryOutput, OrderedSink, Text};
///
/// let memory = MemoryOutput::new();
/// let sink = OrderedSink::builder(Text::new(), memory.clone())
///     .clock(ManualClock::at(Stamp::from_nanos(1_795_316_400_000_000_042)))
///     .build()?;
/// sink.producer("chef")?.push(7)?;
/// sink.finish()?;
/// assert_eq!(memory.text(), "2026-11-22T03:00:00.000000042Z\tchef\t7\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Text {
    /// Where the second and the microsecond of the last stamp begin, in nanoseconds.
    second: u64,
    micro: u64,
    /// That microsecond, and room for what follows. Records come in order, so one text serves
    /// many of them.
    head: [u8; HEAD],
    /// By producer id.
    labels: Vec<Label>,
}

/// `Z`, TAB, name, TAB: what stands between a stamp and a value.
#[derive(Debug, Clone)]
struct Label {
    len: usize,
    /// The label, if it is that short.
    short: [u8; SHORT],
    whole: Vec<u8>,
}

impl Label {
    fn new(name: &str) -> Self {
        let whole = format!("Z\t{name}\t").into_bytes();
        let mut short = [0; SHORT];
        if let Some(short) = short.get_mut(..whole.len()) {
            short.copy_from_slice(&whole);
        }
        Self { len: whole.len(), short, whole }
    }
}

impl Text {
    /// Makes the encoding.
    #[must_use]
    pub fn new() -> Self {
        let mut text = Self { second: 0, micro: 0, head: [b'0'; HEAD], labels: Vec::new() };
        text.enter_second(0);
        text
    }

    fn enter_micro(&mut self, nanos: u64) {
        if nanos.wrapping_sub(self.second) >= NANOS {
            self.enter_second(nanos / NANOS);
        }
        let micros = (nanos - self.second) / 1_000;
        self.micro = self.second + micros * 1_000;
        self.head[SECOND..MICRO].copy_from_slice(&six_digits(micros as u32));
    }

    #[cold]
    fn enter_second(&mut self, second: u64) {
        self.second = second * NANOS;
        let seconds = i64::try_from(second).unwrap_or(i64::MAX);
        // Stamps end in 2554, far inside the calendar's range.
        let date =
            OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let mut target = &mut self.head[..];
        let written = date.format_into(&mut target, SECONDS);
        debug_assert!(matches!(written, Ok(19)), "a date of fixed width");
        self.head[SECOND - 1] = b'.';
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Field> Encode<T> for Text {
    fn producer(&mut self, id: ProducerId, name: &str) {
        put_label(&mut self.labels, id, Label::new(name), Label::new(""));
    }

    #[inline]
    fn encode(&mut self, record: &Record<'_, T>, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let nanos = record.stamp.as_nanos();
        if nanos.wrapping_sub(self.micro) >= 1_000 {
            self.enter_micro(nanos);
        }
        let start = out.len();
        // Room of a fixed length is cheaper to fill than pieces of the right ones.
        out.extend_from_slice(&self.head);
        if let Some(head) = out[start..].first_chunk_mut::<HEAD>() {
            head[MICRO..NANO].copy_from_slice(&three_digits((nanos - self.micro) as u32));
            match self.labels.get(record.producer.get() as usize) {
                Some(label) if label.len <= SHORT => {
                    head[NANO..].copy_from_slice(&label.short);
                    out.truncate(start + NANO + label.len);
                }
                label => {
                    out.truncate(start + NANO);
                    out.extend_from_slice(label.map_or(b"Z\t\t", |label| &label.whole));
                }
            }
        }
        record.value.write(Notation::Text, out)?;
        out.push(b'\n');
        Ok(())
    }

    fn check(&self) -> Option<fn(&T) -> Result<(), ValueError>> {
        T::is_checked(Notation::Text).then_some(|value: &T| value.check(Notation::Text))
    }

    fn recover(&mut self, existing: &dyn Output) -> Result<Recovered, RecoverError> {
        let tail = last_line(existing)?;
        let foreign = |at| RecoverError::Foreign {
            at,
            expected: "an RFC 3339 stamp with nine fraction digits, a TAB, a name and a TAB",
        };
        let Some(line) = tail.line else {
            // A torn first record, or somebody else's text.
            let is_ours = begins_as_stamp(&head(existing, STAMP)?);
            return if is_ours { Ok(Recovered::default()) } else { Err(foreign(0)) };
        };
        let last = read_stamp(&line).ok_or_else(|| foreign(tail.line_at))?;
        Ok(Recovered { keep: tail.keep, last: Some(last) })
    }
}

fn read_stamp(line: &[u8]) -> Option<Stamp> {
    let (stamp, rest) = line.split_at_checked(STAMP)?;
    let rest = rest.strip_prefix(b"\t")?;
    rest.contains(&b'\t').then_some(())?;
    let date = PrimitiveDateTime::parse(std::str::from_utf8(stamp).ok()?, FULL).ok()?;
    u64::try_from(date.assume_utc().unix_timestamp_nanos()).ok().map(Stamp::from_nanos)
}

/// Whether `bytes` are a stamp or the beginning of one.
fn begins_as_stamp(bytes: &[u8]) -> bool {
    let shape = b"0000-00-00T00:00:00.000000000Z";
    bytes.iter().zip(shape).all(|(byte, place)| match place {
        b'0' => byte.is_ascii_digit(),
        _ => byte == place,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(nanos: u64) -> String {
        let mut text = Text::new();
        let mut out = Vec::new();
        Encode::<u8>::producer(&mut text, ProducerId::new(0), "p");
        let record = Record {
            stamp: Stamp::from_nanos(nanos),
            producer: ProducerId::new(0),
            name: "p",
            sequence: 0,
            value: &0_u8,
        };
        text.encode(&record, &mut out).expect("a number is always expressible");
        String::from_utf8(out).expect("ASCII")
    }

    proptest! {
        #[test]
        fn a_stamp_reads_back_and_its_text_sorts_as_it_does(a in any::<u64>(), b in any::<u64>()) {
            let (a, b) = (Stamp::from_nanos(a), Stamp::from_nanos(b));
            let (one, other) = (line(a.as_nanos()), line(b.as_nanos()));
            prop_assert_eq!(read_stamp(one.as_bytes()), Some(a));
            prop_assert_eq!(one.cmp(&other), a.cmp(&b));
        }
    }

    #[test]
    fn the_ends_of_time_have_the_same_width() {
        assert_eq!(line(0), "1970-01-01T00:00:00.000000000Z\tp\t0\n");
        assert_eq!(line(Stamp::MAX.as_nanos()), "2554-07-21T23:34:33.709551612Z\tp\t0\n");
    }
}
