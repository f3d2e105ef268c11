//! The Fetch response, written so that records go from the segment files to the socket.
//!
//! Small regions are read into the response, since one more system call costs more than copying them.

use std::os::unix::fs::FileExt;

use bytes::Bytes;
use moldau_log::FileSlice;
use moldau_protocol::messages::FetchResponse;
use moldau_protocol::messages::fetch_response::{FetchableTopicResponse, NodeEndpoint};
use moldau_protocol::wire::{Gap, Gaps};
use moldau_protocol::{ApiKey, Message};
use moldau_types::Uuid;

use super::read::PartitionAnswer;
use super::session::FetchTopic;
use crate::dispatch::{finish_frame, frame_head};
use crate::network::{Chunk, Response};
use crate::telemetry::ErrorCounts;

/// Regions up to this many bytes are copied.
const COPY_BYTES_MAX: usize = 16 * 1024;

/// What a Fetch response says besides its partitions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseHead {
    pub(crate) api_version: i16,
    pub(crate) correlation_id: i32,
    pub(crate) error_code: i16,
    pub(crate) session_id: i32,
}

/// Writes the response. `answers` are grouped by topic where neighbours have the same; `leaders` tells where the
/// leaders are that partitions name.
pub(crate) fn write(
    head: ResponseHead,
    answers: Vec<PartitionAnswer>,
    leaders: Vec<NodeEndpoint>,
) -> Result<Response, String> {
    let mut slices = Vec::with_capacity(answers.len());
    let body = FetchResponse {
        error_code: head.error_code,
        session_id: head.session_id,
        responses: topics(answers, &mut slices),
        node_endpoints: leaders,
        ..FetchResponse::default()
    };
    let mut gaps = Gaps::new(slices.iter().map(|slice| slice.as_ref().map(|slice| slice.len)).collect());
    let mut frame = frame_head(ApiKey::Fetch, head.api_version, head.correlation_id);
    body.encode_with_gaps(&mut frame, head.api_version, &mut gaps)
        .map_err(|e| format!("{} cannot be written: {e}", FetchResponse::NAME))?;
    finish_frame(&mut frame, gaps.total_len())?;
    if gaps.gaps().is_empty() {
        return Ok(Response::bytes(frame).with_errors(ErrorCounts::of(&body)));
    }
    let chunks = fill(&frame, gaps.gaps(), slices)?;
    Ok(Response::of(chunks).with_errors(ErrorCounts::of(&body)))
}

/// The partitions by topics, and of each the region that its records are in.
fn topics(answers: Vec<PartitionAnswer>, slices: &mut Vec<Option<FileSlice>>) -> Vec<FetchableTopicResponse> {
    let mut topics: Vec<FetchableTopicResponse> = Vec::new();
    let mut last: Option<FetchTopic> = None;
    for PartitionAnswer { key, mut data, records, .. } in answers {
        data.records = records.is_none().then(Bytes::new);
        slices.push(records);
        match topics.last_mut() {
            Some(topic) if last.as_ref() == Some(&key.topic) => topic.partitions.push(data),
            _ => {
                let (topic, topic_id) = match &key.topic {
                    FetchTopic::Name(name) => (name.to_string(), Uuid::ZERO),
                    FetchTopic::Id(id) => (String::new(), *id),
                };
                topics.push(FetchableTopicResponse { topic, topic_id, partitions: vec![data] });
                last = Some(key.topic);
            }
        }
    }
    topics
}

