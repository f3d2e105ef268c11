//! The log under test beside its model, and what may happen to both.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use moldau_log::{
    AppendBatch, AppendError, AppendOrigin, LogConfig, LogDir, OpenLog, PartitionLog, ReadError, ReadUpTo,
};
use moldau_protocol::records::BatchHeader;
use moldau_types::{LeaderEpoch, Offset};
use rand::rngs::SmallRng;
use rand::{Rng, RngCore};
use std::os::unix::fs::FileExt;

use super::shadow::{Kind, Shadow, ShadowBatch, build};

/// See the module.
pub(crate) struct World {
    rng: SmallRng,
    root: tempfile::TempDir,
    log: Arc<PartitionLog>,
    shadow: Shadow,
    clock_ms: i64,
    config: LogConfig,
    leader_epoch: LeaderEpoch,
    /// `leader-epoch-checkpoint` when it was surely on the disk for the last time.
    synced_epochs: Option<Vec<u8>>,
    /// Some file that an append or a roll wants to make cannot be made.
    files_fail: bool,
}

impl World {
    pub(crate) fn new(mut rng: SmallRng) -> World {
        let root = tempfile::tempdir().unwrap();
        let config = LogConfig {
            segment_bytes: rng.random_range(300..5000),
            segment_ms: if rng.random_bool(0.5) { 2000 } else { i64::MAX },
            index_interval_bytes: *[0, 100, 4096].get(rng.random_range(0..3)).unwrap(),
            segment_index_bytes: if rng.random_bool(0.2) { 60 } else { 10 << 20 },
            retention_ms: -1,
            file_delete_delay_ms: 100,
            producer_id_expiration_ms: i64::MAX,
            ..LogConfig::default()
        };
        let log = open(&root.path().join("t-0"), &config, false, 0, 0, 0);
        let shadow = Shadow::default();
        let leader_epoch = LeaderEpoch(3);
        let (clock_ms, synced_epochs, files_fail) = (1_000_000, None, false);
        World { rng, root, log, shadow, clock_ms, config, leader_epoch, synced_epochs, files_fail }
    }

    fn epochs_path(&self) -> PathBuf {
        self.path().join("leader-epoch-checkpoint")
    }

    fn note_synced_epochs(&mut self) {
        self.synced_epochs = fs::read(self.epochs_path()).ok();
    }

    fn path(&self) -> PathBuf {
        self.root.path().join("t-0")
    }

    /// Does one thing to both.
    pub(crate) fn step(&mut self) {
        self.clock_ms += self.rng.random_range(0..50);
        let choice = self.rng.random_range(0..100);
        if std::env::var_os("MOLDAU_SEED").is_some() {
            let (offsets, rp) = (self.log.offsets(), self.log.recovery_point());
            let files = crate::fixtures::files(&self.path());
            let name = |(name, bytes): &(String, Vec<u8>)| {
                format!("{}:{}", name.trim_start_matches('0'), bytes.len())
            };
            let names: Vec<_> = files.iter().map(name).collect();
            eprintln!("step {choice}: {offsets:?}, recovery point {rp}, {}", names.join(" "));
        }
        match choice {
            0..60 => self.append(),
            60..62 => self.log.roll(self.clock_ms).unwrap(),
            62..64 => self.fail_to_create_files(),
            64..68 => self.flush(),
            68..70 => drop(self.log.sync().unwrap()),
            70..74 => self.truncate(),
            74..77 => self.delete_records(),
            77..80 => self.retention(),
            80..82 => self.log.release_idle(),
            82..84 => self.flush_closed_segments(),
            84..86 => self.elect(),
            86..88 => drop(self.log.remove_deleted_files(self.clock_ms)),
            88..92 => self.reopen(true),
            92..96 => self.reopen(false),
            _ => self.lose_power(),
        }
    }

