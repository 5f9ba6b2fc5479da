//! Scalars, blocks, lanes, vectors and boxes say the same.

use super::problems::gamma;
use brigade::integrate::{BoxIntegral, F64x8, Integral, Kronrod, Norm, Rule, Status, Sum};
use std::f64::consts::{E, PI};

const RULES: [Rule; 9] = [
    Rule::Left { steps: 50_001 },
    Rule::Right { steps: 129 },
    Rule::Midpoint { steps: 1 },
    Rule::Trapezoid { steps: 20_000 },
    Rule::Simpson { steps: 500 },
    Rule::GaussLegendre { nodes: 11, steps: 13 },
    Rule::Auto,
    Rule::Adaptive(Kronrod::K61),
    Rule::DoubleExponential,
];

/// Made of exact operations, so that scalar and lanes have the same bits.
fn scalar(x: f64) -> f64 {
    (1.0 + x * x).sqrt() / (2.0 + x)
}

fn lanes(x: F64x8) -> F64x8 {
    (1.0 + x * x).sqrt() / (2.0 + x)
}

fn batch(x: &[f64], y: &mut [f64]) {
    assert_eq!(x.len(), y.len());
    x.iter().zip(y).for_each(|(x, y)| *y = scalar(*x));
}

#[test]
fn all_ways_give_the_same_bits() {
    for rule in RULES {
        for sum in [Sum::Naive, Sum::Blocked, Sum::Neumaier, Sum::Exact] {
            let one = Integral::new(scalar, 0.1..9.0).rule(rule).sum(sum).run().expect("a value");
            let eight = Integral::lanes(lanes, 0.1..9.0).rule(rule).sum(sum).run();
            assert_eq!(eight.expect("a value"), one, "{rule:?}");
            let many = Integral::batch(batch, 0.1..9.0).rule(rule).sum(sum).run();
            assert_eq!(many.expect("a value"), one, "{rule:?}");
            let ends = Integral::with_complement(|x, _| scalar(x), 0.1..9.0).rule(rule).sum(sum);
            let ends = ends.run().expect("a value");
            assert!((ends.value - one.value).abs() < 1e-12, "{rule:?}");
        }
    }
}

#[test]
fn a_vector_is_its_components() {
    for rule in RULES {
        let both =
            Integral::vector(|x| [scalar(x), x], 0.1..9.0).rule(rule).run().expect("a value");
        let one = Integral::new(scalar, 0.1..9.0).rule(rule).run().expect("a value");
        assert!((both.value[0] - one.value).abs() <= 1e-9, "{rule:?}");
        if matches!(rule, Rule::Left { .. } | Rule::Simpson { .. } | Rule::GaussLegendre { .. }) {
            assert_eq!(both.value[0].to_bits(), one.value.to_bits());
        }
    }
}

#[test]
fn a_vector_goes_on_until_its_worst_component_is_good() {
    // One component is easy, the other hard: the answer has to be good in both.
    let f = |x: f64| [1.0, x.sqrt().recip(), (x * 30.0).cos()];
    for norm in [Norm::Max, Norm::Two] {
        let found = Integral::vector(f, 0.0..1.0).norm(norm).rel_tol(1e-7).run().expect("a value");
        assert_eq!(found.status, Status::Converged);
        for (value, exact) in found.value.iter().zip([1.0, 2.0, 30.0_f64.sin() / 30.0]) {
            assert!((value - exact).abs() < 3e-7, "{found:?}");
        }
    }
    let none = Integral::vector(|_| [0.0; 4], 0.0..1.0).run().expect("a value");
    assert_eq!((none.value, none.status), ([0.0; 4], Status::NothingSeen));
    let both =
        Integral::vector(|x: f64| [(-x).exp(), (-x * x).exp()], 0.0..).run().expect("a value");
    assert!((both.value[0] - 1.0).abs() < 1e-9 && (both.value[1] - PI.sqrt() / 2.0).abs() < 1e-9);
}

#[test]
fn infinite_intervals_in_every_way() {
    let half = Integral::lanes(|t: F64x8| t.powi(5) * (-t).exp(), 0.0..).run().expect("a value");
    assert!((half.value - 120.0).abs() < 1e-9, "{half:?}");
    let half = Integral::new(gamma, 0.0..).run().expect("a value");
    assert!((half.value - 120.0).abs() < 1e-9 && half.evals < 400, "{half:?}");
    let line = Integral::new(|x: f64| 1.0 / (1.0 + x * x), ..).run().expect("a value");
    assert!((line.value - PI).abs() < 1e-9);
    let below = Integral::new(f64::exp, ..=1.0).run().expect("a value");
    assert!((below.value - E).abs() < 1e-9);
    let kink = |x: f64| (-(x - 3.0).abs()).exp();
    let cut = Integral::new(kink, ..).points(&[3.0]).run().expect("a value");
    assert!((cut.value - 2.0).abs() < 1e-9, "{cut:?}");
}

