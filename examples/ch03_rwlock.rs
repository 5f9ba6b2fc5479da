//! A calendar that ten look at and two turn.
//!
//! Looking changes nothing, so any number may look at once; a mutex does not know that. A
//! reader-writer lock does, but if readers keep coming, will a writer ever get in? The readers here
//! do not stop before the last day is reached, so a lock that always lets another reader in would
//! never come to an end. The fair one lets a writer in after the readers that were there first.
//!
//! ```text
//! cargo run --release --example ch03_rwlock
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::fmt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use brigade::barrier::Barrier;
use brigade::mutex::FairMutex;
use brigade::rwlock::FairRwLock;
use clap::Parser;
use scene::figures::grouped;
use scene::{Flags, Lane, Recorder, Row, Seen};

/// Ten readers look at a calendar that two writers turn
#[derive(Debug, Clone, Parser)]
#[command(name = "ch03_rwlock")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// How many days each writer turns
    #[arg(long, value_name = "N", default_value_t = 40,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub days: u32,

    /// How long a look takes, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(0..=10_000))]
    pub look: u64,
}

/// How many look at the calendar.
pub const READERS: usize = 10;

/// How many turn it.
pub const WRITERS: usize = 2;

const WEEK: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// What is on the calendar: two entries that must fit each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    number: u32,
    name: &'static str,
}

impl Day {
    const FIRST: Self = Self { number: 0, name: WEEK[0] };

    /// In two steps, with room for somebody to look in between.
    fn turn(&mut self) {
        self.number += 1;
        thread::yield_now();
        self.name = WEEK[self.number as usize % WEEK.len()];
    }

    fn is_whole(self) -> bool {
        self.name == WEEK[self.number as usize % WEEK.len()]
    }
}

/// A lock around the calendar.
trait Calendar: Sync {
    /// Looks, with nobody turning.
    fn look<R>(&self, lane: &Lane, look: impl FnOnce(Day) -> R) -> R;
    /// Turns, with nobody looking.
    fn turn<R>(&self, lane: &Lane, turn: impl FnOnce(&mut Day) -> R) -> R;
    /// How many readers there are at once if all want to look and no writer is there.
    fn at_once(&self) -> usize;
}

impl Calendar for FairMutex<Day> {
    fn look<R>(&self, lane: &Lane, look: impl FnOnce(Day) -> R) -> R {
        let day = lane.lock("look", || self.lock());
        look(*day)
    }

    fn turn<R>(&self, lane: &Lane, turn: impl FnOnce(&mut Day) -> R) -> R {
        turn(&mut lane.lock("turn", || self.lock()))
    }

    fn at_once(&self) -> usize {
        1
    }
}

impl Calendar for FairRwLock<Day> {
    fn look<R>(&self, lane: &Lane, look: impl FnOnce(Day) -> R) -> R {
        let day = lane.lock("look", || self.read());
        look(*day)
    }

    fn turn<R>(&self, lane: &Lane, turn: impl FnOnce(&mut Day) -> R) -> R {
        turn(&mut lane.lock("turn", || self.write()))
    }

    fn at_once(&self) -> usize {
        READERS
    }
}

/// What was seen on the calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The day at the end.
    pub day: u32,
    /// The day that it should be.
    pub last_day: u32,
    /// How often each writer has turned it.
    pub turns: Vec<u32>,
    /// How many looks there were, at most, while a writer waited to turn it.
    pub waited: u32,
    /// How often each reader has looked.
    pub looks: Vec<u32>,
    /// How many readers were seen looking at once.
    pub at_once: usize,
    /// How many looks saw half a step, or a day earlier than the look before.
    pub wrong: u32,
    /// How long it took.
    pub took: Duration,
    /// How many readers were to be seen at once.
    expected: usize,
}

/// Under a mutex readers wait for each other.
pub fn broken(options: &Options, recorder: &Recorder) -> Outcome {
    show(options, recorder, &FairMutex::new(Day::FIRST))
}

/// Under a fair RW lock they look together, and still let the writers in.
pub fn fixed(options: &Options, recorder: &Recorder) -> Outcome {
    show(options, recorder, &FairRwLock::new(Day::FIRST))
}

#[derive(Debug, Default)]
struct Looking {
    now: AtomicUsize,
    most: AtomicUsize,
    /// How many looks there have been.
    looks: AtomicU32,
}

