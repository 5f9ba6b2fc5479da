//! Claims and cuts: the protocol that turns many producers into one order.
//!
//! A producer publishes a *claim* on a stamp before the stamp counts, so the writer knows what is
//! still on its way instead of waiting and hoping. The numbers in the code are the steps of the
//! module documentation of [`sink`](crate::sink). The reason it is right is in the design essay
//! on the ordered sink: two `SeqCst` fences make the claim and the proposal a Dekker pair.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::ring::{Head, Run, Tail, ring};
use super::signal::Signal;
use super::slice::Slices;
use crate::clock::Stamp;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};
use crate::sync::{Mutant, Mutex, mutant, preempt, thread};

/// A claim that claims nothing; as a logical promise: no record will come until further notice.
pub(crate) const FREE: u64 = u64::MAX;

/// A proposal that ends the sink.
pub(crate) const CLOSED: u64 = u64::MAX - 1;

/// How deep the writer rests: not at all, for a tick, or until it is woken.
pub(crate) const AWAKE: u8 = 0;
pub(crate) const DOZING: u8 = 1;
pub(crate) const IDLE: u8 = 2;

#[derive(Debug)]
pub(crate) struct Stamped<T> {
    pub(crate) stamp: u64,
    pub(crate) value: T,
}

/// What every push reads and only the writer writes, on a line of its own.
#[derive(Debug)]
struct Line {
    proposed: AtomicU64,
    rest: AtomicU8,
}

#[derive(Debug)]
pub(crate) struct Frontier<T> {
    line: CachePadded<Line>,
    generation: AtomicU64,
    registry: Mutex<Registry<T>>,
    pub(crate) wake: Signal,
}

#[derive(Debug)]
struct Registry<T> {
    arrivals: Vec<Lane<T>>,
    names: HashSet<Arc<str>>,
    vacant: BTreeSet<u32>,
    next: u32,
    closed: bool,
}

/// One producer, as the writer sees it across the fence.
#[derive(Debug)]
pub(crate) struct Slot {
    claim: CachePadded<AtomicU64>,
    /// Logical time only: all later stamps of this producer are at least this.
    low: AtomicU64,
    left: AtomicBool,
    pub(crate) waiting: AtomicBool,
    pub(crate) space: Signal,
    pub(crate) counters: Counters,
}

/// Counts of what the producer was told; written by it alone.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) late: Count,
    pub(crate) ahead: Count,
    pub(crate) full: Count,
    pub(crate) timed_out: Count,
    pub(crate) dropped: Count,
    pub(crate) invalid: Count,
    pub(crate) restamped: Count,
    pub(crate) clamped: Count,
}

/// A statistic outside the protocol, so outside the models too.
#[derive(Debug, Default)]
pub(crate) struct Count(std::sync::atomic::AtomicU64);

impl Count {
    pub(crate) fn add(&self, by: u64) {
        self.0.fetch_add(by, std::sync::atomic::Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// Why a claim was not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The writer has proposed this cut, past the stamp that was asked for.
    Behind(u64),
    Closed,
}

/// A granted claim: the stamp, and how deep the writer rests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) stamp: u64,
    pub(crate) rest: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    NameTaken,
    Closed,
    Full,
}

fn weakened(variant: Mutant, shipped: Ordering) -> Ordering {
    if mutant(variant) { Ordering::Relaxed } else { shipped }
}

impl<T> Frontier<T> {
    /// Starts with the cut at `floor`: no record will be stamped below it.
    pub(crate) fn new(floor: u64) -> Arc<Self> {
        Arc::new(Self {
            line: CachePadded::new(Line {
                proposed: AtomicU64::new(floor),
                rest: AtomicU8::new(AWAKE),
            }),
            generation: AtomicU64::new(0),
            registry: Mutex::new(Registry {
                arrivals: Vec::new(),
                names: HashSet::new(),
                vacant: BTreeSet::new(),
                next: 0,
                closed: false,
            }),
            wake: Signal::new(),
        })
    }

