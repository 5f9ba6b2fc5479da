//! The phaser from outside: the cases of libc++'s barrier suite and of Java's phaser in our words,
//! bad inputs, faults, stress.

use std::ops::ControlFlow::{self, Break, Continue};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use brigade::phaser::{
    Advance, ArriveError, AwaitError, CloseReason, NoAction, Party, Phaser, RegisterError, Token,
};
use proptest::prelude::*;

use crate::watchdog::within;

fn past() -> Instant {
    Instant::now().checked_sub(Duration::from_secs(1)).unwrap_or_else(Instant::now)
}

fn panic_quietly() -> ! {
    resume_unwind(Box::new("as arranged"))
}

fn reason(error: ArriveError) -> CloseReason {
    match error {
        ArriveError::Closed(closed) => closed.reason(),
        other => panic!("{other}"),
    }
}

fn assert_send_sync<T: Send + Sync>() {}

#[test]
fn types_cross_threads() {
    assert_send_sync::<Phaser>();
    assert_send_sync::<Phaser<fn(Advance) -> ControlFlow<()>>>();
    assert_send_sync::<Party<Arc<Phaser>>>();
    assert_send_sync::<Token>();
}

#[test]
fn it_is_one_word_and_lives_in_a_static() {
    static PHASER: Phaser = Phaser::new();
    assert_eq!(size_of::<Phaser>(), 8);
    let mut only = PHASER.register().unwrap();
    assert_eq!(only.arrive_and_wait(), Ok(1));
}

// What libc++ asks of `std::barrier`.

#[test]
fn cpp_arrive_does_not_wait_and_its_token_does() {
    within("cpp_arrive_does_not_wait_and_its_token_does", || {
        let phaser = Phaser::new();
        let (mut a, mut b) = (phaser.register().unwrap(), phaser.register().unwrap());
        thread::scope(|scope| {
            let token = a.arrive().unwrap();
            assert_eq!((phaser.unarrived(), token.phase()), (1, 0));
            let waits = scope.spawn(|| phaser.await_phase(token).unwrap());
            let _ = b.arrive().unwrap();
            assert_eq!(waits.join().unwrap(), 1);
        });
        assert_eq!((phaser.phase(), phaser.unarrived()), (1, 2));
    });
}

#[test]
fn cpp_arrive_and_wait_meets_again_and_again() {
    within("cpp_arrive_and_wait_meets_again_and_again", || {
        let phaser = Phaser::new();
        thread::scope(|scope| {
            for mut party in [(); 3].map(|()| phaser.register().unwrap()) {
                scope.spawn(move || {
                    for phase in 1..=100 {
                        assert_eq!(party.arrive_and_wait(), Ok(phase));
                    }
                });
            }
        });
        // The phase in which they all left has ended too.
        assert_eq!((phaser.phase(), phaser.parties()), (101, 0));
    });
}

#[test]
fn cpp_arrive_and_drop_counts_now_and_not_later() {
    within("cpp_arrive_and_drop_counts_now_and_not_later", || {
        let phaser = Phaser::new();
        let mut stays = phaser.register().unwrap();
        let leaves = phaser.register().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| leaves.arrive_and_deregister().map(drop).unwrap());
            // The first phase needs both, the second only the one that stays.
            assert_eq!(stays.arrive_and_wait(), Ok(1));
            assert_eq!(stays.arrive_and_wait(), Ok(2));
        });
        assert_eq!(phaser.parties(), 1);
    });
}

#[test]
fn cpp_completion_runs_once_a_phase_before_anybody_leaves() {
    within("cpp_completion_runs_once_a_phase_before_anybody_leaves", || {
        let runs = AtomicUsize::new(0);
        let phaser = Phaser::with_on_advance(|advance: Advance| {
            assert_eq!(advance.phase() as usize, runs.fetch_add(1, SeqCst));
            Continue(())
        });
        thread::scope(|scope| {
            for mut party in [(); 4].map(|()| phaser.register().unwrap()) {
                let runs = &runs;
                scope.spawn(move || {
                    for phase in 1..=50 {
                        party.arrive_and_wait().unwrap();
                        let ran = runs.load(SeqCst);
                        // The next one can run only when this party has arrived again.
                        assert_eq!(ran, phase);
                    }
                });
            }
        });
    });
}

