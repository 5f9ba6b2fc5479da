//! Random recordings on a manual clock, against a plain list kept beside them, and what is drawn
//! of them.

use std::collections::BTreeMap;
use std::time::Duration;

use brigade::clock::{Clock, ManualClock, Stamp};
use brigade::timeline::{Ending, Kind, Lane, OpenSpan, Recorder, Timeline};
use proptest::prelude::*;
use serde_json::Value;

use super::manual;

#[derive(Debug, Clone)]
enum Step {
    Begin {
        lane: usize,
        kind: Kind,
        name: String,
    },
    /// One of those open, in no particular order.
    End(usize),
    Leak(usize),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop::sample::select(vec![Kind::Run, Kind::Wait, Kind::Hold]);
    let name = prop::sample::select(vec!["", "a", "pencil", "<b & \"c\">", "\n\n\u{1}", "厨师"]);
    let step = prop_oneof![
        4 => (0..3_usize, kind, name)
            .prop_map(|(lane, kind, name)| Step::Begin { lane, kind, name: name.into() }),
        3 => (0..8_usize).prop_map(Step::End),
        1 => (0..8_usize).prop_map(Step::Leak),
        3 => prop_oneof![0..5_u64, 0..5_000_000_u64].prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 0..80)
}

const LANES: [&str; 3] = ["barron", "olivia & <co>", ""];

/// Lane, name, kind, begin, end if it came to one.
type Expected = (usize, String, Kind, Stamp, Option<Stamp>);

