//! The dump beside what Apache Kafka's own tool prints of the same files.

use std::path::{Path, PathBuf};

use super::*;

/// A data directory of Apache Kafka, with what its own tool says of each file.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../log/tests/fixtures")
}

fn args() -> LogDumpArgs {
    LogDumpArgs {
        files: Vec::new(),
        records: true,
        deep: false,
        skip_record_metadata: false,
        max_bytes: None,
        output: None,
        kind: None,
    }
}

#[test]
fn the_bar_jumped_from_nothing_to_the_end_of_a_segment() {
    let file = fixtures().join("logs/mixed-0/00000000000000000000.log");
    for output in [None, Some(OutputFormat::Json)] {
        let args = LogDumpArgs { output, ..args() };
        let steps = std::cell::RefCell::new(Vec::new());
        let shown = |bytes| steps.borrow_mut().push(bytes);
        dump_one(&args, &file, "a log", &shown, &mut io::sink()).expect("dumped");
        let steps = steps.into_inner();
        assert!(steps.len() > 1, "{steps:?}");
        assert_eq!(steps.iter().sum::<u64>(), file.metadata().expect("it is there").len());
    }
}

#[test]
fn logs_of_internal_topics_are_shown_as_kafkas_tool_shows_them() {
    let args = args();
    let mut seen = 0;
    for directory in
        ["__consumer_offsets-0", "__transaction_state-0", "__share_group_state-0", "__cluster_metadata-0"]
    {
        for entry in std::fs::read_dir(fixtures().join("logs").join(directory)).expect("a directory") {
            let path = entry.expect("an entry").path();
            let file = path.file_name().and_then(|name| name.to_str()).expect("a name");
            if !(file.ends_with(".log") || file.ends_with(".checkpoint")) {
                continue;
            }
            let name = format!("{directory}/{file}");
            let wanted = std::fs::read_to_string(fixtures().join("expected").join(format!("{name}.txt")))
                .expect("text");
            let mut out = Vec::new();
            dump_one(&args, &path, &name, &|_| {}, &mut out).expect("dumped");
            let got = String::from_utf8(out).expect("text");
            for (at, (got, wanted)) in got.lines().zip(wanted.lines()).enumerate() {
                assert_eq!(got, wanted, "{name}, line {}", at + 1);
            }
            assert_eq!(got.lines().count(), wanted.lines().count(), "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen} files");
}
