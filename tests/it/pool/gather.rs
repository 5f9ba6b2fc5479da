//! Many futures at once.

use super::{hold, strict};
use crate::watchdog::within;
use brigade::pool::{Future, Pool, TaskError, Until, Window, as_completed, wait};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

const SHORT: Option<Duration> = Some(Duration::from_millis(1));

#[test]
fn wait_for_the_first() {
    within("first", || {
        let pool = strict(2);
        let (slow, open) = hold(&pool);
        let futures = [slow, pool.submit(|_| true)];
        let waited = wait(&futures, Until::First, None);
        assert_eq!((waited.done, waited.pending), (vec![1], vec![0]));
        // What is done already is enough.
        assert_eq!(wait(&futures, Until::First, None).done, [1]);
        drop(open);
        assert_eq!(wait(&futures, Until::All, None).done, [0, 1]);
        assert!(wait::<()>(&[], Until::First, None).done.is_empty());
        assert!(wait::<()>(&[], Until::All, SHORT).pending.is_empty());
    });
}

#[test]
fn wait_for_the_first_error() {
    within("first error", || {
        let pool = strict(3);
        let (slow, _open) = hold(&pool);
        let cancelled = pool.submit(|_| true);
        let futures =
            [slow, cancelled, pool.submit(|_| panic!("on purpose")), pool.submit(|_| true)];
        let waited = wait(&futures, Until::FirstError, None);
        assert!(waited.done.contains(&2) && waited.pending.contains(&0), "{waited:?}");
    });
}

#[test]
fn a_cancelled_one_is_no_error_and_success_of_all_ends_the_wait() {
    within("no error", || {
        let pool = strict(1);
        let (slow, open) = hold(&pool);
        let cancelled = pool.submit(|_| true);
        cancelled.cancel();
        let futures = [slow, cancelled];
        let waited = wait(&futures, Until::FirstError, SHORT);
        assert_eq!((waited.done, waited.pending), (vec![1], vec![0]));
        drop(open);
        assert_eq!(wait(&futures, Until::FirstError, None).done, [0, 1]);
    });
}

#[test]
fn a_time_limit_ends_the_wait_and_leaves_nothing_behind() {
    within("limit", || {
        let pool = strict(1);
        let (slow, open) = hold(&pool);
        let futures = [slow];
        for _ in 0..3 {
            assert_eq!(wait(&futures, Until::All, SHORT).pending, [0]);
            assert_eq!(wait(&futures, Until::All, Some(Duration::ZERO)).pending, [0]);
        }
        drop(open);
        assert_eq!(wait(&futures, Until::All, Some(Duration::MAX)).done, [0]);
    });
}

#[test]
fn they_come_in_the_order_they_are_done() {
    within("order", || {
        let pool = strict(3);
        let (gates, held): (Vec<_>, Vec<_>) = (0..3)
            .map(|number| {
                let (open, gate) = channel::<()>();
                let job = pool.submit(move |_| {
                    gate.recv().ok();
                    number
                });
                (open, job)
            })
            .unzip();
        let mut gates: Vec<_> = gates.into_iter().map(Some).collect();
        let mut completed = as_completed(held);
        for next in [2, 0, 1] {
            drop(gates[next].take());
            assert_eq!(completed.next().unwrap().result().unwrap(), next);
        }
        assert!(completed.next().is_none() && completed.next().is_none());
    });
}

/// CPython's "2 (of 4) futures unfinished".
#[test]
fn a_limit_tells_how_many_are_left_and_gives_them_back() {
    within("unfinished", || {
        let pool = strict(2);
        let (slow, open) = hold(&pool);
        let (slower, opener) = hold(&pool);
        let pool = Pool::new().unwrap();
        let done = [pool.submit(|_| true), pool.submit(|_| true)];
        let mut completed = as_completed(done.into_iter().chain([slow, slower]));
        assert_eq!(completed.len(), 4);
        assert!(completed.next().is_some() && completed.next().is_some());
        assert!(completed.next_timeout(Duration::from_millis(1)).is_none());
        assert_eq!(completed.len(), 2);
        drop((open, opener));
        let rest = completed.into_rest();
        assert_eq!(wait(&rest, Until::All, None).done.len(), 2);
    });
}

#[test]
fn map_keeps_the_order_and_puts_a_panic_where_it_belongs() {
    within("map", || {
        let pool = Pool::builder().workers(3).build().unwrap();
        let outcomes: Vec<_> = pool
            .map(0..20, Window(4), |n| {
                assert_ne!(n, 7, "on purpose");
                n * n
            })
            .collect();
        for (n, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Ok(square) => assert_eq!(square, n * n),
                Err(TaskError::Panicked(_)) => assert_eq!(n, 7),
                Err(other) => panic!("{other}"),
            }
        }
    });
}

