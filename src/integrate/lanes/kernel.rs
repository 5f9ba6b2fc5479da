//! The lane functions: one algorithm each, compiled for AVX-512, for AVX2 with FMA, and for neither.
//!
//! An algorithm is a function over any [`Vector`], and every operation of a [`Vector`] is either exact
//! or rounded once as IEEE 754 says, so each level gives the same bits. `lanes/tests.rs` compares them.
//!
//! The exponential reduces by multiples of ln 2 and the sine by multiples of π/2 (Cody and Waite,
//! *Software Manual for the Elementary Functions*, 1980); the logarithm follows the scheme of the
//! Sun library (Ng, 1993): ln m = f − (f²/2 − s (f²/2 + R(s²))) with s = f/(2+f).

// The one file of this module with unsafe code: the instructions of a level may run only where the
// processor has them.
#![allow(unsafe_code)]
#![allow(clippy::many_single_char_names)]

use super::constants::{
    COS, EXP, HALF_PI_1, HALF_PI_2, HALF_PI_3, LN, LN2_HIGH, LN2_LOW, LOG2_E, SIN, TWO_OVER_PI,
};
use std::sync::atomic::{AtomicU8, Ordering};

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

/// Which instructions are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Level {
    Scalar = 1,
    #[cfg(target_arch = "x86_64")]
    Avx2 = 2,
    #[cfg(target_arch = "x86_64")]
    Avx512 = 3,
}

impl Level {
    /// Those that this machine has.
    pub(crate) fn available() -> Vec<Self> {
        let mut levels = vec![Self::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Self::Avx2);
            }
            if is_x86_feature_detected!("avx512f") {
                levels.push(Self::Avx512);
            }
        }
        levels
    }

    /// The best one of this machine.
    #[inline]
    pub(crate) fn best() -> Self {
        // A value that never changes needs no order.
        static BEST: AtomicU8 = AtomicU8::new(0);
        match BEST.load(Ordering::Relaxed) {
            #[cfg(target_arch = "x86_64")]
            3 => Self::Avx512,
            #[cfg(target_arch = "x86_64")]
            2 => Self::Avx2,
            1 => Self::Scalar,
            _ => Self::find(&BEST),
        }
    }

    #[cold]
    fn find(best: &AtomicU8) -> Self {
        let found = Self::available().pop().unwrap_or(Self::Scalar);
        best.store(found as u8, Ordering::Relaxed);
        found
    }
}

/// Eight numbers, or the registers that hold them.
///
/// # Safety
///
/// Every method runs instructions of the implementor's level: the processor must have them.
trait Vector: Copy {
    type Mask: Copy;
    unsafe fn load(from: &Eight) -> Self;
    /// The same for an argument, which plain code may have stored in narrow pieces a moment ago: a wide
    /// load would have to wait until they have left the processor's store buffer.
    #[inline(always)]
    unsafe fn argument(from: &Eight) -> Self {
        // SAFETY: the caller's promise is passed on.
        unsafe { Self::load(from) }
    }
    unsafe fn store(self) -> Eight;
    unsafe fn splat(x: f64) -> Self;
    unsafe fn add(self, b: Self) -> Self;
    unsafe fn sub(self, b: Self) -> Self;
    unsafe fn mul(self, b: Self) -> Self;
    unsafe fn div(self, b: Self) -> Self;
    /// `self * b + c`, rounded once.
    unsafe fn fma(self, b: Self, c: Self) -> Self;
    /// `c - self * b`, rounded once.
    unsafe fn fnma(self, b: Self, c: Self) -> Self;
    /// The lesser; `b` if either is not a number.
    unsafe fn min(self, b: Self) -> Self;
    /// The greater; `b` if either is not a number.
    unsafe fn max(self, b: Self) -> Self;
    unsafe fn and(self, bits: u64) -> Self;
    unsafe fn or(self, bits: u64) -> Self;
    unsafe fn xor(self, b: Self) -> Self;
    /// The bits as whole numbers, added.
    unsafe fn add_bits(self, bits: u64) -> Self;
    unsafe fn shl<const BY: i32, const BY_U: u32>(self) -> Self;
    unsafe fn shr_52(self) -> Self;
    unsafe fn lt(self, b: Self) -> Self::Mask;
    unsafe fn eq(self, b: Self) -> Self::Mask;
    /// Whether that one bit is set.
    unsafe fn has(self, bit: u64) -> Self::Mask;
    unsafe fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// One bit a lane.
    unsafe fn bits(mask: Self::Mask) -> u8;

