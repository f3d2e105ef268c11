//! A broker of one topic in memory, with faults on demand.
//!
//! Always: it checks an idempotent producer's sequence numbers as Kafka does (the last five batches are remembered), so what
//! its log has in the end is what a real broker would have. Faults come from a seed.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU16, Ordering};
use std::time::Duration;

use bytes::Bytes;
use moldau_client::{ErrorCode, Uuid};
use moldau_protocol::messages::api_versions_response::ApiVersion;
use moldau_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use moldau_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use moldau_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, InitProducerIdResponse, MetadataRequest, MetadataResponse,
    ProduceRequest, ProduceResponse, RequestHeader, ResponseHeader,
};
use moldau_protocol::records::BatchView;
use moldau_protocol::{ApiKey, Message, Reader};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

/// What the broker does wrong, in percent of the requests.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// Closes the connection instead of working on a Produce.
    pub(crate) drop_before: u32,
    /// Writes the batch, then closes the connection instead of answering.
    pub(crate) drop_after: u32,
    /// Answers a Produce with a code that passes by itself.
    pub(crate) retriable: u32,
    /// Refuses a batch for good.
    pub(crate) refuse: u32,
    /// Forgets its producers' state.
    pub(crate) forget: u32,
}

/// What is known of a producer id.
#[derive(Default)]
struct ProducerState {
    epoch: i16,
    /// First sequence, last sequence, base offset.
    batches: VecDeque<(i32, i32, i64)>,
}

#[derive(Default)]
struct Partition {
    log: Vec<String>,
    producers: HashMap<i64, ProducerState>,
}

#[derive(Default)]
struct State {
    partitions: HashMap<i32, Partition>,
    next_producer_id: i64,
    refused: Vec<String>,
    produces: u64,
    metadata_asked: Vec<Vec<String>>,
}

pub(crate) struct FakeBroker {
    pub(crate) address: String,
    /// The port that its metadata names; its own unless a test says otherwise.
    pub(crate) advertised: AtomicU16,
    /// How many partitions its topics have.
    pub(crate) partitions: AtomicI32,
    /// Reads nothing.
    pub(crate) deaf: AtomicBool,
    /// Writes batches and never answers.
    pub(crate) mute: AtomicBool,
    faults: Faults,
    max_metadata_version: i16,
    state: Mutex<State>,
    rng: Mutex<SmallRng>,
}

pub(crate) const TOPIC: &str = "t";
const TOPIC_ID: Uuid = Uuid([9; 16]);

impl FakeBroker {
    pub(crate) async fn start(faults: Faults, seed: u64) -> Arc<Self> {
        Self::start_with(faults, seed, MetadataRequest::MAX_VERSION).await
    }

