//! What the lock is for: nobody is passed more often than stated.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use brigade::rwlock::{Bypass, FairRwLockWith, Inspect as _, PhaseFair, Policy, TaskFair};

use super::contend::{Hold, Role, contend};
use super::locks::Lock;
use crate::measure::median;
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

type Ours = FairRwLockWith<(), PhaseFair>;
type ParkingLot = parking_lot::RwLock<()>;
type Std = std::sync::RwLock<()>;
type Tokio = tokio::sync::RwLock<()>;

/// Writers that take the lock again as soon as they have let it go.
const HOGS: usize = 2;
const HOG_HOLDS: Duration = Duration::from_millis(1);

/// Grants to the hogs while one reader waits, at worst; looked at from outside, so a grant just
/// before the reader has joined the line counts as well.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn hogs(plan: &Plan, board: &mut Board) -> Outcome {
    let (mut ours, mut peers) = (Vec::new(), [vec![], vec![], vec![]]);
    for _ in 0..plan.rounds {
        ours.push(passed::<Ours>(plan));
        peers[0].push(passed::<ParkingLot>(plan));
        peers[1].push(passed::<Std>(plan));
        peers[2].push(passed::<Tokio>(plan));
    }
    let worst = |rounds: &[Waits]| rounds.iter().map(|round| round.passed).max().unwrap_or(0);
    let counts = |rounds: &[Waits]| rounds.iter().map(|w| w.passed.max(1) as f64).collect();
    let (most, own): (u64, Vec<f64>) = (worst(&ours), counts(&ours));
    for (peer, rounds) in ["parking_lot", "std", "tokio, blocking"].into_iter().zip(&peers) {
        let theirs: Vec<f64> = counts(rounds);
        let name = "a reader behind 2 writers that hog, passed at most";
        // Stated is one; the look from outside adds one.
        let mut row = Row::new(name, "times", most as f64)
            .against(peer, worst(rounds) as f64, &theirs, &own)
            .goal(Goal::AtMost(2.0));
        let never = rounds.iter().filter(|round| round.gave_up).count();
        if never > 0 {
            row = row.note(format!(
                "{peer}: in {never} rounds of {} the hogs had to be stopped after {:?} for the \
                 reader to get through",
                rounds.len(),
                give_up(plan)
            ));
        }
        board.add(row);
    }
    let longest = |rounds: &[Waits]| {
        rounds.iter().map(|round| round.longest).max().unwrap_or_default().as_secs_f64() * 1e3
    };
    let mut row = Row::new("the same, longest wait", "ms", longest(&ours));
    row = row.note(format!(
        "parking_lot {:.0} ms, std {:.0} ms, tokio {:.0} ms; a shared machine adds to each",
        longest(&peers[0]),
        longest(&peers[1]),
        longest(&peers[2])
    ));
    board.add(row);
    Ok(())
}

/// A reader that has waited so long need not wait for more.
fn give_up(plan: &Plan) -> Duration {
    if plan.smoke { 10 * HOG_HOLDS } else { Duration::from_secs(1) }
}

#[derive(Debug, Default)]
struct Waits {
    passed: u64,
    longest: Duration,
    gave_up: bool,
}

fn passed<L: Lock>(plan: &Plan) -> Waits {
    let waits = if plan.smoke { 2 } else { 30 };
    let give_up = give_up(plan);
    let (lock, grants, over) = (L::default(), AtomicU64::new(0), AtomicBool::new(false));
    let inside = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..HOGS {
            scope.spawn(|| {
                while !over.load(SeqCst) {
                    lock.write(|| {
                        grants.fetch_add(1, SeqCst);
                        // Asleep, so that nobody waits for a core instead of the lock.
                        thread::sleep(HOG_HOLDS);
                    });
                }
            });
        }
        let reader = scope.spawn(|| {
            let (mut found, start) = (Waits::default(), Instant::now());
            for _ in 0..waits {
                thread::sleep(HOG_HOLDS * 3);
                let (before, began) = (grants.load(SeqCst), Instant::now());
                let now = lock.read(|| grants.load(SeqCst));
                inside.fetch_add(1, SeqCst);
                found.passed = found.passed.max(now - before);
                found.longest = found.longest.max(began.elapsed());
                if start.elapsed() > give_up {
                    break;
                }
            }
            found
        });
        let start = Instant::now();
        let mut gave_up = false;
        while !reader.is_finished() {
            thread::sleep(HOG_HOLDS);
            let seen = inside.load(SeqCst);
            // Nobody else will ever let the reader in.
            if start.elapsed() > give_up && seen < waits {
                gave_up = !reader.is_finished();
                break;
            }
        }
        over.store(true, SeqCst);
        reader.join().map_or_else(|_| Waits::default(), |found| Waits { gave_up, ..found })
    })
}

