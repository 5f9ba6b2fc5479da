//! A test that hangs fails, and says where.

use std::io::Write;
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

static REPORTS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Leaves word of what this thread is about to do; the watchdog shows the last word of each.
#[allow(dead_code, reason = "only some of the suites report")]
pub fn report(doing: impl Into<String>) {
    let current = thread::current();
    let who = format!("{} {:?}", current.name().unwrap_or("thread"), current.id());
    let mut reports = REPORTS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    reports.retain(|(name, _)| *name != who);
    reports.push((who, doing.into()));
}

/// Runs `run` on a thread of its own; aborts the process when it takes more than a minute.
pub fn within<R: Send + 'static>(
    name: &'static str,
    run: impl FnOnce() -> R + Send + 'static,
) -> R {
    let (done, finished) = channel();
    let runner = thread::Builder::new().name(name.into()).spawn(move || {
        let result = run();
        let _ = done.send(());
        result
    });
    let runner = runner.expect("a thread can be started");
    if finished.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
        let mut text = format!("\n{name}: not finished after {PATIENCE:?}; last heard of:\n");
        for (who, doing) in REPORTS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).iter() {
            text.push_str(&format!("  {who}: {doing}\n"));
        }
        // Past the test harness, which would keep it until the test ends.
        let _ = std::io::stderr().write_all(text.as_bytes());
        std::process::abort();
    }
    runner.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
