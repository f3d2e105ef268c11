//! Files of a log, read for people: [`read_file`] goes through what is in one, [`dump_file`] writes it in the words of Kafka's dump
//! tool.
//!
//! Always: nothing here changes a file; its kind is told by the suffix of its name; a broken batch does not end the reading.

mod text;

use std::fs::File;
use std::io;
use std::path::Path;

use moldau_protocol::records::{BatchHeader, BatchView, RecordView};

use crate::files::{
    INDEX_SUFFIX, LOG_SUFFIX, SNAPSHOT_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, offset_of_file_name,
};
use crate::index::{IndexEntry, OffsetEntry, TimeEntry, txn};
use crate::producers::marker::end_transaction;
use crate::producers::snapshot;
use crate::scan::{LARGE_WINDOW, ScanError, Scanner};

pub use text::{DecodedRecord, Decoder, DumpOptions, dump_file};

/// Suffix of a snapshot of the metadata log.
const CHECKPOINT_SUFFIX: &str = ".checkpoint";

/// One thing that is in a file.
#[derive(Debug)]
pub enum DumpItem<'a> {
    /// The file is a log that begins at this offset by its name.
    LogStart(i64),
    /// The file is a snapshot of the metadata log, by its name.
    SnapshotEnd {
        /// The offset after its last record.
        end_offset: i64,
        /// The leader epoch of that record.
        leader_epoch: i64,
    },
    /// A batch.
    Batch(DumpedBatch<'a>),
    /// A record of the last batch.
    Record(DumpedRecord<'a>),
    /// The records of the last batch cannot be read, and why.
    UnreadableRecords(String),
    /// So many bytes at the end of a log that are no batch.
    TrailingBytes(u64),
    /// The file is an offset index without entries.
    EmptyIndex,
    /// An entry of an offset index.
    Offset {
        /// The offset.
        offset: i64,
        /// The position of its batch in the log, in bytes.
        position: u32,
    },
    /// An entry of a time index.
    Time {
        /// Milliseconds since 1970 (UTC).
        timestamp: i64,
        /// The offset of a record with it.
        offset: i64,
    },
    /// An aborted transaction of a transaction index.
    Aborted {
        /// The producer id.
        producer_id: i64,
        /// Its first offset.
        first_offset: i64,
        /// The offset of its marker.
        last_offset: i64,
        /// The last stable offset after it.
        last_stable_offset: i64,
    },
    /// A producer of a producer snapshot.
    Producer(DumpedProducer),
}

/// A batch of a log.
#[derive(Clone, Copy, Debug)]
pub struct DumpedBatch<'a> {
    /// Its header; `None` for a batch of a legacy format.
    pub header: Option<&'a BatchHeader>,
    /// Its first offset.
    pub base_offset: i64,
    /// The largest timestamp, milliseconds since 1970 (UTC).
    pub max_timestamp: i64,
    /// Where it begins in the file, in bytes.
    pub position: u64,
    /// Its size in bytes.
    pub size: u64,
    /// The version of its format.
    pub magic: u8,
    /// Whether its checksum matches.
    pub valid: bool,
}

/// A record of a batch.
#[derive(Clone, Copy, Debug)]
pub struct DumpedRecord<'a> {
    /// The header of its batch.
    pub header: &'a BatchHeader,
    /// The record.
    pub record: &'a RecordView<'a>,
    /// What a marker at the end of a transaction says.
    pub marker: Option<DumpedMarker>,
}

/// A marker at the end of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DumpedMarker {
    /// Whether the transaction was aborted.
    pub aborted: bool,
    /// The epoch of the coordinator that wrote it.
    pub coordinator_epoch: i32,
}

/// What a producer snapshot says of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DumpedProducer {
    /// The producer id.
    pub producer_id: i64,
    /// The producer epoch.
    pub producer_epoch: i16,
    /// The epoch of the coordinator of its last marker, −1 without one.
    pub coordinator_epoch: i32,
    /// The first offset of its open transaction.
    pub current_transaction_first_offset: Option<i64>,
    /// The timestamp of its last batch or marker.
    pub last_timestamp: i64,
    /// Its last batch.
    pub last_batch: Option<DumpedProducerBatch>,
}

/// The last batch of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DumpedProducerBatch {
    /// The first sequence number.
    pub first_sequence: i32,
    /// The last sequence number.
    pub last_sequence: i32,
    /// The offset of the last record.
    pub last_offset: i64,
    /// The last offset less the first.
    pub offset_delta: i32,
}

impl DumpItem<'_> {
    /// The bytes of a batch in its file.
    pub fn batch_size(&self) -> Option<u64> {
        match self {
            Self::Batch(batch) => Some(batch.size),
            _ => None,
        }
    }
}

/// How far a file is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOptions {
    /// The records of a log, not only its batches.
    pub records: bool,
    /// Batches of a log that end beyond so many bytes are not read; `None` for all.
    pub max_bytes: Option<u64>,
}

/// What was found wrong in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DumpReport {
    /// Batches whose checksum does not match.
    pub invalid_batches: u64,
    /// Bytes at the end that are no batch.
    pub trailing_bytes: u64,
}

