//! The edge where several threads give: a ring behind a lock, with an exact bound, and the order kept.
//! It grows as it is needed, so it also serves where one gives and the bound is beyond what anybody
//! would lay out beforehand.
//!
//! Both sides come with many items at once, so the lock is taken once a batch; how many that are is
//! up to each side. Three rules make it right:
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
use std::time::Instant;

use super::bell::{Bell, Switch};
use super::error::Failure;
use super::freight::{Numbered, Piece, Stop, Taken};
use super::gauge::{Gauge, Size};
use super::seat::Seat;
use crate::sync::{Mutant, Mutex, mutant};

#[derive(Debug)]
pub struct Line<T> {
    state: Mutex<State<T>>,
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

#[derive(Debug)]
struct State<T> {
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

impl<T> Parked<T> {
    /// The items, of which nobody will see that they failed.
    fn into_items(self) -> Vec<Numbered<T>> {
        if let Some(failure) = self.failure {
            failure.discard();
        }
        self.items
    }
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

impl<T> State<T> {
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

impl<T> Line<T> {
    pub(crate) fn new(index: usize, size: Size, switch: Arc<Switch>, gauge: Arc<Gauge>) -> Self {
        let Size { capacity, senders, receivers } = size;
        Self {
            state: Mutex::new(State {
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
            welcome: size.welcome(),
            gauge,
        }
    }

    #[inline]
    fn tell(&self, state: &State<T>) {
        self.gauge.tell(state.len(), state.high);
    }

    /// Puts one item into the ring; blocks while it is full. Hands it back if nobody wants it.
    #[inline]
    pub(crate) fn give_one(&self, item: Numbered<T>, seat: &Seat) -> Result<(), Numbered<T>> {
        let mut state = self.state.lock();
        if state.ended || self.switch.is_off(self.index) {
            return Err(item);
        }
        if state.len() < self.capacity {
            state.ring.push_back(item);
            state.high = state.high.max(state.len());
            self.tell(&state);
            let taker = state.takers.pop_front();
            drop(state);
            if let Some(bell) = taker {
                bell.ring();
            }
            return Ok(());
        }
        drop(state);
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
            let mut state = self.state.lock();
            if mem::take(&mut announced) {
                state.givers.retain(|(_, bell)| !Arc::ptr_eq(bell, &seat.bell));
            }
            if state.ended || self.switch.is_off(self.index) {
                return Err(Stop);
            }
            state.admit(items, self.capacity);
            self.tell(&state);
            let taker = state.wake_taker();
            if items.is_empty() {
                drop(state);
                if let Some(bell) = taker {
                    bell.ring();
                }
                return Ok(());
            }
            state.givers.push((u64::MAX, Arc::clone(&seat.bell)));
            announced = true;
            drop(state);
            if let Some(bell) = taker {
                bell.ring();
            }
            seat.blocked().wait(None);
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
            let mut state = self.state.lock();
            if mem::take(&mut announced) {
                state.givers.retain(|(_, bell)| !Arc::ptr_eq(bell, &seat.bell));
            }
            if state.ended || self.switch.is_off(self.index) {
                return Err(Stop);
            }
            if number == state.turn || mutant(Mutant::PipelineOutOfTurn) {
                state.admit(items, self.capacity);
                if items.is_empty() {
                    let unseen = match piece {
                        Piece::More => VecDeque::new(),
                        Piece::Last => state.pass_turn(None, &mut wakes),
                        Piece::Failed(failure) => state.pass_turn(Some(failure), &mut wakes),
                    };
                    if state.ended {
                        // Everybody is in `wakes`.
                    } else {
                        wakes.taker = state.wake_taker();
                    }
                    self.tell(&state);
                    drop(state);
                    wakes.ring();
                    let unseen = unseen.into_iter().flatten();
                    return Ok(unseen.map(Parked::into_items).collect());
                }
                wakes.taker = state.wake_taker();
                self.tell(&state);
            } else if mutant(Mutant::PipelineFailureOvertakes) && matches!(piece, Piece::Failed(_))
            {
                let Piece::Failed(failure) = piece else { return Err(Stop) };
                let unseen = state.end(Some(failure), &mut wakes);
                drop(state);
                wakes.ring();
                return Ok(unseen.into_iter().flatten().map(Parked::into_items).collect());
            } else if self.may_park(&state, number, items.len(), &piece) {
                let failure = match mem::replace(&mut piece, Piece::Last) {
                    Piece::Failed(failure) => Some(failure),
                    _ => None,
                };
                let spare = state.spare.pop().unwrap_or_default();
                let items = mem::replace(items, spare);
                state.parked_items += items.len();
                state.high = state.high.max(state.len());
                let place = usize::try_from(number - state.turn).unwrap_or(usize::MAX);
                while state.parked.len() <= place {
                    state.parked.push_back(None);
                }
                state.parked[place] = Some(Parked { items, failure });
                self.tell(&state);
                return Ok(Vec::new());
            }
            state.givers.push((number, Arc::clone(&seat.bell)));
            announced = true;
            drop(state);
            wakes.ring();
            seat.blocked().wait(None);
        }
    }

    fn may_park(&self, state: &State<T>, number: u64, items: usize, piece: &Piece) -> bool {
        let ahead = number.saturating_sub(state.turn);
        !matches!(piece, Piece::More)
            && ahead < self.window as u64
            && state.len() + items + self.reserve <= self.capacity
    }

    /// Says that `failure` follows what is in the ring, and nothing else; for a single sender.
    pub(crate) fn fail(&self, failure: Box<Failure>) {
        let mut wakes = Wakes::new();
        let mut state = self.state.lock();
        if state.ended {
            drop(state);
            failure.discard();
        } else {
            let none = state.end(Some(failure), &mut wakes);
            drop(state);
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
            let mut state = self.state.lock();
            if mem::take(&mut announced) {
                state.takers.retain(|bell| !Arc::ptr_eq(bell, &seat.bell));
            }
            if self.switch.is_off(self.index) {
                return Taken::Off;
            }
            if !state.ring.is_empty() {
                let share = state.ring.len().div_ceil(state.receivers.max(1));
                into.extend(state.ring.drain(..most.min(share)));
                let number = state.next;
                state.next += 1;
                self.tell(&state);
                let taker = state.wake_taker();
                let room = state.len() + self.welcome <= self.capacity || state.ring.is_empty();
                let givers = if room && !mutant(Mutant::PipelineRoomUnannounced) {
                    mem::take(&mut state.givers)
                } else {
                    Vec::new()
                };
                drop(state);
                if let Some(bell) = taker {
                    bell.ring();
                }
                givers.iter().for_each(|(_, bell)| bell.ring());
                return Taken::Items(number);
            }
            if state.ended || state.senders == 0 {
                let Some(failure) = state.failure.take() else { return Taken::Ended };
                let number = state.next;
                state.next += 1;
                return Taken::Failed(number, failure);
            }
            if until.is_some_and(|at| at <= Instant::now()) {
                return Taken::Late;
            }
            state.takers.push_back(Arc::clone(&seat.bell));
            announced = true;
            drop(state);
            seat.starved().wait(until);
        }
    }

    /// A sender is done; after the last one the takers find the end.
    pub(crate) fn leave(&self) {
        let mut state = self.state.lock();
        state.senders -= 1;
        if state.senders == 0 && !mutant(Mutant::PipelineEndUnannounced) {
            let takers = mem::take(&mut state.takers);
            drop(state);
            takers.iter().for_each(|bell| bell.ring());
        }
    }

    /// A receiver is done; after the last one nobody wants what is here, and it is handed out.
    pub(crate) fn desert(&self) -> Vec<Numbered<T>> {
        let mut state = self.state.lock();
        state.receivers -= 1;
        if state.receivers > 0 {
            return Vec::new();
        }
        let mut wakes = Wakes::new();
        let failure = state.failure.take();
        let parked = state.end(None, &mut wakes);
        let ring = mem::take(&mut state.ring);
        self.tell(&state);
        drop(state);
        wakes.ring();
        if let Some(failure) = failure {
            failure.discard();
        }
        let parked = parked.into_iter().flatten().flat_map(Parked::into_items);
        ring.into_iter().chain(parked).collect()
    }
}
