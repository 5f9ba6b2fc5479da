//! Eight numbers at once, with the functions that integrands are made of.

mod constants;
pub(super) mod kernel;
#[cfg(test)]
mod tests;

use kernel::Proof;
use std::fmt;
use std::ops::{
    Add, AddAssign, Div, DivAssign, Index, IndexMut, Mul, MulAssign, Neg, Sub, SubAssign,
};

/// Eight numbers that are computed with at once.
///
/// Arithmetic with another group, or with one number for all lanes, is written as with `f64`. The
/// functions choose AVX-512, AVX2 with FMA, or plain code when the program runs, and give **the same
/// bits on each**: one algorithm, made of operations that IEEE 754 rounds once. The standard
/// library's functions give those of the machine's own library instead.
///
/// | Function | Error, in units of the last place |
/// |---|---|
/// | `+ - * /`, [`sqrt`](Self::sqrt), [`mul_add`](Self::mul_add) | 0.5 |
/// | [`exp`](Self::exp), [`ln`](Self::ln), [`sin`](Self::sin), [`cos`](Self::cos) | 1 |
/// | [`powi`](Self::powi) | 2 for the exponents 3 and 5, 1 for all others |
///
/// Results too small for a normal number are within one unit of the least one. What is not a number
/// stays so, infinities and signed zeros are as in the standard library. The bounds hold in a dense
/// sweep and at the edges against more digits, and the levels agree there: `src/integrate/lanes/tests.rs`.
///
/// What is missing here is done a lane at a time by [`map`](Self::map).
///
/// # Examples
///
/// ```
/// use brigade::integrate::F64x8;
///
/// let t = F64x8::from([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]);
/// let y = t.powi(2) * (-t).exp();
/// assert_eq!(y[2], (-1.0_f64).exp());
/// ```
#[derive(Clone, Copy)]
#[repr(align(64))]
#[doc(alias = "f64x8")]
#[doc(alias = "numpy.ndarray")]
pub struct F64x8 {
    lanes: [f64; 8],
    proof: Proof,
}

impl F64x8 {
    /// Makes a group that knows of the processor what `proof` says.
    #[inline]
    pub(super) fn group(lanes: [f64; 8], proof: Proof) -> Self {
        Self { lanes, proof }
    }

    /// The same knowledge with other numbers.
    #[inline]
    fn with(self, lanes: [f64; 8]) -> Self {
        Self { lanes, ..self }
    }

    /// Makes a group with the same number in every lane.
    #[inline]
    #[must_use]
    pub const fn splat(x: f64) -> Self {
        Self { lanes: [x; 8], proof: Proof::None }
    }

    /// The numbers, in order.
    #[inline]
    #[must_use]
    pub const fn to_array(self) -> [f64; 8] {
        self.lanes
    }

    /// Applies `f` to each lane: for functions that are not here, and for integrands with branches.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::integrate::F64x8;
    ///
    /// let step = |x: F64x8| x.map(|x| if x < 0.3 { 0.0 } else { 1.0 });
    /// assert_eq!(step(F64x8::splat(0.5)), F64x8::splat(1.0));
    /// ```
    #[inline]
    #[must_use]
    pub fn map(self, f: impl FnMut(f64) -> f64) -> Self {
        self.with(self.lanes.map(f))
    }

    /// Drops the signs.
    #[inline]
    #[must_use]
    pub fn abs(self) -> Self {
        self.map(f64::abs)
    }

    /// The square roots; of a negative number none.
    #[inline]
    #[must_use]
    pub fn sqrt(self) -> Self {
        self.map(f64::sqrt)
    }

    /// `self * b + c`, rounded once.
    #[inline]
    #[must_use]
    #[doc(alias = "fma")]
    pub fn mul_add(self, b: impl Into<Self>, c: impl Into<Self>) -> Self {
        let (b, c) = (b.into(), c.into());
        let proof = self.proof.or(b.proof).or(c.proof);
        Self::group(kernel::mul_add8(proof.level(), &self.lanes, &b.lanes, &c.lanes), proof)
    }

    /// The exponential function, within one unit of the last place.
    #[inline]
    #[must_use]
    pub fn exp(self) -> Self {
        self.with(kernel::exp8(self.proof.level(), &self.lanes))
    }

