//! Records what each thread of a scene does, if somebody wants to see it.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What a thread does for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It works.
    Run,
    /// It waits for something.
    Wait,
    /// It has something that others may wait for.
    Hold,
}

/// What one thread did from here to there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Who.
    pub thread: String,
    /// Doing what.
    pub kind: Kind,
    /// With what.
    pub what: String,
    /// From when.
    pub from: Instant,
    /// Until when.
    pub to: Instant,
}

/// Takes what the threads of a scene do. Unless it was asked to, it keeps nothing, and a
/// [`Track`] costs no more than a look at that.
#[derive(Debug, Default)]
pub struct Recorder {
    spans: Option<Mutex<Vec<Recorded>>>,
}

impl Recorder {
    /// One that keeps what it is told.
    #[must_use]
    pub fn keeping() -> Self {
        Self { spans: Some(Mutex::default()) }
    }

    /// The line on which a thread records itself.
    #[must_use]
    pub fn track(&self, thread: impl Into<String>) -> Track<'_> {
        Track { recorder: self, thread: thread.into() }
    }

    /// What was recorded, in the order in which it ended.
    #[must_use]
    pub fn recorded(&self) -> Vec<Recorded> {
        let spans = self.spans.as_ref().map(|spans| spans.lock());
        spans.map(|spans| spans.unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }
}

/// One thread's line.
#[derive(Debug)]
pub struct Track<'r> {
    recorder: &'r Recorder,
    thread: String,
}

impl Track<'_> {
    /// The thread's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.thread
    }

    /// Works, until the span is dropped.
    pub fn run(&self, what: impl Into<String>) -> Span<'_> {
        self.span(Kind::Run, what)
    }

    /// Waits, until the span is dropped.
    pub fn wait(&self, what: impl Into<String>) -> Span<'_> {
        self.span(Kind::Wait, what)
    }

    /// Holds, until the span is dropped.
    pub fn hold(&self, what: impl Into<String>) -> Span<'_> {
        self.span(Kind::Hold, what)
    }

    fn span(&self, kind: Kind, what: impl Into<String>) -> Span<'_> {
        let spans = self.recorder.spans.as_ref();
        Span(spans.map(|spans| (spans, &*self.thread, kind, what.into(), Instant::now())))
    }
}

/// Something that a thread is doing; dropped when it has done it.
#[must_use = "a span ends as it is dropped"]
#[derive(Debug)]
pub struct Span<'t>(Option<(&'t Mutex<Vec<Recorded>>, &'t str, Kind, String, Instant)>);

impl Drop for Span<'_> {
    fn drop(&mut self) {
        if let Some((spans, thread, kind, what, from)) = self.0.take() {
            let span = Recorded { thread: thread.into(), kind, what, from, to: Instant::now() };
            spans.lock().unwrap_or_else(PoisonError::into_inner).push(span);
        }
    }
}
