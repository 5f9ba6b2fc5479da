//! Fixed rules: nodes from the global index, chunks from the number of nodes, sums merged in order.
//!
//! Nothing here depends on the number of threads. A node is `start + index * step`, rounded once, so it
//! is the same whichever chunk it falls into; chunks are whole blocks and a function of the number
//! of nodes alone; a chunk is summed by itself, and the sums are merged from the first to the last.

use super::dd::Dd;
use super::drive::{Fault, Setup, Values, in_order};
use super::error::IntegralError;
use super::estimate::{Estimate, Status};
use super::integrand::Integrand;
use super::lanes::kernel::{self, BLOCK, Level};
use super::legendre;
use super::rule::{Norm, Rule};
use super::sum::{Adder, Compensated};
use std::sync::atomic::{AtomicBool, Ordering};

/// As many as can be told apart when they are half a step from each other.
pub(super) const MOST: u64 = 1 << 51;
/// Nodes that are computed at a time: they and their values fit the first cache.
const STAGE: usize = 8 * BLOCK;
/// A chunk is about this many blocks.
const CHUNK: u64 = 128;

/// The nodes of a rule, by index.
pub(super) struct Grid {
    rule: Rule,
    lower: f64,
    upper: f64,
    steps: u64,
    step: f64,
    pub(super) nodes: u64,
    /// Node and weight within a step, of Gauss's rules.
    gauss: Vec<(f64, f64)>,
}

impl Grid {
    /// The grid of a fixed rule over a finite interval with `lower < upper`.
    pub(super) fn new<V>(rule: Rule, lower: f64, upper: f64) -> Result<Self, IntegralError<V>> {
        let (steps, cut, nodes) = Self::steps(rule)?;
        let step = length(lower, upper, cut);
        if step < f64::MIN_POSITIVE {
            return Err(IntegralError::StepTooSmall { steps });
        }
        if step.is_infinite() {
            return Err(IntegralError::StepTooLarge { steps });
        }
        let gauss = match rule {
            Rule::GaussLegendre { nodes, .. } => legendre::gauss(nodes),
            _ => Vec::new(),
        };
        Ok(Self { rule, lower, upper, steps, step, nodes, gauss })
    }

    /// The steps of a rule, into how many parts its nodes cut the interval, and how many nodes there are.
    fn steps<V>(rule: Rule) -> Result<(u64, u64, u64), IntegralError<V>> {
        let (steps, cut, nodes) = match rule {
            Rule::Left { steps } | Rule::Right { steps } | Rule::Midpoint { steps } => {
                (steps, steps, Some(steps))
            }
            Rule::Trapezoid { steps } => (steps, steps, steps.checked_add(1)),
            Rule::Simpson { steps } => {
                let halves = steps.checked_mul(2);
                (steps, halves.unwrap_or(u64::MAX), halves.and_then(|halves| halves.checked_add(1)))
            }
            Rule::GaussLegendre { nodes, steps } => {
                if nodes == 0 || nodes > legendre::MOST {
                    return Err(IntegralError::BadOrder { nodes });
                }
                (steps, steps, steps.checked_mul(nodes.into()))
            }
            Rule::Auto | Rule::Adaptive(_) | Rule::DoubleExponential => (1, 1, Some(1)),
        };
        if steps == 0 {
            return Err(IntegralError::ZeroSteps);
        }
        let nodes = nodes.unwrap_or(u64::MAX);
        if nodes > MOST {
            return Err(IntegralError::TooManySteps { evals: nodes, most: MOST });
        }
        Ok((steps, cut, nodes))
    }

    /// How many nodes a rule has over any interval that is long enough.
    pub(super) fn count<V>(rule: Rule) -> Result<u64, IntegralError<V>> {
        Ok(Self::steps(rule)?.2)
    }

    /// The nodes from the index `first` on.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // below 2^51
    pub(super) fn place(&self, first: u64, out: &mut [f64]) {
        let offset = match self.rule {
            Rule::Right { .. } => 1.0,
            Rule::Midpoint { .. } => 0.5,
            _ => 0.0,
        };
        if self.gauss.is_empty() {
            let first = first as f64 + offset;
            kernel::spread(Level::best(), out, self.lower, self.step, first);
        } else {
            let nodes = self.gauss.len() as u64;
            let (mut panel, mut node) = (first / nodes, (first % nodes) as usize);
            let half = self.step * 0.5;
            for out in out.iter_mut() {
                let middle = (panel as f64 + 0.5).mul_add(self.step, self.lower);
                *out = half.mul_add(self.gauss[node].0, middle);
                node += 1;
                if node == self.gauss.len() {
                    (panel, node) = (panel + 1, 0);
                }
            }
        }
        // Rounding must not lead out of the interval, and where the rule has its end it is the end.
        let end = first + out.len() as u64;
        let closed =
            matches!(self.rule, Rule::Right { .. } | Rule::Trapezoid { .. } | Rule::Simpson { .. });
        if let (true, true, Some(last)) = (closed, end == self.nodes, out.last_mut()) {
            *last = self.upper;
        }
        for x in out.iter_mut().rev().take_while(|x| **x > self.upper) {
            *x = self.upper;
        }
        for x in out.iter_mut().take_while(|x| **x < self.lower) {
            *x = self.lower;
        }
    }

