//! Failures: exactly the items before them, and exactly what was thrown.

use crate::watchdog::{step, within};
use brigade::pipeline::{Batch, Cause, Control, OnError, Par, Pipeline, PipelineError};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a loop would see: the items before the first that fails in any stage.
fn first_failure(failing: &[BTreeSet<u64>; 2], count: u64) -> Option<(u64, usize)> {
    (0..count).find_map(|x| failing.iter().position(|set| set.contains(&x)).map(|stage| (x, stage)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Several items fail in two stages, as errors and as panics; a loop meets the first of them.
    #[test]
    fn the_sink_sees_exactly_what_is_before_the_first_failure(
        failing in [prop::collection::btree_set(0..200_u64, 0..4), prop::collection::btree_set(0..200_u64, 0..4)],
        workers in [1..4_usize, 1..4],
        capacity in prop_oneof![1..6_usize, Just(256_usize)],
        batch in prop_oneof![Just(Batch::Auto), Just(Batch::One)],
        panics in any::<bool>(),
    ) {
        const COUNT: u64 = 150;
        let first = first_failure(&failing, COUNT);
        let (seen, outcome) = within("prefix", move || {
            step(format!("{failing:?} {workers:?} {capacity} {batch:?}"));
            let fail = |stage: usize, x: u64| {
                if !failing[stage].contains(&x) {
                    return Ok(x);
                }
                if panics {
                    std::panic::panic_any(x);
                }
                Err(format!("{x} is refused"))
            };
            let mut seen = Vec::new();
            let outcome = Pipeline::new(0..COUNT)
                .capacity(capacity)
                .batch(batch)
                .try_map("one", Par::Workers(workers[0]), |x| fail(0, x))
                .try_map("two", Par::Workers(workers[1]), |x| fail(1, x))
                .for_each(|x| seen.push(x));
            (seen, outcome.map(|report| report.items))
        });
        match first {
            None => {
                prop_assert!(seen.into_iter().eq(0..COUNT));
                prop_assert_eq!(outcome.ok(), Some(COUNT));
            }
            Some((item, stage)) => {
                prop_assert!(seen.into_iter().eq(0..item));
                let Err(PipelineError::Stage(failure)) = outcome else { panic!("it fails") };
                prop_assert_eq!((failure.stage, failure.item), (["one", "two"][stage], Some(item)));
                match failure.cause {
                    Cause::Panic(payload) => prop_assert_eq!(payload.downcast_ref(), Some(&item)),
                    Cause::Error(error) => prop_assert_eq!(error.to_string(), format!("{item} is refused")),
                    _ => panic!("one of the two"),
                }
            }
        }
    }

    /// Skipped, collected or routed, every failure is counted once, and all else comes through.
    #[test]
    fn a_policy_leaves_out_what_fails_and_nothing_else(
        failing in prop::collection::btree_set(0..200_u64, 0..20),
        workers in 1..4_usize,
        capacity in prop_oneof![1..6_usize, Just(256_usize)],
        panics in any::<bool>(),
    ) {
        let fine: Vec<u64> = (0..200).filter(|x| !failing.contains(x)).collect();
        let expected: Vec<u64> = failing.iter().copied().collect();
        let all = within("policies", move || {
            let run = |policy: OnError<'_>| {
                let chain = Pipeline::new(0..200_u64)
                    .capacity(capacity)
                    .try_map("pick", Par::Workers(workers), |x| {
                        assert!(!(panics && failing.contains(&x)), "no {x}");
                        if failing.contains(&x) { Err("refused") } else { Ok(x) }
                    })
                    .on_error(policy);
                chain.collect::<Vec<_>>().expect("it goes on")
            };
            let mut routed = Vec::new();
            let results = [
                run(OnError::Skip),
                run(OnError::Collect),
                run(OnError::route(|failure| routed.extend(failure.item))),
            ];
            routed.sort_unstable();
            (results, routed)
        });
        let (results, routed) = all;
        for (came, report) in &results {
            prop_assert_eq!(came, &fine);
            prop_assert_eq!(report.stages[1].failed, expected.len() as u64);
        }
        let collected: Vec<u64> = results[1].1.failures.iter().filter_map(|failure| failure.item).collect();
        prop_assert_eq!(&collected, &expected);
        prop_assert_eq!(&routed, &expected);
    }
}

/// The number that an error names is that of the source's item, whatever came between.
#[test]
fn items_keep_their_numbers_through_filters_and_floods() {
    within("numbers", || {
        let chain = |bad: u64| {
            let outcome = Pipeline::new(0..100_u64)
                .filter_map("odd", Par::Workers(2), |x| (x % 2 == 1).then_some(x))
                .flat_map("thrice", Par::Workers(2), |x| [x, x, x])
                .chunks(1, None)
                .try_map("check", Par::Workers(2), |x| if x[0] == bad { Err("bad") } else { Ok(x) })
                .for_each(drop);
            let Err(PipelineError::Stage(failure)) = outcome else { panic!("it fails") };
            (failure.stage, failure.item)
        };
        assert_eq!(chain(1), ("check", Some(1)));
        assert_eq!(chain(77), ("check", Some(77)));
    });
}

#[test]
fn a_chunk_that_was_begun_before_a_failure_comes_out() {
    within("a begun chunk", || {
        let mut seen = Vec::new();
        let outcome = Pipeline::new(0..10)
            .try_map("fail", Par::Workers(2), |x| if x == 5 { Err("five") } else { Ok(x) })
            .chunks(3, None)
            .for_each(|chunk| seen.push(chunk));
        assert_eq!(outcome.expect_err("five fails").to_string(), "stage \"fail\", item 5: five");
        assert_eq!(seen, [vec![0, 1, 2], vec![3, 4]]);
    });
}

#[test]
fn the_state_of_map_init_is_made_anew_after_a_panic() {
    within("map_init", || {
        let made = AtomicUsize::new(0);
        let outcome = Pipeline::new(0..10)
            .map_init(
                "sum",
                Par::Serial,
                || {
                    made.fetch_add(1, Ordering::Relaxed);
                    0
                },
                |sum, x| {
                    *sum += x;
                    assert!(x != 4, "half done");
                    *sum
                },
            )
            .on_error(OnError::Skip)
            .collect::<Vec<_>>();
        let (sums, report) = outcome.expect("it goes on");
        assert_eq!(sums, [0, 1, 3, 6, 5, 11, 18, 26, 35]);
        assert_eq!((made.into_inner(), report.stages[1].failed), (2, 1));
    });
}

#[test]
fn without_order_the_first_failure_ends_it_all() {
    within("unordered", || {
        let control = Control::new();
        // Item 0 waits until the failure of item 1 has ended the pipeline.
        let outcome = Pipeline::new(0..100)
            .control(&control)
            .unordered()
            .batch(Batch::One)
            .try_map("fail", Par::Workers(2), |x| match x {
                0 => Ok(control.cancelled_within(std::time::Duration::MAX)),
                _ => Err("no"),
            })
            .for_each(drop);
        let Err(PipelineError::Stage(failure)) = outcome else { panic!("it fails") };
        assert_eq!((failure.stage, failure.to_string().contains("no")), ("fail", true));
    });
}

#[test]
fn a_failure_can_be_thrown_on() {
    within("resume", || {
        let outcome = Pipeline::new(0..3)
            .map("panic", Par::Serial, |x| if x == 1 { std::panic::panic_any(42_u8) } else { x })
            .for_each(drop);
        let error = outcome.expect_err("it fails");
        assert_eq!(
            error.to_string(),
            "stage \"panic\", item 1: it panicked, with a payload that is no text"
        );
        let thrown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| error.resume()));
        assert_eq!(thrown.expect_err("thrown on").downcast_ref(), Some(&42_u8));
    });
}

#[test]
fn a_route_that_panics_ends_the_pipeline() {
    within("a bad route", || {
        let outcome = Pipeline::new(0..9)
            .try_map("refuse", Par::Workers(2), |x| if x == 3 { Err("no") } else { Ok(x) })
            .on_error(OnError::route(|_| panic!("nowhere")))
            .for_each(drop);
        let error = outcome.expect_err("it fails").to_string();
        assert_eq!(error, "stage \"on_error\", item 3: it panicked: nowhere");
    });
}
