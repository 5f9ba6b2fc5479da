//! Gauss's rule of any number of nodes, by Newton's method on the Legendre polynomial.

use super::dd::Dd;

/// The most nodes of one rule.
pub(super) const MOST: u32 = 4096;

/// The nodes between -1 and 1, ascending, each with its weight.
pub(super) fn gauss(n: u32) -> Vec<(f64, f64)> {
    let count = n as usize;
    let mut rule = vec![(0.0, 0.0); count];
    for i in 0..count.div_ceil(2) {
        let (x, w) = node(n, i);
        rule[i] = (-x, w);
        rule[count - 1 - i] = (x, w);
    }
    if n % 2 == 1 {
        rule[count / 2].0 = 0.0;
    }
    rule
}

/// The `i`-th greatest node and its weight, each rounded from twice the digits.
#[allow(clippy::cast_precision_loss)] // at most 4096
fn node(n: u32, i: usize) -> (f64, f64) {
    let size = f64::from(n);
    // Tricomi's guess is near enough for Newton's method to double its digits at each step.
    let angle = std::f64::consts::PI * (i as f64 + 0.75) / (size + 0.5);
    let mut x = (1.0 - (1.0 - 1.0 / size) / (8.0 * size * size)) * angle.cos();
    for _ in 0..5 {
        let (mut before, mut now) = (0.0, 1.0);
        for k in 0..n {
            let k = f64::from(k);
            (before, now) = (now, ((2.0 * k + 1.0) * x * now - k * before) / (k + 1.0));
        }
        let slope = size * (x * now - before) / (x * x - 1.0);
        x -= now / slope;
    }
    let mut x = Dd::from(x);
    let mut weight = Dd::default();
    for _ in 0..2 {
        let (mut before, mut now) = (Dd::default(), Dd::from(1.0));
        for k in 0..n {
            let k = f64::from(k);
            (before, now) = (now, (x * now * (2.0 * k + 1.0) - before * k) / (k + 1.0));
        }
        let slope = (x * now - before) * size / (x * x - 1.0);
        weight = Dd::from(2.0) / ((Dd::from(1.0) - x * x) * slope * slope);
        x = x - now / slope;
    }
    (x.round(), weight.round())
}
