//! Whether memory stays flat while the first item is slow and all others are fast.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use brigade::pipeline::{Par, Pipeline};

use crate::measure::resident;
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

const KIB: f64 = 1024.0;

pub(crate) fn run(plan: &Plan, board: &mut Board) -> Outcome {
    let items = plan.records(1_000_000);
    let output = Command::new(std::env::current_exe()?)
        .args(["--probe", "pipeline/memory", "--records", &items.to_string()])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let text = String::from_utf8(output.stdout)?;
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [growth, ahead] = numbers[..] else {
        eprintln!("not measured: this system does not tell the memory of a process");
        return Ok(());
    };
    let measure = "pipeline, memory while the first item is slow";
    board.add(Row::new(measure, "KiB", growth / KIB).goal(Goal::AtMost(4096.0)));
    board.add(Row::new("pipeline, items ahead of a slow one", "items", ahead));
    Ok(())
}

/// Prints by how many bytes memory grew, and how far the source got, while the first item waited.
pub(crate) fn probe(plan: &Plan) -> Outcome {
    let items = plan.records(1_000_000);
    let pulled = AtomicU64::new(0);
    let ahead = AtomicU64::new(0);
    let before = resident();
    let mut most = before;
    let source = (0..items).map(|x| {
        pulled.fetch_add(1, Ordering::Relaxed);
        [x; 32]
    });
    let mut next = 0;
    Pipeline::new(source)
        .map("wait", Par::Workers(4), |x| {
            if x[0] == 0 {
                std::thread::sleep(Duration::from_millis(300));
                ahead.store(pulled.load(Ordering::Relaxed), Ordering::Relaxed);
            }
            x
        })
        .for_each(|x| {
            if x[0] % 10_000 == 0 {
                most = most.max(resident());
            }
            assert_eq!(x[0], next, "out of order");
            next += 1;
        })?;
    if let (Some(before), Some(most)) = (before, most) {
        println!("{} {}", most.saturating_sub(before), ahead.into_inner());
    }
    Ok(())
}
