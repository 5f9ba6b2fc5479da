//! The hand on a running pipeline: look at it, close it, cancel it.

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::bell::Switch;
use super::error::{Failure, PipelineError};
use super::gauge::Gauge;
use super::report::{Report, StageReport};
use super::seat::Post;
use crate::sync::{Condvar, Mutex, Stopwatch};
use crate::waits::{self, Inside};

/// Looks at a running pipeline, closes it, or cancels it; from any thread, also from a stage.
///
/// [`Pipeline::scope`](super::Pipeline::scope) and [`Handle`](super::Handle) bring theirs. A
/// stage that may wait for long gets one by making it first:
///
/// ```
/// use brigade::pipeline::{Control, Par, Pipeline, PipelineError};
/// use std::time::Duration;
///
/// let control = Control::new();
/// let outcome = Pipeline::new(0..10)
///     .control(&control)
///     .time_limit(Duration::from_millis(20))
///     .map("nap", Par::Serial, |_| control.cancelled_within(Duration::MAX))
///     .for_each(drop);
/// let Err(PipelineError::TimedOut { stage, item, .. }) = outcome else { panic!("it naps") };
/// println!("{stage:?} hangs at {item:?}"); // Some("nap") hangs at Some(0)
/// ```
///
/// Clones are the same control. A control steers one pipeline, once.
#[derive(Debug, Clone)]
pub struct Control {
    pub(crate) core: Arc<Core>,
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

impl Control {
    /// Makes a control for one run of one pipeline.
    #[must_use]
    pub fn new() -> Self {
        Self { core: Arc::new(Core::new()) }
    }

    /// Ends the source; what it has produced goes through all stages to the sink.
    ///
    /// It does not block. A source that is inside of its `next` ends when that returns.
    pub fn close(&self) {
        self.core.closing.store(true, Ordering::Relaxed);
    }

    /// Ends the pipeline now: every blocked thread wakes up, what is queued is dropped, and the
    /// end returns [`PipelineError::Cancelled`], unless the sink had everything already.
    ///
    /// It does not block. Code of the user cannot be interrupted: a stage ends with the item that
    /// it has in hand, unless it asks [`is_cancelled`](Self::is_cancelled) in between.
    pub fn cancel(&self) {
        self.core.stop_for(Reason::Cancelled);
    }

    /// Whether the pipeline is over, for whatever reason, so that no result is wanted any more.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.core.expire_if_due();
        self.core.over.load(Ordering::Acquire)
    }

    /// Blocks until the pipeline is over, at most for `limit`; true if it is over. A stage or a sink
    /// that has to wait waits with this; a time limit ends it, too.
    pub fn cancelled_within(&self, limit: Duration) -> bool {
        let until = [Instant::now().checked_add(limit), self.core.deadline()];
        let until = until.into_iter().flatten().min();
        let mut state = self.core.state.lock();
        while !self.core.over.load(Ordering::Acquire) {
            match until {
                None => self.core.ended.wait(&mut state),
                Some(at) => {
                    if self.core.ended.wait_until(&mut state, at).timed_out() {
                        break;
                    }
                }
            }
        }
        drop(state);
        self.is_cancelled()
    }

    /// Counts and times so far; without those [failures](Report::failures) that are collected.
    #[must_use]
    pub fn stats(&self) -> Report {
        self.core.report()
    }
}

/// Why a run ended before its end.
#[derive(Debug)]
pub(crate) enum Reason {
    Failed(Box<Failure>),
    Cancelled,
    TimedOut { stage: Option<String>, item: Option<u64> },
    Spawn(PipelineError),
}

/// What all threads of a run share, whatever their items are.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) switch: Arc<Switch>,
    /// The source is to end.
    pub(crate) closing: AtomicBool,
    over: AtomicBool,
    /// The sink has had everything.
    pub(crate) complete: AtomicBool,
    state: Mutex<State>,
    ended: Condvar,
    begun: OnceLock<Begun>,
    taken: AtomicU8,
}

#[derive(Debug, Default)]
struct State {
    reason: Option<Reason>,
    /// The first panic of an item that was dropped because nobody wanted it.
    dropped: Option<Failure>,
}

/// What is known when a run begins.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) since: Stopwatch,
    pub(crate) deadline: Option<Instant>,
    pub(crate) limit: Duration,
    pub(crate) timed: bool,
    pub(crate) crews: Vec<Crew>,
}

/// The threads of one stage.
#[derive(Debug)]
pub(crate) struct Crew {
    pub(crate) name: String,
    pub(crate) posts: Vec<Arc<Post>>,
    /// The edge into the stage; the source has none.
    pub(crate) gauge: Arc<Gauge>,
    pub(crate) capacity: usize,
}

impl Core {
    pub(crate) fn new() -> Self {
        Self {
            switch: Arc::new(Switch::new()),
            closing: AtomicBool::new(false),
            over: AtomicBool::new(false),
            complete: AtomicBool::new(false),
            state: Mutex::new(State::default()),
            ended: Condvar::new(),
            begun: OnceLock::new(),
            taken: AtomicU8::new(0),
        }
    }

