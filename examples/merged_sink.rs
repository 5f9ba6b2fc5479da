//! Several generators, one writer, one order: the main job of the ordered sink.
//!
//! Each generator is a thread that draws numbers from a distribution and pushes them at random
//! times: the gaps between two records are exponential, so each is a Poisson process. The sink
//! stamps every record as it is pushed and writes all of them, sorted, to one file. Afterwards
//! the file is read back, as a stranger would, and checked.
//!
//! ```text
//! cargo run --release --example merged_sink
//! cargo run --release --example merged_sink -- --rate max --format binary
//! ```

#[path = "support/distribution.rs"]
pub mod distribution;
#[path = "support/figures.rs"]
pub mod figures;
#[path = "support/progress.rs"]
pub mod progress;
#[path = "support/readback.rs"]
pub mod readback;
#[path = "support/stop.rs"]
pub mod stop;

use std::error::Error;
use std::fmt;
use std::io::{self, Write as _};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use brigade::sink::{
    Binary, BuildError, Csv, Durability, DurableError, Encode, FileOutput, Ndjson, OpenError,
    OrderedSink, Producer, Report, Stats, Text,
};
use clap::{Parser, ValueEnum};
use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::weighted::WeightedAliasIndex;
use rand_distr::{Distribution as _, Exp1};

use distribution::{Distribution, Rate, seconds};
use figures::{counted, grouped, whole};
use readback::{Format, ReadBack};
use stop::Stop;

/// Many generators push records; one file holds them all, in the order of their stamps.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "merged_sink",
    after_help = "\
Ctrl-C ends the generators at once; what was accepted is written, checked and reported.
Without --out the file is merged_sink.tsv (.csv, .ndjson, .bin) in the current folder, and a
file of that name is replaced. A file named with --out must not exist, unless --append is given."
)]
pub struct Options {
    /// Generators, each on a thread of its own
    #[arg(long, value_name = "N", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=10_000), allow_hyphen_values = true)]
    pub producers: u32,

    /// Records a second of each generator on average, or "max": one push after the other
    #[arg(long, value_name = "RATE|max", default_value = "10", allow_hyphen_values = true)]
    pub rate: Rate,

    /// How long the generators run [default: 4, or 1 with --rate max]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_hyphen_values = true)]
    pub seconds: Option<f64>,

    /// What is drawn, and how often
    #[arg(
        long,
        value_name = "VALUE:P,...",
        allow_hyphen_values = true,
        default_value = "1:50%,2:25%,3:15%,4:5%,5:5%"
    )]
    pub distribution: Distribution,

    /// How a record is written
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,

    /// Where to
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// What survives what
    #[arg(long, value_enum, default_value = "flush")]
    pub durability: Level,

    /// Makes the drawn numbers repeatable [default: a new one each time]
    #[arg(long, value_name = "N", allow_hyphen_values = true, default_value_t = u64::from(rand::random::<u16>()),
          hide_default_value = true)]
    pub seed: u64,

    /// Continues an existing file
    #[arg(long)]
    pub append: bool,
}

/// The sink's durability levels, as a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Nothing is promised before the end
    None,
    /// Within about a millisecond a record survives the process being killed
    Flush,
    /// Within about 0.1 s it survives a loss of power
    Sync,
    /// Each push returns when its record survives a loss of power
    Durable,
}

impl Options {
    /// Where the records go.
    pub fn path(&self) -> PathBuf {
        let usual = || Path::new("merged_sink").with_extension(self.format.extension());
        self.out.clone().unwrap_or_else(usual)
    }

    /// How long the generators run.
    pub fn length(&self) -> Duration {
        let usual = if self.rate == Rate::Max { 1.0 } else { 4.0 };
        Duration::from_secs_f64(self.seconds.unwrap_or(usual))
    }

    fn open(&self) -> Result<OrderedSink<u32>, Box<dyn Error>> {
        let path = self.path();
        let output = match (self.append, &self.out) {
            (true, _) => FileOutput::append(path),
            (false, Some(_)) => FileOutput::create(path),
            (false, None) => FileOutput::replace(path),
        };
        let output = output.map_err(|error| match error {
            OpenError::Exists { path } => {
                let path = path.display();
                format!("{path} exists; continue it with --append, or choose another --out").into()
            }
            other => Box::<dyn Error>::from(other),
        })?;
        let sink = match self.format {
            Format::Text => self.start(Text::new(), output),
            Format::Csv => self.start(Csv::new(), output),
            Format::Ndjson => self.start(Ndjson::new(), output),
            Format::Binary => self.start(Binary::new(), output),
        };
        sink.map_err(|error| format!("{}: {error}", self.path().display()).into())
    }

    fn start<E: Encode<u32> + 'static>(
        &self,
        encoder: E,
        output: FileOutput,
    ) -> Result<OrderedSink<u32>, BuildError> {
        let level = match self.durability {
            Level::None => Durability::None,
            Level::Flush | Level::Durable => Durability::Flush,
            Level::Sync => Durability::Sync { every: Duration::from_millis(100) },
        };
        OrderedSink::builder(encoder, output).durability(level).build()
    }

    fn name(&self, number: u32) -> String {
        let width = self.producers.ilog10() as usize + 1;
        format!("g{number:0width$}")
    }
}

