use std::cell::RefCell;
use std::mem::{forget, size_of};
use std::panic::Location;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use brigade::lock::{LockName, Ranked, RankedGuard, WrongOrder, lock_all, lock_ranks, read};
use brigade::mutex::{FairCondvar, FairMutex, FairMutexGuard};
use brigade::rwlock::{
    FairRwLock, FairRwLockUpgradableReadGuard as Upgradable, FairRwLockWriteGuard as Writing,
};

use super::{HIGH, LOW, MIDDLE, said};
use crate::watchdog::within;

type Mutex<R> = Ranked<FairMutex<u32>, R>;

fn low() -> Mutex<LOW> {
    Ranked::named("low", LOW, FairMutex::new(1))
}

fn middle() -> Mutex<MIDDLE> {
    Ranked::named("middle", MIDDLE, FairMutex::new(2))
}

fn high() -> Mutex<HIGH> {
    Ranked::named("high", HIGH, FairMutex::new(3))
}

#[track_caller]
fn here() -> &'static Location<'static> {
    Location::caller()
}

#[test]
fn in_order_with_and_without_gaps() {
    let (low, middle, high) = (low(), middle(), high());
    {
        let one = low.lock();
        let two = middle.lock();
        let three = high.lock();
        assert_eq!(*one + *two + *three, 6);
    }
    let one = low.lock();
    let three = high.lock();
    drop(one); // in any order
    drop(three);
    drop(middle.lock());
    drop(low.lock());
}

#[test]
fn the_panic_names_locks_ranks_places_and_order() {
    let (low, high) = (low(), high());
    let (held, held_at) = (high.lock(), here());
    let mut asked_at = None;
    let text = said(|| {
        asked_at = Some(here());
        low.lock()
    });
    let asked_at = asked_at.expect("it was asked");
    let file = file!();
    let (taken, asked) = (held_at.line(), asked_at.line() + 1);
    let expected = [
        format!("wrong lock order: this thread took `high` (rank HIGH) at {file}:{taken}:"),
        format!(" and asks for `low` (rank LOW) at {file}:{asked}:"),
        "; the declared order is LOW < MIDDLE < HIGH: take the second one first, or both together \
         with lock_all"
            .to_owned(),
    ];
    let mut rest = &text[..];
    for part in &expected {
        let at = rest.find(part.as_str()).unwrap_or_else(|| panic!("{part:?} is not in {text:?}"));
        rest = &rest[at + part.len()..];
    }
    assert!(rest.is_empty(), "{rest:?}");
    drop(held);
    drop(low.lock()); // nothing was left behind
}

#[test]
fn the_error_says_the_same_and_takes_nothing() {
    let (low, made_at) = (Ranked::new(LOW, FairMutex::new(1)), here());
    let middle = middle();
    let held = middle.lock();
    let (error, asked_at) = (low.checked_lock().unwrap_err(), here());
    let WrongOrder { held: first, wanted, .. } = error;
    assert_eq!((first.name, first.rank), (LockName::Given("middle"), "MIDDLE"));
    assert_eq!((wanted.rank, wanted.place.line()), ("LOW", asked_at.line()));
    let LockName::MadeAt(place) = wanted.name else { panic!("it has no name") };
    assert_eq!(place.line(), made_at.line());
    assert!(error.to_string().contains(&format!("the lock made at {place}")), "{error}");
    assert!(low.unranked().try_lock().is_some());
    drop(held);
    assert!(low.checked_lock().is_ok());
}

#[test]
fn one_rank_is_not_nested() {
    let (one, other) = (middle(), middle());
    let held = one.lock();
    let error = other.checked_lock().unwrap_err();
    assert!(error.to_string().ends_with("take locks of one rank together, with lock_all"));
    assert!(one.checked_lock().is_err(), "this one would hang");
    drop(held);

    let both = lock_all((&one, &other)).expect("together");
    let error = other.checked_lock().unwrap_err().to_string();
    assert!(error.contains("one of 2 such that it holds"), "{error}");
    drop(both.0);
    assert!(one.checked_lock().is_err(), "one is still held");
    drop(both.1);
    assert!(one.checked_lock().is_ok());
}

