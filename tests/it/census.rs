//! Counts what a process holds, before and after.
//!
//! Other tests start threads and open files whenever they like, so what is counted runs alone.

use crate::alone::alone;
use crate::watchdog::{step, within};

/// Runs `run` in a process of its own, and asserts that it leaves as many threads, open files and
/// child processes as it found. `test` is the full name of the test that calls this.
#[track_caller]
pub(crate) fn unchanged(test: &'static str, run: impl FnOnce() + Send + 'static) {
    alone(test, || unchanged_here(test, run));
}

/// The same, in a process where nothing else goes on.
pub(crate) fn unchanged_here(test: &'static str, run: impl FnOnce() + Send + 'static) {
    within(test, move || {
        let before = census();
        run();
        // What was joined is gone for us before it is gone from the lists; the watchdog ends this.
        step(format!("{:?} is to be {before:?} again", census()));
        while census() != before {
            std::thread::yield_now();
        }
    });
}

/// Threads, open files, children.
fn census() -> (usize, usize, usize) {
    let entries = |path: &str| std::fs::read_dir(path).map_or(0, Iterator::count);
    let children = std::fs::read_dir("/proc/self/task").map_or(0, |tasks| {
        let children = |task: std::fs::DirEntry| {
            let children = std::fs::read_to_string(task.path().join("children"));
            children.map_or(0, |children| children.split_whitespace().count())
        };
        tasks.flatten().map(children).sum()
    });
    (entries("/proc/self/task"), entries("/proc/self/fd"), children)
}

/// How many threads have a name that begins so.
pub(crate) fn threads_named(prefix: &str) -> usize {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return 0 };
    let names =
        tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with(prefix)).count()
}
