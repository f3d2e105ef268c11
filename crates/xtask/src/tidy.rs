//! Rules of this repository that no other tool checks. They look at the files that git knows or could know.
//!
//! Each rule takes texts and gives the problems it found, so that each is tested without a repository.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

mod configs;

const LINES_MAX: usize = 800;

/// A file's path from the root, with slashes, and its text.
struct Source {
    path: String,
    text: String,
}

/// Everything that is against the rules.
pub(crate) fn problems(root: &Path) -> Result<Vec<String>> {
    let sources = sources(root)?;
    let mut problems: Vec<String> = sources.iter().flat_map(of_one_file).collect();
    if let Some(map) = sources.iter().find(|source| source.path == "ARCHITECTURE.md") {
        problems.extend(stale_names(map, &sources));
    }
    problems.extend(configs::unread(&sources));
    Ok(problems)
}

/// The text files that are committed, or that are new and not ignored.
fn sources(root: &Path) -> Result<Vec<Source>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("git ls-files")?;
    if !output.status.success() {
        bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    }
    let paths = String::from_utf8(output.stdout).context("a path that is not UTF-8")?;
    let mut sources = Vec::new();
    for path in paths.split('\0').filter(|path| !path.is_empty()) {
        // a file that was deleted and is still in the index, or that is not text, says nothing here
        if let Ok(text) = std::fs::read_to_string(root.join(path)) {
            sources.push(Source { path: path.to_owned(), text });
        }
    }
    Ok(sources)
}

fn of_one_file(source: &Source) -> Vec<String> {
    let mut problems = Vec::new();
    if source.path.ends_with(".rs") {
        problems.extend(header(source));
        problems.extend(length(source));
        problems.extend(left_overs(source));
    }
    problems.extend(places(source));
    problems
}

fn header(source: &Source) -> Option<String> {
    let opens = source.text.starts_with("//!");
    (!opens).then(|| format!("{}: opens without `//!`: what it is, what always holds in it", source.path))
}

fn length(source: &Source) -> Option<String> {
    let lines = source.text.lines().count();
    (lines >= LINES_MAX).then(|| format!("{}: {lines} lines; split it by purpose", source.path))
}

/// Written in pieces, so that this file does not find itself.
const LEFT_OVERS: [(&str, &str); 4] = [
    (concat!("todo", "!("), "is not there yet: do it or leave it out"),
    (concat!("unimplemented", "!("), "is not there yet: do it or leave it out"),
    (concat!("dbg", "!("), "is for the moment only"),
    (concat!("#[ign", "ore]"), "needs a reason, and a place that runs it"),
];

fn left_overs(source: &Source) -> Vec<String> {
    found(source, &LEFT_OVERS)
}

const PLACES: [(&str, &str); 4] = [
    (concat!("/wo", "rk/"), "is a path of some machine"),
    (concat!("/ro", "ot/"), "is a path of some machine"),
    (concat!("/ho", "me/"), "is a path of some machine"),
    (concat!("/far", "m/"), "is a path of some machine"),
];

fn places(source: &Source) -> Vec<String> {
    found(source, &PLACES)
}

fn found(source: &Source, what: &[(&str, &str)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, line) in source.text.lines().enumerate() {
        for (text, why) in what.iter().filter(|(text, _)| line.contains(text)) {
            problems.push(format!("{}:{}: `{text}` {why}", source.path, number + 1));
        }
    }
    problems
}

/// Names in the code map that are nowhere any more: paths that do not exist, identifiers that no source has.
fn stale_names(map: &Source, sources: &[Source]) -> Vec<String> {
    let mut words: BTreeSet<&str> = BTreeSet::new();
    for source in
        sources.iter().filter(|source| source.path.ends_with(".rs") || source.path.ends_with(".toml"))
    {
        words.extend(source.text.split(|c: char| !is_word(c)).filter(|word| !word.is_empty()));
    }
    let exists = |path: &str| {
        let path = path.trim_end_matches('/');
        sources.iter().any(|source| {
            source.path == path || source.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
        })
    };
    let mut problems = Vec::new();
    for (number, name) in quoted(&map.text) {
        let is_there = match kind(name) {
            Kind::Path => exists(name),
            Kind::Identifier => name.split("::").all(|part| words.contains(part)),
            Kind::Other => true,
        };
        if !is_there {
            problems.push(format!("{}:{number}: `{name}` is not there any more", map.path));
        }
    }
    problems
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// What stands between backticks, outside fenced blocks, with its line.
fn quoted(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut names = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            names.extend(line.split('`').skip(1).step_by(2).map(|name| (number + 1, name)));
        }
    }
    names
}

enum Kind {
    /// Of a file or directory of this repository.
    Path,
    /// Of something in the code.
    Identifier,
    /// A command, a topic, a config key, …
    Other,
}

fn kind(name: &str) -> Kind {
    let starts = ["crates/", "docs/", "tests/", "bench/", "patches/", "examples/", ".ci/"];
    let plain = |c: char| is_word(c) || "-./".contains(c);
    if starts.iter().any(|start| name.starts_with(start)) && name.chars().all(plain) {
        return Kind::Path;
    }
    let of_code = name.chars().all(|c| is_word(c) || c == ':')
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && (name.contains("::") || is_camel_case(name));
    if of_code { Kind::Identifier } else { Kind::Other }
}

/// `MetadataImage`, not `KIP` and not `kafka`.
fn is_camel_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().any(|c| c.is_ascii_lowercase())
        && name.chars().skip(1).any(|c| c.is_ascii_uppercase())
}

#[cfg(test)]
mod tests;
