//! What a job in another process costs: there and back, with much to carry, and with a process of its own.

#[cfg(unix)]
mod workers {
    use brigade::pool::{Claims, Pool};
    use brigade::process::{self, Job, ProcessPool};
    use criterion::{Criterion, Throughput, criterion_group};
    use std::hint::black_box;
    use std::process::Command;
    use std::time::Duration;

    static SAME: Job<u64, u64> = Job::new("same", |n| n);
    static ECHO: Job<String, String> = Job::new("echo", |text| text);

    /// The bench is the program that its workers run.
    pub(crate) fn init() {
        process::init(&[&SAME, &ECHO]);
    }

    fn round_trip(c: &mut Criterion) {
        let mut group = c.benchmark_group("process/round trip");
        let pool = ProcessPool::builder().workers(2).build().expect("a sound pool");
        group.bench_function("process", |b| {
            b.iter(|| pool.submit(&SAME, black_box(7)).result().expect("it runs"));
        });
        let pool = Pool::builder().workers(2).claims(Claims::Never).build().expect("a sound pool");
        group.bench_function("thread", |b| {
            b.iter(|| pool.submit(|_| black_box(7)).result().expect("it runs"));
        });
        group.finish();
    }

    fn bodies(c: &mut Criterion) {
        const SIZE: usize = 1 << 20;
        let mut group = c.benchmark_group("process/1 MiB there and back");
        group.throughput(Throughput::Bytes(2 * SIZE as u64));
        let pool = ProcessPool::builder().workers(1).build().expect("a sound pool");
        let text = "x".repeat(SIZE);
        group.bench_function("process", |b| {
            b.iter(|| {
                let echo = pool.submit(&ECHO, text.clone()).result().expect("it runs");
                assert_eq!(echo.len(), SIZE);
            });
        });
        group.finish();
    }

    fn start(c: &mut Criterion) {
        let mut group = c.benchmark_group("process/start, one job, end");
        let pool = ProcessPool::builder().workers(1).max_tasks_per_child(1).build();
        let pool = pool.expect("a sound pool");
        group.bench_function("worker", |b| {
            b.iter(|| pool.submit(&SAME, black_box(7)).result().expect("it runs"));
        });
        group.bench_function("std, `true`", |b| {
            b.iter(|| assert!(Command::new("true").status().expect("it runs").success()));
        });
        group.finish();
    }

    criterion_group! {
        name = benches;
        config = Criterion::default()
            .sample_size(20)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1));
        targets = round_trip, bodies, start
    }
}

fn main() {
    #[cfg(unix)]
    {
        workers::init();
        workers::benches();
        criterion::Criterion::default().configure_from_args().final_summary();
    }
}
