//! The same bits, however many threads there are.

use super::problems::{KAHANER, gamma};
use crate::watchdog::{step, within};
use brigade::integrate::{
    BoxIntegral, Estimate, Integral, IntegralError, Kronrod, Rule, Status, Sum,
};
use proptest::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread::{self, ThreadId};

const THREADS: [usize; 5] = [1, 2, 3, 7, 16];

fn pools() -> Vec<ThreadPool> {
    let pool = |&threads: &usize| ThreadPoolBuilder::new().num_threads(threads).build();
    THREADS.iter().map(pool).collect::<Result<_, _>>().expect("threads for the pools")
}

/// Everything that an integration says, as bits.
fn bits(result: Result<Estimate, IntegralError>) -> Result<([u64; 3], [u64; 2], String), String> {
    let estimate = result.map_err(|error| error.to_string())?;
    let error = estimate.error.unwrap_or(-1.0);
    Ok((
        [estimate.value, error, estimate.l1].map(f64::to_bits),
        [estimate.evals, estimate.panels],
        format!("{:?}", estimate.status),
    ))
}

/// Runs on the calling thread alone, in every pool, and in the global one.
#[track_caller]
fn same_everywhere(
    pools: &[ThreadPool],
    what: &str,
    run: impl Fn(bool) -> Result<Estimate, IntegralError> + Sync,
) {
    let expected = bits(run(true));
    for pool in pools {
        for round in 0..2 {
            let found = bits(pool.install(|| run(false)));
            assert_eq!(found, expected, "{what}, {} threads, {round}", pool.current_num_threads());
        }
    }
    assert_eq!(bits(run(false)), expected, "{what}, the global pool");
}

const RULES: [Rule; 16] = [
    Rule::Left { steps: 40_000 },
    Rule::Right { steps: 40_001 },
    Rule::Midpoint { steps: 65_537 },
    Rule::Trapezoid { steps: 40_000 },
    Rule::Simpson { steps: 20_002 },
    Rule::GaussLegendre { nodes: 7, steps: 5_003 },
    Rule::GaussLegendre { nodes: 200, steps: 201 },
    Rule::Adaptive(Kronrod::K15),
    Rule::Adaptive(Kronrod::K21),
    Rule::Adaptive(Kronrod::K31),
    Rule::Adaptive(Kronrod::K41),
    Rule::Adaptive(Kronrod::K51),
    Rule::Adaptive(Kronrod::K61),
    Rule::DoubleExponential,
    Rule::Auto,
    Rule::Left { steps: 3 },
];

#[test]
fn every_rule_and_problem_gives_the_same_bits_on_every_pool() {
    within("same bits", || {
        let pools = pools();
        for problem in &KAHANER {
            for rule in RULES {
                step(format!("{} by {rule:?}", problem.name));
                same_everywhere(&pools, problem.name, |sequential| {
                    let integral = Integral::new(problem.f, problem.lower..problem.upper);
                    let integral = integral.rule(rule).max_evals(20_000).skip_non_finite();
                    if sequential { integral.sequential().run() } else { integral.run() }
                });
            }
        }
    });
}

#[test]
fn every_sum_and_every_way_gives_the_same_bits_on_every_pool() {
    within("same bits of sums", || {
        let pools = pools();
        for sum in [Sum::Naive, Sum::Blocked, Sum::Neumaier, Sum::Exact] {
            for rule in [Rule::Left { steps: 100_003 }, Rule::Simpson { steps: 50_000 }] {
                step(format!("{sum:?} {rule:?}"));
                same_everywhere(&pools, "scalar", |sequential| {
                    let integral = Integral::new(gamma, 0.0..100.0).rule(rule).sum(sum);
                    if sequential { integral.sequential().run() } else { integral.run() }
                });
                same_everywhere(&pools, "lanes", |sequential| {
                    let f = |t: brigade::integrate::F64x8| t.powi(5) * (-t).exp();
                    let integral = Integral::lanes(f, 0.0..100.0).rule(rule).sum(sum);
                    if sequential { integral.sequential().run() } else { integral.run() }
                });
            }
            same_everywhere(&pools, "box", |sequential| {
                let f = |[x, y, z]: [f64; 3]| (x * y - z).cos();
                let integral = BoxIntegral::new(f, [0.0; 3], [1.0, 2.0, 3.0]);
                let integral = integral.rule(Rule::Trapezoid { steps: 40 }).sum(sum);
                if sequential { integral.sequential().run() } else { integral.run() }
            });
        }
    });
}