// What Java's phaser promises besides.

#[test]
fn java_a_late_party_is_due_in_the_running_phase() {
    within("java_a_late_party_is_due_in_the_running_phase", || {
        let phaser = Phaser::new();
        let (mut a, mut b) = (phaser.register().unwrap(), phaser.register().unwrap());
        let token = a.arrive().unwrap();
        let mut late = phaser.register().unwrap();
        let _ = b.arrive().unwrap();
        assert_eq!((phaser.phase(), phaser.unarrived(), phaser.parties()), (0, 1, 3));
        let _ = late.arrive().unwrap();
        assert_eq!(phaser.await_phase(token), Ok(1));
    });
}

#[test]
fn java_a_party_that_arrived_leaves_without_arriving_again() {
    let phaser = Phaser::new();
    let (mut a, b) = (phaser.register().unwrap(), phaser.register().unwrap());
    let _ = a.arrive().unwrap();
    drop(a);
    assert_eq!((phaser.phase(), phaser.unarrived(), phaser.parties()), (0, 1, 1));
    let token = b.arrive_and_deregister().unwrap();
    assert_eq!((phaser.phase(), phaser.unarrived(), phaser.parties()), (1, 0, 0));
    assert_eq!(phaser.await_phase(token), Ok(1));
}

#[test]
fn java_without_parties_it_rests_and_wakes_again() {
    let phaser = Phaser::new();
    for phase in 1..=3 {
        let mut only = phaser.register().unwrap();
        assert_eq!(only.arrive_and_wait(), Ok(phase * 2 - 1));
        drop(only);
        assert_eq!((phaser.phase(), phaser.parties()), (phase * 2, 0));
    }
}

#[test]
fn java_an_advance_that_breaks_ends_the_phase_and_closes() {
    within("java_an_advance_that_breaks_ends_the_phase_and_closes", || {
        let phaser = Phaser::with_on_advance(|_| Break(()));
        let (mut a, mut b) = (phaser.register().unwrap(), phaser.register().unwrap());
        thread::scope(|scope| {
            let token = a.arrive().unwrap();
            let waits = scope.spawn(|| phaser.await_phase(token));
            assert_eq!(b.arrive_and_wait(), Ok(1));
            assert_eq!(waits.join().unwrap(), Ok(1));
        });
        assert_eq!(reason(a.arrive().unwrap_err()), CloseReason::Advance);
        let closed = phaser.closed().unwrap();
        assert_eq!((closed.reason(), closed.phase()), (CloseReason::Advance, 1));
        assert!(matches!(phaser.register(), Err(RegisterError::Closed(_))));
    });
}

#[test]
fn java_close_frees_everybody_and_the_first_reason_stays() {
    within("java_close_frees_everybody_and_the_first_reason_stays", || {
        let phaser = Phaser::new();
        let (mut a, b) = (phaser.register().unwrap(), phaser.register().unwrap());
        thread::scope(|scope| {
            let token = a.arrive().unwrap();
            let waits = scope.spawn(|| phaser.await_phase(token));
            let watches = scope.spawn(|| phaser.await_phase(phaser.watch()));
            phaser.close();
            for freed in [waits, watches] {
                assert_eq!(freed.join().unwrap().unwrap_err().reason(), CloseReason::Close);
            }
        });
        phaser.close();
        assert_eq!(reason(a.arrive().unwrap_err()), CloseReason::Close);
        assert_eq!(b.arrive_and_deregister().unwrap_err().phase(), 0);
        drop(a);
        assert_eq!((phaser.parties(), phaser.unarrived(), phaser.phase()), (0, 0, 0));
        assert_eq!(phaser.closed().unwrap().reason(), CloseReason::Close);
    });
}

