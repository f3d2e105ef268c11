//! One batch of a partition: open while records are added, closed when it leaves.
//!
//! Always: the bytes are built once, when the batch first leaves, not under the lock of the queues; a retry sends the same
//! bytes, under another stamp only when the broker can't have them.

use std::sync::Arc;

use bytes::Bytes;
use moldau_protocol::records::{
    BATCH_HEADER_LEN, BatchBuilder, BatchHeader, BatchView, Compression, HeaderRef, RecordsError, update_crc,
};
use moldau_types::Uuid;
use tokio::time::Instant;

use super::delivery::Outcome;
use super::record::ProducerRecord;
use crate::config::CompressionType;

/// The distance between the ids of batches, so that what one is split into finds room before the next.
pub(super) const ID_STEP: u64 = 1 << 32;

/// The producer id and sequence number a batch was sent with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) producer_id: i64,
    pub(super) producer_epoch: i16,
    pub(super) base_sequence: i32,
}

/// Records on their way to one partition.
pub(super) struct Batch {
    /// Counts batches of the producer, in steps of [`ID_STEP`]; a partition's batches leave in this order.
    pub(super) id: u64,
    /// Ids from its own on that belong to it: what it is split into takes them.
    ids: u64,
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    pub(super) created: Instant,
    pub(super) outcome: Arc<Outcome>,
    pub(super) stamp: Option<Stamp>,
    /// How often it was sent.
    pub(super) attempts: u32,
    /// An attempt was not answered, so the broker may have it.
    pub(super) maybe_written: bool,
    /// The topic id it was last sent under, zero when by name.
    pub(super) sent_topic_id: Uuid,
    compression: (CompressionType, Option<i32>),
    builder: Option<BatchBuilder>,
    open: bool,
    count: u32,
    size: usize,
    reserved: usize,
    built: Option<(Option<Stamp>, Bytes)>,
}

impl CompressionType {
    fn codec(self) -> Compression {
        match self {
            Self::None => Compression::None,
            Self::Gzip => Compression::Gzip,
            Self::Snappy => Compression::Snappy,
            Self::Lz4 => Compression::Lz4,
            Self::Zstd => Compression::Zstd,
        }
    }
}

impl Batch {
    pub(super) fn new(
        id: u64,
        topic: Arc<str>,
        partition: i32,
        compression: (CompressionType, Option<i32>),
        outcome: Arc<Outcome>,
    ) -> Self {
        Self {
            id,
            ids: ID_STEP,
            topic,
            partition,
            created: Instant::now(),
            outcome,
            stamp: None,
            attempts: 0,
            maybe_written: false,
            sent_topic_id: Uuid::ZERO,
            compression,
            builder: Some(BatchBuilder::new().compression(compression.0.codec(), compression.1)),
            open: true,
            count: 0,
            size: BATCH_HEADER_LEN,
            reserved: 0,
            built: None,
        }
    }

    /// Adds a record for which `reserved` bytes of memory were reserved; its number in the batch.
    pub(super) fn push(
        &mut self,
        record: &ProducerRecord,
        timestamp: i64,
        reserved: usize,
    ) -> Result<u32, RecordsError> {
        let headers: Vec<HeaderRef<'_>> =
            record.headers.iter().map(|header| (header.key.as_bytes(), header.value.as_deref())).collect();
        let Some(builder) = &mut self.builder else { return Err(RecordsError::InvalidBatch("it is closed")) };
        builder.append(timestamp, record.key.as_deref(), record.value.as_deref(), &headers)?;
        self.size = builder.uncompressed_size();
        self.reserved += reserved;
        self.count += 1;
        Ok(self.count - 1)
    }

