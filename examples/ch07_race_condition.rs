//! Five cooks double a number, five add three to it, one at a time: and nobody knows the result.
//!
//! Every step is made under a lock, so there is no data race, and no tool that looks for one finds
//! anything. What is left to chance is the order. Two orders are arranged here, one is drawn, and
//! all 252 of them are tried out.
//!
//! ```text
//! cargo run --release --example ch07_race_condition
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
use clap::Parser;
use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom as _;
use scene::{Flags, Recorder, Row, Seen};

/// Five cooks double, five add three, each under the lock; the result depends on who was first
#[derive(Debug, Clone, Parser)]
#[command(name = "ch07_race_condition", after_help = "The fix is the example ch07_barrier.")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// How often the cooks are let loose without an arranged order
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub runs: u32,
}

/// How many double, and how many add.
pub const EACH: usize = 5;

/// What a cook does to the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `x * 2`
    Double,
    /// `x + 3`
    Add,
}

impl Step {
    fn apply(self, number: u64) -> u64 {
        match self {
            Self::Double => number * 2,
            Self::Add => number + 3,
        }
    }
}

/// The adders, then the doublers.
fn adders_first() -> [Step; 2 * EACH] {
    std::array::from_fn(|at| if at < EACH { Step::Add } else { Step::Double })
}

/// A run in which the order was arranged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arranged {
    /// What was to happen.
    pub order: [Step; 2 * EACH],
    /// What came out.
    pub result: u64,
}

/// The results of different orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// All adders before all doublers.
    pub adders_first: Arranged,
    /// All doublers before all adders.
    pub doublers_first: Arranged,
    /// An order that was drawn.
    pub drawn: Arranged,
    /// Results of runs whose order nobody arranged, with how often each came out.
    pub free: BTreeMap<u64, u32>,
}

/// Ten threads, one lock, ten steps: in three orders that are arranged, and as it happens.
pub fn broken(options: &Options, recorder: &Recorder) -> Outcome {
    let adders_first = adders_first();
    let mut doublers_first = adders_first;
    doublers_first.reverse();
    let mut drawn = adders_first;
    drawn.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(options.flags.seed));
    let mut free = BTreeMap::new();
    for _ in 0..options.runs {
        *free.entry(let_loose()).or_default() += 1;
    }
    Outcome {
        adders_first: arranged(adders_first, recorder),
        doublers_first: arranged(doublers_first, recorder),
        drawn: arranged(drawn, recorder),
        free,
    }
}

/// Each thread makes its step under the lock, when its turn has come.
fn arranged(order: [Step; 2 * EACH], recorder: &Recorder) -> Arranged {
    let number = FairMutex::new(1);
    let turn = Monitor::new(0);
    thread::scope(|threads| {
        for (place, step) in order.into_iter().enumerate() {
            let (number, turn) = (&number, &turn);
            let lane = recorder.lane(format!("cook {place}"));
            threads.spawn(move || {
                turn.when(
                    move |turn| *turn == place,
                    |turn| {
                        let mut number = lane.lock("number", || number.lock());
                        *number = step.apply(*number);
                        *turn += 1;
                    },
                );
            });
        }
    });
    Arranged { order, result: number.into_inner() }
}

/// The same without turns: the threads start together, and who comes first is first.
fn let_loose() -> u64 {
    let number = FairMutex::new(1);
    let start = Barrier::new(2 * EACH);
    thread::scope(|threads| {
        for step in adders_first() {
            let (number, start) = (&number, &start);
            threads.spawn(move || {
                // Nobody breaks it.
                let _ = start.wait();
                let mut number = number.lock();
                *number = step.apply(*number);
            });
        }
    });
    number.into_inner()
}

/// Every order there is, and what comes out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reachable {
    /// How many orders lead to each result.
    pub results: BTreeMap<u64, u32>,
}

/// Tries all orders of five doublings and five additions, without any thread.
#[must_use]
pub fn reachable() -> Reachable {
    fn walk(number: u64, left: [usize; 2], results: &mut BTreeMap<u64, u32>) {
        if left == [0, 0] {
            *results.entry(number).or_default() += 1;
        }
        for (which, step) in [Step::Double, Step::Add].into_iter().enumerate() {
            if left[which] > 0 {
                let mut left = left;
                left[which] -= 1;
                walk(step.apply(number), left, results);
            }
        }
    }
    let mut results = BTreeMap::new();
    walk(1, [EACH, EACH], &mut results);
    Reachable { results }
}

impl fmt::Display for Arranged {
    /// `1 +3 +3 x2 ... = 512`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("1")?;
        for step in self.order {
            f.write_str(match step {
                Step::Double => " x2",
                Step::Add => " +3",
            })?;
        }
        write!(f, " = {}", self.result)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Row("adders first", &self.adders_first))?;
        write!(f, "{}", Row("doublers first", &self.doublers_first))?;
        write!(f, "{}", Row("drawn", &self.drawn))?;
        let runs: u32 = self.free.values().sum();
        let different = self.free.len();
        write!(f, "{}", Row("left to chance", format_args!("{runs} runs, results: {different}")))
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        let reachable = reachable().results;
        let (most, least) = (self.adders_first.result, self.doublers_first.result);
        let results = self.free.keys().chain([&most, &least, &self.drawn.result]);
        if let Some(strange) = results.into_iter().find(|result| !reachable.contains_key(result)) {
            return Err(format!("{strange} is the result of no order."));
        }
        if most == least {
            return Err(format!("two orders gave the same {most}."));
        }
        Ok(format!(
            "The same ten steps, each under the lock, gave {most} and {least}: \
             a race without a data race."
        ))
    }
}

impl fmt::Display for Reachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let orders: u32 = self.results.values().sum();
        write!(f, "{}", Row("orders", orders))?;
        write!(f, "{}", Row("results", self.results.len()))?;
        if let (Some(least), Some(most)) = (self.results.keys().next(), self.results.keys().last())
        {
            write!(f, "{}", Row("least", least))?;
            write!(f, "{}", Row("greatest", most))?;
        }
        let often = self.results.iter().max_by_key(|(_, orders)| **orders);
        let often = often.map(|(result, orders)| format!("{result}, by {orders} orders"));
        write!(f, "{}", Row("most often", often.unwrap_or_default()))
    }
}

impl Seen for Reachable {
    fn verdict(&self) -> Result<String, String> {
        let (orders, results) = (self.results.values().sum::<u32>(), self.results.len());
        match self.results.get(&512) {
            Some(1) => Ok(format!(
                "{orders} orders, {results} results: if one of them is right, say which order it needs."
            )),
            other => Err(format!("512 has {other:?} orders, not one.")),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let seed = options.flags.seed;
    options
        .flags
        .show(format_args!(
            "{EACH} cooks double, {EACH} add 3, one at a time, from 1 (seed {seed})"
        ))
        .broken("every step under the lock, in whatever order", |recorder| {
            broken(&options, recorder)
        })
        .scene("every order there is", |_| reachable())
        .end()
}
