//! Concurrency primitives that state their guarantees and prove them, and a course that runs.
//!
//! What a primitive promises is written on it, and each promise names the model or the test that
//! would fail if it were broken. What it costs is written beside it.
//!
//! ```
//! use brigade::sink::OrderedSink;
//!
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("orders.tsv");
//! let sink = OrderedSink::create(&path)?;
//! let mut cooks = [sink.producer("barron")?, sink.producer("olivia")?];
//! std::thread::scope(|s| for cook in &mut cooks { s.spawn(|| cook.push("soup")); });
//! let report = sink.finish()?; // accepted means written, in the order of the stamps
//! assert_eq!((report.accepted, report.written), (2, 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which one do I need?
//!
//! | You have | and want | Take |
//! |---|---|---|
//! | threads that produce records | one file of them all, sorted by time, with nothing lost | [`OrderedSink`] |
//! | records that bring their own time | the same, and late ones refused at once | [`OrderedSink`] in [event time](sink::EventTime) |
//! | a simulation or a replay | the same, without any clock | [`OrderedSink`] in [logical time](sink::LogicalTime) |
//! | data that many read and some change | everybody served in turn | [`FairRwLock`](rwlock::FairRwLock) |
//! | data that one thread at a time may touch | first come, first served | [`FairMutex`](mutex::FairMutex) |
//! | a thread that waits until data meets a condition | no notify to forget | [`Monitor`](monitor::Monitor) |
//! | several locks that are needed together | them all, without deadlock | [`lock_all`](lock::lock_all) |
//! | locks taken one inside the other | a wrong order to fail at once, not to hang one day | [`Ranked`](lock::Ranked) |
//! | locks, and only so much time | them all or none | [`Attempt`](lock::Attempt) |
//! | more users than there are of something | at most so many at once | [`Semaphore`](semaphore::Semaphore) |
//! | threads that meet at the end of a step | to go on together, or to learn why not | [`Barrier`](barrier::Barrier) |
//! | the same, with parties that come and go | phases | [`Phaser`](phaser::Phaser) |
//! | jobs for a few threads | their results, as futures that can be awaited, cancelled, gathered | [`Pool`](pool::Pool) |
//! | jobs that may crash or hang | to lose one job, not the program | `process` |
//! | a chain of steps, some slow | all at once, in order, with one error at most | [`Pipeline`](pipeline::Pipeline) |
//! | threads that wait for each other | a picture of it | [`Timeline`](timeline::Timeline) |
//! | a function to integrate | few evaluations, or many millions on all cores, and the same bits on any number | [`Integral`](integrate::Integral) |
//! | code that reads the time | tests without sleeps | [`ManualClock`] |
//!
//! # What is here
//!
//! | Module | What it is |
//! |---|---|
//! | [`sink`] | the ordered sink: many producers, one writer, one total order |
//! | [`rwlock`] | the fair RW lock and its policies |
//! | [`mutex`] | the fair mutex, plain and reentrant |
//! | [`lock`] | several locks: all at once, in a checked order, or until a deadline |
//! | [`barrier`], [`phaser`] | meeting points |
//! | [`semaphore`] | permits, handed over in order |
//! | [`monitor`] | data and the conditions to wait for |
//! | [`pool`] | jobs for a fixed number of threads, and futures for their results |
//! | [`pipeline`] | a chain of stages with threads of their own that behaves like a loop |
//! | [`timeline`] | who ran, waited and held what, recorded through the sink and drawn |
//! | [`integrate`] | integrals whose bits do not depend on the threads |
//! | [`clock`] | stamps in nanoseconds, and clocks that never step back |
//!
//! The course starts at [the guide](guide): a chapter a primitive, each with a bug, the tool that
//! finds it, and the fix. Words are explained in the [glossary](guide::glossary). Essays argue
//! why the [sink's order](guide::ordered_sink), the [fair lock](guide::fair_rwlock), the
//! [barrier](guide::barrier), the [pipeline](guide::pipeline), the [pool](guide::pool) and the
//! [integrator](guide::integrator) are right.
//!
//! # Features
//!
//! | Feature | Default | What it brings |
//! |---|---|---|
//! | `sink` | yes | [`sink`] and what its encodings need |
//! | `pool` | yes | [`pool`] |
//! | `process` | no | `process`: the pool's jobs in processes of their own |
//! | `integrate` | yes | [`integrate`] and rayon |
//! | `pipeline` | yes | [`pipeline`] |
//! | `timeline` | yes | [`timeline`]; needs `sink` |
//! | `arc_lock` | no | guards that own an `Arc` of their lock |
//! | `serde` | no | serialize what the locks protect |
//! | `detect-recursion` | no | [`FairRwLock`](rwlock::FairRwLock) panics where a thread would wait for itself |
//!
//! [`OrderedSink`]: sink::OrderedSink
//! [`ManualClock`]: clock::ManualClock

#![cfg_attr(docsrs, feature(doc_cfg))]
// The front page names every machine, also in a build that leaves some out.
#![cfg_attr(
    not(all(feature = "integrate", feature = "pipeline", feature = "pool", feature = "timeline")),
    allow(rustdoc::broken_intra_doc_links)
)]
// The models reach in through `internals`, where private traits bound what they see.
#![cfg_attr(
    any(brigade_loom, brigade_shuttle),
    allow(dead_code, private_bounds, private_interfaces)
)]

pub mod barrier;
pub mod clock;
#[cfg(all(any(doc, doctest), feature = "sink"))]
pub mod guide;
#[cfg(feature = "integrate")]
pub mod integrate;
pub mod lock;
pub mod monitor;
pub mod mutex;
pub mod phaser;
#[cfg(feature = "pipeline")]
pub mod pipeline;
#[cfg(feature = "pool")]
pub mod pool;
#[cfg(all(unix, feature = "process", not(any(brigade_loom, brigade_shuttle))))]
#[cfg_attr(docsrs, doc(cfg(feature = "process")))]
pub mod process;
pub mod rwlock;
pub mod semaphore;
#[cfg(feature = "sink")]
pub mod sink;
mod sync;
#[cfg(all(feature = "timeline", not(any(brigade_loom, brigade_shuttle))))]
pub mod timeline;
#[cfg(any(feature = "pipeline", feature = "pool"))]
#[cfg_attr(not(all(feature = "pipeline", feature = "pool")), allow(dead_code))]
mod waits;

/// Doors for the models and the scoreboard. Not part of the interface: anything here may change
/// or go at any time.
#[cfg(any(brigade_loom, brigade_shuttle, feature = "internals"))]
#[doc(hidden)]
pub mod internals;
