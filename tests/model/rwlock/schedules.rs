//! Four to six threads, schedules drawn at random and by priority (shuttle), judged by the oracle.

use std::sync::Arc;

use brigade::internals::rwlock::Kind::{self, Reader, Upgradable, Writer};
use brigade::rwlock::{Bypass, PhaseFair, Policy, TaskFair};
use shuttle::rand::{Rng as _, thread_rng};
use shuttle::thread;

use super::oracle::{Promise, check};
use super::{Guarded, some_day};
use crate::explore::draw;

const SCHEDULES: usize = 10_000;

macro_rules! for_every_policy {
    ($($name:ident: $policy:ty, $readers_first:literal, $steals:literal;)+) => {$(
        mod $name {
            use super::*;
            const PROMISE: Promise = Promise { readers_first: $readers_first, steals: $steals };

            #[test]
            fn crowd() {
                draw(SCHEDULES, || super::crowd::<$policy>(PROMISE));
            }
        }
    )+};
}

for_every_policy! {
    phase_fair: PhaseFair, true, 0;
    task_fair: TaskFair, false, 0;
    bypass_1: Bypass<1>, true, 1;
    bypass_3: Bypass<3>, true, 3;
}

/// Five threads do three things each; nobody knows in which order.
fn crowd<P: Policy>(promise: Promise) {
    let guarded = Guarded::<P>::new();
    let threads: Vec<_> = (0..5)
        .map(|_| {
            let guarded = guarded.clone();
            thread::spawn(move || (0..3).for_each(|_| something(&guarded)))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    guarded.finish();
    check(&guarded.lock.diary(), promise);
}

fn something<P: Policy>(guarded: &Arc<Guarded<P>>) {
    match thread_rng().gen_range(0..14) {
        0..=3 => guarded.visit(Writer),
        4..=6 => guarded.visit(Reader),
        7 => guarded.visit(Upgradable),
        8 => in_time(guarded, Writer),
        9 => in_time(guarded, Reader),
        10 => {
            if guarded.lock.try_enter(Writer) {
                guarded.touch(Writer);
                guarded.leave(Writer);
            }
        }
        11 => up(guarded, None),
        12 => up(guarded, Some(())),
        _ => down(guarded),
    }
}

fn in_time<P: Policy>(guarded: &Guarded<P>, kind: Kind) {
    if guarded.enter_in_time(kind) {
        guarded.touch(kind);
        guarded.leave(kind);
    }
}

fn up<P: Policy>(guarded: &Guarded<P>, deadline: Option<()>) {
    guarded.enter(Upgradable);
    guarded.touch(Reader);
    if guarded.lock.upgrade(deadline.map(|()| some_day())) {
        guarded.touch(Writer);
        guarded.leave(Writer);
    } else {
        guarded.lock.downgrade_upgradable();
        guarded.touch(Reader);
        guarded.leave(Reader);
    }
}

fn down<P: Policy>(guarded: &Guarded<P>) {
    guarded.enter(Writer);
    guarded.touch(Writer);
    let to = if thread_rng().gen_range(0..2) == 0 { Reader } else { Upgradable };
    guarded.lock.downgrade(to);
    guarded.touch(to);
    guarded.leave(to);
}
