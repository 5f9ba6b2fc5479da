//! What can go wrong, told to whoever caused it, with the value handed back.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::encode::{ProducerId, RecoverError, ValueError};
use super::output::OpenError;
use super::report::Report;
use crate::clock::Stamp;

/// Why a sink was not built. Nothing was changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// A producer's ring needs room for at least one record.
    ZeroCapacity,
    /// A ring of this many records is past what is sane for one producer.
    CapacityTooLarge {
        /// What was asked for.
        asked: usize,
        /// The most that is accepted.
        most: usize,
    },
    /// The pending buffer of event time needs room for at least one record.
    ZeroPending,
    /// The file cannot become an output.
    Open(OpenError),
    /// The output has content that cannot be continued.
    Recover(RecoverError),
    /// The output failed while it was being prepared.
    Output(io::Error),
    /// The operating system refused the writer thread.
    Spawn(io::Error),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroCapacity => {
                f.write_str("a capacity of zero records can never accept one; give at least 1")
            }
            Self::CapacityTooLarge { asked, most } => write!(
                f,
                "a capacity of {asked} records a producer is more than {most}; a ring is memory \
                 that every producer holds"
            ),
            Self::ZeroPending => f.write_str(
                "a pending buffer of zero records can never release one; give at least 1",
            ),
            Self::Open(error) => error.fmt(f),
            Self::Recover(error) => error.fmt(f),
            Self::Output(error) => write!(f, "the output failed while being prepared: {error}"),
            Self::Spawn(error) => write!(f, "the writer thread could not be started: {error}"),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open(error) => error.source(),
            Self::Recover(error) => error.source(),
            Self::Output(error) | Self::Spawn(error) => Some(error),
            _ => None,
        }
    }
}

impl From<OpenError> for BuildError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

/// Why a producer could not join.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// Another producer has this name, or has left and still has records to be written.
    NameTaken {
        /// The name.
        name: String,
    },
    /// The name is empty, longer than 255 bytes, or holds a control character.
    BadName {
        /// The name.
        name: String,
    },
    /// The sink is finished or has failed.
    Closed,
    /// There are as many producers as ids.
    TooMany,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken { name } => {
                write!(f, "a producer named {name:?} is still here; choose another name")
            }
            Self::BadName { name } => write!(
                f,
                "{name:?} cannot name a producer; take 1 to 255 bytes without control characters"
            ),
            Self::Closed => f.write_str("the sink is closed; finish() has the outcome"),
            Self::TooMany => f.write_str("all producer ids are taken; let some producers leave"),
        }
    }
}

impl std::error::Error for JoinError {}

/// A push that was not accepted: the reason, and the value back.
///
/// For a batch the value is `()`: what was not accepted is still in the caller's vector.
pub struct PushError<T> {
    /// What was pushed.
    pub value: T,
    /// Why it was not accepted.
    pub reason: Refusal,
}

impl<T> PushError<T> {
    pub(crate) fn new(value: T, reason: Refusal) -> Self {
        Self { value, reason }
    }

    /// Gives the value back.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<T> std::error::Error for PushError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Refusal::Value(error) => Some(error),
            Refusal::Failed(failure) => Some(failure),
            _ => None,
        }
    }
}

/// Why a push was not accepted.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// The ring is full, and the policy is to say so.
    Full,
    /// The ring stayed full for as long as the policy allows.
    TimedOut,
    /// The ring is full, and the policy is to drop the newest; the report counts it.
    Dropped,
    /// The stamp lies behind the frontier, or behind the producer's own promise.
    Late {
        /// By how much.
        by: Duration,
    },
    /// The stamp lies further ahead of the clock than the contract allows.
    TooFarAhead {
        /// By how much it exceeds what is allowed.
        by: Duration,
    },
    /// The encoding cannot express the value.
    Value(ValueError),
    /// The sink was finished.
    Closed,
    /// The sink has failed; `finish` has the details.
    Failed(Failure),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the ring is full: the writer is slower than this producer"),
            Self::TimedOut => f.write_str("the ring stayed full for the whole time allowed"),
            Self::Dropped => f.write_str("dropped, as the overflow policy says: the ring is full"),
            Self::Late { by } => write!(
                f,
                "the stamp is {by:?} too late: records up to there may have been written; push \
                 earlier, or allow a longer lag"
            ),
            Self::TooFarAhead { by } => write!(
                f,
                "the stamp is {by:?} further ahead of the clock than allowed; check its source"
            ),
            Self::Value(error) => error.fmt(f),
            Self::Closed => f.write_str("the sink is finished"),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

/// What made a sink fail. Cheap to clone: every producer gets one.
#[derive(Clone)]
pub struct Failure(Arc<Cause>);

/// The kinds of [`Failure`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The output refused bytes.
    Write {
        /// What it said.
        error: io::Error,
        /// True if it could not be cut back to the last whole record either.
        torn: bool,
    },
    /// The output could not make written bytes durable.
    Sync(io::Error),
    /// The output could not go on to its next file.
    Rotate(io::Error),
    /// The encoding failed on an accepted value.
    Encode {
        /// Whose record it was.
        producer: String,
        /// Its stamp.
        stamp: Stamp,
        /// What the encoding said.
        error: ValueError,
    },
    /// The encoding, a clock, an output or a value's `Drop` panicked.
    Panicked {
        /// The panic's message, if it was text.
        message: String,
    },
}