#[test]
fn a_watcher_sees_a_phase_end_without_being_counted() {
    within("a_watcher_sees_a_phase_end_without_being_counted", || {
        let phaser = Phaser::new();
        let mut only = phaser.register().unwrap();
        thread::scope(|scope| {
            let token = phaser.watch();
            let watcher = scope.spawn(|| phaser.await_phase(token));
            only.arrive_and_wait().unwrap();
            assert_eq!(watcher.join().unwrap(), Ok(1));
        });
    });
}

// Faults and bad inputs.

#[test]
fn a_second_arrival_in_a_phase_is_an_error_and_not_counted() {
    let phaser = Phaser::new();
    let (mut a, mut b) = (phaser.register().unwrap(), phaser.register().unwrap());
    let _ = a.arrive().unwrap();
    assert_eq!(a.arrive(), Err(ArriveError::AlreadyArrived { phase: 0 }));
    assert_eq!(a.arrive_and_wait(), Err(ArriveError::AlreadyArrived { phase: 0 }));
    assert_eq!(phaser.unarrived(), 1);
    let _ = b.arrive().unwrap();
    assert_eq!(a.arrive().unwrap().phase(), 1);
}

#[test]
fn a_party_that_panics_leaves_and_the_others_go_on() {
    within("a_party_that_panics_leaves_and_the_others_go_on", || {
        let phaser = Phaser::new();
        let (mut stays, dies) = (phaser.register().unwrap(), phaser.register().unwrap());
        thread::scope(|scope| {
            let dead = scope.spawn(|| {
                let _party = dies;
                panic_quietly()
            });
            assert_eq!(stays.arrive_and_wait(), Ok(1));
            assert!(dead.join().is_err());
        });
        assert_eq!(phaser.parties(), 1);
    });
}

#[test]
fn a_forgotten_party_stays_due() {
    let phaser = Phaser::new();
    let mut only = phaser.register().unwrap();
    std::mem::forget(phaser.register().unwrap());
    let token = only.arrive().unwrap();
    let waited = phaser.await_phase_deadline(token, past()).unwrap_err();
    assert_eq!(waited.into_token().unwrap().phase(), 0);
}

#[test]
fn a_panicking_advance_closes_it_and_reaches_the_last_party() {
    within("a_panicking_advance_closes_it_and_reaches_the_last_party", || {
        let phaser = Phaser::with_on_advance(|_| -> ControlFlow<()> { panic_quietly() });
        let (mut a, mut b) = (phaser.register().unwrap(), phaser.register().unwrap());
        thread::scope(|scope| {
            let token = a.arrive().unwrap();
            let waits = scope.spawn(|| phaser.await_phase(token));
            assert!(catch_unwind(AssertUnwindSafe(|| b.arrive().map(drop))).is_err());
            let closed = waits.join().unwrap().unwrap_err();
            assert_eq!((closed.reason(), closed.phase()), (CloseReason::Panic, 0));
        });
        assert_eq!(reason(b.arrive().unwrap_err()), CloseReason::Panic);
    });
}

#[test]
fn an_advance_that_panics_in_the_drop_of_a_panicking_party_does_not_abort() {
    within("an_advance_that_panics_in_the_drop_of_a_panicking_party_does_not_abort", || {
        let phaser = Phaser::with_on_advance(|_| -> ControlFlow<()> { panic_quietly() });
        let party = phaser.register().unwrap();
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _party = party;
            resume_unwind(Box::new("the first panic"));
        }));
        let payload = unwound.unwrap_err();
        assert_eq!(*payload.downcast_ref::<&str>().unwrap(), "the first panic");
        assert_eq!(phaser.closed().unwrap().reason(), CloseReason::Panic);
    });
}

#[test]
fn close_wins_over_an_advance_that_runs() {
    within("close_wins_over_an_advance_that_runs", || {
        let (entered, inside) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let gone = Mutex::new(gone);
        let phaser = Phaser::with_on_advance(move |_| {
            entered.send(()).unwrap();
            gone.lock().unwrap().recv().unwrap();
            Continue(())
        });
        let (mut a, mut b) = (phaser.register().unwrap(), phaser.register().unwrap());
        let token = a.arrive().unwrap();
        thread::scope(|scope| {
            let last = scope.spawn(|| b.arrive_and_wait());
            inside.recv().unwrap();
            phaser.close();
            assert_eq!(phaser.await_phase(token).unwrap_err().reason(), CloseReason::Close);
            assert!(matches!(phaser.register(), Err(RegisterError::Closed(_))));
            go.send(()).unwrap();
            assert_eq!(reason(last.join().unwrap().unwrap_err()), CloseReason::Close);
        });
        assert_eq!(phaser.phase(), 0);
    });
}

