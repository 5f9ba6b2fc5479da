//! What a pair of calls costs that nobody disturbs: take a lock and give it back.
//!
//! Such a pair takes nanoseconds, so the contestants take turns in thin slices: each has its turn
//! many times a round, and the round is as long as its median slice says.

use std::time::{Duration, Instant};

use crate::measure::median;
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

const SLICES: u64 = 24;

/// Does so many pairs, checks that they did what they should, and tells how long they took.
pub(crate) type Pairs<'a> = Box<dyn FnMut(u64) -> Outcome<Duration> + 'a>;

/// Somebody to compare with.
pub(crate) struct Peer<'a> {
    pub(crate) name: &'static str,
    pub(crate) goal: Goal,
    pub(crate) pairs: Pairs<'a>,
}

/// At most so many times the peer's time.
pub(crate) fn at_most(times: f64) -> Goal {
    Goal::Ratio(1.0 / times)
}

/// Pairs that each find a one under the lock.
pub(crate) fn reading<'a>(mut pair: impl FnMut() -> u64 + 'a) -> Pairs<'a> {
    Box::new(move |count| {
        let start = Instant::now();
        let mut sum = 0;
        for _ in 0..count {
            sum += pair();
        }
        let took = start.elapsed();
        if sum == count { Ok(took) } else { Err(format!("read {sum} in {count} times").into()) }
    })
}

/// Pairs that each add one to a number under the lock and tell what it is then.
pub(crate) fn counting<'a>(mut pair: impl FnMut() -> u64 + 'a) -> Pairs<'a> {
    let mut counted = 0;
    Box::new(move |count| {
        let start = Instant::now();
        let mut last = 0;
        for _ in 0..count {
            last = pair();
        }
        let took = start.elapsed();
        counted += count;
        if last == counted { Ok(took) } else { Err(format!("{last} instead of {counted}").into()) }
    })
}

/// Measures ours and all peers, and adds a row for each peer.
pub(crate) fn compare(
    plan: &Plan,
    board: &mut Board,
    name: &str,
    ours: Pairs<'_>,
    peers: Vec<Peer<'_>>,
) -> Outcome {
    let (against, mut contestants) =
        (peers.iter().map(|peer| (peer.name, peer.goal)).collect::<Vec<_>>(), vec![ours]);
    contestants.extend(peers.into_iter().map(|peer| peer.pairs));
    let times = finely(plan, &mut contestants)?;
    let cost = |times: &[f64]| median(times) * 1e9;
    for ((peer, goal), theirs) in against.into_iter().zip(&times[1..]) {
        board.add(
            Row::new(name, "ns", cost(&times[0]))
                .against(peer, cost(theirs), theirs, &times[0])
                .goal(goal),
        );
    }
    Ok(())
}

/// Seconds a pair, `[contestant][round]`; the first round is not kept.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn finely(plan: &Plan, contestants: &mut [Pairs<'_>]) -> Outcome<Vec<Vec<f64>>> {
    let slice = plan.records(2_000_000).div_ceil(SLICES);
    let mut times = vec![Vec::new(); contestants.len()];
    for round in 0..=plan.rounds {
        let mut slices = vec![Vec::new(); contestants.len()];
        for _ in 0..SLICES {
            for (pairs, slices) in contestants.iter_mut().zip(&mut slices) {
                slices.push(pairs(slice)?.as_secs_f64() / slice as f64);
            }
        }
        if round > 0 {
            times.iter_mut().zip(&slices).for_each(|(times, slices)| times.push(median(slices)));
        }
    }
    Ok(times)
}
