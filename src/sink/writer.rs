//! The writer: rounds of look, sort, encode, write, rest.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::encode::{Encode, ProducerId, Record, ValueError};
use super::error::{Cause, Failure, SinkError, Unwritten};
use super::frontier::{AWAKE, CLOSED, DOZING, IDLE, Rounds, Scan, Stamped};
use super::held::Held;
use super::mode::{Durability, Silence};
use super::order::{Arrival, Entry};
use super::output::Output;
use super::output::spool::{CHUNK, Spool};
use super::pending::Pending;
use super::report::{HeldBack, ProducerStats, Report};
use super::ring::Run;
use super::shared::Shared;
use super::slice::{SLICE, Slices};
use crate::clock::Stamp;
use crate::sync::{MODELLED, thread};

/// A round that moved this many records is followed by the next one without rest.
const BUSY: usize = 512;

/// The longest rest, in ticks, while records are here that nobody may release yet.
const LONGEST_DOZE: u32 = 8;

/// Live statistics are made anew at most this often.
const STATS_EVERY: Duration = if MODELLED { Duration::ZERO } else { Duration::from_millis(10) };

/// What the writer does with time; the run-time twin of the mode types.
#[derive(Debug)]
pub(super) enum Pace<T> {
    Ingestion,
    Event { lag: u64, pending: Pending<T>, most: usize },
    Logical { silence: Silence },
}

#[derive(Debug)]
pub(super) struct Writer<T, E, O> {
    shared: Arc<Shared<T>>,
    rounds: Rounds<T>,
    pace: Pace<T>,
    slices: Slices,
    encoder: E,
    spool: Spool<O>,
    tick: Duration,
    durability: Durability,
    /// The batch in work is the last one; earlier ones are encoded but not written.
    held: Vec<Held<T>>,
    spare: Vec<Held<T>>,
    /// By producer id: its name, and the sequence number it goes on with.
    names: Vec<(Arc<str>, u64)>,
    aside: Vec<Unwritten<T>>,
    /// Everything stamped below it is in the output.
    written: u64,
    synced_at: Instant,
    failure: Option<Failure>,
    /// The output, the clock or the encoding has failed, and not just a value: nothing more is
    /// written.
    broken: bool,
    report: Report,
    slowest: Option<(u32, u64, Instant)>,
    stats_at: Option<Instant>,
    /// The flush in work: its ticket, and the cut that serves it.
    flushing: Option<(u64, u64)>,
    /// Some producer waits for room that only a forced cut can make.
    stuck: bool,
    barren: u32,
}

/// What others have asked for.
#[derive(Debug, Clone, Copy)]
struct Orders {
    closing: bool,
    flush: Option<u64>,
    /// The least stamp that somebody waits to be durable.
    sync: Option<u64>,
}

impl Orders {
    fn urgent(&self) -> bool {
        self.flush.is_some() || self.sync.is_some()
    }
}

enum Step {
    Done,
    Full,
    Rotate(Stamp),
    Refused(ValueError),
}

impl<T, E: Encode<T>, O: Output> Writer<T, E, O> {
    pub(super) fn new(
        shared: Arc<Shared<T>>,
        pace: Pace<T>,
        encoder: E,
        spool: Spool<O>,
        tick: Duration,
        durability: Durability,
        report: Report,
    ) -> Self {
        let rounds = Rounds::new(Arc::clone(&shared.frontier));
        Self {
            written: rounds.cut(),
            shared,
            rounds,
            pace,
            slices: Slices::new(),
            encoder,
            spool,
            tick,
            durability,
            held: Vec::new(),
            spare: Vec::new(),
            names: Vec::new(),
            aside: Vec::new(),
            synced_at: Instant::now(),
            failure: None,
            broken: false,
            report,
            slowest: None,
            stats_at: None,
            flushing: None,
            stuck: false,
            barren: 0,
        }
    }

    /// Runs until the sink is closed or has failed, and leaves the outcome for `finish`.
    pub(super) fn run(mut self) {
        let rounds = catch_unwind(AssertUnwindSafe(|| self.run_rounds()));
        if let Err(payload) = rounds {
            self.break_off(Failure::panicked(payload));
        }
        let ended = catch_unwind(AssertUnwindSafe(|| self.end()));
        if let Err(payload) = ended {
            self.break_off(Failure::panicked(payload));
            self.rounds.close();
            let left = self.rounds.left();
            self.take(left);
            self.sort();
        }
        self.settle_outcome();
    }

