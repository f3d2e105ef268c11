//! The figures of all turns, and the table made of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::rows::{ROWS, Row};

/// What the kernel alone needs, beside the servers.
pub(crate) const FLOOR: &str = "floor";

/// Names of figures beside the main one.
const OTHERS: [&str; 4] = ["MB/s", "p50", "p99.9", "longest"];

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
        write!(f, "{}", figure(self.median))?;
        if self.lowest < self.highest {
            write!(f, " ({}–{})", figure(self.lowest), figure(self.highest))?;
        }
        Ok(())
    }
}

/// A figure with about three digits, thousands set apart.
pub(crate) fn figure(value: f64) -> String {
    match value {
        1000.0.. => format!("{},{:03}", value.round() as u64 / 1000, value.round() as u64 % 1000),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// One line of a table or chart: who needed how much.
pub(crate) struct Line<'a> {
    /// The row's name; `memory` for what servers hold at the end.
    pub(crate) row: &'static str,
    pub(crate) label: String,
    /// In a few words, where it is for comparing and less is better.
    pub(crate) short: Option<String>,
    pub(crate) unit: &'static str,
    pub(crate) spreads: BTreeMap<&'a str, Spread>,
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

    /// Everybody who took turns: the floor first, then in the order of the first turn, which is that of their start.
    pub(crate) fn names(&self) -> Vec<&str> {
        let turns = self.rows.iter().flat_map(|measured| &measured.turns).map(|(name, _)| name.as_str());
        let mut names = vec![FLOOR];
        for name in turns.chain(self.memory.iter().map(|(name, _)| name.as_str())) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// How many turns there were.
    pub(crate) fn turns(&self) -> usize {
        let turns = self.rows.iter().flat_map(|measured| &measured.turns).map(|(_, turns)| turns.len());
        turns.max().unwrap_or(0)
    }

    /// Each row's medians by name: its main figure and others, then the memory at the end.
    pub(crate) fn lines(&self) -> Vec<Line<'_>> {
        let mut lines: Vec<Line> = self.rows.iter().flat_map(Measured::lines).collect();
        let memory = self.memory.iter().map(|(name, bytes)| {
            let megabytes = *bytes as f64 / 1e6;
            (name.as_str(), Spread { median: megabytes, lowest: megabytes, highest: megabytes })
        });
        if !self.memory.is_empty() {
            lines.push(Line {
                row: "memory",
                label: "resident memory after it all, MB".to_owned(),
                short: Some("resident memory".to_owned()),
                unit: "MB",
                spreads: memory.collect(),
            });
        }
        lines
    }

    /// A table in Markdown: medians with the lowest and highest turn, and how the last server compares with the others.
    pub(crate) fn table(&self, wanted: impl Fn(&Line) -> bool) -> String {
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
        for line in self.lines().iter().filter(|line| wanted(line)) {
            let _ = write!(out, "| {} |", line.label);
            for name in &names {
                match line.spreads.get(name) {
                    Some(spread) => {
                        let _ = write!(out, " {spread} |");
                    }
                    None => out.push_str(" – |"),
                }
            }
            for other in others {
                match line.ratio(ours, other) {
                    Some(ratio) => {
                        let _ = write!(out, " {ratio:.2} |");
                    }
                    None => out.push_str(" – |"),
                }
            }
            out.push('\n');
        }
        out
    }

    /// Every turn's figures.
    pub(crate) fn json(&self) -> Value {
        let turn = |figures: &Figures| {
            let more: Vec<Value> = figures.more.iter().map(|(name, value)| json!([name, value])).collect();
            json!({ "main": figures.main, "more": more })
        };
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|measured| {
                let of = |(name, turns): &(String, Vec<Figures>)| {
                    json!({ "who": name, "turns": turns.iter().map(turn).collect::<Vec<_>>() })
                };
                let servers: Vec<Value> = measured.turns.iter().map(of).collect();
                json!({ "row": measured.row.name, "unit": measured.row.unit, "servers": servers })
            })
            .collect();
        let memory: Vec<Value> =
            self.memory.iter().map(|(name, bytes)| json!({ "who": name, "bytes": bytes })).collect();
        json!({ "rows": rows, "resident": memory })
    }

    /// The report whose figures these are.
    pub(crate) fn from_json(value: &Value) -> Option<Report> {
        let mut report = Report::default();
        for measured in value["rows"].as_array()? {
            let row = ROWS.iter().find(|row| Some(row.name) == measured["row"].as_str())?;
            for server in measured["servers"].as_array()? {
                for turn in server["turns"].as_array()? {
                    let more = turn["more"].as_array()?.iter().filter_map(|pair| {
                        let name = OTHERS.iter().find(|name| Some(**name) == pair[0].as_str())?;
                        Some((*name, pair[1].as_f64()?))
                    });
                    let figures = Figures { main: turn["main"].as_f64()?, more: more.collect() };
                    report.add(row, server["who"].as_str()?, figures);
                }
            }
        }
        for server in value["resident"].as_array()? {
            report.note_memory(server["who"].as_str()?, server["bytes"].as_u64()?);
        }
        Some(report)
    }
}

