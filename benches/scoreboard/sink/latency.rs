//! What one push costs its producer when nobody is in its way.

use std::time::{Duration, Instant};

use brigade::sink::{FileOutput, OrderedSink, Text};

use super::load::Load;
use super::verify;
use crate::measure::{median, quantile};
use crate::table::{Board, Row};
use crate::{Outcome, Plan};

/// Between two pushes; a ring of the capacity below never fills up in a tick.
const PAUSE: Duration = Duration::from_micros(1);
const CAPACITY: usize = 1 << 16;

pub(crate) fn run(plan: &Plan, board: &mut Board) -> Outcome {
    let load = Load::new(1, plan.records(1_000_000));
    let path = plan.file("latency.tsv");
    let quantiles = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];
    let mut found = vec![Vec::new(); quantiles.len()];
    let mut empty = Vec::new();
    for _ in 0..plan.rounds {
        let sink = OrderedSink::builder(Text::new(), FileOutput::create(&path)?)
            .capacity(CAPACITY)
            .tick(Duration::from_millis(1))
            .build()?;
        let mut producer = sink.producer(&load.names()[0])?;
        let mut push = |value| producer.push(value).map(drop);
        let times = time_each(load.records, |value| {
            if let Err(error) = push(value) {
                eprintln!("brigade: {error}");
            }
        });
        sink.finish()?;
        verify::take_file(&path, &load)?;
        for (found, (_, q)) in found.iter_mut().zip(quantiles) {
            found.push(f64::from(quantile(&times, q)));
        }
        let nothing = time_each(load.records, |value| {
            std::hint::black_box(value);
        });
        empty.push(f64::from(quantile(&nothing, 0.5)));
    }
    for (found, (name, _)) in found.iter().zip(quantiles) {
        board.add(Row::new(format!("push uncontended, {name}"), "ns", median(found)));
    }
    board.add(
        Row::new("push uncontended, clock around nothing, p50", "ns", median(&empty))
            .note("contained in each of the figures above it"),
    );
    Ok(())
}

/// Nanoseconds of every call, sorted.
fn time_each(count: u64, mut call: impl FnMut(u64)) -> Vec<u32> {
    let mut times = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    for value in 0..count {
        let start = Instant::now();
        call(value);
        let took = start.elapsed();
        times.push(u32::try_from(took.as_nanos()).unwrap_or(u32::MAX));
        while start.elapsed() < PAUSE {
            std::hint::spin_loop();
        }
    }
    times.sort_unstable();
    times
}
