//! Concurrency primitives that state their guarantees and prove them.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod clock;
#[cfg(feature = "sink")]
pub mod sink;
mod sync;

/// Doors for the models and the scoreboard. Not part of the interface: anything here may change
/// or go at any time.
#[cfg(any(brigade_loom, brigade_shuttle, feature = "internals"))]
#[doc(hidden)]
pub mod internals;
