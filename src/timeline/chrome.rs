//! The trace event format of Chrome, as Perfetto reads it.

use std::fmt::Write as _;
use std::time::Duration;

use super::layout::places;
use super::{Ending, Span, Timeline};
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
    let mut json = String::from(
        "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n\
         {\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"brigade\"}}",
    );
    for ((name, first), tracks) in timeline.lanes().zip(&first).zip(&tracks) {
        for track in 0..*tracks {
            let name = match track {
                0 => quoted(name),
                _ => quoted(&format!("{name} (overlap {track})")),
            };
            thread(&mut json, first + track, &name);
        }
    }
    for (span, place) in timeline.spans.iter().zip(places) {
        event(&mut json, first[span.row] + place.track, span, span.start - timeline.start);
    }
    json.push_str("\n]}\n");
    json
}

fn thread(json: &mut String, tid: usize, name: &str) {
    for (what, key, value) in
        [("thread_name", "name", name), ("thread_sort_index", "sort_index", &tid.to_string())]
    {
        let _ = write!(
            json,
            ",\n{{\"ph\":\"M\",\"pid\":1,\"tid\":{tid},\"name\":\"{what}\",\
             \"args\":{{\"{key}\":{value}}}}}"
        );
    }
}

fn event(json: &mut String, tid: usize, span: &Span, since: Duration) {
    let ending = match span.ending {
        Ending::Closed => "closed",
        Ending::Panicked => "panicked",
        Ending::Open => "open",
    };
    let (name, kind) = (quoted(&span.name), span.kind);
    let (at, length) = (Micros(since), Micros(span.length()));
    let _ = write!(
        json,
        ",\n{{\"ph\":\"X\",\"pid\":1,\"tid\":{tid},\"name\":{name},\"cat\":\"{kind}\",\
         \"ts\":{at},\"dur\":{length},\"args\":{{\"ending\":\"{ending}\"}}}}"
    );
}

/// The format's unit, in which fractions are allowed.
struct Micros(Duration);

impl std::fmt::Display for Micros {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nanos = nanos(self.0);
        write!(f, "{}.{:03}", nanos / 1000, nanos % 1000)
    }
}

fn quoted(text: &str) -> String {
    // Text always has a form in JSON.
    serde_json::to_string(text).unwrap_or_default()
}
