//! The loops that the threads of a pipeline run.

use std::cell::Cell;
use std::mem::needs_drop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::control::{Core, Reason};
use super::edge::{Giver, Taker};
use super::error::{Cause, Failure};
use super::freight::{Numbered, Piece, Stop, Taken};
use super::op::{Cx, Flow, Halt, Judge, Op, Outlet};
use super::seat::{Post, Seat};

/// What an item that fails means, without what only one of them carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    FailFast,
    Skip,
    Collect,
    Route,
}

/// What one run shares beyond its [`Core`].
pub(crate) struct Run<'p> {
    pub(crate) core: Arc<Core>,
    pub(crate) ordered: bool,
    pub(crate) policy: Policy,
    /// Where failed items go, if the policy is to route them.
    pub(crate) route: &'p (dyn Fn(Failure) + Sync),
    pub(crate) failures: Mutex<Vec<Failure>>,
}

/// A run as one thread sees it.
struct Bench<'a> {
    run: &'a Run<'a>,
    post: &'a Post,
}

impl Judge for Bench<'_> {
    #[cold]
    fn judge(&self, failure: Failure) -> Flow {
        self.post.failed.add(1);
        match self.run.policy {
            Policy::FailFast => return Err(Halt::Failed(Box::new(failure))),
            Policy::Skip => failure.discard(),
            Policy::Collect => {
                self.run.failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
            }
            Policy::Route => {
                let item = failure.item;
                let routed = catch_unwind(AssertUnwindSafe(|| (self.run.route)(failure)));
                if let Err(payload) = routed {
                    let failure = Failure::panic("on_error", item, payload);
                    return Err(Halt::Failed(Box::new(failure)));
                }
            }
        }
        Ok(())
    }
}

/// Drops what nobody wants, item by item: a panic of one must not take the others with it.
pub(crate) fn discard<T>(
    core: &Core,
    stage: &'static str,
    items: impl IntoIterator<Item = Numbered<T>>,
) {
    if !needs_drop::<T>() {
        return;
    }
    for Numbered { number, item } in items {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(item))) {
            core.dropped(stage, Some(number), payload);
        }
    }
}

/// How many items a thread takes at a time.
///
/// Cheap items travel by the dozen; of items that take long each goes by itself, so that threads
/// share them evenly and results come out soon.
#[derive(Debug)]
pub(crate) struct Grain {
    most: usize,
    adaptive: bool,
    now: AtomicUsize,
}

/// A batch is to take about so long, unless it is full before.
const TARGET_NANOS: u64 = 50_000;
/// Of batches that need no watching one in so many is timed, if a clock would cost something.
const SAMPLE: u32 = 16;
/// Where it costs nothing.
const LONG_NANOS: u64 = 10_000;

impl Grain {
    pub(crate) fn new(most: usize, adaptive: bool) -> Self {
        Self { most, adaptive, now: AtomicUsize::new(if adaptive { 1 } else { most }) }
    }

    #[inline]
    fn get(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }

    /// Whether a batch of this size would teach something.
    #[inline]
    fn watches(&self, size: usize, grain: usize) -> bool {
        self.adaptive && size == grain && grain < self.most
    }

    fn learn(&self, items: usize, took: u64) {
        if !self.adaptive {
            return;
        }
        let each = (took / items as u64).max(1);
        let ideal = usize::try_from(TARGET_NANOS / each).unwrap_or(self.most).clamp(1, self.most);
        let now = self.get();
        // One look can be misled by a thread that lost its core.
        let next = ideal.clamp((now / 4).max(1), (now * 2).min(self.most));
        self.now.store(next, Ordering::Relaxed);
    }
}

/// One worker's surroundings.
pub(crate) struct Station<'a> {
    pub(crate) run: &'a Run<'a>,
    pub(crate) seat: Seat,
    pub(crate) grain: &'a Grain,
    /// The number of the stage; it is also that of the edge out of it.
    pub(crate) index: usize,
    pub(crate) name: &'static str,
    /// Results go out in the order in which their items came in, by turns.
    pub(crate) in_turn: bool,
}

