//! What CPython's own suite asks of `Condition`, asked of the monitor.
//!
//! `notify(n)` becomes n tokens in the data. Notifying or waiting without the lock cannot be written.

use super::until_waiting;
use crate::watchdog::within;
use brigade::monitor::Monitor;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

#[derive(Debug, Default)]
struct State {
    tokens: usize,
    phase: usize,
    first: Vec<usize>,
    second: Vec<usize>,
}

fn take(state: &mut State) -> usize {
    state.tokens -= 1;
    state.phase
}

/// Five threads wait twice each: three are notified, then five, then all.
fn notify(monitor: &Arc<Monitor<State>>) {
    let threads: Vec<_> = (0..5)
        .map(|_| {
            let monitor = Arc::clone(monitor);
            thread::spawn(move || {
                let has_tokens = |state: &State| state.tokens > 0;
                let phase = monitor.when(has_tokens, take);
                monitor.with(|state| state.first.push(phase));
                let phase = monitor.when(has_tokens, take);
                monitor.with(|state| state.second.push(phase));
            })
        })
        .collect();
    let give = |tokens| {
        monitor.with(|state| {
            state.phase += 1;
            state.tokens += tokens;
        });
        monitor.wait_until(|state| state.tokens == 0);
    };
    until_waiting(monitor, 5);
    give(3);
    monitor.wait_until(|state| state.first.len() == 3);
    until_waiting(monitor, 5);
    give(5);
    monitor.wait_until(|state| state.first.len() + state.second.len() == 8);
    monitor.read(|state| {
        assert_eq!((&*state.first, &*state.second), (&[1, 1, 1, 2, 2][..], &[2, 2, 2][..]));
    });
    until_waiting(monitor, 2);
    give(2);
    for thread in threads {
        thread.join().unwrap();
    }
    monitor.with(|state| {
        assert_eq!(state.second, [2, 2, 2, 3, 3]);
        *state = State::default();
    });
}

#[test]
fn notify_in_order_and_again() {
    within("notify_in_order", || {
        let monitor = Arc::new(Monitor::default());
        notify(&monitor);
        notify(&monitor);
    });
}

#[test]
fn time_out() {
    within("condition_time_out", || {
        let monitor = Arc::new(Monitor::new(false));
        let threads = [(); 5].map(|()| {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || monitor.wait_until_timeout(Duration::from_millis(20), |go| *go))
        });
        for thread in threads {
            assert!(thread.join().unwrap().is_err());
        }
        assert_eq!(monitor.waiting(), 0);
    });
}

#[test]
fn wait_for() {
    within("wait_for", || {
        let monitor = Arc::new(Monitor::new(0));
        let waiter = {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || monitor.when(|state| *state == 4, |state| *state))
        };
        until_waiting(&monitor, 1);
        for _ in 0..4 {
            monitor.with(|state| *state += 1);
        }
        assert_eq!(waiter.join().unwrap(), 4);
    });
}

#[test]
fn wait_for_with_a_time_out() {
    within("wait_for_timeout", || {
        let monitor = Arc::new(Monitor::new(0));
        let waiter = {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || {
                monitor.wait_until_timeout(Duration::from_millis(20), |state| *state == 4)
            })
        };
        for _ in 0..3 {
            monitor.with(|state| *state += 1);
        }
        assert!(waiter.join().unwrap().is_err());
    });
}
