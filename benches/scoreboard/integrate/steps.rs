//! Ten million left steps over [0, 1000].

use std::hint::black_box;
use std::time::{Duration, Instant};

use brigade::integrate::{F64x8, Integral, Rule, Sum};
use rayon::prelude::*;

use super::gamma;
use crate::measure::{interleave, median};
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

pub(super) const STEPS: u64 = 10_000_000;
const END: f64 = 1000.0;

pub(super) fn lanes(
    steps: u64,
) -> Integral<'static, impl brigade::integrate::integrand::Integrand<1, Value = f64>> {
    let f = |t: F64x8| t.powi(5) * (-t).exp();
    Integral::lanes(f, 0.0..black_box(END)).rule(Rule::Left { steps })
}

fn closure(
    steps: u64,
) -> Integral<'static, impl brigade::integrate::integrand::Integrand<1, Value = f64>> {
    Integral::new(gamma, 0.0..black_box(END)).rule(Rule::Left { steps })
}

/// What everybody writes with rayon.
#[allow(clippy::cast_precision_loss)]
fn naive(steps: u64, f: impl Fn(f64) -> f64 + Sync) -> f64 {
    let h = black_box(END) / steps as f64;
    (0..steps).into_par_iter().map(|k| f(k as f64 * h)).sum::<f64>() * h
}

/// Runs it, and holds it against 120.
pub(super) fn timed(most: f64, run: impl FnOnce() -> Outcome<f64>) -> Outcome<Duration> {
    let began = Instant::now();
    let value = run()?;
    let took = began.elapsed();
    let error = (value - 120.0).abs();
    if error <= most { Ok(took) } else { Err(format!("{value} is off by {error:e}").into()) }
}

pub(super) fn run(plan: &Plan, board: &mut Board) -> Outcome {
    let steps = plan.records(STEPS);
    let loose = if plan.smoke { 1e-6 } else { 1e-9 };
    let tight = if plan.smoke { 1e-6 } else { 3e-14 };
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let sum = |sum| timed(tight, || Ok(closure(steps).sum(sum).run()?.value));
    let times = interleave(
        plan,
        &mut [
            &mut || timed(tight, || Ok(lanes(steps).run()?.value)),
            &mut || timed(loose, || Ok(naive(steps, |t| t.powf(5.0) * (-t).exp()))),
            &mut || timed(loose, || Ok(naive(steps, gamma))),
            &mut || sum(Sum::Blocked),
            &mut || timed(tight, || Ok(one.install(|| lanes(steps).run())?.value)),
            &mut || sum(Sum::Neumaier),
            &mut || sum(Sum::Exact),
            &mut || timed(tight, || Ok(one.install(|| closure(steps).run())?.value)),
            &mut || timed(loose, || Ok(one.install(|| naive(steps, gamma)))),
        ],
    )?;
    let ms = |at: usize| median(&times[at]) * 1e3;
    let row = |name: &str, ours: usize, peer, theirs: usize, goal| {
        Row::new(name, "ms", ms(ours))
            .against(peer, ms(theirs), &times[theirs], &times[ours])
            .goal(goal)
    };
    board.add(row("10⁷ steps, lanes", 0, "rayon sum, powf", 1, Goal::Ratio(15.0)));
    board.add(row("10⁷ steps, lanes", 0, "rayon sum, powi", 2, Goal::Ratio(6.0)));
    board.add(row("10⁷ steps, closure", 3, "rayon sum, powi", 2, Goal::Ratio(1.0 / 1.05)));
    board.add(row("10⁷ steps, closure, 1 thread", 7, "rayon sum, powi", 8, Goal::Stated));
    board.add(row("10⁷ steps, Neumaier", 5, "rayon sum, powi", 2, Goal::Stated));
    board.add(row("10⁷ steps, exact", 6, "rayon sum, powi", 2, Goal::Stated));
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() >= 2) {
        board.add(row("10⁷ steps, lanes, all cores", 0, "on one", 4, Goal::Ratio(1.9)));
    }
    let error = (lanes(steps).run()?.value - 120.0).abs();
    board.add(Row::new("error of 10⁷ steps, in 10⁻¹⁴", "", error * 1e14).goal(Goal::AtMost(3.0)));
    Ok(())
}
