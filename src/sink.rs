//! The ordered sink: many producers, one writer, one total order.
//!
//! Every producer thread pushes records; one writer thread puts all of them into an output,
//! sorted by the time they were generated. The order is strict and it is *proven*, not hoped for:
//! no grace period, no timeout, no guess. Accepted means written: what a push has accepted is in
//! the output when [`finish`](OrderedSink::finish) returns, or the error it returns holds it.

mod builder;
mod encode;
mod error;
pub(crate) mod frontier;
mod held;
mod mode;
pub(crate) mod order;
mod output;
mod pending;
mod producer;
mod report;
mod ring;
mod shared;
mod signal;
mod writer;

pub use builder::{ScopeError, SinkBuilder};
pub use encode::{
    Binary, BinaryReader, BinaryRecord, Csv, Encode, Field, Json, Ndjson, Notation, ProducerId,
    ReadError, Record, RecoverError, Recovered, Shown, Text, ValueError,
};
pub use error::{
    BuildError, Cause, DurableError, Failure, JoinError, PushError, Refusal, SinkError, Unwritten,
    WaitError,
};
pub use mode::{
    Durability, EventTime, IngestionTime, Late, LogicalTime, Overflow, Silence, TimeMode,
};
pub use output::{FileOutput, MemoryOutput, OpenError, Output};
pub use producer::Producer;
pub use report::{Durations, HeldBack, ProducerStats, Recovery, Report, Stats};

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use crate::clock::Stamp;
use crate::sync::thread::JoinHandle;
use frontier::NotAdmitted;
use shared::Shared;

/// A sink for the records of many producers.
///
/// `T` is what is pushed; `M` is what a stamp means: [`IngestionTime`] by default,
/// [`EventTime`], or [`LogicalTime`].
///
/// Dropping a sink without [`finish`](Self::finish) drains and closes it all the same, but then
/// nobody learns of an error; a line on standard error says so.
pub struct OrderedSink<T, M: TimeMode = IngestionTime> {
    shared: Arc<Shared<T>>,
    writer: Option<JoinHandle<()>>,
    finished: bool,
    mode: PhantomData<M>,
}

impl<T, M: TimeMode> fmt::Debug for OrderedSink<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrderedSink").finish_non_exhaustive()
    }
}

impl<T> OrderedSink<T> {
    /// Chooses an encoding and an output, and goes on to the options.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::sink::{Csv, MemoryOutput, OrderedSink, Overflow};
    ///
    /// let sink = OrderedSink::builder(Csv::new(), MemoryOutput::new())
    ///     .capacity(64)
    ///     .overflow(Overflow::Reject)
    ///     .build()?;
    /// sink.producer("chef")?.push(7)?;
    /// sink.finish()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder<E: Encode<T>, O: Output>(
        encoder: E,
        output: O,
    ) -> SinkBuilder<T, IngestionTime, E, O> {
        SinkBuilder::new(encoder, output)
    }
}

impl<T: Field + Send + 'static> OrderedSink<T> {
    /// Starts a sink that writes [`Text`] to a new file, with every option at its default.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the file exists or cannot be made.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::sink::OrderedSink;
    ///
    /// let dir = tempfile::tempdir()?;
    /// let sink = OrderedSink::create(dir.path().join("numbers.tsv"))?;
    /// sink.producer("chef")?.push(7)?;
    /// assert_eq!(sink.finish()?.written, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(path: impl AsRef<Path>) -> Result<Self, BuildError> {
        Self::builder(Text::new(), FileOutput::create(path)?).build()
    }
}

impl<T, M: TimeMode> OrderedSink<T, M> {
    fn new(shared: Arc<Shared<T>>, writer: Option<JoinHandle<()>>) -> Self {
        Self { shared, writer, finished: false, mode: PhantomData }
    }

    /// Adds a producer, at any time, from any thread.
    ///
    /// # Errors
    ///
    /// [`JoinError`] if the name is taken or unusable, or the sink is closed.
    pub fn producer(&self, name: impl AsRef<str>) -> Result<Producer<T, M>, JoinError> {
        let name = name.as_ref();
        if name.is_empty() || name.len() > 255 || name.chars().any(char::is_control) {
            return Err(JoinError::BadName { name: name.into() });
        }
        match self.shared.frontier.join(name, self.shared.capacity) {
            Ok(port) => Ok(Producer::new(port, Arc::clone(&self.shared))),
            Err(NotAdmitted::NameTaken) => Err(JoinError::NameTaken { name: name.into() }),
            Err(NotAdmitted::Closed) => Err(JoinError::Closed),
            Err(NotAdmitted::Full) => Err(JoinError::TooMany),
        }
    }

    /// Blocks until every record accepted before the call is handed to the output.
    ///
    /// With event or logical time: every one of them that the frontier has passed; the others
    /// cannot be in order yet.
    ///
    /// # Errors
    ///
    /// [`WaitError`] if the sink fails.
    pub fn flush(&self) -> Result<(), WaitError> {
        self.shared.flush()
    }

    /// Blocks until every record stamped up to and including `stamp` survives a loss of power.
    ///
    /// For a `stamp` still to come it blocks until the frontier has passed it.
    ///
    /// # Errors
    ///
    /// [`WaitError`] if the sink fails.
    pub fn wait_durable(&self, stamp: Stamp) -> Result<(), WaitError> {
        self.shared.wait_durable(stamp)
    }

    /// Looks at the sink as it was in the writer's last round, some milliseconds ago at most
    /// while records come. Never waits for the output.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.control.lock().stats.clone()
    }

    /// Closes the sink, writes everything accepted, and reports.
    ///
    /// Producers that are still there get [`Refusal::Closed`] at their next push, with the value.
    /// Blocks until the output has everything, and is synced if that was asked for.
    ///
    /// # Errors
    ///
    /// [`SinkError`] with the first failure and every accepted record that is not in the output.
    #[must_use = "the report, or the error with the records that were not written, is in it"]
    pub fn finish(mut self) -> Result<Report, SinkError<T>> {
        self.end()
    }

    fn end(&mut self) -> Result<Report, SinkError<T>> {
        self.finished = true;
        self.shared.close();
        if let Some(writer) = self.writer.take() {
            // It catches its panics itself; there is nothing to learn from its result.
            let _ = writer.join();
        }
        let outcome = self.shared.control.lock().outcome.take();
        outcome.unwrap_or_else(|| Ok(Report::default()))
    }
}

impl<T, M: TimeMode> Drop for OrderedSink<T, M> {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        match self.end() {
            Ok(report) => eprintln!(
                "brigade: an ordered sink was dropped without finish(); {} records were written",
                report.written
            ),
            Err(error) => eprintln!(
                "brigade: an ordered sink was dropped without finish(), and so nobody was told: \
                 {error}"
            ),
        }
    }
}
