//! Framed binary: blocks that carry their own length, bounds and checksum.
//!
//! ```text
//! block   = magic "brg1" | length u32 | count u32 | first stamp u64 | last stamp u64 | crc u32 | body
//! body    = number of names, (id, length, UTF-8)… , count × record        `length` bytes
//! record  = stamp - previous | producer id | zigzag(sequence - expected) | length | value
//! ```
//!
//! Fixed fields are little-endian, all others LEB128. A block depends on earlier ones for names
//! alone. The checksum (CRC32C: Castagnoli et al., 1993) covers all but the magic and itself.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use super::tail::read_exact_at;
use super::{Encode, Field, Notation, ProducerId, Record, RecoverError, Recovered, ValueError};
use crate::clock::Stamp;
use crate::sink::output::Output;

const MAGIC: [u8; 4] = *b"brg1";
const HEADER: usize = 32;
/// A block is sealed once its body is this long.
const BLOCK: usize = 64 * 1024;
/// No sane block is longer: a value above this makes a block of its own, up to this length.
const LONGEST: usize = 1 << 30;

/// The binary encoding: small, fast, and every block checksummed.
///
/// Read it back with [`BinaryReader`].
#[derive(Debug, Clone, Default)]
pub struct Binary {
    open: Option<Block>,
    /// Names that the next block has to introduce.
    fresh: Vec<(ProducerId, String)>,
    /// The sequence number each producer is expected to go on with, in the open block.
    expected: Vec<u64>,
    value: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Block {
    at: usize,
    count: u32,
    first: u64,
    last: u64,
}

impl Binary {
    /// Makes the encoding.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn open(&mut self, stamp: u64, out: &mut Vec<u8>) {
        self.open = Some(Block { at: out.len(), count: 0, first: stamp, last: stamp });
        self.expected.fill(0);
        out.extend_from_slice(&[0; HEADER]);
        put(out, self.fresh.len() as u64);
        for (id, name) in self.fresh.drain(..) {
            put(out, u64::from(id.get()));
            put(out, name.len() as u64);
            out.extend_from_slice(name.as_bytes());
        }
    }

    fn close(&mut self, out: &mut [u8]) {
        let Some(block) = self.open.take() else { return };
        let (header, body) = out[block.at..].split_at_mut(HEADER);
        // A block is sealed past 64 KiB and a value is at most LONGEST, so the length fits.
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        header[..4].copy_from_slice(&MAGIC);
        header[4..8].copy_from_slice(&length.to_le_bytes());
        header[8..12].copy_from_slice(&block.count.to_le_bytes());
        header[12..20].copy_from_slice(&block.first.to_le_bytes());
        header[20..28].copy_from_slice(&block.last.to_le_bytes());
        let sum = checksum(header, body);
        header[28..].copy_from_slice(&sum.to_le_bytes());
    }
}

impl<T: Field> Encode<T> for Binary {
    fn producer(&mut self, id: ProducerId, name: &str) {
        self.fresh.push((id, name.to_owned()));
        let places = id.get() as usize + 1;
        if self.expected.len() < places {
            self.expected.resize(places, 0);
        }
    }

    fn encode(&mut self, record: &Record<'_, T>, out: &mut Vec<u8>) -> Result<(), ValueError> {
        // The value comes first: what may fail or panic must leave the open block as it is.
        self.value.clear();
        record.value.write(Notation::Binary, &mut self.value)?;
        if self.value.len() > LONGEST {
            return Err(ValueError::Formatting(format!(
                "{} bytes are more than a block holds ({LONGEST})",
                self.value.len()
            )));
        }
        let stamp = record.stamp.as_nanos();
        let full = self.open.as_ref().is_some_and(|block| {
            !self.fresh.is_empty() || out.len() - block.at >= BLOCK || stamp < block.last
        });
        if full {
            self.close(out);
        }
        if self.open.is_none() {
            self.open(stamp, out);
        }
        let Some(block) = &mut self.open else { return Ok(()) };
        put(out, stamp - block.last);
        block.last = stamp;
        block.count += 1;
        put(out, u64::from(record.producer.get()));
        if let Some(expected) = self.expected.get_mut(record.producer.get() as usize) {
            put(out, zigzag(record.sequence.wrapping_sub(*expected)));
            *expected = record.sequence.wrapping_add(1);
        }
        put(out, self.value.len() as u64);
        out.extend_from_slice(&self.value);
        Ok(())
    }

    fn seal(&mut self, out: &mut Vec<u8>) {
        self.close(out);
    }

    fn check(&self) -> Option<fn(&T) -> Result<(), ValueError>> {
        T::is_checked(Notation::Binary).then_some(|value: &T| value.check(Notation::Binary))
    }

