//! Produces prepared batches as fast as they are acknowledged, with several requests in flight on each connection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use moldau_protocol::messages::ProduceRequest;
use moldau_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};

use super::batch::Batch;
use super::connection::{Connection, frame};

/// The version that is sent: the newest that names topics and that old brokers know too.
pub(crate) const VERSION: i16 = 9;

/// How to produce.
pub(crate) struct Produce<'a> {
    pub(crate) address: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) partitions: i32,
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
    /// Uncompressed bytes to send, about.
    pub(crate) total: u64,
}

/// The request that sends a batch to a partition, acknowledged by all replicas.
pub(crate) fn request(topic: &str, partition: i32, batch: &Bytes) -> ProduceRequest {
    let data = PartitionProduceData { index: partition, records: Some(batch.clone()) };
    let topic = TopicProduceData { name: topic.to_owned(), partition_data: vec![data], ..Default::default() };
    ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: vec![topic], ..Default::default() }
}

/// Reads a produce's answer and errs if it tells of an error.
pub(crate) fn acknowledged(reader: &mut Connection) -> Result<()> {
    let answer = reader.receive::<ProduceRequest>(VERSION)?;
    match answer.responses.iter().flat_map(|topic| &topic.partition_responses).find(|p| p.error_code != 0) {
        Some(refused) => bail!("produce: error {} {:?}", refused.error_code, refused.error_message),
        None => Ok(()),
    }
}

/// Sends the batch again and again; gives the uncompressed bytes that were acknowledged.
pub(crate) fn produce(how: &Produce<'_>, batch: &Batch) -> Result<u64> {
    let wanted = how.total.div_ceil(batch.plain_bytes as u64).max(1);
    let bytes = Bytes::copy_from_slice(&batch.bytes);
    let taken = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..how.connections)
            .map(|number| {
                scope.spawn({
                    let (bytes, taken) = (&bytes, &taken);
                    move || one_connection(how, number, bytes, taken, wanted)
                })
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| anyhow!("a driver's thread panicked"))?)
    })?;
    Ok(wanted * batch.plain_bytes as u64)
}

fn one_connection(
    how: &Produce<'_>,
    number: usize,
    batch: &Bytes,
    taken: &AtomicU64,
    wanted: u64,
) -> Result<()> {
    let mut writer = Connection::open(how.address)?;
    let mut reader = writer.reader()?;
    let partitions = (number as i32..how.partitions).step_by(how.connections);
    let frames: Vec<Vec<u8>> = partitions
        .map(|partition| frame(VERSION, &request(how.topic, partition, batch)))
        .collect::<Result<_>>()?;
    // One is being waited for outside the channel.
    let (sent, unanswered) = sync_channel::<()>(how.in_flight.saturating_sub(1).max(1));
    std::thread::scope(|scope| {
        let reading =
            scope.spawn(move || unanswered.into_iter().try_for_each(|()| acknowledged(&mut reader)));
        let mut turn = 0;
        while taken.fetch_add(1, Ordering::Relaxed) < wanted {
            if sent.send(()).is_err() {
                break; // the reader met an error and tells it
            }
            writer.send(&frames[turn % frames.len()])?;
            turn += 1;
        }
        drop(sent);
        reading.join().map_err(|_| anyhow!("a driver's thread panicked"))?
    })
}
