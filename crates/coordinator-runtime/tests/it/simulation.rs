//! Random histories of one partition's coordinator: appends that are refused, between two batches of one request too, commits that take
//! their time, reads that fail, elections and resignations, topics and groups that are deleted at any time.
//!
//! After each step what is answered is what the log says, and what was acknowledged is in the log. A failure prints its seed:
//! `MOLDAU_SEED=n cargo test -p moldau-coordinator-runtime simulation` repeats it alone, `MOLDAU_SEEDS=n` asks for more seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moldau_coordinator::GroupRecord;
use moldau_coordinator_runtime::{
    Commit, CoordinatorPartition, GroupCoordinator, GroupCoordinatorConfig, MemoryPartition,
};
use moldau_protocol::messages::OffsetCommitRequest;
use moldau_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use moldau_protocol::records::batches;
use moldau_types::{ErrorCode, Uuid};
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::harness::{commit_errors, coordinator, fetch, loaded};

const GROUPS: [&str; 3] = ["one", "two", "three"];
const TOPICS: [&str; 2] = ["flights", "weather"];
/// Small, so that one request takes several batches.
const BATCH_BYTES_MAX: usize = 1_500;

#[derive(Default)]
struct Faults {
    /// Appends that are still taken before all are refused.
    taken: Option<usize>,
    /// The next reads that fail.
    failing_reads: usize,
    /// How long a record takes to be committed.
    delay: Duration,
}

#[derive(Default)]
struct FaultyPartition {
    inner: MemoryPartition,
    faults: Mutex<Faults>,
}

impl CoordinatorPartition for FaultyPartition {
    fn append(&self, batch: Vec<u8>) -> Result<i64, ErrorCode> {
        if let Some(taken) = &mut self.faults.lock().taken {
            *taken = taken.checked_sub(1).ok_or(ErrorCode::CoordinatorNotAvailable)?;
        }
        assert!(batch.len() <= BATCH_BYTES_MAX);
        self.inner.append(batch)
    }

    fn committed(&self, _offset: i64) -> Commit {
        let delay = self.faults.lock().delay;
        if delay.is_zero() {
            return Commit::Done;
        }
        Commit::Pending(Box::pin(async move {
            tokio::time::sleep(delay).await;
            Ok(())
        }))
    }

    fn read(&self, offset: i64, max_bytes: usize) -> Result<Bytes, ErrorCode> {
        let mut faults = self.faults.lock();
        if faults.failing_reads > 0 {
            faults.failing_reads -= 1;
            return Err(ErrorCode::KafkaStorageError);
        }
        self.inner.read(offset, max_bytes.min(10 * BATCH_BYTES_MAX))
    }

    fn log_start_offset(&self) -> i64 {
        self.inner.log_start_offset()
    }

    fn log_end_offset(&self) -> i64 {
        self.inner.log_end_offset()
    }

    fn location(&self) -> String {
        self.inner.location()
    }

    fn max_batch_bytes(&self) -> usize {
        BATCH_BYTES_MAX
    }
}

/// Group, topic and partition.
type Key = (String, String, i32);

