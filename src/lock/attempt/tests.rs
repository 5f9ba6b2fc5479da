//! On a clock that stands still unless somebody sleeps.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::time::{Duration, Instant};

use super::super::pace::{Jitter, Time};
use super::super::{LockError, polled};
use super::{Attempt, Mode};
use crate::mutex::FairMutex;

#[derive(Debug)]
struct Manual {
    now: Cell<Instant>,
    slept: RefCell<Vec<Duration>>,
    spun: Cell<u32>,
    oversleeps: Duration,
    spins_for: Duration,
}

impl Manual {
    fn new() -> Self {
        Self {
            now: Cell::new(Instant::now()),
            slept: RefCell::default(),
            spun: Cell::new(0),
            oversleeps: Duration::ZERO,
            spins_for: Duration::ZERO,
        }
    }

    fn pauses(&self) -> Vec<u64> {
        self.slept.borrow().iter().map(|slept| u64::try_from(slept.as_nanos()).unwrap()).collect()
    }
}

impl Time for Manual {
    fn now(&self) -> Instant {
        self.now.get()
    }

    fn sleep(&self, pause: Duration) {
        self.slept.borrow_mut().push(pause);
        self.now.set(self.now.get() + pause + self.oversleeps);
    }

    fn spin(&self, _: u32) {
        self.spun.set(self.spun.get() + 1);
        self.now.set(self.now.get() + self.spins_for);
    }
}

const fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

fn never() -> Option<()> {
    None
}

#[test]
fn success_at_once_asks_no_clock() {
    #[derive(Debug)]
    struct NoTime;
    impl Time for NoTime {
        fn now(&self) -> Instant {
            unreachable!("nobody needs to know")
        }
        fn sleep(&self, _: Duration) {
            unreachable!("nobody needs to wait")
        }
        fn spin(&self, _: u32) {
            unreachable!("nobody needs to wait")
        }
    }
    let attempt = Attempt::within(Duration::ZERO);
    assert_eq!(attempt.run_on(&NoTime, || Some(1)), Ok(1));
    let lock = FairMutex::new(1);
    for mode in [Mode::Ordered, Mode::Polite, Mode::Aged] {
        let attempt = attempt.clone().mode(mode);
        assert!(attempt.lock_all_on(&NoTime, &(&lock,), Location::caller()).is_ok());
    }
}

#[test]
fn pauses_double_up_to_the_greatest() {
    let time = Manual::new();
    let attempt = Attempt::within(micros(1000)).spin(0).jitter(Jitter::None);
    let timeout = attempt.backoff(micros(10), micros(100)).run_on(&time, never).unwrap_err();
    let expected = [10, 20, 40, 80, 100, 100, 100, 100, 100, 100, 100, 100, 50];
    assert_eq!(*time.slept.borrow(), expected.map(micros), "the last one ends at the deadline");
    assert_eq!(timeout.waited, micros(1000));
    assert_eq!(timeout.attempts, 14, "one before each pause, and the last at the deadline");
    assert_eq!(timeout.blocked_on, None);
}

#[test]
fn the_last_try_is_at_the_deadline() {
    for limit in [1, 7, 999, 1_000_000] {
        for jitter in [Jitter::Full, Jitter::Equal, Jitter::None] {
            let time = Manual::new();
            let end = time.now() + micros(limit);
            let mut last = None;
            let attempt = Attempt::until(end).jitter(jitter).seed(limit);
            let timeout = attempt.run_on(&time, || {
                last = Some(time.now());
                never()
            });
            assert_eq!(last, Some(end), "{jitter:?}");
            assert_eq!(timeout.unwrap_err().waited, micros(limit));
        }
    }
}

/// A system that wakes threads late makes the deadline be missed, but not by a second pause.
#[test]
fn oversleeping_is_noticed() {
    let time = Manual { oversleeps: Duration::from_secs(1), ..Manual::new() };
    let attempt = Attempt::within(Duration::from_millis(1)).spin(0);
    let timeout = attempt.run_on(&time, never).unwrap_err();
    assert_eq!((timeout.attempts, time.slept.borrow().len()), (2, 1));
}

#[test]
fn a_deadline_in_the_past_means_one_try() {
    let time = Manual::new();
    let past = time.now().checked_sub(Duration::from_secs(1)).unwrap_or(time.now());
    for attempt in
        [Attempt::until(past), Attempt::within(Duration::ZERO), Attempt::until(time.now())]
    {
        let timeout = attempt.spin(100).run_on(&time, never).unwrap_err();
        assert_eq!((timeout.attempts, timeout.waited), (1, Duration::ZERO));
    }
    assert_eq!((time.slept.borrow().len(), time.spun.get()), (0, 0));
}

#[test]
fn spinning_ends_at_the_deadline() {
    let time = Manual { spins_for: micros(1), ..Manual::new() };
    let attempt = Attempt::within(micros(50)).spin(u32::MAX);
    let timeout = attempt.run_on(&time, never).unwrap_err();
    assert_eq!((time.spun.get(), timeout.waited), (50, micros(50)));
    assert!(time.pauses().is_empty());
}

#[test]
fn spins_come_first() {
    let time = Manual::new();
    let mut tries = 0;
    let attempt = Attempt::within(Duration::MAX).spin(5);
    let done = attempt.run_on(&time, || {
        tries += 1;
        (tries == 7).then_some(tries)
    });
    assert_eq!(done, Ok(7));
    assert_eq!((time.spun.get(), time.slept.borrow().len()), (5, 1));
}