#[test]
fn a_recursive_read_is_refused() {
    let lock = Ranked::new(LOW, FairRwLock::new(1));
    let reading = lock.read();
    assert!(lock.checked_read().is_err());
    assert!(lock.checked_write().is_err());
    assert!(lock.checked_upgradable_read().is_err());
    assert!(lock.try_read().is_some(), "what does not wait cannot hang");
    drop(reading);
    assert!(lock.checked_write().is_ok());
}

mod diamond {
    use super::*;

    lock_ranks! {
        pub(super) TOP, LEFT, RIGHT, BOTTOM;
        TOP < LEFT < BOTTOM;
        TOP < RIGHT < BOTTOM;
    }

    #[test]
    fn ranks_that_nothing_connects_are_not_nested() {
        let top = Ranked::new(TOP, FairMutex::new(()));
        let left = Ranked::new(LEFT, FairMutex::new(()));
        let right = Ranked::new(RIGHT, FairMutex::new(()));
        let bottom = Ranked::new(BOTTOM, FairMutex::new(()));
        {
            let side = left.lock();
            let error = right.checked_lock().unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains("the declared order is TOP < LEFT < BOTTOM; TOP < RIGHT < BOTTOM")
            );
            assert!(text.contains("declare which of the two comes first"), "{text}");
            drop(bottom.lock());
            drop(side);
        }
        let held = right.lock();
        assert!(left.checked_lock().is_err());
        drop(held);

        // Together, from above, and below them what is below both.
        let above = top.lock();
        let sides = lock_all((&right, &left)).expect("declared or not, one order is kept");
        drop(bottom.lock());
        drop((sides, above));
        let below = bottom.lock();
        assert!(lock_all((&right, &left)).is_err());
        drop(below);
    }

    #[test]
    fn names_without_an_order_are_never_nested() {
        lock_ranks! { ALPHA, BETA }
        let (alpha, beta) =
            (Ranked::new(ALPHA, FairMutex::new(1)), Ranked::new(BETA, FairMutex::new(2)));
        let held = alpha.lock();
        let text = said(|| beta.lock());
        assert!(text.contains("no order is declared: declare which of the two"), "{text}");
        drop(held);
        assert!(lock_all((&beta, &alpha)).is_ok());
    }
}

#[test]
fn tables_know_nothing_of_each_other() {
    lock_ranks! { FIRST < SECOND }
    let (ours, theirs) = (high(), Ranked::new(FIRST, FairMutex::new(1)));
    let last = Ranked::new(SECOND, FairMutex::new(1));
    let _held = (ours.lock(), theirs.lock(), last.lock());
    assert!(middle().checked_lock().is_err());
}

#[test]
fn sixty_four_ranks_fit() {
    lock_ranks! {
        A0 < A1 < A2 < A3 < A4 < A5 < A6 < A7 < A8 < A9 < A10 < A11 < A12 < A13 < A14 < A15 < A16 < A17
        < A18 < A19 < A20 < A21 < A22 < A23 < A24 < A25 < A26 < A27 < A28 < A29 < A30 < A31 < A32 < A33
        < A34 < A35 < A36 < A37 < A38 < A39 < A40 < A41 < A42 < A43 < A44 < A45 < A46 < A47 < A48 < A49
        < A50 < A51 < A52 < A53 < A54 < A55 < A56 < A57 < A58 < A59 < A60 < A61 < A62 < A63
    }
    let (first, last) = (Ranked::new(A0, FairMutex::new(1)), Ranked::new(A63, FairMutex::new(1)));
    let before_last = Ranked::new(A62, FairMutex::new(1));
    let held = (first.lock(), last.lock());
    assert!(before_last.checked_lock().is_err());
    drop(held);
    assert!(before_last.checked_lock().is_ok());
}

#[test]
fn what_is_tried_for_is_allowed_and_counts() {
    let (low, middle, high) = (low(), middle(), high());
    let up = high.lock();
    let down = low.try_lock().expect("it is free, and nobody waits");
    drop(up);
    let between = middle.lock();
    drop(between);
    let up = high.try_lock().expect("it is free");
    drop(down);
    assert!(middle.checked_lock().is_err(), "what was tried for is held");
    drop(up);
    assert!(middle.checked_lock().is_ok());
    assert!(low.try_lock().is_some_and(|_held| low.try_lock().is_none()));
}