#[test]
fn an_unordered_map_is_not_held_up_by_one_item() {
    within("unordered", || {
        let pool = strict(2);
        let (open, gate) = channel::<()>();
        let gate = Mutex::new(gate);
        let mut results = pool.map_unordered(0..50, Window(5), move |n| {
            if n == 0 {
                gate.lock().unwrap().recv().ok();
            }
            n
        });
        let mut seen: Vec<_> = results.by_ref().take(49).map(Result::unwrap).collect();
        assert!(!seen.contains(&0));
        assert!(results.next_timeout(Duration::from_millis(1)).is_err());
        open.send(()).unwrap();
        seen.extend(results.map(Result::unwrap));
        seen.sort_unstable();
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
    });
}

#[test]
fn a_map_that_is_dropped_cancels_the_rest() {
    within("dropped map", || {
        let pool = strict(1);
        let (held, open) = hold(&pool);
        let results = pool.map(0..10, Window(8), |n| n);
        assert_eq!(pool.queued(), 8);
        drop(results);
        assert_eq!(pool.queued(), 0);
        let results = pool.map_unordered(0..10, Window(8), |n| n);
        assert_eq!(pool.queued(), 8);
        drop(results);
        assert_eq!(pool.queued(), 0);
        drop(open);
        held.result().unwrap();
    });
}

#[test]
fn a_source_that_panics_takes_nothing_along() {
    within("bad source", || {
        let pool = strict(2);
        let items = (0..10).inspect(|n| assert!(*n < 5, "on purpose"));
        let mut results = pool.map(items, Window(2), |n| n);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            results.by_ref().map(Result::unwrap).count()
        }));
        assert!(caught.is_err());
        drop(results);
        assert_eq!(pool.submit(|_| 1).result().unwrap(), 1);
    });
}

#[test]
fn completed_is_an_exact_iterator() {
    let pool = Pool::new().unwrap();
    let futures: Vec<Future<_>> = (0..3).map(|n| pool.submit(move |_| n)).collect();
    let mut completed = as_completed(futures);
    for left in (0..3).rev() {
        completed.next().unwrap();
        assert_eq!(completed.size_hint(), (left, Some(left)));
    }
}

/// A source that panics at 4, and would again.
fn panics_at_4() -> impl Iterator<Item = u32> {
    (0..10).inspect(|n| assert_ne!(*n, 4, "the source panics"))
}

fn caught<R>(call: impl FnOnce() -> R) -> Option<R> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).ok()
}

/// All results, and how often the source panicked.
fn all_of(mut next: impl FnMut() -> Option<Result<u32, TaskError>>) -> (Vec<u32>, u32) {
    let (mut results, mut panics) = (Vec::new(), 0);
    loop {
        match caught(&mut next) {
            Some(Some(result)) => results.push(result.unwrap()),
            Some(None) => return (results, panics),
            None => panics += 1,
        }
    }
}

#[test]
fn a_source_that_panics_loses_no_result() {
    within("panicking source", || {
        let pool = strict(2);
        for timed in [false, true] {
            // With the wider ones it is the first items that it is asked for.
            for window in [2, 4, 5, 9].map(Window) {
                let mut map = pool.map(panics_at_4(), window, |n| n);
                let all = all_of(|| match timed {
                    true => map.next_timeout(Duration::from_secs(60)).unwrap(),
                    false => map.next(),
                });
                assert_eq!(all, (vec![0, 1, 2, 3], 1), "{window:?}");

                let mut map = pool.map_unordered(panics_at_4(), window, |n| n);
                let mut all = all_of(|| match timed {
                    true => map.next_timeout(Duration::from_secs(60)).unwrap(),
                    false => map.next(),
                });
                all.0.sort_unstable();
                assert_eq!(all, (vec![0, 1, 2, 3], 1), "{window:?}");
            }
        }
    });
}

/// Nobody asks for a result, so nobody is told; what was accepted ends as with any map that is dropped.
#[test]
fn a_map_whose_source_panicked_at_once_can_be_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the payload is a bomb");
        }
    }
    within("dropped after a panic", || {
        let pool = strict(1);
        let (held, open) = hold(&pool);
        let source = || {
            (0..9).inspect(|n| {
                if *n == 3 {
                    std::panic::panic_any(Bomb)
                }
            })
        };
        let map = pool.map(source(), Window(9), |n| n);
        let unordered = pool.map_unordered(source(), Window(9), |n| n);
        assert_eq!(pool.queued(), 6);
        drop((map, unordered));
        assert_eq!(pool.queued(), 0);
        drop(open);
        held.result().unwrap();
    });
}
