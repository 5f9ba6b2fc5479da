use std::mem::forget;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use brigade::lock::{LockError, Ranked, lock_all, lock_ranks, polled, read, upgradable, write};
use brigade::mutex::FairMutex;
use brigade::rwlock::{FairRwLock, FairRwLockUpgradableReadGuard};

use super::{HIGH, LOW, MIDDLE, said};
use crate::watchdog::within;

fn duplicate(first: usize, second: usize) -> LockError {
    LockError::Duplicate { first, second }
}

#[test]
fn guards_come_back_as_the_locks_were_named() {
    let locks: [FairMutex<usize>; 12] = std::array::from_fn(FairMutex::new);
    let [a, b, c, d, e, f, g, h, i, j, k, l] = &locks;

    let (g0,) = lock_all((c,)).unwrap();
    assert_eq!(*g0, 2);
    drop(g0);
    let (g0, g1) = lock_all((l, a)).unwrap();
    assert_eq!((*g0, *g1), (11, 0));
    drop((g0, g1));
    let all = lock_all((f, l, a, k, b, j, c, i, d, h, e, g)).unwrap();
    assert_eq!((*all.0, *all.1, *all.2, *all.3), (5, 11, 0, 10));
    assert_eq!((*all.4, *all.5, *all.6, *all.7), (1, 9, 2, 8));
    assert_eq!((*all.8, *all.9, *all.10, *all.11), (3, 7, 4, 6));
    assert!(locks.iter().all(FairMutex::is_locked));
    drop(all);
    assert!(!locks.iter().any(FairMutex::is_locked));

    let guards = lock_all([h, a, d]).unwrap();
    assert_eq!(guards.map(|guard| *guard), [7, 0, 3]);
    let mut many = locks.each_ref();
    many.reverse();
    let guards = lock_all(many).unwrap();
    assert_eq!(guards.map(|guard| *guard), std::array::from_fn(|at| 11 - at));
    let guards = lock_all(&many[2..9]).unwrap();
    assert!(guards.iter().map(|guard| **guard).eq((3..10).rev()));
}

#[test]
fn no_locks_at_all_are_to_be_had() {
    let none: [&FairMutex<()>; 0] = [];
    assert!(lock_all(none).unwrap().is_empty());
    assert!(lock_all(&none[..]).unwrap().is_empty());
}

#[test]
fn reading_and_writing_are_what_they_say() {
    let (one, two, three) = (FairRwLock::new(1), FairRwLock::new(2), FairRwLock::new(3));
    let (a, mut b, c) = lock_all((read(&one), write(&two), upgradable(&three))).unwrap();
    assert!(one.try_read().is_some() && one.try_write().is_none());
    assert!(two.try_read().is_none());
    assert!(three.try_read().is_some() && three.try_upgradable_read().is_none());
    *b += *a;
    *FairRwLockUpgradableReadGuard::upgrade(c) += 1;
    drop((a, b));
    assert_eq!((two.into_inner(), three.into_inner()), (3, 4));
}

#[test]
fn a_lock_named_twice_is_an_error_with_positions() {
    let (a, b) = (FairMutex::new(1), FairMutex::new(2));
    assert_eq!(lock_all((&a, &a)).unwrap_err(), duplicate(0, 1));
    assert_eq!(lock_all((&b, &a, &b)).unwrap_err(), duplicate(0, 2));
    assert_eq!(lock_all([&a, &b, &b]).unwrap_err(), duplicate(1, 2));
    assert_eq!(lock_all((&a, polled(&a))).unwrap_err(), duplicate(0, 1));
    let rw = FairRwLock::new(1);
    assert_eq!(lock_all((read(&rw), &a, read(&rw))).unwrap_err(), duplicate(0, 2));
    assert_eq!(lock_all((read(&rw), write(&rw))).unwrap_err(), duplicate(0, 1));

    let shared = Arc::new(FairMutex::new(1));
    let again = Arc::clone(&shared);
    assert_eq!(lock_all((&*shared, &b, &*again)).unwrap_err(), duplicate(0, 2));

    let many: Vec<_> = (0..20).map(FairMutex::new).collect();
    let mut named: Vec<_> = many.iter().rev().collect();
    named.push(&many[3]);
    assert_eq!(lock_all(&named[..]).unwrap_err(), duplicate(16, 20));
    let named: [_; 21] = std::array::from_fn(|at| named[at]);
    assert_eq!(lock_all(named).unwrap_err(), duplicate(16, 20));

    assert!(!a.is_locked() && !b.is_locked() && !rw.is_locked() && !shared.is_locked());
    assert!(!many.iter().any(FairMutex::is_locked));
}