    /// `self * 2^n` for a `self` near one and a whole `|n| < 1100`, rounded once.
    #[inline(always)]
    unsafe fn scale(self, n: Self) -> Self {
        // SAFETY: the caller's promise is passed on.
        unsafe {
            // In two halves: the first product is exact, so only the second rounds.
            let half = n.fma(Self::splat(0.5), Self::splat(MAGIC)).sub(Self::splat(MAGIC));
            let power = |n: Self| n.add(Self::splat(MAGIC + 1023.0)).shl::<52, 52>();
            self.mul(power(half)).mul(power(n.sub(half)))
        }
    }
}

#[derive(Clone, Copy)]
struct Plain(Eight);

#[inline(always)]
fn each(mut f: impl FnMut(usize) -> f64) -> Plain {
    let mut out = [0.0; LANES];
    for (lane, out) in out.iter_mut().enumerate() {
        *out = f(lane);
    }
    Plain(out)
}

// SAFETY (of every method): there is none to keep, nothing but Rust happens here.
impl Vector for Plain {
    type Mask = [bool; LANES];
    #[inline(always)]
    unsafe fn load(from: &Eight) -> Self {
        Self(*from)
    }
    #[inline(always)]
    unsafe fn store(self) -> Eight {
        self.0
    }
    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        Self([x; LANES])
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        each(|i| self.0[i] + b.0[i])
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        each(|i| self.0[i] - b.0[i])
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        each(|i| self.0[i] * b.0[i])
    }
    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        each(|i| self.0[i] / b.0[i])
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        each(|i| self.0[i].mul_add(b.0[i], c.0[i]))
    }
    #[inline(always)]
    unsafe fn fnma(self, b: Self, c: Self) -> Self {
        each(|i| (-self.0[i]).mul_add(b.0[i], c.0[i]))
    }
    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        each(|i| if self.0[i] < b.0[i] { self.0[i] } else { b.0[i] })
    }
    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        each(|i| if self.0[i] > b.0[i] { self.0[i] } else { b.0[i] })
    }
    #[inline(always)]
    unsafe fn and(self, bits: u64) -> Self {
        each(|i| f64::from_bits(self.0[i].to_bits() & bits))
    }
    #[inline(always)]
    unsafe fn or(self, bits: u64) -> Self {
        each(|i| f64::from_bits(self.0[i].to_bits() | bits))
    }
    #[inline(always)]
    unsafe fn xor(self, b: Self) -> Self {
        each(|i| f64::from_bits(self.0[i].to_bits() ^ b.0[i].to_bits()))
    }
    #[inline(always)]
    unsafe fn add_bits(self, bits: u64) -> Self {
        each(|i| f64::from_bits(self.0[i].to_bits().wrapping_add(bits)))
    }
    #[inline(always)]
    unsafe fn shl<const BY: i32, const BY_U: u32>(self) -> Self {
        each(|i| f64::from_bits(self.0[i].to_bits() << BY_U))
    }
    #[inline(always)]
    unsafe fn shr_52(self) -> Self {
        each(|i| f64::from_bits(self.0[i].to_bits() >> 52))
    }
    #[inline(always)]
    unsafe fn lt(self, b: Self) -> Self::Mask {
        std::array::from_fn(|i| self.0[i] < b.0[i])
    }
    #[inline(always)]
    unsafe fn eq(self, b: Self) -> Self::Mask {
        #[allow(clippy::float_cmp)]
        std::array::from_fn(|i| self.0[i] == b.0[i])
    }
    #[inline(always)]
    unsafe fn has(self, bit: u64) -> Self::Mask {
        std::array::from_fn(|i| self.0[i].to_bits() & bit != 0)
    }
    #[inline(always)]
    unsafe fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        each(|i| if mask[i] { yes.0[i] } else { no.0[i] })
    }
    #[inline(always)]
    unsafe fn bits(mask: Self::Mask) -> u8 {
        mask.iter().enumerate().fold(0, |bits, (lane, &set)| bits | (u8::from(set) << lane))
    }
}

