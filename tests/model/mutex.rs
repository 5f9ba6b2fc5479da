//! The condition variable of the fair mutex: no notification is lost.

#[cfg(brigade_loom)]
use loom::thread;
#[cfg(brigade_shuttle)]
use shuttle::thread;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use brigade::internals::Mutant::CondvarUnlocksFirst;
use brigade::internals::mutex::Condition;
use brigade::internals::rwlock::{Kind::Writer, Machine};
use brigade::rwlock::TaskFair;

use crate::contrast::{Contrast, all_are_caught, loom};
use crate::explore::explore;

struct Basket {
    lock: Machine<TaskFair>,
    filled: Condition,
    // Protected by the lock; a plain number would need a cell.
    apples: AtomicUsize,
}

impl Basket {
    fn new() -> Arc<Self> {
        let (lock, filled) = (Machine::new(), Condition::new());
        Arc::new(Self { lock, filled, apples: AtomicUsize::new(0) })
    }

    fn take(&self) {
        assert_eq!(self.lock.enter(Writer, None), Ok(()));
        while self.apples.load(SeqCst) == 0 {
            assert!(self.filled.wait(&self.lock, None));
        }
        self.apples.fetch_sub(1, SeqCst);
        self.lock.leave_writer(false);
    }

    fn put(&self, apples: usize) {
        assert_eq!(self.lock.enter(Writer, None), Ok(()));
        self.apples.fetch_add(apples, SeqCst);
        self.lock.leave_writer(false);
        self.filled.notify(apples);
    }

    fn finish(&self, left: usize) {
        assert!(self.lock.is_untouched());
        assert_eq!(self.apples.load(SeqCst), left);
        assert_eq!(self.filled.notify(usize::MAX), 0, "nobody is left in the line");
    }
}

#[test]
fn no_notification_is_lost() {
    explore(3, || {
        let basket = Basket::new();
        let other = basket.clone();
        let taker = thread::spawn(move || other.take());
        basket.put(1);
        taker.join().unwrap();
        basket.finish(0);
    });
}

#[test]
fn two_takers_and_two_apples() {
    explore(3, || {
        let basket = Basket::new();
        let takers =
            [basket.clone(), basket.clone()].map(|basket| thread::spawn(move || basket.take()));
        basket.put(2);
        takers.into_iter().for_each(|taker| taker.join().unwrap());
        basket.finish(0);
    });
}

/// One gives up, at any moment; what was meant for it is there for the other.
#[test]
fn a_waiter_that_gives_up_takes_no_place() {
    explore(3, || {
        let basket = Basket::new();
        let other = basket.clone();
        let hasty = thread::spawn(move || {
            assert_eq!(other.lock.enter(Writer, None), Ok(()));
            let some_day = Instant::now() + Duration::from_secs(1_000_000);
            let notified = other.filled.wait(&other.lock, Some(some_day));
            other.lock.leave_writer(false);
            if notified {
                other.filled.notify(1); // not wanted here: pass it on
            }
        });
        let other = basket.clone();
        let patient = thread::spawn(move || other.take());
        basket.put(1);
        hasty.join().unwrap();
        patient.join().unwrap();
        basket.finish(0);
    });
}

pub(crate) const CONTRASTS: &[Contrast] =
    &[loom(CondvarUnlocksFirst, "mutex::no_notification_is_lost", &["deadlock"])];

#[test]
fn every_mutant_is_caught() {
    all_are_caught(CONTRASTS);
}
