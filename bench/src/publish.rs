//! Writes what was measured into the pages: the table of docs/performance.md, the short one of README.md, and the chart beside them.
//!
//! What always holds: only what stands between the markers changes, and the three show the same figures.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::chart;
use crate::report::{FLOOR, Line, Report, figure};
use crate::rows::ROWS;

const BEGIN: &str = "<!-- measured: cargo xtask bench --publish -->\n";
const END: &str = "<!-- end of measured -->";
/// Who is compared.
const SERVERS: [&str; 2] = ["Apache Kafka", "Moldau"];
/// Rows of the first screen.
const FIRST: [&str; 6] = ["produce-1mb", "produce-16kb", "produce-1kb", "consume", "latency", "memory"];

/// Brings the pages of the repository at `root` in line with a report. `how` says where and how it was made.
pub(crate) fn publish(root: &Path, report: &Report, how: &str) -> Result<()> {
    check(report)?;
    let write = |name: &str, text: &str| {
        std::fs::write(root.join(name), text).with_context(|| format!("writing {name}"))
    };
    for (name, part) in [("README.md", first_screen(report)), ("docs/performance.md", all(report, how))] {
        let text = std::fs::read_to_string(root.join(name)).with_context(|| name.to_owned())?;
        write(name, &between(&text, &part).with_context(|| name.to_owned())?)?;
    }
    write("docs/performance.svg", &chart::svg(report))
}

/// Only a whole comparison is published: each row, of Apache Kafka and of Moldau.
fn check(report: &Report) -> Result<()> {
    let names: Vec<&str> = report.names().into_iter().filter(|name| *name != FLOOR).collect();
    if names != SERVERS {
        bail!(
            "the pages compare {} in this order; measured were: {}",
            SERVERS.join(" and "),
            names.join(", ")
        );
    }
    let lines = report.lines();
    let missing: Vec<&str> =
        ROWS.iter().map(|row| row.name).filter(|name| lines.iter().all(|line| line.row != *name)).collect();
    if !missing.is_empty() {
        bail!("the pages show all rows; not measured were: {}", missing.join(", "));
    }
    Ok(())
}

/// The text with another part between the markers.
fn between(text: &str, part: &str) -> Result<String> {
    let Some((before, rest)) = text.split_once(BEGIN) else { bail!("there is no {BEGIN}") };
    let Some((_, after)) = rest.split_once(END) else { bail!("there is no {END}") };
    Ok(format!("{before}{BEGIN}\n{}\n\n{END}{after}", part.trim_end()))
}

fn all(report: &Report, how: &str) -> String {
    let table = report.table(|line| line.short.is_some() || line.row == "idle");
    format!("{how} Medians, lowest and highest in brackets.\n\n{table}")
}

fn first_screen(report: &Report) -> String {
    let [other, ours] = SERVERS;
    let mut out = format!(
        "| [measured](docs/performance.md) side by side, medians of {} turns | {other} | {ours} | ratio |\n|---|---|---|---|\n",
        report.turns()
    );
    let is_first = |line: &&Line| {
        FIRST.contains(&line.row) && line.short.as_ref().is_some_and(|short| !short.ends_with(", p50"))
    };
    for line in report.lines().iter().filter(is_first) {
        let short = line.short.as_deref().unwrap_or_default();
        let (Some(theirs), Some(own)) = (line.spreads.get(other), line.spreads.get(ours)) else { continue };
        let unit = line.unit;
        let _ = writeln!(
            out,
            "| {short}, {unit} | {} | {} | {:.2} |",
            figure(theirs.median),
            figure(own.median),
            own.median / theirs.median
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Figures;

    fn of_rows(wanted: impl Fn(&str) -> bool) -> Report {
        let mut report = Report::default();
        for row in ROWS.iter().filter(|row| wanted(row.name)) {
            for (who, main) in [("Apache Kafka", 10.0), ("Moldau", 2.5)] {
                let more = if row.name == "latency" {
                    vec![("p50", 1.0), ("p99.9", main * 2.0)]
                } else {
                    Vec::new()
                };
                report.add(row, who, Figures { main, more });
            }
        }
        report
    }

    #[test]
    fn a_part_of_the_comparison_is_not_published() {
        let error = check(&of_rows(|row| row != "consume")).unwrap_err().to_string();
        assert!(error.ends_with("not measured were: consume"), "{error}");
        let mut another = of_rows(|_| true);
        another.add(&ROWS[0], "another", Figures::of(1.0));
        assert!(check(&another).unwrap_err().to_string().contains("another"));
    }

    #[test]
    fn the_pages_have_the_tables_between_their_markers_and_the_chart() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("docs")).unwrap();
        let page = format!("before\n\n{BEGIN}\nstale\n\n{END}\n\nafter\n");
        for name in ["README.md", "docs/performance.md"] {
            std::fs::write(root.path().join(name), &page).unwrap();
        }
        let report = of_rows(|_| true);
        for _ in 0..2 {
            publish(root.path(), &report, "How.").unwrap();
        }
        let readme = std::fs::read_to_string(root.path().join("README.md")).unwrap();
        assert!(readme.contains("| produce to fetch, p99, ms | 10.0 | 2.50 | 0.25 |"), "{readme}");
        assert!(readme.starts_with("before\n") && readme.ends_with("\n\nafter\n"), "{readme}");
        assert!(!readme.contains("stale") && !readme.contains("p50"), "{readme}");
        let all = std::fs::read_to_string(root.path().join("docs/performance.md")).unwrap();
        assert!(all.contains("How. Medians") && all.contains(" p50, ms |"), "{all}");
        assert!(root.path().join("docs/performance.svg").exists());
    }

    #[test]
    fn the_pages_of_this_repository_have_their_markers() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for name in ["README.md", "docs/performance.md"] {
            let text = std::fs::read_to_string(root.join(name)).unwrap();
            between(&text, "").unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}
