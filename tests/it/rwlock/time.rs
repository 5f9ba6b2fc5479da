//! Deadlines: passed, far, and those that other threads depend on.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::scope;
use std::time::{Duration, Instant};

use brigade::rwlock::{
    Bypass, FairRwLock, FairRwLockUpgradableReadGuard as Upgradable, FairRwLockWith, Inspect,
    PhaseFair, Policy, TaskFair,
};

use super::{until, writers_queue};
use crate::watchdog::within;

const SOON: Duration = Duration::from_millis(5);

fn long_ago() -> Instant {
    let now = Instant::now();
    now.checked_sub(Duration::from_secs(3600)).unwrap_or(now)
}

#[test]
fn a_passed_deadline_means_only_if_free() {
    let lock = FairRwLock::new(());
    for deadline in [long_ago(), Instant::now()] {
        assert!(lock.try_write_until(deadline).is_some());
        let reading = lock.try_read_until(deadline).expect("free");
        assert!(lock.try_write_until(deadline).is_none());
        let upgradable = lock.try_upgradable_read_until(deadline).expect("shared");
        assert!(lock.try_upgradable_read_until(deadline).is_none());
        let upgradable = Upgradable::try_upgrade_until(upgradable, deadline).expect_err("shared");
        drop(reading);
        let writing = Upgradable::try_upgrade_until(upgradable, deadline).expect("alone");
        assert!(lock.try_read_until(deadline).is_none());
        drop(writing);
    }
    assert!(lock.try_write().is_some(), "nothing stayed behind");
}

#[test]
fn no_time_at_all() {
    let lock = FairRwLock::new(());
    let reading = lock.try_read_for(Duration::ZERO).expect("free");
    assert!(lock.try_write_for(Duration::ZERO).is_none());
    drop(reading);
    assert!(lock.try_write_for(Duration::ZERO).is_some());
}

#[test]
fn all_the_time_in_the_world() {
    within("all_the_time_in_the_world", || {
        let lock = FairRwLock::new(0);
        let forever = Duration::MAX;
        scope(|scope| {
            let writing = lock.write();
            scope.spawn(|| *lock.try_write_for(forever).expect("no deadline") += 1);
            scope.spawn(|| drop(lock.try_read_for(forever).expect("no deadline")));
            scope.spawn(|| {
                let upgradable = lock.try_upgradable_read_for(forever).expect("no deadline");
                *Upgradable::try_upgrade_for(upgradable, forever).expect("no deadline") += 1;
            });
            until(|| lock.waiting_readers() + lock.waiting_writers() == 3);
            drop(writing);
        });
        assert_eq!(lock.into_inner(), 2);
    });
}

#[test]
fn timing_out_takes_as_long_as_it_says() {
    let lock = FairRwLock::new(());
    let _reading = lock.read();
    let before = Instant::now();
    assert!(lock.try_write_for(SOON).is_none());
    assert!(before.elapsed() >= SOON, "not before the deadline");
}

/// This thread reads for the whole time; the readers behind the writer get in beside it once the
/// writer has given up, or never.
fn a_writer_that_gives_up_frees_the_readers_behind_it<P: Policy>() {
    within("a_writer_that_gives_up_frees_the_readers_behind_it", || {
        let lock = FairRwLockWith::<_, P>::new(());
        scope(|scope| {
            let reading = lock.read();
            let writer = scope.spawn(|| assert!(lock.try_write_for(SOON * 10).is_none()));
            until(|| lock.waiting_writers() == 1 || writer.is_finished());
            let readers: Vec<_> = (0..3).map(|_| scope.spawn(|| drop(lock.read()))).collect();
            readers.into_iter().for_each(|reader| reader.join().expect("let in"));
            writer.join().expect("timed out");
            drop(reading);
        });
        assert!(lock.try_write().is_some());
    });
}

#[test]
fn a_writer_that_gives_up_frees_the_readers_behind_it_under_every_policy() {
    a_writer_that_gives_up_frees_the_readers_behind_it::<PhaseFair>();
    a_writer_that_gives_up_frees_the_readers_behind_it::<TaskFair>();
    a_writer_that_gives_up_frees_the_readers_behind_it::<Bypass<4>>();
}

#[test]
fn an_upgrade_that_gives_up_frees_the_readers_behind_it() {
    within("an_upgrade_that_gives_up_frees_the_readers_behind_it", || {
        let lock = FairRwLock::new(());
        let over = AtomicBool::new(false);
        scope(|scope| {
            let reading = lock.read();
            let upgrader = scope.spawn(|| {
                let upgradable = lock.upgradable_read();
                let kept = Upgradable::try_upgrade_for(upgradable, SOON * 10).expect_err("read");
                until(|| lock.readers() == 3); // this one, the first, and the one behind it
                over.store(true, SeqCst);
                drop(kept);
            });
            until(|| lock.waiting_writers() == 1 || lock.readers() == 2);
            scope.spawn(|| {
                let _inside = lock.read();
                until(|| over.load(SeqCst));
            });
            upgrader.join().expect("let the other one in");
            drop(reading);
        });
        assert!(lock.try_write().is_some());
    });
}

#[test]
fn one_that_gives_up_in_the_middle_leaves_the_others_in_order() {
    within("one_that_gives_up_in_the_middle_leaves_the_others_in_order", || {
        let lock = FairRwLock::new(Vec::new());
        scope(|scope| {
            let writing = lock.write();
            scope.spawn(|| lock.write().push(1));
            writers_queue(&lock, 1);
            let hasty = scope.spawn(|| assert!(lock.try_write_for(SOON).is_none()));
            until(|| lock.waiting_writers() == 2 || hasty.is_finished());
            scope.spawn(|| lock.write().push(2));
            hasty.join().expect("timed out");
            writers_queue(&lock, 2);
            drop(writing);
        });
        assert_eq!(lock.into_inner(), [1, 2]);
    });
}

#[test]
fn a_reader_that_gives_up_leaves_nothing() {
    within("a_reader_that_gives_up_leaves_nothing", || {
        let lock = FairRwLock::new(());
        scope(|scope| {
            let writing = lock.write();
            let one = scope.spawn(|| assert!(lock.try_read_for(SOON).is_none()));
            let two = scope.spawn(|| assert!(lock.try_upgradable_read_for(SOON).is_none()));
            one.join().expect("timed out");
            two.join().expect("timed out");
            assert_eq!(lock.waiting_readers(), 0);
            drop(writing);
        });
        assert!(lock.try_write().is_some());
        assert!(lock.try_upgradable_read().is_some());
    });
}
