//! What the producers of a log did, read from a snapshot and the batches behind it: at a start and after a truncation.

use std::sync::Arc;

use moldau_types::{Offset, ProducerId};

use super::listing::Listing;
use super::open::OpenLog;
use super::recover::{RecoveryReport, scan_failed};
use super::{PartitionLog, Writer};
use crate::AppendOrigin;
use crate::config::LogConfig;
use crate::epochs::LeaderEpochs;
use crate::error::StorageError;
use crate::files::{LOG_SUFFIX, SNAPSHOT_SUFFIX, file_name};
use crate::index::txn::AbortedTransaction;
use crate::producers::{ProducerTable, TransactionChange, Transactions, marker, snapshot};
use crate::scan::{FoundBatch, ScanError, Scanner};
use crate::segment::Segment;

/// The state that recovery builds up.
pub(super) struct Recovery {
    pub(super) producers: ProducerTable,
    pub(super) transactions: Transactions,
    /// Batches from here on are not in `producers` yet.
    pub(super) producers_from: i64,
    pub(super) epochs: LeaderEpochs,
    pub(super) report: RecoveryReport,
    pub(super) buffer: Vec<u8>,
}

impl OpenLog {
    /// Loads the newest snapshot that is not behind the point where reading begins, and replays what lies between.
    /// Gives the snapshot's offset, −1 without one.
    pub(super) fn load_producers(
        &self,
        files: &Listing,
        segments: &[Arc<Segment>],
        scan_from: i64,
        recovery: &mut Recovery,
    ) -> Result<i64, StorageError> {
        // A snapshot inside the first segment to be read is good as long as it is not behind the recovery point.
        let bound = scan_from.max(segments[0].base_offset);
        for &offset in files.snapshots.iter().rev().filter(|&&offset| offset <= bound) {
            let path = self.path.join(file_name(offset, SNAPSHOT_SUFFIX));
            let loaded = snapshot::load(&path, self.now_ms, self.config.producer_id_expiration_ms)?;
            if let Some((producers, transactions)) = loaded {
                (recovery.producers, recovery.transactions) = (producers, transactions);
                recovery.producers_from = offset;
                return Ok(offset);
            }
        }
        recovery.producers_from = segments[0].base_offset;
        Ok(-1)
    }
}

/// Notes in the producers what the batches of a segment before `until` did, as far as they do not know it yet.
pub(super) fn replay(segment: &Segment, until: i64, recovery: &mut Recovery) -> Result<(), StorageError> {
    let file = segment.file()?;
    let mut scanner = Scanner::with_buffer(&file, 0, segment.size(), std::mem::take(&mut recovery.buffer));
    let mut aborted = Vec::new();
    let mut end = recovery.producers_from;
    loop {
        match scanner.next_whole() {
            Ok(Some((found, bytes))) if found.base_offset < until => {
                let (producers, transactions) = (&mut recovery.producers, &mut recovery.transactions);
                apply(&found, bytes, recovery.producers_from, producers, transactions, &mut aborted);
                end = end.max(found.last_offset + 1);
            }
            Ok(_) => break,
            Err(ScanError::Torn { position, reason }) => {
                tracing::warn!(segment = %segment.path(LOG_SUFFIX).display(), position, reason, "producers are known up to here only");
                break;
            }
            Err(error) => return Err(scan_failed(segment, error)),
        }
    }
    recovery.producers_from = end;
    recovery.report.scanned_bytes += scanner.position();
    recovery.buffer = scanner.into_buffer();
    segment.release();
    Ok(())
}

/// Notes what a batch in the log did.
pub(super) fn apply(
    found: &FoundBatch,
    bytes: &[u8],
    producers_from: i64,
    producers: &mut ProducerTable,
    transactions: &mut Transactions,
    aborted: &mut Vec<AbortedTransaction>,
) {
    let Some(header) = found.header.filter(|h| h.has_producer_id() && found.base_offset >= producers_from)
    else {
        return;
    };
    let marker = marker::end_transaction(&header, bytes);
    if header.is_control() && marker.is_none() {
        return;
    }
    let noted = producers.append(
        &header,
        marker.as_ref(),
        header.base_offset,
        header.max_timestamp,
        AppendOrigin::Replication,
    );
    match noted {
        Ok(change) => {
            transactions.apply(header.producer_id, change);
            if let TransactionChange::Ended { first, marker, aborted: true } = change {
                aborted.push(AbortedTransaction {
                    producer_id: ProducerId(header.producer_id),
                    first_offset: Offset(first),
                    last_offset: Offset(marker),
                    last_stable_offset: Offset(transactions.last_stable_offset_after(marker)),
                });
            }
        }
        Err(error) => {
            tracing::warn!(%error, offset = header.base_offset, "a batch in the log breaks its producer's order")
        }
    }
}

/// Brings the transaction index in line with the markers found from `first_scanned` on.
pub(super) fn restore_aborted(
    segment: &Segment,
    found: &[AbortedTransaction],
    first_scanned: i64,
) -> Result<(), StorageError> {
    if found.is_empty() && !segment.has_aborted() {
        return Ok(());
    }
    let before = match segment.aborted() {
        Ok(entries) => Some(entries),
        Err(StorageError::Corrupt { .. }) => None,
        Err(error) => return Err(error),
    };
    let mut entries = before.clone().unwrap_or_default();
    entries.retain(|entry| entry.last_offset.0 < first_scanned);
    entries.extend_from_slice(found);
    if before.as_ref() == Some(&entries) { Ok(()) } else { segment.set_aborted(&entries) }
}

impl PartitionLog {
    /// Builds the producers anew from a snapshot and the log, after a truncation.
    pub(super) fn reload_producers(
        &self,
        writer: &mut Writer,
        config: &LogConfig,
        now_ms: i64,
    ) -> Result<(), StorageError> {
        let (segments, log_end) = {
            let view = self.view.lock();
            (view.segments.clone(), view.log_end)
        };
        self.remove_snapshots(|offset| offset > log_end)?;
        let mut snapshots = Listing::of(&self.path())?.snapshots;
        let mut recovery = Recovery {
            producers: ProducerTable::default(),
            transactions: Transactions::default(),
            producers_from: segments[0].base_offset,
            epochs: LeaderEpochs::default(),
            report: RecoveryReport::default(),
            buffer: Vec::new(),
        };
        writer.last_snapshot = -1;
        while let Some(offset) = snapshots.pop_last() {
            let path = self.home().join(&file_name(offset, SNAPSHOT_SUFFIX));
            if let Some((producers, transactions)) =
                snapshot::load(&path, now_ms, config.producer_id_expiration_ms)?
            {
                (recovery.producers, recovery.transactions) = (producers, transactions);
                recovery.producers_from = offset;
                writer.last_snapshot = offset;
                break;
            }
        }
        for (number, segment) in segments.iter().enumerate() {
            let next = segments.get(number + 1).map_or(log_end, |next| next.base_offset);
            if recovery.producers_from < next {
                replay(segment, i64::MAX, &mut recovery)?;
            }
        }
        writer.producers = recovery.producers;
        let mut view = self.view.lock();
        view.transactions = recovery.transactions;
        let high_watermark = view.high_watermark;
        view.set_high_watermark(high_watermark);
        Ok(())
    }
}
