//! The queue's bound, the policies at its end, and the window of a map.

use super::{hold, strict};
use crate::watchdog::within;
use brigade::pool::{Claims, Overflow, Pool, Refusal, TaskError, Window};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

fn one_worker(places: usize, overflow: Overflow) -> Pool {
    Pool::builder()
        .workers(1)
        .queue(places, overflow)
        .claims(Claims::InWorkers)
        .build()
        .expect("a sound pool")
}

#[test]
fn a_full_queue_blocks_until_a_job_leaves_it() {
    within("block", || {
        let pool = one_worker(2, Overflow::Block);
        let (held, open) = hold(&pool);
        let queued = [pool.submit(|_| 1), pool.submit(|_| 2)];
        let (tell, told) = channel();
        thread::scope(|s| {
            s.spawn(|| {
                tell.send("before").unwrap();
                let third = pool.submit(|_| 3);
                tell.send("after").unwrap();
                assert_eq!(third.result().unwrap(), 3);
            });
            assert_eq!(told.recv(), Ok("before"));
            assert!(told.recv_timeout(std::time::Duration::from_millis(5)).is_err());
            assert_eq!(pool.queued(), 2);
            // Cancelling makes room as much as running does.
            assert!(queued[0].cancel());
            assert_eq!(told.recv(), Ok("after"));
            assert_eq!(pool.queued(), 2);
            open.send(()).unwrap();
        });
        assert!(held.result().unwrap());
        assert!(queued[1].is_done());
    });
}

#[test]
fn rejecting_and_displacing_say_so_in_the_future() {
    within("reject", || {
        let pool = one_worker(1, Overflow::Reject);
        let (held, open) = hold(&pool);
        let first = pool.submit(|_| 1);
        let second = pool.submit(|_| 2);
        assert!(second.is_done() && !second.is_cancelled());
        assert!(matches!(second.result(), Err(TaskError::Rejected)));
        drop(open);
        assert_eq!(first.result().unwrap(), 1);
        held.result().unwrap();

        let pool = one_worker(1, Overflow::DropOldest);
        let (held, open) = hold(&pool);
        let first = pool.submit(|_| 1);
        let second = pool.submit(|_| 2);
        assert!(matches!(first.result(), Err(TaskError::Displaced)));
        drop(open);
        assert_eq!(second.result().unwrap(), 2);
        held.result().unwrap();
    });
}

#[test]
fn a_caller_runs_what_does_not_fit() {
    within("caller runs", || {
        let pool = one_worker(1, Overflow::CallerRuns);
        let (held, open) = hold(&pool);
        let queued = pool.submit(|_| thread::current().id());
        let mine = pool.submit(|_| thread::current().id());
        assert!(mine.is_done());
        assert_eq!(mine.result().unwrap(), thread::current().id());
        assert!(!queued.is_done());
        drop(open);
        assert_ne!(queued.result().unwrap(), thread::current().id());
        held.result().unwrap();
    });
}

#[test]
fn trying_never_waits_and_gives_the_job_back() {
    within("try", || {
        let pool = one_worker(1, Overflow::Block);
        let (held, open) = hold(&pool);
        let queued = pool.try_submit(|_| 1).unwrap();
        let token = Arc::new(7);
        let refused = pool
            .try_submit({
                let token = Arc::clone(&token);
                move |_| *token
            })
            .unwrap_err();
        assert!(matches!(refused.reason, Refusal::Full));
        assert_eq!(refused.to_string(), "the pool's queue is full: try later, or submit and wait");
        drop(open);
        assert_eq!(queued.result().unwrap(), 1);
        assert_eq!(pool.submit(refused.into_inner()).result().unwrap(), 7);
        held.result().unwrap();
    });
}

/// All workers of a pool submit to its full queue: each runs its job itself.
#[test]
fn a_job_that_submits_to_its_own_full_pool_does_not_wait() {
    within("own full pool", || {
        let pool = Arc::new(one_worker(1, Overflow::Block));
        let inner = Arc::clone(&pool);
        let outer = pool.submit(move |_| {
            let jobs: Vec<_> = (0..10).map(|n| inner.submit(move |_| n)).collect();
            jobs.into_iter().map(|job| job.result().unwrap()).sum::<i32>()
        });
        assert_eq!(outer.result().unwrap(), 45);
        drop(pool);
    });
}

/// CPython's gh-131466: `buffersize` exceeded by one.
#[test]
fn a_window_is_never_exceeded_not_even_by_one() {
    within("window", || {
        for window in [1, 2, 7] {
            let pool = Pool::builder().workers(2).build().unwrap();
            let pulled = Arc::new(AtomicUsize::new(0));
            let source = {
                let pulled = Arc::clone(&pulled);
                (0..40).inspect(move |_| {
                    pulled.fetch_add(1, Ordering::Relaxed);
                })
            };
            let mut given = 0;
            let results = pool.map(source, Window(window), |n| n);
            assert_eq!(pulled.load(Ordering::Relaxed), window);
            for result in results {
                assert_eq!(result.unwrap(), given);
                given += 1;
                assert!(pulled.load(Ordering::Relaxed) <= given + window);
            }
            assert_eq!((given, pulled.load(Ordering::Relaxed)), (40, 40));
        }
    });
}

/// A slow first item holds the source, and with it all memory, at the window.
#[test]
fn an_endless_source_is_pulled_no_further_than_the_window() {
    within("endless", || {
        let pool = strict(2);
        let (open, gate) = channel::<()>();
        let gate = std::sync::Mutex::new(gate);
        let pulled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&pulled);
        let source = (0..).inspect(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let mut results = pool.map(source, Window(16), move |n| {
            if n == 0 {
                gate.lock().unwrap().recv().ok();
            }
            n
        });
        assert!(results.next_timeout(std::time::Duration::from_millis(5)).is_err());
        assert_eq!(pulled.load(Ordering::Relaxed), 16);
        drop(open);
        assert_eq!(results.next().unwrap().unwrap(), 0);
        assert_eq!(pulled.load(Ordering::Relaxed), 17);
    });
}

#[test]
fn husks_of_claimed_jobs_do_not_pile_up() {
    within("husks", || {
        let pool = Pool::builder().workers(1).queue(2, Overflow::Reject).build().unwrap();
        let (held, open) = hold(&pool);
        let stays = pool.submit(|_| 0);
        for n in 0..100_000 {
            assert_eq!(pool.submit(move |_| n).result().unwrap(), n);
        }
        assert_eq!(pool.queued(), 1);
        drop(open);
        assert_eq!(stays.result().unwrap(), 0);
        held.result().unwrap();
    });
}