impl fmt::Display for Options {
    /// What is about to happen, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let generators = counted(self.producers.into(), "generator");
        let pace = match self.rate {
            Rate::PerSecond(rate) => format!("{rate} records/s each"),
            Rate::Max => "one push after the other".into(),
        };
        let seconds = self.length().as_secs_f64();
        let path = self.path();
        let (path, seed) = (path.display(), self.seed);
        write!(f, "{generators}, {pace}, for {seconds} s, into {path} (seed {seed})")
    }
}

/// What a run did, and what its file holds.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was asked for.
    pub options: Options,
    /// What the sink says.
    pub report: Report,
    /// From the first draw until the last byte was written.
    pub elapsed: Duration,
    /// Whether it was stopped before its time.
    pub stopped: bool,
    /// Nothing if the output is a pipe or a device.
    pub found: Option<ReadBack>,
}

impl Outcome {
    /// How many records such generators make on average.
    pub fn expected(&self) -> Option<f64> {
        let length = self.options.length();
        let ran = if self.stopped { self.elapsed.min(length) } else { length };
        match self.options.rate {
            Rate::PerSecond(rate) => {
                Some(rate * ran.as_secs_f64() * f64::from(self.options.producers))
            }
            Rate::Max => None,
        }
    }

    /// Whether the file is in order and everything that was accepted is in it.
    pub fn is_right(&self) -> bool {
        let complete = |found: &ReadBack| {
            let earlier = self.report.recovered.is_some();
            let records = found.records;
            records == self.report.written || (earlier && records > self.report.written)
        };
        self.report.accepted == self.report.written
            && self.found.as_ref().is_none_or(|found| found.disorder.is_none() && complete(found))
    }
}

/// Runs the generators and the sink, then reads the file back. `watch` sees the sink ten times a
/// second, and how long it has been running.
pub fn run(
    options: &Options,
    stop: &Stop,
    watch: impl FnMut(&Stats, Duration) + Send,
) -> Result<Outcome, Box<dyn Error>> {
    drive(options, options.open()?, stop, watch)
}

fn drive(
    options: &Options,
    sink: OrderedSink<u32>,
    stop: &Stop,
    watch: impl FnMut(&Stats, Duration) + Send,
) -> Result<Outcome, Box<dyn Error>> {
    let began = Instant::now();
    let generated = generate(options, &sink, began, stop, watch);
    let report = sink.finish()?;
    let elapsed = began.elapsed();
    generated?;
    let path = options.path();
    let found = match path.is_file() {
        true => Some(ReadBack::of(&path, options.format)?),
        false => None,
    };
    let stopped = stop.is_requested();
    Ok(Outcome { options: options.clone(), report, elapsed, stopped, found })
}

fn generate(
    options: &Options,
    sink: &OrderedSink<u32>,
    began: Instant,
    stop: &Stop,
    mut watch: impl FnMut(&Stats, Duration) + Send,
) -> Result<(), Box<dyn Error>> {
    let numbers = 1..=options.producers;
    let generators: Vec<Generator> =
        numbers.map(|number| Generator::new(options, number, sink)).collect::<Result<_, _>>()?;
    let done = Stop::default();
    thread::scope(|threads| {
        threads.spawn(|| {
            while !done.wait_until(Instant::now() + Duration::from_millis(100)) {
                watch(&sink.stats(), began.elapsed());
            }
        });
        let mut running = Vec::new();
        let mut refused = None;
        for generator in generators {
            let thread = thread::Builder::new().name(generator.producer.name().into());
            match thread.spawn_scoped(threads, move || generator.run(options, began, stop)) {
                Ok(handle) => running.push(handle),
                Err(error) => {
                    stop.request();
                    refused =
                        Some(format!("only {} threads could be started: {error}", running.len()));
                    break;
                }
            }
        }
        let ends: Vec<_> = running.into_iter().map(|thread| thread.join()).collect();
        done.request();
        for end in ends {
            end.unwrap_or_else(|panic| resume_unwind(panic));
        }
        refused.map_or(Ok(()), |reason| Err(reason.into()))
    })
}

struct Generator {
    producer: Producer<u32>,
    random: Xoshiro256PlusPlus,
    values: Vec<u32>,
    weights: WeightedAliasIndex<f64>,
}

impl Generator {
    fn new(
        options: &Options,
        number: u32,
        sink: &OrderedSink<u32>,
    ) -> Result<Self, Box<dyn Error>> {
        let (values, weights) = options.distribution.0.iter().copied().unzip();
        Ok(Self {
            producer: sink.producer(options.name(number))?,
            random: Xoshiro256PlusPlus::seed_from_u64(options.seed.wrapping_add(number.into())),
            values,
            weights: WeightedAliasIndex::new(weights)?,
        })
    }

