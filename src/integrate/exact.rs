//! A sum without any rounding: a fixed-point number wide enough for every `f64` (Kulisch, 1971; in
//! the small form of Neal, *Fast exact summation using small and large superaccumulators*, 2015).

use std::cmp::Ordering;

use super::dd::Dd;

/// Bits of a limb that a number may fill; the rest of its 64 takes up carries.
const WIDTH: u32 = 32;
/// From 2^-1074 to beyond 2^1024 and the carries of 2^64 additions.
const LIMBS: usize = 68;
/// Additions before the carries must be moved on.
const ROOM: u32 = 1 << 30;

/// What becomes of the digits that do not fit.
#[derive(Debug, Clone, Copy)]
enum Rounding {
    /// The nearest number, ties to even.
    Nearest,
    /// Towards zero, but an inexact number ends in a one.
    Odd,
}

/// The sum of any finite numbers, in units of 2^-1074.
#[derive(Debug, Clone)]
pub(super) struct Exact {
    limbs: [i64; LIMBS],
    added: u32,
}

impl Default for Exact {
    fn default() -> Self {
        Self { limbs: [0; LIMBS], added: 0 }
    }
}

impl Exact {
    /// Adds a finite number.
    #[inline]
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // 32 bits at a time
    pub(super) fn add(&mut self, x: f64) {
        let bits = x.to_bits();
        let exponent = (bits >> 52) as u32 & 0x7ff;
        let fraction = bits & ((1 << 52) - 1);
        // A number too small for a leading one has the exponent of the next size.
        let (mantissa, place) =
            if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 52, exponent - 1) };
        let wide = u128::from(mantissa) << (place % WIDTH);
        let sign = if x.is_sign_negative() { -1 } else { 1 };
        let limbs = &mut self.limbs[(place / WIDTH) as usize..][..3];
        for (at, limb) in limbs.iter_mut().enumerate() {
            *limb += sign * i64::from((wide >> (WIDTH as usize * at)) as u32);
        }
        self.added += 1;
        if self.added >= ROOM {
            self.carry();
        }
    }

    /// Adds another sum.
    pub(super) fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        other.carry();
        self.carry();
        for (limb, other) in self.limbs.iter_mut().zip(&other.limbs) {
            *limb += other;
        }
        self.added += 1;
    }

    /// Leaves every limb but the last between zero and 2^32.
    fn carry(&mut self) {
        for at in 0..LIMBS - 1 {
            let carry = self.limbs[at] >> WIDTH;
            self.limbs[at] -= carry << WIDTH;
            self.limbs[at + 1] += carry;
        }
        self.added = 0;
    }

    /// The nearest number, ties to even.
    pub(super) fn round(&self) -> f64 {
        self.rounded(Rounding::Nearest)
    }

    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)] // signs are taken off first
    fn rounded(&self, rounding: Rounding) -> f64 {
        let mut sum = self.clone();
        sum.carry();
        let negative = sum.limbs[LIMBS - 1] < 0;
        if negative {
            sum.limbs.iter_mut().for_each(|limb| *limb = -*limb);
            sum.carry();
        }
        let Some(top) = sum.limbs.iter().rposition(|&limb| limb != 0) else { return 0.0 };
        let base = top.saturating_sub(2);
        let high = sum.limbs[base..=top].iter().rev();
        let high = high.fold(0_u128, |high, &limb| high << WIDTH | limb as u128);
        let below = sum.limbs[..base].iter().any(|&limb| limb != 0);
        let length = u128::BITS - high.leading_zeros();
        let base = base as u32 * WIDTH;
        // The place of the last bit that is kept.
        let mut place = (base + length).saturating_sub(53);
        let cut = place.saturating_sub(base);
        let mut kept = (high >> cut) as u64;
        let dropped = high & ((1 << cut) - 1);
        let half = (1_u128 << cut) >> 1;
        kept += match (rounding, dropped.cmp(&half)) {
            (Rounding::Odd, _) => u64::from((dropped != 0 || below) && kept & 1 == 0),
            (Rounding::Nearest, Ordering::Greater) => 1,
            (Rounding::Nearest, Ordering::Equal) => u64::from(cut > 0 && (below || kept & 1 == 1)),
            (Rounding::Nearest, Ordering::Less) => 0,
        };
        if kept == 1 << 53 {
            kept >>= 1;
            place += 1;
        }
        let size = if kept < 1 << 52 {
            f64::from_bits(kept)
        } else if place >= 2046 {
            f64::INFINITY
        } else {
            f64::from_bits(u64::from(place + 1) << 52 | (kept & ((1 << 52) - 1)))
        };
        if negative { -size } else { size }
    }

    /// The nearest number, and what that leaves. The rest is rounded to odd (Boldo and Melquiond,
    /// 2008), so that adding the two up once more rounds as the whole sum would: to the nearest, it
    /// could become a tie that is none.
    pub(super) fn read(&self) -> Dd {
        let high = self.round();
        if !high.is_finite() {
            return Dd::from(high);
        }
        let mut rest = self.clone();
        rest.add(-high);
        Dd { high, low: rest.rounded(Rounding::Odd) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(numbers: impl IntoIterator<Item = f64>) -> f64 {
        let mut sum = Exact::default();
        numbers.into_iter().for_each(|x| sum.add(x));
        sum.round()
    }

    #[test]
    fn what_cancels_leaves_nothing_behind() {
        assert_eq!(sum([1e308, 1.0, -1e308]), 1.0);
        assert_eq!(sum([f64::MAX, f64::MAX, -f64::MAX, -f64::MAX, 5e-324]), 5e-324);
        assert_eq!(sum([f64::MAX, f64::MAX]), f64::INFINITY);
        assert_eq!(sum([-f64::MAX, -f64::MAX]), f64::NEG_INFINITY);
        assert_eq!(sum([]), 0.0);
        assert_eq!(sum([0.1; 10]), 1.0);
        assert_eq!(sum([-0.1; 10]), -1.0);
    }

    #[test]
    fn ties_go_to_even_unless_something_lies_below() {
        let half = f64::EPSILON / 2.0;
        assert_eq!(sum([1.0, half]), 1.0);
        assert_eq!(sum([1.0, half, 5e-324]), 1.0 + f64::EPSILON);
        assert_eq!(sum([1.0 + f64::EPSILON, half]), 1.0 + 2.0 * f64::EPSILON);
        assert_eq!(sum([-1.0, -half, -5e-324]), -1.0 - f64::EPSILON);
        assert_eq!(sum([f64::MAX, f64::MAX * f64::EPSILON / 4.0]), f64::MAX);
        assert_eq!(sum([f64::MAX, 2.0_f64.powi(970)]), f64::INFINITY);
    }

    #[test]
    fn what_decides_a_tie_is_not_lost_with_the_rest() {
        for numbers in [
            [6.835_074_462_429_524e285, 2.658_899_288_411_692_4e285, 0.148_373_799_941_766_17],
            [1.0, f64::EPSILON / 2.0, 1e-300],
            [-1.0, -f64::EPSILON / 2.0, -1e-300],
            [1.0 + f64::EPSILON, f64::EPSILON / 2.0, -1e-300],
        ] {
            let mut total = Exact::default();
            numbers.into_iter().for_each(|x| total.add(x));
            let pair = total.read();
            assert_eq!((pair.high + pair.low).to_bits(), total.round().to_bits(), "{numbers:?}");
            assert_eq!((pair * Dd::from(1.0)).round().to_bits(), total.round().to_bits());
        }
    }

    #[test]
    fn small_numbers_are_whole_units() {
        assert_eq!(sum([5e-324, 5e-324]), 1e-323);
        assert_eq!(sum([f64::MIN_POSITIVE, -5e-324]), f64::MIN_POSITIVE - 5e-324);
        assert_eq!(sum([f64::MIN_POSITIVE / 2.0; 2]), f64::MIN_POSITIVE);
    }

    #[test]
    fn a_pair_of_numbers_is_the_exact_sum_of_two() {
        let mut total = Exact::default();
        total.add(1.0);
        total.add(1e-30);
        assert_eq!(total.read(), Dd { high: 1.0, low: 1e-30 });
        let mut other = Exact::default();
        other.add(-1.0);
        total.merge(&other);
        assert_eq!(total.round(), 1e-30);
    }
}
