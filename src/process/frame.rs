//! What goes over the socket: frames of a header and a body.
//!
//! ```text
//! 0     3      4                    8            12                    16
//! | brg | kind | length of the body | its CRC32C | CRC32C of all this | body
//! ```
//!
//! Numbers are little-endian. The header has a checksum of its own, so that nobody waits for a body whose
//! length is a lie.

use std::io::{self, ErrorKind, Read, Write};

use crc32c::crc32c;
use postcard::ser_flavors::Flavor;
use serde::Serialize;

/// Every frame begins with it; what does not is garbage.
const MARK: [u8; 3] = *b"brg";
pub(super) const HEADER: usize = 16;

/// Grows with the protocol, so that two programs that differ do not misunderstand each other.
pub(super) const VERSION: u8 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// From a worker that is ready: the version.
    Hello = 1,
    /// To a worker: the length of a name in one byte, the name, the arguments.
    Call = 2,
    /// From here on, to a call: the result.
    Done = 3,
    /// The message it panicked with.
    Panicked = 4,
    /// It panicked with something that is no text.
    PanickedSilently = 5,
    /// There is no such job.
    Unknown = 6,
    /// The arguments, or the result, have another type: why.
    Misfit = 7,
    /// The result does not fit into a frame.
    TooLong = 8,
    /// The call did not arrive as it was sent.
    Altered = 9,
    /// No answer, but a sign of life from a worker that is at a job.
    Beat = 10,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        const ALL: [Kind; 10] = [
            Kind::Hello,
            Kind::Call,
            Kind::Done,
            Kind::Panicked,
            Kind::PanickedSilently,
            Kind::Unknown,
            Kind::Misfit,
            Kind::TooLong,
            Kind::Altered,
            Kind::Beat,
        ];
        ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// What was read instead of a frame.
#[derive(Debug)]
pub(super) enum Broken {
    /// Nothing more will come.
    End,
    /// Nothing more will come, and what was sent last has not been read to its end.
    Unread,
    /// These bytes, which begin no frame.
    Garbage(Vec<u8>),
    /// A frame that is not as it was sent.
    Altered,
    /// The time is over.
    TimedOut,
    Io(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Self::Unread,
            ErrorKind::NotConnected => Self::End,
            _ => Self::Io(error),
        }
    }
}

/// Begins a frame, to whose end the bytes are appended.
pub(super) fn begin(kind: Kind) -> Vec<u8> {
    let mut frame = Vec::with_capacity(128);
    frame.extend(MARK);
    frame.push(kind as u8);
    frame.resize(HEADER, 0);
    frame
}

/// The longest body there is: its length has four bytes.
pub(super) const LONGEST: usize = u32::MAX as usize;

/// Why a value is not in a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unwritten {
    TooLong,
    Refused(String),
}

/// Appends a value to a frame whose body shall not be longer than `longest`.
pub(super) fn write<T: Serialize>(
    value: &T,
    frame: Vec<u8>,
    longest: usize,
) -> Result<Vec<u8>, Unwritten> {
    let into = Bounded { frame, longest: longest.saturating_add(HEADER) };
    postcard::serialize_with_flavor(value, into).map_err(|error| match error {
        postcard::Error::SerializeBufferFull => Unwritten::TooLong,
        error => Unwritten::Refused(error.to_string()),
    })
}

/// A frame that does not grow for ever.
struct Bounded {
    frame: Vec<u8>,
    longest: usize,
}

impl Flavor for Bounded {
    type Output = Vec<u8>;

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if bytes.len() > self.longest - self.frame.len() {
            return Err(postcard::Error::SerializeBufferFull);
        }
        self.frame.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        if self.frame.len() >= self.longest {
            return Err(postcard::Error::SerializeBufferFull);
        }
        self.frame.push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.frame)
    }
}

/// Writes a frame in one go.
pub(super) fn send(mut frame: Vec<u8>, to: &mut impl Write) -> Result<(), Broken> {
    let length = u32::try_from(frame.len() - HEADER)
        .map_err(|_| io::Error::new(ErrorKind::InvalidInput, "more than 4 GiB at once"))?;
    let (header, body) = frame.split_at_mut(HEADER);
    header[4..8].copy_from_slice(&length.to_le_bytes());
    header[8..12].copy_from_slice(&crc32c(body).to_le_bytes());
    let sum = crc32c(&header[..12]);
    header[12..].copy_from_slice(&sum.to_le_bytes());
    to.write_all(&frame)?;
    Ok(())
}

