//! A chain of stages, each with threads of its own, that behaves like a loop.
//!
//! A [`Pipeline`] takes any iterator, puts stages behind it, and runs them all at once. What comes
//! out at its end is what a sequential loop would have made, in the same order; what fails is told
//! with the stage, the item, and the original error or panic.
//!
//! ```
//! use brigade::pipeline::{Par, Pipeline};
//!
//! let orders = ["2 soup", "1 bread", "3 tea"];
//! let (bill, report) = Pipeline::new(orders)
//!     .try_map("parse", Par::Serial, |order| {
//!         let (count, dish) = order.split_once(' ').ok_or("no dish")?;
//!         Ok::<_, Box<dyn std::error::Error + Send + Sync>>((count.parse::<u32>()?, dish))
//!     })
//!     .map("cook", Par::Workers(4), |(count, dish)| format!("{count} × {dish}"))
//!     .collect::<Vec<_>>()?;
//! assert_eq!(bill, ["2 × soup", "1 × bread", "3 × tea"]);
//! assert_eq!(report.items, 3);
//! # Ok::<(), brigade::pipeline::PipelineError>(())
//! ```
//!
//! # Which one do I need?
//!
//! | You have | Take |
//! |---|---|
//! | a step that needs nothing but its item | [`map`](Pipeline::map), with as many workers as you like |
//! | a step that may fail | [`try_map`](Pipeline::try_map), and [`on_error`](Pipeline::on_error) |
//! | a step that needs a buffer, a connection, a decoder | [`map_init`](Pipeline::map_init): one for each worker |
//! | a step that remembers: a counter, a running sum | [`serial`](Pipeline::serial): one worker, all items in order |
//! | a step that drops items, or makes many out of one | [`filter_map`](Pipeline::filter_map), [`flat_map`](Pipeline::flat_map) |
//! | a step that is better done for many at once | [`chunks`](Pipeline::chunks) |
//! | steps too small for threads of their own | [`fuse`](Pipeline::fuse) |
//!
//! | You want | End with |
//! |---|---|
//! | something done with each item | [`for_each`](Pipeline::for_each), [`try_for_each`](Pipeline::try_for_each) |
//! | all of them | [`collect`](Pipeline::collect) |
//! | to pull them, or to stop early | [`scope`](Pipeline::scope) |
//! | to keep the pipeline and go on | [`spawn`](Pipeline::spawn) |
//!
//! # What is promised
//!
//! - **The order is that of the source**, however many workers a stage has, unless
//!   [`unordered`](Pipeline::unordered) gives it up (`tests/it/pipeline/chains.rs` against
//!   `Iterator`; `tests/model/pipeline.rs` in every interleaving).
//! - **Bounds count items.** An edge with a capacity of n never holds more than n, and a worker at
//!   most one batch, so memory is bounded even while the first item takes an hour
//!   (`tests/it/pipeline/bounds.rs`).
//! - **A failure is exact.** In order, the sink sees precisely the items before the first that
//!   fails, as a loop would, and the error is that of this item, whatever else failed meanwhile
//!   (`tests/it/pipeline/errors.rs`).
//! - **Nothing waits in a half-filled batch.** An item that the source has given is at the first
//!   stage at once, and its result goes on when the batch it was taken in is done
//!   (`tests/it/pipeline/bounds.rs`).
//! - **An end is an end.** Close, cancel, error, panic, time limit, or a sink that stops: every
//!   blocked thread wakes up at once, without polling, and the call returns when all threads have
//!   ended (`tests/it/pipeline/cancel.rs`, `tests/model/pipeline.rs`). Where such a call would wait for
//!   itself, also around some corners, it is told (`tests/it/pipeline/rings.rs`).
//! - **Nothing is lost on the way**: the payload of a panic, the error of a stage, a panic in the
//!   `Drop` of a queued item (`tests/it/pipeline/bad_input.rs`).
//!
//! # Threads and batches
//!
//! The source has one thread, a stage as many as its [`Par`] says, and the sink runs on the thread
//! that calls. Between two stages lies an edge that holds up to [`capacity`](Pipeline::capacity)
//! items. A worker takes several at a time if they are cheap and each by itself if they take long:
//! by itself, because it measures (see [`Batch`]). A waiting thread sleeps.
//!
//! # Trade-offs
//!
//! - An item costs some five to ten nanoseconds for each edge it crosses, and more if its stage has
//!   several workers. A chain whose steps take less than that is faster as a loop: use [`fuse`](Pipeline::fuse), or an iterator.
//! - A stage that keeps order with several workers can be held up by one slow item: when its edge
//!   is full of what came after, the others wait. That is the price of a bound.
//! - Code of the user cannot be interrupted. A stage that blocks for ever holds up the end of a
//!   scoped pipeline; let it wait with [`Control::cancelled_within`].
//! - With `panic = "abort"` a panic is what it always is then.
//!
//! # Pipeline vs others
//!
//! - **From Python:** a chain of `threading.Thread`s with a `queue.Queue(maxsize)` between and a
//!   `None` at the end is one expression here, without the `None`. `concurrent.futures`'
//!   `executor.map(f, items, buffersize=n)` is
//!   [`map`](Pipeline::map)`(name, Par::Workers(w), f)` with [`capacity`](Pipeline::capacity)`(n)`.
//! - **vs `std`:** a thread a stage and `mpsc::sync_channel` between them give neither order with
//!   several workers, nor an end when a stage fails: those are what the rest of such a program is.
//! - **vs `rayon`:** `par_iter` splits what is there already, and has no bound, no order across
//!   `par_bridge`, no cancellation, and no stages that may block. For pure computing on a slice it
//!   is the better tool.
//! - **vs oneTBB's `parallel_pipeline`:** the same typed chain with serial and parallel stages. Its
//!   one bound counts tokens for the whole pipeline; here each edge counts its own items.
//!
//! The reorder ring is that of oneTBB's serial in-order filters (Intel, *Threading Building
//! Blocks*, 2006), with a reserve for the item whose turn it is; the idea that an error travels in
//! order is ours. [The essay](crate::guide::pipeline) has the argument and the measurements.

