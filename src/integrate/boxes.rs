//! Boxes: a rule along each axis, and every combination of their nodes.

use super::drive::{Fault, Setup, Values, in_order};
use super::error::IntegralError;
use super::estimate::{Estimate, Progress, Status};
use super::fixed::{Grid, MOST};
use super::integrand::{Integrand, sealed};
use super::lanes::kernel::{self, BLOCK, Level};
use super::rule::{Kronrod, Rule};
use super::sum::{Adder, BlockedAdder, Compensated, ExactAdder, NaiveAdder, NeumaierAdder, Sum};
use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// The most nodes along one axis.
const MOST_ALONG: u64 = 1 << 24;
/// Points that are computed at a time.
const STAGE: usize = 4 * BLOCK;
const CHUNK: u64 = 128;

/// An integral over a box of `D` dimensions, by the same rule along each axis.
///
/// The number of evaluations is that of one axis to the power of `D`, so this is for few dimensions. As
/// for [`Integral`](super::Integral), the bits do not depend on the number of threads, an axis that is
/// reversed changes the sign, and an empty one makes the integral zero.
///
/// # Examples
///
/// ```
/// use brigade::integrate::{BoxIntegral, Kronrod, Rule};
///
/// let f = |[x, y]: [f64; 2]| (x * y).exp();
/// let area = BoxIntegral::new(f, [0.0, 0.0], [1.0, 1.0]).run()?;
/// assert!((area.value - 1.3179021514544038).abs() < 1e-14);
/// assert_eq!(area.evals, 21 * 21);
/// # Ok::<(), brigade::integrate::IntegralError>(())
/// ```
#[doc(alias = "scipy.integrate.nquad")]
#[doc(alias = "dblquad")]
#[must_use = "nothing is computed before `run`"]
pub struct BoxIntegral<'a, F, const D: usize> {
    f: F,
    lower: [f64; D],
    upper: [f64; D],
    rule: Rule,
    sum: Sum,
    setup: Setup<'a>,
}

impl<'a, F: Fn([f64; D]) -> f64 + Sync, const D: usize> BoxIntegral<'a, F, D> {
    /// Makes the integral of `f` over the box between two corners.
    ///
    /// The rule is [`Rule::Adaptive`] with 21 nodes unless another is chosen; a box is one panel, and is
    /// not halved.
    pub fn new(f: F, lower: [f64; D], upper: [f64; D]) -> Self {
        let rule = Rule::Adaptive(Kronrod::default());
        Self { f, lower, upper, rule, sum: Sum::default(), setup: Setup::default() }
    }

    /// Chooses the rule along each axis: a fixed one, or one panel of Kronrod's, which knows its error.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rule = rule;
        self
    }

    /// Chooses how the values are added; [`Sum::Blocked`] if nothing is chosen.
    pub fn sum(mut self, sum: Sum) -> Self {
        self.sum = sum;
        self
    }

    /// Computes on the calling thread alone. The result is the same.
    pub fn sequential(mut self) -> Self {
        self.setup.sequential = true;
        self
    }

    /// Calls back on the calling thread, as the evaluations go on.
    pub fn progress(mut self, callback: impl FnMut(Progress) + 'a) -> Self {
        self.setup.progress = Some(Box::new(callback));
        self
    }

    /// Ends soon after the flag is set.
    pub fn cancel(mut self, flag: &'a AtomicBool) -> Self {
        self.setup.cancel = Some(flag);
        self
    }

    /// Computes the integral on the threads of the current rayon pool.
    ///
    /// # Errors
    ///
    /// Those of [`Integral::run`](super::Integral::run), with a point for a place;
    /// [`IntegralError::RuleForBox`] for a double exponential rule; [`IntegralError::TooManySteps`] if one
    /// axis has more than 2^24 nodes, or the box more than 2^51.
    pub fn run(mut self) -> Result<Estimate, IntegralError> {
        let along = Axis::count(self.rule)?;
        let nodes = (0..D).try_fold(1_u64, |nodes, _| nodes.checked_mul(along));
        let nodes = nodes.unwrap_or(u64::MAX);
        let mut axes = Vec::with_capacity(D);
        let mut sign = 1.0;
        let mut empty = false;
        for (&lower, &upper) in self.lower.iter().zip(&self.upper) {
            if lower.is_nan() || upper.is_nan() {
                return Err(IntegralError::NanBound { lower, upper });
            }
            if lower.is_infinite() || upper.is_infinite() {
                return Err(IntegralError::InfiniteBound { lower, upper });
            }
            let (low, high) = (lower.min(upper), lower.max(upper));
            sign *= if lower > upper { -1.0 } else { 1.0 };
            empty |= low == high;
            if low < high && high - low < f64::MIN_POSITIVE {
                return Err(IntegralError::StepTooSmall { steps: 1 });
            }
        }
        if nodes > MOST {
            return Err(IntegralError::TooManySteps { evals: nodes, most: MOST });
        }
        for (&lower, &upper) in self.lower.iter().zip(&self.upper) {
            if !empty {
                axes.push(Axis::new(self.rule, lower.min(upper), lower.max(upper))?);
            }
        }
        if empty {
            return Ok(super::nothing().map(|[value]| value));
        }
        let task = Task::<F, D> { f: &self.f, axes, nodes };
        let setup = &mut self.setup;
        let computed = match self.sum {
            Sum::Naive => integrate::<F, NaiveAdder, D>(&task, setup),
            Sum::Blocked => integrate::<F, BlockedAdder, D>(&task, setup),
            Sum::Neumaier => integrate::<F, NeumaierAdder, D>(&task, setup),
            Sum::Exact => integrate::<F, ExactAdder, D>(&task, setup),
        };
        let signed = |estimate: Estimate| estimate.map(|value| sign * value);
        computed.map(signed).map_err(|(fault, partial)| {
            // Faults name a place by its index.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let point = |index: f64| task.point(index as u64).to_vec();
            match fault {
                Fault::NonFinite { x, y } => IntegralError::NonFiniteAt { point: point(x), y },
                Fault::Panicked { x, payload } => {
                    IntegralError::PanickedAt { point: point(x), payload }
                }
                Fault::Overflow => IntegralError::Overflow,
                Fault::Cancelled => IntegralError::Cancelled { partial: Box::new(signed(partial)) },
            }
        })
    }
}

