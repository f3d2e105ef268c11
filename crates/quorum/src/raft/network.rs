//! Messages among the quorum's members, over a [`Transport`] of ours.

use std::future::Future;
use std::sync::Arc;

use futures_util::future::{BoxFuture, Either, select};
use openraft::error::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RaftNetworkFactory, RaftNetworkV2};

use super::{Member, SnapshotMeta, Types, Vote};
use crate::store::SnapshotData;

type Snapshot = openraft::alias::SnapshotOf<Types, SnapshotData>;

/// A message to another member.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "a quorum of one sends none"))]
pub(crate) enum Call {
    Append(AppendEntriesRequest<Types>),
    Vote(VoteRequest<Types>),
    PreVote(VoteRequest<Types>),
    Snapshot { vote: Vote, meta: SnapshotMeta, data: SnapshotData },
    TransferLeader(TransferLeaderRequest<Types>),
}

/// Its answer.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "a quorum of one gets none"))]
pub(crate) enum Answer {
    Append(AppendEntriesResponse<Types>),
    Vote(VoteResponse<Types>),
    Snapshot(SnapshotResponse<Types>),
    TransferLeader(TransferLeaderResponse<Types>),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    #[error("node {0} cannot be reached")]
    Unreachable(u64),
    #[error("node {0} gave an answer to something else")]
    WrongAnswer(u64),
}

/// Carries messages to other members.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Sends a call and waits for its answer.
    fn call(
        &self,
        target: u64,
        member: &Member,
        call: Call,
    ) -> BoxFuture<'static, Result<Answer, TransportError>>;
}

/// A quorum of one has nobody to talk to.
pub(crate) struct Alone;

impl Transport for Alone {
    fn call(
        &self,
        target: u64,
        _member: &Member,
        _call: Call,
    ) -> BoxFuture<'static, Result<Answer, TransportError>> {
        Box::pin(std::future::ready(Err(TransportError::Unreachable(target))))
    }
}

/// Makes a [`Link`] to each member.
pub(crate) struct Links {
    pub(crate) transport: Arc<dyn Transport>,
}

impl RaftNetworkFactory<Types> for Links {
    type Network = Link;

    async fn new_client(&mut self, target: u64, node: &Member) -> Link {
        Link { transport: Arc::clone(&self.transport), target, member: node.clone() }
    }
}

/// Talks to one member.
pub(crate) struct Link {
    transport: Arc<dyn Transport>,
    target: u64,
    member: Member,
}

impl Link {
    async fn call(&self, call: Call) -> Result<Answer, RPCError<Types>> {
        let answer = self.transport.call(self.target, &self.member, call).await;
        answer.map_err(|error| RPCError::Unreachable(Unreachable::new(&error)))
    }

    fn wrong(&self) -> Unreachable<Types> {
        Unreachable::new(&TransportError::WrongAnswer(self.target))
    }
}

impl RaftNetworkV2<Types> for Link {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        match self.call(Call::Append(rpc)).await? {
            Answer::Append(answer) => Ok(answer),
            _ => Err(RPCError::Unreachable(self.wrong())),
        }
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Types>,
        _option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        match self.call(Call::Vote(rpc)).await? {
            Answer::Vote(answer) => Ok(answer),
            _ => Err(RPCError::Unreachable(self.wrong())),
        }
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Types>,
        _option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        match self.call(Call::PreVote(rpc)).await? {
            Answer::Vote(answer) => Ok(answer),
            _ => Err(RPCError::Unreachable(self.wrong())),
        }
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let call = Call::Snapshot { vote, meta: snapshot.meta, data: snapshot.snapshot };
        let sent = self.transport.call(self.target, &self.member, call);
        match select(sent, Box::pin(cancel)).await {
            Either::Left((Ok(Answer::Snapshot(answer)), _)) => Ok(answer),
            Either::Left((Ok(_), _)) => Err(StreamingError::Unreachable(self.wrong())),
            Either::Left((Err(error), _)) => Err(StreamingError::Unreachable(Unreachable::new(&error))),
            Either::Right((closed, _)) => Err(StreamingError::Closed(closed)),
        }
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<Types>,
        _option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        match self.call(Call::TransferLeader(req)).await? {
            Answer::TransferLeader(answer) => Ok(answer),
            _ => Err(RPCError::Unreachable(self.wrong())),
        }
    }
}
