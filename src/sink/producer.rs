//! The producer's handle: push in three modes, with back-pressure.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::encode::ProducerId;
use super::error::{DurableError, PushError, Refusal};
use super::frontier::{FREE, Port, Refused, Stamped};
use super::mode::{EventTime, IngestionTime, Late, LogicalTime, Overflow, TimeMode};
use super::shared::Shared;
use crate::clock::{Stamp, nanos};
use crate::sync::{MODELLED, thread};

/// How often a producer without room gives its turn away before it goes to sleep. Meanwhile the
/// writer often makes room, and every sleeper it has to wake is an interruption of it. Under a
/// model all go to sleep.
const TURNS: u32 = if MODELLED { 0 } else { 4 };

/// One source of records. Made by [`OrderedSink::producer`](super::OrderedSink::producer).
///
/// A producer belongs to one thread at a time; it is `Send` and not `Clone`: every thread that
/// pushes joins under a name of its own. Dropping it leaves the sink. What it has pushed is
/// written all the same, also when its thread panics.
///
/// A push blocks only if its ring is full and the [`Overflow`] policy says so. It takes no lock
/// and allocates nothing.
pub struct Producer<T, M: TimeMode = IngestionTime> {
    port: Port<T>,
    shared: Arc<Shared<T>>,
    /// Logical time: how many of the latest records share their stamp.
    ties: usize,
    mode: PhantomData<M>,
}

impl<T, M: TimeMode> fmt::Debug for Producer<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("id", &self.port.id)
            .field("name", &self.port.name)
            .finish_non_exhaustive()
    }
}

impl<T, M: TimeMode> Producer<T, M> {
    pub(super) fn new(port: Port<T>, shared: Arc<Shared<T>>) -> Self {
        Self { port, shared, ties: 0, mode: PhantomData }
    }

    /// Its id, which decides ties.
    #[must_use]
    pub fn id(&self) -> ProducerId {
        ProducerId::new(self.port.id)
    }

