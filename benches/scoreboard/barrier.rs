//! The barrier: how long a meeting takes, and what waiting for a late party burns.

#[path = "../barrier/peers.rs"]
mod peers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::measure::{interleave, median};
use crate::table::{Board, Goal, Row};
use crate::{Measure, Outcome, Plan};
use peers::{Ours, OursWithAction, Peer, Phased};

type Std = Arc<std::sync::Barrier>;

pub(crate) fn measures() -> Vec<Measure> {
    vec![
        Measure { name: "barrier/round-trip", run: round_trip },
        Measure { name: "barrier/late", run: late },
    ]
}

#[allow(clippy::cast_precision_loss)]
fn round_trip(plan: &Plan, board: &mut Board) -> Outcome {
    // Each with what a meeting may cost at most, beside hurdles and beside std.
    for (threads, usual, hurdles_goal, std_goal) in
        [(2, 100_000, 1.0 / 1.15, 5.0), (4, 20_000, 1.0 / 1.25, 1.5), (8, 10_000, 1.0 / 1.25, 1.5)]
    {
        let meetings = plan.records(usual);
        let times = interleave(
            plan,
            &mut [
                &mut || met::<Ours>(threads, meetings),
                &mut || met::<hurdles::Barrier>(threads, meetings),
                &mut || met::<Std>(threads, meetings),
                &mut || met::<OursWithAction>(threads, meetings),
                &mut || met::<Phased>(threads, meetings),
            ],
        )?;
        let cost = |times: &[f64]| median(times) * 1e9 / meetings as f64;
        let name = format!("barrier, round trip of {threads}");
        for (peer, times_of, goal) in
            [("hurdles", &times[1], hurdles_goal), ("std", &times[2], std_goal)]
        {
            board.add(
                Row::new(name.clone(), "ns", cost(&times[0]))
                    .against(peer, cost(times_of), times_of, &times[0])
                    .goal(Goal::Ratio(goal)),
            );
        }
        let phaser = format!("phaser, round trip of {threads}");
        for (name, ours) in [(format!("{name}, with an action"), &times[3]), (phaser, &times[4])] {
            let row = Row::new(name, "ns", cost(ours));
            board.add(row.against("std", cost(&times[2]), &times[2], ours));
        }
    }
    Ok(())
}

/// The time that so many meetings take, seen by one of the threads; then some more meetings, in
/// which every party looks whether the others were there.
fn met<P: Peer>(threads: usize, meetings: u64) -> Outcome<Duration> {
    // The first meetings start the threads and are not timed.
    const WARM_UP: u64 = 10;
    const CHECKED: u64 = 100;
    let mut parties = P::parties(threads);
    let mut own = parties.pop().ok_or("a barrier of nobody")?;
    let arrived: Vec<_> = (0..threads).map(|_| AtomicU64::new(0)).collect();
    let check = |party: &mut P, me: usize| {
        (1..=CHECKED).all(|meeting| {
            arrived[me].store(meeting, Relaxed);
            party.meet();
            arrived.iter().all(|other| other.load(Relaxed) >= meeting)
        })
    };
    let check = &check;
    thread::scope(|scope| {
        let others: Vec<_> = (1..)
            .zip(parties)
            .map(|(me, mut party)| {
                scope.spawn(move || {
                    (0..WARM_UP + meetings).for_each(|_| party.meet());
                    check(&mut party, me)
                })
            })
            .collect();
        (0..WARM_UP).for_each(|_| own.meet());
        let start = Instant::now();
        (0..meetings).for_each(|_| own.meet());
        let took = start.elapsed();
        let mut right = check(&mut own, 0);
        for other in others {
            right &= other.join().map_err(|_| format!("{}: a party panicked", P::NAME))?;
        }
        if right { Ok(took) } else { Err(format!("{}: a party left too early", P::NAME).into()) }
    })
}

/// How late the last party is.
const LATE: Duration = Duration::from_millis(100);

fn late(plan: &Plan, board: &mut Board) -> Outcome {
    if processor_time().is_none() {
        eprintln!("not measured: this system keeps no account of a thread's processor time");
        return Ok(());
    }
    for threads in [2, 4, 8] {
        let times = interleave(
            plan,
            &mut [
                &mut || burnt::<Ours>(threads),
                &mut || burnt::<hurdles::Barrier>(threads),
                &mut || burnt::<Std>(threads),
            ],
        )?;
        for (peer, times_of, goal) in
            [("hurdles", &times[1], Goal::Ratio(20.0)), ("std", &times[2], Goal::Stated)]
        {
            let name = format!("barrier of {threads}, burnt while one is 100 ms late");
            board.add(
                Row::new(name, "µs", median(&times[0]) * 1e6)
                    .against(peer, median(times_of) * 1e6, times_of, &times[0])
                    .goal(goal),
            );
        }
    }
    Ok(())
}

/// Time this thread has run, by the scheduler's account: a thread that spins is caught even where
/// it shares a core. Linux only.
fn processor_time() -> Option<Duration> {
    let account = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    account.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Processor time of all waiters together in one meeting whose last party is late.
fn burnt<P: Peer>(threads: usize) -> Outcome<Duration> {
    let mut parties = P::parties(threads);
    let mut late = parties.pop().ok_or("a barrier of nobody")?;
    let burnt: Option<Duration> = thread::scope(|scope| {
        let waiters: Vec<_> = parties
            .into_iter()
            .map(|mut party| {
                scope.spawn(move || {
                    let before = processor_time()?;
                    party.meet();
                    processor_time()?.checked_sub(before)
                })
            })
            .collect();
        thread::sleep(LATE);
        late.meet();
        waiters.into_iter().map(|waiter| waiter.join().ok().flatten()).sum()
    });
    burnt.ok_or_else(|| format!("{}: a waiter has no account", P::NAME).into())
}