#[allow(unreachable_pub, reason = "the models reach in")]
pub(crate) mod bell;
mod control;
#[allow(unreachable_pub, reason = "the models reach in")]
pub(crate) mod edge;
mod error;
#[allow(unreachable_pub, reason = "the models reach in")]
pub(crate) mod freight;
#[allow(unreachable_pub, reason = "the models reach in")]
pub(crate) mod gauge;
#[cfg(not(brigade_loom))]
mod handle;
#[cfg(any(brigade_loom, brigade_shuttle))]
#[doc(hidden)]
pub mod internals;
#[cfg(not(brigade_loom))]
mod items;
#[allow(unreachable_pub, reason = "the models reach in")]
pub(crate) mod line;
#[cfg_attr(brigade_loom, allow(unreachable_pub))]
mod op;
#[allow(unreachable_pub, reason = "the models reach in")]
pub(crate) mod rail;
mod report;
pub(crate) mod ring;
#[cfg(not(brigade_loom))]
mod run;
#[allow(unreachable_pub, reason = "the models reach in")]
pub(crate) mod seat;
#[cfg(not(brigade_loom))]
pub mod stage;
mod work;

pub use control::Control;
pub use error::{Cause, Failure, PipelineError};
#[cfg(not(brigade_loom))]
pub use handle::Handle;
#[cfg(not(brigade_loom))]
pub use items::Items;
pub use report::{Report, ServiceTime, StageReport};

#[cfg(not(brigade_loom))]
use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;
#[cfg(not(brigade_loom))]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::available_parallelism;
use std::time::Duration;

#[cfg(not(brigade_loom))]
use crate::sync::thread;
#[cfg(not(brigade_loom))]
use run::Ready;
#[cfg(not(brigade_loom))]
use stage::{
    Chunks, FilterMap, FlatMap, Kind, Map, MapInit, Segment, Serial, Source, Stage, Then, TryMap,
};
use work::Policy;