/// Counts, from inside the lock, how often the stated bound was broken: whoever gets in looks
/// whether the one reader, or the one writer, stands in the line.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn bound(plan: &Plan, board: &mut Board) -> Outcome {
    let grants = plan.records(1_000_000);
    for (name, broken) in [
        ("PhaseFair: more than 1 writer before a reader", before_a_reader::<PhaseFair>(grants, 1)?),
        (
            "TaskFair: more than those who were there before a reader",
            before_a_reader::<TaskFair>(grants, HOGS as u64)?,
        ),
        (
            // Of the writer that may be before it, and of its own.
            "Bypass<32>: more than 1 writer and 2 x 32 steals before a reader",
            before_a_reader::<Bypass<32>>(grants, 1 + 2 * 32)?,
        ),
        ("PhaseFair: readers that came later before a writer", before_a_writer(grants)?),
    ] {
        board.add(
            Row::new(format!("{name}, in {grants} grants"), "times", broken as f64)
                .goal(Goal::AtMost(0.0)),
        );
    }
    Ok(())
}

fn before_a_reader<P: Policy>(least: u64, most: u64) -> Outcome<u64> {
    let lock = FairRwLockWith::<u64, P>::new(0);
    let (passed, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let (reads, broken) = thread::scope(|scope| {
        for _ in 0..HOGS {
            scope.spawn(|| {
                while !over.load(SeqCst) {
                    let mut grants = lock.write();
                    *grants += 1;
                    if lock.waiting_readers() > 0 {
                        passed.fetch_add(1, SeqCst);
                    }
                }
            });
        }
        let (mut reads, mut broken) = (0, 0);
        loop {
            let grants = lock.read();
            reads += 1;
            broken += u64::from(passed.swap(0, SeqCst) > most);
            if *grants + reads >= least {
                break;
            }
        }
        over.store(true, SeqCst);
        (reads, broken)
    });
    let grants = lock.into_inner() + reads;
    if grants >= least { Ok(broken) } else { Err(format!("only {grants} grants").into()) }
}

/// Each of the readers may have been in when the writer came; none may come in again.
fn before_a_writer(least: u64) -> Outcome<u64> {
    let lock = FairRwLockWith::<u64, PhaseFair>::new(0);
    let (passed, reads, over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let broken = thread::scope(|scope| {
        for _ in 0..HOGS {
            scope.spawn(|| {
                while !over.load(SeqCst) {
                    let _value = lock.read();
                    reads.fetch_add(1, SeqCst);
                    if lock.waiting_writers() > 0 {
                        passed.fetch_add(1, SeqCst);
                    }
                }
            });
        }
        let mut broken = 0;
        loop {
            let mut writes = lock.write();
            *writes += 1;
            broken += u64::from(passed.swap(0, SeqCst) > HOGS as u64);
            if *writes + reads.load(SeqCst) >= least {
                break;
            }
        }
        over.store(true, SeqCst);
        broken
    });
    Ok(broken)
}

/// Whether those who want the same get the same: two readers, two writers, and how evenly each
/// pair is served (R. Jain, D. Chiu and W. Hawe, 1984; one is perfect).
pub(crate) fn jain(plan: &Plan, board: &mut Board) -> Outcome {
    let (mut ours, mut peers) = (Vec::new(), [vec![], vec![], vec![]]);
    let hold = Hold::lasting(Duration::from_micros(50));
    for _ in 0..plan.rounds {
        ours.push(evenness::<Ours>(plan, hold)?);
        peers[0].push(evenness::<ParkingLot>(plan, hold)?);
        peers[1].push(evenness::<Std>(plan, hold)?);
        peers[2].push(evenness::<Tokio>(plan, hold)?);
    }
    for (class, pick) in [("readers", 0), ("writers", 1)] {
        let of = |rounds: &[[f64; 2]]| rounds.iter().map(|round| round[pick]).collect::<Vec<_>>();
        let own = of(&ours);
        for (peer, rounds) in ["parking_lot", "std", "tokio, blocking"].into_iter().zip(&peers) {
            let theirs = of(rounds);
            board.add(
                Row::new(format!("Jain index of 2 {class} beside 2 others"), "", median(&own))
                    .against(peer, median(&theirs), &own, &theirs)
                    .goal(Goal::AtLeast(0.99)),
            );
        }
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
fn evenness<L: Lock>(plan: &Plan, hold: Hold) -> Outcome<[f64; 2]> {
    let window = Duration::from_millis(if plan.smoke { 20 } else { 1_000 });
    let roles = [Role::Reads, Role::Reads, Role::Writes, Role::Writes];
    let grants = contend::<L>(&roles, hold, window)?;
    let index = |of: &[u64]| {
        let (sum, squares) = of.iter().fold((0.0, 0.0), |(sum, squares), &count| {
            let count = count as f64;
            (sum + count, squares + count * count)
        });
        if squares > 0.0 { sum * sum / (of.len() as f64 * squares) } else { 0.0 }
    };
    let (readers, writers) = grants.of.split_at(2);
    Ok([index(readers), index(writers)])
}