    /// Adds a producer. Its first push runs the same handshake as every other.
    pub(crate) fn join(
        self: &Arc<Self>,
        name: &str,
        capacity: usize,
    ) -> Result<Port<T>, NotAdmitted> {
        let mut registry = self.registry.lock();
        if registry.closed {
            return Err(NotAdmitted::Closed);
        }
        if registry.names.contains(name) {
            return Err(NotAdmitted::NameTaken);
        }
        let id = match registry.vacant.pop_first() {
            Some(id) => id,
            None => {
                let id = registry.next;
                registry.next = id.checked_add(1).ok_or(NotAdmitted::Full)?;
                id
            }
        };
        let name: Arc<str> = name.into();
        registry.names.insert(Arc::clone(&name));
        // Proposals of logical time are made under this lock, so the promise is never behind one.
        let low = self.line.proposed.load(Ordering::Relaxed);
        let slot = Arc::new(Slot {
            claim: CachePadded::new(AtomicU64::new(FREE)),
            low: AtomicU64::new(low),
            left: AtomicBool::new(false),
            waiting: AtomicBool::new(false),
            space: Signal::new(),
            counters: Counters::default(),
        });
        let (tail, head) = ring(capacity);
        registry.arrivals.push(Lane {
            id,
            name: Arc::clone(&name),
            slot: Arc::clone(&slot),
            head,
            snapshot: 0,
            front: None,
            leaving: false,
            taken: 0,
            latest: 0,
            fresh: 0,
            promise: (low, Instant::now()),
            high_water: 0,
        });
        self.generation.fetch_add(1, Ordering::Release);
        let half = (capacity / 2).max(1);
        Ok(Port {
            frontier: Arc::clone(self),
            slot,
            tail,
            // The cut behind the last stamp there is is no stamp any more.
            last: low.min(Stamp::MAX.as_nanos()),
            low,
            half,
            since_nudge: 0,
            id,
            name,
        })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.line.proposed.load(Ordering::Relaxed) == CLOSED
    }

    /// The latest proposal: no record to come is stamped below it.
    pub(crate) fn proposed(&self) -> u64 {
        self.line.proposed.load(Ordering::Relaxed)
    }

    fn rouse(&self) {
        if self.line.rest.swap(AWAKE, Ordering::AcqRel) != AWAKE {
            self.wake.raise();
        }
    }
}

/// The producer's end of the protocol.
#[derive(Debug)]
pub(crate) struct Port<T> {
    pub(crate) frontier: Arc<Frontier<T>>,
    pub(crate) slot: Arc<Slot>,
    tail: Tail<Stamped<T>>,
    /// Stamps of sink-assigned time never fall below this.
    pub(crate) last: u64,
    /// What `slot.low` holds, to be read without sharing; the promise of logical time.
    pub(crate) low: u64,
    half: usize,
    since_nudge: usize,
    pub(crate) id: u32,
    pub(crate) name: Arc<str>,
}

impl<T> Port<T> {
    /// Publishes one record. The caller has made sure of room (step 0), so that no claim is ever
    /// held by somebody who waits. `restamp` answers a cut beyond the stamp: a later stamp, or
    /// nothing, which refuses the record.
    #[inline]
    pub(crate) fn offer(
        &mut self,
        stamp: u64,
        value: T,
        restamp: impl FnMut(u64) -> Option<u64>,
    ) -> Result<u64, (Refused, T)> {
        if mutant(Mutant::NoClaim) {
            let _ = self.tail.push(Stamped { stamp, value });
            self.last = stamp;
            return Ok(stamp);
        }
        let held = match self.claim(stamp, restamp) {
            Ok(held) => held,
            Err(refused) => return Err((refused, value)),
        };
        preempt();
        // 3
        let pushed = self.tail.push(Stamped { stamp: held.stamp, value });
        debug_assert!(pushed.is_ok(), "the caller has checked the room");
        preempt();
        self.release(held, 1);
        Ok(held.stamp)
    }

