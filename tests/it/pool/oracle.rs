//! Random programs against what a single thread would do.

use crate::watchdog::within;
use brigade::pool::{Claims, Overflow, Pool, Shutdown, TaskError, Window};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn claims() -> impl Strategy<Value = Claims> {
    prop_oneof![Just(Claims::Anywhere), Just(Claims::InWorkers), Just(Claims::Never)]
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Submit,
    Panic,
    CancelNewest,
    CancelOldest,
    TakeOldest,
    TakeNewest,
    Peek,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => Just(Act::Submit),
        1 => Just(Act::Panic),
        1 => Just(Act::CancelNewest),
        1 => Just(Act::CancelOldest),
        1 => Just(Act::TakeOldest),
        1 => Just(Act::TakeNewest),
        1 => Just(Act::Peek),
    ];
    prop::collection::vec(act, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 64 }))]

    #[test]
    fn a_map_is_the_iterators_map(
        items in prop::collection::vec(any::<u32>(), 0..80),
        workers in 1_usize..4,
        window in 1_usize..20,
        claims in claims(),
    ) {
        within("map oracle", move || {
            let expected: Vec<u64> = items.iter().map(|n| u64::from(*n) * 3).collect();
            let pool = Pool::builder().workers(workers).claims(claims).build().unwrap();
            let triple = |n| u64::from(n) * 3;
            let ordered: Vec<_> =
                pool.map(items.clone(), Window(window), triple).map(Result::unwrap).collect();
            assert_eq!(ordered, expected);
            let mut any: Vec<_> =
                pool.map_unordered(items, Window(window), triple).map(Result::unwrap).collect();
            any.sort_unstable();
            let mut expected = expected;
            expected.sort_unstable();
            assert_eq!(any, expected);
        });
    }

    /// Each job runs once, or is cancelled or displaced or refused and says so; nothing else.
    #[test]
    fn every_job_runs_once_or_says_why_not(
        acts in acts(),
        workers in 1_usize..4,
        places in 1_usize..5,
        overflow in prop_oneof![
            Just(Overflow::Block), Just(Overflow::Reject),
            Just(Overflow::CallerRuns), Just(Overflow::DropOldest),
        ],
        claims in claims(),
        drain: bool,
    ) {
        within("once", move || {
            let pool = Pool::builder()
                .workers(workers)
                .queue(places, overflow)
                .claims(claims)
                .keep_alive(Duration::from_micros(50))
                .build()
                .unwrap();
            let mut jobs = VecDeque::new();
            let mut settled = Vec::new();
            let mut number = 0;
            let runs: Arc<Vec<AtomicUsize>> = Arc::new((0..60).map(|_| AtomicUsize::new(0)).collect());
            for act in acts {
                match act {
                    Act::Submit | Act::Panic => {
                        let (n, runs) = (number, Arc::clone(&runs));
                        number += 1;
                        let panics = matches!(act, Act::Panic);
                        jobs.push_back((n, panics, pool.submit(move |_| {
                            runs[n].fetch_add(1, Ordering::Relaxed);
                            if panics {
                                std::panic::resume_unwind(Box::new(n));
                            }
                            n
                        })));
                    }
                    Act::CancelNewest => jobs.iter().rev().take(1).for_each(|(_, _, job)| {
                        job.cancel();
                    }),
                    Act::CancelOldest => jobs.iter().take(1).for_each(|(_, _, job)| {
                        job.cancel();
                    }),
                    Act::TakeOldest => settled.extend(
                        jobs.pop_front().map(|(n, panics, job)| (n, panics, job.result()))),
                    Act::TakeNewest => settled.extend(
                        jobs.pop_back().map(|(n, panics, job)| (n, panics, job.result()))),
                    Act::Peek => assert!(pool.queued() <= places && pool.threads() <= workers),
                }
            }
            pool.shutdown(if drain { Shutdown::Drain } else { Shutdown::CancelPending });
            settled.extend(jobs.into_iter().map(|(n, panics, job)| {
                assert!(job.is_done());
                (n, panics, job.result())
            }));
            assert_eq!(settled.len(), number);
            for (n, panics, outcome) in settled {
                let ran = runs[n].load(Ordering::Relaxed);
                match outcome {
                    Ok(result) => assert_eq!((result, ran, panics), (n, 1, false)),
                    Err(TaskError::Panicked(panic)) => {
                        assert_eq!(panic.into_payload().downcast_ref(), Some(&n));
                        assert_eq!((ran, panics), (1, true));
                    }
                    Err(TaskError::Cancelled | TaskError::Rejected | TaskError::Displaced) => {
                        assert_eq!(ran, 0);
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        });
    }
}
