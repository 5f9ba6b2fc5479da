//! Everything that makes no sense has a typed answer, and comes back.

use crate::watchdog::{step, within};
use brigade::integrate::{BoxIntegral, F64x8, Integral, IntegralError, Kronrod, Rule, Status, Sum};
use std::f64::consts::PI;
use std::sync::atomic::{AtomicU64, Ordering};

const FIXED: [Rule; 6] = [
    Rule::Left { steps: 100 },
    Rule::Right { steps: 100 },
    Rule::Midpoint { steps: 100 },
    Rule::Trapezoid { steps: 100 },
    Rule::Simpson { steps: 100 },
    Rule::GaussLegendre { nodes: 5, steps: 20 },
];
const CONVERGING: [Rule; 3] = [Rule::Auto, Rule::Adaptive(Kronrod::K61), Rule::DoubleExponential];

fn every() -> impl Iterator<Item = Rule> {
    FIXED.into_iter().chain(CONVERGING)
}

/// An integrand that must not be called.
fn never(_: f64) -> f64 {
    panic!("called before the input was checked")
}

#[test]
fn a_bound_that_is_no_number() {
    for rule in every() {
        for (lower, upper) in [(f64::NAN, 1.0), (0.0, f64::NAN), (f64::NAN, f64::NAN)] {
            let error = Integral::new(never, lower..upper).rule(rule).run().unwrap_err();
            assert!(matches!(error, IntegralError::NanBound { .. }), "{error:?}");
            assert!(error.to_string().contains("both bounds must be numbers"));
        }
    }
}

#[test]
fn an_infinite_bound_with_a_finite_rule() {
    for rule in FIXED {
        for (lower, upper) in
            [(0.0, f64::INFINITY), (f64::NEG_INFINITY, 0.0), (f64::INFINITY, f64::NEG_INFINITY)]
        {
            let error = Integral::new(never, lower..upper).rule(rule).run().unwrap_err();
            assert!(matches!(error, IntegralError::InfiniteBound { .. }), "{error:?}");
        }
    }
}

#[test]
fn an_empty_interval_is_zero_without_a_look() {
    for rule in every() {
        for x in [0.0, -3.5, 1e300, f64::MAX] {
            let nothing = Integral::new(never, x..x).rule(rule).run().expect("zero");
            assert_eq!((nothing.value, nothing.evals, nothing.l1), (0.0, 0, 0.0));
            assert_eq!(nothing.error, Some(0.0));
        }
    }
    for x in [f64::INFINITY, f64::NEG_INFINITY] {
        for rule in CONVERGING {
            assert_eq!(Integral::new(never, x..x).rule(rule).run().expect("zero").value, 0.0);
        }
    }
}

#[test]
fn a_reversed_interval_gives_the_negative_of_the_same_bits() {
    for rule in every() {
        let f = |x: f64| (x * 3.0).sin() + x;
        let forwards = Integral::new(f, 0.1..2.7).rule(rule).run().expect("a value");
        let backwards = Integral::new(f, 2.7..0.1).rule(rule).run().expect("a value");
        assert_eq!(forwards.value.to_bits(), (-backwards.value).to_bits(), "{rule:?}");
        assert_eq!((forwards.l1, forwards.evals), (backwards.l1, backwards.evals));
    }
    let half = Integral::new(|x: f64| (-x).exp(), f64::INFINITY..0.0).run().expect("a value");
    assert!((half.value + 1.0).abs() < 1e-10);
}

#[test]
fn no_steps_and_too_many() {
    type Of = fn(u64) -> Rule;
    let rules: [Of; 6] = [
        |steps| Rule::Left { steps },
        |steps| Rule::Right { steps },
        |steps| Rule::Midpoint { steps },
        |steps| Rule::Trapezoid { steps },
        |steps| Rule::Simpson { steps },
        |steps| Rule::GaussLegendre { nodes: 9, steps },
    ];
    for rule in rules {
        let run = |steps| Integral::new(never, 0.0..1.0).rule(rule(steps)).run().unwrap_err();
        assert!(matches!(run(0), IntegralError::ZeroSteps));
        for steps in [1 << 60, (1 << 51) + 1, u64::MAX, u64::MAX / 2, u64::MAX / 9] {
            let error = run(steps);
            assert!(matches!(error, IntegralError::TooManySteps { .. }), "{steps}: {error:?}");
            assert!(error.to_string().contains("at most 2251799813685248"), "{error}");
        }
        // An empty interval does not excuse a rule that makes no sense.
        assert!(Integral::new(never, 1.0..1.0).rule(rule(0)).run().is_err());
    }
    for nodes in [0, 4097, u32::MAX] {
        let rule = Rule::GaussLegendre { nodes, steps: 1 };
        let error = Integral::new(never, 0.0..1.0).rule(rule).run().unwrap_err();
        assert!(matches!(error, IntegralError::BadOrder { nodes: n } if n == nodes));
    }
    let rule = Rule::GaussLegendre { nodes: 4096, steps: 1 };
    let most = Integral::new(f64::exp, 0.0..1.0).rule(rule).run().expect("a value").value;
    assert!((most - (std::f64::consts::E - 1.0)).abs() < 1e-15);
}

