//! A progress bar for work of known length, if somebody is there to see it.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Draws on a terminal, and nothing elsewhere. The position is in milliseconds.
pub fn bar(length: Duration) -> ProgressBar {
    if !std::io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(millis), ProgressDrawTarget::stdout());
    match ProgressStyle::with_template("{wide_bar} {percent:>3}%  {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
