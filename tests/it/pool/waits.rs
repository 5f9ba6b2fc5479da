//! Jobs that wait for jobs: trees of them never run out of workers, and rings are told so.

use super::strict;
use crate::watchdog::within;
use brigade::pool::{Claims, Future, Pool, Shutdown, TaskError, Until, Window, as_completed, wait};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};

fn sum(pool: &Arc<Pool>, from: u64, to: u64) -> u64 {
    if to - from <= 10 {
        return (from..to).sum();
    }
    let middle = from + (to - from) / 2;
    let halves = [(from, middle), (middle, to)].map(|(from, to)| {
        let inner = Arc::clone(pool);
        pool.submit(move |_| sum(&inner, from, to))
    });
    as_completed(halves).map(|half| half.result().expect("a sum")).sum()
}

#[test]
fn divide_and_conquer_with_fewer_workers_than_levels() {
    within("divide and conquer", || {
        for workers in [1, 2] {
            for claims in [Claims::Anywhere, Claims::InWorkers] {
                let pool = Pool::builder().workers(workers).claims(claims).build().unwrap();
                let pool = Arc::new(pool);
                let inner = Arc::clone(&pool);
                let total = pool.submit(move |_| sum(&inner, 0, 10_000));
                assert_eq!(total.result().unwrap(), 49_995_000);
            }
        }
    });
}

#[test]
fn a_chain_of_waits_as_deep_as_you_like() {
    fn nest(pool: &Arc<Pool>, depth: u32) -> u32 {
        if depth == 0 {
            return 0;
        }
        let inner = Arc::clone(pool);
        let next = pool.submit(move |_| nest(&inner, depth - 1));
        match wait(std::slice::from_ref(&next), Until::All, None).pending[..] {
            [] => next.result().unwrap() + 1,
            _ => unreachable!("no cycle here"),
        }
    }
    within("chain", || {
        let pool = Arc::new(strict(1));
        let inner = Arc::clone(&pool);
        assert_eq!(pool.submit(move |_| nest(&inner, 100)).result().unwrap(), 100);
    });
}

fn is_cycle<T>(outcome: &Result<T, TaskError>) -> bool {
    matches!(outcome, Err(TaskError::Cycle))
}

#[test]
fn a_job_that_waits_for_itself_is_told() {
    within("itself", || {
        let pool = strict(1);
        let (give, given) = channel::<Future<bool>>();
        let own = pool.submit(move |_| is_cycle(&given.recv().unwrap().result()));
        let (tell, told) = channel();
        own.on_done(move |outcome| tell.send(matches!(outcome, Ok(true))).unwrap());
        give.send(own).unwrap();
        assert_eq!(told.recv(), Ok(true));
    });
}

/// Two jobs on two workers, each with the other's future: whoever begins to wait last is told, and so
/// the other gets its result.
#[test]
fn a_ring_of_waits_is_told_once_and_comes_apart() {
    type Ring = Future<bool>;
    within("ring", || {
        for jobs in [2_usize, 3] {
            let pool = strict(jobs);
            let together = Arc::new(Barrier::new(jobs));
            let (tell, told) = channel();
            let mut gives = Vec::new();
            let futures: Vec<Ring> = (0..jobs)
                .map(|_| {
                    let (give, given) = channel::<Ring>();
                    gives.push(give);
                    let (together, tell) = (Arc::clone(&together), tell.clone());
                    pool.submit(move |_| {
                        let other = given.recv().unwrap();
                        together.wait();
                        let cycle = is_cycle(&other.result());
                        tell.send(cycle).unwrap();
                        cycle
                    })
                })
                .collect();
            for (future, give) in futures.into_iter().zip(gives.iter().cycle().skip(1)) {
                give.send(future).unwrap();
            }
            let told: Vec<bool> = told.iter().take(jobs).collect();
            assert_eq!(told.iter().filter(|cycle| **cycle).count(), 1, "{told:?}");
        }
    });
}

#[test]
fn waiting_for_some_in_a_ring_comes_back_with_those_that_are_pending() {
    within("ring of many", || {
        let pool = strict(1);
        let (give, given) = channel::<Future<Vec<usize>>>();
        let own = pool.submit(move |_| {
            let own = [given.recv().unwrap()];
            let pending = wait(&own, Until::All, None).pending;
            let mut completed = as_completed(own);
            let given_back = completed.next().expect("given back, undone");
            assert!(!given_back.is_done() && completed.next().is_none());
            pending
        });
        let seen = Arc::new(Mutex::new(None));
        let (tell, told) = channel();
        own.on_done({
            let seen = Arc::clone(&seen);
            move |outcome| {
                *seen.lock().unwrap() = outcome.as_ref().ok().cloned();
                tell.send(()).unwrap();
            }
        });
        give.send(own).unwrap();
        told.recv().unwrap();
        assert_eq!(*seen.lock().unwrap(), Some(vec![0]));
    });
}

