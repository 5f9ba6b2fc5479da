//! Bytes kept in memory, for tests and for small results.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Output;

/// An output in memory. Clones share the bytes, so keep one to read what the sink wrote.
///
/// # Examples
///
/// ```
/// use brigade::sink::{MemoryOutput, OrderedSink, Text};
///
/// let memory = MemoryOutput::new();
/// let sink = OrderedSink::builder(Text::new(), memory.clone()).build()?;
/// sink.producer("a")?.push('x')?;
/// sink.finish()?;
/// assert!(memory.text().ends_with("Z\ta\tx\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryOutput(Arc<Mutex<Vec<u8>>>);

impl MemoryOutput {
    /// Makes an empty output.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an output that already holds `bytes`, for a sink to continue.
    #[must_use]
    pub fn holding(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(bytes)))
    }

    /// Copies what has been written so far.
    #[must_use]
    pub fn contents(&self) -> Vec<u8> {
        self.bytes().clone()
    }

    /// Copies what has been written so far, as text; bytes that are not UTF-8 become `�`.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Output for MemoryOutput {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.bytes();
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let count = into.len().min(bytes.len() - from);
        into[..count].copy_from_slice(&bytes[from..from + count]);
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.bytes().truncate(usize::try_from(len).unwrap_or(usize::MAX));
        Ok(())
    }
}
