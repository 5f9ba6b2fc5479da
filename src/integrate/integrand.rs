//! The ways to give an integrand.
//!
//! These types are made by the constructors of [`Integral`](super::Integral), and named only where one
//! is stored.

use super::lanes::F64x8;
use super::lanes::kernel::{self, Level};
use std::cell::Cell;

/// What can be integrated: `N` components, looked at in blocks.
///
/// It is implemented by what the constructors of [`Integral`](super::Integral) make, and by nothing else.
pub trait Integrand<const N: usize>: Sync + sealed::Fill<N> {
    /// What one integral is: a number, or an array of them.
    type Value;
}

pub(super) mod sealed {
    use super::Cell;

    #[allow(unnameable_types)] // seals its trait
    pub trait Fill<const N: usize> {
        /// Whether `c` is looked at.
        const COMPLEMENT: bool = false;
        /// How many places an adaptive rule asks for at a time: whole groups of lanes.
        const PIECE: usize = 64;
        /// Whether it is the same to ask for fewer at a time.
        const DIVISIBLE: bool = true;

        /// Computes `y` at every `x`, which lies at `c` from the end that is nearer: above zero from
        /// the lower one, below zero from the upper. There is room in `y` for whole groups of lanes.
        /// Should it panic, `at` is left at the index of the culprit, and what is before it is computed.
        fn fill(&self, x: &[f64], c: &[f64], y: [&mut [f64]; N], at: &Cell<usize>);
    }

    /// What the components are handed out as.
    #[allow(unnameable_types)]
    pub trait Value<const N: usize> {
        fn of(components: [f64; N]) -> Self;
    }

    impl Value<1> for f64 {
        fn of([value]: [f64; 1]) -> Self {
            value
        }
    }

    impl<const N: usize> Value<N> for [f64; N] {
        fn of(components: [f64; N]) -> Self {
            components
        }
    }
}

use sealed::Fill;

/// Remembers where a loop is, if the loop ends by a panic. The index stays in a register otherwise.
struct Mark<'a> {
    at: usize,
    seen: &'a Cell<usize>,
}

impl Drop for Mark<'_> {
    #[cold]
    fn drop(&mut self) {
        self.seen.set(self.at);
    }
}

/// One value at a time.
#[derive(Debug, Clone, Copy)]
pub struct Scalar<F>(pub(super) F);

impl<F: Fn(f64) -> f64 + Sync> Integrand<1> for Scalar<F> {
    type Value = f64;
}

impl<F: Fn(f64) -> f64> Fill<1> for Scalar<F> {
    #[inline]
    fn fill(&self, x: &[f64], _: &[f64], [y]: [&mut [f64]; 1], at: &Cell<usize>) {
        let mut mark = Mark { at: 0, seen: at };
        for (index, (x, y)) in x.iter().zip(y).enumerate() {
            mark.at = index;
            *y = (self.0)(*x);
        }
        std::mem::forget(mark);
    }
}

/// One value at a time, from the place and its distance to the nearer end.
#[derive(Debug, Clone, Copy)]
pub struct Complement<F>(pub(super) F);

impl<F: Fn(f64, f64) -> f64 + Sync> Integrand<1> for Complement<F> {
    type Value = f64;
}

impl<F: Fn(f64, f64) -> f64> Fill<1> for Complement<F> {
    const COMPLEMENT: bool = true;

    fn fill(&self, x: &[f64], c: &[f64], [y]: [&mut [f64]; 1], at: &Cell<usize>) {
        let mut mark = Mark { at: 0, seen: at };
        for (index, ((x, c), y)) in x.iter().zip(c).zip(y).enumerate() {
            mark.at = index;
            *y = (self.0)(*x, *c);
        }
        std::mem::forget(mark);
    }
}

/// Several components at a time.
#[derive(Debug, Clone, Copy)]
pub struct Vector<F>(pub(super) F);

impl<F: Fn(f64) -> [f64; N] + Sync, const N: usize> Integrand<N> for Vector<F> {
    type Value = [f64; N];
}

impl<F: Fn(f64) -> [f64; N], const N: usize> Fill<N> for Vector<F> {
    fn fill(&self, x: &[f64], _: &[f64], mut y: [&mut [f64]; N], at: &Cell<usize>) {
        let mut mark = Mark { at: 0, seen: at };
        for (index, x) in x.iter().enumerate() {
            mark.at = index;
            for (y, value) in y.iter_mut().zip((self.0)(*x)) {
                y[index] = value;
            }
        }
        std::mem::forget(mark);
    }
}

/// Whole blocks.
#[derive(Debug, Clone, Copy)]
pub struct Batch<F>(pub(super) F);

impl<F: Fn(&[f64], &mut [f64]) + Sync> Integrand<1> for Batch<F> {
    type Value = f64;
}

impl<F: Fn(&[f64], &mut [f64])> Fill<1> for Batch<F> {
    // A call may cost something by itself; and its panic does not say which place was to blame, so that what
    // it is asked for must not depend on the threads.
    const PIECE: usize = 256;
    const DIVISIBLE: bool = false;

    fn fill(&self, x: &[f64], _: &[f64], [y]: [&mut [f64]; 1], at: &Cell<usize>) {
        at.set(0);
        // What the closure forgets to write is found, not taken for zero.
        y[..x.len()].fill(f64::NAN);
        (self.0)(x, &mut y[..x.len()]);
    }
}

/// Eight values at a time.
#[derive(Debug, Clone, Copy)]
pub struct Lanes<F>(pub(super) F);

impl<F: Fn(F64x8) -> F64x8 + Sync> Integrand<1> for Lanes<F> {
    type Value = f64;
}

impl<F: Fn(F64x8) -> F64x8> Fill<1> for Lanes<F> {
    // One copy, so that the inliner sees few uses of the closure.
    #[inline(never)]
    fn fill(&self, x: &[f64], _: &[f64], [y]: [&mut [f64]; 1], at: &Cell<usize>) {
        let mut mark = Mark { at: 0, seen: at };
        let f = |proof, x: &[f64; 8]| (self.0)(F64x8::group(*x, proof)).to_array();
        kernel::fill(Level::best(), f, x, y, &mut mark.at);
        std::mem::forget(mark);
    }
}
