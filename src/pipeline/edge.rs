//! What lies between two stages: a line of items with an exact bound, and the order kept.
//!
//! An edge is a lock around a ring. Both sides come with many items at once, so the lock is taken
//! once a batch; how many that are is up to each side. Three rules make it right:
//!
//! 1. **The bound counts items.** Ring and parked items together never exceed the capacity.
//! 2. **Order is a matter of turns.** Who takes a batch gets a number with it, and gives its
//!    results under that number. Only the holder of the lowest number may put into the ring; a
//!    batch that is finished early is parked, and moves to the ring when its turn comes.
//! 3. **The turn always has room.** Whoever parks leaves a reserve, so that the batch that all the
//!    others wait for can never be kept out by them.
//!
//! (1) and (2) bound memory even if the first item takes an hour, (3) is why that cannot end in a
//! deadlock. An error travels as the last thing of its batch, so it arrives in its turn too.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::bell::{Bell, Switch};
use super::error::Failure;
use super::seat::Seat;
use crate::sync::{Mutant, Mutex, mutant};

/// An item, and the number of the source's item it stems from.
#[derive(Debug)]
pub struct Numbered<T> {
    pub(crate) number: u64,
    pub(crate) item: T,
}

/// Nobody wants more: the edge is off, or its last item was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

/// What a taker gets.
#[derive(Debug)]
pub enum Taken {
    /// At least one item, and the number of this batch.
    Items(u64),
    /// There will be no more.
    Ended,
    /// There will be no more because of a failure, which has this number.
    Failed(u64, Box<Failure>),
    /// The edge is off.
    Off,
    /// The time given has passed.
    Late,
}

/// How a batch ends.
#[derive(Debug)]
pub enum Piece {
    /// More of it comes.
    More,
    /// Nothing of it comes any more.
    Last,
    /// It failed, and nothing of what is behind it may be seen.
    Failed(Box<Failure>),
}

#[derive(Debug)]
pub struct Edge<T> {
    line: Mutex<Line<T>>,
    switch: Arc<Switch>,
    index: usize,
    capacity: usize,
    /// Room that is left for the batch whose turn it is.
    reserve: usize,
    /// How far a parked batch may be ahead of its turn.
    window: usize,
    /// Room that is worth waking a giver for.
    welcome: usize,
    gauge: Arc<Gauge>,
}

/// Where so much fits, a giver is woken when half of it is free: it then finds room for many items at once.
/// Where little fits, each place counts.
const LARGE: usize = 64;

/// What an edge lets be seen of it while it works.
#[derive(Debug, Default)]
pub struct Gauge {
    len: AtomicUsize,
    high: AtomicUsize,
}