#[test]
fn tolerances_that_cannot_be_met() {
    let cases =
        [(0.0, 0.0), (0.0, 1e-15), (-1.0, 1e-3), (1e-3, -1.0), (f64::NAN, 1e-3), (1e-3, f64::NAN)];
    for rule in CONVERGING {
        for (abs, rel) in cases {
            let integral = Integral::new(never, 0.0..1.0).rule(rule).abs_tol(abs).rel_tol(rel);
            let error = integral.run().unwrap_err();
            assert!(matches!(error, IntegralError::BadTolerance { .. }), "{abs} {rel}: {error:?}");
        }
        // Infinite ones are met by anything.
        let integral = Integral::new(f64::exp, 0.0..1.0).rule(rule).abs_tol(f64::INFINITY);
        assert_eq!(integral.run().expect("a value").status, Status::Converged);
    }
}

#[test]
fn a_relative_tolerance_on_a_zero_integral_ends() {
    within("zero integral", || {
        for rule in CONVERGING {
            step(format!("{rule:?}"));
            let found = Integral::new(f64::sin, -PI..PI).rule(rule).run().expect("a value");
            assert!(found.value.abs() < 1e-14, "{found:?}");
            assert_ne!(found.status, Status::NothingSeen);
            assert!(found.condition() > 1e12);
        }
    });
}

#[test]
fn panels_and_points() {
    let error = Integral::new(never, 0.0..1.0).min_panels(0).run().unwrap_err();
    assert!(matches!(error, IntegralError::ZeroPanels));
    for point in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let error = Integral::new(never, 0.0..1.0).points(&[0.5, point]).run().unwrap_err();
        assert!(matches!(error, IntegralError::BadPoint { .. }), "{point}: {error:?}");
    }
    let error = Integral::new(never, ..).points(&[f64::NEG_INFINITY]).run().unwrap_err();
    assert!(matches!(error, IntegralError::BadPoint { .. }));
    // Points at the bounds, twice, and out of order are no harm.
    let found = Integral::new(|x: f64| x, 0.0..1.0).points(&[1.0, 0.5, 0.0, 0.5, 0.25]).run();
    let found = found.expect("a value");
    assert!((found.value - 0.5).abs() < 1e-15);
    assert_eq!(found.panels, 3);
    // A budget that does not even hold the first panels.
    let found = Integral::new(|x: f64| x, 0.0..1.0).min_panels(1000).max_evals(100).run();
    assert_eq!(found.expect("a value").panels, 4);
    let found = Integral::new(f64::sqrt, 0.0..1.0).max_evals(0).run().expect("a value");
    assert_eq!((found.evals, found.status), (21, Status::MaxEvals));
}

#[test]
fn more_panels_than_are_kept() {
    let refused = |integral: Integral<'_, _>| match integral.max_evals(u64::MAX).run() {
        Err(error @ IntegralError::TooManyPanels { most, .. }) => {
            assert_eq!(most, 1 << 22);
            assert!(error.to_string().contains("more than the 4194304 that are kept"), "{error}");
        }
        other => panic!("{other:?}"),
    };
    for panels in [(1 << 22) + 1, 1 << 36, 1 << 60, u64::MAX] {
        for rule in CONVERGING {
            refused(Integral::new(never, 0.0..1.0).rule(rule).min_panels(panels));
        }
    }
    let many: Vec<f64> = (1..=1 << 22).map(|k| f64::from(k) / f64::from(1 << 23)).collect();
    refused(Integral::new(never, 0.0..1.0).points(&many));
    // A permission without a limit is no request.
    for rule in CONVERGING {
        let found = Integral::new(f64::exp, 0.0..1.0).rule(rule).max_evals(u64::MAX).run();
        assert!(found.expect("a value").evals < 1000, "{rule:?}");
    }
}

