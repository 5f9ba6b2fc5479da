//! Names and ids that are used again and again while the sink runs.

use std::sync::Arc;

use brigade::sink::{Binary, JoinError, MemoryOutput, OrderedSink};
use shuttle::thread;

use super::draw::{Jumpy, draw, durability, join, maybe_yield, number, once_in};
use super::oracle::{Accepted, Account, check};

/// Three names for six threads: each waits for its name to be free, pushes, and leaves. A name
/// that never gets free is a livelock.
fn take_turns() {
    let memory = MemoryOutput::new();
    let sink = OrderedSink::builder(Binary::new(), memory.clone())
        .capacity(number(1..4) as usize)
        .durability(durability())
        .clock(Jumpy::default())
        .build()
        .expect("a sink in memory");
    let sink = Arc::new(sink);
    let threads: Vec<_> = (0..6_u32)
        .map(|who| {
            let sink = Arc::clone(&sink);
            thread::spawn(move || {
                let mut accepted: Vec<Accepted> = Vec::new();
                for turn in 0..2 {
                    let mut producer = loop {
                        match sink.producer(["x", "y", "z"][who as usize % 3]) {
                            Ok(producer) => break producer,
                            Err(JoinError::NameTaken { .. }) => thread::yield_now(),
                            Err(other) => panic!("{other}"),
                        }
                    };
                    let mut account = Account::of(&producer, who * 2 + turn);
                    for _ in 0..number(0..4) {
                        let value = account.value();
                        let told = producer.push(value);
                        account.pushed(value, told);
                        maybe_yield();
                    }
                    accepted.append(&mut account.accepted);
                    if once_in(2) {
                        drop(producer);
                        maybe_yield();
                    }
                }
                accepted
            })
        })
        .collect();
    let accepted = join(threads);
    let sink = Arc::into_inner(sink).expect("the threads have ended");
    let report = sink.finish().expect("memory does not fail");
    assert!(report.producers <= 3, "more producers at one time than names");
    check(&memory, accepted, &report, &[]);
}

#[test]
fn names_are_used_again() {
    draw(6000, take_turns);
}

/// Nobody stays for more than a record or two.
fn pass_by() {
    let memory = MemoryOutput::new();
    let sink = OrderedSink::builder(Binary::new(), memory.clone())
        .durability(durability())
        .clock(Jumpy::default())
        .build()
        .expect("a sink in memory");
    let sink = Arc::new(sink);
    let threads: Vec<_> = (0..3_u32)
        .map(|who| {
            let sink = Arc::clone(&sink);
            thread::spawn(move || {
                let mut accepted: Vec<Accepted> = Vec::new();
                for turn in 0..4 {
                    let mut producer =
                        sink.producer(format!("p{who} {turn}")).expect("a free name");
                    let mut account = Account::of(&producer, who * 4 + turn);
                    for _ in 0..number(1..3) {
                        let value = account.value();
                        let told = producer.push(value);
                        account.pushed(value, told);
                    }
                    accepted.append(&mut account.accepted);
                }
                accepted
            })
        })
        .collect();
    let accepted = join(threads);
    let sink = Arc::into_inner(sink).expect("the threads have ended");
    let report = sink.finish().expect("memory does not fail");
    check(&memory, accepted, &report, &[]);
}

#[test]
fn producers_that_only_pass_by() {
    draw(10_000, pass_by);
}
