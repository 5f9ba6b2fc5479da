//! From the first push to the last byte handed to the operating system, in text.

use std::path::Path;
use std::time::Duration;

use brigade::sink::{FileOutput, OrderedSink, Producer, Text};

use super::load::Load;
use super::verify;
use crate::measure::{interleave, median};
use crate::peers::{appender, channel, heap};
use crate::table::{Board, Goal, Row};
use crate::{Outcome, Plan};

type Contestant = fn(&Load, &Path) -> Outcome<Duration>;

#[derive(Clone, Copy)]
struct Rival {
    name: &'static str,
    run: Contestant,
    ordered: bool,
    goal: Goal,
}

/// Five producers, against everybody.
pub(crate) fn few(plan: &Plan, board: &mut Board) -> Outcome {
    let rivals = [
        Rival { goal: Goal::Ratio(5.0), ..HEAP },
        Rival { goal: Goal::Ratio(5.0), ..LOCKED_HEAP },
        Rival { goal: Goal::Ratio(2.0), ..CHANNEL },
        Rival { goal: Goal::Ratio(3.0), ..APPENDER },
    ];
    contest(plan, board, Load::new(5, plan.records(2_000_000)), &rivals)
}

/// A thousand producers, against the heap.
pub(crate) fn many(plan: &Plan, board: &mut Board) -> Outcome {
    let rivals =
        [Rival { goal: Goal::Ratio(8.0), ..HEAP }, Rival { goal: Goal::Ratio(8.0), ..LOCKED_HEAP }];
    contest(plan, board, Load::new(1000, plan.records(2_000_000)), &rivals)
}

const HEAP: Rival =
    Rival { name: "heap, our cut", run: heap::claimed, ordered: true, goal: Goal::Stated };
const LOCKED_HEAP: Rival =
    Rival { name: "heap, stamped in lock", run: heap::locked, ordered: true, goal: Goal::Stated };
const CHANNEL: Rival =
    Rival { name: "channel + sort", run: channel::run, ordered: true, goal: Goal::Stated };
const APPENDER: Rival =
    Rival { name: "tracing-appender", run: appender::run, ordered: false, goal: Goal::Stated };

fn contest(plan: &Plan, board: &mut Board, load: Load, rivals: &[Rival]) -> Outcome {
    let path = plan.file("lines.tsv");
    let inversions = std::cell::RefCell::new(vec![0; rivals.len()]);
    let checked = |run: Contestant, ordered: bool| {
        let took = run(&load, &path)?;
        let (_, inversions) = verify::take_file(&path, &load)?;
        if ordered && inversions > 0 {
            return Err(format!("{inversions} of {} lines out of order", load.records).into());
        }
        Outcome::Ok((took, inversions))
    };
    let mut we = || Ok(checked(ours, true)?.0);
    let mut they: Vec<_> = rivals
        .iter()
        .enumerate()
        .map(|(at, rival)| {
            let (checked, inversions) = (&checked, &inversions);
            move || {
                let (took, found) = checked(rival.run, rival.ordered)
                    .map_err(|error| format!("{}: {error}", rival.name))?;
                inversions.borrow_mut()[at] = found;
                Ok(took)
            }
        })
        .collect();
    let mut contestants: Vec<&mut dyn FnMut() -> Outcome<Duration>> = vec![&mut we];
    contestants.extend(they.iter_mut().map(|one| one as &mut dyn FnMut() -> _));
    let times = interleave(plan, &mut contestants)?;
    for (at, rival) in rivals.iter().enumerate() {
        let measure = format!("end to end, {} producers", load.producers);
        let mut row = Row::new(measure, "M records/s", speed(&load, &times[0]))
            .against(rival.name, speed(&load, &times[at + 1]), &times[at + 1], &times[0])
            .goal(rival.goal);
        if !rival.ordered {
            row = row.note(format!(
                "{} does not order: {} of {} lines were out of order in its last run",
                rival.name,
                inversions.borrow()[at],
                load.records
            ));
        }
        board.add(row);
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
fn speed(load: &Load, times: &[f64]) -> f64 {
    load.records as f64 / median(times) / 1e6
}

fn ours(load: &Load, path: &Path) -> Outcome<Duration> {
    let sink = OrderedSink::builder(Text::new(), FileOutput::create(path)?).build()?;
    let producers =
        load.names().iter().map(|name| sink.producer(name)).collect::<Result<_, _>>()?;
    let produce = |mut producer: Producer<u64>, values| {
        for value in values {
            if let Err(error) = producer.push(value) {
                // The report will lack this record; say why.
                return eprintln!("brigade: {error}");
            }
        }
    };
    let (took, _) = load.drive(producers, produce, || Ok(sink.finish()?))?;
    Ok(took)
}
