//! The writer rests without end against what should wake it. There is no timeout, so a wake-up
//! that gets lost is a deadlock.

use brigade::internals::{Port, Protocol, Rounds};
use loom::thread;

use super::explore::{Skewed, explore};
use super::ledger::Ledger;

/// Rounds and rests until `done`.
fn run_until(
    protocol: &Protocol<u64>,
    writer: &mut Rounds<u64>,
    clock: &Skewed,
    mut done: impl FnMut(&mut Rounds<u64>, Vec<(u32, u64, u64, u64)>) -> bool,
) {
    for now in 1.. {
        let released = writer.round(clock.show(now));
        if done(writer, released) {
            return;
        }
        if writer.may_rest(now) {
            protocol.sleep();
        } else {
            thread::yield_now();
        }
        writer.wake_up();
    }
}

fn push_all(mut port: Port<u64>, pushes: u64, clock: &Skewed) -> (Vec<(u64, u32, u64)>, Port<u64>) {
    let push = |value| {
        let stamp = port.push(value, || clock.read()).expect("the sink is open");
        (stamp, port.id(), value)
    };
    ((0..pushes).map(push).collect(), port)
}

fn pushes(preemptions: Option<usize>, producers: usize, pushes: u64) {
    explore(preemptions, move || {
        let (protocol, mut writer) = Protocol::new();
        let clock = Skewed::new();
        let threads: Vec<_> = (0..producers)
            .map(|at| {
                let port = protocol.join(["a", "b"][at], 8).expect("room for it");
                let clock = clock.clone();
                thread::spawn(move || push_all(port, pushes, &clock))
            })
            .collect();
        let mut ledger = Ledger::default();
        run_until(&protocol, &mut writer, &clock, |writer, released| {
            ledger.enter(released, writer.cut());
            ledger.count() as u64 == pushes * producers as u64
        });
        let ended: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        ledger.balance(ended.into_iter().flat_map(|(accepted, _)| accepted));
    });
}

#[test]
fn a_push_wakes_the_writer() {
    pushes(Some(3), 1, 1);
}

#[test]
fn every_push_wakes_the_writer() {
    pushes(Some(2), 1, 2);
}

#[test]
fn two_producers_wake_the_writer() {
    pushes(Some(2), 2, 1);
}

/// A producer that leaves an idle sink is let go at once, so that its name is free again.
#[test]
fn leaving_wakes_the_writer() {
    explore(Some(3), || {
        let (protocol, mut writer) = Protocol::new();
        let clock = Skewed::new();
        let port = protocol.join("a", 8).expect("room for it");
        let leaving = thread::spawn(move || drop(port));
        run_until(&protocol, &mut writer, &clock, |writer, _| writer.retire(writer.cut()) == 1);
        leaving.join().unwrap();
        assert!(protocol.join("a", 8).is_some(), "the name is not free");
    });
}