/// The results of a batch, on their way out.
struct Outbox<'a, T> {
    buffer: Vec<Numbered<T>>,
    edge: Giver<T>,
    station: &'a Station<'a>,
    /// The number of the batch.
    number: u64,
    most: usize,
}

impl<T> Outlet<T> for Outbox<'_, T> {
    #[inline]
    fn put(&mut self, number: u64, item: T) -> Flow {
        if self.buffer.len() >= self.most {
            self.deliver(Piece::More)?;
        }
        self.buffer.push(Numbered { number, item });
        Ok(())
    }
}

impl<T> Outbox<'_, T> {
    fn deliver(&mut self, piece: Piece) -> Flow {
        let Self { buffer, edge, station, number, .. } = self;
        let seat = &station.seat;
        let full = buffer.len() as u64;
        if station.in_turn {
            let given = edge.give_in_turn(*number, buffer, piece, seat);
            let unseen = given.map_err(|Stop| Halt::Stop)?;
            for items in unseen {
                discard(&station.run.core, station.name, items);
            }
        } else {
            if !buffer.is_empty() {
                edge.give(buffer, seat).map_err(|Stop| Halt::Stop)?;
            }
            if let Piece::Failed(failure) = piece {
                edge.fail(failure);
            }
        }
        seat.post.given.add(full);
        Ok(())
    }
}