    fn run_rounds(&mut self) {
        loop {
            let orders = self.orders();
            if orders.closing || self.failure.is_some() {
                return;
            }
            let scan = self.look(orders);
            let taken = self.take(scan);
            self.stuck = self.rounds.wake_blocked(scan.partial);
            self.sort();
            let through = orders.urgent() || self.durability != Durability::None;
            if let Err(failure) = self.write(through).and_then(|()| self.sync_if_due(orders)) {
                self.break_off(failure);
            }
            if self.failure.is_some() {
                return;
            }
            let report = &mut self.report;
            self.rounds.retire(self.written, |lane| {
                report.add(&lane.slot.counters);
                report.ring_high_water = report.ring_high_water.max(lane.high_water);
            });
            self.publish(scan);
            self.rest(orders, scan, taken);
        }
    }

    fn orders(&self) -> Orders {
        let control = self.shared.control.lock();
        Orders {
            closing: control.closing,
            flush: (control.flush_drawn > control.flush_served).then_some(control.flush_drawn),
            sync: control.sync_wanted.keys().next().copied(),
        }
    }

    /// Steps 5 to 7 of the protocol, at the pace of the mode.
    fn look(&mut self, orders: Orders) -> Scan {
        self.report.rounds += 1;
        let (proposal, scan) = match &self.pace {
            Pace::Ingestion => {
                let mut proposal = self.shared.clock.now();
                if orders.urgent() || self.stuck {
                    // The clock may stand still; what is in the rings must come out all the same.
                    proposal = proposal.max(self.rounds.past_all());
                }
                (proposal, self.rounds.scan(proposal))
            }
            Pace::Event { lag, .. } => {
                let proposal = self.shared.clock.now().saturating_sub(*lag);
                (proposal, self.rounds.scan(proposal))
            }
            Pace::Logical { silence } => {
                let patience = match silence {
                    Silence::Wait => None,
                    Silence::PassOver(after) => Some(*after),
                };
                let scan = self.rounds.scan_promises(patience);
                (scan.cut, scan)
            }
        };
        if self.flushing.is_none() {
            self.flushing = orders.flush.map(|ticket| (ticket, proposal));
        }
        self.introduce();
        match self.pace {
            Pace::Ingestion | Pace::Logical { .. } => self.rounds.narrow(scan, &self.slices),
            Pace::Event { .. } => scan,
        }
    }

    /// Tells the encoder the names of producers that came with the last look.
    fn introduce(&mut self) {
        let joined = self.rounds.take_joined();
        if joined.is_empty() {
            return;
        }
        // All names first: the encoder may panic, and what is unwritten then needs them.
        for &id in &joined {
            let Some(lane) = self.rounds.lane(id) else { continue };
            let at = id as usize;
            if self.names.len() <= at {
                self.names.resize(at + 1, ("".into(), 0));
            }
            self.names[at] = (Arc::clone(&lane.name), 0);
        }
        let present = self.rounds.lanes().count();
        self.slices.suit(present);
        self.report.producers = self.report.producers.max(present);
        for id in joined {
            self.encoder.producer(ProducerId::new(id), &self.names[id as usize].0);
        }
    }

