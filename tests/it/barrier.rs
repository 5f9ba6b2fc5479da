//! The barrier from outside: std's and CPython's suites in our words, bad inputs, faults, stress.
//!
//! No test sleeps. Where one party has to be inside `wait` before another acts, `until_waiting`
//! looks at the barrier itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use brigade::barrier::{
    Action, Barrier, BarrierWaitResult, Broken, Cause, NoAction, Participant, WithdrawError,
};
use proptest::prelude::*;

use crate::watchdog::within;

fn until_waiting<A: Action>(barrier: &Barrier<A>, parties: usize) {
    while barrier.waiting() != parties {
        thread::yield_now();
    }
}

fn past() -> Instant {
    Instant::now().checked_sub(Duration::from_secs(1)).unwrap_or_else(Instant::now)
}

/// Runs `party` on `n` threads and returns what each of them returned.
fn run<R: Send>(n: usize, party: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let party = &party;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..n).map(|i| scope.spawn(move || party(i))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn assert_send_sync<T: Send + Sync>() {}

#[test]
fn types_cross_threads() {
    assert_send_sync::<Barrier>();
    assert_send_sync::<Barrier<fn() -> Arc<str>>>();
    assert_send_sync::<Participant<Arc<Barrier>>>();
    assert_send_sync::<BarrierWaitResult<String>>();
    assert_send_sync::<Broken>();
}

#[test]
fn it_is_two_words() {
    assert_eq!(size_of::<Barrier>(), 16);
}

// What std's suite asks.

#[test]
fn std_nobody_goes_before_all_have_come() {
    within("std_nobody_goes_before_all_have_come", || {
        const N: usize = 10;
        let barrier = Arc::new(Barrier::new(N));
        let (out, came_out) = mpsc::channel();
        let threads: Vec<_> = (0..N - 1)
            .map(|_| {
                let (barrier, out) = (Arc::clone(&barrier), out.clone());
                thread::spawn(move || out.send(barrier.wait().unwrap().is_leader()).unwrap())
            })
            .collect();
        until_waiting(&barrier, N - 1);
        assert_eq!(came_out.try_recv(), Err(mpsc::TryRecvError::Empty));

        let mut leaders = usize::from(barrier.wait().unwrap().is_leader());
        leaders += (0..N - 1).filter(|_| came_out.recv().unwrap()).count();
        assert_eq!(leaders, 1);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn std_zero_parties_are_one() {
    within("std_zero_parties_are_one", || {
        for barrier in [Barrier::new(0), Barrier::new(1)] {
            assert_eq!(barrier.parties(), 1);
            for generation in 0..3 {
                let met = barrier.wait().unwrap();
                assert!(met.is_leader());
                assert_eq!((met.index(), met.generation()), (0, generation));
            }
        }
    });
}

#[test]
fn std_it_lives_in_a_static() {
    static BARRIER: Barrier = Barrier::new(2);
    within("std_it_lives_in_a_static", || {
        let leaders = run(2, |_| BARRIER.wait().unwrap().is_leader());
        assert_eq!(leaders.iter().filter(|&&leader| leader).count(), 1);
    });
}

#[test]
fn std_debug_shows_the_state() {
    let barrier = Barrier::new(3);
    assert_eq!(
        format!("{barrier:?}"),
        "Barrier { parties: 3, waiting: 0, generation: 0, broken_by: None, .. }"
    );
    barrier.abort();
    assert!(format!("{:?}", barrier.participant()).contains("broken_by: Some(Abort)"));
}

// What CPython's lock_tests ask of a barrier of five.

const N: usize = 5;

#[test]
fn python_passes_together_and_can_be_reused() {
    within("python_passes_together_and_can_be_reused", || {
        for rounds in [1, 10] {
            let barrier = Barrier::new(N);
            let passed: Vec<_> = (0..rounds).map(|_| AtomicUsize::new(0)).collect();
            run(N, |_| {
                for passed in &passed {
                    passed.fetch_add(1, SeqCst);
                    barrier.wait().unwrap();
                    assert_eq!(passed.load(SeqCst), N);
                }
            });
        }
    });
}

#[test]
fn python_indices_are_all_different() {
    within("python_indices_are_all_different", || {
        let barrier = Barrier::new(N);
        for generation in 0..20 {
            let mut met = run(N, |_| barrier.wait().unwrap());
            met.sort_by_key(BarrierWaitResult::index);
            let indices: Vec<_> = met.iter().map(BarrierWaitResult::index).collect();
            assert_eq!(indices, [0, 1, 2, 3, 4]);
            assert!(met.iter().all(|met| met.generation() == generation));
            assert!(met.iter().all(|met| met.is_leader() == (met.index() == 0)));
        }
    });
}

#[test]
fn python_action_runs_once_before_anybody_leaves() {
    within("python_action_runs_once_before_anybody_leaves", || {
        let runs = AtomicUsize::new(0);
        let barrier = Barrier::with_action(N, || runs.fetch_add(1, SeqCst));
        for round in 0..10 {
            let seen = run(N, |_| {
                let met = barrier.wait().unwrap();
                (met.into_value(), runs.load(SeqCst))
            });
            assert_eq!(seen, [(round, round + 1); N]);
        }
    });
}

#[test]
fn python_abort_breaks_waiting_and_later_parties() {
    within("python_abort_breaks_waiting_and_later_parties", || {
        let barrier = Barrier::new(N);
        let causes = run(N, |i| {
            if i == N / 2 {
                until_waiting(&barrier, N - 1);
                barrier.abort();
            }
            barrier.wait().unwrap_err().cause()
        });
        assert_eq!(causes, [Cause::Abort; N]);
        assert!(barrier.is_broken());
        assert_eq!(barrier.waiting(), 0);
    });
}

#[test]
fn python_reset_breaks_those_who_wait_and_nobody_else() {
    within("python_reset_breaks_those_who_wait_and_nobody_else", || {
        let barrier = Barrier::new(N);
        let reset_once = run(N, |i| {
            let broken = if i == N / 2 {
                until_waiting(&barrier, N - 1);
                barrier.reset();
                assert!(!barrier.is_broken());
                None
            } else {
                Some(barrier.wait().unwrap_err())
            };
            barrier.wait().unwrap();
            broken.map(|broken| broken.cause())
        });
        assert_eq!(reset_once.iter().filter(|&&cause| cause == Some(Cause::Reset)).count(), N - 1);
        assert!(!barrier.is_broken());
    });
}

#[test]
fn python_abort_then_reset_starts_over() {
    within("python_abort_then_reset_starts_over", || {
        let (barrier, gate) = (Barrier::new(N), Barrier::new(N));
        run(N, |i| {
            if i == N / 2 {
                until_waiting(&barrier, N - 1);
                barrier.abort();
            }
            assert_eq!(barrier.wait().unwrap_err().cause(), Cause::Abort);
            if gate.wait().unwrap().is_leader() {
                barrier.reset();
            }
            gate.wait().unwrap();
            assert_eq!(barrier.wait().unwrap().generation(), 1);
        });
    });
}

#[test]
fn python_timeout_breaks_everybody() {
    within("python_timeout_breaks_everybody", || {
        let barrier = Barrier::new(N);
        let broken = run(N, |i| {
            if i == N / 2 {
                // The one that never comes lets the others in first, and comes when it is over.
                while !barrier.is_broken() {
                    thread::yield_now();
                }
                return barrier.wait().unwrap_err();
            }
            if i == 0 {
                until_waiting(&barrier, N - 2);
                return barrier.wait_timeout(Duration::from_millis(1)).unwrap_err();
            }
            barrier.wait().unwrap_err()
        });
        assert!(broken.iter().all(|broken| broken.cause() == Cause::Timeout));
        let own: Vec<_> = broken.iter().map(Broken::timed_out).collect();
        assert_eq!(own, [true, false, false, false, false]);
    });
}

#[test]
fn python_one_party_needs_no_other() {
    within("python_one_party_needs_no_other", || {
        let barrier = Barrier::new(1);
        assert!(barrier.wait_timeout(Duration::ZERO).is_ok());
        assert!(barrier.wait_deadline(past()).is_ok());
        assert!(barrier.wait_or_withdraw(past()).is_ok());
    });
}

#[test]
fn python_attributes() {
    within("python_attributes", || {
        let barrier = Barrier::new(2);
        assert_eq!((barrier.parties(), barrier.waiting()), (2, 0));
        assert!(!barrier.is_broken());
        thread::scope(|scope| {
            scope.spawn(|| barrier.wait().unwrap());
            until_waiting(&barrier, 1);
            barrier.wait().unwrap();
        });
        assert_eq!(barrier.waiting(), 0);
    });
}

// Faults.

#[test]
fn a_panicking_party_breaks_it_before_its_first_wait_and_after() {
    within("a_panicking_party_breaks_it_before_its_first_wait_and_after", || {
        for waits in [0, 1, 3] {
            let barrier = Arc::new(Barrier::new(3));
            let threads: Vec<_> = (0..3)
                .map(|i| {
                    let party = Participant::new(Arc::clone(&barrier));
                    thread::spawn(move || {
                        for generation in 0.. {
                            assert!(i != 1 || generation < waits, "as arranged");
                            if let Err(broken) = party.wait() {
                                return (broken.cause(), broken.generation());
                            }
                        }
                        unreachable!()
                    })
                })
                .collect();
            let ends: Vec<_> = threads.into_iter().map(|thread| thread.join().ok()).collect();
            let broken = Some((Cause::Panic, waits));
            assert_eq!(ends, [broken, None, broken]);
            assert_eq!(barrier.broken_by(), Some(Cause::Panic));
        }
    });
}

#[test]
fn a_party_dropped_in_peace_changes_nothing() {
    within("a_party_dropped_in_peace_changes_nothing", || {
        let barrier = Barrier::new(2);
        drop(barrier.participant());
        thread::scope(|scope| {
            let waiter = scope.spawn(|| barrier.wait());
            until_waiting(&barrier, 1);
            drop(barrier.participant());
            assert_eq!(barrier.waiting(), 1);
            assert!(barrier.wait().is_ok());
            assert!(waiter.join().unwrap().is_ok());
        });
    });
}

#[test]
fn a_party_made_while_unwinding_does_not_blame_the_barrier() {
    struct Guard<'a>(&'a Barrier);
    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            let party = self.0.participant();
            party.wait().unwrap();
        }
    }
    within("a_party_made_while_unwinding_does_not_blame_the_barrier", || {
        let barrier = Barrier::new(1);
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _guard = Guard(&barrier);
            panic!("as arranged");
        }));
        assert!(unwound.is_err());
        assert!(!barrier.is_broken());
    });
}

