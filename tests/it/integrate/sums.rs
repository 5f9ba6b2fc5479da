//! What the four ways of adding cost in digits.

use super::problems::gamma;
use brigade::integrate::{Integral, Rule, Sum};
use proptest::prelude::*;

const MODES: [Sum; 4] = [Sum::Naive, Sum::Blocked, Sum::Neumaier, Sum::Exact];

/// The exact sum of numbers, as Shewchuk's partial sums, rounded once (the way of `math.fsum`).
fn exact_sum(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut partials: Vec<f64> = Vec::new();
    for mut x in numbers {
        let mut kept = 0;
        for at in 0..partials.len() {
            let mut y = partials[at];
            if x.abs() < y.abs() {
                std::mem::swap(&mut x, &mut y);
            }
            let high = x + y;
            let low = y - (high - x);
            if low != 0.0 {
                partials[kept] = low;
                kept += 1;
            }
            x = high;
        }
        partials.truncate(kept);
        partials.push(x);
    }
    let Some(mut high) = partials.pop() else { return 0.0 };
    while let Some(next) = partials.pop() {
        let before = high;
        high = before + next;
        let low = next - (high - before);
        if low != 0.0 {
            // A tie is decided by what lies below.
            if partials.last().is_some_and(|below| (*below < 0.0) == (low < 0.0)) {
                let twice = 2.0 * low;
                let up = high + twice;
                if up - high == twice {
                    high = up;
                }
            }
            break;
        }
    }
    high
}

/// The values `y` as an integrand over [0, n], with steps of one.
fn sum_of(y: &[f64], sum: Sum) -> f64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let f = |x: f64| y[x as usize];
    let rule = Rule::Left { steps: y.len() as u64 };
    Integral::new(f, 0.0..y.len() as f64).rule(rule).sum(sum).run().expect("a sum").value
}

fn spread(count: u32) -> Vec<f64> {
    (0..count)
        .map(|k| {
            let k = f64::from(k);
            ((k * 12.9898).sin() * 43758.5453).fract() * 10.0_f64.powf((k * 0.37).sin() * 12.0)
        })
        .collect()
}

#[test]
fn exact_is_what_fractions_give() {
    for count in [1, 2, 127, 128, 129, 5000, 40_000] {
        let y = spread(count);
        assert_eq!(sum_of(&y, Sum::Exact).to_bits(), exact_sum(y.iter().copied()).to_bits());
    }
    assert_eq!(sum_of(&[1e300, 1.0, -1e300], Sum::Exact), 1.0);
    // A tie, but for the last one.
    let y = [6.835_074_462_429_524e285, 2.658_899_288_411_692_4e285, 0.148_373_799_941_766_17];
    assert_eq!(sum_of(&y, Sum::Exact).to_bits(), exact_sum(y).to_bits());
}

#[test]
fn exact_does_not_depend_on_the_order() {
    let mut y = spread(20_000);
    let forwards = sum_of(&y, Sum::Exact);
    y.reverse();
    assert_eq!(sum_of(&y, Sum::Exact).to_bits(), forwards.to_bits());
    // Only the exact sum can promise that.
    let mut differs = 0;
    for sum in MODES {
        y.sort_by(f64::total_cmp);
        differs += i32::from(sum_of(&y, sum).to_bits() != forwards.to_bits());
    }
    assert!((1..4).contains(&differs));
}

#[test]
fn every_mode_keeps_its_bound() {
    let unit = f64::EPSILON / 2.0;
    for count in [1000, 30_000, 200_000] {
        let y = spread(count);
        let exact = exact_sum(y.iter().copied());
        let sizes = exact_sum(y.iter().map(|y| y.abs()));
        for sum in MODES {
            let off = (sum_of(&y, sum) - exact).abs() / sizes / unit;
            let bound = match sum {
                Sum::Naive => f64::from(count),
                Sum::Blocked => 20.0,
                _ => 1.0,
            };
            assert!(off <= bound, "{sum:?}, {count}: {off}");
        }
    }
}

#[test]
fn a_plain_loop_is_where_the_origins_digits_went() {
    let steps = 1_000_000_u64;
    let h = 1000.0 / steps as f64;
    let plain = (0..steps).fold(0.0, |sum, k| sum + gamma(k as f64 * h)) * h;
    let run = |sum| {
        let rule = Rule::Left { steps };
        Integral::new(gamma, 0.0..1000.0).rule(rule).sum(sum).run().expect("a value").value
    };
    let off = |value: f64| (value - 120.0).abs();
    assert!(off(plain) > 1e-12, "{:e}", off(plain));
    for sum in [Sum::Blocked, Sum::Neumaier, Sum::Exact] {
        assert!(off(run(sum)) <= 3e-14, "{sum:?}: {:e}", off(run(sum)));
    }
}

#[test]
fn zeros_infinities_and_tiny_numbers_are_added_like_others() {
    for sum in MODES {
        assert_eq!(sum_of(&[0.0; 300], sum), 0.0);
        assert_eq!(sum_of(&[5e-324; 300], sum), 300.0 * 5e-324, "{sum:?}");
        let (y, exact) = ([-1e-310; 1000], exact_sum([-1e-310; 1000]));
        assert!((sum_of(&y, sum) / exact - 1.0).abs() < 1e-13, "{sum:?}");
    }
}

proptest! {
    #[test]
    fn exact_is_what_fractions_give_for_any_numbers(
        y in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL, 1..400),
    ) {
        // Scaled so that no sum of four hundred overflows.
        let y: Vec<f64> = y.into_iter().map(|y| y / 1024.0).collect();
        prop_assert_eq!(sum_of(&y, Sum::Exact).to_bits(), exact_sum(y.iter().copied()).to_bits());
    }

    #[test]
    fn compensated_sums_are_within_a_unit_of_the_sizes(
        y in prop::collection::vec(-1e10..1e10, 1..2000),
    ) {
        let exact = exact_sum(y.iter().copied());
        let sizes = exact_sum(y.iter().map(|y| y.abs()));
        for (sum, bound) in [(Sum::Blocked, 20.0), (Sum::Neumaier, 1.0), (Sum::Exact, 1.0)] {
            let off = (sum_of(&y, sum) - exact).abs();
            prop_assert!(off <= bound * f64::EPSILON / 2.0 * sizes, "{:?}: {}", sum, off);
        }
    }
}
