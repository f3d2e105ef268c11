//! The table of API keys against the reference's, and against the schemas.

use moldau_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse, ResponseHeader};
use moldau_protocol::testing::all;
use moldau_protocol::{ApiKey, Message, Reader, VersionRange, frame};

use super::{fixture, rows, unhex};

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

#[test]
fn whole_exchanges_of_api_versions_are_read_and_written_as_on_the_wire() {
    for row in rows(&fixture("api-versions-wire.tsv")) {
        let (request, response) = (unhex(row[1]), unhex(row[2]));
        let mut r = Reader::new(&request);
        let (key, header) = frame::decode_request_header(&mut r).expect("a header");
        assert_eq!((key, header.request_api_version.to_string()), (ApiKey::ApiVersions, row[0].to_owned()));
        // A version that the node does not know is answered in version 0.
        let version =
            if key.is_supported(header.request_api_version) { header.request_api_version } else { 0 };
        if version == header.request_api_version {
            let message = ApiVersionsRequest::decode(&mut r, version).expect("a request");
            assert!(r.is_empty());
            let mut again = Vec::new();
            let client_id = header.client_id.as_deref();
            frame::encode_request(&mut again, version, header.correlation_id, client_id, &message)
                .expect("encodes");
            assert_eq!(again[frame::FRAME_LEN_SIZE..], request);
        }
        let mut r = Reader::new(&response);
        let id = ResponseHeader::decode(&mut r, key.response_header_version(version))
            .expect("a header")
            .correlation_id;
        let message = ApiVersionsResponse::decode(&mut r, version).expect("a response");
        assert!(r.is_empty());
        let mut again = Vec::new();
        frame::encode_response(&mut again, key, version, id, &message).expect("encodes");
        assert_eq!(again[frame::FRAME_LEN_SIZE..], response);
    }
}