struct World {
    random: SmallRng,
    partition: Arc<FaultyPartition>,
    coordinator: Arc<GroupCoordinator>,
    leader_epoch: i32,
    leads: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        World {
            random: SmallRng::seed_from_u64(seed),
            partition: Arc::default(),
            coordinator: coordinator(GroupCoordinatorConfig::default()),
            leader_epoch: 0,
            leads: false,
        }
    }

    async fn step(&mut self) {
        match self.random.random_range(0..100) {
            0..55 => self.commit().await,
            55..62 => self.partition.faults.lock().taken = Some(self.random.random_range(0..4)),
            62..72 => self.partition.faults.lock().taken = None,
            72..78 => {
                let delay = [0, 0, 100, 6_000][self.random.random_range(0..4)];
                self.partition.faults.lock().delay = Duration::from_millis(delay);
            }
            78..86 => self.elect().await,
            86..89 => self.resign(),
            89..95 => self.delete_topic().await,
            _ => self.delete_group().await,
        }
        self.check().await;
    }

    fn resign(&mut self) {
        self.coordinator.resigned(0, self.leader_epoch);
        self.leads = false;
    }

    async fn elect(&mut self) {
        if self.random.random_bool(0.5) {
            self.resign();
        }
        self.partition.faults.lock().failing_reads = self.random.random_range(0..3);
        self.leader_epoch += 1;
        self.coordinator.elected(0, self.leader_epoch, self.partition.clone());
        self.leads = true;
        if self.random.random_bool(0.3) {
            self.delete_topic().await;
        }
        loaded(&self.coordinator).await;
    }

    /// Commits offsets of many partitions, in two requests at a time.
    async fn commit(&mut self) {
        let requests = [self.request(), self.request()];
        let [first, second] = requests.each_ref().map(|request| self.coordinator.commit_offsets(8, request));
        let responses = tokio::join!(first, second);
        let written = self.written();
        for (request, response) in requests.iter().zip(<[_; 2]>::from(responses)) {
            let errors = commit_errors(&response);
            if errors.iter().any(|error| *error != ErrorCode::None) {
                continue;
            }
            for (key, offset) in offsets_of(request) {
                assert!(written.contains(&(key.clone(), offset)), "{key:?} at {offset} was acknowledged");
            }
        }
    }

    fn request(&mut self) -> OffsetCommitRequest {
        let count = self.random.random_range(1..50);
        let committed_offset = self.random.random_range(0..1_000_000);
        let partition = |partition_index| OffsetCommitRequestPartition {
            partition_index,
            committed_offset,
            committed_metadata: None,
            ..Default::default()
        };
        OffsetCommitRequest {
            group_id: GROUPS[self.random.random_range(0..GROUPS.len())].to_owned(),
            topics: vec![OffsetCommitRequestTopic {
                name: TOPICS[self.random.random_range(0..TOPICS.len())].to_owned(),
                partitions: (0..count).map(partition).collect(),
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    async fn delete_topic(&mut self) {
        let topic = TOPICS[self.random.random_range(0..TOPICS.len())];
        self.coordinator.topics_deleted(&[(Arc::from(topic), Uuid::ZERO)]);
        loaded(&self.coordinator).await;
        let refuses = self.partition.faults.lock().taken.is_some();
        if self.leads && !refuses {
            let left: Vec<Key> = self.log().into_keys().filter(|(_, name, _)| name == topic).collect();
            assert!(left.is_empty(), "{left:?} stayed");
        }
    }

    async fn delete_group(&mut self) {
        let group = GROUPS[self.random.random_range(0..GROUPS.len())].to_owned();
        let result = self.coordinator.delete_groups(std::slice::from_ref(&group)).await.remove(0);
        if result.error_code == 0 {
            let left: Vec<Key> = self.log().into_keys().filter(|(id, ..)| *id == group).collect();
            assert!(left.is_empty(), "{left:?} stayed");
        }
    }

    /// Every record of the log, in order.
    fn records(&self) -> Vec<GroupRecord> {
        let bytes = self.partition.inner.bytes();
        let mut all = Vec::new();
        for batch in batches(&bytes) {
            let batch = batch.expect("a whole batch");
            let mut records = batch.records().expect("records");
            while let Some(record) = records.next_record().expect("a record") {
                let key = record.key.expect("a key");
                all.push(GroupRecord::decode(key, record.value, record.offset).expect("one of ours"));
            }
        }
        all
    }

    /// Every offset that was ever written.
    fn written(&self) -> BTreeSet<(Key, i64)> {
        let offsets = self.records().into_iter().filter_map(|record| match record {
            GroupRecord::Offset { group_id, topic, partition, value: Some(value) } => {
                Some(((group_id.to_string(), topic.to_string(), partition), value.committed_offset))
            }
            _ => None,
        });
        offsets.collect()
    }

    /// The offsets that the log ends with.
    fn log(&self) -> BTreeMap<Key, i64> {
        let mut offsets = BTreeMap::new();
        for record in self.records() {
            let GroupRecord::Offset { group_id, topic, partition, value } = record else { continue };
            let key = (group_id.to_string(), topic.to_string(), partition);
            match value {
                Some(value) => offsets.insert(key, value.committed_offset),
                None => offsets.remove(&key),
            };
        }
        offsets
    }

    async fn check(&self) {
        let log = self.log();
        for group in GROUPS {
            let expected: Vec<_> = log
                .iter()
                .filter(|((id, ..), _)| id == group)
                .map(|((_, topic, partition), offset)| (topic.clone(), *partition, *offset))
                .collect();
            let fetched = fetch(&self.coordinator, group).await;
            if self.leads {
                assert_eq!(fetched, Ok(expected), "{group}");
            } else {
                assert_eq!(fetched, Err(ErrorCode::NotCoordinator));
            }
        }
    }
}

fn offsets_of(request: &OffsetCommitRequest) -> impl Iterator<Item = (Key, i64)> {
    request.topics.iter().flat_map(move |topic| {
        let key = move |partition| (request.group_id.clone(), topic.name.clone(), partition);
        topic
            .partitions
            .iter()
            .map(move |partition| (key(partition.partition_index), partition.committed_offset))
    })
}

struct PrintSeed(u64);

impl Drop for PrintSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("MOLDAU_SEED={} fails", self.0);
        }
    }
}

fn run(seed: u64) {
    let _print = PrintSeed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut world = World::new(seed);
        world.elect().await;
        for _ in 0..60 {
            world.step().await;
        }
    });
}

#[test]
fn whatever_fails_offsets_are_what_the_log_says() {
    let number = |variable| std::env::var(variable).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seeds = number("MOLDAU_SEEDS").unwrap_or(20);
    for seed in number("MOLDAU_SEED").map_or(0..seeds, |seed| seed..seed + 1) {
        run(seed);
    }
}