    /// As a broker that knows Metadata only up to a version.
    pub(crate) async fn start_with(faults: Faults, seed: u64, max_metadata_version: i16) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let broker = Arc::new(Self {
            address: format!("127.0.0.1:{port}"),
            advertised: AtomicU16::new(port),
            partitions: AtomicI32::new(1),
            deaf: AtomicBool::new(false),
            mute: AtomicBool::new(false),
            faults,
            max_metadata_version,
            state: Mutex::default(),
            rng: Mutex::new(SmallRng::seed_from_u64(seed)),
        });
        let accepting = broker.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let broker = accepting.clone();
                tokio::spawn(async move { broker.serve(stream).await });
            }
        });
        broker
    }

    /// The values that were written, in the order of the log of partition 0.
    pub(crate) async fn log(&self) -> Vec<String> {
        self.log_of(0).await
    }

    /// The values that were written to a partition, in the order of its log.
    pub(crate) async fn log_of(&self, partition: i32) -> Vec<String> {
        let state = self.state.lock().await;
        state.partitions.get(&partition).map_or_else(Vec::new, |partition| partition.log.clone())
    }

    /// Waits until so many values were written to a partition.
    pub(crate) async fn until_written(&self, partition: i32, values: usize) {
        while self.log_of(partition).await.len() < values {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The values that were refused for good.
    pub(crate) async fn refused(&self) -> Vec<String> {
        self.state.lock().await.refused.clone()
    }

    /// How many Produce requests came.
    pub(crate) async fn produces(&self) -> u64 {
        self.state.lock().await.produces
    }

    /// The topics that the newest Metadata request named.
    pub(crate) async fn last_asked(&self) -> Vec<String> {
        self.state.lock().await.metadata_asked.last().cloned().unwrap_or_default()
    }

    async fn chance(&self, percent: u32) -> bool {
        percent > 0 && self.rng.lock().await.random_range(0..100) < percent
    }

    async fn serve(&self, mut stream: TcpStream) {
        loop {
            while self.deaf.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let Ok(length) = stream.read_i32().await else { return };
            let mut frame = vec![0; length as usize];
            if stream.read_exact(&mut frame).await.is_err() {
                return;
            }
            let Some(answer) = self.answer(frame.into()).await else { return };
            if answer.is_empty() {
                continue;
            }
            let mut out = (answer.len() as i32).to_be_bytes().to_vec();
            out.extend(answer);
            if stream.write_all(&out).await.is_err() {
                return;
            }
        }
    }

    /// The answer to a frame, empty for none; `None` closes the connection.
    async fn answer(&self, frame: Bytes) -> Option<Vec<u8>> {
        let api = ApiKey::from_i16(i16::from_be_bytes([frame[0], frame[1]])).expect("a known API");
        let version = i16::from_be_bytes([frame[2], frame[3]]);
        let mut reader = Reader::shared(&frame);
        let header =
            RequestHeader::decode(&mut reader, api.request_header_version(version)).expect("a header");
        let mut out = Vec::new();
        let head = ResponseHeader { correlation_id: header.correlation_id };
        head.encode(&mut out, api.response_header_version(version)).expect("encodes");
        match api {
            ApiKey::ApiVersions if version > 3 => {
                let response = ApiVersionsResponse {
                    error_code: ErrorCode::UnsupportedVersion.code(),
                    api_keys: vec![range(ApiKey::ApiVersions, 0, 3)],
                    ..Default::default()
                };
                response.encode(&mut out, 0).expect("encodes");
            }
            ApiKey::ApiVersions => {
                ApiVersionsRequest::decode(&mut reader, version).expect("a request");
                let api_keys = vec![
                    range(ApiKey::ApiVersions, 0, 3),
                    range(ApiKey::Metadata, 0, self.max_metadata_version),
                    range(ApiKey::Produce, 3, 13),
                    range(ApiKey::InitProducerId, 0, 5),
                ];
                ApiVersionsResponse { api_keys, ..Default::default() }
                    .encode(&mut out, version)
                    .expect("encodes");
            }
            ApiKey::Metadata => {
                let request = MetadataRequest::decode(&mut reader, version).expect("a request");
                let named = request.topics.unwrap_or_default().into_iter().filter_map(|topic| topic.name);
                let named: Vec<String> = named.collect();
                self.state.lock().await.metadata_asked.push(named.clone());
                self.metadata(version, &named).encode(&mut out, version).expect("encodes");
            }
            ApiKey::InitProducerId => {
                let mut state = self.state.lock().await;
                state.next_producer_id += 1;
                let response =
                    InitProducerIdResponse { producer_id: state.next_producer_id, ..Default::default() };
                response.encode(&mut out, version).expect("encodes");
            }
            ApiKey::Produce => {
                let request = ProduceRequest::decode(&mut reader, version).expect("a request");
                let unanswered = request.acks == 0;
                let response = self.produce(request).await?;
                if unanswered || self.mute.load(Ordering::Relaxed) {
                    return Some(Vec::new());
                }
                response.encode(&mut out, version).expect("encodes");
            }
            other => panic!("{other:?} was not expected"),
        }
        Some(out)
    }

    /// The topics that were named, and its own one always.
    fn metadata(&self, version: i16, named: &[String]) -> MetadataResponse {
        let others = named.iter().filter(|name| *name != TOPIC);
        let topics = std::iter::once((TOPIC.to_owned(), TOPIC_ID))
            .chain(others.map(|name| (name.clone(), Uuid([name.as_bytes()[0]; 16]))));
        let topic = |(name, id)| MetadataResponseTopic {
            name: Some(name),
            topic_id: if version >= 10 { id } else { Uuid::ZERO },
            partitions: (0..self.partitions.load(Ordering::Relaxed))
                .map(|partition_index| MetadataResponsePartition {
                    partition_index,
                    leader_id: 1,
                    replica_nodes: vec![1],
                    isr_nodes: vec![1],
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        };
        MetadataResponse {
            brokers: vec![MetadataResponseBroker {
                node_id: 1,
                host: "127.0.0.1".to_owned(),
                port: i32::from(self.advertised.load(Ordering::Relaxed)),
                ..Default::default()
            }],
            controller_id: 1,
            topics: topics.map(topic).collect(),
            ..Default::default()
        }
    }

    async fn produce(&self, request: ProduceRequest) -> Option<ProduceResponse> {
        if self.chance(self.faults.drop_before).await {
            return None;
        }
        let mut responses = Vec::new();
        for topic in &request.topic_data {
            assert!(topic.name == TOPIC || topic.topic_id == TOPIC_ID);
            let mut partition_responses = Vec::new();
            for partition in &topic.partition_data {
                let (error, base_offset) =
                    self.append(partition.index, partition.records.as_ref().expect("records")).await;
                partition_responses.push(PartitionProduceResponse {
                    index: partition.index,
                    error_code: error.code(),
                    base_offset,
                    ..Default::default()
                });
            }
            responses.push(TopicProduceResponse {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partition_responses,
            });
        }
        if self.chance(self.faults.drop_after).await {
            return None;
        }
        Some(ProduceResponse { responses, ..Default::default() })
    }

    async fn append(&self, index: i32, records: &Bytes) -> (ErrorCode, i64) {
        let batch = BatchView::parse(records).expect("a batch");
        batch.verify_crc().expect("a good checksum");
        assert_eq!(batch.bytes().len(), records.len(), "one batch a partition");
        let mut values = Vec::new();
        let mut stream = batch.records().expect("records");
        while let Some(record) = stream.next_record().expect("a record") {
            values.push(String::from_utf8(record.value.expect("a value").to_vec()).expect("text"));
        }
        let fault = self.chance(self.faults.retriable).await;
        let refuse = self.chance(self.faults.refuse).await;
        let forget = self.chance(self.faults.forget).await;
        let mut state = self.state.lock().await;
        state.produces += 1;
        let partition = state.partitions.entry(index).or_default();
        if forget {
            partition.producers.clear();
        }
        if fault {
            return (ErrorCode::NotEnoughReplicas, -1);
        }
        let header = batch.header;
        let next_offset = partition.log.len() as i64;
        if header.producer_id >= 0 {
            let first = header.base_sequence;
            let last = first + header.record_count - 1;
            let known = partition.producers.entry(header.producer_id).or_default();
            if header.producer_epoch < known.epoch {
                return (ErrorCode::InvalidProducerEpoch, -1);
            }
            if header.producer_epoch > known.epoch {
                if first != 0 {
                    return (ErrorCode::OutOfOrderSequenceNumber, -1);
                }
                known.batches.clear();
            }
            if let Some((_, _, offset)) = known.batches.iter().find(|(f, l, _)| (*f, *l) == (first, last)) {
                return (ErrorCode::None, *offset);
            }
            let expected = known.batches.back().map(|(_, last, _)| last + 1);
            if expected.is_some_and(|expected| expected != first) {
                return (ErrorCode::OutOfOrderSequenceNumber, -1);
            }
            if refuse {
                state.refused.extend(values);
                return (ErrorCode::InvalidRecord, -1);
            }
            known.epoch = header.producer_epoch;
            known.batches.push_back((first, last, next_offset));
            if known.batches.len() > 5 {
                known.batches.pop_front();
            }
        }
        partition.log.extend(values);
        (ErrorCode::None, next_offset)
    }
}

fn range(api: ApiKey, min_version: i16, max_version: i16) -> ApiVersion {
    ApiVersion { api_key: api.code(), min_version, max_version }
}