    /// Appends and rolls while one kind of new file cannot be made: links of those names lead to nowhere.
    fn fail_to_create_files(&mut self) {
        let suffixes = ["log", "index", "timeindex", "snapshot.tmp"];
        let suffix = suffixes[self.rng.random_range(0..suffixes.len())];
        let end = self.shadow.log_end;
        let mut links: Vec<PathBuf> =
            (end..end + 40).map(|offset| self.path().join(format!("{offset:020}.{suffix}"))).collect();
        links.push(self.path().join("leader-epoch-checkpoint.tmp"));
        let from = if self.rng.random_bool(0.2) { 0 } else { links.len() - 1 };
        let links: Vec<_> = if from == 0 { links } else { links[..from].to_vec() };
        for link in links.iter().filter(|link| !link.exists()) {
            std::os::unix::fs::symlink("nowhere/at/all", link).unwrap();
        }
        self.files_fail = true;
        for _ in 0..self.rng.random_range(1..5) {
            self.append();
            if self.rng.random_bool(0.3) {
                let _ = self.log.roll(self.clock_ms);
            }
        }
        self.files_fail = false;
        for link in &links {
            if link.is_symlink() {
                fs::remove_file(link).unwrap();
            }
        }
    }

    fn flush(&mut self) {
        let before = self.log.recovery_point();
        if self.log.flush().unwrap() > before {
            self.note_synced_epochs();
        }
    }

    fn flush_closed_segments(&mut self) {
        let before = self.log.recovery_point();
        if self.log.flush_closed_segments().unwrap() > before {
            self.note_synced_epochs();
        }
    }

    /// The partition gets a new leader, which is the old one.
    fn elect(&mut self) {
        self.leader_epoch.0 += self.rng.random_range(1..3);
        let before = fs::read(self.epochs_path()).ok();
        self.log.assign_leader_epoch(self.leader_epoch).unwrap();
        assert_eq!(fs::read(self.epochs_path()).ok(), before, "an epoch without records is not written");
        assert_eq!(self.log.latest_leader_epoch(), Some(self.leader_epoch));
    }