#[test]
fn a_lock_named_with_its_rank_and_without_is_one_lock() {
    let ranked = Ranked::new(LOW, FairMutex::new(1));
    let other = FairMutex::new(2);
    let refused = lock_all((&ranked, &other, ranked.unranked())).map(drop);
    assert_eq!(refused, Err(duplicate(0, 2)));
    assert!(!ranked.unranked().is_locked());
}

/// A lock whose state is not in it, and which has no size: all of these are one lock.
mod sizeless {
    use super::*;

    static HELD: AtomicBool = AtomicBool::new(false);

    struct Everywhere;

    // SAFETY: one flag for all of them lets one holder in at a time.
    #[allow(unsafe_code)]
    unsafe impl lock_api::RawMutex for Everywhere {
        const INIT: Self = Self;
        type Guard = lock_api::GuardNoSend;

        fn lock(&self) -> Self::Guard {
            assert!(!HELD.swap(true, SeqCst), "this would wait for itself");
            lock_api::GuardNoSend::new()
        }

        fn try_lock(&self) -> Option<Self::Guard> {
            (!HELD.swap(true, SeqCst)).then(lock_api::GuardNoSend::new)
        }

        unsafe fn unlock(&self, _: Self::Guard) {
            HELD.store(false, SeqCst);
        }

        fn is_locked(&self) -> bool {
            HELD.load(SeqCst)
        }
    }

    type Sizeless = lock_api::Mutex<Everywhere, ()>;

    #[repr(C)]
    struct Mixed {
        sizeless: Sizeless,
        sized: FairMutex<u32>,
    }

    #[test]
    fn an_address_alone_is_no_identity() {
        let mixed = Mixed { sizeless: Sizeless::new(()), sized: FairMutex::new(7) };
        assert!(std::ptr::addr_eq(&raw const mixed.sizeless, &raw const mixed.sized));
        let both = lock_all((&mixed.sizeless, &mixed.sized)).expect("these are two locks");
        assert_eq!(*both.1, 7);
        drop(both);
        let both = lock_all((&mixed.sized, &mixed.sizeless)).expect("these are two locks");
        drop(both);

        let two = [Sizeless::new(()), Sizeless::new(())];
        assert_eq!(lock_all(two.each_ref()).map(drop), Err(duplicate(0, 1)));
        assert!(lock_all((&two[0],)).is_ok());
    }

    #[test]
    fn data_without_size_makes_no_lock_without_size() {
        let two = [FairMutex::new(()), FairMutex::new(())];
        assert!(lock_all(two.each_ref()).is_ok());
    }
}

/// A lock inside a lock may lie where the outer one lies.
#[test]
fn an_inner_lock_is_another_lock() {
    let outer = FairRwLock::new(FairMutex::new(1));
    let reading = outer.read();
    let inner = &*reading;
    let more = FairMutex::new(2);
    assert!(lock_all((inner, &more)).is_ok());
    assert_eq!(lock_all((inner, &more, inner)).map(drop), Err(duplicate(0, 2)));
}

#[test]
fn what_is_held_must_be_of_lower_rank() {
    let low = Ranked::named("low", LOW, FairMutex::new(1));
    let middle = Ranked::named("middle", MIDDLE, FairRwLock::new(2));
    let high = Ranked::named("high", HIGH, FairMutex::new(3));
    let plain = FairMutex::new(4);

    let held = low.lock();
    let rest = lock_all((&high, &plain, read(&middle))).expect("above what is held");
    assert!(low.checked_lock().is_err());
    drop((held, rest));

    let held = middle.read();
    let refused = lock_all((&plain, &high, &low)).map(drop).unwrap_err();
    let LockError::WrongOrder(wrong) = refused else { panic!("{refused:?}") };
    assert_eq!((wrong.held.rank, wrong.wanted.rank), ("MIDDLE", "LOW"));
    assert_eq!(wrong.wanted.place.file(), file!());
    assert!(refused.to_string().contains("`middle`"));
    assert!(!plain.is_locked() && !high.unranked().is_locked());
    drop(held);

    let three = lock_all((&high, write(&middle), &low)).expect("whatever the order of names");
    assert!(high.checked_lock().is_err());
    drop(three);
    assert!(low.checked_lock().is_ok());
}

