//! Models of the pool: its line, its workers and its futures. Time limits are events that may happen
//! at any wait.

use crate::contrast::{Contrast, all_are_caught, both};
use crate::explore::explore;
use brigade::internals::Mutant;
#[cfg(brigade_shuttle)]
use brigade::pool::Future;
use brigade::pool::{Claims, Overflow, Pool, Shutdown, TaskError, Until, as_completed, wait};
#[cfg(brigade_loom)]
use loom::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};
#[cfg(brigade_shuttle)]
use shuttle::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};
use std::sync::Arc;
use std::time::Duration;

/// What loom says, and shuttle.
const STUCK: &[&str] = &["deadlock"];

fn pool(workers: usize, places: usize, claims: Claims) -> Arc<Pool> {
    let pool = Pool::builder().workers(workers).queue(places, Overflow::Block).claims(claims);
    Arc::new(pool.build().expect("a sound pool"))
}

fn one_by_one(claims: Claims) {
    let pool = pool(1, 1, claims);
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    let job = pool.submit(move |_| count.fetch_add(1, Ordering::Relaxed));
    assert_eq!(job.result().expect("it runs"), 0);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    let second = pool.submit(|_| 2);
    assert_eq!(second.result().expect("it runs"), 2);
}

#[test]
fn a_job_runs_once_and_its_result_is_seen() {
    explore(3, || one_by_one(Claims::Never));
}

/// A worker and a waiter who may run the job itself.
#[test]
fn a_job_that_two_may_run_runs_once() {
    explore(3, || one_by_one(Claims::Anywhere));
}

/// A canceller against the worker: the job runs or is cancelled, and cancel says which.
#[test]
fn cancel_tells_the_truth() {
    explore(3, || {
        let pool = pool(1, 1, Claims::Never);
        let ran = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ran);
        let job = pool.submit(move |_| flag.store(true, Ordering::Relaxed));
        let never = job.cancel();
        match job.result() {
            Ok(()) => assert!(!never && ran.load(Ordering::Relaxed)),
            Err(error) => {
                assert!(matches!(error, TaskError::Cancelled), "{error}");
                assert!(never && !ran.load(Ordering::Relaxed));
            }
        }
        assert_eq!(pool.queued(), 0);
    });
}

/// Two submitters and one place: whoever waits for room gets it, also from a job that was claimed.
#[test]
fn a_place_is_free_when_a_job_has_left_it() {
    explore(3, || {
        let pool = pool(1, 1, Claims::Anywhere);
        let gate = Arc::new(Gate::default());
        let inner = Arc::clone(&gate);
        let held = pool.submit(move |_| inner.pass());
        // It is claimed by the worker or, if it is still queued, by nobody: it takes the place.
        let submitter = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.submit(|_| 1).result().expect("it runs"))
        };
        assert_eq!(pool.submit(|_| 2).result().expect("it runs"), 2);
        assert_eq!(submitter.join().unwrap(), 1);
        gate.open();
        held.result().expect("it runs");
    });
}

/// A gate out of the checker's parts.
struct Gate {
    open: backend::Mutex<bool>,
    changed: backend::Condvar,
}

#[cfg(brigade_loom)]
use loom::sync as backend;
#[cfg(brigade_shuttle)]
use shuttle::sync as backend;

impl Default for Gate {
    fn default() -> Self {
        Self { open: backend::Mutex::new(false), changed: backend::Condvar::new() }
    }
}

impl Gate {
    fn pass(&self) {
        let mut open = self.open.lock().unwrap();
        while !*open {
            open = self.changed.wait(open).unwrap();
        }
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

/// Shutdown against submit: what was taken runs or is cancelled, what was not says so.
#[test]
fn nothing_is_lost_when_the_pool_ends() {
    explore(3, || {
        let pool = pool(1, 2, Claims::Never);
        let submitter = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || match pool.submit(|_| 1).result() {
                Ok(one) => assert_eq!(one, 1),
                Err(error) => assert!(matches!(error, TaskError::PoolClosed), "{error}"),
            })
        };
        pool.shutdown(Shutdown::Drain);
        assert_eq!((pool.threads(), pool.queued()), (0, 0), "something is left");
        submitter.join().unwrap();
        assert_eq!((pool.threads(), pool.queued()), (0, 0), "something is left");
    });
}

#[test]
fn nothing_hangs_when_the_pool_is_cancelled() {
    explore(3, || {
        let pool = pool(1, 1, Claims::Never);
        let first = pool.submit(|_| 1);
        let submitter = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || drop(pool.submit(|_| 2).result()))
        };
        pool.shutdown(Shutdown::CancelPending);
        submitter.join().unwrap();
        match first.result() {
            Ok(one) => assert_eq!(one, 1),
            Err(error) => assert!(matches!(error, TaskError::Cancelled), "{error}"),
        }
    });
}

