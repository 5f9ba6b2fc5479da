//! Two shoppers count garlic on one notepad, and some of it goes missing.
//!
//! To add one is three steps: read, add, write. If both read before either writes, both write the
//! same number, and one garlic is lost. A mutex makes the three steps one at a time; an atomic
//! makes them one step.
//!
//! ```text
//! cargo run --release --example ch02_data_race
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::fmt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use brigade::barrier::Barrier;
use clap::Parser;
use scene::figures::grouped;
use scene::{Flags, Recorder, Row, Seen};

/// Two shoppers count garlic on one notepad, and some of it goes missing
#[derive(Debug, Clone, Parser)]
#[command(name = "ch02_data_race")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// How much garlic each of them counts
    #[arg(long, value_name = "N", default_value_t = 1_000_000,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub garlic: u64,
}

/// The shoppers.
pub const SHOPPERS: [&str; 2] = ["barron", "olivia"];

impl Options {
    /// What two shoppers count who do not disturb each other.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.garlic * SHOPPERS.len() as u64
    }
}

/// What is on the notepad at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How much garlic was counted.
    pub expected: u64,
    /// How much the notepad says.
    pub garlic: u64,
    /// How long it took.
    pub took: Duration,
    /// Whether some was to go missing.
    loses: bool,
}

/// Reads, then writes, with everything that others may do in between.
pub fn broken(options: &Options, recorder: &Recorder) -> Outcome {
    let notepad = AtomicU64::new(0);
    let both_have_read = Barrier::new(SHOPPERS.len());
    let took = shop(recorder, || {
        let seen = notepad.load(Ordering::Relaxed);
        // The unlucky moment, arranged once; with several cores the others come by themselves.
        both_have_read.wait().expect("neither of them fails");
        notepad.store(seen + 1, Ordering::Relaxed);
        for _ in 1..options.garlic {
            let seen = notepad.load(Ordering::Relaxed);
            notepad.store(seen + 1, Ordering::Relaxed);
        }
    });
    Outcome { expected: options.expected(), garlic: notepad.into_inner(), took, loses: true }
}

/// One at a time. It is std's mutex: with so short a hold, a fair one would hand the pencil over at
/// a context switch for each garlic.
pub fn fixed(options: &Options, recorder: &Recorder) -> Outcome {
    let notepad = Mutex::new(0);
    let took = shop(recorder, || {
        for _ in 0..options.garlic {
            *notepad.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        }
    });
    let garlic = notepad.into_inner().unwrap_or_else(PoisonError::into_inner);
    Outcome { expected: options.expected(), garlic, took, loses: false }
}

/// In one step, which nobody can come between.
pub fn atomic(options: &Options, recorder: &Recorder) -> Outcome {
    let notepad = AtomicU64::new(0);
    let took = shop(recorder, || {
        for _ in 0..options.garlic {
            notepad.fetch_add(1, Ordering::Relaxed);
        }
    });
    Outcome { expected: options.expected(), garlic: notepad.into_inner(), took, loses: false }
}

fn shop(recorder: &Recorder, count: impl Fn() + Sync) -> Duration {
    let began = Instant::now();
    thread::scope(|threads| {
        for shopper in SHOPPERS {
            let (lane, count) = (recorder.lane(shopper), &count);
            threads.spawn(move || {
                let _counting = lane.run("counting garlic");
                count();
            });
        }
    });
    began.elapsed()
}

impl Outcome {
    /// How much garlic was counted and is not there.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.expected - self.garlic
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Row("counted", format_args!("{:>14}", grouped(self.expected))))?;
        write!(f, "{}", Row("on the notepad", format_args!("{:>14}", grouped(self.garlic))))?;
        write!(f, "{}", Row("lost", format_args!("{:>14}", grouped(self.lost()))))?;
        write!(f, "{}", Row("took", format_args!("{:>11} ms", self.took.as_millis())))
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        let lost = grouped(self.lost());
        match (self.loses, self.lost()) {
            (true, 1..) => Ok(format!(
                "{lost} of the garlic went missing: both read the same number and wrote the next."
            )),
            (false, 0) => Ok("Nothing is lost.".into()),
            (true, 0) => Err("nothing is lost.".into()),
            (false, 1..) => Err(format!("{lost} of the garlic went missing.")),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let each = grouped(options.garlic);
    options
        .flags
        .show(format_args!("{} shoppers, one notepad, {each} garlic each", SHOPPERS.len()))
        .broken("each reads the number, then writes the next", |r| broken(&options, r))
        .fixed("one at a time, by a mutex", |r| fixed(&options, r))
        .fixed("in one step, by an atomic", |r| atomic(&options, r))
        .end()
}
