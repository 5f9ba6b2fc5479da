//! A test that hangs must fail, and say where.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::resume_unwind;
use std::process::abort;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Far beyond what any test needs, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(60);

type Step = Arc<Mutex<String>>;

thread_local! {
    static STEP: RefCell<Option<Step>> = const { RefCell::new(None) };
}

/// Says what the test is about to wait for; printed if it waits for ever.
pub(crate) fn step(what: impl Into<String>) {
    STEP.with_borrow(|step| {
        if let Some(step) = step {
            *step.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = what.into();
        }
    });
}

/// Runs `run` on a thread of its own and aborts the process, with a diagnosis, if it does not
/// come back within a minute.
pub(crate) fn within<R: Send + 'static>(
    name: &'static str,
    run: impl FnOnce() -> R + Send + 'static,
) -> R {
    let last = Step::default();
    let (done, over) = channel::<()>();
    let spawned = thread::Builder::new().name(name.into()).spawn({
        let last = Arc::clone(&last);
        move || {
            // Dropped when the test ends, however it ends.
            let _done = done;
            STEP.set(Some(last));
            run()
        }
    });
    let test = spawned.expect("a thread for the test");
    if over.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
        diagnose(name, &last);
        abort();
    }
    test.join().unwrap_or_else(|payload| resume_unwind(payload))
}

/// Written to standard error itself: what the test harness captures dies with the process.
fn diagnose(name: &str, last: &Step) {
    let mut text = format!("\nwatchdog: {name} did not end within {PATIENCE:?}\n");
    if let Ok(step) = last.try_lock()
        && !step.is_empty()
    {
        let _ = writeln!(text, "  its last step: {step}");
    }
    for thread in threads() {
        let _ = writeln!(text, "  thread {thread}");
    }
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Name, state and system call of every thread, where the system tells.
fn threads() -> Vec<String> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let of = |task: std::io::Result<std::fs::DirEntry>| {
        let path = task.ok()?.path();
        let read = |file: &str| std::fs::read_to_string(path.join(file)).unwrap_or_default();
        let stat = read("stat");
        let state = stat.rsplit(") ").next()?.chars().next()?;
        let call = read("wchan");
        Some(format!("{:<16} state {state} in {call}", read("comm").trim_end()))
    };
    tasks.filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_result_comes_through() {
        assert_eq!(within("seven", || 7), 7);
    }

    #[test]
    fn a_panic_comes_through() {
        let caught = catch_unwind(AssertUnwindSafe(|| within("panic", || panic!("as it should"))));
        let payload = caught.expect_err("the panic");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"as it should"));
    }

    #[test]
    fn a_diagnosis_names_the_threads() {
        step("nothing: no test runs here");
        if cfg!(target_os = "linux") {
            assert!(threads().iter().any(|thread| thread.contains("state R")));
        }
    }
}
