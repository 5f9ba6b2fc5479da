//! How many get through when all they do is take the lock and hold it.

use std::time::Duration;

use brigade::rwlock::{Bypass, FairRwLockWith, PhaseFair, TaskFair};

use super::contend::{Hold, Role, contend};
use super::locks::Lock;
use crate::measure::{interleave, median};
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

type Phases = FairRwLockWith<(), PhaseFair>;
type Tasks = FairRwLockWith<(), TaskFair>;
type Bypasses = FairRwLockWith<(), Bypass<32>>;
type ParkingLot = parking_lot::RwLock<()>;
type Tokio = tokio::sync::RwLock<()>;

const SHORT: Duration = Duration::from_nanos(100);
const LONG: Duration = Duration::from_micros(10);
const LONGER: Duration = Duration::from_micros(50);

/// A fight between threads that all do the same.
#[derive(Debug, Clone, Copy)]
struct Case {
    role: Role,
    threads: usize,
    hold: Duration,
}

impl Case {
    fn all(threads: &[usize], hold: Duration) -> impl Iterator<Item = Self> {
        let of = move |role| threads.iter().map(move |&threads| Self { role, threads, hold });
        [Role::Writes, Role::Mixes].into_iter().flat_map(of)
    }

    fn name(self, policy: &str) -> String {
        let what = if self.role == Role::Writes { "writing" } else { "1 write in 4" };
        format!("{} threads, {what}, holds of {:?}, {policy}", self.threads, self.hold)
    }

    /// One run of one contestant.
    fn run<L: Lock>(self, plan: &Plan, hold: Hold) -> Outcome<Duration> {
        let window = Duration::from_millis(if plan.smoke { 2 } else { 80 });
        let grants = contend::<L>(&vec![self.role; self.threads], hold, window)?;
        Ok(Duration::from_secs_f64(grants.cost()))
    }
}

fn add(
    board: &mut Board,
    name: String,
    goal: Goal,
    peer: &'static str,
    ours: &[f64],
    theirs: &[f64],
) {
    let thousands = |times: &[f64]| 1e-3 / median(times);
    board.add(
        Row::new(name, "k grants/s", thousands(ours))
            .against(peer, thousands(theirs), theirs, ours)
            .goal(goal),
    );
}

/// Long enough to hide a hand-over.
pub(crate) fn long(plan: &Plan, board: &mut Board) -> Outcome {
    for case in Case::all(&[2, 3, 4], LONG).chain(Case::all(&[2, 4], LONGER)) {
        let hold = Hold::lasting(case.hold);
        let times = interleave(
            plan,
            &mut [&mut || case.run::<Phases>(plan, hold), &mut || {
                case.run::<ParkingLot>(plan, hold)
            }],
        )?;
        let name = case.name("phase-fair");
        add(board, name, Goal::Ratio(0.9), "parking_lot", &times[0], &times[1]);
    }
    Ok(())
}

/// So short that every hand-over to a sleeping thread shows.
pub(crate) fn short(plan: &Plan, board: &mut Board) -> Outcome {
    for case in Case::all(&[2, 4], SHORT) {
        let hold = Hold::lasting(case.hold);
        let times = interleave(
            plan,
            &mut [
                &mut || case.run::<Phases>(plan, hold),
                &mut || case.run::<Bypasses>(plan, hold),
                &mut || case.run::<ParkingLot>(plan, hold),
            ],
        )?;
        for (policy, goal, ours) in
            [("phase-fair", 0.25, &times[0]), ("Bypass<32>", 0.7, &times[1])]
        {
            let name = case.name(policy);
            add(board, name, Goal::Ratio(goal), "parking_lot", ours, &times[2]);
        }
    }
    Ok(())
}

/// Against the one peer that is as fair.
pub(crate) fn equally_fair(plan: &Plan, board: &mut Board) -> Outcome {
    for case in Case::all(&[2, 4], SHORT).chain(Case::all(&[2, 4], LONG)) {
        let hold = Hold::lasting(case.hold);
        let times = interleave(
            plan,
            &mut [&mut || case.run::<Tasks>(plan, hold), &mut || case.run::<Tokio>(plan, hold)],
        )?;
        let name = case.name("task-fair");
        add(board, name, Goal::Ratio(1.0), "tokio, blocking", &times[0], &times[1]);
    }
    Ok(())
}