#[test]
fn a_forgotten_party_changes_nothing() {
    let barrier = Barrier::new(1);
    std::mem::forget(barrier.participant());
    assert!(barrier.wait().is_ok());
}

#[test]
fn a_panicking_action_breaks_it_and_reaches_the_last_party() {
    within("a_panicking_action_breaks_it_and_reaches_the_last_party", || {
        let armed = AtomicBool::new(true);
        let barrier = Barrier::with_action(3, || {
            assert!(!armed.load(SeqCst), "as arranged");
            7
        });
        let ends = run(3, |_| {
            catch_unwind(AssertUnwindSafe(|| barrier.wait())).ok().map(|met| met.unwrap_err())
        });
        assert_eq!(ends.iter().filter(|end| end.is_none()).count(), 1);
        assert!(ends.iter().flatten().all(|broken| broken.cause() == Cause::Panic));
        assert_eq!(barrier.broken_by(), Some(Cause::Panic));
        assert_eq!(barrier.waiting(), 0);

        armed.store(false, SeqCst);
        barrier.reset();
        assert_eq!(run(3, |_| barrier.wait().unwrap().into_value()), [7; 3]);
    });
}

#[test]
fn a_result_whose_clone_panics_leaves_a_working_barrier() {
    struct Shy(Arc<AtomicUsize>);
    impl Clone for Shy {
        fn clone(&self) -> Self {
            // The first clone is the last party's own: it decides whether the generation ends well.
            assert_ne!(self.0.fetch_add(1, SeqCst), 0, "as arranged");
            Self(Arc::clone(&self.0))
        }
    }
    within("a_result_whose_clone_panics_leaves_a_working_barrier", || {
        let clones = Arc::new(AtomicUsize::new(0));
        let barrier = Barrier::with_action(2, || Shy(Arc::clone(&clones)));
        let ends = run(2, |_| match catch_unwind(AssertUnwindSafe(|| barrier.wait())) {
            Ok(met) => met.map(drop).unwrap_err().cause(),
            Err(_) => Cause::Panic,
        });
        assert_eq!(ends, [Cause::Panic; 2]);
        barrier.reset();
        assert!(run(2, |_| barrier.wait().is_ok()).into_iter().all(|met| met));
    });
}

