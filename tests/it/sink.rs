//! The ordered sink, from outside: order, faults, crashes, hostile callers.

mod clocks;
mod device;
mod gate;
mod ledger;
mod rows;

mod backlog;
mod bad_input;
mod crash;
mod durability;
mod encodings;
mod faults;
mod lifecycle;
mod modes;
mod order;
mod overflow;
mod recovery;
mod rotation;
mod stats;
mod stress;
