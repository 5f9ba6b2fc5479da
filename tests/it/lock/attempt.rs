use std::thread;
use std::time::{Duration, Instant};

use brigade::lock::{
    Attempt, Jitter, LockError, Mode, Ranked, Timeout, lock_all, polled, read, upgradable, write,
};
use brigade::mutex::{FairMutex, InspectMutex};
use brigade::rwlock::FairRwLock;

use super::{HIGH, LOW, said};
use crate::watchdog::within;

const MODES: [Mode; 3] = [Mode::Ordered, Mode::Polite, Mode::Aged];
const FOR_EVER: Attempt = Attempt::within(Duration::MAX);

fn long_ago() -> Instant {
    Instant::now().checked_sub(Duration::from_secs(1)).unwrap_or_else(Instant::now)
}

#[track_caller]
fn timeout<G>(outcome: Result<G, LockError>) -> Timeout {
    match outcome {
        Err(LockError::Timeout(timeout)) => timeout,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was to be had"),
    }
}

#[test]
fn what_is_free_is_taken_at_once_whatever_the_deadline() {
    let (a, b, rw) = (FairMutex::new(1), FairMutex::new(2), FairRwLock::new(3));
    for mode in MODES {
        for attempt in [FOR_EVER, Attempt::until(long_ago()), Attempt::within(Duration::ZERO)] {
            let attempt = attempt.mode(mode);
            assert_eq!(*attempt.lock(&a).unwrap(), 1);
            assert_eq!(*attempt.lock(read(&rw)).unwrap(), 3);
            assert_eq!(*attempt.lock(write(&rw)).unwrap(), 3);
            assert_eq!(*attempt.lock(upgradable(&rw)).unwrap(), 3);
            let (x, y, z) = attempt.lock_all((&b, read(&rw), polled(&a))).unwrap();
            assert_eq!((*x, *y, *z), (2, 3, 1));
            drop((x, y, z));
            assert_eq!(attempt.lock_all([&b, &a]).unwrap().map(|guard| *guard), [2, 1]);
            assert_eq!(attempt.lock_all(&[&a, &b][..]).unwrap().len(), 2);
            assert_eq!(attempt.run(|| Some(7)), Ok(7));
        }
    }
}

#[test]
fn a_timeout_names_the_lock_and_leaves_nothing_locked() {
    within("a_timeout_names_the_lock_and_leaves_nothing_locked", || {
        let locks = [1, 2, 3, 4].map(FairMutex::new);
        let limits = [
            Attempt::until(long_ago()),
            Attempt::within(Duration::ZERO),
            Attempt::within(Duration::from_millis(2)),
        ];
        for taken in 0..4 {
            let held = locks[taken].lock();
            for mode in MODES {
                for limit in &limits {
                    let attempt = limit.clone().mode(mode);
                    let late = timeout(attempt.lock_all(locks.each_ref()));
                    assert_eq!(late.blocked_on, Some(taken));
                    assert!(late.attempts >= 2, "one try, and one in the lock's line: {late}");
                    assert_eq!(locks.iter().filter(|lock| lock.is_locked()).count(), 1);

                    let [a, b, c, d] = locks.each_ref();
                    let late = timeout(attempt.lock_all((d, c, polled(b), a)));
                    assert_eq!(late.blocked_on, Some(3 - taken));
                    assert_eq!(locks.iter().filter(|lock| lock.is_locked()).count(), 1);
                }
            }
            drop(held);
        }
        let held = locks[0].lock();
        let text = timeout(Attempt::until(long_ago()).lock(&locks[0])).to_string();
        assert!(
            text.starts_with("lock 0 (counted from zero) was not to be had in 2 tries"),
            "{text}"
        );
        let refused = Attempt::until(long_ago()).run(|| locks[0].try_lock()).unwrap_err();
        assert_eq!((refused.attempts, refused.blocked_on), (1, None));
        let text = refused.to_string();
        assert!(text.starts_with("what was attempted did not succeed in 1 try and"), "{text}");
        drop(held);
    });
}

/// In the line, not polling: the lock knows of the one who waits. Whether he holds the other one meanwhile
/// depends, in order, on where they lie.
#[test]
fn who_waits_for_a_timed_lock_stands_in_its_line() {
    within("who_waits_for_a_timed_lock_stands_in_its_line", || {
        for mode in MODES {
            let (a, b) = (FairMutex::new(1), FairMutex::new(2));
            let held = b.lock();
            thread::scope(|scope| {
                let waiting = scope.spawn(|| {
                    let both = FOR_EVER.mode(mode).lock_all((&a, &b));
                    both.map(|(a, b)| *a + *b)
                });
                while b.waiting() == 0 {
                    thread::yield_now();
                }
                let a_comes_first = std::ptr::from_ref(&a).addr() < std::ptr::from_ref(&b).addr();
                match mode {
                    Mode::Ordered => assert_eq!(a.is_locked(), a_comes_first),
                    Mode::Polite => assert!(!a.is_locked()),
                    // Other tests may have elder attempts than this one.
                    _ => {}
                }
                drop(held);
                assert_eq!(waiting.join().unwrap(), Ok(3));
            });
        }
    });
}

