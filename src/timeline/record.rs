//! Recording: lanes are producers of an ordered sink, whose encoding is to remember.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::panicking;

use super::{Ending, Kind, Span, Timeline};
use crate::clock::{Clock, MonotonicClock, Stamp};
use crate::sink::{BuildError, Encode, MemoryOutput, OrderedSink, Producer, Record, ValueError};

/// A beginning or an end, as it goes through the sink.
#[derive(Debug, Clone)]
struct Event {
    /// Which call of `lane`, and which of its spans.
    key: (u32, u64),
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Begin { row: usize, kind: Kind, name: Cow<'static, str> },
    End { panicked: bool },
}

type Seen = Arc<Mutex<Vec<(Stamp, Event)>>>;

/// The sink's encoding: it keeps what comes and writes nothing. The sink's thread drops it, however
/// it ends, before `finish` returns.
#[derive(Debug)]
struct Memory {
    seen: Vec<(Stamp, Event)>,
    left: Seen,
}

impl Encode<Event> for Memory {
    fn encode(&mut self, record: &Record<'_, Event>, _: &mut Vec<u8>) -> Result<(), ValueError> {
        self.seen.push((record.stamp, record.value.clone()));
        Ok(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = std::mem::take(&mut self.seen);
    }
}

/// Records what threads do, each in a [`Lane`] of its own.
///
/// It may be shared by reference. Dropped without [`finish`](Self::finish), it forgets everything.
///
/// # Examples
///
/// ```
/// use brigade::timeline::Recorder;
///
/// let recorder = Recorder::new()?;
/// let lane = recorder.lane("barron");
/// std::thread::spawn(move || drop(lane.run("chopping"))).join().unwrap();
/// assert_eq!(recorder.finish().spans().len(), 1);
/// # Ok::<(), brigade::sink::BuildError>(())
/// ```
pub struct Recorder {
    sink: Option<OrderedSink<Event>>,
    clock: Arc<dyn Clock>,
    seen: Seen,
    rows: Mutex<Vec<Arc<str>>>,
    joins: AtomicU32,
    lost: Arc<AtomicU64>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Starts recording in real time, by a [`MonotonicClock`].
    ///
    /// # Errors
    ///
    /// [`BuildError::Spawn`] if the sink's thread cannot be started.
    pub fn new() -> Result<Self, BuildError> {
        Self::with_clock(MonotonicClock::new())
    }

    /// Starts recording by another clock. With a [`ManualClock`](crate::clock::ManualClock) a
    /// timeline is the same each time.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_clock(clock: impl Clock + 'static) -> Result<Self, BuildError> {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let seen = Seen::default();
        let memory = Memory { seen: Vec::new(), left: Arc::clone(&seen) };
        let sink =
            OrderedSink::builder(memory, MemoryOutput::new()).clock(Arc::clone(&clock)).build()?;
        Ok(Self {
            sink: Some(sink),
            clock,
            seen,
            rows: Mutex::default(),
            joins: AtomicU32::new(0),
            lost: Arc::default(),
        })
    }

    /// Makes a recorder that records nothing, for code that is watched only when somebody asks.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::timeline::Recorder;
    ///
    /// let asked = false;
    /// let recorder = if asked { Recorder::new()? } else { Recorder::off() };
    /// drop(recorder.lane("barron").run("chopping"));
    /// assert!(recorder.finish().spans().is_empty());
    /// # Ok::<(), brigade::sink::BuildError>(())
    /// ```
    #[must_use]
    pub fn off() -> Self {
        Self {
            sink: None,
            clock: Arc::new(MonotonicClock::new()),
            seen: Seen::default(),
            rows: Mutex::default(),
            joins: AtomicU32::new(0),
            lost: Arc::default(),
        }
    }

    /// Makes a lane, to be moved into the thread that it is about.
    ///
    /// Lanes of the same name are one row of the timeline: a thread may go on where an earlier one
    /// stopped.
    #[must_use = "a lane records what is asked of it"]
    pub fn lane(&self, name: impl AsRef<str>) -> Lane {
        let name = name.as_ref();
        let (row, name) = {
            let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
            let row = rows.iter().position(|row| &**row == name).unwrap_or_else(|| {
                rows.push(name.into());
                rows.len() - 1
            });
            (row, Arc::clone(&rows[row]))
        };
        let join = self.joins.fetch_add(1, Ordering::Relaxed);
        // To the sink it is a number, so that a name may be anything, and come again.
        let producer = self.sink.as_ref().and_then(|sink| sink.producer(join.to_string()).ok());
        Lane {
            producer: RefCell::new(producer),
            name,
            row,
            join,
            next: Cell::new(0),
            lost: self.sink.is_some().then(|| Arc::clone(&self.lost)),
        }
    }

