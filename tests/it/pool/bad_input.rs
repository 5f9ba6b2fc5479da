//! What a caller should not do.

use super::{hold, strict};
use crate::watchdog::within;
use brigade::pool::{BuildError, Overflow, Pool, Shutdown, TaskError, Window};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn no_workers_and_no_queue_are_errors() {
    assert_eq!(Pool::builder().workers(0).build().unwrap_err(), BuildError::NoWorkers);
    let error = Pool::builder().queue(0, Overflow::Block).build().unwrap_err();
    assert_eq!(error, BuildError::NoQueue);
    assert_eq!(error.to_string(), "a queue of 0 places never holds a job; give it at least 1");
}

#[test]
fn a_window_of_zero_is_a_documented_panic() {
    let pool = Pool::new().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| pool.map(0..1, Window(0), |n| n))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| pool.map_unordered(0..1, Window(0), |n| n))).is_err());
}

#[test]
fn the_largest_numbers_are_fine() {
    within("largest", || {
        let pool = Pool::builder().workers(usize::MAX).build().unwrap();
        assert_eq!(pool.submit(|_| 7).result().unwrap(), 7);
        assert_eq!(pool.workers(), usize::MAX);
        drop(pool);
        let pool = Pool::builder().workers(3).queue(usize::MAX, Overflow::Block);
        let pool = pool.keep_alive(std::time::Duration::MAX).build().unwrap();
        let squares = pool.map(0..10, Window(usize::MAX), |n| n * n);
        assert_eq!(squares.map(Result::unwrap).sum::<i32>(), 285);
        let squares = pool.map_unordered(0..10, Window(usize::MAX), |n| n * n);
        assert_eq!(squares.map(Result::unwrap).sum::<i32>(), 285);
    });
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("a bomb went off");
        }
    }
}

#[test]
fn a_queued_job_whose_drop_panics_takes_nobody_along() {
    within("bombs", || {
        let bomb = || {
            let bomb = Bomb;
            move |_: &brigade::pool::TaskCx<'_>| drop(bomb)
        };
        // Cancelled by its future.
        let pool = strict(1);
        let (held, open) = hold(&pool);
        let queued = pool.submit(bomb());
        assert!(queued.cancel());
        assert!(matches!(queued.result(), Err(TaskError::Cancelled)));
        // Cancelled with the pool, with others behind it.
        let queued = pool.submit(bomb());
        let behind = pool.submit(|_| ());
        drop(open);
        pool.shutdown(Shutdown::CancelPending);
        drop(held);
        assert!(queued.is_done() && behind.is_done());
        // Refused by a closed pool.
        assert!(matches!(pool.submit(bomb()).result(), Err(TaskError::PoolClosed)));
        // Displaced.
        let pool = Pool::builder().workers(1).queue(1, Overflow::DropOldest).build().unwrap();
        let (held, open) = hold(&pool);
        let oldest = pool.submit(bomb());
        let newest = pool.submit(|_| 1);
        assert!(matches!(oldest.result(), Err(TaskError::Displaced)));
        drop(open);
        held.result().unwrap();
        assert_eq!(newest.result().unwrap(), 1);
    });
}

#[test]
fn a_result_whose_drop_panics_does_not_cost_the_worker() {
    within("result bomb", || {
        let pool = strict(1);
        let thread = pool.submit(|_| std::thread::current().id()).result().unwrap();
        drop(pool.submit(|_| Bomb));
        drop(pool.submit(|_| std::panic::panic_any(Bomb)));
        assert_eq!(pool.submit(|_| std::thread::current().id()).result().unwrap(), thread);
    });
}

#[test]
fn a_pool_in_a_variable_of_a_thread_ends_with_the_thread() {
    within("thread's pool", || {
        thread_local!(static POOL: Pool = Pool::new().expect("a pool"));
        let user = std::thread::spawn(|| {
            // The crate's own variables of the thread come to be after this one, and go before it.
            POOL.with(|pool| pool.submit(|_| 7).result())
        });
        assert!(matches!(user.join(), Ok(Ok(7))));
    });
}

#[test]
fn errors_say_what_to_do() {
    for (error, said) in [
        (TaskError::Cancelled, "was cancelled"),
        (TaskError::PoolClosed, "submit before"),
        (TaskError::Rejected, "submit later"),
        (TaskError::Displaced, "make the queue longer"),
        (TaskError::Cycle, "let one of them go on"),
    ] {
        assert!(error.to_string().contains(said), "{error}");
        let _: Box<dyn std::error::Error + Send + Sync> = error.into();
    }
}