#[test]
fn who_waits_with_a_deadline_waits_in_order() {
    let (low, high) = (low(), high());
    let rw = Ranked::new(LOW, FairRwLock::new(1));
    let (no_time, now) = (Duration::ZERO, Instant::now());
    let held = high.lock();
    for text in [
        said(|| low.try_lock_for(no_time)),
        said(|| low.try_lock_until(now)),
        said(|| rw.try_read_for(no_time)),
        said(|| rw.try_read_until(now)),
        said(|| rw.try_write_for(no_time)),
        said(|| rw.try_write_until(now)),
        said(|| rw.try_upgradable_read_for(no_time)),
        said(|| rw.try_upgradable_read_until(now)),
    ] {
        assert!(text.starts_with("wrong lock order: this thread took `high`"), "{text}");
    }
    drop(held);
    assert!(low.try_lock_for(Duration::MAX).is_some());
    assert!(low.try_lock_until(now).is_some());
    assert!(rw.try_read_for(no_time).is_some());
    assert!(rw.try_read_until(now).is_some());
    assert!(rw.try_write_for(Duration::MAX).is_some());
    assert!(rw.try_write_until(now).is_some());
    assert!(rw.try_upgradable_read_for(no_time).is_some());
    assert!(rw.try_upgradable_read_until(now).is_some());
    let taken = low.unranked().lock();
    assert!(low.try_lock_for(no_time).is_none());
    drop(taken);
    assert!(low.checked_lock().is_ok(), "a timeout is not recorded");
}

#[test]
fn every_kind_of_access_is_recorded() {
    let rw = Ranked::new(MIDDLE, FairRwLock::new(1));
    let low = low();
    let refused = || assert!(low.checked_lock().is_err());
    let held = rw.read();
    refused();
    drop(held);
    let held = rw.write();
    refused();
    drop(held);
    let held = rw.upgradable_read();
    refused();
    let held = RankedGuard::map(held, Upgradable::upgrade);
    refused();
    let held = RankedGuard::map(held, Writing::downgrade);
    refused();
    drop(held);
    for held in [rw.checked_read(), rw.checked_read()] {
        // The second one was refused: the first one was still held.
        if held.is_ok() {
            refused();
        }
    }
    let held = rw.try_upgradable_read();
    refused();
    drop(held);
    let held = rw.try_write();
    refused();
    drop(held);
    assert!(low.checked_lock().is_ok());
}

#[test]
fn parking_lots_locks_will_do() {
    let one = Ranked::new(LOW, parking_lot::Mutex::new(1));
    let fair = Ranked::new(MIDDLE, parking_lot::FairMutex::new(2));
    let rw = Ranked::new(HIGH, parking_lot::RwLock::new(3));
    let (a, b, c) = lock_all((&one, &fair, read(&rw))).expect("in order");
    assert_eq!(*a + *b + *c, 6);
    drop((a, b));
    assert!(one.checked_lock().is_err());
    drop(c);
    assert!(one.try_lock_for(Duration::ZERO).is_some());
}

#[test]
fn a_panic_releases_lock_and_rank() {
    let (low, high) = (low(), high());
    let text = said(|| {
        let _held = high.lock();
        panic!("on purpose");
    });
    assert_eq!(text, "on purpose");
    assert_eq!(*low.lock(), 1);
    assert_eq!(*high.lock(), 3);

    let text = said(|| RankedGuard::map(high.lock(), |_| -> () { panic!("in map") }));
    assert_eq!(text, "in map");
    assert!(low.checked_lock().is_ok() && high.checked_lock().is_ok());
}

/// A refused lock that unwinds through held guards releases those, too.
#[test]
fn a_refusal_unwinds_cleanly() {
    let (low, high) = (low(), high());
    said(|| {
        let _held = high.lock();
        let _never = low.lock();
    });
    assert!(low.checked_lock().is_ok());
    assert!(high.checked_lock().is_ok());
}

