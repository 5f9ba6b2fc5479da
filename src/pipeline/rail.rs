//! The edge where one thread gives: its ends meet only where one has to wait for the other.
//!
//! The items lie in a [ring](super::ring) that neither end locks; several takers share one end
//! behind a lock. Two rules keep it from standing still:
//!
//! 1. **Who sleeps has said so, and has looked once more.** A taker raises `hungry`, a giver raises
//!    `cramped`; then comes a heavy fence, then the look. The other end looks at the flag after
//!    each item or batch, behind a light fence, so one of the two sees the other.
//! 2. **What is written can be had.** The giver publishes in strides, for the sake of the caches; a
//!    taker that finds nothing published takes what is written before it sleeps. So the giver may
//!    go away, into an iterator that blocks, with any number of items unpublished.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::bell::{Bell, Switch};
use super::error::Failure;
use super::freight::{Numbered, Stop, Taken};
use super::gauge::{Gauge, Size};
use super::ring::{Head, Tail, ring};
use super::seat::Seat;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutant, Mutex, heavy_fence, light_fence, mutant, thread};

/// Turns given away before sleeping: to sleep and to be woken costs both sides more than that.
const YIELDS: u32 = if cfg!(any(brigade_loom, brigade_shuttle)) { 0 } else { 16 };

/// Turns in which a taker looks only at what is published: a giver that is at work publishes soon, and
/// looking at what it writes slows it down.
const SHY: u32 = 2;

/// The source publishes after so many items at the latest; a stage after each batch.
const STRIDE: usize = 64;

pub struct Rail<T> {
    switch: Arc<Switch>,
    index: usize,
    size: Size,
    stride: usize,
    gauge: Arc<Gauge>,
    /// A taker sleeps, or is about to.
    hungry: AtomicBool,
    /// The giver sleeps, or is about to.
    cramped: AtomicBool,
    /// There are no takers any more.
    deserted: AtomicBool,
    /// There is no giver any more.
    left: AtomicBool,
    /// The bell of the one who gives.
    giver: OnceLock<Arc<Bell>>,
    ends: Mutex<Ends<T>>,
}

struct Ends<T> {
    tail: Option<Tail<T>>,
    /// Where several take, or none.
    head: Option<Head<T>>,
    receivers: usize,
    /// The number that the next taker gets.
    next: u64,
    takers: VecDeque<Arc<Bell>>,
    failure: Option<Box<Failure>>,
}

/// Until when one may sleep, if the fence did not reach the others.
fn nap(fenced: bool) -> Option<Instant> {
    if fenced { None } else { Instant::now().checked_add(Duration::from_millis(10)) }
}

fn numbered<T>(number: u64, item: T) -> Numbered<T> {
    Numbered { number, item }
}

impl<T> Rail<T> {
    pub(super) fn new(index: usize, size: Size, switch: Arc<Switch>, gauge: Arc<Gauge>) -> Self {
        let (tail, head) = ring(size.capacity);
        gauge.watch(head.places());
        Self {
            switch,
            index,
            size,
            stride: (size.capacity / 4).clamp(1, STRIDE),
            gauge,
            hungry: AtomicBool::new(false),
            cramped: AtomicBool::new(false),
            deserted: AtomicBool::new(false),
            left: AtomicBool::new(false),
            giver: OnceLock::new(),
            ends: Mutex::new(Ends {
                tail: Some(tail),
                head: Some(head),
                receivers: size.receivers,
                next: 0,
                takers: VecDeque::new(),
                failure: None,
            }),
        }
    }

    /// The one end that gives.
    pub(super) fn giver(self: &Arc<Self>, seat: &Seat) -> Giver<T> {
        let _ = self.giver.set(Arc::clone(&seat.bell));
        let tail = self.ends.lock().tail.take();
        Giver { rail: Arc::clone(self), tail: tail.expect("an edge with one sender has one giver") }
    }

    pub(super) fn taker(self: &Arc<Self>) -> Taker<T> {
        let alone = self.size.receivers == 1;
        let head = if alone { self.ends.lock().head.take() } else { None };
        Taker { rail: Arc::clone(self), head }
    }

    #[inline]
    fn is_off(&self) -> bool {
        self.switch.is_off(self.index)
    }

    /// Wakes a taker, for items that it can find.
    #[cold]
    fn feed(&self) {
        let mut ends = self.ends.lock();
        let taker = ends.takers.pop_front();
        self.hungry.store(!ends.takers.is_empty(), Ordering::Relaxed);
        drop(ends);
        if let Some(bell) = taker {
            bell.ring();
        }
    }

