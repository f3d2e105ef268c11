//! When the metadata is written to a snapshot, and what is in it. The loop goes on meanwhile: an image never changes.

use std::sync::Arc;

use bytes::Bytes;
use moldau_metadata::MetadataImage;
use moldau_quorum::{MetadataQuorum, SnapshotContents, SnapshotId};
use moldau_types::Offset;
use tokio::task::JoinHandle;

/// When the loop writes snapshots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SnapshotRules {
    /// `metadata.log.max.record.bytes.between.snapshots`
    pub(crate) max_record_bytes: u64,
    /// `metadata.log.max.snapshot.interval.ms`; 0 for never.
    pub(crate) max_interval_ms: i64,
}

/// Follows the rules.
pub(super) struct Snapshots {
    rules: SnapshotRules,
    bytes_since_last: u64,
    last_ms: i64,
    under_way: Option<JoinHandle<()>>,
}

impl Snapshots {
    pub(super) fn new(rules: SnapshotRules, bytes_since_last: u64, now_ms: i64) -> Self {
        Snapshots { rules, bytes_since_last, last_ms: now_ms, under_way: None }
    }

    /// Notes records that were committed.
    pub(super) fn committed(&mut self, bytes: u64) {
        self.bytes_since_last += bytes;
    }

    /// In how many milliseconds the next one is due by time alone; `None` if there is nothing new.
    pub(super) fn due_in_ms(&self, now_ms: i64) -> Option<u64> {
        let timed = self.rules.max_interval_ms > 0 && self.bytes_since_last > 0;
        let due_ms = self.last_ms.saturating_add(self.rules.max_interval_ms);
        timed.then(|| u64::try_from(due_ms.saturating_sub(now_ms)).unwrap_or(0))
    }

    /// Begins a snapshot of the image if one is due and none is being written.
    pub(super) fn begin_if_due<Q: MetadataQuorum>(
        &mut self,
        quorum: &Arc<Q>,
        image: &Arc<MetadataImage>,
        now_ms: i64,
    ) {
        let by_size = self.bytes_since_last >= self.rules.max_record_bytes && self.bytes_since_last > 0;
        let by_time = self.due_in_ms(now_ms) == Some(0);
        let busy = self.under_way.as_ref().is_some_and(|writing| !writing.is_finished());
        if busy || !(by_size || by_time) {
            return;
        }
        self.bytes_since_last = 0;
        self.last_ms = now_ms;
        self.under_way = Some(tokio::spawn(write(quorum.clone(), image.clone())));
    }

    /// Waits for the one that is being written.
    pub(super) async fn finish(&mut self) {
        if let Some(writing) = self.under_way.take()
            && let Err(error) = writing.await
        {
            tracing::error!(%error, "a snapshot of the metadata was not finished");
        }
    }
}

async fn write<Q: MetadataQuorum>(quorum: Arc<Q>, image: Arc<MetadataImage>) {
    let made = tokio::task::spawn_blocking(move || contents(&image)).await;
    let written = match made {
        Ok(Ok(contents)) => {
            let id = contents.id;
            quorum.write_snapshot(contents).await.map(|()| id).map_err(|error| error.to_string())
        }
        Ok(Err(reason)) => Err(reason),
        Err(error) => Err(error.to_string()),
    };
    match written {
        Ok(id) => tracing::info!(%id, "wrote a snapshot of the metadata"),
        Err(reason) => {
            tracing::error!(%reason, "the snapshot of the metadata could not be written; the log is kept");
        }
    }
}

fn contents(image: &MetadataImage) -> Result<SnapshotContents, String> {
    let version = image.features.version();
    let mut records = Vec::new();
    for record in image.to_records(version) {
        let mut frame = Vec::new();
        record.encode(&mut frame, version).map_err(|error| error.to_string())?;
        records.push(Bytes::from(frame));
    }
    let provenance = image.provenance;
    Ok(SnapshotContents {
        id: SnapshotId {
            end_offset: Offset(provenance.last_offset.0 + 1),
            epoch: provenance.last_leader_epoch,
        },
        last_contained_log_timestamp: provenance.last_timestamp_ms,
        records,
    })
}
