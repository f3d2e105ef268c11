//! When the metadata is written to a snapshot, and what is in it. The loop goes on meanwhile: an image never changes.

mod schedule;

use std::sync::Arc;

use bytes::Bytes;
use moldau_metadata::MetadataImage;
use moldau_quorum::{MetadataQuorum, SnapshotContents, SnapshotId};
use moldau_types::Offset;
use tokio::task::JoinHandle;

pub(crate) use schedule::SnapshotRules;

use schedule::Schedule;

/// Writes snapshots when they are due.
pub(super) struct Snapshots {
    schedule: Schedule,
    under_way: Option<JoinHandle<bool>>,
}

impl Snapshots {
    pub(super) fn new(rules: SnapshotRules, bytes_since_last: u64, now_ms: i64) -> Self {
        Snapshots { schedule: Schedule::new(rules, bytes_since_last, now_ms), under_way: None }
    }

    /// Notes records that were committed.
    pub(super) fn committed(&mut self, bytes: u64) {
        self.schedule.committed(bytes);
    }

    /// In how many milliseconds the next one is due if nothing more is committed; `None` if none will be, or one is being written.
    pub(super) fn due_in_ms(&self, now_ms: i64) -> Option<u64> {
        self.schedule.due_in_ms(now_ms)
    }

    /// Begins a snapshot of the image if one is due.
    pub(super) fn begin_if_due<Q: MetadataQuorum>(
        &mut self,
        quorum: &Arc<Q>,
        image: &Arc<MetadataImage>,
        now_ms: i64,
    ) {
        if self.schedule.due_in_ms(now_ms) == Some(0) {
            self.schedule.begun(now_ms);
            self.under_way = Some(tokio::spawn(write(quorum.clone(), image.clone())));
        }
    }

    /// Waits for the one that is being written, without end if there is none, and gives whether it was written. Can be dropped
    /// and called again.
    pub(super) async fn outcome(&mut self) -> bool {
        let Some(writing) = &mut self.under_way else { return std::future::pending().await };
        let outcome = writing.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a snapshot of the metadata was not finished");
            false
        });
        self.under_way = None;
        outcome
    }

    /// Notes what [`Snapshots::outcome`] gave.
    pub(super) fn ended(&mut self, written: bool, now_ms: i64) {
        self.schedule.ended(written, now_ms);
    }

    /// Waits for the one that is being written, if there is one.
    pub(super) async fn finish(&mut self) {
        if self.under_way.is_some() {
            self.outcome().await;
        }
    }
}

/// Whether it was written.
async fn write<Q: MetadataQuorum>(quorum: Arc<Q>, image: Arc<MetadataImage>) -> bool {
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
        Ok(id) => {
            tracing::info!(%id, "wrote a snapshot of the metadata");
            true
        }
        Err(reason) => {
            tracing::error!(%reason, "the snapshot of the metadata could not be written; the log is kept, and it is tried again");
            false
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
