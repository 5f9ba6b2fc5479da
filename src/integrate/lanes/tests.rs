//! The lane functions against twice the digits, and the levels against each other.

use super::super::dd::{Dd, two_product};
use super::F64x8;
use super::kernel::{self, BLOCK, Level, Proof};
use proptest::prelude::*;

type Eight = [f64; 8];
type Function = fn(Level, &Eight) -> Eight;

/// Pairs of numbers that every sweep goes through beside the dense part.
const EDGES: [f64; 24] = [
    0.0,
    5e-324,
    1e-310,
    f64::MIN_POSITIVE,
    1e-300,
    1e-20,
    7.450_580_596_923_828e-9,
    1e-8,
    0.25,
    std::f64::consts::FRAC_1_SQRT_2,
    1.0 - f64::EPSILON / 2.0,
    1.0,
    1.0 + f64::EPSILON,
    std::f64::consts::SQRT_2,
    std::f64::consts::FRAC_PI_4,
    std::f64::consts::FRAC_PI_2,
    std::f64::consts::PI,
    49_999.999_999,
    50_000.0,
    708.396_418_532_264_1,
    709.782_712_893_384,
    1e15,
    1e300,
    f64::MAX,
];

/// How far `y` is from the exact value, in units of its last place.
fn ulps(y: f64, exact: Dd) -> f64 {
    let size = exact.high.abs().max(f64::MIN_POSITIVE);
    let unit = f64::from_bits(size.to_bits() + 1) - size;
    (Dd::from(y) - exact).round().abs() / unit
}

/// Half of pi, in three numbers.
const HALF_PI: [f64; 3] =
    [std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17, -1.497_384_904_859_169_8e-33];

/// The exponential of the part that is left of a multiple of ln 2, and the multiple.
fn exp_parts(x: Dd) -> (Dd, i32) {
    const LN2: Dd = Dd { high: std::f64::consts::LN_2, low: 2.319_046_813_846_299_6e-17 };
    let n = (x.high / LN2.high).round();
    let r = (x - LN2 * n) / 64.0;
    let mut sum = Dd::from(1.0);
    for k in (1..=14).rev() {
        sum = sum * r / f64::from(k) + 1.0;
    }
    for _ in 0..6 {
        sum = sum * sum;
    }
    #[allow(clippy::cast_possible_truncation)]
    let n = n as i32;
    (sum, n)
}

fn exp(x: Dd) -> Dd {
    let (sum, n) = exp_parts(x);
    let half = 2.0_f64.powi(n / 2);
    let rest = 2.0_f64.powi(n - n / 2);
    Dd { high: sum.high * half * rest, low: sum.low * half * rest }
}

fn ln(x: f64) -> Dd {
    let (x, scale) = if x < 1e-290 { (x * 2.0_f64.powi(100), 100.0) } else { (x, 0.0) };
    let guess = x.ln();
    let (inverse, n) = exp_parts(Dd::from(-guess));
    // x exp(-guess) - 1 is small: its logarithm is a short series.
    let half = 2.0_f64.powi(n / 2);
    let scaled = Dd::from(x * half) * inverse * 2.0_f64.powi(n - n / 2);
    let e = scaled - 1.0;
    let ln2 = Dd { high: std::f64::consts::LN_2, low: 2.319_046_813_846_299_6e-17 };
    Dd::from(guess) + e - e * e * 0.5 + e * e * e / 3.0 - ln2 * scale
}

/// Sine and cosine of a moderate number.
fn circle(x: f64) -> (Dd, Dd) {
    let n = (x / HALF_PI[0]).round();
    let r = HALF_PI.iter().fold(Dd::from(x), |r, part| r - two_product(n, *part));
    let square = r * r;
    let (mut sine, mut cosine) = (Dd::from(1.0), Dd::from(1.0));
    for k in (1..=15).rev() {
        let k = f64::from(2 * k);
        sine = Dd::from(1.0) - square * sine / (k * (k + 1.0));
        cosine = Dd::from(1.0) - square * cosine / (k * (k - 1.0));
    }
    let sine = sine * r;
    #[allow(clippy::cast_possible_truncation)]
    match n as i64 & 3 {
        0 => (sine, cosine),
        1 => (cosine, -sine),
        2 => (-sine, -cosine),
        _ => (-cosine, sine),
    }
}