/// Declares [`Vector`] for a register type: each method is one or two instructions, which its caller
/// has promised that the processor has.
#[cfg(target_arch = "x86_64")]
macro_rules! methods {
    ($(fn $name:ident($($arg:ident $(: $ty:ty)?),*) -> $out:ty $body:block)*) => {
        $(
            #[inline(always)]
            unsafe fn $name($($arg $(: $ty)?),*) -> $out {
                // SAFETY: whoever calls has promised that the processor has these instructions, and
                // what is loaded or stored is an array of that very size.
                unsafe { $body }
            }
        )*
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Eight, Vector};
    use std::arch::x86_64::*;

    /// Loads a narrow register, and keeps the compiler from joining several such loads.
    ///
    /// # Safety
    ///
    /// The processor has AVX, and two numbers can be read from `from`.
    #[inline(always)]
    unsafe fn narrow(from: *const f64) -> __m128d {
        let x;
        // SAFETY: as promised; the instruction reads 16 bytes and changes nothing but its register.
        unsafe {
            std::arch::asm!(
                "vmovupd {x}, xmmword ptr [{from}]",
                x = lateout(xmm_reg) x,
                from = in(reg) from,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        x
    }

    #[derive(Clone, Copy)]
    pub(super) struct Wide(__m512d);

    #[derive(Clone, Copy)]
    pub(super) struct Pair(__m256d, __m256d);

    #[allow(clippy::cast_possible_wrap)]
    impl Vector for Wide {
        type Mask = __mmask8;
        #[inline(always)]
        unsafe fn bits(mask: __mmask8) -> u8 {
            mask
        }
        methods! {
            fn load(from: &Eight) -> Self { Self(_mm512_loadu_pd(from.as_ptr())) }
            fn argument(from: &Eight) -> Self {
                let Pair(low, high) = Pair::argument(from);
                Self(_mm512_insertf64x4::<1>(_mm512_castpd256_pd512(low), high))
            }
            fn splat(x: f64) -> Self { Self(_mm512_set1_pd(x)) }
            fn min(self, b: Self) -> Self { Self(_mm512_min_pd(self.0, b.0)) }
            fn select(mask: __mmask8, yes: Self, no: Self) -> Self {
                Self(_mm512_mask_blend_pd(mask, no.0, yes.0))
            }
            fn add(self, b: Self) -> Self { Self(_mm512_add_pd(self.0, b.0)) }
            fn sub(self, b: Self) -> Self { Self(_mm512_sub_pd(self.0, b.0)) }
            fn mul(self, b: Self) -> Self { Self(_mm512_mul_pd(self.0, b.0)) }
            fn div(self, b: Self) -> Self { Self(_mm512_div_pd(self.0, b.0)) }
            fn max(self, b: Self) -> Self { Self(_mm512_max_pd(self.0, b.0)) }
            fn and(self, bits: u64) -> Self {
                let bits = _mm512_set1_epi64(bits as i64);
                Self(_mm512_castsi512_pd(_mm512_and_si512(_mm512_castpd_si512(self.0), bits)))
            }
            fn or(self, bits: u64) -> Self {
                let bits = _mm512_set1_epi64(bits as i64);
                Self(_mm512_castsi512_pd(_mm512_or_si512(_mm512_castpd_si512(self.0), bits)))
            }
            fn xor(self, b: Self) -> Self {
                let (a, b) = (_mm512_castpd_si512(self.0), _mm512_castpd_si512(b.0));
                Self(_mm512_castsi512_pd(_mm512_xor_si512(a, b)))
            }
            fn add_bits(self, bits: u64) -> Self {
                let bits = _mm512_set1_epi64(bits as i64);
                Self(_mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(self.0), bits)))
            }
            fn shr_52(self) -> Self {
                Self(_mm512_castsi512_pd(_mm512_srli_epi64::<52>(_mm512_castpd_si512(self.0))))
            }
            fn lt(self, b: Self) -> __mmask8 { _mm512_cmp_pd_mask::<_CMP_LT_OQ>(self.0, b.0) }
            fn eq(self, b: Self) -> __mmask8 { _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(self.0, b.0) }
            fn has(self, bit: u64) -> __mmask8 {
                let bit = _mm512_set1_epi64(bit as i64);
                _mm512_test_epi64_mask(_mm512_castpd_si512(self.0), bit)
            }
            fn scale(self, n: Self) -> Self { Self(_mm512_scalef_pd(self.0, n.0)) }
            fn fma(self, b: Self, c: Self) -> Self {
                Self(_mm512_fmadd_pd(self.0, b.0, c.0))
            }
            fn fnma(self, b: Self, c: Self) -> Self {
                Self(_mm512_fnmadd_pd(self.0, b.0, c.0))
            }
        }
        #[inline(always)]
        unsafe fn store(self) -> Eight {
            let mut out = [0.0; super::LANES];
            // SAFETY: as promised by the caller; the array has room for a register.
            unsafe { _mm512_storeu_pd(out.as_mut_ptr(), self.0) };
            out
        }
        #[inline(always)]
        unsafe fn shl<const BY: i32, const BY_U: u32>(self) -> Self {
            // SAFETY: as above.
            unsafe {
                Self(_mm512_castsi512_pd(_mm512_slli_epi64::<BY_U>(_mm512_castpd_si512(self.0))))
            }
        }
    }

    #[allow(clippy::cast_possible_wrap)]
    impl Vector for Pair {
        type Mask = (__m256d, __m256d);
        methods! {
            fn argument(from: &Eight) -> Self {
                let half = |at| {
                    let from = from.as_ptr().add(at);
                    let low = _mm256_castpd128_pd256(narrow(from));
                    _mm256_insertf128_pd::<1>(low, narrow(from.add(2)))
                };
                Self(half(0), half(4))
            }
            fn load(from: &Eight) -> Self {
                Self(_mm256_loadu_pd(from.as_ptr()), _mm256_loadu_pd(from.as_ptr().add(4)))
            }
            fn splat(x: f64) -> Self { Self(_mm256_set1_pd(x), _mm256_set1_pd(x)) }
            fn min(self, b: Self) -> Self {
                Self(_mm256_min_pd(self.0, b.0), _mm256_min_pd(self.1, b.1))
            }
            fn select(mask: (__m256d, __m256d), yes: Self, no: Self) -> Self {
                Self(
                    _mm256_blendv_pd(no.0, yes.0, mask.0),
                    _mm256_blendv_pd(no.1, yes.1, mask.1),
                )
            }
            fn bits(mask: (__m256d, __m256d)) -> u8 {
                (_mm256_movemask_pd(mask.0) | (_mm256_movemask_pd(mask.1) << 4)).to_le_bytes()[0]
            }
            fn add(self, b: Self) -> Self { Self(_mm256_add_pd(self.0, b.0), _mm256_add_pd(self.1, b.1)) }
            fn sub(self, b: Self) -> Self { Self(_mm256_sub_pd(self.0, b.0), _mm256_sub_pd(self.1, b.1)) }
            fn mul(self, b: Self) -> Self { Self(_mm256_mul_pd(self.0, b.0), _mm256_mul_pd(self.1, b.1)) }
            fn div(self, b: Self) -> Self { Self(_mm256_div_pd(self.0, b.0), _mm256_div_pd(self.1, b.1)) }
            fn max(self, b: Self) -> Self { Self(_mm256_max_pd(self.0, b.0), _mm256_max_pd(self.1, b.1)) }
            fn and(self, bits: u64) -> Self {
                let bits = _mm256_castsi256_pd(_mm256_set1_epi64x(bits as i64));
                Self(_mm256_and_pd(self.0, bits), _mm256_and_pd(self.1, bits))
            }
            fn or(self, bits: u64) -> Self {
                let bits = _mm256_castsi256_pd(_mm256_set1_epi64x(bits as i64));
                Self(_mm256_or_pd(self.0, bits), _mm256_or_pd(self.1, bits))
            }
            fn xor(self, b: Self) -> Self { Self(_mm256_xor_pd(self.0, b.0), _mm256_xor_pd(self.1, b.1)) }
            fn add_bits(self, bits: u64) -> Self {
                let bits = _mm256_set1_epi64x(bits as i64);
                let add = |x| _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(x), bits));
                Self(add(self.0), add(self.1))
            }
            fn shr_52(self) -> Self {
                let shr = |x| _mm256_castsi256_pd(_mm256_srli_epi64::<52>(_mm256_castpd_si256(x)));
                Self(shr(self.0), shr(self.1))
            }
            fn lt(self, b: Self) -> Self::Mask {
                (
                    _mm256_cmp_pd::<_CMP_LT_OQ>(self.0, b.0),
                    _mm256_cmp_pd::<_CMP_LT_OQ>(self.1, b.1),
                )
            }
            fn eq(self, b: Self) -> Self::Mask {
                (
                    _mm256_cmp_pd::<_CMP_EQ_OQ>(self.0, b.0),
                    _mm256_cmp_pd::<_CMP_EQ_OQ>(self.1, b.1),
                )
            }
            fn has(self, bit: u64) -> Self::Mask {
                let bit = _mm256_set1_epi64x(bit as i64);
                let has = |x| {
                    let set = _mm256_and_si256(_mm256_castpd_si256(x), bit);
                    _mm256_castsi256_pd(_mm256_cmpeq_epi64(set, bit))
                };
                (has(self.0), has(self.1))
            }
            fn fma(self, b: Self, c: Self) -> Self {
                Self(_mm256_fmadd_pd(self.0, b.0, c.0), _mm256_fmadd_pd(self.1, b.1, c.1))
            }
            fn fnma(self, b: Self, c: Self) -> Self {
                Self(_mm256_fnmadd_pd(self.0, b.0, c.0), _mm256_fnmadd_pd(self.1, b.1, c.1))
            }
        }
        #[inline(always)]
        unsafe fn store(self) -> Eight {
            let mut out = [0.0; super::LANES];
            // SAFETY: as promised by the caller; the array has room for both registers.
            unsafe {
                _mm256_storeu_pd(out.as_mut_ptr(), self.0);
                _mm256_storeu_pd(out.as_mut_ptr().add(4), self.1);
            }
            out
        }
        #[inline(always)]
        unsafe fn shl<const BY: i32, const BY_U: u32>(self) -> Self {
            // SAFETY: as above.
            unsafe {
                let shl = |x| _mm256_castsi256_pd(_mm256_slli_epi64::<BY>(_mm256_castpd_si256(x)));
                Self(shl(self.0), shl(self.1))
            }
        }
    }
}

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
    f: impl Fn(&Eight) -> Eight,
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
    fn wide(f: impl Fn(&Eight) -> Eight, x: &[Eight], y: &mut [Eight], done: &mut usize) {
        run(f, x, y, done);
    }
    #[cfg(target_arch = "x86_64")]
    if level == Level::Avx512 {
        // SAFETY: such a level comes from `available` and `best`, which have asked the processor.
        return unsafe { wide(f, x, y, done) };
    }
    let _ = level;
    run(f, x, y, done);
}

