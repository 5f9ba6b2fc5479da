//! How a scene is shown: which of its parts run, and what the exit code says.

use std::cell::RefCell;
use std::process::ExitCode;
use std::{fmt, io};

use clap::Parser;

use crate::scene::{Flags, Row, Seen};

#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    flags: Flags,
}

struct Outcome(Result<&'static str, &'static str>);

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Row("a name", "a value").fmt(f)
    }
}

impl Seen for Outcome {
    fn verdict(&self) -> Result<String, String> {
        self.0.map(Into::into).map_err(Into::into)
    }
}

/// What ran with these flags, what was printed, and the exit code.
fn shown(flags: &str, fixed: Outcome) -> (Vec<&'static str>, String, ExitCode) {
    let flags = ["scene"].into_iter().chain(flags.split_whitespace());
    let options = Options::try_parse_from(flags).expect("sound flags");
    let ran = RefCell::new(Vec::new());
    let mut printed = Vec::new();
    let code = options
        .flags
        .show_on(&mut printed, "a test")
        .broken("a bug", |_| {
            ran.borrow_mut().push("broken");
            Outcome(Ok("The bug was seen."))
        })
        .fixed("a fix", |_| {
            ran.borrow_mut().push("fixed");
            fixed
        })
        .end();
    (ran.into_inner(), String::from_utf8(printed).expect("text"), code)
}

#[test]
fn the_flags_choose_what_runs() {
    let cases: [(&str, &[&str]); 4] = [
        ("", &["broken", "fixed"]),
        ("--broken", &["broken"]),
        ("--fixed", &["fixed"]),
        ("--fixed --broken", &["broken", "fixed"]),
    ];
    for (flags, expected) in cases {
        let (ran, _, code) = shown(flags, Outcome(Ok("The fix was seen.")));
        assert_eq!(ran, expected, "{flags}");
        assert_eq!(code, ExitCode::SUCCESS, "{flags}");
    }
}

#[test]
fn an_outcome_other_than_claimed_is_a_failure() {
    let wrong = || Outcome(Err("the bug was seen again."));
    let (_, printed, code) = shown("", wrong());
    assert_eq!(code, ExitCode::FAILURE);
    assert!(printed.ends_with("\nNOT as it should be: the bug was seen again.\n"), "{printed}");
    assert_eq!(shown("--broken", wrong()).2, ExitCode::SUCCESS);
}

#[test]
fn a_scene_is_laid_out_in_parts_that_end_with_what_was_seen() {
    let expected = "\
a test

fixed: a fix

  a name          a value

The fix was seen.
";
    assert_eq!(shown("--fixed", Outcome(Ok("The fix was seen."))).1, expected);
}

#[test]
fn an_output_that_fails_is_an_error_and_one_that_nobody_reads_is_not() {
    struct Failing(io::ErrorKind);
    impl io::Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let options = Options::parse_from(["scene"]);
    for (kind, expected) in [
        (io::ErrorKind::BrokenPipe, ExitCode::SUCCESS),
        (io::ErrorKind::StorageFull, ExitCode::FAILURE),
    ] {
        let show = options.flags.show_on(Failing(kind), "a test");
        assert_eq!(show.fixed("a fix", |_| Outcome(Ok("The fix was seen."))).end(), expected);
    }
}