#[test]
fn no_budget_is_overdrawn() {
    let points = [0.1, 0.2, 0.35];
    for rule in CONVERGING {
        for points in [&[][..], &points] {
            let run = |budget| {
                let hard = |x: f64| (40.0 * x).sin().abs();
                let integral = Integral::new(hard, 0.0..3.0).rule(rule).points(points);
                integral.min_panels(10).max_evals(budget).run().expect("a value")
            };
            // What is evaluated in any case.
            let least = run(0).evals;
            for budget in (0..3000).step_by(37).chain([least - 1, least, least + 1]) {
                let found = run(budget);
                assert!(found.evals <= budget.max(least), "{rule:?}, {budget}: {found:?}");
                assert!(found.status == Status::MaxEvals, "{rule:?}, {budget}: {found:?}");
            }
            let both = Integral::vector(|x: f64| [x, (40.0 * x).sin().abs()], 0.0..3.0).rule(rule);
            let found = both.points(points).max_evals(1000).run().expect("two values");
            assert!(found.evals <= 1000, "{rule:?}: {found:?}");
        }
    }
}

#[test]
fn no_place_is_beyond_the_greatest_number() {
    let f = |x: f64| {
        assert!(x.is_finite(), "{x}");
        (-x.abs()).exp()
    };
    let one = |range: (f64, f64), points: &[f64]| {
        let found = Integral::new(f, range.0..range.1).points(points).run().expect("a value");
        let exact = if range.0 < 0.0 && range.1 > 0.0 { 2.0 } else { 1.0 };
        assert!((found.value - exact).abs() < 1e-9, "{range:?} {points:?}: {found:?}");
    };
    for far in [1e300, 1e308, f64::MAX] {
        one((0.0, f64::INFINITY), &[far]);
        one((0.0, f64::INFINITY), &[2.0, far]);
        one((f64::NEG_INFINITY, 0.0), &[-far]);
        one((f64::NEG_INFINITY, f64::INFINITY), &[far]);
        one((f64::NEG_INFINITY, f64::INFINITY), &[-far]);
    }
}

#[test]
fn the_place_of_a_singularity_has_its_sign() {
    for place in [-3.0, 3.0, -0.25] {
        let f = |x: f64| (-x * x / 9.0).exp() / ((x - place).abs() + 1e-30);
        match Integral::new(f, ..).run().expect("a value").status {
            Status::SuspectSingularity { near } => {
                assert!((near - place).abs() < 1e-9, "{near} for {place}");
            }
            other => panic!("{place}: {other:?}"),
        }
    }
}

#[test]
fn the_size_is_weighed_as_the_values_are() {
    for rule in FIXED {
        for sum in [Sum::Naive, Sum::Blocked, Sum::Neumaier, Sum::Exact] {
            // One sign, so the size is the integral; and the ends are large.
            let one = |sign: f64| {
                let f = move |x: f64| sign * (x * x + 1e-3);
                Integral::new(f, -2.0..2.0).rule(rule).sum(sum).run().expect("a value")
            };
            for (sign, found) in [(1.0, one(1.0)), (-1.0, one(-1.0))] {
                let value = sign * found.value;
                assert!((found.l1 / value - 1.0).abs() < 1e-14, "{rule:?} {sum:?}: {found:?}");
            }
        }
    }
}

#[test]
fn values_that_are_not_finite_are_errors_that_name_the_place() {
    for rule in every() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let f = |x: f64| if x > 0.4 { bad } else { 1.0 };
            match Integral::new(f, 0.0..1.0).rule(rule).run() {
                Err(IntegralError::NonFinite { x, y }) => {
                    assert!(x > 0.4 && (y == bad || y.is_nan() && bad.is_nan()), "{rule:?}");
                    if FIXED.contains(&rule) {
                        assert!(x < 0.42, "{rule:?}: {x} is not the least");
                    }
                }
                other => panic!("{rule:?}, {bad}: {other:?}"),
            }
            // Skipped on request.
            let skipped = Integral::new(f, 0.0..1.0).rule(rule).skip_non_finite().max_evals(9999);
            let value = skipped.run().expect("a value").value;
            assert!((value - 0.4).abs() < 0.02, "{rule:?}: {value}");
        }
    }
}

