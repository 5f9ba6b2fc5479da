//! What can go wrong, with where and why.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Why one item failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// A stage returned this error.
    Error(Box<dyn Error + Send + Sync>),
    /// A stage panicked with this payload.
    Panic(Box<dyn Any + Send>),
}

/// One item that failed: where, which, and why.
///
/// # Examples
///
/// ```
/// use brigade::pipeline::{Par, Pipeline, PipelineError};
///
/// let orders = ["2", "3", "four", "5"];
/// let parsed = Pipeline::new(orders)
///     .try_map("parse", Par::Workers(2), str::parse::<u32>)
///     .collect::<Vec<_>>();
/// let Err(PipelineError::Stage(failure)) = parsed else { panic!("four is no number") };
/// assert_eq!((failure.stage, failure.item), ("parse", Some(2)));
/// assert_eq!(failure.to_string(), "stage \"parse\", item 2: invalid digit found in string");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The name of the stage; `"source"` and `"sink"` are the two ends.
    pub stage: &'static str,
    /// The number of the source's item that it was made from, counted from zero; of a chunk, that
    /// of its first. A sink fails on the item that it pulled last. None if there was no item: a sink
    /// that has pulled nothing, or what a stage was made of that panics when it is dropped.
    pub item: Option<u64>,
    /// What happened.
    pub cause: Cause,
}

impl Failure {
    pub(crate) fn panic(
        stage: &'static str,
        item: Option<u64>,
        payload: Box<dyn Any + Send>,
    ) -> Self {
        Self { stage, item, cause: Cause::Panic(payload) }
    }

    /// Drops it where a payload that panics when it is dropped does no harm.
    pub(crate) fn discard(self) {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(self)));
    }

    /// Goes on panicking with the original payload; an error panics with its text.
    ///
    /// # Panics
    ///
    /// Always: that is what it is for.
    pub fn resume(self) -> ! {
        match self.cause {
            Cause::Panic(payload) => std::panic::resume_unwind(payload),
            Cause::Error(_) => panic!("{self}"),
        }
    }
}

/// The text of a panic, if it has one.
fn message(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, item, cause } = self;
        match item {
            Some(item) => write!(f, "stage {stage:?}, item {item}: ")?,
            None => write!(f, "stage {stage:?}, at no item: ")?,
        }
        match cause {
            Cause::Error(error) => error.fmt(f),
            Cause::Panic(payload) => match message(&**payload) {
                Some(text) => write!(f, "it panicked: {text}"),
                None => f.write_str("it panicked, with a payload that is no text"),
            },
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Error(error) => Some(&**error),
            Cause::Panic(_) => None,
        }
    }
}

/// Why a pipeline did not come to its end.
///
/// The first four come from running; the others say that nothing was started, or not for long.
#[derive(Debug)]
#[non_exhaustive]
pub enum PipelineError {
    /// An item failed. In order, the sink has seen exactly the items before it.
    Stage(Failure),
    /// [`Control::cancel`](super::Control::cancel) was called.
    Cancelled,
    /// The [time limit](super::Pipeline::time_limit) passed.
    TimedOut {
        /// The limit.
        limit: Duration,
        /// The stage that was working on the oldest item then, if any was.
        stage: Option<String>,
        /// That item.
        item: Option<u64>,
    },
    /// The edge into a stage was to hold nothing.
    ZeroCapacity {
        /// The stage; `"sink"` is the last edge.
        stage: String,
    },
    /// A stage was to have no workers.
    ZeroWorkers {
        /// The stage.
        stage: String,
    },
    /// Chunks of no items, or batches of none.
    ZeroSize {
        /// What was to have that size.
        what: &'static str,
    },
    /// Two stages that do not have equally many workers cannot share them.
    Unfusable {
        /// The first stage.
        first: String,
        /// The one that was to run on its threads.
        second: String,
    },
    /// The control steers another pipeline, or has done so.
    ControlTaken,
    /// More threads were asked for than a pipeline may have.
    TooManyWorkers {
        /// The stage that is one too many.
        stage: String,
        /// The workers that it was to have.
        workers: usize,
        /// How many threads there may be, with the source's and those of all stages.
        most: usize,
    },
    /// A [`Handle`](super::Handle) was to be finished by a thread of its own pipeline, or by one that
    /// such a thread waits for.
    InsideItself,
    /// The system gave no thread for a stage.
    Spawn {
        /// The stage.
        stage: String,
        /// What the system said.
        source: io::Error,
    },
}

impl PipelineError {
    /// The item that failed, if that is the reason.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Stage(failure) => Some(failure),
            _ => None,
        }
    }

    /// Goes on panicking if a panic was the reason; anything else panics with its text.
    ///
    /// # Panics
    ///
    /// Always: that is what it is for.
    pub fn resume(self) -> ! {
        match self {
            Self::Stage(failure) => failure.resume(),
            other => panic!("{other}"),
        }
    }
}

impl fmt::Display for PipelineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage(failure) => failure.fmt(f),
            Self::Cancelled => {
                f.write_str("the pipeline was cancelled, and what was queued dropped")
            }
            Self::TimedOut { limit, stage, item } => {
                write!(f, "the pipeline was not done within {limit:?}")?;
                match (stage, item) {
                    (Some(stage), Some(item)) => {
                        write!(f, ": stage {stage:?} was at item {item}")
                    }
                    _ => f.write_str(": no stage was at work"),
                }
            }
            Self::ZeroCapacity { stage } => write!(
                f,
                "the edge into {stage:?} was to hold 0 items, so that nothing could pass: \
                 give it a capacity of at least 1"
            ),
            Self::ZeroWorkers { stage } => {
                write!(f, "stage {stage:?} was to have 0 workers: give it at least 1")
            }
            Self::ZeroSize { what } => write!(f, "{what} of 0 items: ask for at least 1"),
            Self::Unfusable { first, second } => write!(
                f,
                "stage {second:?} cannot run on the threads of {first:?}, which has another number \
                 of them: give both the same, or do not fuse them"
            ),
            Self::ControlTaken => {
                f.write_str("the control steers another pipeline: make a new one for each run")
            }
            Self::TooManyWorkers { stage, workers, most } => write!(
                f,
                "stage {stage:?} was to have {workers} workers, and a pipeline has at most {most} \
                 threads in all: give it fewer"
            ),
            Self::InsideItself => f.write_str(
                "a pipeline was to be waited for by one of its own threads, or by one that such a \
                 thread waits for: it was ended; finish it outside of its stages",
            ),
            Self::Spawn { stage, source } => {
                write!(f, "no thread for stage {stage:?}: {source}")
            }
        }
    }
}

impl Error for PipelineError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Stage(failure) => failure.source(),
            Self::Spawn { source, .. } => Some(source),
            _ => None,
        }
    }
}
