//! What survives what, shown with a device that counts its syncs.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use brigade::clock::{ManualClock, Stamp};
use brigade::sink::{
    Cause, Durability, DurableError, IngestionTime, OrderedSink, SinkBuilder, Text, WaitError,
};

use super::device::{Device, DeviceOutput, Plan};
use super::ledger::assert_accounts;
use crate::watchdog::{step, within};

const LEVELS: [Durability; 4] = [
    Durability::None,
    Durability::Flush,
    Durability::Sync { every: Duration::ZERO },
    Durability::Sync { every: Duration::MAX },
];

fn builder(
    device: &Device,
    level: Durability,
) -> SinkBuilder<String, IngestionTime, Text, DeviceOutput> {
    OrderedSink::builder(Text::new(), device.output())
        .durability(level)
        .tick(Duration::from_micros(100))
}

fn holds(bytes: &[u8], value: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(&format!("\t{value}\n"))
}

#[test]
fn a_durable_push_returns_after_the_sync_that_covers_it() {
    within("sink::durability::push_durable", || {
        for level in LEVELS {
            let device = Device::default();
            let sink = builder(&device, level).build().expect("a sound setting");
            let mut producer = sink.producer("p").expect("a fresh name");
            for i in 0..20 {
                producer.push(format!("plain-{i}")).expect("an open sink");
                producer.push_durable(format!("durable-{i}")).expect("an open sink");
                let synced = device.synced();
                assert!(holds(&synced, &format!("durable-{i}")), "{level:?}");
                assert!(holds(&synced, &format!("plain-{i}")), "all before it as well");
            }
            assert_accounts(&sink.finish(), 40);
        }
    });
}

#[test]
fn a_durable_push_works_on_a_clock_that_stands_still() {
    within("sink::durability::standstill", || {
        let device = Device::default();
        let sink = builder(&device, Durability::Flush)
            .clock(ManualClock::at(Stamp::from_nanos(7)))
            .build()
            .expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        for i in 0..5 {
            producer.push_durable(i.to_string()).expect("an open sink");
            assert!(holds(&device.synced(), &i.to_string()));
        }
        assert_accounts(&sink.finish(), 5);
    });
}

#[test]
fn one_sync_serves_all_who_wait() {
    within("sink::durability::group", || {
        const WAITING: usize = 16;
        let device = Device::default();
        let sink = builder(&device, Durability::Flush).build().expect("a sound setting");
        device.syncing().shut();
        let all_pushed = Barrier::new(WAITING + 1);
        thread::scope(|threads| {
            let (sink, device, all_pushed) = (&sink, &device, &all_pushed);
            let mut first = sink.producer("first").expect("a fresh name");
            threads.spawn(move || first.push_durable("first".into()).expect("an open sink"));
            step("the writer to enter its sync");
            device.syncing().await_arrivals(1);
            for i in 0..WAITING {
                threads.spawn(move || {
                    let mut producer = sink.producer(format!("p{i}")).expect("a fresh name");
                    let stamp = producer.push(format!("v{i}")).expect("an open sink");
                    all_pushed.wait();
                    sink.wait_durable(stamp).expect("an open sink");
                    assert!(holds(&device.synced(), &format!("v{i}")));
                });
            }
            all_pushed.wait();
            device.syncing().open();
        });
        assert_eq!(device.syncs(), 2, "one for the first, one for all the others");
        let report = sink.finish().expect("no fault");
        assert_eq!((report.accepted, report.syncs.count()), (17, 2));
    });
}

#[test]
fn waiting_for_a_stamp_to_come_returns_when_the_frontier_has_passed_it() {
    within("sink::durability::to come", || {
        let device = Device::default();
        let clock = ManualClock::at(Stamp::from_nanos(100));
        let sink = builder(&device, Durability::Flush)
            .clock(clock.clone())
            .build()
            .expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        thread::scope(|threads| {
            let waiter = threads.spawn(|| sink.wait_durable(Stamp::from_nanos(500)));
            producer.push("early".into()).expect("an open sink");
            clock.set(Stamp::from_nanos(500));
            producer.push("then".into()).expect("an open sink");
            clock.set(Stamp::from_nanos(501));
            waiter.join().expect("no panic").expect("an open sink");
            assert!(holds(&device.synced(), "then"));
        });
        sink.wait_durable(Stamp::from_nanos(3)).expect("long past");
        assert_accounts(&sink.finish(), 2);
    });
}