/// As many places as `count` between two numbers, and no two of the same fraction of a step.
fn sweep(from: f64, to: f64, count: u32) -> impl Iterator<Item = f64> {
    (0..count).map(move |k| {
        let jitter = f64::from(k.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24);
        from + (to - from) * ((f64::from(k) + jitter) / f64::from(count))
    })
}

const DENSE: u32 = if cfg!(miri) { 64 } else { 200_000 };

/// The greatest error of a function over some places, on the best level.
fn worst(f: Function, exact: impl Fn(f64) -> Dd, places: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut worst = (0.0, 0.0);
    for x in places {
        let y = f(Level::best(), &[x; 8])[3];
        let error = ulps(y, exact(x));
        assert!(error.is_finite(), "{x:e}: {y:e} beside {:?}", exact(x));
        if error > worst.0 {
            worst = (error, x);
        }
    }
    worst
}

#[track_caller]
fn within(bound: f64, f: Function, exact: impl Fn(f64) -> Dd, places: impl Iterator<Item = f64>) {
    let (error, x) = worst(f, exact, places);
    println!("{error:.4} ulp at {x:e}");
    assert!(error <= bound, "{error} ulp at {x:e}");
}

/// Numbers of every size, with both signs.
fn sizes(count: u32) -> impl Iterator<Item = f64> {
    sweep(-708.0, 709.0, count).map(|x| if x.to_bits() & 1 == 0 { x.exp() } else { -x.exp() })
}

#[test]
fn the_references_have_the_digits_they_claim() {
    // Computed with 50 digits; the second number of each pair holds digits 17 to 32.
    let cases = [
        (exp(Dd::from(1.0)), std::f64::consts::E, 1.4456468917292502e-16),
        (exp(Dd::from(-0.3)), 0.7408182206817179, -1.805530505953e-18),
        (ln(3.0), 1.0986122886681098, -9.07129723500153e-17),
        (ln(0.7), -0.35667494393873245, 4.82556379937662e-18),
        (circle(1.0).0, 0.8414709848078965, 1.776845092935536e-18),
        (circle(1.0).1, 0.5403023058681398, -4.760954612604417e-17),
    ];
    for (found, high, low) in cases {
        let exact = Dd { high, low };
        assert!((found - exact).round().abs() < 1e-30, "{found:?} beside {exact:?}");
    }
    assert!((circle(30000.5).0.high - 30000.5_f64.sin()).abs() < 1e-15);
}

#[test]
fn the_exponential_is_within_one_unit() {
    let exact = |x| exp(Dd::from(x));
    within(1.0, kernel::exp8, exact, sweep(-1.0, 1.0, DENSE));
    within(1.0, kernel::exp8, exact, sweep(-708.0, 709.78, DENSE));
    within(1.0, kernel::exp8, exact, sizes(DENSE).filter(|x| x.abs() < 700.0));
    within(1.0, kernel::exp8, exact, EDGES.into_iter().filter(|x| *x < 709.7));
}

#[test]
fn a_small_exponential_is_within_a_unit_of_the_least() {
    for x in sweep(-746.0, -708.0, DENSE / 10) {
        let y = kernel::exp8(Level::best(), &[x; 8])[0];
        let (sum, n) = exp_parts(Dd::from(x));
        // In units of the least number, so that the reference keeps its digits.
        let exact = sum * 2.0_f64.powi(n + 1022) * 2.0_f64.powi(52);
        assert!((Dd::from(y / 5e-324) - exact).round().abs() <= 1.0, "{x}: {y:e}");
    }
}

#[test]
fn the_logarithm_is_within_one_unit() {
    within(1.0, kernel::ln8, ln, sweep(0.5, 2.0, DENSE));
    within(1.0, kernel::ln8, ln, sweep(0.99, 1.01, DENSE));
    within(1.0, kernel::ln8, ln, sizes(DENSE).map(f64::abs));
    within(1.0, kernel::ln8, ln, EDGES.into_iter().filter(|x| *x > 0.0 && *x != 1.0));
    assert_eq!(kernel::ln8(Level::best(), &[1.0; 8]), [0.0; 8]);
}

