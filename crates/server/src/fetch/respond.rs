//! The Fetch response, written so that records go from the segment files to the socket.
//!
//! The layout is that of the generated `FetchResponse`, which a test holds it to. Small regions are read into the
//! response, since one more system call costs more than copying them.

use std::io;
use std::os::unix::fs::FileExt;

use moldau_protocol::ApiKey;
use moldau_protocol::messages::fetch_response::PartitionData;
use moldau_protocol::wire::writer as w;

use super::read::PartitionAnswer;
use super::session::FetchTopic;
use crate::dispatch::{finish_frame, frame_head};
use crate::network::{Chunk, Response};

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

struct Parts {
    chunks: Vec<Chunk>,
    bytes: Vec<u8>,
    file_bytes: usize,
    flexible: bool,
    version: i16,
}

/// Writes the response. `answers` are grouped by topic where neighbours have the same.
pub(crate) fn write(head: ResponseHead, answers: Vec<PartitionAnswer>) -> Result<Response, String> {
    let version = head.api_version;
    let mut parts = Parts {
        chunks: Vec::new(),
        bytes: frame_head(ApiKey::Fetch, version, head.correlation_id),
        file_bytes: 0,
        flexible: version >= 12,
        version,
    };
    w::i32(&mut parts.bytes, 0); // throttle time
    if version >= 7 {
        w::i16(&mut parts.bytes, head.error_code);
        w::i32(&mut parts.bytes, head.session_id);
    }
    let topics: Vec<std::ops::Range<usize>> = runs(&answers);
    parts.length(topics.len())?;
    let mut answers = answers.into_iter();
    for run in topics {
        let mut of_topic = answers.by_ref().take(run.len()).peekable();
        if let Some(first) = of_topic.peek() {
            parts.topic(&first.key.topic)?;
        }
        parts.length(run.len())?;
        for answer in of_topic {
            parts.partition(answer)?;
        }
        parts.no_tags();
    }
    parts.no_tags();
    Ok(parts.finish())
}

/// The runs of neighbours with the same topic.
fn runs(answers: &[PartitionAnswer]) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, answer) in answers.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if answers[run.start].key.topic == answer.key.topic => run.end = at + 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

impl Parts {
    fn length(&mut self, length: usize) -> Result<(), String> {
        w::len(&mut self.bytes, self.flexible, length).map_err(|e| e.to_string())
    }

    fn no_tags(&mut self) {
        if self.flexible {
            self.bytes.push(0);
        }
    }

    fn topic(&mut self, topic: &FetchTopic) -> Result<(), String> {
        match topic {
            FetchTopic::Name(name) => {
                w::string(&mut self.bytes, self.flexible, name).map_err(|e| e.to_string())
            }
            FetchTopic::Id(id) => {
                w::uuid(&mut self.bytes, *id);
                Ok(())
            }
        }
    }

    fn partition(&mut self, answer: PartitionAnswer) -> Result<(), String> {
        let PartitionAnswer { data, records, .. } = answer;
        let out = &mut self.bytes;
        w::i32(out, data.partition_index);
        w::i16(out, data.error_code);
        w::i64(out, data.high_watermark);
        w::i64(out, data.last_stable_offset);
        if self.version >= 5 {
            w::i64(out, data.log_start_offset);
        }
        match &data.aborted_transactions {
            None => w::null(out, self.flexible),
            Some(aborted) => {
                self.length(aborted.len())?;
                for transaction in aborted {
                    w::i64(&mut self.bytes, transaction.producer_id);
                    w::i64(&mut self.bytes, transaction.first_offset);
                    self.no_tags();
                }
            }
        }
        if self.version >= 11 {
            w::i32(&mut self.bytes, data.preferred_read_replica);
        }
        let length = records.as_ref().map_or(0, |slice| slice.len);
        // The length of bytes has four bytes where lengths are not compact, as arrays' lengths have.
        self.length(length)?;
        if let Some(slice) = records {
            if length <= COPY_BYTES_MAX {
                let at = self.bytes.len();
                self.bytes.resize(at + length, 0);
                slice
                    .file
                    .read_exact_at(&mut self.bytes[at..], slice.position)
                    .map_err(|e: io::Error| format!("reading a segment failed: {e}"))?;
            } else {
                self.file_bytes += length;
                self.chunks.push(Chunk::Bytes(std::mem::take(&mut self.bytes)));
                self.chunks.push(Chunk::File(slice));
            }
        }
        if self.flexible {
            self.tags(&data);
        }
        Ok(())
    }

    fn tags(&mut self, data: &PartitionData) {
        let out = &mut self.bytes;
        if data.diverging_epoch.epoch < 0 {
            out.push(0);
            return;
        }
        w::unsigned_varint(out, 1);
        w::unsigned_varint(out, 0); // tag 0: diverging epoch
        w::unsigned_varint(out, 13);
        w::i32(out, data.diverging_epoch.epoch);
        w::i64(out, data.diverging_epoch.end_offset);
        out.push(0);
    }

    fn finish(mut self) -> Response {
        if self.chunks.is_empty() {
            finish_frame(&mut self.bytes, 0);
            return Response::bytes(self.bytes);
        }
        let tail = self.bytes;
        let counted: usize = self.chunks.iter().map(Chunk::len).sum::<usize>() + tail.len();
        if let Some(Chunk::Bytes(first)) = self.chunks.first_mut() {
            let rest = counted - first.len();
            finish_frame(first, rest);
        }
        self.chunks.push(Chunk::Bytes(tail));
        Response { chunks: self.chunks }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use moldau_log::FileSlice;
    use moldau_protocol::Message;
    use moldau_protocol::messages::FetchResponse;
    use moldau_protocol::messages::fetch_response::{AbortedTransaction, EpochEndOffset};
    use moldau_types::Uuid;

    use super::*;
    use crate::fetch::session::SessionKey;

    fn answers(version: i16, file: &Arc<std::fs::File>) -> Vec<PartitionAnswer> {
        let topic = |n: u8| match version {
            13.. => FetchTopic::Id(Uuid([n; 16])),
            _ => FetchTopic::Name(format!("topic-{n}")),
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
                answers.push(PartitionAnswer { key, data, records: records.clone(), maybe_cold: false });
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
            let response = write(head, answers(version, &file)).expect("written");
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
