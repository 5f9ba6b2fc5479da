//! The same integral to 8e-11, with as few evaluations as will do.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use brigade::integrate::{F64x8, Integral, Rule};

use super::gamma;
use crate::measure::{interleave, median};
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

const ACCURACY: f64 = 8e-11;
const END: f64 = 1000.0;

struct Gamma;

impl quad_rs::Integrable for Gamma {
    type Float = f64;
    type Input = f64;
    type Output = f64;

    fn integrand(&self, t: &f64) -> f64 {
        gamma(*t)
    }
}

/// The time of one of many calls.
fn each(calls: u32, mut call: impl FnMut() -> Outcome<f64>) -> Outcome<Duration> {
    let began = Instant::now();
    for _ in 0..calls {
        let value = call()?;
        let error = (value - 120.0).abs();
        if error > ACCURACY {
            return Err(format!("{value} is off by {error:e}").into());
        }
    }
    Ok(began.elapsed() / calls)
}

fn quad_rs() -> Outcome<(f64, u64)> {
    let config = quad_rs::IntegratorConfig::default()
        .with_absolute_tolerance(ACCURACY)
        .with_relative_tolerance(ACCURACY / 120.0);
    let found = quad_rs::integrate_real(Gamma, vec![0.0, black_box(END)], config);
    let found = found.map_err(|error| format!("quad-rs: {error}"))?;
    Ok((found.integral, found.evaluations as u64))
}

pub(super) fn run(plan: &Plan, board: &mut Board) -> Outcome {
    let calls = if plan.smoke { 2 } else { 300 };
    let adaptive =
        || Integral::new(gamma, 0.0..black_box(END)).abs_tol(ACCURACY).rel_tol(0.0).run();
    let lanes = || {
        let f = |t: F64x8| t.powi(5) * (-t).exp();
        Integral::lanes(f, 0.0..black_box(END)).abs_tol(ACCURACY).rel_tol(0.0).run()
    };
    let double = || {
        let integral = Integral::new(gamma, 0.0..black_box(END)).rule(Rule::DoubleExponential);
        integral.abs_tol(ACCURACY).rel_tol(0.0).run()
    };
    // The degree was found by trying; the rule is made once, outside of what is measured.
    let degree = (8..)
        .find(|&degree| {
            let rule = gauss_quad::GaussLegendre::new(NonZeroUsize::MIN.saturating_add(degree - 1));
            (rule.integrate(0.0, END, gamma) - 120.0).abs() <= ACCURACY
        })
        .unwrap_or(1);
    let degree = NonZeroUsize::MIN.saturating_add(degree - 1);
    let gauss = gauss_quad::GaussLegendre::new(degree);
    type Contestant<'a> = (&'static str, u32, Box<dyn Fn() -> Outcome<f64> + 'a>);
    let ours: [Contestant<'_>; 3] = [
        ("adaptive", calls, Box::new(|| Ok(adaptive()?.value))),
        ("adaptive, lanes", calls, Box::new(|| Ok(lanes()?.value))),
        ("double exponential", calls, Box::new(|| Ok(double()?.value))),
    ];
    let theirs: [Contestant<'_>; 6] = [
        (
            "quadrature",
            calls,
            Box::new(|| Ok(quadrature::integrate(gamma, 0.0, black_box(END), 1e-12).integral)),
        ),
        ("quad-rs", calls, Box::new(|| Ok(quad_rs()?.0))),
        (
            "integrate, Romberg",
            calls.min(20),
            Box::new(|| {
                Ok(::integrate::prelude::romberg_method(gamma, 0.0, black_box(END), 20_u32))
            }),
        ),
        (
            "integrate, Simpson",
            calls.min(20),
            Box::new(|| {
                let (low, high) = (0.0, black_box(END));
                ::integrate::prelude::adaptive_simpson_method(gamma, low, high, 1e-6, ACCURACY)
                    .map_err(|error| format!("{error:?}").into())
            }),
        ),
        (
            "gauss-quad, degree known",
            calls,
            Box::new(|| {
                let rule = gauss_quad::GaussLegendre::new(degree);
                Ok(rule.integrate(0.0, black_box(END), gamma))
            }),
        ),
        (
            "gauss-quad, made before",
            calls,
            Box::new(|| Ok(gauss.integrate(0.0, black_box(END), gamma))),
        ),
    ];
    // Who does not reach the accuracy has no time to be compared with.
    let mut note = format!("gauss-quad has degree {degree}, found by trying");
    let mut fit = Vec::new();
    for (name, calls, call) in ours.iter().chain(&theirs) {
        match each(1, call) {
            Ok(_) => fit.push((*name, *calls, call)),
            Err(error) => note += &format!("; left out: {name}, {error}"),
        }
    }
    let mut runs: Vec<_> = fit.iter().map(|(_, calls, call)| move || each(*calls, call)).collect();
    let mut contestants: Vec<&mut dyn FnMut() -> Outcome<Duration>> =
        runs.iter_mut().map(|run| run as _).collect();
    let times = interleave(plan, &mut contestants)?;
    if fit.len() < 3 || fit[0].0 != "adaptive" || fit[2].0 != "double exponential" {
        return Err("ours does not reach the accuracy".into());
    }
    let micros = |at: usize| median(&times[at]) * 1e6;
    let row = |name: &str, ours: usize, theirs: usize, goal| {
        Row::new(name, "µs", micros(ours))
            .against(fit[theirs].0, micros(theirs), &times[theirs], &times[ours])
            .goal(goal)
    };
    for (theirs, (name, ..)) in fit.iter().enumerate().skip(3) {
        let before = *name == "gauss-quad, made before";
        let goal = if before { Goal::Stated } else { Goal::Ratio(1.0) };
        board.add(row("to 8e-11, adaptive", 0, theirs, goal).note(std::mem::take(&mut note)));
        board.add(row("to 8e-11, adaptive, lanes", 1, theirs, Goal::Stated));
        board.add(row("to 8e-11, double exponential", 2, theirs, Goal::Stated));
    }
    let theirs = quadrature::integrate(gamma, 0.0, END, 1e-12).num_function_evaluations;
    let evals = |name: &str, evals: u64, most| {
        #[allow(clippy::cast_precision_loss)]
        Row::new(name, "", evals as f64).goal(Goal::AtMost(most))
    };
    board.add(
        evals("evaluations to 8e-11, adaptive", adaptive()?.evals, 400.0)
            .note(format!("quadrature takes {theirs}, quad-rs {}", quad_rs()?.1)),
    );
    board.add(evals("evaluations to 8e-11, double exponential", double()?.evals, 250.0));
    Ok(())
}
