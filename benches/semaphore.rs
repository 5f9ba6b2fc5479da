//! The semaphore beside those that everybody writes out of a mutex and a condition variable.

#[path = "semaphore/by_hand.rs"]
mod by_hand;

use brigade::semaphore::Semaphore;
use by_hand::{ParkingLotByHand, StdByHand};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

fn uncontended(c: &mut Criterion) {
    let mut group = c.benchmark_group("semaphore/uncontended");
    let semaphore = Arc::new(Semaphore::new(2));
    group.bench_function("acquire", |b| {
        b.iter(|| {
            let _permit = black_box(&semaphore).acquire();
            black_box(());
        });
    });
    group.bench_function("acquire_timeout", |b| {
        b.iter(|| {
            let _permit = black_box(&semaphore).acquire_timeout(1, Duration::from_secs(1));
            black_box(());
        });
    });
    group.bench_function("try_acquire", |b| {
        b.iter(|| {
            let _permit = black_box(&semaphore).try_acquire();
            black_box(());
        });
    });
    group.bench_function("acquire_owned", |b| {
        b.iter(|| {
            let _permit = black_box(&semaphore).acquire_owned(1);
            black_box(());
        });
    });
    let by_hand = ParkingLotByHand::new(2);
    group.bench_function("parking_lot mutex and condvar", |b| {
        b.iter(|| {
            black_box(&by_hand).acquire();
            black_box(());
            by_hand.release();
        });
    });
    let by_hand = StdByHand::new(2);
    group.bench_function("std mutex and condvar", |b| {
        b.iter(|| {
            black_box(&by_hand).acquire();
            black_box(());
            by_hand.release();
        });
    });
    group.finish();
}

/// How long so many rounds take, shared out among threads that start together.
fn shared(threads: u32, rounds: u64, round: impl Fn() + Sync) -> Duration {
    let start = Barrier::new(threads as usize + 1);
    let rounds_each = rounds.div_ceil(u64::from(threads));
    let started = thread::scope(|s| {
        for _ in 0..threads {
            s.spawn(|| {
                start.wait();
                (0..rounds_each).for_each(|_| round());
            });
        }
        start.wait();
        Instant::now()
    });
    started.elapsed()
}

fn work() {
    (0..500).for_each(|turn| {
        black_box(turn);
    });
}

/// One permit that everyone wants, held for about a fifth of a microsecond. Ours hands it on in order; the
/// other is taken by whoever is quickest.
fn contended(c: &mut Criterion) {
    let mut group = c.benchmark_group("semaphore/contended");
    for threads in [2, 4] {
        group.bench_with_input(BenchmarkId::new("acquire", threads), &threads, |b, threads| {
            let semaphore = Semaphore::new(1);
            b.iter_custom(|rounds| {
                shared(*threads, rounds, || {
                    let _permit = semaphore.acquire();
                    work();
                })
            });
        });
        let name = "parking_lot mutex and condvar";
        group.bench_with_input(BenchmarkId::new(name, threads), &threads, |b, threads| {
            let by_hand = ParkingLotByHand::new(1);
            b.iter_custom(|rounds| {
                shared(*threads, rounds, || {
                    by_hand.acquire();
                    work();
                    by_hand.release();
                })
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = uncontended, contended
}
criterion_main!(benches);