/// The frame with the regions in their places.
fn fill(frame: &[u8], gaps: &[Gap], mut slices: Vec<Option<FileSlice>>) -> Result<Vec<Chunk>, String> {
    let mut chunks = Vec::with_capacity(2 * gaps.len() + 1);
    let mut bytes = Vec::new();
    let mut from = 0;
    for gap in gaps {
        bytes.extend_from_slice(&frame[from..gap.position]);
        from = gap.position;
        let Some(slice) = slices[gap.index].take() else { continue };
        if gap.len <= COPY_BYTES_MAX {
            let at = bytes.len();
            bytes.resize(at + gap.len, 0);
            slice
                .file
                .read_exact_at(&mut bytes[at..], slice.position)
                .map_err(|e| format!("reading a segment failed: {e}"))?;
        } else {
            chunks.push(Chunk::Bytes(std::mem::take(&mut bytes)));
            chunks.push(Chunk::File(slice));
        }
    }
    bytes.extend_from_slice(&frame[from..]);
    chunks.push(Chunk::Bytes(bytes));
    Ok(chunks)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use moldau_protocol::messages::fetch_response::{AbortedTransaction, EpochEndOffset, PartitionData};

    use super::*;
    use crate::fetch::session::SessionKey;

    fn answers(version: i16, file: &Arc<std::fs::File>) -> Vec<PartitionAnswer> {
        let topic = |n: u8| match version {
            13.. => FetchTopic::Id(Uuid([n; 16])),
            _ => FetchTopic::Name(format!("topic-{n}").into()),
        };
        let slice = |position, len| Some(FileSlice { file: file.clone(), position, len });
        let kinds = [None, slice(10, 100), slice(0, COPY_BYTES_MAX + 1), slice(7, 40_000)];
        let mut answers = Vec::new();
        for n in [1, 2] {
            for (index, records) in kinds.iter().enumerate() {
                let mut data = PartitionData {
                    partition_index: index as i32,
                    high_watermark: 100 + index as i64,
                    last_stable_offset: 90,
                    aborted_transactions: None,
                    records: None,
                    ..PartitionData::default()
                };
                if version >= 5 {
                    data.log_start_offset = 3;
                }
                if index == 1 {
                    data.aborted_transactions =
                        Some(vec![AbortedTransaction { producer_id: 7, first_offset: 8 }]);
                }
                if index == 0 && version >= 12 {
                    data.diverging_epoch = EpochEndOffset { epoch: 4, end_offset: 50 };
                }
                let key = SessionKey { topic: topic(n), partition: index as i32 };
                answers.push(PartitionAnswer {
                    key,
                    data,
                    records: records.clone(),
                    maybe_cold: false,
                    in_closed_segment: false,
                });
            }
        }
        answers
    }

    #[test]
    fn every_version_reads_back_as_the_generated_message() {
        let mut file = tempfile::tempfile().expect("a file");
        let content: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
        file.write_all(&content).expect("written");
        let file = Arc::new(file);
        for version in FetchResponse::MIN_VERSION..=FetchResponse::MAX_VERSION {
            let session_id = if version >= 7 { 5 } else { 0 };
            let head = ResponseHead { api_version: version, correlation_id: 9, error_code: 0, session_id };
            let response = write(head, answers(version, &file), Vec::new()).expect("written");
            let mut wire = Vec::new();
            for chunk in &response.chunks {
                match chunk {
                    Chunk::Bytes(bytes) => wire.extend_from_slice(bytes),
                    Chunk::File(s) => {
                        wire.extend_from_slice(&content[s.position as usize..s.position as usize + s.len]);
                    }
                }
            }
            assert_eq!(wire[..4], ((wire.len() - 4) as i32).to_be_bytes());
            let body = if version >= 12 { &wire[9..] } else { &wire[8..] };
            let read = FetchResponse::decode_all(body, version).expect("a response");
            assert_eq!(read.responses.len(), 2);
            assert_eq!(read.session_id, session_id);
            let expected = answers(version, &file);
            let partitions = read.responses.iter().flat_map(|topic| &topic.partitions);
            for (partition, answer) in partitions.zip(&expected) {
                let records = answer
                    .records
                    .as_ref()
                    .map_or(&[][..], |s| &content[s.position as usize..s.position as usize + s.len]);
                assert_eq!(partition.records.as_deref().unwrap_or_default(), records, "version {version}");
                let data = PartitionData { records: partition.records.clone(), ..answer.data.clone() };
                assert_eq!(partition, &data, "version {version}");
            }
        }
    }
}
