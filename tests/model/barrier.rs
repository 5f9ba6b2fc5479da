//! The barrier under every interleaving: data, wake-ups, and one end for all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use brigade::barrier::{Action, Barrier, BarrierWaitResult, Broken, Cause, WithdrawError};
use brigade::internals::Mutant::*;

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

type Met = Result<BarrierWaitResult, Broken>;

/// Under a model any deadline may pass at any time, so any will do.
const SOME_TIME: Duration = Duration::from_secs(3600);

fn party<A, R>(
    barrier: &Arc<Barrier<A>>,
    run: impl FnOnce(&Barrier<A>) -> R + Send + 'static,
) -> thread::JoinHandle<R>
where
    A: Action + 'static,
    Barrier<A>: Send + Sync,
    R: Send + 'static,
{
    let barrier = Arc::clone(barrier);
    thread::spawn(move || run(&barrier))
}

/// Runs two parties, and leaves the main thread out: its turns would use up the bound on
/// preemptions that the parties need.
fn two<A, R, S>(
    barrier: &Arc<Barrier<A>>,
    one: impl FnOnce(&Barrier<A>) -> R + Send + 'static,
    other: impl FnOnce(&Barrier<A>) -> S + Send + 'static,
) -> (R, S)
where
    A: Action + 'static,
    Barrier<A>: Send + Sync,
    R: Send + 'static,
    S: Send + 'static,
{
    let (one, other) = (party(barrier, one), party(barrier, other));
    (one.join().unwrap(), other.join().unwrap())
}

fn assert_same_end(ends: &[bool]) {
    assert!(ends.iter().all(|end| end == &ends[0]), "one generation ended in two ways: {ends:?}");
}

fn meets(parties: usize, generations: u32) {
    let barrier = Arc::new(Barrier::new(parties));
    let written: Arc<Vec<_>> = Arc::new((0..parties).map(|_| AtomicU32::new(0)).collect());
    let others: Vec<_> = (1..parties)
        .map(|i| {
            let written = Arc::clone(&written);
            party(&barrier, move |barrier| meet(barrier, &written, i, generations))
        })
        .collect();
    let mut leads = meet(&barrier, &written, 0, generations);
    for other in others {
        leads += other.join().unwrap();
    }
    assert_eq!(leads, generations, "one leader each");
    assert_eq!(barrier.waiting(), 0);
}

fn meet(barrier: &Barrier, written: &[AtomicU32], i: usize, generations: u32) -> u32 {
    let mut leads = 0;
    for generation in 0..generations {
        written[i].store(generation + 1, Relaxed);
        let met = barrier.wait().unwrap();
        assert_eq!(met.generation(), generation);
        leads += u32::from(met.is_leader());
        for other in written {
            assert!(other.load(Relaxed) > generation, "a party left before another's data");
        }
    }
    leads
}

#[test]
fn two_meet_twice() {
    explore(2, || meets(2, 2));
}

#[test]
fn three_meet() {
    explore(2, || meets(3, 1));
}

#[test]
#[cfg(brigade_shuttle)]
fn six_meet_again_and_again() {
    explore(2, || meets(6, 4));
}

#[test]
fn break_against_complete() {
    explore(2, || {
        let barrier = Arc::new(Barrier::new(2));
        let (hasty, patient): (Met, Met) =
            two(&barrier, |barrier| barrier.wait_timeout(SOME_TIME), Barrier::wait);
        assert_same_end(&[hasty.is_ok(), patient.is_ok()]);
        if let (Err(hasty), Err(patient)) = (&hasty, &patient) {
            assert_eq!((hasty.cause(), hasty.timed_out()), (Cause::Timeout, true));
            assert_eq!((patient.cause(), patient.timed_out()), (Cause::Timeout, false));
        }
        assert_eq!(barrier.is_broken(), patient.is_err());
        assert_eq!(barrier.waiting(), 0);
    });
}

#[test]
fn two_deadlines_against_each_other() {
    explore(2, || {
        let barrier = Arc::new(Barrier::new(2));
        let wait = |barrier: &Barrier| barrier.wait_timeout(SOME_TIME);
        let (one, other) = two(&barrier, wait, wait);
        assert_same_end(&[one.is_ok(), other.is_ok()]);
        if let (Err(one), Err(other)) = (one, other) {
            assert!(one.timed_out() != other.timed_out(), "one of them broke it");
        }
    });
}

