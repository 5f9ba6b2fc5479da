//! Concurrency primitives that state their guarantees and prove them.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod barrier;
pub mod clock;
pub mod phaser;
mod sync;

/// Doors for the models; not covered by semantic versioning.
#[cfg(any(brigade_loom, brigade_shuttle))]
#[doc(hidden)]
pub mod internals {
    pub use crate::sync::{Mutant, arm};
}
