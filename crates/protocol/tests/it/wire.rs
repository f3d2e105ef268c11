//! The vectors of `fixtures/wire`: every message in every version, once with all fields set and once with none, as
//! bytes and as JSON, written by the reference's own classes. Each passes both ways.

use std::collections::BTreeSet;

use moldau_protocol::testing::all;

use super::{fixture, rows, unhex};

const DIRECTORIES: [&str; 5] = ["coordinator", "messages", "metadata", "raft", "storage"];

#[test]
fn every_vector_of_the_reference_passes_both_ways() {
    let mut passed = 0;
    let mut failures = Vec::new();
    for entry in all() {
        // No vectors exist for the data of the classic Streams assignor.
        let Some(path) = path_of(entry.name) else {
            assert_eq!(entry.name, "SubscriptionInfoData");
            continue;
        };
        let mut seen = BTreeSet::new();
        for row in rows(&fixture(&path)) {
            let [version, variant, hex, json] = row[..] else {
                panic!("{path}: a row of {} columns", row.len())
            };
            let version: i16 = version.parse().expect("a version");
            let json = serde_json::from_str(json).expect("JSON");
            match (entry.compare)(&unhex(hex), &json, version) {
                Ok(()) => passed += 1,
                Err(e) => failures.push(format!("{} version {version} {variant}: {e}", entry.name)),
            }
            seen.insert(version);
        }
        let versions: BTreeSet<i16> = (entry.min_version..=entry.max_version).collect();
        assert_eq!(seen, versions, "{}: the versions of the vectors", entry.name);
    }
    assert!(
        failures.is_empty(),
        "{} of {} fail:\n{}",
        failures.len(),
        passed + failures.len(),
        failures.join("\n")
    );
    assert_eq!(passed, 1456);
}

#[test]
fn every_vector_cut_short_is_an_error() {
    for entry in all() {
        let Some(path) = path_of(entry.name) else { continue };
        for row in rows(&fixture(&path)) {
            let version: i16 = row[0].parse().expect("a version");
            let bytes = unhex(row[2]);
            for len in 0..bytes.len() {
                assert!(
                    (entry.decode)(&bytes[..len], version).is_err(),
                    "{} {version}: {len} bytes",
                    entry.name
                );
            }
        }
    }
}

fn path_of(name: &str) -> Option<String> {
    let paths = DIRECTORIES.iter().map(|directory| format!("wire/{directory}/{name}.tsv"));
    paths
        .into_iter()
        .find(|p| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(p).exists())
}
