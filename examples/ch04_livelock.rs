//! Three philosophers so polite that nobody eats: busy, and yet no progress.
//!
//! Each takes the chopstick on the left and, if the right one is taken, puts it back for the
//! others. If all do so in step, they meet in the same position again and again. Waiting for the same
//! time does not help, for then they are in step again; waiting for a random time does.
//!
//! ```text
//! cargo run --release --example ch04_livelock
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::cell::Cell;
use std::fmt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use brigade::barrier::Barrier;
use brigade::lock::{Attempt, Jitter};
use brigade::mutex::FairMutex;
use brigade::timeline::{Lane, Recorder};
use clap::Parser;
use scene::figures::{counted, grouped};
use scene::{Flags, Row, Seen};

/// Three polite philosophers give way to each other, and draw lots in the end
#[derive(Debug, Clone, Parser)]
#[command(name = "ch04_livelock")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// Pieces of sushi
    #[arg(long, value_name = "N", default_value_t = 500,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub pieces: u32,

    /// Rounds after which the broken scene gives up
    #[arg(long, value_name = "N", default_value_t = 1_000,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rounds: u32,
}

/// The philosophers.
pub const NAMES: [&str; 3] = ["barron", "olivia", "steve"];

/// What became of the sushi.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Pieces at the start.
    pub pieces: u32,
    /// Pieces that were eaten.
    pub eaten: u32,
    /// How often a chopstick was picked up, and put back for the others.
    pub gave_way: u32,
    /// Rounds in which nobody ate, if that was all there was.
    pub rounds: Option<u32>,
}

/// The table: chopsticks, sushi, and how often somebody gave way.
struct Table {
    chopsticks: [FairMutex<()>; 3],
    left: AtomicU32,
    gave_way: AtomicU32,
    /// Where all are when they have one chopstick, and when they have seen that the other is taken.
    in_step: Barrier,
}

impl Table {
    fn new(options: &Options) -> Self {
        Self {
            chopsticks: Default::default(),
            left: options.pieces.into(),
            gave_way: AtomicU32::new(0),
            in_step: Barrier::new(3),
        }
    }

    /// Takes the left chopstick and eats if the right one is free. True if a piece was eaten.
    fn try_to_eat(&self, seat: usize, lane: &Lane, in_step: bool) -> Option<bool> {
        let meet = || {
            if in_step {
                // Nobody breaks it.
                let _ = self.in_step.wait();
            }
        };
        let names = ["a", "b", "c"];
        let next = (seat + 1) % 3;
        let _left = lane.try_lock(names[seat], || self.chopsticks[seat].try_lock())?;
        meet();
        let right = lane.try_lock(names[next], || self.chopsticks[next].try_lock());
        meet();
        if right.is_none() {
            self.gave_way.fetch_add(1, Relaxed);
        }
        right.map(|_| self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok())
    }

    fn outcome(self, options: &Options, rounds: Option<u32>) -> Outcome {
        let eaten = options.pieces - self.left.into_inner();
        Outcome { pieces: options.pieces, eaten, gave_way: self.gave_way.into_inner(), rounds }
    }

    fn with_philosophers(&self, recorder: &Recorder, eat: impl Fn(usize, &Lane) + Sync) {
        thread::scope(|threads| {
            for (seat, name) in NAMES.into_iter().enumerate() {
                let (eat, lane) = (&eat, recorder.lane(name));
                threads.spawn(move || eat(seat, &lane));
            }
        });
    }
}

/// All three do the same at the same time, as equally fast people do.
pub fn broken(options: &Options, recorder: &Recorder) -> Outcome {
    let table = Table::new(options);
    table.with_philosophers(recorder, |seat, lane| {
        for _round in 0..options.rounds {
            let _ = table.try_to_eat(seat, lane, true);
        }
    });
    table.outcome(options, Some(options.rounds))
}

/// They begin in step as well, and then each waits for a time that it draws.
pub fn fixed(options: &Options, recorder: &Recorder) -> Outcome {
    let table = Table::new(options);
    table.with_philosophers(recorder, |seat, lane| {
        let attempt = Attempt::within(Duration::MAX)
            .spin(0)
            .backoff(Duration::from_micros(20), Duration::from_millis(1))
            .jitter(Jitter::Full)
            .seed(options.flags.seed.wrapping_add(seat as u64));
        let first = Cell::new(true);
        // Without a deadline an attempt ends in success only.
        while attempt.run(|| table.try_to_eat(seat, lane, first.take())) == Ok(true) {}
    });
    table.outcome(options, None)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(rounds) = self.rounds {
            write!(f, "{}", Row("rounds", grouped(rounds.into())))?;
        }
        write!(f, "{}", Row("gave way", counted(self.gave_way.into(), "time")))?;
        write!(f, "{}", Row("eaten", format_args!("{} of {}", self.eaten, self.pieces)))
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        let Self { pieces, eaten, gave_way, rounds } = *self;
        match rounds {
            Some(rounds) if eaten == 0 && gave_way == 3 * rounds => Ok(format!(
                "A chopstick was put back {}, and nobody has eaten: busy, and no progress.",
                counted(gave_way.into(), "time")
            )),
            None if eaten == pieces && gave_way >= 3 => Ok(format!(
                "They got out of step, and all {} pieces were eaten.",
                grouped(eaten.into())
            )),
            _ => Err(format!("{eaten} of {pieces} pieces were eaten, {gave_way} times given way.")),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let (pieces, seed) = (options.pieces, options.flags.seed);
    options
        .flags
        .show(format_args!("3 philosophers, 3 chopsticks, {pieces} pieces of sushi (seed {seed})"))
        .broken("give way, and try again at once", |recorder| broken(&options, recorder))
        .fixed("give way, and try again after a random pause", |recorder| fixed(&options, recorder))
        .end()
}
