//! A connection on which a test says exactly what goes over the wire, right or wrong.
//!
//! Always: every wait ends after [`crate::PATIENCE`] with a panic that says what was waited for.

use std::io::ErrorKind;

use bytes::Bytes;
use moldau_client::{ErrorCode, Uuid};
use moldau_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use moldau_protocol::messages::fetch_response::PartitionData;
use moldau_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use moldau_protocol::messages::metadata_request::MetadataRequestTopic;
use moldau_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use moldau_protocol::messages::produce_response::PartitionProduceResponse;
use moldau_protocol::messages::{
    FetchRequest, FetchResponse, IncrementalAlterConfigsRequest, MetadataRequest, ProduceRequest,
    RequestHeader, ResponseHeader,
};
use moldau_protocol::records::BatchBuilder;
use moldau_protocol::{ApiKey, Message, Reader, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::PATIENCE;

/// One connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    correlation: i32,
}

/// A whole request frame with its length.
pub fn request_frame<Q: Request>(version: i16, correlation: i32, request: &Q) -> Vec<u8> {
    let header = RequestHeader {
        request_api_key: Q::KEY.code(),
        request_api_version: version,
        correlation_id: correlation,
        client_id: Some("wire".to_owned()),
    };
    let mut content = Vec::new();
    header.encode(&mut content, Q::KEY.request_header_version(version)).expect("a header");
    request.encode(&mut content, version).expect("a request");
    frame(&content)
}

/// A frame of any content.
pub fn frame(content: &[u8]) -> Vec<u8> {
    [&(content.len() as i32).to_be_bytes()[..], content].concat()
}

async fn patiently<T>(what: &str, doing: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, doing).await {
        Ok(done) => done,
        Err(_) => panic!("not in time: {what}"),
    }
}

