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
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use brigade::integrate::{Estimate, F64x8, Integral, Kronrod, Rule};
use brigade::pool::Window;
use brigade::process::{self, Job, ProcessPool};
use clap::Parser;
use figures::grouped;

/// The gamma function as an integral: a loop, threads, processes, lanes, and adaptive rules, compared
#[derive(Debug, Clone, Parser)]
#[command(
    name = "gamma",
    after_help = "\
The error is that against the exact value: in closed form where x is whole and nothing cancels,
otherwise by an adaptive rule to all digits. The speed-up is that against the loop; a process has
to be started first."
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

/// The integrand: t^(x-1) e^-t.
#[derive(Debug, Clone, Copy)]
enum Integrand {
    /// x is whole, this is x - 1, and no power is beyond the numbers.
    Whole(i32),
    Real(f64),
}

impl Integrand {
    /// The integrand for places up to `to`.
    #[allow(clippy::cast_possible_truncation)] // checked to be whole, and at most 170
    fn of(x: f64, to: f64) -> Self {
        let power = x - 1.0;
        if power.fract() == 0.0 && to.powf(power).is_finite() {
            Self::Whole(power as i32)
        } else {
            Self::Real(power)
        }
    }

    fn at(self, t: f64) -> f64 {
        match self {
            Self::Whole(power) => t.powi(power) * (-t).exp(),
            Self::Real(power) => match t.powf(power) {
                // The power alone is beyond the numbers, and the product is not.
                infinite if infinite.is_infinite() && t > 1.0 => (power * t.ln() - t).exp(),
                finite => finite * (-t).exp(),
            },
        }
    }

    fn lanes(self, t: F64x8) -> F64x8 {
        match self {
            Self::Whole(power) => t.powi(power) * (-t).exp(),
            Self::Real(power) => (power * t.ln() - t).exp(),
        }
    }

    fn power(self) -> f64 {
        match self {
            Self::Whole(power) => power.into(),
            Self::Real(power) => power,
        }
    }
}

