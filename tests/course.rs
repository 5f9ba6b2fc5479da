//! Every example of the course, run with short settings, its outcome asserted.

// An example's `main` reads flags and prints; what it does is `run`, which is what runs here.
#[allow(dead_code)]
#[path = "../examples/merged_sink.rs"]
pub mod merged_sink;

#[path = "course/merged_sink.rs"]
mod merged_sink_shows;
#[path = "course/program.rs"]
mod program;
#[path = "it/watchdog.rs"]
mod watchdog;