fn show(options: &Options, recorder: &Recorder, calendar: &impl Calendar) -> Outcome {
    let last_day = options.days * WRITERS as u32;
    let looking = Looking::default();
    // All readers that can look at once do so before the first writer comes.
    let (meet, doors) = (Barrier::new(calendar.at_once()), Barrier::new(READERS + WRITERS));
    let began = Instant::now();
    let (turned, seen): (Vec<(u32, u32)>, Vec<(u32, u32)>) = thread::scope(|threads| {
        let (looking, meet, doors) = (&looking, &meet, &doors);
        let writer = |writer| {
            let me = recorder.lane(format!("writer {writer}"));
            threads.spawn(move || {
                doors.wait().expect("nobody fails");
                let (mut turns, mut waited) = (0, 0);
                while turns < options.days {
                    let asked = looking.looks.load(Ordering::SeqCst);
                    let got = calendar.turn(&me, |day| {
                        day.turn();
                        looking.looks.load(Ordering::SeqCst)
                    });
                    (turns, waited) = (turns + 1, waited.max(got - asked));
                }
                (turns, waited)
            })
        };
        let reader = |reader| {
            let me = recorder.lane(format!("reader {reader}"));
            threads.spawn(move || {
                let (mut last, mut looks, mut wrong) = (Day::FIRST, 0, 0);
                while last.number < last_day {
                    let day = calendar.look(&me, |day| {
                        let now = looking.now.fetch_add(1, Ordering::SeqCst) + 1;
                        looking.most.fetch_max(now, Ordering::SeqCst);
                        looking.looks.fetch_add(1, Ordering::SeqCst);
                        if looks == 0 {
                            meet.wait().expect("nobody fails");
                        }
                        thread::sleep(Duration::from_millis(options.look));
                        looking.now.fetch_sub(1, Ordering::SeqCst);
                        day
                    });
                    wrong += u32::from(!day.is_whole() || day.number < last.number);
                    (last, looks) = (day, looks + 1);
                    if looks == 1 {
                        doors.wait().expect("nobody fails");
                    }
                }
                (looks, wrong)
            })
        };
        let writers: Vec<_> = (1..=WRITERS).map(writer).collect();
        let readers: Vec<_> = (1..=READERS).map(reader).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().expect("nobody fails");
        (writers.into_iter().map(join).collect(), readers.into_iter().map(join).collect())
    });
    let took = began.elapsed();
    Outcome {
        day: calendar.look(&Recorder::off().lane(""), |day| day.number),
        last_day,
        turns: turned.iter().map(|(turns, _)| *turns).collect(),
        waited: turned.iter().map(|(_, waited)| *waited).max().unwrap_or(0),
        looks: seen.iter().map(|(looks, _)| *looks).collect(),
        at_once: looking.most.into_inner(),
        wrong: seen.iter().map(|(_, wrong)| wrong).sum(),
        took,
        expected: calendar.at_once(),
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (self.looks.iter().min(), self.looks.iter().max());
        let (least, most) = (least.copied().unwrap_or(0), most.copied().unwrap_or(0));
        let looks: u32 = self.looks.iter().sum();
        let speed = f64::from(looks) / self.took.as_secs_f64().max(1e-9);
        write!(f, "{}", Row("day", format_args!("{} of {}", self.day, self.last_day)))?;
        let turns: Vec<_> = self.turns.iter().map(ToString::to_string).collect();
        write!(f, "{}", Row("turns", format_args!("{} by the writers", turns.join(" and "))))?;
        let waited = grouped(self.waited.into());
        write!(f, "{}", Row("turn waited for", format_args!("{waited} looks at most")))?;
        let looks = grouped(looks.into());
        write!(f, "{}", Row("looks", format_args!("{looks}, {least} to {most} a reader")))?;
        write!(f, "{}", Row("wrong", self.wrong))?;
        write!(f, "{}", Row("readers at once", self.at_once))?;
        write!(f, "{}", Row("took", format_args!("{} ms", self.took.as_millis())))?;
        write!(f, "{}", Row("speed", format_args!("{} looks/s", scene::figures::whole(speed))))
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        let turned: u32 = self.turns.iter().sum();
        let is_right = self.wrong == 0 && self.day == self.last_day && turned == self.last_day;
        match (self.at_once, self.expected) {
            (1, 1) if is_right => Ok("Every day was whole, and one looked at a time.".into()),
            (READERS, READERS) if is_right => Ok(format!(
                "Every day was whole, {READERS} looked at once, and the writers got in between."
            )),
            (most, _) => Err(format!("{} wrong looks, {most} readers at once.", self.wrong)),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let (days, look) = (options.days, options.look);
    options
        .flags
        .show(format_args!(
            "{READERS} readers, {WRITERS} writers, {days} days to turn each, {look} ms to look"
        ))
        .broken("a mutex", |recorder| broken(&options, recorder))
        .fixed("a fair reader-writer lock", |recorder| fixed(&options, recorder))
        .end()
}
