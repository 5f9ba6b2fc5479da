//! The parent's end of the conversation with a worker: a greeting, and then calls and their answers.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::frame::{Broken, Kind, Reader, VERSION, send};

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum Silence {
    /// The call did not get there, so the job has not run.
    Undelivered,
    /// The other end is gone.
    Ended,
    TimedOut,
    Garbage(Vec<u8>),
}

#[derive(Debug)]
pub(super) struct Wire {
    /// Shared with whoever looks out for its end.
    pub(super) socket: Arc<UnixStream>,
    reader: Reader,
    /// Whether the socket has a time limit now.
    limited: bool,
}

impl Wire {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self { socket: Arc::new(socket), reader: Reader::default(), limited: false }
    }

    /// Waits for the greeting of a worker of this version. `Ok(false)` is anything else.
    pub(super) fn greeting(&mut self, deadline: Option<Instant>) -> Result<bool, Broken> {
        self.read(deadline).map(|(kind, body)| kind == Kind::Hello && body == [VERSION])
    }

    /// Sends a call and waits for the answer.
    pub(super) fn ask(
        &mut self,
        call: Vec<u8>,
        deadline: Option<Instant>,
    ) -> Result<(Kind, Vec<u8>), Silence> {
        let _ = limit(&self.socket, &mut self.limited, deadline);
        match send(call, &mut &*self.socket) {
            Ok(()) => {}
            Err(Broken::TimedOut) => return Err(Silence::TimedOut),
            Err(_) => return Err(Silence::Undelivered),
        }
        self.read(deadline).map_err(|broken| match broken {
            Broken::TimedOut => Silence::TimedOut,
            Broken::Garbage(bytes) => Silence::Garbage(bytes),
            // A job begins when its call has been read, so this one has not.
            Broken::Unread => Silence::Undelivered,
            Broken::End | Broken::Io(_) => Silence::Ended,
        })
    }

    /// Tells the other end that there is nothing more to do, and sees it go.
    pub(super) fn farewell(&mut self, grace: Duration) {
        let _ = self.socket.shutdown(Shutdown::Write);
        let _ = self.read(Instant::now().checked_add(grace));
    }

    /// Whether the other end is gone.
    pub(super) fn is_hung_up(&self) -> bool {
        let mut ends = [PollFd::new(&*self.socket, PollFlags::empty())];
        poll(&mut ends, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|found| found > 0)
    }

    fn read(&mut self, deadline: Option<Instant>) -> Result<(Kind, Vec<u8>), Broken> {
        let Self { socket, reader, limited } = self;
        reader.next(&mut &**socket, || limit(socket, limited, deadline))
    }
}

fn limit(socket: &UnixStream, limited: &mut bool, deadline: Option<Instant>) -> io::Result<()> {
    if deadline.is_none() && !*limited {
        return Ok(());
    }
    let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
    if left == Some(Duration::ZERO) {
        return Err(io::ErrorKind::TimedOut.into());
    }
    *limited = left.is_some();
    socket.set_read_timeout(left)?;
    socket.set_write_timeout(left)
}