/// Slow enough that the adaptive rules wake threads.
fn slow(x: f64) -> f64 {
    (0..300).fold(x, |y, _| (y + 1e-3).sin().mul_add(0.5, x)) / (x + 1e-3).sqrt()
}

#[test]
fn a_slow_integrand_that_wakes_threads_gives_the_same_bits_too() {
    within("same bits of slow", || {
        let pools = pools();
        for rule in [Rule::Auto, Rule::DoubleExponential, Rule::Adaptive(Kronrod::K61)] {
            step(format!("{rule:?}"));
            same_everywhere(&pools, "slow", |sequential| {
                let integral = Integral::new(slow, 0.0..1.0).rule(rule).min_panels(32);
                if sequential { integral.sequential().run() } else { integral.run() }
            });
        }
    });
}

/// Lets evaluations through as soon as two threads are in one at once, and never before.
struct Gate {
    inside: Mutex<(usize, Vec<ThreadId>)>,
    more: Condvar,
}

impl Gate {
    fn new() -> Self {
        Self { inside: Mutex::new((0, Vec::new())), more: Condvar::new() }
    }

    fn pass(&self) {
        let mut inside = self.inside.lock().expect("no panic inside");
        if inside.1.len() == 2 {
            return;
        }
        inside.1.push(thread::current().id());
        self.more.notify_all();
        let both = self.more.wait_while(inside, |inside| inside.1.len() < 2);
        let mut both = both.expect("no panic inside");
        both.0 += 1;
        assert_ne!(both.1[0], both.1[1], "one thread twice");
    }
}

#[test]
fn adaptive_rules_really_evaluate_on_several_threads_and_give_the_same_bits() {
    within("a parallel adaptive rule", || {
        let pools = pools();
        for rule in [Rule::Auto, Rule::DoubleExponential, Rule::Adaptive(Kronrod::K61)] {
            let run = |f: &(dyn Fn(f64) -> f64 + Sync)| {
                Integral::new(f, 0.0..1.0).rule(rule).min_panels(32).rel_tol(1e-13).run()
            };
            let alone = bits(
                Integral::new(slow, 0.0..1.0)
                    .rule(rule)
                    .min_panels(32)
                    .rel_tol(1e-13)
                    .sequential()
                    .run(),
            );
            for pool in &pools {
                let threads = pool.current_num_threads();
                step(format!("{rule:?}, {threads} threads, where two must meet in the integrand"));
                let (gate, calls) = (Gate::new(), AtomicUsize::new(0));
                let f = |x: f64| {
                    // The first piece, and the coarsest level of a double exponential rule, are
                    // computed by one thread: their time tells whether others are worth waking.
                    let call = calls.fetch_add(1, Ordering::Relaxed);
                    if threads > 1 && call >= 128 {
                        gate.pass();
                    }
                    slow(x)
                };
                assert_eq!(bits(pool.install(|| run(&f))), alone, "{rule:?}, {threads} threads");
                let met = gate.inside.lock().expect("no panic inside").0;
                assert_eq!(met, if threads > 1 { 2 } else { 0 }, "{rule:?}, {threads} threads");
            }
        }
    });
}

