//! Five cooks add three, five double, and a barrier stands between them: always 512.
//!
//! The lock keeps two steps apart and says nothing about which comes first. A barrier does: the
//! adders come to it with their work done, the doublers before they begin, and nobody passes until
//! all ten are there. If it counts only some of them, it separates nothing.
//!
//! ```text
//! cargo run --release --example ch07_barrier
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;
use std::thread;

use brigade::barrier::Barrier;
use brigade::monitor::Monitor;
use brigade::mutex::FairMutex;
use brigade::timeline::Lane;
use clap::Parser;
use scene::figures::counted;
use scene::{Flags, Recorder, Row, Seen};

/// Five cooks add three, five double; a barrier lets the adders go first
#[derive(Debug, Clone, Parser)]
#[command(name = "ch07_barrier", after_help = "The bug is the example ch07_race_condition.")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// How often the cooks cook
    #[arg(long, value_name = "N", default_value_t = 200,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub runs: u32,
}

/// How many double, and how many add.
pub const EACH: usize = 5;

/// ((((1 + 3) + 3) + ...) * 2) * ...
pub const RIGHT: u64 = 512;

/// What came out, how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The parties of the barrier.
    pub parties: usize,
    /// Results, with how often each came out.
    pub results: BTreeMap<u64, u32>,
}

/// A barrier that counts the doublers only. The adders are held back until all have doubled: the
/// unlucky order, every time.
pub fn broken(options: &Options, recorder: &Recorder) -> Outcome {
    repeated(options, recorder, EACH, |recorder, barrier| {
        let number = FairMutex::new(1);
        let doubled = Monitor::new(0);
        thread::scope(|threads| {
            for lane in lanes(recorder, "adder") {
                let (number, doubled) = (&number, &doubled);
                threads.spawn(move || {
                    doubled.wait_until(|doubled| *doubled == EACH);
                    *lane.lock("number", || number.lock()) += 3;
                });
            }
            for lane in lanes(recorder, "doubler") {
                let (number, doubled) = (&number, &doubled);
                threads.spawn(move || {
                    meet(barrier, &lane);
                    *lane.lock("number", || number.lock()) *= 2;
                    doubled.with(|doubled| *doubled += 1);
                });
            }
        });
        number.into_inner()
    })
}

/// A barrier that counts everybody: the adders come with their work done, the doublers before
/// they begin.
pub fn fixed(options: &Options, recorder: &Recorder) -> Outcome {
    repeated(options, recorder, 2 * EACH, |recorder, barrier| {
        let number = FairMutex::new(1);
        thread::scope(|threads| {
            for lane in lanes(recorder, "adder") {
                let number = &number;
                threads.spawn(move || {
                    *lane.lock("number", || number.lock()) += 3;
                    meet(barrier, &lane);
                });
            }
            for lane in lanes(recorder, "doubler") {
                let number = &number;
                threads.spawn(move || {
                    meet(barrier, &lane);
                    *lane.lock("number", || number.lock()) *= 2;
                });
            }
        });
        number.into_inner()
    })
}

fn lanes(recorder: &Recorder, who: &str) -> [Lane; EACH] {
    std::array::from_fn(|number| recorder.lane(format!("{who} {}", number + 1)))
}

fn meet(barrier: &Barrier, lane: &Lane) {
    let _waiting = lane.wait("barrier");
    barrier.wait().expect("nobody gives up and nobody panics");
}

/// Cooks as often as asked, with one barrier; the first time is recorded.
fn repeated(
    options: &Options,
    recorder: &Recorder,
    parties: usize,
    cook: impl Fn(&Recorder, &Barrier) -> u64,
) -> Outcome {
    let barrier = Barrier::new(parties);
    let unrecorded = Recorder::off();
    let mut results = BTreeMap::new();
    for run in 0..options.runs {
        let recorder = if run == 0 { recorder } else { &unrecorded };
        *results.entry(cook(recorder, &barrier)).or_default() += 1;
    }
    Outcome { parties, results }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Row("parties", format_args!("{} of {}", self.parties, 2 * EACH)))?;
        for (result, runs) in &self.results {
            let runs = counted((*runs).into(), "run");
            write!(f, "{}", Row("result", format_args!("{result} in {runs}")))?;
        }
        Ok(())
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        let results: Vec<u64> = self.results.keys().copied().collect();
        match (self.parties == 2 * EACH, &*results) {
            (true, [RIGHT]) => Ok(format!("Adders first, then doublers: always {RIGHT}.")),
            (false, [wrong]) if *wrong != RIGHT => Ok(format!(
                "The doublers waited for each other, not for the adders: {wrong} instead of {RIGHT}."
            )),
            _ => Err(format!("the results are {results:?}.")),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runs = counted(options.runs.into(), "time");
    options
        .flags
        .show(format_args!("{EACH} cooks add 3, {EACH} double, one at a time, from 1, {runs}"))
        .broken("a barrier for the doublers", |recorder| broken(&options, recorder))
        .fixed("a barrier for all ten", |recorder| fixed(&options, recorder))
        .end()
}
