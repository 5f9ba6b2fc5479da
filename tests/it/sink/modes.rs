//! Event time and logical time: the contracts, at their borders.

use std::thread;
use std::time::Duration;

use brigade::clock::{ManualClock, Stamp};
use brigade::sink::{
    EventTime, Late, LogicalTime, MemoryOutput, OrderedSink, Overflow, Refusal, Silence,
    SinkBuilder, Text,
};

use super::ledger::assert_accounts;
use super::rows::Format;
use crate::watchdog::{step, within};

const fn at(nanos: u64) -> Stamp {
    Stamp::from_nanos(nanos)
}

const fn ns(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

/// A clock at 1,000 and a lag of 100: once flushed, the frontier stands at 900.
fn event(memory: &MemoryOutput) -> (ManualClock, SinkBuilder<u32, EventTime, Text, MemoryOutput>) {
    let clock = ManualClock::at(at(1_000));
    let builder = OrderedSink::builder(Text::new(), memory.clone())
        .clock(clock.clone())
        .tick(Duration::from_micros(100))
        .event_time(ns(100));
    (clock, builder)
}

fn logical(memory: &MemoryOutput) -> SinkBuilder<u32, LogicalTime, Text, MemoryOutput> {
    OrderedSink::builder(Text::new(), memory.clone())
        .tick(Duration::from_micros(100))
        .logical_time()
}

fn stamps(memory: &MemoryOutput) -> Vec<u64> {
    let rows = Format::Text.read(&memory.contents()).expect("whole records");
    rows.into_iter().map(|row| row.stamp).collect()
}

#[test]
fn event_time_refuses_what_lags_too_far() {
    within("sink::modes::late", || {
        let memory = MemoryOutput::new();
        let (_clock, builder) = event(&memory);
        let sink = builder.build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        sink.flush().expect("an open sink");
        let error = producer.push_at(at(899), 7).expect_err("one too late");
        assert_eq!(error.value, 7);
        assert!(matches!(error.reason, Refusal::Late { by } if by == ns(1)), "{error:?}");
        assert!(error.to_string().contains("1ns too late"), "{error}");
        assert_eq!(producer.push_at(at(900), 8).expect("just in time"), at(900));
        let report = sink.finish().expect("no fault");
        assert_eq!((report.accepted, report.late), (1, 1));
        assert_eq!(stamps(&memory), [900]);
    });
}

#[test]
fn event_time_accepts_any_order_inside_the_lag() {
    within("sink::modes::inside", || {
        let memory = MemoryOutput::new();
        let (clock, builder) = event(&memory);
        let sink = builder.build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        for stamp in [1_000, 900, 950, 1_100, 901, 950] {
            producer.push_at(at(stamp), 0).expect("inside");
        }
        clock.set(at(1_051));
        sink.flush().expect("an open sink");
        assert_eq!(stamps(&memory), [900, 901, 950, 950], "the frontier is at 951");
        assert_accounts(&sink.finish(), 6);
        assert_eq!(stamps(&memory), [900, 901, 950, 950, 1_000, 1_100]);
    });
}

#[test]
fn event_time_clamps_if_told_to() {
    within("sink::modes::clamp", || {
        let memory = MemoryOutput::new();
        let (_clock, builder) = event(&memory);
        let sink = builder.late(Late::Clamp).build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        sink.flush().expect("an open sink");
        assert_eq!(producer.push_at(at(500), 1).expect("clamped"), at(900));
        let mut batch = vec![(at(950), 2), (at(1), 3), (at(899), 4), (at(920), 5)];
        producer.push_batch(&mut batch).expect("clamped");
        let report = sink.finish().expect("no fault");
        assert_eq!((report.accepted, report.clamped, report.late), (5, 3, 0));
        let rows = Format::Text.read(&memory.contents()).expect("whole records");
        let rows: Vec<_> = rows.iter().map(|row| (row.stamp, &*row.value)).collect();
        assert_eq!(rows, [(900, "1"), (900, "3"), (900, "4"), (920, "5"), (950, "2")]);
    });
}

#[test]
fn event_time_refuses_the_far_future() {
    within("sink::modes::ahead", || {
        let memory = MemoryOutput::new();
        let (_clock, builder) = event(&memory);
        let sink = builder.build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push_at(at(1_100), 1).expect("ahead by the lag");
        let error = producer.push_at(at(1_101), 2).expect_err("one too far");
        assert!(matches!(error.reason, Refusal::TooFarAhead { by } if by == ns(1)), "{error:?}");
        let error = producer.push_at(Stamp::MAX, 3).expect_err("much too far");
        assert_eq!(error.value, 3);
        assert_eq!(sink.finish().expect("no fault").too_far_ahead, 2);

        let (_clock, builder) = event(&MemoryOutput::new());
        let sink = builder.ahead(ns(5)).build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push_at(at(1_005), 1).expect("as agreed");
        let error = producer.push_at(at(1_006), 2).expect_err("one too far");
        assert!(matches!(error.reason, Refusal::TooFarAhead { by } if by == ns(1)), "{error:?}");
        assert_accounts(&sink.finish(), 1);
    });
}

#[test]
fn an_event_batch_stops_at_the_record_at_fault() {
    within("sink::modes::event batch", || {
        let memory = MemoryOutput::new();
        let (_clock, builder) = event(&memory);
        let sink = builder.build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        sink.flush().expect("an open sink");
        let mut batch = vec![(at(950), 1), (at(905), 2), (at(1_200), 3), (at(910), 4)];
        let error = producer.push_batch(&mut batch).expect_err("the third");
        assert!(matches!(error.reason, Refusal::TooFarAhead { by } if by == ns(100)), "{error:?}");
        assert_eq!(batch, [(at(1_200), 3), (at(910), 4)]);
        let mut batch = vec![(at(920), 5), (at(3), 6), (at(930), 7)];
        let error = producer.push_batch(&mut batch).expect_err("the second");
        assert!(matches!(error.reason, Refusal::Late { by } if by == ns(897)), "{error:?}");
        assert_eq!(batch, [(at(3), 6), (at(930), 7)]);
        assert_accounts(&sink.finish(), 3);
        assert_eq!(stamps(&memory), [905, 920, 950]);
    });
}

#[test]
fn a_silent_event_producer_delays_nobody_by_more_than_the_lag() {
    within("sink::modes::lag bound", || {
        let memory = MemoryOutput::new();
        let (clock, builder) = event(&memory);
        let sink = builder.build().expect("a sound setting");
        let _silent = sink.producer("silent").expect("a fresh name");
        std::mem::forget(sink.producer("forgotten").expect("a fresh name"));
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push_at(at(1_000), 1).expect("inside");
        sink.flush().expect("an open sink");
        assert_eq!(stamps(&memory), [0; 0]);
        clock.set(at(1_101));
        sink.flush().expect("an open sink");
        assert_eq!(stamps(&memory), [1_000]);
        assert_accounts(&sink.finish(), 1);
    });
}

#[test]
fn the_pending_bound_becomes_back_pressure() {
    within("sink::modes::pending", || {
        let memory = MemoryOutput::new();
        let (clock, builder) = event(&memory);
        let sink = builder
            .pending(4)
            .capacity(2)
            .overflow(Overflow::Reject)
            .build()
            .expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        // A flush after each: the writer takes over what it may.
        for value in 0..6 {
            producer.push_at(at(1_000), value).expect("four pending, two in the ring");
            sink.flush().expect("an open sink");
        }
        let error = producer.push_at(at(1_000), 6).expect_err("both full");
        assert!(matches!(error.reason, Refusal::Full), "{error:?}");
        let stats = sink.stats();
        assert_eq!((stats.pending, stats.report.accepted), (4, 6));
        clock.set(at(1_101));
        sink.flush().expect("an open sink");
        sink.flush().expect("an open sink");
        assert_eq!(stamps(&memory), [1_000; 6]);
        producer.push_at(at(1_101), 6).expect("room again");
        assert_accounts(&sink.finish(), 7);
    });
}

#[test]
fn an_event_clock_that_steps_back_takes_nothing_back() {
    within("sink::modes::event clock back", || {
        let memory = MemoryOutput::new();
        let (clock, builder) = event(&memory);
        let sink = builder.build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        sink.flush().expect("an open sink");
        clock.set(at(500));
        sink.flush().expect("an open sink");
        let error = producer.push_at(at(450), 1).expect_err("the frontier does not go back");
        assert!(matches!(error.reason, Refusal::Late { by } if by == ns(450)), "{error:?}");
        let error = producer.push_at(at(900), 2).expect_err("ahead of the clock by now");
        assert!(matches!(error.reason, Refusal::TooFarAhead { .. }), "{error:?}");
        assert_accounts(&sink.finish(), 0);
    });
}

#[test]
fn the_longest_and_the_shortest_lag_are_sound() {
    within("sink::modes::lags", || {
        for lag in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            let memory = MemoryOutput::new();
            let sink = OrderedSink::builder(Text::new(), memory.clone())
                .clock(ManualClock::at(at(1_000)))
                .event_time(lag)
                .build()
                .expect("a sound setting");
            let mut producer = sink.producer("p").expect("a fresh name");
            producer.push_at(at(1_000), 1).expect("now");
            sink.flush().expect("an open sink");
            assert_accounts(&sink.finish(), 1);
            assert_eq!(stamps(&memory), [1_000]);
        }
    });
}

