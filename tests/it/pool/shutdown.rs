//! How a pool ends, and what is left of it: nothing.

use super::{hold, strict};
use crate::census::{threads_named, unchanged};
use crate::watchdog::{step, within};
use brigade::pool::{Claims, Pool, Refusal, Shutdown, TaskError, Window};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

#[test]
fn draining_runs_everything() {
    within("drain", || {
        let pool = strict(2);
        let (held, open) = hold(&pool);
        let queued: Vec<_> = (0..50).map(|n| pool.submit(move |_| n)).collect();
        thread::scope(|s| {
            s.spawn(|| pool.shutdown(Shutdown::Drain));
            while !pool.is_shut_down() {
                thread::yield_now();
            }
            assert!(matches!(pool.submit(|_| ()).result(), Err(TaskError::PoolClosed)));
            assert!(matches!(pool.try_submit(|_| ()).unwrap_err().reason, Refusal::Closed));
            drop(open);
        });
        assert!(queued.iter().all(|job| job.is_done()));
        assert_eq!(queued.into_iter().map(|job| job.result().unwrap()).sum::<i32>(), 1225);
        assert!(!held.result().unwrap());
        assert_eq!((pool.threads(), pool.queued()), (0, 0));
    });
}

#[test]
fn cancelling_drops_what_is_queued_and_asks_what_runs() {
    within("cancel pending", || {
        let pool = strict(1);
        let (begin, begun) = channel();
        let running = pool.submit(move |cx| {
            let (wake, asleep) = channel();
            cx.on_cancel(move || wake.send(()).unwrap());
            begin.send(()).unwrap();
            asleep.recv().unwrap();
            cx.is_cancelled()
        });
        begun.recv().unwrap();
        let queued: Vec<_> = (0..50).map(|_| pool.submit(|_| unreachable!("queued"))).collect();
        pool.shutdown(Shutdown::CancelPending);
        assert!(running.result().unwrap());
        for job in queued {
            assert!(matches!(job.result(), Err::<(), _>(TaskError::Cancelled)));
        }
    });
}

#[test]
fn a_drain_can_be_turned_into_a_cancellation() {
    within("twice", || {
        let pool = strict(1);
        let (held, open) = hold(&pool);
        let queued = pool.submit(|_| ());
        thread::scope(|s| {
            s.spawn(|| pool.shutdown(Shutdown::Drain));
            while !pool.is_shut_down() {
                thread::yield_now();
            }
            s.spawn(|| pool.shutdown(Shutdown::CancelPending));
            assert!(matches!(queued.result(), Err(TaskError::Cancelled)));
            drop(open);
        });
        held.result().unwrap();
        pool.shutdown(Shutdown::Drain);
    });
}

#[test]
fn a_submitter_that_is_blocked_is_told() {
    within("blocked submitter", || {
        let pool = Pool::builder()
            .workers(1)
            .queue(1, brigade::pool::Overflow::Block)
            .claims(Claims::Never)
            .build()
            .unwrap();
        let (held, open) = hold(&pool);
        let queued = pool.submit(|_| 1);
        thread::scope(|s| {
            let blocked = s.spawn(|| pool.submit(|_| 2).result());
            step("the submitter comes to block, or comes too late: both end alike");
            s.spawn(|| pool.shutdown(Shutdown::CancelPending));
            let told = blocked.join().unwrap();
            assert!(matches!(told, Err(TaskError::PoolClosed | TaskError::Cancelled)), "{told:?}");
            drop(open);
        });
        assert!(matches!(queued.result(), Err(TaskError::Cancelled)));
        held.result().unwrap();
    });
}

