//! What can befall a process that runs jobs.

use std::fmt;
use std::io;
use std::time::Duration;

/// Why a process gave no result: what [`TaskError::Worker`](super::TaskError::Worker) holds.
///
/// It costs the one job that the process was at. Every other job goes on, in other processes and in a
/// new one in place of this.
#[derive(Debug)]
#[non_exhaustive]
pub enum WorkerError {
    /// The process ended while it was at the job.
    Died {
        /// The job.
        job: &'static str,
        /// Its exit status, if it ended by itself.
        status: Option<i32>,
        /// The signal that killed it.
        signal: Option<i32>,
        /// In how many processes the job was tried.
        attempts: u32,
    },
    /// The job took longer than its [limit](crate::process::Job::timeout), and was killed.
    TimedOut {
        /// The job.
        job: &'static str,
        /// Its limit.
        limit: Duration,
    },
    /// The process gave no sign of life for as long as its
    /// [heartbeat](crate::process::Builder::heartbeat) may take, and was killed.
    Silent {
        /// The job.
        job: &'static str,
        /// How long it was silent.
        limit: Duration,
        /// In how many processes the job was tried.
        attempts: u32,
    },
    /// What came from the process is no answer. It was killed.
    Garbage {
        /// The job.
        job: &'static str,
        /// How the answer began, in hexadecimal.
        found: String,
    },
    /// The call or its answer did not arrive as it was sent: its checksum is wrong. Nothing of it was
    /// used, and the process was killed.
    Altered {
        /// The job.
        job: &'static str,
        /// Whether it was the answer. If it was the call, the job has not run.
        may_have_run: bool,
    },
    /// The arguments cannot be serialized. Nothing was sent.
    Encode {
        /// The job.
        job: &'static str,
        /// Why not.
        why: String,
    },
    /// The arguments, or the result, are longer than the 4 GiB that go over at once. Arguments were not
    /// sent.
    TooLong {
        /// The job.
        job: &'static str,
    },
    /// One side does not understand the other: the argument or the result has another type there.
    Decode {
        /// The job.
        job: &'static str,
        /// Why not.
        why: String,
    },
    /// The process knows no job of this name.
    UnknownJob {
        /// The job.
        job: &'static str,
    },
    /// The operating system refused to start a process.
    Start(io::Error),
    /// A process was started and is no worker: it has ended, or was silent for too long.
    NoWorker {
        /// Its exit status, if it ended by itself.
        status: Option<i32>,
        /// The signal that killed it.
        signal: Option<i32>,
        /// How long it was waited for, if it was silent.
        silent: Option<Duration>,
    },
}

/// How a process ended.
struct End(Option<i32>, Option<i32>);

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(_, Some(signal)) => write!(f, "was killed by signal {signal}"),
            Self(Some(status), _) => write!(f, "ended with status {status}"),
            Self(None, None) => f.write_str("ended"),
        }
    }
}

impl fmt::Display for WorkerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Died { job, status, signal, attempts } => {
                write!(f, "the process that ran the job {job:?} {}", End(*status, *signal))?;
                match attempts {
                    1 => f.write_str("; if the job may run twice, give it retries"),
                    more => write!(f, ", and so did the others of {more}"),
                }
            }
            Self::TimedOut { job, limit } => {
                write!(
                    f,
                    "the job {job:?} was killed after {limit:?}: give it more time, or less work"
                )
            }
            Self::Silent { job, limit, attempts } => {
                write!(
                    f,
                    "the process that ran the job {job:?} gave no sign of life for {limit:?} and was \
                     killed"
                )?;
                if *attempts > 1 {
                    write!(f, ", the last of {attempts}")?;
                }
                f.write_str(
                    ": see what stopped it (a signal, a debugger, a terminal that it asked), \
                     or allow its heartbeat more time",
                )
            }
            Self::Garbage { job, found } => write!(
                f,
                "what answered to the job {job:?} began with {found}, which is no answer: \
                 leave the worker's socket alone"
            ),
            Self::Altered { job, may_have_run } => {
                let (what, then) = match may_have_run {
                    true => ("answer to", "submit it again if it may run twice"),
                    false => ("call of", "it has not run, so submit it again"),
                };
                write!(
                    f,
                    "the {what} the job {job:?} did not arrive as it was sent: {then}; if it happens \
                     often, test the machine's memory"
                )
            }
            Self::Encode { job, why } => {
                write!(f, "the arguments of the job {job:?} cannot be serialized: {why}")
            }
            Self::TooLong { job } => write!(
                f,
                "the arguments or the result of the job {job:?} are longer than 4 GiB: \
                 send them through a file, or in pieces"
            ),
            Self::Decode { job, why } => write!(
                f,
                "the job {job:?} is of another type in the worker: {why}; \
                 run the same program on both sides"
            ),
            Self::UnknownJob { job } => {
                write!(f, "the worker knows no job {job:?}: name it in the call of process::init")
            }
            Self::Start(error) => write!(f, "no worker process could be started: {error}"),
            Self::NoWorker { silent: Some(limit), .. } => write!(
                f,
                "the process that was started did not report in {limit:?}: \
                 call process::init first in its main"
            ),
            Self::NoWorker { status, signal, .. } => write!(
                f,
                "the process that was started {} before it reported: \
                 call process::init first in its main",
                End(*status, *signal)
            ),
        }
    }
}

impl std::error::Error for WorkerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start(error) => Some(error),
            _ => None,
        }
    }
}
