//! What a stage does with an item, without threads: one item in, any number out, into an outlet.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use super::error::{Cause, Failure};
use super::seat::Post;

/// Why a stage does not go on.
#[derive(Debug)]
pub enum Halt {
    /// Nobody wants its results.
    Stop,
    /// An item failed, and the policy says that this is the end.
    Failed(Box<Failure>),
}

pub(crate) type Flow = Result<(), Halt>;

/// Where a stage puts its results.
pub trait Outlet<T> {
    fn put(&mut self, number: u64, item: T) -> Flow;
}

/// What a stage sees of its surroundings.
pub(crate) trait Judge {
    /// An item failed: is that the end?
    fn judge(&self, failure: Failure) -> Flow;
}

/// Who is at work, and who decides over what fails.
pub struct Cx<'a> {
    pub(crate) judge: &'a dyn Judge,
    /// Where it is seen at which item.
    pub(crate) post: &'a Post,
    /// The name of the stage whose code runs.
    pub(crate) stage: Cell<&'static str>,
}

/// A stage at work in one thread.
pub trait Op<I> {
    type Out;

    fn feed<O: Outlet<Self::Out>>(
        &mut self,
        number: u64,
        item: I,
        cx: &Cx<'_>,
        out: &mut O,
    ) -> Flow;

    /// When `flush` is due although no item comes.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// Puts out what it holds back.
    fn flush<O: Outlet<Self::Out>>(&mut self, _cx: &Cx<'_>, _out: &mut O) -> Flow {
        Ok(())
    }

    /// Throws away what a panic may have left half done.
    fn recover(&mut self) {}
}

#[derive(Debug)]
pub struct MapOp<'a, F> {
    pub(crate) name: &'static str,
    pub(crate) f: &'a F,
}

impl<I, O, F: Fn(I) -> O> Op<I> for MapOp<'_, F> {
    type Out = O;

    #[inline]
    fn feed<T: Outlet<O>>(&mut self, number: u64, item: I, cx: &Cx<'_>, out: &mut T) -> Flow {
        cx.stage.set(self.name);
        out.put(number, (self.f)(item))
    }
}

#[derive(Debug)]
pub struct TryMapOp<'a, F> {
    pub(crate) name: &'static str,
    pub(crate) f: &'a F,
}

impl<I, O, E, F> Op<I> for TryMapOp<'_, F>
where
    F: Fn(I) -> Result<O, E>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Out = O;

    #[inline]
    fn feed<T: Outlet<O>>(&mut self, number: u64, item: I, cx: &Cx<'_>, out: &mut T) -> Flow {
        cx.stage.set(self.name);
        match (self.f)(item) {
            Ok(result) => out.put(number, result),
            Err(error) => {
                let cause = Cause::Error(error.into());
                cx.judge.judge(Failure { stage: self.name, item: Some(number), cause })
            }
        }
    }
}

pub struct MapInitOp<'a, N, F, S> {
    pub(crate) name: &'static str,
    pub(crate) init: &'a N,
    pub(crate) f: &'a F,
    pub(crate) state: Option<S>,
}

impl<I, O, S, N, F> Op<I> for MapInitOp<'_, N, F, S>
where
    N: Fn() -> S,
    F: Fn(&mut S, I) -> O,
{
    type Out = O;

    #[inline]
    fn feed<T: Outlet<O>>(&mut self, number: u64, item: I, cx: &Cx<'_>, out: &mut T) -> Flow {
        cx.stage.set(self.name);
        let state = self.state.get_or_insert_with(self.init);
        out.put(number, (self.f)(state, item))
    }

    fn recover(&mut self) {
        self.state = None;
    }
}

pub struct SerialOp<'a, F> {
    pub(crate) name: &'static str,
    pub(crate) f: std::sync::MutexGuard<'a, F>,
}

impl<I, O, F: FnMut(I) -> O> Op<I> for SerialOp<'_, F> {
    type Out = O;

    #[inline]
    fn feed<T: Outlet<O>>(&mut self, number: u64, item: I, cx: &Cx<'_>, out: &mut T) -> Flow {
        cx.stage.set(self.name);
        out.put(number, (self.f)(item))
    }
}

#[derive(Debug)]
pub struct FilterMapOp<'a, F> {
    pub(crate) name: &'static str,
    pub(crate) f: &'a F,
}

impl<I, O, F: Fn(I) -> Option<O>> Op<I> for FilterMapOp<'_, F> {
    type Out = O;

    #[inline]
    fn feed<T: Outlet<O>>(&mut self, number: u64, item: I, cx: &Cx<'_>, out: &mut T) -> Flow {
        cx.stage.set(self.name);
        match (self.f)(item) {
            Some(result) => out.put(number, result),
            None => Ok(()),
        }
    }
}

