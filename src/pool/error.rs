//! Why there is no result, no place in the queue, or no pool.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};

/// Why a job has no result. It is what [`Future::result`](super::Future::result) returns instead.
///
/// An error that the job itself returns is not among these: it is the job's result.
///
/// # Examples
///
/// ```
/// use brigade::pool::{Pool, TaskError};
///
/// let pool = Pool::new()?;
/// let burnt = pool.submit(|_| -> u32 { panic!("the toast is burnt") });
/// match burnt.result() {
///     Err(TaskError::Panicked(panic)) => assert_eq!(panic.message(), Some("the toast is burnt")),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum TaskError {
    /// The job was cancelled before it began, by its future or by the end of the pool; or it was
    /// killed for that, with the process it ran in.
    Cancelled,
    /// The job panicked; this is what it panicked with.
    Panicked(Panic),
    /// The pool was shut down before the job was submitted.
    PoolClosed,
    /// The queue was full, and the policy is [`Overflow::Reject`](super::Overflow::Reject).
    Rejected,
    /// The job was the oldest in a full queue, and the policy is
    /// [`Overflow::DropOldest`](super::Overflow::DropOldest).
    Displaced,
    /// Whoever waits here is waited for, directly or around some corners, by the job it waits for.
    Cycle,
    /// There is no outcome any more: the future was polled until it was ready, and gave it away.
    Taken,
    /// There is no worker, and the operating system refused to start one.
    NoThread(io::Error),
    /// The process that ran the job failed. Only a process pool says so.
    #[cfg(all(unix, feature = "process"))]
    #[cfg_attr(docsrs, doc(cfg(feature = "process")))]
    Worker(super::WorkerError),
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("the job was cancelled"),
            Self::Panicked(panic) => panic.fmt(f),
            Self::PoolClosed => {
                f.write_str("the pool is shut down: submit before, or keep the pool longer")
            }
            Self::Rejected => f.write_str(
                "the pool's queue is full: submit later, make the queue longer, \
                 or choose another overflow policy",
            ),
            Self::Displaced => f.write_str(
                "a newer job took this one's place in the full queue: make the queue longer, \
                 or choose another overflow policy",
            ),
            Self::Cycle => f.write_str(
                "the job that was waited for waits for whoever waited: neither would ever go on; \
                 let one of them go on without the other",
            ),
            Self::Taken => f.write_str(
                "the outcome of the job was given to whoever polled its future: \
                 ask for it, and add callbacks, before that",
            ),
            Self::NoThread(error) => {
                write!(f, "no worker thread could be started for the job: {error}")
            }
            #[cfg(all(unix, feature = "process"))]
            Self::Worker(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TaskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoThread(error) => Some(error),
            #[cfg(all(unix, feature = "process"))]
            Self::Worker(error) => error.source(),
            _ => None,
        }
    }
}

/// What a job panicked with.
///
/// Unlike a bare payload it may be shared among threads, and it shows its message.
///
/// # Examples
///
/// ```
/// use brigade::pool::{Pool, TaskError};
///
/// let pool = Pool::new()?;
/// let Err(TaskError::Panicked(panic)) = pool.submit(|_| std::panic::panic_any(42)).result() else {
///     unreachable!("it panics");
/// };
/// assert_eq!(panic.message(), None);
/// assert_eq!(panic.into_payload().downcast_ref(), Some(&42));
/// # Ok::<(), brigade::pool::BuildError>(())
/// ```
pub struct Panic {
    message: Option<String>,
    // A lock is what makes it `Sync`; nobody ever waits for it.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl Panic {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = match payload.downcast_ref::<&str>() {
            Some(text) => Some((*text).to_owned()),
            None => payload.downcast_ref::<String>().cloned(),
        };
        Self { message, payload: Mutex::new(payload) }
    }

    /// Shows the message, if the payload is a string, as that of `panic!` is.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Takes the payload out.
    #[must_use]
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on panicking on this thread with the same payload.
    ///
    /// # Panics
    ///
    /// That is what it is for. The panic hook does not run again.
    pub fn resume(self) -> ! {
        std::panic::resume_unwind(self.into_payload())
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panic").field(&self.message).finish()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "the job panicked: {message}"),
            None => f.write_str("the job panicked with a payload that is no text"),
        }
    }
}

/// Why [`Pool::try_submit`](super::Pool::try_submit) did not take a job. It hands the job back.
///
/// # Examples
///
/// ```
/// use brigade::pool::{Pool, Refusal, Shutdown};
///
/// let pool = Pool::new()?;
/// pool.shutdown(Shutdown::Drain);
/// let refused = pool.try_submit(|_| 7).unwrap_err();
/// assert!(matches!(refused.reason, Refusal::Closed));
/// let job = refused.into_inner();
/// # let _ = job;
/// # Ok::<(), brigade::pool::BuildError>(())
/// ```
pub struct SubmitError<F> {
    /// The job that was not taken.
    pub job: F,
    /// Why not.
    pub reason: Refusal,
}

impl<F> SubmitError<F> {
    /// Gives the job back.
    #[must_use]
    pub fn into_inner(self) -> F {
        self.job
    }
}

impl<F> fmt::Debug for SubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmitError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<F> fmt::Display for SubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<F> std::error::Error for SubmitError<F> {}

/// Why a pool takes no job.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// The queue is full.
    Full,
    /// The pool is shut down.
    Closed,
    /// There is no worker, and the operating system refused to start one.
    NoThread(io::Error),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the pool's queue is full: try later, or submit and wait"),
            Self::Closed => f.write_str("the pool is shut down and takes no more jobs"),
            Self::NoThread(error) => write!(f, "no worker thread could be started: {error}"),
        }
    }
}

impl From<Refusal> for TaskError {
    fn from(reason: Refusal) -> Self {
        match reason {
            Refusal::Full => Self::Rejected,
            Refusal::Closed => Self::PoolClosed,
            Refusal::NoThread(error) => Self::NoThread(error),
        }
    }
}

/// Why there is no pool.
///
/// # Examples
///
/// ```
/// use brigade::pool::{BuildError, Pool};
///
/// let error = Pool::builder().workers(0).build().unwrap_err();
/// assert_eq!(error, BuildError::NoWorkers);
/// assert_eq!(error.to_string(), "a pool of 0 workers never runs a job; give it at least 1");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// No workers were asked for.
    NoWorkers,
    /// A queue without a place was asked for.
    NoQueue,
    /// The program did not call `process::init` before it made process workers, so that a worker
    /// would run the program all over again.
    #[cfg(all(unix, feature = "process"))]
    #[cfg_attr(docsrs, doc(cfg(feature = "process")))]
    NotInitialised,
    /// Process workers were to give a sign of life all the time: a heartbeat of zero.
    #[cfg(all(unix, feature = "process"))]
    #[cfg_attr(docsrs, doc(cfg(feature = "process")))]
    NoPatience,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoWorkers => "a pool of 0 workers never runs a job; give it at least 1",
            Self::NoQueue => "a queue of 0 places never holds a job; give it at least 1",
            #[cfg(all(unix, feature = "process"))]
            Self::NotInitialised => {
                "process workers run this program anew, and it did not call \
                 brigade::process::init; make that the first line of main"
            }
            #[cfg(all(unix, feature = "process"))]
            Self::NoPatience => {
                "with a heartbeat of zero every process is killed at its first job; \
                 give it some seconds, or have no heartbeat"
            }
        })
    }
}

impl std::error::Error for BuildError {}
