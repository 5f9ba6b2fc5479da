//! Adaptive bisection by Kronrod's rules, in rounds that do not depend on the number of threads.
//!
//! The estimates and the tests for rounding and for singularities are QUADPACK's (Piessens, de Doncker,
//! Überhuber, Kahaner, 1983, routines QAG and QAGI). What is new is the round: beside the worst panel it
//! halves those that are nearly as bad, but no more than it takes to bring the error below the
//! tolerance if they went away, and computes all their nodes together.

use super::drive::{Fault, Sampler, Setup};
use super::error::IntegralError;
use super::estimate::{Estimate, Status};
use super::fixed::nearer;
use super::integrand::Integrand;
use super::rule::{Kronrod, Norm};
use super::sum::Compensated;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A round halves at most so many panels.
const WIDEST_ROUND: usize = 64;

/// So many panels at most are kept, which is some hundred megabytes.
pub(super) const MOST_PANELS: u64 = 1 << 22;

/// What part of the greatest error a panel must have to be halved in the same round.
const NEARLY: f64 = 0.1;

/// How the panels' coordinate becomes the integrand's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Map {
    Finite {
        lower: f64,
        upper: f64,
    },
    /// From `lower` on: x = lower + (1 - t)/t.
    Above {
        lower: f64,
    },
    /// Up to `upper`: x = upper - (1 - t)/t.
    Below {
        upper: f64,
    },
    /// The whole line, folded at zero: x = ±(1 - t)/t.
    Line,
}

impl Map {
    pub(super) fn new(lower: f64, upper: f64) -> Self {
        match (lower.is_infinite(), upper.is_infinite()) {
            (false, false) => Self::Finite { lower, upper },
            (false, true) => Self::Above { lower },
            (true, false) => Self::Below { upper },
            (true, true) => Self::Line,
        }
    }

    fn is_finite(self) -> bool {
        matches!(self, Self::Finite { .. })
    }

    /// Where a place lies in the panels' coordinate.
    fn inverse(self, x: f64) -> f64 {
        match self {
            Self::Finite { .. } => x,
            Self::Above { lower } => 1.0 / (1.0 + (x - lower)),
            Self::Below { upper } => 1.0 / (1.0 + (upper - x)),
            Self::Line => 1.0 / (1.0 + x.abs()),
        }
    }

    /// What lies beyond the greatest number is taken for it.
    fn place(self, t: f64) -> f64 {
        let far = (1.0 - t) / t;
        let place = match self {
            Self::Finite { .. } => t,
            Self::Above { lower } => lower + far,
            Self::Below { upper } => upper - far,
            Self::Line => far,
        };
        place.clamp(-f64::MAX, f64::MAX)
    }

    fn complement(self, x: f64) -> f64 {
        match self {
            Self::Finite { lower, upper } => nearer(x, lower, upper),
            Self::Above { lower } => x - lower,
            Self::Below { upper } => x - upper,
            Self::Line => x,
        }
    }
}

/// What was asked for.
pub(super) struct Task<'a, I> {
    pub(super) integrand: &'a I,
    pub(super) map: Map,
    pub(super) rule: Kronrod,
    pub(super) norm: Norm,
    pub(super) abs_tol: f64,
    pub(super) rel_tol: f64,
    pub(super) points: &'a [f64],
    pub(super) min_panels: u64,
    pub(super) max_evals: u64,
    pub(super) skip: bool,
}

/// A piece of the interval with its estimate.
#[derive(Debug, Clone)]
struct Panel<const N: usize> {
    low: f64,
    high: f64,
    value: [f64; N],
    l1: [f64; N],
    error: f64,
    /// The error is only known to be less than the integrand's variation.
    vague: bool,
    /// Where the line is folded, whether the values vary more below zero than above.
    below: bool,
}

impl<const N: usize> PartialEq for Panel<N> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<const N: usize> Eq for Panel<N> {}

