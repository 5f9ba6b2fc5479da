//! The gamma function as an integral, in every way there is: a loop, threads, processes, eight numbers
//! at once, and with as few evaluations as will do.
//!
//! All but the last two evaluate the integrand at the left end of each step, ten million times; the
//! threads and lanes give the same bits on any number of cores. Then a bug that is easy to make and
//! hard to see: an interval that is shared out by whole division loses its remainder. On [0, 1000]
//! three workers lose [999, 1000], which is worth 9e-420; on [0, 10] they lose a twentieth.
//!
//! ```text
//! cargo run --release --example gamma
//! cargo run --release --example gamma -- --x 4.5 --to 200 --steps 1000000
//! ```

#[path = "support/figures.rs"]
pub mod figures;

use std::error::Error;
use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use brigade::integrate::{Estimate, F64x8, Integral, Rule};
use clap::Parser;
use figures::grouped;

/// The gamma function as an integral: a loop, threads, processes, lanes, and adaptive rules, compared
#[derive(Debug, Clone, Parser)]
#[command(
    name = "gamma",
    after_help = "\
The error is that against the exact value: for a whole x in closed form, otherwise by a double
exponential rule to all digits. The speed-up is that against the loop."
)]
pub struct Options {
    /// Where the gamma function is wanted
    #[arg(long, value_name = "X", default_value_t = 6.0, value_parser = argument,
          allow_hyphen_values = true)]
    pub x: f64,

    /// Where the integral begins
    #[arg(long, value_name = "T", default_value_t = 0.0, value_parser = bound,
          allow_hyphen_values = true)]
    pub from: f64,

    /// Where it ends
    #[arg(long, value_name = "T", default_value_t = 1000.0, value_parser = bound,
          allow_hyphen_values = true)]
    pub to: f64,

    /// Into how many steps it is cut
    #[arg(long, value_name = "N", default_value_t = 10_000_000,
          value_parser = clap::value_parser!(u64).range(1..=10_000_000_000))]
    pub steps: u64,

    /// How many threads to compare
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "4,8",
          value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Vec<u16>,

    /// How many processes to compare
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "4,8",
          value_parser = clap::value_parser!(u16).range(1..=256))]
    pub processes: Vec<u16>,

    /// Computes one part and prints its bits: what the processes are started with
    #[arg(long, value_name = "K/N", hide = true)]
    pub part: Option<Part>,
}

fn argument(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(x) if (0.0..=171.0).contains(&x) && x > 0.0 => Ok(x),
        _ => {
            Err("give a number above 0 and up to 171, where the gamma function is a number".into())
        }
    }
}

fn bound(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(t) if t.is_finite() && t >= 0.0 => Ok(t),
        _ => Err("give a number from 0 on".into()),
    }
}

/// One of several parts of the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which one, from zero.
    pub number: u64,
    /// Of how many.
    pub of: u64,
}

impl Part {
    /// The steps of this part. The borders are computed from the number of the part, so that nothing is
    /// lost between two of them.
    pub fn steps(self, steps: u64) -> std::ops::Range<u64> {
        let border = |number: u64| {
            let border = u128::from(number) * u128::from(steps) / u128::from(self.of);
            u64::try_from(border).unwrap_or(steps)
        };
        border(self.number)..border(self.number + 1)
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(number, of)| {
            Some(Self { number: number.parse().ok()?, of: of.parse().ok()? })
        });
        parsed.filter(|part| part.number < part.of).ok_or_else(|| "give K/N, K below N".into())
    }
}

/// The integrand: t^(x-1) e^-t.
#[derive(Debug, Clone, Copy)]
enum Integrand {
    /// x is whole, and this is x - 1.
    Whole(i32),
    Real(f64),
}

impl Integrand {
    #[allow(clippy::cast_possible_truncation)] // checked to be whole, and at most 170
    fn of(x: f64) -> Self {
        if x.fract() == 0.0 { Self::Whole(x as i32 - 1) } else { Self::Real(x - 1.0) }
    }

    fn at(self, t: f64) -> f64 {
        match self {
            Self::Whole(power) => t.powi(power) * (-t).exp(),
            Self::Real(power) => t.powf(power) * (-t).exp(),
        }
    }

    fn lanes(self, t: F64x8) -> F64x8 {
        match self {
            Self::Whole(power) => t.powi(power) * (-t).exp(),
            Self::Real(power) => (power * t.ln() - t).exp(),
        }
    }
}

