//! Whatever happens, no thread and no file is left behind.

#![cfg(target_os = "linux")]

use crate::watchdog::{step, within};
use brigade::pipeline::{Control, OnError, Par, Pipeline};
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
    let name = "pipeline::left_behind::as_many_threads_and_files_after_as_before";
    let run = Command::new(std::env::current_exe().expect("a test has a path"))
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .expect("a child process");
    let said = [run.stdout, run.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("running 1 test") && run.status.success(), "{said}");
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
