//! The stages of a pipeline as types: what is to be done, before any thread does it.

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::edge::Edge;
use super::error::PipelineError;
use super::op::{
    ChunksOp, FilterMapOp, FlatMapOp, InspectOp, MapInitOp, MapOp, Op, SerialOp, ThenOp, TryMapOp,
};
use super::run::Threads;
use super::{Batch, Par, work};

/// A chain of stages that begins with a source.
///
/// Implemented by [`Source`] and [`Stage`]; nothing else can implement it.
pub trait Segment: Sync + Sized {
    /// What comes out of it.
    type Out: Send;

    /// The same chain with a look at each item at its end.
    type Inspected<F: Fn(&Self::Out) + Send + Sync>: Segment<Out = Self::Out>;

    /// How many stages there are, the source included.
    #[doc(hidden)]
    const DEPTH: usize;

    #[doc(hidden)]
    fn inspected<F: Fn(&Self::Out) + Send + Sync>(self, f: F) -> Self::Inspected<F>;

    #[doc(hidden)]
    fn plan(&self, into: &mut Vec<Plan>) -> Result<(), PipelineError>;

    #[doc(hidden)]
    fn start<'scope>(
        &'scope self,
        threads: &Threads<'scope, '_>,
        out: Edge<Self::Out>,
    ) -> Result<(), PipelineError>;
}

/// What a stage does with its items.
///
/// Implemented by the kinds of stages in this module; nothing else can implement it.
pub trait Kind<I>: Sync {
    /// What comes out for an item.
    type Out: Send;

    #[doc(hidden)]
    type Op<'a>: Op<I, Out = Self::Out>
    where
        Self: 'a;

    #[doc(hidden)]
    fn op(&self) -> Self::Op<'_>;

    #[doc(hidden)]
    fn names(&self) -> Vec<&'static str>;

    #[doc(hidden)]
    fn check(&self) -> Result<(), PipelineError> {
        Ok(())
    }
}

/// What is known of a stage before it runs.
#[derive(Debug)]
pub struct Plan {
    pub(crate) name: String,
    pub(crate) workers: usize,
    pub(crate) capacity: usize,
}

/// The beginning of a pipeline: an iterator that one thread of its own pulls.
pub struct Source<I> {
    items: Mutex<Option<I>>,
}

impl<I> Source<I> {
    pub(super) fn new(items: I) -> Self {
        Self { items: Mutex::new(Some(items)) }
    }
}

impl<I: IntoIterator<Item: Send> + Send> Segment for Source<I> {
    type Out = I::Item;
    type Inspected<F: Fn(&I::Item) + Send + Sync> = Source<Inspecting<I, F>>;
    const DEPTH: usize = 1;

    fn inspected<F: Fn(&I::Item) + Send + Sync>(self, f: F) -> Self::Inspected<F> {
        let items = self.items.into_inner().unwrap_or_else(PoisonError::into_inner);
        Source { items: Mutex::new(items.map(|items| Inspecting { items, f })) }
    }

    fn plan(&self, into: &mut Vec<Plan>) -> Result<(), PipelineError> {
        into.push(Plan { name: "source".into(), workers: 1, capacity: 0 });
        Ok(())
    }

    fn start<'scope>(
        &'scope self,
        threads: &Threads<'scope, '_>,
        out: Edge<I::Item>,
    ) -> Result<(), PipelineError> {
        let run = threads.run;
        let seat = threads.seat(0, 0);
        let out = out.giver(&seat);
        threads.spawn("source", "source".into(), move || {
            let items = self.items.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(items) = items {
                work::draw(run, &seat, out, items);
            }
        })
    }
}

/// A source with a look at each item.
#[derive(Debug)]
pub struct Inspecting<I, F> {
    items: I,
    f: F,
}

impl<I: IntoIterator, F: Fn(&I::Item)> IntoIterator for Inspecting<I, F> {
    type Item = I::Item;
    type IntoIter = std::iter::Inspect<I::IntoIter, F>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter().inspect(self.f)
    }
}

/// A stage, with all that is before it.
pub struct Stage<S, K> {
    before: S,
    kind: K,
    par: Par,
    /// Of the edge into it.
    capacity: usize,
    batch: Batch,
    grain: work::Grain,
}

impl<S, K> Stage<S, K> {
    pub(super) fn new(before: S, kind: K, par: Par, capacity: usize, batch: Batch) -> Self {
        let (most, adaptive) = batch.size(capacity);
        let grain = work::Grain::new(most, adaptive);
        Self { before, kind, par, capacity, batch, grain }
    }
}

