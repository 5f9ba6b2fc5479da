//! More threads than cores, preempted on purpose: no inversion, no loss, no growth.
//!
//! `BRIGADE_STRESS_RECORDS` sets the number of records of the large test. Built with
//! `--cfg brigade_preempt`, every step of a push gives its turn away now and then, too.

use std::io;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use brigade::clock::Stamp;
use brigade::sink::{
    Durability, Encode, OrderedSink, Output, Overflow, ProducerId, Record, ValueError,
};

use super::clocks::Preempted;
use super::ledger::assert_accounts;
use crate::alone::alone;
use crate::watchdog::{step, within};

const THREADS: usize = 64;

/// What the writer saw, judged as it came.
#[derive(Debug, Default)]
struct Verdict {
    records: u64,
    inversions: u64,
    gaps: u64,
    last: Option<(Stamp, ProducerId, u64)>,
    /// Per producer: the next sequence number and value.
    next: Vec<u64>,
    resident: Vec<u64>,
}

/// Judges every record in place of writing it.
struct Judge {
    verdict: Arc<Mutex<Verdict>>,
    /// Looks at the memory once in so many records.
    every: u64,
}

impl Encode<u64> for Judge {
    fn encode(&mut self, record: &Record<'_, u64>, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let mut verdict = self.verdict.lock().expect("no panic");
        let verdict = &mut *verdict;
        let place = (record.stamp, record.producer, record.sequence);
        verdict.inversions += u64::from(verdict.last.is_some_and(|last| last >= place));
        verdict.last = Some(place);
        let at = record.producer.get() as usize;
        if verdict.next.len() <= at {
            verdict.next.resize(at + 1, 0);
        }
        let next = &mut verdict.next[at];
        verdict.gaps += u64::from(*next != *record.value || *next != record.sequence);
        *next += 1;
        verdict.records += 1;
        if verdict.records.is_multiple_of(self.every) {
            verdict.resident.extend(resident_kib());
        }
        out.extend_from_slice(&record.value.to_le_bytes());
        Ok(())
    }
}

/// Counts bytes and forgets them.
#[derive(Debug, Default)]
struct Void(u64);

impl Output for Void {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0)
    }

    fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0 = len;
        Ok(())
    }
}

/// Memory of this process, where the system tells.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[derive(Debug, Clone, Copy)]
struct Load {
    records: u64,
    threads: usize,
    capacity: usize,
    batch: usize,
    overflow: Overflow,
}

/// Runs `load` to its end; returns what was accepted and the verdict.
fn run(load: Load) -> (u64, Verdict) {
    let verdict = Arc::new(Mutex::new(Verdict::default()));
    let judge = Judge { verdict: Arc::clone(&verdict), every: (load.records / 20).max(1) };
    let sink = OrderedSink::builder(judge, Void::default())
        .capacity(load.capacity)
        .overflow(load.overflow)
        .durability(Durability::None)
        .clock(Preempted::default())
        .build()
        .expect("a sound setting");
    let mut accepted = 0;
    let all_here = Barrier::new(load.threads);
    step(format!("{load:?}"));
    thread::scope(|threads| {
        let (sink, all_here) = (&sink, &all_here);
        let (progress, progressed) = channel();
        for t in 0..load.threads {
            let progress = progress.clone();
            threads.spawn(move || {
                let mut producer = sink.producer(format!("p{t}")).expect("a fresh name");
                all_here.wait();
                let share = load.records / load.threads as u64;
                let mut next = 0;
                let mut batch = Vec::with_capacity(load.batch);
                let (mut tries, mut told) = (0, 0);
                while next < share && tries < 4 * share {
                    tries += 1;
                    if next - told >= 50_000 {
                        progress.send(next - told).expect("somebody listens");
                        told = next;
                    }
                    if load.batch <= 1 {
                        next += u64::from(producer.push(next).is_ok());
                    } else {
                        let end = share.min(next + load.batch as u64);
                        batch.clear();
                        batch.extend(next..end);
                        let pushed = producer.push_batch(&mut batch);
                        assert_eq!(pushed.is_ok(), batch.is_empty());
                        next = end - batch.len() as u64;
                    }
                }
                progress.send(next - told).expect("somebody listens");
            });
        }
        drop(progress);
        // Ends when the last producer does, also by a panic.
        for more in progressed {
            accepted += more;
            step(format!("{accepted} accepted of {load:?}"));
        }
    });
    let outcome = sink.finish();
    assert_accounts(&outcome, accepted as usize);
    let verdict = std::mem::take(&mut *verdict.lock().expect("no panic"));
    assert_eq!((verdict.inversions, verdict.gaps), (0, 0), "{load:?}");
    assert_eq!(verdict.records, accepted, "{load:?}");
    (accepted, verdict)
}

