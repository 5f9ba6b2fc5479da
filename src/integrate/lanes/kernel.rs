//! The lane functions: one algorithm each, compiled for AVX-512, for AVX2 with FMA, and for neither.
//!
//! An algorithm is a function over any [`Vector`], and every operation of a [`Vector`] is either exact
//! or rounded once as IEEE 754 says, so each level gives the same bits. `lanes/tests.rs` compares them.
//!
//! The exponential reduces by multiples of ln 2 and the sine by multiples of π/2 (Cody and Waite,
//! *Software Manual for the Elementary Functions*, 1980); the logarithm follows the scheme of the
//! Sun library (Ng, 1993): ln m = f − (f²/2 − s (f²/2 + R(s²))) with s = f/(2+f).

// Unsafe code of this module is here and in the files below: the instructions of a level may run only
// where the processor has them.
#![allow(unsafe_code)]
#![allow(clippy::many_single_char_names)]

#[cfg_attr(not(target_arch = "x86_64"), path = "kernel/plain_arithmetic.rs")]
pub(super) mod arithmetic;
mod level;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use level::{Level, Proof};

use super::constants::{
    COS, EXP, HALF_PI_1, HALF_PI_2, HALF_PI_3, LN, LN2_HIGH, LN2_LOW, LOG2_E, SIN, TWO_OVER_PI,
};
use vector::{Plain, Vector};

/// Numbers in a group.
pub(super) const LANES: usize = 8;
/// Numbers in a block: sixteen groups.
pub(crate) const BLOCK: usize = 128;

type Eight = [f64; LANES];

/// Adding it leaves a number's nearest integer in the low bits, and subtracting it again rounds.
const MAGIC: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
const TWO_52: f64 = 4_503_599_627_370_496.0;
/// Beyond it the multiples of π/2 are no longer exact products, and the standard library takes over.
const REDUCIBLE: f64 = 50_000.0;

/// All bits but the sign.
const ABS: u64 = u64::MAX >> 1;

#[inline(always)]
unsafe fn exp<V: Vector>(x: V) -> V {
    // SAFETY: the caller's promise is passed on; so in every algorithm below.
    unsafe {
        // Beyond these bounds the result is infinite or zero anyway; what is no number passes.
        let x = V::splat(-746.0).max(V::splat(710.0).min(x));
        let n = x.fma(V::splat(LOG2_E), V::splat(MAGIC)).sub(V::splat(MAGIC));
        let r = n.fnma(V::splat(LN2_LOW), n.fnma(V::splat(LN2_HIGH), x));
        let term = |high: usize| r.fma(V::splat(EXP[high]), V::splat(EXP[high + 1]));
        let r2 = r.mul(r);
        let r4 = r2.mul(r2);
        let low = r2.fma(term(6), term(8));
        let middle = r2.fma(term(2), term(4));
        let p = r4.fma(r4.fma(term(0), middle), low);
        // 1 + r + r²p, with what the first sum drops added again.
        let one = V::splat(1.0);
        let sum = one.add(r);
        let dropped = r.sub(sum.sub(one));
        sum.add(r2.fma(p, dropped)).scale(n)
    }
}

#[inline(always)]
unsafe fn horner<V: Vector, const N: usize>(z: V, coefficients: &[f64; N]) -> V {
    // SAFETY: as above.
    unsafe {
        let mut sum = V::splat(coefficients[0]);
        for &c in &coefficients[1..] {
            sum = sum.fma(z, V::splat(c));
        }
        sum
    }
}

#[inline(always)]
unsafe fn ln<V: Vector>(x: V) -> V {
    const ROOT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    const ONE: u64 = 0x3ff0_0000_0000_0000;
    const FRACTION: u64 = (1 << 52) - 1;
    // SAFETY: as above.
    unsafe {
        let tiny = x.lt(V::splat(f64::MIN_POSITIVE));
        let normal = V::select(tiny, x.mul(V::splat(18_014_398_509_481_984.0)), x); // 2^54
        let bias = V::select(tiny, V::splat(1023.0 + 54.0), V::splat(1023.0));
        // x = 2^k m with m between the root of one half and the root of two.
        let moved = normal.add_bits(ONE - ROOT_HALF);
        let k = moved.shr_52().or(TWO_52.to_bits()).sub(V::splat(TWO_52)).sub(bias);
        let m = moved.and(FRACTION).add_bits(ROOT_HALF);
        let f = m.sub(V::splat(1.0));
        let half = f.mul(f).mul(V::splat(0.5));
        let s = f.div(V::splat(2.0).add(f));
        let z = s.mul(s);
        let r = z.mul(horner(z, &LN));
        let low = s.fma(half.add(r), k.mul(V::splat(LN2_LOW)));
        let y = k.fma(V::splat(LN2_HIGH), f.sub(half.sub(low)));
        let y = V::select(x.lt(V::splat(f64::INFINITY)), y, x);
        let y = V::select(x.lt(V::splat(0.0)), V::splat(f64::NAN), y);
        V::select(x.eq(V::splat(0.0)), V::splat(f64::NEG_INFINITY), y)
    }
}