#[test]
fn withdraw_against_complete() {
    explore(2, || {
        let barrier = Arc::new(Barrier::new(2));
        let wait = |barrier: &Barrier| {
            let met = barrier.wait_or_withdraw(Instant::now() + SOME_TIME);
            assert!(matches!(met, Ok(_) | Err(WithdrawError::Withdrawn)));
            met.is_ok()
        };
        let (one, other) = two(&barrier, wait, wait);
        assert_same_end(&[one, other]);
        assert_eq!((barrier.waiting(), barrier.is_broken()), (0, false));
    });
}

#[test]
fn break_against_action() {
    explore(2, || {
        let barrier = Arc::new(Barrier::with_action(2, || 7));
        let (hasty, patient) =
            two(&barrier, |barrier| barrier.wait_timeout(SOME_TIME), Barrier::wait);
        assert_same_end(&[hasty.is_ok(), patient.is_ok()]);
        for met in [hasty, patient].into_iter().flatten() {
            assert_eq!(met.into_value(), 7);
        }
    });
}

#[test]
fn withdraw_against_action() {
    explore(2, || {
        let barrier = Arc::new(Barrier::with_action(2, || 7));
        let wait =
            |barrier: &Barrier<_>| barrier.wait_or_withdraw(Instant::now() + SOME_TIME).is_ok();
        let (one, other) = two(&barrier, wait, wait);
        assert_same_end(&[one, other]);
    });
}

#[test]
fn abort_against_complete() {
    explore(2, || {
        let barrier = Arc::new(Barrier::new(2));
        let one = party(&barrier, Barrier::wait);
        let other = party(&barrier, Barrier::wait);
        barrier.abort();
        assert!(barrier.is_broken());
        let (one, other): (Met, Met) = (one.join().unwrap(), other.join().unwrap());
        assert_same_end(&[one.is_ok(), other.is_ok()]);
        assert_eq!(barrier.broken_by(), Some(Cause::Abort));
        assert_eq!(barrier.waiting(), 0);
    });
}

#[test]
fn abort_against_action() {
    explore(2, || {
        let barrier = Arc::new(Barrier::with_action(2, || ()));
        let one = party(&barrier, |barrier| barrier.wait().is_ok());
        let other = party(&barrier, |barrier| barrier.wait().is_ok());
        barrier.abort();
        assert!(barrier.is_broken());
        assert_same_end(&[one.join().unwrap(), other.join().unwrap()]);
        assert_eq!(barrier.broken_by(), Some(Cause::Abort));
    });
}

#[test]
fn reset_while_parties_leave() {
    explore(2, || {
        let barrier = Arc::new(Barrier::new(2));
        let (one, other) = two(
            &barrier,
            |barrier| match barrier.wait() {
                Err(broken) => {
                    assert_eq!(broken.cause(), Cause::Reset);
                    barrier.wait().unwrap().generation()
                }
                Ok(met) => met.generation(),
            },
            |barrier| {
                barrier.reset();
                barrier.wait().unwrap().generation()
            },
        );
        assert_eq!(one, other, "two parties met in two generations");
    });
}

#[test]
fn reset_of_a_broken_barrier_while_parties_leave() {
    explore(2, || {
        let barrier = Arc::new(Barrier::new(2));
        let (one, other) = two(&barrier, Barrier::wait, |barrier| {
            barrier.abort();
            barrier.reset();
            let met = barrier.wait_or_withdraw(Instant::now() + SOME_TIME);
            if met.is_err() {
                barrier.abort();
            }
            met
        });
        // Depending on when it came, the first was broken by one of the aborts or met the other.
        match (one, other) {
            (Ok(one), Ok(other)) => assert_eq!(one.generation(), other.generation()),
            (one, _) => assert_eq!(one.unwrap_err().cause(), Cause::Abort),
        }
        assert_eq!(barrier.waiting(), 0);
    });
}

#[test]
fn each_party_gets_the_result_of_its_own_generation() {
    explore(2, || {
        let mut generation = 0;
        let barrier = Arc::new(Barrier::with_action(2, move || {
            generation += 1;
            generation - 1
        }));
        // One thread comes twice, so it can complete the second generation while another has yet
        // to take the result of the first.
        let wait = |waits: usize| {
            move |barrier: &Barrier<_>| {
                for met in (0..waits).map_while(|_| barrier.wait().ok()) {
                    let own = *met.value() == met.generation();
                    assert!(own, "the result of another generation");
                }
            }
        };
        let once = [party(&barrier, wait(1)), party(&barrier, wait(1))];
        let twice = party(&barrier, wait(2));
        once.into_iter().for_each(|party| party.join().unwrap());
        // If those two met each other, the third would wait for ever.
        barrier.abort();
        twice.join().unwrap();
    });
}

