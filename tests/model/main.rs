//! The models: every interleaving that loom finds, and many that shuttle draws, of shipped code.

#![cfg(any(brigade_loom, brigade_shuttle))]

mod monitor;
mod semaphore;
mod weakened;
