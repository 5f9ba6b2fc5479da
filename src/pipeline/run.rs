//! Starts the threads of a pipeline, and sees all of them to their end.

use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::control::{Begun, Control, Core, Crew, Reason};
use super::edge::Edge;
use super::error::{Failure, PipelineError};
use super::gauge::{Gauge, Size};
use super::items::Items;
use super::report::Report;
use super::seat::{Post, Seat};
use super::stage::{Plan, Segment};
use super::work::Run;
use super::{OnError, Pipeline};
use crate::sync::{Stopwatch, thread};
use crate::waits;

/// Where the threads of one run are started.
pub struct Threads<'scope, 'env> {
    pub(crate) run: &'scope Run<'scope>,
    scope: &'scope thread::Scope<'scope, 'env>,
    started: RefCell<Vec<thread::ScopedJoinHandle<'scope, ()>>>,
}

impl<'scope> Threads<'scope, '_> {
    /// The place of a stage's worker; of the source's and the sink's thread.
    pub(crate) fn seat(&self, stage: usize, worker: usize) -> Seat {
        seat(&self.run.core, stage, worker)
    }

    /// A new edge out of a stage.
    pub(crate) fn edge<T>(&self, from: usize) -> Edge<T> {
        edge(&self.run.core, from)
    }

    pub(crate) fn spawn(
        &self,
        stage: &'static str,
        name: String,
        work: impl FnOnce() + Send + 'scope,
    ) -> Result<(), PipelineError> {
        let core = &self.run.core;
        // Who conducts the run waits for the thread; so does whoever waits for that one.
        let place = waits::here();
        let spawned = spawn_named(self.scope, thread_name(name), move || {
            waits::inherit(place);
            core.enter();
            work();
        });
        let stage = String::from(stage);
        let spawned = spawned.map_err(|source| PipelineError::Spawn { stage, source })?;
        self.started.borrow_mut().push(spawned);
        Ok(())
    }

    /// Waits until the system has every thread back.
    fn join(&self) {
        for thread in self.started.take() {
            // A worker catches what panics in it, and tells.
            let _ = thread.join();
        }
    }
}

/// No system takes a name with a zero in it.
fn thread_name(name: String) -> String {
    if name.contains('\0') { name.replace('\0', "\u{fffd}") } else { name }
}

#[cfg(not(brigade_shuttle))]
fn spawn_named<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    name: String,
    work: impl FnOnce() + Send + 'scope,
) -> std::io::Result<thread::ScopedJoinHandle<'scope, ()>> {
    thread::Builder::new().name(name).spawn_scoped(scope, work)
}

#[cfg(brigade_shuttle)]
fn spawn_named<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    _: String,
    work: impl FnOnce() + Send + 'scope,
) -> std::io::Result<thread::ScopedJoinHandle<'scope, ()>> {
    Ok(scope.spawn(work))
}

fn seat(core: &Arc<Core>, stage: usize, worker: usize) -> Seat {
    let post = core.crew(stage).and_then(|crew| crew.posts.get(worker));
    let post = post.map_or_else(|| Arc::new(Post::new()), Arc::clone);
    Seat::new(core, &post)
}

fn edge<T>(core: &Arc<Core>, from: usize) -> Edge<T> {
    let workers = |stage| core.crew(stage).map_or(1, |crew| crew.posts.len());
    let (capacity, gauge) = core
        .crew(from + 1)
        .map_or_else(|| (1, Arc::default()), |crew| (crew.capacity, Arc::clone(&crew.gauge)));
    let size = Size { capacity, senders: workers(from), receivers: workers(from + 1) };
    Edge::new(from, size, Arc::clone(&core.switch), gauge)
}

/// Threads of one pipeline. Where a process may have more, Rust's start of a thread, which maps
/// memory for it twice, soon aborts instead of failing.
const MOST_THREADS: usize = 8192;

/// A pipeline that is ready to run: what was asked for makes sense.
pub(super) struct Ready<'p, S: Segment> {
    pub(super) core: Arc<Core>,
    edge: Edge<S::Out>,
    segment: S,
    ordered: bool,
    on_error: OnError<'p>,
}

