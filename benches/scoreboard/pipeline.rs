//! The pipeline.

mod cancel;
mod chain;
mod load;
mod memory;
mod start;
mod work;

use crate::{Measure, Outcome, Plan};

pub(crate) fn measures() -> Vec<Measure> {
    vec![
        Measure { name: "pipeline/chain", run: chain::automatic },
        Measure { name: "pipeline/one", run: chain::one },
        Measure { name: "pipeline/statistics", run: chain::statistics },
        Measure { name: "pipeline/ordered", run: work::ordered },
        Measure { name: "pipeline/bridge", run: work::bridge },
        Measure { name: "pipeline/workers", run: work::workers },
        Measure { name: "pipeline/cancel", run: cancel::run },
        Measure { name: "pipeline/start", run: start::run },
        Measure { name: "pipeline/memory", run: memory::run },
    ]
}

/// What has to run in a process of its own.
pub(crate) fn probe(name: &str, plan: &Plan) -> Option<Outcome> {
    (name == "pipeline/memory").then(|| memory::probe(plan))
}
