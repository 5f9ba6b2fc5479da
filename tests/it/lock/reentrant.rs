//! Who has a reentrant lock has it again, in whatever order; nobody else does.

use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

use brigade::lock::{Attempt, LockError, Mode, Ranked, RankedGuard, lock_all};
use brigade::mutex::{FairMutex, FairReentrantMutex, FairReentrantMutexGuard};

use super::{HIGH, LOW, MIDDLE, said};
use crate::watchdog::within;

type Pencil<R> = Ranked<FairReentrantMutex<Cell<u32>>, R>;

fn pencil<R: brigade::lock::Rank>(name: &'static str, rank: R) -> Pencil<R> {
    Ranked::named(name, rank, FairReentrantMutex::new(Cell::new(0)))
}

#[test]
fn what_is_held_is_to_be_had_again() {
    let (pencil, high) = (pencil("pencil", MIDDLE), Ranked::new(HIGH, FairMutex::new(())));
    let first = pencil.lock();
    let above = high.lock();
    let again = [
        pencil.lock(),
        pencil.checked_lock().expect("it is held"),
        pencil.try_lock().expect("it is held"),
        pencil.try_lock_for(Duration::ZERO).expect("it is held"),
        pencil.try_lock_until(Instant::now()).expect("it is held"),
    ];
    again.iter().for_each(|guard| guard.set(guard.get() + 1));
    assert_eq!(first.get(), 5);
    drop(above);
    drop(first);
    // It is held as long as one guard is left, and so is its rank.
    let low = Ranked::new(LOW, FairMutex::new(()));
    for guard in again {
        assert!(pencil.checked_lock().is_ok());
        assert!(low.checked_lock().is_err());
        assert!(
            thread::scope(|s| s.spawn(|| pencil.try_lock().is_none()).join()).expect("no panic")
        );
        drop(guard);
    }
    assert!(low.checked_lock().is_ok());
    assert!(!pencil.unranked().is_locked());
}

#[test]
fn what_is_free_keeps_the_order() {
    let (pencil, high) =
        (pencil("pencil", MIDDLE), Ranked::named("high", HIGH, FairMutex::new(())));
    let first = pencil.lock();
    let above = high.lock();
    drop(first);
    let text = said(|| pencil.lock());
    assert!(text.contains("took `high` (rank HIGH)") && text.contains("`pencil`"), "{text}");
    assert!(pencil.checked_lock().is_err());
    for text in [
        said(|| pencil.try_lock_for(Duration::ZERO)),
        said(|| pencil.try_lock_until(Instant::now())),
    ] {
        assert!(text.contains("took `high`"), "{text}");
    }
    assert!(pencil.try_lock().is_some(), "whoever only tries does not wait");
    drop(above);
    assert!(pencil.checked_lock().is_ok());
}

#[test]
fn another_one_of_its_rank_is_another_lock() {
    let (mine, other) = (pencil("mine", LOW), pencil("other", LOW));
    let held = mine.lock();
    let error = other.checked_lock().expect_err("somebody may do it the other way round");
    assert!(error.to_string().ends_with("take locks of one rank together, with lock_all"));
    let again = mine.lock();
    assert!(other.checked_lock().is_err());
    drop((held, again));
    drop(lock_all((&mine, &other)).expect("together"));
    let plain = Ranked::new(LOW, FairMutex::new(()));
    let held = plain.lock();
    assert!(mine.checked_lock().is_err());
    drop(held);
    assert!(other.checked_lock().is_ok());
}

/// Whose it is, counts; not that somebody has it.
#[test]
fn what_another_thread_holds_is_waited_for_in_order() {
    within("what_another_thread_holds_is_waited_for_in_order", || {
        let (pencil, high) = (pencil("pencil", LOW), Ranked::new(HIGH, FairMutex::new(())));
        let held = pencil.lock();
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                let _above = high.lock();
                pencil.checked_lock().is_err()
            });
            assert!(other.join().expect("no panic"), "it would wait out of order");
        });
        drop(held);
    });
}

#[test]
fn sets_take_it_again_and_keep_the_order_of_the_others() {
    let (pencil, other) = (pencil("pencil", LOW), pencil("other", LOW));
    let high = Ranked::new(HIGH, FairMutex::new(0));
    let plain = FairReentrantMutex::new(7);
    let held = pencil.lock();
    let (again, above, seven) = lock_all((&pencil, &high, &plain)).expect("one is held, one above");
    again.set(1);
    assert_eq!((held.get(), *seven), (1, 7));
    drop(above);
    assert!(matches!(lock_all((&pencil, &other)), Err(LockError::WrongOrder(_))));
    assert_eq!(
        lock_all((&pencil, &pencil)).map(drop).expect_err("twice in one set"),
        LockError::Duplicate { first: 0, second: 1 }
    );
    for mode in [Mode::Ordered, Mode::Polite, Mode::Aged] {
        let patience = Attempt::within(Duration::MAX).mode(mode);
        drop(patience.lock_all((&high, &pencil)).expect("free, and its own"));
    }
    drop((held, again, seven));
    assert!(!pencil.unranked().is_locked() && !plain.is_locked());
}

#[test]
fn its_guard_maps_and_parking_lots_will_do() {
    let pair = Ranked::new(MIDDLE, parking_lot::ReentrantMutex::new((1, Cell::new(2))));
    let first = pair.lock();
    let again = pair.checked_lock().expect("it is held");
    again.1.set(3);
    drop(again);
    assert_eq!((first.0, first.1.get()), (1, 3));
    drop(first);
    let pencil = pencil("pencil", LOW);
    let number =
        RankedGuard::map(pencil.lock(), |guard| FairReentrantMutexGuard::map(guard, |cell| cell));
    number.set(4);
    assert_eq!(pencil.lock().get(), 4);
}

#[test]
fn threads_that_enter_again_do_not_deadlock() {
    within("threads_that_enter_again_do_not_deadlock", || {
        const ROUNDS: u32 = if cfg!(miri) { 20 } else { 5_000 };
        let (pencil, high) = (pencil("pencil", LOW), Ranked::new(HIGH, FairMutex::new(0)));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        let first = pencil.lock();
                        let mut above = high.lock();
                        let again = pencil.lock();
                        again.set(first.get() + 1);
                        *above += 1;
                    }
                });
            }
        });
        assert_eq!((pencil.lock().get(), *high.lock()), (3 * ROUNDS, 3 * ROUNDS));
    });
}
