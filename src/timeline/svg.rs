//! The picture: rectangles on a white card, in presentation attributes only, so that it looks the
//! same inline, in an `<img>`, and in any theme.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::layout::{Place, places};
use super::{Ending, Kind, Span, Timeline, counted, printable, shortened, units};
use crate::clock::nanos;

const WIDTH: f64 = 760.0;
const MARGIN: f64 = 24.0;
/// Where the first lane begins.
const TOP: f64 = 46.0;
/// Of one track, and of the bar in it.
const TRACK: f64 = 30.0;
const BAR: f64 = 24.0;
/// How much a bar is lower than the one it is inside of, above and below.
const INSET: f64 = 3.0;
/// Of one character, a little generously.
const LETTER: f64 = 7.2;
/// The most characters of a lane's name.
const NAME: usize = 18;
/// The most lanes and open spans that the description goes through.
const DESCRIBED: usize = 12;

struct Look {
    fill: &'static str,
    stroke: &'static str,
    dashes: &'static str,
    text: &'static str,
}

fn look(kind: Kind) -> Look {
    let (fill, stroke, dashes, text) = match kind {
        Kind::Run => ("#d7e6f5", "#7fa6d3", "", "#1b3a5c"),
        Kind::Wait => ("#fff1dc", "#b04a00", " stroke-dasharray=\"4 3\"", "#8a3a00"),
        Kind::Hold => ("#1f5fa8", "#174a85", "", "#ffffff"),
    };
    Look { fill, stroke, dashes, text }
}

/// One span, or several neighbours too short to be told apart.
struct Bar<'a> {
    span: &'a Span,
    place: Place,
    count: usize,
    from: f64,
    to: f64,
    /// Where the first bar inside it begins, which would cover a label.
    free: f64,
}

pub(super) fn draw(timeline: &Timeline, title: &str) -> String {
    let (places, tracks) = places(timeline);
    let letters = timeline.lanes().map(|name| shortened(name, NAME).chars().count()).max();
    #[allow(clippy::cast_precision_loss)]
    let left = MARGIN + letters.unwrap_or(0) as f64 * LETTER + 12.0;
    let tops: Vec<f64> = tracks
        .iter()
        .scan(TOP, |next, &tracks| {
            let top = *next;
            *next += tracks as f64 * TRACK;
            Some(top)
        })
        .collect();
    let floor = TOP + tracks.iter().sum::<usize>() as f64 * TRACK + 4.0;
    let height = floor + 56.0;
    let scale = Scale::new(timeline, left);

    let mut svg = String::new();
    let title = escaped(title);
    let desc = escaped(&description(timeline));
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\" font-family=\"sans-serif\" \
         font-size=\"12\" stroke-width=\"0.8\">\n\
         <title>{title}</title>\n\
         <desc>{desc}</desc>\n\
         <rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"#ffffff\" \
         stroke=\"#cccccc\"/>\n\
         <text x=\"{MARGIN}\" y=\"30\" font-size=\"15\" fill=\"#222222\">{title}</text>",
        WIDTH - 1.0,
        height - 1.0
    );
    axis(&mut svg, &scale, floor);
    for (name, (top, count)) in timeline.lanes().zip(tops.iter().zip(&tracks)) {
        let middle = top + *count as f64 * TRACK / 2.0 + 4.0;
        let name = escaped(&shortened(name, NAME));
        let _ = writeln!(svg, "<text x=\"{MARGIN}\" y=\"{middle}\" fill=\"#222222\">{name}</text>");
    }
    for bar in bars(timeline, &places, &scale) {
        paint(&mut svg, &bar, tops[bar.span.row]);
    }
    legend(&mut svg, timeline, floor + 44.0);
    svg.push_str("</svg>\n");
    svg
}

/// From time to units of the picture.
struct Scale {
    left: f64,
    total: Duration,
}

impl Scale {
    fn new(timeline: &Timeline, left: f64) -> Self {
        Self { left, total: timeline.length() }
    }

    fn at(&self, since: Duration) -> f64 {
        let share = if self.total.is_zero() { 0.0 } else { since.div_duration_f64(self.total) };
        self.left + share * (WIDTH - MARGIN - self.left)
    }

    /// 1, 2 or 5 times a power of ten, at most six times in the whole.
    fn step(&self) -> Duration {
        let least = (nanos(self.total) / 6).max(1);
        let power = 10_u64.pow(least.ilog10());
        let step = [1, 2, 5].map(|times: u64| power.saturating_mul(times));
        let step = step.into_iter().find(|step| *step >= least);
        Duration::from_nanos(step.unwrap_or(power.saturating_mul(10)))
    }
}

fn axis(svg: &mut String, scale: &Scale, floor: f64) {
    let step = scale.step();
    let ticks = (0..).map_while(|at| step.checked_mul(at)).take_while(|at| *at <= scale.total);
    for tick in ticks {
        let (x, label) = (scale.at(tick), units::short(tick));
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {TOP}V{floor}\" stroke=\"#dddddd\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555555\">{label}</text>",
            floor + 16.0
        );
    }
}

