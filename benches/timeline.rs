//! What it costs to be recorded, and what drawing ten thousand spans does.

use std::hint::black_box;
use std::sync::Mutex;
use std::time::Duration;

use brigade::clock::ManualClock;
use brigade::timeline::{Recorder, Timeline};
use criterion::{Criterion, criterion_group, criterion_main};

fn recording(c: &mut Criterion) {
    let mut group = c.benchmark_group("timeline/recording");
    let pencil = Mutex::new(0_u64);
    group.bench_function("nothing but the lock", |b| {
        b.iter(|| *pencil.lock().unwrap() += 1);
    });
    let off = Recorder::off();
    let lane = off.lane("off");
    group.bench_function("lock, off", |b| {
        b.iter(|| *lane.lock("pencil", || pencil.lock().unwrap()) += 1);
    });
    // A recorder keeps everything, so each sample gets a new one.
    group.bench_function("a span", |b| {
        b.iter_custom(|spans| {
            let recorder = Recorder::new().unwrap();
            let lane = recorder.lane("on");
            let began = std::time::Instant::now();
            for _ in 0..spans {
                drop(black_box(lane.run("cooking")));
            }
            began.elapsed()
        });
    });
    group.bench_function("lock", |b| {
        b.iter_custom(|rounds| {
            let recorder = Recorder::new().unwrap();
            let lane = recorder.lane("on");
            let began = std::time::Instant::now();
            for _ in 0..rounds {
                *lane.lock("pencil", || pencil.lock().unwrap()) += 1;
            }
            began.elapsed()
        });
    });
    group.finish();
}

fn ten_thousand() -> Timeline {
    let clock = ManualClock::default();
    let recorder = Recorder::with_clock(clock.clone()).unwrap();
    let lanes: Vec<_> = (0..4).map(|n| recorder.lane(format!("cook {n}"))).collect();
    for n in 0..5_000_u64 {
        let lane = &lanes[n as usize % 4];
        let outer = lane.run("cooking");
        clock.advance(Duration::from_nanos(n * 37 % 1_000));
        drop(lane.hold("pan"));
        clock.advance(Duration::from_nanos(n * 91 % 1_000));
        drop(outer);
    }
    recorder.finish()
}

fn drawing(c: &mut Criterion) {
    let timeline = ten_thousand();
    let mut group = c.benchmark_group("timeline/drawing 10,000 spans");
    group.bench_function("text", |b| b.iter(|| black_box(&timeline).to_text(60)));
    group.bench_function("svg", |b| b.iter(|| black_box(&timeline).to_svg("many")));
    group.bench_function("chrome trace", |b| b.iter(|| black_box(&timeline).to_chrome_trace()));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30);
    targets = recording, drawing
}
criterion_main!(benches);