/// What the faults of an integrand say, and where.
fn fault<V: std::fmt::Debug>(result: Result<Estimate<V>, IntegralError<V>>) -> (u64, String) {
    match result {
        Err(IntegralError::NonFinite { x, y }) => (x.to_bits(), format!("{y}")),
        Err(IntegralError::Panicked { x, payload }) => (x.to_bits(), payload.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_fault_of_a_slow_integrand_is_the_same_on_every_pool() {
    // (from where there are values that are none, from where it panics)
    const FAULTS: [(f64, f64); 5] =
        [(0.9, 0.2), (0.3, 0.25), (0.25, 0.3), (2.0, 0.01), (0.99, 2.0)];
    fn faulty(x: f64, slow: fn(f64) -> f64, (none, panics): (f64, f64)) -> f64 {
        // At first it is sound, so that the fault is met by several threads.
        let bad = x > 0.5 && x < 0.505 || x > 0.7;
        if bad && x > panics {
            // Without the message that a panic prints: there are thousands of them.
            resume_unwind(Box::new(format!("panicked at {x}")));
        }
        if bad && x > none { f64::NAN } else { slow(x) }
    }
    within("the fault of a slow integrand", || {
        let pools = pools();
        let rules = [
            Rule::Adaptive(Kronrod::K21),
            Rule::DoubleExponential,
            Rule::Left { steps: 40_000 },
            Rule::GaussLegendre { nodes: 50, steps: 100 },
        ];
        for (rule, faults) in rules.into_iter().flat_map(|rule| FAULTS.map(|faults| (rule, faults)))
        {
            // A fixed rule wakes threads in any case.
            let work = match rule {
                Rule::Adaptive(_) | Rule::DoubleExponential => slow,
                _ => f64::sqrt,
            };
            let sequential = |alone: bool, kind: usize| -> (u64, String) {
                macro_rules! run {
                    ($integral:expr) => {{
                        let integral = $integral.rule(rule).min_panels(40);
                        fault(if alone { integral.sequential().run() } else { integral.run() })
                    }};
                }
                let f = |x: f64| faulty(x, work, faults);
                match kind {
                    0 => run!(Integral::new(f, 0.0..1.0)),
                    1 => run!(Integral::vector(|x| [x, f(x)], 0.0..1.0)),
                    2 => run!(Integral::lanes(|x| x.map(f), 0.0..1.0)),
                    3 => run!(Integral::with_complement(|x, _| f(x), 0.0..1.0)),
                    _ => run!(Integral::batch(
                        |x: &[f64], y: &mut [f64]| {
                            x.iter().zip(y).for_each(|(&x, y)| *y = f(x));
                        },
                        0.0..1.0
                    )),
                }
            };
            for kind in 0..5 {
                step(format!("{rule:?} {faults:?} {kind}"));
                let expected = sequential(true, kind);
                for pool in &pools {
                    let found = pool.install(|| sequential(false, kind));
                    let threads = pool.current_num_threads();
                    assert_eq!(found, expected, "{rule:?} {faults:?} {kind}, {threads} threads");
                }
            }
        }
    });
}

#[test]
fn a_progress_callback_changes_no_bit() {
    for rule in RULES {
        let plain = bits(Integral::new(gamma, 0.0..50.0).rule(rule).run());
        let watched = Integral::new(gamma, 0.0..50.0).rule(rule).progress(|_| {});
        assert_eq!(bits(watched.run()), plain, "{rule:?}");
    }
}

#[test]
fn the_first_fault_is_found_whatever_the_threads_do() {
    within("first fault", || {
        // Everything behind 0.7 is bad, so most chunks have a fault; the first one is named.
        let f = |x: f64| if x > 0.7 { f64::NAN } else { x };
        let places: Vec<u64> = pools()
            .iter()
            .map(|pool| {
                let integral = || Integral::new(f, 0.0..1.0).rule(Rule::Left { steps: 1_000_000 });
                match pool.install(|| integral().run()) {
                    Err(IntegralError::NonFinite { x, .. }) => x.to_bits(),
                    other => panic!("{other:?}"),
                }
            })
            .collect();
        assert!(places.windows(2).all(|pair| pair[0] == pair[1]), "{places:?}");
        assert!((f64::from_bits(places[0]) - 0.7).abs() < 2e-6);
    });
}

#[test]
fn a_strict_run_only_differs_by_its_status() {
    let hard = || Integral::new(f64::floor, 0.0..9.5).max_evals(100);
    let estimate = hard().run().expect("a value");
    assert_eq!(estimate.status, Status::MaxEvals);
    match hard().strict().run() {
        Err(IntegralError::NotConverged { estimate: found }) => assert_eq!(*found, estimate),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_number_of_threads_does_not_matter(
        steps in 1_u64..200_000,
        threads in 1_usize..9,
        kind in 0..6,
        sum in 0..4_usize,
        lower in -5.0..5.0,
        width in 1e-3..20.0,
    ) {
        let rule = match kind {
            0 => Rule::Left { steps },
            1 => Rule::Right { steps },
            2 => Rule::Midpoint { steps },
            3 => Rule::Trapezoid { steps },
            4 => Rule::Simpson { steps },
            _ => Rule::GaussLegendre { nodes: 3, steps },
        };
        let sum = [Sum::Naive, Sum::Blocked, Sum::Neumaier, Sum::Exact][sum];
        let integral = || {
            let f = |x: f64| (x * x).sin() + 0.1;
            Integral::new(f, lower..lower + width).rule(rule).sum(sum)
        };
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let parallel = bits(pool.install(|| integral().run()));
        prop_assert_eq!(parallel, bits(integral().sequential().run()));
    }
}
