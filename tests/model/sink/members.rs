//! Producers that come and go while rounds run.

use std::sync::Arc;

use brigade::internals::Protocol;
use loom::thread;

use super::explore::{Skewed, explore, push_some};
use super::ledger::Ledger;

/// A producer joins and pushes while the writer looks, beside `others` that were there before.
fn join(preemptions: Option<usize>, others: usize, pushes: u64, rounds: u64) {
    explore(preemptions, move || {
        let (protocol, mut writer) = Protocol::new();
        let protocol = Arc::new(protocol);
        let clock = Skewed::new();
        let mut threads = Vec::new();
        for _ in 0..others {
            let mut port = protocol.join("early", 8).expect("room for it");
            let clock = clock.clone();
            threads.push(thread::spawn(move || {
                let accepted = push_some(&mut port, pushes, &clock, 0);
                (port, accepted)
            }));
        }
        let joining = (Arc::clone(&protocol), clock.clone());
        threads.push(thread::spawn(move || {
            let (protocol, clock) = joining;
            let mut port = protocol.join("late", 8).expect("room for it");
            let accepted = push_some(&mut port, pushes, &clock, 0);
            (port, accepted)
        }));
        let mut ledger = Ledger::default();
        for now in 1..=rounds {
            let released = writer.round(clock.show(now));
            ledger.enter(released, writer.cut());
        }
        let ended: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        ledger.enter(writer.close(), u64::MAX);
        ledger.balance(ended.into_iter().flat_map(|(_, accepted)| accepted));
    });
}

#[test]
fn a_producer_joins_while_a_round_runs() {
    join(None, 0, 1, 1);
}

#[test]
fn a_producer_joins_while_rounds_run() {
    join(Some(3), 0, 2, 2);
}

#[test]
fn a_producer_joins_another_that_pushes() {
    join(Some(2), 1, 1, 2);
}

/// Two at once, for one name: exactly one gets it, and ids differ.
#[test]
fn two_producers_want_one_name() {
    explore(Some(3), || {
        let (protocol, mut writer) = Protocol::<u64>::new();
        let protocol = Arc::new(protocol);
        let other = Arc::clone(&protocol);
        let theirs = thread::spawn(move || (other.join("a", 1), other.join("c", 1)));
        let ours = (protocol.join("a", 1), protocol.join("b", 1));
        writer.round(1);
        let theirs = theirs.join().unwrap();
        assert!(ours.0.is_some() ^ theirs.0.is_some(), "one name for two");
        let ports = [&ours.0, &ours.1, &theirs.0, &theirs.1];
        let mut ids: Vec<u32> = ports.into_iter().flatten().map(|port| port.id()).collect();
        ids.sort_unstable();
        assert_eq!(ids, [0, 1, 2], "one id for two");
    });
}

/// A producer leaves with records in its ring. Its name and id become free when all of them are
/// released and not before; whoever gets them comes behind in the order.
fn leave(preemptions: Option<usize>, pushes: u64, rounds: u64) {
    explore(preemptions, move || {
        let (protocol, mut writer) = Protocol::new();
        let clock = Skewed::new();
        let mut port = protocol.join("a", 8).expect("room for it");
        let its_clock = clock.clone();
        let leaving = thread::spawn(move || push_some(&mut port, pushes, &its_clock, 0));
        let mut ledger = Ledger::default();
        let mut released_then = None;
        for now in 1..=rounds {
            let released = writer.round(clock.show(now));
            ledger.enter(released, writer.cut());
            let next = protocol.join("a", 8);
            assert!(next.is_none() || released_then.is_some(), "the name was free too early");
            if let Some(next) = next {
                assert_eq!(next.id(), 0, "the id was not free with the name");
                break;
            }
            if writer.retire(writer.cut()) == 1 {
                released_then = Some(ledger.count());
            }
        }
        let accepted = leaving.join().unwrap();
        if let Some(released) = released_then {
            assert_eq!(released, accepted.len(), "lost: the producer was let go with records");
        }
        ledger.enter(writer.close(), u64::MAX);
        ledger.balance(accepted);
    });
}

#[test]
fn a_producer_leaves_while_rounds_run() {
    leave(Some(3), 1, 3);
}

#[test]
fn a_producer_leaves_records_behind() {
    leave(Some(2), 2, 3);
}

/// The next of the name gets the same id, and its records come behind.
#[test]
fn a_producer_leaves_and_another_takes_its_place() {
    explore(Some(2), || {
        let (protocol, mut writer) = Protocol::new();
        let protocol = Arc::new(protocol);
        let clock = Skewed::new();
        let mut first = protocol.join("a", 8).expect("room for it");
        let members = (Arc::clone(&protocol), clock.clone());
        let coming = thread::spawn(move || {
            let (protocol, clock) = members;
            let accepted = push_some(&mut first, 1, &clock, 0);
            drop(first);
            let second = protocol.join("a", 8).map(|mut port| {
                assert_eq!(port.id(), 0, "the id was not free with the name");
                push_some(&mut port, 1, &clock, 0)
            });
            (accepted, second)
        });
        // Two generations of one id: the order between them is that of the stamps.
        let mut stamps: Vec<u64> = Vec::new();
        for now in 1..=2 {
            let cut = writer.cut();
            for (_, _, stamp, _) in writer.round(clock.show(now)) {
                assert!(stamp >= cut, "order broken: {stamp} came below the cut {cut}");
                stamps.push(stamp);
            }
            writer.retire(writer.cut());
        }
        let (first, second) = coming.join().unwrap();
        stamps.extend(writer.close().into_iter().map(|(_, _, stamp, _)| stamp));
        let accepted = first.into_iter().chain(second.into_iter().flatten());
        let accepted: Vec<u64> = accepted.map(|(stamp, ..)| stamp).collect();
        assert_eq!(stamps, accepted, "order broken, or lost");
        assert!(stamps.is_sorted_by(|a, b| a < b) || stamps.len() < 2, "order broken: {stamps:?}");
    });
}
