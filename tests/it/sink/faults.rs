//! Outputs that fail in every way they can: who learns it, what is in the output, what comes back.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use brigade::clock::{ManualClock, Stamp};
use brigade::sink::{
    BuildError, Cause, Durability, IngestionTime, OrderedSink, Producer, RecoverError, Refusal,
    SinkBuilder, SinkError, WaitError,
};

use super::device::{Device, DeviceOutput, Plan};
use super::ledger::{Ledger, assert_accounts};
use super::rows::{Encoding, FORMATS, Format};
use crate::watchdog::{step, within};

const START: u64 = 1_795_316_400_000_000_000;

fn builder(
    format: Format,
    device: &Device,
) -> SinkBuilder<String, IngestionTime, Encoding, DeviceOutput> {
    OrderedSink::builder(format.encoding(), device.output())
        .clock(ManualClock::at(Stamp::from_nanos(START)))
        .tick(Duration::from_micros(100))
}

/// Six records of two producers with a flush between; pushes after a failure are refused.
fn six_records(sink: &OrderedSink<String>) -> Ledger {
    let mut ledger = Ledger::default();
    let mut producers = ["a", "b"].map(|name| sink.producer(name).expect("a fresh name"));
    for i in 0..6 {
        let producer = &mut producers[i % 2];
        let value = format!("value-{i}");
        match producer.push(value.clone()) {
            Ok(stamp) => {
                ledger.note(Some(stamp), producer.id().get(), producer.name(), value);
            }
            Err(error) => {
                assert_eq!(error.value, value, "the value comes back");
                assert!(matches!(error.reason, Refusal::Failed(_)), "{error}");
            }
        }
        if i == 2 {
            // It fails if the sink has: that is told once more below.
            let _ = sink.flush();
        }
    }
    ledger
}

/// Bytes of a run without a fault.
fn undisturbed(format: Format) -> usize {
    let device = Device::default();
    let sink = builder(format, &device).build().expect("a sound device");
    let ledger = six_records(&sink);
    assert_accounts(&sink.finish(), ledger.len());
    device.bytes().len()
}

fn assert_valid_prefix(
    format: Format,
    device: &Device,
    ledger: &Ledger,
    error: &SinkError<String>,
) {
    let rows = format.read(&device.bytes()).expect("a valid prefix");
    assert_eq!(rows.len() as u64, error.report().written);
    ledger.assert_split(&rows, error.unwritten());
}

#[test]
fn a_disk_that_is_full_at_any_byte_holds_whole_records_and_the_rest_comes_back() {
    within("sink::faults::full at any byte", || {
        for level in [Durability::Flush, Durability::None] {
            for format in FORMATS {
                let whole = undisturbed(format);
                for room in 0..=whole {
                    let device = Device::new(Plan { room: Some(room), ..Plan::default() });
                    let sink = match builder(format, &device).durability(level).build() {
                        Ok(sink) => sink,
                        Err(BuildError::Output(error)) => {
                            assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
                            assert!(format == Format::Csv && room < 25, "only the header is early");
                            assert_eq!(device.bytes(), b"", "nothing was changed");
                            continue;
                        }
                        Err(error) => panic!("{error}"),
                    };
                    let ledger = six_records(&sink);
                    let outcome = sink.finish();
                    assert_accounts(&outcome, ledger.len());
                    match outcome {
                        Ok(report) => {
                            assert_eq!(report.written as usize, ledger.len());
                            ledger.assert_is(&format.read(&device.bytes()).expect("whole records"));
                        }
                        Err(error) => {
                            let Cause::Write { error: cause, torn: false } =
                                error.failure().cause()
                            else {
                                panic!("{error}");
                            };
                            assert_eq!(cause.kind(), std::io::ErrorKind::StorageFull);
                            assert_valid_prefix(format, &device, &ledger, &error);
                        }
                    }
                }
            }
        }
    });
}

