//! The double exponential rules.

use super::problems::{bell, gamma};
use brigade::integrate::{Integral, IntegralError, Rule, Status};
use std::f64::consts::{LN_2, PI};

const RULE: Rule = Rule::DoubleExponential;

#[track_caller]
fn is(
    found: Result<brigade::integrate::Estimate, IntegralError>,
    exact: f64,
    relative: f64,
) -> u64 {
    let found = found.expect("an integral");
    let off = (found.value - exact).abs();
    assert!(off <= relative * exact.abs(), "{} for {exact}, off by {off:e}", found.value);
    assert_eq!(found.status, Status::Converged, "{found:?}");
    assert!(found.error.is_some_and(|error| error >= off), "{found:?} is off by {off:e}");
    found.evals
}

#[test]
fn singular_ends_cost_no_more_than_others() {
    let evals = is(Integral::new(|x: f64| 1.0 / x.sqrt(), 0.0..1.0).rule(RULE).run(), 2.0, 1e-14);
    assert!(evals < 500, "{evals}");
    is(Integral::new(f64::ln, 0.0..1.0).rule(RULE).run(), -1.0, 1e-14);
    is(Integral::new(|x: f64| x.ln() / x.sqrt(), 0.0..1.0).rule(RULE).run(), -4.0, 1e-13);
    is(Integral::new(|x: f64| x.powf(-0.9), 0.0..1.0).rule(RULE).run(), 10.0, 1e-10);
    is(Integral::new(|x: f64| x.sqrt(), 0.0..1.0).rule(RULE).run(), 2.0 / 3.0, 1e-14);
    is(Integral::new(|x: f64| (1.0 - x * x).sqrt(), -1.0..1.0).rule(RULE).run(), PI / 2.0, 1e-14);
}

#[test]
fn the_complement_is_the_distance_to_an_end_of_the_whole_interval() {
    // 1 / sqrt(1 - x), by its distance from 1 where that is the nearer end.
    let f = |x: f64, c: f64| if c < 0.0 { 1.0 / (-c).sqrt() } else { 1.0 / (1.0 - x).sqrt() };
    for points in [&[0.5][..], &[0.1, 0.9], &[0.25]] {
        let integral = Integral::with_complement(f, 0.0..1.0).points(points);
        is(integral.rule(RULE).run(), 2.0, 1e-14);
    }
    let half_line = |x: f64, c: f64| {
        assert!((x - 1.0 - c).abs() <= 1e-12 * x, "{c} is not the distance of {x} from 1");
        1.0 / (x * x)
    };
    let integral = Integral::with_complement(half_line, 1.0..f64::INFINITY).points(&[3.0]);
    is(integral.rule(RULE).run(), 1.0, 1e-12);
}

#[test]
fn a_peak_beyond_a_gap_is_seen() {
    // Both peaks are wide enough for a node of the first look; between them there is nothing.
    let f =
        |x: f64| [0.5, 0.02].map(|at: f64| (-2500.0 * (x - at).powi(2)).exp()).iter().sum::<f64>();
    is(Integral::new(f, 0.0..1.0).rule(RULE).run(), 0.068_110_098_183_414, 1e-13);
}

#[test]
fn the_complement_keeps_the_digits_of_an_end_that_is_not_zero() {
    // 1/sqrt(1 - x^2) is infinite at both ends, and (1 - x)(1 + x) needs the distance to one of them.
    let f = |x: f64, c: f64| {
        let c = c.abs();
        1.0 / (c * (2.0 - c)).sqrt() + 0.0 * x
    };
    is(Integral::with_complement(f, -1.0..1.0).rule(RULE).run(), PI, 1e-14);
    // Without the distance half of the digits are lost, as must be said somewhere.
    let plain = Integral::new(|x: f64| 1.0 / (1.0 - x * x).sqrt(), -1.0..1.0).rule(RULE).run();
    let off = (plain.expect("a value").value - PI).abs();
    assert!(off > 1e-12 && off < 1e-6, "{off:e}");
}

#[test]
fn the_complement_is_the_distance_under_every_rule() {
    for rule in [RULE, Rule::Auto, Rule::Midpoint { steps: 999 }, Rule::Simpson { steps: 5 }] {
        let f = |x: f64, c: f64| {
            let end = if c.is_sign_positive() { 2.0 } else { 5.0 };
            assert!((x - (end + c)).abs() < 1e-14, "{rule:?}: {x} {c}");
            assert!(c.abs() <= 1.5 + 1e-14, "{rule:?}: {x} {c}");
            1.0
        };
        let width =
            Integral::with_complement(f, 2.0..5.0).rule(rule).run().expect("no panic").value;
        assert!((width - 3.0).abs() < 1e-13, "{rule:?}");
    }
}

#[test]
fn half_infinite_and_whole_lines() {
    is(Integral::new(gamma, 0.0..).rule(RULE).run(), 120.0, 1e-13);
    is(Integral::new(|x: f64| (-x).exp() / x.sqrt(), 0.0..).rule(RULE).run(), PI.sqrt(), 1e-12);
    is(Integral::new(|x: f64| 1.0 / (1.0 + x * x), ..).rule(RULE).run(), PI, 1e-13);
    is(Integral::new(bell, ..).rule(RULE).run(), 2.0, 1e-14);
    is(Integral::new(f64::exp, ..1.0).rule(RULE).run(), std::f64::consts::E, 1e-13);
    is(Integral::new(|x: f64| 1.0 / (x * x), 3.0..).rule(RULE).run(), 1.0 / 3.0, 1e-13);
    is(Integral::new(|x: f64| 1.0 / ((1.0 + x) * x.sqrt()), 0.0..).rule(RULE).run(), PI, 1e-12);
}

#[test]
fn the_gamma_function_takes_few_evaluations() {
    for (range, most) in [(0.0..1000.0, 250), (0.0..f64::INFINITY, 250)] {
        let rule = Integral::new(gamma, range.clone()).rule(RULE).abs_tol(8e-11).rel_tol(0.0);
        let evals = is(rule.run(), 120.0, 8e-11 / 120.0);
        assert!(evals <= most, "{range:?}: {evals}");
    }
}

#[test]
fn points_cut_the_interval() {
    let f = |x: f64| (x - 1.0).abs().powf(-0.5);
    is(Integral::new(f, 0.0..2.0).rule(RULE).points(&[1.0]).rel_tol(1e-6).run(), 4.0, 1e-6);
    let kink = |x: f64| (-(x - 1.0).abs()).exp();
    is(Integral::new(kink, ..).rule(RULE).points(&[1.0]).run(), 2.0, 1e-13);
}

#[test]
fn what_cannot_be_met_is_said() {
    // A jump at an unknown place.
    let jump = |x: f64| if x < LN_2 { 0.0 } else { 1.0 };
    let found = Integral::new(jump, 0.0..1.0).rule(RULE).run().expect("a value");
    assert_eq!(found.status, Status::MaxEvals);
    let off = (found.value - (1.0 - LN_2)).abs();
    assert!(found.error.is_some_and(|error| error > off / 4.0), "{found:?}");
    // A relative tolerance on a zero integral.
    let odd = Integral::new(|x: f64| x * x * x, -1.0..1.0).rule(RULE).run().expect("a value");
    assert!(odd.value.abs() < 1e-16);
    assert_ne!(odd.status, Status::Converged);
    let odd = Integral::new(|x: f64| x * x * x, -1.0..1.0).rule(RULE).abs_tol(1e-12).run();
    assert_eq!(odd.expect("a value").status, Status::Converged);
}
