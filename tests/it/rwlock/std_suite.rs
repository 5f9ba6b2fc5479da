//! What std's own tests ask of `RwLock`, asked of `FairRwLock`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use brigade::rwlock::{
    Bypass, FairRwLock, FairRwLockReadGuard as Reading,
    FairRwLockUpgradableReadGuard as Upgradable, FairRwLockWith, FairRwLockWriteGuard as Writing,
    MappedFairRwLockReadGuard, MappedFairRwLockWriteGuard, PhaseFair, Policy, TaskFair,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::watchdog::within;

#[derive(Debug, PartialEq, Eq)]
struct NotCopy(i32);

#[test]
fn smoke() {
    let lock = FairRwLock::new(());
    drop(lock.read());
    drop(lock.write());
    drop((lock.read(), lock.try_read().expect("shared")));
    drop(lock.write());
    drop(lock.upgradable_read());
    drop(lock.write());
}

#[test]
fn a_mix_of_readers_and_rare_writers() {
    fn mix<P: Policy>() {
        within("a_mix_of_readers_and_rare_writers", || {
            const THREADS: u64 = 8;
            const ROUNDS: u32 = if cfg!(miri) { 20 } else { 2_000 };
            let lock = Arc::new(FairRwLockWith::<_, P>::new(0_u64));
            let (done, finished) = channel::<()>();
            for seed in 0..THREADS {
                let (lock, done) = (lock.clone(), done.clone());
                thread::spawn(move || {
                    let mut random = StdRng::seed_from_u64(seed);
                    for _ in 0..ROUNDS {
                        if random.random_bool(1.0 / THREADS as f64) {
                            *lock.write() += 1;
                        } else {
                            assert!(*lock.read() <= THREADS * u64::from(ROUNDS));
                        }
                    }
                    drop(done);
                });
            }
            drop(done);
            let _ = finished.recv(); // an error: all senders are gone
            assert!(lock.try_write().is_some());
        });
    }
    mix::<PhaseFair>();
    mix::<TaskFair>();
    mix::<Bypass<8>>();
}

#[test]
fn a_writer_and_readers_over_an_arc() {
    within("a_writer_and_readers_over_an_arc", || {
        let lock = Arc::new(FairRwLock::new(0));
        let (done, finished) = channel();
        let writer = lock.clone();
        thread::spawn(move || {
            let mut value = writer.write();
            for _ in 0..10 {
                let before = std::mem::replace(&mut *value, -1); // never seen by a reader
                thread::yield_now();
                *value = before + 1;
            }
            done.send(()).expect("somebody listens");
        });
        let readers: Vec<_> = (0..5)
            .map(|_| {
                let lock = lock.clone();
                thread::spawn(move || assert!(*lock.read() >= 0))
            })
            .collect();
        readers.into_iter().for_each(|reader| reader.join().expect("saw a whole value"));
        finished.recv().expect("the writer finished");
        assert_eq!(*lock.read(), 10);
    });
}

#[test]
fn access_while_unwinding() {
    let lock = Arc::new(FairRwLock::new(1));
    let inner = lock.clone();
    let _ = thread::spawn(move || {
        struct Unwinder(Arc<FairRwLock<i32>>);
        impl Drop for Unwinder {
            fn drop(&mut self) {
                *self.0.write() += 1;
            }
        }
        let _unwinder = Unwinder(inner);
        panic!("on purpose");
    })
    .join();
    assert_eq!(*lock.read(), 2);
}

#[test]
fn unsized_values() {
    let lock: &FairRwLock<[i32]> = &FairRwLock::new([1, 2, 3]);
    {
        let mut slice = lock.write();
        slice[0] = 4;
        slice[2] = 5;
    }
    assert_eq!(*lock.read(), [4, 2, 5]);
    let lock: Arc<FairRwLock<dyn Fn() -> i32 + Send + Sync>> = Arc::new(FairRwLock::new(|| 7));
    assert_eq!(lock.read()(), 7);
}

#[test]
fn attempts() {
    let lock = FairRwLock::new(0_isize);
    let reading = lock.read();
    assert!(lock.try_write().is_none(), "a reader is inside");
    drop(reading);
    let writing = lock.write();
    assert!(lock.try_read().is_none(), "a writer is inside");
    assert!(lock.try_write().is_none());
    drop(writing);
    let mapped = Writing::map(lock.write(), |value| value);
    assert!(lock.try_write().is_none(), "a mapped guard holds the lock like any other");
    drop(mapped);
    let mapped = Reading::map(lock.read(), |value| value);
    assert!(lock.try_write().is_none());
    assert!(lock.try_read().is_some());
    drop(mapped);
}

