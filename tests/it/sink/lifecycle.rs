//! Joining, leaving, finishing, forgetting, panicking: in every order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use brigade::clock::{ManualClock, Stamp};
use brigade::sink::{
    BuildError, JoinError, MemoryOutput, OrderedSink, Refusal, ScopeError, Text, WaitError,
};

use super::device::{Device, Plan};
use super::ledger::assert_accounts;
use super::rows::Format;
use crate::watchdog::{step, within};

fn sink<T: brigade::sink::Field + Send + 'static>(memory: &MemoryOutput) -> OrderedSink<T> {
    OrderedSink::builder(Text::new(), memory.clone()).build().expect("a sound setting")
}

fn values(memory: &MemoryOutput) -> Vec<String> {
    let rows = Format::Text.read(&memory.contents()).expect("whole records");
    rows.into_iter().map(|row| row.value).collect()
}

#[test]
fn finishing_without_producers_writes_nothing() {
    within("sink::lifecycle::nobody", || {
        let memory = MemoryOutput::new();
        let report = sink::<u32>(&memory).finish().expect("no fault");
        assert_eq!((report.accepted, report.written, report.bytes, report.producers), (0, 0, 0, 0));
        let report = sink::<u32>(&memory);
        report.flush().expect("an open sink");
        report.wait_durable(Stamp::ZERO).expect("an open sink");
        assert_accounts(&report.finish(), 0);
    });
}

#[test]
fn finishing_while_producers_live_refuses_their_next_push() {
    within("sink::lifecycle::finish", || {
        let memory = MemoryOutput::new();
        let sink = sink::<u32>(&memory);
        let mut producers: Vec<_> =
            (0..4).map(|i| sink.producer(format!("p{i}")).expect("a fresh name")).collect();
        for (value, producer) in (0..).zip(&mut producers) {
            producer.push(value).expect("an open sink");
        }
        assert_accounts(&sink.finish(), 4);
        for producer in &mut producers {
            let error = producer.push(9).expect_err("finished");
            assert!(matches!(error.reason, Refusal::Closed), "{error}");
            assert_eq!(error.into_inner(), 9);
            let mut batch = vec![1, 2];
            let error = producer.push_batch(&mut batch).expect_err("finished");
            assert!(matches!(error.reason, Refusal::Closed), "{error}");
            assert_eq!(batch, [1, 2]);
        }
        assert_eq!(values(&memory).len(), 4);
    });
}

#[test]
fn finishing_in_the_middle_of_pushes_splits_them_cleanly() {
    within("sink::lifecycle::middle", || {
        for capacity in [1, 8, 1024] {
            let memory = MemoryOutput::new();
            let sink = OrderedSink::builder(Text::new(), memory.clone()).capacity(capacity).build();
            let sink = sink.expect("a sound setting");
            let all_here = Barrier::new(5);
            let (outcome, accepted) = thread::scope(|threads| {
                let pushing: Vec<_> = (0..4)
                    .map(|i| {
                        let mut producer = sink.producer(format!("p{i}")).expect("a fresh name");
                        let all_here = &all_here;
                        threads.spawn(move || {
                            all_here.wait();
                            for value in 0_u32.. {
                                if let Err(error) = producer.push(value) {
                                    assert!(matches!(error.reason, Refusal::Closed), "{error}");
                                    assert_eq!(error.value, value);
                                    return value as usize;
                                }
                            }
                            unreachable!("the sink is finished before")
                        })
                    })
                    .collect();
                all_here.wait();
                while sink.stats().report.accepted < 100 {
                    thread::yield_now();
                }
                let outcome = sink.finish();
                let accepted: Vec<usize> =
                    pushing.into_iter().map(|thread| thread.join().expect("no panic")).collect();
                (outcome, accepted)
            });
            assert_accounts(&outcome, accepted.iter().sum());
            let rows = Format::Text.read(&memory.contents()).expect("whole records");
            assert!(rows.is_sorted_by_key(|row| row.stamp));
            for (i, count) in accepted.into_iter().enumerate() {
                let name = format!("p{i}");
                let values = rows.iter().filter(|row| row.name == name);
                assert!(values.map(|row| row.value.parse::<usize>().unwrap()).eq(0..count));
            }
        }
    });
}