impl<const N: usize> PartialOrd for Panel<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Ord for Panel<N> {
    /// By error; of equal ones the left is first.
    fn cmp(&self, other: &Self) -> Ordering {
        self.error.total_cmp(&other.error).then(other.low.total_cmp(&self.low))
    }
}

/// The panels so far.
struct Panels<const N: usize> {
    heap: BinaryHeap<Panel<N>>,
    value: [Compensated; N],
    error: Compensated,
}

impl<const N: usize> Panels<N> {
    fn push(&mut self, panel: Panel<N>) {
        self.value.iter_mut().zip(panel.value).for_each(|(sum, value)| sum.add(value));
        self.error.add(panel.error);
        self.heap.push(panel);
    }

    fn pop(&mut self) -> Option<Panel<N>> {
        let panel = self.heap.pop()?;
        self.value.iter_mut().zip(panel.value).for_each(|(sum, value)| sum.add(-value));
        self.error.add(-panel.error);
        Some(panel)
    }

    fn error(&self) -> f64 {
        self.error.read().round().max(0.0)
    }

    fn value(&self) -> [f64; N] {
        self.value.map(|sum| sum.read().round())
    }

    /// Adds everything once more, from left to right.
    fn estimate(self, norm: Norm, evals: u64, status: Status) -> Estimate<[f64; N]> {
        let mut panels = self.heap.into_vec();
        panels.sort_unstable_by(|a, b| a.low.total_cmp(&b.low));
        let mut value = [Compensated::default(); N];
        let mut l1 = [Compensated::default(); N];
        let mut error = Compensated::default();
        for panel in &panels {
            value.iter_mut().zip(panel.value).for_each(|(sum, value)| sum.add(value));
            l1.iter_mut().zip(panel.l1).for_each(|(sum, l1)| sum.add(l1));
            error.add(panel.error);
        }
        let l1 = norm.of(&l1.map(|sum| sum.read().round()));
        let seen = l1 != 0.0;
        Estimate {
            value: value.map(|sum| sum.read().round()),
            error: Some(error.read().round()),
            l1,
            evals,
            panels: panels.len() as u64,
            status: if seen || status != Status::Converged { status } else { Status::NothingSeen },
        }
    }
}

/// What a round works with, kept for the next one.
struct Work<const N: usize> {
    /// The panels that are to be measured.
    borders: Vec<(f64, f64)>,
    /// Their nodes, and where those are on the integrand's axis, unless that is the same.
    nodes: Vec<f64>,
    x: Vec<f64>,
    c: Vec<f64>,
    measured: Vec<Panel<N>>,
}

pub(super) fn integrate<I: Integrand<N>, const N: usize>(
    task: &Task<'_, I>,
    setup: &mut Setup<'_>,
) -> Result<Estimate<[f64; N]>, (Fault, Estimate<[f64; N]>)> {
    let mut sampler = Sampler::new(task.integrand, task.skip, setup);
    let mut panels = Panels {
        heap: BinaryHeap::new(),
        value: [Compensated::default(); N],
        error: Compensated::default(),
    };
    match run(task, setup, &mut sampler, &mut panels) {
        Ok(status) => Ok(panels.estimate(task.norm, sampler.evals, status)),
        Err(fault) => Err((fault, panels.estimate(task.norm, sampler.evals, Status::MaxEvals))),
    }
}

