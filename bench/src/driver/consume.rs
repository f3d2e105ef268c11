//! Fetches a topic from its beginning to its end.

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use moldau_protocol::messages::FetchRequest;
use moldau_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use moldau_protocol::records::BATCH_HEADER_LEN;

use super::connection::Connection;

const VERSION: i16 = 12;

/// A fetch of one partition without a session.
pub(crate) fn request(
    topic: &str,
    partition: i32,
    offset: i64,
    max_bytes: i32,
    max_wait_ms: i32,
) -> FetchRequest {
    let partition = FetchPartition {
        partition,
        fetch_offset: offset,
        current_leader_epoch: -1,
        last_fetched_epoch: -1,
        partition_max_bytes: max_bytes,
        ..FetchPartition::default()
    };
    FetchRequest {
        max_wait_ms,
        min_bytes: 1,
        max_bytes: 100 << 20,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: topic.to_owned(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..FetchRequest::default()
    }
}

/// Fetches from a partition: what came, and the offset behind its last whole batch.
pub(crate) fn fetch(connection: &mut Connection, request: &FetchRequest) -> Result<(Bytes, i64)> {
    let offset = request.topics[0].partitions[0].fetch_offset;
    let answer = connection.ask(VERSION, request)?;
    let Some(partition) = answer.responses.first().and_then(|topic| topic.partitions.first()) else {
        bail!("fetch: error {}", answer.error_code);
    };
    if partition.error_code != 0 {
        bail!("fetch: error {}", partition.error_code);
    }
    let records = partition.records.clone().unwrap_or_default();
    let next = next_offset(&records).unwrap_or(offset);
    Ok((records, next))
}

/// The offset behind the last whole batch. Only lengths and offsets are looked at.
fn next_offset(records: &[u8]) -> Option<i64> {
    let mut next = None;
    let mut rest = records;
    while rest.len() >= BATCH_HEADER_LEN {
        let length = 12 + i32::from_be_bytes(rest[8..12].try_into().ok()?) as usize;
        if length > rest.len() {
            break;
        }
        let base = i64::from_be_bytes(rest[..8].try_into().ok()?);
        next = Some(base + i64::from(i32::from_be_bytes(rest[23..27].try_into().ok()?)) + 1);
        rest = &rest[length..];
    }
    next
}

/// Fetches all partitions to their ends, 1 MiB at a time; gives the bytes that came.
pub(crate) fn consume(address: &str, topic: &str, partitions: i32, connections: usize) -> Result<u64> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections as i32)
            .map(|number| {
                scope.spawn(move || {
                    let mut connection = Connection::open(address)?;
                    let mut left: Vec<(i32, i64)> =
                        (number..partitions).step_by(connections).map(|partition| (partition, 0)).collect();
                    let mut moved = 0;
                    while !left.is_empty() {
                        let mut met: Result<()> = Ok(());
                        left.retain_mut(|(partition, offset)| {
                            match fetch(&mut connection, &request(topic, *partition, *offset, 1 << 20, 10)) {
                                Ok((records, next)) => {
                                    moved += records.len() as u64;
                                    *offset = next;
                                    !records.is_empty()
                                }
                                Err(error) => {
                                    met = Err(error);
                                    false
                                }
                            }
                        });
                        met?;
                    }
                    Ok::<u64, anyhow::Error>(moved)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow!("a driver's thread panicked"))?)
            .sum()
    })
}

#[cfg(test)]
mod tests {
    use moldau_protocol::records::Compression;

    use super::super::batch;
    use super::*;

    #[test]
    fn the_next_offset_is_behind_the_last_whole_batch() {
        let one = batch(500, 100, Compression::None).unwrap();
        let records = one.records as i64;
        assert_eq!(next_offset(&one.bytes), Some(records));
        let mut two = [&one.bytes[..], &one.bytes[..]].concat();
        two[one.bytes.len()..one.bytes.len() + 8].copy_from_slice(&records.to_be_bytes());
        assert_eq!(next_offset(&two), Some(2 * records));
        assert_eq!(next_offset(&two[..two.len() - 1]), Some(records));
        assert_eq!(next_offset(&one.bytes[..70]), None);
    }
}