    /// Ends the recording. Spans that are still open end here, as [`Ending::Open`]; lanes that are
    /// still there record nothing any more.
    #[must_use = "what was recorded is in it"]
    pub fn finish(mut self) -> Timeline {
        let now = unless_it_panics(|| self.clock.now());
        let finished = self.sink.take().map(OrderedSink::finish);
        let mut events =
            std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(Err(error)) = finished {
            let unwritten = error.into_unwritten().into_iter();
            events.extend(unwritten.map(|record| (record.stamp, record.value)));
        }
        let rows = std::mem::take(&mut *self.rows.lock().unwrap_or_else(PoisonError::into_inner));
        let last = events.last().map(|(stamp, _)| *stamp).max(now).unwrap_or(Stamp::ZERO);
        let spans = spans(events, &rows, last);
        Timeline::new(rows, spans, self.lost.load(Ordering::Relaxed))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some(sink) = self.sink.take() {
            let _nobody_asks = sink.finish();
        }
    }
}

/// What `run` gives, or nothing: a clock that panics is not the end of who is watched, least of all
/// while a guard is dropped by another panic.
fn unless_it_panics<R>(run: impl FnOnce() -> R) -> Option<R> {
    // What it panicked with might panic when it is dropped.
    catch_unwind(AssertUnwindSafe(run)).map_err(std::mem::forget).ok()
}

/// Beginnings find their ends; what finds none ends at `last`.
fn spans(events: Vec<(Stamp, Event)>, rows: &[Arc<str>], last: Stamp) -> Vec<Span> {
    let mut spans = Vec::with_capacity(events.len() / 2);
    let mut open = HashMap::new();
    for (stamp, Event { key, what }) in events {
        match what {
            What::Begin { row, kind, name } => {
                open.insert(key, spans.len());
                let lane = Arc::clone(&rows[row]);
                let (start, end, ending) = (stamp, last, Ending::Open);
                spans.push(Span { lane, name, kind, start, end, ending, row });
            }
            What::End { panicked } => {
                if let Some(at) = open.remove(&key) {
                    let span: &mut Span = &mut spans[at];
                    span.end = stamp;
                    span.ending = if panicked { Ending::Panicked } else { Ending::Closed };
                }
            }
        }
    }
    spans
}

/// One thread's handle to a [`Recorder`]. Made by [`Recorder::lane`].
///
/// A lane belongs to one thread at a time; it is `Send` and neither `Sync` nor `Clone`. It
/// outlives the recorder: then it records nothing.
///
/// # Examples
///
/// ```
/// use brigade::timeline::Recorder;
///
/// let recorder = Recorder::new()?;
/// let lane = recorder.lane("olivia");
/// let cooking = lane.run("soup");
/// {
///     let _waiting = lane.wait("stove"); // inside the soup
/// }
/// drop(cooking);
/// # Ok::<(), brigade::sink::BuildError>(())
/// ```
#[derive(Debug)]
pub struct Lane {
    producer: RefCell<Option<Producer<Event>>>,
    name: Arc<str>,
    row: usize,
    join: u32,
    next: Cell<u64>,
    /// Nothing if nothing is to be recorded.
    lost: Option<Arc<AtomicU64>>,
}

impl Lane {
    /// The name of its row.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens a span in which the thread works, until the guard is dropped.
    pub fn run(&self, name: impl Into<Cow<'static, str>>) -> OpenSpan<'_> {
        self.open(Kind::Run, name.into())
    }

    /// Opens a span in which the thread waits for something, until the guard is dropped.
    pub fn wait(&self, name: impl Into<Cow<'static, str>>) -> OpenSpan<'_> {
        self.open(Kind::Wait, name.into())
    }

    /// Opens a span in which the thread has something, until the guard is dropped.
    pub fn hold(&self, name: impl Into<Cow<'static, str>>) -> OpenSpan<'_> {
        self.open(Kind::Hold, name.into())
    }

    /// Takes a lock: a wait as long as `lock` runs, then a hold as long as its guard lives.
    ///
    /// The hold ends just before the lock is released, so holds of one mutex do not overlap.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::timeline::{Kind, Recorder};
    /// use std::sync::Mutex;
    ///
    /// let pot = Mutex::new(vec!["water"]);
    /// let recorder = Recorder::new()?;
    /// let lane = recorder.lane("olivia");
    /// lane.lock("pot", || pot.lock().unwrap()).push("salt");
    /// let kinds: Vec<Kind> = recorder.finish().spans().iter().map(|span| span.kind).collect();
    /// assert_eq!(kinds, [Kind::Wait, Kind::Hold]);
    /// # Ok::<(), brigade::sink::BuildError>(())
    /// ```
    pub fn lock<G>(
        &self,
        name: impl Into<Cow<'static, str>>,
        lock: impl FnOnce() -> G,
    ) -> Held<'_, G> {
        if self.lost.is_none() {
            return Held { span: OpenSpan::nothing(self), guard: lock() };
        }
        let name = name.into();
        let waiting = self.wait(name.clone());
        let guard = lock();
        drop(waiting);
        Held { span: self.hold(name), guard }
    }

    /// Tries to take a lock: a wait as long as `lock` runs, and a hold if it gives a guard.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::mutex::FairMutex;
    /// use brigade::timeline::Recorder;
    ///
    /// let stove = FairMutex::new(());
    /// let recorder = Recorder::new()?;
    /// let lane = recorder.lane("olivia");
    /// let cooking = lane.try_lock("stove", || stove.try_lock());
    /// assert!(cooking.is_some() && lane.try_lock("stove", || stove.try_lock()).is_none());
    /// # Ok::<(), brigade::sink::BuildError>(())
    /// ```
    pub fn try_lock<G>(
        &self,
        name: impl Into<Cow<'static, str>>,
        lock: impl FnOnce() -> Option<G>,
    ) -> Option<Held<'_, G>> {
        let name = name.into();
        let waiting = self.wait(name.clone());
        let guard = lock();
        drop(waiting);
        guard.map(|guard| Held { span: self.hold(name), guard })
    }

    #[inline]
    fn open(&self, kind: Kind, name: Cow<'static, str>) -> OpenSpan<'_> {
        let Some(lost) = &self.lost else { return OpenSpan::nothing(self) };
        self.begin(lost, kind, name)
    }

    fn begin(&self, lost: &AtomicU64, kind: Kind, name: Cow<'static, str>) -> OpenSpan<'_> {
        let number = self.next.get();
        self.next.set(number + 1);
        let begun = self.push(number, What::Begin { row: self.row, kind, name });
        if !begun {
            lost.fetch_add(1, Ordering::Relaxed);
        }
        OpenSpan { lane: self, number: begun.then_some(number), was_panicking: panicking() }
    }

    fn push(&self, number: u64, what: What) -> bool {
        let event = Event { key: (self.join, number), what };
        // Borrowed already: the clock's `now` records, of all things; that span is lost.
        let Ok(mut producer) = self.producer.try_borrow_mut() else { return false };
        let Some(producer) = producer.as_mut() else { return false };
        unless_it_panics(|| producer.push(event).is_ok()).unwrap_or(false)
    }
}

/// A span that goes on until this guard is dropped.
#[must_use = "the span ends when the guard is dropped"]
#[derive(Debug)]
pub struct OpenSpan<'a> {
    lane: &'a Lane,
    number: Option<u64>,
    /// Opened by a destructor that a panic runs: that panic does not end it.
    was_panicking: bool,
}

impl<'a> OpenSpan<'a> {
    fn nothing(lane: &'a Lane) -> Self {
        Self { lane, number: None, was_panicking: false }
    }
}

impl Drop for OpenSpan<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let panicked = panicking() && !self.was_panicking;
            self.lane.push(number, What::End { panicked });
        }
    }
}

/// A lock's guard and the span in which it is held. Made by [`Lane::lock`] and
/// [`Lane::try_lock`].
///
/// It gives access to what the lock protects, as the guard does. Dropped, it ends the span, then
/// releases the lock.
#[must_use = "the lock is released when the guard is dropped"]
#[derive(Debug)]
pub struct Held<'a, G> {
    // Dropped in this order.
    span: OpenSpan<'a>,
    guard: G,
}

impl<G> Held<'_, G> {
    /// Ends the span and gives the guard back, still locked.
    ///
    /// This is an associated function, as what the lock protects may have a method of this name.
    pub fn into_guard(held: Self) -> G {
        let Self { span, guard } = held;
        drop(span);
        guard
    }
}

impl<G: Deref> Deref for Held<'_, G> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Held<'_, G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}
