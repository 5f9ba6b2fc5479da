//! Counts: exact at the end, true while the sink runs.

use std::time::Duration;

use brigade::clock::{ManualClock, Stamp};
use brigade::sink::{Durability, MemoryOutput, OrderedSink, Text};

use super::device::Device;
use crate::watchdog::within;

#[test]
fn a_look_behind_a_flush_is_exact() {
    within("sink::stats::live", || {
        let device = Device::default();
        let clock = ManualClock::at(Stamp::from_nanos(1_000));
        let sink = OrderedSink::builder(Text::new(), device.output())
            .clock(clock.clone())
            .durability(Durability::None)
            .build()
            .expect("a sound setting");
        let mut first = sink.producer("first").expect("a fresh name");
        let mut second = sink.producer("second").expect("a fresh name");
        for value in 0..5 {
            first.push(value).expect("an open sink");
        }
        second.push_batch(&mut vec![1, 2, 3]).expect("an open sink");
        sink.flush().expect("an open sink");
        let stats = sink.stats();
        assert_eq!((stats.report.accepted, stats.report.written, stats.pending), (8, 8, 0));
        assert_eq!(stats.report.bytes, device.bytes().len() as u64);
        assert_eq!(stats.report.producers, 2);
        assert!(stats.report.rounds >= 1);
        assert!(stats.cut > Stamp::from_nanos(1_000), "a flush cuts past what it found");
        assert_eq!(stats.cut_lag, Duration::ZERO);
        assert!(stats.held_back_by.is_none());
        let seen: Vec<_> =
            stats.producers.iter().map(|p| (p.id.get(), &*p.name, p.accepted, p.ring)).collect();
        assert_eq!(seen, [(0, "first", 5, 0), (1, "second", 3, 0)]);
        drop(first);
        sink.flush().expect("an open sink");
        assert_eq!(sink.stats().producers.len(), 1, "who has left is gone");
        assert_eq!(sink.stats().report.accepted, 8, "and what it did is not");
        let report = sink.finish().expect("no fault");
        assert_eq!((report.accepted, report.written, report.producers), (8, 8, 2));
    });
}

#[test]
fn counts_of_producers_that_have_left_are_kept() {
    within("sink::stats::left", || {
        let sink = OrderedSink::builder(brigade::sink::Ndjson::new(), MemoryOutput::new()).build();
        let sink = sink.expect("a sound setting");
        for round in 0..5 {
            let mut producer = sink.producer(format!("p{round}")).expect("a fresh name");
            producer.push(f64::NAN).expect_err("JSON has no form for it");
            producer.push(1.0).expect("an open sink");
            drop(producer);
            sink.flush().expect("an open sink");
            assert_eq!(sink.stats().report.invalid, round + 1);
        }
        let report = sink.finish().expect("no fault");
        assert_eq!((report.accepted, report.invalid), (5, 5));
    });
}

#[test]
fn a_report_is_readable() {
    within("sink::stats::shown", || {
        let device = Device::default();
        let sink = OrderedSink::builder(brigade::sink::Ndjson::new(), device.output())
            .durability(Durability::Sync { every: Duration::ZERO })
            .build()
            .expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push(f64::NAN).expect_err("JSON has no form for it");
        producer.push(1.0).expect("an open sink");
        let report = sink.finish().expect("no fault");
        let text = report.to_string();
        let line = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.map(|line| line.trim_start_matches(name).trim().to_owned())
        };
        assert_eq!(line("accepted").as_deref(), Some("1"));
        assert_eq!(line("written").as_deref(), Some("1"));
        assert_eq!(line("bytes"), Some(report.bytes.to_string()));
        assert_eq!(line("invalid").as_deref(), Some("1"));
        assert!(line("syncs").is_some_and(|syncs| syncs.starts_with("1 (median up to ")));
        assert_eq!(line("dropped"), None, "what did not happen is not mentioned");
        let syncs = report.syncs;
        assert!(
            syncs.quantile(0.0) <= syncs.quantile(1.0) && syncs.quantile(1.0) <= syncs.longest()
        );
        assert!(syncs.total() >= syncs.longest());
    });
}

#[test]
fn rings_remember_their_high_water() {
    within("sink::stats::high water", || {
        let device = Device::default();
        device.writing().shut();
        let sink = OrderedSink::builder(Text::new(), device.output()).capacity(64).build();
        let sink = sink.expect("no header to write");
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push(0).expect("room");
        device.writing().await_arrivals(1);
        producer.push_batch(&mut (1..=40).collect()).expect("room");
        device.writing().open();
        sink.flush().expect("an open sink");
        let stats = sink.stats();
        assert_eq!(stats.producers[0].ring_high_water, 40);
        assert_eq!(sink.finish().expect("no fault").ring_high_water, 40);
    });
}

#[test]
fn stats_never_wait_for_the_output() {
    within("sink::stats::stuck", || {
        let device = Device::default();
        let sink = OrderedSink::builder(Text::new(), device.output()).build();
        let sink = sink.expect("no header to write");
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push(0).expect("room");
        sink.flush().expect("an open sink");
        let before = device.writing().arrivals();
        device.writing().shut();
        producer.push(1).expect("room");
        device.writing().await_arrivals(before + 1);
        assert_eq!(sink.stats().report.written, 1, "as it was in the last round");
        device.writing().open();
        assert_eq!(sink.finish().expect("no fault").written, 2);
    });
}
