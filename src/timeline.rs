//! Who ran, waited and held what, and when: recorded by the threads themselves, drawn afterwards.
//!
//! A [`Recorder`] gives every thread a [`Lane`]. A span is open as long as its guard lives, and is
//! of one of three [kinds](Kind): the thread runs, waits for something, or holds it. Finished, the
//! recorder becomes a [`Timeline`], which can be asked, and drawn as text, as SVG, or as a trace
//! for Perfetto.
//!
//! The lanes are the producers of an [ordered sink](crate::sink): what happened before, in the
//! sense that one thread could tell another of it, stands before in the timeline. So two holds of
//! one mutex never overlap in it by mistake, and if they do overlap, the mutex is broken.
//!
//! ```
//! use brigade::mutex::FairMutex;
//! use brigade::timeline::{Kind, Recorder};
//!
//! let list = FairMutex::new(Vec::new());
//! let recorder = Recorder::new()?;
//! std::thread::scope(|threads| {
//!     for cook in ["barron", "olivia"] {
//!         let lane = recorder.lane(cook);
//!         let list = &list;
//!         threads.spawn(move || {
//!             let _shopping = lane.run("shopping");
//!             lane.lock("pencil", || list.lock()).push(cook);
//!         });
//!     }
//! });
//! let timeline = recorder.finish();
//! assert_eq!(timeline.spans().len(), 6); // each cook shops, waits for the pencil, holds it
//! assert_eq!(timeline.peak(Kind::Hold, "pencil"), 1);
//! println!("{timeline}");
//! # Ok::<(), brigade::sink::BuildError>(())
//! ```
//!
//! It prints something like the following; [`to_svg`](Timeline::to_svg) draws the same for documents.
//!
//! ```text
//! barron  ── shopping ──░░░ pencil ░░░████████ pencil ████████
//! olivia  █████████ pencil ███████████─────── shopping ───────
//!         0 s                                          5.24 µs
//! █ hold  ░ wait  ─ run
//! ```
//!
//! A deadlock is a picture of two waits that go on:
//!
//! ![Two cooks: each holds what the other waits for, and never stops][timeline]
//!
//! # Which form do I need?
//!
//! | You want | Take |
//! |---|---|
//! | a picture in a terminal or a transcript | [`to_text`](Timeline::to_text), or print the timeline |
//! | a picture in a document, without a network | [`to_svg`](Timeline::to_svg) |
//! | to zoom into thousands of spans | [`to_chrome_trace`](Timeline::to_chrome_trace), opened in Perfetto |
//! | to assert what happened | [`spans`](Timeline::spans), [`peak`](Timeline::peak) |
//!
//! # What becomes of it
//!
//! | Case | In the timeline |
//! |---|---|
//! | a guard that was leaked, or whose thread is stuck | a span up to the end, [`Ending::Open`], named below the text and in the SVG |
//! | a guard dropped by a panic | a span up to there, [`Ending::Panicked`] |
//! | a span of no length | is kept, and drawn as one cell or a thin bar |
//! | a span inside another of its lane | is drawn on top of it |
//! | spans of one lane that overlap, neither inside the other | are drawn below each other; the text shows what began last |
//! | more spans than pixels | neighbours of a kind are drawn as one, which says how many it is |
//! | a lane that recorded nothing | an empty row |
//! | the recorder's clock panics | what could be recorded; what could not is [counted](Timeline::lost), and nobody who records notices |
//!
//! # Trade-offs
//!
//! * A span is two pushes into the sink: 230 ns together, one after the other at full speed on a
//!   2-core machine (`benches/timeline.rs`). That is too much inside the loop that you measure, and
//!   little beside a lock that is waited for. [Off](Recorder::off), a lane costs nothing that the
//!   bench can see.
//! * What is recorded stays in memory until the recorder is finished, 128 bytes a span.
//! * A thread with more than a thousand ends of spans that the sink has not taken over yet waits
//!   until it has.
//!
//! # Timeline, tracing or a profiler?
//!
//! * **vs `tracing`**: events of a whole program, by subscriber; a timeline is one value of a few
//!   threads, in an order that is right across them.
//! * **vs a sampling profiler**: it sees where time goes without being asked, and not who waited
//!   for whom.
//! * **from Python**: the notes that people take with `time.perf_counter()` and `print`, in order.
//!
//! # What proves it
//!
//! | Claim | Test |
//! |---|---|
//! | holds of one mutex never overlap; every case of the table above | `tests/it/timeline.rs` |
//! | spans are those of a plain list kept beside it; no line wider than asked; every trace parses and nests | `tests/it/timeline/drawn.rs` |
//!
#![doc = include_str!("../docs/img/timeline.ref.md")]

