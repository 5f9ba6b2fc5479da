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

#[test]
fn a_timeline_is_drawn_for_each_part_in_the_form_that_the_name_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let drawn = |name: &str| {
        let flags = ["scene".into(), "--timeline".into(), path(name).into_os_string()];
        let options = Options::try_parse_from(flags).expect("sound flags");
        let mut printed = Vec::new();
        let code = options
            .flags
            .show_on(&mut printed, "a test")
            .broken("a bug", |recorder| {
                drop(recorder.lane("barron").run("chopping"));
                Outcome(Ok("The bug was seen."))
            })
            .fixed("a fix", |recorder| {
                drop(recorder.lane("olivia").run("cooking"));
                Outcome(Ok("The fix was seen."))
            })
            .end();
        (code, String::from_utf8(printed).expect("text"))
    };
    for (name, second, form) in [
        ("a.svg", "a-2.svg", "<svg "),
        ("a.json", "a-2.json", "{\"displayTimeUnit\""),
        ("a.txt", "a-2.txt", "olivia  "),
    ] {
        let (code, printed) = drawn(name);
        assert_eq!(code, ExitCode::SUCCESS, "{printed}");
        let read = |name: &str| std::fs::read_to_string(path(name)).expect(name);
        assert!(read(name).contains("barron") && !read(name).contains("olivia"));
        assert!(read(second).contains("olivia") && read(second).starts_with(form));
        for name in [name, second] {
            assert!(printed.contains(&Row("timeline", path(name).display()).to_string()));
        }
    }
    assert!(std::fs::read_to_string(path("a-2.svg")).expect("it").contains(">fixed: a fix<"));
    let (code, printed) = drawn("no/such/folder.svg");
    assert_eq!(code, ExitCode::FAILURE);
    assert!(printed.ends_with("The fix was seen.\n"), "the scene is shown all the same");
}

#[test]
fn a_timeline_goes_to_the_terminal_too() {
    let options = Options::parse_from(["scene", "--timeline", "-"]);
    let mut printed = Vec::new();
    let show = options.flags.show_on(&mut printed, "a test").fixed("a fix", |recorder| {
        drop(recorder.lane("olivia").run("cooking"));
        Outcome(Ok("The fix was seen."))
    });
    assert_eq!(show.end(), ExitCode::SUCCESS);
    let printed = String::from_utf8(printed).expect("text");
    assert!(printed.contains("\nolivia  ─") && printed.contains("\n─ run\n\nThe fix"), "{printed}");
}

#[test]
fn a_timeline_of_unknown_form_is_refused_before_anything_runs() {
    for name in ["a", "a.png", ".svg", "a.SVG"] {
        let error = Options::try_parse_from(["scene", "--timeline", name]).expect_err(name);
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(".svg, .json or .txt"), "{error}");
    }
}
