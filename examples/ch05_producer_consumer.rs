//! One cook, two eaters, a serving line with five places: what to do when it is full, and how to end.
//!
//! A put that does not wait loses what finds no place. An end that is told by a pill in the line has
//! to know how many eaters there are. A line that blocks when it is full and is closed when there
//! is no more needs neither luck nor counting. Eating takes longer than cooking, so the line is full all the
//! time. With `--processes` the eaters are processes, one of which dies over its bowl.
//!
//! ```text
//! cargo run --release --example ch05_producer_consumer
//! cargo run --release --example ch05_producer_consumer -- --processes
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::collections::VecDeque;
use std::fmt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use brigade::monitor::Monitor;
use brigade::pipeline::{Batch, Par, Pipeline, PipelineError, Report};
use brigade::pool::TaskError;
use brigade::process::{self, Job, ProcessPool, WorkerError};
use clap::Parser;
use scene::{Flags, Recorder, Row, Seen};

/// A cook and some eaters share a serving line: bowls are lost, an eater waits for ever, or all is well
#[derive(Debug, Clone, Parser)]
#[command(name = "ch05_producer_consumer")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,

    /// Bowls to be served
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(10..=100_000))]
    pub bowls: u32,

    /// Who eats them
    #[arg(long, value_name = "N", default_value_t = 2,
          value_parser = clap::value_parser!(u32).range(2..=4))]
    pub eaters: u32,

    /// Lets each eater be a process of its own
    #[arg(long)]
    pub processes: bool,
}

/// Places in the serving line.
pub const PLACES: usize = 5;

/// What became of the bowls.
#[derive(Debug)]
pub struct Outcome {
    /// How many were cooked.
    pub bowls: u32,
    /// Those that were eaten, as they were reported.
    pub eaten: Vec<u32>,
    /// Those that found no place.
    pub lost: u32,
    /// The most bowls that stood in the line.
    pub line: usize,
    /// Eaters who would wait for ever.
    pub waiting: u32,
    /// Eaters that died over a bowl, which was served again.
    pub died: u32,
    /// Why it went wrong, if the pipeline says so.
    pub error: Option<String>,
    claim: Claim,
}

#[derive(Debug, Clone, Copy)]
enum Claim {
    Lost,
    Waiting,
    AllEaten,
    ThoughOneDied,
}

/// A serving line as one builds it first.
#[derive(Debug, Default)]
struct Line {
    /// A bowl, or the pill that says that there are no more.
    places: VecDeque<Option<u32>>,
    high: usize,
    ladled: u32,
    eaten: Vec<u32>,
    gone: u32,
    called_off: bool,
}

impl Line {
    fn put(&mut self, what: Option<u32>) {
        self.places.push_back(what);
        self.high = self.high.max(self.places.len());
    }
}

/// The cook puts down what fits, and goes on. Eating one takes as long as ladling four
/// for each eater.
pub fn broken(options: &Options, recorder: &Recorder) -> Outcome {
    let line = Monitor::new(Line::default());
    let (bowls, pace) = (options.bowls, 4 * options.eaters);
    let mut lost = 0;
    thread::scope(|threads| {
        for number in 1..=options.eaters {
            let (line, lane) = (&line, recorder.lane(format!("eater {number}")));
            threads.spawn(move || {
                loop {
                    let waiting = lane.wait("a bowl");
                    let (bowl, ladled) = line.when(
                        |line| !line.places.is_empty(),
                        |line| (line.places.pop_front().flatten(), line.ladled),
                    );
                    drop(waiting);
                    let Some(bowl) = bowl else { break };
                    let _eating = lane.hold("a bowl");
                    line.wait_until(move |l| l.ladled >= (ladled + pace).min(bowls));
                    line.with(|line| line.eaten.push(bowl));
                }
            });
        }
        for bowl in 0..options.bowls {
            let fits = line.with(|line| {
                line.ladled += 1;
                let fits = line.places.len() < PLACES;
                if fits {
                    line.put(Some(bowl));
                }
                fits
            });
            lost += u32::from(!fits);
        }
        // The pills, at least, wait for a place.
        for _ in 0..options.eaters {
            line.when(|line| line.places.len() < PLACES, |line| line.put(None));
        }
    });
    outcome(options, line, lost, Claim::Lost)
}

