//! A batch whose values are kept until their bytes are in the output.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::Failure;
use super::order::{Batch, Entry};

#[derive(Debug)]
pub(super) struct Held<T> {
    pub(super) batch: Batch<T>,
    /// Ranks below it are encoded.
    pub(super) encoded: usize,
    /// Ranks below it are in the output.
    written: usize,
    /// Length of the pending bytes before the record in work.
    pub(super) mark: usize,
    /// Ranks that the encoding refused.
    aside: Vec<usize>,
}

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self { batch: Batch::default(), encoded: 0, written: 0, mark: 0, aside: Vec::new() }
    }
}

impl<T> Held<T> {
    /// Skips the record in work.
    pub(super) fn set_aside(&mut self) {
        self.aside.push(self.encoded);
        self.encoded += 1;
    }

    /// Notes that everything encoded is written; true if that is the whole batch.
    pub(super) fn mark_written(&mut self) -> bool {
        self.written = self.encoded;
        self.written == self.batch.len()
    }

    /// Records in the output, once the whole batch is written.
    pub(super) fn written_count(&self) -> usize {
        self.batch.len() - self.aside.len()
    }

    /// Records in the output, of a batch that is written in part.
    pub(super) fn kept_count(&self) -> usize {
        self.written - self.aside.iter().filter(|&&rank| rank < self.written).count()
    }

    /// Drops the values of a written batch; `each` gets those that were set aside. Returns the
    /// first panic of a destructor.
    pub(super) fn release(&mut self, mut each: impl FnMut(Entry<T>)) -> Option<Failure> {
        (self.encoded, self.written, self.mark) = (0, 0, 0);
        if self.aside.is_empty() && !std::mem::needs_drop::<T>() {
            self.batch.clear();
            return None;
        }
        let mut aside: Vec<usize> =
            self.aside.drain(..).map(|rank| self.batch.position(rank)).collect();
        aside.sort_unstable();
        drop_each(self.batch.drain().filter_map(|(position, entry)| {
            if aside.binary_search(&position).is_err() {
                return Some(entry);
            }
            each(entry);
            None
        }))
    }

    /// Gives back every record that is not in the output. Returns the first panic of a destructor
    /// of the others.
    pub(super) fn into_unwritten(mut self, mut each: impl FnMut(Entry<T>)) -> Option<Failure> {
        let aside = std::mem::take(&mut self.aside);
        let written = self.written;
        let mut rank = 0;
        let mut done = Vec::new();
        self.batch.take_from(0, |entry| {
            if rank >= written || aside.contains(&rank) {
                each(entry);
            } else {
                done.push(entry);
            }
            rank += 1;
        });
        drop_each(done.into_iter())
    }
}

/// Drops one by one: a destructor that panics costs no other value its own, and two that do are
/// not a panic within a panic, which would end the process.
fn drop_each<T>(mut entries: impl Iterator<Item = Entry<T>>) -> Option<Failure> {
    let mut first = None;
    while let Err(payload) = catch_unwind(AssertUnwindSafe(|| entries.by_ref().for_each(drop))) {
        first.get_or_insert(Failure::panicked(payload));
    }
    first
}