impl<'p, S: Segment> Ready<'p, S> {
    pub(super) fn new(pipeline: Pipeline<'p, S>) -> Result<(Self, Items<S::Out>), PipelineError> {
        let Pipeline {
            segment,
            capacity,
            batch,
            ordered,
            on_error,
            limit,
            statistics,
            control,
            ..
        } = pipeline;
        let mut plans = Vec::new();
        segment.plan(&mut plans)?;
        if capacity == 0 {
            return Err(PipelineError::ZeroCapacity { stage: "sink".into() });
        }
        let mut threads = 0_usize;
        for Plan { name, workers, .. } in &plans {
            threads = threads.saturating_add(*workers);
            if threads > MOST_THREADS {
                let (stage, workers) = (name.clone(), *workers);
                return Err(PipelineError::TooManyWorkers { stage, workers, most: MOST_THREADS });
            }
        }
        let core = control.unwrap_or_default().core;
        core.claim()?;
        plans.push(Plan { name: "sink".into(), workers: 1, capacity });
        let crew = |plan: Plan| Crew {
            name: plan.name,
            posts: (0..plan.workers).map(|_| Arc::new(Post::new())).collect(),
            gauge: Arc::new(Gauge::default()),
            capacity: plan.capacity,
        };
        let at = Instant::now();
        core.begin(Begun {
            since: Stopwatch::started(at),
            deadline: limit.and_then(|limit| at.checked_add(limit)),
            limit: limit.unwrap_or(Duration::MAX),
            timed: statistics,
            crews: plans.into_iter().map(crew).collect(),
        });
        let edge = edge(&core, S::DEPTH - 1);
        let seat = seat(&core, S::DEPTH, 0);
        let items = Items::new(edge.taker(), seat, batch.size(capacity).0);
        Ok((Self { core, edge, segment, ordered, on_error }, items))
    }

    /// Runs all stages while `body` runs, and ends them after it; comes back when every thread has
    /// ended.
    pub(super) fn run<R>(
        self,
        body: impl FnOnce(&Control) -> R,
    ) -> Result<(R, Report), PipelineError> {
        self.conduct(|core| {
            let result = body(&Control { core: Arc::clone(core) });
            core.stop();
            result
        })
    }

    /// Runs all stages to their end; somebody else has the items.
    pub(super) fn run_alone(self) -> Result<Report, PipelineError> {
        self.conduct(|_| ()).map(|((), report)| report)
    }

    fn conduct<R>(self, body: impl FnOnce(&Arc<Core>) -> R) -> Result<(R, Report), PipelineError> {
        let Self { core, edge, segment, ordered, on_error } = self;
        let (policy, route) = on_error.split();
        let router = Mutex::new(route);
        let route = |failure: Failure| {
            if let Some(route) = router.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                route(failure);
            }
        };
        let run = Run {
            core: Arc::clone(&core),
            ordered,
            policy,
            route: &route,
            failures: Mutex::new(Vec::new()),
        };
        let post = core.crew(S::DEPTH).map(|crew| Arc::clone(&crew.posts[0]));
        let result = thread::scope(|scope| {
            let threads = Threads { run: &run, scope, started: RefCell::default() };
            let result = match segment.start(&threads, edge) {
                Ok(()) => {
                    let body = catch_unwind(AssertUnwindSafe(|| body(&core)));
                    body.map_err(|payload| {
                        let item = post.as_ref().and_then(|post| post.latest());
                        Reason::Failed(Box::new(Failure::panic("sink", item, payload)))
                    })
                }
                Err(error) => Err(Reason::Spawn(error)),
            };
            let result = match result {
                Ok(result) => Some(result),
                Err(reason) => {
                    core.stop_for(reason);
                    None
                }
            };
            threads.join();
            result
        });
        let failures = run.failures.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut report = core.report();
        bury(&core, segment);
        bury(&core, router);
        core.outcome()?;
        report.failures = failures;
        report.failures.sort_by_key(|failure| failure.item);
        match result {
            Some(result) => Ok((result, report)),
            // Without a result there was a reason, and it was told above.
            None => Err(PipelineError::Cancelled),
        }
    }
}

/// Drops what the stages were made of: closures may have captured something that panics in its drop.
fn bury<T>(core: &Core, remains: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(remains))) {
        core.dropped("pipeline", None, payload);
    }
}

impl fmt::Debug for Threads<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Threads")
    }
}
