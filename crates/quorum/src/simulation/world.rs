//! The nodes of a simulated quorum and what happens to them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moldau_types::{BrokerId, LeaderEpoch, Offset, Uuid};
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::network::Network;
use super::oracle::{Oracle, Seen};
use crate::medium::memory::Memory;
use crate::quorum::{Parts, RaftQuorum};
use crate::raft::Payload;
use crate::store::{FirstVoters, StoreConfig};
use crate::{CommittedReader, MetadataQuorum, Proposal, SnapshotContents, SnapshotId, Voter};

/// Longest time that a sync of the simulated disk takes.
const SYNC_MICROS_MAX: u64 = 5_000;

struct Node {
    quorum: Arc<RaftQuorum>,
    /// How far its reader has come.
    seen: Arc<Mutex<Seen>>,
    reading: JoinHandle<()>,
}

/// See the module.
pub(super) struct World {
    seed: u64,
    rng: SmallRng,
    network: Network,
    disks: BTreeMap<u64, Memory>,
    nodes: BTreeMap<u64, Node>,
    voters: Vec<Voter>,
    oracle: Arc<Mutex<Oracle>>,
    /// Set by a reader that saw something that must not be.
    violation: Arc<Mutex<Option<String>>>,
    proposed: u64,
    began: Instant,
}

impl World {
    pub(super) async fn new(seed: u64, nodes: u64) -> World {
        let mut rng = SmallRng::seed_from_u64(seed);
        let voter = |id: u64| Voter {
            id: BrokerId(id as i32),
            directory_id: Uuid::from_u128(u128::from(id) + 100),
            endpoints: Vec::new(),
            min_kraft_version: 0,
            max_kraft_version: 1,
        };
        let mut world = World {
            seed,
            network: Network::new(SmallRng::seed_from_u64(rng.random())),
            disks: (1..=nodes)
                .map(|id| (id, Memory::simulated(SmallRng::seed_from_u64(rng.random()), SYNC_MICROS_MAX)))
                .collect(),
            rng,
            nodes: BTreeMap::new(),
            voters: (1..=nodes).map(voter).collect(),
            oracle: Arc::default(),
            violation: Arc::default(),
            proposed: 0,
            began: Instant::now(),
        };
        for id in 1..=nodes {
            world.start(id).await;
        }
        world
    }

    async fn start(&mut self, id: u64) {
        let began = self.began;
        let store = StoreConfig {
            node_id: BrokerId(id as i32),
            directory_id: Uuid::from_u128(u128::from(id) + 100),
            first_voters: FirstVoters::Dynamic(self.voters.clone()),
            clock: Arc::new(move || 1_700_000_000_000 + began.elapsed().as_millis() as i64),
        };
        let parts = Parts {
            medium: Arc::new(self.disks[&id].clone()),
            store,
            transport: self.network.of(id),
            election_timeout_ms: 150,
            fetch_timeout_ms: 150,
            retention: (2_000, -1),
            threads: false,
        };
        let quorum = match RaftQuorum::start(parts).await {
            Ok(quorum) => Arc::new(quorum),
            Err(error) => panic!("seed {}: node {id} does not start: {error}", self.seed),
        };
        self.network.connect(id, quorum.raft.clone());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let reading =
            tokio::spawn(read(id, quorum.clone(), seen.clone(), self.oracle.clone(), self.violation.clone()));
        self.nodes.insert(id, Node { quorum, seen, reading });
    }

    async fn crash(&mut self, id: u64) {
        let Some(node) = self.nodes.remove(&id) else { return };
        self.network.disconnect(id);
        if let Some(disk) = self.disks.get_mut(&id) {
            *disk = disk.crash();
        }
        node.reading.abort();
        // Its tasks end; what they still write goes nowhere.
        let _ = node.quorum.raft.shutdown().await;
    }

    fn any(&mut self, among: &[u64]) -> Option<u64> {
        (!among.is_empty()).then(|| among[self.rng.random_range(0..among.len())])
    }

    /// Something happens.
    pub(super) async fn step(&mut self) {
        let running: Vec<u64> = self.nodes.keys().copied().collect();
        let stopped: Vec<u64> =
            self.disks.keys().copied().filter(|id| !self.nodes.contains_key(id)).collect();
        match self.rng.random_range(0..100) {
            0..60 => {
                for _ in 0..self.rng.random_range(1..6) {
                    self.propose().await;
                }
            }
            60..66 => {
                if let Some(id) = self.any(&running) {
                    self.crash(id).await;
                }
            }
            66..78 => {
                if let Some(id) = self.any(&stopped) {
                    self.start(id).await;
                }
            }
            78..83 => {
                let all: Vec<u64> = self.disks.keys().copied().collect();
                let (node, both) = (self.any(&all).unwrap_or(1), self.rng.random());
                let others: Vec<u64> =
                    all.into_iter().filter(|other| *other != node && self.rng.random()).collect();
                self.network.cut(node, &others, both);
            }
            83..89 => self.network.heal(),
            89..95 => {
                if let Some(id) = self.any(&running) {
                    self.snapshot(id).await;
                }
            }
            _ => {
                let percent = self.rng.random_range(0..30);
                self.network.lose(percent);
            }
        }
        let pause = Duration::from_micros(self.rng.random_range(0..200_000));
        tokio::time::sleep(pause).await;
    }

