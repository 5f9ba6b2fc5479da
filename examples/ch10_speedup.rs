//! How to measure what parallelism is worth.
//!
//! Speed-up is the time of the sequential program by the time of the parallel one; efficiency is
//! speed-up by workers. Both depend on what is called sequential. A parallel program with one worker is
//! not: it pays for what makes it parallel. And one run tells little: the first one pays for what
//! is cold, and any one for what else the machine does.
//!
//! ```text
//! cargo run --release --example ch10_speedup
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::fmt;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use brigade::pool::{Claims, Pool, Window};
use clap::Parser;
use scene::{Flags, Recorder, Row, Seen};

/// What 1, 2 and N workers are worth, against a program that is really sequential
#[derive(Debug, Clone, Parser)]
#[command(name = "ch10_speedup")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// Numbers that are looked at
    #[arg(long, value_name = "N", default_value_t = 600_000,
          value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    pub numbers: u32,

    /// Runs that count
    #[arg(long, value_name = "N", default_value_t = 5,
          value_parser = clap::value_parser!(u8).range(1..=100))]
    pub runs: u8,

    /// The most workers that are tried [default: twice the machine's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
}

/// The work: primes in a range, by trial division.
fn primes(from: u32, to: u32) -> u32 {
    let is_prime = |n: u32| {
        let mut divisors = (2..).take_while(|d| d * d <= n);
        n >= 2 && divisors.all(|d| !black_box(n).is_multiple_of(d))
    };
    (from..to).filter(|n| is_prime(*n)).count() as u32
}

/// Numbers in a chunk: large enough that handing it over does not count.
const CHUNK: u32 = 500;

fn chunks(numbers: u32) -> impl Iterator<Item = (u32, u32)> + Clone {
    (0..numbers).step_by(CHUNK as usize).map(move |from| (from, numbers.min(from + CHUNK)))
}

/// Counts in a loop, and nothing else. Tells on which threads.
fn sequentially(numbers: u32) -> (u32, Vec<ThreadId>) {
    let found = chunks(numbers).map(|(from, to)| primes(from, to)).sum();
    (found, vec![thread::current().id()])
}

/// Counts on the pool's threads. Tells on which.
fn on(pool: &Pool, numbers: u32) -> (u32, Vec<ThreadId>) {
    let count = |(from, to)| (primes(from, to), thread::current().id());
    let mut threads = Vec::new();
    let mut found = 0;
    for chunk in pool.map(chunks(numbers), Window(64), count).flatten() {
        found += chunk.0;
        if !threads.contains(&chunk.1) {
            threads.push(chunk.1);
        }
    }
    (found, threads)
}

fn pool(workers: usize) -> Pool {
    let pool = Pool::builder().workers(workers).claims(Claims::Never).name("counter").build();
    pool.expect("at least one worker")
}

/// The frame: some runs to warm up, then those that count, of which the median is told.
#[derive(Debug, Clone, Copy)]
struct Frame {
    warm_up: u8,
    runs: u8,
}

impl Frame {
    fn measure<R>(self, mut run: impl FnMut() -> R) -> (R, Duration) {
        for _ in 0..self.warm_up {
            black_box(run());
        }
        let mut last = None;
        let mut times: Vec<Duration> = (0..self.runs.max(1))
            .map(|_| {
                let start = Instant::now();
                last = Some(run());
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        (last.expect("it ran at least once"), times[times.len() / 2])
    }
}

/// One row of the table.
#[derive(Debug, Clone)]
pub struct Timed {
    /// Workers; none for the sequential program.
    pub workers: Option<usize>,
    /// The median.
    pub took: Duration,
    /// Primes that were found.
    pub found: u32,
}

/// All rows, the first of which is what the others are compared with.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was measured.
    pub rows: Vec<Timed>,
    /// Whether the first one ran on the thread that called it, and on no other.
    pub really_sequential: bool,
    /// Runs that did not count, and runs that did.
    pub runs: (u8, u8),
}

/// One cold run each, and what is called sequential runs on the pool.
pub fn broken(options: &Options, recorder: &Recorder) -> Outcome {
    measure(options, recorder, Frame { warm_up: 0, runs: 1 }, |numbers| on(&pool(1), numbers))
}

/// Warm, several times, and against a loop.
pub fn fixed(options: &Options, recorder: &Recorder) -> Outcome {
    measure(options, recorder, Frame { warm_up: 1, runs: options.runs }, sequentially)
}

fn measure(
    options: &Options,
    recorder: &Recorder,
    frame: Frame,
    mut baseline: impl FnMut(u32) -> (u32, Vec<ThreadId>),
) -> Outcome {
    let lane = recorder.lane("barron");
    let machine = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let most = options.workers.map_or(2 * machine, usize::from);
    let measuring = lane.run("sequential");
    let ((found, threads), took) = frame.measure(|| baseline(options.numbers));
    drop(measuring);
    let really_sequential = threads == [thread::current().id()];
    let mut rows = vec![Timed { workers: None, took, found }];
    let mut tried = vec![1, 2, most];
    tried.retain(|workers| *workers <= most);
    tried.dedup();
    for workers in tried {
        let _measuring = lane.run(format!("{workers} workers"));
        let pool = pool(workers);
        let ((found, _), took) = frame.measure(|| on(&pool, options.numbers));
        rows.push(Timed { workers: Some(workers), took, found });
    }
    Outcome { rows, really_sequential, runs: (frame.warm_up, frame.runs) }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (warm_up, runs) = self.runs;
        write!(f, "{}", Row("runs", format_args!("{warm_up} to warm up, {runs} that count")))?;
        write!(f, "{}", Row("primes", self.rows.first().map_or(0, |row| row.found)))?;
        let head = format!("{:>9} {:>9} {:>11}", "time", "speed-up", "efficiency");
        write!(f, "{}", Row("workers", head))?;
        let baseline = self.rows.first().map_or(0.0, |row| row.took.as_secs_f64());
        for row in &self.rows {
            let seconds = row.took.as_secs_f64();
            let time = format!("{:>6.1} ms", seconds * 1e3);
            match row.workers {
                None => write!(f, "{}", Row("sequential", time))?,
                Some(workers) => {
                    let speed_up = baseline / seconds;
                    #[allow(clippy::cast_precision_loss)]
                    let efficiency = 100.0 * speed_up / workers as f64;
                    let line = format!("{time} {speed_up:>9.2} {efficiency:>9.0} %");
                    write!(f, "{}", Row(workers, line))?;
                }
            }
        }
        Ok(())
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        let found = self.rows.first().map(|row| row.found);
        if let Some(row) = self.rows.iter().find(|row| Some(row.found) != found) {
            return Err(format!("{:?} workers found {} primes.", row.workers, row.found));
        }
        if self.really_sequential {
            Ok("The sequential program is a loop on one thread, and all found the same primes."
                .into())
        } else {
            Ok("What is called sequential ran on a pool, once and cold: its speed-up means nothing."
                .into())
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    options
        .flags
        .show("what workers are worth")
        .broken("one cold run, against a pool of one", |recorder| broken(&options, recorder))
        .fixed("warm, repeated, against a loop", |recorder| fixed(&options, recorder))
        .end()
}
