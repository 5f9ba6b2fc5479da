//! The table: what was measured, against whom, and whether the goal is met.

use std::fmt;
use std::path::Path;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::{Outcome, Plan};

/// What a measure has to reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// The ratio is at least this.
    Ratio(f64),
    /// Ours is at least this.
    AtLeast(f64),
    /// Ours is at most this.
    AtMost(f64),
    /// The number is stated, and nothing asked of it.
    Stated,
}

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) measure: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: f64,
    pub(crate) peer: Option<Peer>,
    pub(crate) goal: Goal,
    /// Whether the goal is met; nothing if there is none, or in a smoke run.
    met: Option<bool>,
    pub(crate) note: String,
}

/// The other side of a row.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    /// How many times better ours is; below one it is worse.
    pub(crate) ratio: f64,
    /// The least and the greatest ratio of a single round.
    pub(crate) spread: (f64, f64),
}

impl Row {
    pub(crate) fn new(measure: impl Into<String>, unit: &'static str, ours: f64) -> Self {
        Self {
            measure: measure.into(),
            unit,
            ours,
            peer: None,
            goal: Goal::Stated,
            met: None,
            note: String::new(),
        }
    }

    /// Against a peer, both measured in seconds round by round.
    pub(crate) fn against(
        mut self,
        name: &'static str,
        value: f64,
        theirs: &[f64],
        ours: &[f64],
    ) -> Self {
        let ratios = theirs.iter().zip(ours).map(|(theirs, ours)| theirs / ours);
        let (mut least, mut greatest) = (f64::INFINITY, 0_f64);
        for ratio in ratios {
            (least, greatest) = (least.min(ratio), greatest.max(ratio));
        }
        let ratio = crate::measure::ratio(theirs, ours);
        self.peer = Some(Peer { name, value, ratio, spread: (least, greatest) });
        self
    }

    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goal = goal;
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    fn judge(&mut self) {
        self.met = match self.goal {
            Goal::Ratio(least) => self.peer.as_ref().map(|peer| peer.ratio >= least),
            Goal::AtLeast(least) => Some(self.ours >= least),
            Goal::AtMost(most) => Some(self.ours <= most),
            Goal::Stated => None,
        };
    }
}

/// All rows of one run, and where they were measured.
#[derive(Debug, Serialize)]
pub(crate) struct Board {
    cores: usize,
    rounds: usize,
    smoke: bool,
    rows: Vec<Row>,
}

impl Board {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            rounds: plan.rounds,
            smoke: plan.smoke,
            rows: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, mut row: Row) {
        if !self.smoke {
            row.judge();
        }
        self.rows.push(row);
    }

    pub(crate) fn save(&self, path: &Path) -> Outcome {
        let json = serde_json::to_string_pretty(self)?;
        std::fs::write(path, json + "\n")
            .map_err(|error| format!("{} cannot be written: {error}", path.display()).into())
    }
}

/// Three significant digits, thousands set apart.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    let places = if size == 0.0 || size >= 100.0 {
        0
    } else if size >= 10.0 {
        1
    } else {
        2
    };
    let text = format!("{value:.places$}");
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + fraction
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(["measure", "unit", "ours", "peer", "theirs", "ratio", "goal", "met"]);
        for row in &self.rows {
            let (name, theirs, ratio) = row.peer.as_ref().map_or_else(Default::default, |peer| {
                let (least, greatest) = peer.spread;
                let ratio = format!("{:.2} ({least:.2} to {greatest:.2})", peer.ratio);
                (peer.name.to_owned(), number(peer.value), ratio)
            });
            let goal = match row.goal {
                Goal::Ratio(least) => format!("ratio ≥ {}", number(least)),
                Goal::AtLeast(least) => format!("≥ {}", number(least)),
                Goal::AtMost(most) => format!("≤ {}", number(most)),
                Goal::Stated => String::new(),
            };
            let met = row.met.map_or("", |met| if met { "yes" } else { "NO" });
            table.add_row([
                row.measure.clone(),
                row.unit.to_owned(),
                number(row.ours),
                name,
                theirs,
                ratio,
                goal,
                met.to_owned(),
            ]);
        }
        for column in [2, 4, 5] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        writeln!(f, "{table}")?;
        for row in self.rows.iter().filter(|row| !row.note.is_empty()) {
            writeln!(f, "{}: {}", row.measure, row.note)?;
        }
        write!(
            f,
            "{} cores, {} rounds; ratios are medians (least to greatest)",
            self.cores, self.rounds
        )?;
        if self.smoke {
            write!(f, "; a smoke run, whose numbers mean nothing")?;
        }
        Ok(())
    }
}
