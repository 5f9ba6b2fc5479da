//! Close against push: every accepted record is in what the close drains or came before; every
//! other value is back in its owner's hands.

use std::sync::Arc;

use brigade::internals::Protocol;
use loom::thread;

use super::explore::{Skewed, explore, push_some};
use super::ledger::Ledger;

fn close(preemptions: Option<usize>, producers: usize, pushes: u64, rounds: u64) {
    explore(preemptions, move || {
        let (protocol, mut writer) = Protocol::new();
        let clock = Skewed::new();
        let threads: Vec<_> = (0..producers)
            .map(|at| {
                let mut port = protocol.join(["a", "b"][at], 8).expect("room for it");
                let clock = clock.clone();
                thread::spawn(move || push_some(&mut port, pushes, &clock, 0))
            })
            .collect();
        let mut ledger = Ledger::default();
        for now in 1..=rounds {
            let released = writer.round(clock.show(now));
            ledger.enter(released, writer.cut());
        }
        ledger.enter(writer.close(), u64::MAX);
        ledger.balance(threads.into_iter().flat_map(|t| t.join().unwrap()));
    });
}

#[test]
fn against_one_push() {
    close(None, 1, 1, 0);
}

#[test]
fn against_three_pushes() {
    close(Some(3), 1, 3, 0);
}

#[test]
fn after_a_round_against_two_pushes() {
    close(Some(3), 1, 2, 1);
}

#[test]
fn against_two_producers() {
    close(Some(3), 2, 1, 0);
}

#[test]
fn against_a_batch() {
    explore(Some(3), || {
        let (protocol, mut writer) = Protocol::new();
        let mut port = protocol.join("a", 8).expect("room for it");
        let pushing = thread::spawn(move || port.push_all(vec![0_u64, 1], || 0));
        let drained = writer.close().len();
        let accepted = pushing.join().unwrap();
        assert_eq!(drained, if accepted.is_some() { 2 } else { 0 }, "lost: a batch");
    });
}

/// Who joins in time is drained; who does not is told.
#[test]
fn against_a_producer_that_joins() {
    explore(Some(3), || {
        let (protocol, mut writer) = Protocol::new();
        let protocol = Arc::new(protocol);
        let clock = Skewed::new();
        let joining = (Arc::clone(&protocol), clock.clone());
        let joining = thread::spawn(move || {
            let (protocol, clock) = joining;
            let port = protocol.join("a", 8);
            port.map(|mut port| push_some(&mut port, 2, &clock, 0)).unwrap_or_default()
        });
        let mut ledger = Ledger::default();
        ledger.enter(writer.close(), u64::MAX);
        ledger.balance(joining.join().unwrap());
        assert!(protocol.join("b", 8).is_none(), "joined a closed sink");
    });
}

/// A producer that waits for room learns of the end, with no round to make any.
#[test]
fn against_a_producer_that_waits_for_room() {
    explore(None, || {
        let (protocol, mut writer) = Protocol::new();
        let clock = Skewed::new();
        let mut port = protocol.join("a", 1).expect("room for it");
        let pushing = thread::spawn(move || {
            let mut accepted = push_some(&mut port, 1, &clock, 0);
            if port.wait_for_room() && port.push(1, || 0).is_ok() {
                accepted.push((0, 0, 1));
            }
            accepted
        });
        let drained = writer.close().len();
        assert_eq!(drained, pushing.join().unwrap().len(), "lost: accepted, not drained");
    });
}
