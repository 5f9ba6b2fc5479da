//! `tracing-appender`, non-blocking and not lossy, over a buffered file.
//!
//! It takes whole lines, so the producers format; and it orders nothing.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use brigade::clock::{Clock, MonotonicClock};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder};

use crate::Outcome;
use crate::sink::load::{CHUNK, Lines, Load};

pub(crate) fn run(load: &Load, path: &Path) -> Outcome<Duration> {
    let clock = MonotonicClock::new();
    let file = BufWriter::with_capacity(CHUNK, File::create_new(path)?);
    let (appender, guard) = NonBlockingBuilder::default().lossy(false).finish(file);
    let handles =
        (0..).take(load.producers).map(|id| (id, appender.clone(), Lines::new(load))).collect();
    let produce = |(producer, mut appender, mut lines): (u32, NonBlocking, Lines), values| {
        let mut line = Vec::with_capacity(128);
        for value in values {
            line.clear();
            lines.append(clock.now().as_nanos(), producer, value, &mut line);
            if appender.write_all(&line).is_err() {
                return;
            }
        }
    };
    // Dropped, the guard writes what is left, for a second at most; what is not there by then is
    // missed by whoever checks.
    let finish = || {
        drop(guard);
        Ok(())
    };
    Ok(load.drive(handles, produce, finish)?.0)
}
