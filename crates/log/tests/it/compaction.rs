//! Whole logs compacted again and again, beside a model that knows what each key's last value is.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use moldau_log::{
    AppendBatch, AppendOrigin, Cleaner, CleanerConfig, LogConfig, LogDir, OpenLog, PartitionLog,
};
use moldau_protocol::records::{
    BatchBuilder, BatchHeader, BatchView, Compression, batches, end_transaction_batch,
};
use moldau_types::{LeaderEpoch, Offset};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::fixtures::{self, all_bytes};

const RETENTION_MS: i64 = 5_000;

#[derive(Clone, Debug, PartialEq)]
struct Model {
    timestamp: i64,
    key: String,
    value: Option<String>,
    /// Unknown while its transaction is open.
    committed: Option<bool>,
}

struct Open {
    first: i64,
    offsets: Vec<i64>,
}

struct World {
    rng: SmallRng,
    root: tempfile::TempDir,
    log: Arc<PartitionLog>,
    config: LogConfig,
    now_ms: i64,
    records: BTreeMap<i64, Model>,
    /// Epoch by producer: each marker raises it, as in transactions of version 2.
    epochs: HashMap<i64, i16>,
    /// Next sequence number by producer.
    sequences: HashMap<i64, i32>,
    open: HashMap<i64, Open>,
    clean_to: i64,
    /// When each tombstone was first in the compacted part: from then on it must stay for the retention time.
    tombstones: HashMap<i64, i64>,
}

fn open(path: &Path, config: &LogConfig, clean: bool, now_ms: i64, log_start: i64) -> Arc<PartitionLog> {
    let (log, report) = OpenLog {
        path: path.to_owned(),
        topic: "t".into(),
        partition: 0,
        topic_id: None,
        directory: Arc::new(LogDir::new(path.parent().unwrap())),
        config: config.clone(),
        log_start: Offset(log_start),
        recovery_point: Offset(0),
        high_watermark: Offset(0),
        clean,
        now_ms,
    }
    .open()
    .unwrap();
    assert_eq!(report.cut_bytes, 0);
    log.set_high_watermark_follows_log_end(true);
    log
}

fn cleaner(dedupe_buffer_bytes: usize) -> Cleaner {
    let config = CleanerConfig { dedupe_buffer_bytes, ..CleanerConfig::default() };
    Cleaner::new(&config, Arc::default())
}

impl World {
    fn new(seed: u64) -> World {
        let mut rng = SmallRng::seed_from_u64(seed);
        let root = tempfile::tempdir().unwrap();
        let config = LogConfig {
            segment_bytes: rng.random_range(400..4000),
            segment_ms: i64::MAX,
            index_interval_bytes: *[0, 200, 4096].get(rng.random_range(0..3)).unwrap(),
            retention_ms: -1,
            compact: true,
            delete: false,
            delete_retention_ms: RETENTION_MS,
            producer_id_expiration_ms: if rng.random_bool(0.5) { 3_000 } else { i64::MAX },
            file_delete_delay_ms: 100,
            ..LogConfig::default()
        };
        let log = open(&root.path().join("t-0"), &config, false, 0, 0);
        World {
            rng,
            root,
            log,
            config,
            now_ms: 1_000_000,
            records: BTreeMap::new(),
            epochs: HashMap::new(),
            sequences: HashMap::new(),
            open: HashMap::new(),
            clean_to: 0,
            tombstones: HashMap::new(),
        }
    }

    fn append(&mut self, bytes: &mut [u8], origin: AppendOrigin) -> i64 {
        let header = BatchHeader::parse(bytes).unwrap();
        let batch = AppendBatch {
            header,
            max_timestamp: header.max_timestamp,
            offset_of_max_timestamp: 0,
            origin,
            bytes,
        };
        let mut results = self.log.append_as_leader(&mut [batch], LeaderEpoch(0), self.now_ms);
        results.remove(0).unwrap().first_offset.0
    }