impl Station<'_> {
    /// The life of a worker.
    pub(crate) fn work<I, P: Op<I>>(self, mut input: Taker<I>, output: Giver<P::Out>, mut op: P) {
        let core = &self.run.core;
        let post = &self.seat.post;
        post.alive.begin(core.now());
        let mut inbox: Vec<Numbered<I>> = Vec::new();
        let mut out = Outbox {
            buffer: Vec::new(),
            edge: output,
            station: &self,
            number: 0,
            most: self.grain.most,
        };
        let lived = catch_unwind(AssertUnwindSafe(|| {
            match self.serve(&mut input, &mut inbox, &mut out, &mut op) {
                Ok(()) | Err(Halt::Stop) => {}
                Err(Halt::Failed(failure)) => self.fail(failure, &mut out),
            }
            // Where a panic of what it holds can still be told.
            drop(op);
        }));
        if let Err(payload) = lived {
            let failure = Failure::panic(self.name, post.item(), payload);
            core.stop_for(Reason::Failed(Box::new(failure)));
        }
        post.rest();
        discard(core, self.name, inbox);
        discard(core, self.name, std::mem::take(&mut out.buffer));
        discard(core, self.name, input.desert());
        discard(core, self.name, out.edge.leave());
        post.alive.end(core.now());
    }

    fn serve<I, P: Op<I>>(
        &self,
        input: &mut Taker<I>,
        inbox: &mut Vec<Numbered<I>>,
        out: &mut Outbox<'_, P::Out>,
        op: &mut P,
    ) -> Flow {
        let post = &*self.seat.post;
        let core = &self.run.core;
        let bench = Bench { run: self.run, post };
        let cx = Cx { judge: &bench, post, stage: Cell::new(self.name) };
        let (mut untimed, mut every) = (0, 1);
        loop {
            let grain = self.grain.get();
            match input.take(inbox, grain, &self.seat, op.due()) {
                Taken::Items(number) => out.number = number,
                Taken::Late => {
                    self.flush(op, &cx, out)?;
                    out.deliver(Piece::Last)?;
                    continue;
                }
                Taken::Ended => {
                    self.flush(op, &cx, out)?;
                    return if self.in_turn { Ok(()) } else { out.deliver(Piece::Last) };
                }
                Taken::Failed(number, failure) => {
                    out.number = number;
                    self.flush(op, &cx, out)?;
                    return out.deliver(Piece::Failed(failure));
                }
                Taken::Off => return Err(Halt::Stop),
            }
            let size = inbox.len();
            post.taken.add(size as u64);
            untimed += 1;
            let began = if self.grain.watches(size, grain)
                || untimed >= every && (core.timed() || self.grain.adaptive)
            {
                untimed = 0;
                Some((core.now(), post.blocked.get(0)))
            } else {
                None
            };
            self.batch(inbox, out, op, &cx)?;
            if let Some((began, blocked)) = began {
                let blocked = post.blocked.get(0).saturating_sub(blocked);
                let took = core.now().saturating_sub(began).saturating_sub(blocked);
                every = match took {
                    LONG_NANOS.. => 1,
                    _ if self.grain.adaptive => SAMPLE,
                    _ => 4 * SAMPLE,
                };
                self.grain.learn(size, took);
                post.service.record(size as u64, took);
            }
            if op.due().is_some_and(|due| due <= std::time::Instant::now()) {
                self.flush(op, &cx, out)?;
            }
            post.rest();
            out.deliver(Piece::Last)?;
        }
    }

    /// Feeds all items; what is left after the end stays in `inbox`.
    fn batch<I, P: Op<I>>(
        &self,
        inbox: &mut Vec<Numbered<I>>,
        out: &mut Outbox<'_, P::Out>,
        op: &mut P,
        cx: &Cx<'_>,
    ) -> Flow {
        let post = &*self.seat.post;
        // Outside of what may panic: what is left must not be dropped while unwinding.
        let mut items = inbox.drain(..);
        let flow = loop {
            let fed = catch_unwind(AssertUnwindSafe(|| {
                for Numbered { number, item } in items.by_ref() {
                    post.at(number);
                    op.feed(number, item, cx, out)?;
                }
                Ok(())
            }));
            match fed.unwrap_or_else(|payload| self.panicked(payload, op, cx)) {
                Ok(()) if items.len() == 0 => break Ok(()),
                Ok(()) => {}
                Err(halt) => break Err(halt),
            }
        };
        discard(&self.run.core, self.name, items);
        flow
    }

    fn flush<I, P: Op<I>>(&self, op: &mut P, cx: &Cx<'_>, out: &mut Outbox<'_, P::Out>) -> Flow {
        loop {
            let flushed = catch_unwind(AssertUnwindSafe(|| op.flush(cx, out)));
            match flushed {
                Ok(flow) => {
                    self.seat.post.rest();
                    return flow;
                }
                // What it had put out is gone; what others hold back behind it is not.
                Err(payload) => self.panicked(payload, op, cx)?,
            }
        }
    }

    #[cold]
    fn panicked<I, P: Op<I>>(
        &self,
        payload: Box<dyn std::any::Any + Send>,
        op: &mut P,
        cx: &Cx<'_>,
    ) -> Flow {
        let failure = Failure::panic(cx.stage.get(), self.seat.post.item(), payload);
        // A state that panics when it is dropped is as lost as one that does not.
        let _ = catch_unwind(AssertUnwindSafe(|| op.recover()));
        cx.judge.judge(failure)
    }

    /// Ends the run: in order, what is before the failed item still goes through.
    fn fail<T>(&self, failure: Box<Failure>, out: &mut Outbox<'_, T>) {
        let core = &self.run.core;
        if self.run.ordered {
            core.switch.turn_off(self.index);
            // If nobody wants it, something before it has failed.
            let _ = out.deliver(Piece::Failed(failure));
        } else {
            core.stop_for(Reason::Failed(failure));
        }
    }
}

/// The life of the source.
pub(crate) fn draw<I: IntoIterator>(
    run: &Run<'_>,
    seat: &Seat,
    mut edge: Giver<I::Item>,
    items: I,
) {
    let core = &run.core;
    let post = &*seat.post;
    post.alive.begin(core.now());
    post.at(0);
    let mut next = 0;
    let mut refused = None;
    let drawn = catch_unwind(AssertUnwindSafe(|| {
        let mut items = items.into_iter();
        while !core.closing.load(Ordering::Relaxed) {
            let Some(item) = items.next() else { break };
            if let Err(item) = edge.give_one(Numbered { number: next, item }, seat) {
                refused = Some(item);
                break;
            }
            next += 1;
            post.at(next);
            post.given.add(1);
        }
    }));
    post.rest();
    discard(core, "source", refused);
    if let Err(payload) = drawn {
        let failure =
            Box::new(Failure { stage: "source", item: Some(next), cause: Cause::Panic(payload) });
        if run.ordered {
            edge.fail(failure);
        } else {
            core.stop_for(Reason::Failed(failure));
        }
    }
    discard(core, "source", edge.leave());
    post.alive.end(core.now());
}
