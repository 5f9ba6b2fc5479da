//! Wash, chop, cook, serve: a chain of steps of different speeds, and which of them is too slow.
//!
//! One pair of hands does everything for one vegetable, then for the next. A pipeline gives each
//! step its own hands: the slowest step then sets the pace of all. The report names it; a second
//! cook at that step moves the bottleneck elsewhere. Little's law ties the numbers together: as many
//! are in the kitchen on average as arrive in a second, times the seconds that each of them stays.
//!
//! ```text
//! cargo run --release --example ch05_pipeline
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::fmt;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use brigade::pipeline::{Batch, Par, Pipeline, Report};
use clap::Parser;
use scene::{Flags, Recorder, Row, Seen};

/// Vegetables are washed, chopped, cooked and served: by one after the other, or by a chain
#[derive(Debug, Clone, Parser)]
#[command(name = "ch05_pipeline")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// Vegetables to be served
    #[arg(long, value_name = "N", default_value_t = 60,
          value_parser = clap::value_parser!(u32).range(8..=100_000))]
    pub vegetables: u32,

    /// Vegetables that may wait between two steps
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub places: u32,
}

/// The steps, and how long each takes for one vegetable.
pub const STEPS: [(&str, Duration); 4] = [
    ("wash", Duration::from_millis(1)),
    ("chop", Duration::from_millis(3)),
    ("cook", Duration::from_millis(8)),
    ("serve", Duration::from_millis(1)),
];

/// A vegetable on its way.
#[derive(Debug, Clone, Copy)]
struct Vegetable {
    number: u32,
    began: Instant,
}

/// What was served, when, and by whom.
#[derive(Debug)]
pub struct Outcome {
    /// How many there were to serve.
    pub vegetables: u32,
    /// Their numbers as they were served.
    pub served: Vec<u32>,
    /// From the first to the last.
    pub took: Duration,
    /// When somebody came in, since the beginning, as the door saw it.
    pub comings: Vec<Duration>,
    /// When one was served, as the table saw it.
    pub goings: Vec<Duration>,
    /// How long each stayed, as it says itself.
    pub stays: Vec<Duration>,
    /// What the pipeline says.
    pub report: Option<Report>,
    /// What the scene shows.
    pub claim: Claim,
}

/// What is to be seen in a scene.
#[derive(Debug, Clone, Copy)]
pub enum Claim {
    /// Each waits for the one before.
    OneByOne,
    /// The chain is as slow as this step.
    HeldUpBy(&'static str),
    /// Another step is the slowest.
    Eased,
}

/// What a step does with the vegetable of a number.
pub type Work<'a> = &'a (dyn Fn(usize, u32) + Sync);

fn work(step: usize, _: u32) {
    thread::sleep(STEPS[step].1);
}

/// One pair of hands.
pub fn alone(options: &Options, recorder: &Recorder) -> Outcome {
    let lane = recorder.lane("one for all");
    let start = Instant::now();
    let (mut comings, mut goings, mut stays) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..options.vegetables {
        let came = start.elapsed();
        comings.push(came);
        for (step, (name, _)) in STEPS.iter().enumerate() {
            let _busy = lane.hold(*name);
            work(step, number);
        }
        let went = start.elapsed();
        goings.push(went);
        stays.push(went - came);
    }
    let served = (0..options.vegetables).collect();
    let (vegetables, took) = (options.vegetables, start.elapsed());
    let claim = Claim::OneByOne;
    Outcome { vegetables, served, took, comings, goings, stays, report: None, claim }
}

/// A chain, with so many cooks at the stove.
pub fn chain(
    options: &Options,
    recorder: &Recorder,
    cooks: usize,
    work: Work<'_>,
    claim: Claim,
) -> Outcome {
    let start = Instant::now();
    let (mut comings, mut goings) = (Vec::new(), Vec::new());
    let source = (0..options.vegetables).map(|number| {
        let began = Instant::now();
        comings.push(began - start);
        Vegetable { number, began }
    });
    let lane = || recorder.lane(thread::current().name().unwrap_or_default());
    let at = |step: usize| {
        move |lane: &mut scene::Lane, vegetable: Vegetable| {
            let _busy = lane.hold(STEPS[step].0);
            work(step, vegetable.number);
            vegetable
        }
    };
    let (mut served, mut stays) = (Vec::new(), Vec::new());
    let ran = Pipeline::new(source)
        .capacity(options.places as usize)
        .batch(Batch::One)
        .map_init(STEPS[0].0, Par::Serial, lane, at(0))
        .map_init(STEPS[1].0, Par::Serial, lane, at(1))
        .map_init(STEPS[2].0, Par::Workers(cooks), lane, at(2))
        .map_init(STEPS[3].0, Par::Serial, lane, at(3))
        .for_each(|Vegetable { number, began }| {
            served.push(number);
            let went = Instant::now();
            goings.push(went - start);
            stays.push(went - began);
        });
    let (vegetables, took) = (options.vegetables, start.elapsed());
    Outcome { vegetables, served, took, comings, goings, stays, report: ran.ok(), claim }
}

/// One pair of hands a step.
pub fn chained(options: &Options, recorder: &Recorder) -> Outcome {
    chain(options, recorder, 1, &work, Claim::HeldUpBy("cook"))
}

/// Three cooks where one was too slow.
pub fn eased(options: &Options, recorder: &Recorder) -> Outcome {
    chain(options, recorder, 3, &work, Claim::Eased)
}

/// The two sides of Little's law (1961): how many are inside, and rate times stay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Little {
    /// The mean number inside, counted along the time.
    pub inside: f64,
    /// Vegetables a second.
    pub rate: f64,
    /// Seconds that one stays.
    pub stay: f64,
}

