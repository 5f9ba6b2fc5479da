//! The monitor's contract, one behaviour a test, and every bad input with its result.

mod condvar;
mod cpython;
mod oracle;

use crate::watchdog::within;
use brigade::monitor::Monitor;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(5);

/// Blocks until so many threads are in the queue.
pub(crate) fn until_waiting<T>(monitor: &Monitor<T>, count: usize) {
    while monitor.waiting() != count {
        thread::yield_now();
    }
}

fn spawn<T: Send + 'static, R: Send + 'static>(
    monitor: &Arc<Monitor<T>>,
    run: impl FnOnce(&Monitor<T>) -> R + Send + 'static,
) -> thread::JoinHandle<R> {
    let monitor = Arc::clone(monitor);
    thread::spawn(move || run(&monitor))
}

fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    match payload.downcast_ref::<String>() {
        Some(text) => text,
        None => payload.downcast_ref::<&str>().expect("a message"),
    }
}

#[test]
fn exactly_those_whose_condition_holds_are_woken() {
    within("exactly_those", || {
        let monitor = Arc::new(Monitor::new((0, Vec::new())));
        let waiters: Vec<_> = (1..=5)
            .map(|me| {
                let waiter = spawn(&monitor, move |monitor| {
                    monitor.when(
                        move |(wanted, _)| *wanted == me,
                        |(wanted, order)| {
                            assert_eq!(*wanted, me);
                            order.push(me);
                        },
                    );
                });
                until_waiting(&monitor, me);
                waiter
            })
            .collect();
        for (left, wanted) in [(4, 4), (3, 1), (2, 5), (1, 2), (0, 3)] {
            monitor.with(|(now, _)| *now = wanted);
            until_waiting(&monitor, left);
        }
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(monitor.read(|(_, order)| order.clone()), [4, 1, 5, 2, 3]);
    });
}

#[test]
fn a_change_that_suits_nobody_wakes_nobody() {
    within("suits_nobody", || {
        let monitor = Arc::new(Monitor::new(0));
        let looked = Arc::new(AtomicUsize::new(0));
        let waiter = {
            let looked = Arc::clone(&looked);
            spawn(&monitor, move |monitor| {
                let me = thread::current().id();
                let evaluated = move |value: &i32| {
                    let on_another_thread = thread::current().id() != me;
                    looked.fetch_add(usize::from(on_another_thread), Ordering::SeqCst);
                    *value == 4
                };
                monitor.when(evaluated, |value| *value)
            })
        };
        until_waiting(&monitor, 1);
        for _ in 0..4 {
            monitor.with(|value| *value += 1);
        }
        assert_eq!(waiter.join().unwrap(), 4);
        assert_eq!(looked.load(Ordering::SeqCst), 4, "those who left evaluated it");
    });
}

#[test]
fn equals_go_in_the_order_they_came() {
    within("equals", || {
        let monitor = Arc::new(Monitor::new((0, Vec::new())));
        let waiters: Vec<_> = (0..6)
            .map(|me| {
                let waiter = spawn(&monitor, move |monitor| {
                    monitor.when(
                        |(tokens, _)| *tokens > 0,
                        |(tokens, order)| {
                            *tokens -= 1;
                            order.push(me);
                        },
                    );
                });
                until_waiting(&monitor, me + 1);
                waiter
            })
            .collect();
        monitor.with(|(tokens, _)| *tokens = 2);
        until_waiting(&monitor, 4);
        monitor.with(|(tokens, _)| *tokens += 4);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(monitor.read(|(_, order)| order.clone()), [0, 1, 2, 3, 4, 5]);
    });
}

#[test]
fn a_condition_that_held_for_one_visit_counts() {
    within("one_visit", || {
        let monitor = Arc::new(Monitor::new(0));
        let learners = [1, 2].map(|wanted| {
            spawn(&monitor, move |monitor| monitor.wait_until(move |value| *value == wanted))
        });
        until_waiting(&monitor, 2);
        monitor.with(|value| *value = 1);
        monitor.with(|value| *value = 2);
        monitor.with(|value| *value = 3);
        assert_eq!(monitor.waiting(), 0);
        for learner in learners {
            learner.join().unwrap();
        }
    });
}