/// How many threads work on a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Par {
    /// One.
    Serial,
    /// So many; all stages of a pipeline together at most 8,191.
    Workers(usize),
    /// As many as this process may use cores.
    Cores,
}

impl Par {
    fn workers(self) -> usize {
        match self {
            Self::Serial => 1,
            Self::Workers(workers) => workers,
            Self::Cores => available_parallelism().map_or(1, NonZeroUsize::get),
        }
    }
}

/// How many items a worker takes at a time.
///
/// Never more than there are: nobody waits for a batch to fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Batch {
    /// As many as take some fifty microseconds, at most 64 and a quarter of the edge's capacity;
    /// measured as it goes, beginning with one.
    #[default]
    Auto,
    /// One: the stage takes an item, and gives its result before it takes the next.
    One,
    /// As [`Auto`](Self::Auto), but at most so many.
    UpTo(usize),
}

impl Batch {
    /// The most, and whether fewer may be better.
    fn size(self, capacity: usize) -> (usize, bool) {
        match self {
            Self::Auto => ((capacity / 4).clamp(1, 64), true),
            Self::One => (1, false),
            Self::UpTo(most) => (most.min(capacity).max(1), true),
        }
    }
}

/// What happens when an item fails: when a stage returns an error or panics.
///
/// A source or a sink that fails ends the pipeline whatever this says.
///
/// # Examples
///
/// ```
/// use brigade::pipeline::{OnError, Par, Pipeline};
///
/// let words = ["1", "two", "3"];
/// let parse = |policy| {
///     Pipeline::new(words)
///         .try_map("parse", Par::Serial, str::parse::<u32>)
///         .on_error(policy)
///         .collect::<Vec<_>>()
/// };
/// assert!(parse(OnError::FailFast).is_err());
/// assert_eq!(parse(OnError::Skip).unwrap().0, [1, 3]);
///
/// let (numbers, report) = parse(OnError::Collect).unwrap();
/// assert_eq!(numbers, [1, 3]);
/// assert_eq!(report.failures[0].item, Some(1));
///
/// let mut refused = Vec::new();
/// let routed = OnError::route(|failure| refused.extend(failure.item));
/// assert_eq!(parse(routed).unwrap().0, [1, 3]);
/// assert_eq!(refused, [1]);
/// ```
#[derive(Default)]
#[non_exhaustive]
pub enum OnError<'p> {
    /// The pipeline ends with this failure as its error.
    #[default]
    FailFast,
    /// The item is left out, and counted.
    Skip,
    /// The item is left out, and the failure is in the [report](Report::failures).
    Collect,
    /// The item is left out, and the failure goes to this function, at once, from the thread that
    /// met it; one at a time. Made by [`route`](Self::route).
    Route(Box<dyn FnMut(Failure) + Send + 'p>),
}

impl<'p> OnError<'p> {
    /// Makes the policy that hands every failure to `f`. If `f` panics the pipeline ends, with
    /// stage `"on_error"`.
    pub fn route(f: impl FnMut(Failure) + Send + 'p) -> Self {
        Self::Route(Box::new(f))
    }

    #[allow(clippy::type_complexity)]
    fn split(self) -> (Policy, Option<Box<dyn FnMut(Failure) + Send + 'p>>) {
        match self {
            Self::FailFast => (Policy::FailFast, None),
            Self::Skip => (Policy::Skip, None),
            Self::Collect => (Policy::Collect, None),
            Self::Route(f) => (Policy::Route, Some(f)),
        }
    }
}

impl fmt::Debug for OnError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FailFast => "FailFast",
            Self::Skip => "Skip",
            Self::Collect => "Collect",
            Self::Route(_) => "Route(..)",
        })
    }
}

/// What an edge holds unless told otherwise.
const CAPACITY: usize = 1024;

