//! A distribution of whole numbers and a rate, as flags.

use std::fmt;
use std::str::FromStr;

/// Values and their probabilities, `1:50%,2:25%,3:25%`.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution(pub Vec<(u32, f64)>);

/// Why a text is no distribution.
#[derive(Debug, Clone, PartialEq)]
pub enum NoDistribution {
    /// A part that is no pair.
    Shape(String),
    /// A number that is no probability.
    Probability(String),
    /// A value that is there twice.
    Twice(u32),
    /// Probabilities that do not sum to one, and what they sum to.
    Sum(f64),
}

impl fmt::Display for NoDistribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(part) => {
                write!(f, "{part:?} is not VALUE:PROBABILITY, such as 3:15% or 3:0.15")
            }
            Self::Probability(text) => {
                write!(f, "{text} is not a probability; give 0% to 100%, or 0 to 1")
            }
            Self::Twice(value) => write!(f, "the value {value} has two probabilities"),
            Self::Sum(sum) => {
                write!(f, "the probabilities sum to {}%, not 100%", trimmed(sum * 100.0))
            }
        }
    }
}

impl std::error::Error for NoDistribution {}

impl FromStr for Distribution {
    type Err = NoDistribution;

    fn from_str(text: &str) -> Result<Self, NoDistribution> {
        let mut pairs = Vec::new();
        for part in text.split(',') {
            let shape = || NoDistribution::Shape(part.trim().into());
            let (value, probability) = part.split_once(':').ok_or_else(shape)?;
            let value: u32 = value.trim().parse().map_err(|_| shape())?;
            let probability = probability.trim();
            let wrong = || NoDistribution::Probability(probability.into());
            let number = match probability.strip_suffix('%') {
                Some(percent) => percent.parse::<f64>().map(|percent| percent / 100.0),
                None => probability.parse(),
            };
            let number = number.map_err(|_| wrong())?;
            if !(0.0..=1.0).contains(&number) {
                return Err(wrong());
            }
            if pairs.iter().any(|&(earlier, _)| earlier == value) {
                return Err(NoDistribution::Twice(value));
            }
            pairs.push((value, number));
        }
        let sum: f64 = pairs.iter().map(|&(_, probability)| probability).sum();
        if (sum - 1.0).abs() > 1e-9 {
            return Err(NoDistribution::Sum(sum));
        }
        Ok(Self(pairs))
    }
}

/// At most three decimals, and none that say nothing.
fn trimmed(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// How fast one generator works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// So many records a second, on average.
    PerSecond(f64),
    /// As fast as it can.
    Max,
}

/// Above it the gaps are shorter than a wait takes.
const FASTEST: f64 = 1e6;

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse::<f64>() {
            Ok(rate) if rate > 0.0 && rate <= FASTEST => Ok(Self::PerSecond(rate)),
            Ok(rate) if rate > FASTEST && rate.is_finite() => {
                Err(format!("above {FASTEST} records a second a generator cannot wait; say max"))
            }
            _ => Err("give a positive number of records a second, or max".into()),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerSecond(rate) => rate.fmt(f),
            Self::Max => f.write_str("max"),
        }
    }
}

/// Parses a positive number of seconds, up to a day.
pub fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(seconds),
        _ => Err("give a positive number of seconds, up to 86400 (a day)".into()),
    }
}