#[test]
fn values_that_are_not_finite_in_lanes_batches_and_vectors() {
    let rule = Rule::Midpoint { steps: 1000 };
    let lanes = Integral::lanes(|x: F64x8| (x - 0.5).ln(), 0.0..1.0).rule(rule).run();
    assert!(matches!(lanes, Err(IntegralError::NonFinite { x, .. }) if x == 0.0005));
    let vector =
        Integral::vector(|x| [x, 1.0 / (x - 0.25)], 0.0..1.0).rule(Rule::Left { steps: 4 });
    assert!(matches!(vector.run(), Err(IntegralError::NonFinite { x, .. }) if x == 0.25));
    // A batch that forgets to write is found out.
    let batch = Integral::batch(|_: &[f64], _: &mut [f64]| {}, 0.0..1.0).rule(rule).run();
    assert!(matches!(batch, Err(IntegralError::NonFinite { y, .. }) if y.is_nan()));
}

#[test]
fn a_weight_that_overflows_is_not_blamed_on_the_integrand() {
    let rule = Rule::GaussLegendre { nodes: 1, steps: 1 };
    for skip in [false, true] {
        let mut integral = Integral::new(|_| 1e308, 0.0..1.0).rule(rule);
        if skip {
            integral = integral.skip_non_finite();
        }
        // One weight of two, and a step of one half: an honest sum, or an honest error.
        match integral.run() {
            Ok(found) => assert!((found.value / 1e308 - 1.0).abs() < 1e-15, "{found:?}"),
            Err(error) => assert!(matches!(error, IntegralError::Overflow), "{error}"),
        }
    }
}

#[test]
fn a_box_too_small_for_a_number_still_counts() {
    let tiny = BoxIntegral::new(|_: [f64; 4]| 1e300, [0.0; 4], [1e-100; 4]);
    let found = tiny.rule(Rule::Midpoint { steps: 4 }).run().expect("1e300 times 1e-400");
    assert!((found.value / 1e-100 - 1.0).abs() < 1e-13, "{found:?}");
}

#[test]
fn no_node_lies_outside_of_an_interval_of_a_few_numbers() {
    let (lower, upper) = (1.0, 1.0 + f64::EPSILON);
    for nodes in 1..=9 {
        let rule = Rule::GaussLegendre { nodes, steps: 1 };
        let f = |x: f64| {
            assert!((lower..=upper).contains(&x), "{x:?}");
            (x - 1.0).sqrt()
        };
        Integral::new(f, lower..upper).rule(rule).run().expect("a root of nothing below zero");
    }
}

#[test]
fn a_batch_is_never_empty() {
    // A step, whose first estimate is not trusted although it is within the tolerance.
    let step = |x: &[f64], y: &mut [f64]| {
        assert!(x[0].is_finite());
        y.iter_mut().zip(x).for_each(|(y, &x)| *y = f64::from(u8::from(x >= 0.3)));
    };
    let found = Integral::batch(step, 0.0..1.0).abs_tol(10.0).run().expect("an integral");
    assert!((found.value - 0.7).abs() < 0.1, "{found:?}");
}

#[test]
fn a_panic_keeps_its_payload_and_its_place() {
    within("panics", || {
        for rule in every() {
            step(format!("{rule:?}"));
            let f = |x: f64| {
                assert!(x < 0.6, "no further than {x}");
                x
            };
            match Integral::new(f, 0.0..1.0).rule(rule).run() {
                Err(IntegralError::Panicked { x, payload }) => {
                    assert_eq!(payload.message(), format!("no further than {x}"));
                    let inner = payload.into_inner();
                    assert!(inner.downcast_ref::<String>().is_some());
                }
                other => panic!("{rule:?}: {other:?}"),
            }
        }
        let thrown = || std::panic::panic_any(42_u8);
        let error = Integral::new(|_| thrown(), 0.0..1.0).run().unwrap_err();
        assert!(error.to_string().contains("a value that is no text"), "{error}");
        // Many at once, on many threads: the first in order is named.
        let calls = AtomicU64::new(0);
        let f = |x: f64| {
            calls.fetch_add(1, Ordering::Relaxed);
            assert!(x < 0.5, "beyond");
            x
        };
        let rule = Rule::Left { steps: 1_000_000 };
        match Integral::new(f, 0.0..1.0).rule(rule).run() {
            Err(IntegralError::Panicked { x, .. }) => assert_eq!(x, 0.5),
            other => panic!("{other:?}"),
        }
        let lanes = |x: F64x8| x.map(|x| if x > 0.5 { panic!("a lane") } else { x });
        let error = Integral::lanes(lanes, 0.0..1.0).rule(rule).run().unwrap_err();
        assert!(
            matches!(error, IntegralError::Panicked { payload, .. } if payload.message() == "a lane")
        );
    });
}

