//! Kahaner's problems, each by what the module's table recommends for it.

use super::problems::KAHANER;
use brigade::integrate::{Estimate, Integral, IntegralError, Kronrod, Rule, Status};

#[track_caller]
fn check(name: &str, found: Result<Estimate, IntegralError>, exact: f64, tolerance: f64) {
    let found = found.unwrap_or_else(|error| panic!("{name}: {error}"));
    let off = (found.value - exact).abs();
    assert_eq!(found.status, Status::Converged, "{name}: {found:?}");
    assert!(off <= tolerance * exact.abs(), "{name}: {} for {exact}: {off:e}", found.value);
    let said = found.error.unwrap_or(0.0) + 1e-15 * found.l1;
    assert!(off <= said, "{name}: off by {off:e}, said {said:e}");
}

#[test]
fn the_adaptive_rules_solve_all_of_them() {
    for problem in &KAHANER {
        for kronrod in
            [Kronrod::K15, Kronrod::K21, Kronrod::K31, Kronrod::K41, Kronrod::K51, Kronrod::K61]
        {
            // The square root's pole is too much for bisection at full accuracy.
            let tolerance = if problem.name == "x^-0.5" { 1e-6 } else { 1e-10 };
            let found = Integral::new(problem.f, problem.lower..problem.upper)
                .rule(Rule::Adaptive(kronrod))
                .points(problem.points)
                .min_panels(4)
                .rel_tol(tolerance)
                .run();
            check(problem.name, found, problem.exact, tolerance);
        }
    }
}

#[test]
fn reversed_they_only_change_their_sign() {
    for problem in &KAHANER {
        let run = |range: std::ops::Range<f64>| {
            let integral = Integral::new(problem.f, range).points(problem.points).rel_tol(1e-6);
            integral.run().unwrap_or_else(|error| panic!("{}: {error}", problem.name))
        };
        let forwards = run(problem.lower..problem.upper);
        let backwards = run(problem.upper..problem.lower);
        assert_eq!(forwards.value.to_bits(), (-backwards.value).to_bits(), "{}", problem.name);
        assert_eq!(forwards.error, backwards.error);
        assert_eq!(forwards.evals, backwards.evals);
    }
}

#[test]
fn the_double_exponential_rule_solves_those_that_are_smooth_inside() {
    let smooth = [
        "exp",
        "sqrt",
        "cosh - cos",
        "quartic",
        "x^1.5",
        "x^-0.5",
        "1/(1+x^4)",
        "1/(1+x)",
        "1/(1+e^x)",
        "x/(e^x-1)",
        "ln",
        "1/(x^2+1.005)",
        "25 e^-25x",
        "peak at an end",
        "Cauchy",
    ];
    for problem in KAHANER.iter().filter(|problem| smooth.contains(&problem.name)) {
        let range = problem.lower..problem.upper;
        let found = Integral::new(problem.f, range).rule(Rule::DoubleExponential).run();
        check(problem.name, found, problem.exact, 1e-12);
    }
}

#[test]
fn gauss_in_steps_solves_the_smooth_ones() {
    let smooth = ["exp", "cosh - cos", "quartic", "1/(1+x^4)", "1/(1+x)", "1/(1+e^x)", "25 e^-25x"];
    for problem in KAHANER.iter().filter(|problem| smooth.contains(&problem.name)) {
        let rule = Rule::GaussLegendre { nodes: 16, steps: 16 };
        let found = Integral::new(problem.f, problem.lower..problem.upper).rule(rule).run();
        let off = (found.expect("a value").value - problem.exact).abs();
        assert!(off <= 1e-14 * problem.exact.abs(), "{}: {off:e}", problem.name);
    }
}