#[test]
fn registering_waits_for_a_running_advance() {
    within("registering_waits_for_a_running_advance", || {
        let (entered, inside) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let gone = Mutex::new(gone);
        let phaser = Phaser::with_on_advance(move |advance: Advance| {
            if advance.phase() == 0 {
                entered.send(()).unwrap();
                gone.lock().unwrap().recv().unwrap();
            }
            Continue(())
        });
        let mut first = phaser.register().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| first.arrive().map(drop).unwrap());
            inside.recv().unwrap();
            let second = scope.spawn(|| phaser.register().unwrap().arrive().unwrap().phase());
            go.send(()).unwrap();
            assert_eq!(second.join().unwrap(), 1);
        });
    });
}

#[test]
fn it_refuses_one_party_too_many() {
    let phaser = Phaser::new();
    let mut parties: Vec<_> =
        (0..Phaser::MAX_PARTIES).map(|_| phaser.register().unwrap()).collect();
    assert_eq!(phaser.register().unwrap_err(), RegisterError::Full);
    assert_eq!(
        RegisterError::Full.to_string(),
        "the phaser has 32767 parties already; drop some, or share a party among threads"
    );
    for party in &mut parties {
        let _ = party.arrive().unwrap();
    }
    assert_eq!((phaser.phase(), phaser.unarrived()), (1, Phaser::MAX_PARTIES));
    parties.pop();
    assert!(phaser.register().is_ok());
}

#[test]
fn deadlines_hand_the_token_back_and_break_nothing() {
    within("deadlines_hand_the_token_back_and_break_nothing", || {
        let phaser = Phaser::new();
        let (mut a, mut b) = (phaser.register().unwrap(), phaser.register().unwrap());
        let mut token = a.arrive().unwrap();
        for _ in 0..3 {
            let late = phaser.await_phase_timeout(token, Duration::from_micros(50)).unwrap_err();
            assert_eq!(
                late.to_string(),
                "the deadline passed in phase 0, which still runs; await the token again"
            );
            token = late.into_token().unwrap();
        }
        thread::scope(|scope| {
            let patient = scope.spawn(|| phaser.await_phase_timeout(token, Duration::MAX));
            let _ = b.arrive().unwrap();
            assert_eq!(patient.join().unwrap(), Ok(1));
        });
        let token = a.arrive().unwrap();
        phaser.close();
        let closed = phaser.await_phase_deadline(token, past()).unwrap_err();
        assert!(matches!(closed, AwaitError::Closed(_)));
        assert_eq!(
            closed.to_string(),
            "phaser closed in phase 1 by a call of `close`; make a new one to go on"
        );
        assert!(closed.into_token().is_none());
    });
}

#[test]
fn debug_shows_the_state() {
    let phaser = Phaser::new();
    let mut party = phaser.register().unwrap();
    let _ = party.arrive().unwrap();
    assert_eq!(
        format!("{party:?}"),
        "Party { phaser: Phaser { phase: 1, parties: 1, unarrived: 1, closed: None, .. }, \
         arrived: Some(0), .. }"
    );
}

// More threads than cores.