impl Failure {
    pub(crate) fn new(cause: Cause) -> Self {
        Self(Arc::new(cause))
    }

    pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a payload that is not text".to_owned());
        // A payload may panic when it is dropped, with yet another payload: that one is leaked.
        if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(another);
        }
        Self::new(Cause::Panicked { message })
    }

    /// What happened.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.0
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sink has failed: ")?;
        match &*self.0 {
            Cause::Write { error, torn: false } => write!(
                f,
                "writing: {error}; the output ends after a whole record, and finish() returns \
                 what was not written"
            ),
            Cause::Write { error, torn: true } => write!(
                f,
                "writing: {error}; the output may end inside a record, which opening it to append \
                 repairs, and finish() returns what was not written"
            ),
            Cause::Sync(error) => write!(
                f,
                "syncing: {error}; what was written since the last good sync may not survive a \
                 loss of power"
            ),
            Cause::Rotate(error) => write!(f, "going on to the next file: {error}"),
            Cause::Encode { producer, stamp, error } => write!(
                f,
                "encoding the record of {producer:?} at {stamp}: {error}; all others were \
                 written, and finish() returns this one"
            ),
            Cause::Panicked { message } => write!(f, "code it was given panicked: {message}"),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            Cause::Write { error, .. } | Cause::Sync(error) | Cause::Rotate(error) => Some(error),
            Cause::Encode { error, .. } => Some(error),
            Cause::Panicked { .. } => None,
        }
    }
}

/// Why `flush` or `wait_durable` gave up.
#[derive(Debug)]
#[non_exhaustive]
pub enum WaitError {
    /// The sink was finished first.
    Closed,
    /// The sink has failed.
    Failed(Failure),
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the sink was finished while this waited"),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for WaitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Closed => None,
            Self::Failed(failure) => Some(failure),
        }
    }
}

/// Why a durable push is not known to be durable.
#[non_exhaustive]
pub enum DurableError<T> {
    /// The record was not accepted.
    Push(PushError<T>),
    /// The record was accepted with this stamp, but the wait for the disk ended early; `finish`
    /// has its fate.
    Wait {
        /// The record's stamp.
        stamp: Stamp,
        /// Why the wait ended.
        error: WaitError,
    },
}

impl<T> fmt::Debug for DurableError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Push(error) => f.debug_tuple("Push").field(error).finish(),
            Self::Wait { stamp, error } => {
                f.debug_struct("Wait").field("stamp", stamp).field("error", error).finish()
            }
        }
    }
}

impl<T> fmt::Display for DurableError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Push(error) => error.fmt(f),
            Self::Wait { stamp, error } => {
                write!(f, "the record at {stamp} was accepted, but not seen durable: {error}")
            }
        }
    }
}

impl<T> std::error::Error for DurableError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Push(error) => error.source(),
            Self::Wait { error, .. } => error.source(),
        }
    }
}

/// A record that was accepted and is not in the output.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unwritten<T> {
    /// When it was generated.
    pub stamp: Stamp,
    /// Which producer pushed it.
    pub producer: ProducerId,
    /// That producer's name.
    pub name: Arc<str>,
    /// Its place among that producer's records.
    pub sequence: u64,
    /// What was pushed.
    pub value: T,
}

/// The outcome of a sink that failed: the first cause, the counts, and every accepted record
/// that is not in the output, in order.
pub struct SinkError<T>(Box<Outcome<T>>);

struct Outcome<T> {
    failure: Failure,
    report: Report,
    unwritten: Vec<Unwritten<T>>,
}

impl<T> SinkError<T> {
    pub(crate) fn new(failure: Failure, report: Report, unwritten: Vec<Unwritten<T>>) -> Self {
        Self(Box::new(Outcome { failure, report, unwritten }))
    }

    /// The first thing that went wrong.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.0.failure
    }

    /// The counts; `accepted` is `written` plus the number of unwritten records.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.0.report
    }

    /// The accepted records that are not in the output, in their total order.
    #[must_use]
    pub fn unwritten(&self) -> &[Unwritten<T>] {
        &self.0.unwritten
    }

    /// Gives the unwritten records back.
    #[must_use]
    pub fn into_unwritten(self) -> Vec<Unwritten<T>> {
        self.0.unwritten
    }
}

impl<T> fmt::Debug for SinkError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkError")
            .field("failure", &self.0.failure)
            .field("report", &self.0.report)
            .field("unwritten", &self.0.unwritten.len())
            .finish()
    }
}

impl<T> fmt::Display for SinkError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (written, left) = (self.0.report.written, self.0.unwritten.len());
        write!(f, "{} ({written} records written, {left} not)", self.0.failure)
    }
}

impl<T> std::error::Error for SinkError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.failure.source()
    }
}
