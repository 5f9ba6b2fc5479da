//! Bytes between the encoder and the output, and the last offset that is known to be good.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::Output;

/// Bytes collected before they go to the output.
pub(crate) const CHUNK: usize = 256 * 1024;

#[derive(Debug)]
pub(crate) struct Spool<O> {
    pub(crate) output: O,
    pub(crate) pending: Vec<u8>,
    /// Everything before it is whole records.
    good: u64,
    /// Bytes written since the sink began.
    pub(crate) written: u64,
    pub(crate) unsynced: bool,
}

/// A write that failed, and whether the output was brought back to its last whole record.
#[derive(Debug)]
pub(crate) struct WriteFailure {
    pub(crate) error: io::Error,
    pub(crate) torn: bool,
}

impl<O: Output> Spool<O> {
    pub(crate) fn new(output: O, good: u64) -> Self {
        Self {
            output,
            pending: Vec::with_capacity(CHUNK + 4096),
            good,
            written: 0,
            unsynced: false,
        }
    }

    /// Writes all that is pending, through short writes and interruptions. On failure, also if
    /// the output panics, it is cut back to the last good offset, and the pending bytes are
    /// forgotten.
    pub(crate) fn write_out(&mut self) -> Result<(), WriteFailure> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.unsynced = true;
        let wrote =
            catch_unwind(AssertUnwindSafe(|| write_all(&mut self.output, &self.pending[..])));
        let count = self.pending.len() as u64;
        self.pending.clear();
        match wrote {
            Ok(Ok(())) => {
                self.good += count;
                self.written += count;
                Ok(())
            }
            Ok(Err(error)) => {
                let torn = self.output.truncate(self.good).is_err();
                Err(WriteFailure { error, torn })
            }
            Err(payload) => {
                // The first panic is the one to tell of.
                let _ = catch_unwind(AssertUnwindSafe(|| self.output.truncate(self.good)));
                resume_unwind(payload)
            }
        }
    }

    pub(crate) fn sync(&mut self) -> io::Result<()> {
        loop {
            match self.output.sync() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    self.unsynced &= result.is_err();
                    return result;
                }
            }
        }
    }

    /// Goes on in the file that `first` belongs to.
    pub(crate) fn rotate(&mut self, first: crate::clock::Stamp) -> io::Result<bool> {
        self.output.rotate(first)?;
        self.good = self.output.len()?;
        Ok(self.good == 0)
    }
}

fn write_all(output: &mut impl Output, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        match output.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => rest = &rest[count.min(rest.len())..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
