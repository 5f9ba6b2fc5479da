//! Models of the monitor. Time-outs are events that may happen at any wait.

use crate::contrast::{Contrast, all_are_caught, both, shuttle};
use crate::explore::explore;
use brigade::internals::Mutant::*;
use brigade::monitor::Monitor;
#[cfg(brigade_loom)]
use loom::thread;
#[cfg(brigade_shuttle)]
use shuttle::thread;
use std::sync::Arc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

/// Nobody waits, nothing is reserved, and the value is what it should be.
fn settled(monitor: &Monitor<u32>, value: u32) {
    assert_eq!(monitor.waiting(), 0, "somebody is still in the queue");
    monitor.with(|at_last| assert_eq!(*at_last, value));
}

#[test]
fn a_change_is_never_missed() {
    explore(3, || {
        let monitor = Arc::new(Monitor::new(0));
        let waiter = {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || monitor.when(|value| *value == 1, |value| *value = 2))
        };
        let learner = {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || monitor.wait_until(|value| *value == 2))
        };
        monitor.with(|value| *value = 1);
        waiter.join().unwrap();
        learner.join().unwrap();
        settled(&monitor, 2);
    });
}

/// A newcomer must not make a condition false between the moment it was found true and the moment
/// its waiter is inside.
#[test]
fn a_condition_holds_inside() {
    explore(3, || {
        let monitor = Arc::new(Monitor::new(0));
        let take = {
            let monitor = Arc::clone(&monitor);
            move || {
                monitor.when(
                    |value| *value > 0,
                    |value| {
                        assert!(*value > 0, "found nothing inside");
                        *value -= 1;
                    },
                );
            }
        };
        let takers = [take.clone(), take].map(thread::spawn);
        monitor.with(|value| *value += 1);
        monitor.with(|value| *value += 1);
        for taker in takers {
            taker.join().unwrap();
        }
        settled(&monitor, 0);
    });
}

#[test]
fn a_time_out_loses_no_turn() {
    explore(3, || {
        let monitor = Arc::new(Monitor::new(0));
        let waiter = {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || {
                monitor.when_timeout(LONG, |value| *value == 1, |value| *value = 2).is_ok()
            })
        };
        monitor.with(|value| *value = 1);
        let went_in = waiter.join().unwrap();
        settled(&monitor, if went_in { 2 } else { 1 });
    });
}

/// A newcomer that finds the monitor reserved takes its place in the queue, and may give it up.
#[test]
fn newcomers_queue_behind_a_reservation() {
    explore(3, || {
        let monitor = Arc::new(Monitor::new(0));
        let waiter = {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || monitor.when(|value| *value > 0, |value| *value += 10))
        };
        let newcomer = {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || monitor.with_timeout(LONG, |value| *value += 100).is_ok())
        };
        monitor.with(|value| *value += 1);
        waiter.join().unwrap();
        let went_in = newcomer.join().unwrap();
        settled(&monitor, if went_in { 111 } else { 11 });
    });
}

#[test]
fn looking_disturbs_nobody() {
    explore(3, || {
        let monitor = Arc::new(Monitor::new(0));
        let waiter = {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || monitor.when(|value| *value == 1, |value| *value = 2))
        };
        let reader = {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || monitor.read(|value| *value))
        };
        monitor.with(|value| *value = 1);
        assert!(reader.join().unwrap() <= 2);
        waiter.join().unwrap();
        settled(&monitor, 2);
    });
}

/// Five wait for the same condition, in a known order. Whatever the schedule, they go in that order.
#[cfg(brigade_shuttle)]
#[test]
fn equals_go_in_the_order_they_came() {
    use shuttle::rand::{Rng, thread_rng};
    const WAITERS: usize = 5;

    explore(3, || {
        let monitor = Arc::new(Monitor::new((0, Vec::new())));
        let waiters: Vec<_> = (0..WAITERS)
            .map(|me| {
                let waiter = {
                    let monitor = Arc::clone(&monitor);
                    thread::spawn(move || {
                        monitor.when(
                            |(tokens, _)| *tokens > 0,
                            |(tokens, order)| {
                                assert!(*tokens > 0, "found nothing inside");
                                *tokens -= 1;
                                order.push(me);
                            },
                        );
                    })
                };
                while monitor.waiting() <= me {
                    thread::yield_now();
                }
                waiter
            })
            .collect();
        let mut given = 0;
        while given < WAITERS {
            let now = thread_rng().gen_range(1..=WAITERS - given);
            monitor.with(|(tokens, _)| *tokens += now);
            given += now;
        }
        for waiter in waiters {
            waiter.join().unwrap();
        }
        monitor.read(|(tokens, order)| {
            assert_eq!(*tokens, 0);
            assert_eq!(*order, [0, 1, 2, 3, 4], "out of order");
        });
    });
}

/// Six threads raise and lower a level, and wait for levels of their own: nobody finds its condition
/// false inside, and nobody is left behind.
#[cfg(brigade_shuttle)]
#[test]
fn any_schedule_serves_everyone() {
    explore(3, || {
        let monitor = Arc::new(Monitor::new(0i32));
        let mut threads = Vec::new();
        for wanted in 1..=3 {
            let lower = {
                let monitor = Arc::clone(&monitor);
                move || {
                    monitor.when(
                        move |level| *level >= wanted,
                        |level| {
                            assert!(*level >= wanted, "found it false inside");
                            *level -= wanted;
                        },
                    );
                }
            };
            let raise = {
                let monitor = Arc::clone(&monitor);
                move || {
                    for _ in 0..wanted {
                        monitor.with(|level| *level += 1);
                        let _ = monitor.when_timeout(LONG, |level| *level > 1, |_| ());
                    }
                }
            };
            threads.push(thread::spawn(lower));
            threads.push(thread::spawn(raise));
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(monitor.waiting(), 0, "somebody is still in the queue");
        monitor.with(|level| assert_eq!(*level, 0));
    });
}

const DEADLOCK: &[&str] = &["deadlock"];

pub(crate) const CONTRASTS: &[Contrast] = &[
    both(MonitorNoReview, "monitor::a_change_is_never_missed", DEADLOCK),
    both(MonitorQueueLate, "monitor::a_change_is_never_missed", DEADLOCK),
    both(MonitorUnreserved, "monitor::a_condition_holds_inside", &["found nothing inside"]),
    both(MonitorTimeoutDropsTurn, "monitor::a_time_out_loses_no_turn", DEADLOCK),
    both(MonitorTimeoutDropsTurn, "monitor::newcomers_queue_behind_a_reservation", DEADLOCK),
    shuttle(MonitorLastFirst, "monitor::equals_go_in_the_order_they_came", &["out of order"]),
    shuttle(MonitorNoReview, "monitor::equals_go_in_the_order_they_came", DEADLOCK),
    shuttle(MonitorUnreserved, "monitor::any_schedule_serves_everyone", &["found it false inside"]),
    shuttle(MonitorQueueLate, "monitor::any_schedule_serves_everyone", DEADLOCK),
    shuttle(MonitorTimeoutDropsTurn, "monitor::any_schedule_serves_everyone", DEADLOCK),
];

#[test]
fn every_mutant_is_caught() {
    all_are_caught(CONTRASTS);
}