#[test]
fn a_forgotten_guard_holds_its_rank_on_its_thread() {
    within("a_forgotten_guard_holds_its_rank_on_its_thread", || {
        let (low, high) = (Arc::new(low()), Arc::new(high()));
        let (other_low, other_high) = (Arc::clone(&low), Arc::clone(&high));
        let forgetful = thread::spawn(move || {
            forget(other_high.lock());
            assert!(other_low.checked_lock().is_err());
            assert!(other_high.checked_lock().is_err(), "an error, and not the end");
        });
        forgetful.join().expect("no hang, no panic");
        assert!(high.try_lock().is_none(), "it is still locked");
        assert!(low.checked_lock().is_ok(), "other threads have ranks of their own");

        // The lock may be gone, and its name with it; the record is a copy.
        thread::spawn(|| {
            let short_lived = Box::new(middle());
            forget(short_lived.lock());
            drop(short_lived);
            let low = Ranked::named("low", LOW, FairMutex::new(1));
            assert!(low.checked_lock().unwrap_err().to_string().contains("`middle`"));
        })
        .join()
        .expect("no hang, no panic");
    });
}

#[test]
fn locks_are_to_be_had_while_a_thread_is_torn_down() {
    within("locks_are_to_be_had_while_a_thread_is_torn_down", || {
        static LAST: Ranked<FairMutex<u32>, HIGH> = Ranked::named("last", HIGH, FairMutex::new(0));

        struct AtTheEnd;
        impl Drop for AtTheEnd {
            fn drop(&mut self) {
                *LAST.lock() += 1;
                let held = LAST.lock();
                // Whether the check still works then is not promised; that it does not fall over is.
                let _either = low().checked_lock().is_ok();
                drop(held);
            }
        }
        thread_local! {
            static END: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
        }
        thread::spawn(|| {
            END.set(Some(AtTheEnd));
            drop(LAST.lock());
        })
        .join()
        .expect("it comes to its end");
        assert_eq!(*LAST.lock(), 1);
    });
}

#[test]
fn a_condition_variable_waits_in_order() {
    within("a_condition_variable_waits_in_order", || {
        let (queue, filled) = (Ranked::new(MIDDLE, FairMutex::new(Vec::new())), FairCondvar::new());
        let (below, above) = (low(), high());
        thread::scope(|scope| {
            scope.spawn(|| {
                queue.lock().push(1);
                filled.notify_one();
            });
            let lower = below.lock();
            let mut mine = queue.lock();
            filled.wait_while(RankedGuard::own(&mut mine), |queue| queue.is_empty());
            assert_eq!(mine.pop(), Some(1));
            assert!(below.checked_lock().is_err(), "it is held again, and so is the lower one");
            let higher = above.lock();
            let text = said(|| {
                RankedGuard::own(&mut mine);
            });
            assert!(text.contains("this thread took `high`"), "{text}");
            drop((higher, mine, lower));
        });
    });
}

#[test]
fn a_condition_variable_does_not_wait_beside_another_lock_of_its_rank() {
    let (one, other) = (low(), low());
    let (mut held, beside) = lock_all((&one, &other)).expect("two locks");
    let text = said(|| {
        RankedGuard::own(&mut held);
    });
    assert!(text.contains("`low`"), "whoever is to notify may want both: {text}");
    drop(beside);
    let _to_wait_with = RankedGuard::own(&mut held);
}

#[test]
fn an_upgrade_waits_in_order_only() {
    let (cache, beside) = (Ranked::new(MIDDLE, FairRwLock::new(0)), low());
    let (above, same) = (high(), Ranked::new(MIDDLE, FairRwLock::new(0)));
    let lower = beside.lock();
    *RankedGuard::upgrade(cache.upgradable_read()) += 1;

    // A reader of the cache may be waiting for what is held here.
    let reading = cache.upgradable_read();
    let higher = above.lock();
    let text = said(|| drop(RankedGuard::upgrade(reading)));
    assert!(text.contains("this thread took `high`"), "{text}");
    drop(higher);
    assert!(cache.try_write().is_some(), "a refused upgrade keeps nothing");

    let (reading, second) = (cache.upgradable_read(), same.try_read().expect("free"));
    let (reading, wrong) = RankedGuard::checked_upgrade(reading).expect_err("two of one rank");
    assert_eq!((wrong.held.rank, wrong.wanted.rank), ("MIDDLE", "MIDDLE"));
    drop(second);
    assert!(RankedGuard::checked_upgrade(reading).is_ok());
    drop(lower);
    assert_eq!(*cache.read(), 1);
}

