//! Wait for the pencil, or go on searching?
//!
//! Two shoppers search for things to buy and write them on one notepad, until more than twenty are
//! there. Writing takes longer than finding. Who waits for the pencil finds nothing meanwhile; who
//! only tries searches on, and writes several things at once when the pencil is free. Who stands in
//! line for a while and then searches on has a bit of both.
//!
//! ```text
//! cargo run --release --example ch03_try_lock
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::fmt;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use brigade::lock::Attempt;
use brigade::monitor::Monitor;
use brigade::mutex::{FairMutex, FairMutexGuard, InspectMutex as _};
use clap::Parser;
use scene::figures::counted;
use scene::{Flags, Lane, Recorder, Row, Seen};

/// Two shoppers share a pencil: they wait for it, or search on while it is taken
#[derive(Debug, Clone, Parser)]
#[command(name = "ch03_try_lock")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// They stop when more than this are on the notepad
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub items: u32,

    /// How long it takes to find a thing, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 20,
          value_parser = clap::value_parser!(u64).range(0..=10_000))]
    pub search: u64,

    /// How long it takes to write, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 50,
          value_parser = clap::value_parser!(u64).range(0..=10_000))]
    pub write: u64,
}

/// The shoppers.
pub const SHOPPERS: [&str; 2] = ["barron", "olivia"];

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Things on the notepad.
    pub items: u32,
    /// How often something was written.
    pub writes: u32,
    /// How many things were found while the other had the pencil.
    pub meanwhile: u32,
    /// How long it took.
    pub took: Duration,
    /// Whether somebody was to search while the other wrote.
    searches_on: bool,
}

#[derive(Debug, Default)]
struct Notepad {
    items: u32,
    writes: u32,
}

impl Notepad {
    fn write(&mut self, options: &Options, found: &mut u32) {
        thread::sleep(Duration::from_millis(options.write));
        self.items += std::mem::take(found);
        self.writes += 1;
    }
}

fn find(options: &Options, me: &Lane, found: &mut u32) {
    let _searching = me.run("searching");
    thread::sleep(Duration::from_millis(options.search));
    *found += 1;
}

/// Each waits for the pencil as soon as something is found.
pub fn broken(options: &Options, recorder: &Recorder) -> Outcome {
    let pencil = FairMutex::<Notepad>::default();
    let took = shop(recorder, |me| {
        let mut found = 0;
        loop {
            find(options, me, &mut found);
            let mut notepad = me.lock("pencil", || pencil.lock());
            if notepad.items > options.items {
                break;
            }
            if notepad.writes == 0 {
                // Writing takes long enough for the other to find something and to come for the
                // pencil: that is arranged, the first time, and not left to the clock.
                while pencil.waiting() == 0 {
                    thread::yield_now();
                }
            }
            notepad.write(options, &mut found);
        }
    });
    let Notepad { items, writes } = pencil.into_inner();
    Outcome { items, writes, meanwhile: 0, took, searches_on: false }
}

/// Each tries to take the pencil, and searches on if it is taken.
pub fn fixed(options: &Options, recorder: &Recorder) -> Outcome {
    searching_on(options, recorder, |pencil| pencil.try_lock())
}

/// Each stands in line as long as a search takes, and only then searches on. Who only tries has no
/// place in the line, and may come at the wrong moment again and again.
pub fn in_line(options: &Options, recorder: &Recorder) -> Outcome {
    let attempt = Attempt::within(Duration::from_millis(options.search));
    searching_on(options, recorder, move |pencil| attempt.lock(pencil).ok())
}

fn searching_on(
    options: &Options,
    recorder: &Recorder,
    take: impl Fn(&FairMutex<Notepad>) -> Option<FairMutexGuard<'_, Notepad>> + Sync,
) -> Outcome {
    let pencil = FairMutex::<Notepad>::default();
    let meanwhile = Monitor::new(0);
    let took = shop(recorder, |me| {
        let mut found = 0;
        loop {
            find(options, me, &mut found);
            let Some(mut notepad) = me.try_lock("pencil", || take(&pencil)) else {
                find(options, me, &mut found);
                meanwhile.with(|meanwhile| *meanwhile += 1);
                continue;
            };
            if notepad.items > options.items {
                break;
            }
            if notepad.writes == 0 {
                // Writing takes long enough for the other to find something: that is arranged,
                // the first time, and not left to the clock.
                meanwhile.wait_until(|meanwhile| *meanwhile > 0);
            }
            notepad.write(options, &mut found);
        }
    });
    let Notepad { items, writes } = pencil.into_inner();
    Outcome { items, writes, meanwhile: meanwhile.into_inner(), took, searches_on: true }
}

fn shop(recorder: &Recorder, shop: impl Fn(&Lane) + Sync) -> Duration {
    let began = Instant::now();
    thread::scope(|threads| {
        for shopper in SHOPPERS {
            let (me, shop) = (recorder.lane(shopper), &shop);
            threads.spawn(move || shop(&me));
        }
    });
    began.elapsed()
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Row("items", self.items))?;
        write!(
            f,
            "{}",
            Row("written in", counted(self.writes.into(), "go").replace("gos", "goes"))
        )?;
        write!(f, "{}", Row("found meanwhile", self.meanwhile))?;
        write!(f, "{}", Row("took", format_args!("{} ms", self.took.as_millis())))
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        match (self.searches_on, self.meanwhile) {
            (false, 0) if self.items == self.writes => {
                Ok("Nothing was found while the other wrote: who had something to write waited."
                    .into())
            }
            (true, found @ 1..) => {
                let found = counted(found.into(), "thing");
                Ok(format!("Nobody waited for long, and {found} were found while the other wrote."))
            }
            (_, found) => Err(format!("{found} found while the other wrote.")),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let (search, write, items) = (options.search, options.write, options.items);
    options
        .flags
        .show(format_args!(
            "{} shoppers, one pencil, {search} ms to find a thing, {write} ms to write, \
             until there are more than {items}",
            SHOPPERS.len()
        ))
        .broken("they wait for the pencil", |recorder| broken(&options, recorder))
        .fixed("they try, and search on while it is taken", |recorder| fixed(&options, recorder))
        .fixed("they stand in line for a while, then search on", |r| in_line(&options, r))
        .end()
}
