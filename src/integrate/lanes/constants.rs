//! Coefficients of the lane functions, written by `tables.py`: change that, not this.

#![allow(clippy::excessive_precision, clippy::unreadable_literal, clippy::approx_constant)]

/// 1 / ln 2.
pub(super) const LOG2_E: f64 = 1.4426950408889634;
/// The first 42 bits of ln 2.
pub(super) const LN2_HIGH: f64 = 0.6931471805598903;
/// The rest of ln 2.
pub(super) const LN2_LOW: f64 = 5.497923018708371e-14;
/// 2 / pi.
pub(super) const TWO_OVER_PI: f64 = 0.6366197723675814;
/// The first 38 bits of pi/2.
pub(super) const HALF_PI_1: f64 = 1.5707963267923333;
/// The next 38 bits.
pub(super) const HALF_PI_2: f64 = 2.5633441515839558e-12;
/// The rest.
pub(super) const HALF_PI_3: f64 = 1.0562999066987428e-23;

/// (e^r - 1 - r) / r^2, the highest power first.
pub(super) const EXP: [f64; 10] = [
    2.5100494788905042e-08,
    2.76202305675069e-07,
    2.7557268229963227e-06,
    2.4801520996825697e-05,
    0.00019841269863201828,
    0.0013888888917406447,
    0.008333333333330032,
    0.04166666666662374,
    0.16666666666666669,
    0.5000000000000001,
];

/// (ln((1+s)/(1-s)) - 2s) / s^3 in s^2, the highest power first.
pub(super) const LN: [f64; 8] = [
    0.1308723619665962,
    0.13268714792348096,
    0.15386241881938595,
    0.18181795600060793,
    0.22222222392089008,
    0.28571428570801954,
    0.4000000000000088,
    0.6666666666666666,
];

/// (sin r - r) / r^3 in r^2, the highest power first.
pub(super) const SIN: [f64; 8] = [
    2.8114572543455206e-15,
    -7.647163731819816e-13,
    1.6059043836821613e-10,
    -2.505210838544172e-08,
    2.7557319223985893e-06,
    -0.0001984126984126984,
    0.008333333333333333,
    -0.16666666666666666,
];

/// (cos r - 1 + r^2/2) / r^4 in r^2, the highest power first.
pub(super) const COS: [f64; 7] = [
    4.779477332387385e-14,
    -1.1470745597729725e-11,
    2.08767569878681e-09,
    -2.755731922398589e-07,
    2.48015873015873e-05,
    -0.001388888888888889,
    0.041666666666666664,
];
