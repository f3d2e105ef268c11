//! docs/from-kafka-tools.md speaks of each tool of Kafka and each of its options, and names commands of ours that are there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use crate::{moldau, text};

/// Tools of which the page says in one sentence that they are for Kafka's own tests.
const FOR_TESTS: [&str; 7] = [
    "client-compatibility-test",
    "log-compaction-tester",
    "oauth-compatibility-test",
    "transactional-message-copier",
    "verifiable-consumer",
    "verifiable-producer",
    "verifiable-share-consumer",
];

fn file(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The sections of the page by their headings; one that names several tools counts for each.
fn sections(page: &str) -> BTreeMap<String, String> {
    let mut sections = BTreeMap::new();
    for section in page.split("\n## ").skip(1) {
        let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
        for name in heading.split(", ") {
            sections.insert(name.trim_start_matches("kafka-").to_owned(), body.to_owned());
        }
    }
    sections
}

/// The words in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn each_tool_and_option_of_kafka_is_spoken_of() {
    let page = file("../../docs/from-kafka-tools.md");
    let sections = sections(&page);
    let everywhere: BTreeSet<&str> = quoted(&sections["everywhere"]).into_iter().collect();
    let list = file("tests/it/fixtures/kafka-tools.tsv");
    let mut missing = Vec::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let [tool, command, option] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        if FOR_TESTS.contains(&tool) {
            assert!(sections["for Kafka's own tests"].contains(tool), "{tool}");
            continue;
        }
        let Some(section) = sections.get(tool) else {
            missing.push(tool.to_owned());
            continue;
        };
        let words: BTreeSet<&str> =
            quoted(section).into_iter().flat_map(|code| code.split([' ', '|'])).collect();
        let speaks = |word: &str| words.contains(word) || everywhere.contains(word);
        let single = sections[tool].trim_start().starts_with("Not here yet: Kafka Connect");
        if option != "-" && !speaks(option) {
            missing.push(format!("{tool} {option}"));
        }
        if command != "-" && !single && !speaks(command) {
            missing.push(format!("{tool} {command}"));
        }
    }
    missing.dedup();
    assert!(missing.is_empty(), "docs/from-kafka-tools.md does not speak of {missing:#?}");
}

#[test]
fn each_command_of_ours_that_the_page_names_is_there() {
    let page = file("../../docs/from-kafka-tools.md");
    let mut seen = 0;
    for code in quoted(&page).into_iter().filter(|code| code.starts_with("moldau ")) {
        let words: Vec<&str> = code.split_whitespace().skip(1).collect();
        let command: Vec<&str> = words
            .iter()
            .copied()
            .take_while(|word| {
                word.chars().all(|char| char.is_ascii_lowercase() || char == '-') && !word.starts_with('-')
            })
            .take(2)
            .collect();
        let depth = match command[0] {
            "produce" | "consume" | "offsets" | "serve" => 1,
            _ => 2,
        };
        let mut args = command[..depth.min(command.len())].to_vec();
        args.push("--help");
        let output = moldau(&args).output().expect("it runs");
        assert!(output.status.success(), "{code}: {}", text(&output.stderr));
        let help = text(&output.stdout);
        let options: Vec<&str> = words.iter().copied().filter(|word| word.starts_with("--")).collect();
        for option in options {
            assert!(help.contains(option), "{code}: there is no {option} in\n{help}");
        }
        seen += 1;
    }
    assert!(seen > 40, "only {seen} commands were found");
}
