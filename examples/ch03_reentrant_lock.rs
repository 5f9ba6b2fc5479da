//! A shopper who holds the pencil asks for the pencil.
//!
//! To add a potato is to add a garlic too: `add_potato` takes the pencil and calls `add_garlic`, which
//! takes the pencil. With a plain mutex the thread waits for itself, and nobody can help it; a
//! deadline at least tells. A reentrant mutex lets in who is inside already. Better still is to take
//! the pencil once and to hand on what is written.
//!
//! ```text
//! cargo run --release --example ch03_reentrant_lock
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::cell::Cell;
use std::fmt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use brigade::mutex::{FairMutex, FairReentrantMutex};
use clap::Parser;
use scene::figures::grouped;
use scene::{Flags, Lane, Recorder, Row, Seen};

/// A shopper who holds the pencil asks for the pencil
#[derive(Debug, Clone, Parser)]
#[command(name = "ch03_reentrant_lock")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// How often each shopper adds a garlic and a potato
    #[arg(long, value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub rounds: u32,

    /// How long a shopper waits for the plain pencil, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 200,
          value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub patience: u64,
}

/// The shoppers.
pub const SHOPPERS: [&str; 2] = ["barron", "olivia"];

/// What is on the notepad, and who gave up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How much garlic.
    pub garlic: u32,
    /// How many potatoes.
    pub potatoes: u32,
    /// Who waited in vain.
    pub gave_up: Vec<GaveUp>,
    rounds: u32,
    /// Whether somebody was to give up.
    blocks: bool,
}

/// A shopper who did not get the pencil in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GaveUp {
    /// Who.
    pub shopper: &'static str,
    /// Who had the pencil then, if somebody had.
    pub holder: Option<&'static str>,
}

impl GaveUp {
    /// Whether this shopper waited for itself.
    #[must_use]
    pub fn is_its_own_fault(&self) -> bool {
        self.holder == Some(self.shopper)
    }
}

/// A notepad whose only pencil is a plain mutex.
struct Plain {
    pencil: FairMutex<Count>,
    /// One more than the number of who has the pencil, or zero.
    holder: AtomicUsize,
    patience: Duration,
}

#[derive(Debug, Default)]
struct Count {
    garlic: u32,
    potatoes: u32,
}

impl Plain {
    /// Writes, if the pencil is to be had in time.
    fn write<R>(
        &self,
        me: &Shopper,
        write: impl FnOnce(&mut Count) -> Result<R, GaveUp>,
    ) -> Result<R, GaveUp> {
        let pencil = || self.pencil.try_lock_for(self.patience);
        match me.lane.try_lock("pencil", pencil) {
            Some(mut count) => {
                self.holder.store(me.number + 1, Ordering::Relaxed);
                let written = write(&mut count);
                self.holder.store(0, Ordering::Relaxed);
                written
            }
            None => {
                let holder = self.holder.load(Ordering::Relaxed).checked_sub(1);
                Err(GaveUp { shopper: me.name(), holder: holder.map(|number| SHOPPERS[number]) })
            }
        }
    }

    fn add_garlic(&self, me: &Shopper) -> Result<(), GaveUp> {
        self.write(me, |count| {
            count.garlic += 1;
            Ok(())
        })
    }

    fn add_potato(&self, me: &Shopper) -> Result<(), GaveUp> {
        self.write(me, |count| {
            count.potatoes += 1;
            self.add_garlic(me) // with the pencil in hand
        })
    }
}

struct Shopper {
    number: usize,
    lane: Lane,
}

impl Shopper {
    fn name(&self) -> &'static str {
        SHOPPERS[self.number]
    }
}

/// The pencil is a plain mutex.
pub fn broken(options: &Options, recorder: &Recorder) -> Outcome {
    let notepad = Plain {
        pencil: FairMutex::default(),
        holder: AtomicUsize::new(0),
        patience: Duration::from_millis(options.patience),
    };
    let ends = shop(options, recorder, |me| {
        notepad.add_garlic(me)?;
        notepad.add_potato(me)
    });
    let Count { garlic, potatoes } = notepad.pencil.into_inner();
    let gave_up = ends.into_iter().filter_map(Result::err).collect();
    Outcome { garlic, potatoes, gave_up, rounds: options.rounds, blocks: true }
}

/// The pencil is a reentrant mutex. It gives shared access only, for there may be two guards.
#[derive(Default)]
struct Reentrant {
    pencil: FairReentrantMutex<(Cell<u32>, Cell<u32>)>,
}

