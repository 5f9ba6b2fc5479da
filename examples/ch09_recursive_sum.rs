//! Divide and conquer: the sum of the numbers from 1 up to, and without, 1,000,000,000.
//!
//! Each half of a range is a job that waits for the jobs of its own halves. On a pool where whoever
//! waits only waits, two workers are soon waiting for jobs that nobody is left to run. Here, whoever
//! waits for a job that has not begun runs it.
//!
//! ```text
//! cargo run --release --example ch09_recursive_sum
//! cargo run --release --example ch09_recursive_sum -- --processes
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::fmt;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use brigade::pool::{Claims, Pool, Shutdown, TaskError, as_completed};
use brigade::process::{self, Job, ProcessPool};
use clap::Parser;
use scene::figures::grouped;
use scene::{Flags, Recorder, Row, Seen};

/// The sum of the numbers below N by divide and conquer: alone, on a pool, with rayon, in processes
#[derive(Debug, Clone, Parser)]
#[command(name = "ch09_recursive_sum")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// Adds up to this number, and without it
    #[arg(long, value_name = "N", default_value_t = 1_000_000_000,
          value_parser = clap::value_parser!(u64).range(1..=4_000_000_000))]
    pub to: u64,

    /// Adds as it is, without dividing, up to so many numbers
    #[arg(long, value_name = "N", default_value_t = 100_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub threshold: u64,

    /// Workers of the pools
    #[arg(long, value_name = "N", default_value_t = 2,
          value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: u16,

    /// Adds in child processes, too
    #[arg(long)]
    pub processes: bool,
}

/// The numbers from the first up to, and without, the second.
type Range = (u64, u64);

/// Adds one by one, in a way that the compiler cannot replace by a formula.
fn add((from, to): Range) -> u64 {
    let step = black_box(1);
    let (mut sum, mut number) = (0_u64, from);
    while number < to {
        sum = sum.wrapping_add(number);
        number += step;
    }
    sum
}

fn halves((from, to): Range) -> [Range; 2] {
    let middle = from + (to - from) / 2;
    [(from, middle), (middle, to)]
}

fn sequential(range: Range, threshold: u64) -> u64 {
    if range.1 - range.0 <= threshold {
        return add(range);
    }
    halves(range).map(|half| sequential(half, threshold)).iter().sum()
}

fn on_pool(pool: &Arc<Pool>, range: Range, threshold: u64) -> Result<u64, TaskError> {
    if range.1 - range.0 <= threshold {
        return Ok(add(range));
    }
    let jobs = halves(range).map(|half| {
        let inner = Arc::clone(pool);
        pool.submit(move |_| on_pool(&inner, half, threshold))
    });
    as_completed(jobs).map(|job| job.result()?).sum()
}

fn with_rayon(range: Range, threshold: u64) -> u64 {
    if range.1 - range.0 <= threshold {
        return add(range);
    }
    let [left, right] = halves(range);
    let (left, right) =
        rayon::join(|| with_rayon(left, threshold), || with_rayon(right, threshold));
    left + right
}

/// In another process, which divides on its own.
static SUM: Job<(Range, u64), u64> =
    Job::new("sum", |(range, threshold)| sequential(range, threshold));

/// How many pieces the processes get: enough for all to be busy to the end.
const PIECES: u64 = 16;

fn in_processes(pool: &ProcessPool, range: Range, threshold: u64) -> Result<u64, TaskError> {
    let length = (range.1 - range.0).div_ceil(PIECES).max(1);
    let starts = (range.0..range.1).step_by(usize::try_from(length).unwrap_or(usize::MAX));
    let pieces = starts.map(|from| ((from, range.1.min(from + length)), threshold));
    as_completed(pieces.map(|piece| pool.submit(&SUM, piece))).map(|job| job.result()).sum()
}

/// What came of a pool on which whoever waits only waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// Whether a result came.
    pub ended: bool,
    /// Workers, all of which wait.
    pub workers: usize,
    /// Jobs that they wait for, and that nobody runs.
    pub queued: usize,
}

