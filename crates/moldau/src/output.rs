//! Results as a table or as JSON, to stdout.

use std::fmt;
use std::io::{self, Write};

use moldau_client::{ClientError, TopicPartition};
use serde_json::json;

use crate::args::OutputFormat;
use crate::failure::{Failure, explained};
use crate::stderr::complain;

/// A table: a head, and rows of as many cells.
#[derive(Debug, Default)]
pub(crate) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&'static str]) -> Self {
        Self { head: head.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.head.len());
        self.rows.push(cells);
    }

    /// Numbers to the right, the rest to the left, two spaces between columns, none at the end of a line.
    pub(crate) fn text(&self) -> String {
        let width = |text: &str| text.chars().count();
        let widths: Vec<usize> = (0..self.head.len())
            .map(|at| {
                self.rows.iter().map(|row| width(&row[at])).chain([width(self.head[at])]).max().unwrap_or(0)
            })
            .collect();
        let is_number = |text: &str| text == "-" || text.parse::<f64>().is_ok();
        let right: Vec<bool> = (0..self.head.len())
            .map(|at| !self.rows.is_empty() && self.rows.iter().all(|row| is_number(&row[at])))
            .collect();
        let head: Vec<String> = self.head.iter().map(|name| (*name).to_owned()).collect();
        let mut text = String::new();
        for row in std::iter::once(&head).chain(&self.rows) {
            let mut line = String::new();
            for (at, cell) in row.iter().enumerate() {
                let room = " ".repeat(widths[at] - width(cell));
                if at > 0 {
                    line.push_str("  ");
                }
                if right[at] {
                    line.push_str(&room);
                    line.push_str(cell);
                } else {
                    line.push_str(cell);
                    line.push_str(&room);
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// What a failed write to stdout is: a reader that has gone is no failure, a full disk is.
pub(crate) fn unwritten(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::PipeClosed,
        io::ErrorKind::StorageFull => {
            Failure::said_no("stdout could not be written: there is no space left on its device")
        }
        _ => Failure::said_no(format!("stdout could not be written: {error}")),
    }
}

/// Writes to stdout at once.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(unwritten)
}

/// Shows a result in the form that was asked for.
pub(crate) fn show(
    format: OutputFormat,
    json: impl FnOnce() -> serde_json::Value,
    table: impl FnOnce() -> String,
) -> Result<(), Failure> {
    match format {
        OutputFormat::Table => write(table().as_bytes()),
        OutputFormat::Json => write(format!("{:#}\n", json()).as_bytes()),
    }
}

/// Says something on stdout, a line.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    write(format!("{text}\n").as_bytes())
}

/// A thing that was to be changed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What<'a> {
    Name(&'a str),
    Partition(&'a TopicPartition),
}

impl<'a> From<&'a String> for What<'a> {
    fn from(name: &'a String) -> Self {
        Self::Name(name)
    }
}

impl<'a> From<&'a str> for What<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl<'a> From<&'a TopicPartition> for What<'a> {
    fn from(partition: &'a TopicPartition) -> Self {
        Self::Partition(partition)
    }
}

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Partition(partition) => partition.fmt(f),
        }
    }
}

/// What became of several things that were to be changed: a line for each on stdout, failures on stderr; or one JSON array.
#[derive(Debug)]
pub(crate) struct Outcomes {
    format: OutputFormat,
    /// What the things are in JSON, for example `topic`.
    kind: &'static str,
    /// What the things are in a line of text.
    label: &'static str,
    items: Vec<serde_json::Value>,
    failed: bool,
}

impl Outcomes {
    pub(crate) fn new(format: OutputFormat, kind: &'static str) -> Self {
        Self { format, kind, label: kind, items: Vec::new(), failed: false }
    }

    /// Other words for the things in lines of text.
    pub(crate) fn label(mut self, label: &'static str) -> Self {
        self.label = label;
        self
    }

    /// `what` is done; `outcome` is the word for it, for example `made`.
    pub(crate) fn done<'a>(&mut self, what: impl Into<What<'a>>, outcome: &str) -> Result<(), Failure> {
        let what = what.into();
        self.note(what, json!({ "outcome": outcome, "error": null }));
        match self.format {
            OutputFormat::Table => say(&format!("{} {what} {outcome}", self.label)),
            OutputFormat::Json => Ok(()),
        }
    }

    /// `what` needs no change: silence, but an item in JSON.
    pub(crate) fn unchanged<'a>(&mut self, what: impl Into<What<'a>>) {
        self.note(what.into(), json!({ "outcome": "unchanged", "error": null }));
    }

    /// `what` failed.
    pub(crate) fn failed<'a>(&mut self, what: impl Into<What<'a>>, error: &ClientError) {
        let code = error.code().map(|code| code.name());
        let outcome = json!({ "outcome": "failed", "error": code, "message": error.to_string() });
        self.note(what.into(), outcome);
        complain(format_args!("error: {}", explained(error)));
        self.failed = true;
    }

    fn note(&mut self, what: What<'_>, outcome: serde_json::Value) {
        let mut item = match what {
            What::Name(name) => json!({ self.kind: name }),
            What::Partition(partition) => {
                json!({ "topic": &*partition.topic, "partition": partition.partition })
            }
        };
        if let (Some(item), serde_json::Value::Object(outcome)) = (item.as_object_mut(), outcome) {
            item.extend(outcome);
        }
        self.items.push(item);
    }

    /// Prints the array; a failure when something failed.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        if self.format == OutputFormat::Json {
            show(self.format, || self.items.into(), String::new)?;
        }
        if self.failed { Err(Failure::Reported) } else { Ok(()) }
    }
}

/// Ids separated by commas.
pub(crate) fn list(ids: &[i32]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_numbers_are_to_the_right() {
        let mut table = Table::new(&["TOPIC", "PARTITIONS"]);
        table.row(vec!["flights".to_owned(), "6".to_owned()]);
        table.row(vec!["ü".to_owned(), "12".to_owned()]);
        assert_eq!(table.text(), "TOPIC    PARTITIONS\nflights           6\nü                12\n");
    }

    #[test]
    fn no_line_ends_in_spaces() {
        let mut table = Table::new(&["A", "B"]);
        table.row(vec!["longer".to_owned(), String::new()]);
        assert!(table.text().lines().all(|line| line == line.trim_end()));
    }
}
