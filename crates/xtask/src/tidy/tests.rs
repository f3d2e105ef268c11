//! Each rule against a text that breaks it and one that does not.

use super::{Source, of_one_file, stale_names};

fn source(path: &str, text: &str) -> Source {
    Source { path: path.into(), text: text.into() }
}

#[test]
fn a_source_says_first_what_it_is() {
    assert_eq!(of_one_file(&source("a.rs", "//! A thing.\nfn f() {}\n")), Vec::<String>::new());
    assert!(of_one_file(&source("a.rs", "fn f() {}\n"))[0].contains("opens without"));
    assert_eq!(of_one_file(&source("a.py", "x = 1\n")), Vec::<String>::new());
}

#[test]
fn a_source_is_split_before_it_is_long() {
    let text = |lines: usize| format!("//! A thing.\n{}", "x\n".repeat(lines - 1));
    assert_eq!(of_one_file(&source("a.rs", &text(799))), Vec::<String>::new());
    assert!(of_one_file(&source("a.rs", &text(800)))[0].contains("800 lines"));
}

#[test]
fn left_overs_are_found_with_their_line() {
    for left in [
        concat!("todo", "!()"),
        concat!("unimplemented", "!()"),
        concat!("dbg", "!(x)"),
        concat!("#[ign", "ore]"),
    ] {
        let problems = of_one_file(&source("a.rs", &format!("//! A thing.\n    {left}\n")));
        assert!(problems.len() == 1 && problems[0].starts_with("a.rs:2: "), "{problems:?}");
    }
    assert_eq!(
        of_one_file(&source("a.rs", "//! A thing.\n#[ignore = \"slow; .ci/run has it\"]\n")),
        Vec::<String>::new()
    );
}

#[test]
fn paths_of_machines_are_found_everywhere() {
    let problems = of_one_file(&source("docs/a.md", concat!("see /wo", "rk/x\n")));
    assert!(problems.len() == 1 && problems[0].starts_with("docs/a.md:1: "), "{problems:?}");
}

#[test]
fn names_that_are_gone_are_found_in_the_code_map() {
    let sources = [
        source("crates/log/src/lib.rs", "//! The log.\npub struct PartitionLog;\nmod segment {}\n"),
        source("crates/log/Cargo.toml", "name = \"moldau-log\"\n"),
    ];
    let stale = |text: &str| stale_names(&source("ARCHITECTURE.md", text), &sources).len();
    assert_eq!(stale("`crates/log`, `crates/log/src/lib.rs`, `crates/log/`"), 0);
    assert_eq!(
        stale("`PartitionLog` `segment::PartitionLog` `__consumer_offsets` `kafka` `KIP-848` `acks=all`"),
        0
    );
    assert_eq!(stale("`crates/gone` and `crates/log/src/gone.rs`"), 2);
    assert_eq!(stale("`GoneThing` and\n`segment::GoneThing`"), 2);
    assert_eq!(stale("```\n`GoneThing`\n```\n"), 0);
}