/// A small sum, on a pool whose workers never run what they wait for.
pub fn broken(options: &Options, recorder: &Recorder) -> Stuck {
    let pool = Pool::builder().workers(usize::from(options.workers)).claims(Claims::Never).build();
    let pool = Arc::new(pool.expect("some workers"));
    let lane = recorder.lane("barron");
    let inner = Arc::clone(&pool);
    // Deep enough for every worker to wait for its own halves.
    let range = (0, 4096);
    let waiting = lane.wait("the sum");
    let sum = pool.submit(move |_| on_pool(&inner, range, 1));
    // Every worker has queued two halves and taken one thing that was queued, at most: with so many
    // left, all of them wait.
    let all_wait = usize::from(options.workers) + 1;
    while pool.queued() < all_wait && !sum.is_done() {
        thread::yield_now();
    }
    let ended = sum.result_timeout(Duration::from_millis(250)).is_ok();
    drop(waiting);
    let stuck = Stuck { ended, workers: pool.threads(), queued: pool.queued() };
    // Nobody is going to run them; with that, the waits end.
    pool.shutdown(Shutdown::CancelPending);
    stuck
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Row("workers", format_args!("{}, all of them waiting", self.workers)))?;
        write!(f, "{}", Row("jobs", format_args!("{} that they wait for", self.queued)))?;
        write!(f, "{}", Row("the sum", if self.ended { "came" } else { "never comes" }))
    }
}

impl Seen for Stuck {
    fn verdict(&self) -> Result<String, String> {
        if self.ended || self.queued == 0 {
            return Err(format!("{self:?}."));
        }
        Ok("Every worker waits for a job in the queue, and nobody is left to run it.".into())
    }
}

/// One way to add, what came out, and how long it took.
#[derive(Debug, Clone)]
pub struct Way {
    /// Which way.
    pub name: &'static str,
    /// The sum, or why there is none.
    pub sum: Result<u64, String>,
    /// The time it took.
    pub took: Duration,
}

/// All ways, and what the sum is by Gauss's formula.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// In the order in which they were tried.
    pub ways: Vec<Way>,
    /// `n (n - 1) / 2`.
    pub exact: u64,
}

/// The same sum in three ways, or four.
pub fn fixed(options: &Options, recorder: &Recorder) -> Outcome {
    let range = (1, options.to);
    let threshold = options.threshold;
    let lane = recorder.lane("barron");
    let mut ways = Vec::new();
    let mut way = |name, sum: &dyn Fn() -> Result<u64, TaskError>| {
        let _adding = lane.run(name);
        let start = Instant::now();
        let sum = sum().map_err(|error| error.to_string());
        ways.push(Way { name, sum, took: start.elapsed() });
    };
    way("sequential", &|| Ok(sequential(range, threshold)));
    let workers = usize::from(options.workers);
    let pool = Arc::new(Pool::builder().workers(workers).build().expect("some workers"));
    way("pool", &|| on_pool(&pool, range, threshold));
    way("rayon", &|| Ok(with_rayon(range, threshold)));
    if options.processes {
        let pool = ProcessPool::builder().workers(workers).build().expect("init was called");
        way("processes", &|| in_processes(&pool, range, threshold));
    }
    Outcome { ways, exact: options.to * (options.to - 1) / 2 }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Way { name, sum, took } in &self.ways {
            let sum = sum.as_ref().map_or_else(Clone::clone, |sum| grouped(*sum));
            write!(f, "{}", Row(name, format_args!("{sum:<27} {:>7.3} s", took.as_secs_f64())))?;
        }
        Ok(())
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        match self.ways.iter().find(|way| way.sum.as_ref() != Ok(&self.exact)) {
            None => Ok(format!("All {} agree with n(n - 1)/2.", self.ways.len())),
            Some(way) => Err(format!("{} gives {:?}, not {}.", way.name, way.sum, self.exact)),
        }
    }
}

fn main() -> ExitCode {
    process::init(&[&SUM]);
    let options = Options::parse();
    options
        .flags
        .show(format_args!("the sum of the numbers below {}", grouped(options.to)))
        .broken("whoever waits only waits", |recorder| broken(&options, recorder))
        .fixed("whoever waits runs what it waits for", |recorder| fixed(&options, recorder))
        .end()
}