mod chrome;
mod layout;
mod record;
mod svg;
mod text;
mod units;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Stamp;

pub use record::{Held, Lane, OpenSpan, Recorder};

/// What a thread does in a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It works.
    Run,
    /// It waits for something that others have.
    Wait,
    /// It has something that others may have to wait for.
    Hold,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Run => "run",
            Self::Wait => "wait",
            Self::Hold => "hold",
        })
    }
}

impl Kind {
    fn verb(self) -> &'static str {
        match self {
            Self::Run => "runs",
            Self::Wait => "waits for",
            Self::Hold => "holds",
        }
    }
}

/// How a span came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// Its guard was dropped.
    Closed,
    /// Its guard was dropped by a panic.
    Panicked,
    /// It was still open when the recorder was finished; its end is that moment.
    Open,
}

/// Something that a thread did, from when to when.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Span {
    /// The name of the lane.
    pub lane: Arc<str>,
    /// What it is about: a task, a lock.
    pub name: Cow<'static, str>,
    /// What the thread did with it.
    pub kind: Kind,
    /// When it began.
    pub start: Stamp,
    /// When it ended; never before it began.
    pub end: Stamp,
    /// How it ended.
    pub ending: Ending,
    /// The number of the lane.
    row: usize,
}

impl Span {
    /// How long it took.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.end - self.start
    }
}

impl fmt::Display for Span {
    /// `olivia waits for pencil, 1.5 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = units::short(self.length());
        write!(f, "{} {} {}, {length}", self.lane, self.kind.verb(), self.name)?;
        match self.ending {
            Ending::Closed => Ok(()),
            Ending::Panicked => f.write_str(", ended by a panic"),
            Ending::Open => f.write_str(" and on"),
        }
    }
}

/// What a [`Recorder`] has seen. It does not change any more.
///
/// `Display` is [`to_text`](Self::to_text) at 60 columns.
///
/// # Examples
///
/// ```
/// use brigade::clock::ManualClock;
/// use brigade::timeline::{Kind, Recorder};
/// use std::time::Duration;
///
/// let clock = ManualClock::default();
/// let recorder = Recorder::with_clock(clock.clone())?;
/// let lane = recorder.lane("olivia");
/// let thawing = lane.wait("sausage");
/// clock.advance(Duration::from_millis(3));
/// drop(thawing);
///
/// let timeline = recorder.finish();
/// let span = &timeline.spans()[0];
/// assert_eq!((&*span.lane, span.kind), ("olivia", Kind::Wait));
/// assert_eq!(span.to_string(), "olivia waits for sausage, 3 ms");
/// # Ok::<(), brigade::sink::BuildError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Timeline {
    lanes: Vec<Arc<str>>,
    spans: Vec<Span>,
    start: Stamp,
    end: Stamp,
    lost: u64,
}

impl Timeline {
    fn new(lanes: Vec<Arc<str>>, spans: Vec<Span>, lost: u64) -> Self {
        let start = spans.first().map_or(Stamp::ZERO, |span| span.start);
        let end = spans.iter().map(|span| span.end).max().unwrap_or(start);
        Self { lanes, spans, start, end, lost }
    }

    /// The names of the lanes, in the order in which they were first asked for.
    pub fn lanes(&self) -> impl ExactSizeIterator<Item = &str> {
        self.lanes.iter().map(|name| &**name)
    }

    /// All spans in the order of their beginnings.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The spans of one lane in the order of their beginnings; none if there is no such lane.
    pub fn of<'a>(&'a self, lane: &'a str) -> impl Iterator<Item = &'a Span> {
        self.spans.iter().filter(move |span| &*span.lane == lane)
    }

