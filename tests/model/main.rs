//! The models: every interleaving that loom finds, and many that shuttle draws, of shipped code.

#![cfg(any(brigade_loom, brigade_shuttle))]

mod barrier;
mod caught;
mod phaser;
mod sink;
mod weakened;
