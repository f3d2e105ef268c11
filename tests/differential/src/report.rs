//! Compares answers field by field, and the differences with the reviewed list of those that are intended.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::Answer;

/// Case prefix, where `v*` is any version, path prefix, reason: one a line, tabs between.
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
    reason: String,
    used: bool,
}

/// Compares what a server answered with what the reference answered.
pub fn compare(reference: &[Answer], server: &[Answer]) -> Result<Report> {
    let mut intended = INTENDED
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let mut fields = line.split('\t').map(str::to_owned);
            let mut next = || fields.next().filter(|field| !field.is_empty());
            let read = (|| Some(Intended { case: next()?, path: next()?, reason: next()?, used: false }))();
            read.with_context(|| format!("intended.tsv: {line:?} has no case, path and reason"))
        })
        .collect::<Result<Vec<_>>>()?;
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
        for (path, wanted, answer) in found {
            let listed = intended.iter_mut().find(|entry| {
                (case.starts_with(&entry.case) || of_any_version.starts_with(&entry.case))
                    && path.starts_with(&entry.path)
            });
            match listed {
                Some(entry) => {
                    entry.used = true;
                    report.intended += 1;
                }
                None => {
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

/// Where two values differ: path, the one, the other.
fn differ(path: &str, a: &Value, b: &Value, found: &mut Vec<(String, String, String)>) {
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
        _ => found.push((
            if path.is_empty() { "/".to_owned() } else { path.to_owned() },
            a.to_string(),
            b.to_string(),
        )),
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
        found.into_iter().map(|(path, ..)| path).collect()
    }

    #[test]
    fn differences_are_found_where_they_are() {
        assert!(paths(json!({"a": [1, {"b": null}]}), json!({"a": [1, {}]})).is_empty());
        assert_eq!(paths(json!({"a": [1, {"b": 2}]}), json!({"a": [1, {"b": 3}], "c": 0})), ["/a/1/b", "/c"]);
        assert_eq!(paths(json!({"a": [1]}), json!({"a": []})), ["/a"]);
        assert_eq!(paths(json!("closed"), json!({})), ["/"]);
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