    /// Publishes records as one: one claim, one stamp, and the writer sees all or none.
    pub(crate) fn offer_all(
        &mut self,
        stamp: u64,
        values: impl ExactSizeIterator<Item = T>,
        mut restamp: impl FnMut(u64) -> Option<u64>,
    ) -> Result<u64, Refused> {
        if mutant(Mutant::BatchPieceByPiece) {
            let offer = |stamp, value| self.offer(stamp, value, &mut restamp).map_err(|(r, _)| r);
            return values.into_iter().try_fold(stamp, offer);
        }
        let held = self.claim(stamp, restamp)?;
        let count = values.len();
        let stamp = held.stamp;
        preempt();
        self.tail.push_all(values.map(|value| Stamped { stamp, value }));
        preempt();
        self.release(held, count);
        Ok(stamp)
    }

    /// Publishes records that bring their own stamps under one claim on the least of them.
    pub(crate) fn offer_stamped(
        &mut self,
        least: u64,
        records: impl ExactSizeIterator<Item = Stamped<T>>,
    ) -> Result<(), Refused> {
        let held = self.claim(least, |_| None)?;
        let count = records.len();
        self.tail.push_all(records);
        self.release(held, count);
        Ok(())
    }

    /// Step 2: claim, fence, look at the proposal, claim again if the writer has cut past us.
    #[inline]
    fn claim(
        &mut self,
        mut stamp: u64,
        mut restamp: impl FnMut(u64) -> Option<u64>,
    ) -> Result<Held, Refused> {
        let line = &self.frontier.line;
        loop {
            preempt();
            let early = mutant(Mutant::IdleBeforeClaim).then(|| line.rest.load(Ordering::Relaxed));
            self.slot.claim.store(stamp, weakened(Mutant::ClaimRelaxed, Ordering::Release));
            if !mutant(Mutant::NoProducerFence) {
                fence(Ordering::SeqCst);
            }
            preempt();
            let cut = line.proposed.load(Ordering::Relaxed);
            // Read behind the same fence: either the writer's last look before it rests sees
            // this claim, or this look sees that it rests.
            let rest = early.unwrap_or_else(|| line.rest.load(Ordering::Relaxed));
            if cut == CLOSED && !mutant(Mutant::CloseUnchecked) {
                self.slot.claim.store(FREE, Ordering::Release);
                return Err(Refused::Closed);
            }
            if cut <= stamp || mutant(Mutant::NoRecheck) {
                return Ok(Held { stamp, rest });
            }
            // Freed first: `restamp` may run a clock that panics.
            self.slot.claim.store(FREE, Ordering::Release);
            match restamp(cut) {
                Some(later) => stamp = later.max(cut),
                None => return Err(Refused::Behind(cut)),
            }
        }
    }

    /// Step 4: free the claim, and wake a writer that rests.
    #[inline]
    fn release(&mut self, held: Held, count: usize) {
        self.slot.claim.store(FREE, weakened(Mutant::FreeRelaxed, Ordering::Release));
        self.last = held.stamp;
        self.since_nudge += count;
        if held.rest == IDLE || self.since_nudge >= self.half {
            self.nudge(held.rest);
        }
    }

    #[cold]
    fn nudge(&mut self, rest: u8) {
        if rest == IDLE {
            self.frontier.rouse();
        }
        if self.since_nudge >= self.half {
            self.since_nudge = 0;
            if rest == DOZING && self.tail.room() <= self.half {
                self.frontier.rouse();
            }
        }
    }

    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.tail.is_full()
    }

    pub(crate) fn room(&self) -> usize {
        self.tail.room()
    }

    /// Announces that this producer waits for room; true if it still has to.
    pub(crate) fn must_wait(&self) -> bool {
        self.slot.waiting.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if !mutant(Mutant::SpaceUnchecked) && (!self.tail.is_full() || self.frontier.is_closed()) {
            self.slot.waiting.store(false, Ordering::Relaxed);
            return false;
        }
        self.frontier.wake.raise();
        true
    }

