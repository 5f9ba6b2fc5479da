//! Ring full: the producer waits for room, the writer drains and wakes it. There is no timeout,
//! so a wake-up that gets lost is a deadlock.

use brigade::internals::Protocol;
use loom::thread;

use super::explore::{Skewed, explore};
use super::ledger::Ledger;

/// One hand-over, and nobody who would come by again: the drain's own wake-up must do.
#[test]
fn room_is_handed_over_once() {
    explore(None, || {
        let (protocol, mut writer) = Protocol::new();
        let mut port = protocol.join("a", 1).expect("room for it");
        port.push(0_u64, || 0).expect("an empty ring");
        let pushing = thread::spawn(move || {
            let room = port.wait_for_room();
            (room && port.push(1, || 0).is_ok(), port)
        });
        assert_eq!(writer.round(1).len(), 1, "lost: the record of a full ring");
        writer.wake_blocked();
        let (accepted, _port) = pushing.join().unwrap();
        assert!(accepted, "the sink is open and has room");
        assert_eq!(writer.close().len(), 1, "lost: the record that waited for room");
    });
}

/// A slice makes too little room to wake anybody for. The round that ends it must, though it takes
/// nothing more of that ring.
#[test]
fn little_room_is_handed_over_in_the_end() {
    explore(Some(3), || {
        let (protocol, mut writer) = Protocol::new();
        let mut port = protocol.join("a", 3).expect("room for it");
        for (value, stamp) in [(0_u64, 0), (1, 20), (2, 20)] {
            port.push(value, || stamp).expect("a ring with room");
        }
        let pushing = thread::spawn(move || {
            let room = port.wait_for_room();
            (room && port.push(3, || 20).is_ok(), port)
        });
        assert_eq!(writer.slice(9).len(), 1, "lost: the first record");
        writer.wake_blocked_between();
        assert_eq!(writer.round(9).len(), 0, "the others are stamped behind the cut");
        writer.wake_blocked();
        let (accepted, _port) = pushing.join().unwrap();
        assert!(accepted, "the sink is open and has room");
        assert_eq!(writer.close().len(), 3, "lost: a record behind the slice");
    });
}

/// The writer's whole loop, resting where it rests, until everything has come through.
fn through_a_narrow_ring(preemptions: Option<usize>, capacity: usize, pushes: u64) {
    explore(preemptions, move || {
        let (protocol, mut writer) = Protocol::new();
        let clock = Skewed::new();
        let mut port = protocol.join("a", capacity).expect("room for it");
        let its_clock = clock.clone();
        let pushing = thread::spawn(move || {
            let mut accepted = Vec::new();
            for value in 0..pushes {
                assert!(port.wait_for_room(), "the sink is open");
                let stamp = port.push(value, || its_clock.read()).expect("there is room");
                accepted.push((stamp, port.id(), value));
            }
            (accepted, port)
        });
        let mut ledger = Ledger::default();
        let mut stuck = false;
        let mut now = 0;
        while (ledger.count() as u64) < pushes {
            now = clock.show(now + 1);
            let mut proposal = now;
            if stuck {
                proposal = proposal.max(writer.past_all());
            }
            let released = writer.round(proposal);
            let idle = released.is_empty();
            ledger.enter(released, writer.cut());
            stuck = writer.wake_blocked();
            if (ledger.count() as u64) == pushes {
                break;
            }
            if idle && !stuck && writer.may_rest(now) {
                protocol.sleep();
            } else if idle {
                thread::yield_now();
            }
            writer.wake_up();
        }
        let (accepted, _port) = pushing.join().unwrap();
        ledger.balance(accepted);
    });
}

#[test]
fn two_records_through_room_for_one() {
    through_a_narrow_ring(Some(2), 1, 2);
}

#[test]
fn three_records_through_room_for_two() {
    through_a_narrow_ring(Some(2), 2, 3);
}
