//! The fair lock against `parking_lot` and `std`, in one run: what a lock costs that nobody waits
//! for, and what two threads get through that do nothing else.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use brigade::mutex::{FairMutex, FairMutexWith};
use brigade::rwlock::{
    Bypass, FairRwLock, FairRwLockUpgradableReadGuard as FairUpgradable, FairRwLockWith, TaskFair,
};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use parking_lot::RwLockUpgradableReadGuard as Upgradable;

const SOON: Duration = Duration::from_secs(1);

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(60);
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_millis(1_000));
    group
}

fn uncontended(criterion: &mut Criterion) {
    let fair = FairRwLock::new(1_u64);
    let task = FairRwLockWith::<_, TaskFair>::new(1_u64);
    let bypass = FairRwLockWith::<_, Bypass<32>>::new(1_u64);
    let parking = parking_lot::RwLock::new(1_u64);
    let standard = std::sync::RwLock::new(1_u64);

    let mut read = group(criterion, "read");
    read.bench_function("fair", |b| b.iter(|| *black_box(&fair).read()));
    read.bench_function("task_fair", |b| b.iter(|| *black_box(&task).read()));
    read.bench_function("bypass_32", |b| b.iter(|| *black_box(&bypass).read()));
    read.bench_function("parking_lot", |b| b.iter(|| *black_box(&parking).read()));
    read.bench_function("std", |b| b.iter(|| *black_box(&standard).read().unwrap()));
    read.finish();

    let mut write = group(criterion, "write");
    write.bench_function("fair", |b| b.iter(|| *black_box(&fair).write() += 1));
    write.bench_function("bypass_32", |b| b.iter(|| *black_box(&bypass).write() += 1));
    write.bench_function("parking_lot", |b| b.iter(|| *black_box(&parking).write() += 1));
    write.bench_function("std", |b| b.iter(|| *black_box(&standard).write().unwrap() += 1));
    write.finish();

    let mut attempts = group(criterion, "try");
    attempts.bench_function("fair_read", |b| b.iter(|| black_box(&fair).try_read().is_some()));
    attempts.bench_function("parking_lot_read", |b| {
        b.iter(|| black_box(&parking).try_read().is_some())
    });
    attempts.bench_function("std_read", |b| b.iter(|| black_box(&standard).try_read().is_ok()));
    attempts.bench_function("fair_write", |b| b.iter(|| black_box(&fair).try_write().is_some()));
    attempts.bench_function("parking_lot_write", |b| {
        b.iter(|| black_box(&parking).try_write().is_some());
    });
    attempts.bench_function("std_write", |b| b.iter(|| black_box(&standard).try_write().is_ok()));
    attempts.finish();

    let mut timed = group(criterion, "timed");
    timed.bench_function("fair_read", |b| b.iter(|| black_box(&fair).try_read_for(SOON).is_some()));
    timed.bench_function("parking_lot_read", |b| {
        b.iter(|| black_box(&parking).try_read_for(SOON).is_some());
    });
    timed.bench_function("fair_write", |b| {
        b.iter(|| black_box(&fair).try_write_for(SOON).is_some())
    });
    timed.bench_function("parking_lot_write", |b| {
        b.iter(|| black_box(&parking).try_write_for(SOON).is_some());
    });
    timed.finish();

    let mut upgradable = group(criterion, "upgradable");
    upgradable.bench_function("fair", |b| b.iter(|| *black_box(&fair).upgradable_read()));
    upgradable.bench_function("parking_lot", |b| b.iter(|| *black_box(&parking).upgradable_read()));
    upgradable.bench_function("fair_upgrade", |b| {
        b.iter(|| *FairUpgradable::upgrade(black_box(&fair).upgradable_read()) += 1);
    });
    upgradable.bench_function("parking_lot_upgrade", |b| {
        b.iter(|| *Upgradable::upgrade(black_box(&parking).upgradable_read()) += 1);
    });
    upgradable.finish();

    let fair = FairMutex::new(1_u64);
    let parking = parking_lot::Mutex::new(1_u64);
    let parking_fair = parking_lot::FairMutex::new(1_u64);
    let standard = std::sync::Mutex::new(1_u64);
    let mut mutex = group(criterion, "mutex");
    mutex.bench_function("fair", |b| b.iter(|| *black_box(&fair).lock() += 1));
    mutex.bench_function("parking_lot", |b| b.iter(|| *black_box(&parking).lock() += 1));
    mutex.bench_function("parking_lot_fair", |b| b.iter(|| *black_box(&parking_fair).lock() += 1));
    mutex.bench_function("std", |b| b.iter(|| *black_box(&standard).lock().unwrap() += 1));
    mutex.finish();
}

/// How long two threads take for `rounds` each of taking the lock and holding it for `hold`.
fn two_threads(rounds: u64, hold: u32, locked: impl Fn(&dyn Fn()) + Sync) -> Duration {
    let (locked, start) = (&locked, &Barrier::new(2));
    let work = move || (0..hold).for_each(|_| std::hint::spin_loop());
    thread::scope(|scope| {
        let run = move || {
            start.wait();
            let began = Instant::now();
            (0..rounds).for_each(|_| locked(&work));
            began.elapsed()
        };
        let other = scope.spawn(run);
        run().max(other.join().expect("no panic"))
    })
}

fn contended(criterion: &mut Criterion) {
    // Some 100 ns and some 10 µs of holding on the machines that this was written on.
    for (name, hold) in [("two_writers_short", 3), ("two_writers_long", 300)] {
        let mut group = group(criterion, name);
        group.sample_size(10);
        group.throughput(Throughput::Elements(2));
        macro_rules! bench {
            ($name:literal, $lock:expr, $with:ident) => {
                let lock = $lock;
                group.bench_function($name, |b| {
                    b.iter_custom(|rounds| {
                        two_threads(rounds, hold, |work| {
                            let _inside = lock.$with();
                            work();
                        })
                    });
                });
            };
        }
        bench!("fair", FairRwLock::new(()), write);
        bench!("bypass_32", FairRwLockWith::<_, Bypass<32>>::new(()), write);
        bench!("parking_lot", parking_lot::RwLock::new(()), write);
        bench!("std", std::sync::RwLock::new(()), write);
        bench!("mutex_fair", FairMutex::new(()), lock);
        bench!("mutex_bypass_32", FairMutexWith::<_, Bypass<32>>::new(()), lock);
        bench!("mutex_parking_lot_fair", parking_lot::FairMutex::new(()), lock);
        group.finish();
    }
}

criterion_group!(benches, uncontended, contended);
criterion_main!(benches);
