//! Frames that are wrong: unknown APIs and versions, bodies that end early, bytes behind the end.

use anyhow::Result;
use moldau_protocol::ApiKey;
use moldau_protocol::messages::{ApiVersionsResponse, MetadataRequest};
use moldau_protocol::{Message, Reader};
use serde_json::{Value, json};

use super::Run;
use crate::connection::{Exchange, frame};

/// A frame with its length: head of version 1 or 2, and a body.
fn raw(api_key: i16, version: i16, flexible: bool, body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    content.extend_from_slice(&api_key.to_be_bytes());
    content.extend_from_slice(&version.to_be_bytes());
    content.extend_from_slice(&7i32.to_be_bytes());
    content.extend_from_slice(&1i16.to_be_bytes());
    content.push(b'd');
    if flexible {
        content.push(0);
    }
    content.extend_from_slice(body);
    [&(content.len() as i32).to_be_bytes()[..], &content].concat()
}

/// The APIs that clients use and that this suite knows on both servers.
pub(super) const APIS: [ApiKey; 32] = [
    ApiKey::Produce,
    ApiKey::Fetch,
    ApiKey::ListOffsets,
    ApiKey::Metadata,
    ApiKey::OffsetCommit,
    ApiKey::OffsetFetch,
    ApiKey::FindCoordinator,
    ApiKey::JoinGroup,
    ApiKey::Heartbeat,
    ApiKey::LeaveGroup,
    ApiKey::SyncGroup,
    ApiKey::DescribeGroups,
    ApiKey::ListGroups,
    ApiKey::ApiVersions,
    ApiKey::CreateTopics,
    ApiKey::DeleteTopics,
    ApiKey::DeleteRecords,
    ApiKey::InitProducerId,
    ApiKey::OffsetForLeaderEpoch,
    ApiKey::DescribeConfigs,
    ApiKey::AlterConfigs,
    ApiKey::AlterReplicaLogDirs,
    ApiKey::DescribeLogDirs,
    ApiKey::CreatePartitions,
    ApiKey::DeleteGroups,
    ApiKey::ElectLeaders,
    ApiKey::IncrementalAlterConfigs,
    ApiKey::OffsetDelete,
    ApiKey::DescribeCluster,
    ApiKey::DescribeProducers,
    ApiKey::ListConfigResources,
    ApiKey::DescribeTopicPartitions,
];

/// A body that ends early and a version that is not there, for each of these APIs.
pub(super) fn of_apis(run: &mut Run, keys: &[ApiKey]) -> Result<()> {
    for key in keys {
        let Some(versions) = key.versions() else { continue };
        for version in versions.min..=versions.max {
            let frame = raw(key.code(), version, key.request_header_version(version) >= 2, &[0xff]);
            ends_how(run, format!("{} v{version}: a body that ends early", key.name()), &frame)?;
        }
        let beyond = versions.max + 1;
        let frame = raw(key.code(), beyond, key.request_header_version(versions.max) >= 2, &[0; 64]);
        ends_how(run, format!("{} v{beyond}: a version that is not there", key.name()), &frame)?;
    }
    Ok(())
}

/// Requests of APIs that are not on this listener.
pub(super) fn of_brokers_alone(run: &mut Run, keys: &[ApiKey]) -> Result<()> {
    for key in keys {
        let Some(versions) = key.versions() else { continue };
        let version = versions.max;
        let frame = raw(key.code(), version, key.request_header_version(version) >= 2, &[0; 64]);
        ends_how(run, format!("{} v{version}: an API of brokers alone", key.name()), &frame)?;
    }
    Ok(())
}

pub(super) fn run(run: &mut Run) -> Result<()> {
    of_apis(run, &APIS)?;
    for (title, key) in [("an API that is not there", 999), ("a negative API key", -1)] {
        ends_how(run, format!("API {key}: {title}"), &raw(key, 0, false, &[]))?;
    }
    let whole = frame(9, &MetadataRequest { topics: Some(Vec::new()), ..Default::default() })?;
    let longer = [&(whole.len() as i32 - 4 + 3).to_be_bytes()[..], &whole[4..], &[0, 0, 0]].concat();
    ends_how(run, "Metadata v9: three bytes too many".to_owned(), &longer)?;
    for length in [-1, 0, i32::MAX] {
        ends_how(run, format!("a frame of length {length}"), &length.to_be_bytes())?;
    }
    api_versions_of_the_future(run)
}

/// Whether the server answers or ends the connection; the answers to such frames are compared elsewhere.
fn ends_how(run: &mut Run, case: String, frame: &[u8]) -> Result<()> {
    let answer = match run.world.connection.exchange(frame)? {
        Exchange::Closed => Value::from("closed"),
        Exchange::Frame(_) => Value::from("answered"),
    };
    run.keep("", case, &answer);
    Ok(())
}

/// Answered in version 0, whatever the version, so that a newer client can begin again.
fn api_versions_of_the_future(run: &mut Run) -> Result<()> {
    let frame = raw(ApiKey::ApiVersions.code(), 99, true, &[0; 16]);
    let answer = match run.world.connection.exchange(&frame)? {
        Exchange::Closed => Value::from("closed"),
        Exchange::Frame(content) => {
            let mut reader = Reader::new(&content[4..]);
            let answer = ApiVersionsResponse::decode(&mut reader, 0)?;
            let keys: Vec<Value> = answer
                .api_keys
                .iter()
                .map(|api| json!({"apiKey": api.api_key, "minVersion": api.min_version, "maxVersion": api.max_version}))
                .collect();
            json!({"errorCode": answer.error_code, "apiKeys": keys})
        }
    };
    run.keep("ApiVersions", "ApiVersions v99: a version of the future".to_owned(), &answer);
    Ok(())
}