#[test]
fn a_needle_thin_peak_is_not_a_silent_zero() {
    let needle = |x: f64| (-((x - 3.3) * 1e4).powi(2)).exp();
    let exact = PI.sqrt() / 1e4;
    for rule in every() {
        let found = Integral::new(needle, 0.0..1000.0).rule(rule).run().expect("a value");
        assert_eq!(found.value, 0.0);
        assert_eq!(found.status, Status::NothingSeen, "{rule:?}");
        let strict = Integral::new(needle, 0.0..1000.0).rule(rule).strict().run();
        assert!(matches!(strict, Err(IntegralError::NotConverged { .. })));
    }
    for rule in CONVERGING {
        let found = Integral::new(needle, 0.0..1000.0).rule(rule).points(&[3.2995, 3.3005]).run();
        let found = found.expect("a value");
        assert!((found.value - exact).abs() < 1e-9 * exact, "{rule:?}: {found:?}");
        assert_eq!(found.status, Status::Converged);
    }
}

#[test]
fn closed_rules_meet_a_singular_end_and_say_so() {
    let f = |x: f64| 1.0 / x.sqrt();
    for rule in
        [Rule::Left { steps: 10 }, Rule::Trapezoid { steps: 10 }, Rule::Simpson { steps: 10 }]
    {
        let error = Integral::new(f, 0.0..1.0).rule(rule).run().unwrap_err();
        assert!(matches!(error, IntegralError::NonFinite { x: 0.0, y } if y.is_infinite()));
    }
    for rule in [Rule::Right { steps: 10 }, Rule::Midpoint { steps: 10 }, Rule::Auto] {
        assert!(Integral::new(f, 0.0..1.0).rule(rule).run().is_ok());
    }
}

#[test]
fn an_integral_that_does_not_exist_ends_without_one() {
    within("divergent", || {
        for rule in CONVERGING {
            for (range, name) in [(0.0..1.0, "at zero"), (1.0..f64::INFINITY, "at infinity")] {
                step(format!("{rule:?} {name}"));
                let result = Integral::new(|x: f64| 1.0 / x, range).rule(rule).run();
                match result {
                    Ok(found) => assert_ne!(found.status, Status::Converged, "{rule:?} {name}"),
                    Err(error) => {
                        let typed = matches!(
                            error,
                            IntegralError::Overflow | IntegralError::NonFinite { .. }
                        );
                        assert!(typed, "{rule:?} {name}: {error:?}");
                    }
                }
            }
        }
    });
}

#[test]
fn widths_beyond_the_greatest_number() {
    let (low, high) = (-f64::MAX, f64::MAX);
    let f = |x: f64| if x.abs() < 1.0 { 1.0 } else { 1e-308 / x.abs().sqrt() };
    for rule in every() {
        let found = Integral::new(f, low..high).rule(rule).run().expect("a value");
        assert!(found.value.is_finite(), "{rule:?}");
    }
    let error = Integral::new(never, low..high).rule(Rule::Left { steps: 1 }).run().unwrap_err();
    assert!(matches!(error, IntegralError::StepTooLarge { steps: 1 }));
    // A sum that overflows although every value is finite.
    for rule in every() {
        let result = Integral::new(|_| 1e308, 0.0..1000.0).rule(rule).run();
        assert!(matches!(result, Err(IntegralError::Overflow)), "{rule:?}: {result:?}");
    }
}

#[test]
fn steps_that_lose_their_digits() {
    // Less than a normal number: a thousand of them would not be as long as the interval.
    for width in [5e-324, 1e-320, 1e-310, 2e-308] {
        for rule in every() {
            let error = Integral::new(never, 0.0..width).rule(rule).run().unwrap_err();
            assert!(matches!(error, IntegralError::StepTooSmall { .. }), "{rule:?}: {error:?}");
            assert!(error.to_string().contains("less than 2.2e-308"), "{error}");
            let flat = BoxIntegral::new(|_: [f64; 2]| never(0.0), [0.0; 2], [1.0, width]);
            let flat = flat.rule(if rule == Rule::DoubleExponential { Rule::Auto } else { rule });
            assert!(matches!(flat.run(), Err(IntegralError::StepTooSmall { .. })), "{rule:?}");
        }
    }
    let error = Integral::new(never, 0.0..1e-300).rule(Rule::Left { steps: 1 << 40 }).run();
    assert!(matches!(error.unwrap_err(), IntegralError::StepTooSmall { .. }));
    for rule in every() {
        let found = Integral::new(|_| 3.0, 0.0..1e-300).rule(rule).run().expect("a value");
        assert!((found.value / 3e-300 - 1.0).abs() < 1e-10, "{rule:?}: {found:?}");
    }
}

