//! What ranks and sets cost beside the plain locks, when nobody disturbs.

use std::hint::black_box;
use std::time::Duration;

use brigade::lock::{Attempt, Mode, Ranked, lock_all, lock_ranks, read};
use brigade::mutex::FairMutex;
use brigade::rwlock::FairRwLock;
use criterion::{Criterion, criterion_group, criterion_main};

lock_ranks! { OUTER < INNER }

fn ranks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lock/rank");
    macro_rules! pair {
        ($name:literal, $lock:expr, $take:ident) => {
            let (raw, ranked) = ($lock, Ranked::new(OUTER, $lock));
            group.bench_function(concat!($name, ", raw"), |b| {
                b.iter(|| black_box(&raw).$take().wrapping_add(1));
            });
            group.bench_function(concat!($name, ", ranked"), |b| {
                b.iter(|| black_box(&ranked).$take().wrapping_add(1));
            });
        };
    }
    pair!("parking_lot mutex", parking_lot::Mutex::new(1_u64), lock);
    pair!("fair mutex", FairMutex::new(1_u64), lock);
    pair!("fair rwlock, read", FairRwLock::new(1_u64), read);

    let raw = (FairMutex::new(1_u64), FairMutex::new(1_u64));
    let ranked =
        (Ranked::new(OUTER, FairMutex::new(1_u64)), Ranked::new(INNER, FairMutex::new(1_u64)));
    group.bench_function("nested fair mutexes, raw", |b| {
        b.iter(|| {
            let (outer, inner) = (black_box(&raw).0.lock(), raw.1.lock());
            *outer + *inner
        });
    });
    group.bench_function("nested fair mutexes, ranked", |b| {
        b.iter(|| {
            let (outer, inner) = (black_box(&ranked).0.lock(), ranked.1.lock());
            *outer + *inner
        });
    });
    group.finish();
}

fn sets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lock/all");
    let locks: [FairMutex<u64>; 8] = std::array::from_fn(|_| FairMutex::new(1));
    let [a, b, c, d, ..] = &locks;
    group.bench_function("2 by hand", |bencher| {
        bencher.iter(|| {
            let (a, b) = (black_box(a).lock(), black_box(b).lock());
            *a + *b
        });
    });
    group.bench_function("2", |bencher| {
        bencher.iter(|| lock_all((black_box(b), black_box(a))).map(|(b, a)| *a + *b));
    });
    group.bench_function("2 attempted", |bencher| {
        let attempt = Attempt::within(Duration::from_secs(1)).mode(Mode::Polite);
        bencher.iter(|| attempt.lock_all((black_box(b), black_box(a))).map(|(b, a)| *a + *b));
    });
    group.bench_function("3 by hand", |bencher| {
        bencher.iter(|| {
            let (a, b, c) = (black_box(a).lock(), black_box(b).lock(), black_box(c).lock());
            *a + *b + *c
        });
    });
    group.bench_function("3", |bencher| {
        bencher.iter(|| {
            let all = lock_all((black_box(c), black_box(a), black_box(b)));
            all.map(|(c, a, b)| *a + *b + *c)
        });
    });
    group.bench_function("4 by hand", |bencher| {
        bencher.iter(|| {
            let (a, b) = (black_box(a).lock(), black_box(b).lock());
            let (c, d) = (black_box(c).lock(), black_box(d).lock());
            *a + *b + *c + *d
        });
    });
    group.bench_function("4", |bencher| {
        bencher.iter(|| {
            let all = lock_all((black_box(d), black_box(b), black_box(a), black_box(c)));
            all.map(|(d, b, a, c)| *a + *b + *c + *d)
        });
    });
    group.bench_function("4, array", |bencher| {
        bencher.iter(|| {
            let all = lock_all([black_box(d), black_box(b), black_box(a), black_box(c)]);
            all.map(|guards| guards.iter().map(|guard| **guard).sum::<u64>())
        });
    });
    group.bench_function("8, slice", |bencher| {
        let set = locks.each_ref();
        bencher.iter(|| {
            let all = lock_all(black_box(&set[..]));
            all.map(|guards| guards.iter().map(|guard| **guard).sum::<u64>())
        });
    });
    let mixed = (FairRwLock::new(1_u64), FairMutex::new(1_u64));
    group.bench_function("a reader and a mutex", |bencher| {
        bencher.iter(|| {
            let (lock, mutex) = black_box(&mixed);
            lock_all((read(lock), mutex)).map(|(a, b)| *a + *b)
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(700));
    targets = ranks, sets
}
criterion_main!(benches);
