//! Many futures at once: waiting for some of them, and taking them as they come.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::future::ScopedFuture;
use crate::sync::{Condvar, Mutex};
use crate::waits::{self, End, Knot};

/// Which futures of a group have been done, in that order, and a bell for whoever waits.
#[derive(Debug)]
pub(super) struct Watch {
    done: Mutex<VecDeque<usize>>,
    bell: Condvar,
}

impl Watch {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { done: Mutex::new(VecDeque::new()), bell: Condvar::new() })
    }

    pub(super) fn tell(&self, index: usize) {
        self.done.lock().push_back(index);
        self.bell.notify_one();
    }

    pub(super) fn look(&self) -> Option<usize> {
        self.done.lock().pop_front()
    }

    /// Blocks until one is done, or the deadline has passed.
    pub(super) fn next(&self, deadline: Option<Instant>) -> Option<usize> {
        let mut done = self.done.lock();
        loop {
            if let Some(index) = done.pop_front() {
                return Some(index);
            }
            match deadline {
                None => self.bell.wait(&mut done),
                Some(at) => {
                    if self.bell.wait_until(&mut done, at).timed_out() {
                        return done.pop_front();
                    }
                }
            }
        }
    }
}

/// What [`wait`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Until {
    /// One future is done.
    First,
    /// One future is done with an error other than its cancellation, or all are done.
    FirstError,
    /// All are done.
    All,
}

/// What [`wait`] has found: the positions of the futures that are done, and of those that are not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Waited {
    /// Done when `wait` returned, in the order they were given in.
    pub done: Vec<usize>,
    /// Not done.
    pub pending: Vec<usize>,
}

/// Waits until the first of these futures is done, or the first failure, or all.
///
/// Without a `limit`, it runs those that have not begun, as [`ScopedFuture::result`] does. A job that
/// waits for jobs which wait for it gets back those that are pending, at once.
///
/// **From Python:** `concurrent.futures.wait`. Positions stand in for the two sets.
///
/// # Examples
///
/// ```
/// use brigade::pool::{Pool, Until, wait};
/// use std::time::Duration;
///
/// let pool = Pool::new()?;
/// let squares: Vec<_> = (0..4).map(|n| pool.submit(move |_| n * n)).collect();
/// let waited = wait(&squares, Until::All, None);
/// assert_eq!((waited.done, waited.pending), (vec![0, 1, 2, 3], vec![]));
/// assert_eq!(wait(&squares, Until::First, Some(Duration::ZERO)).done.len(), 4);
/// # Ok::<(), brigade::pool::BuildError>(())
/// ```
#[doc(alias = "concurrent.futures.wait")]
pub fn wait<T>(futures: &[ScopedFuture<'_, T>], until: Until, limit: Option<Duration>) -> Waited {
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let watch = Watch::new();
    for (index, future) in futures.iter().enumerate() {
        if !future.work.shared().watch(&watch, index) {
            watch.tell(index);
        }
    }
    let mut left = futures.len();
    let mut helped = 0;
    while left > 0 {
        let Some(index) = watch.look().or_else(|| match deadline {
            Some(_) => watch.next(deadline),
            None if help(futures.iter().map(Some), &mut helped) => watch.look(),
            None => {
                let left = futures.iter().filter(|future| !future.is_done());
                let posted = waits::wait_for(left.map(|future| End::Job(future.work.id())));
                posted.ok().and_then(|_posted| watch.next(None))
            }
        }) else {
            break;
        };
        left -= 1;
        let failed = || futures[index].work.shared().has_failed();
        if until == Until::First || until == Until::FirstError && failed() {
            break;
        }
    }
    futures.iter().for_each(|future| future.work.shared().unwatch(&watch));
    let mut waited = Waited::default();
    for (index, future) in futures.iter().enumerate() {
        if future.is_done() { &mut waited.done } else { &mut waited.pending }.push(index);
    }
    waited
}

/// Runs the first future from `from` on that has not begun and may be run here.
pub(super) fn help<'a, 'env: 'a, T: 'a>(
    futures: impl Iterator<Item = Option<&'a ScopedFuture<'env, T>>>,
    from: &mut usize,
) -> bool {
    for future in futures.skip(*from) {
        *from += 1;
        if future.is_some_and(|future| future.work.help()) {
            return true;
        }
    }
    false
}

/// Gives these futures back one by one, each when it is done.
///
/// The order is that in which they are done; those that are already, come first. A job that waits
/// here runs those that have not begun, as [`ScopedFuture::result`] does. Futures that are not
/// taken go on, and can be had [back](Completed::into_rest).
///
/// **From Python:** `concurrent.futures.as_completed`. The same future cannot be given twice.
///
/// # Examples
///
/// ```
/// use brigade::pool::{Pool, as_completed};
///
/// let pool = Pool::new()?;
/// let squares = (1..=10).map(|n| pool.submit(move |_| n * n));
/// let mut sum = 0;
/// for square in as_completed(squares) {
///     sum += square.result()?; // never waits
/// }
/// assert_eq!(sum, 385);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "concurrent.futures.as_completed")]
pub fn as_completed<'env, T>(
    futures: impl IntoIterator<Item = ScopedFuture<'env, T>>,
) -> Completed<'env, T> {
    let watch = Watch::new();
    let futures: Vec<_> = futures.into_iter().map(Some).collect();
    for (index, future) in futures.iter().enumerate() {
        if let Some(future) = future
            && !future.work.shared().watch(&watch, index)
        {
            watch.tell(index);
        }
    }
    Completed { left: futures.len(), futures, watch, helped: 0 }
}