#[test]
fn a_result_whose_drop_panics_leaves_a_working_barrier() {
    #[derive(Clone)]
    struct Bomb(Arc<AtomicBool>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0.swap(false, SeqCst), "as arranged");
        }
    }
    within("a_result_whose_drop_panics_leaves_a_working_barrier", || {
        let armed = Arc::new(AtomicBool::new(true));
        let barrier = Barrier::with_action(2, || Bomb(Arc::clone(&armed)));
        let panics = run(2, |_| catch_unwind(AssertUnwindSafe(|| drop(barrier.wait()))).is_err());
        assert_eq!(panics.iter().filter(|&&panicked| panicked).count(), 1);
        assert!(run(2, |_| barrier.wait().is_ok()).into_iter().all(|met| met));
    });
}

#[test]
fn nothing_from_outside_breaks_a_full_generation() {
    within("nothing_from_outside_breaks_a_full_generation", || {
        let (entered, inside) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let gone = Mutex::new(gone);
        let barrier = Barrier::with_action(3, move || {
            entered.send(()).unwrap();
            gone.lock().unwrap().recv().unwrap();
            "done"
        });
        thread::scope(|scope| {
            let breaks = scope.spawn(|| barrier.wait_timeout(Duration::from_secs(3600)));
            let withdraws = scope.spawn(|| {
                let deadline = Instant::now() + Duration::from_secs(3600);
                barrier.wait_or_withdraw(deadline)
            });
            until_waiting(&barrier, 2);
            let last = scope.spawn(|| barrier.wait());
            inside.recv().unwrap();
            // The action runs: neither of these ends the generation before it does.
            barrier.reset();
            assert!(!barrier.is_broken());
            barrier.abort();
            assert!(barrier.is_broken());
            assert_eq!(barrier.waiting(), 3);
            // A party too many is not counted; its deadline breaks what follows, not this.
            let next = barrier.wait_deadline(past()).unwrap_err();
            assert_eq!(next.cause(), Cause::Timeout);
            assert_eq!(barrier.wait_or_withdraw(past()), Err(WithdrawError::Withdrawn));
            go.send(()).unwrap();
            assert_eq!(breaks.join().unwrap().unwrap().into_value(), "done");
            assert_eq!(withdraws.join().unwrap().unwrap().into_value(), "done");
            assert_eq!(last.join().unwrap().unwrap().into_value(), "done");
        });
        assert!(barrier.is_broken());
        assert_eq!(barrier.wait().unwrap_err().generation(), 1);
    });
}

