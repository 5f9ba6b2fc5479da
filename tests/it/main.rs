//! Everything that is tested from outside, in one binary.

mod barrier;
mod monitor;
mod phaser;
mod semaphore;
#[cfg(feature = "sink")]
mod sink;
mod watchdog;