#[test]
fn a_full_disk_that_cannot_be_cut_back_is_torn_and_repaired_by_reopening() {
    within("sink::faults::torn", || {
        for format in FORMATS {
            let whole = undisturbed(format);
            // A header that is torn already at the build is another test's.
            for room in 25..whole {
                let plan = Plan { room: Some(room), truncate_fails: true, ..Plan::default() };
                let device = Device::new(plan);
                let sink = builder(format, &device).build().expect("room for a header");
                let ledger = six_records(&sink);
                let outcome = sink.finish();
                assert_accounts(&outcome, ledger.len());
                // Without the records that were refused, the disk may have had room.
                let Err(error) = outcome else { continue };
                assert!(
                    matches!(error.failure().cause(), Cause::Write { torn: true, .. }),
                    "{error}"
                );
                let torn = device.bytes();
                assert!(torn.len() <= room);

                device.replan(|plan| *plan = Plan::default());
                let sink = builder(format, &device).build().expect("its own content");
                sink.producer("c").expect("a fresh name").push("new".into()).expect("an open sink");
                assert_accounts(&sink.finish(), 1);
                let rows = format.read(&device.bytes()).expect("whole records again");
                assert!(rows.len() as u64 > error.report().written, "nothing written is removed");
                assert_eq!(rows.last().map(|row| &*row.value), Some("new"));
            }
        }
    });
}

#[test]
fn a_disk_that_is_full_only_once_gets_no_second_chance() {
    within("sink::faults::relents", || {
        for level in [Durability::Flush, Durability::None] {
            for format in FORMATS {
                let whole = undisturbed(format);
                for room in 25..whole {
                    let plan = Plan { room: Some(room), relents_after: Some(1), ..Plan::default() };
                    let device = Device::new(plan);
                    let sink = builder(format, &device).durability(level).build();
                    let sink = sink.expect("room for a header");
                    let ledger = six_records(&sink);
                    let outcome = sink.finish();
                    assert_accounts(&outcome, ledger.len());
                    match outcome {
                        Ok(_) => ledger.assert_is(&format.read(&device.bytes()).expect("whole")),
                        Err(error) => assert_valid_prefix(format, &device, &ledger, &error),
                    }
                }
            }
        }
    });
}

#[test]
fn short_writes_interruptions_and_boasts_lose_nothing() {
    within("sink::faults::short", || {
        let plans = [
            Plan { short: Some(1), ..Plan::default() },
            Plan { short: Some(7), interrupted: true, ..Plan::default() },
            Plan { interrupted: true, ..Plan::default() },
            Plan { boasts: true, ..Plan::default() },
        ];
        for plan in plans {
            for format in FORMATS {
                let device = Device::new(plan.clone());
                let level = Durability::Sync { every: Duration::ZERO };
                let sink = builder(format, &device).durability(level).build();
                let sink = sink.expect("a sound device");
                let ledger = six_records(&sink);
                let outcome = sink.finish();
                assert_accounts(&outcome, ledger.len());
                let report = outcome.expect("nothing of it is a fault");
                assert_eq!(report.bytes, device.bytes().len() as u64);
                ledger.assert_is(&format.read(&device.bytes()).expect("whole records"));
                assert_eq!(device.synced(), device.bytes());
            }
        }
    });
}

#[test]
fn a_write_that_takes_nothing_is_a_fault_and_not_a_loop() {
    within("sink::faults::takes nothing", || {
        let device = Device::new(Plan { takes_nothing: true, ..Plan::default() });
        let sink = builder(Format::Text, &device).build().expect("no header to write");
        let ledger = six_records(&sink);
        let outcome = sink.finish();
        assert_accounts(&outcome, ledger.len());
        let error = outcome.expect_err("nothing was taken");
        let Cause::Write { error: cause, .. } = error.failure().cause() else { panic!("{error}") };
        assert_eq!(cause.kind(), std::io::ErrorKind::WriteZero);
        assert_eq!(error.unwritten().len(), ledger.len());
    });
}

