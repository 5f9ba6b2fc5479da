//! The end of a pipeline that pulls.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::mem;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::control::Reason;
use super::edge::Taker;
use super::error::{Cause, Failure};
use super::freight::{Numbered, Taken};
use super::seat::Seat;
use super::work::discard;

/// What comes out of a pipeline: an iterator that blocks until the next item is there.
///
/// It ends after the last item; also when an item failed, the pipeline was cancelled or its time
/// was up, which the end of the pipeline then returns as its error. Dropping it early ends the
/// pipeline: that is how a sink stops.
pub struct Items<T> {
    edge: Taker<T>,
    seat: Seat,
    buffer: VecDeque<Numbered<T>>,
    most: usize,
    done: bool,
}

impl<T> Items<T> {
    pub(super) fn new(edge: Taker<T>, seat: Seat, most: usize) -> Self {
        seat.post.alive.begin(seat.core.now());
        Self { edge, seat, buffer: VecDeque::new(), most, done: false }
    }

    /// The item that was pulled last has failed in the sink.
    pub(super) fn failed(&self, error: Box<dyn Error + Send + Sync>) -> Failure {
        Failure { stage: "sink", item: self.seat.post.latest(), cause: Cause::Error(error) }
    }

    /// Whether there are more.
    #[inline(never)]
    fn refill(&mut self) -> bool {
        let core = &self.seat.core;
        self.seat.post.lay_down();
        while !self.done {
            if core.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
                core.expire();
            }
            match self.edge.take(&mut self.buffer, self.most, &self.seat, None) {
                Taken::Items(_) => {
                    self.seat.post.taken.add(self.buffer.len() as u64);
                    return true;
                }
                Taken::Late => {}
                Taken::Ended => {
                    core.complete.store(true, Ordering::Release);
                    self.done = true;
                }
                Taken::Failed(_, failure) => {
                    core.stop_for(Reason::Failed(failure));
                    self.done = true;
                }
                Taken::Off => self.done = true,
            }
        }
        false
    }
}

impl<T> Iterator for Items<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.buffer.is_empty() && !self.refill() {
            return None;
        }
        let Numbered { number, item } = self.buffer.pop_front()?;
        self.seat.post.at(number);
        Some(item)
    }
}

impl<T> std::iter::FusedIterator for Items<T> {}

impl<T> Drop for Items<T> {
    fn drop(&mut self) {
        let core = &self.seat.core;
        if !self.done {
            core.stop();
        }
        discard(core, "sink", mem::take(&mut self.buffer));
        discard(core, "sink", self.edge.desert());
        self.seat.post.alive.end(core.now());
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").field("done", &self.done).finish_non_exhaustive()
    }
}
