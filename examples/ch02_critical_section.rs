//! Two shoppers share a list: what belongs inside the lock, and what does not?
//!
//! Each adds five items, and has to think about every one. Who thinks while holding the list keeps
//! the other from writing, and so from thinking: everything takes twice as long. A critical section
//! holds what must not be interrupted, and nothing else.
//!
//! ```text
//! cargo run --release --example ch02_critical_section
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::cell::Cell;
use std::fmt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use brigade::barrier::Barrier;
use brigade::mutex::FairMutex;
use clap::Parser;
use scene::{Flags, Lane, Recorder, Row, Seen};

/// Two shoppers share a list, and think about every item inside the lock, then outside
#[derive(Debug, Clone, Parser)]
#[command(name = "ch02_critical_section")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// Items that each of them adds
    #[arg(long, value_name = "N", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub items: u32,

    /// How long each item is thought about, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 100,
          value_parser = clap::value_parser!(u64).range(0..=10_000))]
    pub think: u64,
}

/// The shoppers.
pub const SHOPPERS: [&str; 2] = ["barron", "olivia"];

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Items on the list.
    pub items: usize,
    /// How many shoppers were seen thinking at once.
    pub at_once: usize,
    /// How long all thoughts are, one after the other.
    pub thoughts: Duration,
    /// How long it took.
    pub took: Duration,
    /// How long it took inside the lock, if that was seen before.
    pub inside: Option<Duration>,
    /// How many were to think at once.
    expected: usize,
}

/// Counts who thinks.
#[derive(Debug, Default)]
struct Thinking {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Thinking {
    fn during(&self, lane: &Lane, think: impl FnOnce()) {
        let _thinking = lane.run("thinking");
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        think();
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Thinks with the list in hand.
pub fn broken(options: &Options, recorder: &Recorder) -> Outcome {
    shop(options, recorder, 1, |me, item, list, thinking| {
        let mut list = me.lock("list", || list.lock());
        thinking.during(me, || thread::sleep(Duration::from_millis(options.think)));
        list.push(item);
    })
}

/// Thinks first, then takes the list.
pub fn fixed(options: &Options, recorder: &Recorder) -> Outcome {
    // Nobody has to wait for the other to think: in the first thought they wait for each other.
    let both_think = Barrier::new(SHOPPERS.len());
    shop(options, recorder, SHOPPERS.len(), |me, item, list, thinking| {
        thinking.during(me, || {
            if item == 0 {
                both_think.wait().expect("neither of them fails");
            }
            thread::sleep(Duration::from_millis(options.think));
        });
        me.lock("list", || list.lock()).push(item);
    })
}

fn shop(
    options: &Options,
    recorder: &Recorder,
    expected: usize,
    add: impl Fn(&Lane, u32, &FairMutex<Vec<u32>>, &Thinking) + Sync,
) -> Outcome {
    let (list, thinking) = (FairMutex::default(), Thinking::default());
    let began = Instant::now();
    thread::scope(|threads| {
        for shopper in SHOPPERS {
            let (me, list, thinking, add) = (recorder.lane(shopper), &list, &thinking, &add);
            threads
                .spawn(move || (0..options.items).for_each(|item| add(&me, item, list, thinking)));
        }
    });
    let took = began.elapsed();
    let items = list.into_inner().len();
    let thoughts = Duration::from_millis(options.think) * options.items * SHOPPERS.len() as u32;
    let at_once = thinking.most.into_inner();
    Outcome { items, at_once, thoughts, took, inside: None, expected }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at_a_time = self.thoughts.as_secs_f64() / self.took.as_secs_f64().max(1e-9);
        write!(f, "{}", Row("items", self.items))?;
        write!(f, "{}", Row("thoughts", format_args!("{} ms", self.thoughts.as_millis())))?;
        write!(f, "{}", Row("took", format_args!("{} ms", self.took.as_millis())))?;
        if let Some(inside) = self.inside {
            let times = inside.as_secs_f64() / self.took.as_secs_f64().max(1e-9);
            let inside = inside.as_millis();
            let times = format_args!("{inside} ms, {times:.1} times as long");
            write!(f, "{}", Row("inside it took", times))?;
        }
        let at_once = self.at_once;
        write!(f, "{}", Row("at a time", format_args!("{at_a_time:.1}, {at_once} at most")))
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        match (self.at_once == self.expected, self.expected) {
            (true, 1) => Ok("Who thinks has the list, so only one of them ever thinks.".into()),
            (true, _) => Ok("The list is taken only to write, so both think at once.".into()),
            (false, _) => Err(format!("{} of them were thinking at once.", self.at_once)),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let (items, think) = (options.items, options.think);
    let inside = Cell::new(None);
    options
        .flags
        .show(format_args!(
            "{} shoppers, one list, {items} items each, {think} ms to think about each",
            SHOPPERS.len()
        ))
        .broken("they think inside the lock", |recorder| {
            let outcome = broken(&options, recorder);
            inside.set(Some(outcome.took));
            outcome
        })
        .fixed("they think outside", |recorder| Outcome {
            inside: inside.get(),
            ..fixed(&options, recorder)
        })
        .end()
}
