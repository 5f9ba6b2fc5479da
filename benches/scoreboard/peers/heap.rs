//! `Mutex<BinaryHeap>` and a writer thread, bounded, made correct in two ways.
//!
//! [`claimed`] gets our cut: producers claim their stamp before they take the lock, and the writer
//! proposes, looks at the claims, and takes what is below the cut. [`locked`] is the simplest
//! correct equivalent: the stamp is drawn while the lock is held and made to rise strictly, so
//! whatever is in the heap is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use brigade::clock::{Clock, MonotonicClock};
use crossbeam_utils::CachePadded;

use crate::Outcome;
use crate::sink::load::{BUSY, CAPACITY, Chunks, Lines, Load, TICK};

const FREE: u64 = u64::MAX;

/// In the total order; the values of a producer rise, so they stand for its sequence numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    stamp: u64,
    producer: u32,
    value: u64,
}

#[derive(Debug)]
struct Heap {
    entries: Mutex<BinaryHeap<Reverse<Entry>>>,
    room: Condvar,
    capacity: usize,
    /// Places taken, those of pushes on their way included.
    taken: CachePadded<AtomicUsize>,
    proposed: CachePadded<AtomicU64>,
    claims: Vec<CachePadded<AtomicU64>>,
    closed: AtomicBool,
    clock: MonotonicClock,
}

impl Heap {
    fn new(load: &Load) -> Self {
        let capacity = load.producers * CAPACITY;
        Self {
            entries: Mutex::new(BinaryHeap::with_capacity(capacity)),
            room: Condvar::new(),
            capacity,
            taken: CachePadded::default(),
            proposed: CachePadded::default(),
            claims: (0..load.producers).map(|_| CachePadded::new(AtomicU64::new(FREE))).collect(),
            closed: AtomicBool::new(false),
            clock: MonotonicClock::new(),
        }
    }

    fn entries(&self) -> MutexGuard<'_, BinaryHeap<Reverse<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.clock.now().as_nanos()
    }

    /// Takes a place, before the claim: nobody may wait while holding one.
    fn reserve(&self) {
        while self.taken.fetch_add(1, Ordering::Relaxed) >= self.capacity {
            self.taken.fetch_sub(1, Ordering::Relaxed);
            let mut entries = self.entries();
            while self.taken.load(Ordering::Relaxed) >= self.capacity {
                entries = self.room.wait(entries).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn push_claimed(&self, producer: u32, last: &mut u64, value: u64) {
        self.reserve();
        let claim = &self.claims[producer as usize];
        let mut stamp = self.now().max(*last);
        loop {
            claim.store(stamp, Ordering::Release);
            fence(Ordering::SeqCst);
            let cut = self.proposed.load(Ordering::Relaxed);
            if cut <= stamp {
                break;
            }
            stamp = self.now().max(cut);
        }
        self.entries().push(Reverse(Entry { stamp, producer, value }));
        claim.store(FREE, Ordering::Release);
        *last = stamp;
    }

    /// Takes everything below the cut, in order; false at the end.
    fn take_claimed(&self, due: &mut Vec<Entry>) -> bool {
        let open = !self.closed.load(Ordering::Acquire);
        let mut cut = if open { self.now() } else { FREE };
        self.proposed.store(cut, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        for claim in &self.claims {
            cut = cut.min(claim.load(Ordering::Acquire));
        }
        let mut entries = self.entries();
        while let Some(next) = entries.peek()
            && next.0.stamp < cut
        {
            due.extend(entries.pop().map(|next| next.0));
        }
        self.taken.fetch_sub(due.len(), Ordering::Relaxed);
        drop(entries);
        self.room.notify_all();
        open
    }

    fn push_locked(&self, producer: u32, value: u64) {
        let mut entries = self.entries();
        while entries.len() >= self.capacity {
            entries = self.room.wait(entries).unwrap_or_else(PoisonError::into_inner);
        }
        let stamp = self.now().max(self.proposed.load(Ordering::Relaxed) + 1);
        self.proposed.store(stamp, Ordering::Relaxed);
        entries.push(Reverse(Entry { stamp, producer, value }));
    }

    fn take_locked(&self, due: &mut Vec<Entry>) -> bool {
        let open = !self.closed.load(Ordering::Acquire);
        let mut entries = self.entries();
        while let Some(next) = entries.pop() {
            due.push(next.0);
        }
        drop(entries);
        self.room.notify_all();
        open
    }

    fn write(
        &self,
        load: &Load,
        mut file: Chunks,
        take: fn(&Self, &mut Vec<Entry>) -> bool,
    ) -> std::io::Result<()> {
        let mut lines = Lines::new(load);
        let mut due = Vec::new();
        loop {
            let open = take(self, &mut due);
            for entry in &due {
                lines.append(entry.stamp, entry.producer, entry.value, &mut file.pending);
                file.write_if_full()?;
            }
            file.write()?;
            if !open {
                return Ok(());
            }
            if due.len() < BUSY {
                std::thread::park_timeout(TICK);
            }
            due.clear();
        }
    }
}

/// With our cut.
pub(crate) fn claimed(load: &Load, path: &Path) -> Outcome<Duration> {
    run(load, path, Heap::take_claimed, |heap, id, values| {
        let mut last = 0;
        values.for_each(|value| heap.push_claimed(id, &mut last, value));
    })
}

/// With stamps drawn under the lock.
pub(crate) fn locked(load: &Load, path: &Path) -> Outcome<Duration> {
    run(load, path, Heap::take_locked, |heap, id, values| {
        values.for_each(|value| heap.push_locked(id, value));
    })
}

fn run(
    load: &Load,
    path: &Path,
    take: fn(&Heap, &mut Vec<Entry>) -> bool,
    produce: fn(&Heap, u32, std::ops::Range<u64>),
) -> Outcome<Duration> {
    let heap = Heap::new(load);
    let file = Chunks::create(path)?;
    std::thread::scope(|threads| {
        let writer = threads.spawn(|| heap.write(load, file, take));
        let ids = (0..).take(load.producers).collect();
        let produce = |id, values| produce(&heap, id, values);
        let finish = || {
            heap.closed.store(true, Ordering::Release);
            writer.thread().unpark();
            match writer.join() {
                Ok(written) => Ok(written?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        };
        Ok(load.drive(ids, produce, finish)?.0)
    })
}
