//! A function over many items, by many workers, with a bound on how many are on their way.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::discard;
use super::error::TaskError;
use super::future::Future;
use super::gather::{Watch, help};
use crate::waits::{self, End, Knot};

/// How many items may be on their way: taken from the source, and not yet given to the caller.
///
/// It is exact: the source is asked for one more item when a result has left, and not before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window(pub usize);

pub(super) type Submit<'p, I, T> = Box<dyn FnMut(I) -> Future<T> + 'p>;

fn check(window: Window) -> usize {
    assert!(window.0 > 0, "a window of 0 items lets none pass; give it at least 1");
    window.0
}

/// The results of [`Pool::map`](super::Pool::map), in the order of the items.
///
/// Dropping it cancels what has not begun, and asks what is running to end. A panic in the source is
/// one of the call that asked it for an item, or, if that was the call that made this, of the first that asks
/// this for a result. The source is not asked again, and the results of what it gave are still to be had.
#[must_use = "only what is asked for is computed, but for the window"]
pub struct Map<'p, I: Iterator, T> {
    items: Source<I>,
    submit: Submit<'p, I::Item, T>,
    window: usize,
    ahead: VecDeque<Future<T>>,
    in_hand: Option<Result<T, TaskError>>,
    early: Early,
}

/// Items until there are no more, or until it panics.
struct Source<I> {
    items: I,
    exhausted: bool,
}

impl<I: Iterator> Source<I> {
    fn new(items: I) -> Self {
        Self { items, exhausted: false }
    }

    fn next(&mut self) -> Option<I::Item> {
        if self.exhausted {
            return None;
        }
        self.exhausted = true;
        let item = self.items.next();
        self.exhausted = item.is_none();
        item
    }
}

/// What a source panicked with when it was first asked: nobody had what gives the results then.
struct Early(Option<Box<dyn Any + Send>>);

impl Early {
    fn of(ask: impl FnOnce()) -> Self {
        Self(catch_unwind(AssertUnwindSafe(ask)).err())
    }

    /// Goes on panicking, once.
    fn tell(&mut self) {
        if let Some(payload) = self.0.take() {
            resume_unwind(payload);
        }
    }
}

impl Drop for Early {
    fn drop(&mut self) {
        discard(self.0.take());
    }
}

impl<'p, I: Iterator, T> Map<'p, I, T> {
    pub(crate) fn new(items: I, window: Window, submit: Submit<'p, I::Item, T>) -> Self {
        let window = check(window);
        let mut map = Self {
            items: Source::new(items),
            submit,
            window,
            ahead: VecDeque::new(),
            in_hand: None,
            early: Early(None),
        };
        map.early = Early::of(|| map.fill());
        map
    }

    fn fill(&mut self) {
        while self.ahead.len() < self.window
            && let Some(item) = self.items.next()
        {
            self.ahead.push_back((self.submit)(item));
        }
    }

    /// Gives the result away. It leaves the window with that, so one more item may come in: the workers
    /// have it while the caller is busy with the result.
    fn give(&mut self, outcome: Result<T, TaskError>) -> Option<Result<T, TaskError>> {
        // The source may panic. What is in hand is given by the next call then.
        self.in_hand = Some(outcome);
        self.fill();
        self.in_hand.take()
    }

    /// Waits for the next result at most so long.
    ///
    /// # Errors
    ///
    /// [`NotYet`] if the time is over; nothing is lost, and the next call waits for the same result.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pool::{NotYet, Pool, Window};
    /// use std::sync::Mutex;
    /// use std::sync::mpsc::channel;
    /// use std::time::Duration;
    ///
    /// let pool = Pool::new()?;
    /// let (open, gate) = channel();
    /// let gate = Mutex::new(gate);
    /// let mut gates = pool.map(0..1, Window(1), move |_| gate.lock().unwrap().recv());
    /// assert!(matches!(gates.next_timeout(Duration::from_millis(1)), Err(NotYet)));
    /// open.send(7)?;
    /// assert!(matches!(gates.next(), Some(Ok(Ok(7)))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn next_timeout(
        &mut self,
        limit: Duration,
    ) -> Result<Option<Result<T, TaskError>>, NotYet> {
        self.early.tell();
        if let Some(outcome) = self.in_hand.take() {
            return Ok(Some(outcome));
        }
        let Some(first) = self.ahead.pop_front() else { return Ok(None) };
        match first.result_timeout(limit) {
            Ok(outcome) => Ok(self.give(outcome)),
            Err(first) => {
                self.ahead.push_front(first);
                Err(NotYet)
            }
        }
    }
}

/// The next result was not there in time.
///
/// # Examples
///
/// ```
/// assert_eq!(brigade::pool::NotYet.to_string(), "no result yet: wait longer, or give up");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotYet;

impl fmt::Display for NotYet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no result yet: wait longer, or give up")
    }
}

