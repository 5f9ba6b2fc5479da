//! The integration tests: one binary, one module a primitive.

#![cfg(not(any(brigade_loom, brigade_shuttle)))]

mod watchdog;

mod mutex;
mod rwlock;