#[test]
fn a_logical_producer_is_held_to_its_promise() {
    within("sink::modes::promise", || {
        let memory = MemoryOutput::new();
        let sink = logical(&memory).build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        assert_eq!(producer.promised(), Some(at(0)));
        producer.push_at(at(10), 1).expect("in order");
        producer.push_at(at(10), 2).expect("a tie");
        let error = producer.push_at(at(9), 3).expect_err("behind its own promise");
        assert_eq!(error.value, 3);
        assert!(matches!(error.reason, Refusal::Late { by } if by == ns(1)), "{error:?}");
        producer.advance_to(at(20)).expect("forward");
        producer.advance_to(at(15)).expect("says less, and changes nothing");
        assert_eq!(producer.promised(), Some(at(20)));
        let error = producer.push_at(at(19), 4).expect_err("behind its own promise");
        assert!(matches!(error.reason, Refusal::Late { by } if by == ns(1)), "{error:?}");
        let mut batch = vec![(at(20), 5), (at(22), 6), (at(21), 7), (at(23), 8)];
        let error = producer.push_batch(&mut batch).expect_err("the third goes back");
        assert!(matches!(error.reason, Refusal::Late { by } if by == ns(1)), "{error:?}");
        assert_eq!(batch, [(at(21), 7), (at(23), 8)]);
        let report = sink.finish().expect("no fault");
        assert_eq!((report.accepted, report.late), (4, 3));
        assert_eq!(stamps(&memory), [10, 10, 20, 22]);
    });
}

