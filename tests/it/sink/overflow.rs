//! Full rings: who waits, who is refused, who is counted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use brigade::sink::{MemoryOutput, OrderedSink, Overflow, Producer, Refusal, Text};

use super::device::Device;
use super::ledger::assert_accounts;
use super::rows::Format;
use crate::watchdog::{step, within};

const CAPACITY: usize = 4;

/// A sink whose writer is held up inside a write, so that rings fill and stay full.
fn stalled(overflow: Overflow) -> (Device, OrderedSink<u32>, Producer<u32>) {
    let device = Device::default();
    device.writing().shut();
    let sink = OrderedSink::builder(Text::new(), device.output())
        .capacity(CAPACITY)
        .overflow(overflow)
        .build()
        .expect("a sound setting");
    sink.producer("bait").map(|mut bait| bait.push(0).is_ok()).expect("an open sink");
    step("the writer to enter its write");
    device.writing().await_arrivals(1);
    let producer = sink.producer("p").expect("a fresh name");
    (device, sink, producer)
}

fn values(device: &Device) -> Vec<String> {
    let rows = Format::Text.read(&device.bytes()).expect("whole records");
    rows.into_iter().filter(|row| row.name == "p").map(|row| row.value).collect()
}

#[test]
fn reject_refuses_and_hands_the_value_back() {
    within("sink::overflow::reject", || {
        let (device, sink, mut producer) = stalled(Overflow::Reject);
        for value in 0..4 {
            producer.push(value).expect("room");
        }
        for value in 4..6 {
            let error = producer.push(value).expect_err("the ring is full");
            assert!(matches!(error.reason, Refusal::Full));
            assert_eq!(error.into_inner(), value);
        }
        device.writing().open();
        sink.flush().expect("an open sink");
        producer.push(6).expect("room again");
        let report = sink.finish().expect("no fault");
        assert_eq!((report.accepted, report.full, report.dropped), (6, 2, 0));
        assert_eq!(report.ring_high_water, CAPACITY);
        assert_eq!(values(&device), ["0", "1", "2", "3", "6"]);
    });
}

#[test]
fn a_rejected_batch_keeps_what_did_not_fit() {
    within("sink::overflow::reject batch", || {
        let (device, sink, mut producer) = stalled(Overflow::Reject);
        let mut batch: Vec<u32> = (0..7).collect();
        let error = producer.push_batch(&mut batch).expect_err("four fit");
        assert!(matches!(error.reason, Refusal::Full));
        assert_eq!(batch, [4, 5, 6]);
        device.writing().open();
        sink.flush().expect("an open sink");
        producer.push_batch(&mut batch).expect("room again");
        assert!(batch.is_empty());
        assert_accounts(&sink.finish(), 8);
        assert_eq!(values(&device), ["0", "1", "2", "3", "4", "5", "6"]);
    });
}

#[test]
fn drop_newest_drops_and_counts() {
    within("sink::overflow::drop newest", || {
        let (device, sink, mut producer) = stalled(Overflow::DropNewest);
        let mut batch: Vec<u32> = (0..6).collect();
        let error = producer.push_batch(&mut batch).expect_err("four fit");
        assert!(matches!(error.reason, Refusal::Dropped));
        assert!(batch.is_empty(), "the policy is to drop");
        let error = producer.push(6).expect_err("the ring is full");
        assert!(matches!(error.reason, Refusal::Dropped));
        assert_eq!(error.value, 6);
        device.writing().open();
        let report = sink.finish().expect("no fault");
        assert_eq!((report.accepted, report.written, report.dropped), (5, 5, 3));
        assert_eq!(values(&device), ["0", "1", "2", "3"]);
    });
}

#[test]
fn a_timeout_gives_up_with_the_value() {
    within("sink::overflow::timeout", || {
        for patience in [Duration::ZERO, Duration::from_millis(2)] {
            let (device, sink, mut producer) = stalled(Overflow::Timeout(patience));
            let mut batch: Vec<u32> = (0..6).collect();
            let error = producer.push_batch(&mut batch).expect_err("four fit");
            assert!(matches!(error.reason, Refusal::TimedOut));
            assert_eq!(batch, [4, 5]);
            let error = producer.push(6).expect_err("the ring stays full");
            assert!(matches!(error.reason, Refusal::TimedOut));
            assert_eq!(error.value, 6);
            device.writing().open();
            let report = sink.finish().expect("no fault");
            assert_eq!((report.accepted, report.timed_out), (5, 2));
        }
    });
}

#[test]
fn the_longest_timeout_waits_for_room() {
    within("sink::overflow::longest timeout", || {
        let (device, sink, mut producer) = stalled(Overflow::Timeout(Duration::MAX));
        let pusher = thread::spawn(move || (0..50).all(|value| producer.push(value).is_ok()));
        device.writing().open();
        assert!(pusher.join().expect("no panic"));
        assert_accounts(&sink.finish(), 51);
    });
}

