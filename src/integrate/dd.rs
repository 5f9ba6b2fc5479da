//! Numbers of twice the digits: unevaluated sums of two (Dekker, 1971).

use std::ops::{Add, Div, Mul, Neg, Sub};

/// `high + low`, where `low` is what rounding left of `high`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Dd {
    pub(super) high: f64,
    pub(super) low: f64,
}

/// The sum and what rounding dropped from it (Møller and Knuth).
#[inline]
pub(super) fn two_sum(a: f64, b: f64) -> Dd {
    let high = a + b;
    let back = high - a;
    Dd { high, low: (a - (high - back)) + (b - back) }
}

/// The same for a first number that is not the smaller one.
#[inline]
fn fast_two_sum(a: f64, b: f64) -> Dd {
    let high = a + b;
    Dd { high, low: b - (high - a) }
}

/// The product and what rounding dropped from it.
#[inline]
pub(super) fn two_product(a: f64, b: f64) -> Dd {
    let high = a * b;
    Dd { high, low: a.mul_add(b, -high) }
}

impl From<f64> for Dd {
    #[inline]
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

impl Dd {
    /// Rounds to one number.
    #[inline]
    pub(super) fn round(self) -> f64 {
        // Where the sum overflowed the second number means nothing.
        if self.high.is_finite() { self.high + self.low } else { self.high }
    }
}

impl Neg for Dd {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Add for Dd {
    type Output = Self;
    #[inline]
    fn add(self, b: Self) -> Self {
        let high = two_sum(self.high, b.high);
        let low = two_sum(self.low, b.low);
        let sum = fast_two_sum(high.high, high.low + low.high);
        fast_two_sum(sum.high, sum.low + low.low)
    }
}

impl Sub for Dd {
    type Output = Self;
    #[inline]
    fn sub(self, b: Self) -> Self {
        self + -b
    }
}

impl Mul for Dd {
    type Output = Self;
    #[inline]
    fn mul(self, b: Self) -> Self {
        let product = two_product(self.high, b.high);
        let cross = self.high.mul_add(b.low, self.low * b.high);
        fast_two_sum(product.high, product.low + cross)
    }
}

impl Div for Dd {
    type Output = Self;
    #[inline]
    fn div(self, b: Self) -> Self {
        let first = self.high / b.high;
        let rest = self - b * first;
        let second = rest.high / b.high;
        let rest = rest - b * second;
        fast_two_sum(first, second) + Self::from(rest.high / b.high)
    }
}

impl Add<f64> for Dd {
    type Output = Self;
    #[inline]
    fn add(self, b: f64) -> Self {
        self + Self::from(b)
    }
}

impl Sub<f64> for Dd {
    type Output = Self;
    #[inline]
    fn sub(self, b: f64) -> Self {
        self + Self::from(-b)
    }
}

impl Mul<f64> for Dd {
    type Output = Self;
    #[inline]
    fn mul(self, b: f64) -> Self {
        self * Self::from(b)
    }
}

impl Div<f64> for Dd {
    type Output = Self;
    #[inline]
    fn div(self, b: f64) -> Self {
        self / Self::from(b)
    }
}
