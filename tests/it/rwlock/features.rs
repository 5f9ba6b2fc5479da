//! What the features add.

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
