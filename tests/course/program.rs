//! Finds the programs that the tests run as a user would.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The folder of the example programs, with `name` in it and up to date.
///
/// `cargo test` has built all examples before a test runs; then this takes a moment. A test that
/// is run by itself gets what it needs built here; nobody can say how long that takes, so it comes
/// before the test is watched.
pub(crate) fn folder_with(name: &str) -> PathBuf {
    static BUILT: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let mut built_before = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("TARGET/PROFILE/deps/TEST");
    let target = profile.parent().expect("TARGET/PROFILE/deps/TEST");
    let flag = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let folder = profile.join("examples");
    if built_before.iter().any(|built| built == name) {
        return folder;
    }
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--example", name, "--profile", flag, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.is_ok_and(|status| status.success()), "example {name} was not built");
    built_before.push(name.to_owned());
    folder
}

/// The path of an example program.
#[allow(dead_code)] // not by every test binary
pub(crate) fn example(name: &str) -> PathBuf {
    folder_with(name).join(Path::new(name).with_extension(std::env::consts::EXE_EXTENSION))
}