    /// Takes `count` of the `there` items, and wakes the giver if it waits and enough is free.
    #[inline]
    fn hand_out(
        &self,
        head: &mut Head<T>,
        there: usize,
        count: usize,
        into: &mut impl Extend<Numbered<T>>,
    ) {
        self.gauge.reached(there);
        head.take(count, into, numbered);
        light_fence();
        if self.cramped.load(Ordering::Acquire) {
            self.make_way(head.written());
        }
    }

    #[cold]
    fn make_way(&self, left: usize) {
        let welcome = left == 0 || left + self.size.welcome() <= self.size.capacity;
        if !welcome || mutant(Mutant::PipelineRoomUnannounced) {
            return;
        }
        if self.cramped.swap(false, Ordering::Relaxed)
            && let Some(bell) = self.giver.get()
        {
            bell.ring();
        }
    }

    /// Nothing follows but the failure, if there is one.
    fn end(&self, failure: Option<Box<Failure>>) {
        let mut ends = self.ends.lock();
        let refused = match failure {
            Some(failure) if ends.receivers > 0 => ends.failure.replace(failure),
            failure => failure,
        };
        self.left.store(true, Ordering::Release);
        self.hungry.store(false, Ordering::Relaxed);
        let takers = mem::take(&mut ends.takers);
        drop(ends);
        if !mutant(Mutant::PipelineEndUnannounced) {
            takers.iter().for_each(|bell| bell.ring());
        }
        if let Some(failure) = refused {
            failure.discard();
        }
    }
}

/// The end that gives.
pub struct Giver<T> {
    rail: Arc<Rail<T>>,
    tail: Tail<T>,
}

impl<T> Giver<T> {
    #[inline]
    pub(super) fn give_one(&mut self, item: Numbered<T>, seat: &Seat) -> Result<(), Numbered<T>> {
        let rail = &*self.rail;
        if rail.deserted.load(Ordering::Relaxed) || rail.is_off() {
            return Err(item);
        }
        let Numbered { number, item } = item;
        if let Err(item) = self.tail.put(number, item) {
            return self.give_late(Numbered { number, item }, seat);
        }
        light_fence();
        if self.tail.unpublished() >= rail.stride || rail.hungry.load(Ordering::Relaxed) {
            self.publish();
        }
        Ok(())
    }

    #[cold]
    fn give_late(&mut self, item: Numbered<T>, seat: &Seat) -> Result<(), Numbered<T>> {
        if self.wait_for_room(seat).is_err() {
            return Err(item);
        }
        let Numbered { number, item } = item;
        self.tail.put(number, item).map_err(|item| Numbered { number, item })?;
        self.publish();
        Ok(())
    }

    pub(super) fn give(&mut self, items: &mut Vec<Numbered<T>>, seat: &Seat) -> Result<(), Stop> {
        if self.rail.deserted.load(Ordering::Relaxed) || self.rail.is_off() {
            return Err(Stop);
        }
        while !items.is_empty() {
            if self.tail.room() < items.len() && !self.tail.has_room() {
                self.wait_for_room(seat)?;
            }
            let fits = self.tail.room().min(items.len());
            self.tail.put_all(items.drain(..fits).map(|it| (it.number, it.item)));
        }
        self.publish();
        Ok(())
    }

    /// Shows all that was written, and wakes a taker if one sleeps.
    fn publish(&mut self) {
        self.tail.publish();
        light_fence();
        if self.rail.hungry.load(Ordering::Relaxed) && !mutant(Mutant::RailTakerUnfed) {
            self.rail.feed();
        }
    }

    fn wait_for_room(&mut self, seat: &Seat) -> Result<(), Stop> {
        self.publish();
        let rail = &*self.rail;
        rail.gauge.reached(self.tail.len());
        let waiting = seat.blocked();
        let mut turns = 0;
        loop {
            if rail.deserted.load(Ordering::Relaxed) || rail.is_off() {
                return Err(Stop);
            }
            if self.tail.has_room() {
                return Ok(());
            }
            if turns < YIELDS {
                turns += 1;
                thread::yield_now();
                continue;
            }
            // Release: who sees the flag sees all that was written.
            rail.cramped.store(true, Ordering::Release);
            let nap = nap(heavy_fence());
            if mutant(Mutant::RailGiverBlind) || !self.tail.has_room() {
                waiting.sleep(nap);
            }
            rail.cramped.store(false, Ordering::Relaxed);
        }
    }

    pub(super) fn fail(&mut self, failure: Box<Failure>) {
        self.tail.publish();
        self.rail.end(Some(failure));
    }

