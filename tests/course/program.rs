//! Finds the programs that the tests run as a user would.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The folder of the example programs, with `name` in it and up to date.
///
/// `cargo test` has built all examples before a test runs; then this takes a moment. A test that
/// is run by itself gets what it needs built here.
pub(crate) fn folder_with(name: &str) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _cargo = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("TARGET/PROFILE/deps/TEST");
    let target = profile.parent().expect("TARGET/PROFILE/deps/TEST");
    let flag = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--example", name, "--profile", flag, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.is_ok_and(|status| status.success()), "example {name} was not built");
    profile.join("examples")
}

/// The path of an example program.
#[allow(dead_code)] // not by every test binary
pub(crate) fn example(name: &str) -> PathBuf {
    folder_with(name).join(Path::new(name).with_extension(std::env::consts::EXE_EXTENSION))
}
