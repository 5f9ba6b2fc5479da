//! The models: every interleaving that loom finds, and many that shuttle draws, of shipped code.

#![cfg(any(brigade_loom, brigade_shuttle))]

mod barrier;
mod caught;
mod contrast;
mod monitor;
mod mutex;
mod phaser;
mod rwlock;
mod semaphore;
mod sink;
mod weakened;