#[test]
fn polite_ones_hold_nothing_while_they_wait() {
    within("polite_ones_hold_nothing_while_they_wait", || {
        let locks = [1, 2, 3].map(FairMutex::new);
        let held = locks[1].lock();
        thread::scope(|scope| {
            let waiting =
                scope.spawn(|| FOR_EVER.mode(Mode::Polite).lock_all(locks.each_ref()).is_ok());
            while locks[1].waiting() == 0 {
                thread::yield_now();
            }
            // Both others are there for anybody, for as long as they like.
            let rest = lock_all((&locks[2], &locks[0])).unwrap();
            drop(held);
            while locks[0].waiting() + locks[2].waiting() == 0 {
                thread::yield_now();
            }
            assert!(
                locks[1].try_lock().is_some(),
                "it was given back for the one that is missing now"
            );
            drop(rest);
            assert!(waiting.join().unwrap());
        });
        assert!(!locks.iter().any(FairMutex::is_locked));
    });
}

#[test]
fn duplicates_and_wrong_orders_are_errors_at_once() {
    let (a, b) = (FairMutex::new(1), FairMutex::new(2));
    let low = Ranked::named("low", LOW, FairMutex::new(1));
    let high = Ranked::named("high", HIGH, FairRwLock::new(2));
    let held = a.lock();
    let above = high.read();
    for mode in MODES {
        let attempt = FOR_EVER.mode(mode);
        let twice = attempt.lock_all((&a, &b, &a)).map(drop);
        assert_eq!(twice, Err(LockError::Duplicate { first: 0, second: 2 }));
        assert!(matches!(attempt.lock(&low), Err(LockError::WrongOrder(_))));
        assert!(matches!(attempt.lock_all((&b, &low)), Err(LockError::WrongOrder(_))));
        assert!(!b.is_locked());
    }
    drop((held, above));
    for mode in MODES {
        let both = FOR_EVER.mode(mode).lock_all((read(&high), &low)).unwrap();
        assert!(low.checked_lock().is_err(), "what it took is recorded");
        drop(both);
        assert!(low.checked_lock().is_ok());
    }
}

/// A failed attempt forgets the ranks that it held for a while.
#[test]
fn a_timeout_gives_the_ranks_back() {
    let low = Ranked::new(LOW, FairMutex::new(1));
    let high = Ranked::new(HIGH, FairMutex::new(2));
    let held = high.unranked().lock();
    thread::scope(|scope| {
        scope.spawn(|| {
            for mode in MODES {
                let attempt = Attempt::within(Duration::from_millis(1)).mode(mode);
                assert_eq!(timeout(attempt.lock_all((&low, &high))).blocked_on, Some(1));
                assert!(low.checked_lock().is_ok());
            }
        });
    });
    drop(held);
}

#[test]
fn a_panicking_closure_ends_it() {
    let lock = FairMutex::new(1);
    let mut tries = 0;
    let text = said(|| {
        FOR_EVER.run(|| -> Option<()> {
            let _held = lock.try_lock()?;
            tries += 1;
            assert!(tries < 4, "on the fourth try");
            None
        })
    });
    assert!(text.contains("on the fourth try"), "{text}");
    assert!(!lock.is_locked());
}

#[test]
fn settings_of_all_kinds_come_to_an_end() {
    let settings = [
        Attempt::within(Duration::ZERO).spin(u32::MAX),
        // Without a look at the clock that is hours.
        Attempt::within(Duration::from_micros(50)).spin(u32::MAX),
        Attempt::until(long_ago()).backoff(Duration::MAX, Duration::MAX),
        Attempt::within(Duration::from_micros(50)).backoff(Duration::MAX, Duration::ZERO),
        Attempt::within(Duration::from_micros(50)).backoff(Duration::ZERO, Duration::ZERO).spin(0),
        Attempt::within(Duration::from_micros(50)).jitter(Jitter::None).seed(0),
        Attempt::within(Duration::from_micros(50)).jitter(Jitter::Equal).seed(u64::MAX),
    ];
    within("settings_of_all_kinds_come_to_an_end", move || {
        for attempt in settings {
            let refused = attempt.run(|| None::<()>).unwrap_err();
            assert!(refused.attempts >= 1, "{attempt:?}");
        }
    });
}
