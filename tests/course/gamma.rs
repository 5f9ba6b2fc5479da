#![allow(clippy::excessive_precision)]

use std::error::Error;

use clap::{CommandFactory as _, Parser as _};

use crate::gamma::{Options, Outcome, Part, SHORT, broken, exact, fixed, run};
use crate::watchdog::within;

fn options(flags: &str) -> Options {
    Options::try_parse_from(["gamma"].into_iter().chain(flags.split_whitespace()))
        .unwrap_or_else(|error| panic!("{flags}: {error}"))
}

fn ran(flags: &str) -> Outcome {
    let options = options(flags);
    let program = crate::program::example("gamma");
    within("gamma", move || run(&options, &program).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn every_way_gives_the_gamma_function() {
    let outcome = ran("--steps 50000");
    assert_eq!(outcome.exact, 120.0);
    let ways: Vec<&str> = outcome.rows.iter().map(|row| &*row.way).collect();
    let expected = [
        "a loop",
        "4 threads",
        "8 threads",
        "4 processes",
        "8 processes",
        "lanes, 1 thread",
        "lanes, all cores",
        "adaptive",
        "double exponential",
    ];
    assert_eq!(ways, expected);
    for row in &outcome.rows {
        assert!((row.value - 120.0).abs() < 1e-9, "{row:?}");
        let few = row.way == "adaptive" || row.way == "double exponential";
        assert!(if few { row.evals <= 400 } else { row.evals == 50_000 }, "{row:?}");
    }
    assert!(outcome.is_right());
}

#[test]
fn threads_agree_to_the_bit_for_any_x_and_any_interval() {
    for flags in [
        "--steps 33333 --x 4.5 --to 200 --threads 1,3,7 --processes 3",
        "--steps 20000 --x 1 --from 2 --to 5 --threads 2,5 --processes 1",
        "--steps 40000 --x 12 --from 5 --to 60 --threads 16 --processes 2",
    ] {
        let outcome = ran(flags);
        assert!(outcome.is_right(), "{flags}");
        let adaptive = outcome.rows.iter().find(|row| row.way == "adaptive").expect("a row");
        assert!((adaptive.value / outcome.exact - 1.0).abs() < 1e-9, "{flags}: {adaptive:?}");
    }
}

#[test]
fn the_remainder_is_lost_and_found() -> Result<(), Box<dyn Error>> {
    let lost = broken(10, 3)?;
    assert_eq!(lost.end, 9.0);
    assert!((lost.value - 106.117_137_499_073_071).abs() < 1e-10, "{lost:?}");
    let lost = broken(10, 7)?;
    assert_eq!(lost.end, 7.0);
    assert!((lost.value - 83.915_006_859_076_684_6).abs() < 1e-10, "{lost:?}");
    // On the origin's interval nobody could see it.
    let hidden = broken(1000, 3)?;
    assert_eq!(hidden.end, 999.0);
    assert!((hidden.value - 120.0).abs() < 1e-10);
    for workers in 1..=12 {
        let whole = fixed(10, workers)?;
        assert_eq!(whole.end, 10.0);
        assert!((whole.value - SHORT).abs() < 1e-10, "{whole:?}");
    }
    Ok(())
}

#[test]
fn parts_cover_the_steps() {
    for of in [1, 2, 3, 7, 16] {
        for steps in [1, 2, 3, 999, 1000, 1001] {
            let mut next = 0;
            for number in 0..of {
                let part = Part { number, of }.steps(steps);
                assert_eq!(part.start, next);
                next = part.end;
            }
            assert_eq!(next, steps);
        }
    }
}

#[test]
fn the_closed_form_is_that_of_the_table() -> Result<(), Box<dyn Error>> {
    assert!((exact(&options("--to 10"))? - SHORT).abs() < 1e-12);
    assert_eq!(exact(&options("--x 1 --to 1000"))?, 1.0);
    let root = std::f64::consts::PI.sqrt();
    assert!((exact(&options("--x 0.5 --to 700"))? - root).abs() < 1e-11);
    Ok(())
}

#[test]
fn a_program_that_cannot_be_started_is_named() {
    let error = run(&options("--steps 10"), "no/such/program".as_ref()).expect_err("no program");
    assert!(error.to_string().contains("no/such/program cannot be started"), "{error}");
    let error = run(&options("--steps 10 --x 0.5"), "unused".as_ref()).expect_err("infinite at 0");
    assert!(error.to_string().contains("the integrand is inf at x = 0"), "{error}");
}

#[test]
fn the_flags_are_sound() {
    Options::command().debug_assert();
    let bad = [
        "--x 0",
        "--x 172",
        "--x NaN",
        "--from -1",
        "--to inf",
        "--steps 0",
        "--threads 0",
        "--processes 257",
        "--part 3/3",
        "--part 1",
    ];
    for flags in bad {
        let parsed = Options::try_parse_from(["gamma"].into_iter().chain(flags.split(' ')));
        assert_eq!(parsed.expect_err(flags).exit_code(), 2, "{flags}");
    }
}
