//! Rounds, medians, quantiles, and the size of this process.

use std::time::Duration;

use crate::Outcome;

/// Runs every contestant once a round, one after the other, after one round that does not count
/// (none in a smoke run); `times[contestant][round]` in seconds.
pub(crate) fn interleave(
    plan: &crate::Plan,
    contestants: &mut [&mut dyn FnMut() -> Outcome<Duration>],
) -> Outcome<Vec<Vec<f64>>> {
    let mut times = vec![Vec::new(); contestants.len()];
    if !plan.smoke {
        for contestant in contestants.iter_mut() {
            contestant()?;
        }
    }
    for _ in 0..plan.rounds {
        for (contestant, times) in contestants.iter_mut().zip(&mut times) {
            times.push(contestant()?.as_secs_f64());
        }
    }
    Ok(times)
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    match (sorted.get(low), sorted.get(high)) {
        (Some(low), Some(high)) => (low + high) / 2.0,
        _ => f64::NAN,
    }
}

/// The median of the ratios `a / b` round by round.
pub(crate) fn ratio(a: &[f64], b: &[f64]) -> f64 {
    median(&a.iter().zip(b).map(|(a, b)| a / b).collect::<Vec<_>>())
}

/// The value of a sorted sample that the fraction `q` does not exceed.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn quantile(sorted: &[u32], q: f64) -> u32 {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(0)
}

/// Resident memory of this process in bytes, where the system tells.
pub(crate) fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
