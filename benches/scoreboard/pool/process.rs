//! A call to another process and back, one at a time.

use std::time::{Duration, Instant};

use brigade::process::{Job, ProcessPool};

use super::python::Python;
use super::{WORKERS, u64_to_f64};
use crate::measure::{interleave, median};
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

static SAME: Job<u64, u64> = Job::new("same", |n| n);

/// The scoreboard is the program that its workers run.
pub(crate) fn init() {
    brigade::process::init(&[&SAME]);
}

pub(super) fn round_trip(plan: &Plan, board: &mut Board) -> Outcome {
    let pool = ProcessPool::builder().workers(WORKERS).build()?;
    let jobs = plan.records(5_000);
    let mut python = Python::start("processes", WORKERS)?;
    let mut ours = || {
        let start = Instant::now();
        for n in 0..jobs {
            if pool.submit(&SAME, n).result()? != n {
                return Err("a worker has changed a number".into());
            }
        }
        Ok(start.elapsed())
    };
    let mut theirs = || match &mut python {
        Some(python) => python.time(jobs, 1),
        None => Ok(Duration::ZERO),
    };
    let times = interleave(plan, &mut [&mut ours, &mut theirs])?;
    let per_job = |times: &[f64]| -> Vec<f64> {
        times.iter().map(|time| time * 1e6 / u64_to_f64(jobs)).collect()
    };
    let (ours, theirs) = (per_job(&times[0]), per_job(&times[1]));
    let mut row = Row::new("call to a process and back", "µs/job", median(&ours));
    if python.is_some() {
        let peer = "Python ProcessPoolExecutor";
        row = row.against(peer, median(&theirs), &theirs, &ours).goal(Goal::Ratio(4.0));
    }
    board.add(row);
    Ok(())
}
