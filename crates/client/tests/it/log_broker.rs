//! A broker in memory that a consumer reads from: partitions of one topic, each with its own trouble.
//!
//! Always: it keeps no fetch sessions, so that each Fetch names all that is asked for; what it does wrong is said in its
//! [`State`], which a test changes at any time. All node ids that it names are itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moldau_client::{ErrorCode, Uuid};
use moldau_protocol::messages::api_versions_response::ApiVersion;
use moldau_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use moldau_protocol::messages::find_coordinator_response::Coordinator;
use moldau_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use moldau_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use moldau_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use moldau_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use moldau_protocol::messages::{
    ApiVersionsResponse, FetchRequest, FetchResponse, FindCoordinatorRequest, FindCoordinatorResponse,
    ListOffsetsRequest, ListOffsetsResponse, MetadataResponse, OffsetCommitRequest, OffsetCommitResponse,
    OffsetFetchRequest, OffsetFetchResponse, RequestHeader, ResponseHeader,
};
use moldau_protocol::records::BatchBuilder;
use moldau_protocol::{ApiKey, Message, Reader};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const TOPIC: &str = "t";

/// How long a Fetch without records is held back.
const HELD_BACK: Duration = Duration::from_millis(5);

/// One partition. Its records are its offsets as text.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// −1 while there is none.
    pub(crate) leader: i32,
    /// The log's offsets.
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// What a Fetch is answered instead of records.
    pub(crate) fetch_error: ErrorCode,
    /// The replica that the leader names instead of giving records.
    pub(crate) preferred_replica: i32,
    /// The committed offset, −1 without one.
    pub(crate) committed: i64,
}

impl Part {
    pub(crate) fn of_records(count: i64) -> Self {
        Self {
            leader: 1,
            start: 0,
            end: count,
            fetch_error: ErrorCode::None,
            preferred_replica: -1,
            committed: -1,
        }
    }
}

/// What was asked of a partition in a Fetch.
#[derive(Clone, Debug)]
pub(crate) struct AskedOf {
    pub(crate) partition: i32,
    pub(crate) max_bytes: i32,
}

pub(crate) struct State {
    pub(crate) parts: Vec<Part>,
    /// The node ids that metadata names.
    pub(crate) nodes: Vec<i32>,
    /// How many records a Fetch gives of a partition, and how big each value is.
    pub(crate) records_a_fetch: i64,
    pub(crate) value_size: usize,
    pub(crate) fetches: Vec<Vec<AskedOf>>,
    /// What each OffsetFetch said of stable offsets.
    pub(crate) stable_asked: Vec<bool>,
    pub(crate) metadata_asked: u32,
}

pub(crate) struct LogBroker {
    pub(crate) address: String,
    port: u16,
    pub(crate) state: Mutex<State>,
}

