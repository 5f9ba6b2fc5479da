//! Choosing how a sink works, before it does.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::OrderedSink;
use super::encode::{Encode, Recovered};
use super::error::{BuildError, SinkError};
use super::frontier::Frontier;
use super::mode::{
    Durability, EventTime, IngestionTime, Late, LogicalTime, Overflow, Silence, TimeMode,
};
use super::output::Output;
use super::output::spool::Spool;
use super::pending::Pending;
use super::report::{Recovery, Report};
use super::shared::{Control, Shared, Source};
use super::writer::{Pace, Writer};
use crate::clock::{Clock, MonotonicClock, nanos};
use crate::sync::{Condvar, Mutex, thread};

/// The largest capacity of one producer's ring, in records.
const MOST: usize = 1 << 24;

/// Builds an [`OrderedSink`]. Made by [`OrderedSink::builder`].
///
/// | Option | Default |
/// |---|---|
/// | [`capacity`](Self::capacity) | 1,024 records a producer |
/// | [`overflow`](Self::overflow) | [`Overflow::Block`] |
/// | [`durability`](Self::durability) | [`Durability::Flush`] |
/// | [`tick`](Self::tick) | 1 ms |
/// | [`clock`](Self::clock) | [`MonotonicClock`] |
/// | time | sink-stamped; [`event_time`](Self::event_time) or [`logical_time`](Self::logical_time) |
#[must_use = "a builder does nothing until `build` or `scope`"]
pub struct SinkBuilder<T, M: TimeMode, E, O> {
    encoder: E,
    output: O,
    capacity: usize,
    overflow: Overflow,
    durability: Durability,
    tick: Duration,
    clock: Option<Arc<dyn Clock>>,
    lag: Duration,
    ahead: Duration,
    late: Late,
    pending: usize,
    silence: Silence,
    pace: fn(&Self) -> Pace<T>,
    types: PhantomData<(fn() -> T, M)>,
}

impl<T, M: TimeMode, E: fmt::Debug, O: fmt::Debug> fmt::Debug for SinkBuilder<T, M, E, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkBuilder")
            .field("encoder", &self.encoder)
            .field("output", &self.output)
            .field("capacity", &self.capacity)
            .field("overflow", &self.overflow)
            .field("durability", &self.durability)
            .field("tick", &self.tick)
            .finish_non_exhaustive()
    }
}

impl<T, E, O> SinkBuilder<T, IngestionTime, E, O> {
    pub(super) fn new(encoder: E, output: O) -> Self {
        Self {
            encoder,
            output,
            capacity: 1024,
            overflow: Overflow::default(),
            durability: Durability::default(),
            tick: Duration::from_millis(1),
            clock: None,
            lag: Duration::ZERO,
            ahead: Duration::ZERO,
            late: Late::default(),
            pending: 1 << 20,
            silence: Silence::default(),
            pace: |_| Pace::Ingestion,
            types: PhantomData,
        }
    }

    /// Lets producers bring their own stamps, which may lag behind the clock by up to `lag`.
    ///
    /// The output is complete up to the clock minus `lag`; a producer that is silent delays
    /// nobody by more. By default a stamp may also run ahead of the clock by `lag`.
    pub fn event_time(self, lag: Duration) -> SinkBuilder<T, EventTime, E, O> {
        let mut next = self.in_mode(|this| {
            let lag = nanos(this.lag);
            Pace::Event { lag, pending: Pending::new(lag), most: this.pending }
        });
        next.lag = lag;
        next.ahead = lag;
        next
    }

    /// Lets producers bring their own stamps, with no clock at all: for replay and simulation.
    ///
    /// Each producer promises that its stamps do not go back. What every producer has promised to
    /// be past is written; so a producer that is silent holds all others back until it pushes,
    /// [advances](super::Producer::advance_to), [pauses](super::Producer::pause) or is dropped.
    /// A producer begins at the frontier of the moment it joins: let all of them join before the
    /// first one advances.
    pub fn logical_time(self) -> SinkBuilder<T, LogicalTime, E, O> {
        self.in_mode(|this| Pace::Logical { silence: this.silence })
    }