impl Gauge {
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(crate) fn high(&self) -> usize {
        self.high.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Line<T> {
    ring: VecDeque<Numbered<T>>,
    /// Batches that were finished before their turn; the first place is that of `turn`.
    parked: VecDeque<Option<Parked<T>>>,
    parked_items: usize,
    /// The number of the batch that may put into the ring.
    turn: u64,
    /// The number that the next taker gets.
    next: u64,
    senders: usize,
    receivers: usize,
    /// No item follows those in the ring.
    ended: bool,
    failure: Option<Box<Failure>>,
    takers: VecDeque<Arc<Bell>>,
    givers: Vec<(u64, Arc<Bell>)>,
    spare: Vec<Vec<Numbered<T>>>,
    high: usize,
}

#[derive(Debug)]
struct Parked<T> {
    items: Vec<Numbered<T>>,
    failure: Option<Box<Failure>>,
}

/// What has to be done when the lock is free again.
struct Wakes {
    taker: Option<Arc<Bell>>,
    all_takers: VecDeque<Arc<Bell>>,
    giver: Option<Arc<Bell>>,
    givers: Vec<(u64, Arc<Bell>)>,
}

impl Wakes {
    fn new() -> Self {
        Self { taker: None, all_takers: VecDeque::new(), giver: None, givers: Vec::new() }
    }

    #[inline]
    fn ring(self) {
        if let Some(bell) = self.taker {
            bell.ring();
        }
        if let Some(bell) = self.giver {
            bell.ring();
        }
        self.all_takers.iter().for_each(|bell| bell.ring());
        self.givers.iter().for_each(|(_, bell)| bell.ring());
    }
}

impl<T> Line<T> {
    #[inline]
    fn len(&self) -> usize {
        self.ring.len() + self.parked_items
    }

    /// Moves as many items as fit, from the front.
    fn admit(&mut self, items: &mut Vec<Numbered<T>>, capacity: usize) {
        let room = capacity.saturating_sub(self.len());
        if room >= items.len() {
            self.ring.extend(items.drain(..));
        } else {
            self.ring.extend(items.drain(..room));
        }
        self.high = self.high.max(self.len());
    }

    #[inline]
    fn wake_taker(&mut self) -> Option<Arc<Bell>> {
        if self.ring.is_empty() { None } else { self.takers.pop_front() }
    }

    /// The batch whose turn it was is complete: the next ones follow as far as they are here.
    /// Gives back what must not be delivered any more.
    fn pass_turn(
        &mut self,
        mut failure: Option<Box<Failure>>,
        wakes: &mut Wakes,
    ) -> VecDeque<Option<Parked<T>>> {
        loop {
            self.turn += 1;
            self.parked.pop_front();
            if failure.is_some() {
                return self.end(failure, wakes);
            }
            if mutant(Mutant::PipelineParkedForgotten) {
                break;
            }
            let Some(next) = self.parked.front_mut().and_then(Option::take) else { break };
            self.parked_items -= next.items.len();
            let mut items = next.items;
            self.ring.extend(items.drain(..));
            self.spare.push(items);
            failure = next.failure;
        }
        if let Some(at) = self.givers.iter().position(|(number, _)| *number == self.turn)
            && !mutant(Mutant::PipelineTurnUnannounced)
        {
            wakes.giver = Some(self.givers.swap_remove(at).1);
        }
        VecDeque::new()
    }

    fn end(
        &mut self,
        failure: Option<Box<Failure>>,
        wakes: &mut Wakes,
    ) -> VecDeque<Option<Parked<T>>> {
        self.ended = true;
        self.failure = failure;
        wakes.all_takers = mem::take(&mut self.takers);
        wakes.givers = mem::take(&mut self.givers);
        self.parked_items = 0;
        mem::take(&mut self.parked)
    }
}

/// Who belongs to an edge, and how much it holds.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub(crate) capacity: usize,
    pub(crate) senders: usize,
    pub(crate) receivers: usize,
}

impl<T> Edge<T> {
    pub(crate) fn new(index: usize, size: Size, switch: Arc<Switch>, gauge: Arc<Gauge>) -> Self {
        let Size { capacity, senders, receivers } = size;
        Self {
            line: Mutex::new(Line {
                ring: VecDeque::new(),
                parked: VecDeque::new(),
                parked_items: 0,
                turn: 0,
                next: 0,
                senders,
                receivers,
                ended: false,
                failure: None,
                takers: VecDeque::new(),
                givers: Vec::new(),
                spare: Vec::new(),
                high: 0,
            }),
            switch,
            index,
            capacity,
            reserve: if mutant(Mutant::PipelineNoReserve) {
                0
            } else {
                (capacity / 4).clamp(1, 64)
            },
            window: capacity.min(1024).max(2 * senders),
            welcome: if capacity < LARGE { 1 } else { capacity / 2 },
            gauge,
        }
    }

    #[inline]
    fn tell(&self, line: &Line<T>) {
        self.gauge.len.store(line.len(), Ordering::Relaxed);
        self.gauge.high.store(line.high, Ordering::Relaxed);
    }