fn records(default: u64) -> u64 {
    let told = std::env::var("BRIGADE_STRESS_RECORDS").ok();
    told.map_or(default, |records| records.parse().expect("BRIGADE_STRESS_RECORDS is a number"))
}

#[test]
fn sixty_four_preempted_producers_make_no_inversion_and_no_loss_in_flat_memory() {
    let name =
        "sink::stress::sixty_four_preempted_producers_make_no_inversion_and_no_loss_in_flat_memory";
    alone(name, || within("sink::stress::sixty-four", sixty_four));
}

fn sixty_four() {
    let records = records(10_000_000);
    let load =
        Load { records, threads: THREADS, capacity: 1024, batch: 1, overflow: Overflow::Block };
    let (accepted, verdict) = run(load);
    assert_eq!(accepted, records / THREADS as u64 * THREADS as u64);
    // What counts is growth that goes on with the records. Holding on to them would cost 40 bytes
    // each.
    if let (Some(early), Some(late)) = (verdict.resident.get(4), verdict.resident.last()) {
        let allowed = 64 * 1024 + records * 4 / 1024;
        assert!(late.saturating_sub(*early) < allowed, "{:?} KiB", verdict.resident);
    }
    println!("{accepted} records, resident over time: {:?} KiB", verdict.resident);
}

#[test]
fn small_rings_and_batches_under_preemption() {
    within("sink::stress::small", || {
        for (capacity, batch) in [(1, 1), (2, 5), (16, 1), (16, 40), (300, 64)] {
            for overflow in [Overflow::Block, Overflow::Reject] {
                let load = Load { records: 25_600, threads: THREADS, capacity, batch, overflow };
                let (accepted, _) = run(load);
                assert!(overflow == Overflow::Reject || accepted == 25_600, "{load:?}");
            }
        }
    });
}

/// Everybody leaves and others come, while all push.
#[test]
fn a_thousand_producers_come_and_go() {
    within("sink::stress::churn", || {
        let verdict = Arc::new(Mutex::new(Verdict::default()));
        struct Ordered(Arc<Mutex<Verdict>>);
        impl Encode<u64> for Ordered {
            fn encode(
                &mut self,
                record: &Record<'_, u64>,
                out: &mut Vec<u8>,
            ) -> Result<(), ValueError> {
                let mut verdict = self.0.lock().expect("no panic");
                let place = (record.stamp, record.producer, record.sequence);
                let late = verdict.last.is_some_and(|last| last >= place);
                verdict.inversions += u64::from(late);
                verdict.gaps += u64::from(record.sequence != *record.value);
                verdict.last = Some(place);
                verdict.records += 1;
                out.push(0);
                Ok(())
            }
        }
        let sink = OrderedSink::builder(Ordered(Arc::clone(&verdict)), Void::default())
            .capacity(16)
            .clock(Preempted::default())
            .build()
            .expect("a sound setting");
        thread::scope(|threads| {
            for t in 0..THREADS {
                let sink = &sink;
                threads.spawn(move || {
                    for round in 0..16 {
                        let mut producer =
                            sink.producer(format!("{t}-{round}")).expect("a fresh name");
                        for value in 0..30 {
                            producer.push(value).expect("an open sink");
                        }
                    }
                });
            }
        });
        let outcome = sink.finish();
        assert_accounts(&outcome, THREADS * 16 * 30);
        let verdict = verdict.lock().expect("no panic");
        assert_eq!((verdict.records, verdict.inversions, verdict.gaps), (64 * 16 * 30, 0, 0));
    });
}

/// A thousand at a time: the width that a course promises.
#[test]
fn a_thousand_producers_at_once() {
    within("sink::stress::thousand", || {
        let verdict = Arc::new(Mutex::new(Verdict::default()));
        let judge = Judge { verdict: Arc::clone(&verdict), every: u64::MAX };
        let sink = OrderedSink::builder(judge, Void::default())
            .capacity(64)
            .build()
            .expect("a sound setting");
        let mut producers: Vec<_> =
            (0..1_000).map(|i| sink.producer(format!("p{i}")).expect("a fresh name")).collect();
        thread::scope(|threads| {
            for share in producers.chunks_mut(125) {
                threads.spawn(move || {
                    for value in 0..100 {
                        for producer in &mut *share {
                            producer.push(value).expect("an open sink");
                        }
                    }
                });
            }
        });
        let report = sink.finish().expect("no fault");
        assert_eq!((report.accepted, report.producers), (100_000, 1_000));
        let verdict = verdict.lock().expect("no panic");
        assert_eq!((verdict.records, verdict.inversions, verdict.gaps), (100_000, 0, 0));
    });
}
