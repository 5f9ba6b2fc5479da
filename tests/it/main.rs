//! Everything that is tested from outside, in one binary.

mod barrier;
mod phaser;
#[cfg(feature = "sink")]
mod sink;
mod watchdog;