    fn produce(&mut self) {
        // Producers 0 to 2 have no id, 3 to 5 are idempotent, 6 and 7 transactional.
        let producer = self.rng.random_range(0..8i64);
        let transactional = producer >= 6;
        let codec = Compression::ALL[self.rng.random_range(0..5)];
        let mut builder = BatchBuilder::new().compression(codec, None).transactional(transactional);
        let count = self.rng.random_range(1..6);
        if producer >= 3 {
            let sequence = self.sequences.entry(producer).or_default();
            let epoch = self.epochs.get(&producer).copied().unwrap_or(0);
            builder = builder.producer(producer, epoch, *sequence);
            *sequence += count;
        }
        let mut added = vec![];
        for _ in 0..count {
            let key = format!("key-{}", self.rng.random_range(0..12));
            let value = self.rng.random_bool(0.8).then(|| format!("value {}", self.rng.random::<u32>()));
            // Whether a producer is idle is told from its records' times: those of one with an id go forward.
            let back = if producer < 3 { self.rng.random_range(0..500) } else { 0 };
            let timestamp = self.now_ms - back;
            builder
                .append(
                    timestamp,
                    Some(key.as_bytes()),
                    value.as_ref().map(|v| v.as_bytes()),
                    &[(b"h", None)],
                )
                .unwrap();
            added.push(Model { timestamp, key, value, committed: (!transactional).then_some(true) });
        }
        let first = self.append(&mut builder.build().unwrap(), AppendOrigin::Client);
        for (offset, record) in (first..).zip(added) {
            self.records.insert(offset, record);
            if transactional {
                let open = self.open.entry(producer).or_insert(Open { first, offsets: vec![] });
                open.offsets.push(offset);
            }
        }
    }

    fn end_transaction(&mut self) {
        let Some(&producer) = self.open.keys().next() else { return };
        let open = self.open.remove(&producer).unwrap();
        assert!(open.first <= open.offsets[0]);
        let commit = self.rng.random_bool(0.6);
        let epoch = self.epochs.entry(producer).or_default();
        *epoch += 1;
        self.sequences.remove(&producer);
        let mut marker = end_transaction_batch(commit, producer, *epoch, 0, self.now_ms).unwrap();
        self.append(&mut marker, AppendOrigin::Coordinator);
        for offset in open.offsets {
            self.records.get_mut(&offset).unwrap().committed = Some(commit);
        }
    }

    fn compact(&mut self) {
        let buffer = *[600, 20_000, 1 << 20].get(self.rng.random_range(0..3)).unwrap();
        let cleanable = self.log.cleanable(Some(Offset(self.clean_to)), self.now_ms).unwrap();
        if cleanable.checkpoint_invalid {
            assert!(self.clean_to < self.log.offsets().log_start.0);
            self.clean_to = cleanable.first_dirty.0;
        }
        assert!(cleanable.first_uncleanable <= self.log.offsets().last_stable.max(cleanable.first_dirty));
        let end = self.log.offsets().log_end;
        let report = self.log.compact(&mut cleaner(buffer), &cleanable, self.now_ms).unwrap();
        assert!(report.clean_to.0 >= self.clean_to);
        assert_eq!(self.log.offsets().log_end, end);
        self.clean_to = report.clean_to.0;
        self.check();
    }

    /// With `cleanup.policy=compact,delete` old segments go too.
    fn delete(&mut self) {
        let offsets = self.log.offsets();
        let to = self.rng.random_range(offsets.log_start.0..=offsets.log_end.0);
        // What lies before the high watermark only; it is the log end here.
        self.log.delete_records(Offset(to.min(offsets.log_start.0 + 40))).unwrap();
        self.log.apply_retention(self.now_ms).unwrap();
        self.check();
    }

    fn reopen(&mut self, clean: bool) {
        if clean {
            self.log.close().unwrap();
        }
        let path = self.root.path().join("t-0");
        let end = self.log.offsets().log_end;
        let log_start = self.log.offsets().log_start.0;
        self.log = open(&path, &self.config, clean, self.now_ms, log_start);
        assert_eq!(self.log.offsets().log_end, end);
        self.check();
    }