    fn run(mut self, options: &Options, began: Instant, stop: &Stop) {
        // A refused push means that the sink has failed; `finish` tells why, to the main thread.
        let _ = match options.rate {
            Rate::PerSecond(rate) => self.at_rate(rate, options, began, stop),
            Rate::Max => self.at_once(options, stop),
        };
    }

    /// Follows a schedule that is drawn in advance, so a seed fixes what is pushed however late
    /// a thread may wake up.
    fn at_rate(
        &mut self,
        rate: f64,
        options: &Options,
        began: Instant,
        stop: &Stop,
    ) -> Result<(), DurableError<u32>> {
        let end = options.length().as_secs_f64();
        let mut due = 0.0;
        loop {
            let gap: f64 = Exp1.sample(&mut self.random);
            due += gap / rate;
            if due > end || stop.wait_until(began + Duration::from_secs_f64(due)) {
                return Ok(());
            }
            self.push(options)?;
        }
    }

    fn at_once(&mut self, options: &Options, stop: &Stop) -> Result<(), DurableError<u32>> {
        let end = self.push(options)? + options.length();
        while !stop.is_requested() && self.push(options)? < end {}
        Ok(())
    }

    fn push(&mut self, options: &Options) -> Result<brigade::clock::Stamp, DurableError<u32>> {
        let value = self.values[self.weights.sample(&mut self.random)];
        match options.durability {
            Level::Durable => self.producer.push_durable(value),
            _ => self.producer.push(value).map_err(DurableError::Push),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        if self.stopped {
            writeln!(f, "stopped after {seconds:.1} s")?;
        }
        if let Some(expected) = self.expected() {
            // The count of a Poisson process scatters by the square root of its mean.
            writeln!(
                f,
                "expected        {:>14}   give or take {}",
                whole(expected),
                whole(expected.sqrt())
            )?;
        }
        writeln!(f, "actual          {:>14}", grouped(self.report.accepted))?;
        if self.options.rate == Rate::Max {
            #[allow(clippy::cast_precision_loss)]
            let per_second = |count: u64| count as f64 / seconds;
            let records = whole(per_second(self.report.written));
            let megabytes = whole(per_second(self.report.bytes) / 1e6);
            writeln!(f, "speed           {records:>14}   records a second")?;
            writeln!(f, "                {megabytes:>14}   MB a second")?;
        }
        if let Some(found) = &self.found {
            self.frequencies(found, f)?;
        }
        write!(f, "\nthe sink's report\n{}\n", self.report)?;
        self.verdict(f)
    }
}

impl Outcome {
    fn frequencies(&self, found: &ReadBack, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = format!("all {}", grouped(found.records));
        let last = format!("last {}", found.last.len());
        writeln!(f, "\n{:>5}{:>10}{all:>16}{last:>12}", "value", "drawn")?;
        let drawn = &self.options.distribution.0;
        let strange = found.counts.keys().filter(|value| drawn.iter().all(|(v, _)| v != *value));
        let values = drawn.iter().copied().chain(strange.map(|&value| (value, 0.0)));
        for (value, probability) in values {
            let count = found.counts.get(&value).copied().unwrap_or(0);
            let recent = found.last.iter().filter(|&&v| v == value).count() as u64;
            let all = share(count, found.records);
            let last = share(recent, found.last.len() as u64);
            writeln!(f, "{value:>5}{:>9.1}%{all:>16}{last:>12}", probability * 100.0)?;
        }
        Ok(())
    }

    /// The last line: what was just seen.
    fn verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.options.path();
        let path = path.display();
        let Some(found) = &self.found else {
            return writeln!(f, "{path} is not a file, so nothing was read back.");
        };
        let records = counted(found.records, "record");
        match found.disorder {
            Some(record) => writeln!(f, "{path} is NOT in order, first at record {record}."),
            None if self.is_right() => {
                writeln!(f, "{path} was read back: {records}, every one in order, none missing.")
            }
            None => writeln!(
                f,
                "{path} was read back: {records}, in order, but {} were accepted.",
                grouped(self.report.accepted)
            ),
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".into();
    }
    format!("{:.1}%", part as f64 / whole as f64 * 100.0)
}

fn main() -> ExitCode {
    let options = Options::parse();
    match show(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn show(options: &Options) -> Result<bool, Box<dyn Error>> {
    let stop = Stop::at_ctrl_c()?;
    let sink = options.open()?;
    say(format_args!("{options}\n\n"))?;
    let bar = progress::bar(options.length());
    let outcome = drive(options, sink, &stop, |stats, elapsed| {
        bar.set_position(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
        bar.set_message(counted(stats.report.accepted, "record"));
    });
    bar.finish_and_clear();
    let outcome = outcome?;
    say(format_args!("{outcome}"))?;
    Ok(outcome.is_right())
}

/// Prints; a reader that has gone away (`| head`) is no error.
fn say(text: fmt::Arguments<'_>) -> io::Result<()> {
    match io::stdout().write_fmt(text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
