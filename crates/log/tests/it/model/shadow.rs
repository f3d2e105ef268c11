//! The model: a list of batches.

use std::collections::BTreeMap;

use moldau_protocol::records::{BatchBuilder, BatchHeader};

/// What a batch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Data,
    Transactional,
    Marker { abort: bool },
}

/// A batch that is in the log.
#[derive(Clone, Debug)]
pub(crate) struct ShadowBatch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) header: BatchHeader,
    pub(crate) kind: Kind,
}

impl ShadowBatch {
    /// As the log has it in its bytes.
    pub(crate) fn of(bytes: Vec<u8>, kind: Kind) -> ShadowBatch {
        ShadowBatch { header: BatchHeader::parse(&bytes).unwrap(), bytes, kind }
    }

    pub(crate) fn base(&self) -> i64 {
        self.header.base_offset
    }

    pub(crate) fn last(&self) -> i64 {
        self.header.last_offset()
    }
}

/// A producer as its batches leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShadowProducer {
    pub(crate) epoch: i16,
    pub(crate) last_sequence: i32,
    pub(crate) open_since: Option<i64>,
}

/// A transaction that was aborted: producer, first offset, offset of the marker.
pub(crate) type Aborted = (i64, i64, i64);

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shadow {
    pub(crate) batches: Vec<ShadowBatch>,
    pub(crate) log_start: i64,
    pub(crate) log_end: i64,
}

impl Shadow {
    /// Producers and aborted transactions by the batches that are there.
    pub(crate) fn producers(&self) -> (BTreeMap<i64, ShadowProducer>, Vec<Aborted>) {
        let mut producers: BTreeMap<i64, ShadowProducer> = BTreeMap::new();
        let mut aborted = Vec::new();
        for batch in self.batches.iter().filter(|batch| batch.header.producer_id >= 0) {
            let header = &batch.header;
            let new = ShadowProducer { epoch: -1, last_sequence: -1, open_since: None };
            let producer = producers.entry(header.producer_id).or_insert(new);
            if producer.epoch != header.producer_epoch {
                producer.epoch = header.producer_epoch;
                producer.last_sequence = -1;
            }
            match batch.kind {
                Kind::Plain => {}
                Kind::Data => producer.last_sequence = header.last_sequence(),
                Kind::Transactional => {
                    producer.last_sequence = header.last_sequence();
                    producer.open_since.get_or_insert(batch.base());
                }
                Kind::Marker { abort } => {
                    if let Some(first) = producer.open_since.take()
                        && abort
                    {
                        aborted.push((header.producer_id, first, batch.last()));
                    }
                }
            }
        }
        (producers, aborted)
    }

    /// The last stable offset with one replica.
    pub(crate) fn last_stable(&self) -> i64 {
        let (producers, _) = self.producers();
        let first = producers.values().filter_map(|producer| producer.open_since).min();
        first.map_or(self.log_end, |first| first.max(self.log_start))
    }

    /// The bytes from the batch that holds `from` on, up to the offset `limit`.
    pub(crate) fn bytes_from(&self, from: i64, limit: i64) -> Vec<u8> {
        let wanted = self.batches.iter().filter(|batch| batch.last() >= from && batch.base() < limit);
        wanted.flat_map(|batch| batch.bytes.iter().copied()).collect()
    }

    /// Cuts everything from `offset` on.
    pub(crate) fn truncate(&mut self, offset: i64) {
        self.batches.retain(|batch| batch.last() < offset);
        let end = self.batches.last().map_or(self.log_start, |batch| batch.last() + 1);
        self.log_end = end.max(self.log_start).min(self.log_end);
    }
}

/// Builds a batch of `count` records with timestamps from `timestamp` on.
pub(crate) fn build(
    kind: Kind,
    producer: (i64, i16, i32),
    count: usize,
    timestamp: i64,
    value: usize,
) -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    if kind != Kind::Plain {
        builder = builder.producer(producer.0, producer.1, producer.2);
    }
    match kind {
        Kind::Plain | Kind::Data => {}
        Kind::Transactional => builder = builder.transactional(true),
        Kind::Marker { abort } => {
            builder = builder.transactional(true).control(true);
            builder.append(timestamp, Some(&[0, 0, 0, u8::from(!abort)]), Some(&[0; 6]), &[]).unwrap();
            return builder.build().unwrap();
        }
    }
    for i in 0..count {
        let key = (timestamp + i as i64).to_be_bytes();
        builder.append(timestamp + i as i64, Some(&key), Some(&vec![7; value]), &[]).unwrap();
    }
    builder.build().unwrap()
}