#[test]
fn block_waits_for_room_and_loses_nothing() {
    within("sink::overflow::block", || {
        let (device, sink, mut producer) = stalled(Overflow::Block);
        static PUSHED: AtomicUsize = AtomicUsize::new(0);
        let pusher = thread::spawn(move || {
            for value in 0..50 {
                producer.push(value).expect("an open sink");
                PUSHED.fetch_add(1, Ordering::SeqCst);
            }
        });
        // The gate is shut: whatever the pusher has done, it has not got past its ring.
        assert!(PUSHED.load(Ordering::SeqCst) <= CAPACITY);
        device.writing().open();
        pusher.join().expect("no panic");
        let report = sink.finish().expect("no fault");
        assert_eq!((report.accepted, report.written, report.full), (51, 51, 0));
        assert_eq!(values(&device), (0..50).map(|v| v.to_string()).collect::<Vec<_>>());
    });
}

#[test]
fn a_batch_larger_than_the_ring_goes_through_in_pieces() {
    within("sink::overflow::large batch", || {
        let memory = MemoryOutput::new();
        let sink = OrderedSink::builder(Text::new(), memory.clone()).capacity(3).build();
        let sink = sink.expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        let mut batch: Vec<u32> = (0..1_000).collect();
        let memory_of_batch = batch.capacity();
        producer.push_batch(&mut batch).expect("an open sink");
        assert!(batch.is_empty());
        assert_eq!(batch.capacity(), memory_of_batch, "its memory is kept");
        assert_accounts(&sink.finish(), 1_000);
        let rows = Format::Text.read(&memory.contents()).expect("whole records");
        assert!(rows.iter().map(|row| row.value.parse::<u32>().unwrap()).eq(0..1_000));
    });
}

#[test]
fn an_empty_batch_is_no_record() {
    within("sink::overflow::empty batch", || {
        let sink = OrderedSink::builder(Text::new(), MemoryOutput::new()).build();
        let sink = sink.expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        let stamp = producer.push(1).expect("an open sink");
        assert_eq!(producer.push_batch(&mut Vec::new()).expect("an open sink"), stamp);
        assert_accounts(&sink.finish(), 1);
    });
}

#[test]
fn one_record_of_room_is_enough_for_every_mode() {
    within("sink::overflow::capacity one", || {
        use brigade::clock::Stamp;
        let memory = MemoryOutput::new();
        let builder = || OrderedSink::builder(Text::new(), memory.clone()).capacity(1);

        let sink = builder().build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        (0..100).for_each(|value| _ = producer.push(value).expect("room comes"));
        assert_accounts(&sink.finish(), 100);

        memory_is_emptied(&memory);
        step("logical time with one record of room");
        let sink = builder().logical_time().build().expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        for at in 0..100 {
            producer.push_at(Stamp::from_nanos(at), 7).expect("room comes");
        }
        let mut batch: Vec<_> = (100..200).map(|at| (Stamp::from_nanos(at), 7)).collect();
        producer.push_batch(&mut batch).expect("room comes");
        assert_accounts(&sink.finish(), 200);
    });
}

fn memory_is_emptied(memory: &MemoryOutput) {
    use brigade::sink::Output as _;
    memory.clone().truncate(0).expect("memory");
}

/// Records of one logical stamp wait for the stamp to pass. More of them than the ring holds
/// would wait for each other.
#[test]
fn more_ties_than_room_are_refused_instead_of_waiting_for_each_other() {
    use brigade::clock::Stamp;
    within("sink::overflow::ties", || {
        let memory = MemoryOutput::new();
        let sink = OrderedSink::builder(Text::new(), memory.clone())
            .capacity(CAPACITY)
            .logical_time()
            .build()
            .expect("a sound setting");
        let mut producer = sink.producer("p").expect("a fresh name");
        let (first, second) = (Stamp::from_nanos(5), Stamp::from_nanos(6));
        for value in 0..4 {
            producer.push_at(first, value).expect("room");
        }
        let error = producer.push_at(first, 4).expect_err("four fit");
        assert!(matches!(error.reason, Refusal::Full), "{error}");
        assert_eq!(error.value, 4);
        let mut batch: Vec<_> = (4..7).map(|value| (first, value)).collect();
        let error = producer.push_batch(&mut batch).expect_err("four fit");
        assert!(matches!(error.reason, Refusal::Full), "{error}");
        assert_eq!(batch.len(), 3);
        // The next stamp lets the ties go.
        for value in 7..11 {
            producer.push_at(second, value).expect("room comes");
        }
        let report = sink.finish().expect("no fault");
        assert_eq!((report.accepted, report.written, report.full), (8, 8, 2));
    });
}
