//! Any producers, doing anything, against a stable sort.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use brigade::clock::{ManualClock, Stamp};
use brigade::sink::{
    Durability, EventTime, LogicalTime, MemoryOutput, OrderedSink, Overflow, Producer, Refusal,
};
use proptest::prelude::*;

use super::clocks::{Erratic, Preempted};
use super::ledger::{Ledger, assert_accounts};
use super::rows::{FORMATS, Format};
use crate::watchdog::within;

const START: u64 = 1_795_316_400_000_000_000;

/// One step of one thread. Producers are named by their place among those that are here.
#[derive(Debug, Clone)]
enum Op {
    Join,
    Push { who: usize, by: i64 },
    Batch { who: usize, by: Vec<i64> },
    Leave { who: usize },
    Advance { who: usize, by: i64 },
    Pause { who: usize },
    Clock { by: i64 },
    Flush,
}

fn op() -> impl Strategy<Value = Op> {
    let who = 0..8_usize;
    let by = -250..250_i64;
    prop_oneof![
        2 => Just(Op::Join),
        8 => (who.clone(), by.clone()).prop_map(|(who, by)| Op::Push { who, by }),
        3 => (who.clone(), proptest::collection::vec(by.clone(), 0..12))
            .prop_map(|(who, by)| Op::Batch { who, by }),
        1 => who.clone().prop_map(|who| Op::Leave { who }),
        2 => (who.clone(), by.clone()).prop_map(|(who, by)| Op::Advance { who, by }),
        1 => who.prop_map(|who| Op::Pause { who }),
        3 => by.prop_map(|by| Op::Clock { by }),
        1 => Just(Op::Flush),
    ]
}

#[derive(Debug, Clone)]
struct Setting {
    format: Format,
    capacity: usize,
    durability: Durability,
    tick: Duration,
}

fn setting() -> impl Strategy<Value = Setting> {
    let durability = prop_oneof![
        Just(Durability::None),
        Just(Durability::Flush),
        Just(Durability::Sync { every: Duration::ZERO }),
    ];
    let tick = prop_oneof![Just(Duration::ZERO), Just(Duration::from_micros(50))];
    (proptest::sample::select(&FORMATS[..]), 1..40_usize, durability, tick).prop_map(
        |(format, capacity, durability, tick)| Setting { format, capacity, durability, tick },
    )
}

fn scripts(threads: usize) -> impl Strategy<Value = (Setting, Vec<Vec<Op>>)> {
    let script = proptest::collection::vec(op(), 0..60);
    (setting(), proptest::collection::vec(script, threads))
}

