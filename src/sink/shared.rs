//! What the handle, the producers and the writer of one sink share.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::encode::ValueError;
use super::error::{Failure, Refusal, SinkError, WaitError};
use super::frontier::Frontier;
use super::mode::{Late, Overflow};
use super::report::{Report, Stats};
use crate::clock::{Clock, MonotonicClock, Stamp};
use crate::sync::{Condvar, Mutex};

/// The usual clock without a pointer in between.
#[derive(Debug)]
pub(super) enum Source {
    Monotonic(MonotonicClock),
    Other(Arc<dyn Clock>),
}

impl Source {
    #[inline]
    pub(super) fn now(&self) -> u64 {
        match self {
            Self::Monotonic(clock) => clock.now(),
            Self::Other(clock) => clock.now(),
        }
        .as_nanos()
    }
}

#[derive(Debug)]
pub(super) struct Shared<T> {
    pub(super) frontier: Arc<Frontier<T>>,
    pub(super) clock: Source,
    pub(super) check: Option<fn(&T) -> Result<(), ValueError>>,
    pub(super) capacity: usize,
    pub(super) overflow: Overflow,
    /// Event time: how far ahead of the clock a stamp may be.
    pub(super) ahead: Duration,
    pub(super) late: Late,
    pub(super) failure: OnceLock<Failure>,
    pub(super) control: Mutex<Control<T>>,
    pub(super) progressed: Condvar,
}

#[derive(Debug)]
pub(super) struct Control<T> {
    pub(super) closing: bool,
    /// Tickets of `flush`: the last one drawn, and the last one served.
    pub(super) flush_drawn: u64,
    pub(super) flush_served: u64,
    /// Stamps that somebody waits to be durable, and how many wait.
    pub(super) sync_wanted: BTreeMap<u64, usize>,
    /// Everything stamped below it is durable.
    pub(super) durable: u64,
    pub(super) stats: Stats,
    pub(super) ended: bool,
    pub(super) outcome: Option<Result<Report, SinkError<T>>>,
}

impl<T> Control<T> {
    pub(super) fn new(floor: u64) -> Self {
        Self {
            closing: false,
            flush_drawn: 0,
            flush_served: 0,
            sync_wanted: BTreeMap::new(),
            durable: floor,
            stats: Stats::default(),
            ended: false,
            outcome: None,
        }
    }
}

impl<T> Shared<T> {
    /// Why a closed sink is closed.
    #[cold]
    pub(super) fn refusal(&self) -> Refusal {
        match self.failure.get() {
            Some(failure) => Refusal::Failed(failure.clone()),
            None => Refusal::Closed,
        }
    }

    fn ended(&self) -> WaitError {
        match self.failure.get() {
            Some(failure) => WaitError::Failed(failure.clone()),
            None => WaitError::Closed,
        }
    }

    /// Asks the writer to end, and waits until it has.
    pub(super) fn close(&self) {
        let mut control = self.control.lock();
        control.closing = true;
        self.frontier.wake.raise();
        while !control.ended {
            self.progressed.wait(&mut control);
        }
    }

    pub(super) fn flush(&self) -> Result<(), WaitError> {
        let mut control = self.control.lock();
        control.flush_drawn += 1;
        let ticket = control.flush_drawn;
        self.frontier.wake.raise();
        while control.flush_served < ticket {
            if control.ended {
                return Err(self.ended());
            }
            self.progressed.wait(&mut control);
        }
        Ok(())
    }

    pub(super) fn wait_durable(&self, stamp: Stamp) -> Result<(), WaitError> {
        let stamp = stamp.as_nanos();
        let mut control = self.control.lock();
        if control.durable > stamp {
            return Ok(());
        }
        *control.sync_wanted.entry(stamp).or_default() += 1;
        self.frontier.wake.raise();
        let result = loop {
            if control.durable > stamp {
                break Ok(());
            }
            if control.ended {
                break Err(self.ended());
            }
            self.progressed.wait(&mut control);
        };
        if let Some(waiting) = control.sync_wanted.get_mut(&stamp) {
            *waiting -= 1;
            if *waiting == 0 {
                control.sync_wanted.remove(&stamp);
            }
        }
        result
    }
}
