//! Event time: stamps inside the lag come out in order, the others come back.

use std::time::Duration;

use brigade::clock::{Clock, Stamp};
use brigade::sink::{Binary, EventTime, Late, MemoryOutput, OrderedSink, Overflow, Producer};
use shuttle::thread;

use super::draw::{Jumpy, draw, durability, join, maybe_yield, number, once_in, overflow};
use super::oracle::{Accepted, Account, Sink, check};

const LAG: u64 = 20;

fn produce(
    mut producer: Producer<u32, EventTime>,
    who: u32,
    clock: &Jumpy,
    (policy, late): (Overflow, Late),
    pushes: u64,
) -> Vec<Accepted> {
    let mut account = Account::of(&producer, who);
    // Mostly inside the contract, now and then outside, on both sides.
    let stamp = || {
        let now = clock.now().as_nanos() + number(0..LAG + 4);
        Stamp::from_nanos(now.saturating_sub(number(0..LAG + 4)))
    };
    for _ in 0..number(1..pushes + 1) {
        let sink = if number(0..4) == 0 && policy != Overflow::DropNewest {
            let mut batch: Vec<(Stamp, u32)> =
                (0..number(0..5)).map(|_| (stamp(), account.value())).collect();
            // Which of a batch was clamped nobody is told.
            let known = late == Late::Reject;
            let pushed: Vec<_> = batch
                .iter()
                .map(|&(stamp, value)| (known.then(|| stamp.as_nanos()), value))
                .collect();
            let told = producer.push_batch(&mut batch);
            let left: Vec<u32> = batch.into_iter().map(|(_, value)| value).collect();
            account.pushed_batch(&pushed, &left, told)
        } else {
            let (value, stamp) = (account.value(), stamp());
            let told = producer.push_at(stamp, value);
            assert!(
                late == Late::Clamp || told.as_ref().map_or(true, |&given| given == stamp),
                "the stamp is the producer's"
            );
            account.pushed(value, told)
        };
        if sink == Sink::Ended {
            break;
        }
        maybe_yield();
    }
    account.accepted
}

fn run(producers: u32, pushes: u64) {
    let memory = MemoryOutput::new();
    let clock = Jumpy::default();
    let policy = overflow();
    let late = if number(0..2) == 0 { Late::Reject } else { Late::Clamp };
    let sink = OrderedSink::builder(Binary::new(), memory.clone())
        .event_time(Duration::from_nanos(LAG))
        .late(late)
        .pending(number(1..6) as usize)
        .capacity(number(1..4) as usize)
        .overflow(policy)
        .durability(durability())
        .clock(clock.clone())
        .build()
        .expect("a sink in memory");
    let threads: Vec<_> = (0..producers)
        .map(|who| {
            let producer = sink.producer(format!("p{who}")).expect("a free name");
            let clock = clock.clone();
            thread::spawn(move || produce(producer, who, &clock, (policy, late), pushes))
        })
        .collect();
    for _ in 0..number(0..40) {
        match number(0..8) {
            0 => drop(sink.flush()),
            1 => drop(sink.wait_durable(Stamp::from_nanos(number(0..20)))),
            _ => thread::yield_now(),
        }
    }
    let (mut accepted, threads) =
        if once_in(2) { (join(threads), Vec::new()) } else { (Vec::new(), threads) };
    let report = sink.finish().expect("memory does not fail");
    accepted.append(&mut join(threads));
    check(&memory, accepted, &report, &[]);
}

#[test]
fn eight_producers() {
    draw(6000, || run(8, 6));
}

#[test]
fn twelve_producers() {
    draw(3000, || run(12, 4));
}

#[test]
fn two_producers_and_many_schedules() {
    draw(20_000, || run(2, 6));
}