/// A chain of stages that has not begun to run.
///
/// [`capacity`](Self::capacity) and [`batch`](Self::batch) hold for what is added behind them; all
/// other settings hold for the whole pipeline, wherever they stand. Nothing runs before one of the
/// ends is called. Stages are told apart by name in errors and reports.
#[must_use = "a pipeline does nothing until one of its ends is called"]
pub struct Pipeline<'p, S> {
    segment: S,
    capacity: usize,
    batch: Batch,
    ordered: bool,
    on_error: OnError<'p>,
    limit: Option<Duration>,
    statistics: bool,
    control: Option<Control>,
}

#[cfg(not(brigade_loom))]
impl<'p, I: IntoIterator<Item: Send> + Send> Pipeline<'p, Source<I>> {
    /// Begins with a source. It is pulled lazily, by one thread, called `source`.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pipeline::Pipeline;
    ///
    /// let (letters, _) = Pipeline::new("soup".chars()).collect::<String>()?;
    /// assert_eq!(letters, "soup");
    /// # Ok::<(), brigade::pipeline::PipelineError>(())
    /// ```
    pub fn new(items: I) -> Self {
        Self {
            segment: Source::new(items),
            capacity: CAPACITY,
            batch: Batch::Auto,
            ordered: true,
            on_error: OnError::FailFast,
            limit: None,
            statistics: true,
            control: None,
        }
    }
}

