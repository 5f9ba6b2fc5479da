//! How long a blocked chain takes to end, all of its threads included, once it is cancelled.

use std::cell::Cell;
use std::time::Instant;

use brigade::pipeline::{Control, Par, Pipeline, PipelineError};

use crate::measure::quantile;
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

pub(crate) fn run(plan: &Plan, board: &mut Board) -> Outcome {
    let runs = plan.records(1_000);
    let mut latencies = Vec::new();
    for _ in 0..runs {
        let cancelled = Cell::new(Instant::now());
        let outcome = Pipeline::new(0_u64..)
            .capacity(16)
            .map("first", Par::Serial, |x| x)
            .map("second", Par::Workers(2), |x| x)
            .scope(|_items, control| {
                while !blocked(control) {
                    std::thread::yield_now();
                }
                cancelled.set(Instant::now());
                control.cancel();
            });
        let took = cancelled.get().elapsed();
        if !matches!(outcome, Err(PipelineError::Cancelled)) {
            return Err(format!("it was not cancelled: {outcome:?}").into());
        }
        latencies.push(u32::try_from(took.as_nanos())?);
    }
    latencies.sort_unstable();
    let micros = |q| f64::from(quantile(&latencies, q)) / 1e3;
    let measure = "pipeline, a blocked chain is cancelled and its threads are gone";
    board.add(Row::new(format!("{measure}, p50"), "µs", micros(0.5)));
    board.add(Row::new(format!("{measure}, p99"), "µs", micros(0.99)).goal(Goal::AtMost(1e3)));
    Ok(())
}

/// Nobody takes from the last edge, so in the end everybody has waited for room.
fn blocked(control: &Control) -> bool {
    let stages = control.stats().stages;
    let (_, workers) = stages.split_last().unwrap_or((&stages[0], &[]));
    workers.iter().all(|stage| !stage.blocked.is_zero())
}
