//! Who is next: lines arranged thread by thread, with the outcome that the policy states.

use std::sync::Mutex;
use std::thread::{Scope, scope};

use brigade::rwlock::{
    Bypass, FairRwLock, FairRwLockUpgradableReadGuard as Upgradable, FairRwLockWith,
    FairRwLockWriteGuard as Writing, Inspect, PhaseFair, Policy, TaskFair,
};

use super::{readers_queue, until, writers_queue};
use crate::watchdog::within;

type Log = Mutex<Vec<&'static str>>;

/// Puts threads into the line one after the other; each writes its name down while it is inside.
struct Line<'scope, 'env, P: Policy> {
    lock: &'env FairRwLockWith<(), P>,
    log: &'env Log,
    scope: &'scope Scope<'scope, 'env>,
}

impl<'scope, 'env, P: Policy> Line<'scope, 'env, P> {
    fn joins(&self, name: &'static str) {
        let Self { lock, log, .. } = *self;
        let waiting = lock.waiting_readers() + lock.waiting_writers();
        self.scope.spawn(move || {
            let note = || log.lock().unwrap().push(name);
            match &name[..1] {
                "W" => {
                    let _inside = lock.write();
                    note();
                }
                "U" => {
                    let _inside = lock.upgradable_read();
                    note();
                }
                _ => {
                    let _inside = lock.read();
                    note();
                }
            }
        });
        until(|| lock.waiting_readers() + lock.waiting_writers() == waiting + 1);
    }
}

/// The order in which a line, formed while somebody writes, gets in.
fn order<P: Policy>(line: &'static [&'static str]) -> Vec<&'static str> {
    within("order", move || {
        let lock = FairRwLockWith::<(), P>::new(());
        let log = Log::default();
        scope(|scope| {
            let writing = lock.write();
            let joins = Line { lock: &lock, log: &log, scope };
            line.iter().for_each(|name| joins.joins(name));
            drop(writing);
        });
        log.into_inner().unwrap()
    })
}

