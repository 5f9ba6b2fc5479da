//! Concurrency primitives that state their guarantees and prove them.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod clock;
mod sync;