/// Six threads do everything at once; what each learns of a generation must agree.
#[test]
#[cfg(brigade_shuttle)]
fn everybody_learns_the_same() {
    use std::collections::BTreeMap;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    const PARTIES: usize = 3;
    explore(2, || {
        // Plain std types, which are no scheduling points: they record, they do not order.
        let done = Arc::new(AtomicBool::new(false));
        let log = Arc::new(Mutex::new(BTreeMap::<u32, (usize, usize, usize)>::new()));
        let barrier = Arc::new(Barrier::new(PARTIES));
        let threads: Vec<_> = (0..5)
            .map(|i| {
                let (log, done) = (Arc::clone(&log), Arc::clone(&done));
                party(&barrier, move |barrier| {
                    for round in 0..4 {
                        let end = match (i + round) % 4 {
                            0 => barrier.wait_timeout(SOME_TIME),
                            1 => match barrier.wait_or_withdraw(Instant::now() + SOME_TIME) {
                                Ok(met) => Ok(met),
                                Err(WithdrawError::Broken(broken)) => Err(broken),
                                Err(_) => continue,
                            },
                            _ => barrier.wait(),
                        };
                        let mut log = log.lock().unwrap();
                        match end {
                            Ok(met) => {
                                let (met_here, leaders, _) =
                                    log.entry(met.generation()).or_default();
                                *met_here += 1;
                                *leaders += usize::from(met.is_leader());
                            }
                            Err(broken) => {
                                log.entry(broken.generation()).or_default().2 += 1;
                                drop(log);
                                barrier.reset();
                                if done.load(SeqCst) {
                                    break;
                                }
                            }
                        }
                    }
                    // Nobody may be left to wait alone: after the first is through, whoever resets
                    // also aborts.
                    done.store(true, SeqCst);
                    barrier.abort();
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        for (generation, &(met, leaders, _)) in log.lock().unwrap().iter() {
            assert!(
                (met, leaders) == (0, 0) || (met, leaders) == (PARTIES, 1),
                "one generation ended in two ways: {generation}, {met} met, {leaders} led"
            );
        }
        assert_eq!(barrier.waiting(), 0);
    });
}

const HANGS: &[&str] = &["deadlock"];
const STALE: &[&str] = &["a party left before another's data"];
const TWO_WAYS: &[&str] = &["one generation ended in two ways", "deadlock"];
const STRANDED: &[&str] = &["two parties met in two generations", "deadlock"];
const ANOTHERS: &[&str] =
    &["the result of another generation", "has a result for each party", "deadlock"];

pub(crate) const CONTRASTS: &[Contrast] = &[
    both(WordWakeForgotten, "barrier::two_meet_twice", HANGS),
    both(WordSleepUnannounced, "barrier::two_meet_twice", HANGS),
    both(WordSleepUnchecked, "barrier::two_meet_twice", HANGS),
    loom(WordChangeRelaxed, "barrier::two_meet_twice", STALE),
    loom(WordWaitRelaxed, "barrier::two_meet_twice", STALE),
    both(BarrierExpireBlind, "barrier::break_against_complete", TWO_WAYS),
    both(BarrierWithdrawBlind, "barrier::withdraw_against_complete", TWO_WAYS),
    both(BarrierBreakFull, "barrier::break_against_action", TWO_WAYS),
    both(BarrierArriveBlind, "barrier::abort_against_complete", TWO_WAYS),
    both(BarrierResetAtOnce, "barrier::reset_while_parties_leave", STRANDED),
    both(
        BarrierSlotUnguarded,
        "barrier::each_party_gets_the_result_of_its_own_generation",
        ANOTHERS,
    ),
    shuttle(BarrierExpireBlind, "barrier::everybody_learns_the_same", TWO_WAYS),
    shuttle(BarrierResetAtOnce, "barrier::everybody_learns_the_same", TWO_WAYS),
    shuttle(WordSleepUnannounced, "barrier::six_meet_again_and_again", HANGS),
];

#[test]
fn every_mutant_is_caught() {
    all_are_caught(CONTRASTS);
}