    /// Takes the announcement back, because this producer gives up.
    pub(crate) fn stop_waiting(&self) {
        self.slot.waiting.store(false, Ordering::Relaxed);
    }

    /// Logical time: promises that all later stamps are at least `low`, or, with [`FREE`], that
    /// none comes until the promise is renewed.
    pub(crate) fn promise(&mut self, low: u64) {
        self.low = low;
        self.slot.low.store(low, Ordering::Release);
    }

    /// Logical time: renews the promise after a pause. Refused if the frontier is past `low`.
    pub(crate) fn resume(&mut self, low: u64) -> Result<(), Refused> {
        let frontier = Arc::clone(&self.frontier);
        let _proposals_stand_still =
            (!mutant(Mutant::ResumeUnlocked)).then(|| frontier.registry.lock());
        match frontier.line.proposed.load(Ordering::Relaxed) {
            CLOSED => Err(Refused::Closed),
            cut if cut > low => Err(Refused::Behind(cut)),
            _ => {
                self.promise(low);
                Ok(())
            }
        }
    }

    /// Wakes the writer because the promise moved, which no claim tells it.
    pub(crate) fn moved(&self) {
        if !mutant(Mutant::MovedUnfenced) {
            fence(Ordering::SeqCst);
        }
        if self.frontier.line.rest.load(Ordering::Relaxed) == IDLE {
            self.frontier.rouse();
        }
    }
}

impl<T> Drop for Port<T> {
    fn drop(&mut self) {
        self.slot.low.store(FREE, Ordering::Release);
        self.slot.left.store(true, Ordering::Release);
        self.moved();
    }
}

/// The writer's end of one producer.
#[derive(Debug)]
pub(crate) struct Lane<T> {
    pub(crate) id: u32,
    pub(crate) name: Arc<str>,
    pub(crate) slot: Arc<Slot>,
    head: Head<Stamped<T>>,
    snapshot: usize,
    /// The stamp of the first record in the ring, if it has been looked at.
    front: Option<u64>,
    leaving: bool,
    /// Records taken out of the ring: the sequence number of the next one.
    pub(crate) taken: u64,
    /// Greatest stamp taken; the lane stays until everything up to there is written.
    latest: u64,
    /// Records taken since the last look.
    fresh: usize,
    /// The promise at the last look, and since when it is this one.
    promise: (u64, Instant),
    pub(crate) high_water: usize,
}

impl<T> Lane<T> {
    pub(crate) fn backlog(&self) -> usize {
        self.snapshot
    }

    /// Whether the promise has stood for longer than `patience` while nothing kept the producer
    /// from renewing it.
    fn is_silent(&mut self, low: u64, patience: Duration) -> bool {
        if low != self.promise.0 || self.slot.waiting.load(Ordering::Relaxed) {
            self.promise = (low, Instant::now());
        }
        self.promise.1.elapsed() > patience
    }
}

/// What one look at all producers found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scan {
    /// Every record stamped below it is in a snapshot.
    pub(crate) cut: u64,
    /// Records in the snapshots.
    pub(crate) found: usize,
    /// The least stamp that leads a snapshot.
    pub(crate) first: u64,
    /// Whether the cut was made earlier than it had to be, for a part of what is due to come first.
    pub(crate) partial: bool,
    /// Whether some producer was inside a push.
    pub(crate) claimed: bool,
    /// Whether some producer has left and is still to be let go.
    pub(crate) leaving: bool,
    /// Who kept the cut below the proposal.
    pub(crate) held_by: Option<u32>,
}

impl Scan {
    fn of_nothing(cut: u64) -> Self {
        Self {
            cut,
            found: 0,
            first: u64::MAX,
            partial: false,
            claimed: false,
            leaving: false,
            held_by: None,
        }
    }
}