#[test]
fn a_withdrawn_party_is_not_missed() {
    within("a_withdrawn_party_is_not_missed", || {
        let barrier = Barrier::new(2);
        for _ in 0..5 {
            assert_eq!(barrier.wait_or_withdraw(past()), Err(WithdrawError::Withdrawn));
            assert_eq!((barrier.waiting(), barrier.is_broken()), (0, false));
        }
        let met = run(2, |_| barrier.wait().unwrap().generation());
        assert_eq!(met, [0, 0]);
        barrier.abort();
        let broken = barrier.wait_or_withdraw(past()).unwrap_err();
        assert!(matches!(broken, WithdrawError::Broken(broken) if broken.cause() == Cause::Abort));
    });
}

#[test]
fn the_first_cause_is_kept() {
    let barrier = Barrier::new(2);
    assert_eq!(barrier.wait_timeout(Duration::ZERO).unwrap_err().cause(), Cause::Timeout);
    barrier.abort();
    assert_eq!(barrier.broken_by(), Some(Cause::Timeout));
    let broken = catch_unwind(AssertUnwindSafe(|| {
        let _party = barrier.participant();
        panic!("as arranged");
    }));
    assert!(broken.is_err());
    assert_eq!(barrier.broken_by(), Some(Cause::Timeout));
}