/// The sine, or with `QUARTER` = 1 the cosine.
#[inline(always)]
unsafe fn sin<V: Vector, const QUARTER: u64>(x: V) -> V {
    // SAFETY: as above.
    unsafe {
        let rounded = x.fma(V::splat(TWO_OVER_PI), V::splat(MAGIC));
        let n = rounded.sub(V::splat(MAGIC));
        // x − n π/2 in two numbers. The first two products are exact.
        let first = n.fnma(V::splat(HALF_PI_1), x);
        let part = n.mul(V::splat(HALF_PI_2));
        let second = first.sub(part);
        let back = second.sub(first);
        let error = first.sub(second.sub(back)).sub(part.add(back));
        let tail = n.fnma(V::splat(HALF_PI_3), error);
        let r = second.add(tail);
        let low = second.sub(r).add(tail);
        let z = r.mul(r);
        let half = z.mul(V::splat(0.5));
        let sine = r.add(z.mul(r).fma(horner(z, &SIN), half.fnma(low, low)));
        let one = V::splat(1.0);
        let w = one.sub(half);
        let correction = z.mul(z).fma(horner(z, &COS), r.mul(low).xor(V::splat(-0.0)));
        let cosine = w.add(one.sub(w).sub(half).add(correction));
        let quadrant = rounded.add_bits(QUARTER);
        let y = V::select(quadrant.has(1), cosine, sine);
        let y = y.xor(quadrant.and(2).shl::<62, 62>());
        // The sine of what is next to nothing is itself, and so keeps the sign of zero.
        let size = x.and(ABS);
        let nothing = V::select(size.lt(V::splat(7.45e-9)), x, y);
        let y = if QUARTER == 0 { nothing } else { y };
        let reducible = V::bits(size.lt(V::splat(REDUCIBLE)));
        if reducible == u8::MAX {
            return y;
        }
        let mut lanes = y.store();
        far(&x.store(), &mut lanes, reducible, QUARTER == 1);
        V::load(&lanes)
    }
}

#[cold]
fn far(x: &Eight, y: &mut Eight, reducible: u8, cosine: bool) {
    for lane in (0..LANES).filter(|lane| reducible & (1 << lane) == 0) {
        y[lane] = if cosine { x[lane].cos() } else { x[lane].sin() };
    }
}

/// `low`, unless `high` has no error that could be carried, being infinite or zero: then a zero of its
/// sign, which changes nothing.
#[inline(always)]
unsafe fn finite<V: Vector>(high: V, low: V) -> V {
    // SAFETY: as above.
    unsafe {
        let (size, none) = (high.and(ABS), high.and(!ABS));
        let low = V::select(size.lt(V::splat(f64::INFINITY)), low, none);
        V::select(V::splat(0.0).lt(size), low, none)
    }
}

/// The product of two numbers that are each a sum of two. (No closure: the compiler need not compile one
/// for the instructions of the function around it.)
#[inline(always)]
unsafe fn times<V: Vector>(high: V, low: V, by: V, by_low: V) -> (V, V) {
    // SAFETY: as above.
    unsafe {
        let product = high.mul(by);
        let error = high.fma(by, product.xor(V::splat(-0.0)));
        let error = high.fma(by_low, low.fma(by, error));
        (product, finite(product, error))
    }
}

/// Powers with the error of each product carried along, so that only the last step rounds.
#[inline(always)]
unsafe fn powi<V: Vector>(x: &Eight, n: i32) -> Eight {
    // SAFETY: as above.
    unsafe {
        let x = V::argument(x);
        let zero = V::splat(0.0);
        let (base, base_low) = if n < 0 {
            let one = V::splat(1.0);
            let high = one.div(x);
            (high, finite(high, finite(x, high.fnma(x, one).div(x))))
        } else {
            (x, zero)
        };
        let exponent = n.unsigned_abs();
        let (mut high, mut low) = (base, base_low);
        let top = exponent.checked_ilog2().unwrap_or(0);
        for bit in (0..top).rev() {
            (high, low) = times(high, low, high, low);
            if exponent >> bit & 1 == 1 {
                (high, low) = times(high, low, base, base_low);
            }
            // Keeps the second number small beside the first.
            let sum = high.add(low);
            let rest = low.sub(sum.sub(high));
            (high, low) = (sum, finite(sum, rest));
        }
        high.add(low).store()
    }
}