impl<S, A, B> Stage<Stage<S, A>, B> {
    pub(super) fn fuse(self) -> Stage<S, Then<A, B>> {
        let Stage { before, kind: first, par, capacity, batch, .. } = self.before;
        let kind = Then { first, second: self.kind, fits: par.workers() == self.par.workers() };
        Stage::new(before, kind, par, capacity, batch)
    }
}

impl<S: Segment, K: Kind<S::Out>> Segment for Stage<S, K> {
    type Out = K::Out;
    type Inspected<F: Fn(&K::Out) + Send + Sync> = Stage<S, Then<K, Inspect<F>>>;
    const DEPTH: usize = S::DEPTH + 1;

    fn inspected<F: Fn(&K::Out) + Send + Sync>(self, f: F) -> Self::Inspected<F> {
        let Self { before, kind, par, capacity, batch, .. } = self;
        let kind = Then { first: kind, second: Inspect { f }, fits: true };
        Stage::new(before, kind, par, capacity, batch)
    }

    fn plan(&self, into: &mut Vec<Plan>) -> Result<(), PipelineError> {
        self.before.plan(into)?;
        let name = self.kind.names().join(" + ");
        if self.capacity == 0 {
            return Err(PipelineError::ZeroCapacity { stage: name });
        }
        if self.par.workers() == 0 {
            return Err(PipelineError::ZeroWorkers { stage: name });
        }
        if self.batch == Batch::UpTo(0) {
            return Err(PipelineError::ZeroSize { what: "batches" });
        }
        self.kind.check()?;
        into.push(Plan { name, workers: self.par.workers(), capacity: self.capacity });
        Ok(())
    }

    fn start<'scope>(
        &'scope self,
        threads: &Threads<'scope, '_>,
        out: Edge<K::Out>,
    ) -> Result<(), PipelineError> {
        let index = S::DEPTH;
        let input = threads.edge(index - 1);
        self.before.start(threads, input.clone())?;
        let workers = self.par.workers();
        let names = self.kind.names();
        let name = names.first().copied().unwrap_or_default();
        for worker in 0..workers {
            let seat = threads.seat(index, worker);
            let (input, out) = (input.taker(), out.giver(&seat));
            let station = work::Station {
                run: threads.run,
                seat,
                grain: &self.grain,
                index,
                name,
                in_turn: threads.run.ordered && workers > 1,
            };
            let thread = match workers {
                1 => name.to_owned(),
                _ => format!("{name}-{worker}"),
            };
            let kind = &self.kind;
            threads.spawn(name, thread, move || station.work(input, out, kind.op()))?;
        }
        Ok(())
    }
}

/// [`Pipeline::map`](super::Pipeline::map).
#[derive(Debug)]
pub struct Map<F> {
    pub(super) name: &'static str,
    pub(super) f: F,
}

impl<I, O: Send, F: Fn(I) -> O + Sync> Kind<I> for Map<F> {
    type Out = O;
    type Op<'a>
        = MapOp<'a, F>
    where
        Self: 'a;

    fn op(&self) -> MapOp<'_, F> {
        MapOp { name: self.name, f: &self.f }
    }

    fn names(&self) -> Vec<&'static str> {
        vec![self.name]
    }
}

/// [`Pipeline::try_map`](super::Pipeline::try_map).
#[derive(Debug)]
pub struct TryMap<F> {
    pub(super) name: &'static str,
    pub(super) f: F,
}

impl<I, O, E, F> Kind<I> for TryMap<F>
where
    O: Send,
    E: Into<Box<dyn Error + Send + Sync>>,
    F: Fn(I) -> Result<O, E> + Sync,
{
    type Out = O;
    type Op<'a>
        = TryMapOp<'a, F>
    where
        Self: 'a;

    fn op(&self) -> TryMapOp<'_, F> {
        TryMapOp { name: self.name, f: &self.f }
    }

    fn names(&self) -> Vec<&'static str> {
        vec![self.name]
    }
}

/// [`Pipeline::map_init`](super::Pipeline::map_init).
#[derive(Debug)]
pub struct MapInit<N, F> {
    pub(super) name: &'static str,
    pub(super) init: N,
    pub(super) f: F,
}

impl<I, O, T, N, F> Kind<I> for MapInit<N, F>
where
    O: Send,
    N: Fn() -> T + Sync,
    F: Fn(&mut T, I) -> O + Sync,
{
    type Out = O;
    type Op<'a>
        = MapInitOp<'a, N, F, T>
    where
        Self: 'a;

    fn op(&self) -> MapInitOp<'_, N, F, T> {
        MapInitOp { name: self.name, init: &self.init, f: &self.f, state: None }
    }

    fn names(&self) -> Vec<&'static str> {
        vec![self.name]
    }
}

/// [`Pipeline::serial`](super::Pipeline::serial).
pub struct Serial<F> {
    pub(super) name: &'static str,
    pub(super) f: Mutex<F>,
}

