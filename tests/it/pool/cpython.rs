//! What CPython asks of `concurrent.futures`, asked here; in the words of
//! `Lib/test/test_concurrent_futures`, with what became of it.
//!
//! | CPython | Here |
//! |---|---|
//! | `test_future`: states, cancel, result, callbacks | `tests/it/pool/future.rs` |
//! | `test_wait`, `test_as_completed` | `tests/it/pool/gather.rs` |
//! | `test_as_completed` duplicates | a future cannot be given twice: it moves |
//! | `test_shutdown`, `cancel_futures`, `test_saturation`, reuse | `tests/it/pool/shutdown.rs` |
//! | `test_executor`: map, its timeout, gh-131466 | here, `tests/it/pool/bounds.rs` |
//! | hangs gh-94440, bpo-12364, bpo-12456 | here |

use super::{hold, strict};
use crate::watchdog::within;
use brigade::pool::{Future, Pool, Shutdown, TaskError, Window, as_completed};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

#[test]
fn test_submit_and_submit_keyword() {
    let pool = Pool::new().unwrap();
    assert_eq!(pool.submit(|_| 2_u32.pow(8)).result().unwrap(), 256);
}

#[test]
fn test_map_timeout_cancels_the_rest() {
    within("map timeout", || {
        let pool = strict(1);
        let (open, gate) = channel::<()>();
        let gate = Mutex::new(gate);
        let ran = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ran);
        let mut results = pool.map(0..10, Window(10), move |n| {
            count.fetch_add(1, Ordering::Relaxed);
            if n == 1 {
                gate.lock().unwrap().recv().ok();
            }
            n
        });
        assert_eq!(results.next().unwrap().unwrap(), 0);
        assert!(results.next_timeout(Duration::from_millis(1)).is_err());
        while ran.load(Ordering::Relaxed) < 2 {
            thread::yield_now();
        }
        drop(results);
        drop(open);
        pool.shutdown(Shutdown::Drain);
        assert_eq!(ran.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn test_map_exception_comes_at_its_position() {
    let pool = Pool::new().unwrap();
    let mut quotients = pool.map([(6, 3), (4, 2), (5, 0)], Window(3), |(a, b)| a / b);
    assert_eq!(quotients.next().unwrap().unwrap(), 2);
    assert_eq!(quotients.next().unwrap().unwrap(), 2);
    let Some(Err(TaskError::Panicked(panic))) = quotients.next() else { panic!("no panic") };
    assert!(panic.message().unwrap().contains("divide by zero"));
    assert!(quotients.next().is_none());
}

/// "hang on result of a future whose executor was shut down": bpo-12364.
#[test]
fn test_hang_issue_12364() {
    within("12364", || {
        let pool = strict(5);
        let futures: Vec<_> = (0..50).map(|_| pool.submit(|_| thread::yield_now())).collect();
        pool.shutdown(Shutdown::Drain);
        futures.into_iter().for_each(|future| future.result().unwrap());
    });
}

/// "Executor.submit is called before the shutdown and the thread after": bpo-12456.
#[test]
fn test_hang_issue_12456() {
    within("12456", || {
        for _ in 0..50 {
            let pool = strict(1);
            drop(pool.submit(|_| 1));
            drop(pool);
        }
    });
}

/// Shutting down without waiting, then using up what is left: gh-94440.
#[test]
fn test_hang_gh_94440() {
    within("94440", || {
        for _ in 0..50 {
            let pool = Arc::new(strict(1));
            let inner = Arc::clone(&pool);
            let shut = pool.submit(move |_| inner.shutdown(Shutdown::CancelPending));
            drop(pool);
            shut.result().unwrap();
        }
    });
}

#[test]
fn test_interpreter_shutdown_refuses_what_a_job_submits() {
    within("submit in shutdown", || {
        let pool = Arc::new(strict(1));
        let (begin, begun) = channel();
        let (open, gate) = channel::<()>();
        let inner = Arc::clone(&pool);
        let late = pool.submit(move |_| {
            begin.send(()).unwrap();
            gate.recv().ok();
            inner.submit(|_| ()).result()
        });
        begun.recv().unwrap();
        thread::scope(|s| {
            s.spawn(|| pool.shutdown(Shutdown::Drain));
            while !pool.is_shut_down() {
                thread::yield_now();
            }
            drop(open);
        });
        assert!(matches!(late.result().unwrap(), Err(TaskError::PoolClosed)));
    });
}

#[test]
fn test_zero_timeout_yields_what_is_done() {
    within("zero timeout", || {
        let pool = strict(1);
        let done: Vec<Future<u32>> =
            as_completed([pool.submit(|_| 1), pool.submit(|_| 2)]).collect();
        let (held, _open) = hold(&pool);
        let never = pool.submit(|_| 3);
        let mut completed = as_completed(done.into_iter().chain([never]));
        let mut seen = HashSet::new();
        while let Some(future) = completed.next_timeout(Duration::ZERO) {
            seen.insert(future.result().unwrap());
        }
        assert_eq!((seen, completed.len()), (HashSet::from([1, 2]), 1));
        drop(_open);
        held.result().unwrap();
    });
}

#[test]
fn test_future_times_out_and_is_none_the_worse() {
    within("free reference", || {
        let pool = strict(1);
        let (held, open) = hold(&pool);
        let mut held = held;
        for _ in 0..3 {
            held = held.result_timeout(Duration::ZERO).unwrap_err();
        }
        open.send(()).unwrap();
        assert!(held.result().unwrap());
    });
}

#[test]
fn test_cancel_from_many_threads_is_one_cancellation() {
    within("cancel race", || {
        let pool = strict(1);
        let (held, open) = hold(&pool);
        for _ in 0..100 {
            let calls = Arc::new(AtomicUsize::new(0));
            let job = pool.submit(|_| ());
            let count = Arc::clone(&calls);
            job.on_done(move |_| {
                count.fetch_add(1, Ordering::Relaxed);
            });
            thread::scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| assert!(job.cancel()));
                }
            });
            assert_eq!(calls.load(Ordering::Relaxed), 1);
        }
        drop(open);
        held.result().unwrap();
    });
}
