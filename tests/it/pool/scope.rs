//! Jobs that borrow.

use crate::census::threads_named;
use crate::watchdog::within;
use brigade::pool::{Pool, TaskError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

fn pool(name: &str) -> Pool {
    Pool::builder().workers(2).name(name).build().expect("a sound pool")
}

#[test]
fn all_jobs_are_done_when_the_scope_is_over() {
    within("scope", || {
        let pool = pool("scoped");
        let count = AtomicUsize::new(0);
        pool.scope(|s| {
            for _ in 0..100 {
                drop(s.submit(|_| count.fetch_add(1, Ordering::Relaxed)));
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), 100);
        assert_eq!(pool.threads(), 0);
        while threads_named("scoped-") > 0 {
            thread::yield_now();
        }
    });
}

/// Jobs that are submitted by jobs, after the body has ended.
#[test]
fn what_a_job_submits_is_done_too() {
    within("nested scope", || {
        let count = AtomicUsize::new(0);
        pool("nested").scope(|s| {
            fn grow<'scope>(
                s: &brigade::pool::Scope<'scope, '_>,
                count: &'scope AtomicUsize,
                depth: u32,
            ) {
                count.fetch_add(1, Ordering::Relaxed);
                for _ in 0..if depth > 0 { 2 } else { 0 } {
                    let s2 = s.clone();
                    drop(s.submit(move |_| grow(&s2, count, depth - 1)));
                }
            }
            grow(s, &count, 6);
        });
        assert_eq!(count.load(Ordering::Relaxed), 127);
    });
}

#[test]
fn a_scope_returns_what_its_body_returns_and_a_panicking_job_hurts_nobody() {
    within("scope result", || {
        let text = String::from("borrowed");
        let (length, burnt) = pool("result").scope(|s| {
            let burnt = s.submit(|_| -> () { panic!("on purpose") });
            (s.submit(|_| text.len()).result().unwrap(), burnt.result())
        });
        assert_eq!(length, 8);
        assert!(matches!(burnt, Err(TaskError::Panicked(_))));
    });
}

#[test]
fn a_panicking_body_cancels_what_has_not_begun() {
    within("scope panic", || {
        let ran = AtomicUsize::new(0);
        let pool = Pool::builder().workers(1).build().unwrap();
        let caught = catch_unwind(AssertUnwindSafe(|| {
            pool.scope(|s| {
                let (begin, begun) = std::sync::mpsc::channel();
                let (wake, asleep) = std::sync::mpsc::channel();
                drop(s.submit(move |cx| {
                    cx.on_cancel(move || wake.send(()).unwrap());
                    begin.send(()).unwrap();
                    asleep.recv().unwrap();
                }));
                begun.recv().unwrap();
                for _ in 0..10 {
                    drop(s.submit(|_| ran.fetch_add(1, Ordering::Relaxed)));
                }
                panic!("on purpose");
            })
        }));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"on purpose"));
        assert_eq!(ran.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn an_empty_scope_starts_nothing() {
    assert_eq!(pool("empty").scope(|_| 7), 7);
}