/// The integral itself: in closed form if x is whole and nothing cancels, otherwise by a rule that is good
/// to all digits.
pub fn exact(options: &Options) -> Result<f64, Box<dyn Error>> {
    let Options { x, from, to, .. } = *options;
    let f = Integrand::of(x, from.max(to));
    let power = f.power();
    if let Integrand::Whole(n) = f {
        // What lies above t: n! e^-t (1 + t + t²/2! + ... + tⁿ/n!).
        let above = |t: f64| {
            let (mut term, mut sum) = (1.0, 1.0);
            for k in 1..=n {
                term *= t / f64::from(k);
                sum += term;
            }
            (1..=n).map(f64::from).product::<f64>() * ((-t).exp() * sum)
        };
        // Of two that are nearly equal the difference has lost its digits, and so has what is so far
        // out that e^-t is hardly a number.
        let (all, rest) = (above(from), above(to));
        if from < 700.0 && rest <= 0.5 * all {
            return Ok(all - rest);
        }
    }
    let rule = Rule::Adaptive(Kronrod::K61);
    if power < 0.0 {
        // Infinite at zero: in u = t^x it is not, and everything is in sight.
        let f = |u: f64| (-u.powf(1.0 / x)).exp() / x;
        let integral = Integral::new(f, from.min(800.0).powf(x)..to.min(800.0).powf(x));
        return Ok(integral.rule(rule).rel_tol(1e-13).run()?.value);
    }
    // Beyond this the integrand is less than 1e-20 of what it was before.
    let end = from.max(power) + 60.0 + 12.0 * power.sqrt();
    let ends = (from.min(end), to.min(end));
    let middle = power.clamp(ends.0.min(ends.1), ends.0.max(ends.1));
    let integral = Integral::new(|t| f.at(t), ends.0..ends.1).points(&[middle]);
    Ok(integral.rule(rule).rel_tol(1e-13).run()?.value)
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

/// Computes the integral in every way. The processes run `program`, or else this one.
pub fn run(options: &Options, program: Option<&Path>) -> Result<Outcome, Box<dyn Error>> {
    let mut rows = Vec::new();
    let mut add = |way: String, compute: &mut dyn FnMut() -> Result<(f64, u64), Box<dyn Error>>| {
        let began = Instant::now();
        let (value, evals) = compute()?;
        rows.push(Row { way, value, evals, took: began.elapsed() });
        Ok::<(), Box<dyn Error>>(())
    };
    let Options { from, to, steps, .. } = *options;
    let f = Integrand::of(options.x, from.max(to));
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
    let f = Integrand::of(options.x, options.from.max(options.to));
    let step = (options.to - options.from) / options.steps as f64;
    let mut sum = 0.0;
    for k in 0..options.steps {
        sum += f.at(options.from + k as f64 * step) * step;
    }
    sum
}

/// What a process is told: x, from, to, steps, and which part of how many is its own.
type Share = (f64, f64, f64, u64, u64, u64);

/// One part, in another process: the integral, or what is wrong with it.
static PART: Job<Share, Result<f64, String>> = Job::new("part", part);

/// The integral over one part, by the left ends of its steps.
#[allow(clippy::cast_precision_loss)]
fn part((x, from, to, steps, number, of): Share) -> Result<f64, String> {
    let f = Integrand::of(x, from.max(to));
    let step = (to - from) / steps as f64;
    let mine = Part { number, of }.steps(steps);
    if mine.is_empty() {
        return Ok(0.0);
    }
    let border = |k: u64| if k == steps { to } else { (k as f64).mul_add(step, from) };
    let rule = Rule::Left { steps: mine.end - mine.start };
    let integral = Integral::new(|t| f.at(t), border(mine.start)..border(mine.end));
    Ok(integral.rule(rule).sequential().run().map_err(|error| error.to_string())?.value)
}

/// Gives each of `of` processes a part, and adds what they find, in order.
fn shared_out(options: &Options, program: Option<&Path>, of: u64) -> Result<f64, Box<dyn Error>> {
    let mut pool = ProcessPool::builder().workers(usize::try_from(of)?);
    if let Some(program) = program {
        pool = pool.program(program, [""; 0]);
    }
    let pool = pool.build()?;
    let Options { x, from, to, steps, .. } = *options;
    let shares = (0..of).map(|number| (x, from, to, steps, number, of));
    let mut sum = 0.0;
    for found in pool.map(shares, Window(usize::try_from(of)?), &PART) {
        let name =
            || program.map_or("this program".into(), |program| program.display().to_string());
        sum += found.map_err(|error| format!("{}: {error}", name()))??;
    }
    Ok(sum)
}

/// How far the rules that end by themselves may be off, relative to the value.
const CLOSE: f64 = 1e-9;

impl Outcome {
    /// How far the sum of the left ends may be off: the step times as much as the integrand goes up and
    /// down, for it rises to its peak and then falls.
    #[allow(clippy::cast_precision_loss)]
    pub fn left_error(&self) -> f64 {
        let Options { x, from, to, steps, .. } = self.options;
        let f = Integrand::of(x, from.max(to));
        let peak = f.at((x - 1.0).max(0.0).clamp(from.min(to), from.max(to)));
        let variation = 2.0 * peak - f.at(from) - f.at(to);
        (to - from).abs() / steps as f64 * variation
    }

    /// What is not as it should be: threads and lanes agree among each other to the bit, and everything
    /// with the exact value as far as its rule can tell.
    pub fn fault(&self) -> Option<String> {
        for kind in ["thread", "lanes"] {
            let of_kind = |row: &&Row| {
                row.way.contains(kind) && (kind == "lanes") == row.way.contains("lanes")
            };
            let mut rows = self.rows.iter().filter(of_kind);
            let Some(first) = rows.next() else { continue };
            if let Some(other) = rows.find(|row| row.value.to_bits() != first.value.to_bits()) {
                return Some(format!(
                    "The bits DEPEND on the threads: {} gives {}, {} gives {}.",
                    first.way, first.value, other.way, other.value
                ));
            }
        }
        let close = CLOSE * self.exact.abs();
        // A loop also rounds at every step.
        #[allow(clippy::cast_precision_loss)]
        let rounding = f64::EPSILON * self.options.steps as f64 * self.exact.abs();
        self.rows.iter().find_map(|row| {
            let by_steps = row.evals == self.options.steps;
            let most = if by_steps { self.left_error() + close + rounding } else { close };
            let error = (row.value - self.exact).abs();
            // Written so that what is no number is a fault.
            let right = error <= most;
            (!right).then(|| format!("{} is OFF by {error:e}, and may be by {most:e}.", row.way))
        })
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
    let f = Integrand::of(6.0, border(workers));
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
    process::init(&[&PART]);
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
    let outcome = run(options, None)?;
    say(format_args!("{outcome}"))?;
    say(format_args!("{}", remainder()?))?;
    if let Some(fault) = outcome.fault() {
        say(format_args!("\n{fault}\n"))?;
        return Ok(false);
    }
    let fewest = outcome.rows.iter().map(|row| row.evals).min().unwrap_or(0);
    let steps = grouped(options.steps);
    say(format_args!(
        "\nThe bits do not depend on the threads, and {fewest} evaluations do what {steps} did.\n"
    ))?;
    Ok(true)
}

/// Prints; a reader that has gone away (`| head`) is no error.
fn say(text: fmt::Arguments<'_>) -> io::Result<()> {
    match io::stdout().write_fmt(text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
