//! How the values of a fixed rule are added.

use super::dd::{Dd, two_sum};
use super::exact::Exact;
use super::lanes::kernel::BLOCK;

/// How the values of a fixed rule are added up.
///
/// The result never depends on the number of threads, whatever the mode; modes differ in how much
/// rounding costs, and in time.
///
/// | Mode | Rounding error, relative to the sum of sizes | Time |
/// |---|---|---|
/// | [`Naive`](Self::Naive) | grows with the number of values in a chunk | adds wait for each other |
/// | [`Blocked`](Self::Blocked) | at most some 20 · 2⁻⁵³ | next to nothing |
/// | [`Neumaier`](Self::Neumaier) | 2⁻⁵³, and 2⁻¹⁰⁶ times the number of values | a few operations a value |
/// | [`Exact`](Self::Exact) | none before the last rounding | tens of operations a value |
///
/// `tests/it/integrate/sums.rs` holds each against an exact sum of fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
#[doc(alias = "math.fsum")]
#[doc(alias = "Kahan")]
pub enum Sum {
    /// One value after the other, as a loop does it: to see what that costs.
    Naive,
    /// Eight columns of sixteen values each; the columns of a block are added as a tree, and blocks with
    /// compensation.
    #[default]
    Blocked,
    /// With compensation at every value (Neumaier, 1974).
    Neumaier,
    /// In fixed point, without rounding: the sum does not even depend on the order.
    Exact,
}

/// A running sum of values. Where [`CLASSES`](Self::CLASSES) is set it is kept apart by index modulo
/// four, from which the same rule with twice the step can be read off.
pub(super) trait Adder: Clone + Default + Send {
    const CLASSES: bool = true;

    /// Adds a block, of which `columns` are the sums modulo eight. A short one is filled with zeros.
    fn block(&mut self, values: &[f64; BLOCK], columns: &[f64; 8]);
    /// Adds what came behind.
    fn merge(&mut self, behind: &Self);
    fn class(&self, class: usize) -> Dd;
    fn total(&self) -> Dd;
}

/// A compensated sum: what rounding drops is added apart.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Compensated {
    sum: f64,
    dropped: f64,
}

impl Compensated {
    #[inline]
    pub(super) fn add(&mut self, x: f64) {
        let sum = two_sum(self.sum, x);
        self.sum = sum.high;
        self.dropped += sum.low;
    }

    #[inline]
    pub(super) fn merge(&mut self, other: &Self) {
        self.add(other.sum);
        self.dropped += other.dropped;
    }

    #[inline]
    pub(super) fn read(&self) -> Dd {
        if self.sum.is_finite() { two_sum(self.sum, self.dropped) } else { Dd::from(self.sum) }
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NaiveAdder(f64);

impl Adder for NaiveAdder {
    const CLASSES: bool = false;

    fn block(&mut self, values: &[f64; BLOCK], _: &[f64; 8]) {
        for value in values {
            self.0 += value;
        }
    }

    fn merge(&mut self, behind: &Self) {
        self.0 += behind.0;
    }

    fn class(&self, _: usize) -> Dd {
        Dd::default()
    }

    fn total(&self) -> Dd {
        Dd::from(self.0)
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BlockedAdder([Compensated; 4]);

impl Adder for BlockedAdder {
    #[inline]
    fn block(&mut self, _: &[f64; BLOCK], columns: &[f64; 8]) {
        for (class, sum) in self.0.iter_mut().enumerate() {
            sum.add(columns[class] + columns[class + 4]);
        }
    }

    fn merge(&mut self, behind: &Self) {
        self.0.iter_mut().zip(&behind.0).for_each(|(sum, behind)| sum.merge(behind));
    }

    fn class(&self, class: usize) -> Dd {
        self.0[class].read()
    }

    fn total(&self) -> Dd {
        self.0.iter().fold(Dd::default(), |total, class| total + class.read())
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NeumaierAdder([Compensated; 4]);

impl Adder for NeumaierAdder {
    fn block(&mut self, values: &[f64; BLOCK], _: &[f64; 8]) {
        for four in values.as_chunks::<4>().0 {
            self.0.iter_mut().zip(four).for_each(|(sum, &value)| sum.add(value));
        }
    }

    fn merge(&mut self, behind: &Self) {
        self.0.iter_mut().zip(&behind.0).for_each(|(sum, behind)| sum.merge(behind));
    }

    fn class(&self, class: usize) -> Dd {
        self.0[class].read()
    }

    fn total(&self) -> Dd {
        self.0.iter().fold(Dd::default(), |total, class| total + class.read())
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct ExactAdder([Exact; 4]);

impl Adder for ExactAdder {
    fn block(&mut self, values: &[f64; BLOCK], _: &[f64; 8]) {
        for four in values.as_chunks::<4>().0 {
            self.0.iter_mut().zip(four).for_each(|(sum, &value)| sum.add(value));
        }
    }

    fn merge(&mut self, behind: &Self) {
        self.0.iter_mut().zip(&behind.0).for_each(|(sum, behind)| sum.merge(behind));
    }

    fn class(&self, class: usize) -> Dd {
        self.0[class].read()
    }

    fn total(&self) -> Dd {
        let mut total = self.0[0].clone();
        self.0[1..].iter().for_each(|class| total.merge(class));
        total.read()
    }
}