#[test]
fn reset_of_a_fresh_barrier_is_nothing() {
    let barrier = Barrier::new(1);
    barrier.reset();
    assert_eq!(barrier.wait().unwrap().generation(), 0);
    barrier.abort();
    barrier.reset();
    barrier.reset();
    assert_eq!(barrier.wait().unwrap().generation(), 2);
}

#[test]
fn reset_while_parties_leave_strands_nobody() {
    within("reset_while_parties_leave_strands_nobody", || {
        let barrier = Barrier::new(3);
        let meetings = AtomicUsize::new(0);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let parties: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let mut met = 0;
                        while met < 200 && !done.load(SeqCst) {
                            if barrier.wait().is_ok() {
                                met += 1;
                                meetings.fetch_add(1, SeqCst);
                            }
                        }
                        done.store(true, SeqCst);
                    })
                })
                .collect();
            let mut resets = 0;
            while !parties.iter().all(|party| party.is_finished()) {
                // Whoever is through lets the others through, whatever a last reset has undone.
                if done.load(SeqCst) {
                    barrier.abort();
                } else if resets < 20 * (1 + meetings.load(SeqCst)) {
                    // No more than that: on one core all might be undone before all have come.
                    barrier.reset();
                    resets += 1;
                }
                thread::yield_now();
            }
        });
        assert_eq!(barrier.waiting(), 0);
    });
}

// Bad inputs.

#[test]
fn too_many_parties_are_refused_by_name() {
    assert_eq!(Barrier::new(Barrier::MAX_PARTIES).parties(), Barrier::MAX_PARTIES);
    for parties in [Barrier::MAX_PARTIES + 1, usize::MAX] {
        let refused = catch_unwind(|| Barrier::new(parties)).unwrap_err();
        let text = refused.downcast_ref::<&str>().expect("a literal");
        assert_eq!(*text, "a barrier holds at most 134217727 parties (Barrier::MAX_PARTIES)");
        assert_eq!(Barrier::MAX_PARTIES, 134_217_727);
        assert!(catch_unwind(|| Barrier::with_action(parties, || ())).is_err());
    }
}

#[test]
fn a_huge_barrier_counts_breaks_and_withdraws() {
    let barrier = Barrier::new(Barrier::MAX_PARTIES);
    assert_eq!(barrier.wait_or_withdraw(past()), Err(WithdrawError::Withdrawn));
    assert!(barrier.wait_deadline(past()).unwrap_err().timed_out());
    assert!(barrier.is_broken());
}

