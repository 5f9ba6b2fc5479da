//! The integrator from outside.

// Values and nodes are given with all digits that are known.
#![allow(clippy::excessive_precision)]

mod bad_input;
mod control;
mod cover;
mod determinism;
mod kahaner;
mod orders;
mod problems;
mod quadpack;
mod singular;
mod sums;
mod tables;
mod ways;