    fn weighs(&self, apart: bool) -> bool {
        !self.gauss.is_empty() || (matches!(self.rule, Rule::Simpson { .. }) && !apart)
    }

    /// Weighs values whose first one has the index `first`, an even number: those of Gauss's rules,
    /// and Simpson's where the sum does not keep them apart.
    #[allow(clippy::cast_possible_truncation)] // less than a length
    fn weigh(&self, first: u64, values: &mut [f64], apart: bool) {
        if self.gauss.is_empty() {
            if let (Rule::Simpson { .. }, false) = (self.rule, apart) {
                let weights = [2.0, 4.0].iter().cycle();
                values.iter_mut().zip(weights).for_each(|(value, weight)| *value *= weight);
            }
            return;
        }
        let start = (first % self.gauss.len() as u64) as usize;
        let weights = self.gauss.iter().cycle().skip(start);
        values.iter_mut().zip(weights).for_each(|(value, (_, weight))| *value *= weight);
    }

    /// The weight of each node, and of the same rule at twice the step if that is contained in it.
    pub(super) fn weights(&self) -> (Vec<f64>, Option<Vec<f64>>) {
        let even = self.steps.is_multiple_of(2);
        let last = self.nodes - 1;
        let end = |index: u64| index == 0 || index == last;
        let all = |weight: &dyn Fn(u64) -> f64| (0..self.nodes).map(weight).collect::<Vec<_>>();
        let step = self.step;
        match self.rule {
            Rule::Left { .. } => {
                let coarse = |index| if index % 2 == 0 { 2.0 * step } else { 0.0 };
                (all(&|_| step), even.then(|| all(&coarse)))
            }
            Rule::Right { .. } => {
                let coarse = |index| if index % 2 == 1 { 2.0 * step } else { 0.0 };
                (all(&|_| step), even.then(|| all(&coarse)))
            }
            Rule::Trapezoid { .. } => {
                let fine = |index| if end(index) { 0.5 * step } else { step };
                let coarse = |index| if index % 2 == 0 { 2.0 * fine(index) } else { 0.0 };
                (all(&fine), even.then(|| all(&coarse)))
            }
            Rule::Simpson { .. } => {
                let third = step / 3.0;
                let simpson = |index: u64, third: f64| match index % 2 {
                    1 => 4.0 * third,
                    _ if end(index) => third,
                    _ => 2.0 * third,
                };
                let coarse = |index| match index % 4 {
                    0 if end(index) => 2.0 * third,
                    0 => 4.0 * third,
                    2 => 8.0 * third,
                    _ => 0.0,
                };
                (all(&|index| simpson(index, third)), even.then(|| all(&coarse)))
            }
            Rule::GaussLegendre { .. } => {
                let weights = self.gauss.iter().cycle().map(|&(_, weight)| weight * step * 0.5);
                #[allow(clippy::cast_possible_truncation)] // boxes have at most 2^24
                (weights.take(self.nodes as usize).collect(), None)
            }
            _ => (all(&|_| step), None),
        }
    }

    fn chunks(&self) -> u64 {
        self.nodes.div_ceil(BLOCK as u64).div_ceil(CHUNK)
    }

    /// The indices of a chunk: whole blocks, but for the end of the last.
    #[allow(clippy::cast_possible_truncation)] // not more than there are blocks
    fn chunk(&self, chunk: u64) -> std::ops::Range<u64> {
        let blocks = self.nodes.div_ceil(BLOCK as u64);
        let border = |chunk: u64| {
            let block = u128::from(chunk) * u128::from(blocks) / u128::from(self.chunks());
            (block as u64 * BLOCK as u64).min(self.nodes)
        };
        border(chunk)..border(chunk + 1)
    }
}