fn recorded(steps: &[Step]) -> (Timeline, Vec<Expected>, Stamp) {
    let (clock, recorder): (ManualClock, Recorder) = manual();
    let lanes: Vec<Lane> = LANES.iter().map(|name| recorder.lane(name)).collect();
    let mut expected: Vec<Expected> = Vec::new();
    let mut open: Vec<(usize, OpenSpan<'_>)> = Vec::new();
    for step in steps {
        match step {
            Step::Begin { lane, kind, name } => {
                let begin = match kind {
                    Kind::Run => Lane::run,
                    Kind::Wait => Lane::wait,
                    Kind::Hold => Lane::hold,
                };
                open.push((expected.len(), begin(&lanes[*lane], name.clone())));
                expected.push((*lane, name.clone(), *kind, clock.now(), None));
            }
            Step::End(at) if *at < open.len() => {
                let (span, guard) = open.swap_remove(*at);
                drop(guard);
                expected[span].4 = Some(clock.now());
            }
            Step::Leak(at) if *at < open.len() => std::mem::forget(open.swap_remove(*at).1),
            Step::End(_) | Step::Leak(_) => {}
            Step::Pass(nanos) => clock.advance(Duration::from_nanos(*nanos)),
        }
    }
    open.into_iter().for_each(|(_, guard)| std::mem::forget(guard));
    let finished = clock.now();
    (recorder.finish(), expected, finished)
}

/// Every start tag has its end tag, and nothing is left unescaped.
fn is_well_formed(xml: &str) -> bool {
    let mut open = Vec::new();
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        let Some(end) = tag.find('>') else { return false };
        let (tag, behind) = (&tag[1..end], &tag[end + 1..]);
        let entities = ["&amp;", "&lt;", "&gt;", "&quot;"];
        let ampersands = text.matches('&').count();
        if text.contains('>')
            || ampersands != entities.map(|e| text.matches(e).count()).iter().sum::<usize>()
        {
            return false;
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        if let Some(closed) = tag.strip_prefix('/') {
            if open.pop() != Some(closed) {
                return false;
            }
        } else if tag.matches('"').count() % 2 != 0 || tag.contains(['<', '&']) {
            return false;
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        rest = behind;
    }
    open.is_empty() && rest.trim().is_empty()
}

/// Whether every thread's events nest, as the format demands.
fn nests(trace: &Value) -> bool {
    let mut threads: BTreeMap<u64, Vec<(u64, u64)>> = BTreeMap::new();
    let nanos = |value: &Value| (value.as_f64().unwrap_or(-1.0) * 1000.0).round() as u64;
    for event in trace["traceEvents"].as_array().into_iter().flatten() {
        if event["ph"] == "X" {
            let (from, length) = (nanos(&event["ts"]), nanos(&event["dur"]));
            let tid = event["tid"].as_u64().expect("a number");
            threads.entry(tid).or_default().push((from, from + length));
        }
    }
    threads.values().all(|spans| {
        spans.iter().enumerate().all(|(at, a)| {
            spans[at + 1..].iter().all(|b| {
                b.0 >= a.1 || a.0 >= b.1 || (b.0 >= a.0 && b.1 <= a.1) || (a.0 >= b.0 && a.1 <= b.1)
            })
        })
    })
}

proptest! {
    #[test]
    fn spans_are_those_of_a_plain_list(steps in steps()) {
        let (timeline, mut expected, finished) = recorded(&steps);
        let mut seen: Vec<Expected> = timeline
            .spans()
            .iter()
            .map(|span| {
                let lane = LANES.iter().position(|lane| *lane == &*span.lane).expect("a lane");
                let end = match span.ending {
                    Ending::Closed => Some(span.end),
                    _ => {
                        assert_eq!((span.ending, span.end), (Ending::Open, finished));
                        None
                    }
                };
                (lane, span.name.to_string(), span.kind, span.start, end)
            })
            .collect();
        prop_assert!(timeline.spans().is_sorted_by_key(|span| span.start));
        prop_assert_eq!(timeline.lost(), 0);
        // Ties of different lanes are the sink's to order.
        let key = |(lane, _, _, start, _): &Expected| (*start, *lane);
        expected.sort_by_key(key);
        seen.sort_by_key(key);
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn no_line_is_wider_than_asked_and_nothing_goes_unseen(steps in steps(), width in 0_usize..130) {
        let (timeline, ..) = recorded(&steps);
        let text = timeline.to_text(width);
        prop_assert!(text.lines().all(|line| line.chars().count() <= width), "{}", text);
        prop_assert!(text.ends_with('\n') && text.lines().all(|line| line == line.trim_end()));
        if width >= 24 && !timeline.spans().is_empty() {
            for (lane, line) in timeline.lanes().zip(text.lines()) {
                let chart = line.chars().skip(lane.chars().count().min(width / 3));
                let marked = chart.filter(|c| "█░─»".contains(*c)).count();
                let busy = timeline.of(lane).count();
                prop_assert_eq!(marked == 0, busy == 0, "{}", text);
            }
        }
    }

    #[test]
    fn a_trace_parses_holds_every_span_and_nests(steps in steps()) {
        let (timeline, ..) = recorded(&steps);
        let trace: Value = serde_json::from_str(&timeline.to_chrome_trace()).expect("JSON");
        let events = trace["traceEvents"].as_array().expect("a list");
        let complete: Vec<&Value> = events.iter().filter(|event| event["ph"] == "X").collect();
        prop_assert_eq!(complete.len(), timeline.spans().len());
        for (event, span) in complete.iter().zip(timeline.spans()) {
            prop_assert_eq!(event["name"].as_str(), Some(&*span.name));
            let (kind, tid) = (span.kind.to_string(), &event["tid"]);
            prop_assert_eq!(event["cat"].as_str(), Some(&*kind));
            let named = |event: &&Value| event["name"] == "thread_name" && event["tid"] == *tid;
            let thread = events.iter().find(named).expect("a name");
            let name = thread["args"]["name"].as_str().expect("text");
            prop_assert!(name.starts_with(&*span.lane));
        }
        prop_assert!(nests(&trace), "{}", trace);
    }

    #[test]
    fn a_picture_is_well_formed_and_stays_one_block_of_markdown(steps in steps()) {
        let (timeline, ..) = recorded(&steps);
        let svg = timeline.to_svg("title & <more>\n\n");
        prop_assert!(is_well_formed(&svg), "{}", svg);
        prop_assert!(svg.lines().all(|line| !line.trim().is_empty() && !line.starts_with("    ")));
        prop_assert!(svg.starts_with("<svg ") && svg.contains("<title>title &amp; &lt;more&gt;"));
        prop_assert!(svg.contains("<desc>") && svg.contains("fill=\"#ffffff\""));
        let words = svg.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for forbidden in ["http", "href", "<script", "<style", " id="] {
            prop_assert!(!words.contains(forbidden), "{}", forbidden);
        }
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}

#[test]
fn a_width_without_end_is_a_wide_chart() {
    let (timeline, ..) = recorded(&[]);
    assert!(timeline.to_text(usize::MAX).lines().all(|line| line.chars().count() <= 10_000));
    let recorder = Recorder::new().expect("a recorder");
    drop(recorder.lane("barron").run("chop"));
    let text = recorder.finish().to_text(usize::MAX);
    assert!(
        text.lines().any(|line| line.chars().count() > 9_000),
        "{} lines",
        text.lines().count()
    );
    assert!(text.lines().all(|line| line.chars().count() <= 10_000));
}

#[test]
fn the_checks_above_can_fail() {
    for bad in ["<a>", "<a></b>", "<a>&</a>", "<a b=\"></a>", "<a></a>x", "<a>></a>"] {
        assert!(!is_well_formed(bad), "{bad}");
    }
    assert!(is_well_formed("<a b=\"c\"><d/>&lt;</a>\n"));
    let trace = |from: u64| {
        serde_json::json!({ "traceEvents": [
            { "ph": "X", "tid": 1, "ts": 0, "dur": 10 },
            { "ph": "X", "tid": 1, "ts": from, "dur": 10 },
        ] })
    };
    assert!(nests(&trace(10)) && nests(&trace(0)) && !nests(&trace(5)));
}

/// Recorded on a manual clock, so it is the same each time.
fn dinner() -> Timeline {
    let (clock, recorder) = manual();
    let millis = |n| clock.advance(Duration::from_millis(n));
    let (barron, olivia) = (recorder.lane("barron"), recorder.lane("olivia"));
    let cooking = barron.run("dinner");
    millis(10);
    let a = barron.hold("knife");
    let chopping = olivia.run("chopping");
    millis(10);
    drop(chopping);
    let b = olivia.hold("board");
    millis(10);
    let waits = (barron.wait("board"), olivia.wait("knife"));
    millis(30);
    std::mem::forget((cooking, a, b, waits));
    recorder.finish()
}

#[test]
fn a_deadlock_is_a_picture_of_two_waits_that_go_on() {
    let text = dinner().to_text(60);
    let expected = "\
barron  ─────────█████ knife █████░░░░░░░░░ board ░░░░░░░░░»
olivia          ─────────█ board █░░░░░░░░░ knife ░░░░░░░░░»
        0 s                                            60 ms
█ hold  ░ wait  ─ run  » goes on
barron still runs dinner
barron still holds knife
olivia still holds board
barron still waits for board
olivia still waits for knife
";
    assert_eq!(text, expected, "\n{text}");
}

/// `UPDATE_FIGURES=1 cargo test` draws it anew.
#[test]
fn the_figure_of_the_documentation_is_what_is_drawn() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/img/timeline.svg");
    let drawn = dinner().to_svg("Two cooks wait for each other");
    if std::env::var_os("UPDATE_FIGURES").is_some() {
        std::fs::write(path, &drawn).expect("written");
    }
    assert_eq!(std::fs::read_to_string(path).expect("the figure"), drawn);
}

#[test]
fn an_overlap_is_drawn_in_two_rows_and_traced_on_two_threads() {
    let (clock, recorder) = manual();
    let lane = recorder.lane("barron");
    let first = lane.run("first");
    clock.advance(Duration::from_millis(10));
    let second = lane.wait("second");
    clock.advance(Duration::from_millis(10));
    drop(first);
    clock.advance(Duration::from_millis(10));
    drop(second);
    let timeline = recorder.finish();
    assert!(timeline.to_chrome_trace().contains("barron (overlap 1)"));
    let svg = timeline.to_svg("overlap");
    let bar = |svg: &str, words: &str| {
        let bar = svg.lines().find(|line| line.contains(words)).expect("a bar");
        let y = bar.split("y=\"").nth(1).and_then(|rest| rest.split('"').next());
        y.expect("a place").to_owned()
    };
    assert_ne!(bar(&svg, "<title>barron runs first"), bar(&svg, "<title>barron waits for second"));
    assert!(timeline.to_text(40).starts_with("barron  ── first ──"), "{timeline}");
}

#[test]
fn what_is_too_short_is_drawn_together_and_counted() {
    let (clock, recorder) = manual();
    let lane = recorder.lane("barron");
    for _ in 0..1_000 {
        drop(lane.hold("pencil"));
        clock.advance(Duration::from_nanos(1));
    }
    clock.advance(Duration::from_secs(1));
    drop(lane.run("rest"));
    let timeline = recorder.finish();
    let svg = timeline.to_svg("many");
    assert!(svg.contains("1000 spans too short to be drawn: barron hold"), "{svg}");
    assert!(svg.lines().count() < 40, "{svg}");
    assert_eq!(timeline.spans().len(), 1_001);
}