#[test]
fn every_producer_learns_of_a_fault_at_its_next_push() {
    within("sink::faults::everybody learns", || {
        let device = Device::new(Plan { room: Some(0), ..Plan::default() });
        let sink = builder(Format::Text, &device).build().expect("no header to write");
        let mut producers: Vec<Producer<String>> =
            (0..5).map(|i| sink.producer(format!("p{i}")).expect("a fresh name")).collect();
        producers[0].push("one".into()).expect("not known yet");
        let WaitError::Failed(failure) = sink.flush().expect_err("the disk is full") else {
            panic!("it has failed, not closed");
        };
        assert!(matches!(failure.cause(), Cause::Write { torn: false, .. }));
        for producer in &mut producers {
            let error = producer.push("two".into()).expect_err("known by now");
            assert_eq!(error.value, "two");
            let Refusal::Failed(failure) = &error.reason else { panic!("{error}") };
            assert!(matches!(failure.cause(), Cause::Write { .. }));
            assert!(error.to_string().contains("the sink has failed: writing: "), "{error}");
            let mut batch = vec!["three".to_owned(), "four".to_owned()];
            let error = producer.push_batch(&mut batch).expect_err("known by now");
            assert!(matches!(error.reason, Refusal::Failed(_)));
            assert_eq!(batch, ["three", "four"]);
        }
        assert!(matches!(sink.producer("late"), Err(brigade::sink::JoinError::Closed)));
        assert!(matches!(sink.wait_durable(Stamp::ZERO), Ok(()) | Err(WaitError::Failed(_))));
        let outcome = sink.finish();
        assert_accounts(&outcome, 1);
        assert_eq!(outcome.expect_err("the disk is full").unwritten()[0].value, "one");
        let error = producers[0].push("five".into()).expect_err("for ever");
        assert!(matches!(error.reason, Refusal::Failed(_)));
    });
}

