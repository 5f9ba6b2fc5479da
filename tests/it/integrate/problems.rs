//! Integrands whose integrals are known, as the suites of the field have them.

use std::f64::consts::{FRAC_2_SQRT_PI, LN_2, PI};

/// An integrand over an interval, with its integral to all digits.
pub(super) struct Problem {
    pub(super) name: &'static str,
    pub(super) f: fn(f64) -> f64,
    pub(super) lower: f64,
    pub(super) upper: f64,
    pub(super) exact: f64,
    /// Where it is not smooth.
    pub(super) points: &'static [f64],
}

fn sech(x: f64) -> f64 {
    1.0 / x.cosh()
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { x.sin() / x }
}

macro_rules! problems {
    ($($name:literal: |$x:ident| $f:expr, $lower:expr, $upper:expr, $exact:expr, $points:expr;)*) => {
        [$(Problem {
            name: $name,
            f: |$x: f64| $f,
            lower: $lower,
            upper: $upper,
            exact: $exact,
            points: &$points,
        }),*]
    };
}

/// Kahaner's 21 and 4 more (*Comparison of numerical quadrature formulas*, 1971). The integrals were
/// computed anew with 30 digits: the printed one of the triple peak is wrong in its ninth digit.
pub(super) static KAHANER: [Problem; 25] = problems! {
    "exp": |x| x.exp(), 0.0, 1.0, 1.718_281_828_459_045_2, [];
    "step": |x| if x >= 0.3 { 1.0 } else { 0.0 }, 0.0, 1.0, 0.7, [0.3];
    "sqrt": |x| x.sqrt(), 0.0, 1.0, 2.0 / 3.0, [];
    "cosh - cos": |x| 0.92 * x.cosh() - x.cos(), -1.0, 1.0, 0.479_428_226_688_801_667_36, [];
    "quartic": |x| 1.0 / (x.powi(4) + x * x + 0.9), -1.0, 1.0, 1.582_232_963_729_672_933_1, [];
    "x^1.5": |x| x * x.sqrt(), 0.0, 1.0, 0.4, [];
    "x^-0.5": |x| 1.0 / x.sqrt(), 0.0, 1.0, 2.0, [];
    "1/(1+x^4)": |x| 1.0 / (1.0 + x.powi(4)), 0.0, 1.0, 0.866_972_987_339_911_037_57, [];
    "2/(2+sin)": |x| 2.0 / (2.0 + (10.0 * PI * x).sin()), 0.0, 1.0, 1.154_700_538_379_251_529, [];
    "1/(1+x)": |x| 1.0 / (1.0 + x), 0.0, 1.0, LN_2, [];
    "1/(1+e^x)": |x| 1.0 / (1.0 + x.exp()), 0.0, 1.0, 0.379_885_493_041_722_475_37, [];
    "x/(e^x-1)": |x| if x == 0.0 { 1.0 } else { x / x.exp_m1() }, 0.0, 1.0,
        0.777_504_634_112_248_276_42, [];
    "sin(100 pi x)/(pi x)": |x| (100.0 * PI * x).sin() / (PI * x), 0.1, 1.0,
        0.009_098_637_539_166_842_915_6, [];
    "peak at an end": |x| 50.0_f64.sqrt() * (-50.0 * PI * x * x).exp(), 0.0, 10.0, 0.5, [];
    "25 e^-25x": |x| 25.0 * (-25.0 * x).exp(), 0.0, 10.0, 1.0, [];
    "Cauchy": |x| 50.0 / (PI * (2500.0 * x * x + 1.0)), 0.0, 10.0, 0.499_363_381_076_456_744_64, [];
    "sinc squared": |x| 50.0 * sinc(50.0 * PI * x).powi(2), 0.01, 1.0,
        0.112_139_303_741_637_410_27, [];
    "cosine of sines": |x| (x.cos() + 3.0 * x.sin() + 2.0 * (2.0 * x).cos()
        + 3.0 * (2.0 * x).sin() + 3.0 * (3.0 * x).cos()).cos(), 0.0, PI,
        0.838_676_342_694_429_614_54, [];
    "ln": |x| x.ln(), 0.0, 1.0, -1.0, [];
    "1/(x^2+1.005)": |x| 1.0 / (x * x + 1.005), -1.0, 1.0, 1.564_396_444_069_049_773_1, [];
    "triple peak": |x| sech(10.0 * x - 2.0).powi(2) + sech(100.0 * x - 40.0).powi(4)
        + sech(1000.0 * x - 600.0).powi(6), 0.0, 1.0, 0.210_802_735_500_549_277_38, [0.4, 0.6];
    "4 pi^2 x sin cos": |x| 4.0 * PI * PI * x * (20.0 * PI * x).sin() * (2.0 * PI * x).cos(), 0.0, 1.0,
        -0.634_665_182_543_392_573_43, [];
    "off peak": |x| 1.0 / (1.0 + (230.0 * x - 30.0).powi(2)), 0.0, 1.0,
        0.013_492_485_649_467_772_692, [];
    "floor(e^x)": |x| x.exp().floor(), 0.0, 3.0, 17.664_383_539_246_514_97, [
        LN_2, 1.098_612_288_668_109_7, 1.386_294_361_119_890_6, 1.609_437_912_434_100_4,
        1.791_759_469_228_055, 1.945_910_149_055_313_3, 2.079_441_541_679_836,
        2.197_224_577_336_219_4, std::f64::consts::LN_10, 2.397_895_272_798_370_5,
        2.484_906_649_788_000_3, 2.564_949_357_461_536_7, 2.639_057_329_615_258_4,
        2.708_050_201_102_210_3, 2.772_588_722_239_781, 2.833_213_344_056_216,
        2.890_371_757_896_164_6, 2.944_438_979_166_440_3, 2.995_732_273_553_991];
    "tent": |x| if x < 1.0 { x + 1.0 } else if x < 3.0 { 3.0 - x } else { 2.0 }, 0.0, 5.0, 7.5,
        [1.0, 3.0];
};

/// The origin's integrand: the gamma function at 6.
pub(super) fn gamma(t: f64) -> f64 {
    t.powi(5) * (-t).exp()
}

pub(super) fn bell(x: f64) -> f64 {
    FRAC_2_SQRT_PI * (-x * x).exp()
}