fn run<I: Integrand<N>, const N: usize>(
    task: &Task<'_, I>,
    setup: &mut Setup<'_>,
    sampler: &mut Sampler<'_, I, N>,
    panels: &mut Panels<N>,
) -> Result<Status, Fault> {
    let each = evals_of(task);
    let first = begin(task);
    let mut work = Work {
        borders: Vec::new(),
        nodes: Vec::new(),
        x: Vec::new(),
        c: Vec::new(),
        measured: Vec::new(),
    };
    panels.heap.reserve(2 * first.len() + 14);
    let mut vague = false;
    for borders in first.chunks(WIDEST_ROUND) {
        if setup.cancelled() {
            return Err(Fault::Cancelled);
        }
        work.borders.clear();
        work.borders.extend_from_slice(borders);
        measure(task, sampler, &mut work)?;
        for panel in work.measured.drain(..) {
            vague |= panel.vague;
            panels.push(panel);
        }
    }
    setup.report(sampler.evals, None, Some(panels.error()));
    let goal = |panels: &Panels<N>| {
        let size = task.norm.of(&panels.value());
        task.abs_tol.max(task.rel_tol * size)
    };
    let floor = {
        let mut l1 = [0.0; N];
        for panel in &panels.heap {
            l1.iter_mut().zip(panel.l1).for_each(|(sum, part)| *sum += part);
        }
        50.0 * f64::EPSILON * task.norm.of(&l1)
    };
    if panels.error() <= floor && panels.error() > goal(panels) {
        return Ok(Status::RoundoffLimited);
    }
    if panels.error() == 0.0 || (panels.error() <= goal(panels) && !vague) {
        return Ok(Status::Converged);
    }
    // Halvings that changed nothing but for the worse: QUADPACK's two counts.
    let (mut same, mut worse, mut halvings) = (0, 0, 0_u64);
    let mut worst: Vec<Panel<N>> = Vec::new();
    loop {
        if setup.cancelled() {
            return Err(Fault::Cancelled);
        }
        let total = panels.error();
        let tolerance = goal(panels);
        let room = task.max_evals.saturating_sub(sampler.evals) / (2 * each);
        let room = room.min(MOST_PANELS.saturating_sub(panels.heap.len() as u64));
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(WIDEST_ROUND);
        if room == 0 {
            return Ok(Status::MaxEvals);
        }
        let mut taken = 0.0;
        let mut least = 0.0;
        // The worst one at least, also where the error is small and only its estimate is not trusted.
        while worst.len() < room && (worst.is_empty() || taken <= total - tolerance / 2.0) {
            let next = panels.heap.peek();
            if next.is_none_or(|panel| panel.error < least) {
                break;
            }
            let Some(panel) = panels.pop() else { break };
            if worst.is_empty() {
                least = NEARLY * panel.error;
            }
            taken += panel.error;
            worst.push(panel);
        }
        work.borders.clear();
        for panel in &worst {
            let middle = panel.low * 0.5 + panel.high * 0.5;
            work.borders.extend([(panel.low, middle), (middle, panel.high)]);
        }
        if let Err(fault) = measure(task, sampler, &mut work) {
            worst.into_iter().for_each(|panel| panels.push(panel));
            return Err(fault);
        }
        let mut singular = None;
        let mut measured = work.measured.drain(..);
        for old in worst.drain(..) {
            let (Some(left), Some(right)) = (measured.next(), measured.next()) else { break };
            halvings += 1;
            let error = left.error + right.error;
            let value: [f64; N] = std::array::from_fn(|i| left.value[i] + right.value[i]);
            let moved: [f64; N] = std::array::from_fn(|i| old.value[i] - value[i]);
            if !left.vague && !right.vague {
                let still = task.norm.of(&moved) <= 1e-5 * task.norm.of(&value);
                same += u32::from(still && error >= 0.99 * old.error);
                worse += u32::from(halvings >= 10 && error > old.error);
            }
            if too_short(&left, &right) {
                let below = if left.error > right.error { left.below } else { right.below };
                let place = task.map.place(right.low);
                singular.get_or_insert(if below { -place } else { place });
            }
            panels.push(left);
            panels.push(right);
        }
        let error = panels.error();
        setup.report(sampler.evals, None, Some(error));
        if error <= goal(panels) {
            return Ok(Status::Converged);
        }
        if let Some(near) = singular {
            return Ok(Status::SuspectSingularity { near });
        }
        if same >= 6 || worse >= 20 {
            return Ok(Status::RoundoffLimited);
        }
        if !error.is_finite() {
            return Err(Fault::Overflow);
        }
    }
}