    pub(super) fn leave(mut self) -> Vec<Numbered<T>> {
        self.tail.publish();
        self.rail.end(None);
        let mut unwanted = Vec::new();
        let mut ends = self.rail.ends.lock();
        if ends.receivers == 0
            && let Some(head) = &mut ends.head
        {
            let count = head.written();
            self.rail.gauge.reached(count);
            head.take(count, &mut unwanted, numbered);
        }
        unwanted
    }
}

/// The end that takes, or a share in it.
pub struct Taker<T> {
    rail: Arc<Rail<T>>,
    /// Of one that is alone.
    head: Option<Head<T>>,
}

impl<T> Taker<T> {
    #[inline]
    pub(super) fn take(
        &mut self,
        into: &mut impl Extend<Numbered<T>>,
        most: usize,
        seat: &Seat,
        until: Option<Instant>,
    ) -> Taken {
        if let Some(head) = &mut self.head {
            if self.rail.is_off() {
                return Taken::Off;
            }
            let there = head.published();
            if there > 0 {
                self.rail.hand_out(head, there, most.min(there), into);
                // One alone needs no numbers: what it gives is in order anyway.
                return Taken::Items(0);
            }
        }
        self.take_late(into, most, seat, until)
    }

    fn take_late(
        &mut self,
        into: &mut impl Extend<Numbered<T>>,
        most: usize,
        seat: &Seat,
        until: Option<Instant>,
    ) -> Taken {
        let Self { rail, head: own } = self;
        let mut waiting = None;
        let mut turns = 0;
        let mut announced = false;
        loop {
            let mut ends = rail.ends.lock();
            if mem::take(&mut announced) {
                ends.takers.retain(|bell| !Arc::ptr_eq(bell, &seat.bell));
                rail.hungry.store(!ends.takers.is_empty(), Ordering::Relaxed);
            }
            if rail.is_off() {
                return Taken::Off;
            }
            let Ends { head, receivers, next, takers, failure, .. } = &mut *ends;
            let Some(head) = own.as_mut().or(head.as_mut()) else { return Taken::Off };
            let left = rail.left.load(Ordering::Acquire);
            let there = if turns < SHY && !left { head.published() } else { head.written() };
            if there > 0 {
                let share = most.min(there.div_ceil((*receivers).max(1)));
                let number = *next;
                *next += 1;
                rail.hand_out(head, there, share, into);
                let other = if there > share { takers.pop_front() } else { None };
                if other.is_some() {
                    rail.hungry.store(!takers.is_empty(), Ordering::Relaxed);
                }
                drop(ends);
                if let Some(bell) = other {
                    bell.ring();
                }
                return Taken::Items(number);
            }
            if left {
                let Some(failure) = failure.take() else { return Taken::Ended };
                let number = *next;
                *next += 1;
                return Taken::Failed(number, failure);
            }
            if until.is_some_and(|at| at <= Instant::now()) {
                return Taken::Late;
            }
            let waiting = waiting.get_or_insert_with(|| seat.starved());
            if turns < YIELDS {
                turns += 1;
                drop(ends);
                thread::yield_now();
                continue;
            }
            takers.push_back(Arc::clone(&seat.bell));
            announced = true;
            turns = turns.max(SHY);
            rail.hungry.store(true, Ordering::Relaxed);
            let nap = nap(heavy_fence());
            let there = match () {
                () if mutant(Mutant::RailTakerBlind) => 0,
                () if mutant(Mutant::RailTakerShy) => head.published(),
                () => head.written(),
            };
            if there > 0 {
                continue;
            }
            drop(ends);
            waiting.sleep(until.into_iter().chain(nap).min());
        }
    }

    pub(super) fn desert(&mut self) -> Vec<Numbered<T>> {
        let rail = &*self.rail;
        let mut ends = rail.ends.lock();
        if let Some(head) = self.head.take() {
            ends.head = Some(head);
        }
        ends.receivers -= 1;
        if ends.receivers > 0 {
            return Vec::new();
        }
        rail.deserted.store(true, Ordering::Relaxed);
        let mut unwanted = Vec::new();
        if let Some(head) = &mut ends.head {
            let count = head.written();
            rail.gauge.reached(count);
            head.take(count, &mut unwanted, numbered);
        }
        let failure = ends.failure.take();
        drop(ends);
        if let Some(bell) = rail.giver.get()
            && !mutant(Mutant::RailDesertedUntold)
        {
            bell.ring();
        }
        if let Some(failure) = failure {
            failure.discard();
        }
        unwanted
    }
}

impl<T> fmt::Debug for Rail<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rail").field("size", &self.size).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Giver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Giver").field("rail", &self.rail).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Taker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taker").field("rail", &self.rail).finish_non_exhaustive()
    }
}
