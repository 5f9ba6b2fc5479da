//! A child process that is killed at random points, reopened, and killed again.
//!
//! The child is this test binary itself, running [`child`] with an environment variable set. It
//! tells on its standard output what it knows to be safe, and its parent kills it after a random
//! number of such lines, so that every kill comes at another place and no test waits for a clock.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use brigade::sink::{Durability, FileOutput, OrderedSink};

use super::rows::{FORMATS, Format, Row};
use crate::watchdog::{step, within};

const PATH: &str = "BRIGADE_CRASH_PATH";
const FORMAT: &str = "BRIGADE_CRASH_FORMAT";
const ROUND: &str = "BRIGADE_CRASH_ROUND";
const PRODUCERS: usize = 3;
const ROUNDS: usize = 6;

/// The process to be killed. Does nothing unless it was started by [`kills`].
#[test]
fn child() {
    let Ok(path) = std::env::var(PATH) else { return };
    let of = |name: &str| std::env::var(name).expect("set by the parent");
    let format = FORMATS[of(FORMAT).parse::<usize>().expect("a number")];
    let round = of(ROUND);
    let output = FileOutput::append(path).expect("a killed process holds no lock");
    let sink = OrderedSink::builder(format.encoding(), output)
        .durability(Durability::Flush)
        .capacity(256)
        .tick(Duration::from_micros(200))
        .build()
        .expect("a torn tail is repaired");
    let mut told = std::io::stdout();
    thread::scope(|threads| {
        for p in 1..PRODUCERS {
            let mut producer = sink.producer(format!("r{round}p{p}")).expect("a fresh name");
            threads.spawn(move || {
                for value in 0_u64.. {
                    producer.push(padded(value)).expect("an open sink");
                }
            });
        }
        let mut producer = sink.producer(format!("r{round}p0")).expect("a fresh name");
        for value in 0_u64.. {
            producer.push(padded(value)).expect("an open sink");
            if value % 50 == 49 {
                sink.flush().expect("an open sink");
                // All that this producer pushed before the flush outlives the process.
                writeln!(told, "safe {}", value + 1).expect("a parent that listens");
                told.flush().expect("a parent that listens");
            }
        }
    });
}

/// Values of many lengths, so that writes end anywhere.
fn padded(value: u64) -> String {
    format!("{value}{}", "\u{e9}".repeat((value % 37) as usize))
}

/// Runs a child until it has told `lines` lines, kills it, and returns what it called safe.
fn kill_after(lines: usize, path: &Path, format: usize, round: usize) -> usize {
    let mut child = Command::new(std::env::current_exe().expect("this test binary"))
        .args(["--exact", "sink::crash::child", "--nocapture", "--test-threads=1"])
        .env(PATH, path)
        .env(FORMAT, format.to_string())
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a child process");
    step(format!("{lines} lines of child {round} of {:?}", FORMATS[format]));
    let mut safe = 0;
    let told = BufReader::new(child.stdout.take().expect("piped")).lines();
    let counts = told.map_while(Result::ok).filter_map(|line| {
        line.split_once("safe ").and_then(|(_, count)| count.trim().parse::<usize>().ok())
    });
    for count in counts.take(lines) {
        safe = count;
    }
    child.kill().expect("a running child");
    let output = child.wait_with_output().expect("its end");
    assert!(safe > 0, "it died by itself: {}", String::from_utf8_lossy(&output.stderr));
    safe
}

/// Everything there is of `producer`, in sequence from its first record.
fn assert_unbroken(rows: &[Row], producer: &str) -> usize {
    let values: Vec<&str> =
        rows.iter().filter(|row| row.name == producer).map(|row| &*row.value).collect();
    for (i, value) in values.iter().enumerate() {
        assert_eq!(*value, padded(i as u64), "{producer} has a gap");
    }
    values.len()
}

fn kills(format: usize) {
    let kind = FORMATS[format];
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("killed");
    let mut whole_before: Vec<Row> = Vec::new();
    for round in 0..ROUNDS {
        let lines = 1 + rand::random_range(0..12);
        let safe = kill_after(lines, &path, format, round);

        // As the crash has left it: whole records, then at most one torn one.
        let bytes = std::fs::read(&path).expect("a file");
        let whole = whole_part(kind, &bytes);
        assert!(
            whole.len() >= whole_before.len() && whole[..whole_before.len()] == whole_before[..]
        );
        assert!(whole.windows(2).all(|pair| pair[0].stamp <= pair[1].stamp), "in order");
        assert!(assert_unbroken(&whole, &format!("r{round}p0")) >= safe, "what was safe is there");
        for p in 1..PRODUCERS {
            assert_unbroken(&whole, &format!("r{round}p{p}"));
        }
        if let (Some(last), Some(next)) = (whole_before.last(), whole.get(whole_before.len())) {
            assert!(next.stamp > last.stamp, "it went on behind the last stamp");
        }
        whole_before = whole;
    }
    let output = FileOutput::append(&path).expect("no lock is left");
    let sink = OrderedSink::builder(kind.encoding(), output).build().expect("repaired");
    let mut producer = sink.producer("last").expect("a fresh name");
    producer.push("the end".to_owned()).expect("an open sink");
    let report = sink.finish().expect("no fault");
    let rows = kind.read(&std::fs::read(&path).expect("a file")).expect("whole to the last byte");
    assert_eq!(rows.len(), whole_before.len() + 1);
    assert_eq!(
        report.recovered.and_then(|r| r.last).map(|s| s.as_nanos()),
        whole_before.last().map(|r| r.stamp)
    );
}

/// The rows of the longest prefix that is whole records.
fn whole_part(format: Format, bytes: &[u8]) -> Vec<Row> {
    let end = match format {
        Format::Binary => {
            let mut end = 0;
            while let Some(length) = bytes.get(end + 4..end + 8) {
                let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
                if end + 32 + length > bytes.len() {
                    break;
                }
                end += 32 + length;
            }
            end
        }
        _ => bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1),
    };
    format.read(&bytes[..end]).expect("whole records")
}

#[test]
fn a_killed_process_leaves_text_that_goes_on() {
    within("sink::crash::text", || kills(0));
}

#[test]
fn a_killed_process_leaves_csv_that_goes_on() {
    within("sink::crash::csv", || kills(1));
}

#[test]
fn a_killed_process_leaves_ndjson_that_goes_on() {
    within("sink::crash::ndjson", || kills(2));
}

#[test]
fn a_killed_process_leaves_binary_that_goes_on() {
    within("sink::crash::binary", || kills(3));
}
