//! A node's log directories with one log that moves between them, beside its model, and what may happen to both.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use moldau_log::{
    AppendBatch, AppendOrigin, LogConfig, LogManager, MoveRefusal, MoveStep, PartitionLog, ReadUpTo,
};
use moldau_protocol::records::BatchHeader;
use moldau_types::{LeaderEpoch, Offset, TopicId, Uuid};
use rand::Rng;
use rand::rngs::SmallRng;

use crate::model::shadow::{Kind, Shadow, ShadowBatch, build};

const DIRS: usize = 3;
const TOPIC: &str = "t.x-y";

/// See the module.
pub(crate) struct World {
    rng: SmallRng,
    root: tempfile::TempDir,
    manager: Option<LogManager>,
    shadow: Shadow,
    clock_ms: i64,
    epoch: i32,
    config: LogConfig,
    buffer: Vec<u8>,
    /// The log has lost a tail, perhaps with the end of a transaction that a copy took for ended already: of one that was
    /// open since before the log's start, the copy then knows what its records tell.
    lost_a_tail: bool,
    /// Moves that were finished.
    pub(crate) moves: usize,
}

impl World {
    pub(crate) fn new(mut rng: SmallRng) -> World {
        let config = LogConfig {
            segment_bytes: rng.random_range(300..5000),
            index_interval_bytes: *[0, 100, 4096].get(rng.random_range(0..3)).unwrap(),
            retention_ms: -1,
            file_delete_delay_ms: 100,
            producer_id_expiration_ms: i64::MAX,
            ..LogConfig::default()
        };
        let root = tempfile::tempdir().unwrap();
        let mut world = World {
            rng,
            root,
            manager: None,
            shadow: Shadow::default(),
            clock_ms: 1_000_000,
            epoch: 0,
            config,
            buffer: Vec::new(),
            lost_a_tail: false,
            moves: 0,
        };
        world.open();
        world
    }

    fn dir(&self, number: usize) -> PathBuf {
        self.root.path().join(["a", "b", "c"][number])
    }

    fn manager(&self) -> &LogManager {
        self.manager.as_ref().unwrap()
    }

    fn log(&self) -> Arc<PartitionLog> {
        self.manager().get(TOPIC, 0).unwrap()
    }

    fn open(&mut self) {
        let dirs: Vec<_> = (0..DIRS).map(|number| self.dir(number)).collect();
        let manager = LogManager::lock(&dirs).unwrap();
        manager.ensure_meta(1, Some("cluster"), || unreachable!()).unwrap();
        manager.load(&|_, _| self.config.clone(), 2, self.clock_ms);
        let id = Some(TopicId(Uuid::from_u128(77)));
        let log = manager.get_or_create(TOPIC, 0, id, self.config.clone(), None, self.clock_ms).unwrap();
        self.epoch += 1;
        log.assign_leader_epoch(LeaderEpoch(self.epoch)).unwrap();
        log.set_high_watermark_follows_log_end(true);
        self.manager = Some(manager);
    }

    /// Does one thing to both.
    pub(crate) fn step(&mut self) {
        self.clock_ms += self.rng.random_range(0..50);
        let choice = self.rng.random_range(0..100);
        if std::env::var_os("MOLDAU_SEED").is_some() {
            eprintln!("step {choice}: {:?}, {:?}", self.log(), self.manager().future_logs());
        }
        match choice {
            0..35 => self.append(),
            35..38 => self.log().roll(self.clock_ms).unwrap(),
            38..40 => drop(self.log().flush().unwrap()),
            40..42 => self.manager().checkpoint(),
            42..44 => self.manager().checkpoint_high_watermarks(),
            44..47 => self.delete_records(),
            47..50 => self.retention(),
            50..60 => self.begin_move(),
            60..84 => self.work(),
            84..87 => drop(self.manager().remove_deleted(self.clock_ms)),
            87..89 => self.manager().release_idle(),
            89..92 => self.restart(true),
            92..96 => self.restart(false),
            96..98 => self.lose_the_tail(),
            _ => self.log().release_idle(),
        }
    }

    fn append(&mut self) {
        for _ in 0..self.rng.random_range(1..4) {
            let (producers, _) = self.shadow.producers();
            let id = self.rng.random_range(0..6);
            let (epoch, last) = producers.get(&id).map_or((0, -1), |p| (p.epoch, p.last_sequence));
            let open = producers.get(&id).is_some_and(|p| p.open_since.is_some());
            let kind = match self.rng.random_range(0..10) {
                0..4 => Kind::Plain,
                _ if id < 3 => Kind::Data,
                4..8 => Kind::Transactional,
                _ if open => Kind::Marker { abort: self.rng.random_bool(0.5) },
                _ => Kind::Transactional,
            };
            let epoch = if matches!(kind, Kind::Marker { .. }) { epoch + 1 } else { epoch };
            let (count, value) = (self.rng.random_range(1..5), self.rng.random_range(0..200));
            let mut bytes = build(kind, (id, epoch, last + 1), count, self.clock_ms, value);
            let header = BatchHeader::parse(&bytes).unwrap();
            if bytes.len() > self.config.segment_bytes as usize {
                continue;
            }
            let origin = match kind {
                Kind::Marker { .. } => AppendOrigin::Coordinator,
                _ => AppendOrigin::Client,
            };
            let batch = AppendBatch {
                bytes: &mut bytes,
                header,
                max_timestamp: header.max_timestamp,
                offset_of_max_timestamp: 0,
                origin,
            };
            let epoch = LeaderEpoch(self.epoch);
            let mut results = self.log().append_as_leader(&mut [batch], epoch, self.clock_ms);
            results.pop().unwrap().unwrap();
            let batch = ShadowBatch::of(bytes, kind);
            assert_eq!(batch.base(), self.shadow.log_end);
            self.shadow.log_end = batch.last() + 1;
            self.shadow.batches.push(batch);
        }
    }

