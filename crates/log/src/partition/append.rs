//! Appending: many requests' batches become one write.
//!
//! Each batch is checked on its own and gets its own result. Accepted ones get their offsets and leader epoch written
//! into their own bytes and go to the file together, with one `pwritev` unless a roll falls between them. Producers
//! are noted while checking, so that a batch sees those before it, and put back if the write fails; everything else
//! changes only after the write.

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use moldau_protocol::records::{self, BatchHeader, TimestampType};
use moldau_types::{LeaderEpoch, Offset};

use super::{FirstTimestamp, PartitionLog, Writer};
use crate::config::LogConfig;
use crate::epochs::Kept;
use crate::error::{AppendError, StorageError};
use crate::files::LOG_SUFFIX;
use crate::index::txn::AbortedTransaction;
use crate::producers::{ProducerEntry, TransactionChange, marker};
use crate::segment::Segment;

/// Slices that one `pwritev` may take.
const SLICES_MAX: usize = 1024;

/// Who wrote a batch: decides which checks it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendOrigin {
    /// A producer: sequence numbers must be in order.
    Client,
    /// A coordinator of this cluster, or the controller.
    Coordinator,
    /// The partition's leader, for a follower.
    Replication,
}

/// One validated batch of magic 2.
#[derive(Debug)]
pub struct AppendBatch<'a> {
    /// All bytes of the batch, and no more. Base offset and leader epoch are changed in place, and with
    /// `LogAppendTime` the timestamp.
    pub bytes: &'a mut [u8],
    /// The header in `bytes`.
    pub header: BatchHeader,
    /// Largest timestamp of the records, which the header gets if it says otherwise.
    pub max_timestamp: i64,
    /// Offset of the record with that timestamp, counted from the batch's first record.
    pub offset_of_max_timestamp: i64,
    /// Who wrote it.
    pub origin: AppendOrigin,
}

/// Where a batch is in the log now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendInfo {
    /// Offset of its first record.
    pub first_offset: Offset,
    /// Offset of its last record.
    pub last_offset: Offset,
    /// With `LogAppendTime` the time it got, otherwise −1; of a duplicate the largest timestamp of the batch that is there, as the reference
    /// answers.
    pub log_append_time_ms: i64,
    /// Its largest timestamp.
    pub max_timestamp: i64,
    /// The log start offset.
    pub log_start_offset: Offset,
    /// It was there before: the answer to a retry.
    pub duplicate: bool,
}

/// An accepted batch that waits for the write.
struct Staged {
    index: usize,
    position: u64,
    base_offset: i64,
    last_offset: i64,
    size: u64,
    max_timestamp: i64,
    producer_id: i64,
    change: TransactionChange,
}

/// The batches of one write and how to take them back.
struct Group {
    staged: Vec<Staged>,
    /// Batches that repeat a staged one: there is nothing that they repeat if the write fails.
    repeats: Vec<usize>,
    undo: Vec<(i64, Option<ProducerEntry>)>,
    /// Where the next batch goes.
    end: u64,
    next_offset: i64,
}

