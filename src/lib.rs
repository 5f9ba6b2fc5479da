//! Concurrency primitives that state their guarantees and prove them.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod clock;
pub mod monitor;
pub mod semaphore;
mod sync;

/// What the models need and nobody else.
#[cfg(any(brigade_loom, brigade_shuttle))]
#[doc(hidden)]
pub mod internals {
    pub use crate::sync::{Mutant, arm};
}
