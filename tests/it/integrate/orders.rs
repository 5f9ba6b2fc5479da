//! How fast the error of a fixed rule falls.

use super::problems::gamma;
use brigade::integrate::{Integral, Rule, Sum};

fn error(f: fn(f64) -> f64, lower: f64, upper: f64, exact: f64, rule: Rule) -> f64 {
    let estimate = Integral::new(f, lower..upper).rule(rule).run().expect("an integral");
    (estimate.value - exact).abs()
}

#[test]
fn every_rule_converges_at_its_order() {
    // Not periodic, and no derivative vanishes at an end.
    let (f, exact): (fn(f64) -> f64, f64) = (|x| x.exp(), std::f64::consts::E - 1.0);
    type Of = fn(u64) -> Rule;
    let rules: [(Of, f64, u64); 6] = [
        (|steps| Rule::Left { steps }, 1.0, 64),
        (|steps| Rule::Right { steps }, 1.0, 64),
        (|steps| Rule::Midpoint { steps }, 2.0, 64),
        (|steps| Rule::Trapezoid { steps }, 2.0, 64),
        (|steps| Rule::Simpson { steps }, 4.0, 8),
        (|steps| Rule::GaussLegendre { nodes: 3, steps }, 6.0, 2),
    ];
    for (rule, order, steps) in rules {
        let coarse = error(f, 0.0, 1.0, exact, rule(steps));
        let fine = error(f, 0.0, 1.0, exact, rule(4 * steps));
        let slope = (coarse / fine).log2() / 2.0;
        assert!((slope - order).abs() < 0.05, "{:?}: order {slope}", rule(steps));
    }
}

#[test]
fn gauss_is_exact_for_polynomials_of_twice_its_nodes() {
    for nodes in 1..=40_u32 {
        let degree = i32::try_from(2 * nodes - 1).expect("small");
        let f = move |x: f64| x.powi(degree) + 1.0;
        let rule = Rule::GaussLegendre { nodes, steps: 1 };
        let value = Integral::new(f, 0.0..1.0).rule(rule).run().expect("an integral").value;
        let exact = 1.0 / f64::from(degree + 1) + 1.0;
        assert!((value - exact).abs() < 1e-15, "{nodes} nodes: {value} for {exact}");
        // And not for the next.
        if nodes < 12 {
            let f = move |x: f64| x.powi(degree + 1);
            let value = Integral::new(f, -1.0..1.0).rule(rule).run().expect("an integral").value;
            assert!((value - 2.0 / f64::from(degree + 2)).abs() > 1e-8, "{nodes}");
        }
    }
}

#[test]
fn simpson_is_exact_for_cubics_and_trapezoid_for_lines() {
    let cubic = |x: f64| 4.0 * x * x * x - 3.0 * x * x + x - 7.0;
    let value = Integral::new(cubic, 0.0..2.0).rule(Rule::Simpson { steps: 1 }).run();
    assert_eq!(value.expect("an integral").value, -4.0);
    let line = |x: f64| 3.0 * x + 1.0;
    let value = Integral::new(line, 0.0..4.0).rule(Rule::Trapezoid { steps: 8 }).run();
    assert_eq!(value.expect("an integral").value, 28.0);
}

#[test]
fn the_error_of_a_fixed_rule_bounds_what_is_off() {
    let exact = std::f64::consts::E - 1.0;
    for rule in [
        Rule::Left { steps: 100 },
        Rule::Right { steps: 1000 },
        Rule::Trapezoid { steps: 50 },
        Rule::Simpson { steps: 10 },
        Rule::Simpson { steps: 2000 },
    ] {
        for sum in [Sum::Blocked, Sum::Neumaier, Sum::Exact] {
            let integral = Integral::new(f64::exp, 0.0..1.0).rule(rule).sum(sum);
            let estimate = integral.run().expect("an integral");
            let (off, said) = ((estimate.value - exact).abs(), estimate.error.expect("even"));
            assert!(off <= 1.1 * said && said <= 2.0 * off + 1e-14, "{rule:?}: {off} {said}");
        }
    }
    // Where the rule cannot tell, it does not.
    for rule in [
        Rule::Left { steps: 101 },
        Rule::Midpoint { steps: 100 },
        Rule::GaussLegendre { nodes: 4, steps: 2 },
    ] {
        let estimate = Integral::new(f64::exp, 0.0..1.0).rule(rule).run().expect("an integral");
        assert_eq!(estimate.error, None, "{rule:?}");
    }
}

/// Left sums of the gamma integrand follow Euler and Maclaurin: the first four derivatives vanish at
/// both ends, so the error is -h^6/252 and next to nothing else.
#[test]
fn the_origins_rule_was_better_than_anybody_thought() {
    for (steps, predicted) in [(10_000_u64, -3.968e-9), (19_200, -7.92e-11)] {
        let rule = Rule::Left { steps };
        let off =
            Integral::new(gamma, 0.0..1000.0).rule(rule).run().expect("a value").value - 120.0;
        assert!((off / predicted - 1.0).abs() < 0.01, "{steps}: {off:e}");
    }
    // Simpson takes two thirds of one sum and a third of another, and so spoils it.
    let off = |rule| error(gamma, 0.0, 1000.0, 120.0, rule);
    assert!(off(Rule::Left { steps: 19_200 }) < 8.1e-11);
    assert!(off(Rule::Simpson { steps: 9_600 }) > 1e-9);
    assert!(off(Rule::Simpson { steps: 19_200 }) < 8.1e-11);
}

#[test]
fn ten_million_steps_are_right_to_the_last_places() {
    let f = |t: brigade::integrate::F64x8| t.powi(5) * (-t).exp();
    let rule = Rule::Left { steps: 10_000_000 };
    let estimate = Integral::lanes(f, 0.0..1000.0).rule(rule).run().expect("a value");
    assert!((estimate.value - 120.0).abs() <= 3e-14, "{:e}", estimate.value - 120.0);
    assert_eq!(estimate.evals, 10_000_000);
}