#[test]
fn the_longest_timeout_is_no_timeout() {
    within("the_longest_timeout_is_no_timeout", || {
        let barrier = Barrier::new(2);
        thread::scope(|scope| {
            let patient = scope.spawn(|| barrier.wait_timeout(Duration::MAX));
            until_waiting(&barrier, 1);
            barrier.wait_timeout(Duration::MAX).unwrap();
            assert!(patient.join().unwrap().is_ok());
        });
    });
}

#[test]
fn a_past_deadline_succeeds_in_the_last_party_only() {
    within("a_past_deadline_succeeds_in_the_last_party_only", || {
        let barrier = Barrier::new(2);
        thread::scope(|scope| {
            let first = scope.spawn(|| barrier.wait());
            until_waiting(&barrier, 1);
            assert!(barrier.wait_deadline(past()).unwrap().is_leader());
            assert!(first.join().unwrap().is_ok());
        });
        assert!(barrier.wait_deadline(past()).unwrap_err().timed_out());
    });
}

#[test]
fn errors_say_why_and_what_to_do() {
    let barrier = Barrier::new(2);
    let own = barrier.wait_timeout(Duration::ZERO).unwrap_err();
    assert_eq!(
        own.to_string(),
        "barrier broken in generation 0: this party's deadline passed before all had arrived; \
         `reset` it once the parties agree to start over"
    );
    assert_eq!(
        barrier.wait().unwrap_err().to_string(),
        "barrier broken in generation 0: the deadline of a waiting party passed; \
         `reset` it once the parties agree to start over"
    );
    let error = barrier.wait_or_withdraw(past()).unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().is::<Broken>());
    barrier.reset();
    let error = barrier.wait_or_withdraw(past()).unwrap_err();
    assert!(error.to_string().starts_with("withdrawn from the barrier: the deadline passed"));
}

// More threads than parties, more threads than cores.

#[test]
fn each_party_gets_the_result_of_its_own_generation() {
    within("each_party_gets_the_result_of_its_own_generation", || {
        // Eight threads share a barrier of two, so results of other generations are near at hand.
        const WAITS: usize = 500;
        let mut next = 0_u32;
        let barrier = Barrier::with_action(2, move || {
            next += 1;
            Box::new(next - 1)
        });
        let met = run(8, |_| {
            let met: Vec<_> = (0..WAITS).map_while(|_| barrier.wait().ok()).collect();
            // Nobody may be left to wait alone.
            barrier.abort();
            met
        });
        let mut leaders = std::collections::BTreeMap::<u32, usize>::new();
        for met in met.iter().flatten() {
            assert_eq!(**met.value(), met.generation());
            *leaders.entry(met.generation()).or_default() += usize::from(met.is_leader());
        }
        assert!(leaders.len() >= WAITS / 2);
        assert!(leaders.values().all(|&leaders| leaders == 1));
    });
}

#[test]
fn stress_generations_never_overlap() {
    within("stress_generations_never_overlap", || {
        for threads in [2, 3, 8, 32] {
            let barrier = Barrier::new(threads);
            let rounds = if cfg!(miri) { 3 } else { 20_000 / threads };
            let slots: Vec<_> = (0..threads).map(|_| AtomicUsize::new(0)).collect();
            run(threads, |i| {
                for round in 1..=rounds {
                    slots[i].store(round, SeqCst);
                    barrier.wait().unwrap();
                    for slot in &slots {
                        // Nobody is behind, and nobody is further than one arrival ahead.
                        let at = slot.load(SeqCst);
                        assert!(at == round || at == round + 1, "{at} in round {round}");
                    }
                }
            });
        }
    });
}

