//! A pipeline that runs by itself.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::control::{Control, Core};
use super::error::PipelineError;
use super::items::Items;
use super::report::Report;
use crate::sync::{Condvar, Mutex, thread};

/// A pipeline that was [spawned](super::Pipeline::spawn): an iterator over what comes out.
///
/// It can be kept, sent to another thread, and pulled from there. Dropping it cancels the pipeline
/// and waits for its threads; inside of a stage of the pipeline itself it does not wait, for the
/// stage would wait for itself: then the threads end by themselves. To pull there what that stage has
/// yet to make is to wait for ever, until somebody [cancels](Control::cancel). So is dropping it in a stage of
/// another pipeline that a stage of this one runs and waits for: only its own threads are known to it.
///
/// # Examples
///
/// ```
/// use brigade::pipeline::{Par, Pipeline};
///
/// let mut squares = Pipeline::new(1..).map("square", Par::Workers(2), |x: u64| x * x).spawn()?;
/// assert_eq!(squares.next(), Some(1));
/// assert_eq!(squares.by_ref().take(2).collect::<Vec<_>>(), [4, 9]);
/// let report = squares.finish()?;
/// assert_eq!(report.stages.len(), 3);
/// # Ok::<(), brigade::pipeline::PipelineError>(())
/// ```
#[must_use = "dropping it cancels the pipeline"]
pub struct Handle<T> {
    items: Option<Items<T>>,
    core: Arc<Core>,
    outcome: Arc<Outcome>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Where the pipeline's own thread leaves how it ended.
#[derive(Debug)]
pub(super) struct Outcome {
    told: Mutex<Option<Result<Report, PipelineError>>>,
    changed: Condvar,
}

impl Outcome {
    pub(super) fn new() -> Self {
        Self { told: Mutex::new(None), changed: Condvar::new() }
    }

    pub(super) fn tell(&self, outcome: Result<Report, PipelineError>) {
        *self.told.lock() = Some(outcome);
        self.changed.notify_all();
    }

    /// Blocks until the outcome is known, at most until `deadline`.
    fn wait(&self, deadline: Option<Instant>) -> Option<Result<Report, PipelineError>> {
        let mut told = self.told.lock();
        while told.is_none() {
            match deadline {
                None => self.changed.wait(&mut told),
                Some(at) => {
                    if self.changed.wait_until(&mut told, at).timed_out() {
                        break;
                    }
                }
            }
        }
        told.take()
    }
}

impl<T> Handle<T> {
    pub(super) fn new(
        items: Items<T>,
        core: Arc<Core>,
        outcome: Arc<Outcome>,
        thread: thread::JoinHandle<()>,
    ) -> Self {
        Self { items: Some(items), core, outcome, thread: Some(thread) }
    }

    /// Gives the hand on the pipeline, to keep.
    #[must_use]
    pub fn control(&self) -> Control {
        Control { core: Arc::clone(&self.core) }
    }

    /// Ends the pipeline, as a sink does that wants no more, waits for its threads, and says how it
    /// ended. To have all items first, iterate to the end.
    ///
    /// # Errors
    ///
    /// Whatever ended it before its end. If the [time limit](super::Pipeline::time_limit) passes
    /// while a stage is inside of code that does not return, this does not wait for it: it is
    /// [`PipelineError::TimedOut`] with the name of that stage, and the threads end when the code
    /// returns. [`PipelineError::InsideItself`] is returned at once to a stage of the pipeline itself;
    /// the pipeline ends all the same.
    pub fn finish(mut self) -> Result<Report, PipelineError> {
        self.items = None;
        self.core.stop();
        if self.core.waits_for_this_thread() {
            self.thread = None;
            return Err(PipelineError::InsideItself);
        }
        let told = self.outcome.wait(self.core.deadline());
        match told {
            Some(outcome) => {
                self.join();
                let Report { failures, .. } = outcome?;
                // The threads may have ended long before the last item was pulled, and only who pulls
                // meets the failure behind it.
                self.core.outcome()?;
                Ok(Report { failures, ..self.core.report() })
            }
            None => {
                self.thread = None;
                self.core.late();
                match self.core.outcome() {
                    Err(error) => Err(error),
                    Ok(()) => Ok(self.core.report()),
                }
            }
        }
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take()
            && !self.core.waits_for_this_thread()
        {
            let _ = thread.join();
        }
    }
}

impl<T> Iterator for Handle<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.items.as_mut()?.next()
    }
}

impl<T> std::iter::FusedIterator for Handle<T> {}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.control().cancel();
            self.items = None;
            self.join();
        }
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("items", &self.items).finish_non_exhaustive()
    }
}