/// The length of one of `parts` equal parts, without an overflow on the way.
#[allow(clippy::cast_precision_loss)] // below 2^53
fn length(lower: f64, upper: f64, parts: u64) -> f64 {
    let whole = upper - lower;
    if whole.is_finite() {
        whole / parts as f64
    } else {
        (upper * 0.5 - lower * 0.5) / (parts as f64 * 0.5)
    }
}

/// The sum of the values of some nodes, for each component.
struct Part<A, const N: usize> {
    sums: [A; N],
    /// The sizes of those with an even index, and with an odd one.
    sizes: [[Compensated; 2]; N],
    /// The values at the first and at the last node of all, where they are in this part.
    ends: [[f64; N]; 2],
    evals: u64,
}

impl<A: Adder, const N: usize> Part<A, N> {
    fn new() -> Self {
        Self {
            sums: std::array::from_fn(|_| A::default()),
            sizes: [[Compensated::default(); 2]; N],
            ends: [[0.0; N]; 2],
            evals: 0,
        }
    }

    fn merge(&mut self, behind: &Self) {
        self.sums.iter_mut().zip(&behind.sums).for_each(|(sum, behind)| sum.merge(behind));
        let sizes = self.sizes.iter_mut().flatten().zip(behind.sizes.iter().flatten());
        sizes.for_each(|(sum, behind)| sum.merge(behind));
        for (end, behind) in self.ends.iter_mut().flatten().zip(behind.ends.iter().flatten()) {
            *end += behind; // only one of them is not zero
        }
        self.evals += behind.evals;
    }
}

/// What a fixed rule needs to know beside its grid.
pub(super) struct Task<'a, I> {
    pub(super) integrand: &'a I,
    pub(super) norm: Norm,
    pub(super) skip: bool,
}

/// Carries out a fixed rule.
pub(super) fn integrate<I: Integrand<N>, A: Adder, const N: usize>(
    task: &Task<'_, I>,
    grid: &Grid,
    setup: &mut Setup<'_>,
) -> Result<Estimate<[f64; N]>, (Fault, Estimate<[f64; N]>)> {
    let mut total = Part::<A, N>::new();
    let job = |chunk, cancel: Option<&AtomicBool>| sum::<I, A, N>(task, grid, chunk, cancel);
    let merge = |part: Part<A, N>| {
        total.merge(&part);
        total.evals
    };
    let ended = in_order(setup, grid.chunks(), job, merge, Some(grid.nodes));
    let estimate = evaluate(task.norm, grid, &total);
    let finite = estimate.value.iter().all(|value| value.is_finite());
    match ended {
        Err(fault) => Err((fault, estimate)),
        Ok(()) if finite => Ok(estimate),
        Ok(()) => Err((Fault::Overflow, estimate)),
    }
}

/// Sums one chunk.
fn sum<I: Integrand<N>, A: Adder, const N: usize>(
    task: &Task<'_, I>,
    grid: &Grid,
    chunk: u64,
    cancel: Option<&AtomicBool>,
) -> Result<Part<A, N>, Fault> {
    let level = Level::best();
    let range = grid.chunk(chunk);
    let mut part = Part::<A, N>::new();
    part.evals = range.end - range.start;
    #[allow(clippy::cast_possible_truncation)] // at most STAGE
    let left = |first: u64| (range.end - first).min(STAGE as u64) as usize;
    let room = left(range.start).next_multiple_of(BLOCK);
    let mut x = vec![0.0; room];
    let mut c = if I::COMPLEMENT { vec![0.0; room] } else { Vec::new() };
    let mut values = Values::<N>::with_room(room);
    let mut first = range.start;
    while first < range.end {
        if cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return Err(Fault::Cancelled);
        }
        let count = left(first);
        let x = &mut x[..count];
        grid.place(first, x);
        for (c, x) in c.iter_mut().zip(&*x) {
            *c = nearer(*x, grid.lower, grid.upper);
        }
        let places = (&*x, c.get(..count).unwrap_or(&[]));
        values.fill(task.integrand, places, 0, task.skip)?;
        // Sums of sizes are finite exactly if all values are, unless they overflow; weights may make a
        // value overflow that was finite, so then the values are looked at before.
        let mut checked = grid.weighs(A::CLASSES);
        if checked && !values.are_finite(0, count) {
            values.check(x, 0, task.skip)?;
        }
        for component in 0..N {
            let y = &mut values.y[component];
            grid.weigh(first, &mut y[..count], A::CLASSES);
            y[count..].fill(0.0);
            let blocks = count.div_ceil(BLOCK);
            for block in 0..blocks {
                let y = &values.y[component].as_chunks::<BLOCK>().0[block];
                let (mut columns, mut sizes) = kernel::sums(level, y);
                let mut pair = tree(sizes);
                if !(pair[0] + pair[1]).is_finite() && !checked {
                    values.check(x, 0, task.skip)?;
                    checked = true;
                    (columns, sizes) =
                        kernel::sums(level, &values.y[component].as_chunks().0[block]);
                    pair = tree(sizes);
                }
                if !(pair[0] + pair[1]).is_finite() {
                    return Err(Fault::Overflow);
                }
                let y = &values.y[component].as_chunks::<BLOCK>().0[block];
                part.sums[component].block(y, &columns);
                let [even, odd] = &mut part.sizes[component];
                even.add(pair[0]);
                odd.add(pair[1]);
            }
            if first == 0 {
                part.ends[0][component] = values.y[component][0];
            }
            if first + count as u64 == grid.nodes {
                part.ends[1][component] = values.y[component][count - 1];
            }
        }
        first += count as u64;
    }
    Ok(part)
}