impl<F, const D: usize> fmt::Debug for BoxIntegral<'_, F, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxIntegral")
            .field("lower", &self.lower)
            .field("upper", &self.upper)
            .field("rule", &self.rule)
            .field("sum", &self.sum)
            .finish_non_exhaustive()
    }
}

/// The nodes along one axis.
struct Axis {
    x: Vec<f64>,
    weights: Vec<f64>,
    /// Those of the rule that this one contains, if it does.
    coarse: Option<Vec<f64>>,
}

impl Axis {
    /// How many nodes there are along each axis, whatever its ends.
    fn count(rule: Rule) -> Result<u64, IntegralError> {
        match rule {
            Rule::Adaptive(kronrod) => Ok(2 * kronrod.table().len() as u64 - 1),
            Rule::Auto => Self::count(Rule::Adaptive(Kronrod::default())),
            Rule::DoubleExponential => Err(IntegralError::RuleForBox),
            _ => match Grid::count(rule)? {
                nodes if nodes > MOST_ALONG => {
                    Err(IntegralError::TooManySteps { evals: nodes, most: MOST_ALONG })
                }
                nodes => Ok(nodes),
            },
        }
    }

    fn new(rule: Rule, lower: f64, upper: f64) -> Result<Self, IntegralError> {
        if let Rule::Adaptive(kronrod) = rule {
            return Ok(Self::kronrod(kronrod, lower, upper));
        }
        if let Rule::Auto = rule {
            return Ok(Self::kronrod(Kronrod::default(), lower, upper));
        }
        let grid = Grid::new(rule, lower, upper)?;
        #[allow(clippy::cast_possible_truncation)] // at most 2^24
        let mut x = vec![0.0; grid.nodes as usize];
        grid.place(0, &mut x);
        let (weights, coarse) = grid.weights();
        Ok(Self { x, weights, coarse })
    }

    fn kronrod(kronrod: Kronrod, lower: f64, upper: f64) -> Self {
        let table = kronrod.table();
        let (middle, half) = (lower * 0.5 + upper * 0.5, upper * 0.5 - lower * 0.5);
        let below = table[1..].iter().rev().map(|&(x, w, g)| (middle - half * x, w, g));
        let above = table.iter().map(|&(x, w, g)| (middle + half * x, w, g));
        let (mut x, mut weights, mut coarse) = (Vec::new(), Vec::new(), Vec::new());
        for (place, weight, inner) in below.chain(above) {
            x.push(place);
            weights.push(weight * half);
            coarse.push(inner * half);
        }
        Self { x, weights, coarse: Some(coarse) }
    }
}

struct Task<'a, F, const D: usize> {
    f: &'a F,
    axes: Vec<Axis>,
    nodes: u64,
}

impl<F, const D: usize> Task<'_, F, D> {
    /// Which node of each axis; the last axis runs fastest.
    #[allow(clippy::cast_possible_truncation)] // less than the nodes of an axis
    fn index(&self, mut index: u64) -> [usize; D] {
        let mut at = [0; D];
        for (at, axis) in at.iter_mut().zip(&self.axes).rev() {
            let along = axis.x.len() as u64;
            *at = (index % along) as usize;
            index /= along;
        }
        at
    }

    fn point(&self, index: u64) -> [f64; D] {
        let at = self.index(index);
        std::array::from_fn(|d| self.axes[d].x[at[d]])
    }

    fn step(&self, at: &mut [usize; D]) {
        for (at, axis) in at.iter_mut().zip(&self.axes).rev() {
            *at += 1;
            if *at < axis.x.len() {
                return;
            }
            *at = 0;
        }
    }
}

/// The function as an integrand of the index of a point.
struct Indexed<'a, 'b, F, const D: usize>(&'b Task<'a, F, D>);

impl<F: Fn([f64; D]) -> f64 + Sync, const D: usize> Integrand<1> for Indexed<'_, '_, F, D> {
    type Value = f64;
}