    fn delete_records(&mut self) {
        let to = self.rng.random_range(self.shadow.log_start..=self.shadow.log_end);
        assert_eq!(self.log().delete_records(Offset(to)).unwrap(), Offset(to));
        self.shadow.log_start = to;
    }

    fn retention(&mut self) {
        let bytes = self.rng.random_range(0..20_000);
        let log = self.log();
        log.set_config(LogConfig { retention_bytes: bytes, ..self.config.clone() });
        log.apply_retention(self.clock_ms).unwrap();
        log.set_config(self.config.clone());
        self.shadow.log_start = log.offsets().log_start.0;
    }

    fn begin_move(&mut self) {
        let number = self.rng.random_range(0..DIRS);
        let target = self.dir(number);
        let here = self.log().directory().path() == target;
        self.manager().begin_move(TOPIC, 0, &target, self.clock_ms).unwrap();
        let moving: Vec<_> = self.manager().future_logs().into_iter().map(|future| future.dir).collect();
        assert_eq!(moving, if here { Vec::new() } else { vec![target] });
        assert!(matches!(
            self.manager().begin_move(TOPIC, 1, &self.dir(0), self.clock_ms),
            Err(MoveRefusal::NotHere)
        ));
    }

    /// Some steps of the move; when it comes to its end, perhaps a crash at that moment.
    fn work(&mut self) {
        for _ in 0..self.rng.random_range(1..6) {
            let left = self.log().path();
            let before = deleted(&left);
            let mut buffer = std::mem::take(&mut self.buffer);
            let step = self.manager().move_next(&mut buffer, self.clock_ms);
            self.buffer = buffer;
            if let MoveStep::Moved { .. } = step {
                self.moves += 1;
                assert_ne!(self.log().path(), left);
                match self.rng.random_range(0..3) {
                    0 => self.second_rename_is_lost(&left, &before),
                    1 => {
                        self.append();
                        self.second_rename_is_lost(&left, &before);
                    }
                    _ => {}
                }
                return;
            }
        }
    }

    /// A crash after which the directory that the log has left has its old name again.
    fn second_rename_is_lost(&mut self, left: &Path, before: &[PathBuf]) {
        let gone = self.log().path();
        self.manager = None;
        let renamed = deleted(left).into_iter().find(|path| !before.contains(path));
        std::fs::rename(renamed.unwrap(), left).unwrap();
        self.reopen();
        let kept = self.log().path();
        assert!(kept == gone || kept == left, "{}", kept.display());
        let other = if kept == gone { left } else { &gone };
        assert!(!other.exists(), "one of both is out of the way");
    }

    fn restart(&mut self, clean: bool) {
        if clean {
            self.manager().close(1, 2);
        }
        let moving = self.manager().future_logs().len();
        self.manager = None;
        self.reopen();
        if clean {
            assert_eq!(self.log().offsets().log_start.0, self.shadow.log_start);
        }
        assert_eq!(self.manager().future_logs().len(), moving, "moves go on after a restart");
    }

    fn reopen(&mut self) {
        self.open();
        // DeleteRecords since the last checkpoint may be forgotten, which is what a crash may do.
        let log_start = self.log().offsets().log_start.0;
        assert!(log_start <= self.shadow.log_start, "{log_start} is behind {}", self.shadow.log_start);
        self.shadow.log_start = log_start;
    }

    /// The machine stops, and some of what was not synced is lost: the copy may then have more than the log.
    fn lose_the_tail(&mut self) {
        self.lost_a_tail = true;
        let log = self.log();
        let synced = log.synced_to().0;
        let path = log.path();
        drop(log);
        self.manager = None;
        let files = crate::fixtures::files(&path);
        let last = files.iter().rfind(|(name, _)| name.ends_with(".log")).unwrap();
        let base: i64 = last.0.trim_end_matches(".log").parse().unwrap();
        let lossable: Vec<_> =
            self.shadow.batches.iter().filter(|b| b.base() >= synced.max(base)).cloned().collect();
        let lost = self.rng.random_range(0..=lossable.len());
        let kept =
            last.1.len() - lossable[lossable.len() - lost..].iter().map(|b| b.bytes.len()).sum::<usize>();
        let torn = if lost > 0 { self.rng.random_range(0..60) } else { 0 };
        std::fs::write(path.join(&last.0), &last.1[..(kept + torn).min(last.1.len())]).unwrap();
        if lost > 0 {
            let end = lossable[lossable.len() - lost].base();
            self.shadow.log_start = self.shadow.log_start.min(end);
            self.shadow.truncate(end);
        }
        self.open();
        let offsets = self.log().offsets();
        self.shadow.log_start = offsets.log_start.0;
        assert_eq!(
            offsets.log_end.0,
            self.shadow.log_end.max(offsets.log_start.0),
            "the log end is what is whole"
        );
        self.shadow.log_end = offsets.log_end.0;
    }