/// A callback that is added while the job ends runs once, and in its turn.
#[test]
fn every_callback_is_called_in_order() {
    explore(3, || {
        let pool = pool(1, 1, Claims::Never);
        let calls = Arc::new(AtomicUsize::new(0));
        let job = pool.submit(|_| 7);
        for turn in 0..2 {
            let calls = Arc::clone(&calls);
            job.on_done(move |outcome| {
                assert!(matches!(outcome, Ok(7)));
                assert_eq!(calls.fetch_add(1, Ordering::Relaxed), turn);
            });
        }
        assert_eq!(job.result().expect("it runs"), 7);
        assert_eq!(calls.load(Ordering::Relaxed), 2, "a callback is lost");
    });
}

/// Waiting for many misses none, whenever they are done.
#[test]
fn whoever_waits_for_many_misses_none() {
    explore(3, || {
        let pool = pool(1, 2, Claims::Never);
        let jobs = [pool.submit(|_| 1), pool.submit(|_| 2)];
        let first = wait(&jobs, Until::First, None);
        assert!(!first.done.is_empty());
        assert_eq!(wait(&jobs, Until::All, None).done, [0, 1]);
        let sum: i32 = as_completed(jobs).map(|job| job.result().expect("it runs")).sum();
        assert_eq!(sum, 3);
    });
}

/// Idle workers end at any moment, and jobs come at any moment.
#[test]
fn a_worker_that_ends_leaves_no_job_behind() {
    explore(3, || {
        let pool = Pool::builder()
            .workers(1)
            .claims(Claims::Never)
            .keep_alive(Duration::from_secs(1))
            .build()
            .expect("a sound pool");
        for turn in 0..2 {
            assert_eq!(pool.submit(move |_| turn).result().expect("it runs"), turn);
        }
        pool.shutdown(Shutdown::Drain);
        assert_eq!(pool.threads(), 0);
    });
}

/// A job that goes to sleep is woken by its cancellation, however early that comes.
#[test]
fn a_cancellation_reaches_a_job_that_sleeps() {
    explore(3, || {
        let pool = pool(1, 1, Claims::Never);
        let job = pool.submit(|cx| {
            let gate = Arc::new(Gate::default());
            let wake = Arc::clone(&gate);
            cx.on_cancel(move || wake.open());
            gate.pass();
            assert!(cx.is_cancelled());
        });
        let never = job.cancel();
        assert_eq!(job.result().is_err(), never);
    });
}

/// A time limit that may pass at any moment: the future comes back, and nothing is lost.
#[test]
fn a_time_limit_loses_nothing() {
    explore(3, || {
        let pool = pool(1, 1, Claims::Never);
        let job = pool.submit(|_| 7);
        let outcome = match job.result_timeout(Duration::from_secs(1)) {
            Ok(outcome) => outcome,
            Err(job) => job.result(),
        };
        assert_eq!(outcome.expect("it runs"), 7);
    });
}

/// One worker, a job that waits for another of its pool: it runs it.
#[test]
fn a_nested_wait_does_not_run_out_of_workers() {
    explore(3, || {
        let pool = pool(1, 2, Claims::InWorkers);
        let inner = Arc::clone(&pool);
        let outer = pool.submit(move |_| {
            let nested = inner.submit(|_| 20).result().expect("it runs");
            drop(inner);
            nested + 1
        });
        assert_eq!(outer.result().expect("it runs"), 21);
    });
}

/// A thread runs the job it waits for while another ends the pool: the job is over when the pool is.
#[test]
fn a_pool_ends_after_the_jobs_that_others_run() {
    explore(3, || {
        let pool = pool(1, 1, Claims::Anywhere);
        let (begun, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let inner = (Arc::clone(&begun), Arc::clone(&over));
        let job = pool.submit(move |_| {
            inner.0.store(true, Ordering::Relaxed);
            thread::yield_now();
            inner.1.store(true, Ordering::Relaxed);
        });
        let waiter = thread::spawn(move || job.result().is_ok());
        pool.shutdown(Shutdown::CancelPending);
        let begun = begun.load(Ordering::Relaxed);
        assert_eq!(begun, over.load(Ordering::Relaxed), "a job outlives its pool");
        assert_eq!(waiter.join().unwrap(), begun, "a job outlives its pool");
    });
}

/// A scope ends when nothing runs and nothing is queued, also what was submitted last by a job that
/// ran last.
#[test]
fn a_scope_ends_after_what_its_jobs_have_submitted() {
    explore(3, || {
        let pool = pool(1, 1, Claims::Never);
        let runs = Arc::new(AtomicUsize::new(0));
        let inner = (Arc::clone(&pool), Arc::clone(&runs));
        drop(pool.submit(move |_| {
            let (pool, runs) = inner;
            let count = Arc::clone(&runs);
            drop(pool.submit(move |_| count.fetch_add(1, Ordering::Relaxed)));
            runs.fetch_add(1, Ordering::Relaxed);
        }));
        pool.finish();
        assert_eq!(runs.load(Ordering::Relaxed), 2, "a job is left behind");
        assert_eq!((pool.threads(), pool.queued()), (0, 0), "something is left");
    });
}

/// The same where another thread runs the job that it waits for.
#[test]
fn a_scope_ends_after_the_jobs_that_others_run() {
    explore(3, || {
        let pool = pool(1, 1, Claims::Anywhere);
        let over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&over);
        let job = pool.submit(move |_| {
            thread::yield_now();
            flag.store(true, Ordering::Relaxed);
        });
        let waiter = thread::spawn(move || job.result().expect("it runs"));
        pool.finish();
        assert!(over.load(Ordering::Relaxed), "a job outlives its pool");
        waiter.join().unwrap();
    });
}

