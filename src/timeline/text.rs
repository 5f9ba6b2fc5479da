//! The chart of characters.

use std::fmt::Write as _;

use super::layout::stretches;
use super::{Ending, Kind, Span, Timeline, printable, shortened, units};
use crate::clock::nanos;

/// Fewer columns hold no chart.
const LEAST: usize = 24;

/// More columns would be memory and nothing to see.
const MOST: usize = 10_000;

/// How many spans without an end are named.
const NAMED: usize = 8;

const STILL_OPEN: char = '»';
const PANICKED: char = '×';

const KINDS: [Kind; 3] = [Kind::Hold, Kind::Wait, Kind::Run];

fn fill(kind: Kind) -> char {
    match kind {
        Kind::Hold => '█',
        Kind::Wait => '░',
        Kind::Run => '─',
    }
}

pub(super) fn draw(timeline: &Timeline, width: usize) -> String {
    let mut text = String::new();
    for line in lines(timeline, width.clamp(LEAST, MOST)) {
        let line: String = line.chars().take(width).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn lines(timeline: &Timeline, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if timeline.spans.is_empty() {
        lines.push("nothing was recorded".into());
    } else {
        let longest = timeline.lanes().map(|name| printable(name).chars().count()).max();
        let label = longest.unwrap_or(0).min(width / 3);
        let columns = width - label - 2;
        let mut rows = vec![Vec::new(); timeline.lanes.len()];
        for span in &timeline.spans {
            rows[span.row].push(span);
        }
        for (name, spans) in timeline.lanes().zip(&rows) {
            let cells = cells(timeline, spans, columns);
            lines.push(format!("{:<label$}  {cells}", shortened(name, label)));
        }
        let end = units::short(timeline.length());
        lines.push(format!("{:label$}  0 s{end:>1$}", "", columns.saturating_sub(3)));
        lines.push(legend(timeline));
    }
    let open: Vec<&Span> = timeline.still_open().collect();
    for span in open.iter().take(NAMED) {
        let what = format!("{} still {} {}", span.lane, span.kind.verb(), span.name);
        lines.push(printable(&what).into_owned());
    }
    if open.len() > NAMED {
        lines.push(format!("and {} more", open.len() - NAMED));
    }
    if timeline.lost > 0 {
        lines.push(format!("lost: {}", timeline.lost));
    }
    lines
}

fn legend(timeline: &Timeline) -> String {
    let mut parts: Vec<String> = KINDS
        .into_iter()
        .filter(|kind| timeline.spans.iter().any(|span| span.kind == *kind))
        .map(|kind| format!("{} {kind}", fill(kind)))
        .collect();
    for (ending, mark, words) in
        [(Ending::Open, STILL_OPEN, "goes on"), (Ending::Panicked, PANICKED, "panic")]
    {
        if timeline.spans.iter().any(|span| span.ending == ending) {
            parts.push(format!("{mark} {words}"));
        }
    }
    parts.join("  ")
}

/// What lies in one cell: by kind the time, and the stretch that takes most of it.
#[derive(Clone, Default)]
struct Cell<'a> {
    time: [u128; 3],
    longest: [Option<(u128, &'a Span)>; 3],
}

impl<'a> Cell<'a> {
    fn add(&mut self, time: u128, span: &'a Span) {
        // What has no length is shown all the same, where nothing else is.
        let (time, kind) = (time.max(1), span.kind as usize);
        self.time[kind] += time;
        if self.longest[kind].is_none_or(|(most, _)| time > most) {
            self.longest[kind] = Some((time, span));
        }
    }

    fn shown(&self) -> Option<&'a Span> {
        // Of equal ones the last, which is a hold before a wait before a run.
        let kind = (0..3).max_by_key(|&kind| self.time[kind])?;
        self.longest[kind].map(|(_, span)| span)
    }
}

fn cells(timeline: &Timeline, spans: &[&Span], columns: usize) -> String {
    let since = |stamp| u128::from(nanos(stamp - timeline.start));
    // A cell is `total` units of a time that is `columns` times as fine as a nanosecond.
    let total = since(timeline.end).max(1);
    let fine = columns as u128;
    let mut cells = vec![Cell::default(); columns];
    #[allow(clippy::cast_possible_truncation)] // at most `columns`
    let cell = |at: u128| ((at / total) as usize).min(columns - 1);
    let last_cell = |from: u128, to: u128| cell(to.saturating_sub(1).max(from));
    for stretch in stretches(spans) {
        let (from, to) = (since(stretch.from) * fine, since(stretch.to) * fine);
        let (first, last) = (cell(from), last_cell(from, to));
        for (at, cell) in cells.iter_mut().enumerate().take(last + 1).skip(first) {
            let begins = at as u128 * total;
            let inside = to.min(begins + total).saturating_sub(from.max(begins));
            cell.add(inside, stretch.span);
        }
    }
    let shown: Vec<Option<&Span>> = cells.iter().map(Cell::shown).collect();
    let same = |a: &Option<&Span>, b: &Option<&Span>| match (a, b) {
        (Some(a), Some(b)) => std::ptr::eq(*a, *b),
        (None, None) => true,
        _ => false,
    };
    let mut row = String::new();
    let mut at = 0;
    for stretch in shown.chunk_by(same) {
        at += stretch.len();
        match stretch[0] {
            None => row.extend(stretch.iter().map(|_| ' ')),
            Some(span) => {
                let end = last_cell(since(span.start) * fine, since(span.end) * fine);
                let ends_here = (at - stretch.len()..at).contains(&end);
                paint(&mut row, span, stretch.len(), ends_here);
            }
        }
    }
    row
}

/// Some cells of one span, with its name where there is room, and the mark of its ending.
fn paint(row: &mut String, span: &Span, mut cells: usize, ends_here: bool) {
    let mark = match span.ending {
        Ending::Open if ends_here => Some(STILL_OPEN),
        Ending::Panicked if ends_here => Some(PANICKED),
        _ => None,
    };
    cells -= usize::from(mark.is_some());
    let fill = fill(span.kind);
    let name = printable(&span.name);
    let length = name.chars().count() + 2;
    if name.is_empty() || cells < length + 2 {
        row.extend(std::iter::repeat_n(fill, cells));
    } else {
        let before = (cells - length) / 2;
        row.extend(std::iter::repeat_n(fill, before));
        let _ = write!(row, " {name} ");
        row.extend(std::iter::repeat_n(fill, cells - length - before));
    }
    row.extend(mark);
}
