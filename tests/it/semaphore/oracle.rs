//! Random operations, with waiters in threads of their own, held against a sequential semaphore.
//!
//! After each operation the oracle knows who must be served by now and who must still wait; the
//! test blocks until the one has happened and checks the other.

use super::until_waiting;
use crate::watchdog::within;
use brigade::semaphore::{AcquireError, BoundedSemaphore, Permit, Semaphore};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
enum Op {
    Acquire(usize),
    Try(usize),
    Barge(usize),
    TryFor(usize),
    Release(usize),
    Split(usize, usize),
    Merge(usize, usize),
    Forget(usize),
    Add(usize),
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    let count = 0..5usize;
    let which = 0..8usize;
    prop_oneof![
        6 => count.clone().prop_map(Op::Acquire),
        2 => count.clone().prop_map(Op::Try),
        1 => count.clone().prop_map(Op::Barge),
        1 => count.clone().prop_map(Op::TryFor),
        6 => which.clone().prop_map(Op::Release),
        2 => (which.clone(), count.clone()).prop_map(|(which, count)| Op::Split(which, count)),
        1 => (which.clone(), which.clone()).prop_map(|(one, other)| Op::Merge(one, other)),
        1 => which.prop_map(Op::Forget),
        2 => count.prop_map(Op::Add),
        1 => Just(Op::Close),
    ]
}

type Outcome = Result<usize, AcquireError>;

/// What a semaphore is, said without threads.
#[derive(Debug)]
struct Oracle {
    free: usize,
    total: usize,
    closed: bool,
    queue: VecDeque<(usize, usize)>,
}

impl Oracle {
    fn beyond(&self, asked: usize) -> Option<AcquireError> {
        (asked > self.total.max(1)).then_some(AcquireError::Beyond { asked, total: self.total })
    }

    /// `None` is: not now.
    fn now(&mut self, asked: usize, barging: bool) -> Option<Outcome> {
        if self.closed {
            return Some(Err(AcquireError::Closed));
        }
        if asked == 0 {
            return Some(Ok(0));
        }
        if asked <= self.free && (barging || self.queue.is_empty()) {
            self.free -= asked;
            return Some(Ok(asked));
        }
        self.beyond(asked).map(Err)
    }

    /// Everyone who must be served by now, and how.
    fn served(&mut self) -> BTreeMap<usize, Outcome> {
        let mut served = BTreeMap::new();
        let queue = std::mem::take(&mut self.queue);
        for (id, asked) in queue {
            let refused = if self.closed { Some(AcquireError::Closed) } else { self.beyond(asked) };
            match refused {
                Some(error) => drop(served.insert(id, Err(error))),
                None => self.queue.push_back((id, asked)),
            }
        }
        while let Some((id, asked)) = self.queue.front().copied()
            && asked <= self.free
        {
            self.free -= asked;
            self.queue.pop_front();
            served.insert(id, Ok(asked));
        }
        served
    }
}

type Owned = Permit<Arc<Semaphore>>;
type Answer = (usize, Result<Owned, AcquireError>);

struct Trial {
    semaphore: Arc<Semaphore>,
    oracle: Oracle,
    held: Vec<Owned>,
    answers: (Sender<Answer>, Receiver<Answer>),
    threads: Vec<thread::JoinHandle<()>>,
}

impl Trial {
    fn new(total: usize) -> Self {
        Self {
            semaphore: Arc::new(Semaphore::new(total)),
            oracle: Oracle { free: total, total, closed: false, queue: VecDeque::new() },
            held: Vec::new(),
            answers: channel(),
            threads: Vec::new(),
        }
    }

    fn pick(&self, which: usize) -> Option<usize> {
        (!self.held.is_empty()).then(|| which % self.held.len())
    }

    fn keep(&mut self, expected: Outcome, got: Result<Owned, AcquireError>) {
        assert_eq!(got.as_ref().map(Permit::count).map_err(|error| *error), expected);
        self.held.extend(got);
    }