impl Outcome {
    /// How many are inside from one coming or going to the next, and since when.
    fn inside(&self) -> Vec<(Duration, i32)> {
        let comings = self.comings.iter().map(|at| (*at, 1));
        let goings = self.goings.iter().map(|at| (*at, -1));
        let mut events: Vec<(Duration, i32)> = comings.chain(goings).collect();
        // Of those at the same moment, who goes makes room for who comes.
        events.sort_unstable();
        let mut inside = 0;
        events.iter_mut().for_each(|(_, change)| {
            inside += *change;
            *change = inside;
        });
        events
    }

    /// The most that were inside at once.
    #[must_use]
    pub fn most_inside(&self) -> i32 {
        self.inside().into_iter().map(|(_, inside)| inside).max().unwrap_or(0)
    }

    /// Counts at the door and at the table who is inside, and asks each that was served how long it
    /// stayed: if one is lost between them, or mistaken for another, the sides differ.
    #[must_use]
    pub fn little(&self) -> Little {
        let (mut area, mut before, mut last) = (0.0, 0, Duration::ZERO);
        for (at, inside) in self.inside() {
            area += f64::from(before) * (at - last).as_secs_f64();
            (before, last) = (inside, at);
        }
        let count = self.stays.len() as f64;
        let stayed: Duration = self.stays.iter().sum();
        let time = last.as_secs_f64();
        Little { inside: area / time, rate: count / time, stay: stayed.as_secs_f64() / count }
    }

    /// The name of the slowest step.
    #[must_use]
    pub fn bottleneck(&self) -> Option<&str> {
        self.report.as_ref()?.bottleneck().map(|stage| &*stage.name)
    }
}

impl Little {
    /// Whether both sides are the same, as far as numbers of this length can be.
    #[must_use]
    pub fn holds(&self) -> bool {
        let Self { inside, rate, stay } = self;
        (inside - rate * stay).abs() <= 1e-6 * inside.abs()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vegetables, served, took, report, .. } = self;
        write!(f, "{}", Row("served", format_args!("{} of {vegetables}", served.len())))?;
        write!(f, "{}", Row("took", format_args!("{} ms", took.as_millis())))?;
        let Little { inside, rate, stay } = self.little();
        write!(f, "{}", Row("in the kitchen", format_args!("{inside:.2} on average")))?;
        let (stay, product) = (1e3 * stay, rate * stay);
        let law = format_args!("{rate:.1} a second x {stay:.1} ms = {product:.2}");
        write!(f, "{}", Row("Little's law", law))?;
        match report {
            None => Ok(()),
            Some(report) => {
                writeln!(f)?;
                report.to_string().lines().try_for_each(|line| writeln!(f, "  {line}"))
            }
        }
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        if !self.served.iter().copied().eq(0..self.vegetables) {
            return Err(format!("{} were served, or out of order.", self.served.len()));
        }
        if !self.little().holds() {
            return Err("Little's law does not hold.".into());
        }
        let all: Duration = STEPS.iter().map(|(_, takes)| *takes).sum();
        let step = |name| STEPS.iter().find(|(step, _)| *step == name).map_or(all, |step| step.1);
        match (self.claim, self.bottleneck()) {
            (Claim::OneByOne, None) if self.most_inside() > 1 => {
                Err(format!("{} were in the kitchen at once.", self.most_inside()))
            }
            (Claim::OneByOne, None) if self.took >= all * self.vegetables => {
                Ok(format!("Each takes {all:?}, and the next one waits for it."))
            }
            (Claim::HeldUpBy(name), Some(_)) if self.took >= step(name) * self.vegetables => {
                let each = step(name);
                Ok(format!("Nothing is faster than its slowest step: {name}, {each:?} each."))
            }
            (Claim::Eased, Some(slowest)) => Ok(format!(
                "With three cooks the kitchen waits for {slowest}, and all come in order."
            )),
            (_, slowest) => {
                let took = self.took;
                Err(format!("it took {took:?}, and the slowest step is {slowest:?}."))
            }
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    options
        .flags
        .show(format_args!("{} vegetables: wash, chop, cook, serve", options.vegetables))
        .broken("one after the other", |recorder| alone(&options, recorder))
        .fixed("a pipeline, each step by itself", |recorder| chained(&options, recorder))
        .fixed("a pipeline with three cooks", |recorder| eased(&options, recorder))
        .end()
}