/// The number is raised and lowered all the time; whoever waits for it finds what it waited for.
#[test]
fn under_stress_every_condition_holds_inside() {
    const ROUNDS: usize = if cfg!(miri) { 5 } else { 1_000 };
    const KINDS: usize = 4;
    within("stress", || {
        let monitor = Arc::new(Monitor::new([0usize; KINDS]));
        let mut threads = Vec::new();
        for me in 0..2 * KINDS {
            let kind = me % KINDS;
            threads.push(spawn(&monitor, move |monitor| {
                for _ in 0..ROUNDS {
                    monitor.when(
                        move |stock| stock[kind] > kind,
                        |stock| {
                            assert!(stock[kind] > kind, "found less than it waited for");
                            stock[kind] -= kind + 1;
                        },
                    );
                }
            }));
            threads.push(spawn(&monitor, move |monitor| {
                for round in 0..ROUNDS * (kind + 1) {
                    monitor.with(|stock| stock[kind] += 1);
                    if round % 64 == 0 {
                        let _ = monitor.when_timeout(Duration::ZERO, |s| s[0] > 0, |_| ());
                    }
                }
            }));
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!((monitor.read(|stock| *stock), monitor.waiting()), ([0; KINDS], 0));
    });
}

#[test]
fn those_who_look_all_the_time_keep_nobody_out() {
    within("look_all_the_time", || {
        let monitor = Arc::new(Monitor::new(0));
        let done = Arc::new(AtomicBool::new(false));
        let readers = [(), ()].map(|()| {
            let done = Arc::clone(&done);
            spawn(&monitor, move |monitor| {
                while !done.load(Ordering::Relaxed) {
                    monitor.read(|value| assert!(*value <= 200));
                }
            })
        });
        let waiter = spawn(&monitor, |monitor| {
            for _ in 0..100 {
                monitor.when(|value| value % 2 == 1, |value| *value += 1);
            }
        });
        for _ in 0..100 {
            monitor.when(|value| value % 2 == 0, |value| *value += 1);
        }
        waiter.join().unwrap();
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.join().unwrap();
        }
        assert_eq!(monitor.read(|value| *value), 200);
    });
}

#[test]
fn a_panic_inside_leaves_the_value_and_wakes_those_it_suits() {
    within("panic_inside", || {
        let monitor = Arc::new(Monitor::new(0));
        let waiter = spawn(&monitor, |monitor| monitor.when(|value| *value == 1, |value| *value));
        until_waiting(&monitor, 1);
        let failed = catch_unwind(AssertUnwindSafe(|| {
            monitor.with(|value| {
                *value = 1;
                panic!("after the change");
            })
        }));
        assert_eq!(message(&*failed.unwrap_err()), "after the change");
        assert_eq!(waiter.join().unwrap(), 1);

        let failed = catch_unwind(AssertUnwindSafe(|| {
            monitor.when(|value| *value == 1, |_| panic!("in the act"))
        }));
        assert_eq!(message(&*failed.unwrap_err()), "in the act");
        let failed = catch_unwind(AssertUnwindSafe(|| monitor.read(|_| panic!("while looking"))));
        assert_eq!(message(&*failed.unwrap_err()), "while looking");
        assert_eq!(monitor.with(|value| *value), 1);
    });
}

/// The act of one that was waited for panics: its turn must not be lost to those behind it.
#[test]
fn a_panic_in_a_turn_passes_the_turn_on() {
    within("panic_in_a_turn", || {
        let monitor = Arc::new(Monitor::new(0));
        let first =
            spawn(&monitor, |monitor| monitor.when(|value| *value > 0, |_| panic!("in my turn")));
        until_waiting(&monitor, 1);
        let second = spawn(&monitor, |monitor| monitor.when(|value| *value > 0, |value| *value));
        until_waiting(&monitor, 2);
        monitor.with(|value| *value = 7);
        assert_eq!(message(&*first.join().unwrap_err()), "in my turn");
        assert_eq!(second.join().unwrap(), 7);
    });
}

#[derive(Debug, PartialEq)]
struct Odd(i32);

#[test]
fn a_panic_in_a_condition_is_for_the_one_who_brought_it() {
    within("panic_in_condition", || {
        let monitor = Arc::new(Monitor::new(0));
        let at_once = catch_unwind(AssertUnwindSafe(|| {
            monitor.when(|_| panic!("at once"), |_| unreachable!("it never holds"))
        }));
        assert_eq!(message(&*at_once.unwrap_err()), "at once");

        fn fails_on_three(value: &i32) -> bool {
            if *value == 3 {
                panic_any(Odd(*value));
            }
            false
        }
        let entering = spawn(&monitor, |monitor| monitor.when(fails_on_three, |_| ()));
        let learning = spawn(&monitor, |monitor| monitor.wait_until(fails_on_three));
        let timed = spawn(&monitor, |monitor| {
            let _ = monitor.when_timeout(Duration::MAX, fails_on_three, |_| ());
        });
        until_waiting(&monitor, 3);
        let suited = spawn(&monitor, |monitor| monitor.when(|value| *value == 3, |value| *value));
        until_waiting(&monitor, 4);

        monitor.with(|value| *value = 3);
        for failed in [entering, learning, timed] {
            assert_eq!(failed.join().unwrap_err().downcast_ref(), Some(&Odd(3)));
        }
        assert_eq!(suited.join().unwrap(), 3, "the others are served");
        assert_eq!(monitor.waiting(), 0);
    });
}

