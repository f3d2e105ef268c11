//! [`MetadataQuorum`] over openraft.
//!
//! A quorum of one elects itself when it is opened, without waiting for any timeout; its epoch rises with every start,
//! as the reference's does. With more voters openraft's elections decide, with pre-vote and check-quorum.

use std::sync::Arc;

use futures_util::future::{Either, select};
use moldau_log::LogDir;
use moldau_types::{BrokerId, LeaderEpoch, Offset, Uuid};
use openraft::Config;
use openraft::async_runtime::WatchReceiver;
use openraft::error::ClientWriteError;
use openraft::impls::OneshotResponder;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::medium::{Disk, DiskConfig, Medium};
use crate::raft::{Alone, Applied, Links, LogStorage, Machine, Transport, Types, Vote};
use crate::reader::LogReader;
use crate::store::{Clock, FirstVoters, Store, StoreConfig};
use crate::{
    Leader, MetadataQuorum, PendingCommit, Proposal, QuorumError, QuorumStatus, ReplicaProgress,
    SnapshotContents, SnapshotId,
};

/// The largest batch, in bytes of its records.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// Entries that a message to a follower carries at most.
const ENTRIES_PER_MESSAGE: u64 = 256;
/// How many messages may wait for openraft's core.
const CHANNEL_LENGTH: u64 = 4096;
/// How long a snapshot may take to become known to openraft before its log is cut.
const SNAPSHOT_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

/// How a node keeps its part of the metadata quorum.
#[derive(Clone, Debug)]
pub struct QuorumConfig {
    /// This node.
    pub node_id: BrokerId,
    /// The log directory that holds the metadata log (`metadata.log.dir`).
    pub dir: Arc<LogDir>,
    /// Its id in `meta.properties`.
    pub directory_id: Uuid,
    /// Who votes as long as the log does not say it.
    pub first_voters: FirstVoters,
    /// `controller.quorum.election.timeout.ms`.
    pub election_timeout_ms: u64,
    /// `controller.quorum.fetch.timeout.ms`: a leader that is not heard of for so long is given up.
    pub fetch_timeout_ms: u64,
    /// `metadata.log.segment.bytes`.
    pub segment_bytes: u32,
    /// `metadata.log.segment.ms`.
    pub segment_ms: i64,
    /// `metadata.max.retention.bytes`.
    pub retention_bytes: i64,
    /// `metadata.max.retention.ms`.
    pub retention_ms: i64,
    /// The last stop was a clean one: the log is not checked again.
    pub clean: bool,
}

impl QuorumConfig {
    /// The reference's defaults.
    pub fn new(
        node_id: BrokerId,
        dir: Arc<LogDir>,
        directory_id: Uuid,
        first_voters: FirstVoters,
    ) -> QuorumConfig {
        QuorumConfig {
            node_id,
            dir,
            directory_id,
            first_voters,
            election_timeout_ms: 1000,
            fetch_timeout_ms: 2000,
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3_600_000,
            retention_bytes: 100 << 20,
            retention_ms: 7 * 24 * 3_600_000,
            clean: false,
        }
    }
}

pub(crate) type Raft = openraft::Raft<Types, Machine>;

/// What opening needs besides the files.
pub(crate) struct Parts {
    pub(crate) medium: Arc<dyn Medium>,
    pub(crate) store: StoreConfig,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) election_timeout_ms: u64,
    pub(crate) fetch_timeout_ms: u64,
    pub(crate) retention: (i64, i64),
    /// Slow work on files goes to other threads.
    pub(crate) threads: bool,
}

/// See the module.
pub struct RaftQuorum {
    pub(crate) raft: Raft,
    pub(crate) store: Arc<Store>,
    status: watch::Receiver<QuorumStatus>,
    publisher: JoinHandle<()>,
    /// Bytes and milliseconds that log and snapshots are kept.
    retention: (i64, i64),
    threads: bool,
}

impl RaftQuorum {
    /// Opens the metadata log of this node and takes part in its quorum. With no other voters this node leads when the
    /// call returns.
    pub async fn open(config: QuorumConfig) -> Result<RaftQuorum, QuorumError> {
        let clock: Clock = Arc::new(wall_clock_ms);
        let disk = DiskConfig {
            dir: Arc::clone(&config.dir),
            segment_bytes: config.segment_bytes,
            segment_ms: config.segment_ms,
            clean: config.clean,
        };
        let disk = Disk::open(disk, clock()).map_err(storage)?;
        RaftQuorum::start(Parts {
            medium: Arc::new(disk),
            store: StoreConfig {
                node_id: config.node_id,
                directory_id: config.directory_id,
                first_voters: config.first_voters,
                clock,
            },
            transport: Arc::new(Alone),
            election_timeout_ms: config.election_timeout_ms,
            fetch_timeout_ms: config.fetch_timeout_ms,
            retention: (config.retention_bytes, config.retention_ms),
            threads: true,
        })
        .await
    }