/// Whether the middle can hardly be told from the ends.
fn too_short<const N: usize>(left: &Panel<N>, right: &Panel<N>) -> bool {
    let near = (1.0 + 100.0 * f64::EPSILON) * (right.low.abs() + 1000.0 * f64::MIN_POSITIVE);
    left.low.abs() <= near && right.high.abs() <= near
}

/// Evaluations of one panel.
fn evals_of<I>(task: &Task<'_, I>) -> u64 {
    let nodes = 2 * task.rule.table().len() as u64 - 1;
    if matches!(task.map, Map::Line) { 2 * nodes } else { nodes }
}

/// The panels to begin with: between the breakpoints, each cut into equal parts.
fn begin<I>(task: &Task<'_, I>) -> Vec<(f64, f64)> {
    let (low, high) = match task.map {
        Map::Finite { lower, upper } => (lower, upper),
        _ => (0.0, 1.0),
    };
    let mut borders: Vec<f64> = task.points.iter().map(|&x| task.map.inverse(x)).collect();
    borders.extend([low, high]);
    borders.sort_by(f64::total_cmp);
    borders.dedup();
    let pieces = borders.len() as u64 - 1;
    let most = task.max_evals / evals_of(task) / pieces;
    let parts = task.min_panels.div_ceil(pieces).min(most).max(1);
    let mut panels = Vec::with_capacity(usize::try_from(parts * pieces).unwrap_or(0));
    for ends in borders.windows(2) {
        let (low, high) = (ends[0], ends[1]);
        #[allow(clippy::cast_precision_loss)]
        let border = |k: u64| {
            let share = k as f64 / parts as f64;
            if k == parts { high } else { (1.0 - share) * low + share * high }
        };
        panels.extend((0..parts).map(|k| (border(k), border(k + 1))));
    }
    panels
}

/// Estimates the integral over each panel, all values computed together.
fn measure<I: Integrand<N>, const N: usize>(
    task: &Task<'_, I>,
    sampler: &mut Sampler<'_, I, N>,
    work: &mut Work<N>,
) -> Result<(), Fault> {
    let Work { borders, nodes, x, c, measured } = work;
    let table = task.rule.table();
    let each = 2 * table.len() - 1;
    nodes.clear();
    nodes.reserve(borders.len() * each);
    for &(low, high) in &*borders {
        let (middle, half) = (low * 0.5 + high * 0.5, high * 0.5 - low * 0.5);
        // Rounding must not lead out of a panel.
        nodes.extend(table[1..].iter().rev().map(|&(node, ..)| (middle - half * node).max(low)));
        nodes.push(middle);
        nodes.extend(table[1..].iter().map(|&(node, ..)| (middle + half * node).min(high)));
    }
    x.clear();
    if !task.map.is_finite() {
        x.extend(nodes.iter().map(|&t| task.map.place(t)));
    }
    if let Map::Line = task.map {
        x.extend(nodes.iter().map(|&t| -task.map.place(t)));
    }
    let x = if task.map.is_finite() { &*nodes } else { &*x };
    c.clear();
    if I::COMPLEMENT {
        c.extend(x.iter().map(|&x| task.map.complement(x)));
    }
    let values = sampler.values(x, c)?;
    measured.clear();
    for (at, &(low, high)) in borders.iter().enumerate() {
        let range = at * each..(at + 1) * each;
        let mut below = false;
        if !task.map.is_finite() {
            let (mut variation, mut variation_below) = (0.0, 0.0);
            for y in &mut *values {
                let (above, folded) = y.split_at_mut(nodes.len());
                let above = &mut above[range.clone()];
                if let Map::Line = task.map {
                    let folded = &folded[range.clone()];
                    let vary = |y: &[f64]| y.windows(2).map(|y| (y[1] - y[0]).abs()).sum::<f64>();
                    variation += vary(above);
                    variation_below += vary(folded);
                    above.iter_mut().zip(folded).for_each(|(y, folded)| *y += folded);
                }
                // Divided twice: the square of t may be too small for a number.
                above.iter_mut().zip(&nodes[range.clone()]).for_each(|(y, t)| *y = *y / t / t);
            }
            below = variation_below > variation;
        }
        let y: [&[f64]; N] = std::array::from_fn(|component| &values[component][range.clone()]);
        let panel = panel(task, low, high, y)?;
        measured.push(Panel { below, ..panel });
    }
    Ok(())
}