#[test]
fn producers_that_outlive_the_sink_are_told_so_in_every_mode() {
    within("sink::lifecycle::outlive", || {
        let at = Stamp::from_nanos(5);
        let builder = || OrderedSink::builder(Text::new(), MemoryOutput::new());

        let sink = builder().build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        drop(sink);
        assert!(matches!(producer.push(1).expect_err("gone").reason, Refusal::Closed));
        assert!(producer.push_durable(1).is_err());
        assert_eq!(producer.name(), "p");

        let sink = builder()
            .clock(ManualClock::at(at))
            .event_time(Duration::ZERO)
            .build()
            .expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        drop(sink);
        assert!(matches!(producer.push_at(at, 1).expect_err("gone").reason, Refusal::Closed));
        let mut batch = vec![(at, 1)];
        assert!(producer.push_batch(&mut batch).is_err() && batch.len() == 1);

        let sink = builder().logical_time().build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        let mut paused = sink.producer("q").expect("a fresh name");
        paused.pause();
        drop(sink);
        assert!(matches!(producer.push_at(at, 1).expect_err("gone").reason, Refusal::Closed));
        assert!(matches!(paused.push_at(at, 1).expect_err("gone").reason, Refusal::Closed));
        assert!(matches!(producer.advance_to(at).expect_err("gone").reason, Refusal::Closed));
        paused.pause();
        let mut batch = vec![(at, 1)];
        assert!(producer.push_batch(&mut batch).is_err() && batch.len() == 1);
    });
}

#[test]
fn a_forgotten_producer_stalls_nobody() {
    within("sink::lifecycle::forgotten", || {
        let at = Stamp::from_nanos(5);
        let memory = MemoryOutput::new();
        let sink = sink::<u32>(&memory);
        let mut forgotten = sink.producer("forgotten").expect("a fresh name");
        forgotten.push(1).expect("an open sink");
        std::mem::forget(forgotten);
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push(2).expect("an open sink");
        sink.flush().expect("an open sink");
        assert_eq!(values(&memory), ["1", "2"]);
        let taken = sink.producer("forgotten").expect_err("still here, as far as anybody knows");
        assert_eq!(taken, JoinError::NameTaken { name: "forgotten".into() });
        assert_accounts(&sink.finish(), 2);

        let memory = MemoryOutput::new();
        let clock = ManualClock::at(at);
        let sink = OrderedSink::builder(Text::new(), memory.clone())
            .clock(clock.clone())
            .event_time(Duration::ZERO)
            .build()
            .expect("a sound setting");
        let mut forgotten = sink.producer("forgotten").expect("a fresh name");
        forgotten.push_at(at, 1).expect("on time");
        std::mem::forget(forgotten);
        clock.advance(Duration::from_nanos(1));
        sink.flush().expect("an open sink");
        assert_eq!(values(&memory), ["1"]);
        assert_accounts(&sink.finish(), 1);

        // Its promise stands: others wait for it, and finishing does not.
        let memory = MemoryOutput::new();
        let sink = OrderedSink::builder(Text::new(), memory.clone()).logical_time().build();
        let sink = sink.expect("a sound setting");
        std::mem::forget(sink.producer("forgotten").expect("a fresh name"));
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push_at(at, 3).expect("in order");
        drop(producer);
        sink.flush().expect("an open sink");
        assert_eq!(values(&memory), [""; 0]);
        let held = sink.stats().held_back_by.map(|held| held.producer.to_string());
        assert_eq!(held.as_deref(), Some("forgotten"));
        assert_accounts(&sink.finish(), 1);
        assert_eq!(values(&memory), ["3"]);
    });
}

#[test]
fn a_forgotten_sink_hangs_no_producer() {
    within("sink::lifecycle::forgotten sink", || {
        let memory = MemoryOutput::new();
        let sink = OrderedSink::builder(Text::new(), memory.clone()).capacity(2).build();
        let sink = sink.expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        std::mem::forget(sink);
        for value in 0..500 {
            producer.push(value).expect("the writer goes on");
        }
        let stamp = producer.push_durable(500).expect("the writer goes on");
        assert!(stamp > Stamp::ZERO);
        assert_eq!(values(&memory).len(), 501);
    });
}

