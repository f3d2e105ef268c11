//! All producers of a log, and the rules a batch must keep (KIP-98, KIP-360, KIP-890).

use std::collections::HashMap;

use moldau_protocol::records::BatchHeader;
use moldau_types::{Offset, ProducerEpoch, ProducerId};

use super::entry::{BatchMetadata, ProducerEntry, sequence_after};
use super::marker::EndTransaction;
use crate::AppendOrigin;
use crate::error::AppendError;

/// What a batch did to its producer's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionChange {
    /// Nothing.
    None,
    /// It is the first of a transaction.
    Begun { first: i64 },
    /// It is the marker that ends one.
    Ended { first: i64, marker: i64, aborted: bool },
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProducerTable {
    entries: HashMap<i64, ProducerEntry>,
}

/// Producers that a log remembers: about 25 MB. Kafka has no bound, and programs that make a producer for every few
/// records, or somebody who makes ids up, take the memory of all.
const PRODUCERS_MAX: usize = 100_000;

impl ProducerTable {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn get(&self, producer_id: i64) -> Option<&ProducerEntry> {
        self.entries.get(&producer_id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, &ProducerEntry)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    /// Puts an entry in as it was, or takes it out: the undo of a failed append.
    pub(crate) fn restore(&mut self, producer_id: i64, entry: Option<ProducerEntry>) {
        match entry {
            Some(entry) => self.entries.insert(producer_id, entry),
            None => self.entries.remove(&producer_id),
        };
    }

    /// The batch that this one is a retry of.
    pub(crate) fn duplicate_of(&self, header: &BatchHeader) -> Option<BatchMetadata> {
        let entry = self.entries.get(&header.producer_id)?;
        entry.duplicate_of(header.producer_epoch, header.base_sequence, header.last_sequence())
    }

    /// Checks a batch with a producer id that is about to be appended at `offset`, and notes it. Nothing changes if
    /// it is refused. `max_timestamp` is what the log keeps, which may differ from the header's.
    pub(crate) fn append(
        &mut self,
        header: &BatchHeader,
        marker: Option<&EndTransaction>,
        offset: i64,
        max_timestamp: i64,
        origin: AppendOrigin,
    ) -> Result<TransactionChange, AppendError> {
        if self.entries.len() >= PRODUCERS_MAX && !self.entries.contains_key(&header.producer_id) {
            self.forget_longest_silent();
        }
        let new = ProducerEntry::new();
        let old = self.entries.get(&header.producer_id).unwrap_or(&new);
        check_epoch(header, offset, old, origin)?;
        let last_offset = offset + i64::from(header.last_offset_delta);
        let change = if let Some(marker) = marker {
            if marker.coordinator_epoch < old.coordinator_epoch && origin != AppendOrigin::Replication {
                return Err(AppendError::CoordinatorFenced {
                    producer_id: ProducerId(header.producer_id),
                    epoch: marker.coordinator_epoch,
                    last_epoch: old.coordinator_epoch,
                });
            }
            let entry = self.entries.entry(header.producer_id).or_insert(new);
            entry.enter_epoch(header.producer_epoch);
            entry.coordinator_epoch = marker.coordinator_epoch;
            entry.last_timestamp = marker.timestamp;
            match entry.transaction_first_offset.take() {
                Some(first) => {
                    TransactionChange::Ended { first, marker: last_offset, aborted: marker.aborted }
                }
                None => TransactionChange::None,
            }
        } else {
            if origin == AppendOrigin::Client {
                check_sequence(header, offset, old)?;
            }
            if old.transaction_first_offset.is_some() && !header.is_transactional() {
                return Err(AppendError::InvalidTransactionState {
                    producer_id: ProducerId(header.producer_id),
                    offset: Offset(offset),
                });
            }
            let entry = self.entries.entry(header.producer_id).or_insert(new);
            entry.enter_epoch(header.producer_epoch);
            entry.push(BatchMetadata {
                last_sequence: header.last_sequence(),
                last_offset,
                offset_delta: header.last_offset_delta,
                timestamp: max_timestamp,
            });
            if header.is_transactional() && entry.transaction_first_offset.is_none() {
                entry.transaction_first_offset = Some(offset);
                TransactionChange::Begun { first: offset }
            } else {
                TransactionChange::None
            }
        };
        Ok(change)
    }

    /// What the batches from `offset` on will not tell: producers whose batches all lie before it, and where
    /// transactions began that are open since before it.
    pub(crate) fn known_before(&self, offset: i64) -> ProducerTable {
        let before = |(id, entry): (&i64, &ProducerEntry)| {
            if entry.last_data_offset() < offset {
                return Some((*id, entry.clone()));
            }
            entry.transaction_first_offset.filter(|first| *first < offset)?;
            Some((*id, entry.without_batches()))
        };
        ProducerTable { entries: self.entries.iter().filter_map(before).collect() }
    }

    /// Makes room: forgets the quarter that has written nothing for the longest, by offset since timestamps are the
    /// producers' own. One of them that comes back is taken as it is, like one that was idle for too long (KIP-360).
    fn forget_longest_silent(&mut self) {
        let silent = |entry: &ProducerEntry| entry.transaction_first_offset.is_none();
        let mut offsets: Vec<i64> = self
            .entries
            .values()
            .filter(|entry| silent(entry))
            .map(ProducerEntry::last_data_offset)
            .collect();
        let quarter = offsets.len() / 4;
        if quarter == 0 {
            return;
        }
        let bound = *offsets.select_nth_unstable(quarter).1;
        self.entries.retain(|_, entry| !silent(entry) || entry.last_data_offset() >= bound);
    }

    /// Forgets producers that were idle too long and have no open transaction.
    pub(crate) fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        self.entries.retain(|_, entry| !is_expired(entry, now_ms, expiration_ms));
        if self.entries.is_empty() {
            self.entries.shrink_to_fit();
        }
    }
}

/// Whether a producer was idle for `expiration_ms` and has no open transaction.
pub(crate) fn is_expired(entry: &ProducerEntry, now_ms: i64, expiration_ms: i64) -> bool {
    entry.transaction_first_offset.is_none() && now_ms.saturating_sub(entry.last_timestamp) >= expiration_ms
}

fn check_epoch(
    header: &BatchHeader,
    offset: i64,
    entry: &ProducerEntry,
    origin: AppendOrigin,
) -> Result<(), AppendError> {
    if header.producer_epoch >= entry.epoch {
        return Ok(());
    }
    let error = AppendError::InvalidProducerEpoch {
        producer_id: ProducerId(header.producer_id),
        offset: Offset(offset),
        epoch: ProducerEpoch(header.producer_epoch),
        last_epoch: ProducerEpoch(entry.epoch),
    };
    if origin == AppendOrigin::Replication {
        tracing::warn!(%error, "the leader's log has it so it is kept");
        return Ok(());
    }
    Err(error)
}

fn check_sequence(header: &BatchHeader, offset: i64, entry: &ProducerEntry) -> Result<(), AppendError> {
    if entry.epoch == -1 {
        // Nothing is known of this producer, perhaps because retention took its batches: any number will do.
        return Ok(());
    }
    let in_order = if header.producer_epoch != entry.epoch {
        header.base_sequence == 0
    } else {
        header.base_sequence == sequence_after(entry.last_sequence(), 1)
    };
    if in_order {
        return Ok(());
    }
    Err(AppendError::OutOfOrderSequence {
        producer_id: ProducerId(header.producer_id),
        offset: Offset(offset),
        sequence: header.base_sequence,
        last_sequence: if header.producer_epoch == entry.epoch { entry.last_sequence() } else { -1 },
    })
}
