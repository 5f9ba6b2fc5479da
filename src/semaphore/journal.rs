//! What the semaphore did, step by step, for the models to hold against a sequential one.
//!
//! A note is taken right after the step that it names, with nothing in between at which a model
//! checker could switch threads: the journal has the order of the steps themselves.

/// One step of a semaphore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
#[cfg_attr(not(any(brigade_loom, brigade_shuttle)), allow(dead_code, unreachable_pub))]
pub enum Event {
    Took { asked: usize, barging: bool },
    Queued { ticket: u64, asked: usize },
    Granted { ticket: u64 },
    Left { ticket: u64 },
    Released { count: usize },
    Forgotten { count: usize },
    Closed,
}

#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub(super) struct Journal;

#[cfg(not(any(brigade_loom, brigade_shuttle)))]
impl Journal {
    pub(super) const fn new() -> Self {
        Self
    }

    #[inline(always)]
    pub(super) const fn note(&self, _: Event) {}
}

#[cfg(any(brigade_loom, brigade_shuttle))]
pub(super) struct Journal(std::sync::Mutex<Vec<Event>>);

#[cfg(any(brigade_loom, brigade_shuttle))]
impl Journal {
    pub(super) fn new() -> Self {
        Self(std::sync::Mutex::new(Vec::new()))
    }

    pub(super) fn note(&self, event: Event) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(event);
    }

    pub(super) fn read(&self) -> Vec<Event> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}