/// The fourth power, or with `FIFTH` the fifth. The error of the square is carried along.
#[inline(always)]
unsafe fn fourth<V: Vector, const FIFTH: bool>(x: V) -> V {
    // SAFETY: as above.
    unsafe {
        let square = x.mul(x);
        let error = x.fma(x, square.xor(V::splat(-0.0)));
        let plain = square.mul(square);
        let better = square.fma(square, square.add(square).mul(error));
        let power = V::select(plain.lt(V::splat(f64::INFINITY)), better, plain);
        if FIFTH { power.mul(x) } else { power }
    }
}

#[inline(always)]
unsafe fn mul_add<V: Vector>(a: &Eight, b: &Eight, c: &Eight) -> Eight {
    // SAFETY: as above.
    unsafe { V::argument(a).fma(V::argument(b), V::argument(c)).store() }
}

/// `out[i] = start + (first + i) * step`, rounded once.
#[inline(always)]
unsafe fn nodes<V: Vector>(out: &mut [f64], start: f64, step: f64, first: f64) {
    // SAFETY: as above.
    unsafe {
        let (start, step) = (V::splat(start), V::splat(step));
        let mut index = V::load(&std::array::from_fn(|lane| {
            #[allow(clippy::cast_precision_loss)] // at most seven
            let lane = lane as f64;
            first + lane
        }));
        let (groups, rest) = out.as_chunks_mut::<LANES>();
        for group in groups {
            *group = index.fma(step, start).store();
            index = index.add(V::splat(8.0));
        }
        let last = index.fma(step, start).store();
        rest.copy_from_slice(&last[..rest.len()]);
    }
}

/// For each lane the sum of every eighth number, and of their sizes.
#[inline(always)]
unsafe fn columns<V: Vector>(block: &[f64; BLOCK]) -> (Eight, Eight) {
    // SAFETY: as above.
    unsafe {
        let (groups, _) = block.as_chunks::<LANES>();
        let (mut sum, mut size) = (V::splat(0.0), V::splat(0.0));
        for group in groups {
            let x = V::load(group);
            sum = sum.add(x);
            size = size.add(x.and(ABS));
        }
        (sum.store(), size.store())
    }
}

