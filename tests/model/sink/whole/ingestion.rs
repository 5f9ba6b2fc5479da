//! Sink-stamped records: producers that join, push in all ways, block, and leave, while others
//! flush, wait for durability, and finish the sink.

use std::sync::Arc;

use brigade::clock::Stamp;
use brigade::sink::{Binary, BinaryReader, MemoryOutput, OrderedSink, Output, Overflow, Producer};
use shuttle::thread;

use super::draw::{Jumpy, draw, durability, join, maybe_yield, number, once_in, overflow};
use super::oracle::{Accepted, Account, Sink, check};

fn produce(mut producer: Producer<u32>, who: u32, policy: Overflow, pushes: u64) -> Vec<Accepted> {
    let mut account = Account::of(&producer, who);
    for _ in 0..number(1..pushes + 1) {
        let sink = match number(0..12) {
            // How much of a dropped batch went in nobody is told, so none is pushed there.
            0..=2 if policy != Overflow::DropNewest => {
                let mut batch: Vec<u32> = (0..number(0..5)).map(|_| account.value()).collect();
                let pushed: Vec<_> = batch.iter().map(|&value| (None, value)).collect();
                let told = producer.push_batch(&mut batch).map(drop);
                account.pushed_batch(&pushed, &batch, told)
            }
            3 => {
                let value = account.value();
                let told = producer.push_durable(value);
                account.pushed_durable(value, told)
            }
            _ => {
                let value = account.value();
                let told = producer.push(value);
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

/// Half the producers are there from the start, the others join while rounds run. When all have
/// joined, the sink is finished under their hands, or, half the time, when all are through.
fn run<O: Output + 'static>(
    producers: u32,
    pushes: u64,
    policy: Overflow,
    memory: &MemoryOutput,
    output: O,
) {
    let sink = OrderedSink::builder(Binary::new(), output)
        .capacity(number(1..4) as usize)
        .overflow(policy)
        .durability(durability())
        .clock(Jumpy::default())
        .build()
        .expect("a sink in memory");
    let mut sink = Arc::new(sink);
    let threads: Vec<_> = (0..producers)
        .map(|who| {
            let name = format!("p{who}");
            // The sink may fail before everybody is there.
            let early = (who % 2 == 0).then(|| sink.producer(&name).ok()).flatten();
            let sink = early.is_none().then(|| Arc::clone(&sink));
            thread::spawn(move || {
                let late = || sink.as_ref().and_then(|sink| sink.producer(name).ok());
                let producer = early.or_else(late);
                drop(sink);
                producer.map(|p| produce(p, who, policy, pushes)).unwrap_or_default()
            })
        })
        .collect();
    let sink = loop {
        match number(0..6) {
            0 => drop(sink.flush()),
            1 => drop(sink.wait_durable(Stamp::from_nanos(number(0..20)))),
            2 => drop(sink.stats()),
            _ => thread::yield_now(),
        }
        match Arc::try_unwrap(sink) {
            Ok(sink) if once_in(4) => break sink,
            Ok(whole) => sink = Arc::new(whole),
            Err(shared) => sink = shared,
        }
    };
    let (mut accepted, threads) =
        if once_in(2) { (join(threads), Vec::new()) } else { (Vec::new(), threads) };
    let outcome = sink.finish();
    accepted.append(&mut join(threads));
    match &outcome {
        Ok(report) => check(memory, accepted, report, &[]),
        Err(error) => check(memory, accepted, error.report(), error.unwritten()),
    }
}

fn in_memory(producers: u32, pushes: u64, policy: impl Fn() -> Overflow) {
    let memory = MemoryOutput::new();
    run(producers, pushes, policy(), &memory, memory.clone());
}

/// Nobody asks for anything, nobody finishes anything: what is pushed comes out all the same.
fn unasked() {
    let memory = MemoryOutput::new();
    let sink = OrderedSink::builder(Binary::new(), memory.clone())
        .capacity(number(1..4) as usize)
        .durability(durability())
        .clock(Jumpy::default())
        .build()
        .expect("a sink in memory");
    let threads: Vec<_> = (0..number(1..3) as u32)
        .map(|who| {
            let mut producer = sink.producer(format!("p{who}")).expect("a free name");
            thread::spawn(move || {
                let mut account = Account::of(&producer, who);
                for _ in 0..number(1..3) {
                    let value = account.value();
                    let told = producer.push(value);
                    account.pushed(value, told);
                }
                // It stays, so that its leaving wakes nobody.
                (account.accepted, producer)
            })
        })
        .collect();
    let ended: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    let count: usize = ended.iter().map(|(accepted, _)| accepted.len()).sum();
    while BinaryReader::new(&memory.contents()[..]).count() < count {
        thread::yield_now();
    }
    let report = sink.finish().expect("memory does not fail");
    check(&memory, ended.into_iter().flat_map(|(accepted, _)| accepted).collect(), &report, &[]);
}

#[test]
fn what_is_pushed_comes_out_unasked() {
    draw(10_000, unasked);
}

#[test]
fn eight_producers_that_block() {
    draw(6000, || in_memory(8, 6, || Overflow::Block));
}

#[test]
fn sixteen_producers_that_block() {
    draw(3000, || in_memory(16, 4, || Overflow::Block));
}

#[test]
fn eight_producers_under_every_policy() {
    draw(6000, || in_memory(8, 6, overflow));
}

#[test]
fn two_producers_and_many_schedules() {
    draw(20_000, || in_memory(2, 4, overflow));
}

/// Memory that is full after so many bytes, or whose syncs fail.
#[derive(Debug)]
struct Frail {
    memory: MemoryOutput,
    left: u64,
    syncs: u64,
}

impl Output for Frail {
    fn len(&self) -> std::io::Result<u64> {
        self.memory.len()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> std::io::Result<usize> {
        self.memory.read_at(offset, into)
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if count == 0 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.left -= count as u64;
        self.memory.write(&bytes[..count])
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.syncs = self.syncs.checked_sub(1).ok_or(std::io::ErrorKind::Other)?;
        self.memory.sync()
    }

    fn truncate(&mut self, len: u64) -> std::io::Result<()> {
        self.memory.truncate(len)
    }
}

/// Everybody learns of a failure, and every accepted record is in the output or in the error.
#[test]
fn eight_producers_into_an_output_that_fails() {
    draw(6000, || {
        let memory = MemoryOutput::new();
        let (left, syncs) = (number(1..600), number(0..6));
        let output = Frail { memory: memory.clone(), left, syncs };
        run(8, 6, overflow(), &memory, output);
    });
}

/// What makes the printed seeds worth printing.
#[test]
fn a_seed_repeats_a_run() {
    shuttle::check_uncontrolled_nondeterminism(|| in_memory(4, 4, overflow), 300);
}