#[test]
fn sine_and_cosine_are_within_one_unit() {
    for (f, which) in [(kernel::sin8 as Function, 0), (kernel::cos8, 1)] {
        let exact = |x| if which == 0 { circle(x).0 } else { circle(x).1 };
        within(1.0, f, exact, sweep(-7.0, 7.0, DENSE));
        within(1.0, f, exact, sweep(-50_000.0, 50_000.0, DENSE));
        within(1.0, f, exact, sizes(DENSE).filter(|x| x.abs() < 50_000.0));
        within(1.0, f, exact, EDGES.into_iter().filter(|x| *x < 50_000.0));
        // Next to the multiples of pi/2 almost all digits cancel.
        let near = (-30_000..30_000).step_by(7).map(|n| f64::from(n) * HALF_PI[0]);
        within(1.0, f, exact, near);
    }
}

/// A power with twice the digits, within the range of normal numbers.
fn power(x: f64, n: i32) -> Dd {
    let mut product = Dd::from(1.0);
    for _ in 0..n.unsigned_abs() {
        product = product * x;
    }
    if n < 0 { Dd::from(1.0) / product } else { product }
}

#[test]
fn whole_powers_are_within_their_bounds() {
    for n in (-40..=40).chain([100, 333, -333]) {
        let bound = if n == 3 || n == 5 { 2.0 } else { 1.0 };
        let count = if cfg!(miri) { 8 } else { 2_000 };
        for x in sweep(0.4, 2.4, count).flat_map(|x| [x, -x]) {
            let y = F64x8::splat(x).powi(n)[5];
            let error = ulps(y, power(x, n));
            assert!(error <= bound, "{x}^{n}: {error} ulp");
        }
    }
}

#[test]
fn whole_powers_at_the_edges_are_the_standard_librarys() {
    let special = [0.0, -0.0, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    for x in special {
        for n in [-7, -6, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 1000, i32::MAX, i32::MIN] {
            let (y, std) = (F64x8::splat(x).powi(n)[0], x.powi(n));
            assert!(
                y.to_bits() == std.to_bits() || y.is_nan() && std.is_nan(),
                "{x}^{n}: {y} {std}"
            );
        }
    }
    let least = F64x8::splat(1e-310);
    assert_eq!(least.powi(-1)[0], f64::INFINITY);
    assert_eq!(least.powi(2)[0], 0.0);
    assert_eq!(F64x8::splat(1e200).powi(7)[0], f64::INFINITY);
    assert_eq!(F64x8::splat(-1e200).powi(7)[0], f64::NEG_INFINITY);
    // What overflows on the way to a small number must not make it zero.
    assert_eq!(F64x8::splat(2.0).powi(-1074)[0], 5e-324);
    assert_eq!(F64x8::splat(10.0).powi(-308)[0], 1e-308);
}

#[test]
fn what_is_no_number_stays_so_and_infinities_are_as_they_should() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    for level in Level::available() {
        let one = |f: Function, x: f64| f(level, &[x; 8])[7];
        for f in [kernel::exp8 as Function, kernel::ln8, kernel::sin8, kernel::cos8] {
            assert!(one(f, nan).is_nan());
        }
        assert_eq!(one(kernel::exp8, inf), inf);
        assert_eq!(one(kernel::exp8, -inf).to_bits(), 0);
        assert_eq!(one(kernel::exp8, 709.782_712_893_385), inf);
        assert_eq!(one(kernel::exp8, -745.133_219_101_941_2), 0.0);
        assert_eq!(one(kernel::exp8, -745.133_219_101_941), 5e-324);
        assert_eq!(one(kernel::exp8, 0.0), 1.0);
        assert_eq!(one(kernel::exp8, -0.0), 1.0);
        assert_eq!(one(kernel::ln8, 0.0), -inf);
        assert_eq!(one(kernel::ln8, -0.0), -inf);
        assert!(one(kernel::ln8, -1.0).is_nan() && one(kernel::ln8, -inf).is_nan());
        assert_eq!(one(kernel::ln8, inf), inf);
        assert!(one(kernel::sin8, inf).is_nan() && one(kernel::cos8, -inf).is_nan());
        assert_eq!(one(kernel::sin8, -0.0).to_bits(), (-0.0_f64).to_bits());
        assert_eq!(one(kernel::sin8, 5e-324), 5e-324);
        assert_eq!(one(kernel::cos8, -0.0), 1.0);
    }
}