    /// Puts one item into the ring; blocks while it is full. Hands it back if nobody wants it.
    #[inline]
    pub(crate) fn give_one(&self, item: Numbered<T>, seat: &Seat) -> Result<(), Numbered<T>> {
        let mut line = self.line.lock();
        if line.ended || self.switch.is_off(self.index) {
            return Err(item);
        }
        if line.len() < self.capacity {
            line.ring.push_back(item);
            line.high = line.high.max(line.len());
            self.tell(&line);
            let taker = line.takers.pop_front();
            drop(line);
            if let Some(bell) = taker {
                bell.ring();
            }
            return Ok(());
        }
        drop(line);
        let mut items = vec![item];
        match self.give(&mut items, seat) {
            Ok(()) => Ok(()),
            Err(Stop) => items.pop().map_or(Ok(()), Err),
        }
    }

    /// Puts all items into the ring, in whatever order the senders come; blocks while it is full.
    /// What nobody wants any more stays in `items`.
    pub(crate) fn give(&self, items: &mut Vec<Numbered<T>>, seat: &Seat) -> Result<(), Stop> {
        let mut announced = false;
        loop {
            let mut line = self.line.lock();
            if mem::take(&mut announced) {
                line.givers.retain(|(_, bell)| !Arc::ptr_eq(bell, &seat.bell));
            }
            if line.ended || self.switch.is_off(self.index) {
                return Err(Stop);
            }
            line.admit(items, self.capacity);
            self.tell(&line);
            let taker = line.wake_taker();
            if items.is_empty() {
                drop(line);
                if let Some(bell) = taker {
                    bell.ring();
                }
                return Ok(());
            }
            line.givers.push((u64::MAX, Arc::clone(&seat.bell)));
            announced = true;
            drop(line);
            if let Some(bell) = taker {
                bell.ring();
            }
            seat.wait_for_room();
        }
    }

    /// Puts the results of batch `number` into the ring in their turn; blocks until its turn has
    /// come or it may be parked. What nobody wants any more stays in `items`.
    ///
    /// Also gives back the parked batches that nobody will see, if this one has failed.
    pub(crate) fn give_in_turn(
        &self,
        number: u64,
        items: &mut Vec<Numbered<T>>,
        mut piece: Piece,
        seat: &Seat,
    ) -> Result<Vec<Vec<Numbered<T>>>, Stop> {
        let mut announced = false;
        loop {
            let mut wakes = Wakes::new();
            let mut line = self.line.lock();
            if mem::take(&mut announced) {
                line.givers.retain(|(_, bell)| !Arc::ptr_eq(bell, &seat.bell));
            }
            if line.ended || self.switch.is_off(self.index) {
                return Err(Stop);
            }
            if number == line.turn || mutant(Mutant::PipelineOutOfTurn) {
                line.admit(items, self.capacity);
                if items.is_empty() {
                    let unseen = match piece {
                        Piece::More => VecDeque::new(),
                        Piece::Last => line.pass_turn(None, &mut wakes),
                        Piece::Failed(failure) => line.pass_turn(Some(failure), &mut wakes),
                    };
                    if line.ended {
                        // Everybody is in `wakes`.
                    } else {
                        wakes.taker = line.wake_taker();
                    }
                    self.tell(&line);
                    drop(line);
                    wakes.ring();
                    let unseen = unseen.into_iter().flatten();
                    return Ok(unseen.map(|parked| parked.items).collect());
                }
                wakes.taker = line.wake_taker();
                self.tell(&line);
            } else if mutant(Mutant::PipelineFailureOvertakes) && matches!(piece, Piece::Failed(_))
            {
                let Piece::Failed(failure) = piece else { return Err(Stop) };
                let unseen = line.end(Some(failure), &mut wakes);
                drop(line);
                wakes.ring();
                return Ok(unseen.into_iter().flatten().map(|parked| parked.items).collect());
            } else if self.may_park(&line, number, items.len(), &piece) {
                let failure = match mem::replace(&mut piece, Piece::Last) {
                    Piece::Failed(failure) => Some(failure),
                    _ => None,
                };
                let spare = line.spare.pop().unwrap_or_default();
                let items = mem::replace(items, spare);
                line.parked_items += items.len();
                line.high = line.high.max(line.len());
                let place = usize::try_from(number - line.turn).unwrap_or(usize::MAX);
                while line.parked.len() <= place {
                    line.parked.push_back(None);
                }
                line.parked[place] = Some(Parked { items, failure });
                self.tell(&line);
                return Ok(Vec::new());
            }
            line.givers.push((number, Arc::clone(&seat.bell)));
            announced = true;
            drop(line);
            wakes.ring();
            seat.wait_for_room();
        }
    }

