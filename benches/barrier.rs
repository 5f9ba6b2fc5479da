//! The round trip of a barrier, and of a phaser: from one meeting of all threads to the next.
//!
//! `cargo bench -p benches --bench barrier`. Every peer runs in the same process, one after the
//! other for each number of threads; compare the medians of one run and no others.

#[path = "barrier/peers.rs"]
mod peers;

use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use peers::{Ours, OursWithAction, Peer, Phased};

/// The time that `rounds` meetings take, seen by one of the threads.
fn round_trips<P: Peer>(threads: usize, rounds: u64) -> Duration {
    // The first meetings start the threads and are not timed.
    const WARM_UP: u64 = 10;
    let mut parties = P::parties(threads);
    let mut own = parties.pop().expect("a barrier has a party");
    thread::scope(|scope| {
        for mut party in parties {
            scope.spawn(move || (0..WARM_UP + rounds).for_each(|_| party.meet()));
        }
        (0..WARM_UP).for_each(|_| own.meet());
        let start = Instant::now();
        (0..rounds).for_each(|_| own.meet());
        start.elapsed()
    })
}

fn bench(c: &mut Criterion) {
    for threads in [2, 4, 8] {
        let mut group = c.benchmark_group(format!("barrier/round_trip/{threads}"));
        fn peer<P: Peer>(
            group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
            threads: usize,
        ) {
            group.bench_function(BenchmarkId::from_parameter(P::NAME), |b| {
                b.iter_custom(|rounds| round_trips::<P>(threads, rounds));
            });
        }
        peer::<std::sync::Arc<std::sync::Barrier>>(&mut group, threads);
        peer::<hurdles::Barrier>(&mut group, threads);
        peer::<Ours>(&mut group, threads);
        peer::<OursWithAction>(&mut group, threads);
        peer::<Phased>(&mut group, threads);
        group.finish();
    }
}

criterion_group! {
    name = round_trip;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = bench
}
criterion_main!(round_trip);