    /// From the first beginning to the last end.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.end - self.start
    }

    /// How many spans were not recorded: none, unless the recorder's clock panicked.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// How many spans of this kind and name there were at once, at most: 1 for a mutex that
    /// works, up to the number of permits for a semaphore.
    ///
    /// A span ends before one that begins at the same time. One of no length counts what is open
    /// around it, and nothing that is as short.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::timeline::{Kind, Recorder};
    ///
    /// let recorder = Recorder::new()?;
    /// let (kitchen, pantry) = (recorder.lane("kitchen"), recorder.lane("pantry"));
    /// let phones = (kitchen.hold("charger"), pantry.hold("charger"));
    /// drop(phones);
    /// assert_eq!(recorder.finish().peak(Kind::Hold, "charger"), 2);
    /// # Ok::<(), brigade::sink::BuildError>(())
    /// ```
    #[must_use]
    pub fn peak(&self, kind: Kind, name: &str) -> usize {
        let chosen = self.spans.iter().filter(|span| span.kind == kind && span.name == name);
        let (points, spans): (Vec<&Span>, Vec<&Span>) =
            chosen.partition(|span| span.length().is_zero());
        // At one time: first the ends, then what has no length, then the beginnings.
        let mut steps: Vec<(Stamp, u8)> = points.iter().map(|point| (point.start, 1)).collect();
        steps.extend(spans.iter().flat_map(|span| [(span.start, 2), (span.end, 0)]));
        steps.sort_unstable();
        let (mut now, mut most) = (0, 0);
        for (_, step) in steps {
            match step {
                0 => now -= 1,
                1 => most = most.max(now + 1),
                _ => {
                    now += 1;
                    most = most.max(now);
                }
            }
        }
        most
    }

    /// Draws a chart of text, no line of it wider than `width` characters: a row a lane, the time
    /// from left to right, below it what never came to an end.
    ///
    /// A cell shows what took most of its time, counting the innermost span; nothing is so short
    /// that it is not shown where nothing else is. Below some 24 columns there is no room for a
    /// chart, and lines are cut off; no chart is wider than 10,000.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::clock::ManualClock;
    /// use brigade::timeline::Recorder;
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::default();
    /// let recorder = Recorder::with_clock(clock.clone())?;
    /// let (barron, olivia) = (recorder.lane("barron"), recorder.lane("olivia"));
    /// let held = barron.hold("pencil");
    /// let waiting = olivia.wait("pencil");
    /// clock.advance(Duration::from_micros(10));
    /// drop((held, waiting));
    /// let held = olivia.hold("pencil");
    /// clock.advance(Duration::from_micros(10));
    /// drop(held);
    /// assert_eq!(
    ///     recorder.finish().to_text(40),
    ///     "\
    /// barron  ████ pencil ████
    /// olivia  ░░░░ pencil ░░░░████ pencil ████
    ///         0 s                        20 µs
    /// █ hold  ░ wait
    /// "
    /// );
    /// # Ok::<(), brigade::sink::BuildError>(())
    /// ```
    #[must_use]
    pub fn to_text(&self, width: usize) -> String {
        text::draw(self, width)
    }

    /// Draws an SVG: a picture on a white card, 760 units wide, that loads nothing, says in its
    /// title and description what can be seen, and shows each span in words to a pointer.
    ///
    /// It works as a file, as an `<img>`, and inline in Markdown: there is no blank line in it and
    /// no id. However many spans there are, it stays small; what is too short to be drawn is drawn
    /// together with its neighbours.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::timeline::Recorder;
    ///
    /// let recorder = Recorder::new()?;
    /// drop(recorder.lane("olivia").run("soup"));
    /// let svg = recorder.finish().to_svg("One cook");
    /// assert!(svg.starts_with("<svg ") && svg.contains("<title>One cook</title>"));
    /// # Ok::<(), brigade::sink::BuildError>(())
    /// ```
    #[must_use]
    pub fn to_svg(&self, title: &str) -> String {
        svg::draw(self, title)
    }

    /// Writes a trace in Chrome's JSON format, which <https://ui.perfetto.dev> and
    /// `chrome://tracing` open: a complete event (`"ph": "X"`) a span, in microseconds since the
    /// first one began, and the names of the threads. Spans of one lane that overlap, neither
    /// inside the other, are put on threads of their own, for a thread's events must nest.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::timeline::Recorder;
    ///
    /// let recorder = Recorder::new()?;
    /// drop(recorder.lane("olivia").run("soup"));
    /// let trace = recorder.finish().to_chrome_trace();
    /// assert!(trace.contains(r#""ph":"X""#));
    /// # Ok::<(), brigade::sink::BuildError>(())
    /// ```
    #[must_use]
    pub fn to_chrome_trace(&self) -> String {
        chrome::write(self)
    }

    fn still_open(&self) -> impl Iterator<Item = &Span> {
        self.spans.iter().filter(|span| span.ending == Ending::Open)
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(60))
    }
}

/// Without what would break a line or an XML document.
fn printable(text: &str) -> Cow<'_, str> {
    let bad =
        |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(bad) { text.replace(bad, "\u{fffd}").into() } else { text.into() }
}

/// At most `most` characters, the last one of which says that there were more.
fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    let text = printable(text);
    match text.char_indices().nth(most) {
        None => text,
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).take(most).collect(),
    }
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