    fn in_mode<M: TimeMode>(
        self,
        pace: fn(&SinkBuilder<T, M, E, O>) -> Pace<T>,
    ) -> SinkBuilder<T, M, E, O> {
        SinkBuilder {
            encoder: self.encoder,
            output: self.output,
            capacity: self.capacity,
            overflow: self.overflow,
            durability: self.durability,
            tick: self.tick,
            clock: self.clock,
            lag: self.lag,
            ahead: self.ahead,
            late: self.late,
            pending: self.pending,
            silence: self.silence,
            pace,
            types: PhantomData,
        }
    }
}

impl<T, E, O> SinkBuilder<T, EventTime, E, O> {
    /// How far ahead of the clock a stamp may be. One from the far future would otherwise wait in
    /// memory until its time comes.
    pub fn ahead(mut self, most: Duration) -> Self {
        self.ahead = most;
        self
    }

    /// What happens to a stamp behind the frontier.
    pub fn late(mut self, policy: Late) -> Self {
        self.late = policy;
        self
    }

    /// How many records may wait for their time, over all producers; beyond that the rings fill
    /// up and the overflow policy decides. About lag × rate is needed. A million by default.
    pub fn pending(mut self, records: usize) -> Self {
        self.pending = records;
        self
    }
}

impl<T, E, O> SinkBuilder<T, LogicalTime, E, O> {
    /// What happens when a producer says nothing.
    pub fn silence(mut self, policy: Silence) -> Self {
        self.silence = policy;
        self
    }
}

impl<T, M: TimeMode, E, O> SinkBuilder<T, M, E, O> {
    /// How many records one producer may have accepted and not yet taken over by the writer.
    pub fn capacity(mut self, records: usize) -> Self {
        self.capacity = records;
        self
    }

    /// What a push does when its ring is full.
    pub fn overflow(mut self, policy: Overflow) -> Self {
        self.overflow = policy;
        self
    }

    /// What survives what.
    pub fn durability(mut self, level: Durability) -> Self {
        self.durability = level;
        self
    }

    /// The longest rest of the writer between two rounds while records come: how long a record
    /// waits at most before it is on its way to the output. A longer tick makes larger rounds.
    pub fn tick(mut self, rest: Duration) -> Self {
        self.tick = rest;
        self
    }

    /// Where stamps come from. [`MonotonicClock`] is fastest; a [`ManualClock`](crate::clock::ManualClock)
    /// makes tests repeatable.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }
}

impl<T: Send, M: TimeMode, E: Encode<T>, O: Output> SinkBuilder<T, M, E, O> {
    /// Starts a sink that lives as long as its handle.
    ///
    /// An output with content is continued: a torn tail is removed, and stamps go on behind the
    /// last one found.
    ///
    /// # Errors
    ///
    /// [`BuildError`]: an option that makes no sense, an output whose content is not of this
    /// encoding, a failing output, or no thread to be had.
    pub fn build(self) -> Result<OrderedSink<T, M>, BuildError>
    where
        T: 'static,
        E: 'static,
        O: 'static,
    {
        let (shared, writer) = self.prepare()?;
        let spawned = thread::Builder::new()
            .name("brigade-sink".into())
            .spawn(move || writer.run())
            .map_err(BuildError::Spawn)?;
        Ok(OrderedSink::new(shared, Some(spawned)))
    }

