//! One bounded crossbeam channel, everything collected, sorted at the end.

use std::path::Path;
use std::time::Duration;

use brigade::clock::{Clock, MonotonicClock};
use crossbeam_channel::Sender;

use crate::Outcome;
use crate::sink::load::{CAPACITY, Chunks, Lines, Load};

#[derive(Debug, Clone, Copy)]
struct Entry {
    stamp: u64,
    producer: u32,
    value: u64,
}

pub(crate) fn run(load: &Load, path: &Path) -> Outcome<Duration> {
    let (sender, receiver) = crossbeam_channel::bounded(load.producers * CAPACITY);
    let clock = MonotonicClock::new();
    let mut file = Chunks::create(path)?;
    std::thread::scope(|threads| {
        let writer = threads.spawn(|| {
            // Each producer's records come in its order, so a stable sort leaves the total one.
            let mut all: Vec<Entry> = receiver.into_iter().collect();
            all.sort_by_key(|entry| (entry.stamp, entry.producer));
            let mut lines = Lines::new(load);
            for entry in all {
                lines.append(entry.stamp, entry.producer, entry.value, &mut file.pending);
                file.write_if_full()?;
            }
            file.write()
        });
        let senders = (0..).take(load.producers).map(|id| (id, sender.clone())).collect();
        drop(sender);
        let produce = |(producer, sender): (u32, Sender<Entry>), values| {
            let mut last = 0;
            for value in values {
                let stamp = clock.now().as_nanos().max(last);
                last = stamp;
                if sender.send(Entry { stamp, producer, value }).is_err() {
                    return;
                }
            }
        };
        let finish = || match writer.join() {
            Ok(written) => Ok(written?),
            Err(panic) => std::panic::resume_unwind(panic),
        };
        Ok(load.drive(senders, produce, finish)?.0)
    })
}
