//! Each way in, and the way out, of a lock that nobody waits for.

use std::hint::black_box;
use std::time::Duration;

use brigade::rwlock::{FairRwLock, FairRwLockUpgradableReadGuard as FairUpgradable};
use parking_lot::RwLockUpgradableReadGuard as Upgradable;

use crate::pairs::{Pairs, Peer, at_most, compare, counting, reading};
use crate::table::{Board, Goal};
use crate::{Outcome, Plan};

/// A timeout that does not pass.
const SOON: Duration = Duration::from_secs(1);

const TOKIO: Goal = Goal::Ratio(1.5);

fn add(value: &mut u64) -> u64 {
    *value += 1;
    *value
}

fn beside<'a>(name: &'static str, goal: Goal, pairs: Pairs<'a>) -> Peer<'a> {
    Peer { name, goal, pairs }
}

#[rustfmt::skip]
pub(crate) fn run(plan: &Plan, board: &mut Board) -> Outcome {
    let goal = at_most(1.1);

    // What is read stays a one; what is written counts.
    let ours = &FairRwLock::new(1_u64);
    let parking = &parking_lot::RwLock::new(1_u64);
    let std = &std::sync::RwLock::new(1_u64);
    let tokio = &tokio::sync::RwLock::new(1_u64);

    compare(plan, board, "RW lock, read", reading(|| *black_box(ours).read()), vec![
        beside("parking_lot", goal, reading(|| *black_box(parking).read())),
        beside("std", goal, reading(|| black_box(std).read().map_or(0, |value| *value))),
        beside("tokio, blocking", TOKIO, reading(|| *black_box(tokio).blocking_read())),
    ])?;
    compare(plan, board, "RW lock, try_read", reading(|| black_box(ours).try_read().map_or(0, |value| *value)), vec![
        beside("parking_lot", goal, reading(|| black_box(parking).try_read().map_or(0, |value| *value))),
        beside("std", goal, reading(|| black_box(std).try_read().map_or(0, |value| *value))),
    ])?;
    compare(plan, board, "RW lock, try_read_for", reading(|| black_box(ours).try_read_for(SOON).map_or(0, |value| *value)), vec![
        beside("parking_lot", goal, reading(|| black_box(parking).try_read_for(SOON).map_or(0, |value| *value))),
    ])?;
    compare(plan, board, "RW lock, upgradable_read", reading(|| *black_box(ours).upgradable_read()), vec![
        beside("parking_lot", goal, reading(|| *black_box(parking).upgradable_read())),
    ])?;

    let ours = &FairRwLock::new(0_u64);
    let parking = &parking_lot::RwLock::new(0_u64);
    let std = &std::sync::RwLock::new(0_u64);
    let tokio = &tokio::sync::RwLock::new(0_u64);
    compare(plan, board, "RW lock, write", counting(|| add(&mut black_box(ours).write())), vec![
        beside("parking_lot", goal, counting(|| add(&mut black_box(parking).write()))),
        beside("std", goal, counting(|| black_box(std).write().map_or(0, |mut value| add(&mut value)))),
        beside("tokio, blocking", TOKIO, counting(|| add(&mut black_box(tokio).blocking_write()))),
    ])?;

    let ours = &FairRwLock::new(0_u64);
    let parking = &parking_lot::RwLock::new(0_u64);
    let std = &std::sync::RwLock::new(0_u64);
    compare(plan, board, "RW lock, try_write", counting(|| black_box(ours).try_write().map_or(0, |mut value| add(&mut value))), vec![
        beside("parking_lot", goal, counting(|| black_box(parking).try_write().map_or(0, |mut value| add(&mut value)))),
        beside("std", goal, counting(|| black_box(std).try_write().map_or(0, |mut value| add(&mut value)))),
    ])?;

    let ours = &FairRwLock::new(0_u64);
    let parking = &parking_lot::RwLock::new(0_u64);
    compare(plan, board, "RW lock, try_write_for", counting(|| black_box(ours).try_write_for(SOON).map_or(0, |mut value| add(&mut value))), vec![
        beside("parking_lot", goal, counting(|| black_box(parking).try_write_for(SOON).map_or(0, |mut value| add(&mut value)))),
    ])?;

    let ours = &FairRwLock::new(0_u64);
    let parking = &parking_lot::RwLock::new(0_u64);
    compare(plan, board, "RW lock, upgradable_read + upgrade", counting(|| add(&mut FairUpgradable::upgrade(black_box(ours).upgradable_read()))), vec![
        beside("parking_lot", goal, counting(|| add(&mut Upgradable::upgrade(black_box(parking).upgradable_read())))),
    ])
}