    /// The natural logarithm, within one unit of the last place.
    ///
    /// Of zero it is minus infinity, of a negative number it is none.
    #[inline]
    #[must_use]
    pub fn ln(self) -> Self {
        self.with(kernel::ln8(self.proof.level(), &self.lanes))
    }

    /// The sine, within one unit of the last place.
    ///
    /// Numbers of 50,000 and more take the standard library's, a lane at a time.
    #[inline]
    #[must_use]
    pub fn sin(self) -> Self {
        self.with(kernel::sin8(self.proof.level(), &self.lanes))
    }

    /// The cosine, within one unit of the last place.
    ///
    /// Numbers of 50,000 and more take the standard library's, a lane at a time.
    #[inline]
    #[must_use]
    pub fn cos(self) -> Self {
        self.with(kernel::cos8(self.proof.level(), &self.lanes))
    }

    /// Raises to a whole power.
    ///
    /// Each product's error is carried along, so the result is within one unit of the last place; for the
    /// exponents 3 and 5, where that is not worth its time, within two.
    #[inline]
    #[must_use]
    pub fn powi(self, n: i32) -> Self {
        match n {
            0 => Self::splat(1.0),
            1 => self,
            2 => self * self,
            3 => self * self * self,
            4 => self.with(kernel::fourth8(self.proof.level(), &self.lanes)),
            5 => self.with(kernel::fifth8(self.proof.level(), &self.lanes)),
            _ => self.with(kernel::powi8(self.proof.level(), &self.lanes, n)),
        }
    }
}

impl fmt::Debug for F64x8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("F64x8").field(&self.lanes).finish()
    }
}

impl PartialEq for F64x8 {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.lanes == other.lanes
    }
}

impl Default for F64x8 {
    /// Zero in every lane.
    #[inline]
    fn default() -> Self {
        Self::splat(0.0)
    }
}

impl From<[f64; 8]> for F64x8 {
    #[inline]
    fn from(lanes: [f64; 8]) -> Self {
        Self::group(lanes, Proof::None)
    }
}

impl From<f64> for F64x8 {
    #[inline]
    fn from(x: f64) -> Self {
        Self::splat(x)
    }
}

impl Index<usize> for F64x8 {
    type Output = f64;

    /// One lane.
    ///
    /// # Panics
    ///
    /// If `lane` is 8 or more.
    #[inline]
    fn index(&self, lane: usize) -> &f64 {
        &self.lanes[lane]
    }
}

impl IndexMut<usize> for F64x8 {
    #[inline]
    fn index_mut(&mut self, lane: usize) -> &mut f64 {
        &mut self.lanes[lane]
    }
}

impl Neg for F64x8 {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        self.with(kernel::arithmetic::neg(self.lanes))
    }
}

macro_rules! operators {
    ($($operator:ident::$name:ident, $assign:ident::$assign_name:ident;)*) => {
        $(
            impl $operator for F64x8 {
                type Output = Self;

                #[inline]
                fn $name(self, b: Self) -> Self {
                    let proof = self.proof.or(b.proof);
                    Self::group(kernel::arithmetic::$name(self.lanes, b.lanes), proof)
                }
            }

            impl $operator<f64> for F64x8 {
                type Output = Self;

                #[inline]
                fn $name(self, b: f64) -> Self {
                    self.$name(Self::splat(b))
                }
            }

            impl $operator<F64x8> for f64 {
                type Output = F64x8;

                #[inline]
                fn $name(self, b: F64x8) -> F64x8 {
                    F64x8::splat(self).$name(b)
                }
            }

            impl $assign for F64x8 {
                #[inline]
                fn $assign_name(&mut self, b: Self) {
                    *self = self.$name(b);
                }
            }

            impl $assign<f64> for F64x8 {
                #[inline]
                fn $assign_name(&mut self, b: f64) {
                    *self = self.$name(b);
                }
            }
        )*
    };
}

operators! {
    Add::add, AddAssign::add_assign;
    Sub::sub, SubAssign::sub_assign;
    Mul::mul, MulAssign::mul_assign;
    Div::div, DivAssign::div_assign;
}
