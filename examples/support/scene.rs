//! What all scenes of the course have in common: their flags, and how a run is shown.
//!
//! A scene is a `broken` and a `fixed` function, each of which returns what was seen. `main` hands
//! them over:
//!
//! ```ignore
//! fn main() -> ExitCode {
//!     let options = Options::parse();
//!     options
//!         .flags
//!         .show("two cooks, one pencil")
//!         .broken("each reads, then writes", |recorder| broken(&options, recorder))
//!         .fixed("one at a time", |recorder| fixed(&options, recorder))
//!         .end()
//! }
//! ```

// No scene needs all of it.
#![allow(dead_code)]

#[path = "figures.rs"]
pub mod figures;
#[path = "picture.rs"]
pub mod picture;
#[path = "watch.rs"]
pub mod watch;

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;

pub use brigade::timeline::{Lane, Recorder};
use picture::Picture;

/// The flags that every scene has.
#[derive(Debug, Clone, Args)]
pub struct Flags {
    /// Shows the bug only [default: the bug, then the fix]
    #[arg(long)]
    pub broken: bool,

    /// Shows the fix only
    #[arg(long)]
    pub fixed: bool,

    /// Makes what is drawn repeatable [default: a new one each time]
    #[arg(long, value_name = "N", default_value_t = u64::from(rand::random::<u16>()),
          hide_default_value = true)]
    pub seed: u64,

    /// Draws what each thread did: FILE.svg, FILE.json for Perfetto, FILE.txt, or - for here; one
    /// file for each part
    #[arg(long, value_name = "FILE")]
    pub timeline: Option<Picture>,
}

impl Flags {
    /// Begins to show a scene: says what it is about, in one line.
    pub fn show(&self, about: impl Display) -> Show<'_> {
        self.show_on(io::stdout(), about)
    }

    /// Begins to show a scene elsewhere.
    pub fn show_on<'a>(&'a self, out: impl Write + 'a, about: impl Display) -> Show<'a> {
        let out = Box::new(out);
        let mut show = Show { flags: self, parts: 0, as_claimed: true, out, failure: None };
        show.tell(format_args!("{about}\n"));
        show
    }
}

/// What was seen in one run of a scene: its rows, and what they amount to.
pub trait Seen: Display {
    /// Says what was just seen, in one sentence; as an error if the scene claims something else.
    fn verdict(&self) -> Result<String, String>;
}

/// One line of what was seen: `  name            value`.
#[derive(Debug, Clone, Copy)]
pub struct Row<N, V>(pub N, pub V);

impl<N: Display, V: Display> Display for Row<N, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:<15} {}", self.0, self.1)
    }
}

/// A scene that is being shown.
#[must_use = "`end` gives the exit code"]
pub struct Show<'a> {
    flags: &'a Flags,
    /// How many have been shown.
    parts: usize,
    as_claimed: bool,
    out: Box<dyn Write + 'a>,
    failure: Option<String>,
}

impl Show<'_> {
    /// Runs and shows the bug, unless only the fix was asked for.
    pub fn broken<S: Seen>(self, how: impl Display, run: impl FnOnce(&Recorder) -> S) -> Self {
        if self.flags.fixed && !self.flags.broken {
            return self;
        }
        self.scene(format_args!("broken: {how}"), run)
    }

    /// Runs and shows a fix, unless only the bug was asked for.
    pub fn fixed<S: Seen>(self, how: impl Display, run: impl FnOnce(&Recorder) -> S) -> Self {
        if self.flags.broken && !self.flags.fixed {
            return self;
        }
        self.scene(format_args!("fixed: {how}"), run)
    }

    /// Runs and shows what is neither, whatever was asked for.
    pub fn scene<S: Seen>(mut self, title: impl Display, run: impl FnOnce(&Recorder) -> S) -> Self {
        let title = title.to_string();
        self.tell(format_args!("\n{title}\n\n"));
        let recorder = self.recorder();
        let seen = run(&recorder);
        let verdict = seen.verdict();
        self.as_claimed &= verdict.is_ok();
        let verdict = verdict.unwrap_or_else(|instead| format!("NOT as it should be: {instead}"));
        self.tell(format_args!("{seen}"));
        self.draw(recorder, &title);
        self.tell(format_args!("\n{verdict}\n"));
        self
    }

    /// One for each part, that records if somebody wants to see it.
    fn recorder(&mut self) -> Recorder {
        if self.flags.timeline.is_none() {
            return Recorder::off();
        }
        Recorder::new().unwrap_or_else(|error| {
            self.failure.get_or_insert(format!("nothing can be recorded: {error}"));
            Recorder::off()
        })
    }

    fn draw(&mut self, recorder: Recorder, title: &str) {
        self.parts += 1;
        let Some(picture) = &self.flags.timeline else { return };
        match picture.draw(&recorder.finish(), title, self.parts) {
            Ok(shown) => self.tell(format_args!("{shown}")),
            Err(error) => {
                self.failure.get_or_insert(error);
            }
        }
    }

    /// The exit code: failure if anything seen was not what the scene claims.
    #[must_use]
    pub fn end(self) -> ExitCode {
        if let Some(failure) = self.failure {
            eprintln!("error: {failure}");
            return ExitCode::FAILURE;
        }
        if self.as_claimed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// A reader that has gone away (`| head`) is no error.
    fn tell(&mut self, text: fmt::Arguments<'_>) {
        match self.out.write_fmt(text) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.failure.get_or_insert(format!("the output cannot be written: {error}"));
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Show<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Show").field("as_claimed", &self.as_claimed).finish_non_exhaustive()
    }
}