/// QUADPACK's estimate of an integral and of its error, from the values at the nodes of one panel.
fn panel<I, const N: usize>(
    task: &Task<'_, I>,
    low: f64,
    high: f64,
    y: [&[f64]; N],
) -> Result<Panel<N>, Fault> {
    let table = task.rule.table();
    let half = high * 0.5 - low * 0.5;
    let mut panel =
        Panel { low, high, value: [0.0; N], l1: [0.0; N], error: 0.0, vague: false, below: false };
    let mut errors = [0.0; N];
    for (component, y) in y.into_iter().enumerate() {
        let centre = table.len() - 1;
        let (_, weight, inner) = table[0];
        let mut kronrod = y[centre] * weight;
        let mut gauss = y[centre] * inner;
        let mut size = (y[centre] * weight).abs();
        for (away, &(_, weight, inner)) in table.iter().enumerate().skip(1) {
            let (left, right) = (y[centre - away], y[centre + away]);
            kronrod += (left + right) * weight;
            gauss += (left + right) * inner;
            size += weight * (left.abs() + right.abs());
        }
        let mean = kronrod * 0.5;
        let mut variation = weight * (y[centre] - mean).abs();
        for (away, &(_, weight, _)) in table.iter().enumerate().skip(1) {
            let (left, right) = (y[centre - away], y[centre + away]);
            variation += weight * ((left - mean).abs() + (right - mean).abs());
        }
        let value = kronrod * half;
        let size = size * half.abs();
        let variation = variation * half.abs();
        let mut error = ((kronrod - gauss) * half).abs();
        if !(value.is_finite() && size.is_finite()) {
            return Err(Fault::Overflow);
        }
        if variation != 0.0 && error != 0.0 {
            let scale = 200.0 * error / variation;
            let scale = scale * scale.sqrt();
            panel.vague |= scale >= 1.0;
            error = variation * scale.min(1.0);
        }
        if size > f64::MIN_POSITIVE / (50.0 * f64::EPSILON) {
            error = error.max(50.0 * f64::EPSILON * size);
        }
        panel.value[component] = value;
        panel.l1[component] = size;
        errors[component] = error;
    }
    panel.error = task.norm.of(&errors);
    Ok(panel)
}

/// Checks what only adaptive rules take.
pub(super) fn check<V>(
    points: &[f64],
    (lower, upper): (f64, f64),
    (abs, rel): (f64, f64),
    min_panels: Option<u64>,
) -> Result<(), IntegralError<V>> {
    let bad = |tolerance: f64| tolerance.is_nan() || tolerance < 0.0;
    if bad(abs) || bad(rel) || (abs == 0.0 && rel < 50.0 * f64::EPSILON) {
        return Err(IntegralError::BadTolerance { abs, rel });
    }
    // Written so that what is no number fails.
    let inside = |point: &&f64| !(**point >= lower && **point <= upper && point.is_finite());
    if let Some(&point) = points.iter().find(inside) {
        return Err(IntegralError::BadPoint { point });
    }
    if min_panels == Some(0) {
        return Err(IntegralError::ZeroPanels);
    }
    let panels = min_panels.unwrap_or(1).max(points.len() as u64 + 1);
    if panels > MOST_PANELS {
        return Err(IntegralError::TooManyPanels { panels, most: MOST_PANELS });
    }
    if lower < upper && upper - lower < f64::MIN_POSITIVE {
        return Err(IntegralError::StepTooSmall { steps: 1 });
    }
    Ok(())
}