    /// The name it joined under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.port.name
    }

    #[inline]
    fn check(&self, value: &T) -> Result<(), Refusal> {
        match self.shared.check {
            None => Ok(()),
            Some(check) => check(value).map_err(|error| {
                self.port.slot.counters.invalid.add(1);
                Refusal::Value(error)
            }),
        }
    }

    /// Step 0 of the protocol: waits for room, or says why there is none.
    #[cold]
    fn make_room(&mut self) -> Result<(), Refusal> {
        let counters = &self.port.slot.counters;
        if self.port.frontier.is_closed() {
            return Err(self.shared.refusal());
        }
        let deadline = match self.shared.overflow {
            Overflow::Reject => {
                counters.full.add(1);
                return Err(Refusal::Full);
            }
            Overflow::DropNewest => return Err(Refusal::Dropped),
            Overflow::Block => None,
            Overflow::Timeout(most) => Instant::now().checked_add(most),
        };
        let mut turns = TURNS;
        while self.port.is_full() {
            if self.port.frontier.is_closed() {
                return Err(self.shared.refusal());
            }
            if turns > 0 && deadline.is_none_or(|deadline| Instant::now() < deadline) {
                turns -= 1;
                thread::yield_now();
                continue;
            }
            if !self.port.must_wait() {
                continue;
            }
            match deadline {
                None => self.port.slot.space.wait(),
                Some(deadline) => {
                    if !self.port.slot.space.wait_until(deadline) && self.port.is_full() {
                        self.port.stop_waiting();
                        counters.timed_out.add(1);
                        return Err(Refusal::TimedOut);
                    }
                }
            }
        }
        Ok(())
    }

    /// Counts what an overflow policy drops.
    fn drop_newest(&self, count: usize, refusal: &Refusal) {
        if matches!(refusal, Refusal::Dropped) {
            self.port.slot.counters.dropped.add(count as u64);
        }
    }

    #[inline]
    fn ready(&mut self, value: T) -> Result<T, PushError<T>> {
        if let Err(refusal) = self.check(&value) {
            return Err(PushError::new(value, refusal));
        }
        if self.port.is_full()
            && let Err(refusal) = self.make_room()
        {
            self.drop_newest(1, &refusal);
            return Err(PushError::new(value, refusal));
        }
        Ok(value)
    }

    #[cold]
    fn refuse(&self, stamp: u64, refused: Refused) -> Refusal {
        match refused {
            Refused::Closed => self.shared.refusal(),
            Refused::Behind(cut) => {
                self.port.slot.counters.late.add(1);
                Refusal::Late { by: Duration::from_nanos(cut.saturating_sub(stamp)) }
            }
        }
    }

    /// Gives a batch to `offer` piece by piece as room comes; what is refused stays in `batch`.
    fn push_pieces<V>(
        &mut self,
        batch: &mut Vec<V>,
        value_of: impl Fn(&V) -> &T,
        make_way: impl Fn(&mut Self, &V) -> Result<(), Refusal>,
        mut offer: impl FnMut(&mut Self, &mut std::vec::Drain<'_, V>, usize) -> Result<(), Refusal>,
    ) -> Result<(), PushError<()>> {
        let mut outcome = Ok(());
        let mut valid = batch.len();
        if self.shared.check.is_some() {
            for (at, value) in batch.iter().enumerate() {
                if let Err(refusal) = self.check(value_of(value)) {
                    (outcome, valid) = (Err(refusal), at);
                    break;
                }
            }
        }
        let mut left = Vec::new();
        let mut pieces = batch.drain(..valid);
        while pieces.len() > 0 {
            let offered = match self.port.room() {
                0 => pieces
                    .as_slice()
                    .first()
                    .map_or(Ok(()), |next| make_way(self, next))
                    .and_then(|()| self.make_room()),
                room => {
                    let count = room.min(pieces.len());
                    offer(self, &mut pieces, count)
                }
            };
            if let Err(refusal) = offered {
                self.drop_newest(pieces.len(), &refusal);
                if !matches!(refusal, Refusal::Dropped) {
                    left = pieces.by_ref().collect();
                }
                outcome = Err(refusal);
                break;
            }
        }
        drop(pieces);
        if !left.is_empty() {
            left.append(batch);
            *batch = left;
        }
        outcome.map_err(|refusal| PushError::new((), refusal))
    }

    fn durable(&self, stamp: Stamp) -> Result<Stamp, DurableError<T>> {
        match self.shared.wait_durable(stamp) {
            Ok(()) => Ok(stamp),
            Err(error) => Err(DurableError::Wait { stamp, error }),
        }
    }
}

impl<T> Producer<T, IngestionTime> {
    /// Stamps a record and hands it to the writer.
    ///
    /// `Ok` means accepted: [`finish`](super::OrderedSink::finish) will have written the record,
    /// or returns an error that holds it. The stamps of one producer never decrease.
    ///
    /// # Errors
    ///
    /// [`PushError`] with the value and the reason: the ring is full and the policy is not to
    /// wait, the encoding cannot express the value, or the sink is finished or has failed.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<Stamp, PushError<T>> {
        let value = self.ready(value)?;
        let clock = &self.shared.clock;
        let stamp = clock.now().max(self.port.last);
        let mut again = 0;
        let offered = self.port.offer(stamp, value, |cut| {
            again += 1;
            is_stamp(cut).then(|| clock.now())
        });
        if again > 0 {
            self.port.slot.counters.restamped.add(again);
        }
        match offered {
            Ok(stamp) => Ok(Stamp::from_nanos(stamp)),
            Err((refused, value)) => Err(PushError::new(value, self.refuse(stamp, refused))),
        }
    }

    /// Pushes all of `batch` and leaves it empty, with its memory; cheaper than single pushes.
    ///
    /// Records that fit into the ring together get one stamp and become visible as one; their
    /// order is kept. Returns the last stamp: that of the latest push if the batch was empty.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push). What was not accepted is left in `batch`, in order, so that the
    /// call can be repeated; under [`Overflow::DropNewest`] it is dropped and counted.
    pub fn push_batch(&mut self, batch: &mut Vec<T>) -> Result<Stamp, PushError<()>> {
        self.push_pieces(
            batch,
            |value| value,
            |_, _| Ok(()),
            |this, pieces, count| {
                let clock = &this.shared.clock;
                let stamp = clock.now().max(this.port.last);
                let mut again = 0;
                let offered = this.port.offer_all(stamp, pieces.by_ref().take(count), |cut| {
                    again += 1;
                    is_stamp(cut).then(|| clock.now())
                });
                this.port.slot.counters.restamped.add(again);
                offered.map(drop).map_err(|refused| this.refuse(stamp, refused))
            },
        )?;
        Ok(Stamp::from_nanos(self.port.last))
    }

    /// Pushes a record and blocks until it survives a loss of power.
    ///
    /// One sync serves all who wait for one.
    ///
    /// # Errors
    ///
    /// [`DurableError::Push`] as [`push`](Self::push); [`DurableError::Wait`] if the sink failed
    /// or was finished before the record was seen durable.
    pub fn push_durable(&mut self, value: T) -> Result<Stamp, DurableError<T>> {
        let stamp = self.push(value).map_err(DurableError::Push)?;
        self.durable(stamp)
    }
}