#[test]
fn a_pool_dropped_while_unwinding_does_not_run_what_is_queued() {
    within("unwinding", || {
        let ran = Arc::new(AtomicUsize::new(0));
        let queued = Arc::new(Mutex::new(None));
        let caught = thread::spawn({
            let (ran, queued) = (Arc::clone(&ran), Arc::clone(&queued));
            move || {
                let pool = strict(1);
                let (_held, open) = hold(&pool);
                let job = pool.submit(move |_| ran.fetch_add(1, Ordering::Relaxed));
                job.on_done(move |_| drop(open));
                *queued.lock().unwrap() = Some(job);
                panic!("on purpose");
            }
        });
        assert!(caught.join().is_err());
        let job = queued.lock().unwrap().take().unwrap();
        assert!(matches!(job.result(), Err(TaskError::Cancelled)));
        assert_eq!(ran.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_pool_dropped_inside_its_own_job_does_not_wait_for_itself() {
    within("own drop", || {
        for claims in [Claims::Never, Claims::Anywhere] {
            let pool = Pool::builder().workers(2).name("own-drop").claims(claims).build().unwrap();
            let pool = Arc::new(pool);
            let (give, given) = channel::<Arc<Pool>>();
            let dropped = pool.submit(move |_| {
                let pool = given.recv().unwrap();
                let rest = pool.submit(|_| "the rest");
                drop(Arc::into_inner(pool).expect("the last one"));
                rest
            });
            while !dropped.is_running() {
                thread::yield_now();
            }
            give.send(pool).unwrap();
            assert_eq!(dropped.result().unwrap().result().unwrap(), "the rest");
        }
        step("the threads end by themselves");
        while threads_named("own-drop") > 0 {
            thread::yield_now();
        }
    });
}

/// The job runs on the thread that waits for it, and drops the pool there.
#[test]
fn a_pool_dropped_inside_a_job_that_runs_inline_does_not_wait_for_those_who_wait() {
    within("inline drop", || {
        let pool = Arc::new(Pool::builder().workers(1).build().unwrap());
        let (held, open) = hold(&pool);
        let inner = Arc::clone(&pool);
        let job = pool.submit(move |_| {
            drop(Arc::into_inner(inner).expect("the last one"));
            "dropped"
        });
        drop(pool);
        assert_eq!(job.result().unwrap(), "dropped");
        drop(open);
        held.result().unwrap();
    });
}

#[test]
fn an_idle_thread_ends_and_another_is_started_when_there_is_work() {
    within("keep alive", || {
        let pool = Pool::builder()
            .workers(2)
            .keep_alive(Duration::from_millis(1))
            .claims(Claims::Never)
            .name("mayfly")
            .build()
            .unwrap();
        assert_eq!(pool.threads(), 0);
        for round in 0..5 {
            let jobs: Vec<_> = (0..10).map(|n| pool.submit(move |_| n)).collect();
            assert_eq!(jobs.into_iter().map(|job| job.result().unwrap()).sum::<i32>(), 45);
            step(format!("round {round}: the threads go"));
            while pool.threads() > 0 || threads_named("mayfly") > 0 {
                thread::yield_now();
            }
        }
    });
}

/// CPython's `test_saturation` and `test_idle_thread_reuse`.
#[test]
fn threads_are_started_as_they_are_needed_and_used_again() {
    within("reuse", || {
        // A thread that gave a result is free a moment later, so a few may come in between.
        let needs_no_crowd = (0..1000).any(|_| {
            let pool = strict(20);
            for _ in 0..20 {
                pool.submit(|_| ()).result().unwrap();
            }
            pool.threads() < 10
        });
        assert!(needs_no_crowd, "one at a time");

        let pool = strict(3);
        let held: Vec<_> = (1..=3)
            .map(|threads| {
                let held = hold(&pool);
                assert_eq!(pool.threads(), threads, "all others are busy");
                held
            })
            .collect();
        let queued: Vec<_> = (0..10).map(|_| pool.submit(|_| thread::current().id())).collect();
        assert_eq!((pool.threads(), pool.queued()), (3, 10));
        drop(held);
        let mut used: Vec<_> = queued.into_iter().map(|job| job.result().unwrap()).collect();
        for _ in 0..10 {
            used.push(pool.submit(|_| thread::current().id()).result().unwrap());
        }
        let used: std::collections::HashSet<_> = used.into_iter().collect();
        assert!(used.len() <= 3, "{used:?}");
    });
}

#[test]
fn threads_have_the_pools_name_and_a_number() {
    within("names", || {
        let pool = Pool::builder().workers(2).name("na\0me").claims(Claims::Never).build().unwrap();
        let held: Vec<_> = (0..2)
            .map(|_| {
                let (open, gate) = channel::<()>();
                let job = pool.submit(move |_| {
                    gate.recv().ok();
                    thread::current().name().map(str::to_owned).unwrap()
                });
                (job, open)
            })
            .collect();
        while threads_named("name-") < 2 {
            thread::yield_now();
        }
        let mut names: Vec<_> = held
            .into_iter()
            .map(|(job, open)| {
                drop(open);
                job.result().unwrap()
            })
            .collect();
        names.sort();
        assert_eq!(names, ["name-0", "name-1"]);
    });
}

#[test]
fn nothing_is_left_of_pools_however_they_end() {
    unchanged("pool::shutdown::nothing_is_left_of_pools_however_they_end", || {
        let pool = Pool::builder().workers(3).build().unwrap();
        let jobs: Vec<_> = (0..100).map(|n| pool.submit(move |_| n)).collect();
        drop(pool);
        assert!(jobs.into_iter().all(|job| job.result().is_ok()));

        let pool = Pool::builder().workers(3).build().unwrap();
        let jobs: Vec<_> = (0..100).map(|n| pool.submit(move |_| n)).collect();
        pool.shutdown(Shutdown::CancelPending);
        drop(jobs);

        let pool = Pool::builder().workers(2).keep_alive(Duration::ZERO).build().unwrap();
        for n in 0..100 {
            drop(pool.submit(move |_| assert_ne!(n, 50, "on purpose")));
        }
        pool.shutdown(Shutdown::Drain);

        let pool = Pool::builder().workers(2).build().unwrap();
        pool.scope(|s| (0..10).for_each(|n| drop(s.submit(move |_| n))));
        let _ = pool.map(0..1000, Window(10), |n| n).take(3).count();
    });
}

/// Ends long after the last worker has, when whoever does not wait for it is back; and says so then.
fn outlast((pool, over): (Weak<Pool>, Arc<AtomicUsize>)) {
    while pool.upgrade().is_some_and(|pool| pool.threads() > 0) {
        thread::yield_now();
    }
    (0..1000).for_each(|_| thread::yield_now());
    over.store(1, Ordering::Relaxed);
}

/// A job of the pool runs on a thread that waits for it, when the last worker has gone.
#[test]
fn shutting_down_waits_for_a_job_that_is_run_by_who_waits_for_it() {
    within("inline job", || {
        let pool = Arc::new(Pool::builder().workers(1).build().unwrap());
        let (held, open) = hold(&pool);
        let (begin, begun) = channel();
        let (go_on, goes_on) = channel::<()>();
        let over = Arc::new(AtomicUsize::new(0));
        let inner = (Arc::downgrade(&pool), Arc::clone(&over));
        let job = pool.submit(move |_| {
            begin.send(thread::current().id()).unwrap();
            goes_on.recv().unwrap();
            outlast(inner);
        });
        thread::scope(|s| {
            let waiter = s.spawn(|| job.result());
            assert_eq!(begun.recv().unwrap(), waiter.thread().id(), "the only worker is busy");
            let ends = s.spawn(|| {
                pool.shutdown(Shutdown::Drain);
                over.load(Ordering::Relaxed)
            });
            go_on.send(()).unwrap();
            drop(open);
            assert_eq!(ends.join().unwrap(), 1, "it came back while a job was running");
            waiter.join().unwrap().unwrap();
        });
        held.result().unwrap();
    });
}

/// The same where the policy has the submitter run it.
#[test]
fn shutting_down_waits_for_a_job_that_is_run_by_who_submits_it() {
    within("caller runs", || {
        let pool = Pool::builder().workers(1).queue(1, brigade::pool::Overflow::CallerRuns);
        let pool = Arc::new(pool.claims(Claims::Never).build().unwrap());
        let (held, open) = hold(&pool);
        let queued = pool.submit(|_| ());
        let (begin, begun) = channel();
        let (go_on, goes_on) = channel::<()>();
        let over = Arc::new(AtomicUsize::new(0));
        let inner = (Arc::downgrade(&pool), Arc::clone(&over));
        thread::scope(|s| {
            let submitter = s.spawn(|| {
                pool.submit(move |_| {
                    begin.send(()).unwrap();
                    goes_on.recv().unwrap();
                    outlast(inner);
                })
                .result()
            });
            begun.recv().unwrap();
            let ends = s.spawn(|| {
                pool.shutdown(Shutdown::Drain);
                over.load(Ordering::Relaxed)
            });
            go_on.send(()).unwrap();
            drop(open);
            assert_eq!(ends.join().unwrap(), 1, "it came back while a job was running");
            submitter.join().unwrap().unwrap();
        });
        queued.result().unwrap();
        held.result().unwrap();
    });
}
