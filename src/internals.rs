//! What the models and the scoreboard see of the insides.

#![allow(missing_docs, missing_debug_implementations, clippy::missing_panics_doc)]

#[cfg(feature = "internals")]
use std::ops::ControlFlow;
use std::sync::Arc;

#[cfg(feature = "internals")]
use crate::clock::Stamp;
use crate::sink::frontier;
#[cfg(feature = "internals")]
use crate::sink::order::{Arrival, Batch, Entry};
#[cfg(any(feature = "internals", brigade_loom))]
use crate::sink::slice;
#[cfg(feature = "internals")]
use crate::sink::{Encode, ProducerId, Record, ValueError};

#[cfg(any(brigade_loom, brigade_shuttle))]
pub use crate::lock::internals as lock;
#[cfg(any(brigade_loom, brigade_shuttle))]
pub use crate::mutex::internals as mutex;
#[cfg(all(feature = "pipeline", any(brigade_loom, brigade_shuttle)))]
pub use crate::pipeline::internals as pipeline;
#[cfg(any(brigade_loom, brigade_shuttle))]
pub use crate::rwlock::internals as rwlock;
#[cfg(any(brigade_loom, brigade_shuttle))]
pub use crate::sync::Mutant;

/// The protocol alone: producers' ports and the writer's rounds, without threads or output.
pub struct Protocol<T> {
    frontier: Arc<frontier::Frontier<T>>,
}

impl<T> Protocol<T> {
    pub fn new() -> (Self, Rounds<T>) {
        let frontier = frontier::Frontier::new(0);
        let rounds = Rounds(frontier::Rounds::new(Arc::clone(&frontier)));
        (Self { frontier }, rounds)
    }

    pub fn join(&self, name: &str, capacity: usize) -> Option<Port<T>> {
        self.frontier.join(name, capacity).ok().map(Port)
    }

    pub fn wake(&self) {
        self.frontier.wake.raise();
    }

    /// Blocks until somebody wakes the writer.
    pub fn sleep(&self) {
        self.frontier.wake.wait();
    }
}

pub struct Port<T>(frontier::Port<T>);

impl<T> Port<T> {
    /// Sink-stamped: `clock` is read as often as the protocol wants it.
    pub fn push(&mut self, value: T, clock: impl Fn() -> u64) -> Result<u64, T> {
        let stamp = clock().max(self.0.last);
        self.0.offer(stamp, value, |_| Some(clock())).map_err(|(_, value)| value)
    }

    pub fn push_all(&mut self, values: Vec<T>, clock: impl Fn() -> u64) -> Option<u64> {
        let stamp = clock().max(self.0.last);
        self.0.offer_all(stamp, values.into_iter(), |_| Some(clock())).ok()
    }

    /// Event time: refused if late.
    pub fn push_at(&mut self, stamp: u64, value: T) -> Result<u64, T> {
        self.0.offer(stamp, value, |_| None).map_err(|(_, value)| value)
    }

    /// Event time: all or none; false if the least stamp is late.
    pub fn push_all_at(&mut self, records: Vec<(u64, T)>) -> bool {
        let least = records.iter().map(|&(stamp, _)| stamp).min().unwrap_or(0);
        let records = records.into_iter().map(|(stamp, value)| frontier::Stamped { stamp, value });
        self.0.offer_stamped(least, records).is_ok()
    }

    /// Logical time.
    pub fn push_promised(&mut self, stamp: u64, value: T) -> Result<u64, T> {
        if !self.resume(stamp) {
            return Err(value);
        }
        let result = self.push_at(stamp, value);
        if result.is_ok() {
            self.0.promise(stamp);
        }
        result
    }

    pub fn advance_to(&mut self, low: u64) {
        self.0.promise(low);
        self.0.moved();
    }

    /// Ends a pause, if there is one; false if the frontier is past `low`.
    pub fn resume(&mut self, low: u64) -> bool {
        self.0.low != frontier::FREE || self.0.resume(low).is_ok()
    }

    /// The least stamp that logical time still accepts.
    pub fn promised(&self) -> u64 {
        self.0.low
    }

    pub fn pause(&mut self) {
        self.0.promise(frontier::FREE);
        self.0.moved();
    }

    /// Blocks until the ring has room; false if the sink is closed.
    pub fn wait_for_room(&mut self) -> bool {
        while self.0.is_full() {
            if self.0.frontier.is_closed() {
                return false;
            }
            if self.0.must_wait() {
                self.0.slot.space.wait();
            }
        }
        true
    }

    pub fn is_full(&self) -> bool {
        self.0.is_full()
    }

    pub fn id(&self) -> u32 {
        self.0.id
    }
}

pub struct Rounds<T>(frontier::Rounds<T>);

/// Producer id, sequence number, stamp, value.
pub type Seen<T> = (u32, u64, u64, T);

impl<T> Rounds<T> {
    /// One round: propose, look, take what is due, in total order.
    pub fn round(&mut self, proposal: u64) -> Vec<Seen<T>> {
        let scan = self.0.scan(proposal);
        self.take(scan.cut)
    }

