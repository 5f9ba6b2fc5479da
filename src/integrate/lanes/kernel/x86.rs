//! The levels of x86-64: one register of AVX-512, or two of AVX2.

use super::Eight;
use super::vector::Vector;
use std::arch::x86_64::*;

/// Declares [`Vector`] for a register type: each method is one or two instructions, which its caller
/// has promised that the processor has.
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
        unsafe { Self(_mm512_castsi512_pd(_mm512_slli_epi64::<BY_U>(_mm512_castpd_si512(self.0)))) }
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
