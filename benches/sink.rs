//! The parts of the ordered sink, one by one, on an output that keeps nothing.
//!
//! `cargo bench -p benches`; against peers, `cargo bench -p scoreboard`.

use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};

use brigade::internals::Order;
use brigade::sink::{Binary, Csv, Encode, Ndjson, OrderedSink, Output, Producer, Text};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Records in one measured round of an encoding.
const RECORDS: u64 = 65_536;

/// Pushes behind one another before the sink is flushed, which is not measured: they fit into the
/// ring, so that no push waits.
const PIECE: u64 = 16_384;

/// An output that keeps nothing.
#[derive(Debug)]
struct Nowhere;

impl Output for Nowhere {
    fn len(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(black_box(bytes).len())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

fn open<E: Encode<u64> + 'static>(encoder: E) -> (OrderedSink<u64>, Producer<u64>) {
    let sink = OrderedSink::builder(encoder, Nowhere)
        .capacity(usize::try_from(PIECE).expect("it fits"))
        .build()
        .expect("an output in no file opens");
    let producer = sink.producer("chef").expect("the first of its name");
    (sink, producer)
}

/// Measures `push` on a ring with room, `each` records a call.
fn time_pushes(calls: u64, each: u64, mut push: impl FnMut(&mut Producer<u64>)) -> Duration {
    let (sink, mut producer) = open(Text::new());
    let mut left = calls;
    let mut took = Duration::ZERO;
    while left > 0 {
        let piece = left.min(PIECE / each);
        let start = Instant::now();
        for _ in 0..piece {
            push(&mut producer);
        }
        took += start.elapsed();
        sink.flush().expect("nothing fails");
        left -= piece;
    }
    sink.finish().expect("nothing fails");
    took
}

fn pushes(c: &mut Criterion) {
    let mut group = c.benchmark_group("push");
    group.throughput(Throughput::Elements(1));
    group.bench_function("single", |b| {
        b.iter_custom(|calls| {
            time_pushes(calls, 1, |producer| {
                producer.push(black_box(7)).expect("room for all");
            })
        });
    });
    for size in [8, 64, 512] {
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("batch of {size}"), |b| {
            b.iter_custom(|calls| {
                let mut batch = Vec::new();
                time_pushes(calls, size, |producer| {
                    batch.extend(0..size);
                    producer.push_batch(&mut batch).expect("room for all");
                })
            });
        });
    }
    group.finish();
}

/// From the first push of a thread to the end of `finish`: the writer's side, mostly.
fn encodings(c: &mut Criterion) {
    fn bench<E: Encode<u64> + 'static>(c: &mut Criterion, name: &str, encoder: fn() -> E) {
        let mut group = c.benchmark_group("through");
        group.throughput(Throughput::Elements(RECORDS));
        group.bench_function(name, |b| {
            b.iter_batched(
                || open(encoder()),
                |(sink, mut producer)| {
                    let mut batch = Vec::with_capacity(512);
                    for first in (0..RECORDS).step_by(512) {
                        batch.extend(first..first + 512);
                        producer.push_batch(&mut batch).expect("the ring blocks, no more");
                    }
                    sink.finish().expect("nothing fails")
                },
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
    bench(c, "text", Text::new);
    bench(c, "csv", Csv::new);
    bench(c, "ndjson", Ndjson::new);
    bench(c, "binary", Binary::new);
}

/// The ordering stage alone.
fn order(c: &mut Criterion) {
    let mut group = c.benchmark_group("order");
    for producers in [5_u32, 100, 1000] {
        let run = 512;
        let count = u64::from(producers) * run;
        let mut random = StdRng::seed_from_u64(7);
        let mut runs = Vec::new();
        for producer in 0..producers {
            let mut stamps: Vec<u64> =
                (0..run).map(|_| random.random_range(0..count * 100)).collect();
            stamps.sort_unstable();
            runs.push((producer, stamps));
        }
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("{producers} producers"), |b| {
            let mut order = Order::new();
            b.iter(|| {
                for (producer, stamps) in &runs {
                    order.extend_run(*producer, stamps.iter().map(|&stamp| (stamp, stamp)));
                }
                order.sort();
                order.for_each(|stamp, _, _| {
                    black_box(stamp);
                });
                order.clear();
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = sink;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = pushes, encodings, order
}
criterion_main!(sink);
