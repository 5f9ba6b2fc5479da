//! The worker's side: a program that was started to run jobs, and does nothing else.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpgrp, getpid, kill_current_process_group, kill_process};

use super::frame::{Broken, Kind, Reader, VERSION, begin, send};
use super::job::Registered;
use super::worker::lock;

/// Tells a program that it is a worker, and of whom.
pub(super) const PARENT: &str = "BRIGADE_WORKER_OF";

/// Tells a worker how often to give a sign of life, in milliseconds.
pub(super) const BEATS: &str = "BRIGADE_WORKER_BEATS";

static INITIALISED: AtomicBool = AtomicBool::new(false);

pub(super) fn is_initialised() -> bool {
    INITIALISED.load(Ordering::Relaxed)
}

/// Makes this program one whose jobs can run in other processes. It comes first in `main`.
///
/// A worker is this same program, started anew. There, `init` runs jobs and never returns; in the
/// program that was started by a person, it returns at once. What stands before it in `main` happens in
/// every worker too.
///
/// # Panics
///
/// If two jobs have the same name.
///
/// # Examples
///
/// ```no_run
/// use brigade::process::{self, Job, ProcessPool};
///
/// static SQUARE: Job<u64, u64> = Job::new("square", |n| n * n);
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     process::init(&[&SQUARE]);
///     let pool = ProcessPool::builder().workers(2).build()?;
///     assert_eq!(pool.submit(&SQUARE, 12).result()?, 144);
///     Ok(())
/// }
/// ```
#[track_caller]
pub fn init(jobs: &[&dyn Registered]) {
    let mut names = BTreeSet::new();
    for job in jobs {
        assert!(names.insert(job.name()), "two jobs are called {:?}", job.name());
    }
    INITIALISED.store(true, Ordering::Relaxed);
    let Ok(worker_of) = std::env::var(PARENT) else { return };
    // Whatever a job starts inherits the variable, but has another parent.
    if worker_of == std::os::unix::process::parent_id().to_string() {
        let status = match serve(jobs) {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("brigade worker: {error}");
                1
            }
        };
        std::process::exit(status);
    }
    if is_orphan_of(&worker_of) {
        std::process::exit(0);
    }
}

/// Whether this is a worker whose program ended before it got here: it must not go on as that program
/// would. It has the socket that it was to serve, with nobody at the other end.
fn is_orphan_of(parent: &str) -> bool {
    let input = io::stdin();
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let is_ours = rustix::net::sockopt::socket_peercred(&input)
        .is_ok_and(|made_by| made_by.pid.to_string() == parent);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let is_ours = !parent.is_empty() && rustix::net::sockopt::socket_type(&input).is_ok();
    is_ours && is_hung_up(&input)
}

