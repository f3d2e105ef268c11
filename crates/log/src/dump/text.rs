//! What is in a file in the words of Kafka's dump tool: for people, and for comparing with the reference.

use std::io::{self, Write};
use std::path::Path;

use moldau_protocol::records::{BatchHeader, Compression, RecordView};

use super::{DumpItem, DumpReport, DumpedBatch, DumpedProducer, DumpedRecord, ReadOptions, read_file};

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
    /// Batches of a log that end beyond so many bytes are not read; `None` for all.
    pub max_bytes: Option<u64>,
    /// Told of the bytes of each batch of a log, when it is shown.
    pub shown: Option<&'a dyn Fn(u64)>,
}

/// Writes a file's contents as text. `name` is what the text calls it.
pub fn dump_file(
    path: &Path,
    name: &str,
    options: DumpOptions<'_>,
    out: &mut dyn Write,
) -> io::Result<DumpReport> {
    writeln!(out, "Dumping {name}")?;
    let read = ReadOptions { records: options.records || options.data, max_bytes: options.max_bytes };
    read_file(path, read, &mut |item| {
        let size = item.batch_size();
        write_item(item, path, name, options, out)?;
        if let (Some(size), Some(shown)) = (size, options.shown) {
            shown(size);
        }
        Ok(())
    })
}

fn write_item(
    item: DumpItem<'_>,
    path: &Path,
    name: &str,
    options: DumpOptions<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    match item {
        DumpItem::LogStart(base) => writeln!(out, "Log starting offset: {base}"),
        DumpItem::SnapshotEnd { end_offset, leader_epoch } => {
            writeln!(out, "Snapshot end offset: {end_offset}, epoch: {leader_epoch}")
        }
        DumpItem::Batch(batch) => write_batch(&batch, out),
        DumpItem::Record(record) => write_record(&record, options, out),
        DumpItem::UnreadableRecords(why) => writeln!(out, "| the records cannot be read: {why}"),
        DumpItem::TrailingBytes(bytes) => {
            let file_name = path.file_name().unwrap_or_default().to_string_lossy();
            writeln!(out, "Found {bytes} invalid bytes at the end of {file_name}")
        }
        DumpItem::EmptyIndex => writeln!(out, "{name} is empty."),
        DumpItem::Offset { offset, position } => writeln!(out, "offset: {offset} position: {position}"),
        DumpItem::Time { timestamp, offset } => writeln!(out, "timestamp: {timestamp} offset: {offset}"),
        DumpItem::Aborted { producer_id, first_offset, last_offset, last_stable_offset } => writeln!(
            out,
            "version: 0 producerId: {producer_id} firstOffset: {first_offset} lastOffset: {last_offset} lastStableOffset: {last_stable_offset}",
        ),
        DumpItem::Producer(producer) => write_producer(&producer, out),
    }
}

fn optional(value: Option<i64>) -> String {
    value.map_or_else(|| "OptionalLong.empty".to_owned(), |value| format!("OptionalLong[{value}]"))
}

fn write_producer(producer: &DumpedProducer, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "producerId: {} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {} lastTimestamp: {}",
        producer.producer_id,
        producer.producer_epoch,
        producer.coordinator_epoch,
        optional(producer.current_transaction_first_offset),
        producer.last_timestamp
    )?;
    if let Some(batch) = &producer.last_batch {
        write!(
            out,
            " firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} timestamp: {}",
            batch.first_sequence,
            batch.last_sequence,
            batch.last_offset,
            batch.offset_delta,
            producer.last_timestamp
        )?;
    }
    writeln!(out)
}

fn write_batch(batch: &DumpedBatch<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Some(header) = batch.header else {
        return writeln!(
            out,
            "baseOffset: {} position: {} CreateTime: {} size: {} magic: {}",
            batch.base_offset, batch.position, batch.max_timestamp, batch.size, batch.magic
        );
    };
    let time = header.timestamp_type().name();
    writeln!(
        out,
        "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} producerEpoch: {} \
         partitionLeaderEpoch: {} isTransactional: {} isControl: {} deleteHorizonMs: {} position: {} {time}: {} \
         size: {} magic: {} compresscodec: {} crc: {} isvalid: {}",
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
        batch.position,
        header.max_timestamp,
        batch.size,
        header.magic,
        codec_name(header),
        header.crc,
        batch.valid,
    )
}

fn write_record(
    DumpedRecord { header, record, marker }: &DumpedRecord<'_>,
    options: DumpOptions<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if options.skip_record_metadata {
        write!(out, "|")?;
        if header.is_control() || !options.data {
            return writeln!(out);
        }
        return write_data(header, record, options, out);
    }
    let length = |bytes: Option<&[u8]>| bytes.map_or(-1, |bytes| bytes.len() as i64);
    let keys: Vec<_> = record.headers.map(|header| header.key_text().into_owned()).collect();
    write!(
        out,
        "| offset: {} {}: {} keySize: {} valueSize: {} sequence: {} headerKeys: [{}]",
        record.offset,
        header.timestamp_type().name(),
        record.timestamp,
        length(record.key),
        length(record.value),
        record.sequence,
        keys.join(",")
    )?;
    if let Some(marker) = marker {
        let name = if marker.aborted { "ABORT" } else { "COMMIT" };
        return writeln!(out, " endTxnMarker: {name} coordinatorEpoch: {}", marker.coordinator_epoch);
    }
    if options.data { write_data(header, record, options, out) } else { writeln!(out) }
}

/// The rest of a record's line: its key and value.
fn write_data(
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

/// The codec's name; a batch may name one that there is not.
fn codec_name(header: &BatchHeader) -> &'static str {
    header.compression().map_or("unknown", Compression::name)
}