/// How far a place is from the nearer end, the sign saying which: positive from the lower.
pub(super) fn nearer(x: f64, lower: f64, upper: f64) -> f64 {
    let (from, to) = (x - lower, upper - x);
    if from <= to { from } else { -to }
}

/// The sum of the even columns, and of the odd ones.
fn tree(x: [f64; 8]) -> [f64; 2] {
    [(x[0] + x[4]) + (x[2] + x[6]), (x[1] + x[5]) + (x[3] + x[7])]
}

/// Makes an integral of the sums, and of those of every other node an error.
fn evaluate<A: Adder, const N: usize>(
    norm: Norm,
    grid: &Grid,
    total: &Part<A, N>,
) -> Estimate<[f64; N]> {
    let halves = grid.steps.is_multiple_of(2) && A::CLASSES;
    let mut value = [0.0; N];
    let mut error = [0.0; N];
    let mut l1 = [0.0; N];
    let mut known = true;
    for component in 0..N {
        let sums = &total.sums[component];
        let sum = sums.total();
        let class = |which: &[usize]| {
            which.iter().fold(Dd::default(), |total, &class| total + sums.class(class))
        };
        let ends = Dd::from(total.ends[0][component]) + total.ends[1][component];
        let [even_size, odd_size] = total.sizes[component].map(|sum| sum.read().round());
        let size = even_size + odd_size;
        let end_sizes = total.ends[0][component].abs() + total.ends[1][component].abs();
        // The weight of a sum, and the integral of the same rule at twice the step.
        let weight = match grid.rule {
            Rule::Simpson { .. } => Dd::from(grid.step) / 3.0,
            Rule::GaussLegendre { .. } => Dd::from(grid.step * 0.5),
            _ => Dd::from(grid.step),
        };
        let (fine, coarse, order) = match grid.rule {
            Rule::Left { .. } => (sum, Some(class(&[0, 2]) * 2.0), 1.0),
            Rule::Right { .. } => (sum, Some(class(&[1, 3]) * 2.0), 1.0),
            Rule::Trapezoid { .. } => (sum - ends * 0.5, Some(class(&[0, 2]) * 2.0 - ends), 3.0),
            Rule::Simpson { .. } if A::CLASSES => {
                let inner = class(&[1, 3]) * 4.0 + class(&[0, 2]) * 2.0;
                let coarse = (class(&[2]) * 4.0 + class(&[0]) * 2.0 - ends) * 2.0;
                (inner - ends, Some(coarse), 15.0)
            }
            Rule::Simpson { .. } => (sum - ends * 0.5, None, 1.0),
            _ => (sum, None, 1.0),
        };
        let exact = fine * weight;
        value[component] = exact.round();
        // As the values are weighed, so are their sizes.
        let size = match grid.rule {
            Rule::Trapezoid { .. } => size - 0.5 * end_sizes,
            Rule::Simpson { .. } if A::CLASSES => 4.0 * odd_size + (2.0 * even_size - end_sizes),
            Rule::Simpson { .. } => size - 0.5 * end_sizes,
            _ => size,
        };
        l1[component] = size * weight.high;
        match coarse {
            Some(coarse) if halves => {
                let apart = (exact - coarse * weight).round().abs() / order;
                error[component] = (20.0 * f64::EPSILON / 2.0).mul_add(l1[component], apart);
            }
            _ => known = false,
        }
    }
    let l1 = norm.of(&l1);
    Estimate {
        value,
        error: known.then(|| norm.of(&error)),
        l1,
        evals: total.evals,
        panels: grid.steps,
        status: if l1 == 0.0 { Status::NothingSeen } else { Status::Fixed },
    }
}
