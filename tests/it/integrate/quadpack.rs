//! QUADPACK's test integrals: the values, how often they are evaluated, and how they end.
//!
//! The numbers are those that the users of its routines rely on (and that GSL's suite asserts). Its
//! routines with extrapolation are not here; where one of them evaluates as often as plain
//! bisection does, its numbers are.

use brigade::integrate::{Estimate, Integral, Kronrod, Rule, Status};
use std::f64::consts::{E, LN_2, LN_10, PI};
use std::ops::RangeBounds;

struct Asked {
    kronrod: Kronrod,
    abs: f64,
    rel: f64,
    max_evals: u64,
}

fn asked(kronrod: Kronrod, abs: f64, rel: f64) -> Asked {
    Asked { kronrod, abs, rel, max_evals: 1_000_000 }
}

/// As QUADPACK begins: with one panel.
fn run(f: impl Fn(f64) -> f64 + Sync, range: impl RangeBounds<f64>, asked: &Asked) -> Estimate {
    Integral::new(f, range)
        .rule(Rule::Adaptive(asked.kronrod))
        .abs_tol(asked.abs)
        .rel_tol(asked.rel)
        .max_evals(asked.max_evals)
        .min_panels(1)
        .run()
        .expect("a value")
}

/// In both directions: reversed, only the sign changes.
#[track_caller]
fn both(
    f: fn(f64) -> f64,
    lower: f64,
    upper: f64,
    asked: &Asked,
    exact: f64,
    tolerance: f64,
) -> (u64, u64, Status) {
    let forwards = run(f, lower..upper, asked);
    let backwards = run(f, upper..lower, asked);
    assert_eq!(forwards.value, -backwards.value);
    assert_eq!((forwards.evals, forwards.status), (backwards.evals, backwards.status));
    let off = (forwards.value - exact).abs();
    assert!(off <= tolerance * exact.abs(), "{} for {exact}: {off:e}", forwards.value);
    (forwards.evals, forwards.panels, forwards.status)
}

/// x^2.6 ln(1/x)
fn f1(x: f64) -> f64 {
    x.powf(2.6) * (1.0 / x).ln()
}
const F1: f64 = 0.077_160_493_827_160_493_8;

/// cos(2^1.3 sin x)
fn f3(x: f64) -> f64 {
    (2.0_f64.powf(1.3) * x.sin()).cos()
}

fn f16<const A: i32>(x: f64) -> f64 {
    if A == 1 && x == 0.0 {
        1.0
    } else if x == 0.0 {
        0.0
    } else {
        x.powi(A - 1) / (1.0 + 10.0 * x).powi(2)
    }
}

#[test]
fn a_smooth_integrand() {
    let k15 = both(f1, 0.0, 1.0, &asked(Kronrod::K15, 0.0, 1e-10), F1, 1e-13);
    assert_eq!(k15, (165, 6, Status::Converged));
    let k21 = both(f1, 0.0, 1.0, &asked(Kronrod::K21, 1e-14, 0.0), F1, 1e-14);
    assert_eq!(k21, (315, 8, Status::Converged));
    let qags = both(f1, 0.0, 1.0, &asked(Kronrod::K21, 0.0, 1e-10), F1, 1e-13);
    assert_eq!(qags, (189, 5, Status::Converged));
}

#[test]
fn one_panel_of_each_rule() {
    // Asked for something that one panel gives: as many evaluations as nodes, and the value and the error
    // estimate that QUADPACK's routine of that name computes.
    for (kronrod, nodes, value, error) in [
        (Kronrod::K15, 15, 7.716_049_357_767_09e-2, 2.990_224_871_000_550_9e-6),
        (Kronrod::K21, 21, 7.716_049_379_303_084e-2, 9.424_302_194_248_481e-8),
        (Kronrod::K31, 31, 7.716_049_382_494_901e-2, 1.713_503_193_600_03e-9),
        (Kronrod::K41, 41, 7.716_049_382_681_375e-2, 9.576_386_660_975_511e-11),
        (Kronrod::K51, 51, 7.716_049_382_708_511e-2, 1.002_079_980_317_363_8e-11),
        (Kronrod::K61, 61, 7.716_049_382_713_801e-2, 1.566_060_362_296_155_6e-12),
    ] {
        let asked = asked(kronrod, 1e-1, 0.0);
        let found = both(f1, 0.0, 1.0, &asked, value, 1e-14);
        assert_eq!(found, (nodes, 1, Status::Converged));
        let estimated = run(f1, 0.0..1.0, &asked).error.expect("an error");
        assert!(
            (estimated / error - 1.0).abs() < 1e-5,
            "{kronrod:?}: {estimated:e}, not {error:e}"
        );
    }
}

#[test]
fn rounding_is_noticed() {
    let found =
        both(f3, 0.3, 2.71, &asked(Kronrod::K31, 1e-14, 0.0), -0.723_896_957_548_296, 1e-14);
    assert_eq!(found, (31, 1, Status::RoundoffLimited));
}

