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
    /// The answer is not as it was sent.
    Altered,
}

impl From<Broken> for Silence {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::TimedOut => Self::TimedOut,
            Broken::Garbage(bytes) => Self::Garbage(bytes),
            Broken::Altered => Self::Altered,
            // A job begins when its call has been read, so this one has not.
            Broken::Unread => Self::Undelivered,
            Broken::End | Broken::Io(_) => Self::Ended,
        }
    }
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
        self.read(deadline).map_err(Silence::from)
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
    use crate::process::frame::{HEADER, begin};
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

    /// Holds a conversation with a worker that sends these bytes, whatever it is asked, and then goes or
    /// stays: the answers to two calls, and what there was instead of one.
    fn converse(worker: &[u8], stays: bool) -> (Vec<String>, Option<Silence>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        // Nothing here is waited for unless it goes wrong.
        let late = || Instant::now().checked_add(Duration::from_secs(60));
        thread::scope(|s| {
            s.spawn(move || {
                let _ = (&theirs).write_all(worker);
                if !stays {
                    let _ = theirs.shutdown(Shutdown::Write);
                }
                // All that it is asked is read, so that its end is an end.
                let _ = (&theirs).read_to_end(&mut Vec::new());
            });
            let mut wire = Wire::new(ours);
            let mut answers = Vec::new();
            match wire.greeting(late()) {
                Ok(is_greeting) => assert!(is_greeting),
                Err(broken) => return (answers, Some(broken.into())),
            }
            for _ in 0..2 {
                let (kind, body) = match wire.ask(frame(Kind::Call, b"\x01xyz"), late()) {
                    Ok(answer) => answer,
                    Err(silence) => return (answers, Some(silence)),
                };
                answers.push(decode(&understand("x", kind, body).unwrap().unwrap()).unwrap());
            }
            (answers, None)
        })
    }

    fn answer(text: &str) -> Vec<u8> {
        frame(Kind::Done, &postcard::to_stdvec(text).unwrap())
    }

    const ANSWERS: [&str; 2] = ["an answer", "another"];

    fn conversation() -> Vec<u8> {
        [frame(Kind::Hello, &[VERSION]), answer(ANSWERS[0]), answer(ANSWERS[1])].concat()
    }

    /// Where the greeting ends and each answer.
    const ENDS: [usize; 3] = [HEADER + 1, 2 * HEADER + 11, 3 * HEADER + 19];

    /// How many answers there are in so many bytes.
    fn answers_in(bytes: usize) -> usize {
        ENDS[1..].iter().filter(|end| bytes >= **end).count()
    }

    #[test]
    fn a_worker_that_stops_anywhere_is_understood_up_to_there() {
        let whole = conversation();
        assert_eq!(whole.len(), ENDS[2]);
        for length in 0..=whole.len() {
            let (answers, silence) = converse(&whole[..length], false);
            assert_eq!(answers, ANSWERS[..answers_in(length)], "after {length} bytes");
            match silence {
                None if length == whole.len() => {}
                Some(Silence::Ended) if length < whole.len() => {}
                other => panic!("after {length} bytes: {other:?}"),
            }
        }
    }

    /// And it is not waited for.
    #[test]
    fn a_worker_that_errs_in_any_bit_is_found_out() {
        let whole = conversation();
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            let byte = bit / 8;
            bytes[byte] ^= 1 << (bit % 8);
            let (answers, silence) = converse(&bytes, true);
            assert_eq!(answers, ANSWERS[..answers_in(byte)], "bit {bit}");
            let begin = ENDS.into_iter().rfind(|end| byte >= *end).unwrap_or(0);
            let is_mark = byte - begin < 3;
            match silence {
                Some(Silence::Garbage(_)) if is_mark => {}
                Some(Silence::Altered) if !is_mark => {}
                other => panic!("bit {bit}: {other:?}"),
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
                Ok(true) if length >= ENDS[0] => {}
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