impl LogBroker {
    pub(crate) async fn start(parts: Vec<Part>) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::listen(listener, parts)
    }

    pub(crate) fn listen(listener: TcpListener, parts: Vec<Part>) -> Arc<Self> {
        let port = listener.local_addr().expect("bound").port();
        let state = State {
            parts,
            nodes: vec![1],
            records_a_fetch: 1,
            value_size: 0,
            fetches: Vec::new(),
            stable_asked: Vec::new(),
            metadata_asked: 0,
        };
        let broker = Arc::new(Self { address: format!("127.0.0.1:{port}"), port, state: Mutex::new(state) });
        let accepting = broker.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let broker = accepting.clone();
                tokio::spawn(async move { broker.serve(stream).await });
            }
        });
        broker
    }

    /// How often each partition was named by a Fetch.
    pub(crate) fn fetched(&self) -> BTreeMap<i32, usize> {
        let mut fetched = BTreeMap::new();
        for asked in self.state.lock().fetches.iter().flatten() {
            *fetched.entry(asked.partition).or_default() += 1;
        }
        fetched
    }

    async fn serve(&self, mut stream: TcpStream) {
        loop {
            let Ok(length) = stream.read_i32().await else { return };
            let mut frame = vec![0; length as usize];
            if stream.read_exact(&mut frame).await.is_err() {
                return;
            }
            let answer = self.answer(frame.into()).await;
            let mut out = (answer.len() as i32).to_be_bytes().to_vec();
            out.extend(answer);
            if stream.write_all(&out).await.is_err() {
                return;
            }
        }
    }

    async fn answer(&self, frame: Bytes) -> Vec<u8> {
        let api = ApiKey::from_i16(i16::from_be_bytes([frame[0], frame[1]])).expect("a known API");
        let version = i16::from_be_bytes([frame[2], frame[3]]);
        let mut reader = Reader::shared(&frame);
        let header =
            RequestHeader::decode(&mut reader, api.request_header_version(version)).expect("a header");
        let mut out = Vec::new();
        let head = ResponseHeader { correlation_id: header.correlation_id };
        head.encode(&mut out, api.response_header_version(version)).expect("encodes");
        match api {
            ApiKey::ApiVersions => {
                api_versions(version).encode(&mut out, if version > 3 { 0 } else { version })
            }
            ApiKey::Metadata => self.metadata().encode(&mut out, version),
            ApiKey::ListOffsets => {
                let request = ListOffsetsRequest::decode(&mut reader, version).expect("a request");
                self.list_offsets(request).encode(&mut out, version)
            }
            ApiKey::Fetch => {
                let request = FetchRequest::decode(&mut reader, version).expect("a request");
                let response = self.fetch(request);
                if response.responses.is_empty() {
                    tokio::time::sleep(HELD_BACK).await;
                }
                response.encode(&mut out, version)
            }
            ApiKey::FindCoordinator => {
                let request = FindCoordinatorRequest::decode(&mut reader, version).expect("a request");
                let coordinator = |key| Coordinator { key, node_id: 1, ..Default::default() };
                let coordinators = request.coordinator_keys.into_iter().map(coordinator).collect();
                FindCoordinatorResponse { coordinators, ..Default::default() }.encode(&mut out, version)
            }
            ApiKey::OffsetFetch => {
                let request = OffsetFetchRequest::decode(&mut reader, version).expect("a request");
                self.offset_fetch(request).encode(&mut out, version)
            }
            ApiKey::OffsetCommit => {
                let request = OffsetCommitRequest::decode(&mut reader, version).expect("a request");
                self.offset_commit(request).encode(&mut out, version)
            }
            other => panic!("{other:?} was not expected"),
        }
        .expect("encodes");
        out
    }

    fn metadata(&self) -> MetadataResponse {
        let mut state = self.state.lock();
        state.metadata_asked += 1;
        let partition = |(index, part): (i32, &Part)| MetadataResponsePartition {
            partition_index: index,
            leader_id: part.leader,
            error_code: if part.leader < 0 { ErrorCode::LeaderNotAvailable.code() } else { 0 },
            ..Default::default()
        };
        let broker = |id: &i32| MetadataResponseBroker {
            node_id: *id,
            host: "127.0.0.1".to_owned(),
            port: i32::from(self.port),
            ..Default::default()
        };
        MetadataResponse {
            brokers: state.nodes.iter().map(broker).collect(),
            controller_id: 1,
            topics: vec![MetadataResponseTopic {
                name: Some(TOPIC.to_owned()),
                topic_id: Uuid([9; 16]),
                partitions: (0..).zip(&state.parts).map(partition).collect(),
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    fn list_offsets(&self, request: ListOffsetsRequest) -> ListOffsetsResponse {
        let state = self.state.lock();
        let topics = request.topics.into_iter().map(|topic| ListOffsetsTopicResponse {
            name: topic.name,
            partitions: topic
                .partitions
                .into_iter()
                .map(|asked| {
                    let part = &state.parts[asked.partition_index as usize];
                    ListOffsetsPartitionResponse {
                        partition_index: asked.partition_index,
                        offset: if asked.timestamp == -2 { part.start } else { part.end },
                        ..Default::default()
                    }
                })
                .collect(),
        });
        ListOffsetsResponse { topics: topics.collect(), ..Default::default() }
    }

    fn fetch(&self, request: FetchRequest) -> FetchResponse {
        let mut state = self.state.lock();
        let asked = request.topics.iter().flat_map(|topic| &topic.partitions);
        let asked = asked.map(|asked| AskedOf { partition: asked.partition, max_bytes: request.max_bytes });
        let asked: Vec<_> = asked.collect();
        state.fetches.push(asked);
        let mut responses = Vec::new();
        let mut given = 0;
        for topic in request.topics {
            let mut partitions = Vec::new();
            for asked in &topic.partitions {
                let Some(answer) = state.answer_for(asked.partition, asked.fetch_offset) else { continue };
                let size = answer.records.as_ref().map_or(0, Bytes::len);
                // Only the first may be bigger than what was asked for.
                if given > 0 && given + size > request.max_bytes as usize {
                    continue;
                }
                given += size;
                partitions.push(answer);
            }
            if !partitions.is_empty() {
                responses.push(FetchableTopicResponse {
                    topic: topic.topic,
                    topic_id: topic.topic_id,
                    partitions,
                });
            }
        }
        FetchResponse { responses, ..Default::default() }
    }

    fn offset_fetch(&self, request: OffsetFetchRequest) -> OffsetFetchResponse {
        let mut state = self.state.lock();
        state.stable_asked.push(request.require_stable);
        let partition = |index: i32| OffsetFetchResponsePartitions {
            partition_index: index,
            committed_offset: state.parts[index as usize].committed,
            ..Default::default()
        };
        let groups = request.groups.into_iter().map(|group| OffsetFetchResponseGroup {
            group_id: group.group_id,
            topics: group
                .topics
                .unwrap_or_default()
                .into_iter()
                .map(|topic| OffsetFetchResponseTopics {
                    name: topic.name,
                    partitions: topic.partition_indexes.into_iter().map(partition).collect(),
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        });
        OffsetFetchResponse { groups: groups.collect(), ..Default::default() }
    }

    fn offset_commit(&self, request: OffsetCommitRequest) -> OffsetCommitResponse {
        let mut state = self.state.lock();
        let topics = request.topics.into_iter().map(|topic| OffsetCommitResponseTopic {
            name: topic.name,
            partitions: topic
                .partitions
                .into_iter()
                .map(|asked| {
                    state.parts[asked.partition_index as usize].committed = asked.committed_offset;
                    OffsetCommitResponsePartition {
                        partition_index: asked.partition_index,
                        ..Default::default()
                    }
                })
                .collect(),
            ..Default::default()
        });
        OffsetCommitResponse { topics: topics.collect(), ..Default::default() }
    }
}

impl State {
    /// What a Fetch of this partition gives, if it gives anything.
    fn answer_for(&self, index: i32, offset: i64) -> Option<PartitionData> {
        let part = &self.parts[index as usize];
        let answer = PartitionData {
            partition_index: index,
            high_watermark: part.end,
            last_stable_offset: part.end,
            log_start_offset: part.start,
            ..Default::default()
        };
        if part.fetch_error.is_error() {
            return Some(PartitionData { error_code: part.fetch_error.code(), ..answer });
        }
        if part.preferred_replica >= 0 {
            return Some(PartitionData { preferred_read_replica: part.preferred_replica, ..answer });
        }
        if offset < part.start || offset > part.end {
            return Some(PartitionData { error_code: ErrorCode::OffsetOutOfRange.code(), ..answer });
        }
        let up_to = part.end.min(offset + self.records_a_fetch);
        if offset == up_to {
            return None;
        }
        let mut batch = BatchBuilder::new().base_offset(offset);
        for at in offset..up_to {
            let value = format!("{at:<width$}", width = self.value_size);
            batch.append(1, None, Some(value.as_bytes()), &[]).expect("a record");
        }
        Some(PartitionData { records: Some(batch.build().expect("a batch").into()), ..answer })
    }
}

fn api_versions(version: i16) -> ApiVersionsResponse {
    let range =
        |api: ApiKey, min_version, max_version| ApiVersion { api_key: api.code(), min_version, max_version };
    let api_keys = vec![
        range(ApiKey::ApiVersions, 0, 3),
        range(ApiKey::Metadata, 0, 12),
        range(ApiKey::ListOffsets, 1, 7),
        range(ApiKey::Fetch, 4, 13),
        range(ApiKey::FindCoordinator, 4, 4),
        range(ApiKey::OffsetFetch, 8, 9),
        range(ApiKey::OffsetCommit, 2, 9),
    ];
    let unsupported = version > 3;
    let error_code = if unsupported { ErrorCode::UnsupportedVersion.code() } else { 0 };
    ApiVersionsResponse { error_code, api_keys, ..Default::default() }
}
