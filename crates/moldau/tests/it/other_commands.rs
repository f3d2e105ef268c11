//! Commands of the documents that are not ours to run here: those of Kafka's tools name a tool and options that Kafka has, and
//! those of `cargo xtask` a verb that there is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Each `.md` file of the root, of docs/, bench/, examples/ and tests/.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["docs", "bench", "examples", "tests"].map(|name| root().join(name)).into();
    let is_document = |path: &Path| path.extension().is_some_and(|extension| extension == "md");
    found.extend(entries(&root()).into_iter().filter(|path| is_document(path)));
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() && !matches!(&*name, "node_modules" | "target" | "vendor") {
                folders.push(path);
            } else if is_document(&path) {
                found.push(path);
            }
        }
    }
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

/// What is wrong with the commands of Kafka's tools in a document, and how many there are.
fn wrong_of_kafka(document: &str, tools: &[(&str, &str)]) -> (Vec<String>, usize) {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (at, _) in document.match_indices("kafka-") {
        let line = document[at..].split(['\n', '`', '|', '#', ';']).next().unwrap_or_default();
        let mut words = line.split([' ', '=']);
        let tool = words.next().and_then(|word| word.strip_prefix("kafka-")?.strip_suffix(".sh"));
        let Some(tool) = tool.filter(|tool| !tool.contains('/')) else { continue };
        seen += 1;
        let options: BTreeSet<&str> =
            tools.iter().filter(|(name, _)| *name == tool).map(|(_, option)| *option).collect();
        if options.is_empty() {
            wrong.push(format!("Kafka has no tool kafka-{tool}.sh: {line}"));
            continue;
        }
        let is_none = |word: &&str| {
            word.starts_with("--") && !matches!(*word, "--help" | "--version") && !options.contains(word)
        };
        wrong.extend(words.filter(is_none).map(|word| format!("kafka-{tool}.sh has no {word}: {line}")));
    }
    (wrong, seen)
}

/// What `cargo xtask` is told in a text that there is not, and how many verbs were told.
fn wrong_of_xtask(document: &str, verbs: &[&str]) -> (Vec<String>, usize) {
    let told = document.match_indices("cargo xtask ").map(|(at, start)| {
        let rest = &document[at + start.len()..];
        rest.split(|char: char| !char.is_ascii_alphanumeric() && char != '-').next().unwrap_or_default()
    });
    let told: Vec<&str> = told.filter(|verb| !verb.is_empty()).collect();
    let wrong = told.iter().filter(|verb| !verbs.contains(verb));
    (wrong.map(|verb| format!("there is no cargo xtask {verb}")).collect(), told.len())
}

#[test]
fn commands_of_kafkas_tools_and_of_xtask_are_there() {
    let list = include_str!("fixtures/kafka-tools.tsv");
    let tools: Vec<(&str, &str)> = list
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut cells = line.split('\t');
            Some((cells.next()?, cells.nth(1)?))
        })
        .collect();
    let main = read(&root().join("crates/xtask/src/main.rs"));
    let verbs: Vec<&str> = main
        .split("Some(\"")
        .skip(1)
        .filter_map(|rest| rest.split_once("\") => ").map(|(verb, _)| verb))
        .collect();
    let mut wrong = Vec::new();
    let (mut of_kafka, mut of_xtask) = (0, 0);
    for path in documents() {
        let text = read(&path);
        let (in_kafka, seen) = wrong_of_kafka(&text, &tools);
        of_kafka += seen;
        let (in_xtask, seen) = wrong_of_xtask(&text, &verbs);
        of_xtask += seen;
        wrong.extend(in_kafka.into_iter().chain(in_xtask).map(|why| format!("{}: {why}", path.display())));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(of_kafka >= 10 && of_xtask >= 10, "only {of_kafka} and {of_xtask} were found");
}

#[test]
fn what_is_not_there_is_found() {
    let tools = [("topics", "--list"), ("topics", "--topic")];
    let text =
        "`kafka-topics.sh --list --topic=a --help` and kafka-topics.sh --lst\n    kafka-topic.sh --list";
    let (wrong, seen) = wrong_of_kafka(text, &tools);
    assert_eq!((wrong.len(), seen), (2, 3), "{wrong:?}");
    assert!(
        wrong[0].starts_with("kafka-topics.sh has no --lst") && wrong[1].starts_with("Kafka has no tool")
    );
    let text = "cargo xtask check, `cargo xtask fx`, `cargo xtask`";
    assert_eq!(wrong_of_xtask(text, &["check"]), (vec!["there is no cargo xtask fx".to_owned()], 2));
}
