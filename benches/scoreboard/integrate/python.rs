//! The same in Python, where Python is there: `gamma.py` beside this file.

use std::process::Command;

use brigade::integrate::Integral;

use super::gamma;
use super::steps::{STEPS, lanes, timed};
use crate::measure::median;
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/integrate/gamma.py");

pub(super) fn run(plan: &Plan, board: &mut Board) -> Outcome {
    let steps = plan.records(STEPS);
    let rounds = plan.rounds.to_string();
    let output = Command::new("python3").args([SCRIPT, &steps.to_string(), &rounds]).output();
    let text = match output {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout)?,
        Ok(output) => {
            eprintln!("{SCRIPT} ended with {}, so there is nothing to compare", output.status);
            return Ok(());
        }
        Err(error) => {
            eprintln!("python3 cannot be started ({error}), so there is nothing to compare");
            return Ok(());
        }
    };
    // Python has no rounds of ours in between: it is measured first, then we are, as often.
    let ours = |run: &mut dyn FnMut() -> Outcome<f64>| -> Outcome<Vec<f64>> {
        let most = if plan.smoke { 1e-6 } else { 8e-11 };
        run()?;
        (0..plan.rounds).map(|_| Ok(timed(most, &mut *run)?.as_secs_f64())).collect()
    };
    let fixed = ours(&mut || Ok(lanes(steps).run()?.value))?;
    let adaptive = ours(&mut || {
        Ok(Integral::new(gamma, 0.0..1000.0).abs_tol(8e-11).rel_tol(0.0).run()?.value)
    })?;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        let theirs: Vec<f64> = words.map(str::parse).collect::<Result<_, _>>()?;
        let (peer, goal, ours, unit, scale) = match name {
            "loop" => ("Python, a loop", Goal::Ratio(400.0), &fixed, "ms", 1e3),
            "processes" => ("Python, 4 processes", Goal::Stated, &fixed, "ms", 1e3),
            "numpy" => ("numpy, t*t*t*t*t", Goal::Ratio(20.0), &fixed, "ms", 1e3),
            "numpy-pow" => ("numpy, t**5", Goal::Ratio(20.0), &fixed, "ms", 1e3),
            "quad" => ("scipy.integrate.quad", Goal::Ratio(15.0), &adaptive, "µs", 1e6),
            _ => return Err(format!("{SCRIPT} prints {line:?}").into()),
        };
        let what = if name == "quad" { "to 8e-11, adaptive" } else { "10⁷ steps, lanes" };
        board.add(
            Row::new(what, unit, median(ours) * scale)
                .against(peer, median(&theirs) * scale, &theirs, ours)
                .goal(goal),
        );
    }
    Ok(())
}
