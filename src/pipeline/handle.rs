//! A pipeline that runs by itself.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::control::{Control, Core};
use super::error::PipelineError;
use super::items::Items;
use super::report::Report;
use super::seat::Post;
use crate::sync::{Condvar, Mutex, thread};
use crate::waits::{self, End, GiveUp, Knot};

/// A pipeline that was [spawned](super::Pipeline::spawn): an iterator over what comes out.
///
/// It can be kept, sent to another thread, and pulled from there. Dropping it cancels the pipeline
/// and waits for its threads, unless one of them waits for the thread that drops it: then they end by
/// themselves. So it is in a stage of the pipeline itself; in a stage of another that such a stage runs, pulls
/// from or waits for; and in a job of a pool that such a stage waits for. (`tests/it/pipeline/rings.rs`)
/// A thread that a stage starts with [`std::thread`] is a stranger to the pipeline: a stage that joins one
/// which drops the handle waits for ever.
///
/// To pull from a pipeline what one of its stages has yet to make, in that stage or in something that it
/// waits for, is to wait until somebody [cancels](Control::cancel).
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
    /// The sink's counters, and how many items left here: when both agree the next one may be long in
    /// coming.
    sink: Arc<Post>,
    pulled: u64,
    core: Arc<Core>,
    outcome: Arc<Outcome>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Where the pipeline's own thread leaves how it ended.
#[derive(Debug)]
pub(super) struct Outcome {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    told: Option<Result<Report, PipelineError>>,
    /// Who waits here is waited for.
    given_up: bool,
}

impl Outcome {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State::default()), changed: Condvar::new() }
    }

    pub(super) fn tell(&self, outcome: Result<Report, PipelineError>) {
        self.state.lock().told = Some(outcome);
        self.changed.notify_all();
    }

    /// Blocks until the outcome is known, at most until `deadline`.
    fn wait(&self, deadline: Option<Instant>) -> Result<(), Knot> {
        let mut state = self.state.lock();
        while state.told.is_none() {
            if state.given_up {
                return Err(Knot);
            }
            match deadline {
                None => self.changed.wait(&mut state),
                Some(at) => {
                    if self.changed.wait_until(&mut state, at).timed_out() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn take(&self) -> Option<Result<Report, PipelineError>> {
        self.state.lock().told.take()
    }
}

impl GiveUp for Outcome {
    fn give_up(&self) {
        self.state.lock().given_up = true;
        self.changed.notify_all();
    }
}

impl<T> Handle<T> {
    pub(super) fn new(
        items: Items<T>,
        core: Arc<Core>,
        outcome: Arc<Outcome>,
        thread: thread::JoinHandle<()>,
    ) -> Self {
        let sink = core.crews().last().and_then(|crew| crew.posts.first());
        let sink = sink.map_or_else(|| Arc::new(Post::new()), Arc::clone);
        Self { items: Some(items), sink, pulled: 0, core, outcome, thread: Some(thread) }
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
    /// returns. [`PipelineError::InsideItself`] is returned instead of waiting where dropping the handle
    /// would not wait: where a thread of the pipeline waits for this one. The pipeline ends all the same.
    pub fn finish(mut self) -> Result<Report, PipelineError> {
        self.items = None;
        self.core.stop();
        // From here on the threads end by themselves.
        let thread = self.thread.take();
        self.wait(self.core.deadline()).map_err(|Knot| PipelineError::InsideItself)?;
        match self.outcome.take() {
            Some(outcome) => {
                let _ = thread.map(thread::JoinHandle::join);
                let Report { failures, .. } = outcome?;
                // The threads may have ended long before the last item was pulled, and only who pulls
                // meets the failure behind it.
                self.core.outcome()?;
                Ok(Report { failures, ..self.core.report() })
            }
            None => {
                self.core.late();
                match self.core.outcome() {
                    Err(error) => Err(error),
                    Ok(()) => Ok(self.core.report()),
                }
            }
        }
    }

    /// Blocks until the pipeline has ended, at most until `deadline`.
    fn wait(&self, deadline: Option<Instant>) -> Result<(), Knot> {
        let gives_up = deadline.is_none().then(|| Arc::clone(&self.outcome) as Arc<dyn GiveUp>);
        let _posted = waits::wait_for_end(End::Run(self.core.id()), gives_up)?;
        self.outcome.wait(deadline)
    }

    #[inline(never)]
    fn pull(&mut self) -> Option<T> {
        let _posted = waits::pull_from(self.core.id());
        self.items.as_mut()?.next()
    }
}

impl<T> Iterator for Handle<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        let item = match self.pulled < self.sink.taken.get() {
            true => self.items.as_mut()?.next(),
            false => self.pull(),
        };
        self.pulled += u64::from(item.is_some());
        item
    }
}

impl<T> std::iter::FusedIterator for Handle<T> {}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.control().cancel();
            self.items = None;
            if self.wait(None).is_ok() {
                let _ = thread.join();
            }
        }
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("items", &self.items).finish_non_exhaustive()
    }
}
