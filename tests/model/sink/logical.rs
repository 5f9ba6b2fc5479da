//! Logical time: what every producer has promised to be past comes out, in order; and who has
//! promised no more than a stamp may push at it.

use std::sync::Arc;

use brigade::internals::{Port, Protocol};
use loom::thread;

use super::explore::explore;
use super::ledger::{Key, Ledger};

/// What a producer does, one after the other.
#[derive(Clone, Copy)]
enum Deed {
    Push(u64),
    Advance(u64),
    Pause,
    /// Ends a pause, at this stamp or, if the frontier is past it, at this other one; then pushes.
    Resume(u64, u64),
}
use Deed::{Advance, Pause, Push, Resume};

fn perform(port: &mut Port<u64>, deeds: &[Deed]) -> Vec<Key> {
    let mut accepted: Vec<Key> = Vec::new();
    let mut push = |port: &mut Port<u64>, stamp| {
        let sequence = accepted.len() as u64;
        let held = port.promised() <= stamp;
        match port.push_promised(stamp, sequence) {
            Ok(_) => accepted.push((stamp, port.id(), sequence)),
            Err(_) => assert!(!held, "a promise was not kept: {stamp} was refused"),
        }
    };
    for &deed in deeds {
        match deed {
            Push(stamp) => push(port, stamp),
            Advance(low) => port.advance_to(low),
            Pause => port.pause(),
            Resume(early, late) => {
                let stamp = if port.resume(early) { early } else { late };
                if port.resume(stamp) {
                    push(port, stamp);
                }
            }
        }
    }
    accepted
}

/// The first two sets of deeds are those of producers that are there from the start, in threads
/// of their own; a third one's joins while they are at work.
fn deeds(preemptions: Option<usize>, deeds: &'static [&'static [Deed]], late: bool, rounds: usize) {
    explore(preemptions, move || {
        let (protocol, mut writer) = Protocol::new();
        let protocol = Arc::new(protocol);
        let there = if late { deeds.len() - 1 } else { deeds.len() };
        let mut threads: Vec<_> = deeds[..there]
            .iter()
            .enumerate()
            .map(|(at, deeds)| {
                let mut port = protocol.join(["a", "b"][at], 8).expect("room for it");
                thread::spawn(move || (perform(&mut port, deeds), port))
            })
            .collect();
        if late {
            let protocol = Arc::clone(&protocol);
            let deeds = deeds[there];
            threads.push(thread::spawn(move || {
                let mut port = protocol.join("late", 8).expect("room for it");
                // It begins where the frontier stands, and may push there.
                let low = port.promised();
                let mut accepted = perform(&mut port, &[Push(low)]);
                assert_eq!(accepted.len(), 1, "a promise was not kept: {low} was refused");
                let more = perform(&mut port, deeds);
                accepted.extend(more.into_iter().map(|(stamp, id, n)| (stamp, id, n + 1)));
                (accepted, port)
            }));
        }
        let mut ledger = Ledger::default();
        for _ in 0..rounds {
            let released = writer.round_of_promises();
            ledger.enter(released, writer.cut());
        }
        let ended: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        let released = writer.round_of_promises();
        ledger.enter(released, writer.cut());
        let (accepted, ports): (Vec<_>, Vec<_>) = ended.into_iter().unzip();
        // Everybody has stopped moving: what all have promised to be past is out.
        let frontier = ports.iter().map(Port::promised).min().unwrap_or(u64::MAX);
        let due = accepted.iter().flatten().filter(|(stamp, ..)| *stamp < frontier).count();
        assert!(ledger.count() >= due, "lost: {due} are due, {} are out", ledger.count());
        ledger.enter(writer.close(), u64::MAX);
        ledger.balance(accepted.into_iter().flatten());
    });
}

#[test]
fn one_producer_pushes() {
    deeds(Some(3), &[&[Push(0), Push(1), Push(1)]], false, 2);
}

#[test]
fn one_waits_for_the_other() {
    deeds(Some(2), &[&[Push(1), Push(2)], &[Push(0), Advance(2)]], false, 2);
}

#[test]
fn a_pause_lets_the_other_pass() {
    deeds(Some(2), &[&[Push(1), Push(3)], &[Pause, Resume(2, 5)]], false, 2);
}

#[test]
fn a_pause_ends_with_a_promise_that_holds() {
    deeds(Some(3), &[&[Pause, Resume(0, 9)], &[Advance(3)]], false, 2);
}

#[test]
fn a_late_producer_pushes_where_it_begins() {
    deeds(Some(2), &[&[Push(1), Push(2)], &[]], true, 2);
}

#[test]
fn a_late_producer_beside_a_pause() {
    deeds(Some(3), &[&[Push(1), Pause], &[Advance(4)]], true, 1);
}
