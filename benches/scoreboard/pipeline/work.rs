//! Stages that work: in order against those who keep it, and whether two workers are twice as fast.

use std::time::Duration;

use brigade::pipeline::{Par, Pipeline};
use pariter::IteratorExt as _;
use rayon::iter::{ParallelBridge as _, ParallelIterator as _};

use super::load::{expected, first, rounds, second, spin, third, timed};
use crate::measure::{interleave, median};
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

fn ours(items: u64, workers: usize, work: impl Fn(u64) -> u64 + Sync) -> Outcome<u64> {
    let mut sum = 0_u64;
    let report = Pipeline::new(0..items)
        .map("work", Par::Workers(workers), work)
        .for_each(|x| sum = sum.wrapping_mul(3).wrapping_add(x))?;
    if std::env::var_os("BRIGADE_REPORT").is_some() {
        eprintln!("{report}");
    }
    Ok(sum)
}

/// A sum that depends on the order.
fn in_order(items: impl Iterator<Item = u64>) -> u64 {
    items.fold(0, |sum, x| sum.wrapping_mul(3).wrapping_add(x))
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn ordered(plan: &Plan, board: &mut Board) -> Outcome {
    let cases = [(50, 400_000, 5.0, "50 ns"), (10_000, 20_000, 1.0, "10 µs")];
    for (nanos, usual, goal, name) in cases {
        let items = plan.records(usual);
        let rounds = rounds(Duration::from_nanos(nanos));
        let work = move |x| spin(x, rounds);
        let sum = in_order((0..items).map(work));
        let times = interleave(
            plan,
            &mut [&mut || timed(sum, || ours(items, 2, work)), &mut || {
                let map = (0..items).parallel_map_custom(|of| of.threads(2), work);
                timed(sum, || Ok(in_order(map)))
            }],
        )?;
        let each = |times: &[f64]| median(times) / items as f64 * 1e9;
        board.add(
            Row::new(format!("pipeline, in order, {name} of work"), "ns/item", each(&times[0]))
                .against("pariter", each(&times[1]), &times[1], &times[0])
                .goal(Goal::Ratio(goal)),
        );
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn bridge(plan: &Plan, board: &mut Board) -> Outcome {
    let items = plan.records(1_000_000);
    let work = |x| third(second(first(x)));
    let (sum, unordered) = (in_order((0..items).map(work)), expected(items));
    let times = interleave(
        plan,
        &mut [&mut || timed(sum, || ours(items, 2, work)), &mut || {
            let reduced = || (0..items).par_bridge().map(work).reduce(|| 0, u64::wrapping_add);
            timed(unordered, || Ok(reduced()))
        }],
    )?;
    let speed = |times: &[f64]| items as f64 / median(times) / 1e6;
    board.add(
        Row::new("pipeline, cheap items, two workers, in order", "M items/s", speed(&times[0]))
            .against("rayon par_bridge", speed(&times[1]), &times[1], &times[0])
            .goal(Goal::Ratio(3.0)),
    );
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn workers(plan: &Plan, board: &mut Board) -> Outcome {
    let items = plan.records(5_000);
    let rounds = rounds(Duration::from_micros(100));
    let work = move |x| spin(x, rounds);
    let sum = in_order((0..items).map(work));
    let times = interleave(
        plan,
        &mut [&mut || timed(sum, || ours(items, 2, work)), &mut || {
            timed(sum, || ours(items, 1, work))
        }],
    )?;
    let each = |times: &[f64]| median(times) / items as f64 * 1e6;
    board.add(
        Row::new("pipeline, 100 µs of work, two workers", "µs/item", each(&times[0]))
            .against("one worker", each(&times[1]), &times[1], &times[0])
            .goal(Goal::Ratio(1.9)),
    );
    Ok(())
}
