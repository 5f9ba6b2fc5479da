//! The pantry answers later.
//!
//! A future is a result that is still to come. Whoever holds it can go on with other work, ask how far
//! it is, cancel it, or wait. Whoever drops it will never know what became of it: the error of a
//! job that nobody asks for is lost.
//!
//! ```text
//! cargo run --release --example ch08_future
//! ```

#[path = "support/scene.rs"]
pub mod scene;

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use brigade::pool::{Pool, Shutdown, TaskError};
use clap::Parser;
use scene::{Flags, Recorder, Row, Seen};

/// A question to the pantry, answered later; one cancelled; one that fails
#[derive(Debug, Clone, Parser)]
#[command(name = "ch08_future")]
pub struct Options {
    /// What every scene takes.
    #[command(flatten)]
    pub flags: Flags,
}

/// What was seen of a job that nobody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Whether the job began.
    pub began: bool,
    /// What whoever submitted it knows of its end.
    pub known: Option<String>,
}

/// Submits, and drops the future.
pub fn broken(_: &Options, recorder: &Recorder) -> Lost {
    let pool = Pool::builder().workers(1).name("pantry").build().expect("one worker");
    let lane = recorder.lane("barron");
    let began = Arc::new(AtomicBool::new(false));
    let asking = lane.run("ask, and turn away");
    drop(pool.submit({
        let began = Arc::clone(&began);
        move |_| {
            began.store(true, Ordering::Relaxed);
            Err::<u32, _>("the pantry is empty")
        }
    }));
    drop(asking);
    pool.shutdown(Shutdown::Drain);
    Lost { began: began.load(Ordering::Relaxed), known: None }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.as_deref().unwrap_or("nothing");
        write!(f, "{}{}", Row("the job ran", self.began), Row("barron knows", known))
    }
}

impl Seen for Lost {
    fn verdict(&self) -> Result<String, String> {
        match (self.began, &self.known) {
            (true, None) => {
                Ok("The pantry was empty, and nobody heard of it: the future was dropped.".into())
            }
            other => Err(format!("it was {other:?}.")),
        }
    }
}

/// What was seen of three futures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The first one while the pantry counts: running, done.
    pub meanwhile: (bool, bool),
    /// How many onions were peeled in the meantime.
    pub peeled: u32,
    /// The first one when its answer is there: running, done.
    pub afterwards: (bool, bool),
    /// The answer.
    pub answer: Option<u32>,
    /// Whether the second was cancelled, and what its result was.
    pub cancelled: (bool, String),
    /// What the third failed with.
    pub failed: String,
}

/// Three questions, one pantry.
pub fn fixed(_: &Options, recorder: &Recorder) -> Outcome {
    let pool = Pool::builder().workers(1).name("pantry").build().expect("one worker");
    let barron = recorder.lane("barron");
    let pantry = recorder.lane("pantry");
    let (open, door) = channel::<()>();
    let (begin, begun) = channel();
    let garlic = pool.submit(move |_| {
        let _counting = pantry.run("count the garlic");
        let _ = begin.send(());
        let _ = door.recv();
        42
    });
    let _ = begun.recv();
    let salt = pool.submit(|_| 7);
    let pepper = pool.submit(|_| -> u32 { panic!("the shelf came down") });

    let meanwhile = (garlic.is_running(), garlic.is_done());
    let peeling = barron.run("peel onions");
    let peeled = (1..=10).map(std::hint::black_box).max().unwrap_or(0);
    drop(peeling);
    let cancelled = salt.cancel();
    drop(open);
    let waiting = barron.wait("the pantry");
    pool.shutdown(Shutdown::Drain);
    drop(waiting);
    let afterwards = (garlic.is_running(), garlic.is_done());
    let said = |result: Result<u32, TaskError>| match result {
        Ok(number) => number.to_string(),
        Err(error) => error.to_string(),
    };
    Outcome {
        meanwhile,
        peeled,
        afterwards,
        answer: garlic.result().ok(),
        cancelled: (cancelled, said(salt.result())),
        failed: said(pepper.result()),
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = |(running, done): (bool, bool)| format!("running {running}, done {done}");
        write!(f, "{}", Row("meanwhile", state(self.meanwhile)))?;
        write!(f, "{}", Row("barron", format_args!("peels {} onions", self.peeled)))?;
        write!(f, "{}", Row("afterwards", state(self.afterwards)))?;
        match self.answer {
            Some(answer) => write!(f, "{}", Row("garlic", answer))?,
            None => write!(f, "{}", Row("garlic", "no answer"))?,
        }
        let (cancelled, said) = &self.cancelled;
        write!(f, "{}", Row("salt", format_args!("cancel says {cancelled}: {said}")))?;
        write!(f, "{}", Row("pepper", &self.failed))
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        let as_told = self.meanwhile == (true, false) && self.afterwards == (false, true);
        match (as_told, self.answer, self.cancelled.0) {
            (true, Some(42), true) if self.failed.contains("the shelf came down") => Ok(
                "42 came later, the second never began, and the third's error came to whoever asked."
                    .into(),
            ),
            _ => Err(format!("{self:?}.")),
        }
    }
}

fn main() -> ExitCode {
    // The panic is shown where it arrives, and not also where it happens.
    std::panic::set_hook(Box::new(|_| {}));
    let options = Options::parse();
    options
        .flags
        .show("three questions to the pantry")
        .broken("ask, and drop the future", |recorder| broken(&options, recorder))
        .fixed("keep the futures", |recorder| fixed(&options, recorder))
        .end()
}
