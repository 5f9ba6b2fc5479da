//! The bugs of the course's scenes, found in a few thousand schedules without being arranged, and
//! their fixes, which hold in all of them.
//!
//! Chopsticks are shuttle's mutexes here: what is explored is the order in which they are taken.
//! The locks themselves have models of their own.

use std::sync::Arc;

use brigade::barrier::Barrier;
use brigade::monitor::Monitor;
use shuttle::sync::{Condvar, Mutex, MutexGuard};
use shuttle::thread;

use crate::explore::draw;

const SCHEDULES: usize = 2_000;

/// Three philosophers at a round table, `examples/ch04_deadlock.rs`; each takes the chopsticks in the
/// order that `choose` puts them into.
fn round_table(choose: fn([usize; 2]) -> [usize; 2]) {
    let chopsticks: Arc<[Mutex<u32>; 3]> = Arc::default();
    let philosophers: Vec<_> = (0..3)
        .map(|seat| {
            let chopsticks = Arc::clone(&chopsticks);
            let [first, second] = choose([seat, (seat + 1) % 3]);
            thread::spawn(move || {
                for _bite in 0..2 {
                    let mut first = chopsticks[first].lock().unwrap();
                    *chopsticks[second].lock().unwrap() += 1;
                    *first += 1;
                }
            })
        })
        .collect();
    philosophers.into_iter().for_each(|philosopher| philosopher.join().unwrap());
    assert!(chopsticks.iter().all(|used| *used.lock().unwrap() == 4));
}

#[test]
#[should_panic(expected = "deadlock")]
fn left_first_closes_a_circle() {
    draw(SCHEDULES, || round_table(|left_right| left_right));
}

#[test]
fn lower_rank_first_closes_none() {
    draw(SCHEDULES, || {
        round_table(|mut pair| {
            pair.sort_unstable();
            pair
        });
    });
}

/// `examples/ch04_abandoned_lock.rs`: one fails with the chopstick in hand.
fn failure(leak: bool) {
    let plate = Arc::new(Mutex::new(3));
    let philosophers: Vec<_> = (0..3)
        .map(|who| {
            let plate = Arc::clone(&plate);
            thread::spawn(move || {
                let mut left = plate.lock().unwrap();
                if who == 0 {
                    if leak {
                        std::mem::forget(left);
                    }
                    return;
                }
                *left -= 1;
            })
        })
        .collect();
    philosophers.into_iter().for_each(|philosopher| philosopher.join().unwrap());
    assert_eq!(*plate.lock().unwrap(), 1);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_leaked_guard_is_waited_for_for_ever() {
    draw(SCHEDULES, || failure(true));
}

#[test]
fn a_dropped_guard_is_not() {
    draw(SCHEDULES, || failure(false));
}

/// `examples/ch07_barrier.rs` with two of each: 1 + 3 + 3, doubled twice.
fn cooks(parties: usize) {
    let shared = Arc::new((Mutex::new(1), Barrier::new(parties)));
    let cook = |adds: bool| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            let (number, barrier) = &*shared;
            let meet = || barrier.wait().unwrap().index();
            if adds {
                *number.lock().unwrap() += 3;
                (barrier.parties() == 4).then(meet);
            } else {
                meet();
                *number.lock().unwrap() *= 2;
            }
        })
    };
    let cooks = [true, true, false, false].map(cook);
    cooks.into_iter().for_each(|cook| cook.join().unwrap());
    assert_eq!(*shared.0.lock().unwrap(), 28, "in another order");
}

#[test]
#[should_panic(expected = "in another order")]
fn a_barrier_for_some_separates_nothing() {
    draw(SCHEDULES, || cooks(2));
}

#[test]
fn a_barrier_for_all_separates_adders_from_doublers() {
    draw(SCHEDULES, || cooks(4));
}

/// `examples/ch05_condvar.rs`: five people, eleven servings; whose number is the servings left,
/// modulo five, takes the next one.
const PEOPLE: u32 = 5;
const SERVINGS: u32 = 11;

#[derive(Default)]
struct Pot {
    servings: u32,
    order: Vec<u32>,
}

impl Pot {
    fn new() -> Self {
        Self { servings: SERVINGS, order: Vec::new() }
    }

    fn is_turn_of(&self, me: u32) -> bool {
        self.servings == 0 || self.servings % PEOPLE == me
    }

    fn take(&mut self, me: u32) {
        assert!(self.is_turn_of(me), "person {me} took out of turn");
        self.servings -= 1;
        self.order.push(me);
    }
}

type Waits = for<'a> fn(&Condvar, MutexGuard<'a, Pot>, u32) -> MutexGuard<'a, Pot>;

/// Waits with `wait`, wakes others with `notify`.
fn dine(wait: Waits, notify: fn(&Condvar)) {
    let shared = Arc::new((Mutex::new(Pot::new()), Condvar::new()));
    let people: Vec<_> = (0..PEOPLE)
        .map(|me| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (pot, turn) = &*shared;
                loop {
                    let mut pot = wait(turn, pot.lock().unwrap(), me);
                    if pot.servings == 0 {
                        return;
                    }
                    pot.take(me);
                    notify(turn);
                }
            })
        })
        .collect();
    people.into_iter().for_each(|person| person.join().unwrap());
    assert_eq!(shared.0.lock().unwrap().order, [1, 0, 4, 3, 2, 1, 0, 4, 3, 2, 1]);
}

fn wait_if<'a>(turn: &Condvar, pot: MutexGuard<'a, Pot>, me: u32) -> MutexGuard<'a, Pot> {
    if pot.is_turn_of(me) { pot } else { turn.wait(pot).unwrap() }
}

fn wait_while<'a>(turn: &Condvar, mut pot: MutexGuard<'a, Pot>, me: u32) -> MutexGuard<'a, Pot> {
    while !pot.is_turn_of(me) {
        pot = turn.wait(pot).unwrap();
    }
    pot
}

#[test]
#[should_panic(expected = "took out of turn")]
fn if_where_while_is_needed() {
    draw(SCHEDULES, || dine(wait_if, Condvar::notify_all));
}

#[test]
#[should_panic(expected = "deadlock")]
fn notify_one_where_all_must_look() {
    draw(SCHEDULES, || dine(wait_while, Condvar::notify_one));
}

#[test]
fn while_and_notify_all_keep_the_order() {
    draw(SCHEDULES, || dine(wait_while, Condvar::notify_all));
}

#[test]
fn a_monitor_keeps_the_order() {
    draw(SCHEDULES, || {
        let pot = Arc::new(Monitor::new(Pot::new()));
        let people: Vec<_> = (0..PEOPLE)
            .map(|me| {
                let pot = Arc::clone(&pot);
                let eat = move |pot: &mut Pot| {
                    let more = pot.servings > 0;
                    if more {
                        pot.take(me);
                    }
                    more
                };
                thread::spawn(move || while pot.when(move |pot| pot.is_turn_of(me), eat) {})
            })
            .collect();
        people.into_iter().for_each(|person| person.join().unwrap());
        pot.read(|pot| assert_eq!(pot.order, [1, 0, 4, 3, 2, 1, 0, 4, 3, 2, 1]));
    });
}
