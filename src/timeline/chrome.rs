//! The trace event format of Chrome, as Perfetto reads it.

use serde_json::{Value, json};

use super::layout::places;
use super::{Ending, Timeline};
use crate::clock::nanos;

pub(super) fn write(timeline: &Timeline) -> String {
    let (places, tracks) = places(timeline);
    // The first number of each lane's threads; zero is no thread to some readers.
    let first: Vec<usize> = tracks
        .iter()
        .scan(1, |next, tracks| {
            let first = *next;
            *next += tracks;
            Some(first)
        })
        .collect();
    let mut events = vec![json!({
        "ph": "M", "name": "process_name", "pid": 1, "args": { "name": "brigade" }
    })];
    for (row, name) in timeline.lanes().enumerate() {
        for track in 0..tracks[row] {
            let tid = first[row] + track;
            let name = match track {
                0 => name.to_owned(),
                _ => format!("{name} (overlap {track})"),
            };
            events.push(json!({
                "ph": "M", "name": "thread_name", "pid": 1, "tid": tid, "args": { "name": name }
            }));
            events.push(json!({
                "ph": "M", "name": "thread_sort_index", "pid": 1, "tid": tid,
                "args": { "sort_index": tid }
            }));
        }
    }
    for (span, place) in timeline.spans.iter().zip(places) {
        let ending = match span.ending {
            Ending::Closed => "closed",
            Ending::Panicked => "panicked",
            Ending::Open => "open",
        };
        events.push(json!({
            "ph": "X",
            "pid": 1,
            "tid": first[span.row] + place.track,
            "name": span.name,
            "cat": span.kind.to_string(),
            "ts": micros(nanos(span.start - timeline.start)),
            "dur": micros(nanos(span.length())),
            "args": { "ending": ending },
        }));
    }
    json!({ "displayTimeUnit": "ns", "traceEvents": events }).to_string()
}

/// The format's unit, in which fractions are allowed.
#[allow(clippy::cast_precision_loss)] // not before a hundred days
fn micros(nanos: u64) -> Value {
    if nanos.is_multiple_of(1000) { json!(nanos / 1000) } else { json!(nanos as f64 / 1000.0) }
}