    /// Step 8: takes what is due into a batch; [`sort`](Self::sort) follows.
    fn take(&mut self, scan: Scan) -> usize {
        let mut held = self.spare.pop().unwrap_or_default();
        let batch = &mut held.batch;
        match &mut self.pace {
            Pace::Ingestion | Pace::Logical { .. } => {
                batch.reserve(scan.found.min(2 * SLICE));
                self.rounds.take_due(scan.cut, |id, first, run| {
                    let entry = |(sequence, record): (u64, Stamped<T>)| {
                        Entry::new(record.stamp, id, sequence, record.value)
                    };
                    batch.extend_run((first..).zip(run).map(entry))
                });
                if scan.partial {
                    self.slices.took(batch.len());
                }
            }
            Pace::Event { pending, most, .. } => {
                let has_room = pending.len() < *most || scan.cut == CLOSED;
                let keep = |id, first, run: Run<'_, Stamped<T>>| {
                    let mut latest = 0;
                    for (sequence, record) in (first..).zip(run) {
                        latest = latest.max(record.stamp);
                        pending.push(Entry::new(record.stamp, id, sequence, record.value));
                    }
                    latest
                };
                if has_room {
                    self.rounds.take_all(keep);
                } else {
                    // What is due must come with this round, or it would be out of order.
                    self.rounds.take_through(scan.cut, keep);
                }
                pending.take_below(scan.cut, batch);
            }
        }
        let taken = held.batch.len();
        self.report.accepted += taken as u64;
        self.held.push(held);
        taken
    }

    /// Sorts what was just taken.
    fn sort(&mut self) {
        let arrival = match self.pace {
            Pace::Ingestion | Pace::Logical { .. } => Arrival::Grouped,
            Pace::Event { .. } => Arrival::Mixed,
        };
        if let Some(held) = self.held.last_mut() {
            held.batch.sort(arrival);
        }
    }

    /// Encodes the batch in work and, if `through` or enough is together, writes it.
    fn write(&mut self, through: bool) -> Result<(), Failure> {
        let cut = self.rounds.cut();
        loop {
            // Asked outside: a panic here is the output's, and no record's.
            let boundary = self.spool.output.boundary();
            let step = catch_unwind(AssertUnwindSafe(|| self.encode_run(boundary)));
            match step {
                Ok(Step::Done) => break,
                Ok(Step::Full) => self.write_out()?,
                Ok(Step::Rotate(first)) => {
                    self.write_out()?;
                    self.rotate(first)?;
                }
                Ok(Step::Refused(error)) => self.set_aside(Some(error)),
                Err(payload) => {
                    let failure = Failure::panicked(payload);
                    self.set_aside(None);
                    self.fail(failure);
                }
            }
        }
        if self.held.last().is_some_and(|held| held.batch.is_empty()) {
            self.spare.extend(self.held.pop());
        }
        if through || self.spool.pending.len() >= CHUNK {
            self.write_out()?;
        }
        if self.held.is_empty() {
            self.written = cut;
        }
        Ok(())
    }

    fn encode_run(&mut self, boundary: Option<Stamp>) -> Step {
        let Self { held, encoder, spool, names, .. } = self;
        let Some(Held { batch, encoded, mark, .. }) = held.last_mut() else { return Step::Done };
        let boundary = boundary.map_or(u64::MAX, Stamp::as_nanos);
        let step = batch.try_for_each_from(*encoded, |entry| {
            *mark = spool.pending.len();
            if *mark >= CHUNK {
                return ControlFlow::Break(Step::Full);
            }
            if entry.stamp >= boundary {
                return ControlFlow::Break(Step::Rotate(entry.stamp()));
            }
            let (name, next) = &mut names[entry.producer as usize];
            let sequence = entry.sequence(*next);
            let record = Record {
                stamp: entry.stamp(),
                producer: ProducerId::new(entry.producer),
                name,
                sequence,
                value: &entry.value,
            };
            if let Err(error) = encoder.encode(&record, &mut spool.pending) {
                return ControlFlow::Break(Step::Refused(error));
            }
            *next = sequence + 1;
            *encoded += 1;
            ControlFlow::Continue(())
        });
        step.break_value().unwrap_or(Step::Done)
    }

    /// Takes back what the record in work has appended, and goes on behind it. The record comes
    /// back from `finish`.
    fn set_aside(&mut self, error: Option<ValueError>) {
        let Some(held) = self.held.last_mut() else { return };
        self.spool.pending.truncate(held.mark);
        let Some(entry) = held.batch.get(held.encoded) else { return };
        let (name, next) = &mut self.names[entry.producer as usize];
        *next = entry.sequence(*next) + 1;
        let cause = error.map(|error| Cause::Encode {
            producer: name.to_string(),
            stamp: entry.stamp(),
            error,
        });
        held.set_aside();
        if let Some(cause) = cause {
            self.fail(Failure::new(cause));
        }
    }

    /// Writes everything encoded, and lets go of the values that are in the output now.
    fn write_out(&mut self) -> Result<(), Failure> {
        let Self { encoder, spool, .. } = self;
        encoder.seal(&mut spool.pending);
        spool.write_out().map_err(|failure| {
            Failure::new(Cause::Write { error: failure.error, torn: failure.torn })
        })?;
        self.let_go();
        Ok(())
    }

    fn let_go(&mut self) {
        let Self { held, spare, names, aside, report, shared, failure, .. } = self;
        for mut done in held.extract_if(.., Held::mark_written) {
            report.written += done.written_count() as u64;
            if let Some(first) = done.release(|entry| aside.push(unwritten(entry, names))) {
                let _ = shared.failure.set(first.clone());
                failure.get_or_insert(first);
            }
            spare.push(done);
        }
    }

    fn rotate(&mut self, first: Stamp) -> Result<(), Failure> {
        let failed = |error| Failure::new(Cause::Rotate(error));
        let is_new = self.spool.rotate(first).map_err(failed)?;
        if self.spool.output.boundary().is_some_and(|boundary| boundary <= first) {
            return Err(failed(std::io::Error::other(
                "the output went on, and its boundary stayed at or before the record to come",
            )));
        }
        if is_new {
            self.encoder.begin(&mut self.spool.pending);
        }
        for lane in self.rounds.lanes() {
            self.encoder.producer(ProducerId::new(lane.id), &lane.name);
        }
        Ok(())
    }

    fn sync_if_due(&mut self, orders: Orders) -> Result<(), Failure> {
        let waited = orders.sync.is_some_and(|stamp| stamp < self.written);
        let due = match self.durability {
            Durability::Sync { every } => self.spool.unsynced && self.synced_at.elapsed() >= every,
            _ => false,
        };
        if due || waited {
            self.sync()?;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Failure> {
        if self.spool.unsynced {
            let began = Instant::now();
            self.spool.sync().map_err(|error| Failure::new(Cause::Sync(error)))?;
            self.synced_at = Instant::now();
            self.report.syncs.record(self.synced_at - began);
        }
        self.shared.control.lock().durable = self.written;
        self.shared.progressed.notify_all();
        Ok(())
    }

    /// Remembers the first failure, and lets every producer learn it at its next push.
    fn fail(&mut self, failure: Failure) {
        let _ = self.shared.failure.set(failure.clone());
        self.failure.get_or_insert(failure);
    }

    /// As [`fail`](Self::fail), for failures after which the output cannot be relied on.
    fn break_off(&mut self, failure: Failure) {
        self.broken = true;
        self.fail(failure);
    }

    fn publish(&mut self, scan: Scan) {
        let now = Instant::now();
        match (self.slowest, scan.held_by) {
            (Some((id, cut, _)), Some(holder)) if id == holder && cut == scan.cut => {}
            (_, holder) => self.slowest = holder.map(|id| (id, scan.cut, now)),
        }
        let stale = self.stats_at.is_none_or(|at| now - at >= STATS_EVERY);
        let written = self.written;
        let served = self.flushing.take_if(|(_, target)| written >= *target);
        if served.is_none() && !stale {
            return;
        }
        let mut control = self.shared.control.lock();
        if let Some((ticket, _)) = served {
            control.flush_served = ticket;
        }
        self.stats_at = Some(now);
        self.describe(&mut control.stats, now, scan.cut);
        drop(control);
        if served.is_some() {
            self.shared.progressed.notify_all();
        }
    }

    fn describe(&self, stats: &mut super::report::Stats, now: Instant, cut: u64) {
        let mut report = self.report.clone();
        report.bytes = self.spool.written;
        stats.producers.clear();
        stats.producers.extend(self.rounds.lanes().map(|lane| ProducerStats {
            id: ProducerId::new(lane.id),
            name: Arc::clone(&lane.name),
            accepted: lane.taken + lane.backlog() as u64,
            ring: lane.backlog(),
            ring_high_water: lane.high_water,
        }));
        let mut waiting = 0;
        for lane in self.rounds.lanes() {
            report.add(&lane.slot.counters);
            report.ring_high_water = report.ring_high_water.max(lane.high_water);
            waiting += lane.backlog();
        }
        let pending = match &self.pace {
            Pace::Event { pending, .. } => pending.len(),
            _ => 0,
        };
        // The batches count what was due; rings and buckets hold what was accepted besides.
        report.accepted += (waiting + pending) as u64;
        stats.pending = pending + self.held.iter().map(|held| held.batch.len()).sum::<usize>();
        stats.report = report;
        stats.cut = Stamp::from_nanos(cut);
        stats.cut_lag = match self.pace {
            Pace::Logical { .. } => Duration::ZERO,
            _ => Stamp::from_nanos(self.shared.clock.now()) - stats.cut,
        };
        stats.held_back_by = self.slowest.and_then(|(id, _, since)| {
            let producer = Arc::clone(&self.rounds.lane(id)?.name);
            Some(HeldBack { producer, since: now - since })
        });
    }

    /// Rests for a tick, or until somebody pushes if nothing at all is here.
    fn rest(&mut self, orders: Orders, scan: Scan, taken: usize) {
        self.barren = if taken > 0 { 0 } else { self.barren + 1 };
        let forced = self.stuck && matches!(self.pace, Pace::Ingestion);
        if taken >= BUSY || scan.partial || forced || self.flushing.is_some() {
            if taken == 0 {
                // Somebody is inside a push and not running: this core may be what it waits for.
                thread::yield_now();
            }
            return;
        }
        let nothing_here = |scan: Scan, pace: &Pace<T>| {
            let pending = matches!(pace, Pace::Event { pending, .. } if pending.len() > 0);
            scan.found == 0 && !scan.claimed && !pending
        };
        let wake = &self.shared.frontier.wake;
        if taken > 0 || orders.sync.is_some() || !nothing_here(scan, &self.pace) {
            let ticks = self.barren.clamp(1, LONGEST_DOZE);
            self.rounds.set_rest(DOZING);
            let rest = self.tick.saturating_mul(ticks);
            wake.wait_at_most(Instant::now().checked_add(rest));
            self.rounds.set_rest(AWAKE);
            return;
        }
        if !self.held.is_empty() {
            if let Err(failure) = self.write(true) {
                self.break_off(failure);
            }
            return;
        }
        self.rounds.set_rest(IDLE);
        // The fence of this look stands between the announcement and the claims it reads.
        let last = self.look(Orders { closing: false, flush: None, sync: None });
        if nothing_here(last, &self.pace) && !last.leaving {
            self.publish_idle(last);
            let sync_due = match self.durability {
                Durability::Sync { every } if self.spool.unsynced => {
                    self.synced_at.checked_add(every)
                }
                _ => None,
            };
            self.shared.frontier.wake.wait_at_most(sync_due);
        }
        self.rounds.set_rest(AWAKE);
    }

    /// The last word before a rest without end must be up to date.
    fn publish_idle(&mut self, scan: Scan) {
        self.stats_at = None;
        self.publish(scan);
    }

    /// Ends the protocol and takes everything that was accepted.
    fn end(&mut self) {
        self.rounds.close();
        self.rounds.wake_all();
        loop {
            let mut scan = self.rounds.left();
            if !matches!(self.pace, Pace::Event { .. }) {
                scan = self.rounds.narrow(scan, &self.slices);
            }
            self.take(scan);
            self.sort();
            self.introduce();
            if !self.broken
                && let Err(failure) = self.write(!scan.partial)
            {
                self.break_off(failure);
            }
            if !scan.partial {
                break;
            }
        }
        if !self.broken
            && let Err(failure) = self.sync_at_end()
        {
            self.break_off(failure);
        }
    }

    fn sync_at_end(&mut self) -> Result<(), Failure> {
        let waited = !self.shared.control.lock().sync_wanted.is_empty();
        if waited || matches!(self.durability, Durability::Sync { .. }) {
            self.sync()?;
        }
        Ok(())
    }

    fn settle_outcome(mut self) {
        let mut lost = std::mem::take(&mut self.aside);
        for held in std::mem::take(&mut self.held) {
            self.report.written += held.kept_count() as u64;
            let dropped = held.into_unwritten(|entry| lost.push(unwritten(entry, &self.names)));
            if let Some(failure) = dropped {
                self.fail(failure);
            }
        }
        lost.sort_by_key(|record| (record.stamp, record.producer, record.sequence));
        let mut report = std::mem::take(&mut self.report);
        report.bytes = self.spool.written;
        for lane in self.rounds.lanes() {
            report.add(&lane.slot.counters);
            report.ring_high_water = report.ring_high_water.max(lane.high_water);
        }
        let mut failure = self.failure.take();
        let shared = Arc::clone(&self.shared);
        // The output is closed, and its lock released, before anybody learns of the end.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(self))) {
            let last = Failure::panicked(payload);
            let _ = shared.failure.set(last.clone());
            failure.get_or_insert(last);
        }
        let outcome = match failure {
            None => Ok(report),
            Some(failure) => Err(SinkError::new(failure, report, lost)),
        };
        let mut control = shared.control.lock();
        control.ended = true;
        control.flush_served = if outcome.is_ok() { u64::MAX } else { control.flush_served };
        let (Ok(report) | Err(report)) = outcome.as_ref().map_err(SinkError::report);
        control.stats.report = report.clone();
        control.outcome = Some(outcome);
        drop(control);
        shared.progressed.notify_all();
    }
}

fn unwritten<T>(entry: Entry<T>, names: &[(Arc<str>, u64)]) -> Unwritten<T> {
    let (name, next) = &names[entry.producer as usize];
    Unwritten {
        stamp: entry.stamp(),
        producer: ProducerId::new(entry.producer),
        name: Arc::clone(name),
        sequence: entry.sequence(*next),
        value: entry.value,
    }
}