#[cfg(not(brigade_loom))]
impl<'p, S: Segment> Pipeline<'p, S> {
    fn with<T>(self, segment: impl FnOnce(S) -> T) -> Pipeline<'p, T> {
        let Self {
            segment: before,
            capacity,
            batch,
            ordered,
            on_error,
            limit,
            statistics,
            control,
        } = self;
        let segment = segment(before);
        Pipeline { segment, capacity, batch, ordered, on_error, limit, statistics, control }
    }

    fn stage<K>(self, par: Par, kind: K) -> Pipeline<'p, Stage<S, K>> {
        let (capacity, batch) = (self.capacity, self.batch);
        self.with(|before| Stage::new(before, kind, par, capacity, batch))
    }

    /// Adds a stage that makes one item of each.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pipeline::{Par, Pipeline};
    ///
    /// let scale = 10; // closures may borrow
    /// let (scaled, _) = Pipeline::new(1..=3)
    ///     .map("scale", Par::Workers(2), |x| x * scale)
    ///     .collect::<Vec<_>>()?;
    /// assert_eq!(scaled, [10, 20, 30]);
    /// # Ok::<(), brigade::pipeline::PipelineError>(())
    /// ```
    #[doc(alias = "executor.map")]
    pub fn map<O: Send, F>(
        self,
        name: &'static str,
        par: Par,
        f: F,
    ) -> Pipeline<'p, Stage<S, Map<F>>>
    where
        F: Fn(S::Out) -> O + Sync,
    {
        self.stage(par, Map { name, f })
    }

    /// Adds a stage that may fail. What becomes of an error is up to
    /// [`on_error`](Self::on_error).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pipeline::{Par, Pipeline};
    ///
    /// let error = Pipeline::new(["3", "x"])
    ///     .try_map("parse", Par::Serial, str::parse::<i32>)
    ///     .for_each(|number| assert_eq!(number, 3))
    ///     .unwrap_err();
    /// assert_eq!(error.to_string(), "stage \"parse\", item 1: invalid digit found in string");
    /// ```
    pub fn try_map<O: Send, E, F>(
        self,
        name: &'static str,
        par: Par,
        f: F,
    ) -> Pipeline<'p, Stage<S, TryMap<F>>>
    where
        F: Fn(S::Out) -> Result<O, E> + Sync,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.stage(par, TryMap { name, f })
    }

    /// Adds a stage whose workers each have a state, made by `init` in the worker's thread when it
    /// gets its first item, and made anew after a panic.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pipeline::{Par, Pipeline};
    ///
    /// let (lengths, _) = Pipeline::new(["soup", "tea"])
    ///     .map_init("measure", Par::Workers(2), String::new, |buffer, word| {
    ///         buffer.clear();
    ///         buffer.push_str(word);
    ///         buffer.len()
    ///     })
    ///     .collect::<Vec<_>>()?;
    /// assert_eq!(lengths, [4, 3]);
    /// # Ok::<(), brigade::pipeline::PipelineError>(())
    /// ```
    #[doc(alias = "initializer")]
    pub fn map_init<O: Send, T, N, F>(
        self,
        name: &'static str,
        par: Par,
        init: N,
        f: F,
    ) -> Pipeline<'p, Stage<S, MapInit<N, F>>>
    where
        N: Fn() -> T + Sync,
        F: Fn(&mut T, S::Out) -> O + Sync,
    {
        self.stage(par, MapInit { name, init, f })
    }

    /// Adds a stage with one worker, which may remember: it sees all items one after the other, in
    /// order unless the pipeline is [`unordered`](Self::unordered).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pipeline::Pipeline;
    ///
    /// let mut sum = 0;
    /// let (sums, _) = Pipeline::new(1..=4)
    ///     .serial("sum", |x| { sum += x; sum })
    ///     .collect::<Vec<_>>()?;
    /// assert_eq!(sums, [1, 3, 6, 10]);
    /// # Ok::<(), brigade::pipeline::PipelineError>(())
    /// ```
    pub fn serial<O: Send, F>(self, name: &'static str, f: F) -> Pipeline<'p, Stage<S, Serial<F>>>
    where
        F: FnMut(S::Out) -> O + Send,
    {
        self.stage(Par::Serial, Serial { name, f: std::sync::Mutex::new(f) })
    }

    /// Adds a stage that makes one item or none of each.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pipeline::{Par, Pipeline};
    ///
    /// let (even, _) = Pipeline::new(0..6)
    ///     .filter_map("even", Par::Workers(2), |x| (x % 2 == 0).then_some(x))
    ///     .collect::<Vec<_>>()?;
    /// assert_eq!(even, [0, 2, 4]);
    /// # Ok::<(), brigade::pipeline::PipelineError>(())
    /// ```
    #[doc(alias = "filter")]
    pub fn filter_map<O: Send, F>(
        self,
        name: &'static str,
        par: Par,
        f: F,
    ) -> Pipeline<'p, Stage<S, FilterMap<F>>>
    where
        F: Fn(S::Out) -> Option<O> + Sync,
    {
        self.stage(par, FilterMap { name, f })
    }

    /// Adds a stage that makes any number of items of each. They are pulled one by one, so it may
    /// be more than memory holds.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pipeline::{Par, Pipeline};
    ///
    /// let (words, _) = Pipeline::new(["soup and", "bread"])
    ///     .flat_map("split", Par::Workers(2), |line| line.split(' '))
    ///     .collect::<Vec<_>>()?;
    /// assert_eq!(words, ["soup", "and", "bread"]);
    /// # Ok::<(), brigade::pipeline::PipelineError>(())
    /// ```
    pub fn flat_map<J, F>(
        self,
        name: &'static str,
        par: Par,
        f: F,
    ) -> Pipeline<'p, Stage<S, FlatMap<F>>>
    where
        J: IntoIterator<Item: Send>,
        F: Fn(S::Out) -> J + Sync,
    {
        self.stage(par, FlatMap { name, f })
    }

    /// Adds a stage, called `chunks`, that gathers `size` items into a vector; fewer at the end,
    /// and if the first of them has waited for `max_wait`.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pipeline::Pipeline;
    ///
    /// let (chunks, _) = Pipeline::new(1..=5).chunks(2, None).collect::<Vec<_>>()?;
    /// assert_eq!(chunks, [vec![1, 2], vec![3, 4], vec![5]]);
    /// # Ok::<(), brigade::pipeline::PipelineError>(())
    /// ```
    #[doc(alias = "itertools.batched")]
    pub fn chunks(
        self,
        size: usize,
        max_wait: impl Into<Option<Duration>>,
    ) -> Pipeline<'p, Stage<S, Chunks>> {
        self.stage(Par::Serial, Chunks { size, max_wait: max_wait.into() })
    }

    /// Looks at each item as it leaves the stage before, on the threads of that stage. A panic in
    /// it is one of stage `"inspect"`, or `"source"` if it stands right behind the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pipeline::{Par, Pipeline};
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// let seen = AtomicU32::new(0);
    /// Pipeline::new(0..10)
    ///     .map("double", Par::Workers(2), |x| 2 * x)
    ///     .inspect(|x| { seen.fetch_max(*x, Ordering::Relaxed); })
    ///     .for_each(drop)?;
    /// assert_eq!(seen.into_inner(), 18);
    /// # Ok::<(), brigade::pipeline::PipelineError>(())
    /// ```
    pub fn inspect<F>(self, f: F) -> Pipeline<'p, S::Inspected<F>>
    where
        F: Fn(&S::Out) + Send + Sync,
    {
        self.with(|before| before.inspected(f))
    }

    /// Sets how many items may wait between two stages, for every edge behind this point; 1024
    /// unless set.
    ///
    /// In flight are never more than the sum of the capacities and one batch for each worker. Who waits
    /// because an edge is full goes on when there is room; on edges of 64 and more, when half of the edge
    /// is free.
    #[doc(alias = "maxsize")]
    #[doc(alias = "buffersize")]
    pub fn capacity(mut self, items: usize) -> Self {
        self.capacity = items;
        self
    }

    /// Sets how many items a worker takes at a time, for every stage behind this point.
    pub fn batch(mut self, batch: Batch) -> Self {
        self.batch = batch;
        self
    }

    /// Gives up the order: stages with several workers pass on what is ready. A failure then ends
    /// the pipeline at once, wherever the others are.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pipeline::{Par, Pipeline};
    ///
    /// let (mut squares, _) = Pipeline::new(0..100)
    ///     .map("square", Par::Workers(2), |x| x * x)
    ///     .unordered()
    ///     .collect::<Vec<_>>()?;
    /// squares.sort();
    /// assert!(squares.into_iter().eq((0..100).map(|x| x * x)));
    /// # Ok::<(), brigade::pipeline::PipelineError>(())
    /// ```
    pub fn unordered(mut self) -> Self {
        self.ordered = false;
        self
    }

    /// Sets what happens when an item fails; [`OnError::FailFast`] unless set.
    pub fn on_error(mut self, policy: OnError<'p>) -> Self {
        self.on_error = policy;
        self
    }

    /// Sets how long the pipeline may take, from the call of its end. When the time is up it ends as
    /// by [`cancel`](Control::cancel), with [`PipelineError::TimedOut`].
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Turns the clock of the statistics off or on; on unless set. Items are counted in any case.
    pub fn statistics(mut self, on: bool) -> Self {
        self.statistics = on;
        self
    }

    /// Lets `control` steer the pipeline.
    pub fn control(mut self, control: &Control) -> Self {
        self.control = Some(control.clone());
        self
    }

    /// Runs the pipeline and calls `f` with each item, on this thread.
    ///
    /// Blocks until every thread of the pipeline has ended.
    ///
    /// # Errors
    ///
    /// [`PipelineError`]: an item failed, also in `f` (stage `"sink"`), the pipeline was cancelled
    /// or its time was up, or it makes no sense as it was asked for.
    pub fn for_each(self, f: impl FnMut(S::Out)) -> Result<Report, PipelineError> {
        self.scope(|items, _| items.for_each(f)).map(|((), report)| report)
    }

    /// Runs the pipeline and calls `f` with each item, on this thread, until it fails.
    ///
    /// # Errors
    ///
    /// As [`for_each`](Self::for_each); an error of `f` is one of stage `"sink"`.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pipeline::Pipeline;
    ///
    /// let error = Pipeline::new(0..10)
    ///     .try_for_each(|x| if x < 7 { Ok(()) } else { Err("too many") })
    ///     .unwrap_err();
    /// assert_eq!(error.to_string(), "stage \"sink\", item 7: too many");
    /// ```
    pub fn try_for_each<E>(
        self,
        mut f: impl FnMut(S::Out) -> Result<(), E>,
    ) -> Result<Report, PipelineError>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let outcome = self.scope(|mut items, _| {
            items.try_for_each(&mut f).map_err(|error| items.failed(error.into()))
        })?;
        match outcome {
            (Ok(()), report) => Ok(report),
            (Err(failure), _) => Err(PipelineError::Stage(failure)),
        }
    }

    /// Runs the pipeline and gathers all items, on this thread.
    ///
    /// # Errors
    ///
    /// As [`for_each`](Self::for_each).
    pub fn collect<C: FromIterator<S::Out>>(self) -> Result<(C, Report), PipelineError> {
        self.scope(|items, _| items.collect())
    }

    /// Runs the pipeline while `f` runs on this thread and pulls from it. If `f` returns before the
    /// last item, or drops the items, the pipeline ends.
    ///
    /// Blocks until every thread of the pipeline has ended.
    ///
    /// # Errors
    ///
    /// As [`for_each`](Self::for_each). Not pulling to the end is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pipeline::{Par, Pipeline};
    ///
    /// let (found, _) = Pipeline::new(1_u64..)
    ///     .map("square", Par::Workers(2), |x| x * x)
    ///     .scope(|mut squares, _| squares.find(|x| x % 7 == 2))?;
    /// assert_eq!(found, Some(9));
    /// # Ok::<(), brigade::pipeline::PipelineError>(())
    /// ```
    pub fn scope<R>(
        self,
        f: impl FnOnce(Items<S::Out>, &Control) -> R,
    ) -> Result<(R, Report), PipelineError> {
        let (ready, items) = Ready::new(self)?;
        ready.run(|control| f(items, control))
    }

    /// Runs the pipeline in the background, with one thread more than in [`scope`](Self::scope).
    ///
    /// # Errors
    ///
    /// [`PipelineError`]: it makes no sense as it was asked for, or there is no thread to be had.
    pub fn spawn(self) -> Result<Handle<S::Out>, PipelineError>
    where
        'p: 'static,
        S: Send + 'static,
    {
        let (ready, items) = Ready::new(self)?;
        let core = std::sync::Arc::clone(&ready.core);
        let outcome = std::sync::Arc::new(handle::Outcome::new());
        let told = std::sync::Arc::clone(&outcome);
        let spawned = thread::Builder::new().name("pipeline".into()).spawn(move || {
            ready.core.enter();
            let outcome = catch_unwind(AssertUnwindSafe(|| ready.run_alone()));
            // Whatever happened, somebody may be waiting to be told.
            told.tell(outcome.unwrap_or_else(|payload| {
                Err(PipelineError::Stage(Failure::panic("pipeline", None, payload)))
            }));
        });
        let stage = String::from("pipeline");
        let thread = spawned.map_err(|source| PipelineError::Spawn { stage, source })?;
        Ok(Handle::new(items, core, outcome, thread))
    }
}

#[cfg(not(brigade_loom))]
impl<'p, S, A, B> Pipeline<'p, Stage<Stage<S, A>, B>>
where
    S: Segment,
    A: Kind<S::Out>,
    B: Kind<A::Out>,
{
    /// Runs the last stage on the threads of the one before it: no edge lies between them, and an
    /// item goes through both at once. Both need the same number of workers.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pipeline::{Par, Pipeline};
    ///
    /// let (sums, report) = Pipeline::new(0..1000)
    ///     .map("square", Par::Serial, |x| x * x)
    ///     .map("increment", Par::Serial, |x| x + 1)
    ///     .fuse()
    ///     .collect::<Vec<_>>()?;
    /// assert_eq!(sums[3], 10);
    /// assert!(report.stage("square + increment").is_some());
    /// # Ok::<(), brigade::pipeline::PipelineError>(())
    /// ```
    pub fn fuse(self) -> Pipeline<'p, Stage<S, Then<A, B>>> {
        self.with(Stage::fuse)
    }
}

impl<S: fmt::Debug> fmt::Debug for Pipeline<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("segment", &self.segment)
            .field("ordered", &self.ordered)
            .field("on_error", &self.on_error)
            .finish_non_exhaustive()
    }
}
