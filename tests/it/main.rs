//! The integration tests, one module a primitive.

mod barrier;
mod phaser;
mod watchdog;