    /// The log's records: offset, timestamp, key, value, and whether the batch's delete horizon has passed.
    fn check(&mut self) {
        let bytes = all_bytes(&self.log);
        let log_start = self.log.offsets().log_start.0;
        let mut in_clean_part: HashMap<String, i64> = HashMap::new();
        let mut there: BTreeMap<i64, Model> = BTreeMap::new();
        for batch in batches(&bytes).map(|batch| batch.unwrap()) {
            batch.verify_crc().unwrap();
            for (offset, timestamp, key, value) in records_of(&batch) {
                if batch.header.is_control() || offset < log_start {
                    continue;
                }
                let model = &self.records[&offset];
                assert_eq!(
                    (timestamp, &key, &value),
                    (model.timestamp, &model.key, &model.value),
                    "offset {offset}"
                );
                there.insert(offset, model.clone());
                if offset < self.clean_to {
                    assert_ne!(model.committed, Some(false), "aborted record {offset} is still there");
                    if let Some(earlier) = in_clean_part.insert(key, offset) {
                        panic!("{offset} has the key of {earlier}, both are compacted");
                    }
                    if value.is_none() {
                        self.tombstones.entry(offset).or_insert(self.now_ms);
                    }
                }
            }
        }
        // The last committed record of each key is there, as long as it is no tombstone that had its time.
        let mut last: HashMap<&str, (i64, &Model)> = HashMap::new();
        for (offset, record) in self.records.iter().filter(|(_, record)| record.committed == Some(true)) {
            last.insert(&record.key, (*offset, record));
        }
        for (key, (offset, record)) in last {
            if there.contains_key(&offset) || offset < log_start {
                continue;
            }
            assert!(record.value.is_none(), "the last value of {key} at {offset} is gone");
            let since = self.tombstones.get(&offset);
            let had_its_time = since.is_some_and(|since| self.now_ms - since >= RETENTION_MS);
            assert!(had_its_time, "the tombstone of {key} at {offset} went too early");
            let older =
                there.iter().find(|(at, r)| **at < offset && r.key == key && r.committed == Some(true));
            assert!(older.is_none(), "{key} came back after its tombstone");
        }
        // What is not compacted is all there.
        for offset in self.records.range(self.clean_to.max(log_start)..).map(|(offset, _)| offset) {
            assert!(there.contains_key(offset), "{offset} went before it was compacted");
        }
    }

    fn step(&mut self) {
        self.now_ms += self.rng.random_range(0..400);
        match self.rng.random_range(0..100) {
            0..70 => self.produce(),
            70..80 => self.end_transaction(),
            80..83 => self.log.roll(self.now_ms).unwrap(),
            83..93 => self.compact(),
            93..95 => self.now_ms += RETENTION_MS,
            95..96 => self.reopen(true),
            96..97 => self.delete(),
            97..98 => self.reopen(false),
            98..99 => self.log.expire_producers(self.now_ms),
            _ => drop(self.log.remove_deleted_files(self.now_ms)),
        }
    }
}

type Record = (i64, i64, String, Option<String>);

fn records_of(batch: &BatchView<'_>) -> Vec<Record> {
    let mut records = batch.records().unwrap();
    let mut out = vec![];
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    while let Some(record) = records.next_record().unwrap() {
        out.push((record.offset, record.timestamp, text(record.key.unwrap()), record.value.map(text)));
    }
    out
}