    fn may_park(&self, line: &Line<T>, number: u64, items: usize, piece: &Piece) -> bool {
        let ahead = number.saturating_sub(line.turn);
        !matches!(piece, Piece::More)
            && ahead < self.window as u64
            && line.len() + items + self.reserve <= self.capacity
    }

    /// Says that `failure` follows what is in the ring, and nothing else; for a single sender.
    pub(crate) fn fail(&self, failure: Box<Failure>) {
        let mut wakes = Wakes::new();
        let mut line = self.line.lock();
        if !line.ended {
            let none = line.end(Some(failure), &mut wakes);
            drop(line);
            drop(none);
            wakes.ring();
        }
    }

    /// Takes at most `most` items, and no more than one taker's share; blocks while there are none.
    pub(crate) fn take(
        &self,
        into: &mut impl Extend<Numbered<T>>,
        most: usize,
        seat: &Seat,
        until: Option<Instant>,
    ) -> Taken {
        let mut announced = false;
        loop {
            let mut line = self.line.lock();
            if mem::take(&mut announced) {
                line.takers.retain(|bell| !Arc::ptr_eq(bell, &seat.bell));
            }
            if self.switch.is_off(self.index) {
                return Taken::Off;
            }
            if !line.ring.is_empty() {
                let share = line.ring.len().div_ceil(line.receivers.max(1));
                into.extend(line.ring.drain(..most.min(share)));
                let number = line.next;
                line.next += 1;
                self.tell(&line);
                let taker = line.wake_taker();
                let room = line.len() + self.welcome <= self.capacity || line.ring.is_empty();
                let givers = if room && !mutant(Mutant::PipelineRoomUnannounced) {
                    mem::take(&mut line.givers)
                } else {
                    Vec::new()
                };
                drop(line);
                if let Some(bell) = taker {
                    bell.ring();
                }
                givers.iter().for_each(|(_, bell)| bell.ring());
                return Taken::Items(number);
            }
            if line.ended || line.senders == 0 {
                let Some(failure) = line.failure.take() else { return Taken::Ended };
                let number = line.next;
                line.next += 1;
                return Taken::Failed(number, failure);
            }
            if until.is_some_and(|at| at <= Instant::now()) {
                return Taken::Late;
            }
            line.takers.push_back(Arc::clone(&seat.bell));
            announced = true;
            drop(line);
            seat.wait_for_items(until);
        }
    }

    /// A sender is done; after the last one the takers find the end.
    pub(crate) fn leave(&self) {
        let mut line = self.line.lock();
        line.senders -= 1;
        if line.senders == 0 && !mutant(Mutant::PipelineEndUnannounced) {
            let takers = mem::take(&mut line.takers);
            drop(line);
            takers.iter().for_each(|bell| bell.ring());
        }
    }

    /// A receiver is done; after the last one nobody wants what is here, and it is handed out.
    pub(crate) fn desert(&self) -> Vec<Numbered<T>> {
        let mut line = self.line.lock();
        line.receivers -= 1;
        if line.receivers > 0 {
            return Vec::new();
        }
        let mut wakes = Wakes::new();
        let failure = line.failure.take();
        let parked = line.end(None, &mut wakes);
        let ring = mem::take(&mut line.ring);
        self.tell(&line);
        drop(line);
        drop(failure);
        wakes.ring();
        let parked = parked.into_iter().flatten().flat_map(|parked| parked.items);
        ring.into_iter().chain(parked).collect()
    }
}
