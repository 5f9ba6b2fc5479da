//! What a job costs: submitted and awaited alone, in bursts, and mapped; and what a scope costs.

use brigade::pool::{Claims, Overflow, Pool, Window, as_completed};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

fn pool(claims: Claims) -> Pool {
    Pool::builder()
        .workers(2)
        .queue(1 << 16, Overflow::Block)
        .claims(claims)
        .build()
        .expect("a sound pool")
}

const CLAIMS: [(&str, Claims); 2] = [("inline", Claims::Anywhere), ("workers", Claims::Never)];

fn round_trip(c: &mut Criterion) {
    let mut group = c.benchmark_group("pool/round trip");
    for (name, claims) in CLAIMS {
        let pool = pool(claims);
        group.bench_function(name, |b| {
            b.iter(|| pool.submit(|_| black_box(7)).result().expect("it runs"));
        });
    }
    group.finish();
}

fn bursts(c: &mut Criterion) {
    const JOBS: u64 = 1000;
    let mut group = c.benchmark_group("pool/burst of 1000");
    group.throughput(Throughput::Elements(JOBS));
    for (name, claims) in CLAIMS {
        let pool = pool(claims);
        group.bench_function(BenchmarkId::new("results", name), |b| {
            b.iter(|| {
                let jobs: Vec<_> = (0..JOBS).map(|n| pool.submit(move |_| n)).collect();
                jobs.into_iter().map(|job| job.result().expect("it runs")).sum::<u64>()
            });
        });
        group.bench_function(BenchmarkId::new("as_completed", name), |b| {
            b.iter(|| {
                let jobs = (0..JOBS).map(|n| pool.submit(move |_| n));
                as_completed(jobs).map(|job| job.result().expect("it runs")).sum::<u64>()
            });
        });
        group.bench_function(BenchmarkId::new("map", name), |b| {
            b.iter(|| {
                let results = pool.map(0..JOBS, Window(64), |n| n);
                results.map(|result| result.expect("it runs")).sum::<u64>()
            });
        });
    }
    group.finish();
}

fn scope(c: &mut Criterion) {
    let mut group = c.benchmark_group("pool/scope");
    let pool = pool(Claims::Never);
    group.bench_function("one job", |b| {
        let local = black_box(7);
        b.iter(|| pool.scope(|s| s.submit(|_| local).result().expect("it runs")));
    });
    group.bench_function("std, one thread", |b| {
        let local = black_box(7);
        b.iter(|| std::thread::scope(|s| s.spawn(|| local).join().expect("it runs")));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = round_trip, bursts, scope
}
criterion_main!(benches);