impl Measured {
    fn lines(&self) -> Vec<Line<'_>> {
        let spreads = |pick: &dyn Fn(&Figures) -> Option<f64>| -> BTreeMap<&str, Spread> {
            let of = |turns: &Vec<Figures>| Spread::of(turns.iter().filter_map(pick));
            self.turns.iter().filter_map(|(name, turns)| Some((name.as_str(), of(turns)?))).collect()
        };
        let Row { name: row, what, short, unit, .. } = *self.row;
        let main = spreads(&|figures| Some(figures.main));
        let is_time = unit == "ms";
        let (label, words) = match is_time {
            true => (format!("{what}, p99, {unit}"), format!("{short}, p99")),
            false => (format!("{what}, {unit}"), short.to_owned()),
        };
        let mut lines = vec![Line { row, label, short: Some(words), unit, spreads: main }];
        let mut others: Vec<&str> = Vec::new();
        for (name, _) in self.turns.iter().flat_map(|(_, turns)| turns).flat_map(|figures| &figures.more) {
            if !others.contains(name) {
                others.push(name);
            }
        }
        for other in others {
            let pick =
                |figures: &Figures| figures.more.iter().find(|(name, _)| *name == other).map(|more| more.1);
            // Of times only percentiles are compared, of work only what it cost.
            let compared = is_time && other.starts_with('p');
            let label = if is_time { format!("{what}, {other}, {unit}") } else { format!("– {other}") };
            let short = compared.then(|| format!("{short}, {other}"));
            let at = if other == "p50" { 0 } else { lines.len() };
            lines.insert(at, Line { row, label, short, unit, spreads: spreads(&pick) });
        }
        lines
    }
}

impl Line<'_> {
    /// How much one needs of what another needs.
    pub(crate) fn ratio(&self, one: &str, other: &str) -> Option<f64> {
        let (one, other) = (self.spreads.get(one)?, self.spreads.get(other)?);
        (other.median > 0.0).then(|| one.median / other.median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let table = report.table(|_| true);
        assert!(
            table.starts_with("| work | floor | Kafka | Moldau | Moldau / floor | Moldau / Kafka |"),
            "{table}"
        );
        assert!(
            table.contains("| 2.00 (1.00–3.00) | 20.0 (10.0–30.0) | 4.00 (2.00–6.00) | 2.00 | 0.20 |"),
            "{table}"
        );
        assert!(table.contains("| – MB/s | – | – | 5.00 |"), "{table}");
        assert!(table.contains("| resident memory after it all, MB | – | – | 12.0 |"), "{table}");
        assert_eq!(report.json()["rows"][0]["servers"][1]["turns"][1]["main"], 30.0);
        let again = Report::from_json(&report.json()).unwrap();
        assert_eq!((again.table(|_| true), again.turns()), (table, 3));
    }

    #[test]
    fn figures_have_about_three_digits() {
        assert_eq!([0.554, 5.0, 46.04, 254.4, 1254.2].map(figure), ["0.55", "5.00", "46.0", "254", "1,254"]);
    }
}
