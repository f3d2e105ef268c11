//! The table of API keys against the reference's, and against the schemas.

use moldau_protocol::testing::all;
use moldau_protocol::{ApiKey, VersionRange};

use super::{fixture, rows};

#[test]
fn the_table_is_the_references() {
    let text = fixture("api-keys.tsv");
    let mut count = 0;
    for row in rows(&text) {
        let key = ApiKey::from_i16(row[0].parse().expect("a key")).expect("a known key");
        assert_eq!(key.name(), row[1]);
        let versions = (row[2] != "-")
            .then(|| VersionRange { min: row[2].parse().expect("min"), max: row[3].parse().expect("max") });
        assert_eq!(key.versions(), versions, "{key}");
        assert_eq!(key.is_latest_version_unstable(), row[4] == "true", "{key}");
        assert_eq!(key.listeners().broker, row[7].contains("broker"), "{key}");
        assert_eq!(key.listeners().controller, row[7].contains("controller"), "{key}");
        assert_eq!(key.is_cluster_action(), row[8] == "true", "{key}");
        assert_eq!(key.is_forwarded(), row[9] == "true", "{key}");
        if let Some(VersionRange { min, max }) = versions {
            for version in min..=max {
                let request = header_version(row[10], version);
                assert_eq!(key.request_header_version(version), request, "{key} {version}");
                let response = header_version(row[11], version);
                assert_eq!(key.response_header_version(version), response, "{key} {version}");
            }
        }
        count += 1;
    }
    assert_eq!(count, ApiKey::ALL.len());
    assert_eq!(ApiKey::from_i16(count as i16), None);
    assert_eq!(ApiKey::from_i16(-1), None);
}

/// The header version of `0+:1,9+:2` for an API version.
fn header_version(column: &str, version: i16) -> i16 {
    let steps = column.split(',').map(|step| step.split_once("+:").expect("a step"));
    let steps =
        steps.map(|(from, header)| (from.parse::<i16>().expect("from"), header.parse().expect("header")));
    steps.take_while(|(from, _)| *from <= version).fold(0, |_, (_, header)| header)
}

#[test]
fn requests_and_responses_have_the_versions_of_their_key() {
    for key in ApiKey::ALL {
        let of_key = all().iter().filter(|e| {
            e.api_key == Some(key.code())
                && [format!("{key}Request"), format!("{key}Response")].contains(&e.name.to_owned())
        });
        let versions: Vec<_> =
            of_key.map(|e| VersionRange { min: e.min_version, max: e.max_version }).collect();
        assert_eq!(versions, vec![key.versions(); 2].into_iter().flatten().collect::<Vec<_>>(), "{key}");
    }
    for entry in all().iter().filter(|e| e.name.ends_with("Request") || e.name.ends_with("Response")) {
        let key = ApiKey::from_i16(entry.api_key.expect("a key")).expect("a known key");
        for version in entry.min_version..=entry.max_version {
            assert_eq!(
                key.is_flexible(version),
                entry.first_flexible.is_some_and(|f| version >= f),
                "{key} {version}"
            );
        }
    }
}

#[test]
fn advertised_versions_are_the_references_answers() {
    for (listener, file) in [("broker", "api-versions.tsv"), ("controller", "api-versions-controller.tsv")] {
        for row in rows(&fixture(file)) {
            let key = ApiKey::from_i16(row[0].parse().expect("a key")).expect("a known key");
            let range = VersionRange { min: row[2].parse().expect("min"), max: row[3].parse().expect("max") };
            assert_eq!(key.advertised_versions(), Some(range), "{key} on {listener}");
        }
    }
}
