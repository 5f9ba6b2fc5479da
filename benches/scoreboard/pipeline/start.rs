//! What it costs to begin and to end, and how long one item takes.

use std::hint::black_box;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use brigade::pipeline::{Par, Pipeline};

use super::load::{first, second, third};
use crate::measure::quantile;
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

pub(crate) fn run(plan: &Plan, board: &mut Board) -> Outcome {
    let runs = plan.records(2_000);
    let mut took = Vec::new();
    for _ in 0..runs {
        let began = Instant::now();
        Pipeline::new(std::iter::empty())
            .map("first", Par::Serial, first)
            .map("second", Par::Serial, second)
            .map("third", Par::Serial, third)
            .for_each(|x| {
                black_box(x);
            })?;
        took.push(u32::try_from(began.elapsed().as_nanos())?);
    }
    took.sort_unstable();
    let micros = f64::from(quantile(&took, 0.5)) / 1e3;
    let row = Row::new("pipeline, start and end three stages, p50", "µs", micros);
    board.add(row.goal(Goal::AtMost(100.0)));

    // One item at a time, so that every thread sleeps when it comes.
    let (give, given) = sync_channel::<Instant>(1);
    let mut took = Vec::new();
    Pipeline::new(given)
        .map("first", Par::Serial, |x| x)
        .map("second", Par::Serial, |x| x)
        .map("third", Par::Serial, |x| x)
        .scope(|items, _| {
            give.send(Instant::now())?;
            let mut give = Some(give);
            for began in items {
                took.push(u32::try_from(began.elapsed().as_nanos())?);
                if took.len() as u64 >= runs {
                    give = None;
                } else if let Some(give) = &give {
                    give.send(Instant::now())?;
                }
            }
            Ok::<(), Box<dyn std::error::Error>>(())
        })?
        .0?;
    took.sort_unstable();
    let micros = |q| f64::from(quantile(&took, q)) / 1e3;
    let row = Row::new("pipeline, one item through three stages, p50", "µs", micros(0.5));
    board.add(row.goal(Goal::AtMost(15.0)));
    board.add(Row::new("pipeline, one item through three stages, p99", "µs", micros(0.99)));
    Ok(())
}