#[test]
fn intervals_of_a_few_numbers() {
    for rule in every() {
        let upper = 1.0 + 4.0 * f64::EPSILON;
        let found = Integral::new(|_| 2.0, 1.0..upper).rule(rule).run().expect("a value");
        assert!((found.value / (8.0 * f64::EPSILON) - 1.0).abs() < 1e-12, "{rule:?}: {found:?}");
    }
}

#[test]
fn boxes_too() {
    let unit = |rule| BoxIntegral::new(|[x, y]: [f64; 2]| x + y, [0.0; 2], [1.0; 2]).rule(rule);
    assert!(matches!(unit(Rule::Left { steps: 0 }).run(), Err(IntegralError::ZeroSteps)));
    let error = unit(Rule::Left { steps: 1 << 25 }).run();
    assert!(matches!(error, Err(IntegralError::TooManySteps { .. })));
    assert!(matches!(unit(Rule::DoubleExponential).run(), Err(IntegralError::RuleForBox)));
    let never = |_: [f64; 3]| -> f64 { panic!("called") };
    let corner = |lower: [f64; 3], upper| BoxIntegral::new(never, lower, upper).run();
    assert!(matches!(corner([0.0, f64::NAN, 0.0], [1.0; 3]), Err(IntegralError::NanBound { .. })));
    let infinite = corner([0.0; 3], [1.0, f64::INFINITY, 1.0]);
    assert!(matches!(infinite, Err(IntegralError::InfiniteBound { .. })));
    assert_eq!(corner([0.0; 3], [1.0, 0.0, 1.0]).expect("zero").evals, 0);
    let many = BoxIntegral::new(never, [0.0; 3], [1.0; 3]).rule(Rule::Midpoint { steps: 1 << 20 });
    assert!(matches!(many.run(), Err(IntegralError::TooManySteps { .. })));
    // Found before room is made for the nodes of any axis.
    let many = BoxIntegral::new(|_: [f64; 1000]| f64::NAN, [0.0; 1000], [1.0; 1000]);
    let many = many.rule(Rule::Left { steps: 1 << 24 }).run();
    assert!(matches!(many, Err(IntegralError::TooManySteps { evals: u64::MAX, .. })));
    let bad = BoxIntegral::new(|[x, y]: [f64; 2]| 1.0 / (x - y), [0.0; 2], [1.0; 2]);
    match bad.rule(Rule::Midpoint { steps: 4 }).run() {
        Err(IntegralError::NonFiniteAt { point, y }) => {
            assert_eq!(point, [0.125, 0.125]);
            assert_eq!(y, f64::INFINITY);
        }
        other => panic!("{other:?}"),
    }
    let bad = BoxIntegral::new(|[x, _]: [f64; 2]| assert_far(x), [0.0; 2], [1.0; 2]);
    match bad.rule(Rule::Midpoint { steps: 200 }).run() {
        Err(IntegralError::PanickedAt { point, payload }) => {
            assert!((point[0] - 0.5025).abs() < 1e-15 && point[1] == 0.0025, "{point:?}");
            assert_eq!(payload.message(), "too far");
        }
        other => panic!("{other:?}"),
    }
    let over = BoxIntegral::new(|_: [f64; 2]| 1e308, [0.0; 2], [100.0; 2]);
    assert!(matches!(over.run(), Err(IntegralError::Overflow)));
}

fn assert_far(x: f64) -> f64 {
    assert!(x < 0.5, "too far");
    x
}

#[test]
fn an_error_can_be_passed_on_and_says_what_to_do() {
    fn passed_on() -> Result<f64, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Integral::new(|x| x, 0.0..f64::NAN).run()?.value)
    }
    assert!(passed_on().is_err());
    for sum in [Sum::Naive, Sum::Exact] {
        let error = Integral::new(|x: f64| x.ln(), 0.0..1.0).rule(Rule::Left { steps: 3 }).sum(sum);
        let text = error.run().unwrap_err().to_string();
        assert!(text.starts_with("the integrand is -inf at x = 0: cut the interval"), "{text}");
    }
}
