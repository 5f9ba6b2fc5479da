//! Runs a test in a process of its own, where no other test does anything: for what a test sees of
//! the whole process.

use std::process::Command;

const ALONE: &str = "BRIGADE_ALONE";

/// Runs `test`, the body of the test of this full name, in this test binary again, with this one test.
#[track_caller]
pub(crate) fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some_and(|alone| alone == name) {
        return test();
    }
    let run = Command::new(std::env::current_exe().expect("the test binary"))
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(ALONE, name)
        .output()
        .expect("a child process");
    let said = [run.stdout, run.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("running 1 test"), "{name} is not a test:\n{said}");
    assert!(run.status.success(), "{name}, alone:\n{said}");
    println!("{said}");
}