/// Known from a peer: a set that sorts by identity alone, across levels, meets a thread that goes by levels.
#[test]
fn ranks_come_before_addresses() {
    within("ranks_come_before_addresses", || {
        #[repr(C)]
        struct Crossed {
            high: Ranked<FairMutex<u64>, HIGH>,
            low: Ranked<FairMutex<u64>, LOW>,
        }
        const ROUNDS: u64 = if cfg!(miri) { 20 } else { 20_000 };
        let locks = Crossed {
            high: Ranked::new(HIGH, FairMutex::new(0)),
            low: Ranked::new(LOW, FairMutex::new(0)),
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let (mut high, mut low) = lock_all((&locks.high, &locks.low)).unwrap();
                    (*high, *low) = (*high + 1, *low + 1);
                }
            });
            for _ in 0..ROUNDS {
                let mut low = locks.low.lock();
                let mut high = locks.high.lock();
                (*high, *low) = (*high + 1, *low + 1);
            }
        });
        assert_eq!(*locks.high.lock(), 2 * ROUNDS);
        assert_eq!(*locks.low.lock(), 2 * ROUNDS);
    });
}

#[test]
fn two_tables_in_one_set_have_one_order() {
    within("two_tables_in_one_set_have_one_order", || {
        lock_ranks! { OTHER }
        let (ours, theirs) =
            (Ranked::new(LOW, FairMutex::new(0)), Ranked::new(OTHER, FairMutex::new(0)));
        let plain = FairMutex::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                (0..5_000).for_each(|_| *lock_all((&ours, &theirs, &plain)).unwrap().0 += 1);
            });
            (0..5_000).for_each(|_| *lock_all((&plain, &theirs, &ours)).unwrap().2 += 1);
        });
        assert_eq!(*ours.lock(), 10_000);
    });
}

#[test]
fn a_panic_releases_everything() {
    let (a, b) = (FairMutex::new(1), Ranked::new(HIGH, FairMutex::new(2)));
    let text = said(|| {
        let _both = lock_all((&a, &b)).unwrap();
        panic!("on purpose");
    });
    assert_eq!(text, "on purpose");
    assert!(lock_all((&b, &a)).is_ok());
}

#[test]
fn forgotten_guards_stay_locked() {
    let (a, b) = (FairMutex::new(1), FairMutex::new(2));
    let (first, second) = lock_all((&a, &b)).unwrap();
    forget(first);
    drop(second);
    assert!(a.is_locked() && !b.is_locked());
}

/// A lock that can be had once; whoever asks again makes it panic.
struct Brittle(AtomicBool);

// SAFETY: it is held by whoever got it first, and by nobody else.
#[allow(unsafe_code)]
unsafe impl lock_api::RawMutex for Brittle {
    const INIT: Self = Self(AtomicBool::new(false));
    type Guard = lock_api::GuardNoSend;

    fn lock(&self) -> Self::Guard {
        self.try_lock().expect("it is brittle")
    }

    fn try_lock(&self) -> Option<Self::Guard> {
        (!self.0.swap(true, SeqCst)).then(lock_api::GuardNoSend::new)
    }

    unsafe fn unlock(&self, _: Self::Guard) {
        self.0.store(false, SeqCst);
    }

    fn is_locked(&self) -> bool {
        self.0.load(SeqCst)
    }
}

#[test]
fn a_lock_that_panics_leaves_those_before_it_unlocked() {
    let (low, middle) =
        (Ranked::new(LOW, FairMutex::new(1)), Ranked::new(MIDDLE, FairRwLock::new(2)));
    let brittle = Ranked::new(HIGH, lock_api::Mutex::<Brittle, u32>::new(3));
    forget(brittle.unranked().lock());
    for _ in 0..2 {
        let text = said(|| lock_all((&brittle, &low, write(&middle))));
        assert_eq!(text, "it is brittle");
        assert!(low.try_lock().is_some() && middle.try_write().is_some());
    }
    // Nor does the thread count as holding anything: the lowest is in order.
    drop(low.lock());
}
