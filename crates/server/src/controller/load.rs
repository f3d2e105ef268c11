//! The image that the loop starts from: the latest snapshot, and the log after it.

use bytes::Bytes;
use moldau_metadata::{MetadataDelta, MetadataImage, MetadataRecord};
use moldau_protocol::messages::AbortTransactionRecord;
use moldau_quorum::{Committed, CommittedReader, MetadataQuorum};
use moldau_types::Offset;

/// What the metadata log says at the start.
pub(crate) struct Loaded {
    /// Everything committed.
    pub(crate) image: MetadataImage,
    /// A metadata transaction was left open: the image is without it, and the log has to say so.
    pub(crate) open_transaction: bool,
    /// Bytes of records since the latest snapshot.
    pub(crate) bytes_since_snapshot: u64,
}

/// Reads everything committed so far.
pub(crate) fn load(quorum: &impl MetadataQuorum) -> Result<Loaded, String> {
    let mut reader = quorum.reader(Offset(-1));
    let high_watermark = quorum.status().high_watermark;
    let mut delta = MetadataDelta::new(&MetadataImage::default());
    let mut bytes_since_snapshot = 0;
    while delta.image().provenance.last_offset.0 + 1 < high_watermark.0 {
        let Some(next) = reader.try_next().map_err(|e| e.to_string())? else { break };
        let before = next.end_offset();
        match next {
            Committed::Snapshot(snapshot) => {
                delta = MetadataDelta::new(&MetadataImage::default());
                bytes_since_snapshot = 0;
                replay(&mut delta, &snapshot.records, before)?;
                let last = Offset(before.0 - 1);
                delta.set_provenance(last, snapshot.id.epoch, snapshot.last_contained_log_timestamp);
            }
            Committed::Batch(batch) => {
                bytes_since_snapshot += batch.records.iter().map(|record| record.len() as u64).sum::<u64>();
                replay(&mut delta, &batch.records, before)?;
                delta.set_provenance(batch.last_offset, batch.leader_epoch, batch.append_timestamp);
            }
        }
    }
    let open_transaction = delta.in_transaction();
    if open_transaction {
        delta.replay(&abort_record()).map_err(|error| error.to_string())?;
    }
    Ok(Loaded { image: delta.finish().0, open_transaction, bytes_since_snapshot })
}

/// What undoes the metadata transaction of a controller that is gone.
pub(super) fn abort_record() -> MetadataRecord {
    AbortTransactionRecord { reason: Some("the controller that began it stopped".to_owned()) }.into()
}

fn replay(delta: &mut MetadataDelta, records: &[Bytes], before: Offset) -> Result<(), String> {
    for frame in records {
        let record = MetadataRecord::decode_shared(frame)
            .map_err(|e| format!("metadata record before {before}: {e}"))?;
        delta.replay(&record).map_err(|e| format!("metadata record before {before}: {e}"))?;
    }
    Ok(())
}
