//! The worker's side: a program that was started to run jobs, and does nothing else.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, getpid, kill_process};

use super::frame::{Broken, Kind, Reader, VERSION, begin, send};
use super::job::Registered;

/// Tells a program that it is a worker, and of whom.
pub(super) const PARENT: &str = "BRIGADE_WORKER_OF";

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
    let mut ends = [PollFd::new(&input, PollFlags::empty())];
    is_ours
        && poll(&mut ends, Some(&rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok()
        && ends[0].revents().contains(PollFlags::HUP)
}

fn serve(jobs: &[&dyn Registered]) -> io::Result<()> {
    // The socket came as the standard input. Jobs shall find an empty one there.
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let lifeline = socket.try_clone()?;
    std::thread::Builder::new().name("lifeline".into()).spawn(move || hang_on(&lifeline))?;

    let mut hello = begin(Kind::Hello);
    hello.push(VERSION);
    let mut answer = hello;
    let mut reader = Reader::default();
    loop {
        match send(answer, &mut socket) {
            Ok(()) => {}
            Err(Broken::Io(error)) => return Err(error),
            Err(_) => return Ok(()),
        }
        let body = match reader.next(&mut socket, || Ok(())) {
            Ok((Kind::Call, body)) => body,
            Ok(_) | Err(Broken::Garbage(_)) => return Err(io::Error::other("this is no call")),
            Err(Broken::Io(error)) => return Err(error),
            Err(Broken::End | Broken::Unread | Broken::TimedOut) => return Ok(()),
        };
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

/// Ends with the program that started this one, whatever this one is doing at the time.
fn hang_on(socket: &UnixStream) {
    loop {
        // Nothing is asked for, so all that wakes it is that the other end is gone.
        let mut ends = [PollFd::new(socket, PollFlags::empty())];
        match poll(&mut ends, None) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(_) | Err(_) => {
                let _ = kill_process(getpid(), Signal::KILL);
                return;
            }
        }
    }
}
