//! The quorum of one over real files.

mod crash;
mod reference;
mod single;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use moldau_log::LogDir;
use moldau_quorum::{
    Committed, CommittedBatch, CommittedReader, FirstVoters, MetadataQuorum, Proposal, QuorumConfig,
    RaftQuorum, Voter, VoterEndpoint,
};
use moldau_types::{BrokerId, Offset, Uuid};

/// The only voter.
fn voter() -> Voter {
    Voter {
        id: BrokerId(1),
        directory_id: Uuid::from_u128(77),
        endpoints: vec![VoterEndpoint {
            name: "CONTROLLER".to_owned(),
            host: "127.0.0.1".to_owned(),
            port: 19593,
        }],
        min_kraft_version: 0,
        max_kraft_version: 1,
    }
}

fn config(dir: &Path) -> QuorumConfig {
    let voters = FirstVoters::Dynamic(vec![voter()]);
    QuorumConfig::new(BrokerId(1), Arc::new(LogDir::new(dir)), Uuid::from_u128(77), voters)
}

async fn open(dir: &Path) -> RaftQuorum {
    RaftQuorum::open(config(dir)).await.unwrap()
}

/// Appends one batch at the end of the log and waits for its commit.
async fn append(quorum: &RaftQuorum, records: Vec<Bytes>) -> Offset {
    let status = quorum.status();
    let proposal =
        Proposal { leader_epoch: status.leader.unwrap().epoch, base_offset: status.log_end_offset, records };
    quorum.propose(proposal).await.unwrap().await.unwrap()
}

/// Everything that is committed now.
fn read_all(quorum: &RaftQuorum, from: i64) -> Vec<Committed> {
    let mut reader = quorum.reader(Offset(from));
    let mut found = Vec::new();
    while let Some(next) = reader.try_next().unwrap() {
        found.push(next);
    }
    found
}

fn batches(found: Vec<Committed>) -> Vec<CommittedBatch> {
    let batch = |next| match next {
        Committed::Batch(batch) => Some(batch),
        Committed::Snapshot(_) => None,
    };
    found.into_iter().filter_map(batch).collect()
}

fn record(text: &str) -> Bytes {
    Bytes::from(text.to_owned())
}