/// A job asks for results as they come, and the one that is to come waits for the job.
#[test]
fn a_ring_through_results_as_they_come_is_told() {
    within("ring of results", || {
        let pool = Pool::builder().workers(2).claims(Claims::Never).build().unwrap();
        let pool = Arc::new(pool);
        let (give, given) = channel::<Future<bool>>();
        let given = Arc::new(Mutex::new(given));
        let inner = Arc::clone(&pool);
        let outer = pool.submit(move |_| {
            let mut results = inner.map_unordered(0..1, Window(1), move |_| {
                is_cycle(&given.lock().unwrap().recv().unwrap().result())
            });
            // Whoever begins to wait last is told.
            let first = results.next();
            let told = matches!(first, Some(Ok(true) | Err(TaskError::Cycle)));
            told && results.next().is_none()
        });
        let (tell, told) = channel();
        outer.on_done(move |outcome| tell.send(matches!(outcome, Ok(true))).unwrap());
        give.send(outer).unwrap();
        assert_eq!(told.recv(), Ok(true));
    });
}

/// A way out: the ring has a member that also waits for something that will come.
#[test]
fn no_cycle_is_seen_where_one_will_come() {
    within("no cycle", || {
        let pool = strict(3);
        let (open, gate) = channel::<()>();
        let slow = pool.submit(move |_| gate.recv().is_err());
        let (first, firsts) = channel::<Future<bool>>();
        let waits = pool.submit(move |_| firsts.recv().unwrap().result().unwrap());
        let (tell, told) = channel();
        let waits_for_both = pool.submit(move |_| {
            tell.send(()).unwrap();
            let mut both = as_completed([slow, waits]);
            both.next().unwrap().result().unwrap()
        });
        told.recv().unwrap();
        first.send(pool.submit(|_| true)).unwrap();
        drop(open);
        assert!(waits_for_both.result().unwrap());
    });
}

/// The first job is over but for its callback, which waits for a job that waits for the first.
#[test]
fn a_ring_through_a_callback_is_told() {
    within("ring through a callback", || {
        let pool = Pool::builder().workers(2).claims(Claims::Never).build().unwrap();
        let (open, gate) = channel::<()>();
        let (give, given) = channel::<Future<bool>>();
        let (tell, told) = channel();
        let first = pool.submit(move |_| gate.recv().is_err());
        let says = tell.clone();
        first.on_done(move |_| {
            let second = given.recv().unwrap();
            says.send(is_cycle(&second.result())).unwrap();
        });
        let second = pool.submit(move |_| {
            let cycle = is_cycle(&first.result());
            tell.send(cycle).unwrap();
            cycle
        });
        give.send(second).unwrap();
        drop(open);
        // Whoever begins to wait last is told, and so the other gets its result.
        let told: Vec<bool> = told.iter().take(2).collect();
        assert_eq!(told.iter().filter(|cycle| **cycle).count(), 1, "{told:?}");
    });
}

/// A job waits for one of another pool, which waits for the end of the first one's.
#[test]
fn a_ring_through_the_end_of_a_pool_comes_apart() {
    within("ring through a pool's end", || {
        for ends_first in [false, true] {
            let (first, second) = (Arc::new(strict(1)), strict(1));
            let (tell, told) = channel();
            let (begin, begun) = channel();
            let (give, given) = channel::<Future<()>>();
            let waits = first.submit(move |_| {
                begin.send(()).unwrap();
                tell.send(is_cycle(&given.recv().unwrap().result())).unwrap();
            });
            begun.recv().unwrap();
            let ends = Arc::downgrade(&first);
            let ends = second.submit(move |_| {
                if let Some(pool) = ends.upgrade() {
                    pool.shutdown(Shutdown::Drain);
                }
            });
            while ends_first && !first.is_shut_down() {
                std::thread::yield_now();
            }
            give.send(ends).unwrap();
            // It is told if the other one was first, which then waits on; else the other one does not.
            let _either = told.recv().unwrap();
            drop((first, second));
            waits.result().unwrap();
        }
    });
}

/// The scope waits for its jobs, and one of them for the end of the pool.
#[test]
fn a_scope_in_a_job_lets_the_pool_go() {
    within("scope in a job", || {
        let pool = Arc::new(strict(1));
        let (give, given) = channel::<Arc<Pool>>();
        let job = pool.submit(move |_| {
            let pool = given.recv().unwrap();
            pool.scope(|s| drop(s.submit(|_| pool.shutdown(Shutdown::Drain))));
            drop(Arc::into_inner(pool).expect("the last one"));
        });
        while !job.is_running() {
            std::thread::yield_now();
        }
        give.send(pool).unwrap();
        job.result().unwrap();
    });
}

/// The callbacks of a job that is cancelled are waited for as those of any other.
#[test]
fn a_ring_through_the_callback_of_a_cancelled_job_is_told() {
    within("ring through a cancelled job", || {
        let pool = Pool::builder().workers(1).claims(Claims::Never).build().unwrap();
        let (give, given) = channel::<Future<()>>();
        let (tell, told) = channel();
        let says = tell.clone();
        let (begin, begun) = channel();
        let running = pool.submit(move |_| {
            begin.send(()).unwrap();
            let cycle = is_cycle(&given.recv().unwrap().result());
            tell.send(cycle).unwrap();
        });
        begun.recv().unwrap();
        let queued = pool.submit(|_| ());
        queued.on_done(move |_| says.send(is_cycle(&running.result())).unwrap());
        give.send(queued).unwrap();
        pool.shutdown(Shutdown::CancelPending);
        let told: Vec<bool> = told.iter().take(2).collect();
        assert_eq!(told.iter().filter(|cycle| **cycle).count(), 1, "{told:?}");
    });
}