#[test]
fn a_producer_thread_that_panics_loses_nothing_and_stalls_nobody() {
    within("sink::lifecycle::panicking thread", || {
        let memory = MemoryOutput::new();
        let sink = sink::<u32>(&memory);
        thread::scope(|threads| {
            let sink = &sink;
            let unlucky = threads.spawn(move || {
                let mut producer = sink.producer("unlucky").expect("a fresh name");
                for value in 0..10 {
                    producer.push(value).expect("an open sink");
                }
                panic!("as it should");
            });
            assert!(unlucky.join().is_err());
        });
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push(10).expect("an open sink");
        sink.flush().expect("an open sink");
        assert_eq!(values(&memory).len(), 11);
        // It has left by unwinding, so its name is free.
        drop(sink.producer("unlucky").expect("free again"));
        assert_accounts(&sink.finish(), 11);
    });
}

#[test]
fn a_panic_in_the_middle_of_a_batch_leaves_the_sink_sound() {
    struct Bomb(u32);
    impl brigade::sink::Field for Bomb {
        fn write(
            &self,
            notation: brigade::sink::Notation,
            out: &mut Vec<u8>,
        ) -> Result<(), brigade::sink::ValueError> {
            self.0.write(notation, out)
        }
        fn is_checked(_: brigade::sink::Notation) -> bool {
            true
        }
        fn check(&self, _: brigade::sink::Notation) -> Result<(), brigade::sink::ValueError> {
            assert!(self.0 != 3, "checked to death");
            Ok(())
        }
    }
    within("sink::lifecycle::panic in batch", || {
        let memory = MemoryOutput::new();
        let sink = sink::<Bomb>(&memory);
        let mut producer = sink.producer("p").expect("a fresh name");
        let mut batch: Vec<Bomb> = (0..5).map(Bomb).collect();
        assert!(catch_unwind(AssertUnwindSafe(|| producer.push_batch(&mut batch))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| producer.push(Bomb(3)))).is_err());
        producer.push(Bomb(9)).expect("the sink is as good as ever");
        assert_accounts(&sink.finish(), 1);
        assert_eq!(values(&memory), ["9"]);
    });
}

#[test]
fn names_are_free_again_once_their_records_are_written() {
    within("sink::lifecycle::names", || {
        for format in super::rows::FORMATS {
            let memory = MemoryOutput::new();
            let sink = OrderedSink::builder(format.encoding(), memory.clone()).build();
            let sink = sink.expect("a sound setting");
            for round in 0..10 {
                let mut first = sink.producer("first").expect("free");
                let mut second = sink.producer(format!("second-{round}")).expect("free");
                assert_eq!(
                    sink.producer("first").expect_err("taken"),
                    JoinError::NameTaken { name: "first".into() }
                );
                assert_eq!((first.id().get(), second.id().get()), (0, 1), "ids are used again");
                first.push(format!("f{round}")).expect("an open sink");
                second.push(format!("s{round}")).expect("an open sink");
                drop((first, second));
                sink.flush().expect("an open sink");
            }
            let report = sink.finish().expect("no fault");
            assert_eq!((report.accepted, report.producers), (20, 2));
            let rows = format.read(&memory.contents()).expect("whole records");
            for (i, row) in rows.iter().enumerate() {
                let name = if i % 2 == 0 { "first".into() } else { format!("second-{}", i / 2) };
                assert_eq!(row.name, name);
                assert!(row.sequence.is_none_or(|sequence| sequence == 0), "a new producer");
            }
        }
    });
}

#[test]
fn many_join_and_leave_at_once() {
    within("sink::lifecycle::churn", || {
        let memory = MemoryOutput::new();
        let sink = OrderedSink::builder(Format::Csv.encoding(), memory.clone()).capacity(8).build();
        let sink = sink.expect("a sound setting");
        thread::scope(|threads| {
            for t in 0..16 {
                let sink = &sink;
                threads.spawn(move || {
                    for round in 0..40 {
                        let mut producer =
                            sink.producer(format!("{t}-{round}")).expect("a fresh name");
                        for value in 0..5 {
                            producer.push(value.to_string()).expect("an open sink");
                        }
                    }
                });
            }
        });
        let report = sink.finish().expect("no fault");
        assert_eq!(report.accepted, 16 * 40 * 5);
        let rows = Format::Csv.read(&memory.contents()).expect("whole records");
        assert!(rows.is_sorted_by_key(|row| row.stamp));
        let mut names: Vec<_> = rows.iter().map(|row| (&*row.name, row.sequence)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 16 * 40 * 5, "each name has its sequence 0 to 4");
    });
}