    fn acquire(&mut self, asked: usize) {
        let id = self.threads.len();
        let (semaphore, answers) = (Arc::clone(&self.semaphore), self.answers.0.clone());
        let expected = self.oracle.now(asked, false);
        self.threads.push(thread::spawn(move || {
            answers.send((id, semaphore.acquire_owned(asked))).expect("the trial still runs");
        }));
        match expected {
            Some(outcome) => {
                let (_, got) = self.answers.1.recv().expect("a thread answers");
                self.keep(outcome, got);
            }
            None => {
                self.oracle.queue.push_back((id, asked));
                until_waiting(&self.semaphore, self.oracle.queue.len());
            }
        }
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Acquire(asked) => self.acquire(asked),
            Op::Try(asked) => {
                let busy = Err(AcquireError::Unavailable { asked });
                let expected = self.oracle.now(asked, false).unwrap_or(busy);
                let got = self.semaphore.try_acquire_owned(asked);
                self.keep(expected, got);
            }
            Op::TryFor(asked) => {
                let late = Err(AcquireError::TimedOut { asked });
                let expected = self.oracle.now(asked, false).unwrap_or(late);
                let got = self.semaphore.acquire_owned_timeout(asked, Duration::ZERO);
                self.keep(expected, got);
            }
            Op::Barge(asked) => {
                let busy = Err(AcquireError::Unavailable { asked });
                let expected = self.oracle.now(asked, true).unwrap_or(busy);
                let got = self.semaphore.try_acquire_barging(asked).map(|permit| permit.count());
                assert_eq!(got, expected);
                // The borrowed permit is back already.
                self.oracle.free += got.unwrap_or(0);
            }
            Op::Release(which) => {
                if let Some(place) = self.pick(which) {
                    let permit = self.held.remove(place);
                    self.oracle.free += permit.count();
                }
            }
            Op::Split(which, count) => {
                if let Some(place) = self.pick(which) {
                    let before = self.held[place].count();
                    let part = self.held[place].split(count);
                    assert_eq!(part.is_some(), count <= before);
                    self.held.extend(part);
                }
            }
            Op::Merge(one, other) => {
                if let (Some(one), Some(other)) = (self.pick(one), self.pick(other))
                    && one != other
                {
                    let sum = self.held[one].count() + self.held[other].count();
                    let mut first = self.held.remove(one.max(other));
                    let second = self.held.remove(one.min(other));
                    first.merge(second).expect("one semaphore gave both");
                    assert_eq!(first.count(), sum);
                    self.held.push(first);
                }
            }
            Op::Forget(which) => {
                if let Some(place) = self.pick(which) {
                    let permit = self.held.remove(place);
                    self.oracle.total -= permit.count();
                    permit.forget();
                }
            }
            Op::Add(count) => {
                self.semaphore.add_permits(count);
                self.oracle.total += count;
                self.oracle.free += count;
            }
            Op::Close => {
                self.semaphore.close();
                self.oracle.closed = true;
            }
        }
        self.settle();
    }

    fn settle(&mut self) {
        let expected = self.oracle.served();
        let mut got: Vec<_> =
            expected.iter().map(|_| self.answers.1.recv().expect("a thread answers")).collect();
        got.sort_by_key(|(id, _)| *id);
        for ((id, answer), (expected_id, outcome)) in got.into_iter().zip(expected) {
            assert_eq!(id, expected_id, "somebody else was served");
            self.keep(outcome, answer);
        }
        assert_eq!(self.semaphore.available(), self.oracle.free);
        assert_eq!(self.semaphore.total(), self.oracle.total);
        assert_eq!(self.semaphore.waiting(), self.oracle.queue.len());
        assert_eq!(self.semaphore.is_closed(), self.oracle.closed);
        let held: usize = self.held.iter().map(Permit::count).sum();
        assert_eq!(self.oracle.free + held, self.oracle.total, "the oracle itself loses none");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 150 }))]

    #[test]
    fn any_history_is_that_of_a_sequential_semaphore(
        total in 0..5usize,
        ops in prop::collection::vec(op(), 1..40),
    ) {
        within("semaphore history", move || {
            let mut trial = Trial::new(total);
            for op in ops {
                trial.run(op);
            }
            trial.run(Op::Close);
            trial.held.clear();
            for thread in trial.threads.drain(..) {
                thread.join().expect("no thread panics");
            }
            assert_eq!(trial.semaphore.available(), trial.semaphore.total());
        });
    }

    #[test]
    fn a_bounded_semaphore_counts_what_is_out(
        capacity in 0..5usize,
        ops in prop::collection::vec((0..4u8, 0..6usize), 1..60),
    ) {
        let semaphore = BoundedSemaphore::new(capacity);
        let (mut held, mut out) = (Vec::new(), 0);
        for (kind, count) in ops {
            match kind {
                0 => held.extend(semaphore.try_acquire_many(count)),
                1 => drop(held.pop()),
                2 => if let Some(permit) = held.pop() {
                    out += permit.count();
                    permit.forget();
                },
                _ => {
                    let released = semaphore.release(count);
                    prop_assert_eq!(released.is_ok(), count <= out);
                    out -= released.map_or(0, |()| count);
                }
            }
            let guarded: usize = held.iter().map(Permit::count).sum();
            prop_assert_eq!(semaphore.available() + guarded + out, capacity);
            prop_assert_eq!(semaphore.total() + out, capacity);
        }
    }
}