/// A panic that leaves a monitor may find a condition that panics as well.
#[test]
fn a_condition_may_panic_while_another_panic_leaves() {
    within("two_panics", || {
        let monitor = Arc::new(Monitor::new(0));
        let waiter = spawn(&monitor, |monitor| {
            monitor.when(|value| *value == 1 && panic!("the condition"), |_| ())
        });
        until_waiting(&monitor, 1);
        let failed = catch_unwind(AssertUnwindSafe(|| {
            monitor.with(|value| {
                *value = 1;
                panic!("the visitor");
            })
        }));
        assert_eq!(message(&*failed.unwrap_err()), "the visitor");
        assert_eq!(message(&*waiter.join().unwrap_err()), "the condition");
        assert_eq!(monitor.with(|value| *value), 1);
    });
}

struct Dropped {
    by: Arc<Mutex<Vec<thread::ThreadId>>>,
    panics: bool,
}

impl Dropped {
    /// Takes the whole value along into a closure, not just the flag.
    fn panics(&self) -> bool {
        self.panics
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.by.lock().unwrap().push(thread::current().id());
        assert!(!self.panics, "in the drop");
    }
}

#[test]
fn a_condition_is_dropped_by_the_thread_that_made_it() {
    within("dropped_by", || {
        let monitor = Arc::new(Monitor::new(0));
        let by = Arc::new(Mutex::new(Vec::new()));
        let captured = |panics| Dropped { by: Arc::clone(&by), panics };
        let (entering, learning, late) = (captured(false), captured(false), captured(false));
        let makers = [
            spawn(&monitor, move |monitor| {
                monitor.when(move |value| *value == 1 && !entering.panics(), |_| ());
                thread::current().id()
            }),
            spawn(&monitor, move |monitor| {
                monitor.wait_until(move |value| *value == 1 && !learning.panics());
                thread::current().id()
            }),
        ];
        until_waiting(&monitor, 2);
        let maker = spawn(&monitor, move |monitor| {
            let waited = monitor.when_timeout(SHORT, move |_| late.panics(), |_| ());
            assert_eq!(waited.unwrap_err().limit(), SHORT);
            thread::current().id()
        });
        let late_by = maker.join().unwrap();
        assert_eq!(by.lock().unwrap().split_off(0), [late_by]);
        monitor.with(|value| *value = 1);
        let mut made_by = makers.map(|maker| maker.join().unwrap());
        let mut dropped_by = by.lock().unwrap().split_off(0);
        made_by.sort_by_key(|id| format!("{id:?}"));
        dropped_by.sort_by_key(|id| format!("{id:?}"));
        assert_eq!(dropped_by, made_by);
    });
}

#[test]
fn a_condition_that_panics_in_its_drop_wedges_nothing() {
    within("drop_panics", || {
        let monitor = Arc::new(Monitor::new(0));
        let by = Arc::new(Mutex::new(Vec::new()));
        let captured = Dropped { by, panics: true };
        let waiter = spawn(&monitor, move |monitor| {
            monitor.when(move |value| *value == 1 && captured.panics(), |value| *value = 2);
        });
        until_waiting(&monitor, 1);
        monitor.with(|value| *value = 1);
        assert_eq!(message(&*waiter.join().unwrap_err()), "in the drop");
        assert_eq!(monitor.when(|value| *value == 2, |value| *value), 2);
    });
}

#[test]
fn nobody_is_inside_twice() {
    within("inside_twice", || {
        let monitor = Arc::new(Monitor::new(0));
        type Call = fn(&Monitor<i32>);
        let twice: [(&str, Call); 4] = [
            ("with", |monitor| monitor.with(|_| monitor.with(|_| ()))),
            ("read", |monitor| monitor.with(|_| monitor.read(|_| ()))),
            ("when", |monitor| monitor.read(|_| monitor.when(|_| true, |_| ()))),
            ("timeout", |monitor| {
                let _ = monitor.with(|_| monitor.with_timeout(Duration::MAX, |_| ()));
            }),
        ];
        for (name, call) in twice {
            let refused = catch_unwind(AssertUnwindSafe(|| call(&monitor))).unwrap_err();
            let said = message(&*refused);
            assert!(
                said.starts_with("this thread is inside this monitor already"),
                "{name}: {said}"
            );
        }
        // Also in a condition: evaluated by the one who leaves, refused to the one who brought it.
        let inner = Arc::clone(&monitor);
        let waiter = spawn(&monitor, move |monitor| {
            monitor.when(move |value| *value == 1 && inner.read(|_| true), |_| ());
        });
        until_waiting(&monitor, 1);
        monitor.with(|value| *value = 1);
        assert!(message(&*waiter.join().unwrap_err()).starts_with("this thread is inside"));
        assert_eq!(monitor.with(|value| *value), 1);

        // Two monitors are two places.
        let other = Monitor::new(2);
        assert_eq!(monitor.with(|one| other.with(|two| *one + *two)), 3);
    });
}

