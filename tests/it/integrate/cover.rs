//! The nodes of all chunks together are those of one loop.

use brigade::integrate::{F64x8, Integral, Rule};
use std::sync::Mutex;

/// Step counts that are awkward to cut: around a block, a chunk, and primes.
const COUNTS: [u64; 14] =
    [1, 2, 3, 127, 128, 129, 999, 1000, 1001, 16_383, 16_384, 16_385, 65_537, 104_729];

/// Every place that is looked at, in ascending order.
fn seen(lower: f64, upper: f64, rule: Rule) -> Vec<u64> {
    let places = Mutex::new(Vec::new());
    let f = |x: f64| {
        places.lock().expect("nobody panics").push(x);
        x
    };
    let estimate = Integral::new(f, lower..upper).rule(rule).run().expect("an integral");
    let mut places = places.into_inner().expect("nobody panics");
    assert_eq!(places.len() as u64, estimate.evals, "{rule:?}");
    places.sort_by(f64::total_cmp);
    places.into_iter().map(f64::to_bits).collect()
}

/// The places of a plain loop over the global index.
fn expected(lower: f64, upper: f64, parts: u64, offset: f64, count: u64, closed: bool) -> Vec<u64> {
    let step = (upper - lower) / parts as f64;
    let place = |k: u64| {
        if closed && k + 1 == count {
            upper
        } else {
            (k as f64 + offset).mul_add(step, lower).min(upper)
        }
    };
    (0..count).map(|k| place(k).to_bits()).collect()
}

#[test]
fn no_node_is_lost_moved_or_looked_at_twice() {
    for (lower, upper) in [(0.0, 1000.0), (0.0, 10.0), (-1.0 / 3.0, 0.1)] {
        let sorted = |mut bits: Vec<u64>| {
            bits.sort_by(|&a, &b| f64::from_bits(a).total_cmp(&f64::from_bits(b)));
            bits
        };
        for n in COUNTS {
            let check = |rule, parts, offset, count, closed| {
                let expected = sorted(expected(lower, upper, parts, offset, count, closed));
                assert!(seen(lower, upper, rule) == expected, "{rule:?} on {lower}..{upper}");
            };
            check(Rule::Left { steps: n }, n, 0.0, n, false);
            check(Rule::Right { steps: n }, n, 1.0, n, true);
            check(Rule::Midpoint { steps: n }, n, 0.5, n, false);
            check(Rule::Trapezoid { steps: n }, n, 0.0, n + 1, true);
            check(Rule::Simpson { steps: n }, 2 * n, 0.0, 2 * n + 1, true);
        }
    }
}

#[test]
fn gauss_nodes_are_those_of_one_step_moved_along() {
    for steps in COUNTS {
        let seen = seen(0.0, steps as f64, Rule::GaussLegendre { nodes: 5, steps });
        assert_eq!(seen.len() as u64, 5 * steps);
        for (panel, nodes) in seen.chunks(5).enumerate() {
            let low = panel as f64;
            assert!(
                nodes.iter().all(|&x| (low..low + 1.0).contains(&f64::from_bits(x))),
                "{steps}"
            );
        }
    }
}

#[test]
fn lanes_look_at_the_same_places_and_nowhere_else() {
    for n in COUNTS {
        let places = Mutex::new(Vec::new());
        let f = |x: F64x8| {
            places.lock().expect("nobody panics").extend(x.to_array());
            x
        };
        let rule = Rule::Trapezoid { steps: n };
        Integral::lanes(f, 0.1..7.3).rule(rule).run().expect("an integral");
        let mut places = places.into_inner().expect("nobody panics");
        places.sort_by(f64::total_cmp);
        places.dedup();
        let bits: Vec<u64> = places.into_iter().map(f64::to_bits).collect();
        assert_eq!(bits, expected(0.1, 7.3, n, 0.0, n + 1, true), "{n}");
    }
}

#[test]
fn nothing_outside_the_interval_is_looked_at() {
    // Every rule, on intervals where rounding pushes outwards.
    for rule in [
        Rule::Left { steps: 1001 },
        Rule::Right { steps: 1001 },
        Rule::Midpoint { steps: 1001 },
        Rule::Trapezoid { steps: 1001 },
        Rule::Simpson { steps: 1001 },
        Rule::GaussLegendre { nodes: 200, steps: 3 },
        Rule::Auto,
        Rule::DoubleExponential,
    ] {
        for (lower, upper) in
            [(0.1, 0.7), (1e15, 1e15 + 3.0), (-1e-300, 1e-300), (1.0, 1.0 + 1e-15)]
        {
            let f = |x: f64| {
                assert!((lower..=upper).contains(&x), "{x} is not in {lower}..{upper}: {rule:?}");
                1.0
            };
            let area = Integral::new(f, lower..upper).rule(rule).run().expect("no panic").value;
            let width = upper - lower;
            assert!((area - width).abs() <= 1e-12 * width, "{rule:?}: {area} for {width}");
        }
    }
}

#[test]
fn an_open_rule_never_looks_at_the_ends() {
    for rule in [
        Rule::Midpoint { steps: 1000 },
        Rule::GaussLegendre { nodes: 64, steps: 10 },
        Rule::Auto,
        Rule::DoubleExponential,
    ] {
        let f = |x: f64| {
            assert!(x != 0.0 && x != 1.0, "{rule:?}");
            1.0
        };
        Integral::new(f, 0.0..1.0).rule(rule).run().expect("no panic");
    }
}
