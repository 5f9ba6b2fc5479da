//! The double exponential rules: the trapezoid rule after a change of variable that makes every
//! integrand die out doubly exponentially at both ends (Takahasi and Mori, 1974).
//!
//! Each level halves the step and keeps all values of the levels before. Where the integrand dies out is
//! found once, on the coarsest grid, and finer ones stop there. On a finite interval that grid goes to
//! both ends: what looks dead may come to life again.

use super::drive::{Fault, Sampler, Setup};
use super::estimate::{Estimate, Status};
use super::fixed::nearer;
use super::integrand::Integrand;
use super::rule::Norm;
use super::sum::Compensated;
use super::tables::{LEVEL0, LEVEL1, LEVEL2, LEVEL3, LEVEL4, LEVEL5, LEVEL6, LEVEL7};
use std::f64::consts::FRAC_PI_2;

const LEVELS: [&[(f64, f64)]; 8] =
    [&LEVEL0, &LEVEL1, &LEVEL2, &LEVEL3, &LEVEL4, &LEVEL5, &LEVEL6, &LEVEL7];
/// The grid on which the ends are found has the step 2^-2.
const COARSE: usize = 2;

/// What was asked for.
pub(super) struct Task<'a, I> {
    pub(super) integrand: &'a I,
    pub(super) lower: f64,
    pub(super) upper: f64,
    pub(super) norm: Norm,
    pub(super) abs_tol: f64,
    pub(super) rel_tol: f64,
    pub(super) points: &'a [f64],
    pub(super) max_evals: u64,
    pub(super) skip: bool,
}

/// A place, its distance from the nearer end, and its weight.
#[derive(Debug, Clone, Copy)]
struct Node {
    x: f64,
    c: f64,
    weight: f64,
    /// Whether the place is so near to an end that it had to be moved to the last number before it.
    moved: bool,
}

/// The change of variable for one piece of the interval.
#[derive(Debug, Clone, Copy)]
struct Change {
    lower: f64,
    upper: f64,
    /// Whether an integrand that knows how far the end is may be asked at the end itself.
    complement: bool,
}

impl Change {
    /// What all weights are to be multiplied by.
    fn scale(self) -> f64 {
        let half = self.upper * 0.5 - self.lower * 0.5;
        if half.is_finite() { half } else { 1.0 }
    }

    fn centre(self) -> Node {
        let Self { lower, upper, .. } = self;
        let (x, c) = match (lower.is_infinite(), upper.is_infinite()) {
            (false, false) => (lower * 0.5 + upper * 0.5, self.scale()),
            (false, true) => (lower + 1.0, 1.0),
            (true, false) => (upper - 1.0, -1.0),
            (true, true) => (0.0, 0.0),
        };
        Node { x, c, weight: FRAC_PI_2, moved: false }
    }

    fn is_infinite(self) -> bool {
        self.lower.is_infinite() || self.upper.is_infinite()
    }

    /// The node at `u` = π/2 sinh t, above the centre or below; none where it is beyond all numbers.
    fn node(self, (u, slope): (f64, f64), above: bool) -> Option<Node> {
        let Self { lower, upper, .. } = self;
        let (x, c, weight) = match (lower.is_infinite(), upper.is_infinite()) {
            (false, false) => {
                let q = (-2.0 * u).exp();
                let c = self.scale() * (2.0 * q / (1.0 + q));
                let weight = slope * (4.0 * q / ((1.0 + q) * (1.0 + q)));
                if above { (upper - c, -c, weight) } else { (lower + c, c, weight) }
            }
            (true, true) => {
                let x = if above { u.sinh() } else { -u.sinh() };
                (x, x, slope * u.cosh())
            }
            (false, true) => {
                let c = if above { u } else { -u }.exp();
                (lower + c, c, slope * c)
            }
            (true, false) => {
                let c = if above { u } else { -u }.exp();
                (upper - c, -c, slope * c)
            }
        };
        if !(x.is_finite() && weight.is_finite() && weight != 0.0 && c != 0.0) {
            return None;
        }
        // An integrand that does not ask for the distance must not be asked at the end itself.
        let moved = !self.complement && (x == lower || x == upper);
        let inner = |x: f64| if x == lower { lower.next_up() } else { upper.next_down() };
        let x = if moved && lower.next_up() < upper { inner(x) } else { x };
        Some(Node { x, c, weight, moved })
    }
}

/// The sum over one piece.
#[derive(Debug, Clone, Copy)]
struct Sums<const N: usize> {
    value: [Compensated; N],
    l1: [Compensated; N],
    scale: f64,
}