/// The integral itself: in closed form for a whole x, otherwise by a rule that is good to all digits.
pub fn exact(options: &Options) -> Result<f64, Box<dyn Error>> {
    let Options { x, from, to, .. } = *options;
    if let Integrand::Whole(n) = Integrand::of(x) {
        // What lies above t: n! e^-t (1 + t + t²/2! + ... + tⁿ/n!).
        let above = |t: f64| {
            let (mut term, mut sum) = (1.0, 1.0);
            for k in 1..=n {
                term *= t / f64::from(k);
                sum += term;
            }
            (1..=n).map(f64::from).product::<f64>() * ((-t).exp() * sum)
        };
        return Ok(above(from) - above(to));
    }
    let f = Integrand::of(x);
    let rule = Rule::DoubleExponential;
    Ok(Integral::new(|t| f.at(t), from..to).rule(rule).rel_tol(1e-13).run()?.value)
}

/// One way to compute it.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was done.
    pub way: String,
    /// What it gave.
    pub value: f64,
    /// How often the integrand was evaluated.
    pub evals: u64,
    /// How long it took.
    pub took: Duration,
}

/// All ways, beside the exact value.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was asked for.
    pub options: Options,
    /// What it should be.
    pub exact: f64,
    /// The ways, the loop first.
    pub rows: Vec<Row>,
}

/// Computes the integral in every way. `program` is this program, to be started for the processes.
pub fn run(options: &Options, program: &Path) -> Result<Outcome, Box<dyn Error>> {
    let mut rows = Vec::new();
    let mut add = |way: String, compute: &mut dyn FnMut() -> Result<(f64, u64), Box<dyn Error>>| {
        let began = Instant::now();
        let (value, evals) = compute()?;
        rows.push(Row { way, value, evals, took: began.elapsed() });
        Ok::<(), Box<dyn Error>>(())
    };
    let Options { from, to, steps, .. } = *options;
    let f = Integrand::of(options.x);
    let left = Rule::Left { steps };
    let of = |estimate: Estimate| (estimate.value, estimate.evals);
    add("a loop".into(), &mut || Ok((looped(options), steps)))?;
    for &threads in &options.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build()?;
        let integral = || Integral::new(|t| f.at(t), from..to).rule(left).run();
        add(figures::counted(threads.into(), "thread"), &mut || Ok(of(pool.install(integral)?)))?;
    }
    for &processes in &options.processes {
        let way = match processes {
            1 => "1 process".into(),
            more => format!("{more} processes"),
        };
        add(way, &mut || Ok((shared_out(options, program, processes.into())?, steps)))?;
    }
    let lanes = || Integral::lanes(move |t| f.lanes(t), from..to).rule(left);
    add("lanes, 1 thread".into(), &mut || Ok(of(lanes().sequential().run()?)))?;
    add("lanes, all cores".into(), &mut || Ok(of(lanes().run()?)))?;
    add("adaptive".into(), &mut || Ok(of(Integral::new(|t| f.at(t), from..to).run()?)))?;
    let rule = Rule::DoubleExponential;
    let double = || Integral::new(|t| f.at(t), from..to).rule(rule).run();
    add("double exponential".into(), &mut || Ok(of(double()?)))?;
    Ok(Outcome { options: options.clone(), exact: exact(options)?, rows })
}

/// What everybody writes first.
#[allow(clippy::cast_precision_loss)]
fn looped(options: &Options) -> f64 {
    let f = Integrand::of(options.x);
    let step = (options.to - options.from) / options.steps as f64;
    let mut sum = 0.0;
    for k in 0..options.steps {
        sum += f.at(options.from + k as f64 * step) * step;
    }
    sum
}

/// The integral over one part, by the left ends of its steps.
#[allow(clippy::cast_precision_loss)]
fn part(options: &Options, part: Part) -> Result<f64, Box<dyn Error>> {
    let f = Integrand::of(options.x);
    let step = (options.to - options.from) / options.steps as f64;
    let steps = part.steps(options.steps);
    if steps.is_empty() {
        return Ok(0.0);
    }
    let border = |k: u64| (k as f64).mul_add(step, options.from);
    let rule = Rule::Left { steps: steps.end - steps.start };
    let range = border(steps.start)..border(steps.end);
    Ok(Integral::new(|t| f.at(t), range).rule(rule).sequential().run()?.value)
}

