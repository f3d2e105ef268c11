//! Compares answers field by field, and the differences with the reviewed list of those that are intended.
//!
//! An entry of the list is where a case begins, where the path of a field begins, and why. `v*` in a case is any version, `{a,b}` in a path
//! stands for each of the names, and `-` before a path says that the server has nothing there: what both have must be alike.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::Answer;

/// Case, path and reason: one a line, tabs between.
const INTENDED: &str = include_str!("../intended.tsv");

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Report {
    cases: usize,
    alike: usize,
    intended: usize,
    differences: Vec<String>,
    stale: Vec<String>,
}

struct Intended {
    case: String,
    path: String,
    /// Only if the server has nothing there.
    missing: bool,
    reason: String,
    used: bool,
}

/// A field that differs.
struct Difference {
    path: String,
    wanted: Value,
    answer: Value,
}

impl Intended {
    /// The entries of a line: one for each name in the braces of its path.
    fn of_line(line: &str) -> Option<Vec<Self>> {
        let mut fields = line.split('\t').filter(|field| !field.is_empty());
        let (case, path, reason) = (fields.next()?, fields.next()?, fields.next()?);
        let (missing, path) = match path.strip_prefix('-') {
            Some(path) => (true, path),
            None => (false, path),
        };
        let (before, names) = match path.split_once('{') {
            Some((before, names)) => (before, names.strip_suffix('}')?),
            None => (path, ""),
        };
        let entry = |name: &str| Intended {
            case: case.to_owned(),
            path: format!("{before}{name}"),
            missing,
            reason: reason.to_owned(),
            used: false,
        };
        Some(names.split(',').map(entry).collect())
    }

    fn covers(&self, case: &str, of_any_version: &str, difference: &Difference) -> bool {
        let beneath = match difference.path.strip_prefix(&self.path) {
            Some(rest) => rest.is_empty() || rest.starts_with('/') || self.path == "/",
            None => false,
        };
        (case.starts_with(&self.case) || of_any_version.starts_with(&self.case))
            && beneath
            && (!self.missing || difference.answer.is_null())
    }
}

/// Compares what a server answered with what the reference answered.
pub fn compare(reference: &[Answer], server: &[Answer]) -> Result<Report> {
    let mut intended = INTENDED
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            Intended::of_line(line)
                .with_context(|| format!("intended.tsv: {line:?} has no case, path and reason"))
        })
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    let expected: BTreeMap<&str, &Value> =
        reference.iter().map(|answer| (answer.case.as_str(), &answer.answer)).collect();
    let mut report = Report { cases: server.len(), ..Report::default() };
    for Answer { case, answer } in server {
        let Some(wanted) = expected.get(case.as_str()) else {
            report.differences.push(format!("{case}: the reference was not asked; record its answers again"));
            continue;
        };
        let mut found = Vec::new();
        differ("", wanted, answer, &mut found);
        if found.is_empty() {
            report.alike += 1;
        }
        let of_any_version = any_version(case);
        for difference in found {
            let listed = intended.iter_mut().find(|entry| entry.covers(case, &of_any_version, &difference));
            match listed {
                Some(entry) => {
                    entry.used = true;
                    report.intended += 1;
                }
                None => {
                    let Difference { path, wanted, answer } = difference;
                    report
                        .differences
                        .push(format!("{case}\n    {path}: reference {wanted}, server {answer}"));
                }
            }
        }
    }
    let asked: std::collections::BTreeSet<&str> = server.iter().map(|answer| answer.case.as_str()).collect();
    let unasked = expected.keys().filter(|case| !asked.contains(**case));
    report
        .differences
        .extend(unasked.map(|case| format!("{case}: the reference was asked, this server was not")));
    let unused = intended.iter().filter(|entry| !entry.used);
    report.stale = unused.map(|entry| format!("{} {} ({})", entry.case, entry.path, entry.reason)).collect();
    Ok(report)
}

/// A case with `v*` in the place of its version.
fn any_version(case: &str) -> String {
    let version = case.find(" v").map(|at| at + 2);
    let digits = version.map(|at| case[at..].chars().take_while(char::is_ascii_digit).count());
    match (version, digits) {
        (Some(at), Some(digits @ 1..)) => format!("{}*{}", &case[..at], &case[at + digits..]),
        _ => case.to_owned(),
    }
}

/// Where what was wanted and the answer differ.
fn differ(path: &str, a: &Value, b: &Value, found: &mut Vec<Difference>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for name in names {
                let null = Value::Null;
                let (a, b) = (a.get(name).unwrap_or(&null), b.get(name).unwrap_or(&null));
                differ(&format!("{path}/{name}"), a, b, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                differ(&format!("{path}/{at}"), a, b, found);
            }
        }
        _ if a == b => {}
        _ => found.push(Difference {
            path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
            wanted: a.clone(),
            answer: b.clone(),
        }),
    }
}

impl Report {
    /// Whether something differs that is not listed, or something listed no longer differs.
    pub fn failed(&self) -> bool {
        !self.differences.is_empty() || !self.stale.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences {
            writeln!(f, "DIFFERS {difference}")?;
        }
        for stale in &self.stale {
            writeln!(f, "LISTED in intended.tsv, but alike: {stale}")?;
        }
        let Report { cases, alike, intended, differences, .. } = self;
        writeln!(
            f,
            "{alike} of {cases} requests are answered alike; {intended} fields differ as intended, {} otherwise",
            differences.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(a: Value, b: Value) -> Vec<String> {
        let mut found = Vec::new();
        differ("", &a, &b, &mut found);
        found.into_iter().map(|difference| difference.path).collect()
    }

    #[test]
    fn differences_are_found_where_they_are() {
        assert!(paths(json!({"a": [1, {"b": null}]}), json!({"a": [1, {}]})).is_empty());
        assert_eq!(paths(json!({"a": [1, {"b": 2}]}), json!({"a": [1, {"b": 3}], "c": 0})), ["/a/1/b", "/c"]);
        assert_eq!(paths(json!({"a": [1]}), json!({"a": []})), ["/a"]);
        assert_eq!(paths(json!("closed"), json!({})), ["/"]);
    }

    #[test]
    fn what_may_be_missing_may_not_be_different() {
        let entries = Intended::of_line("Nothing v\t-/keys/{a,b}\tnot there yet").unwrap();
        let covered = |path: &str, answer: Value| {
            let difference = Difference { path: path.to_owned(), wanted: json!("0-1"), answer };
            entries.iter().any(|entry| entry.covers("Nothing v3: x", "Nothing v*: x", &difference))
        };
        assert!(covered("/keys/a", Value::Null) && covered("/keys/b", Value::Null));
        assert!(!covered("/keys/b", json!("0-2")), "both have it");
        assert!(!covered("/keys/bb", Value::Null), "another name");
        assert!(!covered("/keys/c", Value::Null));
        assert!(Intended::of_line("Nothing v\t/keys").is_none());
    }

    #[test]
    fn an_unlisted_difference_and_an_unknown_case_fail() {
        let answer = |case: &str, answer| Answer { case: case.to_owned(), answer };
        let reference = [
            answer("Nothing v0: x", json!({"errorCode": 0})),
            answer("Nothing v2: x", json!({"errorCode": 0})),
        ];
        let server = [answer("Nothing v0: x", json!({"errorCode": 3})), answer("Nothing v1: x", json!({}))];
        let report = compare(&reference, &server).unwrap();
        assert!(report.failed());
        assert_eq!(report.differences.len(), 3, "{report}");
    }
}