#[test]
fn a_flush_hands_everything_over_at_every_level() {
    within("sink::durability::flush", || {
        for level in LEVELS {
            let device = Device::default();
            let sink = builder(&device, level).build().expect("a sound setting");
            let mut producer = sink.producer("p").expect("a fresh name");
            for i in 0..20 {
                producer.push(i.to_string()).expect("an open sink");
                sink.flush().expect("an open sink");
                assert!(holds(&device.bytes(), &i.to_string()), "{level:?}");
                if level == (Durability::Sync { every: Duration::ZERO }) {
                    assert_eq!(device.synced(), device.bytes());
                }
            }
            assert_accounts(&sink.finish(), 20);
        }
    });
}

#[test]
fn flushes_of_many_threads_are_all_served() {
    within("sink::durability::flushes", || {
        let device = Device::default();
        let sink = builder(&device, Durability::None).build().expect("a sound setting");
        thread::scope(|threads| {
            for t in 0..8 {
                let (sink, device) = (&sink, &device);
                threads.spawn(move || {
                    let mut producer = sink.producer(format!("p{t}")).expect("a fresh name");
                    for i in 0..50 {
                        producer.push(format!("{t}-{i}")).expect("an open sink");
                        sink.flush().expect("an open sink");
                        assert!(holds(&device.bytes(), &format!("{t}-{i}")));
                    }
                });
            }
        });
        assert_accounts(&sink.finish(), 400);
    });
}

#[test]
fn each_level_syncs_as_often_as_it_says() {
    within("sink::durability::levels", || {
        for (level, expected) in LEVELS.into_iter().zip([Some(0), Some(0), None, Some(1)]) {
            let device = Device::default();
            let sink = builder(&device, level).build().expect("a sound setting");
            let mut producer = sink.producer("p").expect("a fresh name");
            for i in 0..10 {
                producer.push(i.to_string()).expect("an open sink");
                sink.flush().expect("an open sink");
            }
            let report = sink.finish().expect("no fault");
            assert_eq!(report.syncs.count(), device.syncs());
            match expected {
                Some(count) => assert_eq!(device.syncs(), count, "{level:?}"),
                None => assert!(device.syncs() >= 10, "{level:?}"),
            }
            if matches!(level, Durability::Sync { .. }) {
                assert_eq!(device.synced(), device.bytes(), "the end is durable");
            }
        }
    });
}

#[test]
fn an_idle_sink_syncs_by_itself() {
    within("sink::durability::idle", || {
        let device = Device::default();
        let level = Durability::Sync { every: Duration::from_millis(1) };
        let sink = builder(&device, level).build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        for i in 1..=3 {
            producer.push(i.to_string()).expect("an open sink");
            step("a sync that nobody asks for");
            while !holds(&device.synced(), &i.to_string()) {
                thread::yield_now();
            }
        }
        assert_accounts(&sink.finish(), 3);
    });
}

#[test]
fn nothing_new_is_nothing_to_sync() {
    within("sink::durability::nothing new", || {
        let device = Device::default();
        let sink = builder(&device, Durability::Flush).build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        let stamp = producer.push_durable("one".into()).expect("an open sink");
        for _ in 0..5 {
            sink.wait_durable(stamp).expect("an open sink");
        }
        assert_eq!(device.syncs(), 1);
        assert_accounts(&sink.finish(), 1);
    });
}