impl<I, O: Send, F: FnMut(I) -> O + Send> Kind<I> for Serial<F> {
    type Out = O;
    type Op<'a>
        = SerialOp<'a, F>
    where
        Self: 'a;

    fn op(&self) -> SerialOp<'_, F> {
        let f: MutexGuard<'_, F> = self.f.lock().unwrap_or_else(PoisonError::into_inner);
        SerialOp { name: self.name, f }
    }

    fn names(&self) -> Vec<&'static str> {
        vec![self.name]
    }
}

/// [`Pipeline::filter_map`](super::Pipeline::filter_map).
#[derive(Debug)]
pub struct FilterMap<F> {
    pub(super) name: &'static str,
    pub(super) f: F,
}

impl<I, O: Send, F: Fn(I) -> Option<O> + Sync> Kind<I> for FilterMap<F> {
    type Out = O;
    type Op<'a>
        = FilterMapOp<'a, F>
    where
        Self: 'a;

    fn op(&self) -> FilterMapOp<'_, F> {
        FilterMapOp { name: self.name, f: &self.f }
    }

    fn names(&self) -> Vec<&'static str> {
        vec![self.name]
    }
}

/// [`Pipeline::flat_map`](super::Pipeline::flat_map).
#[derive(Debug)]
pub struct FlatMap<F> {
    pub(super) name: &'static str,
    pub(super) f: F,
}

impl<I, J, F> Kind<I> for FlatMap<F>
where
    J: IntoIterator<Item: Send>,
    F: Fn(I) -> J + Sync,
{
    type Out = J::Item;
    type Op<'a>
        = FlatMapOp<'a, F>
    where
        Self: 'a;

    fn op(&self) -> FlatMapOp<'_, F> {
        FlatMapOp { name: self.name, f: &self.f }
    }

    fn names(&self) -> Vec<&'static str> {
        vec![self.name]
    }
}

/// [`Pipeline::chunks`](super::Pipeline::chunks).
#[derive(Debug)]
pub struct Chunks {
    pub(super) size: usize,
    pub(super) max_wait: Option<Duration>,
}

const CHUNKS: &str = "chunks";

impl<I: Send> Kind<I> for Chunks {
    type Out = Vec<I>;
    type Op<'a> = ChunksOp<I>;

    fn op(&self) -> ChunksOp<I> {
        let Self { size, max_wait } = *self;
        ChunksOp { name: CHUNKS, size, max_wait, chunk: Vec::new(), first: 0, due: None }
    }

    fn names(&self) -> Vec<&'static str> {
        vec![CHUNKS]
    }

    fn check(&self) -> Result<(), PipelineError> {
        match self.size {
            0 => Err(PipelineError::ZeroSize { what: "chunks" }),
            _ => Ok(()),
        }
    }
}

/// [`Pipeline::inspect`](super::Pipeline::inspect).
#[derive(Debug)]
pub struct Inspect<F> {
    f: F,
}

impl<I: Send, F: Fn(&I) + Sync> Kind<I> for Inspect<F> {
    type Out = I;
    type Op<'a>
        = InspectOp<'a, F>
    where
        Self: 'a;

    fn op(&self) -> InspectOp<'_, F> {
        InspectOp { f: &self.f }
    }

    fn names(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// Two stages on the same threads: [`Pipeline::fuse`](super::Pipeline::fuse).
#[derive(Debug)]
pub struct Then<A, B> {
    first: A,
    second: B,
    fits: bool,
}

impl<I, A: Kind<I>, B: Kind<A::Out>> Kind<I> for Then<A, B> {
    type Out = B::Out;
    type Op<'a>
        = ThenOp<A::Op<'a>, B::Op<'a>>
    where
        Self: 'a;

    fn op(&self) -> ThenOp<A::Op<'_>, B::Op<'_>> {
        ThenOp { first: self.first.op(), second: self.second.op() }
    }

    fn names(&self) -> Vec<&'static str> {
        let mut names = self.first.names();
        names.extend(self.second.names());
        names
    }

    fn check(&self) -> Result<(), PipelineError> {
        if !self.fits {
            let (first, second) = (self.first.names().join(" + "), self.second.names().join(" + "));
            return Err(PipelineError::Unfusable { first, second });
        }
        self.first.check()?;
        self.second.check()
    }
}

impl<I> fmt::Debug for Source<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

impl<S: fmt::Debug, K> fmt::Debug for Stage<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, par, capacity, .. } = self;
        f.debug_struct("Stage")
            .field("before", before)
            .field("par", par)
            .field("capacity", capacity)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for Serial<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serial").field("name", &self.name).finish_non_exhaustive()
    }
}
