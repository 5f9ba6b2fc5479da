//! Logical time: promises, pauses and full rings, with no clock to resolve anything.

use std::time::Duration;

use brigade::clock::Stamp;
use brigade::sink::{
    Binary, LogicalTime, MemoryOutput, OrderedSink, Overflow, Producer, PushError, Refusal, Silence,
};
use shuttle::thread;

use super::draw::{draw, durability, join, maybe_yield, number, once_in, overflow};
use super::oracle::{Accepted, Account, Sink, check};

fn produce(
    mut producer: Producer<u32, LogicalTime>,
    who: u32,
    (policy, silence): (Overflow, Silence),
    pushes: u64,
) -> Vec<Accepted> {
    let mut account = Account::of(&producer, who);
    let mut now = 0;
    for _ in 0..number(1..pushes + 1) {
        now += number(0..3);
        let sink = match number(0..10) {
            0 | 1 if policy != Overflow::DropNewest => {
                let mut batch: Vec<(Stamp, u32)> = Vec::new();
                for _ in 0..number(0..5) {
                    now += number(0..2);
                    batch.push((Stamp::from_nanos(now), account.value()));
                }
                let pushed: Vec<_> =
                    batch.iter().map(|&(stamp, value)| (Some(stamp.as_nanos()), value)).collect();
                let told = producer.push_batch(&mut batch);
                let left: Vec<u32> = batch.into_iter().map(|(_, value)| value).collect();
                account.pushed_batch(&pushed, &left, told)
            }
            2 => {
                let _ = producer.advance_to(Stamp::from_nanos(now));
                Sink::Open
            }
            3 => {
                producer.pause();
                Sink::Open
            }
            _ => {
                let (value, stamp) = (account.value(), Stamp::from_nanos(now));
                let held =
                    silence == Silence::Wait && producer.promised().is_some_and(|low| low <= stamp);
                let told = producer.push_at(stamp, value);
                let late = |error: &PushError<u32>| matches!(error.reason, Refusal::Late { .. });
                let kept = !held || !told.as_ref().is_err_and(late);
                assert!(kept, "a promise was not kept: {stamp} was refused");
                account.pushed(value, told)
            }
        };
        if sink == Sink::Ended {
            break;
        }
        maybe_yield();
    }
    account.accepted
}

/// No producer waits for another but by promises, and each leaves in the end; so nothing may
/// stand still.
fn run(producers: u32, pushes: u64, silence: Silence) {
    let memory = MemoryOutput::new();
    let policy = if once_in(2) { Overflow::Block } else { overflow() };
    let sink = OrderedSink::builder(Binary::new(), memory.clone())
        .logical_time()
        .silence(silence)
        .capacity(number(1..4) as usize)
        .overflow(policy)
        .durability(durability())
        .build()
        .expect("a sink in memory");
    let threads: Vec<_> = (0..producers)
        .map(|who| {
            let producer = sink.producer(format!("p{who}")).expect("a free name");
            thread::spawn(move || produce(producer, who, (policy, silence), pushes))
        })
        .collect();
    for _ in 0..number(0..10) {
        if once_in(4) {
            let _ = sink.flush();
        }
        maybe_yield();
    }
    let (mut accepted, threads) =
        if once_in(2) { (join(threads), Vec::new()) } else { (Vec::new(), threads) };
    let report = sink.finish().expect("memory does not fail");
    accepted.append(&mut join(threads));
    check(&memory, accepted, &report, &[]);
}

#[test]
fn eight_producers() {
    draw(6000, || run(8, 6, Silence::Wait));
}

#[test]
fn twelve_producers() {
    draw(3000, || run(12, 4, Silence::Wait));
}

#[test]
fn two_producers_and_many_schedules() {
    draw(20_000, || run(2, 6, Silence::Wait));
}

/// Whoever is not inside a push when the writer looks has been silent for too long.
#[test]
fn eight_producers_that_are_passed_over() {
    draw(6000, || run(8, 6, Silence::PassOver(Duration::ZERO)));
}