/// Runs `script` once for every generated input, all of it under the watchdog.
fn check<S>(name: &'static str, cases: u32, strategy: S, test: fn(S::Value))
where
    S: Strategy + Send + 'static,
{
    within(name, move || {
        let config = ProptestConfig { cases, failure_persistence: None, ..Default::default() };
        let mut runner = proptest::test_runner::TestRunner::new(config);
        let outcome = runner.run(&strategy, |value| {
            test(value);
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
    });
}

fn moved(now: u64, by: i64) -> Stamp {
    Stamp::from_nanos(now.saturating_add_signed(by))
}

/// Sink-stamped time: pushes, batches, joins, leaves and flushes on a clock that is moved to and
/// fro meanwhile.
fn ingestion_script(
    sink: &OrderedSink<String>,
    clock: &ManualClock,
    thread: usize,
    script: Vec<Op>,
) -> Ledger {
    use brigade::clock::Clock as _;
    let mut ledger = Ledger::default();
    let mut here: Vec<Producer<String>> = Vec::new();
    let mut joined = 0;
    for op in script {
        match op {
            Op::Join => {
                joined += 1;
                here.push(sink.producer(format!("{thread}-{joined}")).expect("a fresh name"));
            }
            Op::Push { who, by } if !here.is_empty() => {
                let at = who % here.len();
                let producer = &mut here[at];
                let stamp = producer.push(format!("{by}")).expect("an open sink");
                ledger.note(Some(stamp), producer.id().get(), producer.name(), format!("{by}"));
            }
            Op::Batch { who, by } if !here.is_empty() => {
                let at = who % here.len();
                let producer = &mut here[at];
                let mut batch: Vec<String> = by.iter().map(|by| format!("b{by}")).collect();
                let last = producer.push_batch(&mut batch).expect("an open sink");
                assert!(batch.is_empty());
                for (i, value) in by.iter().enumerate() {
                    let stamp = (i + 1 == by.len()).then_some(last);
                    ledger.note(stamp, producer.id().get(), producer.name(), format!("b{value}"));
                }
            }
            Op::Leave { who } if !here.is_empty() => {
                drop(here.swap_remove(who % here.len()));
            }
            Op::Clock { by } => clock.set(moved(clock.now().as_nanos(), by)),
            Op::Flush => sink.flush().expect("an open sink"),
            _ => {}
        }
    }
    ledger
}

fn ingestion_case((setting, scripts): (Setting, Vec<Vec<Op>>)) {
    let memory = MemoryOutput::new();
    let clock = ManualClock::at(Stamp::from_nanos(START));
    let sink = OrderedSink::builder(setting.format.encoding(), memory.clone())
        .capacity(setting.capacity)
        .durability(setting.durability)
        .tick(setting.tick)
        .clock(clock.clone())
        .build()
        .expect("a sound setting");
    let mut ledger = Ledger::default();
    let notes: Vec<Ledger> = thread::scope(|threads| {
        let (sink, clock) = (&sink, &clock);
        let running: Vec<_> = (0..)
            .zip(scripts)
            .map(|(i, script)| threads.spawn(move || ingestion_script(sink, clock, i, script)))
            .collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    notes.into_iter().for_each(|note| ledger.merge(note));
    let outcome = sink.finish();
    assert_accounts(&outcome, ledger.len());
    ledger.assert_is(&setting.format.read(&memory.contents()).expect("whole records"));
}

#[test]
fn one_thread_of_sink_stamped_producers_is_a_stable_sort() {
    check("sink::order::one ingestion", 150, scripts(1), ingestion_case);
}

#[test]
fn many_threads_of_sink_stamped_producers_are_a_stable_sort() {
    check("sink::order::many ingestion", 60, scripts(6), ingestion_case);
}

const LAG: u64 = 200;
const AHEAD: u64 = 100;

/// Event time: what must be accepted is, what must be refused is, and the rest may go either way.
fn event_case((setting, scripts): (Setting, Vec<Vec<Op>>)) {
    let memory = MemoryOutput::new();
    let clock = ManualClock::at(Stamp::from_nanos(START));
    let sink = OrderedSink::builder(setting.format.encoding(), memory.clone())
        .capacity(setting.capacity)
        .durability(setting.durability)
        .tick(setting.tick)
        .overflow(Overflow::Reject)
        .clock(clock.clone())
        .event_time(Duration::from_nanos(LAG))
        .ahead(Duration::from_nanos(AHEAD))
        .build()
        .expect("a sound setting");
    let mut ledger = Ledger::default();
    let mut here: Vec<Producer<String, EventTime>> = Vec::new();
    let mut joined = 0;
    let (mut now, mut furthest, mut passed) = (START, START, 0);
    for op in scripts.into_iter().flatten() {
        match op {
            Op::Join => {
                joined += 1;
                here.push(sink.producer(format!("p{joined}")).expect("a fresh name"));
            }
            Op::Push { who, by } if !here.is_empty() => {
                let at = who % here.len();
                let producer = &mut here[at];
                let stamp = moved(now, by);
                match producer.push_at(stamp, format!("{by}")) {
                    Ok(accepted) => {
                        assert_eq!(accepted, stamp);
                        assert!(stamp.as_nanos() <= now + AHEAD && stamp.as_nanos() >= passed);
                        ledger.note(
                            Some(stamp),
                            producer.id().get(),
                            producer.name(),
                            by.to_string(),
                        );
                    }
                    Err(error) => {
                        assert_eq!(error.value, by.to_string(), "the value comes back");
                        match error.reason {
                            Refusal::Late { .. } => {
                                assert!(stamp.as_nanos() < furthest - LAG, "inside the contract");
                            }
                            Refusal::TooFarAhead { by } => {
                                assert_eq!(by.as_nanos() as u64, stamp.as_nanos() - now - AHEAD);
                            }
                            Refusal::Full => {}
                            other => panic!("{other}"),
                        }
                    }
                }
            }
            Op::Batch { who, by } if !here.is_empty() => {
                let at = who % here.len();
                let producer = &mut here[at];
                let whole: Vec<(Stamp, String)> =
                    by.iter().map(|&by| (moved(now, by), format!("b{by}"))).collect();
                let mut batch = whole.clone();
                let pushed = producer.push_batch(&mut batch);
                let accepted = whole.len() - batch.len();
                assert_eq!(pushed.is_ok(), batch.is_empty());
                assert_eq!(whole[accepted..], batch[..], "the rest is left, in order");
                for (stamp, value) in &whole[..accepted] {
                    ledger.note(Some(*stamp), producer.id().get(), producer.name(), value.clone());
                }
            }
            Op::Leave { who } if !here.is_empty() => {
                drop(here.swap_remove(who % here.len()));
            }
            Op::Clock { by } => {
                now = now.saturating_add_signed(by);
                furthest = furthest.max(now);
                clock.set(Stamp::from_nanos(now));
            }
            Op::Flush => {
                sink.flush().expect("an open sink");
                passed = passed.max(now - LAG);
            }
            _ => {}
        }
    }
    drop(here);
    let outcome = sink.finish();
    assert_accounts(&outcome, ledger.len());
    ledger.assert_is(&setting.format.read(&memory.contents()).expect("whole records"));
}

#[test]
fn event_time_is_a_stable_sort_of_what_the_contract_admits() {
    check("sink::order::event", 200, scripts(2), event_case);
}

/// Logical time on one thread: whatever is promised, paused and resumed.
fn logical_case((setting, scripts): (Setting, Vec<Vec<Op>>)) {
    let memory = MemoryOutput::new();
    let sink = OrderedSink::builder(setting.format.encoding(), memory.clone())
        .capacity(setting.capacity)
        .durability(setting.durability)
        .tick(setting.tick)
        .overflow(Overflow::Reject)
        .logical_time()
        .build()
        .expect("a sound setting");
    let mut ledger = Ledger::default();
    let mut here: Vec<(Producer<String, LogicalTime>, u64)> = Vec::new();
    let mut joined = 0;
    for op in scripts.into_iter().flatten() {
        match op {
            Op::Join => {
                joined += 1;
                let producer = sink.producer(format!("p{joined}")).expect("a fresh name");
                let low = producer.promised().expect("a promise from the start").as_nanos();
                here.push((producer, low));
            }
            Op::Push { who, by } if !here.is_empty() => {
                let at = who % here.len();
                let (producer, low) = &mut here[at];
                // One push in five or so breaks the promise.
                let stamp = moved(*low, by + 150);
                let promised = producer.promised();
                match producer.push_at(stamp, format!("{by}")) {
                    Ok(_) => {
                        assert!(promised.is_none_or(|promised| promised <= stamp));
                        assert_eq!(producer.promised(), Some(stamp));
                        *low = stamp.as_nanos();
                        ledger.note(
                            Some(stamp),
                            producer.id().get(),
                            producer.name(),
                            by.to_string(),
                        );
                    }
                    Err(error) => {
                        assert_eq!(error.value, by.to_string(), "the value comes back");
                        let kept = promised.is_some_and(|promised| promised <= stamp);
                        match error.reason {
                            Refusal::Late { .. } => assert!(!kept, "a kept promise is never late"),
                            Refusal::Full => {}
                            other => panic!("{other}"),
                        }
                    }
                }
            }
            Op::Batch { who, by } if !here.is_empty() => {
                let at = who % here.len();
                let (producer, low) = &mut here[at];
                let whole: Vec<(Stamp, String)> = by
                    .iter()
                    .scan(*low, |low, &by| {
                        *low = low.saturating_add_signed(by + 200);
                        Some((Stamp::from_nanos(*low), format!("b{by}")))
                    })
                    .collect();
                let mut batch = whole.clone();
                let pushed = producer.push_batch(&mut batch);
                let accepted = whole.len() - batch.len();
                assert_eq!(pushed.is_ok(), batch.is_empty());
                assert_eq!(whole[accepted..], batch[..], "the rest is left, in order");
                for (stamp, value) in &whole[..accepted] {
                    *low = stamp.as_nanos();
                    ledger.note(Some(*stamp), producer.id().get(), producer.name(), value.clone());
                }
            }
            Op::Leave { who } if !here.is_empty() => {
                drop(here.swap_remove(who % here.len()));
            }
            Op::Advance { who, by } if !here.is_empty() => {
                let at = who % here.len();
                let (producer, low) = &mut here[at];
                if producer.advance_to(moved(*low, by)).is_ok() {
                    *low = producer.promised().expect("just made").as_nanos();
                }
            }
            Op::Pause { who } if !here.is_empty() => {
                let at = who % here.len();
                here[at].0.pause();
                assert_eq!(here[at].0.promised(), None);
            }
            Op::Flush => sink.flush().expect("an open sink"),
            _ => {}
        }
    }
    drop(here);
    let outcome = sink.finish();
    assert_accounts(&outcome, ledger.len());
    ledger.assert_is(&setting.format.read(&memory.contents()).expect("whole records"));
}

#[test]
fn logical_time_is_a_stable_sort_of_what_was_promised() {
    check("sink::order::logical", 200, scripts(2), logical_case);
}

/// Logical time on many threads with back-pressure: steps of 0 make ties, within and across.
fn logical_threads((setting, steps): (Setting, Vec<Vec<u64>>)) {
    let memory = MemoryOutput::new();
    let sink = OrderedSink::builder(setting.format.encoding(), memory.clone())
        .capacity(setting.capacity)
        .tick(setting.tick)
        .logical_time()
        .build()
        .expect("a sound setting");
    let all_here = Barrier::new(steps.len());
    let mut ledger = Ledger::default();
    let notes: Vec<Ledger> = thread::scope(|threads| {
        let (sink, all_here) = (&sink, &all_here);
        let running: Vec<_> = (0..)
            .zip(steps)
            .map(|(i, steps): (usize, _)| {
                threads.spawn(move || {
                    let mut ledger = Ledger::default();
                    let mut producer = sink.producer(format!("p{i}")).expect("a fresh name");
                    all_here.wait();
                    let mut at = 0;
                    for step in steps {
                        at += step;
                        let pushed = producer.push_at(Stamp::from_nanos(at), at.to_string());
                        let Err(error) = pushed else {
                            let stamp = Some(Stamp::from_nanos(at));
                            ledger.note(
                                stamp,
                                producer.id().get(),
                                producer.name(),
                                at.to_string(),
                            );
                            continue;
                        };
                        // More ties than the ring holds cannot wait for each other.
                        assert!(matches!(error.reason, Refusal::Full), "{error}");
                    }
                    ledger
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    notes.into_iter().for_each(|note| ledger.merge(note));
    let outcome = sink.finish();
    assert_accounts(&outcome, ledger.len());
    ledger.assert_is(&setting.format.read(&memory.contents()).expect("whole records"));
}

#[test]
fn logical_time_with_back_pressure_is_a_stable_sort() {
    let steps = proptest::collection::vec(0..3_u64, 0..120);
    let strategy = (setting(), proptest::collection::vec(steps, 1..5));
    check("sink::order::logical threads", 60, strategy, logical_threads);
}

/// Eight threads on a clock that does its worst; every stamp must still be in order.
fn on_clock(clock: impl brigade::clock::Clock + 'static, overflow: Overflow) {
    let memory = MemoryOutput::new();
    let sink = OrderedSink::builder(Format::Binary.encoding(), memory.clone())
        .capacity(16)
        .overflow(overflow)
        .clock(clock)
        .build()
        .expect("a sound setting");
    let mut ledger = Ledger::default();
    let notes: Vec<Ledger> = thread::scope(|threads| {
        let sink = &sink;
        let run = |i: usize| {
            move || {
                let mut ledger = Ledger::default();
                let mut producer = sink.producer(format!("p{i}")).expect("a fresh name");
                for value in 0..2_000 {
                    if let Ok(stamp) = producer.push(value.to_string()) {
                        let id = producer.id().get();
                        ledger.note(Some(stamp), id, producer.name(), value.to_string());
                    }
                }
                ledger
            }
        };
        let running: Vec<_> = (0..8).map(|i| threads.spawn(run(i))).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    notes.into_iter().for_each(|note| ledger.merge(note));
    assert_accounts(&sink.finish(), ledger.len());
    ledger.assert_is(&Format::Binary.read(&memory.contents()).expect("whole records"));
}

#[test]
fn preemption_between_drawing_and_claiming_a_stamp_makes_no_disorder() {
    within("sink::order::preempted", || {
        on_clock(Preempted::default(), Overflow::Block);
        on_clock(Preempted::default(), Overflow::Reject);
    });
}

#[test]
fn a_clock_that_jumps_to_and_fro_makes_no_disorder() {
    within("sink::order::erratic", || {
        on_clock(Erratic::default(), Overflow::Block);
        on_clock(Erratic::default(), Overflow::DropNewest);
    });
}