/// How many bowls are ladled when this one is eaten: an eater takes as long over one as the cook takes to
/// fill the line again.
fn when_eaten(bowl: u32, bowls: u32) -> u32 {
    (bowl + 1 + PLACES as u32).min(bowls)
}

/// The cook waits for a place, and ends with one pill. The eaters are more than one.
pub fn forgetful(options: &Options, recorder: &Recorder) -> Outcome {
    let line = Monitor::new(Line::default());
    let bowls = options.bowls;
    thread::scope(|threads| {
        for number in 1..=options.eaters {
            let (line, lane) = (&line, recorder.lane(format!("eater {number}")));
            threads.spawn(move || {
                loop {
                    let waiting = lane.wait("a bowl");
                    let bowl = line.when(
                        |line| !line.places.is_empty() || line.called_off,
                        |line| line.places.pop_front().flatten(),
                    );
                    drop(waiting);
                    let Some(bowl) = bowl else { break };
                    let _eating = lane.hold("a bowl");
                    line.wait_until(move |line| line.ladled >= when_eaten(bowl, bowls));
                    line.with(|line| line.eaten.push(bowl));
                }
                line.with(|line| line.gone += u32::from(!line.called_off));
            });
        }
        for what in (0..bowls).map(Some).chain([None]) {
            line.when(
                |line| line.places.len() < PLACES,
                |line| {
                    line.ladled += u32::from(what.is_some());
                    line.put(what);
                },
            );
        }
        // One has found the pill, and nothing is left: whoever is still here waits for ever.
        line.when(|line| line.gone == 1 && line.places.is_empty(), |line| line.called_off = true);
    });
    outcome(options, line, 0, Claim::Waiting)
}

fn outcome(options: &Options, line: Monitor<Line>, lost: u32, claim: Claim) -> Outcome {
    let Line { eaten, high, gone, called_off, .. } = line.into_inner();
    let waiting = if called_off { options.eaters - gone } else { 0 };
    Outcome { bowls: options.bowls, eaten, lost, line: high, waiting, died: 0, error: None, claim }
}

/// A pipeline: its edge is the line, full means wait, and the end of the bowls is the end.
pub fn fixed(options: &Options, recorder: &Recorder) -> Outcome {
    let ran = serve(options, recorder, Ok);
    all_eaten(options, ran, 0, Claim::AllEaten)
}

/// Eats a bowl and reports it, or dies over it.
static EAT: Job<(u32, bool), u32> = Job::new("eat", |(bowl, is_bad)| {
    if is_bad {
        std::process::abort();
    }
    bowl
});

/// The same line, and behind it a process for each eater. A bowl over which an eater dies is bad for that
/// one only: another comes in its place, and the bowl is served again.
pub fn processes(options: &Options, recorder: &Recorder) -> Outcome {
    let eaters = ProcessPool::builder().workers(options.eaters as usize).build();
    let eaters = eaters.expect("init was called");
    let bad = options.bowls / 2;
    let died = AtomicU32::new(0);
    let ran =
        serve(options, recorder, |bowl| match eaters.submit(&EAT, (bowl, bowl == bad)).result() {
            Err(TaskError::Worker(WorkerError::Died { .. })) => {
                died.fetch_add(1, Ordering::Relaxed);
                eaters.submit(&EAT, (bowl, false)).result()
            }
            eaten => eaten,
        });
    all_eaten(options, ran, died.into_inner(), Claim::ThoughOneDied)
}

