//! Random operations, with waiters in threads of their own, held against a sequential monitor.

use super::until_waiting;
use crate::watchdog::within;
use brigade::monitor::Monitor;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
enum Condition {
    AtLeast(i32),
    Exactly(i32),
    Odd,
}

impl Condition {
    fn holds(self, level: i32) -> bool {
        match self {
            Self::AtLeast(least) => level >= least,
            Self::Exactly(wanted) => level == wanted,
            Self::Odd => level % 2 != 0,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Set(i32),
    Add(i32),
    When(Condition, i32),
    WhenNow(Condition, i32),
    Learn(Condition),
    Look,
}

fn op() -> impl Strategy<Value = Op> {
    let condition = || {
        prop_oneof![
            (-2..6).prop_map(Condition::AtLeast),
            (-2..6).prop_map(Condition::Exactly),
            Just(Condition::Odd),
        ]
    };
    prop_oneof![
        2 => (-3..7).prop_map(Op::Set),
        3 => (-2..3).prop_map(Op::Add),
        5 => (condition(), -3..3).prop_map(|(condition, add)| Op::When(condition, add)),
        1 => (condition(), -3..3).prop_map(|(condition, add)| Op::WhenNow(condition, add)),
        2 => condition().prop_map(Op::Learn),
        1 => Just(Op::Look),
    ]
}

#[derive(Debug, Clone, Copy)]
enum Wish {
    Enter(i32),
    Learn,
}

/// What a monitor is, said without threads: the level, who went in when, and who waits.
#[derive(Debug, Default)]
struct Oracle {
    level: i32,
    order: Vec<usize>,
    learned: BTreeSet<usize>,
    queue: Vec<(usize, Condition, Wish)>,
}

impl Oracle {
    /// Serves the queue after a change: all who learn, then the first who may go in, and again.
    fn review(&mut self) {
        loop {
            let level = self.level;
            self.learned.extend(
                self.queue
                    .extract_if(.., |(_, condition, wish)| {
                        matches!(wish, Wish::Learn) && condition.holds(level)
                    })
                    .map(|(id, ..)| id),
            );
            let next = self.queue.iter().position(|(_, condition, _)| condition.holds(level));
            let Some(next) = next else { return };
            let (id, _, wish) = self.queue.remove(next);
            self.enter(id, wish);
        }
    }

    fn enter(&mut self, id: usize, wish: Wish) {
        if let Wish::Enter(add) = wish {
            self.level += add;
            self.order.push(id);
        }
    }

    fn wait(&mut self, id: usize, condition: Condition, wish: Wish) {
        if !condition.holds(self.level) {
            self.queue.push((id, condition, wish));
        } else if matches!(wish, Wish::Learn) {
            self.learned.insert(id);
        } else {
            self.enter(id, wish);
            self.review();
        }
    }
}

#[derive(Debug, Default)]
struct State {
    level: i32,
    order: Vec<usize>,
}

struct Trial {
    monitor: Arc<Monitor<State>>,
    oracle: Oracle,
    learned: (Sender<usize>, Receiver<usize>),
    threads: Vec<thread::JoinHandle<()>>,
}

impl Trial {
    fn new() -> Self {
        Self {
            monitor: Arc::new(Monitor::default()),
            oracle: Oracle::default(),
            learned: channel(),
            threads: Vec::new(),
        }
    }

    fn run(&mut self, op: Op) {
        let id = self.threads.len();
        match op {
            Op::Set(level) => {
                self.monitor.with(|state| state.level = level);
                self.oracle.level = level;
                self.oracle.review();
            }
            Op::Add(add) => {
                self.monitor.with(|state| state.level += add);
                self.oracle.level += add;
                self.oracle.review();
            }
            Op::When(condition, add) => {
                let monitor = Arc::clone(&self.monitor);
                self.threads.push(thread::spawn(move || {
                    monitor.when(
                        move |state| condition.holds(state.level),
                        |state| {
                            assert!(condition.holds(state.level), "false inside");
                            state.level += add;
                            state.order.push(id);
                        },
                    );
                }));
                self.oracle.wait(id, condition, Wish::Enter(add));
            }
            Op::WhenNow(condition, add) => {
                let went_in = self.monitor.when_timeout(
                    Duration::ZERO,
                    move |state| condition.holds(state.level),
                    |state| state.level += add,
                );
                assert_eq!(went_in.is_ok(), condition.holds(self.oracle.level));
                if went_in.is_ok() {
                    self.oracle.level += add;
                    self.oracle.review();
                }
            }
            Op::Learn(condition) => {
                let (monitor, learned) = (Arc::clone(&self.monitor), self.learned.0.clone());
                self.threads.push(thread::spawn(move || {
                    monitor.wait_until(move |state| condition.holds(state.level));
                    learned.send(id).expect("the trial still runs");
                }));
                self.oracle.wait(id, condition, Wish::Learn);
            }
            Op::Look => {
                let seen = self.monitor.read(|state| state.level);
                assert_eq!(seen, self.oracle.level);
            }
        }
        self.settle();
    }

    /// Blocks until everyone who must be served has been, and checks that nobody else was.
    fn settle(&mut self) {
        let due = self.oracle.order.len();
        self.monitor.wait_until(move |state| state.order.len() >= due);
        until_waiting(&self.monitor, self.oracle.queue.len());
        self.monitor.read(|state| {
            assert_eq!((state.level, &state.order), (self.oracle.level, &self.oracle.order));
        });
        let due = std::mem::take(&mut self.oracle.learned);
        let learned = due.iter().map(|_| self.learned.1.recv().expect("a thread learns")).collect();
        assert_eq!(due, learned);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 150 }))]

    #[test]
    fn any_history_is_that_of_a_sequential_monitor(ops in prop::collection::vec(op(), 1..30)) {
        within("monitor history", move || {
            let mut trial = Trial::new();
            for op in ops {
                trial.run(op);
            }
            // Let go, one by one, everyone who still waits.
            while let Some((_, condition, _)) = trial.oracle.queue.first().copied() {
                let level = (-20..20).find(|level| condition.holds(*level)).expect("a level");
                trial.run(Op::Set(level));
            }
            for thread in trial.threads {
                thread.join().expect("no thread panics");
            }
        });
    }
}
