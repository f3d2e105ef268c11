//! One producer id's state.

/// Batches of one producer that are remembered, so that a retry of any of them is known as a duplicate.
pub(crate) const BATCHES_REMEMBERED: usize = 5;

/// A batch that was appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BatchMetadata {
    /// Sequence number of its last record.
    pub(crate) last_sequence: i32,
    /// Offset of its last record.
    pub(crate) last_offset: i64,
    /// Last offset less first offset, which is also the distance of the sequence numbers.
    pub(crate) offset_delta: i32,
    /// Its largest timestamp.
    pub(crate) timestamp: i64,
}

impl BatchMetadata {
    pub(crate) fn first_sequence(&self) -> i32 {
        let first = i64::from(self.last_sequence) - i64::from(self.offset_delta);
        (if first < 0 && self.last_sequence >= 0 { first + i64::from(i32::MAX) + 1 } else { first }) as i32
    }

    pub(crate) fn first_offset(&self) -> i64 {
        self.last_offset - i64::from(self.offset_delta)
    }
}

/// The sequence number `by` steps after `sequence`; after `i32::MAX` comes 0.
pub(crate) fn sequence_after(sequence: i32, by: i32) -> i32 {
    let next = i64::from(sequence) + i64::from(by);
    (if next > i64::from(i32::MAX) { next - i64::from(i32::MAX) - 1 } else { next }) as i32
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProducerEntry {
    /// Its epoch; −1 before its first batch.
    pub(crate) epoch: i16,
    /// Epoch of the transaction coordinator that wrote its last marker, or −1.
    pub(crate) coordinator_epoch: i32,
    /// Timestamp of its last batch or marker.
    pub(crate) last_timestamp: i64,
    /// Where its open transaction began.
    pub(crate) transaction_first_offset: Option<i64>,
    batches: [BatchMetadata; BATCHES_REMEMBERED],
    len: u8,
}

impl ProducerEntry {
    pub(crate) fn new() -> ProducerEntry {
        ProducerEntry {
            epoch: -1,
            coordinator_epoch: -1,
            last_timestamp: -1,
            transaction_first_offset: None,
            batches: Default::default(),
            len: 0,
        }
    }

    /// The same without its batches.
    pub(crate) fn without_batches(&self) -> ProducerEntry {
        ProducerEntry { batches: Default::default(), len: 0, ..self.clone() }
    }

    /// The remembered batches, oldest first.
    pub(crate) fn batches(&self) -> &[BatchMetadata] {
        &self.batches[..usize::from(self.len)]
    }

    pub(crate) fn last_batch(&self) -> Option<&BatchMetadata> {
        self.batches().last()
    }

    /// Last sequence number in this epoch, or −1.
    pub(crate) fn last_sequence(&self) -> i32 {
        self.last_batch().map_or(-1, |batch| batch.last_sequence)
    }

    /// Last offset of data, or −1.
    pub(crate) fn last_data_offset(&self) -> i64 {
        self.last_batch().map_or(-1, |batch| batch.last_offset)
    }

    /// The remembered batch with these sequence numbers.
    pub(crate) fn duplicate_of(&self, epoch: i16, first: i32, last: i32) -> Option<BatchMetadata> {
        if epoch != self.epoch {
            return None;
        }
        self.batches().iter().find(|b| b.first_sequence() == first && b.last_sequence == last).copied()
    }

    /// Enters `epoch`; the batches of another one are forgotten.
    pub(crate) fn enter_epoch(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.len = 0;
        }
    }

    /// Remembers a batch of the current epoch.
    pub(crate) fn push(&mut self, batch: BatchMetadata) {
        if usize::from(self.len) == BATCHES_REMEMBERED {
            self.batches.rotate_left(1);
            self.len -= 1;
        }
        self.batches[usize::from(self.len)] = batch;
        self.len += 1;
        self.last_timestamp = batch.timestamp;
    }
}