/// Whether nobody is at the other end any more, be it to send or to receive.
fn is_hung_up(socket: &impl AsFd) -> bool {
    let mut ends = [PollFd::new(socket, PollFlags::empty())];
    poll(&mut ends, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok()
        && ends[0].revents().contains(PollFlags::HUP)
}

fn serve(jobs: &[&dyn Registered]) -> io::Result<()> {
    // The socket came as the standard input. Jobs shall find an empty one there.
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let lifeline = socket.try_clone()?;
    let is_at_job = Arc::default();
    let shared = Arc::clone(&is_at_job);
    // Here, and not in the thread: a job may change the environment, in a way that bears no reader.
    let pause = pause_between_beats();
    let live = move || {
        hang_on(&lifeline, &shared, pause.is_some(), || {
            // Nothing is asked for, so all that wakes it is that the other end is gone.
            poll(&mut [PollFd::new(&lifeline, PollFlags::empty())], pause.as_ref())
        });
        die();
    };
    std::thread::Builder::new().name("lifeline".into()).spawn(live)?;
    let end = converse(&mut socket, jobs, &is_at_job);
    // A farewell leaves the other end open, and this is an end like any other program's. Without one, what
    // the jobs have left must not outlive the parent because this was quicker than the lifeline.
    if is_hung_up(&socket) {
        die();
    }
    end
}

/// How long a worker is silent at most.
fn pause_between_beats() -> Option<Timespec> {
    let millis: u64 = std::env::var(BEATS).ok()?.parse().ok()?;
    Duration::from_millis(millis.clamp(1, 3_600_000)).try_into().ok()
}

/// Greets, and answers calls until there are no more. Who holds `is_at_job` may send.
fn converse(
    socket: &mut (impl Read + Write),
    jobs: &[&dyn Registered],
    is_at_job: &Mutex<bool>,
) -> io::Result<()> {
    let mut hello = begin(Kind::Hello);
    hello.push(VERSION);
    let mut answer = hello;
    let mut reader = Reader::default();
    loop {
        let mut sending = lock(is_at_job);
        *sending = false;
        match send(answer, socket) {
            Ok(()) => {}
            Err(Broken::Io(error)) => return Err(error),
            Err(_) => return Ok(()),
        }
        drop(sending);
        let mut is_under_way = false;
        let call = reader.next(socket, |already| {
            // One that is so long that it takes a while is waited for like a job. That is said once: while
            // the parent writes it hears nothing, and the lifeline may be stuck in a sign of life.
            if already > 0 && !is_under_way {
                is_under_way = true;
                *lock(is_at_job) = true;
            }
            Ok(())
        });
        let body = match call {
            Ok((Kind::Call, body)) => body,
            Ok(_) => return Err(io::Error::other("this is no call")),
            Err(Broken::Garbage(_) | Broken::Altered) => {
                // Nobody can tell where the next call would begin.
                let _sending = lock(is_at_job);
                let _ = send(begin(Kind::Altered), socket);
                return Err(io::Error::other("this is no call as it was sent"));
            }
            Err(Broken::Io(error)) => return Err(error),
            Err(Broken::End | Broken::Unread | Broken::TimedOut) => return Ok(()),
        };
        *lock(is_at_job) = true;
        let (name, arguments) =
            split(&body).ok_or_else(|| io::Error::other("a call has a name"))?;
        let job = jobs.iter().find(|job| job.name().as_bytes() == name);
        answer = job.map_or_else(|| begin(Kind::Unknown), |job| job.answer(arguments));
    }
}

fn split(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = body.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

/// Waits until the other end is gone, whatever the jobs are doing at the time. Until then, it says now and
/// then that it lives, if it `beats`: when nothing has come for a pause, or a signal has cut that short.
fn hang_on(
    mut socket: impl Write,
    is_at_job: &Mutex<bool>,
    beats: bool,
    mut wait: impl FnMut() -> Result<usize, Errno>,
) {
    while let Ok(0) | Err(Errno::INTR) = wait() {
        if beats {
            beat(&mut socket, is_at_job);
        }
    }
}

/// Ends at once. What the jobs have started goes too, if the group is this process's own.
fn die() -> ! {
    if getpgrp() == getpid() {
        let _ = kill_current_process_group(Signal::KILL);
    }
    let _ = kill_process(getpid(), Signal::KILL);
    // Nobody gets here but the first process of a container, which the system spares.
    std::process::abort()
}

/// Gives a sign of life, if somebody waits for an answer.
fn beat(socket: &mut impl Write, is_at_job: &Mutex<bool>) {
    let sending = lock(is_at_job);
    if *sending {
        // If it cannot be written, the next look at the socket says why.
        let _ = send(begin(Kind::Beat), socket);
    }
}

/// Whatever the parent sends, and wherever it stops: answers to calls, and then the end.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::frame::{HEADER, write};
    use crate::process::job::Job;

    static LENGTH: Job<String, usize> = Job::new("length", |text| text.len());

    /// What the parent sends, and what it is sent.
    struct Parent<'a>(&'a [u8], Vec<u8>);

    impl Read for Parent<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.read(into)
        }
    }

    impl Write for Parent<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What the worker says to these bytes, behind its greeting; and how it ends.
    fn serve(parent: &[u8]) -> (Vec<(Kind, Vec<u8>)>, io::Result<()>) {
        let mut parent = Parent(parent, Vec::new());
        let end = converse(&mut parent, &[&LENGTH], &Mutex::default());
        let mut sent = &parent.1[..];
        let mut reader = Reader::default();
        let mut frames = Vec::new();
        loop {
            match reader.next(&mut sent, |_| Ok(())) {
                Ok(frame) => frames.push(frame),
                Err(Broken::End) => break,
                Err(broken) => panic!("the worker sends what is no frame: {broken:?}"),
            }
        }
        assert_eq!(frames.remove(0), (Kind::Hello, vec![VERSION]));
        (frames, end)
    }

    fn call(text: &str) -> Vec<u8> {
        let mut call = begin(Kind::Call);
        call.extend(b"\x06length");
        let mut sent = Vec::new();
        send(write(&text, call, 100).unwrap(), &mut sent).unwrap();
        sent
    }

    fn done(length: u8) -> (Kind, Vec<u8>) {
        (Kind::Done, vec![length])
    }

    #[test]
    fn a_parent_that_stops_anywhere_has_its_answers_up_to_there() {
        let (first, second) = (call("soup"), call("salad"));
        let whole = [&first[..], &second].concat();
        for length in 0..=whole.len() {
            let (answers, end) = serve(&whole[..length]);
            let expected = match length {
                _ if length < first.len() => vec![],
                _ if length < whole.len() => vec![done(4)],
                _ => vec![done(4), done(5)],
            };
            assert_eq!(answers, expected, "after {length} bytes");
            assert!(end.is_ok(), "after {length} bytes: {end:?}");
        }
    }

    #[test]
    fn a_sign_of_life_is_given_only_while_an_answer_is_waited_for() {
        let mut sent = Vec::new();
        beat(&mut sent, &Mutex::new(false));
        assert!(sent.is_empty());
        beat(&mut sent, &Mutex::new(true));
        let (kind, body) = Reader::default().next(&mut &sent[..], |_| Ok(())).unwrap();
        assert_eq!((kind, body), (Kind::Beat, vec![]));
    }

    /// While nothing is asked of it, a worker is silent; from the first bytes of a call on, it is not.
    #[test]
    fn a_long_call_is_waited_for_like_a_job() {
        /// Sends one part at a time, and notes whether it is given signs of life before that.
        struct Slow<'a>(std::vec::IntoIter<&'a [u8]>, &'a Mutex<bool>, Vec<bool>);

        impl Read for Slow<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                self.2.push(*lock(self.1));
                self.0.next().unwrap_or_default().read(into)
            }
        }

        impl Write for Slow<'_> {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let calls = [call("soup"), call("salad")];
        let parts: Vec<&[u8]> = calls.iter().flat_map(|call| call.chunks(10)).collect();
        let is_at_job = Mutex::default();
        let mut parent = Slow(parts.into_iter(), &is_at_job, Vec::new());
        converse(&mut parent, &[&LENGTH], &is_at_job).unwrap();
        assert_eq!(parent.2, [false, true, true, false, true, true, false]);
    }

    /// However close they come: each begins the pause anew.
    #[test]
    fn signals_do_not_keep_a_worker_from_giving_signs_of_life() {
        for beats in [true, false] {
            let mut looks = [Err(Errno::INTR), Ok(0), Err(Errno::INTR), Ok(1)].into_iter();
            let mut sent = Vec::new();
            hang_on(&mut sent, &Mutex::new(true), beats, || looks.next().unwrap());
            assert!(looks.next().is_none(), "it hangs on until the other end is gone");
            assert_eq!(sent.len(), if beats { 3 * HEADER } else { 0 });
        }
    }

    #[test]
    fn a_parent_that_errs_in_any_bit_is_found_out() {
        let (first, second) = (call("soup"), call("salad"));
        let whole = [&first[..], &second].concat();
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let (answers, end) = serve(&bytes);
            let altered = (Kind::Altered, vec![]);
            if bit / 8 < first.len() {
                assert_eq!(answers, [altered], "bit {bit}");
            } else {
                assert_eq!(answers, [done(4), altered], "bit {bit}");
            }
            assert!(end.is_err(), "bit {bit}");
        }
    }
}