#[test]
fn producers_that_wait_for_room_learn_of_a_fault() {
    within("sink::faults::blocked learn", || {
        let device = Device::new(Plan { room: Some(0), ..Plan::default() });
        device.writing().shut();
        let sink = builder(Format::Text, &device).capacity(1).build().expect("no header to write");
        let all_here = Barrier::new(5);
        let accepted: usize = thread::scope(|threads| {
            let (sink, all_here) = (&sink, &all_here);
            let pushing: Vec<_> = (0..4)
                .map(|i| {
                    threads.spawn(move || {
                        let mut producer = sink.producer(format!("p{i}")).expect("a fresh name");
                        all_here.wait();
                        let mut accepted = 0;
                        loop {
                            match producer.push("v".to_owned()) {
                                Ok(_) => accepted += 1,
                                Err(error) => {
                                    assert!(matches!(error.reason, Refusal::Failed(_)));
                                    return accepted;
                                }
                            }
                        }
                    })
                })
                .collect();
            all_here.wait();
            step("a write to begin");
            device.writing().await_arrivals(1);
            device.writing().open();
            pushing.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        let outcome = sink.finish();
        assert_accounts(&outcome, accepted);
        assert_eq!(outcome.expect_err("the disk is full").unwritten().len(), accepted);
    });
}

#[test]
fn an_output_that_panics_at_any_byte_is_a_fault_like_another() {
    within("sink::faults::panics at any byte", || {
        for format in FORMATS {
            let whole = undisturbed(format);
            for at in 25..whole {
                let device = Device::new(Plan { panics_at: Some(at), ..Plan::default() });
                let sink = builder(format, &device).build().expect("room for a header");
                let ledger = six_records(&sink);
                let outcome = sink.finish();
                assert_accounts(&outcome, ledger.len());
                let Err(error) = outcome else { continue };
                let Cause::Panicked { message } = error.failure().cause() else {
                    panic!("{error}")
                };
                assert_eq!(message, "the device is on fire");
                assert_valid_prefix(format, &device, &ledger, &error);
            }
        }
    });
}

#[test]
fn an_output_that_panics_elsewhere_hangs_nobody() {
    within("sink::faults::panics elsewhere", || {
        let plans = [
            Plan { sync_panics: true, ..Plan::default() },
            Plan { room: Some(60), truncate_panics: true, ..Plan::default() },
            Plan { panics_at: Some(60), truncate_panics: true, ..Plan::default() },
            Plan { drop_panics: true, ..Plan::default() },
        ];
        for plan in plans {
            let device = Device::new(plan.clone());
            let level = Durability::Sync { every: Duration::ZERO };
            let sink = builder(Format::Text, &device).durability(level).build();
            let sink = sink.expect("no header to write");
            let ledger = six_records(&sink);
            let outcome = sink.finish();
            assert_accounts(&outcome, ledger.len());
            let error = outcome.expect_err("it panicked");
            assert!(
                matches!(error.failure().cause(), Cause::Panicked { .. } | Cause::Write { .. }),
                "{error}"
            );
            if plan.drop_panics {
                assert_eq!(error.report().written, 6);
                ledger.assert_is(&Format::Text.read(&device.bytes()).expect("whole records"));
            }
        }
    });
}

#[test]
fn an_output_that_fails_at_opening_builds_no_sink() {
    within("sink::faults::opening", || {
        for format in FORMATS {
            let device = Device::new(Plan { len_fails: true, ..Plan::default() });
            let Err(BuildError::Output(error)) = builder(format, &device).build() else {
                panic!("it has no length");
            };
            assert_eq!(error.to_string(), "no length today");

            let content = vec![b'x'; 100];
            let plan = Plan { read_fails: true, ..Plan::default() };
            let device = Device::holding(content.clone(), plan);
            let Err(BuildError::Recover(RecoverError::Io(error))) =
                builder(format, &device).build()
            else {
                panic!("it cannot be read");
            };
            assert_eq!(error.to_string(), "unreadable sector");
            assert_eq!(device.bytes(), content);
        }
        let plan = Plan { truncate_fails: true, ..Plan::default() };
        let device = Device::holding(b"2026-11-22T03:00:00.000000042Z\ta\t7\n2026".to_vec(), plan);
        let Err(BuildError::Output(error)) = builder(Format::Text, &device).build() else {
            panic!("its tail cannot be removed");
        };
        assert_eq!(error.to_string(), "read-only by now");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_of_the_system_is_a_fault_like_another() {
    use brigade::sink::{FileOutput, Text};
    within("sink::faults::dev full", || {
        let output = FileOutput::append("/dev/full").expect("a device");
        let sink = OrderedSink::builder(Text::new(), output).build().expect("no header to write");
        let ledger = six_records(&sink);
        let outcome = sink.finish();
        assert_accounts(&outcome, ledger.len());
        let error = outcome.expect_err("the device is full");
        let Cause::Write { error: cause, .. } = error.failure().cause() else { panic!("{error}") };
        assert_eq!(cause.kind(), std::io::ErrorKind::StorageFull);
        assert_eq!(error.unwritten().len(), ledger.len());

        let output = FileOutput::append("/dev/full").expect("a device");
        let built = OrderedSink::<u32>::builder(Format::Csv.encoding(), output).build();
        assert!(matches!(built, Err(BuildError::Output(_))), "a header finds no room");
    });
}

#[test]
fn the_first_fault_is_the_one_that_is_told() {
    within("sink::faults::first", || {
        // The write fails, and so would every sync.
        let plan = Plan { room: Some(0), sync_fails: Some(1), ..Plan::default() };
        let device = Device::new(plan);
        let level = Durability::Sync { every: Duration::ZERO };
        let sink = builder(Format::Text, &device).durability(level).build();
        let sink = sink.expect("no header to write");
        let ledger = six_records(&sink);
        let outcome = sink.finish();
        assert_accounts(&outcome, ledger.len());
        let error = outcome.expect_err("the disk is full");
        assert!(matches!(error.failure().cause(), Cause::Write { .. }), "{error}");
        assert_eq!(device.syncs(), 0, "what was not written is not synced");
        assert_eq!(device.writes(), 1, "and not written again");
    });
}
