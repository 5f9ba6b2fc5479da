//! What it costs to begin and to end, and how long one item takes; each beside the same by hand.

use std::hint::black_box;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use brigade::pipeline::{Par, Pipeline};

use super::load::{first, second, third};
use crate::measure::{interleave, median, quantile};
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

/// Of every channel and every edge.
const CAPACITY: usize = 1024;

/// The time that the fraction `q` of the runs does not exceed.
fn at(q: f64, mut took: Vec<u32>) -> Duration {
    took.sort_unstable();
    Duration::from_nanos(quantile(&took, q).into())
}

fn nanos_since(began: Instant) -> Outcome<u32> {
    Ok(u32::try_from(began.elapsed().as_nanos())?)
}

fn start(runs: u64) -> Outcome<Duration> {
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
        took.push(nanos_since(began)?);
    }
    Ok(at(0.5, took))
}

/// As many threads, which do nothing.
fn bare(runs: u64) -> Outcome<Duration> {
    let mut took = Vec::new();
    for _ in 0..runs {
        let began = Instant::now();
        std::thread::scope(|threads| {
            (0..4).for_each(|x| drop(threads.spawn(move || black_box(x))));
        });
        took.push(nanos_since(began)?);
    }
    Ok(at(0.5, took))
}

/// Gives one item after the other, each when the one before has come out, so that every thread
/// sleeps when it comes.
fn trickle(
    runs: u64,
    give: impl Fn(Instant) -> bool,
    came: impl Iterator<Item = Instant>,
) -> Outcome<Vec<u32>> {
    let mut took = Vec::new();
    give(Instant::now());
    for began in came {
        took.push(nanos_since(began)?);
        if took.len() as u64 >= runs {
            break;
        }
        give(Instant::now());
    }
    Ok(took)
}

fn through(q: f64, runs: u64) -> Outcome<Duration> {
    let (give, given) = sync_channel::<Instant>(1);
    let chain = Pipeline::new(given)
        .capacity(CAPACITY)
        .map("first", Par::Serial, |x| x)
        .map("second", Par::Serial, |x| x)
        .map("third", Par::Serial, |x| x);
    let (took, _) = chain.scope(|items, _| {
        let took = trickle(runs, |now| give.send(now).is_ok(), items);
        drop(give);
        took
    })?;
    Ok(at(q, took?))
}

fn through_channels(q: f64, runs: u64) -> Outcome<Duration> {
    let (give, given) = sync_channel::<Instant>(1);
    std::thread::scope(|threads| {
        let (to_first, mut from) = crossbeam_channel::bounded(CAPACITY);
        threads.spawn(move || given.into_iter().all(|x| to_first.send(x).is_ok()));
        for _ in 0..3 {
            let (to, next) = crossbeam_channel::bounded(CAPACITY);
            let from = std::mem::replace(&mut from, next);
            threads.spawn(move || from.into_iter().all(|x| to.send(x).is_ok()));
        }
        let took = trickle(runs, |now| give.send(now).is_ok(), from.into_iter());
        drop(give);
        Ok(at(q, took?))
    })
}

pub(crate) fn run(plan: &Plan, board: &mut Board) -> Outcome {
    let micros = |times: &[f64]| median(times) * 1e6;
    let runs = plan.records(500);
    let times = interleave(plan, &mut [&mut || start(runs), &mut || bare(runs)])?;
    board.add(
        Row::new("pipeline, start and end three stages, p50", "µs", micros(&times[0]))
            .against("four bare threads", micros(&times[1]), &times[1], &times[0])
            .goal(Goal::AtMost(100.0)),
    );
    for (q, name, goal) in [(0.5, "p50", Goal::AtMost(15.0)), (0.99, "p99", Goal::Stated)] {
        let mut ours = || through(q, runs);
        let mut theirs = || through_channels(q, runs);
        let times = interleave(plan, &mut [&mut ours, &mut theirs])?;
        board.add(
            Row::new(
                format!("pipeline, one item through three stages, {name}"),
                "µs",
                micros(&times[0]),
            )
            .against("crossbeam", micros(&times[1]), &times[1], &times[0])
            .goal(goal),
        );
    }
    Ok(())
}