impl std::error::Error for NotYet {}

impl<I: Iterator, T> Iterator for Map<'_, I, T> {
    type Item = Result<T, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.early.tell();
        if let Some(outcome) = self.in_hand.take() {
            return Some(outcome);
        }
        let outcome = self.ahead.pop_front()?.result();
        self.give(outcome)
    }
}

impl<I: Iterator, T> Drop for Map<'_, I, T> {
    fn drop(&mut self) {
        // From the back, so that no worker takes up what is about to be cancelled.
        self.ahead.iter().rev().for_each(|future| {
            future.cancel();
        });
    }
}

impl<I: Iterator, T> fmt::Debug for Map<'_, I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("ahead", &self.ahead).finish_non_exhaustive()
    }
}

/// The results of [`Pool::map_unordered`](super::Pool::map_unordered), as they come.
///
/// Dropping it cancels what has not begun, and asks what is running to end. A panic in the source is
/// dealt with as by [`Map`].
#[must_use = "only what is asked for is computed, but for the window"]
pub struct MapUnordered<'p, I: Iterator, T> {
    items: Source<I>,
    submit: Submit<'p, I::Item, T>,
    ahead: Vec<Option<Future<T>>>,
    vacant: Vec<usize>,
    watch: Arc<Watch>,
    in_hand: Option<Result<T, TaskError>>,
    early: Early,
}

impl<'p, I: Iterator, T> MapUnordered<'p, I, T> {
    pub(crate) fn new(items: I, window: Window, submit: Submit<'p, I::Item, T>) -> Self {
        let window = check(window);
        // Places are made when they are needed: a window may be as wide as `usize::MAX`.
        let mut map = Self {
            items: Source::new(items),
            submit,
            ahead: Vec::new(),
            vacant: Vec::new(),
            watch: Watch::new(),
            in_hand: None,
            early: Early(None),
        };
        map.early = Early::of(|| map.fill(window));
        map
    }

    fn fill(&mut self, mut room: usize) {
        while room > 0
            && let Some(item) = self.items.next()
        {
            let future = (self.submit)(item);
            let at = self.vacant.pop().unwrap_or_else(|| {
                self.ahead.push(None);
                self.ahead.len() - 1
            });
            if !future.work.shared().watch(&self.watch, at) {
                self.watch.tell(at);
            }
            self.ahead[at] = Some(future);
            room -= 1;
        }
    }

    fn on_the_way(&self) -> usize {
        self.ahead.len() - self.vacant.len()
    }

    fn take(&mut self, at: usize) -> Option<Result<T, TaskError>> {
        let future = self.ahead[at].take()?;
        self.vacant.push(at);
        self.in_hand = Some(future.result());
        self.fill(1);
        self.in_hand.take()
    }

    /// Waits for the next result at most so long.
    ///
    /// # Errors
    ///
    /// [`NotYet`] if the time is over; nothing is lost.
    pub fn next_timeout(
        &mut self,
        limit: Duration,
    ) -> Result<Option<Result<T, TaskError>>, NotYet> {
        self.early.tell();
        if let Some(outcome) = self.in_hand.take() {
            return Ok(Some(outcome));
        }
        if self.on_the_way() == 0 {
            return Ok(None);
        }
        let Some(deadline) = Instant::now().checked_add(limit) else { return Ok(self.next()) };
        while self.on_the_way() > 0 {
            let at = self.watch.next(Some(deadline)).ok_or(NotYet)?;
            if let Some(outcome) = self.take(at) {
                return Ok(Some(outcome));
            }
        }
        Ok(None)
    }
}

impl<I: Iterator, T> Iterator for MapUnordered<'_, I, T> {
    type Item = Result<T, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.early.tell();
        if let Some(outcome) = self.in_hand.take() {
            return Some(outcome);
        }
        while self.on_the_way() > 0 {
            let mut at = self.watch.look();
            if at.is_none() {
                if help(self.ahead.iter().map(Option::as_ref), &mut 0) {
                    continue;
                }
                let ahead = self.ahead.iter().flatten();
                at = match waits::wait_for(ahead.map(|future| End::Job(future.work.id()))) {
                    Ok(_posted) => self.watch.next(None),
                    // Its result says so.
                    Err(Knot) => self.ahead.iter().position(Option::is_some),
                };
            }
            // One that was taken because of a cycle is told of when it is done, too.
            if let Some(outcome) = self.take(at?) {
                return Some(outcome);
            }
        }
        None
    }
}

impl<I: Iterator, T> Drop for MapUnordered<'_, I, T> {
    fn drop(&mut self) {
        self.ahead.iter().flatten().for_each(|future| {
            future.cancel();
        });
    }
}

impl<I: Iterator, T> fmt::Debug for MapUnordered<'_, I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapUnordered").field("ahead", &self.ahead).finish_non_exhaustive()
    }
}