impl Wire {
    /// Connects.
    pub async fn connect(address: &str) -> Self {
        let stream = patiently("a connection", TcpStream::connect(address)).await.expect("connected");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, correlation: 0 }
    }

    /// Sends bytes as they are. The other side may have closed already: what is read then says so.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let _closed = patiently("bytes to be taken", self.stream.write_all(bytes)).await;
    }

    /// Sends a request and gives its correlation id.
    pub async fn send<Q: Request>(&mut self, version: i16, request: &Q) -> i32 {
        self.correlation += 1;
        let frame = request_frame(version, self.correlation, request);
        self.send_bytes(&frame).await;
        self.correlation
    }

    /// The next frame's content, or `None` when the connection was closed before it.
    pub async fn read_frame(&mut self) -> Option<Vec<u8>> {
        let reading = async {
            let mut length = [0; 4];
            self.stream.read_exact(&mut length).await?;
            let mut content = vec![0; i32::from_be_bytes(length) as usize];
            self.stream.read_exact(&mut content).await.map(|_| content)
        };
        match patiently("an answer or an end", reading).await {
            Ok(content) => Some(content),
            Err(e) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => None,
            Err(e) => panic!("reading: {e}"),
        }
    }

    /// The next answer with its correlation id, or `None` when the connection was closed before it.
    pub async fn try_receive<R: Message>(&mut self, key: ApiKey, version: i16) -> Option<(i32, R)> {
        let content = self.read_frame().await?;
        let mut reader = Reader::new(&content);
        let header =
            ResponseHeader::decode(&mut reader, key.response_header_version(version)).expect("a header");
        let body = R::decode(&mut reader, version).expect("a response");
        assert_eq!(reader.remaining(), 0, "{} bytes after the response", reader.remaining());
        Some((header.correlation_id, body))
    }

    /// The next answer with its correlation id.
    pub async fn receive<Q: Request>(&mut self, version: i16) -> (i32, Q::Response) {
        self.try_receive(Q::KEY, version).await.expect("an answer, not a closed connection")
    }

    /// Sends a request and waits for its answer.
    pub async fn ask<Q: Request>(&mut self, version: i16, request: &Q) -> Q::Response {
        let id = self.send(version, request).await;
        let (answered, response) = self.receive::<Q>(version).await;
        assert_eq!(answered, id, "correlation id");
        response
    }

    /// Waits until the other side closes without another answer.
    pub async fn closed(mut self, why: &str) {
        assert!(self.read_frame().await.is_none(), "an answer, and not a closed connection: {why}");
    }

    /// Says that nothing more comes from here.
    pub async fn finish(&mut self) {
        let _closed = self.stream.shutdown().await;
    }

    /// The id of a topic.
    pub async fn topic_id(&mut self, topic: &str) -> Uuid {
        let asked = MetadataRequestTopic { name: Some(topic.to_owned()), ..Default::default() };
        let request = MetadataRequest { topics: Some(vec![asked]), ..Default::default() };
        let response = self.ask(12, &request).await;
        response.topics[0].topic_id
    }

    /// Produces records to a partition and gives its answer.
    pub async fn produce(
        &mut self,
        version: i16,
        acks: i16,
        topic: &str,
        records: Vec<u8>,
    ) -> PartitionProduceResponse {
        let response = self.ask(version, &produce_request(acks, topic, records)).await;
        response.responses[0].partition_responses[0].clone()
    }

    /// Fetches partition 0 of a topic without a session.
    pub async fn fetch(&mut self, version: i16, topic: &str, offset: i64) -> PartitionData {
        let response = self.ask(version, &fetch_request(topic, offset)).await;
        response.responses[0].partitions[0].clone()
    }

    /// Sets a config of one broker, or with an empty name of all.
    pub async fn set_broker_config(&mut self, broker: &str, name: &str, value: &str) {
        let config = AlterableConfig { name: name.into(), config_operation: 0, value: Some(value.into()) };
        let resource =
            AlterConfigsResource { resource_type: 4, resource_name: broker.into(), configs: vec![config] };
        let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
        let response = self.ask(1, &request).await.responses.remove(0);
        assert_eq!(name_of(response.error_code), "NONE", "{:?}", response.error_message);
    }

    /// Fetches and gives the error code and the partition, where there is one.
    pub async fn fetch_as(&mut self, version: i16, request: &FetchRequest) -> FetchResponse {
        self.ask(version, request).await
    }
}

/// Produces records to partition 0.
pub fn produce_request(acks: i16, topic: &str, records: Vec<u8>) -> ProduceRequest {
    let data = PartitionProduceData { index: 0, records: Some(Bytes::from(records)) };
    let topic = TopicProduceData { name: topic.to_owned(), partition_data: vec![data], ..Default::default() };
    ProduceRequest { acks, timeout_ms: 10_000, topic_data: vec![topic], ..Default::default() }
}

/// Fetches partition 0 by name, without a session and without waiting.
pub fn fetch_request(topic: &str, fetch_offset: i64) -> FetchRequest {
    let partition = FetchPartition {
        fetch_offset,
        partition_max_bytes: 1 << 20,
        current_leader_epoch: -1,
        ..Default::default()
    };
    FetchRequest {
        max_bytes: 50 << 20,
        min_bytes: 1,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: topic.to_owned(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// A batch of these values, with the keys that they have, at time 1000.
pub fn batch<'a>(
    builder: BatchBuilder,
    values: impl IntoIterator<Item = (Option<&'a str>, &'a str)>,
) -> Vec<u8> {
    let mut builder = builder;
    for (key, value) in values {
        builder.append(1000, key.map(str::as_bytes), Some(value.as_bytes()), &[]).expect("a record");
    }
    builder.build().expect("a batch")
}

/// A plain batch of one record without key.
pub fn one(value: &str) -> Vec<u8> {
    batch(BatchBuilder::new(), [(None, value)])
}

/// An error code by its name, for messages of failed tests.
pub fn name_of(code: i16) -> &'static str {
    ErrorCode::from_code(code).name()
}
