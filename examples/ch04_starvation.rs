//! A hundred and fifty philosophers, two chopsticks, and who gets what.
//!
//! All stand in line before the first piece is eaten. An unfair lock lets a thread that runs take it
//! again before those in line have woken up, so a few eat and most never do. A fair lock hands
//! itself to the one who has waited longest: nobody waits for more grants than there are others in
//! line.
//!
//! How long a thread runs is for a scheduler to decide. Here it is a number of pieces, and nobody puts
//! a chopstick down before all others are in line, so both parts end the same way each time. What the
//! locks that people use do on your machine is measured by
//! `cargo bench -p scoreboard -- rwlock/hogs`.
//!
//! ```text
//! cargo run --release --example ch04_starvation
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::fmt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use brigade::monitor::Monitor;
use brigade::mutex::{FairMutex, FairMutexGuard, InspectMutex};
use clap::Parser;
use scene::figures::grouped;
use scene::{Flags, Lane, Recorder, Row, Seen};

/// Many philosophers want the same two chopsticks, under an unfair lock and under a fair one
#[derive(Debug, Clone, Parser)]
#[command(name = "ch04_starvation")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// Philosophers, each on a thread of its own
    #[arg(long, value_name = "N", default_value_t = 150,
          value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub philosophers: u32,

    /// Pieces of sushi
    #[arg(long, value_name = "N", default_value_t = 5_000,
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub pieces: u32,
}

/// What one philosopher got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meal {
    /// Pieces.
    pub eaten: u32,
    /// The pieces that others ate while it stood in the line at the start.
    pub waited: u32,
}

/// What all of them got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Each philosopher's meal.
    pub meals: Vec<Meal>,
    /// From the first piece to the last.
    pub took: Duration,
    fair: bool,
}

/// A lock around nothing, for somebody who has a number.
trait Chopstick: Sync {
    /// Puts it down when it is dropped.
    type Held<'a>
    where
        Self: 'a;

    fn take(&self, who: u32) -> Self::Held<'_>;

    /// How many stand in line.
    fn waiting(&self) -> usize;

    /// `who` goes, and does not come back.
    fn leave(&self, who: u32);
}

/// Hands itself to the one who has waited longest.
impl Chopstick for FairMutex<()> {
    type Held<'a> = FairMutexGuard<'a, ()>;

    fn take(&self, _: u32) -> Self::Held<'_> {
        self.lock()
    }

    fn waiting(&self) -> usize {
        InspectMutex::waiting(self)
    }

    fn leave(&self, _: u32) {}
}

/// Favours whoever runs, as `parking_lot`'s mutex and std's do.
///
/// Put down, such a lock is free, and the first in line is woken. Until that one is awake, the one that
/// had it has taken it again, and so on until it has to stop running. Here a thread runs for a number
/// of grants.
#[derive(Debug)]
struct Favouring {
    turn: Monitor<Turn>,
    grants: u32,
}

#[derive(Debug, Default)]
struct Turn {
    is_taken: bool,
    /// Who is back before anybody has woken up, and how often still.
    runs: Option<u32>,
    left: u32,
}

impl Favouring {
    fn new(grants: u32) -> Self {
        Self { turn: Monitor::new(Turn::default()), grants }
    }
}

/// A [`Favouring`] chopstick in somebody's hand.
#[derive(Debug)]
struct InHand<'a>(&'a Favouring);

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.0.turn.with(|turn| {
            turn.is_taken = false;
            turn.runs = turn.runs.filter(|_| turn.left > 0);
        });
    }
}

impl Chopstick for Favouring {
    type Held<'a> = InHand<'a>;

    fn take(&self, who: u32) -> InHand<'_> {
        let is_mine = move |turn: &Turn| !turn.is_taken && turn.runs.is_none_or(|runs| runs == who);
        self.turn.when(is_mine, |turn| {
            if turn.runs.is_none() {
                (turn.runs, turn.left) = (Some(who), self.grants);
            }
            turn.is_taken = true;
            turn.left -= 1;
        });
        InHand(self)
    }

    fn waiting(&self) -> usize {
        self.turn.waiting()
    }

    fn leave(&self, who: u32) {
        self.turn.with(|turn| turn.runs = turn.runs.filter(|runs| *runs != who));
    }
}

/// So many philosophers share what one of them eats under an unfair lock.
const SHARE_OF_ONE: u32 = 15;

/// A lock that favours whoever runs.
pub fn broken(options: &Options, recorder: &Recorder) -> Outcome {
    let run = options.pieces.div_ceil(options.philosophers.div_ceil(SHARE_OF_ONE));
    let (meals, took) = dine(options, recorder, [(); 2].map(|()| Favouring::new(run)));
    Outcome { meals, took, fair: false }
}

/// A lock that hands itself to the one who has waited longest.
pub fn fixed(options: &Options, recorder: &Recorder) -> Outcome {
    let (meals, took) = dine(options, recorder, [(); 2].map(FairMutex::new));
    Outcome { meals, took, fair: true }
}