    /// Starts a sink that lives as long as a call, so that its records may borrow: calls `body`
    /// with it, then finishes it.
    ///
    /// # Errors
    ///
    /// [`ScopeError::Build`] as [`build`](Self::build), before `body` was called;
    /// [`ScopeError::Sink`] as [`finish`](OrderedSink::finish).
    ///
    /// # Panics
    ///
    /// If `body` panics, after everything accepted was written.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::sink::{MemoryOutput, OrderedSink, Text};
    ///
    /// let order = String::from("soup and bread");
    /// let memory = MemoryOutput::new();
    /// let outcome = OrderedSink::builder(Text::new(), memory.clone()).scope(|sink| {
    ///     let mut waiter = sink.producer("waiter")?;
    ///     Ok::<_, brigade::sink::JoinError>(order.split(' ').all(|word| waiter.push(word).is_ok()))
    /// });
    /// let (pushed, report) = outcome.expect("memory does not fail");
    /// assert_eq!((pushed, report.written), (Ok(true), 3));
    /// ```
    #[cfg(not(any(brigade_loom, brigade_shuttle)))]
    pub fn scope<R>(
        self,
        body: impl FnOnce(&OrderedSink<T, M>) -> R,
    ) -> Result<(R, Report), ScopeError<T>> {
        let (shared, writer) = self.prepare().map_err(ScopeError::Build)?;
        thread::scope(|threads| {
            let spawned = thread::Builder::new()
                .name("brigade-sink".into())
                .spawn_scoped(threads, move || writer.run());
            spawned.map_err(|error| ScopeError::Build(BuildError::Spawn(error)))?;
            let sink = OrderedSink::new(shared, None);
            let result = body(&sink);
            let report = sink.finish().map_err(ScopeError::Sink)?;
            Ok((result, report))
        })
    }

    fn prepare(mut self) -> Result<(Arc<Shared<T>>, Writer<T, E, O>), BuildError> {
        if self.capacity == 0 {
            return Err(BuildError::ZeroCapacity);
        }
        if self.capacity > MOST {
            return Err(BuildError::CapacityTooLarge { asked: self.capacity, most: MOST });
        }
        if self.pending == 0 {
            return Err(BuildError::ZeroPending);
        }
        let pace = (self.pace)(&self);
        let len = self.output.len().map_err(BuildError::Output)?;
        let mut found = Recovered::default();
        let mut report = Report::default();
        if len > 0 {
            found = self.encoder.recover(&self.output).map_err(BuildError::Recover)?;
            report.recovered = Some(Recovery::new(found, len));
            if found.keep < len {
                self.output.truncate(found.keep).map_err(BuildError::Output)?;
            }
        }
        let floor = found.last.map_or(0, |last| last.as_nanos() + 1);
        let frontier = Frontier::new(floor);
        let shared = Arc::new(Shared {
            frontier,
            clock: match self.clock {
                None => Source::Monotonic(MonotonicClock::new()),
                Some(clock) => Source::Other(clock),
            },
            check: self.encoder.check(),
            capacity: self.capacity,
            overflow: self.overflow,
            ahead: self.ahead,
            late: self.late,
            failure: OnceLock::new(),
            control: Mutex::new(Control::new(floor)),
            progressed: Condvar::new(),
        });
        let mut spool = Spool::new(self.output, found.keep);
        if found.keep == 0 {
            self.encoder.begin(&mut spool.pending);
            spool.write_out().map_err(|failure| BuildError::Output(failure.error))?;
        }
        let writer = Writer::new(
            Arc::clone(&shared),
            pace,
            self.encoder,
            spool,
            self.tick,
            self.durability,
            report,
        );
        Ok((shared, writer))
    }
}

/// Why [`SinkBuilder::scope`] did not return a report.
#[non_exhaustive]
pub enum ScopeError<T> {
    /// The sink was not built, and the body not called.
    Build(BuildError),
    /// The sink failed.
    Sink(SinkError<T>),
}

impl<T> fmt::Debug for ScopeError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => f.debug_tuple("Build").field(error).finish(),
            Self::Sink(error) => f.debug_tuple("Sink").field(error).finish(),
        }
    }
}

impl<T> fmt::Display for ScopeError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => error.fmt(f),
            Self::Sink(error) => error.fmt(f),
        }
    }
}

impl<T> std::error::Error for ScopeError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Build(error) => error.source(),
            Self::Sink(error) => error.source(),
        }
    }
}
