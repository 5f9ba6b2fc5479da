//! The fair reader-writer lock: its fast paths, its throughput, and what fairness is for.

mod contend;
mod fairness;
mod locks;
mod throughput;
mod uncontended;

use crate::Measure;

pub(crate) fn measures() -> Vec<Measure> {
    vec![
        Measure { name: "rwlock/uncontended", run: uncontended::run },
        Measure { name: "rwlock/long-holds", run: throughput::long },
        Measure { name: "rwlock/short-holds", run: throughput::short },
        Measure { name: "rwlock/contended-tokio", run: throughput::equally_fair },
        Measure { name: "rwlock/hogs", run: fairness::hogs },
        Measure { name: "rwlock/bound", run: fairness::bound },
        Measure { name: "rwlock/jain", run: fairness::jain },
    ]
}
