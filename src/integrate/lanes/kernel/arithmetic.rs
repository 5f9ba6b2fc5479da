//! Arithmetic, in the registers that all processors of the architecture have: a few instructions, which
//! the inliner rates at half of what eight single ones would cost.

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
