//! The parent's side of one worker.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::child::{BEATS, PARENT};
use super::frame::{Broken, Kind};
use super::wire::{Silence, Wire};
use crate::pool::WorkerError;

/// How long a worker that was told to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(2);

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a worker runs.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) path: Option<PathBuf>,
    pub(super) args: Vec<std::ffi::OsString>,
    pub(super) patience: Duration,
    /// How long a worker may be silent while it is at a job.
    pub(super) heartbeat: Option<Duration>,
}

/// A child process with all that it has started, which may be killed by others than its user.
#[derive(Debug)]
pub(super) struct Process {
    child: Mutex<Fate>,
    condemned: AtomicBool,
}

#[derive(Debug)]
struct Fate {
    child: Child,
    /// Its status has been taken, and its number may be another's.
    is_over: bool,
}

impl Fate {
    /// Kills it and its group. While its status is not taken, both bear its number, also if it is dead.
    fn kill(&mut self) {
        if self.is_over {
            return;
        }
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        // It may have left its group.
        let _ = self.child.kill();
    }
}

impl Process {
    fn new(child: Child) -> Self {
        let child = Mutex::new(Fate { child, is_over: false });
        Self { child, condemned: AtomicBool::new(false) }
    }

    /// Kills it, unless it is gone.
    pub(super) fn kill(&self) {
        self.condemn();
        lock(&self.child).kill();
    }

    /// Says that it is dead, or about to be: nobody shall have a job for it any more.
    pub(super) fn condemn(&self) {
        self.condemned.store(true, Ordering::Release);
    }

    pub(super) fn is_condemned(&self) -> bool {
        self.condemned.load(Ordering::Acquire)
    }

    #[cfg(test)]
    pub(super) fn id(&self) -> u32 {
        lock(&self.child).child.id()
    }

    /// Kills it if it is not dead already, and takes its status: no zombie stays.
    fn end(&self) -> Option<ExitStatus> {
        let mut fate = lock(&self.child);
        fate.kill();
        let status = fate.child.wait().ok();
        fate.is_over = true;
        status
    }
}

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The call did not get there, so the job has not run.
    Undelivered,
    Died(Option<ExitStatus>),
    TimedOut,
    NoBeat,
    Garbage(Vec<u8>),
    /// The call or the answer is not as it was sent.
    Altered {
        may_have_run: bool,
    },
}

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) process: Arc<Process>,
    pub(super) wire: Wire,
    pub(super) served: u64,
}

impl Worker {
    /// Starts one, and waits until it is ready. `started` is told of it before that.
    pub(super) fn start(
        program: &Program,
        started: impl FnOnce(&Arc<Process>),
    ) -> Result<Self, WorkerError> {
        let child = |theirs: UnixStream| {
            let path = program.path.clone().map_or_else(this_program, Ok)?;
            let mut command = Command::new(path);
            command
                .args(&program.args)
                .env(PARENT, std::process::id().to_string())
                .stdin(Stdio::from(OwnedFd::from(theirs)))
                .env_remove(BEATS)
                // What a terminal sends to the program is for the program to decide on, and what a
                // worker starts goes with it.
                .process_group(0);
            if let Some(patience) = program.heartbeat {
                // Some may come late.
                command.env(BEATS, (patience / 4).as_millis().to_string());
            }
            // The command goes, and with it our copy of their end.
            command.spawn()
        };
        let (ours, theirs) = UnixStream::pair().map_err(WorkerError::Start)?;
        let child = child(theirs).map_err(WorkerError::Start)?;
        let mut worker = Self {
            process: Arc::new(Process::new(child)),
            wire: Wire::new(ours, program.heartbeat),
            served: 0,
        };
        started(&worker.process);
        let deadline = Instant::now().checked_add(program.patience);
        let no_worker = |status: Option<ExitStatus>, silent| WorkerError::NoWorker {
            status: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            silent,
        };
        match worker.wire.greeting(deadline) {
            Ok(true) => Ok(worker),
            Err(Broken::TimedOut) => Err(no_worker(None, Some(program.patience))),
            // It may have closed its input and live on: then it is not for long.
            _ => Err(no_worker(worker.process.end(), None)),
        }
    }

    /// Whether it has died since its last job.
    pub(super) fn is_gone(&self) -> bool {
        self.process.is_condemned() || self.wire.is_hung_up()
    }

    /// Sends a call and waits for the answer.
    pub(super) fn call(
        &mut self,
        call: Vec<u8>,
        limit: Option<Duration>,
    ) -> Result<(Kind, Vec<u8>), Failure> {
        self.served += 1;
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        self.wire.ask(call, deadline).map_err(|silence| match silence {
            Silence::Undelivered => Failure::Undelivered,
            Silence::Ended => Failure::Died(self.process.end()),
            Silence::TimedOut => Failure::TimedOut,
            Silence::NoBeat => Failure::NoBeat,
            Silence::Garbage(bytes) => Failure::Garbage(bytes),
            Silence::Altered => Failure::Altered { may_have_run: true },
        })
    }

    /// Tells it that there is nothing more to do, and sees it go: it ends by itself, which runs what a
    /// program runs at its end.
    pub(super) fn retire(mut self) {
        self.wire.farewell(GRACE);
    }
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