    fn recover(&mut self, existing: &dyn Output) -> Result<Recovered, RecoverError> {
        let len = existing.len()?;
        let mut recovered = Recovered::default();
        while let Some(block) = block_at(existing, recovered.keep, len)? {
            recovered.keep = block.end;
            recovered.last = Some(Stamp::from_nanos(block.last));
        }
        let start = len.min(4) as usize;
        if recovered.keep == 0 && start > 0 {
            let mut magic = [0; 4];
            read_exact_at(existing, 0, &mut magic[..start])?;
            if !MAGIC.starts_with(&magic[..start]) {
                return Err(RecoverError::Foreign { at: 0, expected: "a block of this encoding" });
            }
        }
        if whole_block_behind(existing, recovered.keep, len)? {
            return Err(RecoverError::Foreign {
                at: recovered.keep,
                expected: "a block with a matching checksum (whole blocks follow, so this is \
                           damage and not a torn tail)",
            });
        }
        Ok(recovered)
    }
}

struct Found {
    end: u64,
    last: u64,
}

/// The block at `at`, if a whole and undamaged one is there.
fn block_at(existing: &dyn Output, at: u64, len: u64) -> Result<Option<Found>, RecoverError> {
    if len.saturating_sub(at) < HEADER as u64 {
        return Ok(None);
    }
    let mut header = [0; HEADER];
    read_exact_at(existing, at, &mut header)?;
    let head = Head::read(&header);
    let end = at + HEADER as u64 + u64::from(head.length);
    if header[..4] != MAGIC || end > len || head.length as usize > LONGEST + BLOCK {
        return Ok(None);
    }
    let mut body = vec![0; head.length as usize];
    read_exact_at(existing, at + HEADER as u64, &mut body)?;
    let whole = checksum(&header, &body) == head.sum;
    Ok(whole.then_some(Found { end, last: head.last }))
}

/// Whether some whole block begins behind `at`.
fn whole_block_behind(existing: &dyn Output, at: u64, len: u64) -> Result<bool, RecoverError> {
    const STEP: usize = 256 * 1024;
    let mut from = at + 1;
    while from + (HEADER as u64) <= len {
        let count = (len - from).min(STEP as u64) as usize;
        let mut window = vec![0; count];
        read_exact_at(existing, from, &mut window)?;
        for (i, bytes) in window.windows(MAGIC.len()).enumerate() {
            if bytes == MAGIC && block_at(existing, from + i as u64, len)?.is_some() {
                return Ok(true);
            }
        }
        from += (count.saturating_sub(MAGIC.len() - 1)).max(1) as u64;
    }
    Ok(false)
}

struct Head {
    length: u32,
    count: u32,
    first: u64,
    last: u64,
    sum: u32,
}

impl Head {
    fn read(header: &[u8; HEADER]) -> Self {
        let word = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        Self { length: word(4), count: word(8), first: long(12), last: long(20), sum: word(28) }
    }
}

fn checksum(header: &[u8], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[4..28]), body)
}

#[inline]
fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        #[allow(clippy::cast_possible_truncation)]
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    #[allow(clippy::cast_possible_truncation)]
    out.push(number as u8);
}

fn get(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Small differences either way become small numbers.
const fn zigzag(difference: u64) -> u64 {
    (difference << 1) ^ (difference.cast_signed() >> 63).cast_unsigned()
}

const fn unzigzag(number: u64) -> u64 {
    (number >> 1) ^ (number & 1).wrapping_neg()
}

/// One record read back from the binary encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BinaryRecord {
    /// When it was generated.
    pub stamp: Stamp,
    /// Which producer pushed it.
    pub producer: ProducerId,
    /// That producer's name.
    pub name: Arc<str>,
    /// Its place among that producer's records.
    pub sequence: u64,
    /// The value's bytes, as [`Field`] wrote them.
    pub value: Vec<u8>,
}

/// Reads the binary encoding, checking every block.
///
/// # Examples
///
/// ```
/// use brigade::sink::{Binary, BinaryReader, MemoryOutput, OrderedSink};
///
/// let memory = MemoryOutput::new();
/// let sink = OrderedSink::builder(Binary::new(), memory.clone()).build()?;
/// sink.producer("chef")?.push(7_u16)?;
/// sink.finish()?;
///
/// let bytes = memory.contents();
/// let records: Vec<_> = BinaryReader::new(&bytes[..]).collect::<Result<_, _>>()?;
/// assert_eq!(&*records[0].name, "chef");
/// assert_eq!(records[0].value, 7_u16.to_le_bytes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BinaryReader<R> {
    input: R,
    at: u64,
    body: Vec<u8>,
    /// Where in the body the next record begins.
    next: usize,
    left: u32,
    stamp: u64,
    names: Vec<Option<Arc<str>>>,
    expected: Vec<u64>,
    ended: bool,
}

