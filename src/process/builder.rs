//! How many processes, of which program, for how long.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::ProcessPool;
use super::child::is_initialised;
use super::crew::Crew;
use super::worker::Program;
use crate::pool::{self, BuildError, Overflow};

/// The options of a [`ProcessPool`].
///
/// | Option | Default |
/// |---|---|
/// | [`workers`](Self::workers) | as many as the machine can run at once |
/// | [`queue`](Self::queue) | 1024 places; submitting to a full one waits |
/// | [`max_tasks_per_child`](Self::max_tasks_per_child) | a process stays as long as the pool |
/// | [`start_timeout`](Self::start_timeout) | ten seconds |
/// | [`heartbeat`](Self::heartbeat) | none: a process may be silent for as long as its job takes |
/// | [`program`](Self::program) | this program |
///
/// # Examples
///
/// A program that did not call [`init`](super::init) would start itself again and again. It gets an
/// error instead:
///
/// ```
/// use brigade::pool::BuildError;
/// use brigade::process::ProcessPool;
///
/// let refused = ProcessPool::builder().workers(2).build();
/// assert_eq!(refused.unwrap_err(), BuildError::NotInitialised);
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct Builder {
    pool: pool::Builder,
    program: Program,
    most_served: u64,
    none_served: bool,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            pool: pool::Pool::builder().name("process"),
            program: Program {
                path: None,
                args: vec!["brigade-worker".into()],
                patience: Duration::from_secs(10),
                heartbeat: None,
            },
            most_served: u64::MAX,
            none_served: false,
        }
    }

    /// Sets how many processes there are at most. They are started when there is work for them, and
    /// a process that is idle is used before a new one is started.
    pub fn workers(mut self, workers: usize) -> Self {
        self.pool = self.pool.workers(workers);
        self
    }

    /// Sets how many jobs may wait for a process, and what happens when one more comes.
    pub fn queue(mut self, places: usize, overflow: Overflow) -> Self {
        self.pool = self.pool.queue(places, overflow);
        self
    }

    /// Replaces a process by a new one when it has done so many jobs: what they leak goes with it.
    ///
    /// **From Python:** `max_tasks_per_child`.
    pub fn max_tasks_per_child(mut self, jobs: u64) -> Self {
        self.most_served = jobs;
        self.none_served = jobs == 0;
        self
    }

    /// Sets how long a process may take until it is ready. One that takes longer is killed, and its
    /// job fails.
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.program.patience = limit;
        self
    }

    /// Kills a process that is at a job and has given no sign of life for so long, and the job fails with
    /// [`WorkerError::Silent`](super::WorkerError::Silent), unless it has [retries](super::Job::retries).
    ///
    /// Such a process has been stopped, by a signal or because its job asked the terminal for something,
    /// or it is stuck as a whole, in its allocator for instance. A job that waits or computes for ever is
    /// alive in this sense, and needs a [`timeout`](super::Job::timeout). Some seconds are a good choice:
    /// on a busy machine, a process that is well may be late. It gives four signs in that time, but not
    /// more than one in a millisecond: a few milliseconds are less than it can keep to.
    ///
    /// There is none by default, because a worker that a debugger holds is silent too.
    pub fn heartbeat(mut self, patience: Duration) -> Self {
        self.program.heartbeat = Some(patience);
        self
    }

    /// Runs another program, with these arguments: one that calls [`init`](super::init) with the same
    /// jobs. This program need not call it then.
    pub fn program<A: Into<OsString>>(
        mut self,
        path: impl Into<PathBuf>,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        self.program.path = Some(path.into());
        self.program.args = args.into_iter().map(Into::into).collect();
        self
    }

    /// Makes the pool. No process is started yet.
    ///
    /// # Errors
    ///
    /// [`BuildError::NotInitialised`] if this program did not call [`init`](super::init) and is to run
    /// itself. [`BuildError::NoWorkers`] if no workers were asked for, or such as do no job;
    /// [`BuildError::NoQueue`] if the queue is to have no place; [`BuildError::NoPatience`] if the
    /// heartbeat is zero.
    pub fn build(self) -> Result<ProcessPool, BuildError> {
        if self.program.path.is_none() && !is_initialised() {
            return Err(BuildError::NotInitialised);
        }
        if self.none_served {
            return Err(BuildError::NoWorkers);
        }
        if self.program.heartbeat == Some(Duration::ZERO) {
            return Err(BuildError::NoPatience);
        }
        let pool = self.pool.build()?;
        let crew = Crew::new(self.program, pool.workers(), self.most_served);
        Ok(ProcessPool { pool, crew })
    }
}
