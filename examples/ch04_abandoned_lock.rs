//! A philosopher fails with both chopsticks in hand: who lets go of them?
//!
//! Three philosophers share two chopsticks and a plate of sushi, and always take chopstick a first.
//! When ten pieces are left, the one whose turn it is fails. If nothing releases what a thread
//! holds when it goes, everybody else waits for ever. A guard releases as it is dropped, however
//! its scope is left. The mutex of std does that, and remembers that somebody failed.
//!
//! ```text
//! cargo run --release --example ch04_abandoned_lock
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::fmt;
use std::mem;
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;

use brigade::mutex::FairMutex;
use clap::Parser;
use scene::figures::counted;
use scene::watch::{Held, Member, Stuck, Watch, Watched};
use scene::{Flags, Recorder, Row, Seen};

/// A philosopher fails while holding both chopsticks; the others want to go on eating
#[derive(Debug, Clone, Parser)]
#[command(name = "ch04_abandoned_lock")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// Pieces of sushi; the failure comes when ten are left
    #[arg(long, value_name = "N", default_value_t = 500,
          value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    pub pieces: u32,
}

/// The philosophers.
pub const NAMES: [&str; 3] = ["barron", "olivia", "steve"];

/// How many pieces are left when one of them fails.
pub const FATAL: u32 = 10;

/// What became of the sushi.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Pieces in all.
    pub pieces: u32,
    /// Pieces still on the plate at the end.
    pub left: u32,
    /// Who failed.
    pub failed: Vec<String>,
    /// How often a lock said that somebody had failed while holding it; nothing if it cannot.
    pub poisoned: Option<u32>,
    /// Who waited for whom when nobody could go on.
    pub stuck: Option<Stuck>,
    /// Whether the others were to be left in peace.
    release: bool,
}

/// A plate, and who failed in front of it.
#[derive(Debug)]
struct Plate {
    left: u32,
    failed: Vec<String>,
}

impl Plate {
    fn new(options: &Options) -> Self {
        Self { left: options.pieces, failed: Vec::new() }
    }

    /// Whether this is the moment, which comes once.
    fn is_fatal_for(&mut self, name: &str) -> bool {
        let fatal = self.left == FATAL && self.failed.is_empty();
        if fatal {
            self.failed.push(name.into());
        }
        fatal
    }
}

/// Chopsticks that must be put down by hand: the one who fails does not come to it.
pub fn broken(options: &Options, recorder: &Recorder) -> Outcome {
    let (a, b) = (Watched::new("a", ()), Watched::new("b", Plate::new(options)));
    let watch = Watch::new(recorder, NAMES);
    thread::scope(|threads| {
        for philosopher in watch.members() {
            let (a, b) = (&a, &b);
            threads.spawn(move || {
                // Called off means that nobody could go on: there is nothing left to do.
                let _ = dine_without_guards(&philosopher, a, b);
            });
        }
    });
    let Plate { left, failed } = b.into_inner();
    let stuck = watch.into_stuck();
    Outcome { pieces: options.pieces, left, failed, poisoned: None, stuck, release: false }
}

fn dine_without_guards(
    me: &Member<'_>,
    a: &Watched<()>,
    b: &Watched<Plate>,
) -> Result<(), scene::watch::CalledOff> {
    loop {
        let first: Held<'_, ()> = me.lock(a)?;
        let mut plate: Held<'_, Plate> = me.lock(b)?;
        if plate.left == 0 {
            return Ok(());
        }
        if plate.is_fatal_for(me.name()) {
            // Python's `a.acquire(); b.acquire(); 1/0`: what comes behind is never reached.
            mem::forget((first, plate));
            return Ok(());
        }
        plate.left -= 1;
    }
}