impl PartitionLog {
    /// Appends batches as the leader in `leader_epoch`: they get the next offsets. One result for each batch.
    pub fn append_as_leader(
        &self,
        batches: &mut [AppendBatch<'_>],
        leader_epoch: LeaderEpoch,
        now_ms: i64,
    ) -> Vec<Result<AppendInfo, AppendError>> {
        self.append(batches, Some(leader_epoch.0), now_ms)
    }

    /// Appends batches that the leader sent, with the offsets and epochs they have. They must continue the log, gaps
    /// allowed.
    pub fn append_as_follower(
        &self,
        batches: &mut [AppendBatch<'_>],
        now_ms: i64,
    ) -> Vec<Result<AppendInfo, AppendError>> {
        self.append(batches, None, now_ms)
    }

    fn append(
        &self,
        batches: &mut [AppendBatch<'_>],
        leader_epoch: Option<i32>,
        now_ms: i64,
    ) -> Vec<Result<AppendInfo, AppendError>> {
        let mut results = Vec::with_capacity(batches.len());
        self.used.store(true, Ordering::Relaxed);
        let mut writer = match self.open_writer() {
            Ok(writer) => writer,
            Err(error) => {
                let error = AppendError::from(error);
                results.extend(batches.iter().map(|_| Err(error.clone())));
                return results;
            }
        };
        let config = self.config.load();
        let (log_end, log_start, mut active, current) = {
            let view = self.view.lock();
            (view.log_end, view.log_start, Arc::clone(view.active()), view.epochs.latest())
        };
        if let (Some(epoch), Some(current)) = (leader_epoch, current)
            && epoch < current
        {
            let error =
                AppendError::FencedLeaderEpoch { epoch: LeaderEpoch(epoch), current: LeaderEpoch(current) };
            results.extend(batches.iter().map(|_| Err(error.clone())));
            return results;
        }
        writer.index.set_interval(config.index_interval_bytes);
        let mut group = Group {
            staged: Vec::with_capacity(batches.len()),
            repeats: Vec::new(),
            undo: Vec::new(),
            end: active.size(),
            next_offset: log_end,
        };
        let mut rolled = false;
        for index in 0..batches.len() {
            if let Err(error) = check_size(&batches[index], &config) {
                results.push(Err(error));
                continue;
            }
            let must_roll = match self.must_roll(
                &mut writer,
                &active,
                &group_end(&group),
                &batches[index],
                &config,
                now_ms,
            ) {
                Ok(must_roll) => must_roll,
                Err(error) => {
                    results.push(Err(self.observe(error).into()));
                    continue;
                }
            };
            if must_roll {
                let done = self
                    .write(&mut writer, &active, &mut group, batches, &mut results)
                    .and_then(|()| self.roll_locked(&mut writer, Some(group.next_offset), now_ms));
                match done {
                    Ok(segment) => active = segment,
                    Err(error) => {
                        let error = AppendError::from(self.observe(error));
                        results.extend(batches[index..].iter().map(|_| Err(error.clone())));
                        break;
                    }
                }
                rolled = true;
                group.end = active.size();
            }
            let result = self.stage(
                &mut writer,
                &mut group,
                index,
                &mut batches[index],
                leader_epoch,
                log_start,
                &config,
                now_ms,
            );
            results.push(result);
        }
        if let Err(error) = self.write(&mut writer, &active, &mut group, batches, &mut results) {
            self.observe(error);
        }
        drop(writer);
        if group.next_offset > log_end {
            self.unsynced_since_ms.fetch_min(now_ms, Ordering::AcqRel);
            self.notify(self.offsets());
        }
        if rolled && let Some(wake) = &*self.on_roll.read() {
            wake();
        }
        results
    }

    /// Checks one batch against its producer and gives it its place.
    #[allow(clippy::too_many_arguments)]
    fn stage(
        &self,
        writer: &mut Writer,
        group: &mut Group,
        index: usize,
        batch: &mut AppendBatch<'_>,
        leader_epoch: Option<i32>,
        log_start: i64,
        config: &LogConfig,
        now_ms: i64,
    ) -> Result<AppendInfo, AppendError> {
        let header = &batch.header;
        let append_time =
            leader_epoch.is_some() && config.message_timestamp_type == TimestampType::LogAppendTime;
        let base_offset = match leader_epoch {
            Some(_) => group.next_offset,
            None if header.base_offset < group.next_offset => {
                return Err(AppendError::UnexpectedOffset {
                    offset: Offset(header.base_offset),
                    log_end: Offset(group.next_offset),
                });
            }
            None => header.base_offset,
        };
        let last_offset = base_offset + i64::from(header.last_offset_delta);
        let max_timestamp = if append_time { now_ms } else { batch.max_timestamp };
        let mut change = TransactionChange::None;
        if header.has_producer_id() {
            if batch.origin == AppendOrigin::Client
                && let Some(duplicate) = writer.producers.duplicate_of(header)
            {
                if group.staged.first().is_some_and(|first| duplicate.last_offset >= first.base_offset) {
                    group.repeats.push(index);
                }
                return Ok(AppendInfo {
                    first_offset: Offset(duplicate.first_offset()),
                    last_offset: Offset(duplicate.last_offset),
                    log_append_time_ms: duplicate.timestamp,
                    max_timestamp: duplicate.timestamp,
                    log_start_offset: Offset(log_start),
                    duplicate: true,
                });
            }
            let marker = match header.is_control() {
                true => match marker::end_transaction(header, batch.bytes) {
                    Some(marker) => Some(marker),
                    None => {
                        return Err(AppendError::Malformed(
                            "a control batch that is no end of a transaction".into(),
                        ));
                    }
                },
                false => None,
            };
            let old = writer.producers.get(header.producer_id).cloned();
            change =
                writer.producers.append(header, marker.as_ref(), base_offset, max_timestamp, batch.origin)?;
            group.undo.push((header.producer_id, old));
        }
        let epoch = leader_epoch.unwrap_or(header.partition_leader_epoch);
        let placed = patch(batch, base_offset, epoch, append_time, max_timestamp, leader_epoch.is_some());
        placed.map_err(|error| AppendError::Malformed(error.to_string()))?;
        group.staged.push(Staged {
            index,
            position: group.end,
            base_offset,
            last_offset,
            size: batch.bytes.len() as u64,
            max_timestamp,
            producer_id: batch.header.producer_id,
            change,
        });
        group.end += batch.bytes.len() as u64;
        group.next_offset = last_offset + 1;
        Ok(AppendInfo {
            first_offset: Offset(base_offset),
            last_offset: Offset(last_offset),
            log_append_time_ms: if append_time { now_ms } else { -1 },
            max_timestamp,
            log_start_offset: Offset(log_start),
            duplicate: false,
        })
    }

    /// Writes the staged batches to the active segment and notes them. On failure nothing of them stays and their
    /// results become the error, which is also returned.
    fn write(
        &self,
        writer: &mut Writer,
        active: &Arc<Segment>,
        group: &mut Group,
        batches: &[AppendBatch<'_>],
        results: &mut [Result<AppendInfo, AppendError>],
    ) -> Result<(), StorageError> {
        let Some(first) = group.staged.first() else { return Ok(()) };
        let (start, first_offset) = (first.position, first.base_offset);
        let written = self.note_epochs(&group.staged, batches).and_then(|()| {
            write_all(active, start, group.staged.iter().map(|staged| &*batches[staged.index].bytes))
        });
        if let Err(error) = written {
            return Err(self.take_back(writer, active, group, start, first_offset, error, results));
        }
        let committed = self.commit(writer, active, group);
        group.staged.clear();
        group.repeats.clear();
        group.undo.clear();
        committed
    }

    #[allow(clippy::too_many_arguments)]
    fn take_back(
        &self,
        writer: &mut Writer,
        active: &Segment,
        group: &mut Group,
        start: u64,
        first_offset: i64,
        error: StorageError,
        results: &mut [Result<AppendInfo, AppendError>],
    ) -> StorageError {
        if let Ok(file) = active.file() {
            // A part of the write may be there; the next append overwrites it, and recovery would cut it.
            let _ = file.set_len(start);
            writer.reserved_to = 0;
        }
        for (producer_id, entry) in group.undo.drain(..).rev() {
            writer.producers.restore(producer_id, entry);
        }
        let error = self.observe(error);
        let shared = AppendError::Storage(Arc::new(match &error {
            StorageError::NoSpace { path } => StorageError::NoSpace { path: path.clone() },
            other => StorageError::DirectoryOffline {
                dir: self.directory().path().to_owned(),
                reason: other.to_string(),
            },
        }));
        for index in group.staged.drain(..).map(|staged| staged.index).chain(group.repeats.drain(..)) {
            results[index] = Err(shared.clone());
        }
        group.end = start;
        group.next_offset = first_offset;
        error
    }

    /// Notes what was written: indexes, transactions, offsets.
    fn commit(&self, writer: &mut Writer, active: &Arc<Segment>, group: &Group) -> Result<(), StorageError> {
        if let (FirstTimestamp::None, Some(first)) = (writer.first_timestamp, group.staged.first()) {
            writer.first_timestamp = FirstTimestamp::Known(first.max_timestamp);
        }
        let mut aborted = Vec::new();
        let full = {
            let mut view = self.view.lock();
            for staged in &group.staged {
                let (offset, time) =
                    writer.index.add(staged.position, staged.size, staged.last_offset, staged.max_timestamp);
                view.pending.offsets.extend(offset);
                view.pending.times.extend(time);
                view.tail.push(staged.base_offset, staged.last_offset, staged.position, staged.size);
                view.transactions.apply(staged.producer_id, staged.change);
                if let TransactionChange::Ended { first, marker, aborted: true } = staged.change {
                    aborted.push(AbortedTransaction {
                        producer_id: moldau_types::ProducerId(staged.producer_id),
                        first_offset: Offset(first),
                        last_offset: Offset(marker),
                        last_stable_offset: Offset(view.transactions.last_stable_offset_after(marker)),
                    });
                }
            }
            if aborted.is_empty() {
                self.publish(&mut view, active, group);
            }
            view.pending.is_full()
        };
        active.set_largest(writer.index.largest);
        if !aborted.is_empty() {
            // Readers of committed data must find the abort as soon as they can see past it.
            let noted = aborted.iter().try_for_each(|entry| active.add_aborted(entry));
            self.publish(&mut self.view.lock(), active, group);
            noted?;
        }
        if full { self.write_pending_index(active) } else { Ok(()) }
    }

    fn publish(&self, view: &mut super::View, active: &Segment, group: &Group) {
        active.set_size(group.end);
        view.log_end = group.next_offset;
        if self.follow_end.load(Ordering::Acquire) {
            view.set_high_watermark(group.next_offset);
        }
    }

    /// Writes the leader epochs that begin with these batches before the batches themselves.
    fn note_epochs(&self, staged: &[Staged], batches: &[AppendBatch<'_>]) -> Result<(), StorageError> {
        {
            let mut view = self.view.lock();
            let mut latest = view.epochs.latest();
            for entry in staged {
                let epoch = batches[entry.index].header.partition_leader_epoch;
                if latest != Some(epoch) {
                    view.epochs.assign(epoch, entry.base_offset);
                    latest = Some(epoch);
                }
            }
            if view.epochs.kept() != Kept::No {
                return Ok(());
            }
        }
        self.write_epochs()
    }
}

/// What `must_roll` needs of a group.
pub(super) struct GroupEnd {
    pub(super) bytes: u64,
    pub(super) next_offset: i64,
    /// Largest timestamp of the first staged batch.
    pub(super) first_timestamp: Option<i64>,
}

fn group_end(group: &Group) -> GroupEnd {
    GroupEnd {
        bytes: group.end,
        next_offset: group.next_offset,
        first_timestamp: group.staged.first().map(|staged| staged.max_timestamp),
    }
}

fn check_size(batch: &AppendBatch<'_>, config: &LogConfig) -> Result<(), AppendError> {
    let size = batch.bytes.len();
    if size != batch.header.size_in_bytes() {
        return Err(AppendError::Malformed(format!(
            "{size} bytes for a batch of {}",
            batch.header.size_in_bytes()
        )));
    }
    if batch.header.last_offset_delta < 0 {
        return Err(AppendError::Malformed("a negative offset delta".into()));
    }
    let max = config.max_message_bytes as usize;
    if batch.origin != AppendOrigin::Replication && size > max {
        return Err(AppendError::BatchTooLarge { size, max });
    }
    let max = config.segment_bytes as usize;
    // What another replica has must be taken, whatever the setting has become: it gets a segment of its own.
    if batch.origin != AppendOrigin::Replication && size > max {
        return Err(AppendError::BatchLargerThanSegment { size, max });
    }
    Ok(())
}

/// Writes the batch's place into its bytes, and keeps `header` the same as the bytes.
fn patch(
    batch: &mut AppendBatch<'_>,
    base_offset: i64,
    epoch: i32,
    append_time: bool,
    max_timestamp: i64,
    as_leader: bool,
) -> Result<(), records::RecordsError> {
    if !as_leader {
        return Ok(());
    }
    records::set_base_offset(batch.bytes, base_offset)?;
    records::set_partition_leader_epoch(batch.bytes, epoch)?;
    batch.header.base_offset = base_offset;
    batch.header.partition_leader_epoch = epoch;
    let other_type = append_time && batch.header.timestamp_type() != TimestampType::LogAppendTime;
    if other_type || batch.header.max_timestamp != max_timestamp {
        let kind = if append_time { TimestampType::LogAppendTime } else { batch.header.timestamp_type() };
        records::set_max_timestamp(batch.bytes, kind, max_timestamp)?;
        batch.header = BatchHeader::parse(batch.bytes)?;
    }
    Ok(())
}

/// Writes all slices one after the other from `position` on.
fn write_all<'a>(
    segment: &Segment,
    mut position: u64,
    slices: impl Iterator<Item = &'a [u8]>,
) -> Result<(), StorageError> {
    let file = segment.file()?;
    let failed = |source| StorageError::io("writing", &segment.path(LOG_SUFFIX), source);
    let mut slices: Vec<IoSlice<'_>> = slices.map(IoSlice::new).collect();
    let mut rest = &mut slices[..];
    while !rest.is_empty() {
        let count = rest.len().min(SLICES_MAX);
        match rustix::io::pwritev(&*file, &rest[..count], position) {
            Ok(0) => return Err(failed(std::io::ErrorKind::WriteZero.into())),
            Ok(written) => {
                position += written as u64;
                IoSlice::advance_slices(&mut rest, written);
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(failed(errno.into())),
        }
    }
    Ok(())
}
