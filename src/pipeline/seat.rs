//! What one thread of a pipeline brings along: its bell, its counters, and the run it belongs to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::bell::Bell;
use super::control::Core;

/// A thread's own place. Nobody else writes its counters.
#[derive(Debug, Clone)]
pub struct Seat {
    pub(crate) bell: Arc<Bell>,
    pub(crate) post: Arc<Post>,
    pub(crate) core: Arc<Core>,
}

impl Seat {
    pub(crate) fn new(core: &Arc<Core>, post: &Arc<Post>) -> Self {
        let bell = core.switch.bell();
        Self { bell, post: Arc::clone(post), core: Arc::clone(core) }
    }

    /// The owner waits for items from here on.
    #[cold]
    pub(crate) fn starved(&self) -> Waiting<'_> {
        Waiting::new(self, &self.post.starved)
    }

    /// The owner waits for room from here on.
    #[cold]
    pub(crate) fn blocked(&self) -> Waiting<'_> {
        Waiting::new(self, &self.post.blocked)
    }
}

/// A wait, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    seat: &'a Seat,
    spent: &'a Span,
}

impl<'a> Waiting<'a> {
    fn new(seat: &'a Seat, spent: &'a Span) -> Self {
        if seat.core.timed() {
            spent.begin(seat.core.now());
        }
        Self { seat, spent }
    }

    /// Blocks until the bell was rung, or `until`, or until the run has no more time.
    pub(crate) fn sleep(&self, until: Option<Instant>) {
        self.until(until, Bell::sleep);
    }

    /// The same for a partner that may be quick.
    pub(crate) fn wait(&self, until: Option<Instant>) {
        self.until(until, Bell::wait);
    }

    fn until(&self, until: Option<Instant>, wait: impl FnOnce(&Bell, Option<Instant>)) {
        let core = &self.seat.core;
        let limit = core.deadline();
        let until = match (until, limit) {
            (Some(until), Some(limit)) => Some(until.min(limit)),
            (until, limit) => until.or(limit),
        };
        wait(&self.seat.bell, until);
        if limit.is_some_and(|limit| limit <= Instant::now()) {
            core.expire();
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.seat.core.timed() {
            self.spent.end(self.seat.core.now());
        }
    }
}

/// The number that says "no item".
const NO_ITEM: u64 = u64::MAX;

fn numbered(item: u64) -> Option<u64> {
    (item != NO_ITEM).then_some(item)
}

/// One thread's counters, apart from those of others.
#[derive(Debug)]
#[repr(align(128))]
pub struct Post {
    /// The item in hand.
    item: AtomicU64,
    /// The one before, as far as it was kept.
    last: AtomicU64,
    pub(crate) taken: Count,
    pub(crate) given: Count,
    pub(crate) failed: Count,
    pub(crate) starved: Span,
    pub(crate) blocked: Span,
    pub(crate) alive: Span,
    pub(crate) service: Service,
}

impl Post {
    pub(crate) fn new() -> Self {
        Self {
            item: AtomicU64::new(NO_ITEM),
            last: AtomicU64::new(NO_ITEM),
            taken: Count::default(),
            given: Count::default(),
            failed: Count::default(),
            starved: Span::default(),
            blocked: Span::default(),
            alive: Span::default(),
            service: Service::default(),
        }
    }

    #[inline]
    pub(crate) fn at(&self, item: u64) {
        self.item.store(item, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn item(&self) -> Option<u64> {
        numbered(self.item.load(Ordering::Relaxed))
    }

    /// No item is in hand any more.
    #[inline]
    pub(crate) fn rest(&self) {
        self.at(NO_ITEM);
    }

    /// The same, for who is to be told what it was.
    pub(crate) fn lay_down(&self) {
        if let Some(item) = self.item() {
            self.last.store(item, Ordering::Relaxed);
        }
        self.rest();
    }

    /// The item in hand, or the last that was laid down.
    pub(crate) fn latest(&self) -> Option<u64> {
        self.item().or_else(|| numbered(self.last.load(Ordering::Relaxed)))
    }

    /// The item that code of the user is working on, as far as one can see from outside.
    pub(crate) fn busy_with(&self) -> Option<u64> {
        self.item().filter(|_| !self.starved.runs() && !self.blocked.runs())
    }
}

/// A counter with one writer.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    #[inline]
    pub(crate) fn add(&self, more: u64) {
        self.0.store(self.get() + more, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Time in nanoseconds that adds up piece by piece, with one writer.
#[derive(Debug, Default)]
pub(crate) struct Span {
    total: AtomicU64,
    /// One more than the beginning of the piece that runs; zero if none does.
    since: AtomicU64,
}

impl Span {
    pub(crate) fn begin(&self, now: u64) {
        self.since.store(now + 1, Ordering::Relaxed);
    }

    pub(crate) fn end(&self, now: u64) {
        let since = self.since.swap(0, Ordering::Relaxed);
        if since > 0 {
            let total = self.total.load(Ordering::Relaxed);
            self.total.store(total + now.saturating_sub(since - 1), Ordering::Relaxed);
        }
    }

    pub(crate) fn runs(&self) -> bool {
        self.since.load(Ordering::Relaxed) > 0
    }

    /// How much it is at `now`.
    pub(crate) fn get(&self, now: u64) -> u64 {
        let since = self.since.load(Ordering::Relaxed);
        let running = if since > 0 { now.saturating_sub(since - 1) } else { 0 };
        self.total.load(Ordering::Relaxed) + running
    }
}

/// How long an item takes, in powers of two of a nanosecond; sampled.
#[derive(Debug)]
pub(crate) struct Service {
    buckets: [AtomicU64; BUCKETS],
    items: AtomicU64,
    nanos: AtomicU64,
}

pub(crate) const BUCKETS: usize = 40;

impl Default for Service {
    fn default() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            items: AtomicU64::new(0),
            nanos: AtomicU64::new(0),
        }
    }
}

impl Service {
    /// `items` took so long together.
    pub(crate) fn record(&self, items: u64, took: u64) {
        let each = took / items.max(1);
        let bucket = ((u64::BITS - each.leading_zeros()) as usize).min(BUCKETS - 1);
        let add = |to: &AtomicU64, more: u64| {
            to.store(to.load(Ordering::Relaxed) + more, Ordering::Relaxed);
        };
        add(&self.buckets[bucket], items);
        add(&self.items, items);
        add(&self.nanos, took);
    }

    pub(crate) fn read(&self) -> ([u64; BUCKETS], u64, Duration) {
        let mut buckets = [0; BUCKETS];
        for (read, bucket) in buckets.iter_mut().zip(&self.buckets) {
            *read = bucket.load(Ordering::Relaxed);
        }
        let nanos = Duration::from_nanos(self.nanos.load(Ordering::Relaxed));
        (buckets, self.items.load(Ordering::Relaxed), nanos)
    }
}