impl<const N: usize> Sums<N> {
    /// Adds the values at `nodes` and returns the greatest share of any.
    fn add(&mut self, norm: Norm, nodes: &[Node], y: &[Vec<f64>; N]) -> Result<f64, Fault> {
        let mut greatest = 0.0_f64;
        for (at, node) in nodes.iter().enumerate() {
            let share: [f64; N] = std::array::from_fn(|component| y[component][at] * node.weight);
            if share.iter().any(|share| !share.is_finite()) {
                return Err(Fault::Overflow);
            }
            for (component, share) in share.iter().enumerate() {
                self.value[component].add(*share);
                self.l1[component].add(share.abs());
            }
            greatest = greatest.max(norm.of(&share));
        }
        Ok(greatest)
    }

    fn value(&self, step: f64) -> [f64; N] {
        self.value.map(|sum| sum.read().round() * step * self.scale)
    }

    fn l1(&self, step: f64) -> [f64; N] {
        self.l1.map(|sum| sum.read().round() * step * self.scale)
    }
}

/// What one piece came to.
struct Piece<const N: usize> {
    value: [f64; N],
    l1: [f64; N],
    error: f64,
    converged: bool,
    rounding: bool,
}

pub(super) fn integrate<I: Integrand<N>, const N: usize>(
    task: &Task<'_, I>,
    setup: &mut Setup<'_>,
) -> Result<Estimate<[f64; N]>, (Fault, Estimate<[f64; N]>)> {
    let mut borders = task.points.to_vec();
    borders.extend([task.lower, task.upper]);
    borders.sort_by(f64::total_cmp);
    borders.dedup();
    let pieces = borders.len() - 1;
    let mut sampler = Sampler::new(task.integrand, task.skip, setup);
    let mut value = [Compensated::default(); N];
    let mut l1 = [Compensated::default(); N];
    let (mut error, mut converged, mut rounding) = (0.0, true, false);
    let mut ended = Ok(());
    // The coarsest level of a piece is evaluated in any case, so that much is kept for each.
    let coarsest = 1 + 2 * coarse().count() as u64;
    for (at, ends) in borders.windows(2).enumerate() {
        let change = Change { lower: ends[0], upper: ends[1], complement: I::COMPLEMENT };
        let kept = coarsest.saturating_mul((pieces - 1 - at) as u64);
        let most = task.max_evals.saturating_sub(kept);
        match piece(task, change, (pieces, most), setup, &mut sampler) {
            Ok(piece) => {
                value.iter_mut().zip(piece.value).for_each(|(sum, value)| sum.add(value));
                l1.iter_mut().zip(piece.l1).for_each(|(sum, l1)| sum.add(l1));
                error += piece.error;
                converged &= piece.converged;
                rounding |= piece.rounding;
            }
            Err(fault) => {
                ended = Err(fault);
                break;
            }
        }
    }
    let value = value.map(|sum| sum.read().round());
    let l1 = task.norm.of(&l1.map(|sum| sum.read().round()));
    let enough = error <= task.abs_tol.max(task.rel_tol * task.norm.of(&value));
    let status = if l1 == 0.0 {
        Status::NothingSeen
    } else if converged || enough {
        Status::Converged
    } else if rounding {
        Status::RoundoffLimited
    } else {
        Status::MaxEvals
    };
    let estimate = Estimate {
        value,
        error: Some(error),
        l1,
        evals: sampler.evals,
        panels: pieces as u64,
        status,
    };
    match ended {
        Ok(()) if value.iter().all(|value| value.is_finite()) => Ok(estimate),
        Ok(()) => Err((Fault::Overflow, estimate)),
        Err(fault) => Err((fault, estimate)),
    }
}

