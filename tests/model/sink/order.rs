//! Order and completeness: whatever the producers and the writer interleave, the rounds' records
//! one after the other, and then the close's, are the accepted ones in their total order.

use brigade::internals::{Protocol, Rounds, Seen};
use loom::thread;

use super::explore::{Skewed, explore, push_some};
use super::ledger::Ledger;

/// Producers whose clocks run ahead by `ahead`, one entry each.
fn rounds(preemptions: Option<usize>, ahead: &'static [u64], pushes: u64, rounds: u64) {
    each_by(Rounds::round, preemptions, ahead, pushes, rounds);
}

fn each_by(
    round: fn(&mut Rounds<u64>, u64) -> Vec<Seen<u64>>,
    preemptions: Option<usize>,
    ahead: &'static [u64],
    pushes: u64,
    rounds: u64,
) {
    explore(preemptions, move || {
        let (protocol, mut writer) = Protocol::new();
        let clock = Skewed::new();
        let producers: Vec<_> = (0..ahead.len())
            .map(|at| {
                let mut port = protocol.join(["a", "b"][at], 8).expect("room for it");
                let clock = clock.clone();
                thread::spawn(move || {
                    let accepted = push_some(&mut port, pushes, &clock, ahead[at]);
                    (port, accepted)
                })
            })
            .collect();
        let mut ledger = Ledger::default();
        for now in 1..=rounds {
            let released = round(&mut writer, clock.show(now));
            ledger.enter(released, writer.cut());
        }
        let ended: Vec<_> = producers.into_iter().map(|p| p.join().unwrap()).collect();
        ledger.enter(writer.close(), u64::MAX);
        ledger.balance(ended.into_iter().flat_map(|(_, accepted)| accepted));
    });
}

#[test]
fn one_producer_one_push_one_round() {
    rounds(None, &[0], 1, 1);
}

#[test]
fn one_producer_two_pushes_one_round() {
    rounds(None, &[0], 2, 1);
}

#[test]
fn one_producer_two_pushes_two_rounds() {
    rounds(Some(3), &[0], 2, 2);
}

#[test]
fn one_producer_two_pushes_three_rounds() {
    rounds(Some(3), &[0], 2, 3);
}

#[test]
fn one_producer_three_pushes_two_rounds() {
    rounds(Some(3), &[0], 3, 2);
}

#[test]
fn one_producer_three_pushes_three_rounds() {
    rounds(Some(2), &[0], 3, 3);
}

#[test]
fn a_fast_clock_two_pushes_three_rounds() {
    rounds(Some(3), &[1], 2, 3);
}

#[test]
fn two_producers_one_push_one_round() {
    rounds(Some(3), &[0, 0], 1, 1);
}

#[test]
fn two_producers_one_push_two_rounds() {
    rounds(Some(3), &[0, 0], 1, 2);
}

#[test]
fn two_producers_two_pushes_two_rounds() {
    rounds(Some(2), &[0, 0], 2, 2);
}

#[test]
fn two_producers_with_different_clocks() {
    rounds(Some(2), &[1, 0], 1, 2);
}

#[test]
fn slices_of_one_producer() {
    each_by(Rounds::slice, Some(3), &[1], 2, 3);
}

#[test]
fn slices_of_two_producers() {
    each_by(Rounds::slice, Some(2), &[0, 1], 2, 2);
}