#[test]
fn ids_are_given_in_the_order_of_joining_and_decide_ties() {
    within("sink::lifecycle::ids", || {
        let memory = MemoryOutput::new();
        let sink = OrderedSink::builder(Text::new(), memory.clone()).logical_time().build();
        let sink = sink.expect("a sound setting");
        let mut producers: Vec<_> =
            ["z", "y", "x"].map(|n| sink.producer(n).expect("fresh")).into();
        assert!(producers.iter().map(|p| p.id().get()).eq(0..3));
        for (value, producer) in (0..).zip(producers.iter_mut().rev()) {
            producer.push_at(Stamp::from_nanos(1), value).expect("in order");
            producer.push_at(Stamp::from_nanos(1), value + 10).expect("in order");
        }
        assert_accounts(&sink.finish(), 6);
        assert_eq!(values(&memory), ["2", "12", "1", "11", "0", "10"]);
    });
}

#[test]
fn records_may_borrow_inside_a_scope() {
    within("sink::lifecycle::scope", || {
        let words = String::from("to be or not to be");
        let memory = MemoryOutput::new();
        let outcome = OrderedSink::builder(Text::new(), memory.clone()).scope(|sink| {
            thread::scope(|threads| {
                for (i, word) in words.split(' ').enumerate() {
                    threads.spawn(move || {
                        let mut producer = sink.producer(format!("{i}")).expect("a fresh name");
                        producer.push(word).expect("an open sink");
                    });
                }
            });
            words.len()
        });
        let (length, report) = outcome.expect("no fault");
        assert_eq!((length, report.written), (18, 6));
        let mut written = values(&memory);
        written.sort();
        assert_eq!(written, ["be", "be", "not", "or", "to", "to"]);
    });
}

#[test]
fn a_producer_taken_out_of_its_scope_is_told_that_it_is_over() {
    within("sink::lifecycle::out of scope", || {
        let text = String::from("borrowed");
        let outcome = OrderedSink::builder(Text::new(), MemoryOutput::new()).scope(|sink| {
            let mut producer = sink.producer("p").expect("a fresh name");
            producer.push(text.as_str()).expect("an open sink");
            producer
        });
        let (mut producer, report) = outcome.expect("no fault");
        assert_eq!(report.written, 1);
        let error = producer.push("more").expect_err("over");
        assert!(matches!(error.reason, Refusal::Closed));
        assert_eq!(error.value, "more");
    });
}

#[test]
fn a_body_that_panics_still_has_its_records_written() {
    within("sink::lifecycle::body panics", || {
        let memory = MemoryOutput::new();
        let output = memory.clone();
        let caught = catch_unwind(AssertUnwindSafe(|| {
            OrderedSink::builder(Text::new(), output).scope(|sink| {
                let mut producer = sink.producer("p").expect("a fresh name");
                (0..100).for_each(|value| _ = producer.push(value).expect("an open sink"));
                panic!("the body");
            })
        }));
        let payload = caught.map(drop).expect_err("the panic goes on");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"the body"));
        assert_eq!(values(&memory).len(), 100);
    });
}

#[test]
fn a_scope_reports_the_faults_of_its_sink() {
    within("sink::lifecycle::scope faults", || {
        let device = Device::new(Plan { room: Some(0), ..Plan::default() });
        let outcome = OrderedSink::builder(Text::new(), device.output()).scope(|sink| {
            let mut producer = sink.producer("p").expect("a fresh name");
            producer.push(String::from("v")).expect("not known yet");
        });
        let Err(ScopeError::Sink(error)) = outcome else { panic!("the disk is full") };
        assert_eq!(error.unwritten().len(), 1);

        let outcome = OrderedSink::builder(Text::new(), MemoryOutput::new())
            .capacity(0)
            .scope(|_: &OrderedSink<u32>| unreachable!("no sink, no body"));
        assert!(matches!(outcome, Err(ScopeError::Build(BuildError::ZeroCapacity))));
    });
}