#[test]
fn stress_parties_come_and_go() {
    within("stress_parties_come_and_go", || {
        let rounds = if cfg!(miri) { 5 } else { 500 };
        let advances = AtomicUsize::new(0);
        let inside = AtomicBool::new(false);
        let phaser = Phaser::with_on_advance(|_| {
            assert!(!inside.swap(true, SeqCst), "two advances at once");
            advances.fetch_add(1, SeqCst);
            inside.store(false, SeqCst);
            Continue(())
        });
        thread::scope(|scope| {
            for i in 0..8 {
                let phaser = &phaser;
                scope.spawn(move || {
                    for round in 0..rounds {
                        let mut party = phaser.register().unwrap();
                        for _ in 0..(i + round) % 4 {
                            let token = party.arrive().unwrap();
                            let phase = token.phase();
                            let next = phaser.await_phase(token).unwrap();
                            // It is counted, so no phase ends without it.
                            assert_eq!(next, phase + 1);
                        }
                        if round % 2 == 0 {
                            let _ = party.arrive_and_deregister().unwrap();
                        }
                    }
                });
            }
        });
        assert_eq!((phaser.parties(), phaser.unarrived()), (0, 0));
        assert_eq!(phaser.phase() as usize, advances.load(SeqCst));
    });
}

// Against an oracle: what a phaser does when one thread drives it.

#[derive(Debug, Clone, Copy)]
enum Step {
    Register,
    Arrive(usize),
    Leave(usize),
    Drop(usize),
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Register),
        8 => any::<usize>().prop_map(Step::Arrive),
        2 => any::<usize>().prop_map(Step::Leave),
        2 => any::<usize>().prop_map(Step::Drop),
        1 => Just(Step::Close),
    ]
}

/// One flag a party: whether it has arrived in the running phase.
#[derive(Debug, Default)]
struct Oracle {
    phase: u32,
    arrived: Vec<bool>,
    closed: bool,
}

impl Oracle {
    fn settle(&mut self, was_last: bool) {
        if was_last && self.arrived.iter().all(|&arrived| arrived) {
            self.phase += 1;
            self.arrived.fill(false);
        }
    }
}

proptest! {
    #[test]
    fn one_thread_finds_what_the_oracle_says(steps in prop::collection::vec(step(), 0..60)) {
        let phaser: Phaser<NoAction> = Phaser::new();
        let mut parties: Vec<Party<&Phaser>> = Vec::new();
        let mut oracle = Oracle::default();
        for step in steps {
            match step {
                Step::Register => match phaser.register() {
                    Ok(party) => {
                        prop_assert!(!oracle.closed);
                        parties.push(party);
                        oracle.arrived.push(false);
                    }
                    Err(_) => prop_assert!(oracle.closed),
                },
                Step::Arrive(_) | Step::Leave(_) | Step::Drop(_) if parties.is_empty() => {}
                Step::Arrive(i) => {
                    let i = i % parties.len();
                    let expected = if oracle.closed {
                        None
                    } else if oracle.arrived[i] {
                        Some(Err(ArriveError::AlreadyArrived { phase: oracle.phase }))
                    } else {
                        let phase = oracle.phase;
                        oracle.arrived[i] = true;
                        oracle.settle(true);
                        Some(Ok(phase))
                    };
                    let arrived = parties[i].arrive().map(|token| token.phase());
                    match expected {
                        Some(expected) => prop_assert_eq!(arrived, expected),
                        None => prop_assert!(matches!(arrived, Err(ArriveError::Closed(_)))),
                    }
                }
                Step::Leave(i) | Step::Drop(i) => {
                    let i = i % parties.len();
                    let party = parties.swap_remove(i);
                    let arrived = oracle.arrived.swap_remove(i);
                    let phase = oracle.phase;
                    if !oracle.closed {
                        oracle.settle(!arrived);
                    }
                    if matches!(step, Step::Leave(_)) {
                        let left = party.arrive_and_deregister().map(|token| token.phase());
                        prop_assert_eq!(left.ok(), (!oracle.closed).then_some(phase));
                    }
                }
                Step::Close => {
                    phaser.close();
                    oracle.closed = true;
                }
            }
            let unarrived = oracle.arrived.iter().filter(|&&arrived| !arrived).count();
            prop_assert_eq!(phaser.phase(), oracle.phase);
            prop_assert_eq!(phaser.parties(), oracle.arrived.len());
            prop_assert_eq!(phaser.unarrived(), if oracle.closed { 0 } else { unarrived });
            prop_assert_eq!(phaser.closed().is_some(), oracle.closed);
        }
    }
}
