//! Three cheap stages, each a thread: what one writes by hand, what others offer, and ours.

use std::time::Duration;

use brigade::pipeline::{Batch, Par, Pipeline};

use super::load::{expected, first, second, third, timed};
use crate::measure::{interleave, median};
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

/// Of every edge and every channel.
const CAPACITY: usize = 1024;

fn ours(items: u64, batch: Batch, statistics: bool) -> Outcome<u64> {
    let mut sum = 0_u64;
    let report = Pipeline::new(0..items)
        .capacity(CAPACITY)
        .batch(batch)
        .statistics(statistics)
        .map("first", Par::Serial, first)
        .map("second", Par::Serial, second)
        .map("third", Par::Serial, third)
        .for_each(|x| sum = sum.wrapping_add(x))?;
    if std::env::var_os("BRIGADE_REPORT").is_some() {
        eprintln!("{report}");
    }
    Ok(sum)
}

/// The same, told that the stages are too small for threads of their own.
fn fused(items: u64) -> Outcome<u64> {
    let mut sum = 0_u64;
    Pipeline::new(0..items)
        .capacity(CAPACITY)
        .map("first", Par::Serial, first)
        .map("second", Par::Serial, second)
        .fuse()
        .map("third", Par::Serial, third)
        .fuse()
        .for_each(|x| sum = sum.wrapping_add(x))?;
    Ok(sum)
}

/// The chain that one writes by hand, over anybody's channel.
macro_rules! by_hand {
    ($items:expr, $channel:expr) => {{
        let items = $items;
        let (to_first, at_first) = $channel;
        let (to_second, at_second) = $channel;
        let (to_third, at_third) = $channel;
        let (to_sink, at_sink) = $channel;
        std::thread::scope(|threads| {
            threads.spawn(move || (0..items).all(|x| to_first.send(x).is_ok()));
            threads.spawn(move || {
                while let Ok(x) = at_first.recv() {
                    if to_second.send(first(x)).is_err() {
                        break;
                    }
                }
            });
            threads.spawn(move || {
                while let Ok(x) = at_second.recv() {
                    if to_third.send(second(x)).is_err() {
                        break;
                    }
                }
            });
            threads.spawn(move || {
                while let Ok(x) = at_third.recv() {
                    if to_sink.send(third(x)).is_err() {
                        break;
                    }
                }
            });
            let mut sum = 0_u64;
            while let Ok(x) = at_sink.recv() {
                sum = sum.wrapping_add(x);
            }
            Ok(sum)
        })
    }};
}

fn crossbeam(items: u64) -> Outcome<u64> {
    by_hand!(items, crossbeam_channel::bounded(CAPACITY))
}

fn std_channel(items: u64) -> Outcome<u64> {
    by_hand!(items, std::sync::mpsc::sync_channel(CAPACITY))
}

fn flume_channel(items: u64) -> Outcome<u64> {
    by_hand!(items, flume::bounded(CAPACITY))
}

fn kanal_channel(items: u64) -> Outcome<u64> {
    by_hand!(items, kanal::bounded(CAPACITY))
}

fn olympipe(items: u64) -> Outcome<u64> {
    let (sum, summed) = std::sync::mpsc::channel();
    let mut total = 0_u64;
    olympipe_rs::Pipeline::new(0..items)
        .task(first, 1)
        .task(second, 1)
        .task(third, 1)
        .for_each(|x| total = total.wrapping_add(x));
    sum.send(total)?;
    Ok(summed.recv()?)
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn automatic(plan: &Plan, board: &mut Board) -> Outcome {
    let items = plan.records(1_000_000);
    let sum = expected(items);
    let times = interleave(
        plan,
        &mut [
            &mut || timed(sum, || ours(items, Batch::Auto, true)),
            &mut || timed(sum, || crossbeam(items)),
            &mut || timed(sum, || std_channel(items)),
            &mut || timed(sum, || flume_channel(items)),
            &mut || timed(sum, || kanal_channel(items)),
            &mut || timed(sum, || olympipe(items)),
            &mut || timed(sum, || fused(items)),
        ],
    )?;
    let speed = |times: &[f64]| items as f64 / median(times) / 1e6;
    let peers = ["crossbeam", "std sync_channel", "flume", "kanal", "olympipe"];
    let best = (1..=4).max_by(|a, b| speed(&times[*a]).total_cmp(&speed(&times[*b])));
    for (at, peer) in peers.into_iter().enumerate() {
        let theirs = &times[at + 1];
        let goal = match peer {
            "olympipe" => Goal::Ratio(0.9),
            _ if best == Some(at + 1) => Goal::Ratio(10.0),
            _ => Goal::Stated,
        };
        board.add(
            Row::new("pipeline, three cheap stages", "M items/s", speed(&times[0]))
                .against(peer, speed(theirs), theirs, &times[0])
                .goal(goal),
        );
    }
    if let Some(best) = best {
        board.add(
            Row::new("pipeline, three cheap stages, fused", "M items/s", speed(&times[6])).against(
                peers[best - 1],
                speed(&times[best]),
                &times[best],
                &times[6],
            ),
        );
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn one(plan: &Plan, board: &mut Board) -> Outcome {
    let items = plan.records(500_000);
    let sum = expected(items);
    let times = interleave(
        plan,
        &mut [&mut || timed(sum, || ours(items, Batch::One, true)), &mut || {
            timed(sum, || crossbeam(items))
        }],
    )?;
    let each = |times: &[f64]| median(times) / items as f64 * 1e9;
    board.add(
        Row::new("pipeline, one item a message", "ns/item", each(&times[0]))
            .against("crossbeam", each(&times[1]), &times[1], &times[0])
            .goal(Goal::Ratio(1.0 / 1.15)),
    );
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn statistics(plan: &Plan, board: &mut Board) -> Outcome {
    let items = plan.records(2_000_000);
    let sum = expected(items);
    let mut on = || -> Outcome<Duration> { timed(sum, || ours(items, Batch::Auto, true)) };
    let mut off = || -> Outcome<Duration> { timed(sum, || ours(items, Batch::Auto, false)) };
    let times = interleave(plan, &mut [&mut on, &mut off])?;
    let each = |times: &[f64]| median(times) / items as f64 * 1e9;
    board.add(
        Row::new("pipeline, with statistics", "ns/item", each(&times[0]))
            .against("without", each(&times[1]), &times[1], &times[0])
            .goal(Goal::Ratio(1.0 / 1.02)),
    );
    Ok(())
}
