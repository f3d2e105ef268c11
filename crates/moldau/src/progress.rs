//! A bar on stderr for work that takes long, when a person sits there.
//!
//! Always: nothing is shown when stderr is no terminal, and nothing when stdout is one that is being written to. The bar is gone
//! before anything else is said.

use std::fmt;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// How often a bar is drawn, at most.
const DRAWS_A_SECOND: u8 = 5;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Records,
    Bytes,
}

/// A bar, or none.
#[derive(Debug)]
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// A bar of `total`, or a counter where that is not known. With `prints` the command writes to stdout all the while, so there
    /// is no bar when that is the same terminal.
    pub(crate) fn start(unit: Unit, total: Option<u64>, prints: bool) -> Self {
        let shown = io::stderr().is_terminal() && !(prints && io::stdout().is_terminal());
        Self(shown.then(|| {
            let target = ProgressDrawTarget::stderr_with_hz(DRAWS_A_SECOND);
            let bar = ProgressBar::with_draw_target(total, target);
            bar.set_style(style(unit, total.is_some()));
            bar.enable_steady_tick(Duration::from_millis(500));
            bar
        }))
    }

    pub(crate) fn advance(&self, by: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(by);
        }
    }

    /// A word beside the bar.
    pub(crate) fn say(&self, text: impl FnOnce() -> String) {
        if let Some(bar) = &self.0 {
            bar.set_message(text());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn style(unit: Unit, bounded: bool) -> ProgressStyle {
    let template = match (unit, bounded) {
        (Unit::Records, true) => "{bar:20} {human_pos}/{human_len} records, {rate}/s, {eta} left {wide_msg}",
        (Unit::Records, false) => "{spinner} {human_pos} records, {rate}/s {wide_msg}",
        (Unit::Bytes, true) => "{bar:20} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left {wide_msg}",
        (Unit::Bytes, false) => "{spinner} {bytes}, {bytes_per_sec} {wide_msg}",
    };
    let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
        let _ = write!(out, "{}", HumanCount(state.per_sec().round() as u64));
    };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_template_is_sound() {
        for unit in [Unit::Records, Unit::Bytes] {
            for total in [None, Some(10)] {
                let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
                bar.set_style(style(unit, total.is_some()));
                bar.inc(3);
                assert_eq!(bar.position(), 3);
            }
        }
    }

    #[test]
    fn without_a_terminal_there_is_no_bar() {
        // Tests run without one, and if they do not, stdout is the same terminal.
        assert!(io::stderr().is_terminal() || Progress::start(Unit::Records, None, false).0.is_none());
    }
}