#[test]
fn boxes_of_one_to_four_dimensions() {
    let f1 = |[x]: [f64; 1]| x.exp();
    let one = BoxIntegral::new(f1, [0.0], [1.0]).run().expect("a value");
    assert!((one.value - (E - 1.0)).abs() < 1e-15);
    let f2 = |[x, y]: [f64; 2]| (x + 2.0 * y).sin();
    let exact = (1.0_f64.sin() + 2.0_f64.sin() - 3.0_f64.sin()) / 2.0;
    for rule in [
        Rule::Auto,
        Rule::Adaptive(Kronrod::K15),
        Rule::GaussLegendre { nodes: 8, steps: 2 },
        Rule::Simpson { steps: 200 },
    ] {
        let two = BoxIntegral::new(f2, [0.0; 2], [1.0; 2]).rule(rule).run().expect("a value");
        assert!((two.value - exact).abs() < 1e-11, "{rule:?}: {two:?}");
        let back = BoxIntegral::new(f2, [1.0, 0.0], [0.0, 1.0]).rule(rule).run().expect("a value");
        assert_eq!(back.value, -two.value);
        if let Some(error) = two.error {
            assert!(error >= (two.value - exact).abs(), "{rule:?}");
        }
    }
    let f4 = |p: [f64; 4]| p.iter().product::<f64>();
    let rule = Rule::GaussLegendre { nodes: 3, steps: 3 };
    let four = BoxIntegral::new(f4, [0.0; 4], [2.0; 4]).rule(rule).run().expect("a value");
    assert!((four.value - 16.0).abs() < 1e-13);
    assert_eq!(four.evals, 9_u64.pow(4));
    let none = BoxIntegral::new(|_: [f64; 2]| 0.0, [0.0; 2], [1.0; 2]).run().expect("a value");
    assert_eq!(none.status, Status::NothingSeen);
}

#[test]
fn a_boxs_fixed_rules_converge_at_their_order_and_know_their_error() {
    type Of = fn(u64) -> Rule;
    let rules: [(Of, f64); 5] = [
        (|steps| Rule::Left { steps }, 1.0),
        (|steps| Rule::Right { steps }, 1.0),
        (|steps| Rule::Midpoint { steps }, 2.0),
        (|steps| Rule::Trapezoid { steps }, 2.0),
        (|steps| Rule::Simpson { steps }, 4.0),
    ];
    let exact = (E - 1.0) * (E - 1.0);
    for (rule, order) in rules {
        let run = |steps| {
            let f = |[x, y]: [f64; 2]| (x + y).exp();
            BoxIntegral::new(f, [0.0; 2], [1.0; 2]).rule(rule(steps)).run().expect("a value")
        };
        let (coarse, fine) = (run(8), run(32));
        let slope = ((coarse.value - exact) / (fine.value - exact)).abs().log2() / 2.0;
        assert!((slope - order).abs() < 0.1, "{:?}: order {slope}", rule(8));
        if let Some(error) = fine.error {
            let off = (fine.value - exact).abs();
            assert!(error >= 0.9 * off && error < 20.0 * off, "{:?}: {error:e} {off:e}", rule(32));
        }
    }
}

#[test]
fn a_box_of_one_dimension_is_an_interval() {
    for rule in [Rule::Simpson { steps: 3000 }, Rule::GaussLegendre { nodes: 7, steps: 1000 }] {
        let one = Integral::new(scalar, 0.0..3.0).rule(rule).run().expect("a value");
        let boxed = BoxIntegral::new(|[x]: [f64; 1]| scalar(x), [0.0], [3.0]).rule(rule).run();
        let boxed = boxed.expect("a value");
        assert!((one.value - boxed.value).abs() < 1e-14);
        assert_eq!(one.evals, boxed.evals);
    }
}

#[test]
fn names_and_numbers_can_be_printed() {
    let integral = Integral::new(scalar, 0.0..1.0);
    assert!(format!("{integral:?}").contains("lower: 0.0, upper: 1.0, rule: Auto"));
    let unit = BoxIntegral::new(|[x]: [f64; 1]| x, [0.0], [1.0]);
    assert!(format!("{unit:?}").contains("lower: [0.0]"));
    let estimate = integral.run().expect("a value");
    assert_eq!(estimate.condition(), 1.0);
}
