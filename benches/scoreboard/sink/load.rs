//! The work that every contestant gets: so many producers, so many records, the same bytes.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use brigade::internals;
use brigade::sink::Text;

/// Records of one producer that may wait for the writer: the sink's own default.
pub(crate) const CAPACITY: usize = 1024;

/// Bytes put together before they are written: what the sink does.
pub(crate) const CHUNK: usize = 256 * 1024;

/// The longest rest of a writer that finds nothing: the sink's own default.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Fewer records than this in a round, and a writer rests: what the sink does.
pub(crate) const BUSY: usize = 512;

/// Producer `p` pushes the values from zero up to its share, each once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) producers: usize,
    pub(crate) records: u64,
}

impl Load {
    pub(crate) fn new(producers: usize, records: u64) -> Self {
        let share = (records / producers as u64).max(1);
        Self { producers, records: share * producers as u64 }
    }

    pub(crate) fn share(&self) -> u64 {
        self.records / self.producers as u64
    }

    /// Names that sort as the producers' ids do.
    pub(crate) fn names(&self) -> Vec<String> {
        (0..self.producers).map(|id| format!("p{id:03}")).collect()
    }

    /// Runs `produce` once for every handle, each on a thread of its own, and returns when all of
    /// them have ended. The time is that of the start: all threads stood ready.
    pub(crate) fn drive<H: Send>(
        &self,
        handles: Vec<H>,
        produce: impl Fn(H, std::ops::Range<u64>) + Sync,
    ) -> Instant {
        let gate = Barrier::new(handles.len() + 1);
        let ready = AtomicUsize::new(0);
        let all = handles.len();
        std::thread::scope(|threads| {
            for handle in handles {
                let (gate, ready, produce) = (&gate, &ready, &produce);
                threads.spawn(move || {
                    ready.fetch_add(1, Ordering::Release);
                    gate.wait();
                    produce(handle, 0..self.share());
                });
            }
            while ready.load(Ordering::Acquire) < all {
                std::thread::yield_now();
            }
            let start = Instant::now();
            gate.wait();
            start
        })
    }
}

/// The sink's own text, for peers that are to write the same bytes.
#[derive(Debug)]
pub(crate) struct Lines {
    text: Text,
    names: Vec<String>,
}

impl Lines {
    pub(crate) fn new(load: &Load) -> Self {
        let mut text = Text::new();
        let names = load.names();
        for (id, name) in (0..).zip(&names) {
            internals::introduce::<u64>(&mut text, id, name);
        }
        Self { text, names }
    }

    #[inline]
    pub(crate) fn append(&mut self, stamp: u64, producer: u32, value: u64, out: &mut Vec<u8>) {
        let name = &self.names[producer as usize];
        let encoded = internals::encode(&mut self.text, stamp, producer, name, value, &value, out);
        debug_assert!(encoded.is_ok(), "a number has a text");
    }
}

/// A file that is written in chunks, as the sink does it.
#[derive(Debug)]
pub(crate) struct Chunks {
    file: File,
    pub(crate) pending: Vec<u8>,
}

impl Chunks {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::create_new(path)?, pending: Vec::with_capacity(CHUNK + 4096) })
    }

    #[inline]
    pub(crate) fn write_if_full(&mut self) -> io::Result<()> {
        if self.pending.len() >= CHUNK { self.write() } else { Ok(()) }
    }

    pub(crate) fn write(&mut self) -> io::Result<()> {
        self.file.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }
}