#[test]
fn a_failed_sync_reaches_whoever_waits_and_is_not_tried_again() {
    within("sink::durability::failed sync", || {
        for level in LEVELS {
            let device = Device::new(Plan { sync_fails: Some(1), ..Plan::default() });
            let sink = builder(&device, level).build().expect("a sound setting");
            let mut producer = sink.producer("p").expect("a fresh name");
            let error = producer.push_durable("one".into()).expect_err("the sync fails");
            let DurableError::Wait { error: WaitError::Failed(failure), .. } = &error else {
                panic!("{error}");
            };
            assert!(matches!(failure.cause(), Cause::Sync(_)), "{failure}");
            assert!(error.to_string().contains("the cache was lost"), "{error}");
            assert!(sink.flush().is_err());
            assert!(sink.wait_durable(Stamp::ZERO).is_err() || level != Durability::Flush);
            let outcome = sink.finish();
            assert_accounts(&outcome, 1);
            let error = outcome.expect_err("the sync failed");
            assert!(matches!(error.failure().cause(), Cause::Sync(_)), "{error}");
            assert_eq!((error.report().written, device.syncs()), (1, 1), "a second may lie");
        }
    });
}

#[test]
fn a_failed_sync_at_the_end_fails_the_end() {
    within("sink::durability::failed last sync", || {
        let device = Device::new(Plan { sync_fails: Some(1), ..Plan::default() });
        let level = Durability::Sync { every: Duration::MAX };
        let sink = builder(&device, level).build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push("one".into()).expect("an open sink");
        let outcome = sink.finish();
        assert_accounts(&outcome, 1);
        let error = outcome.expect_err("the sync failed");
        assert!(matches!(error.failure().cause(), Cause::Sync(_)), "{error}");
    });
}

#[test]
fn finishing_serves_or_answers_those_who_wait() {
    within("sink::durability::finish", || {
        let device = Device::default();
        let sink = builder(&device, Durability::Flush).build().expect("a sound setting");
        let about_to_wait = Arc::new(Barrier::new(9));
        let waiting: Vec<_> = (0..8)
            .map(|i| {
                let mut producer = sink.producer(format!("p{i}")).expect("a fresh name");
                let (device, about_to_wait) = (device.clone(), Arc::clone(&about_to_wait));
                thread::spawn(move || {
                    about_to_wait.wait();
                    match producer.push_durable(format!("v{i}")) {
                        Ok(_) => {
                            assert!(holds(&device.synced(), &format!("v{i}")));
                            1
                        }
                        Err(DurableError::Wait { error: WaitError::Closed, .. }) => 1,
                        Err(DurableError::Push(_)) => 0,
                        Err(error) => panic!("{error}"),
                    }
                })
            })
            .collect();
        about_to_wait.wait();
        let outcome = sink.finish();
        let accepted = waiting.into_iter().map(|thread| thread.join().expect("no panic")).sum();
        assert_accounts(&outcome, accepted);
    });
}

#[test]
fn durable_pushes_of_event_and_logical_time_wait_for_their_frontier() {
    within("sink::durability::modes", || {
        let device = Device::default();
        let clock = ManualClock::at(Stamp::from_nanos(1_000));
        let sink = builder(&device, Durability::Flush)
            .clock(clock.clone())
            .event_time(Duration::from_nanos(100))
            .build()
            .expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        thread::scope(|threads| {
            let durable =
                threads.spawn(|| producer.push_durable(Stamp::from_nanos(950), "e".into()));
            step("the durable push to be accepted");
            while sink.stats().report.accepted == 0 {
                sink.flush().expect("an open sink");
            }
            clock.set(Stamp::from_nanos(1_051));
            durable.join().expect("no panic").expect("an open sink");
            assert!(holds(&device.synced(), "e"));
        });
        assert_accounts(&sink.finish(), 1);

        let device = Device::default();
        let sink =
            builder(&device, Durability::Flush).logical_time().build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        let mut other = sink.producer("other").expect("a fresh name");
        thread::scope(|threads| {
            let durable = threads.spawn(|| producer.push_durable(Stamp::from_nanos(5), "l".into()));
            other.push_at(Stamp::from_nanos(6), "o".into()).expect("in order");
            other.advance_to(Stamp::from_nanos(7)).expect("forward");
            durable.join().expect("no panic").expect("an open sink");
            assert!(holds(&device.synced(), "l"));
        });
        assert_accounts(&sink.finish(), 2);
    });
}