#[test]
fn into_inner() {
    assert_eq!(FairRwLock::new(NotCopy(10)).into_inner(), NotCopy(10));
}

#[test]
fn into_inner_drops_once() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let lock = FairRwLock::new(Counted(drops.clone()));
    {
        let _inner = lock.into_inner();
        assert_eq!(drops.load(Ordering::SeqCst), 0);
    }
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn get_mut() {
    let mut lock = FairRwLock::new(NotCopy(10));
    *lock.get_mut() = NotCopy(20);
    assert_eq!(lock.into_inner(), NotCopy(20));
}

#[test]
fn default_from_and_debug() {
    assert_eq!(FairRwLock::<i32>::default().into_inner(), 0);
    assert_eq!(FairRwLock::from(3).into_inner(), 3);
    let lock = FairRwLock::new(5);
    assert!(format!("{lock:?}").contains('5'));
    let _writing = lock.write();
    assert!(format!("{lock:?}").contains("locked"));
}

#[test]
fn in_a_static() {
    static LOCK: FairRwLock<Vec<u8>> = FairRwLock::new(Vec::new());
    LOCK.write().push(1);
    assert_eq!(*LOCK.read(), [1]);
}

/// Read guards are covariant, so a longer-lived one can stand in for a shorter-lived one.
#[test]
fn read_guards_are_covariant() {
    fn whole<'a, 'short>(guard: &'a Reading<'_, &'static str>, _: &'short str) -> &'a &'short str {
        guard
    }
    fn part<'a, 'short>(
        guard: &'a MappedFairRwLockReadGuard<'_, &'static str>,
        _: &'short str,
    ) -> &'a &'short str {
        guard
    }
    let lock = FairRwLock::new("static");
    let short = String::from("short");
    assert_eq!(*whole(&lock.read(), &short), "static");
    assert_eq!(*part(&Reading::map(lock.read(), |text| text), &short), "static");
}

#[test]
fn mapping() {
    let lock = FairRwLock::new((1, String::from("two")));
    {
        let mut name: MappedFairRwLockWriteGuard<'_, String> =
            Writing::map(lock.write(), |pair| &mut pair.1);
        name.push('!');
    }
    let number = Reading::map(lock.read(), |pair| &pair.0);
    assert_eq!(*number, 1);
    drop(number);
    let whole = Reading::try_map(lock.read(), |pair| pair.1.strip_prefix("three"));
    let whole = whole.expect_err("does not start so");
    assert_eq!(whole.1, "two!");
    drop(whole);
    assert!(lock.try_write().is_some());
}

#[test]
fn downgrade_basic() {
    let lock = FairRwLock::new(0);
    let mut writing = lock.write();
    *writing = 1;
    let reading = Writing::downgrade(writing);
    assert_eq!(*reading, 1);
    assert_eq!(lock.try_read().map(|value| *value), Some(1));
    assert!(lock.try_write().is_none());
    drop(reading);
    let upgradable = Writing::downgrade_to_upgradable(lock.write());
    assert!(lock.try_upgradable_read().is_none());
    let reading = Upgradable::downgrade(upgradable);
    assert!(lock.try_upgradable_read().is_some(), "the right to upgrade is free again");
    drop(reading);
    assert!(lock.try_write().is_some());
}

/// What a writer saw when it began to read is what it wrote: nobody writes in between.
#[test]
fn downgrade_observes_its_own_write() {
    within("downgrade_observes_its_own_write", || {
        const WRITERS: usize = 8;
        const ROUNDS: usize = if cfg!(miri) { 5 } else { 500 };
        let lock = Arc::new(FairRwLock::new(0));
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                let lock = lock.clone();
                thread::spawn(move || {
                    for _ in 0..ROUNDS {
                        let mut writing = lock.write();
                        let mine = *writing + 1;
                        *writing = mine;
                        let reading = Writing::downgrade(writing);
                        thread::yield_now();
                        assert_eq!(*reading, mine);
                    }
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().expect("saw its own write"));
        assert_eq!(*lock.read(), WRITERS * ROUNDS);
    });
}

/// A writer that waits while another one downgrades sees the value of before or stays out.
#[test]
fn downgrade_is_atomic() {
    within("downgrade_is_atomic", || {
        let lock = Arc::new(FairRwLock::new(0));
        let mut writing = lock.write();
        let evil = lock.clone();
        let evil = thread::spawn(move || *evil.write() = 2);
        super::writers_queue(&lock, 1);
        *writing = 1;
        let reading = Writing::downgrade(writing);
        thread::yield_now();
        assert_eq!(*reading, 1, "the waiting writer was let in between");
        drop(reading);
        evil.join().expect("wrote in the end");
        assert_eq!(*lock.read(), 2);
    });
}