#[test]
fn a_far_lane_does_not_change_its_neighbours() {
    let mut x = [1.0; 8];
    x[2] = 1e9;
    x[5] = f64::NAN;
    let mixed = kernel::sin8(Level::best(), &x);
    let plain = kernel::sin8(Level::best(), &[1.0; 8]);
    assert_eq!((mixed[0], mixed[7]), (plain[0], plain[7]));
    assert_eq!(mixed[2], 1e9_f64.sin());
    assert!(mixed[5].is_nan());
}

/// Equal bits, or both no number.
fn same(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan())
}

#[track_caller]
fn agree(what: &str, input: &dyn std::fmt::Debug, f: impl Fn(Level) -> Vec<f64>) {
    let plain = f(Level::Scalar);
    for level in Level::available() {
        let other = f(level);
        assert!(same(&plain, &other), "{what}, {level:?}, {input:?}: {plain:?} {other:?}");
    }
}

fn all_agree(x: &Eight, n: i32) {
    let functions: [(&str, Function); 4] =
        [("exp", kernel::exp8), ("ln", kernel::ln8), ("sin", kernel::sin8), ("cos", kernel::cos8)];
    for (name, f) in functions {
        agree(name, x, |level| f(level, x).to_vec());
    }
    agree("powi", &(x, n), |level| kernel::powi8(level, x, n).to_vec());
    agree("fourth", x, |level| kernel::fourth8(level, x).to_vec());
    agree("fifth", x, |level| kernel::fifth8(level, x).to_vec());
    agree("mul_add", x, |level| kernel::mul_add8(level, x, &[0.1; 8], &[1e-3; 8]).to_vec());
}

#[test]
fn the_levels_agree_to_the_bit_in_a_dense_sweep() {
    let mut places: Vec<f64> = sweep(-746.0, 712.0, DENSE).collect();
    places.extend(sweep(-10.0, 10.0, DENSE));
    places.extend(sizes(DENSE));
    places.extend(EDGES.iter().flat_map(|&x| [x, -x]));
    places.extend([f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1.0]);
    for (x, n) in places.as_chunks::<8>().0.iter().zip((-50..50).cycle()) {
        all_agree(x, n);
    }
}

#[test]
fn nodes_and_sums_agree_to_the_bit_too() {
    for count in [0, 1, 7, 8, 9, 127, 128, 129] {
        agree("nodes", &count, |level| {
            let mut out = vec![0.0; count];
            kernel::spread(level, &mut out, 0.1, 1e-4, 16_383.0);
            out
        });
    }
    let block: [f64; BLOCK] = std::array::from_fn(|k| (k as f64 * 0.7).sin() * 1e3);
    agree("sums", &"a block", |level| {
        let (sums, sizes) = kernel::sums(level, &block);
        [sums, sizes].concat()
    });
}

/// An integrand of everything there is, on one level.
fn mixture(level: Level) -> impl Fn(Proof, &Eight) -> Eight + Copy {
    move |_, x| {
        let y = [
            kernel::exp8(level, x),
            kernel::ln8(level, x),
            kernel::sin8(level, x),
            kernel::cos8(level, x),
            kernel::fifth8(level, x),
            kernel::powi8(level, x, -7),
        ];
        kernel::mul_add8(
            level,
            &y[0],
            &y[1],
            &std::array::from_fn(|lane| (y[2][lane] + y[3][lane]) * y[4][lane] - y[5][lane]),
        )
    }
}

