//! What an algorithm may do with eight numbers, and the level that does it in plain Rust.

use super::{Eight, LANES, MAGIC};

/// Eight numbers, or the registers that hold them.
///
/// # Safety
///
/// Every method runs instructions of the implementor's level: the processor must have them.
pub(super) trait Vector: Copy {
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

/// The level without conditions: an array, and a loop for everything.
#[derive(Clone, Copy)]
pub(super) struct Plain(pub(super) Eight);

#[inline(always)]
pub(super) fn each(mut f: impl FnMut(usize) -> f64) -> Plain {
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
