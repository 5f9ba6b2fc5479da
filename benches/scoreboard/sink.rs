//! The ordered sink.

mod end_to_end;
mod inversions;
mod latency;
pub(crate) mod load;
mod memory;
pub(crate) mod merge;
mod throughput;
mod verify;

use crate::{Measure, Outcome, Plan};

pub(crate) fn measures() -> Vec<Measure> {
    vec![
        Measure { name: "sink/end-to-end/5", run: end_to_end::few },
        Measure { name: "sink/end-to-end/1000", run: end_to_end::many },
        Measure { name: "sink/merge", run: merge::run },
        Measure { name: "sink/throughput", run: throughput::run },
        Measure { name: "sink/latency", run: latency::run },
        Measure { name: "sink/memory", run: memory::run },
        Measure { name: "sink/inversions", run: inversions::run },
    ]
}

/// What has to run in a process of its own.
pub(crate) fn probe(name: &str, plan: &Plan) -> Outcome {
    match name {
        "memory/fast" => memory::probe(plan, None),
        "memory/slow" => memory::probe(plan, Some(memory::SLOW)),
        _ => Err(format!("there is no probe {name}").into()),
    }
}