/// Serves all bowls, each to one eater.
fn serve(
    options: &Options,
    recorder: &Recorder,
    eat: impl Fn(u32) -> Result<u32, TaskError> + Sync,
) -> Result<(Vec<u32>, Report), PipelineError> {
    let (bowls, ladled) = (options.bowls, Monitor::new(0));
    Pipeline::new((0..bowls).inspect(|_| ladled.with(|ladled| *ladled += 1)))
        .capacity(PLACES)
        .batch(Batch::One)
        .map_init(
            "eat",
            Par::Workers(options.eaters as usize),
            || recorder.lane(thread::current().name().unwrap_or("eater")),
            |lane, bowl| {
                let _eating = lane.hold("a bowl");
                ladled.wait_until(move |ladled| *ladled >= when_eaten(bowl, bowls));
                eat(bowl)
            },
        )
        .try_map("told", Par::Serial, |eaten| eaten)
        .collect()
}

fn all_eaten(
    options: &Options,
    ran: Result<(Vec<u32>, Report), PipelineError>,
    died: u32,
    claim: Claim,
) -> Outcome {
    let bowls = options.bowls;
    let (eaten, line, error) = match ran {
        Ok((eaten, report)) => {
            (eaten, report.stage("eat").map_or(0, |eat| eat.queue_high_water), None)
        }
        Err(error) => (Vec::new(), 0, Some(error.to_string())),
    };
    Outcome { bowls, eaten, lost: 0, line, waiting: 0, died, error, claim }
}

impl Outcome {
    /// Whether every bowl was eaten once.
    #[must_use]
    pub fn each_once(&self) -> bool {
        let mut eaten = self.eaten.clone();
        eaten.sort_unstable();
        eaten.into_iter().eq(0..self.bowls)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bowls, eaten, lost, line, waiting, died, error, .. } = self;
        write!(f, "{}", Row("eaten", format_args!("{} of {bowls}", eaten.len())))?;
        write!(f, "{}", Row("lost", lost))?;
        write!(f, "{}", Row("in the line", format_args!("never more than {line}")))?;
        if *waiting > 0 {
            let row = Row("waiting", format_args!("{waiting}, for a bowl that will never come"));
            write!(f, "{row}")?;
        }
        if *died > 0 {
            write!(f, "{}", Row("died", format_args!("{died}; the bowl was served again")))?;
        }
        error.as_ref().map_or(Ok(()), |error| write!(f, "{}", Row("error", error)))
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        let bounded = self.line <= PLACES;
        let all_eaten = self.each_once() && bounded && self.error.is_none();
        match self.claim {
            Claim::Lost if self.lost > 0 && bounded => {
                Ok(format!("{} bowls found no place and are gone; the cook never knew.", self.lost))
            }
            Claim::Waiting if self.waiting > 0 && self.each_once() && bounded => {
                Ok(format!("One pill ended one eater; {} wait for ever.", self.waiting))
            }
            Claim::AllEaten if all_eaten => {
                Ok(format!("{} bowls, each eaten once, and everybody went home.", self.bowls))
            }
            Claim::ThoughOneDied if all_eaten && self.died == 1 => {
                Ok(format!("{} bowls, each eaten once, though one eater died.", self.bowls))
            }
            _ => Err(format!(
                "{} of {} were eaten, {} lost.",
                self.eaten.len(),
                self.bowls,
                self.lost
            )),
        }
    }
}

fn main() -> ExitCode {
    process::init(&[&EAT]);
    let options = Options::parse();
    let show = options
        .flags
        .show(format_args!(
            "{} bowls, a line of {PLACES} places, {} eaters",
            options.bowls, options.eaters
        ))
        .broken("put it down if there is a place, and go on", |recorder| broken(&options, recorder))
        .broken("wait for a place; one pill says the end", |recorder| {
            forgetful(&options, recorder)
        });
    let show = if options.processes {
        show.fixed("a pipeline with a process for each eater", |recorder| {
            processes(&options, recorder)
        })
    } else {
        show.fixed("a pipeline: full means wait, closed means the end", |recorder| {
            fixed(&options, recorder)
        })
    };
    show.end()
}
