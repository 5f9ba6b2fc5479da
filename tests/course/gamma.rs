#![allow(clippy::excessive_precision)]

use std::error::Error;

use clap::{CommandFactory as _, Parser as _};

use crate::gamma::{Options, Outcome, Part, SHORT, broken, exact, fixed, run};
use crate::watchdog::within;

/// Where the closed form cancels or overflows, or there is none.
const EXACT: [(&str, f64); 11] = [
    ("--to 1e-3", 1.665238720052952e-19),
    ("--to 1e-30", 1.6666666666666675e-181),
    ("--x 100 --to 1e6", 9.332621544394415e+155),
    ("--x 171", 7.257415615307999e+306),
    ("--x 171 --from 800 --to 900", 1.5605456270644228e+146),
    ("--x 0.5 --to 1e-9", 6.324555318228574e-05),
    ("--x 0.001 --to 5", 999.4226221664828),
    ("--from 700 --to 720", 1.6690203025258064e-290),
    ("--from 3 --to 3.0001", 0.0012098660886429608),
    ("--x 4.5 --from 60 --to 50", -1.830117551315963e-16),
    ("--x 2.5 --to 1e300", 1.329340388179137),
];

fn options(flags: &str) -> Options {
    Options::try_parse_from(["gamma"].into_iter().chain(flags.split_whitespace()))
        .unwrap_or_else(|error| panic!("{flags}: {error}"))
}

fn ran(flags: &str) -> Outcome {
    let options = options(flags);
    let program = crate::program::example("gamma");
    within("gamma", move || run(&options, Some(&program)).unwrap_or_else(|error| panic!("{error}")))
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
    assert_eq!(outcome.fault(), None);
}

#[test]
fn threads_agree_to_the_bit_for_any_x_and_any_interval() {
    for flags in [
        "--steps 33333 --x 4.5 --to 200 --threads 1,3,7 --processes 3",
        "--steps 20000 --x 1 --from 2 --to 5 --threads 2,5 --processes 1",
        "--steps 40000 --x 12 --from 5 --to 60 --threads 16 --processes 2",
        // Where the closed form cancels, and where the powers are beyond the numbers.
        "--steps 1000 --to 1e-3 --threads 2 --processes 2",
        "--steps 20000 --x 100 --to 1e6 --threads 2 --processes 2",
        "--steps 20000 --x 171 --threads 2 --processes 2",
        "--steps 20000 --from 60 --to 50 --threads 2 --processes 2",
    ] {
        let outcome = ran(flags);
        assert_eq!(outcome.fault(), None, "{flags}");
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
fn the_exact_value_has_all_its_digits_where_the_closed_form_has_none() -> Result<(), Box<dyn Error>>
{
    // Computed with 50 digits.
    for (flags, value) in EXACT {
        let found = exact(&options(flags))?;
        assert!((found / value - 1.0).abs() < 1e-11, "{flags}: {found:e}, not {value:e}");
    }
    Ok(())
}

#[test]
fn a_value_that_is_off_is_a_fault() {
    let right = ran("--steps 50000 --threads 1,2 --processes 1");
    assert_eq!(right.fault(), None);
    for at in 0..right.rows.len() {
        let mut wrong = right.clone();
        wrong.rows[at].value += 1.0;
        assert!(wrong.fault().is_some(), "{:?}", wrong.rows[at]);
        wrong.rows[at].value = f64::NAN;
        assert!(wrong.fault().is_some(), "{:?}", wrong.rows[at]);
        let way = &right.rows[at].way;
        if way.contains("thread") {
            let value = right.rows[at].value.next_up();
            wrong.rows[at].value = value;
            assert!(wrong.fault().is_some_and(|fault| fault.contains("DEPEND")), "{way}");
        }
    }
}

#[test]
fn a_program_that_cannot_be_started_is_named() {
    let error = run(&options("--steps 10"), Some("no/such/program".as_ref()));
    let error = error.expect_err("no program");
    assert!(error.to_string().contains("no/such/program"), "{error}");
    let error = run(&options("--steps 10 --x 0.5"), Some("unused".as_ref()));
    let error = error.expect_err("infinite at 0");
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
    ];
    for flags in bad {
        let parsed = Options::try_parse_from(["gamma"].into_iter().chain(flags.split(' ')));
        assert_eq!(parsed.expect_err(flags).exit_code(), 2, "{flags}");
    }
}
