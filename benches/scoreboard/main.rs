//! The scoreboard: brigade and its peers, side by side in one run.
//!
//! `cargo bench -p scoreboard` measures everything, prints a table and writes it to
//! `target/scoreboard.json`. Every round runs all contestants one after the other, so that what
//! disturbs the machine disturbs all of them; a ratio is the median of the rounds' ratios.
//! Results are checked after every run: a contestant that loses or garbles a record ends it all.
//!
//! ```text
//! cargo bench -p scoreboard -- sink/merge            what has this in its name
//! cargo bench -p scoreboard -- --rounds 11           more rounds
//! cargo bench -p scoreboard -- inversions --records 1000000000
//! cargo bench -p scoreboard -- --smoke               does it run at all?
//! ```

mod barrier;
mod idle;
mod integrate;
mod lock;
mod measure;
mod mutex;
mod pairs;
mod peers;
mod pipeline;
mod pool;
mod rwlock;
mod semaphore;
mod sink;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use table::Board;

/// What a measure returns: nothing, or what went wrong.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Measures brigade against its peers.
#[derive(Debug, Parser)]
#[command(name = "scoreboard")]
struct Options {
    /// Measures only what has one of these in its name; `--list` shows the names
    filters: Vec<String>,
    /// Rounds, each with one run of every contestant
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Records in one run, instead of each measure's own number
    #[arg(long)]
    records: Option<u64>,
    /// One round of a few records: shows that everything runs, and measures nothing
    #[arg(long)]
    smoke: bool,
    /// Lists the measures
    #[arg(long)]
    list: bool,
    /// Runs one probe in this process and prints its result
    #[arg(long, hide = true)]
    probe: Option<String>,
    /// What `cargo bench` passes to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

/// How much to do, and where.
#[derive(Debug)]
struct Plan {
    rounds: usize,
    records: Option<u64>,
    smoke: bool,
    scratch: PathBuf,
}

impl Plan {
    /// The number of records in one run: what was asked for, or else `usual`.
    fn records(&self, usual: u64) -> u64 {
        match self.records {
            Some(records) => records,
            None if self.smoke => (usual / 200).clamp(1_000, 20_000),
            None => usual,
        }
    }

    /// A path for a new file.
    fn file(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }
}

/// One entry of the program: a name, and what measures it.
#[derive(Debug, Clone, Copy)]
struct Measure {
    name: &'static str,
    run: fn(&Plan, &mut Board) -> Outcome,
}

fn main() -> ExitCode {
    #[cfg(unix)]
    pool::init();
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scoreboard: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Outcome {
    let measures: Vec<_> = [
        sink::measures(),
        rwlock::measures(),
        mutex::measures(),
        lock::measures(),
        semaphore::measures(),
        barrier::measures(),
        pool::measures(),
        integrate::measures(),
        pipeline::measures(),
        idle::measures(),
    ]
    .concat();
    if options.list {
        measures.iter().for_each(|measure| println!("{}", measure.name));
        return Ok(());
    }
    let scratch = tempfile::Builder::new()
        .prefix("scoreboard-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .map_err(|error| format!("no folder for the outputs: {error}"))?;
    let plan = Plan {
        rounds: if options.smoke { 1 } else { options.rounds.max(1) },
        records: options.records,
        smoke: options.smoke,
        scratch: scratch.path().to_owned(),
    };
    if let Some(probe) = options.probe {
        return pipeline::probe(&probe, &plan).unwrap_or_else(|| sink::probe(&probe, &plan));
    }
    let wanted = |measure: &&Measure| {
        options.filters.is_empty() || options.filters.iter().any(|f| measure.name.contains(&**f))
    };
    let chosen: Vec<_> = measures.iter().filter(wanted).collect();
    if chosen.is_empty() {
        return Err(format!("no measure has {:?} in its name; see --list", options.filters).into());
    }
    let mut board = Board::new(&plan);
    for measure in chosen {
        eprintln!("{} …", measure.name);
        (measure.run)(&plan, &mut board).map_err(|error| format!("{}: {error}", measure.name))?;
    }
    println!("{board}");
    let name = if plan.smoke { "scoreboard-smoke.json" } else { "scoreboard.json" };
    let json = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(name);
    board.save(&json)?;
    println!("written to {}", json.display());
    Ok(())
}