#[test]
fn stress_everybody_learns_the_same() {
    within("stress_everybody_learns_the_same", || {
        // Random short deadlines, aborts and resets: a generation is complete for all of its
        // parties, or for none.
        const PARTIES: usize = 4;
        let barrier = Barrier::new(PARTIES);
        let rounds = if cfg!(miri) { 20 } else { 3000 };
        let logs = run(PARTIES + 1, |i| {
            let mut log = Vec::new();
            for round in 0..rounds {
                if i == PARTIES {
                    match round % 3 {
                        0 => barrier.abort(),
                        _ => barrier.reset(),
                    }
                    thread::yield_now();
                    continue;
                }
                let met = match (round + i) % 4 {
                    0 => barrier.wait_timeout(Duration::from_micros(round as u64 % 50)),
                    1 => match barrier
                        .wait_or_withdraw(Instant::now() + Duration::from_micros(round as u64 % 50))
                    {
                        Ok(met) => Ok(met),
                        Err(WithdrawError::Broken(broken)) => Err(broken),
                        Err(_) => continue,
                    },
                    _ => barrier.wait_timeout(Duration::from_micros(200)),
                };
                match met {
                    Ok(met) => log.push((met.generation(), met.is_leader())),
                    Err(_) => barrier.reset(),
                }
            }
            log
        });
        let mut completed = std::collections::BTreeMap::<u32, (usize, usize)>::new();
        for (generation, leader) in logs.into_iter().flatten() {
            let entry = completed.entry(generation).or_default();
            entry.0 += 1;
            entry.1 += usize::from(leader);
        }
        for (generation, (parties, leaders)) in completed {
            assert_eq!((parties, leaders), (PARTIES, 1), "generation {generation}");
        }
        assert_eq!(barrier.waiting(), 0);
        barrier.reset();
        assert!(run(PARTIES, |_| barrier.wait().is_ok()).into_iter().all(|met| met));
    });
}

// Against an oracle: what a barrier does when one thread drives it.

#[derive(Debug, Clone, Copy)]
enum Step {
    Expire,
    Withdraw,
    Abort,
    Reset,
    Panic,
}

proptest! {
    #[test]
    fn one_thread_finds_what_the_oracle_says(
        parties in 0_usize..3,
        steps in prop::collection::vec(
            prop_oneof![
                Just(Step::Expire),
                Just(Step::Withdraw),
                Just(Step::Abort),
                Just(Step::Reset),
                Just(Step::Panic),
            ],
            0..40,
        ),
    ) {
        let barrier: Barrier<NoAction> = Barrier::new(parties);
        let alone = parties < 2;
        let (mut generation, mut broken) = (0, None);
        for step in steps {
            match step {
                Step::Expire => {
                    let met = barrier.wait_deadline(past());
                    match broken {
                        Some(cause) => prop_assert_eq!(met.unwrap_err().cause(), cause),
                        None if alone => {
                            prop_assert_eq!(met.unwrap().generation(), generation);
                            generation += 1;
                        }
                        None => {
                            prop_assert!(met.unwrap_err().timed_out());
                            broken = Some(Cause::Timeout);
                        }
                    }
                }
                Step::Withdraw => {
                    let met = barrier.wait_or_withdraw(past());
                    match broken {
                        Some(_) => prop_assert!(matches!(met, Err(WithdrawError::Broken(_)))),
                        None if alone => {
                            prop_assert!(met.is_ok());
                            generation += 1;
                        }
                        None => prop_assert_eq!(met, Err(WithdrawError::Withdrawn)),
                    }
                }
                Step::Abort => {
                    barrier.abort();
                    broken = broken.or(Some(Cause::Abort));
                }
                Step::Panic => {
                    let party = barrier.participant();
                    let unwound = catch_unwind(AssertUnwindSafe(move || {
                        let _party = party;
                        std::panic::resume_unwind(Box::new("as arranged"));
                    }));
                    prop_assert!(unwound.is_err());
                    broken = broken.or(Some(Cause::Panic));
                }
                Step::Reset => {
                    barrier.reset();
                    generation += u32::from(broken.take().is_some());
                }
            }
            prop_assert_eq!(barrier.broken_by(), broken);
            prop_assert_eq!(barrier.waiting(), 0);
        }
    }
}