#[test]
fn a_singularity_inside_is_noticed() {
    let found = run(f16::<2>, -1.0..1.0, &asked(Kronrod::K51, 1e-14, 0.0));
    assert_eq!(found.evals, 5151);
    match found.status {
        Status::SuspectSingularity { near } => assert!((near + 0.1).abs() < 1e-14, "{near}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_budget_is_kept() {
    let mut asked = asked(Kronrod::K61, 1e-14, 0.0);
    asked.max_evals = 305;
    let found = run(f16::<1>, -1.0..1.0, &asked);
    assert_eq!((found.evals, found.panels, found.status), (305, 3, Status::MaxEvals));
}

#[test]
fn a_logarithm_on_a_long_interval() {
    // (ln(1/x))^1 from 1 to 1000.
    let exact = -5_908.755_278_982_137;
    let f11 = |x: f64| (1.0 / x).ln();
    let found = both(f11, 1.0, 1000.0, &asked(Kronrod::K21, 1e-7, 0.0), exact, 1e-14);
    assert_eq!(found, (357, 9, Status::Converged));
}

#[test]
fn half_infinite_intervals() {
    let f455 = |x: f64| if x == 0.0 { 0.0 } else { x.ln() / (1.0 + 100.0 * x * x) };
    let found = run(f455, 0.0.., &asked(Kronrod::K15, 0.0, 1e-3));
    assert!((found.value + PI * LN_10 / 20.0).abs() < 1e-3 * 0.3617, "{found:?}");
    // With extrapolation QUADPACK takes 285; the rule that is made for such ends takes fewer than either, and
    // to all digits.
    assert_eq!((found.evals, found.status), (525, Status::Converged), "{found:?}");
    let found = Integral::new(f455, 0.0..).rule(Rule::DoubleExponential).run().expect("a value");
    assert!((found.value + PI * LN_10 / 20.0).abs() < 1e-12, "{found:?}");
    assert!(found.evals <= 285, "{found:?}");

    let f15 = |x: f64| x * x * (-x / 32.0).exp();
    let found = run(f15, 0.0.., &asked(Kronrod::K15, 0.0, 1e-7));
    assert!((found.value - 65_536.0).abs() < 1e-7 * 65_536.0);
    assert_eq!((found.evals, found.panels), (285, 10), "{found:?}");
}

#[test]
fn the_whole_line_and_the_lower_half() {
    let found = run(|x: f64| (-x - x * x).exp(), .., &asked(Kronrod::K15, 1e-7, 0.0));
    assert!((found.value - PI.sqrt() * 0.25_f64.exp()).abs() < 1e-12, "{found:?}");
    assert_eq!((found.evals, found.panels), (270, 5), "{found:?}");

    let found = run(f64::exp, ..1.0, &asked(Kronrod::K15, 1e-7, 0.0));
    assert!((found.value - E).abs() < 1e-12);
    assert_eq!((found.evals, found.panels), (135, 5), "{found:?}");
}

#[test]
fn breakpoints() {
    // x^3 ln |(x^2 - 1)(x^2 - 2)|, infinite at 1 and at the root of 2.
    let f454 = |x: f64| x.powi(3) * ((x * x - 1.0) * (x * x - 2.0)).abs().ln();
    let exact = 61.0 * LN_2 + 77.0 / 4.0 * 7.0_f64.ln() - 27.0;
    assert!((exact - 52.740_748_383_471_445).abs() < 1e-13);
    for range in [0.0..3.0, 3.0..0.0] {
        let sign = if range.start < range.end { 1.0 } else { -1.0 };
        let found = Integral::new(f454, range)
            .points(&[1.0, 2.0_f64.sqrt()])
            .rel_tol(1e-3)
            .run()
            .expect("a value");
        assert_eq!((found.evals, found.status), (1113, Status::Converged), "{found:?}");
        assert!((found.value - sign * exact).abs() < 1e-3 * exact, "{found:?}");
        // With extrapolation QUADPACK takes 777; the rule that is made for such places takes fewer.
        let found = Integral::new(f454, if sign > 0.0 { 0.0..3.0 } else { 3.0..0.0 })
            .rule(Rule::DoubleExponential)
            .points(&[1.0, 2.0_f64.sqrt()])
            .run()
            .expect("a value");
        assert!((found.value - sign * exact).abs() < 1e-12 * exact, "{found:?}");
        assert!(found.evals <= 777, "{found:?}");
    }
}

#[test]
fn a_round_costs_at_most_one_round_more_than_one_at_a_time() {
    // The origin's problem: QUADPACK's 21 points take 315 to 357 evaluations.
    let gamma = |t: f64| t.powi(5) * (-t).exp();
    let found = run(gamma, 0.0..1000.0, &asked(Kronrod::K21, 8e-11, 0.0));
    assert!((found.value - 120.0).abs() < 8e-11);
    assert!((315..=400).contains(&found.evals), "{found:?}");
    // And with the eight panels that a wide interval begins with.
    let found =
        Integral::new(gamma, 0.0..1000.0).abs_tol(8e-11).rel_tol(0.0).run().expect("a value");
    assert!((found.value - 120.0).abs() < 8e-11);
    assert!(found.evals <= 400, "{found:?}");
}