/// Futures in the order they are done: see [`as_completed`].
#[derive(Debug)]
#[must_use = "iterators do nothing until they are advanced"]
pub struct Completed<'env, T> {
    futures: Vec<Option<ScopedFuture<'env, T>>>,
    left: usize,
    helped: usize,
    watch: Arc<Watch>,
}

impl<'env, T> Completed<'env, T> {
    /// Waits for the next one at most so long; `None` if the time is over or none is left.
    ///
    /// [`len`](ExactSizeIterator::len) tells which. It does not run any.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pool::{Pool, as_completed};
    /// use std::time::Duration;
    ///
    /// let pool = Pool::new()?;
    /// let mut none = as_completed(Vec::<brigade::pool::Future<()>>::new());
    /// assert!(none.next_timeout(Duration::MAX).is_none());
    /// let mut one = as_completed([pool.submit(|_| 1)]);
    /// while one.next_timeout(Duration::from_millis(10)).is_none() {
    ///     assert_eq!(one.len(), 1);
    /// }
    /// # Ok::<(), brigade::pool::BuildError>(())
    /// ```
    pub fn next_timeout(&mut self, limit: Duration) -> Option<ScopedFuture<'env, T>> {
        match Instant::now().checked_add(limit) {
            Some(_) if self.left == 0 => None,
            Some(deadline) => loop {
                let index = self.watch.next(Some(deadline))?;
                if let Some(future) = self.take(index) {
                    return Some(future);
                }
            },
            None => self.next(),
        }
    }

    /// Gives back those that have not been taken, done or not, in the order they were given in.
    #[must_use]
    pub fn into_rest(self) -> Vec<ScopedFuture<'env, T>> {
        self.futures.into_iter().flatten().collect()
    }

    fn take(&mut self, index: usize) -> Option<ScopedFuture<'env, T>> {
        let taken = self.futures.get_mut(index)?.take();
        self.left -= usize::from(taken.is_some());
        taken
    }
}

impl<'env, T> Iterator for Completed<'env, T> {
    type Item = ScopedFuture<'env, T>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.left > 0 {
            let mut index = self.watch.look();
            if index.is_none() {
                if help(self.futures.iter().map(Option::as_ref), &mut self.helped) {
                    continue;
                }
                let left = self.futures.iter().flatten();
                index = match waits::wait_for(left.map(|future| End::Job(future.work.id()))) {
                    Ok(_posted) => self.watch.next(None),
                    // Its result says so.
                    Err(Knot) => self.futures.iter().position(Option::is_some),
                };
            }
            // One that was given back because of a cycle may be done by now.
            if let Some(future) = self.take(index?) {
                return Some(future);
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Completed<'_, T> {}
