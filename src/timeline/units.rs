//! Durations as people read them.

use std::time::Duration;

use crate::clock::nanos;

/// Three digits and a unit: `0 s`, `17 ns`, `1.24 ms`, `812 s`.
pub(super) fn short(duration: Duration) -> String {
    let nanos = nanos(duration);
    let (unit, size) = match nanos {
        0 | 1_000_000_000.. => ("s", 1e9),
        1..1_000 => ("ns", 1.0),
        1_000..1_000_000 => ("µs", 1e3),
        1_000_000..1_000_000_000 => ("ms", 1e6),
    };
    #[allow(clippy::cast_precision_loss)] // three digits are shown
    let value = nanos as f64 / size;
    let digits = match value {
        100.0.. => 0,
        10.0..100.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let text = if digits == 0 { &*text } else { text.trim_end_matches('0').trim_end_matches('.') };
    format!("{text} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_unit() {
        let cases = [
            (0, "0 s"),
            (1, "1 ns"),
            (999, "999 ns"),
            (1_000, "1 µs"),
            (1_050, "1.05 µs"),
            (12_345, "12.3 µs"),
            (100_000, "100 µs"),
            (1_240_000, "1.24 ms"),
            (20_000_000, "20 ms"),
            (1_500_000_000, "1.5 s"),
            (812_000_000_000, "812 s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(short(Duration::from_nanos(nanos)), text);
        }
        assert!(short(Duration::MAX).ends_with(" s"));
    }
}
