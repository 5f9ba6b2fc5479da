//! A writer that was held up finds more than it takes at once: slice by slice it all comes out, in
//! order, or comes back.

use brigade::clock::{ManualClock, Stamp};
use brigade::sink::{OrderedSink, Report, SinkError, Text};

use super::device::{Device, Plan};
use super::rows::{Format, Row};
use crate::watchdog::{step, within};

const PRODUCERS: usize = 5;
const OF_EACH: u64 = 12_000;
const START: u64 = 1_795_316_400_000_000_000;

/// Stamp, producer, value, which is the sequence number.
type Key = (u64, usize, u64);

/// Fills all rings while the writer waits at the gate, then ends the sink. Gives what was accepted
/// in its total order, and the outcome.
fn held_up(device: &Device, flush: bool) -> (Vec<Key>, Result<Report, SinkError<u64>>) {
    let clock = ManualClock::at(Stamp::from_nanos(START));
    let sink = OrderedSink::builder(Text::new(), device.output())
        .capacity(OF_EACH as usize)
        .clock(clock.clone())
        .build()
        .expect("a sound device");
    let mut producers: Vec<_> =
        (0..PRODUCERS).map(|at| sink.producer(format!("p{at}")).expect("a fresh name")).collect();
    let mut accepted = Vec::new();
    let mut next = [0; PRODUCERS];
    let mut push = |at: usize| {
        let stamp = producers[at].push(next[at]).expect("an open sink with room");
        accepted.push((stamp.as_nanos(), at, next[at]));
        next[at] += 1;
    };
    device.writing().shut();
    push(0);
    clock.set(Stamp::from_nanos(START + 1));
    step("the writer comes to the gate");
    device.writing().await_arrivals(1);
    // Ties, close neighbours, and gaps as long as a day; now one by one, now in bursts.
    let mut now = START + 1;
    let mut state = 7_u64;
    for turn in 0..OF_EACH - 1 {
        for at in 0..PRODUCERS {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            now += match state >> 59 {
                0..16 => 0,
                16..30 => state >> 32 & 63,
                30 => state >> 40,
                _ if turn % 1_000 == 0 => 86_400_000_000_000,
                _ => 1,
            };
            clock.set(Stamp::from_nanos(now));
            push((at + (turn / 3_000) as usize) % PRODUCERS);
        }
    }
    clock.set(Stamp::from_nanos(now + 1));
    device.writing().open();
    step("the sink ends");
    if flush {
        // It fails if the sink does, which the outcome tells as well.
        let _ = sink.flush();
    }
    drop(producers);
    accepted.sort_unstable();
    (accepted, sink.finish())
}

fn assert_are(rows: &[Row], accepted: &[Key]) {
    assert_eq!(rows.len(), accepted.len());
    for (row, (stamp, producer, value)) in rows.iter().zip(accepted) {
        assert_eq!(row.stamp, *stamp);
        assert_eq!((&row.name, &row.value), (&format!("p{producer}"), &value.to_string()));
    }
}

#[test]
fn what_piled_up_comes_out_in_order() {
    within("sink::backlog::in order", || {
        for flush in [true, false] {
            let device = Device::default();
            let (accepted, outcome) = held_up(&device, flush);
            let report = outcome.expect("no fault");
            assert_eq!(report.written, PRODUCERS as u64 * (OF_EACH - 1) + 1);
            assert_are(&Format::Text.read(&device.bytes()).expect("whole lines"), &accepted);
        }
    });
}

#[test]
fn a_fault_anywhere_in_it_gives_back_all_that_is_not_written() {
    within("sink::backlog::fault", || {
        for at in [0, 100_000, 600_000, 1_300_000, 2_000_000] {
            for flush in [true, false] {
                let full = Plan { room: Some(at), ..Plan::default() };
                for plan in [full, Plan { panics_at: Some(at), ..Plan::default() }] {
                    let device = Device::new(plan);
                    let (accepted, outcome) = held_up(&device, flush);
                    let error = outcome.expect_err("a fault");
                    let rows = Format::Text.read(&device.bytes()).expect("whole lines");
                    assert_eq!(error.report().written, rows.len() as u64);
                    assert_eq!(error.report().accepted, accepted.len() as u64);
                    let (written, left) = accepted.split_at(rows.len());
                    assert_are(&rows, written);
                    let back: Vec<Key> = error
                        .unwritten()
                        .iter()
                        .map(|r| (r.stamp.as_nanos(), r.producer.get() as usize, r.sequence))
                        .collect();
                    assert!(back == left, "what is not written is what comes back, in order");
                    assert!(error.unwritten().iter().all(|r| r.value == r.sequence));
                }
            }
        }
    });
}
