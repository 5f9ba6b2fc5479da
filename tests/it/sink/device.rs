//! An output in memory that fails, stalls and counts as it is told.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use brigade::sink::Output;

use super::gate::Gate;

/// What is to go wrong.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    /// The most bytes one write takes.
    pub(crate) short: Option<usize>,
    /// Every other call is interrupted by a signal.
    pub(crate) interrupted: bool,
    /// The disk is full at this length; a write across it is cut there.
    pub(crate) room: Option<usize>,
    /// A full disk gets room after refusing this many writes.
    pub(crate) relents_after: Option<u64>,
    /// A write across this length puts down what fits and panics.
    pub(crate) panics_at: Option<usize>,
    /// A write takes nothing, and calls it a success.
    pub(crate) takes_nothing: bool,
    /// A write claims more than it was given.
    pub(crate) boasts: bool,
    pub(crate) truncate_fails: bool,
    pub(crate) truncate_panics: bool,
    /// The n-th sync fails, counted from 1; later ones succeed.
    pub(crate) sync_fails: Option<u64>,
    pub(crate) sync_panics: bool,
    pub(crate) len_fails: bool,
    pub(crate) read_fails: bool,
    pub(crate) drop_panics: bool,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    plan: Plan,
    synced: usize,
    writes: u64,
    refused: u64,
    syncs: u64,
    calls: u64,
}

#[derive(Debug, Default)]
struct Inside {
    state: Mutex<State>,
    writing: Gate,
    syncing: Gate,
}

/// The test's end; [`Device::output`] is the sink's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Device(Arc<Inside>);

#[derive(Debug)]
pub(crate) struct DeviceOutput(Device);

impl Device {
    pub(crate) fn new(plan: Plan) -> Self {
        Self::holding(Vec::new(), plan)
    }

    pub(crate) fn holding(bytes: Vec<u8>, plan: Plan) -> Self {
        let device = Self::default();
        device.state().bytes = bytes;
        device.state().plan = plan;
        device
    }

    pub(crate) fn output(&self) -> DeviceOutput {
        DeviceOutput(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn replan(&self, change: impl FnOnce(&mut Plan)) {
        change(&mut self.state().plan);
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes()).expect("text")
    }

    /// What a loss of power would leave at least.
    pub(crate) fn synced(&self) -> Vec<u8> {
        let state = self.state();
        state.bytes[..state.synced].to_vec()
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    pub(crate) fn writes(&self) -> u64 {
        self.state().writes
    }

    /// Passed by every write before it does anything.
    pub(crate) fn writing(&self) -> &Gate {
        &self.0.writing
    }

    /// Passed by every sync before it does anything.
    pub(crate) fn syncing(&self) -> &Gate {
        &self.0.syncing
    }
}

impl State {
    fn interrupt(&mut self) -> io::Result<()> {
        self.calls += 1;
        if self.plan.interrupted && self.calls % 2 == 1 {
            return Err(ErrorKind::Interrupted.into());
        }
        Ok(())
    }
}

impl Output for DeviceOutput {
    fn len(&self) -> io::Result<u64> {
        let state = self.0.state();
        if state.plan.len_fails {
            return Err(io::Error::other("no length today"));
        }
        Ok(state.bytes.len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.state();
        state.interrupt()?;
        if state.plan.read_fails {
            return Err(io::Error::other("unreadable sector"));
        }
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(state.bytes.len());
        let most = state.plan.short.unwrap_or(usize::MAX);
        let count = into.len().min(state.bytes.len() - from).min(most);
        into[..count].copy_from_slice(&state.bytes[from..from + count]);
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.writing().pass();
        let mut state = self.0.state();
        state.writes += 1;
        state.interrupt()?;
        let plan = state.plan.clone();
        if plan.takes_nothing {
            return Ok(0);
        }
        let mut count = bytes.len().min(plan.short.unwrap_or(usize::MAX));
        if let Some(at) = plan.panics_at
            && state.bytes.len() + count > at
        {
            let fits = at.saturating_sub(state.bytes.len());
            state.bytes.extend_from_slice(&bytes[..fits]);
            drop(state);
            panic!("the device is on fire");
        }
        if let Some(room) = plan.room
            && plan.relents_after.is_none_or(|after| state.refused < after)
        {
            count = count.min(room.saturating_sub(state.bytes.len()));
            if count == 0 {
                state.refused += 1;
                return Err(ErrorKind::StorageFull.into());
            }
        }
        state.bytes.extend_from_slice(&bytes[..count]);
        Ok(if plan.boasts { count + 1000 } else { count })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.syncing().pass();
        let mut state = self.0.state();
        state.interrupt()?;
        if state.plan.sync_panics {
            drop(state);
            panic!("the device lost its cable");
        }
        state.syncs += 1;
        if state.plan.sync_fails == Some(state.syncs) {
            return Err(io::Error::other("the cache was lost"));
        }
        state.synced = state.bytes.len();
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut state = self.0.state();
        if state.plan.truncate_panics {
            drop(state);
            panic!("the device has no scissors");
        }
        if state.plan.truncate_fails {
            return Err(io::Error::other("read-only by now"));
        }
        let len = usize::try_from(len).expect("a small device");
        assert!(len <= state.bytes.len(), "a truncation must not lengthen");
        state.bytes.truncate(len);
        state.synced = state.synced.min(len);
        Ok(())
    }
}

impl Drop for DeviceOutput {
    fn drop(&mut self) {
        let panics = self.0.state().plan.drop_panics;
        assert!(!panics, "the device does not want to go");
    }
}
