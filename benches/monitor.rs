//! The monitor beside a mutex and a condition variable that are told whom to wake.

use brigade::monitor::Monitor;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use parking_lot::{Condvar, Mutex};
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

fn uncontended(c: &mut Criterion) {
    let mut group = c.benchmark_group("monitor/uncontended");
    let monitor = Monitor::new(0_u64);
    group.bench_function("with", |b| b.iter(|| black_box(&monitor).with(|value| *value += 1)));
    group.bench_function("when", |b| {
        b.iter(|| black_box(&monitor).when(|value| *value < u64::MAX, |value| *value += 1));
    });
    group.bench_function("read", |b| b.iter(|| black_box(&monitor).read(|value| *value)));
    let (mutex, condvar) = (Mutex::new(0_u64), Condvar::new());
    group.bench_function("parking_lot mutex", |b| b.iter(|| *black_box(&mutex).lock() += 1));
    group.bench_function("parking_lot mutex and notify_one", |b| {
        b.iter(|| {
            *black_box(&mutex).lock() += 1;
            condvar.notify_one();
        });
    });
    group.finish();
}

/// So many threads take turns, each woken by the one before: `rounds` turns in all.
fn ring(threads: u64, rounds: u64, turn: impl Fn(u64, u64) + Sync) -> Duration {
    let laps = rounds.div_ceil(threads);
    let start = Instant::now();
    thread::scope(|s| {
        for me in 0..threads {
            let turn = &turn;
            s.spawn(move || (0..laps).for_each(|lap| turn(me, lap * threads + me)));
        }
    });
    start.elapsed()
}

/// Each thread waits for a number of its own. The monitor wakes the one whose number has come; with one
/// condition variable all must be woken, as nobody knows which of them it is.
fn turns(c: &mut Criterion) {
    let mut group = c.benchmark_group("monitor/turns");
    for threads in [2_u64, 8] {
        group.bench_with_input(BenchmarkId::new("when", threads), &threads, |b, threads| {
            b.iter_custom(|rounds| {
                let next = Monitor::new(0);
                ring(*threads, rounds, |_, mine| {
                    next.when(move |next| *next == mine, |next| *next += 1);
                })
            });
        });
        group.bench_with_input(BenchmarkId::new("notify_all", threads), &threads, |b, threads| {
            b.iter_custom(|rounds| {
                let (next, changed) = (Mutex::new(0), Condvar::new());
                ring(*threads, rounds, |_, mine| {
                    let mut next = next.lock();
                    changed.wait_while(&mut next, |next| *next != mine);
                    *next += 1;
                    changed.notify_all();
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
    targets = uncontended, turns
}
criterion_main!(benches);
