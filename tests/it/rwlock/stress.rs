//! More threads than processors, and the bound counted from inside.
//!
//! The only thread of its kind waits; the others look, as soon as they are in, whether it does. So
//! they count a holder that was in before the victim arrived as well; the limits allow for that.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::scope;

use brigade::rwlock::{
    Bypass, FairRwLock, FairRwLockUpgradableReadGuard as Upgradable, FairRwLockWith,
    FairRwLockWriteGuard as Writing, Inspect, PhaseFair, Policy, TaskFair,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::watchdog::within;

const WAITS: usize = if cfg!(miri) { 5 } else { 3_000 };
const HOGS: usize = 4;

/// One reader among writers that lock again at once: the most writers that found it waiting.
fn writers_before_a_reader<P: Policy>() -> usize {
    within("writers_before_a_reader", || {
        let lock = FairRwLockWith::<_, P>::new(0_u64);
        let (passed, worst, over) =
            (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        scope(|scope| {
            for _ in 0..HOGS {
                scope.spawn(|| {
                    while !over.load(SeqCst) {
                        let mut value = lock.write();
                        *value += 1;
                        if lock.waiting_readers() > 0 {
                            passed.fetch_add(1, SeqCst);
                        }
                    }
                });
            }
            for _ in 0..WAITS {
                let _value = lock.read();
                worst.fetch_max(passed.swap(0, SeqCst), SeqCst);
            }
            over.store(true, SeqCst);
        });
        worst.into_inner()
    })
}

#[test]
fn a_reader_waits_for_one_writer() {
    assert!(writers_before_a_reader::<PhaseFair>() <= 1);
}

#[test]
fn a_task_fair_reader_waits_for_those_before_it() {
    assert!(writers_before_a_reader::<TaskFair>() <= HOGS);
}

#[test]
fn a_reader_is_passed_as_often_as_stated() {
    // The writer that may be before it, the holder, and the steals from each of them.
    assert!(writers_before_a_reader::<Bypass<4>>() <= 1 + 2 * 4);
}

/// One writer among readers that lock again at once.
#[test]
fn no_reader_enters_before_a_waiting_writer() {
    within("no_reader_enters_before_a_waiting_writer", || {
        let lock = FairRwLock::new(0_u64);
        let (passed, over) = (AtomicUsize::new(0), AtomicBool::new(false));
        scope(|scope| {
            for _ in 0..HOGS {
                scope.spawn(|| {
                    while !over.load(SeqCst) {
                        let _value = lock.read();
                        if lock.waiting_writers() > 0 {
                            passed.fetch_add(1, SeqCst);
                        }
                    }
                });
            }
            for _ in 0..WAITS {
                *lock.write() += 1;
                // Each reader may have been in already, once; a second time would be too much.
                let passed = passed.swap(0, SeqCst);
                assert!(passed <= HOGS, "{passed} readers");
            }
            over.store(true, SeqCst);
        });
        assert_eq!(lock.into_inner(), WAITS as u64);
    });
}

/// Everything at once, with deadlines and changes of mode; nothing is lost and nothing torn.
fn everything<P: Policy>() {
    within("everything", || {
        const ROUNDS: usize = if cfg!(miri) { 10 } else { 4_000 };
        let lock = FairRwLockWith::<_, P>::new((0_u64, 0_u64));
        let written = AtomicUsize::new(0);
        let bump = |pair: &mut (u64, u64)| {
            assert_eq!(pair.0, pair.1);
            pair.0 += 1;
            std::hint::spin_loop();
            pair.1 += 1;
            written.fetch_add(1, SeqCst);
        };
        let same = |pair: &(u64, u64)| assert_eq!(pair.0, pair.1);
        scope(|scope| {
            for seed in 0..6 {
                let (lock, bump) = (&lock, &bump);
                scope.spawn(move || {
                    let mut random = StdRng::seed_from_u64(seed);
                    for _ in 0..ROUNDS {
                        let soon = std::time::Duration::from_micros(random.random_range(0..20));
                        match random.random_range(0..9) {
                            0 => bump(&mut lock.write()),
                            1 => drop(lock.try_write().map(|mut pair| bump(&mut pair))),
                            2 => drop(lock.try_write_for(soon).map(|mut pair| bump(&mut pair))),
                            3 => drop(lock.try_read_for(soon).map(|pair| same(&pair))),
                            4 => bump(&mut Upgradable::upgrade(lock.upgradable_read())),
                            5 => match Upgradable::try_upgrade_for(lock.upgradable_read(), soon) {
                                Ok(mut pair) => bump(&mut pair),
                                Err(pair) => same(&Upgradable::downgrade(pair)),
                            },
                            6 => same(&Writing::downgrade(lock.write())),
                            7 => same(&Writing::downgrade_to_upgradable(lock.write())),
                            _ => same(&lock.read()),
                        }
                    }
                });
            }
        });
        assert_eq!((lock.waiting_readers(), lock.waiting_writers(), lock.readers()), (0, 0, 0));
        let (one, two) = lock.try_write().map(|pair| *pair).expect("nobody is left");
        assert_eq!((one, two), (written.load(SeqCst) as u64, one));
    });
}

#[test]
fn everything_at_once() {
    everything::<PhaseFair>();
    everything::<TaskFair>();
    everything::<Bypass<1>>();
    everything::<Bypass<255>>();
}
