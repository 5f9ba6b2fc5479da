//! The nodes and weights, against printed ones and against themselves.
//!
//! They are looked at from outside: an integrand that records where it is evaluated sees the nodes, and
//! one that is a spike at a node gives its weight.

use brigade::integrate::{Integral, Kronrod, Rule};
use std::sync::Mutex;

/// The nodes of a rule in one panel over [-1, 1], each with its weight.
fn rule(rule: Rule) -> Vec<(f64, f64)> {
    let nodes = Mutex::new(Vec::new());
    let record = |x: f64| {
        nodes.lock().expect("nobody panics").push(x);
        1.0
    };
    Integral::new(record, -1.0..1.0).rule(rule).max_evals(1).run().expect("a value");
    let nodes = nodes.into_inner().expect("nobody panics");
    let weight = |node: f64| {
        let spike = |x: f64| if x == node { 1.0 } else { 0.0 };
        Integral::new(spike, -1.0..1.0).rule(rule).max_evals(1).run().expect("a value").value
    };
    nodes.iter().map(|&node| (node, weight(node))).collect()
}

const KRONROD: [(Kronrod, usize); 6] = [
    (Kronrod::K15, 15),
    (Kronrod::K21, 21),
    (Kronrod::K31, 31),
    (Kronrod::K41, 41),
    (Kronrod::K51, 51),
    (Kronrod::K61, 61),
];

#[test]
fn kronrods_nodes_contain_gausss() {
    // Gauss's come from Newton's method in Rust, Kronrod's from linear equations in Python.
    for (kronrod, count) in KRONROD {
        let inner = u32::try_from(count / 2).expect("small");
        let kronrod = rule(Rule::Adaptive(kronrod));
        let gauss = rule(Rule::GaussLegendre { nodes: inner, steps: 1 });
        assert_eq!((kronrod.len(), gauss.len() as u32), (count, inner));
        for (at, (node, _)) in gauss.iter().enumerate() {
            assert!((kronrod[2 * at + 1].0 - node).abs() <= 1.2e-16, "{count}: {node}");
        }
    }
}

#[test]
fn kronrods_rules_are_exact_to_their_degree() {
    for (kronrod, count) in KRONROD {
        let rule = rule(Rule::Adaptive(kronrod));
        // 3n + 1, and one more by symmetry where n is even.
        let n = count / 2;
        let degree = if n.is_multiple_of(2) { 3 * n + 1 } else { 3 * n + 2 };
        for power in 0..=i32::try_from(degree).expect("small") {
            let sum: f64 = rule.iter().map(|(x, w)| w * x.powi(power)).sum();
            let exact = if power % 2 == 0 { 2.0 / f64::from(power + 1) } else { 0.0 };
            assert!((sum - exact).abs() < 1e-15, "{count} nodes, x^{power}: {sum} for {exact}");
        }
    }
}

/// The outermost four nodes of QUADPACK's rules with their weights (Piessens and others, 1983).
#[test]
fn they_are_those_that_were_printed() {
    let printed: [(Kronrod, [(f64, f64); 4]); 2] = [
        (
            Kronrod::K15,
            [
                (
                    0.991_455_371_120_812_639_206_854_697_526_329,
                    0.022_935_322_010_529_224_963_732_008_058_970,
                ),
                (
                    0.949_107_912_342_758_524_526_189_684_047_851,
                    0.063_092_092_629_978_553_290_700_663_189_204,
                ),
                (
                    0.864_864_423_359_769_072_789_712_788_640_926,
                    0.104_790_010_322_250_183_839_876_322_541_518,
                ),
                (
                    0.741_531_185_599_394_439_863_864_773_280_788,
                    0.140_653_259_715_525_918_745_189_590_510_238,
                ),
            ],
        ),
        (
            Kronrod::K21,
            [
                (
                    0.995_657_163_025_808_080_735_527_280_689_003,
                    0.011_694_638_867_371_874_278_064_396_062_192,
                ),
                (
                    0.973_906_528_517_171_720_077_964_012_084_452,
                    0.032_558_162_307_964_727_478_818_972_459_390,
                ),
                (
                    0.930_157_491_355_708_226_001_207_180_059_508,
                    0.054_755_896_574_351_996_031_381_300_244_580,
                ),
                (
                    0.865_063_366_688_984_510_732_096_688_423_493,
                    0.075_039_674_810_919_952_767_043_140_916_190,
                ),
            ],
        ),
    ];
    for (kronrod, printed) in printed {
        let rule = rule(Rule::Adaptive(kronrod));
        for ((node, weight), (x, w)) in printed.into_iter().zip(rule.into_iter().rev()) {
            assert!((node - x).abs() <= 1.2e-16 && (weight - w).abs() <= 1e-17, "{node}: {x} {w}");
        }
    }
}

/// Gauss's rules of Abramowitz and Stegun, table 25.4.
#[test]
fn gausss_are_those_that_were_printed() {
    let five = rule(Rule::GaussLegendre { nodes: 5, steps: 1 });
    let printed = [
        (0.000_000_000_000_000, 0.568_888_888_888_889),
        (0.538_469_310_105_683, 0.478_628_670_499_366),
        (0.906_179_845_938_664, 0.236_926_885_056_189),
    ];
    for ((node, weight), (x, w)) in printed.into_iter().zip(&five[2..]) {
        assert!((node - x).abs() < 6e-16 && (weight - w).abs() < 6e-16, "{x} {w}");
    }
    let ten = rule(Rule::GaussLegendre { nodes: 10, steps: 1 });
    let printed = [
        (0.148_874_338_981_631, 0.295_524_224_714_753),
        (0.433_395_394_129_247, 0.269_266_719_309_996),
        (0.679_409_568_299_024, 0.219_086_362_515_982),
        (0.865_063_366_688_985, 0.149_451_349_150_581),
        (0.973_906_528_517_172, 0.066_671_344_308_688),
    ];
    for ((node, weight), (x, w)) in printed.into_iter().zip(&ten[5..]) {
        assert!((node - x).abs() < 6e-16 && (weight - w).abs() < 6e-16, "{x} {w}");
    }
    // One hundred nodes: the outermost of Davis and Rabinowitz.
    let hundred = rule(Rule::GaussLegendre { nodes: 100, steps: 1 });
    let (x, w) = hundred[99];
    assert!((x - 0.999_713_726_773_441).abs() < 6e-16, "{x}");
    assert!((w - 0.000_734_634_490_506).abs() < 6e-16, "{w}");
}

#[test]
fn every_rule_is_symmetric_and_its_weights_fill_the_interval() {
    let rules = KRONROD.iter().map(|&(kronrod, _)| Rule::Adaptive(kronrod));
    let gauss =
        [1, 2, 3, 4, 7, 16, 33, 64, 101].map(|nodes| Rule::GaussLegendre { nodes, steps: 1 });
    for which in rules.chain(gauss) {
        let rule = rule(which);
        for ((x, w), (y, v)) in rule.iter().zip(rule.iter().rev()) {
            assert_eq!((*x, *w), (-y, *v), "{which:?}");
            assert!(*w > 0.0);
        }
        assert!(rule.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let sum: f64 = rule.iter().map(|(_, w)| w).sum();
        assert!((sum - 2.0).abs() < 3e-15, "{which:?}: {sum}");
    }
}