/// The kind of a frame, and the length of its body and its checksum.
fn open(header: &[u8; HEADER]) -> Result<(Kind, usize, u32), Broken> {
    let [_, _, _, kind, l0, l1, l2, l3, b0, b1, b2, b3, sum @ ..] = *header;
    if u32::from_le_bytes(sum) != crc32c(&header[..12]) {
        return Err(Broken::Altered);
    }
    let kind = Kind::from_byte(kind).ok_or_else(|| Broken::Garbage(header.to_vec()))?;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    Ok((kind, length, u32::from_le_bytes([b0, b1, b2, b3])))
}

/// Reads frames; what it has read beyond one begins the next.
#[derive(Debug, Default)]
pub(super) struct Reader {
    buffer: Vec<u8>,
    filled: usize,
}

impl Reader {
    /// Reads a frame; `before_each` is called before each read, which may block, with how many bytes are
    /// there already.
    pub(super) fn next(
        &mut self,
        from: &mut impl Read,
        mut before_each: impl FnMut(usize) -> io::Result<()>,
    ) -> Result<(Kind, Vec<u8>), Broken> {
        loop {
            let have = &self.buffer[..self.filled];
            let sound = have.len().min(MARK.len());
            if have[..sound] != MARK[..sound] {
                return Err(Broken::Garbage(have[..have.len().min(16)].to_vec()));
            }
            let mut wanted = HEADER;
            if let Some(header) = have.first_chunk::<HEADER>() {
                let (kind, length, sum) = open(header)?;
                wanted += length;
                if let Some(body) = have.get(HEADER..wanted) {
                    if crc32c(body) != sum {
                        return Err(Broken::Altered);
                    }
                    let body = body.to_vec();
                    self.buffer.copy_within(wanted..self.filled, 0);
                    self.filled -= wanted;
                    return Ok((kind, body));
                }
            }
            // By and by, so that a long body takes its memory only as it comes.
            let room = wanted.min(self.filled + (1 << 20)).max(4096);
            if self.buffer.len() < room {
                self.buffer.resize(room, 0);
            }
            before_each(self.filled)?;
            match from.read(&mut self.buffer[self.filled..]) {
                Ok(0) => return Err(Broken::End),
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives a few bytes at a time.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let written = |text: &str| write(&text, begin(Kind::Done), 6);
        assert_eq!(written("soup.").unwrap()[HEADER..], *b"\x05soup.");
        assert_eq!(written("salad."), Err(Unwritten::TooLong));
        assert_eq!(write(&[7_u8; 6], begin(Kind::Done), 6).unwrap()[HEADER..], [7; 6]);
        assert_eq!(write(&[7_u8; 7], begin(Kind::Done), 6), Err(Unwritten::TooLong));
    }

    proptest! {
        #[test]
        fn what_is_sent_is_read(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9000), 0..6),
            at_once in 1_usize..5000,
        ) {
            let mut wire = Vec::new();
            for body in &bodies {
                let mut frame = begin(Kind::Done);
                frame.extend(body);
                send(frame, &mut wire).unwrap();
            }
            let mut from = Trickle(&wire, at_once);
            let mut reader = Reader::default();
            for body in bodies {
                let (kind, read) = reader.next(&mut from, |_| Ok(())).unwrap();
                prop_assert_eq!((kind, read), (Kind::Done, body));
            }
            prop_assert!(matches!(reader.next(&mut from, |_| Ok(())), Err(Broken::End)));
        }

        #[test]
        fn garbage_is_an_error_and_takes_no_memory(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::default();
            let mut from = Trickle(&bytes, 7);
            for _ in 0..100 {
                if reader.next(&mut from, |_| Ok(())).is_err() {
                    break;
                }
            }
            prop_assert!(reader.buffer.len() <= 2 << 20);
        }
    }
}