/// Why reading the binary encoding stopped.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The input ends inside the block that begins at this byte.
    Torn {
        /// Where the block begins.
        at: u64,
    },
    /// The block that begins at this byte is damaged, or no block at all.
    Damaged {
        /// Where the block begins.
        at: u64,
    },
    /// Reading failed.
    Io(io::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Torn { at } => write!(
                f,
                "the block at byte {at} is cut off; everything before it is whole, and opening \
                 the file to append removes it"
            ),
            Self::Damaged { at } => write!(
                f,
                "the block at byte {at} does not match its checksum; everything before it is whole"
            ),
            Self::Io(error) => write!(f, "reading failed: {error}"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl<R: Read> BinaryReader<R> {
    /// Reads from `input`; a `BufReader` around a file saves system calls.
    pub fn new(input: R) -> Self {
        Self {
            input,
            at: 0,
            body: Vec::new(),
            next: 0,
            left: 0,
            stamp: 0,
            names: Vec::new(),
            expected: Vec::new(),
            ended: false,
        }
    }

    /// Fills `into`, or tells how much there was.
    fn fill(&mut self, into: &mut [u8]) -> Result<usize, ReadError> {
        let mut filled = 0;
        while filled < into.len() {
            match self.input.read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ReadError::Io(error)),
            }
        }
        Ok(filled)
    }

    /// Enters the next block; false at the end of the input.
    fn enter(&mut self) -> Result<bool, ReadError> {
        let at = self.at;
        let mut header = [0; HEADER];
        match self.fill(&mut header)? {
            0 => return Ok(false),
            HEADER => {}
            some if MAGIC.starts_with(&header[..some.min(4)]) => {
                return Err(ReadError::Torn { at });
            }
            _ => return Err(ReadError::Damaged { at }),
        }
        let head = Head::read(&header);
        if header[..4] != MAGIC || head.length as usize > LONGEST + BLOCK {
            return Err(ReadError::Damaged { at });
        }
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        let taken = (&mut self.input).take(u64::from(head.length)).read_to_end(&mut body);
        self.body = body;
        if taken.map_err(ReadError::Io)? < head.length as usize {
            return Err(ReadError::Torn { at });
        }
        if checksum(&header, &self.body) != head.sum {
            return Err(ReadError::Damaged { at });
        }
        self.at += HEADER as u64 + u64::from(head.length);
        self.stamp = head.first;
        self.left = head.count;
        self.expected.fill(0);
        self.learn_names().ok_or(ReadError::Damaged { at })?;
        Ok(true)
    }

    fn learn_names(&mut self) -> Option<()> {
        let mut bytes = &self.body[..];
        for _ in 0..get(&mut bytes)? {
            let id = u32::try_from(get(&mut bytes)?).ok()? as usize;
            let length = usize::try_from(get(&mut bytes)?).ok()?;
            let (name, rest) = bytes.split_at_checked(length)?;
            bytes = rest;
            let name = std::str::from_utf8(name).ok()?;
            if self.names.len() <= id {
                self.names.resize(id + 1, None);
                self.expected.resize(id + 1, 0);
            }
            self.names[id] = Some(name.into());
        }
        self.next = self.body.len() - bytes.len();
        Some(())
    }

    fn record(&mut self) -> Option<BinaryRecord> {
        let mut bytes = &self.body[self.next..];
        self.stamp = self.stamp.checked_add(get(&mut bytes)?)?;
        let id = u32::try_from(get(&mut bytes)?).ok()?;
        let expected = self.expected.get_mut(id as usize)?;
        let sequence = expected.wrapping_add(unzigzag(get(&mut bytes)?));
        *expected = sequence.wrapping_add(1);
        let length = usize::try_from(get(&mut bytes)?).ok()?;
        let (value, rest) = bytes.split_at_checked(length)?;
        self.next = self.body.len() - rest.len();
        self.left -= 1;
        Some(BinaryRecord {
            stamp: Stamp::from_nanos(self.stamp),
            producer: ProducerId::new(id),
            name: self.names.get(id as usize)?.clone()?,
            sequence,
            value: value.to_vec(),
        })
    }
}

impl<R: Read> Iterator for BinaryReader<R> {
    type Item = Result<BinaryRecord, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended && self.left == 0 {
            match self.enter() {
                Ok(true) => {}
                Ok(false) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        if self.ended {
            return None;
        }
        let record = self.record().ok_or(ReadError::Damaged { at: self.at });
        self.ended = record.is_err();
        Some(record)
    }
}
