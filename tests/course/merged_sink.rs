use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use clap::Parser as _;

use crate::merged_sink::stop::Stop;
use crate::merged_sink::{Options, Outcome, run};
use crate::watchdog::{step, within};

/// An outcome, or the message that a user would see.
type Ran = Result<Outcome, String>;

fn options(flags: &str) -> Options {
    Options::try_parse_from(["merged_sink"].into_iter().chain(flags.split_whitespace()))
        .unwrap_or_else(|error| panic!("{flags}: {error}"))
}

fn ran(flags: &str, out: &Path) -> Ran {
    let mut options = options(flags);
    options.out = Some(out.into());
    ran_until(options, |_, _| {})
}

/// Runs with a stop sign for `watch` to use.
fn ran_until(options: Options, mut watch: impl FnMut(&Stop, u64) + Send + 'static) -> Ran {
    within("merged_sink", move || {
        step(options.to_string());
        let stop = Arc::new(Stop::default());
        watch(&stop, 0);
        run(&options, &stop, |stats, _| watch(&stop, stats.report.accepted))
            .map_err(|error| error.to_string())
    })
}

/// The whole scenario in 40 ms: the gaps are drawn in units of the rate.
const BRIEF: &str = "--rate 1000 --seconds 0.04 --seed 42";

#[test]
fn five_generators_make_some_200_records_in_one_order() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    for format in ["text", "csv", "ndjson", "binary"] {
        let outcome = ran(&format!("{BRIEF} --format {format}"), &dir.path().join(format))?;
        let found = outcome.found.as_ref().ok_or("a regular file is read back")?;
        assert_eq!(outcome.expected(), Some(200.0));
        // Seven standard deviations, and a seed that is known to be nearer.
        assert!((100..300).contains(&outcome.report.written), "{format}: {outcome}");
        assert_eq!(found.records, outcome.report.accepted);
        assert_eq!(found.disorder, None);
        assert_eq!(found.last.len(), 100);
        assert_eq!(found.counts.values().sum::<u64>(), found.records);
        assert!(found.counts.keys().all(|value| (1..=5).contains(value)));
        assert!(outcome.is_right());
    }
    Ok(())
}

#[test]
fn a_seed_fixes_what_is_drawn_and_not_how_the_threads_run() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let drawn = |flags: &str, name: &str| -> Result<_, Box<dyn Error>> {
        let found = ran(flags, &dir.path().join(name))?.found.ok_or("read back")?;
        Ok(found.counts)
    };
    let first = drawn(BRIEF, "first")?;
    assert_eq!(first, drawn(BRIEF, "second")?);
    assert_eq!(first, drawn("--rate 2000 --seconds 0.02 --seed 42", "twice as fast")?);
    assert_ne!(first, drawn("--rate 1000 --seconds 0.04 --seed 43", "another seed")?);
    Ok(())
}

#[test]
fn each_producers_numbers_are_those_of_its_seed() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let per_producer = |name: &str| -> Result<_, Box<dyn Error>> {
        let path = dir.path().join(name);
        ran(BRIEF, &path)?;
        let mut lines: Vec<(String, String)> = fs::read_to_string(path)?
            .lines()
            .filter_map(|line| line.split_once('\t')?.1.split_once('\t'))
            .map(|(producer, value)| (producer.into(), value.into()))
            .collect();
        lines.sort_by(|a, b| a.0.cmp(&b.0)); // stable: each producer's order is kept
        Ok(lines)
    };
    assert_eq!(per_producer("one")?, per_producer("two")?);
    Ok(())
}

#[test]
fn as_fast_as_it_can_is_in_order_too() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let outcome = ran("--rate max --seconds 0.05 --producers 9", &dir.path().join("fast"))?;
    assert!(outcome.is_right(), "{outcome}");
    assert_eq!(outcome.expected(), None);
    assert!(outcome.to_string().contains("records a second"));
    Ok(())
}

#[test]
fn every_durability_level_writes_everything() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    for level in ["none", "flush", "sync", "durable"] {
        let flags = format!("--rate 200 --seconds 0.05 --durability {level}");
        let outcome = ran(&flags, &dir.path().join(level))?;
        assert!(outcome.is_right(), "{level}: {outcome}");
        let syncs = outcome.report.syncs.count() > 0;
        let asked = ["sync", "durable"].contains(&level) && outcome.report.written > 0;
        assert_eq!(syncs, asked, "{level}: {outcome}");
    }
    Ok(())
}

#[test]
fn a_file_that_is_appended_to_stays_in_order_as_a_whole() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("numbers");
    let first = ran(BRIEF, &path)?.report.written;
    let second = ran(&format!("{BRIEF} --append"), &path)?;
    let found = second.found.as_ref().ok_or("read back")?;
    assert_eq!(found.records, first + second.report.written);
    assert_eq!(found.disorder, None);
    assert!(second.is_right());
    Ok(())
}

#[test]
fn a_file_out_of_order_is_found_out() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    for format in ["text", "csv", "ndjson"] {
        let path = dir.path().join(format);
        ran(&format!("{BRIEF} --format {format}"), &path)?;
        let whole = fs::read_to_string(&path)?;
        let mut lines: Vec<&str> = whole.lines().collect();
        let late = lines.remove(10);
        lines.insert(20, late);
        fs::write(&path, lines.join("\n") + "\n")?;
        let outcome = ran(&format!("--rate 100 --seconds 0.01 --append --format {format}"), &path)?;
        let found = outcome.found.as_ref().ok_or("read back")?;
        let header = u64::from(format == "csv");
        assert_eq!(found.disorder, Some(21 - header), "{format}");
        assert!(!outcome.is_right());
        assert!(outcome.to_string().contains("NOT in order"));
    }
    Ok(())
}

