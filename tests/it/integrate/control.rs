//! Progress and cancellation.

use crate::watchdog::within;
use brigade::integrate::{BoxIntegral, Integral, IntegralError, Rule};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[test]
fn progress_never_falls_and_ends_at_the_plan() {
    for rule in [Rule::Left { steps: 3_000_000 }, Rule::Simpson { steps: 10 }] {
        let mut seen = Vec::new();
        let f = |x: f64| x;
        let estimate = Integral::new(f, 0.0..1.0)
            .rule(rule)
            .progress(|progress| seen.push(progress))
            .run()
            .expect("a value");
        assert!(seen.windows(2).all(|pair| pair[0].evals < pair[1].evals));
        let last = seen.last().expect("at least one");
        assert_eq!((last.evals, last.planned), (estimate.evals, Some(estimate.evals)));
        assert!(seen.iter().all(|progress| progress.error.is_none()));
    }
}

#[test]
fn an_adaptive_rule_tells_its_error() {
    for rule in [Rule::Auto, Rule::DoubleExponential] {
        let mut seen = Vec::new();
        let estimate = Integral::new(|x: f64| x.sqrt().ln(), 0.0..1.0)
            .rule(rule)
            .progress(|progress| seen.push(progress))
            .run()
            .expect("a value");
        assert!(seen.len() >= 2);
        assert!(seen.windows(2).all(|pair| pair[0].evals <= pair[1].evals));
        let last = seen.last().expect("at least one");
        assert_eq!((last.evals, last.planned), (estimate.evals, None));
        assert!(last.error.is_some_and(|error| error <= 1e-10), "{last:?}");
    }
}

#[test]
fn a_flag_that_is_set_before_stops_everything() {
    let stop = AtomicBool::new(true);
    for rule in [
        Rule::Left { steps: 1 << 50 },
        Rule::GaussLegendre { nodes: 9, steps: 1 << 40 },
        Rule::Auto,
        Rule::DoubleExponential,
    ] {
        match Integral::new(f64::sqrt, 0.0..1.0).rule(rule).cancel(&stop).run() {
            Err(IntegralError::Cancelled { partial }) => assert!(partial.evals < 100, "{rule:?}"),
            other => panic!("{rule:?}: {other:?}"),
        }
    }
    let unit = BoxIntegral::new(|[x, y]: [f64; 2]| x * y, [0.0; 2], [1.0; 2]);
    let unit = unit.rule(Rule::Midpoint { steps: 1 << 24 }).cancel(&stop);
    assert!(matches!(unit.run(), Err(IntegralError::Cancelled { .. })));
}

#[test]
fn the_integrand_itself_may_stop_an_endless_sum() {
    within("cancel from inside", || {
        let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
        let f = |x: f64| {
            // Each later one does it as well: the first may be kept off its core between the two.
            if calls.fetch_add(1, Ordering::Relaxed) >= 100_000 {
                stop.store(true, Ordering::Relaxed);
            }
            x
        };
        let rule = Rule::Midpoint { steps: 1 << 50 };
        let result = Integral::new(f, 0.0..1.0).rule(rule).cancel(&stop).run();
        assert!(matches!(result, Err(IntegralError::Cancelled { .. })));
        // A chunk of this size is far from done: what stopped it is the look after each stage.
        assert!(calls.into_inner() < 10_000_000);
    });
}

#[test]
fn what_was_computed_before_is_in_the_partial_result() {
    within("partial", || {
        let stop = AtomicBool::new(false);
        let result = Integral::new(|_| 1.0, 0.0..1.0)
            .rule(Rule::Left { steps: 100_000_000 })
            .cancel(&stop)
            .progress(|progress| stop.store(progress.evals > 1_000_000, Ordering::Relaxed))
            .run();
        match result {
            Err(IntegralError::Cancelled { partial }) => {
                assert!(partial.evals > 1_000_000 && partial.evals < 100_000_000);
                let share = partial.evals as f64 / 1e8;
                assert!((partial.value - share).abs() < 1e-9, "{partial:?}");
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn progress_comes_early_even_when_the_end_is_years_away() {
    within("early progress", || {
        let stop = AtomicBool::new(false);
        let rule = Rule::Midpoint { steps: 1 << 50 };
        let result = Integral::new(|x| x, 0.0..1.0)
            .rule(rule)
            .cancel(&stop)
            .progress(|_| stop.store(true, Ordering::Relaxed))
            .run();
        assert!(matches!(result, Err(IntegralError::Cancelled { partial }) if partial.evals > 0));
    });
}
