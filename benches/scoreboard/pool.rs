//! Submitting a job and getting its result, on two workers.

mod contestants;
#[cfg(unix)]
mod process;
mod python;

use std::time::{Duration, Instant};

use crate::measure::{interleave, median};
use crate::table::{Board, Goal, Row};
use crate::{Measure, Outcome, Plan};
use contestants::{Brigade, Contestant, RustyPool, Strict, Threadpool};
use python::Python;

#[cfg(unix)]
pub(crate) use process::init;

const WORKERS: usize = 2;

/// Jobs that are on their way together in a burst.
const BURST: u64 = 500;

pub(crate) fn measures() -> Vec<Measure> {
    vec![
        Measure { name: "pool/round-trip", run: round_trip },
        Measure { name: "pool/burst", run: burst },
        #[cfg(unix)]
        Measure { name: "pool/process", run: process::round_trip },
    ]
}

/// One job at a time: submit, wait, check.
fn round_trip(plan: &Plan, board: &mut Board) -> Outcome {
    compare(plan, board, "submit and result, one at a time", 1, plan.records(20_000), 2_000)
}

/// As many jobs as there are, then all their results.
fn burst(plan: &Plan, board: &mut Board) -> Outcome {
    compare(plan, board, "submit and result, 500 at a time", BURST, plan.records(200_000), 10_000)
}

fn compare(
    plan: &Plan,
    board: &mut Board,
    name: &str,
    burst: u64,
    jobs: u64,
    jobs_of_python: u64,
) -> Outcome {
    let (brigade, strict) = (Brigade::new()?, Strict::new()?);
    let (threadpool, rusty) = (Threadpool::new(), RustyPool::new());
    let mut python = Python::start("threads", WORKERS)?;
    let mut ours = || run(&brigade, burst, jobs);
    let mut on_workers = || run(&strict, burst, jobs);
    let mut threadpool = || run(&threadpool, burst, jobs);
    let mut rusty = || run(&rusty, burst, jobs);
    let mut theirs = || match &mut python {
        Some(python) => python.time(jobs_of_python, burst),
        None => Ok(Duration::ZERO),
    };
    let times = interleave(
        plan,
        &mut [&mut ours, &mut on_workers, &mut threadpool, &mut rusty, &mut theirs],
    )?;
    let per_job = |times: &[f64], jobs: u64| -> Vec<f64> {
        times.iter().map(|time| time * 1e9 / u64_to_f64(jobs)).collect()
    };
    let [ours, on_workers, threadpool, rusty] = [0, 1, 2, 3].map(|at| per_job(&times[at], jobs));
    let peers = [("threadpool + channel", &threadpool), ("rusty_pool", &rusty)];
    for (peer, theirs) in peers {
        board.add(
            Row::new(name, "ns/job", median(&ours))
                .against(peer, median(theirs), theirs, &ours)
                .goal(Goal::Ratio(1.3)),
        );
    }
    for (peer, theirs) in peers {
        board.add(
            Row::new(format!("{name}, never inline"), "ns/job", median(&on_workers))
                .against(peer, median(theirs), theirs, &on_workers)
                .note("the same pool with Claims::Never: each job goes to a worker and back"),
        );
    }
    if python.is_some() {
        let theirs = per_job(&times[4], jobs_of_python);
        board.add(
            Row::new(name, "ns/job", median(&ours))
                .against("Python ThreadPoolExecutor", median(&theirs), &theirs, &ours)
                .goal(Goal::Ratio(20.0)),
        );
    }
    Ok(())
}

fn run(contestant: &impl Contestant, burst: u64, jobs: u64) -> Outcome<Duration> {
    let start = Instant::now();
    let mut sum = 0;
    for first in (0..jobs).step_by(usize::try_from(burst)?) {
        sum += contestant.jobs(first..jobs.min(first + burst))?;
    }
    let took = start.elapsed();
    let expected = jobs * (jobs - 1) / 2;
    if sum != expected {
        return Err(format!("the results sum to {sum}, not {expected}").into());
    }
    Ok(took)
}

#[allow(clippy::cast_precision_loss)]
fn u64_to_f64(value: u64) -> f64 {
    value as f64
}