#[test]
fn logical_time_waits_for_everybody() {
    within("sink::modes::advance", || {
        let memory = MemoryOutput::new();
        let sink = logical(&memory).build().expect("a sound setting");
        let mut quick = sink.producer("quick").expect("a fresh name");
        let mut slow = sink.producer("slow").expect("a fresh name");
        quick.push_at(at(10), 1).expect("in order");
        quick.push_at(at(20), 1).expect("in order");
        sink.flush().expect("an open sink");
        assert_eq!(stamps(&memory), [0; 0], "slow may still push at 0");
        slow.advance_to(at(10)).expect("forward");
        sink.flush().expect("an open sink");
        assert_eq!(stamps(&memory), [0; 0], "slow may still push at 10");
        slow.advance_to(at(11)).expect("forward");
        sink.flush().expect("an open sink");
        assert_eq!(stamps(&memory), [10]);
        drop(slow);
        sink.flush().expect("an open sink");
        assert_eq!(stamps(&memory), [10], "quick itself may push at 20 again");
        quick.advance_to(at(21)).expect("forward");
        sink.flush().expect("an open sink");
        assert_eq!(stamps(&memory), [10, 20]);
        assert_accounts(&sink.finish(), 2);
    });
}

#[test]
fn a_paused_producer_holds_nobody_back_and_may_come_back_late() {
    within("sink::modes::pause", || {
        let memory = MemoryOutput::new();
        let sink = logical(&memory).build().expect("a sound setting");
        let mut going = sink.producer("going").expect("a fresh name");
        let mut resting = sink.producer("resting").expect("a fresh name");
        resting.push_at(at(5), 0).expect("in order");
        resting.pause();
        assert_eq!(resting.promised(), None);
        going.push_at(at(10), 1).expect("in order");
        going.advance_to(at(100)).expect("forward");
        sink.flush().expect("an open sink");
        assert_eq!(stamps(&memory), [5, 10]);
        let error = resting.push_at(at(99), 2).expect_err("the frontier is at 100");
        assert!(matches!(error.reason, Refusal::Late { by } if by == ns(1)), "{error:?}");
        assert_eq!(error.value, 2);
        let error = resting.advance_to(at(99)).expect_err("the frontier is at 100");
        assert!(matches!(error.reason, Refusal::Late { .. }), "{error:?}");
        let error = resting.push_batch(&mut vec![(at(98), 2)]).expect_err("the frontier is at 100");
        assert!(matches!(error.reason, Refusal::Late { .. }), "{error:?}");
        assert_eq!(resting.promised(), None);
        resting.push_at(at(100), 3).expect("at the frontier");
        assert_eq!(resting.promised(), Some(at(100)));
        going.advance_to(at(200)).expect("forward");
        sink.flush().expect("an open sink");
        assert_eq!(stamps(&memory), [5, 10], "resting is back and may push at 100 again");
        resting.pause();
        sink.flush().expect("an open sink");
        assert_eq!(stamps(&memory), [5, 10, 100]);
        assert_accounts(&sink.finish(), 3);
    });
}

