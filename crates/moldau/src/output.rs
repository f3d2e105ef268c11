//! Results as a table or as JSON, to stdout.

use std::io::{self, Write};

use crate::args::OutputFormat;
use crate::failure::Failure;

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

/// Shows a result in the form that was asked for.
pub(crate) fn show(
    format: OutputFormat,
    json: impl FnOnce() -> serde_json::Value,
    table: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match format {
        OutputFormat::Table => out.write_all(table().as_bytes())?,
        OutputFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &json()).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()?;
    Ok(())
}

/// Says something on stdout, a line.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
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
