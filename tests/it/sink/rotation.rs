//! Outputs of several files: each record in the file of its time, each file whole by itself.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use brigade::clock::Stamp;
use brigade::sink::{Cause, OrderedSink, Output};

use super::ledger::{Ledger, assert_accounts};
use super::rows::{FORMATS, Format};
use crate::watchdog::within;

const WIDTH: u64 = 100;

#[derive(Debug, Clone, Default)]
struct Windows {
    files: Arc<Mutex<BTreeMap<u64, Vec<u8>>>>,
    current: u64,
    /// Going on to this window fails.
    fails_at: Option<u64>,
    /// Says that it went on, and did not.
    stays: bool,
}

impl Windows {
    fn files(&self) -> MutexGuard<'_, BTreeMap<u64, Vec<u8>>> {
        self.files.lock().expect("no panic")
    }
}

impl Output for Windows {
    fn len(&self) -> io::Result<u64> {
        Ok(self.files().entry(self.current).or_default().len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut files = self.files();
        let bytes = &files.entry(self.current).or_default()[offset as usize..];
        let count = into.len().min(bytes.len());
        into[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.files().entry(self.current).or_default().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.files().entry(self.current).or_default().truncate(len as usize);
        Ok(())
    }

    fn boundary(&self) -> Option<Stamp> {
        Some(Stamp::from_nanos((self.current + 1) * WIDTH))
    }

    fn rotate(&mut self, first: Stamp) -> io::Result<()> {
        let window = first.as_nanos() / WIDTH;
        if self.fails_at == Some(window) {
            return Err(io::Error::other("no file for this window"));
        }
        if !self.stays {
            self.current = window;
        }
        Ok(())
    }
}

/// Stamps with a gap of empty windows, ties across producers, and borders hit exactly.
const STAMPS: [u64; 12] = [0, 5, 5, 99, 100, 100, 199, 200, 750, 799, 800, 1_000];

fn push_all(sink: &OrderedSink<String, brigade::sink::LogicalTime>) -> Ledger {
    let mut ledger = Ledger::default();
    let mut producers = ["a", "b"].map(|name| sink.producer(name).expect("a fresh name"));
    for (i, stamp) in STAMPS.into_iter().enumerate() {
        let producer = &mut producers[i % 2];
        let stamp = Stamp::from_nanos(stamp);
        if producer.push_at(stamp, i.to_string()).is_ok() {
            ledger.note(Some(stamp), producer.id().get(), producer.name(), i.to_string());
        }
    }
    ledger
}

#[test]
fn each_record_goes_to_the_file_of_its_time() {
    within("sink::rotation::windows", || {
        for format in FORMATS {
            let windows = Windows::default();
            let sink = OrderedSink::builder(format.encoding(), windows.clone())
                .logical_time()
                .build()
                .expect("an empty output");
            let ledger = push_all(&sink);
            let outcome = sink.finish();
            assert_accounts(&outcome, STAMPS.len());
            let files = windows.files();
            assert_eq!(files.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 7, 8, 10]);
            let bytes: usize = files.values().map(Vec::len).sum();
            assert_eq!(outcome.expect("no fault").bytes, bytes as u64);
            let mut all = Vec::new();
            for (window, bytes) in files.iter() {
                let rows =
                    format.read(bytes).unwrap_or_else(|e| panic!("{format:?} {window}: {e}"));
                assert!(!rows.is_empty());
                assert!(rows.iter().all(|row| row.stamp / WIDTH == *window), "{rows:?}");
                all.extend(rows);
            }
            ledger.assert_is(&all);
        }
    });
}

#[test]
fn a_window_that_exists_is_continued_without_a_second_header() {
    within("sink::rotation::continued", || {
        for format in FORMATS {
            let windows = Windows::default();
            for round in 0..2_u64 {
                let output = Windows { current: 0, ..windows.clone() };
                let sink = OrderedSink::builder(format.encoding(), output)
                    .logical_time()
                    .build()
                    .expect("its own content");
                let mut producer = sink.producer(format!("p{round}")).expect("a fresh name");
                for stamp in [50 + round, 150 + round] {
                    producer.push_at(Stamp::from_nanos(stamp), stamp.to_string()).expect("behind");
                }
                assert_accounts(&sink.finish(), 2);
            }
            for (window, bytes) in windows.files().iter() {
                let rows =
                    format.read(bytes).unwrap_or_else(|e| panic!("{format:?} {window}: {e}"));
                let names: Vec<_> = rows.iter().map(|row| &*row.name).collect();
                assert_eq!(names, ["p0", "p1"]);
            }
        }
    });
}

#[test]
fn a_file_that_cannot_be_gone_on_to_is_a_fault_like_another() {
    within("sink::rotation::fails", || {
        for format in FORMATS {
            let windows = Windows { fails_at: Some(7), ..Windows::default() };
            let sink = OrderedSink::builder(format.encoding(), windows.clone())
                .logical_time()
                .build()
                .expect("an empty output");
            let ledger = push_all(&sink);
            let outcome = sink.finish();
            assert_accounts(&outcome, ledger.len());
            let error = outcome.expect_err("no file for this window");
            assert!(matches!(error.failure().cause(), Cause::Rotate(_)), "{error}");
            let rows: Vec<_> = windows
                .files()
                .values()
                .flat_map(|bytes| format.read(bytes).expect("whole records"))
                .collect();
            assert_eq!(rows.len(), 8, "the windows before are complete");
            ledger.assert_split(&rows, error.unwritten());
        }
    });
}

#[test]
fn a_boundary_that_does_not_move_is_a_fault_and_not_a_loop() {
    within("sink::rotation::stays", || {
        let windows = Windows { stays: true, ..Windows::default() };
        let sink = OrderedSink::builder(Format::Text.encoding(), windows.clone())
            .logical_time()
            .build()
            .expect("an empty output");
        let ledger = push_all(&sink);
        let outcome = sink.finish();
        assert_accounts(&outcome, ledger.len());
        let error = outcome.expect_err("it stays where it is");
        assert!(matches!(error.failure().cause(), Cause::Rotate(_)), "{error}");
        assert_eq!(error.report().written, 4);
    });
}
