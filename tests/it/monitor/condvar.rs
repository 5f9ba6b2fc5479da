//! What the standard library's suite asks of `Condvar`, asked of the monitor.
//!
//! A wait in a loop becomes a `when`; a notify becomes the end of a visit.

use super::until_waiting;
use crate::watchdog::within;
use brigade::monitor::Monitor;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(5);

#[test]
fn smoke() {
    let monitor = Monitor::new(());
    monitor.with(|()| ());
    monitor.with(|()| ());
}

#[test]
fn notify_one() {
    within("notify_one", || {
        let monitor = Arc::new(Monitor::new(false));
        let child = {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || monitor.with(|flag| *flag = true))
        };
        monitor.wait_until(|flag| *flag);
        child.join().unwrap();
    });
}

#[test]
fn notify_all() {
    within("notify_all", || {
        const THREADS: usize = 10;
        let monitor = Arc::new(Monitor::new((0, false)));
        let waiters: Vec<_> = (0..THREADS)
            .map(|_| {
                let monitor = Arc::clone(&monitor);
                thread::spawn(move || {
                    monitor.with(|(arrived, _)| *arrived += 1);
                    monitor.when(|(_, go)| *go, |(arrived, _)| *arrived -= 1);
                })
            })
            .collect();
        monitor.when(|(arrived, _)| *arrived == THREADS, |(_, go)| *go = true);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(monitor.read(|state| *state), (0, true));
    });
}

#[test]
fn two_that_answer_each_other() {
    within("two_that_answer", || {
        let monitor = Arc::new(Monitor::new(0));
        let child = {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || {
                for turn in 0..100 {
                    monitor.when(move |value| *value == 2 * turn + 1, |value| *value += 1);
                }
            })
        };
        for turn in 0..100 {
            monitor.when(move |value| *value == 2 * turn, |value| *value += 1);
        }
        monitor.wait_until(|value| *value == 200);
        child.join().unwrap();
    });
}

#[test]
fn wait_timeout_with_nobody_to_change_it() {
    let monitor = Monitor::new(false);
    assert!(monitor.wait_until_timeout(SHORT, |flag| *flag).is_err());
}

#[test]
fn wait_timeout_that_holds_at_once() {
    let monitor = Monitor::new(true);
    assert!(monitor.wait_until_timeout(Duration::ZERO, |flag| *flag).is_ok());
    assert_eq!(monitor.when_timeout(Duration::ZERO, |flag| *flag, |flag| *flag), Ok(true));
}

#[test]
fn wait_timeout_that_is_woken() {
    within("wait_timeout_woken", || {
        let monitor = Arc::new(Monitor::new(false));
        let child = {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || {
                until_waiting(&monitor, 1);
                monitor.with(|flag| *flag = true);
            })
        };
        let woken = monitor.when_timeout(Duration::from_secs(50), |flag| *flag, |flag| *flag);
        assert_eq!(woken, Ok(true));
        child.join().unwrap();
    });
}

/// A change that does not make the condition true does not wake, and does not stop the clock.
#[test]
fn a_change_that_does_not_suit_is_not_a_wake_up() {
    within("does_not_suit", || {
        let monitor = Arc::new(Monitor::new(0));
        let (done, over) = channel();
        let waiter = {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || {
                let waited = monitor.wait_until_timeout(Duration::from_millis(50), |v| *v < 0);
                done.send(()).unwrap();
                waited.is_err()
            })
        };
        while over.try_recv().is_err() {
            monitor.with(|value| *value += 1);
            thread::yield_now();
        }
        assert!(waiter.join().unwrap());
    });
}
