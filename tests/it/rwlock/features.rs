//! What the features add, and the traits that everything else is made of.

use brigade::rwlock::{Bypass, PhaseFair, RawFairRwLock, TaskFair};

#[test]
fn the_raw_lock_has_all_eight_traits_under_every_policy() {
    fn all_eight<R>()
    where
        R: lock_api::RawRwLock
            + lock_api::RawRwLockFair
            + lock_api::RawRwLockDowngrade
            + lock_api::RawRwLockTimed
            + lock_api::RawRwLockUpgrade
            + lock_api::RawRwLockUpgradeFair
            + lock_api::RawRwLockUpgradeDowngrade
            + lock_api::RawRwLockUpgradeTimed,
    {
    }
    all_eight::<RawFairRwLock<PhaseFair>>();
    all_eight::<RawFairRwLock<TaskFair>>();
    all_eight::<RawFairRwLock<Bypass<32>>>();
}

#[cfg(feature = "arc_lock")]
#[test]
fn guards_that_own_an_arc() {
    use brigade::rwlock::{ArcFairRwLockReadGuard, FairRwLock};
    use std::sync::Arc;

    let lock = Arc::new(FairRwLock::new(1));
    let reading: ArcFairRwLockReadGuard<i32> = lock.read_arc();
    let weak = Arc::downgrade(&lock);
    drop(lock);
    assert_eq!(*reading, 1);
    drop(reading);
    assert!(weak.upgrade().is_none());
}

#[cfg(feature = "arc_lock")]
#[test]
fn every_mode_of_both_locks_can_own_its_arc() {
    use brigade::mutex::{ArcFairMutexGuard, FairMutex, FairReentrantMutex};
    use brigade::rwlock::{
        ArcFairRwLockUpgradableReadGuard, ArcFairRwLockWriteGuard, FairRwLock, Inspect as _,
    };
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    let lock = Arc::new(FairRwLock::new(1));
    let mut writing: ArcFairRwLockWriteGuard<i32> = lock.write_arc();
    *writing += 1;
    let reading = ArcFairRwLockWriteGuard::downgrade(writing);
    assert_eq!((*reading, lock.readers()), (2, 1));
    drop(reading);
    let upgradable: ArcFairRwLockUpgradableReadGuard<i32> = lock.upgradable_read_arc();
    *ArcFairRwLockUpgradableReadGuard::upgrade(upgradable) += 1;
    assert!(lock.try_write_arc_for(Duration::ZERO).is_some());

    let mutex = Arc::new(FairMutex::new(vec![1]));
    let mut held: ArcFairMutexGuard<Vec<i32>> = mutex.lock_arc();
    held.push(2);
    assert!(mutex.try_lock_arc().is_none());
    drop(held);
    assert_eq!(*mutex.lock_arc(), [1, 2]);

    let reentrant = Arc::new(FairReentrantMutex::new(3));
    let (one, two) = (reentrant.lock_arc(), reentrant.lock_arc());
    let other = Arc::clone(&reentrant);
    assert!(thread::spawn(move || other.try_lock_arc().is_none()).join().expect("no panic"));
    assert_eq!(*one + *two, 6);
}

#[cfg(feature = "serde")]
#[test]
fn what_is_locked_can_be_serialized() {
    use brigade::mutex::FairMutex;
    use brigade::rwlock::FairRwLock;

    let lock = FairRwLock::new(vec![1, 2]);
    assert_eq!(serde_json::to_string(&lock).expect("plain data"), "[1,2]");
    let back: FairRwLock<Vec<i32>> = serde_json::from_str("[1,2]").expect("plain data");
    assert_eq!(*back.read(), [1, 2]);
    let back: FairMutex<i32> = serde_json::from_str("3").expect("plain data");
    assert_eq!(back.into_inner(), 3);
    let back: brigade::mutex::FairReentrantMutex<i32> = serde_json::from_str("4").expect("data");
    assert_eq!(serde_json::to_string(&back).expect("plain data"), "4");
    assert!(serde_json::from_str::<FairRwLock<u8>>("-1").is_err(), "no lock around no value");
}

#[cfg(feature = "detect-recursion")]
mod detect_recursion {
    use brigade::rwlock::{
        FairRwLock, FairRwLockUpgradableReadGuard as Upgradable, FairRwLockWriteGuard as Writing,
    };
    use std::panic::{AssertUnwindSafe, Location, catch_unwind};
    use std::time::Duration;

    fn message(run: impl FnOnce()) -> String {
        let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("a recursion");
        *panic.downcast::<String>().expect("a text with both places")
    }

    #[track_caller]
    fn here(line_offset: i64) -> String {
        let here = Location::caller();
        format!("{}:{}", here.file(), i64::from(here.line()) + line_offset)
    }

    #[test]
    fn both_places_are_named() {
        let lock = FairRwLock::new(0);
        let _first = lock.read();
        let first = here(-1);
        let text = message(|| drop(lock.read()));
        let second = here(-1);
        assert!(text.contains(&first) && text.contains(&second), "{text}");
        assert!(text.contains("for reading at"), "{text}");
    }

    #[test]
    fn every_blocking_request_is_caught_and_takes_nothing() {
        let lock = FairRwLock::new(0);
        let first = lock.read();
        message(|| drop(lock.write()));
        message(|| drop(lock.upgradable_read()));
        drop(first);
        let first = lock.write();
        message(|| drop(lock.read()));
        message(|| drop(lock.write()));
        drop(first);
        assert!(lock.try_write().is_some(), "a caught recursion leaves no trace");
    }

    #[test]
    fn what_ends_by_itself_is_allowed() {
        let lock = FairRwLock::new(0);
        let _first = lock.read();
        assert!(lock.try_read().is_some());
        assert!(lock.try_write_for(Duration::from_millis(1)).is_none());
        let other = FairRwLock::new(0);
        drop((other.read(), other.try_read()));
    }

    #[test]
    fn guards_may_be_dropped_in_any_order() {
        let (one, two) = (FairRwLock::new(1), FairRwLock::new(2));
        let first = one.read();
        let second = two.read();
        drop(first);
        drop(one.write());
        drop(second);
        drop(two.write());
    }

    #[test]
    fn changes_of_mode_are_followed() {
        let lock = FairRwLock::new(0);
        let guard = Upgradable::upgrade(lock.upgradable_read());
        assert!(message(|| drop(lock.read())).contains("for writing at"));
        let guard = Writing::downgrade_to_upgradable(guard);
        assert!(message(|| drop(lock.read())).contains("for upgradable reading at"));
        let guard = Upgradable::downgrade(guard);
        assert!(message(|| drop(lock.read())).contains("for reading at"));
        drop(guard);
        drop(lock.write());
    }

    #[test]
    fn a_forgotten_guard_of_another_lock_accuses_nobody() {
        for _ in 0..100 {
            let lock = Box::new(FairRwLock::new(0)); // often at the same address
            std::mem::forget(lock.read());
        }
        let lock = Box::new(FairRwLock::new(0));
        drop(lock.write());
    }

    #[test]
    fn other_threads_are_not_concerned() {
        let lock = FairRwLock::new(0);
        let _mine = lock.read();
        std::thread::scope(|scope| drop(scope.spawn(|| drop(lock.read()))));
    }
}
