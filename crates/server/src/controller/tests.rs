//! The loop on a quorum of one with real files.

use std::path::Path;
use std::sync::Arc;

use moldau_config::Settings;
use moldau_controller::{Controller, ControllerResult, ControllerSettings};
use moldau_log::LogDir;
use moldau_metadata::{ConfigResource, MetadataChanges, MetadataImage, MetadataRecord, MetadataVersion};
use moldau_protocol::messages::{BeginTransactionRecord, ConfigRecord, FeatureLevelRecord};
use moldau_quorum::{FirstVoters, MetadataQuorum, QuorumConfig, RaftQuorum, Voter};
use moldau_types::{BrokerId, ErrorCode, Uuid};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::{ControllerHandle, ControllerTask, Publish, SnapshotRules, load, run};

/// Notes the offset of each image that it is told of.
#[derive(Clone, Default)]
struct Published(Arc<Mutex<Vec<i64>>>);

impl Publish for Published {
    fn publish(&mut self, base: &Arc<MetadataImage>, image: Arc<MetadataImage>, _: &MetadataChanges) {
        assert!(base.provenance.last_offset < image.provenance.last_offset);
        self.0.lock().push(image.provenance.last_offset.0);
    }
}

struct Running {
    quorum: Arc<RaftQuorum>,
    handle: ControllerHandle,
    published: Published,
    task: JoinHandle<()>,
    loaded: Arc<MetadataImage>,
}

impl Running {
    async fn start(dir: &Path, rules: SnapshotRules) -> Running {
        let own = Voter {
            id: BrokerId(1),
            directory_id: Uuid::ONE,
            endpoints: Vec::new(),
            min_kraft_version: 0,
            max_kraft_version: 1,
        };
        let voters = FirstVoters::Dynamic(vec![own]);
        let config = QuorumConfig::new(BrokerId(1), Arc::new(LogDir::new(dir)), Uuid::ONE, voters);
        let quorum = Arc::new(RaftQuorum::open(config).await.unwrap());
        let found = load(&*quorum).unwrap();
        let image = Arc::new(found.image);
        let (handle, operations) = ControllerHandle::new();
        let published = Published::default();
        let settings = ControllerSettings::new(BrokerId(1), "cluster", &Settings::default());
        let task = ControllerTask {
            quorum: quorum.clone(),
            controller: Controller::new(settings, &image, 0),
            publisher: published.clone(),
            image: image.clone(),
            open_transaction: found.open_transaction,
            bytes_since_snapshot: found.bytes_since_snapshot,
            rules,
            clock: || 1_700_000_000_000,
        };
        Running { quorum, handle, published, task: tokio::spawn(run(task, operations)), loaded: image }
    }

    /// Writes records, and gives the offset that the first was promised.
    async fn write(&self, records: Vec<MetadataRecord>) -> Result<i64, ErrorCode> {
        self.handle.submit(move |_, context| ControllerResult::atomic(records, context.next_offset.0)).await
    }

    async fn stop(self) {
        drop(self.handle);
        self.task.await.unwrap();
        self.quorum.shutdown().await;
    }
}

const NO_SNAPSHOTS: SnapshotRules = SnapshotRules { max_record_bytes: u64::MAX, max_interval_ms: 0 };

fn version() -> MetadataRecord {
    let feature_level = MetadataVersion::LATEST.level();
    FeatureLevelRecord { name: MetadataVersion::FEATURE_NAME.to_owned(), feature_level }.into()
}

fn retention(value: i64) -> MetadataRecord {
    let resource = ConfigResource::default_broker();
    let (resource_type, resource_name) = (resource.resource_type.code(), resource.name);
    let (name, value) = ("log.retention.ms".to_owned(), Some(value.to_string()));
    ConfigRecord { resource_type, resource_name, name, value }.into()
}

fn retention_in(image: &MetadataImage) -> Option<String> {
    image.configs.get(&ConfigResource::default_broker()).get("log.retention.ms").cloned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_build_on_each_other_and_are_published_in_order_before_they_are_answered() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(dir.path(), NO_SNAPSHOTS).await;
    running.write(vec![version()]).await.unwrap();
    let writes = (0..50).map(|value| running.write(vec![retention(value), retention(value + 1)]));
    let promised: Vec<i64> = futures_util::future::try_join_all(writes).await.unwrap();
    assert!(promised.windows(2).all(|pair| pair[1] == pair[0] + 2), "{promised:?}");
    let published = running.published.0.lock().clone();
    assert_eq!(published[1..], promised.iter().map(|base| base + 1).collect::<Vec<_>>());
    let read =
        running.handle.submit(|_, context| ControllerResult::unchanged(retention_in(context.image))).await;
    assert_eq!(read, Ok(Some("50".to_owned())));
    running.stop().await;

    let running = Running::start(dir.path(), NO_SNAPSHOTS).await;
    assert_eq!(retention_in(&running.loaded), Some("50".to_owned()));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_written_when_enough_was_and_the_next_start_begins_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let rules = SnapshotRules { max_record_bytes: 500, max_interval_ms: 0 };
    let running = Running::start(dir.path(), rules).await;
    running.write(vec![version()]).await.unwrap();
    for value in 0..60 {
        running.write(vec![retention(value)]).await.unwrap();
    }
    let quorum = running.quorum.clone();
    running.stop().await;
    let newest = quorum.latest_snapshot().unwrap();
    assert!(newest.end_offset.0 > 0, "{newest}");
    drop(quorum);

    let running = Running::start(dir.path(), rules).await;
    assert_eq!(retention_in(&running.loaded), Some("59".to_owned()));
    assert_eq!(running.loaded.features.version(), MetadataVersion::LATEST);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stop_left_half_done_is_undone_by_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(dir.path(), NO_SNAPSHOTS).await;
    running.write(vec![version(), retention(1)]).await.unwrap();
    running.stop().await;
    // A controller that begins a transaction and is gone.
    {
        let running = Running::start(dir.path(), NO_SNAPSHOTS).await;
        running.task.abort();
        let begin = BeginTransactionRecord { name: Some("half".to_owned()) }.into();
        let frames = [begin, retention(2)].map(|record: MetadataRecord| {
            let mut frame = Vec::new();
            record.encode(&mut frame, MetadataVersion::LATEST).unwrap();
            bytes::Bytes::from(frame)
        });
        let status = running.quorum.status();
        let proposal = moldau_quorum::Proposal {
            leader_epoch: status.leader.unwrap().epoch,
            base_offset: status.log_end_offset,
            records: frames.to_vec(),
        };
        running.quorum.propose(proposal).await.unwrap().await.unwrap();
        running.quorum.shutdown().await;
    }
    for _ in 0..2 {
        let running = Running::start(dir.path(), NO_SNAPSHOTS).await;
        assert_eq!(retention_in(&running.loaded), Some("1".to_owned()));
        running.write(vec![retention(1)]).await.unwrap();
        running.stop().await;
    }
}