/// Takes what is in a file, in its order.
pub type Visitor<'a> = &'a mut dyn FnMut(DumpItem<'_>) -> io::Result<()>;

/// Goes through what is in a file.
pub fn read_file(path: &Path, options: ReadOptions, visit: Visitor<'_>) -> io::Result<DumpReport> {
    let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let base_offset = |suffix| offset_of_file_name(file_name, suffix).unwrap_or(0);
    if file_name.ends_with(LOG_SUFFIX) || file_name.ends_with(CHECKPOINT_SUFFIX) {
        return read_log(path, file_name, options, visit);
    }
    if file_name.ends_with(TIME_INDEX_SUFFIX) {
        let base = base_offset(TIME_INDEX_SUFFIX);
        for entry in entries::<TimeEntry>(path)?.iter().take_while(|entry| entry.timestamp > 0) {
            let offset = base + i64::from(entry.relative_offset);
            visit(DumpItem::Time { timestamp: entry.timestamp, offset })?;
        }
    } else if file_name.ends_with(TXN_INDEX_SUFFIX) {
        for entry in txn::read(path)?.ok_or_else(|| invalid("not a transaction index"))? {
            visit(DumpItem::Aborted {
                producer_id: entry.producer_id.into(),
                first_offset: entry.first_offset.into(),
                last_offset: entry.last_offset.into(),
                last_stable_offset: entry.last_stable_offset.into(),
            })?;
        }
    } else if file_name.ends_with(INDEX_SUFFIX) {
        let base = base_offset(INDEX_SUFFIX);
        let entries = entries::<OffsetEntry>(path)?;
        if entries.is_empty() {
            visit(DumpItem::EmptyIndex)?;
        }
        for entry in entries.iter().take_while(|entry| entry.relative_offset > 0 || entry.position > 0) {
            let offset = base + i64::from(entry.relative_offset);
            visit(DumpItem::Offset { offset, position: entry.position })?;
        }
    } else if file_name.ends_with(SNAPSHOT_SUFFIX) {
        read_snapshot(path, visit)?;
    } else {
        return Err(invalid(
            "not a file of a log: .log, .index, .timeindex, .txnindex, .snapshot or .checkpoint is wanted",
        ));
    }
    Ok(DumpReport::default())
}

fn invalid(problem: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

fn entries<E: IndexEntry>(path: &Path) -> io::Result<Vec<E>> {
    Ok(std::fs::read(path)?.chunks_exact(E::SIZE).map(E::read).collect())
}

fn read_snapshot(path: &Path, visit: Visitor<'_>) -> io::Result<()> {
    for entry in snapshot::decode(&std::fs::read(path)?).map_err(invalid)? {
        let first_offset = entry.transaction_first_offset;
        let last_batch = (entry.last_offset >= 0).then(|| DumpedProducerBatch {
            first_sequence: entry.first_sequence(),
            last_sequence: entry.last_sequence,
            last_offset: entry.last_offset,
            offset_delta: entry.offset_delta,
        });
        visit(DumpItem::Producer(DumpedProducer {
            producer_id: entry.producer_id,
            producer_epoch: entry.epoch,
            coordinator_epoch: entry.coordinator_epoch,
            current_transaction_first_offset: (first_offset >= 0).then_some(first_offset),
            last_timestamp: entry.timestamp,
            last_batch,
        }))?;
    }
    Ok(())
}

fn read_log(
    path: &Path,
    file_name: &str,
    options: ReadOptions,
    visit: Visitor<'_>,
) -> io::Result<DumpReport> {
    if let Some(base) = offset_of_file_name(file_name, LOG_SUFFIX) {
        visit(DumpItem::LogStart(base))?;
    } else if let Some((end, epoch)) = file_name.trim_end_matches(CHECKPOINT_SUFFIX).split_once('-') {
        let number = |digits: &str| digits.parse::<i64>().unwrap_or(-1);
        visit(DumpItem::SnapshotEnd { end_offset: number(end), leader_epoch: number(epoch) })?;
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut scanner = Scanner::new(&file, 0, size, LARGE_WINDOW);
    let mut report = DumpReport::default();
    loop {
        match scanner.next_unchecked() {
            Ok(Some((found, _)))
                if options.max_bytes.is_some_and(|max| found.position + found.size > max) =>
            {
                break;
            }
            Ok(Some((found, bytes))) => {
                let header = found.header.as_ref();
                let valid =
                    header.is_none() || BatchView::parse(bytes).is_ok_and(|view| view.verify_crc().is_ok());
                report.invalid_batches += u64::from(!valid);
                visit(DumpItem::Batch(DumpedBatch {
                    header,
                    base_offset: found.base_offset,
                    max_timestamp: found.max_timestamp,
                    position: found.position,
                    size: found.size,
                    magic: bytes[16],
                    valid,
                }))?;
                if let (Some(header), true) = (header, options.records) {
                    read_records(header, bytes, visit)?;
                }
            }
            Ok(None) => break,
            Err(ScanError::Io(error)) => return Err(error),
            Err(ScanError::Torn { position, .. }) => {
                report.trailing_bytes = size - position;
                visit(DumpItem::TrailingBytes(report.trailing_bytes))?;
                break;
            }
        }
    }
    Ok(report)
}

fn read_records(header: &BatchHeader, bytes: &[u8], visit: Visitor<'_>) -> io::Result<()> {
    let marker = end_transaction(header, bytes)
        .map(|marker| DumpedMarker { aborted: marker.aborted, coordinator_epoch: marker.coordinator_epoch });
    let records = BatchView::parse(bytes).and_then(|view| {
        let mut records = view.records()?;
        while let Some(record) = records.next_record()? {
            if let Err(error) = visit(DumpItem::Record(DumpedRecord { header, record: &record, marker })) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    });
    match records {
        Ok(visited) => visited,
        Err(error) => visit(DumpItem::UnreadableRecords(error.to_string())),
    }
}
