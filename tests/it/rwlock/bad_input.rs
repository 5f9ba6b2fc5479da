//! What a lock must survive: forgotten guards, panics, and the sequences that broke others.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;
use std::time::Duration;

use brigade::rwlock::{
    Bypass, FairRwLock, FairRwLockReadGuard as Reading,
    FairRwLockUpgradableReadGuard as Upgradable, FairRwLockWith, FairRwLockWriteGuard as Writing,
    Inspect, PhaseFair, Policy, TaskFair,
};

use super::{readers_queue, writers_queue};
use crate::watchdog::within;

/// In a ticket lock a reader that gives up leaves its ticket behind, and the writer behind it
/// counts it as one that has left: the writer gets in beside another reader.
#[test]
fn a_failed_try_read_lets_no_writer_in() {
    fn check<P: Policy>() {
        within("a_failed_try_read_lets_no_writer_in", || {
            let lock = FairRwLockWith::<_, P>::new(());
            let inside = AtomicBool::new(false);
            scope(|scope| {
                let reading = lock.read();
                scope.spawn(|| {
                    let _writing = lock.write();
                    inside.store(true, Ordering::SeqCst);
                });
                writers_queue(&lock, 1);
                for _ in 0..1000 {
                    assert!(lock.try_read().is_none());
                    assert!(lock.try_read_for(Duration::ZERO).is_none());
                    assert!(lock.try_upgradable_read().is_none());
                }
                assert!(!inside.load(Ordering::SeqCst), "a writer beside a reader");
                assert_eq!(lock.readers(), 1);
                drop(reading);
            });
        });
    }
    check::<PhaseFair>();
    check::<TaskFair>();
    check::<Bypass<4>>();
}

/// The same with a writer that gives up while another waits: the lock was stuck for good.
#[test]
fn a_failed_try_write_wedges_nothing() {
    fn check<P: Policy>() {
        within("a_failed_try_write_wedges_nothing", || {
            let lock = FairRwLockWith::<_, P>::new(0);
            scope(|scope| {
                let reading = lock.read();
                scope.spawn(|| *lock.write() += 1);
                writers_queue(&lock, 1);
                for _ in 0..1000 {
                    assert!(lock.try_write().is_none());
                    assert!(lock.try_write_for(Duration::ZERO).is_none());
                }
                drop(reading);
            });
            assert_eq!(lock.try_read().map(|value| *value), Some(1));
            assert_eq!(lock.try_write().map(|value| *value), Some(1));
        });
    }
    check::<PhaseFair>();
    check::<TaskFair>();
    check::<Bypass<4>>();
}

/// A lost race inside an attempt must not leave a reader in the count.
#[test]
fn attempts_that_race_leave_no_reader_behind() {
    within("attempts_that_race_leave_no_reader_behind", || {
        let lock = FairRwLock::new(());
        scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        drop(lock.try_read());
                        drop(lock.try_write());
                        drop(lock.try_upgradable_read());
                    }
                });
            }
        });
        assert_eq!(lock.readers(), 0);
        assert!(lock.try_write().is_some());
    });
}

#[test]
fn forgotten_guards_keep_the_lock_and_nothing_else() {
    let mut lock = FairRwLock::new(1);
    std::mem::forget(lock.read());
    assert!(lock.try_write().is_none());
    assert_eq!(lock.try_read().map(|value| *value), Some(1), "readers still share");
    assert_eq!(lock.readers(), 1);
    *lock.get_mut() = 2; // whoever owns the lock can reach the data
    assert_eq!(lock.into_inner(), 2);

    let lock = FairRwLock::new(vec![1]);
    std::mem::forget(lock.write());
    assert!(lock.try_read_for(Duration::from_millis(1)).is_none());
    assert!(lock.is_locked_exclusive());
    let moved = lock; // a locked lock can be moved and dropped
    assert!(moved.is_locked_exclusive());
}

#[test]
fn a_panic_releases_what_is_held() {
    let lock = FairRwLock::new(0);
    for held in 0..4 {
        let panicked = catch_unwind(AssertUnwindSafe(|| match held {
            0 => drop((lock.read(), panics())),
            1 => drop((lock.write(), panics())),
            2 => drop((lock.upgradable_read(), panics())),
            _ => drop((Writing::downgrade(lock.write()), panics())),
        }));
        assert!(panicked.is_err());
        assert!(!lock.is_locked(), "no guard, no lock; and no poison");
    }
    *lock.write() += 1;
    assert_eq!(lock.into_inner(), 1);
}