    /// One round that takes no more than the records of the first stamp there is.
    #[cfg(brigade_loom)]
    pub fn slice(&mut self, proposal: u64) -> Vec<Seen<T>> {
        let scan = self.0.scan(proposal);
        let scan = self.0.narrow(scan, &slice::Slices::finest());
        self.take(scan.cut)
    }

    pub fn round_of_promises(&mut self) -> Vec<Seen<T>> {
        let scan = self.0.scan_promises(None);
        self.take(scan.cut)
    }

    /// One round of event time: everything that the look found, due or not, as it lies in the
    /// rings.
    pub fn round_of_events(&mut self, proposal: u64) -> Vec<Seen<T>> {
        self.0.scan(proposal);
        let mut taken = Vec::new();
        self.0.take_all(|id, first, run| keep(&mut taken, id, first, run));
        taken
    }

    /// Everything stamped below it has been released by the last round.
    pub fn cut(&self) -> u64 {
        self.0.cut()
    }

    /// A round behind an announcement to rest: true if nothing at all is here.
    pub fn may_rest(&mut self, proposal: u64) -> bool {
        self.0.set_rest(frontier::IDLE);
        let scan = self.0.scan(proposal);
        scan.found == 0 && !scan.claimed && !scan.leaving
    }

    pub fn wake_up(&self) {
        self.0.set_rest(frontier::AWAKE);
    }

    pub fn wake_blocked(&self) -> bool {
        self.0.wake_blocked(false)
    }

    /// Between two slices of one round.
    pub fn wake_blocked_between(&self) -> bool {
        self.0.wake_blocked(true)
    }

    pub fn past_all(&mut self) -> u64 {
        self.0.past_all()
    }

    pub fn retire(&mut self, written: u64) -> usize {
        let mut gone = 0;
        self.0.retire(written, |_| gone += 1);
        gone
    }

    pub fn close(&mut self) -> Vec<Seen<T>> {
        self.0.close();
        self.0.wake_all();
        self.take(frontier::CLOSED)
    }

    fn take(&mut self, cut: u64) -> Vec<Seen<T>> {
        let mut taken = Vec::new();
        self.0.take_due(cut, |id, first, run| keep(&mut taken, id, first, run));
        taken.sort_by_key(|&(_, _, stamp, _)| stamp);
        taken
    }
}

/// Adds a run to what was taken, and gives its greatest stamp.
fn keep<T>(
    taken: &mut Vec<Seen<T>>,
    id: u32,
    first: u64,
    run: impl Iterator<Item = frontier::Stamped<T>>,
) -> u64 {
    let before = taken.len();
    let seen = |(sequence, record): (u64, frontier::Stamped<T>)| {
        (id, sequence, record.stamp, record.value)
    };
    taken.extend((first..).zip(run).map(seen));
    taken[before..].iter().map(|&(_, _, stamp, _)| stamp).max().unwrap_or(0)
}

/// The ordering stage alone.
#[cfg(feature = "internals")]
pub struct Order<T>(Batch<T>);

#[cfg(feature = "internals")]
impl<T> Default for Order<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "internals")]
impl<T> Order<T> {
    pub fn new() -> Self {
        Self(Batch::default())
    }

    /// Adds records of one producer, ascending in stamp; producers come in ascending order.
    #[inline]
    pub fn extend_run(&mut self, producer: u32, run: impl Iterator<Item = (u64, T)>) {
        let entry = |(stamp, value)| Entry::new(stamp, producer, 0, value);
        let _ = self.0.extend_run(run.map(entry));
    }

    pub fn sort(&mut self) {
        self.0.sort(Arrival::Grouped);
    }

    /// Stamp, producer and value in total order.
    #[inline]
    pub fn for_each(&self, mut each: impl FnMut(u64, u32, &T)) {
        let all = self.0.try_for_each_from(0, |entry| {
            each(entry.stamp, entry.producer, &entry.value);
            ControlFlow::<()>::Continue(())
        });
        debug_assert!(all.is_continue());
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// How the writer slices a large round.
#[cfg(feature = "internals")]
pub struct Slices(slice::Slices);

#[cfg(feature = "internals")]
impl Slices {
    pub fn new(producers: usize) -> Self {
        let mut slices = slice::Slices::new();
        slices.suit(producers);
        Self(slices)
    }

    /// Where to cut a round that holds `left` records from `first` on and ends at `cut`.
    pub fn cut(&self, first: u64, left: usize, cut: u64) -> u64 {
        self.0.cut(first, left, cut)
    }

    pub fn took(&mut self, count: usize) {
        self.0.took(count);
    }
}

/// What the writer tells an encoding, for peers that are to write the same bytes.
#[cfg(feature = "internals")]
pub fn introduce<T>(encoder: &mut impl Encode<T>, producer: u32, name: &str) {
    encoder.producer(ProducerId::new(producer), name);
}

/// What the writer does with a record.
#[cfg(feature = "internals")]
#[inline]
pub fn encode<T>(
    encoder: &mut impl Encode<T>,
    stamp: u64,
    producer: u32,
    name: &str,
    sequence: u64,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let stamp = Stamp::from_nanos(stamp);
    let producer = ProducerId::new(producer);
    encoder.encode(&Record { stamp, producer, name, sequence, value }, out)
}