#[test]
fn with_everybody_paused_all_comes_out() {
    within("sink::modes::all paused", || {
        let memory = MemoryOutput::new();
        let sink = logical(&memory).build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push_at(at(7), 1).expect("in order");
        producer.pause();
        sink.flush().expect("an open sink");
        assert_eq!(stamps(&memory), [7]);
        assert!(producer.push_at(at(7), 2).is_err(), "the frontier is behind 7");
        producer.push_at(at(8), 2).expect("at the frontier");
        drop(producer);
        sink.flush().expect("an open sink");
        assert_eq!(stamps(&memory), [7, 8]);
        let late = sink.producer("late").expect("a fresh name");
        assert_eq!(late.promised(), Some(at(9)), "a newcomer begins at the frontier");
        assert_accounts(&sink.finish(), 2);
    });
}

#[test]
fn a_silent_producer_is_passed_over_if_told_to() {
    within("sink::modes::pass over", || {
        let memory = MemoryOutput::new();
        let sink = logical(&memory)
            .silence(Silence::PassOver(Duration::ZERO))
            .build()
            .expect("a sound setting");
        let mut silent = sink.producer("silent").expect("a fresh name");
        let mut going = sink.producer("going").expect("a fresh name");
        going.push_at(at(10), 1).expect("in order");
        going.pause();
        step("the silent producer to be passed over");
        while stamps(&memory).is_empty() {
            sink.flush().expect("an open sink");
        }
        assert_eq!(stamps(&memory), [10]);
        let error = silent.push_at(at(5), 2).expect_err("passed over");
        assert_eq!(error.value, 2);
        assert!(matches!(error.reason, Refusal::Late { by } if by == ns(6)), "{error:?}");
        silent.push_at(at(11), 3).expect("at the frontier");
        assert_accounts(&sink.finish(), 2);
        assert_eq!(stamps(&memory), [10, 11]);
    });
}

#[test]
fn a_producer_that_waits_for_the_sink_is_not_silent() {
    within("sink::modes::not silent", || {
        let memory = MemoryOutput::new();
        // Nobody waits so long in a test: if anybody is passed over, it is by mistake.
        let sink = logical(&memory)
            .capacity(2)
            .silence(Silence::PassOver(Duration::from_secs(86_400)))
            .build()
            .expect("a sound setting");
        let mut blocked = sink.producer("blocked").expect("a fresh name");
        let mut slow = sink.producer("slow").expect("a fresh name");
        let pusher =
            thread::spawn(move || (1..=50).all(|stamp| blocked.push_at(at(stamp), 0).is_ok()));
        for stamp in 1..=50 {
            slow.push_at(at(stamp), 1).expect("in order");
        }
        drop(slow);
        assert!(pusher.join().expect("no panic"));
        assert_accounts(&sink.finish(), 100);
        assert!(stamps(&memory).is_sorted());
    });
}

#[test]
fn stats_tell_who_holds_logical_time_back() {
    within("sink::modes::held back", || {
        let memory = MemoryOutput::new();
        let sink = logical(&memory).build().expect("a sound setting");
        let mut quick = sink.producer("quick").expect("a fresh name");
        let mut slow = sink.producer("slow").expect("a fresh name");
        quick.push_at(at(10), 1).expect("in order");
        slow.advance_to(at(3)).expect("forward");
        sink.flush().expect("an open sink");
        let stats = sink.stats();
        assert_eq!(stats.held_back_by.map(|held| held.producer.to_string()), Some("slow".into()));
        assert_eq!(stats.cut, at(3));
        assert_eq!(stats.cut_lag, Duration::ZERO);
        slow.advance_to(at(30)).expect("forward");
        sink.flush().expect("an open sink");
        let stats = sink.stats();
        assert_eq!(stats.held_back_by.map(|held| held.producer.to_string()), Some("quick".into()));
        assert_accounts(&sink.finish(), 1);
    });
}

#[test]
fn time_ends_without_hanging() {
    within("sink::modes::end of time", || {
        let memory = MemoryOutput::new();
        let sink = logical(&memory).build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push_at(Stamp::MAX, 1).expect("the last stamp there is");
        producer.pause();
        sink.flush().expect("an open sink");
        assert_eq!(stamps(&memory), [Stamp::MAX.as_nanos()]);
        assert!(producer.push_at(Stamp::MAX, 2).is_err(), "time is over");
        assert_accounts(&sink.finish(), 1);

        let memory = MemoryOutput::new();
        let sink = OrderedSink::builder(Text::new(), memory.clone())
            .clock(ManualClock::at(Stamp::MAX))
            .capacity(1)
            .build()
            .expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        let mut accepted = 0;
        for value in 0..4 {
            step("a push or a flush at the last stamp there is");
            accepted += usize::from(producer.push(value).is_ok());
            sink.flush().expect("an open sink");
        }
        assert!(accepted >= 1);
        let mut newcomer = sink.producer("q").expect("a fresh name");
        accepted += usize::from(newcomer.push(9).is_ok());
        accepted += 2 * usize::from(newcomer.push_batch(&mut vec![1, 2]).is_ok());
        sink.flush().expect("an open sink");
        assert_accounts(&sink.finish(), accepted);
    });
}
