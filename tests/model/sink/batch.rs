//! A batch comes out whole: all of it in one round, or none.

use brigade::internals::{Protocol, Seen};
use loom::thread;

use super::explore::{Skewed, explore, push_some};
use super::ledger::Ledger;

const SIZE: u64 = 2;

/// The values of one producer are 0, 1, 2, 3 …, and every [`SIZE`] of them are one batch, which
/// has one stamp.
fn assert_whole(round: &[Seen<u64>], producer: u32) {
    let of_it: Vec<_> = round.iter().filter(|(id, ..)| *id == producer).collect();
    let one = |batch: &[&Seen<u64>]| {
        let (first, last) = (batch[0], batch[batch.len() - 1]);
        batch.len() as u64 == SIZE && first.3.is_multiple_of(SIZE) && first.2 == last.2
    };
    assert!(of_it.chunks(SIZE as usize).all(one), "a batch was torn: {round:?}");
}

fn batches(preemptions: Option<usize>, batches: u64, singles: u64, rounds: u64) {
    explore(preemptions, move || {
        let (protocol, mut writer) = Protocol::new();
        let clock = Skewed::new();
        let mut port = protocol.join("batches", 8).expect("room for it");
        let producer = port.id();
        let other = (singles > 0).then(|| {
            let mut port = protocol.join("singles", 8).expect("room for it");
            let clock = clock.clone();
            thread::spawn(move || push_some(&mut port, singles, &clock, 0))
        });
        let its_clock = clock.clone();
        let pushing = thread::spawn(move || {
            let mut accepted = Vec::new();
            for batch in 0..batches {
                let values: Vec<u64> = (batch * SIZE..(batch + 1) * SIZE).collect();
                let stamp = port.push_all(values.clone(), || its_clock.read());
                let stamp = stamp.expect("the sink is open");
                accepted.extend(values.into_iter().map(|value| (stamp, producer, value)));
            }
            accepted
        });
        let mut ledger = Ledger::default();
        for now in 1..=rounds {
            let released = writer.round(clock.show(now));
            assert_whole(&released, producer);
            ledger.enter(released, writer.cut());
        }
        let mut accepted = pushing.join().unwrap();
        accepted.extend(other.into_iter().flat_map(|other| other.join().unwrap()));
        let rest = writer.close();
        assert_whole(&rest, producer);
        ledger.enter(rest, u64::MAX);
        ledger.balance(accepted);
    });
}

#[test]
fn two_batches_two_rounds() {
    batches(Some(3), 2, 0, 2);
}

#[test]
fn beside_a_producer_of_single_records() {
    batches(Some(2), 1, 1, 2);
}

/// Every record with a stamp of its own, and not ascending, under one claim.
#[test]
fn with_stamps_of_its_own() {
    explore(Some(3), || {
        let (protocol, mut writer) = Protocol::new();
        let mut port = protocol.join("a", 8).expect("room for it");
        let pushing = thread::spawn(move || (port.push_all_at(vec![(2, 0), (1, 1)]), port));
        let mut found = Vec::new();
        for proposal in [1, 2] {
            let cut = writer.cut();
            let round = writer.round_of_events(proposal);
            assert!(
                round.iter().all(|&(_, _, stamp, _)| stamp >= cut),
                "order broken: {round:?} came when everything below {cut} was out"
            );
            assert!(matches!(round.len(), 0 | 2), "a batch was torn: {round:?}");
            found.extend(round);
        }
        let (accepted, _port) = pushing.join().unwrap();
        found.extend(writer.close());
        assert_eq!(found.len(), if accepted { 2 } else { 0 }, "lost: {found:?}");
    });
}
