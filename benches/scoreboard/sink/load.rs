//! The work that every contestant gets: so many producers, so many records, the same bytes.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use brigade::internals;
use brigade::sink::Text;

use crate::Outcome;

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

    /// Runs `produce` once for every handle, each on a thread of its own, then `finish`, and says
    /// how long the two took and what came of it.
    ///
    /// All threads stand ready before and end after: to start and to end a thousand of them takes
    /// a good part of what a contestant takes, and is none of its work.
    pub(crate) fn drive<H: Send, R>(
        &self,
        handles: Vec<H>,
        produce: impl Fn(H, std::ops::Range<u64>) + Sync,
        finish: impl FnOnce() -> Outcome<R>,
    ) -> Outcome<(Duration, R)> {
        let all = handles.len();
        let (ready, left) = (AtomicUsize::new(0), AtomicUsize::new(all));
        let (start, end) = (OnceLock::new(), OnceLock::new());
        let here = thread::current();
        thread::scope(|threads| {
            let open_at_last = Open(&end);
            for handle in handles {
                let (ready, left, start, end, here) = (&ready, &left, &start, &end, &here);
                let produce = &produce;
                threads.spawn(move || {
                    let through = Through { left, here };
                    ready.fetch_add(1, Ordering::Release);
                    start.wait();
                    produce(handle, 0..self.share());
                    drop(through);
                    end.wait();
                });
            }
            while ready.load(Ordering::Acquire) < all {
                thread::yield_now();
            }
            let began = Instant::now();
            drop(Open(&start));
            while left.load(Ordering::Acquire) > 0 {
                thread::park();
            }
            let finished = finish();
            let took = began.elapsed();
            drop(open_at_last);
            finished.map(|finished| (took, finished))
        })
    }
}

/// Lets everybody through who waits, when it is dropped.
struct Open<'a>(&'a OnceLock<()>);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let _ = self.0.set(());
    }
}

/// One producer fewer to wait for, when it is dropped.
struct Through<'a> {
    left: &'a AtomicUsize,
    here: &'a Thread,
}

impl Drop for Through<'_> {
    fn drop(&mut self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.here.unpark();
        }
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