impl Reentrant {
    fn add_garlic(&self, me: &Shopper) {
        let count = me.lane.lock("pencil", || self.pencil.lock());
        count.0.update(|garlic| garlic + 1);
    }

    fn add_potato(&self, me: &Shopper) {
        let count = me.lane.lock("pencil", || self.pencil.lock());
        count.1.update(|potatoes| potatoes + 1);
        self.add_garlic(me);
    }
}

/// The pencil lets in who has it already.
pub fn fixed(options: &Options, recorder: &Recorder) -> Outcome {
    let notepad = Reentrant::default();
    shop(options, recorder, |me| {
        notepad.add_garlic(me);
        notepad.add_potato(me);
        Ok(())
    });
    let (garlic, potatoes) = notepad.pencil.into_inner();
    let (garlic, potatoes) = (garlic.get(), potatoes.get());
    Outcome { garlic, potatoes, gave_up: Vec::new(), rounds: options.rounds, blocks: false }
}

impl Count {
    fn add_garlic(&mut self) {
        self.garlic += 1;
    }

    fn add_potato(&mut self) {
        self.potatoes += 1;
        self.add_garlic();
    }
}

/// The pencil is taken once; who calls the functions has it, and the compiler sees to that.
pub fn handed_on(options: &Options, recorder: &Recorder) -> Outcome {
    let pencil = FairMutex::<Count>::default();
    shop(options, recorder, |me| {
        me.lane.lock("pencil", || pencil.lock()).add_garlic();
        me.lane.lock("pencil", || pencil.lock()).add_potato();
        Ok(())
    });
    let Count { garlic, potatoes } = pencil.into_inner();
    Outcome { garlic, potatoes, gave_up: Vec::new(), rounds: options.rounds, blocks: false }
}

fn shop(
    options: &Options,
    recorder: &Recorder,
    add_both: impl Fn(&Shopper) -> Result<(), GaveUp> + Sync,
) -> Vec<Result<(), GaveUp>> {
    thread::scope(|threads| {
        let shop = |number| {
            let (lane, add_both) = (recorder.lane(SHOPPERS[number]), &add_both);
            let me = Shopper { number, lane };
            threads.spawn(move || (0..options.rounds).try_for_each(|_| add_both(&me)))
        };
        let shoppers: Vec<_> = (0..SHOPPERS.len()).map(shop).collect();
        shoppers.into_iter().map(|shopper| shopper.join().expect("nobody fails")).collect()
    })
}

impl Outcome {
    /// How much garlic and how many potatoes there are if nobody gives up.
    #[must_use]
    pub fn expected(&self) -> (u32, u32) {
        let rounds = self.rounds * SHOPPERS.len() as u32;
        (2 * rounds, rounds)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for gave_up in &self.gave_up {
            let why = match gave_up.holder {
                Some(holder) if holder == gave_up.shopper => "the pencil in hand".into(),
                Some(holder) => format!("the pencil, which {holder} had"),
                None => "the pencil".into(),
            };
            write!(f, "{}", Row(gave_up.shopper, format_args!("gave up waiting for {why}")))?;
        }
        let (garlic, potatoes) = self.expected();
        for (name, number, expected) in
            [("garlic", self.garlic, garlic), ("potatoes", self.potatoes, potatoes)]
        {
            let (number, expected) = (grouped(number.into()), grouped(expected.into()));
            write!(f, "{}", Row(name, format_args!("{number} of {expected}")))?;
        }
        Ok(())
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        let own_fault = self.gave_up.iter().find(|gave_up| gave_up.is_its_own_fault());
        let is_complete = (self.garlic, self.potatoes) == self.expected();
        match (self.blocks, own_fault) {
            (true, Some(GaveUp { shopper, .. })) if !is_complete => {
                Ok(format!("{shopper} had the pencil, and waited for it."))
            }
            (false, None) if is_complete && self.gave_up.is_empty() => {
                Ok("Nobody waited for the pencil in hand.".into())
            }
            _ => Err(format!("{} gave up.", self.gave_up.len())),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let rounds = grouped(options.rounds.into());
    options
        .flags
        .show(format_args!("{} shoppers, one pencil, {rounds} rounds each", SHOPPERS.len()))
        .broken("the pencil is a plain mutex, with a deadline", |r| broken(&options, r))
        .fixed("the pencil is a reentrant mutex", |r| fixed(&options, r))
        .fixed("the pencil is taken once", |r| handed_on(&options, r))
        .end()
}
