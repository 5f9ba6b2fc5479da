//! The phaser under every interleaving: data, wake-ups, parties that come and go, the close.

use std::ops::ControlFlow::Continue;
use std::sync::Arc;
use std::time::Duration;

use brigade::internals::Mutant::*;
use brigade::phaser::{Advance, ArriveError, AwaitError, Phaser};

#[cfg(brigade_loom)]
use loom::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    thread,
};
#[cfg(brigade_shuttle)]
use shuttle::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    thread,
};

use crate::contrast::{Contrast, all_are_caught, both, loom, shuttle};
use crate::explore::explore;

const SOME_TIME: Duration = Duration::from_secs(3600);

fn meets(parties: usize, phases: u32) {
    let phaser = Arc::new(Phaser::new());
    let written: Arc<Vec<_>> = Arc::new((0..parties).map(|_| AtomicU32::new(0)).collect());
    // All are registered before any of them runs.
    let parties: Vec<_> = (0..parties).map(|_| phaser.register_owned().unwrap()).collect();
    let threads: Vec<_> = parties
        .into_iter()
        .enumerate()
        .map(|(i, mut party)| {
            let written = Arc::clone(&written);
            thread::spawn(move || {
                for phase in 0..phases {
                    written[i].store(phase + 1, Relaxed);
                    let token = party.arrive().unwrap();
                    assert_eq!(party.phaser().await_phase(token), Ok(phase + 1));
                    for other in written.iter() {
                        assert!(other.load(Relaxed) > phase, "a party left before another's data");
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!((phaser.phase(), phaser.parties()), (phases + 1, 0));
}

#[test]
fn two_meet_twice() {
    explore(2, || meets(2, 2));
}

#[test]
#[cfg(brigade_shuttle)]
fn six_meet_again_and_again() {
    explore(2, || meets(6, 4));
}

#[test]
fn a_deadline_breaks_nothing() {
    explore(2, || {
        let phaser = Arc::new(Phaser::new());
        let (mut a, mut b) = (phaser.register_owned().unwrap(), phaser.register_owned().unwrap());
        let other = thread::spawn(move || b.arrive().map(|token| token.phase()));
        let token = a.arrive().unwrap();
        let end = match phaser.await_phase_timeout(token, SOME_TIME) {
            Err(AwaitError::TimedOut(token)) => phaser.await_phase(token),
            end => Ok(end.unwrap()),
        };
        // Two, when the other has left in phase 1 and this party has not arrived: not possible.
        assert_eq!(end, Ok(1));
        assert_eq!(other.join().unwrap(), Ok(0));
    });
}

#[test]
fn a_party_leaves_while_its_phase_ends() {
    explore(2, || {
        let phaser = Arc::new(Phaser::new());
        let (mut stays, mut leaves) =
            (phaser.register_owned().unwrap(), phaser.register_owned().unwrap());
        let other = thread::spawn(move || {
            let _ = leaves.arrive().unwrap();
            drop(leaves);
        });
        assert_eq!(stays.arrive_and_wait(), Ok(1));
        assert_eq!(stays.arrive_and_wait(), Ok(2));
        other.join().unwrap();
        assert_eq!((phaser.parties(), phaser.unarrived()), (1, 1));
    });
}

#[test]
fn a_party_comes_while_the_phase_advances() {
    explore(2, || {
        let mut due = 0;
        let phaser = Arc::new(Phaser::with_on_advance(move |advance: Advance| {
            assert_eq!(advance.phase(), due, "a phase ended twice");
            due += 1;
            Continue(())
        }));
        let mut first = phaser.register_owned().unwrap();
        let late = Arc::clone(&phaser);
        let other = thread::spawn(move || {
            let mut party = late.register().unwrap();
            let phase = party.arrive().unwrap().phase();
            party.arrive_and_deregister().map(drop).unwrap();
            phase
        });
        assert_eq!(first.arrive().unwrap().phase(), 0);
        assert!(other.join().unwrap() <= 1);
        drop(first);
        assert_eq!(phaser.parties(), 0);
    });
}

#[test]
fn close_against_advance() {
    explore(2, || {
        let phaser = Arc::new(Phaser::with_on_advance(|_: Advance| Continue(())));
        let parties: Vec<_> = (0..2).map(|_| phaser.register_owned().unwrap()).collect();
        let threads: Vec<_> = parties
            .into_iter()
            .map(|mut party| thread::spawn(move || (party.arrive_and_wait(), party)))
            .collect();
        phaser.close();
        let ends: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        for (end, _) in &ends {
            assert!(matches!(end, Ok(1) | Err(ArriveError::Closed(_))));
            assert_eq!(end.is_ok(), ends[0].0.is_ok(), "one phase ended in two ways");
        }
    });
}

/// Five threads come, stay for some phases, and go.
#[test]
#[cfg(brigade_shuttle)]
fn parties_come_and_go() {
    explore(2, || {
        let mut due = 0;
        let phaser = Arc::new(Phaser::with_on_advance(move |advance: Advance| {
            assert_eq!(advance.phase(), due, "a phase ended twice");
            due += 1;
            Continue(())
        }));
        let threads: Vec<_> = (0..5)
            .map(|i| {
                let phaser = Arc::clone(&phaser);
                thread::spawn(move || {
                    for round in 0..3 {
                        let mut party = phaser.register().unwrap();
                        for _ in 0..(i + round) % 3 {
                            let token = party.arrive().unwrap();
                            let phase = token.phase();
                            assert_eq!(
                                phaser.await_phase(token),
                                Ok(phase + 1),
                                "a phase was skipped"
                            );
                        }
                        if round == i % 3 {
                            let _ = party.arrive().unwrap();
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!((phaser.parties(), phaser.unarrived()), (0, 0), "a party is left");
    });
}

const HANGS: &[&str] = &["deadlock"];
const STALE: &[&str] = &["a party left before another's data"];
const TWICE: &[&str] = &["a phase ended twice"];
const TWO_WAYS: &[&str] = &["one phase ended in two ways"];
const MISCOUNTED: &[&str] =
    &["deadlock", "a phase ended twice", "a phase was skipped", "a party is left"];

pub(crate) const CONTRASTS: &[Contrast] = &[
    both(WordWakeForgotten, "phaser::two_meet_twice", HANGS),
    both(WordSleepUnannounced, "phaser::two_meet_twice", HANGS),
    both(WordSleepUnchecked, "phaser::two_meet_twice", HANGS),
    loom(WordChangeRelaxed, "phaser::two_meet_twice", STALE),
    loom(WordWaitRelaxed, "phaser::two_meet_twice", STALE),
    both(PhaserLeaveBlind, "phaser::a_party_leaves_while_its_phase_ends", HANGS),
    both(PhaserRegisterBlind, "phaser::a_party_comes_while_the_phase_advances", TWICE),
    both(PhaserAdvanceBlind, "phaser::close_against_advance", TWO_WAYS),
    shuttle(PhaserLeaveBlind, "phaser::parties_come_and_go", MISCOUNTED),
    shuttle(PhaserRegisterBlind, "phaser::parties_come_and_go", MISCOUNTED),
];

#[test]
fn every_mutant_is_caught() {
    all_are_caught(CONTRASTS);
}