    pub(crate) async fn start(parts: Parts) -> Result<RaftQuorum, QuorumError> {
        let node_id = u64::try_from(parts.store.node_id.0)
            .map_err(|_| QuorumError::Storage(format!("node.id {} is negative", parts.store.node_id)))?;
        let store = Arc::new(Store::open(parts.medium, parts.store).map_err(storage)?);
        let config = raft_config(parts.election_timeout_ms, parts.fetch_timeout_ms)?;
        let alone = store.voters().iter().map(|voter| voter.id).eq([store.node_id()]);
        let raft = Raft::new(
            node_id,
            Arc::new(config),
            Links { transport: parts.transport },
            LogStorage { store: Arc::clone(&store) },
            Machine::new(Arc::clone(&store)),
        )
        .await
        .map_err(storage)?;
        let (sender, status) = watch::channel(status_of(&raft, &store));
        let publisher = tokio::spawn(publish(raft.clone(), Arc::clone(&store), sender));
        let quorum =
            RaftQuorum { raft, store, status, publisher, retention: parts.retention, threads: parts.threads };
        if alone {
            quorum.lead_alone().await?;
        }
        Ok(quorum)
    }

    /// Elects itself and waits until the first entry of the epoch is committed.
    async fn lead_alone(&self) -> Result<(), QuorumError> {
        // Nobody is to be heard of, and an idle node should not wake up for it.
        self.raft.runtime_config().tick(false);
        self.raft.trigger().elect(false).await.map_err(storage)?;
        let own = self.store.node_id();
        let mut status = self.watch();
        loop {
            let now = status.borrow_and_update().clone();
            if let Some(reason) = now.failed {
                return Err(QuorumError::Storage(reason));
            }
            if now.leader.is_some_and(|leader| leader.id == own) && now.high_watermark == now.log_end_offset {
                return Ok(());
            }
            status.changed().await.map_err(|_| QuorumError::Shutdown)?;
        }
    }

    /// The snapshots and log that are over the limits go.
    async fn apply_retention(&self) -> Result<(), QuorumError> {
        let (bytes, age) = self.retention;
        if let Some(index) = self.store.expire_snapshots(bytes, age).map_err(storage)? {
            self.raft.trigger().purge_log(index).await.map_err(storage)?;
        }
        Ok(())
    }
}

impl Drop for RaftQuorum {
    fn drop(&mut self) {
        self.publisher.abort();
    }
}

impl MetadataQuorum for RaftQuorum {
    type Reader = LogReader;

    fn node_id(&self) -> BrokerId {
        self.store.node_id()
    }

    fn status(&self) -> QuorumStatus {
        status_of(&self.raft, &self.store)
    }

    fn watch(&self) -> watch::Receiver<QuorumStatus> {
        self.status.clone()
    }

    async fn propose(&self, proposal: Proposal) -> Result<PendingCommit, QuorumError> {
        if proposal.records.is_empty() {
            return Err(QuorumError::EmptyProposal);
        }
        let size = proposal.records.iter().map(|record| crate::batch::size_bound(record.len())).sum();
        if size > BATCH_BYTES_MAX {
            return Err(QuorumError::TooLarge { size, limit: BATCH_BYTES_MAX });
        }
        let reservation = self.store.reserve(size).map_err(|error| match error.kind() {
            std::io::ErrorKind::StorageFull => QuorumError::NoSpace,
            _ => storage(error),
        })?;
        let (epoch, expected) = (proposal.leader_epoch, proposal.base_offset);
        let (responder, answer) = OneshotResponder::new_pair();
        self.raft.client_write_ff(proposal, Some(responder)).await.map_err(|_| QuorumError::Shutdown)?;
        let store = Arc::clone(&self.store);
        Ok(Box::pin(async move {
            let _reservation = reservation;
            let written = match answer.await {
                Ok(Ok(written)) => written,
                Ok(Err(ClientWriteError::ForwardToLeader(_))) | Ok(Err(_)) => {
                    return Err(QuorumError::NotLeader { leader: store.vote().as_ref().and_then(leader_of) });
                }
                Err(_) => return Err(QuorumError::Shutdown),
            };
            let Applied { base_offset, last_offset } = written.data;
            if crate::raft::epoch_of(&written.log_id) != epoch.0 {
                return Err(QuorumError::NotLeader { leader: store.vote().as_ref().and_then(leader_of) });
            }
            if base_offset != expected.0 {
                return Err(QuorumError::UnexpectedBaseOffset { expected, actual: Offset(base_offset) });
            }
            Ok(Offset(last_offset))
        }))
    }

    fn reader(&self, from: Offset) -> LogReader {
        LogReader::new(Arc::clone(&self.store), from.0)
    }