#[test]
fn time_outs_of_every_length() {
    within("time_outs", || {
        let monitor = Arc::new(Monitor::new(0));
        for limit in [Duration::ZERO, Duration::from_nanos(1), SHORT] {
            let refused = monitor.when_timeout(limit, |value| *value == 1, |_| ());
            assert_eq!(refused.unwrap_err().limit(), limit);
            assert!(monitor.wait_until_timeout(limit, |value| *value == 1).is_err());
            assert_eq!(monitor.when_timeout(limit, |value| *value == 0, |value| *value), Ok(0));
            assert_eq!(monitor.wait_until_timeout(limit, |value| *value == 0), Ok(()));
            assert_eq!(monitor.with_timeout(limit, |value| *value), Ok(0));
        }
        assert_eq!(monitor.waiting(), 0);
        let waiter = spawn(&monitor, |monitor| {
            monitor.when_timeout(Duration::MAX, |value| *value == 1, |value| *value)
        });
        let learner = spawn(&monitor, |monitor| {
            monitor.wait_until_timeout(Duration::MAX, |value| *value == 1)
        });
        until_waiting(&monitor, 2);
        monitor.with(|value| *value = 1);
        assert_eq!(waiter.join().unwrap(), Ok(1));
        assert_eq!(learner.join().unwrap(), Ok(()));
        let said = monitor.when_timeout(SHORT, |_| false, |_| ()).unwrap_err().to_string();
        assert!(said.contains("did not hold, within 5ms"), "{said}");
    });
}

/// Somebody stays inside. Neither who stands at the door nor who has a place in the queue must wait
/// for that to end before it can give up.
#[test]
fn giving_up_does_not_wait_for_the_one_inside() {
    within("giving_up", || {
        let monitor = Arc::new(Monitor::new(0));
        let waiter = spawn(&monitor, |monitor| {
            monitor.when_timeout(Duration::from_millis(100), |value| *value == 1, |_| ()).is_err()
        });
        let learner = spawn(&monitor, |monitor| {
            monitor.wait_until_timeout(Duration::from_millis(100), |value| *value == 1).is_err()
        });
        let (came_in, inside) = channel();
        let (let_out, stay) = channel::<()>();
        let visitor = spawn(&monitor, move |monitor| {
            monitor.with(|value| {
                came_in.send(()).unwrap();
                stay.recv().unwrap();
                *value = 1;
            });
        });
        inside.recv().unwrap();
        assert!(monitor.with_timeout(SHORT, |_| ()).is_err());
        assert!(monitor.with_timeout(Duration::ZERO, |_| ()).is_err());
        assert!(monitor.when_timeout(SHORT, |_| true, |_| ()).is_err());
        assert!(monitor.wait_until_timeout(SHORT, |_| true).is_err());
        assert!(waiter.join().unwrap());
        assert!(learner.join().unwrap());
        assert_eq!(format!("{monitor:?}"), "Monitor { value: <somebody is inside>, waiting: 0 }");
        let_out.send(()).unwrap();
        visitor.join().unwrap();
        assert_eq!(monitor.with(|value| *value), 1);
    });
}

#[test]
fn what_is_lent_to_an_act_survives_a_time_out() {
    let line = Monitor::new(vec![1, 2]);
    let mut bowl = Some(3);
    let full = line.when_timeout(SHORT, |line| line.len() < 2, |line| line.extend(bowl.take()));
    assert!(full.is_err());
    assert_eq!(bowl, Some(3));
    line.when(|line| line.len() < 9, |line| line.extend(bowl.take()));
    assert_eq!((bowl, line.into_inner()), (None, vec![1, 2, 3]));
}

#[test]
fn it_may_be_shared_sent_borrowed_and_made_anywhere() {
    fn shared<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
    shared::<Monitor<Vec<u8>>>();
    fn only_sync<T: Send + Sync>() {}
    only_sync::<Monitor<Cell<u8>>>();

    static SCORE: Monitor<u64> = Monitor::new(0);
    thread::spawn(|| SCORE.with(|score| *score += 1)).join().unwrap();
    SCORE.wait_until(|score| *score == 1);

    let name = String::from("ada");
    let mut borrowed = Monitor::new(name.as_str());
    assert_eq!(borrowed.when(|name| name.len() == 3, |name| name.to_uppercase()), "ADA");
    *borrowed.get_mut() = "bob";
    assert_eq!(borrowed.into_inner(), "bob");
    assert_eq!(Monitor::<u8>::default().into_inner(), 0);
    assert_eq!(format!("{:?}", Monitor::from(1)), "Monitor { value: 1, waiting: 0 }");
}
