//! Where spans of one lane go that are inside each other, or overlap.

use super::{Span, Timeline};
use crate::clock::Stamp;

/// A span's place within its lane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Spans of one track nest or are disjoint.
    pub(super) track: usize,
    /// How many spans of its track it is inside of.
    pub(super) depth: usize,
}

/// The place of every span, and how many tracks every lane has (one at least).
pub(super) fn places(timeline: &Timeline) -> (Vec<Place>, Vec<usize>) {
    // By lane and track: the ends of what is open, outermost first.
    let mut lanes: Vec<Vec<Vec<Stamp>>> = vec![Vec::new(); timeline.lanes.len()];
    let place = |span: &Span| {
        let tracks = &mut lanes[span.row];
        for open in tracks.iter_mut() {
            while open.pop_if(|end| *end <= span.start).is_some() {}
        }
        let fits = |open: &Vec<Stamp>| open.last().is_none_or(|end| span.end <= *end);
        let track = tracks.iter().position(fits).unwrap_or_else(|| {
            tracks.push(Vec::new());
            tracks.len() - 1
        });
        let depth = tracks[track].len();
        tracks[track].push(span.end);
        Place { track, depth }
    };
    let places = timeline.spans.iter().map(place).collect();
    (places, lanes.iter().map(|tracks| tracks.len().max(1)).collect())
}

/// A stretch of time, and which of a lane's spans is the innermost in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch<'a> {
    pub(super) span: &'a Span,
    pub(super) from: Stamp,
    pub(super) to: Stamp,
}

/// Cuts the spans of one lane, given in the order of their beginnings, into stretches. The
/// innermost span is the one that began last. A span of no length is a stretch of its own.
pub(super) fn stretches<'a>(spans: &[&'a Span]) -> Vec<Stretch<'a>> {
    let mut stretches = Vec::new();
    let mut bounds = Vec::new();
    for (at, span) in spans.iter().enumerate() {
        if span.length().is_zero() {
            stretches.push(Stretch { span, from: span.start, to: span.end });
        } else {
            bounds.extend([(span.start, true, at), (span.end, false, at)]);
        }
    }
    bounds.sort_unstable();
    let mut open = std::collections::BTreeSet::new();
    let mut from = Stamp::ZERO;
    for (to, begins, at) in bounds {
        if let Some(&innermost) = open.last()
            && from < to
        {
            stretches.push(Stretch { span: spans[innermost], from, to });
        }
        from = to;
        if begins {
            open.insert(at);
        } else {
            open.remove(&at);
        }
    }
    stretches
}
