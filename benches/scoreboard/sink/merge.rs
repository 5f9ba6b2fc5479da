//! The ordering stage alone, on runs that are already in memory.

use std::time::{Duration, Instant};

use brigade::internals::{Order, Slices};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::measure::{interleave, median};
use crate::peers::kmerge;
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

/// Records of each producer between two cuts: half a ring of the default capacity, which is where
/// a producer wakes a resting writer, and about what rounds under load hold.
const RUN: usize = 512;

/// Nanoseconds between two records of one round: ten million a second.
const GAP: u64 = 100;

/// A record as the merge sees it, 24 bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rec {
    pub(crate) stamp: u64,
    pub(crate) value: u64,
    pub(crate) producer: u32,
}

/// The drained runs of all rounds, one behind the other.
#[derive(Debug)]
struct Runs {
    records: Vec<Rec>,
    /// For each round, where the run of each producer ends.
    ends: Vec<Vec<usize>>,
    /// For each round, the cut that the protocol has proven: where its window ends.
    cuts: Vec<u64>,
    producers: usize,
}

impl Runs {
    /// `k` producers whose records lie anywhere in the window of their round.
    fn random(k: usize, count: usize) -> Self {
        let mut random = StdRng::seed_from_u64(k as u64);
        let round = RUN * k;
        let rounds = count.div_ceil(round);
        let window = round as u64 * GAP;
        let (mut records, mut ends) = (Vec::with_capacity(rounds * round), Vec::new());
        let mut next = vec![0; k];
        for round in 0..rounds as u64 {
            let mut borders = Vec::with_capacity(k);
            for (producer, next) in (0..).zip(&mut next) {
                let from = records.len();
                records.extend((0..RUN).map(|_| {
                    let stamp = (1 << 60) + round * window + random.random_range(0..window);
                    Rec { stamp, value: 0, producer }
                }));
                records[from..].sort_by_key(|record| record.stamp);
                for record in &mut records[from..] {
                    record.value = *next;
                    *next += 1;
                }
                borders.push(records.len());
            }
            ends.push(borders);
        }
        let cuts = (1..=rounds as u64).map(|round| (1 << 60) + round * window).collect();
        Self { records, ends, cuts, producers: k }
    }

    fn rounds(&self) -> impl Iterator<Item = impl Iterator<Item = &[Rec]>> {
        let mut from = 0;
        self.ends.iter().map(move |borders| {
            let begin = from;
            from = *borders.last().unwrap_or(&begin);
            let starts = std::iter::once(begin).chain(borders.iter().copied());
            starts.zip(borders).map(|(start, &end)| &self.records[start..end])
        })
    }
}

/// Depends on every record and on their order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Digest(u64);

impl Digest {
    #[inline]
    fn add(&mut self, stamp: u64, producer: u32, value: u64) {
        self.0 = self.0.rotate_left(7) ^ (stamp + value).wrapping_add(u64::from(producer) << 32);
    }
}

pub(crate) fn run(plan: &Plan, board: &mut Board) -> Outcome {
    let mut costs = Vec::new();
    for (k, goal) in [(5, 2.5), (100, 6.0), (1000, 10.0)] {
        let count = usize::try_from(plan.records(4_000_000))?;
        let runs = Runs::random(k, count);
        let expected = sorted(&runs);
        let check = |(took, digest): (Duration, Digest), who: &str| {
            let same = digest == expected;
            if same { Ok(took) } else { Err(format!("{who} gave another order").into()) }
        };
        let times = interleave(
            plan,
            &mut [&mut || check(ours(&runs), "ours"), &mut || check(theirs(&runs), "kmerge_by")],
        )?;
        #[allow(clippy::cast_precision_loss)]
        let cost = |times: &[f64]| median(times) * 1e9 / runs.records.len() as f64;
        costs.push(cost(&times[0]));
        board.add(
            Row::new(format!("merge alone, k = {k}"), "ns/record", cost(&times[0]))
                .against("kmerge_by", cost(&times[1]), &times[1], &times[0])
                .goal(Goal::Ratio(goal)),
        );
    }
    let greatest = costs.iter().copied().fold(0.0, f64::max);
    let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
    board.add(
        Row::new("merge alone, greatest cost / least over k", "×", greatest / least)
            .goal(Goal::AtMost(1.5)),
    );
    Ok(())
}

/// What a stable sort of everything says.
fn sorted(runs: &Runs) -> Digest {
    let mut records = runs.records.clone();
    records.sort_by_key(|record| (record.stamp, record.producer));
    let mut digest = Digest::default();
    records.iter().for_each(|record| digest.add(record.stamp, record.producer, record.value));
    digest
}

fn ours(runs: &Runs) -> (Duration, Digest) {
    let (mut order, mut digest) = (Order::new(), Digest::default());
    let mut slices = Slices::new(runs.producers);
    let mut rest: Vec<&[Rec]> = Vec::new();
    let start = Instant::now();
    for (round, cut) in runs.rounds().zip(&runs.cuts) {
        rest.clear();
        rest.extend(round);
        // As the writer does it: slice by slice, below a cut no later than that of the round.
        while let Some(first) = rest.iter().filter_map(|run| run.first()).map(|r| r.stamp).min() {
            let left = rest.iter().map(|run| run.len()).sum();
            let here = slices.cut(first, left, *cut);
            let mut count = 0;
            for (run, producer) in rest.iter_mut().zip(0..) {
                let due = run.iter().position(|r| r.stamp >= here).unwrap_or(run.len());
                if due > 0 {
                    let (due, later) = run.split_at(due);
                    order.extend_run(producer, due.iter().map(|r| (r.stamp, r.value)));
                    count += due.len();
                    *run = later;
                }
            }
            if here < *cut {
                slices.took(count);
            }
            order.sort();
            order.for_each(|stamp, producer, &value| digest.add(stamp, producer, value));
            order.clear();
        }
    }
    (start.elapsed(), digest)
}

fn theirs(runs: &Runs) -> (Duration, Digest) {
    let mut digest = Digest::default();
    let start = Instant::now();
    for round in runs.rounds() {
        kmerge::visit(round, |record| digest.add(record.stamp, record.producer, record.value));
    }
    (start.elapsed(), digest)
}
