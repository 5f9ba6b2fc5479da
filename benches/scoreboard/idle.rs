//! Who has nothing to do sleeps, and is not woken to find that out.

use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use brigade::pipeline::{Par, Pipeline};
use brigade::pool::{Claims, Pool};
use brigade::sink::{MemoryOutput, OrderedSink, Text};

use crate::table::{Board, Goal, Row};
use crate::{Measure, Outcome, Plan};

pub(crate) fn measures() -> Vec<Measure> {
    vec![
        Measure { name: "idle/sink", run: sink },
        Measure { name: "idle/pool", run: pool },
        Measure { name: "idle/pipeline", run: pipeline },
    ]
}

/// How often the other threads of this process have gone to sleep so far: each time they were awake
/// before. Linux only.
fn falls_asleep() -> Option<u64> {
    let own = std::fs::read_link("/proc/thread-self").ok()?;
    let mut times = 0;
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        let task = task.ok()?;
        if Some(task.file_name().as_os_str()) == own.file_name() {
            continue;
        }
        // Not there any more if the thread has just ended.
        let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        times += count.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0);
    }
    Some(times)
}

/// Looks on for a second while everybody else has nothing to do.
#[allow(clippy::cast_precision_loss)]
fn look_on(plan: &Plan, board: &mut Board, who: &str) -> Outcome {
    let part = |millis| Duration::from_millis(if plan.smoke { millis / 10 } else { millis });
    // Whoever is about to go to sleep does so now.
    thread::sleep(part(200));
    let before = falls_asleep();
    thread::sleep(part(1000));
    match (before, falls_asleep()) {
        (Some(0), _) => return Err(format!("{who}: its threads have not slept at all").into()),
        (Some(before), Some(after)) => {
            let name = format!("wake-ups in a second without work, {who}");
            let row = Row::new(name, "times", after.saturating_sub(before) as f64);
            board.add(row.goal(Goal::AtMost(0.0)));
        }
        _ => eprintln!("not measured: this system keeps no account of a thread's sleep"),
    }
    Ok(())
}

fn sink(plan: &Plan, board: &mut Board) -> Outcome {
    let sink = OrderedSink::builder(Text::new(), MemoryOutput::new()).build()?;
    let mut producers = ["barron", "olivia"].map(|name| sink.producer(name));
    for producer in &mut producers {
        producer.as_mut().map_err(|error| error.to_string())?.push(1)?;
    }
    sink.flush()?;
    look_on(plan, board, "a sink with two producers")?;
    drop(producers);
    sink.finish()?;
    Ok(())
}

fn pool(plan: &Plan, board: &mut Board) -> Outcome {
    let pool = Pool::builder().workers(2).claims(Claims::Never).build()?;
    // Each waits for the other, so both workers have run.
    let (give, given) = sync_channel(0);
    let jobs = (pool.submit(move |_| give.send(())), pool.submit(move |_| given.recv()));
    jobs.0.result()??;
    jobs.1.result()??;
    look_on(plan, board, "a pool of two")?;
    Ok(())
}

fn pipeline(plan: &Plan, board: &mut Board) -> Outcome {
    let (give, given) = sync_channel::<u64>(1);
    Pipeline::new(given)
        .map("first", Par::Serial, |x| x)
        .map("second", Par::Workers(2), |x| x)
        .map("third", Par::Serial, |x| x)
        .scope(|mut items, _| {
            give.send(1)?;
            items.next();
            look_on(plan, board, "a pipeline of three stages")?;
            drop(give);
            Ok::<(), Box<dyn std::error::Error>>(())
        })?
        .0
}