    /// Where the log may say that a producer's transaction began that began at `first`.
    fn latest_begin(&self, id: i64, first: i64) -> Option<i64> {
        if first >= self.shadow.log_start || !self.lost_a_tail {
            return Some(first);
        }
        let of_it = |batch: &&ShadowBatch| batch.header.producer_id == id && batch.base() >= first;
        let there =
            self.shadow.batches.iter().filter(of_it).find(|batch| batch.last() >= self.shadow.log_start);
        there.map(ShadowBatch::base)
    }

    /// The log says what the model says.
    pub(crate) fn check(&mut self) {
        let log = self.log();
        let offsets = log.offsets();
        assert_eq!(offsets.log_start.0, self.shadow.log_start, "log start");
        assert_eq!(offsets.log_end.0, self.shadow.log_end, "log end");
        assert_eq!(offsets.high_watermark, offsets.log_end);
        let (producers, aborted) = self.shadow.producers();
        let open = producers.iter().filter_map(|(id, producer)| self.latest_begin(*id, producer.open_since?));
        let latest = open.min().map_or(self.shadow.log_end, |first| first.max(offsets.log_start.0));
        let last_stable = self.shadow.last_stable()..=latest;
        assert!(last_stable.contains(&offsets.last_stable.0), "{offsets:?}: not in {last_stable:?}");
        let known = log.active_producers();
        for (id, expected) in &producers {
            let found = known.iter().find(|producer| producer.producer_id.0 == *id);
            let found = found.unwrap_or_else(|| panic!("producer {id} is forgotten: {expected:?}"));
            assert_eq!(found.producer_epoch.0, expected.epoch, "producer {id}");
            let begin = found.current_txn_first_offset.map(|offset| offset.0);
            assert_eq!(begin.is_some(), expected.open_since.is_some(), "producer {id}: {begin:?}");
            if let (Some(begin), Some(first)) = (begin, expected.open_since) {
                let latest = self.latest_begin(*id, first).unwrap_or(begin);
                assert!((first..=latest).contains(&begin), "producer {id}: {begin}, not {first} to {latest}");
            }
            if expected.last_sequence >= 0 {
                assert_eq!(found.last_sequence, expected.last_sequence, "producer {id}");
            }
        }
        self.check_reads(&log, &aborted);
        let epochs = log.leader_epochs();
        let last = self.shadow.batches.last().filter(|batch| batch.base() >= self.shadow.log_start);
        // A lost tail may take the epochs' file's first entry along, where records were deleted before.
        if let Some((batch, epoch)) = last.and_then(|b| Some((b, log.leader_epoch_of(Offset(b.base()))?))) {
            assert_eq!(epoch.0, batch.header.partition_leader_epoch, "{epochs:?}");
        }
    }

    fn check_reads(&mut self, log: &PartitionLog, aborted: &[crate::model::shadow::Aborted]) {
        let (start, end) = (self.shadow.log_start, self.shadow.log_end);
        let mut from = if self.rng.random_bool(0.2) { start } else { self.rng.random_range(start..=end) };
        let mut found = Vec::new();
        let expected = self.shadow.bytes_from(from, end);
        let first = from;
        while let Some(slice) = log.read(Offset(from), 3000, ReadUpTo::LogEnd, true).unwrap().slice {
            let mut bytes = vec![0; slice.len];
            slice.file.read_exact_at(&mut bytes, slice.position).unwrap();
            let mut whole = 0;
            for batch in moldau_protocol::records::batches(&bytes).map_while(Result::ok) {
                whole += batch.header.size_in_bytes();
                from = batch.header.next_offset();
            }
            found.extend_from_slice(&bytes[..whole]);
        }
        assert!(found == expected, "from {first}: {} bytes, {} expected", found.len(), expected.len());
        let got = log.aborted_transactions(Offset(start), Offset(end)).unwrap();
        for (id, first, last) in aborted.iter().filter(|(_, _, last)| *last >= start) {
            let known = got
                .iter()
                .any(|a| (a.producer_id.0, a.first_offset.0, a.last_offset.0) == (*id, *first, *last));
            assert!(known || *first < start, "the abort of {id} at {last} is forgotten: {got:?}");
        }
    }
}

/// Directories of deleted partitions beside this one.
fn deleted(beside: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(beside.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.to_str().unwrap().ends_with("-delete")).collect()
}