/// Starts processes, one for each part, and adds what they print, in order.
fn shared_out(options: &Options, program: &Path, of: u64) -> Result<f64, Box<dyn Error>> {
    let start = |number: u64| {
        Command::new(program)
            .args(["--x", &options.x.to_string(), "--steps", &options.steps.to_string()])
            .args(["--from", &options.from.to_string(), "--to", &options.to.to_string()])
            .args(["--part", &format!("{number}/{of}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", program.display()))
    };
    let children: Vec<_> = (0..of).map(start).collect();
    let mut sum = 0.0;
    let mut failure = None;
    for child in children {
        // Waits for all of them, whatever one may say.
        let found = child.and_then(|child| {
            let output = child.wait_with_output().map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&output.stdout);
            let bits = u64::from_str_radix(text.trim(), 16);
            bits.map(f64::from_bits).map_err(|_| format!("a process ended with {}", output.status))
        });
        match found {
            Ok(value) => sum += value,
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(sum), |error| Err(error.into()))
}

impl Outcome {
    /// Whether threads and lanes agree with each other to the bit, and everything with the exact value as
    /// far as ten million steps can tell.
    pub fn is_right(&self) -> bool {
        let threads =
            self.rows.iter().filter(|row| row.way.contains("thread") && !row.way.contains("lanes"));
        let lanes = self.rows.iter().filter(|row| row.way.contains("lanes"));
        let same = |rows: &mut dyn Iterator<Item = &Row>| {
            let bits: Vec<u64> = rows.map(|row| row.value.to_bits()).collect();
            bits.windows(2).all(|pair| pair[0] == pair[1])
        };
        same(&mut threads.into_iter()) && same(&mut lanes.into_iter())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { x, from, to, .. } = self.options;
        writeln!(f, "the integral of t^{} e^-t from {from} to {to} is {}\n", x - 1.0, self.exact)?;
        writeln!(
            f,
            "{:<20}{:>22}{:>11}{:>14}{:>13}{:>10}",
            "way", "value", "error", "evaluations", "time", "speed-up"
        )?;
        let first = self.rows.first().map_or(0.0, |row| row.took.as_secs_f64());
        for Row { way, value, evals, took } in &self.rows {
            let error = (value - self.exact).abs();
            let evals = grouped(*evals);
            let seconds = took.as_secs_f64();
            let time = format!("{:.3} ms", seconds * 1e3);
            let speedup = first / seconds.max(1e-9);
            writeln!(f, "{way:<20}{value:>22}{error:>11.1e}{evals:>14}{time:>13}{speedup:>10.1}")?;
        }
        Ok(())
    }
}

/// An interval shared out among workers, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// How many workers there were.
    pub workers: u64,
    /// Where the last share ends.
    pub end: f64,
    /// The sum of the shares.
    pub value: f64,
}

/// Shares [0, `to`] out in pieces whose width is a whole number, `to` // `workers`, as the origin did.
#[allow(clippy::cast_precision_loss)]
pub fn broken(to: u64, workers: u64) -> Result<Shares, Box<dyn Error>> {
    let width = to / workers;
    add_up(workers, |worker| (worker * width) as f64)
}

/// Shares [0, `to`] out by borders that are computed from the number of the worker.
#[allow(clippy::cast_precision_loss)]
pub fn fixed(to: u64, workers: u64) -> Result<Shares, Box<dyn Error>> {
    add_up(workers, |worker| (to * worker) as f64 / workers as f64)
}

fn add_up(workers: u64, border: impl Fn(u64) -> f64) -> Result<Shares, Box<dyn Error>> {
    let f = Integrand::of(6.0);
    let mut value = 0.0;
    for worker in 0..workers {
        let range = border(worker)..border(worker + 1);
        value += Integral::new(|t| f.at(t), range).rel_tol(1e-13).run()?.value;
    }
    Ok(Shares { workers, end: border(workers), value })
}

/// The same integral over [0, 10], to all digits.
pub const SHORT: f64 = 111.949_684_454_516_19;

fn remainder() -> Result<String, Box<dyn Error>> {
    use fmt::Write as _;
    let mut text = String::from("\nthe same from 0 to 10, shared out among workers\n\n");
    writeln!(text, "{:<34}{:>10}{:>22}{:>11}", "way", "ends at", "value", "error")?;
    let mut row = |way: String, shares: Shares| {
        let Shares { end, value, .. } = shares;
        let error = (value - SHORT).abs();
        writeln!(text, "{way:<34}{end:>10}{value:>22}{error:>11.1e}")
    };
    for workers in [3, 7] {
        row(format!("{workers} workers, width by 10 // {workers}"), broken(10, workers)?)?;
        row(format!("{workers} workers, borders by number"), fixed(10, workers)?)?;
    }
    Ok(text)
}

fn main() -> ExitCode {
    match show(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn show(options: &Options) -> Result<bool, Box<dyn Error>> {
    if let Some(which) = options.part {
        say(format_args!("{:016x}\n", part(options, which)?.to_bits()))?;
        return Ok(true);
    }
    let program: PathBuf = std::env::current_exe()?;
    let outcome = run(options, &program)?;
    say(format_args!("{outcome}"))?;
    say(format_args!("{}", remainder()?))?;
    let fewest = outcome.rows.iter().map(|row| row.evals).min().unwrap_or(0);
    let steps = grouped(options.steps);
    if outcome.is_right() {
        say(format_args!(
            "\nThe bits do not depend on the threads, and {fewest} evaluations do what {steps} did.\n"
        ))?;
    } else {
        say(format_args!("\nThe bits DEPEND on the threads, which must not be.\n"))?;
    }
    Ok(outcome.is_right())
}

/// Prints; a reader that has gone away (`| head`) is no error.
fn say(text: fmt::Arguments<'_>) -> io::Result<()> {
    match io::stdout().write_fmt(text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