#[test]
fn a_loop_over_any_number_of_places_gives_the_same_bits_on_every_level() {
    let places: Vec<f64> = sweep(-4.0, 9.0, 90).chain(sizes(30)).collect();
    let plain = mixture(Level::Scalar);
    for level in Level::available() {
        for count in (0..=70).chain([127, 128, 129, 200]) {
            for offset in 0..9 {
                let x: Vec<f64> = places.iter().cycle().skip(offset).take(count).copied().collect();
                // At an odd place in memory, and with a guard behind what may be written.
                let room = count.next_multiple_of(8);
                let mut memory = vec![-1.0; offset + room + 8];
                let mut shifted = vec![0.0; offset];
                shifted.extend(&x);
                let mut done = 0;
                let y = &mut memory[offset..][..room];
                kernel::fill(level, mixture(level), &shifted[offset..], y, &mut done);
                assert_eq!(done, room);
                let (values, behind) = memory[offset..].split_at(count);
                for (x, y) in x.iter().zip(values) {
                    let alone = plain(Proof::None, &[*x; 8])[0];
                    assert!(same(&[alone], &[*y]), "{level:?} {count} {offset}, {x}: {alone} {y}");
                }
                assert!(behind[room - count..].iter().all(|y| *y == -1.0), "{level:?} {count}");
                assert!(memory[..offset].iter().all(|y| *y == -1.0), "{level:?} {count}");
            }
        }
    }
}

#[test]
fn a_closure_that_is_part_of_the_loop_gives_the_same_bits() {
    let f = |x: F64x8| {
        let y = (x.abs() + 0.5).ln() * x.powi(5) - (-x).exp() / (2.0 + x.sin() * x.cos());
        y.mul_add(x.powi(4), x.powi(-3)) + x.abs().sqrt()
    };
    let places: Vec<f64> = sweep(-4.0, 9.0, DENSE / 10).chain(sizes(DENSE / 10)).collect();
    for count in [places.len(), 1, 7, 8, 9, 63] {
        let x = &places[..count];
        let room = count.next_multiple_of(8);
        let loops = |level| {
            let mut y = vec![0.0; room];
            let f = |proof, x: &Eight| f(F64x8::group(*x, proof)).to_array();
            kernel::fill(level, f, x, &mut y, &mut 0);
            y.truncate(count);
            y
        };
        // The loop of the best level proves it to its groups, the others leave it to be asked.
        agree("a closure", &count, loops);
        let alone: Vec<f64> = x.iter().map(|&x| f(F64x8::splat(x))[0]).collect();
        assert!(same(&loops(Level::best()), &alone));
    }
}

#[test]
fn no_lane_of_a_loop_looks_beyond_the_places() {
    for level in Level::available() {
        for count in 1..=70 {
            let x: Vec<f64> = (0..count).map(f64::from).collect();
            let inside = |_, group: &Eight| {
                assert!(group.iter().all(|x| (0.0..f64::from(count)).contains(x)), "{group:?}");
                *group
            };
            let mut y = vec![0.0; x.len().next_multiple_of(8)];
            kernel::fill(level, inside, &x, &mut y, &mut 0);
            assert_eq!(y[..x.len()], x);
        }
    }
}

proptest! {
    #[test]
    fn the_levels_agree_on_any_bits(bits: [u64; 8], n: i32) {
        all_agree(&bits.map(f64::from_bits), n);
    }

    #[test]
    fn arithmetic_is_that_of_each_lane(a: [f64; 8], b: [f64; 8]) {
        let (x, y) = (F64x8::from(a), F64x8::from(b));
        let each = |f: fn(f64, f64) -> f64| -> Vec<f64> {
            a.iter().zip(&b).map(|(&a, &b)| f(a, b)).collect()
        };
        prop_assert!(same(&(x + y).to_array(), &each(|a, b| a + b)));
        prop_assert!(same(&(x - y).to_array(), &each(|a, b| a - b)));
        prop_assert!(same(&(x * y).to_array(), &each(|a, b| a * b)));
        prop_assert!(same(&(x / y).to_array(), &each(|a, b| a / b)));
        prop_assert!(same(&(-x).to_array(), &a.map(|a| -a)));
        prop_assert!(same(&x.abs().sqrt().to_array(), &a.map(|a| a.abs().sqrt())));
        prop_assert!(same(&(x + 1.0).to_array(), &a.map(|a| a + 1.0)));
        prop_assert!(same(&(1.0 / x).to_array(), &a.map(|a| 1.0 / a)));
        prop_assert!(same(&x.mul_add(y, 0.5).to_array(), &each(|a, b| a.mul_add(b, 0.5))));
        let mut z = x;
        z *= y;
        z -= 2.0;
        prop_assert!(same(&z.to_array(), &each(|a, b| a * b - 2.0)));
        prop_assert_eq!(x.to_array()[3].to_bits(), x[3].to_bits());
    }
}
