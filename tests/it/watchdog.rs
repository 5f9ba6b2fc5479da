//! A hang fails with a diagnosis.

use std::io::Write;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test that may block on a thread of its own. If it has not ended after a minute, prints
/// its name and what its threads are doing, and aborts the process.
pub(crate) fn within<R: Send + 'static>(
    name: &'static str,
    run: impl FnOnce() -> R + Send + 'static,
) -> R {
    let (done, ended) = mpsc::channel();
    let test = thread::Builder::new()
        .name(name.into())
        .spawn(move || {
            let result = run();
            let _ = done.send(());
            result
        })
        .expect("the machine can start a thread");
    if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
        // Not `eprintln!`: what it prints is captured, and lost with the process.
        let report =
            format!("{name} still runs after {PATIENCE:?}; its process has:\n{}", threads());
        let _ = std::io::stderr().write_all(report.as_bytes());
        std::process::abort();
    }
    match test.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Name, state and place in the kernel of every thread, where the system tells.
fn threads() -> String {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return "  (this system does not list them)\n".into();
    };
    let mut lines = String::new();
    for task in tasks.flatten() {
        let read = |file| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let status = read("status");
        let field =
            |key| status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("?").trim();
        lines += &format!("  {:<16} {:<14} {}\n", field("Name:"), field("State:"), read("wchan"));
    }
    lines
}