fn dine(
    options: &Options,
    recorder: &Recorder,
    [a, b]: [impl Chopstick; 2],
) -> (Vec<Meal>, Duration) {
    // Who has both chopsticks is the only one to change them.
    let (left, grants) = (AtomicU32::new(options.pieces), AtomicU32::new(0));
    let until_in_line = |others: u32| {
        while a.waiting() < others as usize {
            thread::yield_now();
        }
    };
    let eat = |who: u32, lane: Lane| {
        let mut meal = Meal { eaten: 0, waited: 0 };
        for round in 0.. {
            let _first = lane.lock("a", || a.take(who));
            let _second = lane.lock("b", || b.take(who));
            if round == 0 {
                // Nobody had eaten when the line was complete.
                meal.waited = grants.load(Relaxed);
            }
            if left.load(Relaxed) == 0 {
                break;
            }
            left.fetch_sub(1, Relaxed);
            grants.fetch_add(1, Relaxed);
            meal.eaten += 1;
            until_in_line(options.philosophers - 1);
        }
        a.leave(who);
        b.leave(who);
        meal
    };
    thread::scope(|threads| {
        const HOST: u32 = 0;
        let door = a.take(HOST);
        let philosophers: Vec<_> = (1..=options.philosophers)
            .map(|number| {
                let lane = recorder.lane(format!("{number}"));
                let eat = &eat;
                threads.spawn(move || eat(number, lane))
            })
            .collect();
        until_in_line(options.philosophers);
        let began = Instant::now();
        drop(door);
        a.leave(HOST);
        let join = |philosopher: thread::ScopedJoinHandle<'_, Meal>| {
            philosopher.join().expect("eating does not panic")
        };
        let meals = philosophers.into_iter().map(join).collect();
        (meals, began.elapsed())
    })
}

impl Outcome {
    /// Jain's index (Jain, Chiu and Hawe, 1984): 1 if all got the same, 1/n if one got everything.
    #[must_use]
    pub fn jain(&self) -> f64 {
        let eaten = || self.meals.iter().map(|meal| f64::from(meal.eaten));
        let (sum, squares): (f64, f64) = (eaten().sum(), eaten().map(|eaten| eaten * eaten).sum());
        #[allow(clippy::cast_precision_loss)]
        let count = self.meals.len() as f64;
        sum * sum / (count * squares)
    }

    /// The longest wait in the line at the start, in grants to others.
    #[must_use]
    pub fn longest_wait(&self) -> u32 {
        self.meals.iter().map(|meal| meal.waited).max().unwrap_or(0)
    }

    /// How many philosophers got how much, compared with an equal share.
    #[must_use]
    pub fn histogram(&self) -> [(&'static str, usize); 5] {
        let all: u32 = self.meals.iter().map(|meal| meal.eaten).sum();
        let count = u32::try_from(self.meals.len()).unwrap_or(u32::MAX);
        let among = |from: u64, to: u64| {
            // In halves of a share, so that nothing is rounded.
            let within = |meal: &&Meal| {
                let eaten = u64::from(meal.eaten) * u64::from(count) * 2;
                (from * u64::from(all)..to.saturating_mul(u64::from(all))).contains(&eaten)
            };
            self.meals.iter().filter(|meal| meal.eaten > 0).filter(within).count()
        };
        let nothing = self.meals.iter().filter(|meal| meal.eaten == 0).count();
        [
            ("nothing", nothing),
            ("below half", among(0, 1)),
            ("about a share", among(1, 4)),
            ("2 to 10 shares", among(4, 20)),
            ("more", among(20, u64::MAX)),
        ]
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WIDTH: usize = 40;
        for (share, philosophers) in self.histogram() {
            let bar = "#".repeat((philosophers * WIDTH).div_ceil(self.meals.len().max(1)));
            let counted = format!("{philosophers:>5} {bar}");
            write!(f, "{}", Row(share, counted.trim_end()))?;
        }
        write!(f, "{}", Row("Jain's index", format_args!("{:>5.3}", self.jain())))?;
        let waited = grouped(self.longest_wait().into());
        write!(f, "{}", Row("longest wait", format_args!("{waited:>5} grants to others")))?;
        write!(f, "{}", Row("took", format_args!("{:>5} ms", self.took.as_millis())))
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        let others = self.meals.len() - 1;
        let (jain, waited) = (self.jain(), self.longest_wait() as usize);
        let hungry = self.meals.iter().filter(|meal| meal.eaten == 0).count();
        let eaten = || self.meals.iter().map(|meal| meal.eaten);
        let apart = eaten().max().unwrap_or(0) - eaten().min().unwrap_or(0);
        // With few pieces, one more or less says more than the index.
        if self.fair && (jain > 0.95 || apart <= 1) && waited <= others {
            return Ok(format!(
                "Equal shares, and nobody waited for more than the {others} others in line."
            ));
        }
        if !self.fair && hungry > 0 && self.longest_wait() == eaten().sum::<u32>() {
            return Ok(format!(
                "{hungry} of {} philosophers got nothing, and no lock was ever held for long.",
                self.meals.len()
            ));
        }
        Err(format!("Jain's index is {jain:.3}, the longest wait {waited} grants."))
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let (philosophers, pieces) = (options.philosophers, grouped(options.pieces.into()));
    options
        .flags
        .show(format_args!("{philosophers} philosophers, 2 chopsticks, {pieces} pieces of sushi"))
        .broken("a lock that favours whoever runs", |recorder| broken(&options, recorder))
        .fixed("a lock that hands itself over in order", |recorder| fixed(&options, recorder))
        .end()
}
