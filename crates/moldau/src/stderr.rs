//! What is told on stderr beside log lines.
//!
//! Always: a stderr that nobody reads any more ends no command; a line goes out in one piece.

use std::fmt;
use std::io::{self, Write};

/// Tells something, a line.
pub(crate) fn complain(line: impl fmt::Display) {
    // Whoever read it has gone; what the command does goes on.
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}