/// Makes of each algorithm a function that is compiled for every level, and runs on the one asked for.
macro_rules! dispatch {
    ($($name:ident, $algorithm:ident $([$($extra:tt)*])?, ($($arg:ident: $ty:ty),*) $(-> $out:ty)?;)*) => {
        $(
            #[inline]
            pub(crate) fn $name(level: Level, $($arg: $ty),*) $(-> $out)? {
                #[cfg(target_arch = "x86_64")]
                mod levels {
                    use super::*;
                    #[target_feature(enable = "avx512f")]
                    pub(super) fn wide($($arg: $ty),*) $(-> $out)? {
                        // SAFETY: this function is only compiled for, and called on, such a processor.
                        unsafe { $algorithm::<x86::Wide $(, $($extra)*)?>($($arg),*) }
                    }
                    #[target_feature(enable = "avx2,fma")]
                    pub(super) fn pair($($arg: $ty),*) $(-> $out)? {
                        // SAFETY: as above.
                        unsafe { $algorithm::<x86::Pair $(, $($extra)*)?>($($arg),*) }
                    }
                }
                match level {
                    // SAFETY: a level other than `Scalar` comes from `available` and `best`, which
                    // have asked the processor.
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => unsafe { levels::wide($($arg),*) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => unsafe { levels::pair($($arg),*) },
                    // SAFETY: `Plain` has no conditions.
                    Level::Scalar => unsafe { $algorithm::<Plain $(, $($extra)*)?>($($arg),*) },
                }
            }
        )*
    };
}

dispatch! {
    powi8, powi, (x: &Eight, n: i32) -> Eight;
    mul_add8, mul_add, (a: &Eight, b: &Eight, c: &Eight) -> Eight;
    spread, nodes, (out: &mut [f64], start: f64, step: f64, first: f64);
    sums, columns, (block: &[f64; BLOCK]) -> (Eight, Eight);
}

/// The same for functions of one group, which are small enough to become part of a loop: see [`apply`].
macro_rules! functions {
    ($($name:ident, $algorithm:ident $([$($extra:tt)*])?;)*) => {
        $(
            #[inline]
            pub(crate) fn $name(level: Level, x: &Eight) -> Eight {
                // Eight numbers are passed in registers if this is a call, and are one register if it
                // is not. Vectors would do so too, but LLVM then never inlines the caller.
                #[cfg(target_arch = "x86_64")]
                #[inline]
                #[target_feature(enable = "avx512f")]
                #[allow(clippy::too_many_arguments)]
                fn wide(a: f64, b: f64, c: f64, d: f64, e: f64, f: f64, g: f64, h: f64) -> Eight {
                    // SAFETY: this function is only compiled for, and called on, such a processor.
                    unsafe {
                        let x = x86::Wide::load(&[a, b, c, d, e, f, g, h]);
                        $algorithm::<x86::Wide $(, $($extra)*)?>(x).store()
                    }
                }
                // One call, because the inliner counts them.
                #[inline(never)]
                fn rest(level: Level, x: &Eight) -> Eight {
                    #[cfg(target_arch = "x86_64")]
                    #[target_feature(enable = "avx2,fma")]
                    fn pair(x: &Eight) -> Eight {
                        // SAFETY: as above.
                        unsafe {
                            let x = x86::Pair::argument(x);
                            $algorithm::<x86::Pair $(, $($extra)*)?>(x).store()
                        }
                    }
                    #[cfg(target_arch = "x86_64")]
                    if level == Level::Avx2 {
                        // SAFETY: a level other than `Scalar` comes from `available` and `best`, which
                        // have asked the processor.
                        return unsafe { pair(x) };
                    }
                    let _ = level;
                    // SAFETY: `Plain` has no conditions.
                    unsafe { $algorithm::<Plain $(, $($extra)*)?>(Plain::load(x)).store() }
                }
                #[cfg(target_arch = "x86_64")]
                if level == Level::Avx512 {
                    let [a, b, c, d, e, f, g, h] = *x;
                    // SAFETY: as in `rest`.
                    return unsafe { wide(a, b, c, d, e, f, g, h) };
                }
                // A copy, so that the argument itself has no address and may stay in registers.
                let x = *x;
                rest(level, &x)
            }
        )*
    };
}

functions! {
    exp8, exp;
    ln8, ln;
    sin8, sin[0];
    cos8, sin[1];
    fourth8, fourth[false];
    fifth8, fourth[true];
}

/// Applies `f` to each group, in a loop that is compiled for AVX-512 where the processor has it, and counts
/// in `done` the numbers that are through.
///
/// The compiler may make `f`, and the functions above that it calls, part of the loop: then a group
/// stays in registers on its way through them. If it does not, they are called; the result is the same.
#[inline]
pub(crate) fn apply(
    level: Level,
    f: impl Fn(Proof, &Eight) -> Eight,
    x: &[Eight],
    y: &mut [Eight],
    done: &mut usize,
) {
    #[inline(always)]
    fn run(f: impl Fn(&Eight) -> Eight, x: &[Eight], y: &mut [Eight], done: &mut usize) {
        const GROUPS: usize = BLOCK / LANES;
        // A loop within a loop, so that the inliner takes the call for as frequent as it is.
        for (x, y) in x.chunks(GROUPS).zip(y.chunks_mut(GROUPS)) {
            for (x, y) in x.iter().zip(y) {
                #[cfg(all(target_arch = "x86_64", not(miri)))]
                // SAFETY: it is empty. It keeps the compiler from making vectors across groups, which
                // would gather and scatter them.
                unsafe {
                    std::arch::asm!("", options(nomem, nostack, preserves_flags));
                }
                *y = f(x);
                *done += LANES;
            }
        }
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    fn wide(f: impl Fn(Proof, &Eight) -> Eight, x: &[Eight], y: &mut [Eight], done: &mut usize) {
        run(|x| f(Proof::Avx512, x), x, y, done);
    }
    #[cfg(target_arch = "x86_64")]
    if level == Level::Avx512 {
        // SAFETY: such a level comes from `available` and `best`, which have asked the processor.
        return unsafe { wide(f, x, y, done) };
    }
    let _ = level;
    run(|x| f(Proof::None, x), x, y, done);
}

/// The same for any number of places. No lane looks beyond them: the last place fills those without one.
/// There is room in `y` for whole groups. (`f` is taken by value: the compiler does not look through a
/// reference to a closure.)
#[inline(always)]
pub(crate) fn fill(
    level: Level,
    f: impl Fn(Proof, &Eight) -> Eight + Copy,
    x: &[f64],
    y: &mut [f64],
    done: &mut usize,
) {
    let (groups, rest) = x.as_chunks::<LANES>();
    let (values, more) = y.as_chunks_mut::<LANES>().0.split_at_mut(groups.len());
    let mut last = [rest.last().copied().unwrap_or(0.0); LANES];
    last[..rest.len()].copy_from_slice(rest);
    let last = if rest.is_empty() { &[] } else { std::slice::from_ref(&last) };
    // One call: the inliner counts them.
    for (x, y) in [(groups, values), (last, more)] {
        apply(level, f, x, y, done);
    }
}