impl<T> Producer<T, EventTime> {
    /// Pushes a record that was generated at `stamp`.
    ///
    /// Stamps may come in any order, as long as none lags behind the clock by more than the
    /// sink's lag or runs ahead of it by more than it allows.
    ///
    /// # Errors
    ///
    /// [`Refusal::Late`] if records up to `stamp` may have been written, [`Refusal::TooFarAhead`]
    /// if it is ahead of the clock; else as [`push`](Producer::<T>::push).
    pub fn push_at(&mut self, stamp: Stamp, value: T) -> Result<Stamp, PushError<T>> {
        let value = self.ready(value)?;
        if let Some(by) = self.ahead_by(stamp) {
            return Err(PushError::new(value, self.refuse_ahead(by)));
        }
        let late = self.shared.late;
        let mut clamped = 0;
        let offered = self.port.offer(stamp.as_nanos(), value, |cut| match late {
            Late::Clamp if is_stamp(cut) => {
                clamped = 1;
                Some(cut)
            }
            Late::Clamp | Late::Reject => None,
        });
        self.port.slot.counters.clamped.add(clamped);
        match offered {
            Ok(stamp) => Ok(Stamp::from_nanos(stamp)),
            Err((refused, value)) => {
                Err(PushError::new(value, self.refuse(stamp.as_nanos(), refused)))
            }
        }
    }

    /// By how much `stamp` exceeds what the contract allows.
    fn ahead_by(&self, stamp: Stamp) -> Option<Duration> {
        let most = Stamp::from_nanos(self.shared.clock.now()) + self.shared.ahead;
        (stamp > most).then(|| stamp - most)
    }

    #[cold]
    fn refuse_ahead(&self, by: Duration) -> Refusal {
        self.port.slot.counters.ahead.add(1);
        Refusal::TooFarAhead { by }
    }

    /// Pushes records with their stamps and leaves `batch` empty, with its memory.
    ///
    /// # Errors
    ///
    /// As [`push_at`](Self::push_at), for the first record that is refused. Those before it are
    /// accepted; it and those behind it are left in `batch`, in order.
    pub fn push_batch(&mut self, batch: &mut Vec<(Stamp, T)>) -> Result<(), PushError<()>> {
        self.push_pieces(
            batch,
            |(_, value)| value,
            |_, _| Ok(()),
            |this, pieces, count| {
                let piece = &pieces.as_slice()[..count];
                let mut ahead = None;
                let fits = piece.iter().position(|(stamp, _)| {
                    ahead = this.ahead_by(*stamp);
                    ahead.is_some()
                });
                let fits = fits.unwrap_or(count);
                let Some(least) = piece[..fits].iter().map(|(stamp, _)| stamp.as_nanos()).min()
                else {
                    return ahead.map_or(Ok(()), |by| Err(this.refuse_ahead(by)));
                };
                let records = pieces.by_ref().take(fits).map(stamped);
                match this.port.offer_stamped(least, records) {
                    Ok(()) => Ok(()),
                    Err(Refused::Closed) => Err(this.shared.refusal()),
                    // Some stamp is late: single pushes find out which, and clamp if they may.
                    Err(Refused::Behind(_)) => this.push_singly(pieces, fits),
                }
            },
        )
    }