#[allow(clippy::cast_precision_loss)]
fn piece<I: Integrand<N>, const N: usize>(
    task: &Task<'_, I>,
    change: Change,
    (pieces, most): (usize, u64),
    setup: &mut Setup<'_>,
    sampler: &mut Sampler<'_, I, N>,
) -> Result<Piece<N>, Fault> {
    // The piece knows its own ends to all digits; the others are farther, and need none.
    let distance = |node: &Node| {
        let at_an_end =
            if node.c > 0.0 { change.lower == task.lower } else { change.upper == task.upper };
        if at_an_end {
            node.c
        } else if task.lower.is_infinite() && task.upper.is_infinite() {
            node.x
        } else {
            nearer(node.x, task.lower, task.upper)
        }
    };
    let none = [Compensated::default(); N];
    let mut sums = Sums { value: none, l1: none, scale: change.scale() };
    let mut every_other = sums;
    let (mut x, mut c) = (Vec::new(), Vec::new());
    let place = |nodes: &[Node], x: &mut Vec<f64>, c: &mut Vec<f64>| {
        x.clear();
        x.extend(nodes.iter().map(|node| node.x));
        c.clear();
        if I::COMPLEMENT {
            c.extend(nodes.iter().map(distance));
        }
    };
    let centre = [change.centre()];
    place(&centre, &mut x, &mut c);
    let y = sampler.values(&x, &c)?;
    sums.add(task.norm, &centre, y)?;
    every_other.add(task.norm, &centre, y)?;
    // What the places too near to an end may hide.
    let mut hidden = 0.0;
    // How far each side matters, in steps of the coarse grid.
    let mut reach = [0_usize; 2];
    for (side, reach) in reach.iter_mut().enumerate() {
        let mut negligible = 0;
        for (at, &table) in coarse().enumerate() {
            let Some(node) = change.node(table, side == 1) else { break };
            place(&[node], &mut x, &mut c);
            let y = sampler.values(&x, &c)?;
            let share = sums.add(task.norm, &[node], y)?;
            if at % 2 == 1 {
                every_other.add(task.norm, &[node], y)?;
            }
            if node.moved {
                hidden += share * 0.25 * change.scale();
            }
            let so_far = task.norm.of(&sums.l1(1.0)) / change.scale();
            negligible = if share <= 1e-19 * so_far && so_far > 0.0 { negligible + 1 } else { 0 };
            if negligible <= 2 {
                *reach = at + 1;
            } else if change.is_infinite() {
                // Far out an integrand may well overflow.
                break;
            }
        }
    }
    let mut step = 0.25;
    let mut nodes = Vec::new();
    let mut value = sums.value(step);
    let mut before = every_other.value(2.0 * step);
    let mut level = COARSE;
    let (mut last, mut digits) = (f64::INFINITY, f64::INFINITY);
    loop {
        let moved: [f64; N] = std::array::from_fn(|i| value[i] - before[i]);
        let l1 = sums.l1(step);
        let size = task.norm.of(&l1);
        let floor = 4.0 * f64::EPSILON * size;
        // Relative, so that its powers mean something. Each level doubles the digits of an integrand that
        // is smooth inside. Where they have grown by half, they are trusted to grow by half again.
        let apart = if size > 0.0 { task.norm.of(&moved) / size } else { 0.0 };
        let doubling = apart < 1e-3 && apart <= digits * digits.sqrt();
        let ahead = if doubling { apart * apart.sqrt() } else { apart };
        digits = apart;
        let error = ahead * size + floor + hidden;
        let tolerance = (task.abs_tol / pieces as f64).max(task.rel_tol * task.norm.of(&value));
        let converged = error <= tolerance && level > COARSE;
        // Near the limit of rounding another level only adds noise.
        let rounding = !converged && error >= last && error <= 1e3 * floor;
        setup.report(sampler.evals, None, Some(error));
        if setup.cancelled() {
            return Err(Fault::Cancelled);
        }
        let ended = Piece { value, l1, error, converged, rounding };
        if converged || rounding || level + 1 == LEVELS.len() {
            return Ok(ended);
        }
        last = error;
        level += 1;
        let per_coarse = 1 << (level - COARSE - 1);
        nodes.clear();
        for (side, reach) in reach.iter().enumerate() {
            // In each step of the coarse grid there are so many new nodes.
            let new = LEVELS[level].iter().take(reach * per_coarse);
            nodes.extend(new.map_while(|&table| change.node(table, side == 1)));
        }
        if sampler.evals.saturating_add(nodes.len() as u64) > most {
            return Ok(ended);
        }
        place(&nodes, &mut x, &mut c);
        let y = sampler.values(&x, &c)?;
        sums.add(task.norm, &nodes, y)?;
        step *= 0.5;
        before = value;
        value = sums.value(step);
    }
}

/// The levels up to the coarse one, merged: t = 1/4, 1/2, 3/4, ...
fn coarse() -> impl Iterator<Item = &'static (f64, f64)> {
    // Of four successive t, the odd quarters are of level 2, the halves of level 1, the wholes of 0.
    (0..LEVEL2.len() * 2).map_while(|at| match at % 4 {
        0 | 2 => LEVEL2.get(at / 2),
        1 => LEVEL1.get(at / 4),
        _ => LEVEL0.get(at / 4),
    })
}