impl<F: Fn([f64; D]) -> f64 + Sync, const D: usize> sealed::Fill<1> for Indexed<'_, '_, F, D> {
    fn fill(&self, x: &[f64], _: &[f64], [y]: [&mut [f64]; 1], at: &Cell<usize>) {
        let Some(&first) = x.first() else { return };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // an index
        let mut node = self.0.index(first as u64);
        for (index, y) in y.iter_mut().take(x.len()).enumerate() {
            at.set(index);
            *y = (self.0.f)(std::array::from_fn(|d| self.0.axes[d].x[node[d]]));
            self.0.step(&mut node);
        }
    }
}

struct Part<A> {
    sum: A,
    coarse: Compensated,
    size: Compensated,
    evals: u64,
}

fn integrate<F: Fn([f64; D]) -> f64 + Sync, A: Adder, const D: usize>(
    task: &Task<'_, F, D>,
    setup: &mut Setup<'_>,
) -> Result<Estimate, (Fault, Estimate)> {
    let blocks = task.nodes.div_ceil(BLOCK as u64);
    let chunks = blocks.div_ceil(CHUNK);
    #[allow(clippy::cast_possible_truncation)] // not more than there are blocks
    let border = |chunk: u64| {
        let block = u128::from(chunk) * u128::from(blocks) / u128::from(chunks);
        (block as u64 * BLOCK as u64).min(task.nodes)
    };
    let (coarse, size) = (Compensated::default(), Compensated::default());
    let mut total = Part { sum: A::default(), coarse, size, evals: 0 };
    let job = |chunk: u64, cancel: Option<&AtomicBool>| {
        sum::<F, A, D>(task, border(chunk), border(chunk + 1), cancel)
    };
    let merge = |part: Part<A>| {
        total.sum.merge(&part.sum);
        total.coarse.merge(&part.coarse);
        total.size.merge(&part.size);
        total.evals += part.evals;
        total.evals
    };
    let ended = in_order(setup, chunks, job, merge, Some(task.nodes));
    let value = total.sum.total().round();
    let l1 = total.size.read().round();
    let known = task.axes.iter().all(|axis| axis.coarse.is_some());
    let apart = (value - total.coarse.read().round()).abs();
    let estimate = Estimate {
        value,
        error: known.then_some(apart + 20.0 * f64::EPSILON * l1),
        l1,
        evals: total.evals,
        panels: 1,
        status: if l1 == 0.0 { Status::NothingSeen } else { Status::Fixed },
    };
    match ended {
        Err(fault) => Err((fault, estimate)),
        Ok(()) if value.is_finite() => Ok(estimate),
        Ok(()) => Err((Fault::Overflow, estimate)),
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // below 2^51; at most STAGE
fn sum<F: Fn([f64; D]) -> f64 + Sync, A: Adder, const D: usize>(
    task: &Task<'_, F, D>,
    first: u64,
    end: u64,
    cancel: Option<&AtomicBool>,
) -> Result<Part<A>, Fault> {
    let (coarse, size) = (Compensated::default(), Compensated::default());
    let mut part = Part { sum: A::default(), coarse, size, evals: end - first };
    let known = task.axes.iter().all(|axis| axis.coarse.is_some());
    let mut values = Values::<1>::with_room(STAGE);
    let mut indices = [0.0; STAGE];
    let mut at = task.index(first);
    let mut begin = first;
    while begin < end {
        if cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return Err(Fault::Cancelled);
        }
        let count = (end - begin).min(STAGE as u64) as usize;
        let indices = &mut indices[..count];
        indices.iter_mut().zip(begin..).for_each(|(x, index)| *x = index as f64);
        values.fill(&Indexed(task), (indices, &[]), 0, false)?;
        if !values.are_finite(0, count) {
            values.check(indices, 0, false)?;
        }
        let y = &mut values.y[0];
        for y in &mut y[..count] {
            let (mut weight, mut inner) = (1.0, 1.0);
            for (axis, &at) in task.axes.iter().zip(&at) {
                weight *= axis.weights[at];
                inner *= axis.coarse.as_ref().map_or(0.0, |coarse| coarse[at]);
            }
            let (mut fine, mut rough) = (*y * weight, *y * inner);
            if !weight.is_normal() {
                // Beyond the numbers by itself, though perhaps not with a value in the middle.
                (fine, rough) = (*y, *y);
                for (axis, &at) in task.axes.iter().zip(&at) {
                    fine *= axis.weights[at];
                    rough *= axis.coarse.as_ref().map_or(0.0, |coarse| coarse[at]);
                }
            }
            if known && rough != 0.0 {
                part.coarse.add(rough);
            }
            *y = fine;
            task.step(&mut at);
        }
        y[count..].fill(0.0);
        for block in &y.as_chunks::<BLOCK>().0[..count.div_ceil(BLOCK)] {
            let (columns, sizes) = kernel::sums(Level::best(), block);
            let size = sizes.iter().sum::<f64>();
            if !size.is_finite() {
                return Err(Fault::Overflow);
            }
            part.sum.block(block, &columns);
            part.size.add(size);
        }
        begin += count as u64;
    }
    Ok(part)
}
