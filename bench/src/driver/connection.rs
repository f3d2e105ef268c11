//! A blocking connection that sends frames and reads answers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::{Bytes, BytesMut};
use moldau_protocol::frame::encode_request;
use moldau_protocol::messages::create_topics_request::CreatableTopic;
use moldau_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use moldau_protocol::messages::{
    CreateTopicsRequest, DeleteTopicsRequest, ListOffsetsRequest, ResponseHeader,
};
use moldau_protocol::{Message, Reader, Request};

/// Longer than any answer may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
pub(crate) struct Connection {
    stream: TcpStream,
    /// The last answer, whose memory the next one takes once nobody reads it any more. Fresh or cleared memory for
    /// each would keep the driver busy, and a server that waits for its driver costs more by the gigabyte.
    last: Bytes,
}

/// A request's whole frame. Its correlation id is fixed, since answers come in the order of requests.
pub(crate) fn frame<R: Request>(version: i16, request: &R) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    encode_request(&mut out, version, 1, Some("bench"), request)
        .context("a request that cannot be encoded")?;
    Ok(out)
}

impl Connection {
    pub(crate) fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, last: Bytes::new() })
    }

    /// Another handle to the same connection, for a thread that only reads.
    pub(crate) fn reader(&self) -> Result<Self> {
        Ok(Self { stream: self.stream.try_clone()?, last: Bytes::new() })
    }

    pub(crate) fn send(&mut self, frame: &[u8]) -> Result<()> {
        self.stream.write_all(frame).context("sending")
    }

    /// The next answer's frame without its length.
    pub(crate) fn receive_bytes(&mut self) -> Result<Bytes> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).context("an answer that does not come")?;
        let mut content = std::mem::take(&mut self.last).try_into_mut().unwrap_or_else(|_| BytesMut::new());
        content.resize(usize::try_from(i32::from_be_bytes(length)).context("a negative length")?, 0);
        self.stream.read_exact(&mut content).context("an answer that does not end")?;
        self.last = content.freeze();
        Ok(self.last.clone())
    }

    /// The next answer.
    pub(crate) fn receive<R: Request>(&mut self, version: i16) -> Result<R::Response> {
        let content = self.receive_bytes()?;
        let mut reader = Reader::new(&content);
        ResponseHeader::decode(&mut reader, R::KEY.response_header_version(version))?;
        let header = content.len() - reader.remaining();
        Ok(R::Response::decode_shared(&content.slice(header..), version)?)
    }

    pub(crate) fn ask<R: Request>(&mut self, version: i16, request: &R) -> Result<R::Response> {
        self.send(&frame(version, request)?)?;
        self.receive::<R>(version)
    }
}

/// Makes a topic and waits until all its partitions are led.
pub(crate) fn create_topic(address: &str, topic: &str, partitions: i32) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let wanted = CreatableTopic {
        name: topic.to_owned(),
        num_partitions: partitions,
        replication_factor: 1,
        ..CreatableTopic::default()
    };
    let request = CreateTopicsRequest { topics: vec![wanted], timeout_ms: 30_000, ..Default::default() };
    let answer = connection.ask(5, &request)?;
    if let Some(refused) = answer.topics.iter().find(|topic| topic.error_code != 0) {
        bail!("making the topic {topic}: error {} {:?}", refused.error_code, refused.error_message);
    }
    // A leader that is announced may not lead yet: it does when it tells its offsets.
    let until = Instant::now() + PATIENCE;
    while log_ends(&mut connection, topic, 0..partitions)?.iter().any(Result::is_err) {
        if Instant::now() > until {
            bail!("the topic {topic} has no leaders");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The log end offset of each of these partitions, or the error code.
pub(crate) fn log_ends(
    connection: &mut Connection,
    topic: &str,
    partitions: Range<i32>,
) -> Result<Vec<Result<i64, i16>>> {
    let asked =
        |partition_index| ListOffsetsPartition { partition_index, timestamp: -1, ..Default::default() };
    let topic = ListOffsetsTopic { name: topic.to_owned(), partitions: partitions.map(asked).collect() };
    let request = ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
    let answer = connection.ask(5, &request)?;
    let found = answer.topics.into_iter().flat_map(|topic| topic.partitions);
    Ok(found.map(|p| if p.error_code == 0 { Ok(p.offset) } else { Err(p.error_code) }).collect())
}

/// Removes a topic.
pub(crate) fn delete_topic(address: &str, topic: &str) -> Result<()> {
    let topic_names = vec![topic.to_owned()];
    let request = DeleteTopicsRequest { topic_names, timeout_ms: 30_000, ..Default::default() };
    let answer = Connection::open(address)?.ask(5, &request)?;
    match answer.responses.iter().find(|topic| topic.error_code != 0) {
        Some(refused) => bail!("deleting the topic {topic}: error {}", refused.error_code),
        None => Ok(()),
    }
}