#[test]
fn odd_pauses_have_a_meaning() {
    // The greatest below the least counts as the least.
    let time = Manual::new();
    let attempt = Attempt::within(micros(100)).spin(0).jitter(Jitter::None);
    let reversed = attempt.clone().backoff(micros(40), micros(10)).run_on(&time, never);
    assert_eq!(*time.slept.borrow(), [40, 40, 20].map(micros));
    assert!(reversed.is_err());

    // No pause at all lets others run; somebody else has to move the clock.
    let time = Manual { oversleeps: micros(30), ..Manual::new() };
    let none = attempt.clone().backoff(Duration::ZERO, Duration::ZERO).run_on(&time, never);
    assert_eq!(none.unwrap_err().attempts, 5);

    // For ever, and one pause of half a millennium, end when the closure does.
    let time = Manual::new();
    let mut tries = 0;
    let long = Attempt::within(Duration::MAX).spin(0).backoff(Duration::MAX, Duration::MAX);
    let done = long.jitter(Jitter::None).run_on(&time, || {
        tries += 1;
        (tries == 2).then_some(())
    });
    assert_eq!((done, time.pauses()), (Ok(()), vec![u64::MAX]));
}

/// The pauses of many first, second, … tries, and what their distribution must be.
fn distribution(jitter: Jitter, low: u64, high: u64) {
    const SEEDS: u64 = if cfg!(miri) { 200 } else { 20_000 };
    const BUCKETS: usize = 10;
    let mut buckets = [0_u64; BUCKETS];
    for seed in 0..SEEDS {
        let time = Manual::new();
        let attempt = Attempt::within(Duration::MAX).spin(0).jitter(jitter).seed(seed);
        let mut tries = 0;
        let done = attempt.backoff(micros(1000), micros(4000)).run_on(&time, || {
            tries += 1;
            (tries == 2).then_some(())
        });
        assert_eq!(done, Ok(()));
        let pause = time.pauses()[0];
        assert!((low..=high).contains(&pause), "{jitter:?}: {pause}");
        let bucket = (pause - low) * BUCKETS as u64 / (high - low + 1);
        buckets[usize::try_from(bucket).unwrap()] += 1;
    }
    if cfg!(miri) {
        return;
    }
    // Six standard deviations, with fixed seeds: this fails if and only if the code changes it.
    let expected = SEEDS / BUCKETS as u64;
    for count in buckets {
        assert!(count.abs_diff(expected) < 260, "{jitter:?}: {buckets:?}");
    }
}

/// The mistake to guard against: clamping what chance gave, so that half of the first pauses are the least
/// possible one exactly.
#[test]
fn full_jitter_is_uniform_down_to_nothing() {
    distribution(Jitter::Full, 0, 1_000_000);
}

#[test]
fn equal_jitter_is_uniform_over_the_upper_half() {
    distribution(Jitter::Equal, 500_000, 1_000_000);
}

#[test]
fn the_cap_grows_under_jitter_too() {
    let mut greatest = [0; 5];
    for seed in 0..200 {
        let time = Manual::new();
        let mut tries = 0;
        let attempt = Attempt::within(Duration::MAX).spin(0).seed(seed);
        let done = attempt.backoff(micros(1), micros(4)).run_on(&time, || {
            tries += 1;
            (tries == 6).then_some(())
        });
        assert_eq!(done, Ok(()));
        for (most, pause) in greatest.iter_mut().zip(time.pauses()) {
            *most = (*most).max(pause);
        }
    }
    for (most, cap) in greatest.into_iter().zip([1000, 2000, 4000, 4000, 4000]) {
        assert!(most <= cap && most > cap * 9 / 10, "{greatest:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_pauses() {
    let pauses = |seed: Option<u64>| {
        let time = Manual::new();
        let attempt = Attempt::within(micros(5000));
        let attempt = seed.map_or(attempt.clone(), |seed| attempt.seed(seed));
        assert!(attempt.run_on(&time, never).is_err());
        time.pauses()
    };
    assert_eq!(pauses(Some(7)), pauses(Some(7)));
    assert_ne!(pauses(Some(7)), pauses(Some(8)));
    assert_ne!(pauses(Some(0)), pauses(Some(1)), "zero is a seed like any other");
    assert_ne!(pauses(None), pauses(None));
}

#[test]
fn a_polled_lock_is_paced() {
    let lock = FairMutex::new(());
    let held = lock.lock();
    for mode in [Mode::Ordered, Mode::Polite, Mode::Aged] {
        let time = Manual::new();
        let attempt = Attempt::within(micros(500)).mode(mode);
        let refused = attempt.lock_all_on(&time, &(polled(&lock),), Location::caller());
        let Err(LockError::Timeout(timeout)) = refused else { panic!("it was taken") };
        assert_eq!((timeout.waited, timeout.blocked_on), (micros(500), Some(0)));
        assert_eq!(time.slept.borrow().iter().sum::<Duration>(), micros(500));
        assert_eq!(timeout.attempts as usize, 2 + 6 + time.slept.borrow().len());
    }
    drop(held);
    assert!(lock.try_lock().is_some());
}

#[test]
fn a_panic_comes_through() {
    let time = Manual::new();
    let mut tries = 0;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        Attempt::within(Duration::MAX).run_on(&time, || -> Option<()> {
            tries += 1;
            assert!(tries < 3, "on purpose");
            None
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(tries, 3);
}
