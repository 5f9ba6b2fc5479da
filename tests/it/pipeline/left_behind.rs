//! Whatever happens, no thread and no file is left behind.

#![cfg(target_os = "linux")]

use crate::watchdog::{step, within};
use brigade::pipeline::{Control, OnError, Par, Pipeline, PipelineError};
use std::process::Command;
use std::time::Duration;

const ALONE: &str = "BRIGADE_ALONE";

fn count(what: &str) -> usize {
    std::fs::read_dir(what).expect("Linux tells").count()
}

/// Threads and open files of this process.
fn all() -> (usize, usize) {
    (count("/proc/self/task"), count("/proc/self/fd"))
}

/// In a process of its own, where no other test starts threads.
#[test]
fn as_many_threads_and_files_after_as_before() {
    if std::env::var_os(ALONE).is_some() {
        return within("left behind", every_end);
    }
    alone(
        "pipeline::left_behind::as_many_threads_and_files_after_as_before",
        Command::new(std::env::current_exe().expect("a test has a path")),
    );
}

/// Runs one test by this command, which is this program or starts it.
fn alone(name: &str, mut command: Command) {
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(ALONE, "1");
    let run = command.output().expect("a child process");
    let said = [run.stdout, run.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("running 1 test") && run.status.success(), "{said}");
}

/// In a process with room for the stacks of a dozen threads: some stages have theirs when the system
/// gives no more.
#[test]
fn threads_that_cannot_be_had() {
    if std::env::var_os(ALONE).is_some() {
        return within("too few threads", half_started);
    }
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -v 4194304 && exec \"$0\" \"$@\""]);
    limited.arg(std::env::current_exe().expect("a test has a path"));
    // All other memory from one place, so that only stacks are many and large.
    limited.env("RUST_MIN_STACK", (256 << 20).to_string()).env("MALLOC_ARENA_MAX", "1");
    alone("pipeline::left_behind::threads_that_cannot_be_had", limited);
}

fn half_started() {
    let before = all();
    let chain = || {
        Pipeline::new(0_u64..)
            .map("few", Par::Workers(2), |x| x)
            .map("many", Par::Workers(64), |x| x)
            .map("after", Par::Serial, |x| x)
    };
    let refused = |error: PipelineError| {
        let told = error.to_string();
        assert!(told.starts_with("no thread for stage \"many\": "), "{told}");
        super::until(|| all() == before);
    };
    for _ in 0..3 {
        refused(chain().for_each(drop).expect_err("there are not so many threads"));
        let mut handle = chain().spawn().expect("there is one thread");
        handle.by_ref().for_each(drop);
        refused(handle.finish().expect_err("there are not so many threads"));
    }
}

fn every_end() {
    let chain = || Pipeline::new(0..500_u32).capacity(4).map("a", Par::Workers(3), |x| x + 1);
    let before = all();
    let ends: [(&str, &dyn Fn()); 10] = [
        ("to the end", &|| drop(chain().for_each(drop))),
        ("a panic", &|| {
            drop(chain().map("b", Par::Workers(2), |x| assert!(x != 9)).for_each(drop));
        }),
        ("a panic skipped", &|| {
            let panics = chain().map("b", Par::Workers(2), |x| assert!(x != 9));
            drop(panics.on_error(OnError::Skip).for_each(drop));
        }),
        ("the sink panics", &|| drop(chain().for_each(|x| assert!(x != 9)))),
        ("the sink stops", &|| drop(chain().scope(|mut items, _| items.next()))),
        ("cancelled", &|| drop(chain().scope(|_, control| control.cancel()))),
        ("closed", &|| {
            drop(chain().scope(|items, control| {
                control.close();
                items.count()
            }));
        }),
        ("the time is up", &|| {
            let control = Control::new();
            let waits = chain().control(&control).time_limit(Duration::from_millis(1));
            let waits = waits.map("w", Par::Serial, |_| control.cancelled_within(Duration::MAX));
            drop(waits.for_each(drop));
        }),
        ("a handle finished", &|| {
            let mut handle = chain().spawn().expect("threads");
            handle.next();
            drop(handle.finish());
        }),
        ("a handle dropped", &|| drop(chain().spawn())),
    ];
    for (name, end) in ends {
        for _ in 0..20 {
            step(name);
            end();
            // The system takes a joined thread off its list a moment later.
            super::until(|| all() == before);
        }
    }
}
