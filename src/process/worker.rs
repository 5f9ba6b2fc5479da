//! The parent's side of one worker.

use std::io;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::child::PARENT;
use super::frame::{Broken, Kind, Reader, VERSION, send};
use crate::pool::WorkerError;

/// How long a worker that was told to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// What a worker runs.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) path: Option<PathBuf>,
    pub(super) args: Vec<std::ffi::OsString>,
    pub(super) patience: Duration,
}

/// A child process, which may be killed by others than its user.
#[derive(Debug)]
pub(super) struct Process(Mutex<Child>);

impl Process {
    fn child(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills it, unless it is gone: then its number may be another's by now.
    pub(super) fn kill(&self) {
        let _ = self.child().kill();
    }

    fn is_gone(&self) -> bool {
        !matches!(self.child().try_wait(), Ok(None))
    }

    /// Kills it if it is not dead already, and takes its status: no zombie stays.
    fn end(&self) -> Option<ExitStatus> {
        let mut child = self.child();
        let _ = child.kill();
        child.wait().ok()
    }
}

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The call did not get there, so the job has not run.
    Undelivered,
    Died(Option<ExitStatus>),
    TimedOut,
    Garbage(Vec<u8>),
}

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) process: Arc<Process>,
    socket: UnixStream,
    reader: Reader,
    /// Whether the socket has a time limit now.
    limited: bool,
    pub(super) served: u64,
}

impl Worker {
    pub(super) fn start(program: &Program) -> Result<Self, WorkerError> {
        let child = |theirs: UnixStream| {
            let path = program.path.clone().map_or_else(this_program, Ok)?;
            let mut command = Command::new(path);
            command
                .args(&program.args)
                .env(PARENT, std::process::id().to_string())
                .stdin(Stdio::from(OwnedFd::from(theirs)))
                // What a terminal sends to the program is for the program to decide on.
                .process_group(0);
            // The command goes, and with it our copy of their end.
            command.spawn()
        };
        let (ours, theirs) = UnixStream::pair().map_err(WorkerError::Start)?;
        let child = child(theirs).map_err(WorkerError::Start)?;
        let mut worker = Self {
            process: Arc::new(Process(Mutex::new(child))),
            socket: ours,
            reader: Reader::default(),
            limited: false,
            served: 0,
        };
        let deadline = Instant::now().checked_add(program.patience);
        let no_worker = |status: Option<ExitStatus>, silent| WorkerError::NoWorker {
            status: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            silent,
        };
        match worker.read(deadline) {
            Ok((Kind::Hello, version)) if version == [VERSION] => Ok(worker),
            Err(Broken::TimedOut) => Err(no_worker(None, Some(program.patience))),
            // It may have closed its input and live on: then it is not for long.
            _ => Err(no_worker(worker.process.end(), None)),
        }
    }

    /// Whether it has died since its last job.
    pub(super) fn is_gone(&self) -> bool {
        self.process.is_gone()
    }

    /// Sends a call and waits for the answer.
    pub(super) fn call(
        &mut self,
        call: Vec<u8>,
        limit: Option<Duration>,
    ) -> Result<(Kind, Vec<u8>), Failure> {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        self.served += 1;
        let _ = self.limit(deadline);
        match send(call, &mut self.socket) {
            Ok(()) => {}
            Err(Broken::TimedOut) => return Err(Failure::TimedOut),
            Err(_) => return Err(Failure::Undelivered),
        }
        self.read(deadline).map_err(|broken| match broken {
            Broken::TimedOut => Failure::TimedOut,
            Broken::Garbage(bytes) => Failure::Garbage(bytes),
            // A job begins when its call has been read, so this one has not.
            Broken::Unread => Failure::Undelivered,
            Broken::End | Broken::Io(_) => Failure::Died(self.process.end()),
        })
    }

    fn read(&mut self, deadline: Option<Instant>) -> Result<(Kind, Vec<u8>), Broken> {
        let mut reader = std::mem::take(&mut self.reader);
        let mut socket = &self.socket;
        let limited = &mut self.limited;
        let read = reader.next(&mut socket, || limit(&self.socket, limited, deadline));
        self.reader = reader;
        read
    }

    fn limit(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        limit(&self.socket, &mut self.limited, deadline)
    }

    /// Tells it that there is nothing more to do, and sees it go.
    pub(super) fn retire(mut self) {
        let _ = self.socket.shutdown(Shutdown::Write);
        // It ends by itself, which runs what a program runs at its end, and lets go of its socket.
        let _ = self.read(Instant::now().checked_add(GRACE));
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

impl Drop for Worker {
    fn drop(&mut self) {
        self.process.end();
    }
}

fn this_program() -> io::Result<PathBuf> {
    // The file may have been replaced since; then this is still the one that runs.
    let same = Path::new("/proc/self/exe");
    match std::env::current_exe() {
        Ok(path) if path.exists() || !same.exists() => Ok(path),
        _ if same.exists() => Ok(same.into()),
        other => other,
    }
}
