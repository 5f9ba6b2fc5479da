//! The order itself: many more threads than cores, and every line compared with the one before.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use brigade::sink::{OrderedSink, Output, Producer, Text};

use super::load::Load;
use super::verify::Checker;
use crate::table::{Board, Goal, Row, number};
use crate::{Outcome, Plan};

const PRODUCERS: usize = 64;

pub(crate) fn run(plan: &Plan, board: &mut Board) -> Outcome {
    let load = Load::new(PRODUCERS, plan.records(100_000_000));
    let reader = Reader(Arc::new(Mutex::new(Checker::new(&load))));
    let sink = OrderedSink::builder(Text::new(), reader.clone()).build()?;
    let producers =
        load.names().iter().map(|name| sink.producer(name)).collect::<Result<_, _>>()?;
    let produce = |mut producer: Producer<u64>, mut values: Range<u64>| {
        if values.any(|value| producer.push(value).is_err()) {
            eprintln!("brigade: a push was refused");
        }
    };
    let (_, report) = load.drive(producers, produce, || Ok(sink.finish()?))?;
    let checker = reader.0.lock().unwrap_or_else(PoisonError::into_inner);
    checker.complete(&load)?;
    #[allow(clippy::cast_precision_loss)]
    let inversions = checker.inversions as f64;
    #[allow(clippy::cast_precision_loss)]
    let records = number(load.records as f64);
    let measure = format!("inversions in {records} records of {PRODUCERS} producers");
    board.add(Row::new(measure, "", inversions).goal(Goal::AtMost(0.0)).note(format!(
        "none lost, none doubled; {} rounds, {} stamps drawn anew",
        report.rounds, report.restamped
    )));
    Ok(())
}

/// An output that keeps nothing and reads every line.
#[derive(Debug, Clone)]
struct Reader(Arc<Mutex<Checker>>);

impl Output for Reader {
    fn len(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).feed(bytes);
        Ok(bytes.len())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}