    /// Takes no more records.
    pub(super) fn close(&mut self) {
        self.open = false;
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// The number of records.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The bytes before compression.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The bytes of memory that were reserved for the records.
    pub(super) fn reserved(&self) -> usize {
        self.reserved
    }

    /// The batch as it is sent, under its stamp.
    pub(super) fn bytes(&mut self) -> Result<Bytes, RecordsError> {
        let bytes: Bytes = match (&self.built, self.builder.take()) {
            (Some((stamp, bytes)), _) if *stamp == self.stamp => return Ok(bytes.clone()),
            (Some((_, bytes)), _) => restamped(bytes, self.stamp)?,
            (None, Some(builder)) => {
                self.open = false;
                match self.stamp {
                    Some(s) => {
                        builder.producer(s.producer_id, s.producer_epoch, s.base_sequence).build()?.into()
                    }
                    None => builder.build()?.into(),
                }
            }
            (None, None) => return Err(RecordsError::InvalidBatch("it is empty")),
        };
        self.built = Some((self.stamp, bytes.clone()));
        Ok(bytes)
    }

    /// This batch as two with half of the records each, for when it was too large; `None` when it can't be split.
    pub(super) fn halves(&self) -> Result<Option<(Self, Self)>, RecordsError> {
        let Some((_, bytes)) = self.built.as_ref().filter(|_| self.count > 1 && self.ids > 1) else {
            return Ok(None);
        };
        let view = BatchView::parse(bytes)?;
        let payload = view.uncompressed_payload(usize::MAX)?;
        let at = self.count / 2;
        let half = |id: u64, reserved: usize| {
            let outcome = Outcome::new(self.topic.clone(), self.partition);
            let mut half = Self::new(id, self.topic.clone(), self.partition, self.compression, outcome);
            half.ids = self.ids / 2;
            half.created = self.created;
            half.reserved = reserved;
            half.open = false;
            half
        };
        let mut first = half(self.id, self.reserved / 2);
        let mut second = half(self.id + self.ids / 2, self.reserved - self.reserved / 2);
        for (index, record) in (0u32..).zip(view.records_in(&payload)) {
            let record = record?;
            let to = if index < at { &mut first } else { &mut second };
            let headers: Vec<HeaderRef<'_>> =
                record.headers.map(|header| (header.key, header.value)).collect();
            if let Some(builder) = &mut to.builder {
                builder.append(record.timestamp, record.key, record.value, &headers)?;
                to.size = builder.uncompressed_size();
                to.count += 1;
            }
        }
        Ok(Some((first, second)))
    }

    #[cfg(test)]
    pub(super) fn of_records_for_test(id: u64, count: u32) -> Self {
        let outcome = Outcome::new("t".into(), 0);
        let mut batch = Self::new(id, "t".into(), 0, (CompressionType::None, None), outcome);
        for _ in 0..count {
            batch.push(&ProducerRecord::to("t").value("x"), 0, 10).expect("a small record");
        }
        batch
    }
}

/// The batch under another producer id and sequence number.
fn restamped(batch: &[u8], stamp: Option<Stamp>) -> Result<Bytes, RecordsError> {
    let mut header = BatchHeader::parse(batch)?;
    if let Some(stamp) = stamp {
        header.producer_id = stamp.producer_id;
        header.producer_epoch = stamp.producer_epoch;
        header.base_sequence = stamp.base_sequence;
    }
    let mut batch = batch.to_vec();
    if let Some(room) = batch.first_chunk_mut::<BATCH_HEADER_LEN>() {
        header.write(room);
    }
    update_crc(&mut batch)?;
    Ok(batch.into())
}

#[cfg(test)]
mod tests {
    use moldau_protocol::records::BatchView;

    use super::*;

    #[test]
    fn a_batch_under_another_stamp_is_valid_and_has_the_same_records() {
        let mut batch = Batch::of_records_for_test(0, 3);
        batch.stamp = Some(Stamp { producer_id: 7, producer_epoch: 1, base_sequence: 5 });
        let first = batch.bytes().expect("built");
        assert_eq!(batch.bytes().expect("built").as_ptr(), first.as_ptr());
        batch.stamp = Some(Stamp { producer_id: 8, producer_epoch: 0, base_sequence: 0 });
        let second = batch.bytes().expect("built");
        let view = BatchView::parse(&second).expect("a batch");
        view.verify_crc().expect("a good checksum");
        assert_eq!(
            (view.header.producer_id, view.header.producer_epoch, view.header.base_sequence),
            (8, 0, 0)
        );
        assert_eq!(view.header.record_count, 3);
        assert_eq!(view.payload(), BatchView::parse(&first).expect("a batch").payload());
    }

    /// The bug: the halves were compressed at the codec's own level.
    #[test]
    fn the_halves_of_a_batch_are_compressed_at_its_level() {
        let batch_of = |numbers: std::ops::Range<u32>, level| {
            let outcome = Outcome::new("t".into(), 0);
            let mut batch = Batch::new(0, "t".into(), 0, (CompressionType::Gzip, Some(level)), outcome);
            for number in numbers {
                let value = format!("{number} {} {}", number * 7919 % 1009, "some text that repeats");
                batch.push(&ProducerRecord::to("t").value(value), 0, 10).expect("a small record");
            }
            batch
        };
        let mut sizes = Vec::new();
        for level in [1, 9] {
            let mut whole = batch_of(0..200, level);
            whole.bytes().expect("built");
            let (mut first, mut second) = whole.halves().expect("readable").expect("split");
            let first_bytes = first.bytes().expect("built");
            assert_eq!(first_bytes, batch_of(0..100, level).bytes().expect("built"));
            assert_eq!(second.bytes().expect("built"), batch_of(100..200, level).bytes().expect("built"));
            sizes.push(first_bytes.len());
        }
        assert!(sizes[0] > sizes[1], "{sizes:?}");
    }
}
