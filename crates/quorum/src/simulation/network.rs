//! A network that delays, loses and cuts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use rand::Rng;
use rand::rngs::SmallRng;

use crate::quorum::Raft;
use crate::raft::{Answer, Call, Member, Transport, TransportError, Types};
use crate::store::SnapshotData;

/// Longest time that a message takes.
const DELAY_MICROS_MAX: u64 = 20_000;
/// After how long a lost message is given up.
const TIMEOUT: Duration = Duration::from_millis(60);

struct State {
    rng: SmallRng,
    nodes: BTreeMap<u64, Raft>,
    /// Pairs, in this direction, between which nothing goes.
    cut: BTreeSet<(u64, u64)>,
    /// How many messages of a hundred are lost.
    loss_percent: u32,
}

/// See the module.
#[derive(Clone)]
pub(super) struct Network {
    state: Arc<Mutex<State>>,
}

impl Network {
    pub(super) fn new(rng: SmallRng) -> Network {
        let state = State { rng, nodes: BTreeMap::new(), cut: BTreeSet::new(), loss_percent: 5 };
        Network { state: Arc::new(Mutex::new(state)) }
    }

    /// The network as one node sees it.
    pub(super) fn of(&self, node: u64) -> Arc<dyn Transport> {
        Arc::new(End { network: self.clone(), node })
    }

    pub(super) fn connect(&self, node: u64, raft: Raft) {
        self.state.lock().nodes.insert(node, raft);
    }

    pub(super) fn disconnect(&self, node: u64) {
        self.state.lock().nodes.remove(&node);
    }

    /// Cuts a node off from some others, in one direction or both.
    pub(super) fn cut(&self, node: u64, others: &[u64], both: bool) {
        let mut state = self.state.lock();
        for other in others {
            state.cut.insert((node, *other));
            if both {
                state.cut.insert((*other, node));
            }
        }
    }

    pub(super) fn heal(&self) {
        self.state.lock().cut.clear();
    }

    pub(super) fn lose(&self, percent: u32) {
        self.state.lock().loss_percent = percent;
    }

    /// How long a message takes; `None` if it gets lost.
    fn fate(&self, from: u64, to: u64) -> (Duration, bool) {
        let mut state = self.state.lock();
        let delay = Duration::from_micros(state.rng.random_range(100..DELAY_MICROS_MAX));
        let percent = state.loss_percent;
        let lost = state.rng.random_range(0..100) < percent || state.cut.contains(&(from, to));
        (delay, lost)
    }
}

struct End {
    network: Network,
    node: u64,
}

impl Transport for End {
    fn call(
        &self,
        target: u64,
        _member: &Member,
        call: Call,
    ) -> BoxFuture<'static, Result<Answer, TransportError>> {
        let (network, node) = (self.network.clone(), self.node);
        Box::pin(async move {
            let unreachable = TransportError::Unreachable(target);
            let (delay, lost) = network.fate(node, target);
            if lost {
                tokio::time::sleep(TIMEOUT).await;
                return Err(unreachable);
            }
            tokio::time::sleep(delay).await;
            let Some(raft) = network.state.lock().nodes.get(&target).cloned() else {
                return Err(unreachable);
            };
            let Some(answer) = deliver(&raft, call).await else { return Err(unreachable) };
            let (delay, lost) = network.fate(target, node);
            tokio::time::sleep(if lost { TIMEOUT } else { delay }).await;
            if lost { Err(unreachable) } else { Ok(answer) }
        })
    }
}

async fn deliver(raft: &Raft, call: Call) -> Option<Answer> {
    match call {
        Call::Append(request) => raft.append_entries(request).await.ok().map(Answer::Append),
        Call::Vote(request) => raft.vote(request).await.ok().map(Answer::Vote),
        Call::PreVote(request) => raft.pre_vote(request).await.ok().map(Answer::Vote),
        Call::Snapshot { vote, meta, data } => {
            let snapshot = openraft::alias::SnapshotOf::<Types, SnapshotData> { meta, snapshot: data };
            raft.install_full_snapshot(vote, snapshot).await.ok().map(Answer::Snapshot)
        }
        Call::TransferLeader(request) => {
            raft.handle_transfer_leader(request).await.ok().map(Answer::TransferLeader)
        }
    }
}
