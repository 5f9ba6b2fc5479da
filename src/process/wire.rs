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
    /// There was no sign of life for as long as one may take.
    NoBeat,
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
    /// How long the other end may be silent while it is at a call.
    patience: Option<Duration>,
    /// Which time limit the socket has now.
    limited: Option<Limit>,
}

/// Why a wait ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Deadline,
    Silence,
}

/// How long to wait now, and why no longer.
fn allowance(left: Option<Duration>, patience: Option<Duration>) -> Option<(Duration, Limit)> {
    match (left, patience) {
        (Some(left), Some(patience)) if patience < left => Some((patience, Limit::Silence)),
        (Some(left), _) => Some((left, Limit::Deadline)),
        (None, patience) => patience.map(|patience| (patience, Limit::Silence)),
    }
}

impl Wire {
    pub(super) fn new(socket: UnixStream, patience: Option<Duration>) -> Self {
        Self { socket: Arc::new(socket), reader: Reader::default(), patience, limited: None }
    }

    /// Waits for the greeting of a worker of this version. `Ok(false)` is anything else.
    pub(super) fn greeting(&mut self, deadline: Option<Instant>) -> Result<bool, Broken> {
        self.read(deadline, None).map(|(kind, body)| kind == Kind::Hello && body == [VERSION])
    }

    /// Sends a call and waits for the answer.
    pub(super) fn ask(
        &mut self,
        call: Vec<u8>,
        deadline: Option<Instant>,
    ) -> Result<(Kind, Vec<u8>), Silence> {
        // A limit that has passed is none for the socket, which would wait for ever.
        limit(&self.socket, &mut self.limited, deadline, self.patience).map_err(|_| self.over())?;
        match send(call, &mut &*self.socket) {
            Ok(()) => {}
            Err(Broken::TimedOut) => return Err(self.over()),
            Err(_) => return Err(Silence::Undelivered),
        }
        self.read(deadline, self.patience).map_err(|broken| match broken {
            Broken::TimedOut => self.over(),
            broken => broken.into(),
        })
    }

    /// Which limit it is that has passed.
    fn over(&self) -> Silence {
        match self.limited {
            Some(Limit::Silence) => Silence::NoBeat,
            _ => Silence::TimedOut,
        }
    }

    /// Tells the other end that there is nothing more to do, and sees it go.
    pub(super) fn farewell(&mut self, grace: Duration) {
        let _ = self.socket.shutdown(Shutdown::Write);
        let _ = self.read(Instant::now().checked_add(grace), None);
    }

    /// Whether the other end is gone.
    pub(super) fn is_hung_up(&self) -> bool {
        let mut ends = [PollFd::new(&*self.socket, PollFlags::empty())];
        poll(&mut ends, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|found| found > 0)
    }

    fn read(
        &mut self,
        deadline: Option<Instant>,
        patience: Option<Duration>,
    ) -> Result<(Kind, Vec<u8>), Broken> {
        let Self { socket, reader, limited, .. } = self;
        loop {
            // Whatever comes is a sign of life, so each read may take as long as one.
            let before_each = |_| limit(socket, limited, deadline, patience);
            let (kind, body) = reader.next(&mut &**socket, before_each)?;
            if kind != Kind::Beat {
                return Ok((kind, body));
            }
        }
    }
}

fn limit(
    socket: &UnixStream,
    limited: &mut Option<Limit>,
    deadline: Option<Instant>,
    patience: Option<Duration>,
) -> io::Result<()> {
    let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
    let (left, limit) = allowance(left, patience).unzip();
    if limit.is_none() && limited.is_none() {
        return Ok(());
    }
    *limited = limit;
    if left == Some(Duration::ZERO) {
        return Err(io::ErrorKind::TimedOut.into());
    }
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
            let mut wire = Wire::new(ours, None);
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
        let [hello, beat] = [frame(Kind::Hello, &[VERSION]), frame(Kind::Beat, &[])];
        [hello, beat, answer(ANSWERS[0]), answer(ANSWERS[1])].concat()
    }

    /// Where the frames end: a greeting, a sign of life, two answers.
    const ENDS: [usize; 4] = [HEADER + 1, 2 * HEADER + 1, 3 * HEADER + 11, 4 * HEADER + 19];

    /// How many answers there are in so many bytes.
    fn answers_in(bytes: usize) -> usize {
        ENDS[2..].iter().filter(|end| bytes >= **end).count()
    }

    #[test]
    fn a_worker_that_stops_anywhere_is_understood_up_to_there() {
        let whole = conversation();
        assert_eq!(whole.len(), ENDS[3]);
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
            let mut wire = Wire::new(ours, None);
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

    #[test]
    fn what_passes_first_is_what_ends_a_wait() {
        let [short, long] = [1, 2].map(Duration::from_secs);
        assert_eq!(allowance(None, None), None);
        assert_eq!(allowance(Some(short), None), Some((short, Limit::Deadline)));
        assert_eq!(allowance(None, Some(short)), Some((short, Limit::Silence)));
        assert_eq!(allowance(Some(short), Some(long)), Some((short, Limit::Deadline)));
        assert_eq!(allowance(Some(long), Some(short)), Some((short, Limit::Silence)));
    }

    #[test]
    fn a_limit_that_has_passed_is_not_waited_for() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let silence =
            Wire::new(ours, None).ask(frame(Kind::Call, &[0; 8 << 20]), Some(Instant::now()));
        assert!(matches!(silence, Err(Silence::TimedOut)), "{silence:?}");
    }

    /// Before an answer, in the midst of one, and while a call does not get through.
    #[test]
    fn a_worker_that_is_silent_is_not_waited_for() {
        let late = || Instant::now().checked_add(Duration::from_secs(60));
        let half = &answer(ANSWERS[0])[..HEADER + 3];
        for (said, length) in [(&[][..], 5), (half, 5), (&[], 8 << 20)] {
            for deadline in [None, late()] {
                let (ours, theirs) = UnixStream::pair().unwrap();
                (&theirs).write_all(said).unwrap();
                let mut wire = Wire::new(ours, Some(Duration::from_millis(1)));
                let silence = wire.ask(frame(Kind::Call, &vec![0; length]), deadline);
                assert!(matches!(silence, Err(Silence::NoBeat)), "{silence:?}");
            }
        }
    }
}
