//! Coordinator records to record batches.
//!
//! The group coordinator's batches have no producer, yet base sequence 0, as the reference's.

use moldau_coordinator::{EncodedRecord, GroupRecord};
use moldau_protocol::records::{
    BATCH_HEADER_LEN, BatchBuilder, Compression, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, RecordsError,
};
use moldau_types::ErrorCode;

/// The most bytes that a record has beside its key and value.
const RECORD_OVERHEAD: usize = 64;

/// Makes batches in the compression of the topic's config.
#[derive(Clone, Debug)]
pub(crate) struct BatchEncoder {
    compression: Compression,
}

/// A batch to append.
pub(crate) struct EncodedBatch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: usize,
}

impl BatchEncoder {
    /// `codec` is the number of `offsets.topic.compression.codec`; one that does not exist compresses nothing.
    pub(crate) fn new(codec: i32) -> Self {
        let codec = u8::try_from(codec).ok().and_then(|codec| Compression::from_id(codec).ok());
        BatchEncoder { compression: codec.unwrap_or_default() }
    }

    /// As few batches as `max_bytes` allows, measured before compression. A record above it is RECORD_LIST_TOO_LARGE.
    pub(crate) fn encode(
        &self,
        records: &[GroupRecord],
        timestamp_ms: i64,
        max_bytes: usize,
    ) -> Result<Vec<EncodedBatch>, ErrorCode> {
        let mut batches = Vec::with_capacity(1);
        let mut builder = self.builder();
        for record in records {
            let record = match record.encode() {
                Ok(Some(record)) => record,
                Ok(None) => return Err(ErrorCode::UnknownServerError),
                Err(error) => {
                    tracing::error!(%error, "a record cannot be written");
                    return Err(ErrorCode::UnknownServerError);
                }
            };
            let size = size_max(&record);
            if BATCH_HEADER_LEN + size > max_bytes {
                return Err(ErrorCode::RecordListTooLarge);
            }
            if builder.uncompressed_size() + size > max_bytes {
                batches.push(finish(std::mem::replace(&mut builder, self.builder()))?);
            }
            let value = record.value.as_deref();
            builder.append(timestamp_ms, Some(&record.key), value, &[]).map_err(not_built)?;
        }
        batches.push(finish(builder)?);
        Ok(batches)
    }

    fn builder(&self) -> BatchBuilder {
        BatchBuilder::new().compression(self.compression, None).producer(NO_PRODUCER_ID, NO_PRODUCER_EPOCH, 0)
    }
}

fn size_max(record: &EncodedRecord) -> usize {
    record.key.len() + record.value.as_ref().map_or(0, |value| value.len()) + RECORD_OVERHEAD
}

fn finish(builder: BatchBuilder) -> Result<EncodedBatch, ErrorCode> {
    let records = builder.record_count();
    Ok(EncodedBatch { bytes: builder.build().map_err(not_built)?, records })
}

fn not_built(error: RecordsError) -> ErrorCode {
    tracing::error!(%error, "a batch cannot be built");
    ErrorCode::UnknownServerError
}
