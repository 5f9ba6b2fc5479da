//! How much an edge holds, and how much is on it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::ring::Places;

/// Who belongs to an edge, and how much it holds.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub(crate) capacity: usize,
    pub(crate) senders: usize,
    pub(crate) receivers: usize,
}

/// Where so much fits, a giver is woken when half of it is free: it then finds room for many items at once.
/// Where little fits, each place counts.
const LARGE: usize = 64;

impl Size {
    /// Room that is worth waking a giver for.
    pub(crate) fn welcome(self) -> usize {
        if self.capacity < LARGE { 1 } else { self.capacity / 2 }
    }
}

/// What an edge lets be seen of it while it works.
#[derive(Debug, Default)]
pub struct Gauge {
    len: AtomicUsize,
    high: AtomicUsize,
    /// Of an edge that counts itself.
    places: OnceLock<Arc<Places>>,
}

impl Gauge {
    pub(crate) fn len(&self) -> usize {
        match self.places.get() {
            Some(places) => places.len(),
            None => self.len.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn high(&self) -> usize {
        self.high.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn tell(&self, len: usize, high: usize) {
        self.len.store(len, Ordering::Relaxed);
        self.high.store(high, Ordering::Relaxed);
    }

    /// So many are here now.
    #[inline]
    pub(crate) fn reached(&self, len: usize) {
        if len > self.high.load(Ordering::Relaxed) {
            self.high.fetch_max(len, Ordering::Relaxed);
        }
    }

    pub(crate) fn watch(&self, places: &Arc<Places>) {
        // An edge is made once.
        let _ = self.places.set(Arc::clone(places));
    }
}