/// Two jobs that wait for each other: one is told, the other gets its result.
#[cfg(brigade_shuttle)]
#[test]
fn a_ring_of_two_comes_apart() {
    explore(3, || {
        let pool = pool(2, 2, Claims::InWorkers);
        let (give, given) = shuttle::sync::mpsc::channel::<Future<bool>>();
        let (give_back, given_back) = shuttle::sync::mpsc::channel::<Future<bool>>();
        let (tell, told) = shuttle::sync::mpsc::channel();
        let waits = |given: shuttle::sync::mpsc::Receiver<Future<bool>>| {
            let tell = tell.clone();
            pool.submit(move |_| {
                let cycle = matches!(given.recv().unwrap().result(), Err(TaskError::Cycle));
                tell.send(cycle).unwrap();
                cycle
            })
        };
        let first = waits(given);
        let second = waits(given_back);
        give.send(second).unwrap();
        give_back.send(first).unwrap();
        let cycles = [told.recv().unwrap(), told.recv().unwrap()];
        // A job that has not begun when it is waited for is run there, and finds itself below.
        assert_eq!(cycles.iter().filter(|cycle| **cycle).count(), 1, "{cycles:?}");
    });
}

/// Everything at once, at random.
#[cfg(brigade_shuttle)]
#[test]
fn any_schedule_settles_every_job() {
    use shuttle::rand::{Rng, thread_rng};
    explore(3, || {
        let pool = Pool::builder()
            .workers(2)
            .queue(2, Overflow::Block)
            .keep_alive(Duration::from_secs(1))
            .build()
            .expect("a sound pool");
        let pool = Arc::new(pool);
        let runs = Arc::new(AtomicUsize::new(0));
        let submitters: Vec<_> = (0..3)
            .map(|_| {
                let (pool, runs) = (Arc::clone(&pool), Arc::clone(&runs));
                thread::spawn(move || {
                    let mut settled = 0;
                    for _ in 0..3 {
                        let count = Arc::clone(&runs);
                        let job = pool.submit(move |_| {
                            thread::yield_now();
                            count.fetch_add(1, Ordering::Relaxed);
                        });
                        if thread_rng().gen_range(0..3) == 0 {
                            job.cancel();
                        }
                        settled += usize::from(job.result().is_ok());
                    }
                    settled
                })
            })
            .collect();
        if thread_rng().gen_range(0..2) == 0 {
            pool.shutdown(Shutdown::CancelPending);
        }
        let settled: usize = submitters.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(runs.load(Ordering::Relaxed), settled);
        assert_eq!(pool.queued(), 0);
    });
}

/// What each weakening must be noticed by.
pub(crate) const CONTRASTS: &[Contrast] = &[
    both(Mutant::PoolSleepUnchecked, "pool::a_job_runs_once_and_its_result_is_seen", STUCK),
    both(Mutant::PoolWaitUnchecked, "pool::a_job_runs_once_and_its_result_is_seen", STUCK),
    both(Mutant::PoolClaimKeepsPlace, "pool::a_place_is_free_when_a_job_has_left_it", STUCK),
    both(
        Mutant::PoolAdmitUnchecked,
        "pool::nothing_is_lost_when_the_pool_ends",
        &["deadlock", "something is left"],
    ),
    both(
        Mutant::PoolCallbackUnchecked,
        "pool::every_callback_is_called_in_order",
        &["a callback is lost"],
    ),
    both(Mutant::PoolWatchUnchecked, "pool::whoever_waits_for_many_misses_none", STUCK),
    both(Mutant::PoolExpiredStaysAsleep, "pool::a_worker_that_ends_leaves_no_job_behind", STUCK),
    both(Mutant::PoolExpiredIgnoresCall, "pool::a_worker_that_ends_leaves_no_job_behind", STUCK),
    both(Mutant::PoolInterruptUnchecked, "pool::a_cancellation_reaches_a_job_that_sleeps", STUCK),
    both(
        Mutant::PoolInlineForgotten,
        "pool::a_pool_ends_after_the_jobs_that_others_run",
        &["a job outlives its pool"],
    ),
    both(Mutant::PoolInlineUnannounced, "pool::a_pool_ends_after_the_jobs_that_others_run", STUCK),
    both(
        Mutant::PoolFinishLooksAtTheLine,
        "pool::a_scope_ends_after_what_its_jobs_have_submitted",
        &["a job is left behind"],
    ),
    both(
        Mutant::PoolQuietUnannounced,
        "pool::a_scope_ends_after_what_its_jobs_have_submitted",
        STUCK,
    ),
];

#[test]
fn each_weakening_is_noticed() {
    all_are_caught(CONTRASTS);
}