    /// A gathered append of one to four batches, some of which must be refused.
    fn append(&mut self) {
        let count = self.rng.random_range(1..5);
        let mut given: Vec<(Vec<u8>, Kind)> = (0..count).map(|_| self.next_batch()).collect();
        let mut batches: Vec<AppendBatch<'_>> = Vec::new();
        for (bytes, kind) in &mut given {
            let header = BatchHeader::parse(bytes).unwrap();
            let origin = match kind {
                Kind::Marker { .. } => AppendOrigin::Coordinator,
                _ => AppendOrigin::Client,
            };
            batches.push(AppendBatch {
                max_timestamp: header.max_timestamp,
                offset_of_max_timestamp: 0,
                header,
                origin,
                bytes,
            });
        }
        let results = self.log.append_as_leader(&mut batches, self.leader_epoch, self.clock_ms);
        for (result, (bytes, kind)) in results.into_iter().zip(given) {
            let (producers, _) = self.shadow.producers();
            let batch = ShadowBatch::of(bytes, kind);
            let header = &batch.header;
            let expected = producers.get(&header.producer_id);
            match result {
                Ok(info) if info.duplicate => {
                    let first = self.shadow.batches.iter().rev().find(|known| {
                        known.header.producer_id == header.producer_id
                            && known.header.producer_epoch == header.producer_epoch
                            && known.header.base_sequence == header.base_sequence
                            && known.header.last_offset_delta == header.last_offset_delta
                    });
                    // What retention or DeleteRecords took may still be remembered.
                    assert!(first.map_or(info.first_offset.0 < self.shadow.log_end, |known| known.base()
                        == info.first_offset.0));
                }
                Ok(info) => {
                    assert_eq!(info.first_offset.0, self.shadow.log_end);
                    assert_eq!(header.base_offset, self.shadow.log_end, "the offset is in the bytes");
                    assert_eq!(header.partition_leader_epoch, self.leader_epoch.0);
                    self.shadow.log_end = batch.last() + 1;
                    self.shadow.batches.push(batch);
                }
                Err(AppendError::OutOfOrderSequence { .. }) => {
                    let follows = expected.is_some_and(|p| {
                        p.epoch == header.producer_epoch && p.last_sequence + 1 == header.base_sequence
                    });
                    assert!(!follows, "a batch in order was refused: {header:?} after {expected:?}");
                }
                Err(AppendError::BatchLargerThanSegment { .. }) => {
                    assert!(batch.bytes.len() > self.config.segment_bytes as usize);
                }
                Err(AppendError::InvalidTransactionState { .. }) => assert_eq!(kind, Kind::Data),
                Err(AppendError::InvalidProducerEpoch { .. }) => {
                    assert!(expected.is_some_and(|producer| producer.epoch > header.producer_epoch));
                }
                Err(AppendError::Storage(_)) if self.files_fail => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn next_batch(&mut self) -> (Vec<u8>, Kind) {
        let timestamp = self.clock_ms - self.rng.random_range(0..3000);
        let count = self.rng.random_range(1..5);
        let value = self.rng.random_range(0..200);
        let (producers, _) = self.shadow.producers();
        let id = self.rng.random_range(0..6);
        let known = producers.get(&id).copied();
        let (epoch, last) = known.map_or((0, -1), |p| (p.epoch, p.last_sequence));
        let kind = match self.rng.random_range(0..10) {
            0..4 => Kind::Plain,
            _ if id < 3 => Kind::Data,
            4..8 => Kind::Transactional,
            _ => Kind::Marker { abort: self.rng.random_bool(0.5) },
        };
        let sequence = match self.rng.random_range(0..10) {
            0 => last.max(0),
            1 => last + 2,
            _ => last + 1,
        };
        let epoch = if matches!(kind, Kind::Marker { .. }) { epoch + 1 } else { epoch };
        (build(kind, (id, epoch, sequence), count, timestamp, value), kind)
    }

    fn truncate(&mut self) {
        let low = (self.shadow.log_end - 8).max(self.shadow.log_start);
        let offset = self.rng.random_range(low..=self.shadow.log_end);
        // As after an epoch check with the leader: at the beginning of a batch.
        let offset = self.shadow.batches.iter().find(|b| b.last() >= offset).map_or(offset, |b| b.base());
        if offset < self.shadow.log_start {
            return;
        }
        self.log.truncate_to(Offset(offset), self.clock_ms).unwrap();
        self.shadow.truncate(offset);
    }

    fn delete_records(&mut self) {
        let to = self.rng.random_range(self.shadow.log_start..=self.shadow.log_end);
        assert_eq!(self.log.delete_records(Offset(to)).unwrap(), Offset(to));
        self.shadow.log_start = to;
        assert!(self.log.delete_records(Offset(self.shadow.log_end + 1)).is_err());
    }

    fn retention(&mut self) {
        let bytes = self.rng.random_range(0..20_000);
        let (first, before) = (self.first_base(), self.shadow.log_start);
        self.log.set_config(LogConfig { retention_bytes: bytes, ..self.config.clone() });
        self.log.apply_retention(self.clock_ms).unwrap();
        self.log.set_config(self.config.clone());
        let start = self.log.offsets().log_start.0;
        assert!(start >= self.shadow.log_start);
        let size = |from: i64| -> usize {
            self.shadow.batches.iter().filter(|b| b.base() >= from).map(|b| b.bytes.len()).sum()
        };
        assert_eq!(self.log.size() as usize, size(self.first_base()));
        assert!(
            size(start) as i64 >= bytes.min(size(first) as i64) || start == before,
            "retention went too far"
        );
        self.shadow.log_start = start;
    }

    /// The first segment's base offset. The model remembers batches before it: producers came from them.
    fn first_base(&self) -> i64 {
        self.next_segment(-1)
    }

    fn reopen(&mut self, clean: bool) {
        if clean {
            self.log.close().unwrap();
            self.note_synced_epochs();
        }
        let recovery_point = self.log.recovery_point().0;
        self.log =
            open(&self.path(), &self.config, clean, recovery_point, self.shadow.log_start, self.clock_ms);
        self.log.set_high_watermark_follows_log_end(true);
    }

    /// The machine stops: of what was not synced, some is lost and some may be garbage.
    fn lose_power(&mut self) {
        let synced = self.log.synced_to().0;
        let recovery_point = self.log.recovery_point().0;
        for (name, bytes) in crate::fixtures::files(&self.path()) {
            let path = self.path().join(&name);
            let Some((offset, suffix)) = name.split_once('.') else { continue };
            let Ok(base) = offset.parse::<i64>() else { continue };
            let next_base = self.next_segment(base);
            match suffix {
                "log" if next_base > synced => {
                    let safe: usize = self.batch_bytes(base, synced.min(next_base));
                    let kept = self.rng.random_range(safe..=bytes.len().max(safe));
                    let mut bytes = bytes[..kept].to_vec();
                    if self.rng.random_bool(0.5) {
                        let from = self.rng.random_range(safe..=kept);
                        self.rng.fill_bytes(&mut bytes[from..]);
                    }
                    fs::write(path, bytes).unwrap();
                }
                "index" | "timeindex" | "txnindex"
                    if next_base > recovery_point && base >= recovery_point =>
                {
                    match self.rng.random_range(0..3) {
                        0 => drop(fs::remove_file(path)),
                        1 => {
                            let mut bytes = bytes;
                            bytes.truncate(2000);
                            self.rng.fill_bytes(&mut bytes);
                            fs::write(path, bytes).unwrap();
                        }
                        _ => {}
                    }
                }
                "snapshot" if base > recovery_point && self.rng.random_bool(0.5) => {
                    let mut bytes = bytes;
                    bytes.truncate(self.rng.random_range(0..20));
                    fs::write(path, bytes).unwrap();
                }
                _ => {}
            }
        }
        if self.rng.random_bool(0.3) {
            match &self.synced_epochs {
                Some(bytes) => fs::write(self.epochs_path(), bytes).unwrap(),
                None => drop(fs::remove_file(self.epochs_path())),
            }
        }
        self.reopen_after_power_loss(synced, recovery_point);
    }

    fn reopen_after_power_loss(&mut self, synced: i64, recovery_point: i64) {
        let log_start = self.shadow.log_start.min(synced.max(recovery_point));
        self.log = open(&self.path(), &self.config, false, recovery_point, log_start, self.clock_ms);
        self.log.set_high_watermark_follows_log_end(true);
        let offsets = self.log.offsets();
        assert!(offsets.log_end.0 >= synced, "{synced} was synced but the log ends at {}", offsets.log_end);
        assert!(offsets.log_end.0 <= self.shadow.log_end);
        self.shadow.log_start = offsets.log_start.0;
        self.shadow.truncate(offsets.log_end.0);
        self.shadow.log_end = offsets.log_end.0;
    }

    fn next_segment(&self, base: i64) -> i64 {
        let bases = crate::fixtures::files(&self.path());
        let bases = bases.iter().filter_map(|(name, _)| name.strip_suffix(".log")?.parse::<i64>().ok());
        bases.filter(|other| *other > base).min().unwrap_or(i64::MAX)
    }

    /// Bytes of the batches of the segment with this base offset, up to `end`.
    fn batch_bytes(&self, base: i64, end: i64) -> usize {
        self.shadow.batches.iter().filter(|b| b.base() >= base && b.last() < end).map(|b| b.bytes.len()).sum()
    }

    /// The log says what the model says.
    pub(crate) fn check(&mut self) {
        let offsets = self.log.offsets();
        assert_eq!(offsets.log_start.0, self.shadow.log_start, "log start");
        assert_eq!(offsets.log_end.0, self.shadow.log_end, "log end");
        assert_eq!(offsets.high_watermark, offsets.log_end);
        let (producers, aborted) = self.shadow.producers();
        let seen = || format!("{offsets:?}, {producers:?}, {:?}", self.log.active_producers());
        assert_eq!(offsets.last_stable.0, self.shadow.last_stable(), "{}", seen());
        let known = self.log.active_producers();
        for (id, expected) in &producers {
            let Some(found) = known.iter().find(|producer| producer.producer_id.0 == *id) else {
                panic!("producer {id} is forgotten: {expected:?}");
            };
            assert_eq!(found.producer_epoch.0, expected.epoch, "producer {id}");
            assert_eq!(found.current_txn_first_offset.map(|o| o.0), expected.open_since, "producer {id}");
            if expected.last_sequence >= 0 {
                assert_eq!(found.last_sequence, expected.last_sequence, "producer {id}");
            }
        }
        for batch in self.shadow.batches.iter().filter(|batch| batch.base() >= offsets.log_start.0) {
            let found = self.log.leader_epoch_of(Offset(batch.base()));
            assert_eq!(found, Some(LeaderEpoch(batch.header.partition_leader_epoch)), "at {}", batch.base());
        }
        for _ in 0..3 {
            self.check_read(&aborted);
        }
        self.check_time();
    }

    fn check_read(&mut self, aborted: &[super::shadow::Aborted]) {
        let (start, end) = (self.shadow.log_start, self.shadow.log_end);
        let from = self.rng.random_range(start..=end);
        let max = *[1, 100, 700, 1 << 20].get(self.rng.random_range(0..4)).unwrap();
        let committed = self.rng.random_bool(0.5);
        let up_to = if committed { ReadUpTo::LastStable } else { ReadUpTo::LogEnd };
        let limit = if committed { self.shadow.last_stable() } else { end };
        let read = self.log.read(Offset(from), max, up_to, true).unwrap();
        let expected = if from < limit { self.shadow.bytes_from(from, limit) } else { Vec::new() };
        let mut found = Vec::new();
        if let Some(slice) = &read.slice {
            found.resize(slice.len, 0);
            slice.file.read_exact_at(&mut found, slice.position).unwrap();
        }
        assert_eq!(found.is_empty(), expected.is_empty(), "from {from} up to {limit}");
        assert!(expected.starts_with(&found), "from {from} up to {limit}: other bytes");
        if committed && !found.is_empty() {
            let end =
                moldau_protocol::records::batches(&found).map(|b| b.unwrap().header.next_offset()).last();
            let wanted: Vec<_> = aborted
                .iter()
                .filter(|(_, first, last)| *last >= from && *first < end.unwrap_or(from))
                .collect();
            let got: Vec<_> =
                read.aborted.iter().map(|a| (a.producer_id.0, a.first_offset.0, a.last_offset.0)).collect();
            assert!(
                wanted.iter().all(|entry| got.contains(entry)),
                "from {from}: {wanted:?} wanted, {got:?} found"
            );
            assert!(
                got.iter().all(|entry| aborted.contains(entry) || entry.1 < start),
                "{got:?}, {aborted:?}"
            );
        }
        assert!(matches!(
            self.log.read(Offset(end + 1), 1, up_to, true),
            Err(ReadError::OffsetOutOfRange { .. })
        ));
    }

    fn check_time(&mut self) {
        let timestamp = self.clock_ms - self.rng.random_range(0..4000);
        let start = self.shadow.log_start;
        let expected = self.shadow.batches.iter().find_map(|batch| {
            let view = moldau_protocol::records::BatchView::parse(&batch.bytes).unwrap();
            let mut records = view.records().unwrap();
            while let Some(record) = records.next_record().unwrap() {
                if record.timestamp >= timestamp && record.offset >= start {
                    return Some((record.timestamp, record.offset));
                }
            }
            None
        });
        let found = self.log.offset_for_timestamp(timestamp).unwrap();
        assert_eq!(found.map(|found| (found.timestamp, found.offset.0)), expected, "timestamp {timestamp}");
    }
}

fn open(
    path: &std::path::Path,
    config: &LogConfig,
    clean: bool,
    recovery_point: i64,
    log_start: i64,
    now_ms: i64,
) -> Arc<PartitionLog> {
    let (log, _) = OpenLog {
        path: path.to_owned(),
        topic: "t".into(),
        partition: 0,
        topic_id: None,
        directory: Arc::new(LogDir::new(path.parent().unwrap())),
        config: config.clone(),
        log_start: Offset(log_start),
        recovery_point: Offset(recovery_point),
        high_watermark: Offset(0),
        clean,
        now_ms,
    }
    .open()
    .unwrap();
    log.set_high_watermark_follows_log_end(true);
    log
}