    /// Everyone who thinks that it leads gets a proposal.
    async fn propose(&mut self) {
        for node in self.nodes.values() {
            let status = node.quorum.status();
            let Some(leader) = status.leader.filter(|leader| leader.id == node.quorum.node_id()) else {
                continue;
            };
            self.proposed += 1;
            let count = self.rng.random_range(1..4);
            let text =
                |at: i32| Bytes::from(format!("{} {at} {}", self.proposed, "x".repeat(at as usize * 20)));
            let records: Vec<Bytes> = (0..count).map(text).collect();
            let proposal = Proposal {
                leader_epoch: leader.epoch,
                base_offset: status.log_end_offset,
                records: records.clone(),
            };
            let Ok(pending) = node.quorum.propose(proposal).await else { continue };
            let oracle = self.oracle.clone();
            tokio::spawn(async move {
                if let Ok(last_offset) = pending.await {
                    oracle.lock().acknowledge(last_offset.0, records);
                }
            });
        }
    }

    async fn snapshot(&mut self, id: u64) {
        let node = &self.nodes[&id];
        let seen = *node.seen.lock();
        if seen.end_offset == 0 {
            return;
        }
        let contents = SnapshotContents {
            id: SnapshotId { end_offset: Offset(seen.end_offset), epoch: LeaderEpoch(seen.epoch) },
            last_contained_log_timestamp: 1,
            records: vec![Bytes::copy_from_slice(&seen.hash.to_be_bytes())],
        };
        // It may have a newer one, from its leader.
        let _ = node.quorum.write_snapshot(contents).await;
    }

    /// What must hold at every moment.
    pub(super) fn check(&self) {
        let seed = self.seed;
        if let Some(violation) = &*self.violation.lock() {
            panic!("seed {seed}: {violation}");
        }
        for node in self.nodes.values() {
            let status = node.quorum.status();
            assert!(
                status.failed.is_none(),
                "seed {seed}: node {}: {:?}",
                node.quorum.node_id(),
                status.failed
            );
            if let Some(leader) = status.leader
                && let Err(violation) = self.oracle.lock().leader(leader)
            {
                panic!("seed {seed}: {violation}");
            }
        }
    }

    /// Log matching, of every two nodes.
    pub(super) fn check_logs(&self) {
        let seed = self.seed;
        let logs: Vec<_> = self.nodes.iter().map(|(id, node)| (*id, log_of(&node.quorum))).collect();
        for (at, (left_id, left)) in logs.iter().enumerate() {
            for (right_id, right) in &logs[at + 1..] {
                if let Err(index) = match_logs(left, right) {
                    panic!(
                        "seed {seed}: the logs of {left_id} and {right_id} differ at {index} before an equal entry"
                    );
                }
            }
        }
    }

    /// Everything works again: all nodes must come to the same end, with all that was acknowledged.
    pub(super) async fn heal_and_converge(&mut self, patience: Duration) -> String {
        self.network.heal();
        self.network.lose(0);
        for id in self.disks.keys().copied().collect::<Vec<_>>() {
            if !self.nodes.contains_key(&id) {
                self.start(id).await;
            }
        }
        let deadline = Instant::now() + patience;
        let before = self.oracle.lock().summary();
        loop {
            self.propose().await;
            tokio::time::sleep(Duration::from_millis(500)).await;
            self.check();
            let seen: Vec<Seen> = self.nodes.values().map(|node| *node.seen.lock()).collect();
            let ends: Vec<i64> =
                self.nodes.values().map(|node| node.quorum.status().log_end_offset.0).collect();
            let leads = self.nodes.values().any(|node| node.quorum.leader().is_some());
            let agreed =
                seen.iter().all(|one| *one == seen[0]) && ends.iter().all(|end| *end == seen[0].end_offset);
            if leads && agreed {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "seed {}: no agreement: {before}, {seen:?}, {ends:?}",
                self.seed
            );
        }
        self.check_logs();
        let oracle = self.oracle.lock();
        if let Err(violation) = oracle.acknowledged_is_committed() {
            panic!("seed {}: {violation}", self.seed);
        }
        oracle.summary()
    }
}

/// Index, epoch and bytes of each entry.
type Log = BTreeMap<u64, (i32, Bytes)>;

fn log_of(quorum: &RaftQuorum) -> Log {
    let entries = quorum.store.entries(0..u64::MAX).unwrap_or_default();
    let stored = |entry: crate::raft::Entry| match entry.payload {
        Payload::Stored(batch) => (entry.log_id.index, (crate::raft::epoch_of(&entry.log_id), batch.bytes)),
        other => unreachable!("read {other} from the log"),
    };
    entries.into_iter().map(stored).collect()
}

/// Log matching: where two logs have an entry of the same index and epoch, they are the same up to there.
fn match_logs(left: &Log, right: &Log) -> Result<(), u64> {
    let equal =
        |(index, entry): &(&u64, &(i32, Bytes))| right.get(index).is_some_and(|other| other.0 == entry.0);
    let Some((last, _)) = left.iter().rev().find(equal) else { return Ok(()) };
    for (index, entry) in left.range(..=*last) {
        if right.get(index).is_some_and(|other| other != entry) {
            return Err(*index);
        }
    }
    Ok(())
}

/// Reads what a node has committed, and checks it against what the others have.
async fn read(
    id: u64,
    quorum: Arc<RaftQuorum>,
    seen: Arc<Mutex<Seen>>,
    oracle: Arc<Mutex<Oracle>>,
    violation: Arc<Mutex<Option<String>>>,
) {
    let mut reader = quorum.reader(Offset(-1));
    loop {
        let next = match reader.next().await {
            Ok(next) => next,
            Err(error) => {
                *violation.lock() = Some(format!("node {id} cannot read its log: {error}"));
                return;
            }
        };
        let before = *seen.lock();
        let after = oracle.lock().read(id, before, &next);
        match after {
            Ok(after) => *seen.lock() = after,
            Err(what) => {
                *violation.lock() = Some(what);
                return;
            }
        }
    }
}
