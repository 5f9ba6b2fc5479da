//! Ten phones, four chargers: a semaphore counts what is free.
//!
//! It counts and does not know who has what. So a permit that is given back twice by hand lets a
//! fifth phone in; a permit that is a guard goes back once. The same lack of an owner is useful
//! elsewhere: one thread may give back what another one took, and two semaphores around a line of
//! five places are a bounded buffer.
//!
//! ```text
//! cargo run --release --example ch06_semaphore
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::collections::VecDeque;
use std::fmt;
use std::process::ExitCode;
use std::thread;

use brigade::monitor::Monitor;
use brigade::mutex::FairMutex;
use brigade::semaphore::{AcquireError, BoundedSemaphore, Semaphore};
use clap::Parser;
use scene::{Flags, Recorder, Row, Seen};

/// Ten phones share four chargers; a signal between two threads; a line of five places
#[derive(Debug, Clone, Parser)]
#[command(name = "ch06_semaphore")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// Phones to be charged
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(6..=1_000))]
    pub phones: u32,
}

/// How many chargers there are.
pub const CHARGERS: usize = 4;

/// What happened at the chargers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Phones that were to be charged.
    pub phones: u32,
    /// Phones that were.
    pub charged: u32,
    /// The most phones that were plugged in at once.
    pub peak: usize,
    /// What a bounded semaphore says to a permit too many.
    pub refused: Option<String>,
}

/// Phones at the chargers.
#[derive(Debug, Default)]
struct Plugs {
    now: usize,
    peak: usize,
    charged: u32,
}

impl Plugs {
    fn plug_in(&mut self) {
        self.now += 1;
        self.peak = self.peak.max(self.now);
    }

    fn unplug(&mut self) {
        self.now -= 1;
        self.charged += 1;
    }
}

/// Permits are given back by hand, and the first phone does it twice.
pub fn broken(options: &Options, recorder: &Recorder) -> Outcome {
    let free = Semaphore::new(CHARGERS);
    let plugs = Monitor::new(Plugs::default());
    let charge = |number: u32, until_peak: usize| {
        let lane = recorder.lane(format!("phone {number}"));
        let waiting = lane.wait("a charger");
        // Python's `acquire`: a number went down, and nobody remembers whose.
        free.acquire()?.forget();
        drop(waiting);
        let charging = lane.hold("a charger");
        plugs.with(Plugs::plug_in);
        plugs.wait_until(move |plugs| plugs.peak >= until_peak);
        plugs.with(Plugs::unplug);
        drop(charging);
        free.add_permits(1);
        Ok::<_, AcquireError>(())
    };
    let charged = charge(1, 1).and_then(|()| {
        // Once in the branch for an error, once at the end: it happens.
        free.add_permits(1);
        // The others stay until one more is plugged in than there are chargers.
        all(2..=options.phones, |number| charge(number, CHARGERS + 1))
    });
    let refused = charged.err().map(|error| error.to_string());
    outcome(options, plugs, refused)
}

/// Permits are guards. As a proof that four at once is reached, the phones stay until it is.
pub fn fixed(options: &Options, recorder: &Recorder) -> Outcome {
    let free = Semaphore::new(CHARGERS);
    let plugs = Monitor::new(Plugs::default());
    let charged = all(1..=options.phones, |number| {
        let lane = recorder.lane(format!("phone {number}"));
        let waiting = lane.wait("a charger");
        let permit = free.acquire()?;
        drop(waiting);
        let charging = lane.hold("a charger");
        plugs.with(Plugs::plug_in);
        plugs.wait_until(|plugs| plugs.peak >= CHARGERS);
        plugs.with(Plugs::unplug);
        drop(charging);
        drop(permit);
        Ok(())
    });
    // Where it has to be done by hand, a bounded semaphore notices.
    let bounded = BoundedSemaphore::new(CHARGERS);
    let once_too_often = bounded.release(1);
    let refused = once_too_often.err().map(|error| error.to_string());
    outcome(options, plugs, charged.err().map(|error| error.to_string()).or(refused))
}

fn outcome(options: &Options, plugs: Monitor<Plugs>, refused: Option<String>) -> Outcome {
    let Plugs { peak, charged, .. } = plugs.into_inner();
    Outcome { phones: options.phones, charged, peak, refused }
}