#[test]
fn dropping_a_sink_drains_it() {
    within("sink::lifecycle::dropped", || {
        let memory = MemoryOutput::new();
        let sink = sink::<u32>(&memory);
        let mut producer = sink.producer("p").expect("a fresh name");
        (0..2_000).for_each(|value| _ = producer.push(value).expect("an open sink"));
        drop(sink);
        assert_eq!(values(&memory).len(), 2_000);

        let device = Device::new(Plan { room: Some(0), ..Plan::default() });
        let sink = OrderedSink::builder(Text::new(), device.output()).build();
        let sink = sink.expect("no header to write");
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push(1).expect("not known yet");
        drop(sink);
        assert!(matches!(producer.push(2).expect_err("gone").reason, Refusal::Failed(_)));
    });
}

#[test]
fn finishing_wakes_those_who_wait_for_a_flush() {
    within("sink::lifecycle::flush and finish", || {
        // The frontier never comes: only the end of the sink can answer.
        let outcome = OrderedSink::builder(Text::new(), MemoryOutput::new())
            .clock(ManualClock::at(Stamp::from_nanos(5)))
            .scope(|sink: &OrderedSink<u32>| {
                let mut producer = sink.producer("p").expect("a fresh name");
                producer.push(1).expect("an open sink");
                sink.flush().expect("an open sink");
            });
        assert_eq!(outcome.expect("no fault").1.written, 1);
        let device = Device::default();
        let sink = OrderedSink::builder(Text::new(), device.output())
            .clock(ManualClock::at(Stamp::from_nanos(5)))
            .build()
            .expect("a sound setting");
        let sink = std::sync::Arc::new(sink);
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push(1).expect("an open sink");
        let waiter = thread::spawn({
            let sink = std::sync::Arc::downgrade(&sink);
            move || {
                let Some(sink) = sink.upgrade() else { return Err(WaitError::Closed) };
                sink.flush()
            }
        });
        waiter.join().expect("no panic").expect("an open sink");
        let sink = std::sync::Arc::into_inner(sink).expect("the last handle");
        assert_accounts(&sink.finish(), 1);
    });
}

#[test]
fn a_writer_stuck_in_its_output_holds_up_neither_joins_nor_statistics() {
    within("sink::lifecycle::stuck output", || {
        let device = Device::default();
        device.writing().shut();
        let sink = OrderedSink::builder(Text::new(), device.output()).build();
        let sink = sink.expect("no header to write");
        let mut producer = sink.producer("p").expect("a fresh name");
        producer.push(1).expect("an open sink");
        step("the writer to enter its write");
        device.writing().await_arrivals(1);
        // None of these may wait for the output.
        for i in 0..10 {
            let mut other = sink.producer(format!("p{i}")).expect("a fresh name");
            other.push(i).expect("room");
        }
        producer.push(2).expect("room");
        let _ = sink.stats();
        device.writing().open();
        assert_accounts(&sink.finish(), 12);
    });
}

#[test]
fn handles_go_where_their_threads_are() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<OrderedSink<String>>();
    is_sync::<OrderedSink<String>>();
    is_send::<brigade::sink::Producer<String>>();
    // A value that is `Send` and not `Sync` may be pushed, too.
    is_send::<OrderedSink<std::cell::Cell<u8>>>();
    is_send::<brigade::sink::Producer<std::cell::Cell<u8>>>();
    is_sync::<OrderedSink<std::cell::Cell<u8>>>();
}

#[test]
fn a_waiting_push_is_woken_by_the_end() {
    within("sink::lifecycle::woken", || {
        static WAITS: AtomicBool = AtomicBool::new(false);
        let sink = OrderedSink::builder(Text::new(), MemoryOutput::new())
            .capacity(1)
            .logical_time()
            .build()
            .expect("a sound setting");
        // It says nothing, so the other one's ring stays full.
        let _silent = sink.producer("silent").expect("a fresh name");
        let mut producer = sink.producer("p").expect("a fresh name");
        let pusher = thread::spawn(move || {
            producer.push_at(Stamp::from_nanos(1), 1).expect("room");
            WAITS.store(true, Ordering::SeqCst);
            producer.push_at(Stamp::from_nanos(2), 2)
        });
        step("the first push");
        while !WAITS.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        assert_accounts(&sink.finish(), 1);
        let error = pusher.join().expect("no panic").expect_err("the sink is finished");
        assert!(matches!(error.reason, Refusal::Closed), "{error}");
        assert_eq!(error.value, 2);
    });
}