    async fn write_snapshot(&self, contents: SnapshotContents) -> Result<(), QuorumError> {
        let id = contents.id;
        let store = Arc::clone(&self.store);
        let write = move || store.write_snapshot(&contents);
        let written = if self.threads { tokio::task::spawn_blocking(write).await } else { Ok(write()) };
        match written {
            // Where it is there already an attempt may have failed further on; what follows does no harm twice.
            Ok(Ok(_)) => {}
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(QuorumError::BadSnapshot(id));
            }
            Ok(Err(error)) => return Err(storage(error)),
            Err(_) => return Err(QuorumError::Shutdown),
        }
        let last = self.store.applied_at_open().0;
        self.raft.trigger().snapshot().await.map_err(storage)?;
        let known =
            self.raft.wait(Some(SNAPSHOT_WAIT)).metrics(|metrics| metrics.snapshot >= last, "snapshot").await;
        known.map_err(storage)?;
        self.apply_retention().await
    }

    fn latest_snapshot(&self) -> Option<SnapshotId> {
        self.store.latest_snapshot()
    }

    async fn shutdown(&self) {
        self.publisher.abort();
        self.store.give_up_waiting();
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "the metadata quorum did not stop cleanly");
        }
        if let Err(error) = self.store.close() {
            tracing::warn!(%error, "the metadata log was not closed cleanly");
        }
    }
}

fn raft_config(election_timeout_ms: u64, fetch_timeout_ms: u64) -> Result<Config, QuorumError> {
    let min = fetch_timeout_ms.max(10);
    let config = Config {
        cluster_name: "__cluster_metadata".to_owned(),
        election_timeout_min: min,
        election_timeout_max: min + election_timeout_ms.max(1),
        heartbeat_interval: (min / 4).max(1),
        max_payload_entries: ENTRIES_PER_MESSAGE,
        // Snapshots are the controller's business, and the log goes when they go.
        snapshot_policy: openraft::SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX,
        // Only a follower whose entries are gone needs a snapshot.
        replication_lag_threshold: u64::MAX,
        enable_pre_vote: Some(true),
        api_channel_size: Some(CHANNEL_LENGTH),
        notification_channel_size: Some(CHANNEL_LENGTH),
        // A start is a new epoch.
        enable_leader_restore: Some(false),
        ..Config::default()
    };
    config.validate().map_err(storage)
}

fn leader_of(vote: &Vote) -> Option<Leader> {
    let id = vote.leader_id();
    vote.is_committed().then(|| Leader {
        id: BrokerId(i32::try_from(id.voted_for).unwrap_or(-1)),
        epoch: LeaderEpoch(i32::try_from(id.term).unwrap_or(i32::MAX)),
    })
}

fn status_of(raft: &Raft, store: &Store) -> QuorumStatus {
    let bounds = store.bounds();
    let (vote, current_leader) = {
        let metrics = raft.server_metrics();
        let metrics = metrics.borrow_watched();
        (metrics.vote, metrics.current_leader)
    };
    let (failed, replicas) = {
        let metrics = raft.metrics();
        let metrics = metrics.borrow_watched();
        let progress = |(id, last): (&u64, &Option<crate::raft::LogId>)| ReplicaProgress {
            id: BrokerId(i32::try_from(*id).unwrap_or(-1)),
            log_end_offset: Offset(last.as_ref().map_or(0, |last| store.offset_after(last.index))),
        };
        let replicas = metrics.replication.iter().flatten().map(progress).collect();
        (metrics.running_state.as_ref().err().map(ToString::to_string), replicas)
    };
    QuorumStatus {
        leader: current_leader.and_then(|_| leader_of(&vote)),
        leader_epoch: LeaderEpoch(i32::try_from(vote.leader_id().term).unwrap_or(i32::MAX)),
        high_watermark: Offset(bounds.committed),
        log_start_offset: Offset(bounds.start),
        log_end_offset: Offset(bounds.end),
        voters: store.voters(),
        kraft_version: store.kraft_version(),
        replicas,
        failed,
    }
}

/// Publishes the status whenever something in it may have changed.
async fn publish(raft: Raft, store: Arc<Store>, sender: watch::Sender<QuorumStatus>) {
    let (mut server, mut all, mut committed) =
        (raft.server_metrics(), raft.metrics(), store.watch_committed());
    loop {
        let status = status_of(&raft, &store);
        let failed = status.failed.is_some();
        sender.send_if_modified(|current| {
            let changed = *current != status;
            *current = status;
            changed
        });
        if failed {
            return;
        }
        let raft_changed = async {
            match select(std::pin::pin!(server.changed()), std::pin::pin!(all.changed())).await {
                Either::Left((changed, _)) | Either::Right((changed, _)) => changed.is_ok(),
            }
        };
        let alive = match select(std::pin::pin!(raft_changed), std::pin::pin!(committed.changed())).await {
            Either::Left((alive, _)) => alive,
            Either::Right((changed, _)) => changed.is_ok(),
        };
        if !alive {
            return;
        }
    }
}

fn wall_clock_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn storage(error: impl std::fmt::Display) -> QuorumError {
    QuorumError::Storage(error.to_string())
}

#[cfg(test)]
mod tests;