/// Whatever a worker sends, and wherever it stops: the answer to what was asked, or an error.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::crew::understand;
    use crate::process::frame::begin;
    use crate::process::job::decode;
    use std::io::{Read, Write};
    use std::thread;

    fn frame(kind: Kind, body: &[u8]) -> Vec<u8> {
        let mut frame = begin(kind);
        frame.extend(body);
        let mut sent = Vec::new();
        send(frame, &mut sent).unwrap();
        sent
    }

    /// What a call came to.
    #[derive(Debug, Clone, PartialEq, Eq)]
    enum Said {
        Answer(String),
        Error,
    }

    /// Holds a conversation with a worker that sends these bytes, whatever it is asked, and goes:
    /// two answers, or none if it is no worker.
    fn converse(worker: &[u8]) -> Vec<Said> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        thread::scope(|s| {
            s.spawn(move || {
                let _ = (&theirs).write_all(worker);
                let _ = theirs.shutdown(Shutdown::Write);
                // All that it is asked is read, so that its end is an end.
                let _ = (&theirs).read_to_end(&mut Vec::new());
            });
            let mut wire = Wire::new(ours);
            if !matches!(wire.greeting(None), Ok(true)) {
                return vec![];
            }
            let mut answer = || {
                let (kind, body) = wire.ask(frame(Kind::Call, b"\x01xyz"), None).ok()?;
                decode(&understand("x", kind, body).ok()?.ok()?).ok()
            };
            [answer(), answer()].map(|said| said.map_or(Said::Error, Said::Answer)).into()
        })
    }

    fn answer(text: &str) -> Vec<u8> {
        frame(Kind::Done, &postcard::to_stdvec(text).unwrap())
    }

    fn conversation() -> Vec<u8> {
        [frame(Kind::Hello, &[VERSION]), answer("an answer"), answer("another")].concat()
    }

    fn answers() -> [Said; 2] {
        ["an answer", "another"].map(|text| Said::Answer(text.into()))
    }

    /// Where the greeting ends and each answer.
    const ENDS: [usize; 3] = [9, 9 + 18, 9 + 18 + 16];

    #[test]
    fn a_worker_that_stops_anywhere_is_understood_up_to_there() {
        let whole = conversation();
        assert_eq!(whole.len(), ENDS[2]);
        for length in 0..=whole.len() {
            let mut expected = answers();
            for (answer, end) in expected.iter_mut().zip(&ENDS[1..]) {
                if length < *end {
                    *answer = Said::Error;
                }
            }
            let expected = if length < ENDS[0] { &[][..] } else { &expected };
            assert_eq!(converse(&whole[..length]), expected, "after {length} bytes");
        }
    }

    /// The bits of a body are the job's own: what they say is what it has said.
    #[test]
    fn a_worker_that_errs_in_a_bit_gives_an_error_or_the_answer() {
        let whole = conversation();
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let said = converse(&bytes);
            let byte = bit / 8;
            if byte < ENDS[0] {
                assert!(said.is_empty(), "bit {bit}: {said:?}");
                continue;
            }
            for (turn, right) in answers().into_iter().enumerate() {
                let (begin, end) = (ENDS[turn], ENDS[turn + 1]);
                let text = &said[turn];
                if byte < begin {
                    // What comes behind a length that lies is lost, and no more than that.
                    assert!(*text == right || *text == Said::Error, "bit {bit}: {said:?}");
                } else if byte < begin + 8 {
                    assert_eq!(*text, Said::Error, "bit {bit}: {said:?}");
                } else if byte >= end {
                    assert_eq!(*text, right, "bit {bit}: {said:?}");
                }
            }
        }
    }

    /// Neither silence nor half a frame is waited for longer than the limit says.
    #[test]
    fn a_worker_that_stops_and_stays_is_waited_for_as_long_as_allowed() {
        let whole = conversation();
        for length in 0..whole.len() {
            let (ours, theirs) = UnixStream::pair().unwrap();
            (&theirs).write_all(&whole[..length]).unwrap();
            let mut wire = Wire::new(ours);
            let soon = || Instant::now().checked_add(Duration::from_millis(1));
            // What is there already is read, unless the limit passes first.
            match wire.greeting(soon()) {
                Ok(true) if length >= 9 => {}
                Err(Broken::TimedOut) => continue,
                other => panic!("{length} bytes: {other:?}"),
            }
            for _ in 0..2 {
                match wire.ask(frame(Kind::Call, b"\x01xyz"), soon()) {
                    Ok((Kind::Done, _)) => {}
                    Err(Silence::TimedOut) => break,
                    other => panic!("{length} bytes: {other:?}"),
                }
            }
        }
    }
}