/// Chopsticks with guards: they are put down while the panic unwinds.
pub fn fixed(options: &Options, recorder: &Recorder) -> Outcome {
    let (a, b) = (FairMutex::new(()), FairMutex::new(Plate::new(options)));
    thread::scope(|threads| {
        let philosophers = NAMES.map(|name| {
            let (a, b) = (&a, &b);
            threads.spawn(move || {
                let me = recorder.lane(name);
                loop {
                    let waiting = me.wait("chopsticks");
                    let _first = a.lock();
                    let mut plate = b.lock();
                    drop(waiting);
                    let _holding = me.hold("chopsticks");
                    if plate.left == 0 {
                        break;
                    }
                    if plate.is_fatal_for(name) {
                        fail();
                    }
                    plate.left -= 1;
                }
            })
        });
        // Who panicked is on the plate.
        philosophers.into_iter().for_each(|philosopher| drop(philosopher.join()));
    });
    let Plate { left, failed } = b.into_inner();
    Outcome { pieces: options.pieces, left, failed, poisoned: None, stuck: None, release: true }
}

/// The same with the mutex of std, which tells everybody who comes later that somebody failed.
pub fn poisoned(options: &Options, recorder: &Recorder) -> Outcome {
    let (a, b) = (Mutex::new(()), Mutex::new(Plate::new(options)));
    let poisoned = thread::scope(|threads| {
        let philosophers = NAMES.map(|name| {
            let (a, b) = (&a, &b);
            threads.spawn(move || {
                let me = recorder.lane(name);
                let mut poisoned = 0;
                loop {
                    let waiting = me.wait("chopsticks");
                    let _first = a.lock().unwrap_or_else(PoisonError::into_inner);
                    // The plate is whole: nobody fails between two changes that belong together.
                    let mut plate = b.lock().unwrap_or_else(|error| {
                        poisoned += 1;
                        error.into_inner()
                    });
                    drop(waiting);
                    let _holding = me.hold("chopsticks");
                    if plate.left == 0 {
                        return poisoned;
                    }
                    if plate.is_fatal_for(name) {
                        fail();
                    }
                    plate.left -= 1;
                }
            })
        });
        philosophers.map(|philosopher| philosopher.join().unwrap_or(0)).iter().sum()
    });
    let Plate { left, failed } = b.into_inner().unwrap_or_else(PoisonError::into_inner);
    let poisoned = Some(poisoned);
    Outcome { pieces: options.pieces, left, failed, poisoned, stuck: None, release: true }
}

/// A panic that does not print itself.
fn fail() -> ! {
    resume_unwind(Box::new("lost all appetite"));
}

impl Outcome {
    /// Pieces that were eaten.
    #[must_use]
    pub fn eaten(&self) -> u32 {
        self.pieces - self.left
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Row("eaten", format_args!("{} of {}", self.eaten(), self.pieces)))?;
        write!(f, "{}", Row("failed", self.failed.join(", ")))?;
        if let Some(poisoned) = self.poisoned {
            let times = counted(poisoned.into(), "time");
            write!(f, "{}", Row("found poisoned", times))?;
        }
        self.stuck.as_ref().map_or(Ok(()), |stuck| stuck.fmt(f))
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        let eaten = self.eaten();
        match (&self.stuck, self.left, &*self.failed) {
            (Some(_), FATAL, [name]) if !self.release => Ok(format!(
                "{name} failed and took both chopsticks along: nobody can eat the last {FATAL} pieces."
            )),
            (None, 0, [name]) if self.release && self.poisoned != Some(0) => Ok(format!(
                "{name} failed, the chopsticks were put down, and all {eaten} pieces were eaten."
            )),
            (_, left, failed) => Err(format!("{left} pieces left, {} failed.", failed.len())),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let pieces = options.pieces;
    options
        .flags
        .show(format_args!("{} philosophers, 2 chopsticks, {pieces} pieces of sushi", NAMES.len()))
        .broken("chopsticks are put down by hand", |recorder| broken(&options, recorder))
        .fixed("chopsticks are put down by a guard", |recorder| fixed(&options, recorder))
        .fixed("the same with std's mutex", |recorder| poisoned(&options, recorder))
        .end()
}
