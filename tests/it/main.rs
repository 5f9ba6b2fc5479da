//! Integration tests: one module for each primitive.

#![allow(unreachable_pub)]

mod monitor;
mod semaphore;
mod watchdog;