    /// Makes this thread, which holds the core for as long, one of the run.
    pub(crate) fn enter(&self) {
        waits::enter(Inside::Run(self.id()));
    }

    /// What tells it from all other runs that exist.
    pub(crate) fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Claims the core for a run.
    pub(crate) fn claim(&self) -> Result<(), PipelineError> {
        match self.taken.swap(1, Ordering::Relaxed) {
            0 => Ok(()),
            _ => Err(PipelineError::ControlTaken),
        }
    }

    pub(crate) fn begin(&self, begun: Begun) {
        // Claimed once, so begun once.
        let _ = self.begun.set(begun);
    }

    pub(crate) fn crew(&self, index: usize) -> Option<&Crew> {
        self.crews().get(index)
    }

    /// The crews of all stages, the sink's last.
    pub(crate) fn crews(&self) -> &[Crew] {
        self.begun.get().map_or(&[], |begun| &begun.crews)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.begun.get()?.deadline
    }

    pub(crate) fn timed(&self) -> bool {
        self.begun.get().is_some_and(|begun| begun.timed)
    }

    /// Nanoseconds since the run began.
    pub(crate) fn now(&self) -> u64 {
        self.begun.get().map_or(0, |begun| begun.since.nanos())
    }

    /// Ends the run for a reason; the first one counts.
    pub(crate) fn stop_for(&self, reason: Reason) {
        let refused = {
            let mut state = self.state.lock();
            let known = state.reason.is_some();
            if known { Some(reason) } else { state.reason.replace(reason) }
        };
        self.stop();
        // Not under the lock: what a payload does when it is dropped is not ours.
        if let Some(Reason::Failed(failure)) = refused {
            failure.discard();
        }
    }

    /// Ends the run: no edge takes or gives any more, and whoever waits wakes up.
    pub(crate) fn stop(&self) {
        self.over.store(true, Ordering::Release);
        self.switch.turn_off(usize::MAX);
        // With the lock, so that nobody is between looking and sleeping.
        drop(self.state.lock());
        self.ended.notify_all();
    }

    /// Ends the run if its time limit has passed: there may be nobody else to notice.
    fn expire_if_due(&self) {
        if self.deadline().is_some_and(|at| at <= Instant::now()) {
            self.expire();
        }
    }

    /// The time limit has passed.
    pub(crate) fn expire(&self) {
        if !self.over.load(Ordering::Acquire) {
            let (stage, item) = self.oldest().unzip();
            self.stop_for(Reason::TimedOut { stage, item });
        }
    }

    /// The time limit has passed, and the run does not end although it was stopped.
    pub(crate) fn late(&self) {
        let (stage, item) = self.oldest().unzip();
        self.state.lock().reason.get_or_insert(Reason::TimedOut { stage, item });
    }

    /// The stage whose item in hand is the oldest, and that item.
    fn oldest(&self) -> Option<(String, u64)> {
        let crews = &self.begun.get()?.crews;
        let mut oldest: Option<(&str, u64)> = None;
        for crew in crews {
            for item in crew.posts.iter().filter_map(|post| post.busy_with()) {
                if oldest.is_none_or(|(_, other)| item <= other) {
                    oldest = Some((&crew.name, item));
                }
            }
        }
        oldest.map(|(name, item)| (name.to_owned(), item))
    }

    pub(crate) fn dropped(
        &self,
        stage: &'static str,
        item: Option<u64>,
        payload: Box<dyn Any + Send>,
    ) {
        let failure = Failure::panic(stage, item, payload);
        let refused = {
            let mut state = self.state.lock();
            let known = state.dropped.is_some();
            if known { Some(failure) } else { state.dropped.replace(failure) }
        };
        if let Some(failure) = refused {
            failure.discard();
        }
    }

    /// How the run ended.
    pub(crate) fn outcome(&self) -> Result<(), PipelineError> {
        let complete = self.complete.load(Ordering::Acquire);
        let (reason, dropped) = {
            let mut state = self.state.lock();
            (state.reason.take(), state.dropped.take())
        };
        match (reason, dropped) {
            (Some(Reason::Failed(failure)), _) => Err(PipelineError::Stage(*failure)),
            (Some(Reason::Spawn(error)), _) => Err(error),
            (Some(Reason::TimedOut { stage, item }), _) if !complete => {
                let limit = self.begun.get().map_or(Duration::ZERO, |begun| begun.limit);
                Err(PipelineError::TimedOut { limit, stage, item })
            }
            (_, Some(failure)) => Err(PipelineError::Stage(failure)),
            (Some(Reason::Cancelled), None) if !complete => Err(PipelineError::Cancelled),
            _ => Ok(()),
        }
    }

    pub(crate) fn report(&self) -> Report {
        let Some(begun) = self.begun.get() else { return Report::default() };
        let now = self.now();
        let stages: Vec<_> =
            begun.crews.iter().map(|crew| StageReport::new(crew, now, begun.timed)).collect();
        let elapsed = Duration::from_nanos(stages.iter().map(|s| s.ended).max().unwrap_or(now));
        let items = stages.last().map_or(0, |sink| sink.taken);
        Report { stages, elapsed, items, failures: Vec::new() }
    }
}