#[test]
fn a_stop_ends_generators_that_wait_and_loses_nothing() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let mut options = options("--rate 1000 --seconds 3600");
    options.out = Some(dir.path().join("stopped"));
    let outcome = ran_until(options, |stop, accepted| {
        if accepted >= 50 {
            stop.request();
        }
    })?;
    assert!(outcome.stopped);
    assert!(outcome.report.accepted >= 50);
    assert!(outcome.is_right(), "{outcome}");
    Ok(())
}

#[test]
fn a_stop_before_the_start_makes_an_empty_file() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let mut options = options("--seconds 3600 --format csv");
    options.out = Some(dir.path().join("empty"));
    let outcome = ran_until(options, |stop, _| {
        stop.request();
    })?;
    assert_eq!(outcome.report.written, 0);
    assert!(outcome.is_right(), "{outcome}");
    Ok(())
}

#[test]
fn a_bad_flag_is_named_with_what_is_wrong() {
    let cases = [
        ("--producers 0", "0 is not in 1..=10000"),
        ("--producers -3", "-3 is not in 1..=10000"),
        ("--producers many", "invalid digit"),
        ("--rate 0", "give a positive number"),
        ("--rate -1", "give a positive number"),
        ("--rate NaN", "give a positive number"),
        ("--rate inf", "give a positive number"),
        ("--rate 1e9", "say max"),
        ("--seconds 0", "give a positive number of seconds"),
        ("--seconds -4", "give a positive number of seconds"),
        ("--seconds NaN", "give a positive number of seconds"),
        ("--seconds 1e9", "up to 86400"),
        ("--distribution 1:50%,2:40%", "sum to 90%, not 100%"),
        ("--distribution 1:0.5,2:0.6", "sum to 110%, not 100%"),
        ("--distribution 1:100%,1:0%", "the value 1 has two probabilities"),
        ("--distribution 1:120%,2:-20%", "120% is not a probability"),
        ("--distribution 1:NaN", "NaN is not a probability"),
        ("--distribution 50,25", "\"50\" is not VALUE:PROBABILITY"),
        ("--distribution -1:100%", "not VALUE:PROBABILITY"),
        ("--format xml", "possible values: text, csv, ndjson, binary"),
        ("--durability much", "possible values: none, flush, sync, durable"),
        ("--seed -1", "invalid digit"),
        ("--frequency 3", "unexpected argument"),
    ];
    for (flags, expected) in cases {
        let parsed = Options::try_parse_from(["merged_sink"].into_iter().chain(flags.split(' ')));
        let error = parsed.expect_err(flags);
        assert_eq!(error.exit_code(), 2, "{flags}");
        assert!(error.to_string().contains(expected), "{flags}: {error}");
    }
}

#[test]
fn a_distribution_may_be_given_in_fractions() {
    let percent = options("--distribution 7:50%,9:50%").distribution;
    assert_eq!(percent, options("--distribution 7:0.5,9:0.5").distribution);
}

#[test]
fn a_bad_file_is_named_with_what_to_do() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let there = dir.path().join("there");
    fs::write(&there, "mine\n")?;
    let cases = [
        ("", there.clone(), "exists; continue it with --append"),
        ("--append", there.clone(), "expected an RFC 3339 stamp"),
        ("--append --format csv", there.clone(), "expected the header ts_ns,producer,seq,value"),
        ("--append --format binary", there.clone(), "expected a block of this encoding"),
        ("", dir.path().into(), "is a directory"),
        ("--append", dir.path().into(), "is a directory"),
        ("", dir.path().join("no/such/folder/file"), "cannot be opened for writing"),
    ];
    for (flags, path, expected) in cases {
        let error = ran(&format!("{BRIEF} {flags}"), &path).expect_err(expected);
        assert!(error.contains(expected), "{flags} {}: {error}", path.display());
        assert!(error.contains(&*path.to_string_lossy()), "{error}");
    }
    assert_eq!(fs::read_to_string(there)?, "mine\n");
    Ok(())
}

#[test]
fn two_runs_cannot_mix_in_one_file() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("held");
    let _held = brigade::sink::FileOutput::create(&path)?;
    let error = ran(&format!("{BRIEF} --append"), &path).expect_err("the file is locked");
    assert!(error.contains("locked by another writer"), "{error}");
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_not_a_hang() {
    let error = ran("--rate 1000 --seconds 3600 --append", Path::new("/dev/full"))
        .expect_err("no byte fits");
    assert!(error.contains("the sink has failed: writing"), "{error}");
    assert!(error.contains("0 records written"), "{error}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_program_cleanly() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let program = crate::program::example("merged_sink");
    let mut child = Command::new(program)
        .args(["--rate", "1000", "--seconds", "50"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let file = dir.path().join("merged_sink.tsv");
    while fs::metadata(&file).map_or(0, |about| about.len()) == 0 && child.try_wait()?.is_none() {
        std::thread::yield_now();
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
    assert!(sent.success());
    let output = child.wait_with_output()?;
    let shown = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {shown}{said}", output.status);
    assert!(shown.contains("stopped after"), "{shown}");
    assert!(shown.ends_with("every one in order, none missing.\n"), "{shown}");
    assert_eq!(said, "");
    Ok(())
}