/// The writer's end of the protocol: rounds of propose, look, drain.
#[derive(Debug)]
pub(crate) struct Rounds<T> {
    frontier: Arc<Frontier<T>>,
    /// By producer id, which is the order of ties.
    lanes: Vec<Option<Lane<T>>>,
    generation: u64,
    proposal: u64,
    cut: u64,
    joined: Vec<u32>,
}

impl<T> Rounds<T> {
    pub(crate) fn new(frontier: Arc<Frontier<T>>) -> Self {
        let floor = frontier.proposed();
        Self {
            frontier,
            lanes: Vec::new(),
            generation: 0,
            proposal: floor,
            cut: floor,
            joined: Vec::new(),
        }
    }

    pub(crate) fn cut(&self) -> u64 {
        self.cut
    }

    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Lane<T>> {
        self.lanes.iter().flatten()
    }

    pub(crate) fn lane(&self, id: u32) -> Option<&Lane<T>> {
        self.lanes.get(id as usize)?.as_ref()
    }

    /// Ids of the producers admitted since the last call.
    pub(crate) fn take_joined(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.joined)
    }

    /// The stamp after the latest one in any ring: a cut there makes all of them due.
    pub(crate) fn past_all(&mut self) -> u64 {
        self.admit();
        self.past_rings()
    }

    fn past_rings(&mut self) -> u64 {
        let mut past = self.cut;
        for lane in self.lanes.iter_mut().flatten() {
            let len = lane.head.len();
            if len > 0 {
                let last = lane.head.peek(len - 1, |record| record.stamp).unwrap_or(0);
                past = past.max(last.saturating_add(1));
            }
        }
        past
    }

    /// Steps 5 to 7 with `proposal` as the cut to aim for.
    pub(crate) fn scan(&mut self, proposal: u64) -> Scan {
        if mutant(Mutant::RegistryBeforeProposal) {
            self.admit();
        }
        self.propose(proposal);
        if !mutant(Mutant::NoWriterFence) {
            fence(Ordering::SeqCst);
        }
        if !mutant(Mutant::RegistryBeforeProposal) {
            self.admit();
        }
        self.look()
    }

    /// The same for logical time: the proposal is the least promise, read and made under the
    /// lock that joins and resumes take. A producer silent for longer than `patience` is passed
    /// over.
    pub(crate) fn scan_promises(&mut self, patience: Option<Duration>) -> Scan {
        let frontier = Arc::clone(&self.frontier);
        let mut slowest = None;
        {
            let mut registry = frontier.registry.lock();
            self.take_arrivals(&mut registry);
            let mut least = FREE;
            for lane in self.lanes.iter_mut().flatten() {
                let low = lane.slot.low.load(Ordering::Acquire);
                if patience.is_some_and(|patience| lane.is_silent(low, patience)) {
                    continue;
                }
                if low < least {
                    least = low;
                    slowest = Some(lane.id);
                }
            }
            let proposal = if least == FREE { self.past_rings() } else { least };
            self.propose(proposal);
        }
        fence(Ordering::SeqCst);
        let scan = self.look();
        Scan { held_by: scan.held_by.or(slowest), ..scan }
    }

    /// Step 5, without its fence.
    fn propose(&mut self, proposal: u64) {
        self.proposal = self.proposal.max(proposal.min(CLOSED - 1));
        self.frontier.line.proposed.store(self.proposal, Ordering::Relaxed);
        preempt();
    }

    /// Step 6.
    fn admit(&mut self) {
        let generation = self.frontier.generation.load(Ordering::Acquire);
        if generation != self.generation {
            let frontier = Arc::clone(&self.frontier);
            self.take_arrivals(&mut frontier.registry.lock());
        }
    }

    fn take_arrivals(&mut self, registry: &mut Registry<T>) {
        // Arrivals and the count change under one lock, so this is the count of what is taken.
        self.generation = self.frontier.generation.load(Ordering::Acquire);
        for lane in registry.arrivals.drain(..) {
            let at = lane.id as usize;
            if self.lanes.len() <= at {
                self.lanes.resize_with(at + 1, || None);
            }
            self.joined.push(lane.id);
            self.lanes[at] = Some(lane);
        }
    }

    /// Step 7: the claim first, then the tail.
    fn look(&mut self) -> Scan {
        let mut cut = self.proposal;
        let mut scan = Scan::of_nothing(cut);
        for lane in self.lanes.iter_mut().flatten() {
            lane.fresh = 0;
            lane.leaving = lane.slot.left.load(Ordering::Acquire);
            let early = if mutant(Mutant::TailBeforeClaim) { lane.head.len() } else { 0 };
            let claim = lane.slot.claim.load(Ordering::Acquire);
            if claim != FREE {
                scan.claimed = true;
                if claim < cut {
                    cut = claim;
                    scan.held_by = Some(lane.id);
                }
            }
            preempt();
            lane.snapshot = if mutant(Mutant::TailBeforeClaim) { early } else { lane.head.len() };
            lane.high_water = lane.high_water.max(lane.snapshot);
            if mutant(Mutant::LeftAfterTail) {
                lane.leaving = lane.slot.left.load(Ordering::Acquire);
            }
            lane.count_into(&mut scan);
            scan.leaving |= lane.leaving;
        }
        // A claim below the last cut is stale: its owner has seen a newer proposal and restamps.
        self.cut = self.cut.max(cut);
        scan.cut = self.cut;
        scan
    }

    /// Makes the cut of the last look earlier, if below it lies more than a slice. Runs must be in
    /// order.
    pub(crate) fn narrow(&mut self, scan: Scan, slices: &Slices) -> Scan {
        let cut = slices.cut(scan.first, scan.found, scan.cut);
        self.cut = cut;
        let partial = cut < scan.cut;
        Scan { cut, partial, held_by: scan.held_by.filter(|_| !partial), ..scan }
    }

    /// What a closed sink still holds.
    pub(crate) fn left(&mut self) -> Scan {
        let mut scan = Scan::of_nothing(CLOSED);
        self.lanes.iter_mut().flatten().for_each(|lane| lane.count_into(&mut scan));
        scan
    }

    /// Step 8 for runs in order: takes what is stamped strictly below `cut`, which must not
    /// exceed the cut of the last look. `each` sees producer id, first sequence number and run,
    /// and answers with the greatest stamp in it.
    pub(crate) fn take_due(
        &mut self,
        cut: u64,
        mut each: impl FnMut(u32, u64, Run<'_, Stamped<T>>) -> u64,
    ) {
        let due = |record: &Stamped<T>| {
            record.stamp < cut || (mutant(Mutant::EmitAtCut) && record.stamp == cut)
        };
        for lane in self.lanes.iter_mut().flatten().filter(|lane| lane.snapshot > 0) {
            if lane.front.is_some_and(|front| front > cut) {
                continue;
            }
            let count = lane.head.count_due(lane.snapshot, due);
            lane.take(count, &mut each);
        }
    }

    /// Takes every record of the snapshots, due or not.
    pub(crate) fn take_all(&mut self, mut each: impl FnMut(u32, u64, Run<'_, Stamped<T>>) -> u64) {
        for lane in self.lanes.iter_mut().flatten() {
            lane.take(lane.snapshot, &mut each);
        }
    }

    /// Takes no more than it must for every record of the snapshots stamped below `cut` to be
    /// taken, where runs are not in order.
    pub(crate) fn take_through(
        &mut self,
        cut: u64,
        mut each: impl FnMut(u32, u64, Run<'_, Stamped<T>>) -> u64,
    ) {
        for lane in self.lanes.iter_mut().flatten() {
            let count = lane.through(cut);
            lane.take(count, &mut each);
        }
    }

    /// Wakes the producers that wait for room and have some now; true if some wait without. If
    /// more is about to be taken, those with little room are left to sleep until it is more.
    pub(crate) fn wake_blocked(&self, more_comes: bool) -> bool {
        fence(Ordering::SeqCst);
        let mut stuck = false;
        for lane in self.lanes.iter().flatten() {
            if !lane.slot.waiting.load(Ordering::Relaxed) {
                continue;
            }
            let room = lane.head.room();
            if more_comes && room < lane.head.capacity().div_ceil(2) {
            } else if lane.fresh > 0 || (room > 0 && !mutant(Mutant::RoomForgotten)) {
                lane.slot.waiting.store(false, Ordering::Relaxed);
                lane.slot.space.raise();
            } else {
                stuck = true;
            }
        }
        stuck
    }

    /// Lets go of producers that have left and whose records, all below `written`, are written;
    /// `each` sees them last.
    pub(crate) fn retire(&mut self, written: u64, mut each: impl FnMut(&Lane<T>)) {
        let frontier = Arc::clone(&self.frontier);
        for place in &mut self.lanes {
            let gone = |lane: &Lane<T>| {
                lane.leaving && lane.snapshot == 0 && (lane.taken == 0 || lane.latest < written)
            };
            if place.as_ref().is_some_and(gone)
                && let Some(lane) = place.take()
            {
                each(&lane);
                let mut registry = frontier.registry.lock();
                registry.names.remove(&lane.name);
                registry.vacant.insert(lane.id);
            }
        }
    }

    pub(crate) fn set_rest(&self, rest: u8) {
        self.frontier.line.rest.store(rest, Ordering::Relaxed);
    }

    /// Ends the protocol: after it no push is accepted, and the snapshots hold every record that
    /// was.
    pub(crate) fn close(&mut self) {
        self.frontier.line.proposed.store(CLOSED, Ordering::Relaxed);
        if !mutant(Mutant::CloseWithoutFence) {
            fence(Ordering::SeqCst);
        }
        let frontier = Arc::clone(&self.frontier);
        {
            let mut registry = frontier.registry.lock();
            registry.closed = true;
            self.take_arrivals(&mut registry);
        }
        self.proposal = CLOSED;
        self.cut = CLOSED;
        for lane in self.lanes.iter_mut().flatten() {
            while lane.slot.claim.load(Ordering::Acquire) != FREE
                && !mutant(Mutant::CloseWithoutWaiting)
            {
                thread::yield_now();
            }
            lane.snapshot = lane.head.len();
            lane.high_water = lane.high_water.max(lane.snapshot);
        }
    }

    /// Wakes every producer that waits for room, for it to learn that the sink is closed.
    pub(crate) fn wake_all(&self) {
        for lane in self.lanes.iter().flatten() {
            lane.slot.space.raise();
        }
    }
}

impl<T> Lane<T> {
    /// How many records lead up to the last one stamped below `cut`, that one included.
    fn through(&mut self, cut: u64) -> usize {
        let mut counts = (1..=self.snapshot).rev();
        let is_due = |&count: &usize| self.head.peek(count - 1, |r| r.stamp < cut) == Some(true);
        counts.find(is_due).unwrap_or(0)
    }

    fn count_into(&mut self, scan: &mut Scan) {
        if self.snapshot == 0 {
            return;
        }
        if self.front.is_none() {
            self.front = self.head.peek(0, |record| record.stamp);
        }
        scan.found += self.snapshot;
        scan.first = scan.first.min(self.front.unwrap_or(0));
    }

    fn take(&mut self, count: usize, each: &mut impl FnMut(u32, u64, Run<'_, Stamped<T>>) -> u64) {
        if count == 0 {
            return;
        }
        if let Some(run) = self.head.take(count) {
            self.latest = self.latest.max(each(self.id, self.taken, run));
        }
        self.front = None;
        self.taken += count as u64;
        self.fresh += count;
        self.snapshot -= count;
    }
}