/// Arithmetic, in the registers that all processors of the architecture have: a few instructions, which
/// the inliner rates at half of what eight single ones would cost.
#[cfg(target_arch = "x86_64")]
pub(super) mod arithmetic {
    use super::Eight;
    use std::arch::x86_64::*;
    use std::mem::transmute;

    type Quarters = [__m128d; 4];

    macro_rules! operations {
        ($($name:ident, $instruction:ident;)*) => {
            $(
                #[inline(always)]
                pub(crate) fn $name(a: Eight, b: Eight) -> Eight {
                    // SAFETY: every x86-64 processor has SSE2; the types are of one size, and any bits
                    // are a value of either.
                    unsafe {
                        let (a, b) = (transmute::<Eight, Quarters>(a), transmute::<Eight, Quarters>(b));
                        transmute::<Quarters, Eight>([
                            $instruction(a[0], b[0]),
                            $instruction(a[1], b[1]),
                            $instruction(a[2], b[2]),
                            $instruction(a[3], b[3]),
                        ])
                    }
                }
            )*
        };
    }

    operations! {
        add, _mm_add_pd;
        sub, _mm_sub_pd;
        mul, _mm_mul_pd;
        div, _mm_div_pd;
        xor, _mm_xor_pd;
    }

    #[inline(always)]
    pub(crate) fn neg(x: Eight) -> Eight {
        xor(x, [-0.0; 8])
    }
}

/// Arithmetic, a lane at a time.
#[cfg(not(target_arch = "x86_64"))]
pub(super) mod arithmetic {
    use super::{Eight, each};

    macro_rules! operations {
        ($($name:ident, $operator:tt;)*) => {
            $(
                #[inline(always)]
                pub(crate) fn $name(a: Eight, b: Eight) -> Eight {
                    each(|i| a[i] $operator b[i]).0
                }
            )*
        };
    }

    operations! {
        add, +;
        sub, -;
        mul, *;
        div, /;
    }

    #[inline(always)]
    pub(crate) fn neg(x: Eight) -> Eight {
        x.map(|x| -x)
    }
}