fn bars<'a>(timeline: &'a Timeline, places: &[Place], scale: &Scale) -> Vec<Bar<'a>> {
    let mut bars: Vec<Bar<'a>> = Vec::new();
    let mut latest = HashMap::new();
    let mut short: HashMap<_, usize> = HashMap::new();
    for (span, &place) in timeline.spans.iter().zip(places) {
        let from = scale.at(span.start - timeline.start);
        let to = scale.at(span.end - timeline.start);
        let key = (span.row, place.track, place.depth);
        let is_short = to - from < 1.0 && span.ending == Ending::Closed;
        if is_short
            && let Some(&at) = short.get(&(key, span.kind))
            && let before = &mut bars[at]
            && from - before.to < 1.0
        {
            (before.to, before.count) = (before.to.max(to), before.count + 1);
            continue;
        }
        let at = bars.len();
        if is_short {
            short.insert((key, span.kind), at);
        }
        if place.depth > 0
            && let Some(&outer) = latest.get(&(span.row, place.track, place.depth - 1))
        {
            let outer: &mut Bar<'_> = &mut bars[outer];
            outer.free = outer.free.min(from);
        }
        latest.insert(key, at);
        bars.push(Bar { span, place, count: 1, from, to, free: to });
    }
    bars
}

fn paint(svg: &mut String, bar: &Bar<'_>, top: f64) {
    let Look { fill, stroke, dashes, text } = look(bar.span.kind);
    let inset = (bar.place.depth as f64 * INSET).min(BAR / 2.0 - 3.0);
    let y = top + bar.place.track as f64 * TRACK + (TRACK - BAR) / 2.0 + inset;
    let (x, width, height) = (bar.from, (bar.to - bar.from).max(1.0), BAR - 2.0 * inset);
    let words = match bar.count {
        1 => bar.span.to_string(),
        count => {
            format!("{count} spans too short to be drawn: {} {}", bar.span.lane, bar.span.kind)
        }
    };
    let words = escaped(&words);
    let _ = write!(
        svg,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
         fill=\"{fill}\" stroke=\"{stroke}\"{dashes}>\
         <title>{words}</title></rect>"
    );
    let middle = y + height / 2.0;
    let room = bar.free - bar.from;
    let label = printable(&bar.span.name);
    if bar.count == 1 && height >= 11.0 && room >= label.chars().count() as f64 * LETTER + 8.0 {
        let (x, y, label) = (bar.from + room / 2.0, middle + 4.0, escaped(&label));
        let _ = write!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\" fill=\"{text}\" \
             pointer-events=\"none\">{label}</text>"
        );
    }
    let end = bar.from + width;
    let _ = match bar.span.ending {
        Ending::Closed => Ok(()),
        Ending::Open => {
            write!(svg, "<path d=\"M{end:.1} {:.1}l8 5l-8 5z\" fill=\"#b04a00\"/>", middle - 5.0)
        }
        Ending::Panicked => write!(
            svg,
            "<path d=\"M{:.1} {:.1}l10 10m0 -10l-10 10\" stroke=\"#c00000\" stroke-width=\"2.5\"/>",
            end - 5.0,
            middle - 5.0
        ),
    };
    svg.push('\n');
}

fn legend(svg: &mut String, timeline: &Timeline, y: f64) {
    let mut x = MARGIN;
    for kind in [Kind::Run, Kind::Wait, Kind::Hold] {
        if timeline.spans.iter().any(|span| span.kind == kind) {
            let Look { fill, stroke, dashes, .. } = look(kind);
            let _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"{}\" width=\"26\" height=\"12\" fill=\"{fill}\" \
                 stroke=\"{stroke}\"{dashes}/>\
                 <text x=\"{}\" y=\"{y}\" fill=\"#555555\">{kind}</text>",
                y - 10.0,
                x + 32.0
            );
            x += 84.0;
        }
    }
    for (ending, color, words) in [
        (Ending::Open, "#b04a00", "▶ never ended"),
        (Ending::Panicked, "#c00000", "× ended by a panic"),
    ] {
        if timeline.spans.iter().any(|span| span.ending == ending) {
            let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" fill=\"{color}\">{words}</text>");
            x += 130.0;
        }
    }
}

/// What the picture shows, for those who do not see it.
fn description(timeline: &Timeline) -> String {
    if timeline.spans.is_empty() {
        return "Nothing was recorded.".into();
    }
    let lanes = timeline.lanes.len();
    let mut text = format!(
        "{} of {} over {}.",
        counted(timeline.spans.len(), "span"),
        counted(lanes, "lane"),
        units::short(timeline.length())
    );
    for (row, name) in timeline.lanes().enumerate().take(DESCRIBED) {
        let mut parts = Vec::new();
        for (kind, words) in [(Kind::Run, "runs"), (Kind::Wait, "waits"), (Kind::Hold, "holds")] {
            let of = |span: &&Span| span.row == row && span.kind == kind;
            let time: Duration = timeline.spans.iter().filter(of).map(Span::length).sum();
            if timeline.spans.iter().any(|span| of(&span)) {
                parts.push(format!("{words} {}", units::short(time)));
            }
        }
        let parts = if parts.is_empty() { "does nothing".into() } else { parts.join(", ") };
        let _ = write!(text, " {name} {parts}.");
    }
    if lanes > DESCRIBED {
        let _ = write!(text, " And {} more.", counted(lanes - DESCRIBED, "lane"));
    }
    for span in timeline.still_open().take(DESCRIBED) {
        let _ = write!(text, " In the end {} still {} {}.", span.lane, span.kind.verb(), span.name);
    }
    text
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c => safe.push(c),
        }
    }
    safe
}
