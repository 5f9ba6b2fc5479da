//! What an item costs on its way through a pipeline: by batches, alone, in order through several
//! workers, and with the stages fused.

use brigade::pipeline::{Batch, Par, Pipeline};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

/// In one run; enough that its beginning and end do not count.
const ITEMS: u64 = 200_000;

fn step(x: u64) -> u64 {
    x.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (x >> 7)
}

fn three_stages(batch: Batch) {
    Pipeline::new(0..ITEMS)
        .batch(batch)
        .map("first", Par::Serial, step)
        .map("second", Par::Serial, step)
        .map("third", Par::Serial, step)
        .for_each(|x| {
            black_box(x);
        })
        .expect("no stage fails");
}

fn fused() {
    Pipeline::new(0..ITEMS)
        .map("first", Par::Serial, step)
        .map("second", Par::Serial, step)
        .fuse()
        .map("third", Par::Serial, step)
        .fuse()
        .for_each(|x| {
            black_box(x);
        })
        .expect("no stage fails");
}

fn in_order(workers: usize) {
    Pipeline::new(0..ITEMS)
        .map("step", Par::Workers(workers), step)
        .for_each(|x| {
            black_box(x);
        })
        .expect("no stage fails");
}

fn looped() {
    for x in 0..ITEMS {
        black_box(step(step(step(black_box(x)))));
    }
}

/// Cheap steps, so that what is measured is the way between them.
fn cheap_items(c: &mut Criterion) {
    let mut group = c.benchmark_group("pipeline/cheap items");
    group.throughput(Throughput::Elements(ITEMS));
    group.bench_function("three stages", |b| b.iter(|| three_stages(Batch::Auto)));
    group.bench_function("three stages, one item a message", |b| {
        b.iter(|| three_stages(Batch::One));
    });
    group.bench_function("three stages, fused", |b| b.iter(fused));
    group.bench_function("one stage, four workers, in order", |b| b.iter(|| in_order(4)));
    group.bench_function("a loop", |b| b.iter(looped));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = cheap_items
}
criterion_main!(benches);
