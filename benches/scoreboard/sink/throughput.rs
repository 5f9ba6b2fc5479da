//! How much goes through, beside what the disk takes.

use std::fs::File;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use brigade::sink::{Binary, BinaryReader, Encode, FileOutput, OrderedSink, Producer, Text};

use super::load::{CHUNK, Load};
use super::verify;
use crate::measure::{interleave, median};
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

const PRODUCERS: usize = 5;
const BATCH: usize = 64;

#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    batch: usize,
    binary: bool,
    goal: Goal,
}

const CASES: [Case; 3] = [
    Case { name: "single push, text", batch: 1, binary: false, goal: Goal::AtLeast(10.0) },
    Case { name: "batches of 64, text", batch: BATCH, binary: false, goal: Goal::AtLeast(18.0) },
    Case { name: "batches of 64, binary", batch: BATCH, binary: true, goal: Goal::AtLeast(25.0) },
];

#[allow(clippy::cast_precision_loss)]
pub(crate) fn run(plan: &Plan, board: &mut Board) -> Outcome {
    let load = Load::new(PRODUCERS, plan.records(4_000_000));
    let path = plan.file("throughput");
    for case in CASES {
        let bytes = std::cell::Cell::new(0);
        let mut we = || {
            let took = if case.binary {
                ours(&load, Binary::new(), case.batch, &path)?
            } else {
                ours(&load, Text::new(), case.batch, &path)?
            };
            bytes.set(if case.binary {
                check_binary(&path, &load)?
            } else {
                check_text(&path, &load)?
            });
            Ok(took)
        };
        let mut plain = || write_plainly(&path, bytes.get(), false);
        let mut synced = || write_plainly(&path, bytes.get(), true);
        let times = interleave(plan, &mut [&mut we, &mut plain, &mut synced])?;
        let speed = |amount: f64, times: &[f64]| amount / median(times) / 1e6;
        let (records, bytes) = (load.records as f64, bytes.get() as f64);
        let name = case.name;
        board.add(
            Row::new(format!("throughput, {name}"), "M records/s", speed(records, &times[0]))
                .goal(case.goal),
        );
        for (peer, times_of) in [("plain write", &times[1]), ("write + fdatasync", &times[2])] {
            board.add(
                Row::new(format!("throughput, {name}"), "MB/s", speed(bytes, &times[0])).against(
                    peer,
                    speed(bytes, times_of),
                    times_of,
                    &times[0],
                ),
            );
        }
    }
    Ok(())
}

fn ours<E: Encode<u64> + 'static>(
    load: &Load,
    encoder: E,
    batch: usize,
    path: &Path,
) -> Outcome<Duration> {
    let sink = OrderedSink::builder(encoder, FileOutput::create(path)?).build()?;
    let producers =
        load.names().iter().map(|name| sink.producer(name)).collect::<Result<_, _>>()?;
    let produce = |mut producer: Producer<u64>, mut values: Range<u64>| {
        let mut pushed = Ok(());
        if batch == 1 {
            pushed = values.try_for_each(|value| producer.push(value).map(drop).map_err(drop));
        } else {
            let mut piece = Vec::with_capacity(batch);
            while !values.is_empty() && pushed.is_ok() {
                piece.extend(values.by_ref().take(batch));
                pushed = producer.push_batch(&mut piece).map(drop).map_err(drop);
            }
        }
        if pushed.is_err() {
            eprintln!("brigade: a push was refused");
        }
    };
    let (took, _) = load.drive(producers, produce, || Ok(sink.finish()?))?;
    Ok(took)
}

fn check_text(path: &Path, load: &Load) -> Outcome<u64> {
    match verify::take_file(path, load)? {
        (bytes, 0) => Ok(bytes),
        (_, inversions) => Err(format!("{inversions} lines out of order").into()),
    }
}

fn check_binary(path: &Path, load: &Load) -> Outcome<u64> {
    let bytes = std::fs::read(path)?;
    std::fs::remove_file(path)?;
    let (mut count, mut last) = (0, None);
    for record in BinaryReader::new(&bytes[..]) {
        let record = record?;
        let key = (record.stamp, record.producer, record.sequence);
        if last.is_some_and(|last| last >= key) || record.value != record.sequence.to_le_bytes() {
            return Err(format!("record {count} is out of order").into());
        }
        (count, last) = (count + 1, Some(key));
    }
    if count == load.records {
        Ok(bytes.len() as u64)
    } else {
        Err(format!("{count} records were written instead of {}", load.records).into())
    }
}

/// What the disk makes of so many bytes in the sink's chunks.
fn write_plainly(path: &Path, mut bytes: u64, sync: bool) -> Outcome<Duration> {
    let chunk = vec![b'x'; CHUNK];
    let start = Instant::now();
    let mut file = File::create_new(path)?;
    while bytes > 0 {
        let now = bytes.min(CHUNK as u64);
        file.write_all(&chunk[..usize::try_from(now)?])?;
        bytes -= now;
    }
    if sync {
        file.sync_data()?;
    }
    let took = start.elapsed();
    std::fs::remove_file(path)?;
    Ok(took)
}
