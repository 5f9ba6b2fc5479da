//! Whether memory stays flat, at any speed of the output.
//!
//! Each run has a process of its own, so that no memory of an earlier one hides what is taken.

use std::io;
use std::ops::Range;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use brigade::sink::{FileOutput, OrderedSink, Output, Producer, Text};

use super::load::Load;
use crate::measure::resident;
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

/// Bytes a second of the slow output: about a million records.
pub(crate) const SLOW: f64 = 40e6;

const KIB: f64 = 1024.0;

pub(crate) fn run(plan: &Plan, board: &mut Board) -> Outcome {
    // Fewer are written before the first tenth is told from the rest.
    let records = plan.records(4_000_000).max(200_000);
    for (name, probe) in
        [("as fast as it goes", "memory/fast"), ("output of 40 MB/s", "memory/slow")]
    {
        let output = Command::new(std::env::current_exe()?)
            .args(["--probe", probe, "--records", &records.to_string()])
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        let text = String::from_utf8(output.stdout)?;
        let numbers: Vec<f64> =
            text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [growth, level] = numbers[..] else {
            eprintln!("not measured: this system does not tell the memory of a process");
            continue;
        };
        board.add(
            Row::new(format!("memory, {name}: growth after the first tenth"), "KiB", growth / KIB)
                .goal(Goal::AtMost(1024.0)),
        );
        board.add(Row::new(format!("memory, {name}: all of the sink"), "KiB", level / KIB));
    }
    Ok(())
}

/// Runs five producers at full speed into a watched output; prints by how many bytes memory grew
/// after the first tenth of the output, and how much the whole sink took.
pub(crate) fn probe(plan: &Plan, bytes_a_second: Option<f64>) -> Outcome {
    let load = Load::new(5, plan.records(4_000_000));
    let before = resident();
    let samples = Samples::default();
    let output = Watched {
        inner: FileOutput::create(plan.file("memory.tsv"))?,
        written: 0,
        start: Instant::now(),
        bytes_a_second,
        samples: samples.clone(),
    };
    let sink = OrderedSink::builder(Text::new(), output).build()?;
    let producers =
        load.names().iter().map(|name| sink.producer(name)).collect::<Result<_, _>>()?;
    let produce = |mut producer: Producer<u64>, mut values: Range<u64>| {
        if values.any(|value| producer.push(value).is_err()) {
            eprintln!("brigade: a push was refused");
        }
    };
    let (_, report) = load.drive(producers, produce, || Ok(sink.finish()?))?;
    if report.written != load.records {
        return Err(format!("{} records were written", report.written).into());
    }
    let samples = samples.0.lock().unwrap_or_else(PoisonError::into_inner);
    let warm = report.bytes / 10;
    let most = |warmed: bool| {
        let of = samples.iter().filter(|(at, _)| (*at > warm) == warmed);
        of.map(|&(_, resident)| resident).max()
    };
    if let (Some(before), Some(first), Some(later)) = (before, most(false), most(true)) {
        println!("{} {}", later.saturating_sub(first), later.max(first).saturating_sub(before));
    }
    Ok(())
}

/// Bytes written, and resident memory at that moment.
#[derive(Debug, Clone, Default)]
struct Samples(Arc<Mutex<Vec<(u64, u64)>>>);

/// A file that takes its time, and looks at the memory of the process at every write.
#[derive(Debug)]
struct Watched {
    inner: FileOutput,
    written: u64,
    start: Instant,
    bytes_a_second: Option<f64>,
    samples: Samples,
}

impl Output for Watched {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.inner.read_at(offset, into)
    }

    #[allow(clippy::cast_precision_loss)]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.written += count as u64;
        let mut samples = self.samples.0.lock().unwrap_or_else(PoisonError::into_inner);
        samples.extend(resident().map(|resident| (self.written, resident)));
        drop(samples);
        if let Some(speed) = self.bytes_a_second {
            let due = self.start + Duration::from_secs_f64(self.written as f64 / speed);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        Ok(count)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.inner.sync()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.inner.truncate(len)
    }
}