#[derive(Debug)]
pub struct FlatMapOp<'a, F> {
    pub(crate) name: &'static str,
    pub(crate) f: &'a F,
}

impl<I, J: IntoIterator, F: Fn(I) -> J> Op<I> for FlatMapOp<'_, F> {
    type Out = J::Item;

    #[inline]
    fn feed<T: Outlet<J::Item>>(&mut self, number: u64, item: I, cx: &Cx<'_>, out: &mut T) -> Flow {
        cx.stage.set(self.name);
        for result in (self.f)(item) {
            out.put(number, result)?;
            cx.stage.set(self.name);
        }
        Ok(())
    }
}

#[derive(Debug)]
pub struct ChunksOp<I> {
    pub(crate) name: &'static str,
    pub(crate) size: usize,
    pub(crate) max_wait: Option<Duration>,
    pub(crate) chunk: Vec<I>,
    pub(crate) first: u64,
    pub(crate) due: Option<Instant>,
}

/// Item by item: a panic of one must not take the others with it.
impl<I> Drop for ChunksOp<I> {
    fn drop(&mut self) {
        let mut first = None;
        for item in std::mem::take(&mut self.chunk) {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(item))) {
                first.get_or_insert(payload);
            }
        }
        if let Some(payload) = first
            && !std::thread::panicking()
        {
            resume_unwind(payload);
        }
    }
}

impl<I> Op<I> for ChunksOp<I> {
    type Out = Vec<I>;

    fn feed<T: Outlet<Vec<I>>>(&mut self, number: u64, item: I, cx: &Cx<'_>, out: &mut T) -> Flow {
        if self.chunk.is_empty() {
            self.chunk.reserve_exact(self.size.min(1024));
            self.first = number;
            self.due = self.max_wait.and_then(|wait| Instant::now().checked_add(wait));
        }
        self.chunk.push(item);
        if self.chunk.len() >= self.size { self.flush(cx, out) } else { Ok(()) }
    }

    fn due(&self) -> Option<Instant> {
        self.due
    }

    fn flush<T: Outlet<Vec<I>>>(&mut self, cx: &Cx<'_>, out: &mut T) -> Flow {
        self.due = None;
        if self.chunk.is_empty() {
            return Ok(());
        }
        cx.stage.set(self.name);
        // What runs behind it on this thread is at the chunk, not at the item that filled it.
        cx.post.at(self.first);
        out.put(self.first, std::mem::take(&mut self.chunk))
    }
}

#[derive(Debug)]
pub struct InspectOp<'a, F> {
    pub(crate) f: &'a F,
}

impl<I, F: Fn(&I)> Op<I> for InspectOp<'_, F> {
    type Out = I;

    #[inline]
    fn feed<T: Outlet<I>>(&mut self, number: u64, item: I, cx: &Cx<'_>, out: &mut T) -> Flow {
        cx.stage.set("inspect");
        (self.f)(&item);
        out.put(number, item)
    }
}

/// Two stages in one thread.
#[derive(Debug)]
pub struct ThenOp<A, B> {
    pub(crate) first: A,
    pub(crate) second: B,
}

struct Link<'a, 'c, B, O> {
    second: &'a mut B,
    cx: &'a Cx<'c>,
    out: &'a mut O,
}

impl<T, B: Op<T>, O: Outlet<B::Out>> Outlet<T> for Link<'_, '_, B, O> {
    #[inline]
    fn put(&mut self, number: u64, item: T) -> Flow {
        self.second.feed(number, item, self.cx, self.out)
    }
}

impl<I, A: Op<I>, B: Op<A::Out>> Op<I> for ThenOp<A, B> {
    type Out = B::Out;

    #[inline]
    fn feed<T: Outlet<B::Out>>(&mut self, number: u64, item: I, cx: &Cx<'_>, out: &mut T) -> Flow {
        self.first.feed(number, item, cx, &mut Link { second: &mut self.second, cx, out })
    }

    fn due(&self) -> Option<Instant> {
        match (self.first.due(), self.second.due()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn flush<T: Outlet<B::Out>>(&mut self, cx: &Cx<'_>, out: &mut T) -> Flow {
        self.first.flush(cx, &mut Link { second: &mut self.second, cx, out })?;
        self.second.flush(cx, out)
    }

    fn recover(&mut self) {
        self.first.recover();
        self.second.recover();
    }
}

impl fmt::Debug for Cx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cx")
    }
}

impl<N, F, S> fmt::Debug for MapInitOp<'_, N, F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MapInitOp")
    }
}

impl<F> fmt::Debug for SerialOp<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SerialOp")
    }
}
