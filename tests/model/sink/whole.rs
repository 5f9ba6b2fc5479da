//! The complete sink, writer thread and all, with more producers than loom can hold. shuttle
//! draws the schedules, and the threads draw what they do; a time-out may happen at every wait
//! that has one.

mod draw;
mod event;
mod ingestion;
mod logical;
mod members;
mod oracle;