/// Readers of one phase come in any order: sorted, they can be compared.
fn sorted(mut names: Vec<&'static str>, phase: std::ops::Range<usize>) -> Vec<&'static str> {
    names[phase].sort_unstable();
    names
}

#[test]
fn phase_fair_puts_all_readers_before_the_next_writer() {
    let order = order::<PhaseFair>(&["W1", "R1", "W2", "R2", "R3"]);
    assert_eq!(sorted(order, 0..3), ["R1", "R2", "R3", "W1", "W2"]);
}

#[test]
fn task_fair_serves_in_order_of_arrival() {
    let order = order::<TaskFair>(&["W1", "R1", "R2", "W2", "R3"]);
    assert_eq!(sorted(order, 1..3), ["W1", "R1", "R2", "W2", "R3"]);
}

#[test]
fn writers_keep_their_order_under_every_policy() {
    let line = &["W1", "W2", "W3", "W4"];
    assert_eq!(order::<PhaseFair>(line), *line);
    assert_eq!(order::<TaskFair>(line), *line);
    assert_eq!(order::<Bypass<0>>(line), *line);
    assert_eq!(order::<Bypass<8>>(line), *line);
}

#[test]
fn bypass_of_nothing_is_phase_fair() {
    let order = order::<Bypass<0>>(&["W1", "R1", "W2", "R2"]);
    assert_eq!(sorted(order, 0..2), ["R1", "R2", "W1", "W2"]);
}

#[test]
fn one_upgradable_reader_a_phase() {
    let order = order::<PhaseFair>(&["U1", "W1", "U2", "R1"]);
    assert_eq!(sorted(order, 0..2), ["R1", "U1", "W1", "U2"]);
}

#[test]
fn nobody_joins_a_reader_phase_while_a_writer_waits() {
    within("nobody_joins_a_reader_phase_while_a_writer_waits", || {
        let lock = FairRwLock::new(());
        let log = Log::default();
        scope(|scope| {
            let reading = lock.read();
            let line = Line { lock: &lock, log: &log, scope };
            line.joins("W1");
            line.joins("R1");
            assert!(lock.try_read().is_none(), "an attempt does not pass the line either");
            assert!(lock.try_upgradable_read().is_none());
            assert_eq!((lock.readers(), lock.waiting_readers(), lock.waiting_writers()), (1, 1, 1));
            drop(reading);
        });
        assert_eq!(log.into_inner().unwrap(), ["W1", "R1"]);
    });
}

#[test]
fn a_waiting_upgradable_reader_keeps_no_plain_reader_out() {
    within("a_waiting_upgradable_reader_keeps_no_plain_reader_out", || {
        let lock = FairRwLock::new(());
        scope(|scope| {
            let first = lock.upgradable_read();
            scope.spawn(|| drop(lock.upgradable_read()));
            readers_queue(&lock, 1);
            scope.spawn(|| drop(lock.read())).join().expect("not blocked by the one that waits");
            assert!(lock.try_read().is_some());
            drop(first);
        });
        assert!(!lock.is_locked());
    });
}

#[test]
fn an_upgrade_passes_the_line() {
    within("an_upgrade_passes_the_line", || {
        let lock = FairRwLock::new(Vec::new());
        scope(|scope| {
            let upgradable = lock.upgradable_read();
            scope.spawn(|| lock.write().push("line"));
            writers_queue(&lock, 1);
            Upgradable::upgrade(upgradable).push("upgrade");
        });
        assert_eq!(lock.into_inner(), ["upgrade", "line"]);
    });
}

#[test]
fn an_upgrade_waits_for_the_readers_and_lets_no_more_in() {
    within("an_upgrade_waits_for_the_readers_and_lets_no_more_in", || {
        let lock = FairRwLock::new(0);
        scope(|scope| {
            let reading = lock.read();
            scope.spawn(|| *Upgradable::upgrade(lock.upgradable_read()) = 1);
            writers_queue(&lock, 1);
            assert!(lock.try_read().is_none());
            scope.spawn(|| assert_eq!(*lock.read(), 1));
            readers_queue(&lock, 1);
            assert_eq!(*reading, 0);
            drop(reading);
        });
    });
}

#[test]
fn a_downgrade_starts_a_reader_phase() {
    within("a_downgrade_starts_a_reader_phase", || {
        let lock = FairRwLock::new(());
        let log = Log::default();
        scope(|scope| {
            let writing = lock.write();
            let line = Line { lock: &lock, log: &log, scope };
            line.joins("W1");
            line.joins("R1");
            let reading = Writing::downgrade(writing);
            until(|| log.lock().unwrap().len() == 1); // R1 is in beside this reader
            drop(reading);
        });
        assert_eq!(log.into_inner().unwrap(), ["R1", "W1"]);
    });
}

#[test]
fn a_task_fair_downgrade_keeps_the_order() {
    within("a_task_fair_downgrade_keeps_the_order", || {
        let lock = FairRwLockWith::<(), TaskFair>::new(());
        let log = Log::default();
        scope(|scope| {
            let writing = lock.write();
            let line = Line { lock: &lock, log: &log, scope };
            line.joins("R1");
            line.joins("W1");
            line.joins("R2");
            let reading = Writing::downgrade(writing);
            until(|| log.lock().unwrap().len() == 1);
            assert_eq!(lock.waiting_readers(), 1, "R2 stays behind W1");
            drop(reading);
        });
        assert_eq!(log.into_inner().unwrap(), ["R1", "W1", "R2"]);
    });
}

#[test]
fn bump_lets_the_line_go_first() {
    within("bump_lets_the_line_go_first", || {
        let lock = FairRwLock::new(Vec::new());
        scope(|scope| {
            let mut writing = lock.write();
            Writing::bump(&mut writing);
            assert!(writing.is_empty(), "nobody waits: nothing happens");
            scope.spawn(|| lock.write().push(1));
            writers_queue(&lock, 1);
            Writing::bump(&mut writing);
            assert_eq!(*writing, [1]);
        });
    });
}

#[test]
fn a_hog_passes_one_writer_at_most_so_often() {
    within("a_hog_passes_one_writer_at_most_so_often", || {
        let lock = FairRwLockWith::<Vec<&str>, Bypass<4>>::new(Vec::new());
        scope(|scope| {
            for _ in 0..200 {
                let writing = lock.write();
                let victim = scope.spawn(|| lock.write().push("victim"));
                writers_queue(&lock, 1);
                drop(writing);
                while !victim.is_finished() {
                    lock.write().push("hog");
                }
                let mut steps = lock.write();
                let passed = steps.iter().take_while(|name| **name == "hog").count();
                assert!(passed <= 4, "passed {passed} times");
                steps.clear();
            }
        });
    });
}
