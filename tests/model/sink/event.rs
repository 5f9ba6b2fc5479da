//! Event time: a late record is refused, and any other comes in order.

use brigade::internals::Protocol;
use loom::thread;

use super::explore::explore;
use super::ledger::{Key, Ledger};

/// Each producer pushes the stamps it is given; the writer proposes 1, 2, 3 … and holds what is
/// not due, as event time does.
fn events(preemptions: Option<usize>, stamps: &'static [&'static [u64]], rounds: u64) {
    explore(preemptions, move || {
        let (protocol, mut writer) = Protocol::new();
        let threads: Vec<_> = stamps
            .iter()
            .enumerate()
            .map(|(at, stamps)| {
                let mut port = protocol.join(["a", "b"][at], 8).expect("room for it");
                thread::spawn(move || {
                    let mut accepted: Vec<Key> = Vec::new();
                    for &stamp in *stamps {
                        let sequence = accepted.len() as u64;
                        match port.push_at(stamp, sequence) {
                            Ok(as_asked) => {
                                assert_eq!(as_asked, stamp, "the stamp is the producer's");
                                accepted.push((stamp, port.id(), sequence));
                            }
                            Err(value) => assert_eq!(value, sequence, "lost: the value"),
                        }
                    }
                    (accepted, port)
                })
            })
            .collect();
        let mut ledger = Ledger::default();
        let mut pending = Vec::new();
        let mut release = |found: Vec<_>, cut| {
            pending.extend(found);
            pending.sort_by_key(|&(id, sequence, stamp, _)| (stamp, id, sequence));
            let later = pending.partition_point(|&(_, _, stamp, _)| stamp < cut);
            // Stamps may go back, so the value tells nothing of the sequence of release.
            for (id, sequence, stamp, value) in pending.drain(..later) {
                assert_eq!(sequence, value, "lost or twice: a record of producer {id}");
                ledger.enter(vec![(id, sequence, stamp, sequence)], ledger.cut());
            }
            ledger.enter(Vec::new(), cut);
        };
        for proposal in 1..=rounds {
            let found = writer.round_of_events(proposal);
            release(found, writer.cut());
        }
        let ended: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        release(writer.close(), u64::MAX);
        ledger.balance(ended.into_iter().flat_map(|(accepted, _)| accepted));
    });
}

#[test]
fn late_or_in_order() {
    events(Some(3), &[&[1, 0]], 2);
}

#[test]
fn stamps_that_go_back_inside_the_lag() {
    events(Some(3), &[&[3, 1, 2]], 2);
}

#[test]
fn two_producers() {
    events(Some(2), &[&[1, 0], &[0, 1]], 2);
}