fn panics() {
    panic!("on purpose, while a guard is held");
}

#[test]
fn a_value_that_panics_when_dropped_takes_only_itself_away() {
    struct Grenade;
    impl Drop for Grenade {
        fn drop(&mut self) {
            panic!("on purpose, in drop");
        }
    }
    let lock = FairRwLock::new(Some(Grenade));
    let panicked = catch_unwind(AssertUnwindSafe(|| *lock.write() = None));
    assert!(panicked.is_err());
    assert!(!lock.is_locked());
}

#[test]
fn a_mapped_guard_that_panics_releases_the_lock() {
    let lock = FairRwLock::new((1, 2));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        drop(Reading::map(lock.read(), |_| -> &i32 { panic!("on purpose, in map") }));
    }));
    assert!(panicked.is_err());
    assert!(!lock.is_locked());
}

#[test]
fn a_failed_upgrade_gives_the_same_lock_back() {
    let lock = FairRwLock::new(1);
    let mut mine = lock.upgradable_read();
    let other = lock.try_read().expect("readers share");
    for _ in 0..100 {
        mine = Upgradable::try_upgrade(mine).expect_err("somebody reads");
        mine = Upgradable::try_upgrade_for(mine, Duration::ZERO).expect_err("somebody reads");
    }
    assert_eq!((lock.readers(), *mine), (2, 1));
    drop(other);
    drop(mine);
    assert!(lock.try_write().is_some());
}

#[test]
fn upgrading_again_and_again_loses_nobody() {
    within("upgrading_again_and_again_loses_nobody", || {
        let lock = FairRwLock::new(0);
        scope(|scope| {
            let mut mine = lock.upgradable_read();
            scope.spawn(|| *lock.write() += 1);
            writers_queue(&lock, 1);
            // The first downgrade begins a reader phase: this one is in it.
            scope.spawn(|| assert!(*lock.read() >= 1));
            readers_queue(&lock, 1);
            for _ in 0..100 {
                let mut writing = Upgradable::upgrade(mine);
                *writing += 1;
                mine = Writing::downgrade_to_upgradable(writing);
            }
        });
        assert_eq!(lock.into_inner(), 101);
    });
}

/// What is not `Send` or not `Sync` must not become so by being locked.
#[test]
fn threads_get_only_what_they_may() {
    // A method of the inherent impl is found first, if its bound holds; else the trait's.
    struct Probe<T: ?Sized>(std::marker::PhantomData<T>);
    trait Not {
        fn is_sync(&self) -> bool {
            false
        }
        fn is_send(&self) -> bool {
            false
        }
    }
    impl<T: ?Sized> Not for &Probe<T> {}
    struct SyncProbe<'a, T: ?Sized>(&'a Probe<T>);
    impl<T: ?Sized + Sync> SyncProbe<'_, T> {
        fn is_sync(&self) -> bool {
            true
        }
    }
    impl<T: ?Sized + Send> SyncProbe<'_, T> {
        fn is_send(&self) -> bool {
            true
        }
    }
    impl<'a, T: ?Sized> std::ops::Deref for SyncProbe<'a, T> {
        type Target = &'a Probe<T>;
        fn deref(&self) -> &Self::Target {
            &self.0
        }
    }
    macro_rules! traits {
        ($ty:ty) => {{
            let probe = Probe::<$ty>(std::marker::PhantomData);
            let probe = SyncProbe(&probe);
            (probe.is_send(), probe.is_sync())
        }};
    }
    assert_eq!(traits!(FairRwLock<u8>), (true, true));
    assert_eq!(traits!(FairRwLock<Cell<u8>>), (true, false));
    assert_eq!(traits!(FairRwLock<Rc<Cell<u8>>>), (false, false));
    assert_eq!(traits!(Reading<'static, u8>), (false, true));
    assert_eq!(traits!(Writing<'static, u8>), (false, true));
    assert_eq!(traits!(Upgradable<'static, u8>), (false, true));
}

#[test]
fn a_lock_is_one_word() {
    assert_eq!(size_of::<brigade::rwlock::RawFairRwLock>(), size_of::<usize>() * words());
}

fn words() -> usize {
    if cfg!(feature = "detect-recursion") { 2 } else { 1 }
}
