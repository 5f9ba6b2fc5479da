//! More threads than cores, until something breaks.

use crate::watchdog::{step, within};
use brigade::pool::{Overflow, Pool, Shutdown, TaskError, as_completed};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

#[test]
fn many_submitters_cancellers_and_waiters() {
    const SUBMITTERS: usize = 6;
    const ROUNDS: usize = 300;
    within("stress", || {
        for (overflow, keep_alive) in [
            (Overflow::Block, None),
            (Overflow::CallerRuns, Some(Duration::from_micros(20))),
            (Overflow::DropOldest, Some(Duration::ZERO)),
        ] {
            step(format!("{overflow:?}"));
            let mut pool = Pool::builder().workers(5).queue(7, overflow);
            if let Some(idle) = keep_alive {
                pool = pool.keep_alive(idle);
            }
            let pool = pool.build().unwrap();
            let ran = AtomicUsize::new(0);
            let told = AtomicUsize::new(0);
            let calls = Arc::new(AtomicUsize::new(0));
            thread::scope(|s| {
                for submitter in 0..SUBMITTERS {
                    let (pool, ran, told, calls) = (&pool, &ran, &told, &calls);
                    s.spawn(move || {
                        for round in 0..ROUNDS {
                            let jobs: Vec<_> =
                                (0..5).map(|n| pool.submit(move |_| n + round)).collect();
                            for job in &jobs {
                                let calls = Arc::clone(calls);
                                job.on_done(move |_| {
                                    calls.fetch_add(1, Ordering::Relaxed);
                                });
                            }
                            jobs[(round + submitter) % 5].cancel();
                            for job in as_completed(jobs) {
                                match job.result() {
                                    Ok(_) => ran.fetch_add(1, Ordering::Relaxed),
                                    Err(TaskError::Cancelled | TaskError::Displaced) => {
                                        told.fetch_add(1, Ordering::Relaxed)
                                    }
                                    Err(other) => panic!("{other}"),
                                };
                            }
                        }
                    });
                }
            });
            let all = SUBMITTERS * ROUNDS * 5;
            assert_eq!(ran.into_inner() + told.into_inner(), all);
            assert_eq!(calls.load(Ordering::Relaxed), all);
            assert_eq!(pool.queued(), 0);
        }
    });
}

#[test]
fn shutdown_against_everything() {
    within("shutdown stress", || {
        for round in 0..200 {
            let pool = Pool::builder().workers(3).queue(4, Overflow::Block).build().unwrap();
            thread::scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| {
                        for n in 0..20 {
                            match pool.submit(move |_| n).result() {
                                Ok(result) => assert_eq!(result, n),
                                Err(TaskError::PoolClosed | TaskError::Cancelled) => {}
                                Err(other) => panic!("{other}"),
                            }
                        }
                    });
                }
                s.spawn(|| {
                    pool.shutdown(if round % 2 == 0 {
                        Shutdown::Drain
                    } else {
                        Shutdown::CancelPending
                    });
                    assert_eq!((pool.threads(), pool.queued()), (0, 0));
                });
            });
        }
    });
}
