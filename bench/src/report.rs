//! The figures of all turns, and the table made of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::rows::Row;

/// What one turn measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// In the row's unit.
    pub(crate) main: f64,
    /// Others, by their names.
    pub(crate) more: Vec<(&'static str, f64)>,
}

impl Figures {
    /// Only the main figure.
    pub(crate) fn of(main: f64) -> Self {
        Figures { main, more: Vec::new() }
    }
}

impl From<f64> for Figures {
    fn from(main: f64) -> Self {
        Figures::of(main)
    }
}

/// One row's turns, by who took them, in the order in which they came first.
struct Measured {
    row: &'static Row,
    turns: Vec<(String, Vec<Figures>)>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Measured>,
    memory: Vec<(String, u64)>,
}

/// Median, lowest and highest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

impl Spread {
    fn of(figures: impl Iterator<Item = f64>) -> Option<Spread> {
        let mut sorted: Vec<f64> = figures.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (&lowest, &highest) = (sorted.first()?, sorted.last()?);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            1 => sorted[middle],
            _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
        };
        Some(Spread { median, lowest, highest })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} ({:.2}–{:.2})", self.median, self.lowest, self.highest)
    }
}

impl Report {
    /// Takes the figures of one turn.
    pub(crate) fn add(&mut self, row: &'static Row, who: &str, figures: impl Into<Figures>) {
        let at = match self.rows.iter().position(|measured| measured.row.name == row.name) {
            Some(at) => at,
            None => {
                self.rows.push(Measured { row, turns: Vec::new() });
                self.rows.len() - 1
            }
        };
        let turns = &mut self.rows[at].turns;
        match turns.iter_mut().find(|(name, _)| name == who) {
            Some((_, taken)) => taken.push(figures.into()),
            None => turns.push((who.to_owned(), vec![figures.into()])),
        }
    }

    /// Takes a server's resident memory after all rows.
    pub(crate) fn note_memory(&mut self, who: &str, bytes: u64) {
        self.memory.push((who.to_owned(), bytes));
    }

    /// Everybody who took turns, the floor first.
    fn names(&self) -> Vec<&str> {
        let turns = self.rows.iter().flat_map(|measured| &measured.turns).map(|(name, _)| name.as_str());
        let mut names = vec!["floor"];
        for name in turns.chain(self.memory.iter().map(|(name, _)| name.as_str())) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Each row's medians by name: its main figure and others, each with its label.
    pub(crate) fn lines(&self) -> Vec<(String, BTreeMap<&str, Spread>)> {
        let mut lines = Vec::new();
        for measured in &self.rows {
            let spreads = |pick: &dyn Fn(&Figures) -> Option<f64>| -> BTreeMap<&str, Spread> {
                let turns = measured.turns.iter();
                turns
                    .filter_map(|(name, turns)| {
                        Some((name.as_str(), Spread::of(turns.iter().filter_map(pick))?))
                    })
                    .collect()
            };
            let Row { what, unit, .. } = measured.row;
            let label = if *unit == "ms" { format!("{what}, p99, ms") } else { format!("{what}, {unit}") };
            lines.push((label, spreads(&|figures| Some(figures.main))));
            let mut others: Vec<&str> = Vec::new();
            for (name, _) in
                measured.turns.iter().flat_map(|(_, turns)| turns).flat_map(|figures| &figures.more)
            {
                if !others.contains(name) {
                    others.push(name);
                }
            }
            for other in others {
                let pick = |figures: &Figures| {
                    figures.more.iter().find(|(name, _)| *name == other).map(|more| more.1)
                };
                lines.push((format!("– {other}"), spreads(&pick)));
            }
        }
        lines
    }

    /// A table in Markdown: medians with the lowest and highest turn, and how the last server compares with the others.
    pub(crate) fn table(&self) -> String {
        let names = self.names();
        let Some((ours, others)) = names.split_last() else { return String::new() };
        let mut out = String::from("| work |");
        for name in &names {
            let _ = write!(out, " {name} |");
        }
        for other in others {
            let _ = write!(out, " {ours} / {other} |");
        }
        let _ = writeln!(out, "\n|{}", "---|".repeat(1 + names.len() + others.len()));
        let mut lines = self.lines();
        let memory = self.memory.iter().map(|(name, bytes)| {
            let megabytes = *bytes as f64 / 1e6;
            (name.as_str(), Spread { median: megabytes, lowest: megabytes, highest: megabytes })
        });
        lines.push(("resident memory after it all, MB".to_owned(), memory.collect()));
        for (label, spreads) in lines {
            let _ = write!(out, "| {label} |");
            for name in &names {
                match spreads.get(name) {
                    Some(spread) => {
                        let _ = write!(out, " {spread} |");
                    }
                    None => out.push_str(" – |"),
                }
            }
            for other in others {
                match (spreads.get(ours), spreads.get(other)) {
                    (Some(own), Some(other)) if other.median > 0.0 => {
                        let _ = write!(out, " {:.2} |", own.median / other.median);
                    }
                    _ => out.push_str(" – |"),
                }
            }
            out.push('\n');
        }
        out
    }

    /// Every turn's figures.
    pub(crate) fn json(&self) -> Value {
        let turn = |figures: &Figures| {
            let more: BTreeMap<&str, f64> = figures.more.iter().copied().collect();
            json!({ "main": figures.main, "more": more })
        };
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|measured| {
                let turns: BTreeMap<&str, Vec<Value>> = measured
                    .turns
                    .iter()
                    .map(|(name, turns)| (name.as_str(), turns.iter().map(turn).collect()))
                    .collect();
                json!({ "row": measured.row.name, "unit": measured.row.unit, "turns": turns })
            })
            .collect();
        let memory: BTreeMap<&str, u64> =
            self.memory.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        json!({ "rows": rows, "resident_bytes": memory })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ROWS;

    #[test]
    fn medians_are_of_the_middle() {
        let spread = Spread::of([3.0, 1.0, 2.0].into_iter()).unwrap();
        assert_eq!(spread, Spread { median: 2.0, lowest: 1.0, highest: 3.0 });
        assert_eq!(Spread::of([1.0, 2.0].into_iter()).unwrap().median, 1.5);
        assert_eq!(Spread::of(std::iter::empty()), None);
    }

    #[test]
    fn the_table_compares_the_last_server_with_all_others() {
        let mut report = Report::default();
        for main in [1.0, 3.0, 2.0] {
            report.add(&ROWS[0], "floor", main);
            report.add(&ROWS[0], "Kafka", main * 10.0);
            report.add(&ROWS[0], "Moldau", Figures { main: main * 2.0, more: vec![("MB/s", 5.0)] });
        }
        report.note_memory("Moldau", 12_000_000);
        let table = report.table();
        assert!(
            table.starts_with("| work | floor | Kafka | Moldau | Moldau / floor | Moldau / Kafka |"),
            "{table}"
        );
        assert!(
            table.contains("| 2.00 (1.00–3.00) | 20.00 (10.00–30.00) | 4.00 (2.00–6.00) | 2.00 | 0.20 |"),
            "{table}"
        );
        assert!(table.contains("| – MB/s | – | – | 5.00 (5.00–5.00) |"), "{table}");
        assert!(table.contains("| 12.00 (12.00–12.00) |"), "{table}");
        assert_eq!(report.json()["rows"][0]["turns"]["Kafka"][1]["main"], 30.0);
    }
}
