//! Concurrency primitives that state their guarantees and prove them.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod clock;
pub mod mutex;
pub mod rwlock;
mod sync;

/// What the models need and nobody else.
#[cfg(any(brigade_loom, brigade_shuttle))]
#[doc(hidden)]
pub mod internals {
    pub use crate::mutex::internals as mutex;
    pub use crate::rwlock::internals as rwlock;
    pub use crate::sync::{Mutant, arm};
}