#[test]
fn the_last_value_of_every_key_survives_and_offsets_never_change() {
    let number = |variable| std::env::var(variable).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seeds = number("MOLDAU_SEEDS").unwrap_or(12);
    for seed in number("MOLDAU_SEED").map_or(0..seeds, |seed| seed..seed + 1) {
        let outcome = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            for _ in 0..250 {
                world.step();
            }
            world.compact();
            world.reopen(false);
        });
        if let Err(panic) = outcome {
            eprintln!("failed with MOLDAU_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

/// Everything a consumer would see: the last value of each key.
fn table(log: &PartitionLog) -> BTreeMap<String, Option<String>> {
    let bytes = all_bytes(log);
    let mut table = BTreeMap::new();
    for batch in batches(&bytes).map(|batch| batch.unwrap()).filter(|batch| !batch.header.is_control()) {
        for (_, _, key, value) in records_of(&batch) {
            table.insert(key, value);
        }
    }
    table
}

#[test]
fn a_crash_at_any_rename_leaves_a_whole_log() {
    let root = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_bytes: 600, compact: true, retention_ms: -1, ..LogConfig::default() };
    let path = root.path().join("t-0");
    let log = open(&path, &config, false, 0, 0);
    for round in 0..30i64 {
        let mut builder = BatchBuilder::new();
        for key in 0..4 {
            let value = format!("{round}: {}", "x".repeat(30));
            builder
                .append(1000 + round, Some(format!("k{key}").as_bytes()), Some(value.as_bytes()), &[])
                .unwrap();
        }
        let mut bytes = builder.build().unwrap();
        let header = BatchHeader::parse(&bytes).unwrap();
        let batch = AppendBatch {
            header,
            max_timestamp: header.max_timestamp,
            offset_of_max_timestamp: 0,
            origin: AppendOrigin::Client,
            bytes: &mut bytes,
        };
        log.append_as_leader(&mut [batch], LeaderEpoch(0), 1000).remove(0).unwrap();
    }
    let expected = table(&log);
    log.close().unwrap();
    let before = fixtures::files(&path);
    let log = open(&path, &config, true, 2000, 0);
    let cleanable = log.cleanable(None, 2000).unwrap();
    // Larger segments now, so that several become one.
    log.set_config(LogConfig { segment_bytes: 1 << 20, ..config.clone() });
    let report = log.compact(&mut cleaner(1 << 20), &cleanable, 2000).unwrap();
    assert!(report.segments_before > 5 && report.segments_after == 1, "{report:?}");
    assert_eq!(table(&log), expected);
    let base = "00000000000000000000";
    let suffixes = [".index", ".timeindex", ".log"];
    let new: Vec<(&str, Vec<u8>)> =
        suffixes.iter().map(|s| (*s, fs::read(path.join(format!("{base}{s}"))).unwrap())).collect();
    let old_names: Vec<String> = before
        .iter()
        .map(|(name, _)| name.clone())
        .filter(|name| suffixes.iter().any(|s| name.ends_with(s)))
        .filter(|name| !name.starts_with(&file_base(&before)))
        .collect();
    let mut renames: Vec<(String, String)> = vec![];
    for s in suffixes {
        renames.push((format!("{base}{s}.cleaned"), format!("{base}{s}.swap")));
    }
    for name in &old_names {
        renames.push((name.clone(), format!("{name}.deleted")));
    }
    for s in suffixes.iter().rev() {
        renames.push((format!("{base}{s}.swap"), format!("{base}{s}")));
    }
    for steps in 0..=renames.len() {
        let crashed = tempfile::tempdir().unwrap();
        let path: PathBuf = crashed.path().join("t-0");
        fs::create_dir(&path).unwrap();
        for (name, bytes) in &before {
            fs::write(path.join(name), bytes).unwrap();
        }
        for (suffix, bytes) in &new {
            fs::write(path.join(format!("{base}{suffix}.cleaned")), bytes).unwrap();
        }
        for (from, to) in &renames[..steps] {
            fs::rename(path.join(from), path.join(to)).unwrap();
        }
        for clean in [true, false] {
            let log = open(&path, &config, clean, 3000, 0);
            assert_eq!(log.offsets().log_end, Offset(120), "after {steps} renames");
            assert_eq!(table(&log), expected, "after {steps} renames");
            let left = fixtures::files(&path);
            assert!(left.iter().all(|(name, _)| !name.ends_with(".cleaned") && !name.ends_with(".swap")));
            log.close().unwrap();
        }
    }
}

/// Base name of the active segment's files.
fn file_base(files: &[(String, Vec<u8>)]) -> String {
    let last = files.iter().filter_map(|(name, _)| name.strip_suffix(".log")).max().unwrap();
    last.to_owned()
}

#[test]
fn compacting_what_the_reference_has_compacted_changes_nothing_but_a_horizon() {
    let root = tempfile::tempdir().unwrap();
    let path = fixtures::copy("compacted-0", root.path());
    let before = fixtures::files(&path);
    let config = LogConfig {
        segment_bytes: 1000,
        index_interval_bytes: 0,
        compact: true,
        retention_ms: -1,
        producer_id_expiration_ms: i64::MAX,
        ..LogConfig::default()
    };
    let log = fixtures::open(&path, config, true, 0, fixtures::NOW_MS);
    let cleanable = log.cleanable(None, fixtures::NOW_MS).unwrap();
    assert_eq!(cleanable.first_uncleanable, Offset(51));
    let report = log.compact(&mut cleaner(1 << 20), &cleanable, fixtures::NOW_MS).unwrap();
    assert_eq!(report.clean_to, Offset(51));
    let logs = |files: Vec<(String, Vec<u8>)>| -> Vec<Vec<u8>> {
        let logs = files.into_iter().filter(|(name, _)| name.ends_with(".log"));
        logs.map(|(_, bytes)| bytes).collect()
    };
    let (before, after) = (logs(before).concat(), logs(fixtures::files(&path)).concat());
    let headers = |bytes: &[u8]| -> Vec<(BatchHeader, Vec<u8>)> {
        batches(bytes).map(|b| b.unwrap()).map(|b| (b.header, b.bytes().to_vec())).collect()
    };
    let (before, after) = (headers(&before), headers(&after));
    assert_eq!(before.len(), after.len());
    for ((old, old_bytes), (new, new_bytes)) in before.iter().zip(&after) {
        if old.base_offset == 47 {
            // The marker of an aborted transaction whose records went in the first pass.
            assert_eq!(new.delete_horizon_ms(), Some(fixtures::NOW_MS + 24 * 3_600_000));
        } else {
            assert_eq!(old_bytes, new_bytes, "offset {}", old.base_offset);
        }
    }
    assert_eq!(log.offsets().log_end, Offset(52));
}
