//! Where the bytes go: the [`Output`] trait, files and memory.

mod file;
mod memory;
pub(crate) mod spool;

pub use file::{FileOutput, OpenError};
pub use memory::MemoryOutput;

use std::io;

use crate::clock::Stamp;

/// An append-only place for bytes, owned by the sink's writer thread.
///
/// # Examples
///
/// An output that only counts:
///
/// ```
/// use brigade::sink::{OrderedSink, Output, Text};
/// use std::io;
///
/// #[derive(Default)]
/// struct Counter(u64);
///
/// impl Output for Counter {
///     fn len(&self) -> io::Result<u64> {
///         Ok(self.0)
///     }
///     fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
///         Ok(0)
///     }
///     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
///         self.0 += bytes.len() as u64;
///         Ok(bytes.len())
///     }
///     fn sync(&mut self) -> io::Result<()> {
///         Ok(())
///     }
///     fn truncate(&mut self, len: u64) -> io::Result<()> {
///         self.0 = len;
///         Ok(())
///     }
/// }
///
/// let sink = OrderedSink::builder(Text::new(), Counter::default()).build()?;
/// sink.producer("a")?.push(1)?;
/// assert_eq!(sink.finish()?.bytes, 35);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[allow(clippy::len_without_is_empty)] // nobody asks a device whether it is empty
pub trait Output: Send {
    /// Length in bytes.
    ///
    /// # Errors
    ///
    /// Whatever the device reports.
    fn len(&self) -> io::Result<u64>;

    /// Reads some bytes at `offset`; zero at the end. Used once, to continue existing content.
    ///
    /// # Errors
    ///
    /// Whatever the device reports.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Appends some or all of `bytes` and tells how many.
    ///
    /// # Errors
    ///
    /// Whatever the device reports. `Interrupted` is tried again; every other error poisons the
    /// sink.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Returns when everything written survives a loss of power.
    ///
    /// # Errors
    ///
    /// Whatever the device reports. A failed sync poisons the sink: after one, a device may
    /// answer the next sync with success although data is gone.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the output to `len` bytes.
    ///
    /// # Errors
    ///
    /// Whatever the device reports.
    fn truncate(&mut self, len: u64) -> io::Result<()>;

    /// The first stamp that no longer belongs to the current file, for outputs of several files.
    fn boundary(&self) -> Option<Stamp> {
        None
    }

    /// Completes the current file and opens the one that `first` belongs to. The length starts
    /// from that file's.
    ///
    /// # Errors
    ///
    /// Whatever the device reports.
    fn rotate(&mut self, first: Stamp) -> io::Result<()> {
        let _ = first;
        Ok(())
    }
}

impl<O: Output + ?Sized> Output for Box<O> {
    fn len(&self) -> io::Result<u64> {
        (**self).len()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, into)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (**self).write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        (**self).sync()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        (**self).truncate(len)
    }

    fn boundary(&self) -> Option<Stamp> {
        (**self).boundary()
    }

    fn rotate(&mut self, first: Stamp) -> io::Result<()> {
        (**self).rotate(first)
    }
}
