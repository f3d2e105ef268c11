//! Files of a log as text, in the words of Kafka's dump tool: for people, and for comparing with the reference.
//!
//! [`dump_file`] tells the kind of a file by its suffix. Nothing here changes a file.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use moldau_protocol::records::{BatchHeader, BatchView, RecordView, TimestampType};

use crate::files::{
    INDEX_SUFFIX, LOG_SUFFIX, SNAPSHOT_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, offset_of_file_name,
};
use crate::index::{IndexEntry, OffsetEntry, TimeEntry, txn};
use crate::producers::marker::end_transaction;
use crate::producers::snapshot;
use crate::scan::{FoundBatch, LARGE_WINDOW, ScanError, Scanner};

/// Suffix of a snapshot of the metadata log.
const CHECKPOINT_SUFFIX: &str = ".checkpoint";

/// Gives key and value of a record as text, for instance by the schemas of an internal topic. `None` leaves the record to
/// the default, which shows the bytes as UTF-8.
pub type Decoder<'a> = &'a dyn Fn(&BatchHeader, &RecordView<'_>) -> Option<DecodedRecord>;

/// A record as a [`Decoder`] shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecodedRecord {
    /// Text after `key: `; nothing is written for `None`.
    pub key: Option<String>,
    /// Text after `payload: `; nothing is written for `None`.
    pub payload: Option<String>,
    /// Text that is written instead of both, as control records have it.
    pub instead: Option<String>,
}

/// What to show.
#[derive(Clone, Copy, Default)]
pub struct DumpOptions<'a> {
    /// The records of a log, not only its batches.
    pub records: bool,
    /// Their keys and values too.
    pub data: bool,
    /// How keys and values become text.
    pub decoder: Option<Decoder<'a>>,
    /// Of each record only key and value, without its offset, time and sizes.
    pub skip_record_metadata: bool,
    /// Batches of a log that begin beyond so many bytes are not read; `None` for all.
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

/// Writes a file's contents as text. `name` is what the text calls it.
pub fn dump_file(
    path: &Path,
    name: &str,
    options: DumpOptions<'_>,
    out: &mut dyn Write,
) -> io::Result<DumpReport> {
    writeln!(out, "Dumping {name}")?;
    let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let base_offset = |suffix| offset_of_file_name(file_name, suffix).unwrap_or(0);
    let mut report = DumpReport::default();
    if file_name.ends_with(LOG_SUFFIX) || file_name.ends_with(CHECKPOINT_SUFFIX) {
        report = dump_log(path, file_name, options, out)?;
    } else if file_name.ends_with(TIME_INDEX_SUFFIX) {
        let base = base_offset(TIME_INDEX_SUFFIX);
        for entry in entries::<TimeEntry>(path)?.iter().take_while(|entry| entry.timestamp > 0) {
            let offset = base + i64::from(entry.relative_offset);
            writeln!(out, "timestamp: {} offset: {offset}", entry.timestamp)?;
        }
    } else if file_name.ends_with(TXN_INDEX_SUFFIX) {
        for entry in txn::read(path)?.ok_or_else(|| invalid("not a transaction index"))? {
            writeln!(
                out,
                "version: 0 producerId: {} firstOffset: {} lastOffset: {} lastStableOffset: {}",
                entry.producer_id, entry.first_offset, entry.last_offset, entry.last_stable_offset
            )?;
        }
    } else if file_name.ends_with(INDEX_SUFFIX) {
        let base = base_offset(INDEX_SUFFIX);
        let entries = entries::<OffsetEntry>(path)?;
        if entries.is_empty() {
            writeln!(out, "{name} is empty.")?;
        }
        for entry in entries.iter().take_while(|entry| entry.relative_offset > 0 || entry.position > 0) {
            let offset = base + i64::from(entry.relative_offset);
            writeln!(out, "offset: {offset} position: {}", entry.position)?;
        }
    } else if file_name.ends_with(SNAPSHOT_SUFFIX) {
        dump_snapshot(path, out)?;
    } else {
        return Err(invalid(
            "not a file of a log: .log, .index, .timeindex, .txnindex, .snapshot or .checkpoint is wanted",
        ));
    }
    Ok(report)
}

