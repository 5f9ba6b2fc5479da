//! The course: concurrency, a chapter a primitive, every program run and checked.
//!
//! A chapter shows a bug that happens every time, the tool that finds it, and a fix that a model has
//! proven. Read the chapters in order, or enter where your question is.
//!
//! | Chapter | Minutes | You will see | Program |
//! |---|---|---|---|
//! | [0. Many threads, one file, one order](ch00_merged_sink) | 25 | a file that is out of order with every queue in order | `merged_sink` |
//!
//! | Beside the chapters | |
//! |---|---|
//! | [Glossary](glossary) | the words |
//! | [The ordered sink: why its order is right](ordered_sink) | the argument, case by case |
//! | [How the fair lock works](fair_rwlock) | steps, bounds, orderings, and what it costs |
//! | [Why the barrier is right](barrier) | one word, and every way for a meeting to end |
//! | [Why the pipeline is a loop](pipeline) | order, bounds and errors at one place |
//! | [The pool: why no job is lost, and why waiting is safe](pool) | its protocol, step by step |
//! | [The integrator: where the digits went](integrator) | rounding, Simpson, and threads |
//! | [What the programs show](transcripts) | their transcripts, run by the tests |
//!
//! Programs are started with `cargo run --release --example NAME`. None of this is compiled into a
//! program that uses the crate.

pub mod barrier;
pub mod ch00_merged_sink;
pub mod fair_rwlock;
pub mod glossary;
#[cfg(feature = "integrate")]
pub mod integrator;
pub mod ordered_sink;
pub mod pipeline;
pub mod pool;
pub mod transcripts;