/// A thread for each.
fn all(
    numbers: impl Iterator<Item = u32>,
    each: impl Fn(u32) -> Result<(), AcquireError> + Sync,
) -> Result<(), AcquireError> {
    thread::scope(|threads| {
        let each = &each;
        let threads: Vec<_> = numbers.map(|number| threads.spawn(move || each(number))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Row("charged", format_args!("{} of {}", self.charged, self.phones)))?;
        write!(f, "{}", Row("at once", format_args!("{} on {CHARGERS} chargers", self.peak)))?;
        match &self.refused {
            Some(refused) => write!(f, "{}", Row("a fifth permit", refused)),
            None => Ok(()),
        }
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        match (self.peak, self.charged == self.phones, &self.refused) {
            (CHARGERS, true, Some(_)) => Ok("Four at once were reached, and never more.".into()),
            (5, true, None) => {
                Ok("One permit went back twice, and five phones hung on four chargers.".into())
            }
            _ => Err(format!("{} phones at once, {} charged.", self.peak, self.charged)),
        }
    }
}

/// What two threads did with one permit, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay(pub Vec<&'static str>);

/// A semaphore of one permit, which the one who gives it back never had.
pub fn binary(_: &Options, recorder: &Recorder) -> Relay {
    let permit = Semaphore::new(1);
    let events = FairMutex::new(Vec::new());
    let did = |what| events.lock().push(what);
    thread::scope(|threads| {
        let (barron, olivia) = (recorder.lane("barron"), recorder.lane("olivia"));
        let (permit, did) = (&permit, &did);
        let taken = permit.acquire().map(|mine| mine.forget());
        did("barron takes the permit");
        threads.spawn(move || {
            let _waiting = barron.wait("the permit");
            let again = permit.acquire();
            did(if again.is_ok() && taken.is_ok() { "barron has it again" } else { "closed" });
        });
        threads.spawn(move || {
            while permit.waiting() == 0 {
                thread::yield_now();
            }
            let _giving = olivia.run("give it back");
            did("olivia, who never had it, gives it back");
            permit.add_permits(1);
        });
    });
    Relay(events.into_inner())
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().zip(1..).try_for_each(|(event, at)| write!(f, "{}", Row(at, event)))
    }
}

impl Seen for Relay {
    fn verdict(&self) -> Result<String, String> {
        match &*self.0 {
            ["barron takes the permit", given, "barron has it again"]
                if given.contains("olivia") =>
            {
                Ok("A mutex must be unlocked by its owner; a semaphore has none: it can signal."
                    .into())
            }
            other => Err(format!("the order was {other:?}.")),
        }
    }
}

/// Places between the cook and the eater.
pub const PLACES: usize = 5;

/// Bowls that go through the line.
pub const BOWLS: u32 = 20;

/// What went through the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Bowls in the order in which they were eaten.
    pub eaten: Vec<u32>,
    /// The most bowls that stood in the line.
    pub peak: usize,
}

/// One semaphore counts the empty places, one the filled ones; a mutex protects the line itself.
pub fn buffer(_: &Options, recorder: &Recorder) -> Line {
    let (empty, filled) = (Semaphore::new(PLACES), Semaphore::new(0));
    let line = Monitor::new((VecDeque::new(), 0));
    let cook = |lane: brigade::timeline::Lane| {
        for bowl in 1..=BOWLS {
            let waiting = lane.wait("an empty place");
            empty.acquire()?.forget();
            drop(waiting);
            line.with(|(line, peak)| {
                line.push_back(bowl);
                *peak = line.len().max(*peak);
            });
            filled.add_permits(1);
        }
        Ok::<_, AcquireError>(())
    };
    let eat = |lane: brigade::timeline::Lane| {
        // Hunger comes late: the line is full by then.
        line.wait_until(|(line, _)| line.len() == PLACES);
        let mut eaten = Vec::new();
        for _ in 1..=BOWLS {
            let waiting = lane.wait("a bowl");
            filled.acquire()?.forget();
            drop(waiting);
            eaten.extend(line.with(|(line, _)| line.pop_front()));
            empty.add_permits(1);
        }
        Ok::<_, AcquireError>(eaten)
    };
    let eaten = thread::scope(|threads| {
        let (cooks, eats) = (recorder.lane("cook"), recorder.lane("eater"));
        let cook = &cook;
        threads.spawn(move || cook(cooks));
        eat(eats)
    });
    // Nobody closes them.
    Line { eaten: eaten.unwrap_or_default(), peak: line.into_inner().1 }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Row("in the line", format_args!("{} of {PLACES} places", self.peak)))?;
        write!(f, "{}", Row("eaten", format_args!("{} of {BOWLS}", self.eaten.len())))
    }
}

impl Seen for Line {
    fn verdict(&self) -> Result<String, String> {
        if self.eaten.iter().copied().eq(1..=BOWLS) && self.peak == PLACES {
            return Ok(format!(
                "{BOWLS} bowls went through {PLACES} places, in order, each eaten once."
            ));
        }
        Err(format!("{} at once, eaten: {:?}.", self.peak, self.eaten))
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let phones = options.phones;
    options
        .flags
        .show(format_args!("{phones} phones, {CHARGERS} chargers; one permit; {PLACES} places"))
        .broken("permits are given back by hand", |recorder| broken(&options, recorder))
        .fixed("permits are guards", |recorder| fixed(&options, recorder))
        .scene("one permit: given back by another thread", |recorder| binary(&options, recorder))
        .scene("two semaphores: a line of five places", |recorder| buffer(&options, recorder))
        .end()
}