fn invalid(problem: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

fn entries<E: IndexEntry>(path: &Path) -> io::Result<Vec<E>> {
    Ok(std::fs::read(path)?.chunks_exact(E::SIZE).map(E::read).collect())
}

fn optional(value: Option<i64>) -> String {
    value.map_or_else(|| "OptionalLong.empty".to_owned(), |value| format!("OptionalLong[{value}]"))
}

fn dump_snapshot(path: &Path, out: &mut dyn Write) -> io::Result<()> {
    for entry in snapshot::decode(&std::fs::read(path)?).map_err(invalid)? {
        let first_offset = (entry.transaction_first_offset >= 0).then_some(entry.transaction_first_offset);
        write!(
            out,
            "producerId: {} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {} lastTimestamp: {}",
            entry.producer_id,
            entry.epoch,
            entry.coordinator_epoch,
            optional(first_offset),
            entry.timestamp
        )?;
        if entry.last_offset >= 0 {
            write!(
                out,
                " firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} timestamp: {}",
                entry.first_sequence(),
                entry.last_sequence,
                entry.last_offset,
                entry.offset_delta,
                entry.timestamp
            )?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn dump_log(
    path: &Path,
    file_name: &str,
    options: DumpOptions<'_>,
    out: &mut dyn Write,
) -> io::Result<DumpReport> {
    if let Some(base) = offset_of_file_name(file_name, LOG_SUFFIX) {
        writeln!(out, "Log starting offset: {base}")?;
    } else if let Some((end, epoch)) = file_name.trim_end_matches(CHECKPOINT_SUFFIX).split_once('-') {
        let number = |digits: &str| digits.parse::<i64>().unwrap_or(-1);
        writeln!(out, "Snapshot end offset: {}, epoch: {}", number(end), number(epoch))?;
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut scanner = Scanner::new(&file, 0, size, LARGE_WINDOW);
    let mut report = DumpReport::default();
    loop {
        let found = match scanner.next_unchecked() {
            Ok(Some((found, _)))
                if options.max_bytes.is_some_and(|max| found.position + found.size as u64 > max) =>
            {
                break;
            }
            Ok(Some((found, bytes))) => {
                let valid = found.header.is_none()
                    || BatchView::parse(bytes).is_ok_and(|view| view.verify_crc().is_ok());
                report.invalid_batches += u64::from(!valid);
                dump_batch(&found, bytes, valid, options, out)?;
                Ok(())
            }
            Ok(None) => break,
            Err(error) => Err(error),
        };
        match found {
            Ok(()) => {}
            Err(ScanError::Io(error)) => return Err(error),
            Err(ScanError::Torn { position, .. }) => {
                report.trailing_bytes = size - position;
                writeln!(out, "Found {} invalid bytes at the end of {file_name}", report.trailing_bytes)?;
                break;
            }
        }
    }
    Ok(report)
}

fn dump_batch(
    found: &FoundBatch,
    bytes: &[u8],
    valid: bool,
    options: DumpOptions<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(header) = &found.header else {
        return writeln!(
            out,
            "baseOffset: {} position: {} CreateTime: {} size: {} magic: {}",
            found.base_offset, found.position, found.max_timestamp, found.size, bytes[16]
        );
    };
    let time = time_name(header);
    writeln!(
        out,
        "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} producerEpoch: {} \
         partitionLeaderEpoch: {} isTransactional: {} isControl: {} deleteHorizonMs: {} position: {} {time}: {} \
         size: {} magic: {} compresscodec: {} crc: {} isvalid: {valid}",
        header.base_offset,
        header.last_offset(),
        header.record_count,
        header.base_sequence,
        header.last_sequence(),
        header.producer_id,
        header.producer_epoch,
        header.partition_leader_epoch,
        header.is_transactional(),
        header.is_control(),
        optional(header.delete_horizon_ms()),
        found.position,
        header.max_timestamp,
        found.size,
        header.magic,
        codec_name(header),
        header.crc,
    )?;
    if !options.records && !options.data {
        return Ok(());
    }
    let records = BatchView::parse(bytes).and_then(|view| {
        let mut records = view.records()?;
        while let Some(record) = records.next_record()? {
            if let Err(error) = dump_record(header, bytes, &record, options, out) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    });
    match records {
        Ok(written) => written,
        Err(error) => writeln!(out, "| the records cannot be read: {error}"),
    }
}

fn dump_record(
    header: &BatchHeader,
    bytes: &[u8],
    record: &RecordView<'_>,
    options: DumpOptions<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let length = |bytes: Option<&[u8]>| bytes.map_or(-1, |bytes| bytes.len() as i64);
    if options.skip_record_metadata {
        write!(out, "|")?;
        if header.is_control() || !options.data {
            return writeln!(out);
        }
        return dump_data(header, record, options, out);
    }
    let keys: Vec<_> = record.headers.map(|header| header.key_text().into_owned()).collect();
    write!(
        out,
        "| offset: {} {}: {} keySize: {} valueSize: {} sequence: {} headerKeys: [{}]",
        record.offset,
        time_name(header),
        record.timestamp,
        length(record.key),
        length(record.value),
        record.sequence,
        keys.join(",")
    )?;
    if let Some(marker) = end_transaction(header, bytes) {
        let name = if marker.aborted { "ABORT" } else { "COMMIT" };
        return writeln!(out, " endTxnMarker: {name} coordinatorEpoch: {}", marker.coordinator_epoch);
    }
    if options.data { dump_data(header, record, options, out) } else { writeln!(out) }
}

/// The rest of a record's line: its key and value.
fn dump_data(
    header: &BatchHeader,
    record: &RecordView<'_>,
    options: DumpOptions<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let decoded = options.decoder.and_then(|decode| decode(header, record)).unwrap_or_else(|| {
        let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        DecodedRecord { key: text(record.key), payload: text(record.value), instead: None }
    });
    if let Some(text) = decoded.instead {
        return writeln!(out, " {text}");
    }
    if let Some(key) = decoded.key {
        write!(out, " key: {key}")?;
    }
    if let Some(payload) = decoded.payload {
        write!(out, " payload: {payload}")?;
    }
    writeln!(out)
}

fn time_name(header: &BatchHeader) -> &'static str {
    match header.timestamp_type() {
        TimestampType::CreateTime => "CreateTime",
        TimestampType::LogAppendTime => "LogAppendTime",
    }
}

fn codec_name(header: &BatchHeader) -> &'static str {
    match header.compression_id() {
        0 => "none",
        1 => "gzip",
        2 => "snappy",
        3 => "lz4",
        4 => "zstd",
        _ => "unknown",
    }
}
