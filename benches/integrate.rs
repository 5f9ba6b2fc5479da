//! The integrator: what a node costs, by rule, by sum, by lane function, and what a call costs.

use brigade::integrate::{BoxIntegral, F64x8, Integral, Kronrod, Rule, Sum};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

const STEPS: u64 = 1_000_000;

fn gamma(t: f64) -> f64 {
    t.powi(5) * (-t).exp()
}

fn gamma_lanes(t: F64x8) -> F64x8 {
    t.powi(5) * (-t).exp()
}

/// A million nodes on one core, so that a node is a nanosecond where a run is a millisecond.
fn rules(c: &mut Criterion) {
    let mut group = c.benchmark_group("integrate/rule");
    group.throughput(Throughput::Elements(STEPS));
    for (name, rule) in [
        ("left", Rule::Left { steps: STEPS }),
        ("midpoint", Rule::Midpoint { steps: STEPS }),
        ("trapezoid", Rule::Trapezoid { steps: STEPS }),
        ("simpson", Rule::Simpson { steps: STEPS / 2 }),
        ("gauss 5", Rule::GaussLegendre { nodes: 5, steps: STEPS / 5 }),
    ] {
        group.bench_function(BenchmarkId::new("lanes", name), |b| {
            let end = black_box(1000.0);
            b.iter(|| Integral::lanes(gamma_lanes, 0.0..end).rule(rule).sequential().run());
        });
        group.bench_function(BenchmarkId::new("closure", name), |b| {
            let end = black_box(1000.0);
            b.iter(|| Integral::new(gamma, 0.0..end).rule(rule).sequential().run());
        });
    }
    group.finish();
}

/// The same with an integrand that costs nothing: nodes, sums and checks alone.
fn sums(c: &mut Criterion) {
    let mut group = c.benchmark_group("integrate/sum");
    group.throughput(Throughput::Elements(STEPS));
    for sum in [Sum::Naive, Sum::Blocked, Sum::Neumaier, Sum::Exact] {
        group.bench_function(format!("{sum:?}"), |b| {
            let end = black_box(1.0);
            let rule = Rule::Left { steps: STEPS };
            b.iter(|| Integral::lanes(|x| x, 0.0..end).rule(rule).sum(sum).sequential().run());
        });
    }
    group.finish();
}

fn lanes(c: &mut Criterion) {
    let mut group = c.benchmark_group("integrate/lanes");
    group.throughput(Throughput::Elements(8));
    let x = F64x8::from([0.1, 0.7, 1.3, 2.9, 3.1, 4.7, 5.3, 6.1]);
    group.bench_function("exp", |b| b.iter(|| black_box(x).exp()));
    group.bench_function("ln", |b| b.iter(|| black_box(x).ln()));
    group.bench_function("sin", |b| b.iter(|| black_box(x).sin()));
    group.bench_function("cos", |b| b.iter(|| black_box(x).cos()));
    group.bench_function("powi 5", |b| b.iter(|| black_box(x).powi(5)));
    group.bench_function("powi 17", |b| b.iter(|| black_box(x).powi(17)));
    group.bench_function("exp, std", |b| b.iter(|| black_box(x).map(f64::exp)));
    group.bench_function("sin, std", |b| b.iter(|| black_box(x).map(f64::sin)));
    group.finish();
}

fn calls(c: &mut Criterion) {
    let mut group = c.benchmark_group("integrate/call");
    let end = black_box(1000.0);
    group.bench_function("adaptive", |b| b.iter(|| Integral::new(gamma, 0.0..end).run()));
    group.bench_function("adaptive, lanes", |b| {
        b.iter(|| Integral::lanes(gamma_lanes, 0.0..end).run());
    });
    group.bench_function("adaptive, to infinity", |b| b.iter(|| Integral::new(gamma, 0.0..).run()));
    group.bench_function("adaptive 61", |b| {
        let rule = Rule::Adaptive(Kronrod::K61);
        b.iter(|| Integral::new(gamma, 0.0..end).rule(rule).run());
    });
    group.bench_function("double exponential", |b| {
        let rule = Rule::DoubleExponential;
        b.iter(|| Integral::new(gamma, 0.0..end).rule(rule).run());
    });
    group.bench_function("one smooth panel", |b| {
        let one = black_box(1.0);
        b.iter(|| Integral::new(|x: f64| x * x, 0.0..one).run());
    });
    group.bench_function("a square of 441 points", |b| {
        let one = black_box(1.0);
        b.iter(|| BoxIntegral::new(|[x, y]: [f64; 2]| x * y, [0.0; 2], [one; 2]).run());
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(700));
    targets = rules, sums, lanes, calls
}
criterion_main!(benches);