    fn push_singly(
        &mut self,
        pieces: &mut std::vec::Drain<'_, (Stamp, T)>,
        count: usize,
    ) -> Result<(), Refusal> {
        for _ in 0..count {
            let Some(stamp) = pieces.as_slice().first().map(|(stamp, _)| stamp.as_nanos()) else {
                break;
            };
            let offered = match self.port.offer_stamped(stamp, pieces.by_ref().take(1).map(stamped))
            {
                Err(Refused::Behind(cut)) if self.shared.late == Late::Clamp && is_stamp(cut) => {
                    self.port.slot.counters.clamped.add(1);
                    let clamp = |(_, value)| Stamped { stamp: cut, value };
                    self.port.offer_stamped(cut, pieces.by_ref().take(1).map(clamp))
                }
                other => other,
            };
            match offered {
                Err(Refused::Behind(_)) if self.shared.late == Late::Clamp => {}
                Err(refused) => return Err(self.refuse(stamp, refused)),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Pushes a record and blocks until it survives a loss of power, which takes at least the
    /// sink's lag.
    ///
    /// # Errors
    ///
    /// As [`push_durable`](Producer::<T>::push_durable).
    pub fn push_durable(&mut self, stamp: Stamp, value: T) -> Result<Stamp, DurableError<T>> {
        let stamp = self.push_at(stamp, value).map_err(DurableError::Push)?;
        self.durable(stamp)
    }
}

/// Behind the last stamp there is, the frontier may stand and no record may.
fn is_stamp(nanos: u64) -> bool {
    nanos <= Stamp::MAX.as_nanos()
}

fn stamped<T>((stamp, value): (Stamp, T)) -> Stamped<T> {
    Stamped { stamp: stamp.as_nanos(), value }
}

impl<T> Producer<T, LogicalTime> {
    /// Pushes a record at `stamp`, and promises that no later one is earlier. The promise stands
    /// also if the record is refused for want of room.
    ///
    /// # Errors
    ///
    /// [`Refusal::Late`] if `stamp` is behind this producer's own promise, or, after a
    /// [`pause`](Self::pause), behind the frontier or its own last record. [`Refusal::Full`] by
    /// any policy, if the whole ring holds records of this very stamp: they leave when the stamp
    /// has passed, so waiting for them would be waiting for this call. Else as
    /// [`push`](Producer::<T>::push).
    pub fn push_at(&mut self, stamp: Stamp, value: T) -> Result<Stamp, PushError<T>> {
        let low = stamp.as_nanos();
        if self.port.is_full() {
            let way = self.check(&value).and_then(|()| self.make_way(low));
            if let Err(refusal) = way {
                return Err(PushError::new(value, refusal));
            }
        }
        let value = self.ready(value)?;
        if let Err(refusal) = self.hold(low) {
            return Err(PushError::new(value, refusal));
        }
        let tied = if low == self.port.last { self.ties } else { 0 };
        match self.port.offer(low, value, |_| None) {
            Ok(_) => {
                self.ties = tied + 1;
                if low != self.port.low {
                    self.port.promise(low);
                }
                Ok(stamp)
            }
            Err((refused, value)) => Err(PushError::new(value, self.refuse(low, refused))),
        }
    }

    /// Promises `low` before a wait for room: what is in the ring leaves only once the promise is
    /// past it.
    #[cold]
    fn make_way(&mut self, low: u64) -> Result<(), Refusal> {
        self.hold(low)?;
        let waits = matches!(self.shared.overflow, Overflow::Block | Overflow::Timeout(_));
        if waits && low == self.port.last && self.ties >= self.shared.capacity {
            self.port.slot.counters.full.add(1);
            return Err(Refusal::Full);
        }
        if low > self.port.low {
            self.port.promise(low);
            self.port.moved();
        }
        Ok(())
    }

    /// Makes sure that this producer holds a promise no later than `low`.
    fn hold(&mut self, low: u64) -> Result<(), Refusal> {
        if self.port.low == FREE && low < self.port.last {
            // The frontier may not have passed its own last record yet; the ring is in order.
            Err(self.refuse(low, Refused::Behind(self.port.last)))
        } else if self.port.low == FREE {
            self.port.resume(low).map_err(|refused| self.refuse(low, refused))
        } else if low < self.port.low {
            Err(self.refuse(low, Refused::Behind(self.port.low)))
        } else {
            Ok(())
        }
    }

    /// Pushes records, ascending in stamp, and leaves `batch` empty, with its memory.
    ///
    /// # Errors
    ///
    /// As [`push_at`](Self::push_at), for the first record that is refused. Those before it are
    /// accepted; it and those behind it are left in `batch`, in order.
    pub fn push_batch(&mut self, batch: &mut Vec<(Stamp, T)>) -> Result<(), PushError<()>> {
        self.push_pieces(
            batch,
            |(_, value)| value,
            |this, (stamp, _)| this.make_way(stamp.as_nanos()),
            |this, pieces, count| {
                let piece = &pieces.as_slice()[..count];
                let ascending =
                    piece.windows(2).take_while(|pair| pair[0].0 <= pair[1].0).count() + 1;
                let ascending = ascending.min(piece.len());
                let (first, last) = (piece[0].0.as_nanos(), piece[ascending - 1].0.as_nanos());
                let tied = piece[..ascending].iter().rev();
                let tied = tied.take_while(|(stamp, _)| stamp.as_nanos() == last).count();
                this.hold(first)?;
                let before = if last == this.port.last { this.ties } else { 0 };
                let records = pieces.by_ref().take(ascending).map(stamped);
                this.port
                    .offer_stamped(first, records)
                    .map_err(|refused| this.refuse(first, refused))?;
                this.ties = before + tied;
                this.port.last = last;
                this.port.promise(last);
                Ok(())
            },
        )
    }

    /// Promises that no later record of this producer is stamped before `low`, so that others
    /// need not wait for it. A promise that says less than an earlier one changes nothing.
    ///
    /// # Errors
    ///
    /// After a [`pause`](Self::pause), [`Refusal::Late`] if the frontier is past `low`;
    /// [`Refusal::Closed`] or [`Refusal::Failed`] if the sink has ended.
    pub fn advance_to(&mut self, low: Stamp) -> Result<(), PushError<()>> {
        let low = low.as_nanos();
        if self.port.frontier.is_closed() {
            return Err(PushError::new((), self.shared.refusal()));
        }
        if self.port.low == FREE {
            self.hold(low).map_err(|refusal| PushError::new((), refusal))?;
        } else if low > self.port.low {
            self.port.promise(low);
        }
        self.port.moved();
        Ok(())
    }

    /// Takes the promise back: nobody waits for this producer until it pushes or advances again,
    /// at a stamp that neither the frontier nor its own last record has passed.
    pub fn pause(&mut self) {
        self.port.promise(FREE);
        self.port.moved();
    }

    /// The least stamp that this producer may still push; `None` while it pauses.
    #[must_use]
    pub fn promised(&self) -> Option<Stamp> {
        (self.port.low != FREE).then(|| Stamp::from_nanos(self.port.low))
    }

    /// Pushes a record and blocks until it survives a loss of power, which needs every other
    /// producer to advance past it, and this one too: it advances to the stamp behind.
    ///
    /// # Errors
    ///
    /// As [`push_durable`](Producer::<T>::push_durable).
    pub fn push_durable(&mut self, stamp: Stamp, value: T) -> Result<Stamp, DurableError<T>> {
        let stamp = self.push_at(stamp, value).map_err(DurableError::Push)?;
        self.port.promise(nanos(stamp - Stamp::ZERO) + 1);
        self.port.moved();
        self.durable(stamp)
    }
}
