//! The bugs of the course's scenes, found in a few thousand schedules without being arranged, and
//! their fixes, which hold in all of them.
//!
//! `examples/ch05_condvar.rs`: five people, eleven servings; whose number is the servings left,
//! modulo five, takes the next one.

use std::sync::Arc;

use brigade::monitor::Monitor;
use shuttle::sync::{Condvar, Mutex, MutexGuard};
use shuttle::thread;

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

fn explore(model: fn()) {
    shuttle::check_random(model, 2000);
    shuttle::check_pct(model, 2000, 3);
}

#[test]
#[should_panic(expected = "took out of turn")]
fn if_where_while_is_needed() {
    explore(|| dine(wait_if, Condvar::notify_all));
}

#[test]
#[should_panic(expected = "deadlock")]
fn notify_one_where_all_must_look() {
    explore(|| dine(wait_while, Condvar::notify_one));
}

#[test]
fn while_and_notify_all_keep_the_order() {
    explore(|| dine(wait_while, Condvar::notify_all));
}

#[test]
fn a_monitor_keeps_the_order() {
    explore(|| {
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