#[test]
fn guards_map_print_and_share() {
    fn shared<T: Sync>(_: &T) {}

    let pair = Ranked::named("pair", LOW, FairMutex::new((1, 2)));
    let text = format!("{pair:?}");
    assert!(text.contains("`pair`") && text.contains("LOW"), "{text}");
    let mut second =
        RankedGuard::map(pair.lock(), |guard| FairMutexGuard::map(guard, |p| &mut p.1));
    *second += 1;
    shared(&second);
    assert_eq!((format!("{second:?}"), second.to_string()), ("3".into(), "3".into()));
    drop(second);
    let mut pair = pair;
    assert_eq!(*pair.get_mut().get_mut(), (1, 3));
    assert_eq!(pair.into_inner().into_inner(), (1, 3));

    let some: &Ranked<FairMutex<[u8]>, LOW> = &Ranked::new(LOW, FairMutex::new([1, 2, 3]));
    assert_eq!(some.lock().len(), 3);
    assert!(size_of::<Ranked<FairMutex<()>, LOW>>() <= 3 * size_of::<usize>(), "a name and a word");
}

#[test]
fn the_error_names_what_is_held_and_not_what_was() {
    let locks = ["a", "b", "c"].map(|name| Ranked::named(name, MIDDLE, FairMutex::new(0)));
    let below = low();
    let named = || {
        let wrong = below.checked_lock().expect_err("MIDDLE is held");
        let LockName::Given(name) = wrong.held.name else { panic!("it has a name") };
        (name, wrong.to_string())
    };
    // Every order in which they can be released.
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut held = lock_all(locks.each_ref()).expect("three locks").map(Some);
        let mut left = vec!["a", "b", "c"];
        for at in order {
            let (name, text) = named();
            assert!(left.contains(&name), "{name} is free, {left:?} are held");
            let several = format!("one of {} such that it holds", left.len());
            assert_eq!(text.contains(&several), left.len() > 1, "{text}");
            held[at] = None;
            left.retain(|name| *name != ["a", "b", "c"][at]);
        }
        assert!(below.checked_lock().is_ok());
    }
    // Tried for one after the other, as new ones come in the place of old ones.
    let mut held = std::collections::VecDeque::new();
    for round in 0..30 {
        held.push_back((round % 3, locks[round % 3].try_lock().expect("it is free")));
        if held.len() == 3 {
            held.pop_front();
        }
        let (name, _) = named();
        assert!(held.iter().any(|(at, _)| ["a", "b", "c"][*at] == name), "{name} is free");
    }
}

/// More than are told apart: the order is kept all the same, whatever the message says.
#[test]
fn any_number_of_one_rank_is_counted() {
    let locks: Vec<_> = (0..40).map(|_| middle()).collect();
    let below = low();
    for _ in 0..2 {
        let mut held = lock_all(&locks.iter().collect::<Vec<_>>()[..]).expect("all are free");
        while !held.is_empty() {
            let text = below.checked_lock().expect_err("some are held").to_string();
            let several = format!("one of {} such that it holds", held.len());
            assert_eq!(text.contains(&several), held.len() > 1, "{text}");
            drop(held.swap_remove(held.len() / 2));
        }
        assert!(below.checked_lock().is_ok());
    }
}

#[test]
fn a_second_lock_of_the_rank_is_named_and_not_ones_own() {
    let [mine, other] = ["mine", "other"].map(|name| Ranked::named(name, LOW, FairMutex::new(0)));
    for swapped in [false, true] {
        let (mut held, beside) = if swapped {
            let (beside, held) = lock_all((&other, &mine)).expect("two locks");
            (held, beside)
        } else {
            lock_all((&mine, &other)).expect("two locks")
        };
        let text = said(|| {
            RankedGuard::own(&mut held);
        });
        assert!(text.contains("this thread took `other`"), "{text}");
        assert!(text.contains("asks for `mine`"), "{text}");
        drop(beside);
        RankedGuard::own(&mut held);
    }
}
