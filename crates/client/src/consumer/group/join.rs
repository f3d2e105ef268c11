//! Joining a group: JoinGroup, the leader's assignment, SyncGroup.
//!
//! Always: runs as its own task, so that a caller who stops waiting does not lose the member id that the coordinator gave.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moldau_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use moldau_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use moldau_protocol::messages::{JoinGroupRequest, JoinGroupResponse, SyncGroupRequest};
use moldau_types::ErrorCode;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::assignor::{Assignor, Member};
use super::protocol::{
    Previous, Subscription, decode_assignment, decode_previous, decode_subscription, encode_assignment,
    encode_generation, encode_previous, encode_subscription, generation_of,
};
use crate::config::ConsumerConfig;
use crate::consumer::lookup::needs_coordinator;
use crate::consumer::metrics::{ConsumerMetrics, note_since};
use crate::consumer::record::TopicPartition;
use crate::error::{ClientError, Result};
use crate::metadata::Core;
use crate::net::{Connection, Lane};

/// The protocol type of consumers.
const PROTOCOL_TYPE: &str = "consumer";
/// What is added to the rebalance timeout for the answer to come.
const JOIN_GRACE: Duration = Duration::from_secs(5);

/// The member id that the coordinator gave; shared, so that a join that is given up can still be left.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemberId(Arc<Mutex<String>>);

impl MemberId {
    /// The id, empty while there is none.
    pub(crate) fn get(&self) -> String {
        self.0.lock().clone()
    }

    pub(crate) fn set(&self, id: &str) {
        id.clone_into(&mut self.0.lock());
    }
}

/// A completed join.
#[derive(Clone, Debug)]
pub(crate) struct Joined {
    pub(crate) coordinator: i32,
    pub(crate) member_id: String,
    pub(crate) generation: i32,
    pub(crate) assigned: Vec<TopicPartition>,
    /// For the leader, the partition counts the assignment was made from; when they change, the group must rebalance.
    pub(crate) counts: Option<BTreeMap<String, usize>>,
}

/// What a join starts from, and what remains when it fails.
pub(crate) struct Join {
    pub(crate) core: Arc<Core>,
    pub(crate) config: Arc<ConsumerConfig>,
    pub(crate) group: String,
    pub(crate) member_id: MemberId,
    pub(crate) topics: Vec<String>,
    pub(crate) assignors: Vec<Assignor>,
    /// What the member goes on with while it joins; nothing unless its assignors are cooperative.
    pub(crate) owned: Vec<TopicPartition>,
    /// What it had after its last join.
    pub(crate) previous: Previous,
    pub(crate) reason: Cow<'static, str>,
    pub(crate) metrics: Arc<ConsumerMetrics>,
}

impl Join {
    /// Joins, again and again until it succeeds or fails for good.
    pub(crate) async fn run(mut self) -> Result<Joined> {
        let began = Instant::now();
        let mut attempt = 0;
        loop {
            let error = match self.once().await {
                Ok(joined) => {
                    note_since(&self.metrics.rebalances, began);
                    self.metrics.last_rebalance.note();
                    return Ok(joined);
                }
                Err(error) => error,
            };
            // That the coordinator first gives a member id is the way a join begins.
            if error.code() != Some(ErrorCode::MemberIdRequired) {
                self.metrics.failed_rebalances.note(1.0);
            }
            match error.code() {
                Some(ErrorCode::MemberIdRequired) => continue,
                Some(ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration) => {
                    self.member_id.set("");
                    if !self.owned.is_empty() {
                        return Err(error); // others may have them already
                    }
                }
                Some(ErrorCode::RebalanceInProgress) => {}
                _ if needs_coordinator(&error) || error.is_retriable() => {}
                _ => return Err(error),
            }
            tracing::debug!(group = self.group, %error, "joining again");
            tokio::time::sleep(self.core.config().retry_pause(attempt)).await;
            attempt = (attempt + 1).min(6);
        }
    }

    async fn once(&mut self) -> Result<Joined> {
        let coordinator = self.core.group_coordinator(&self.group).await?;
        let connection = self.core.node(coordinator, Lane::Coordinator).await?;
        let response = self.join(&connection).await?;
        let generation = response.generation_id;
        let protocol = response.protocol_name.clone();
        let mut counts = None;
        let assignments = if response.leader == response.member_id && !response.skip_assignment {
            let (assignments, from) = self.assign(&response).await?;
            counts = Some(from);
            assignments
        } else {
            Vec::new()
        };
        let assigned = self.sync(&connection, generation, protocol, assignments).await?;
        Ok(Joined { coordinator, member_id: self.member_id.get(), generation, assigned, counts })
    }

    async fn join(&mut self, connection: &Connection) -> Result<JoinGroupResponse> {
        let version = connection.version_of::<JoinGroupRequest>()?;
        let protocols = self.assignors.iter().map(|assignor| {
            let metadata = encode_subscription(&self.subscription(*assignor))
                .map_err(|why| unencodable("a subscription", why))?;
            Ok(JoinGroupRequestProtocol { name: assignor.name().to_owned(), metadata })
        });
        let mut request = JoinGroupRequest {
            group_id: self.group.clone(),
            session_timeout_ms: millis(self.config.session_timeout),
            rebalance_timeout_ms: millis(self.config.max_poll_interval),
            member_id: self.member_id.get(),
            protocol_type: PROTOCOL_TYPE.to_owned(),
            protocols: protocols.collect::<Result<_>>()?,
            reason: Some(self.reason.to_string()),
            ..Default::default()
        };
        if version >= 5 {
            request.group_instance_id = self.config.group_instance_id.clone();
        } else if self.config.group_instance_id.is_some() {
            connection.version_between::<JoinGroupRequest>(5, 5)?;
        }
        let allowed = self.config.max_poll_interval + JOIN_GRACE;
        let began = Instant::now();
        let response = connection.start_within(version, &request, allowed)?.answer().await?;
        let code = ErrorCode::from_code(response.error_code);
        if (code == ErrorCode::None || code == ErrorCode::MemberIdRequired) && !response.member_id.is_empty()
        {
            self.member_id.set(&response.member_id);
        }
        ClientError::check(response.error_code, || format!("joining group {}", self.group), None)?;
        note_since(&self.metrics.joins, began);
        Ok(response)
    }

    /// What one of the assignors is told of this member.
    fn subscription(&self, assignor: Assignor) -> Subscription {
        let previous = &self.previous;
        let user_data = match assignor {
            Assignor::Sticky if previous.generation >= 0 => Some(encode_previous(previous)),
            Assignor::CooperativeSticky => Some(encode_generation(previous.generation)),
            _ => None,
        };
        Subscription {
            topics: self.topics.clone(),
            owned: self.owned.clone(),
            generation: previous.generation,
            rack: (!self.config.client_rack.is_empty()).then(|| self.config.client_rack.clone()),
            user_data,
        }
    }

    /// As leader: the assignment of all members, and the partition counts it was made from.
    async fn assign(
        &self,
        response: &JoinGroupResponse,
    ) -> Result<(Vec<SyncGroupRequestAssignment>, BTreeMap<String, usize>)> {
        let name = response.protocol_name.as_deref().unwrap_or_default();
        let assignor = self.assignors.iter().find(|assignor| assignor.name() == name).ok_or_else(|| {
            ClientError::server(
                format!("group {}", self.group),
                ErrorCode::InconsistentGroupProtocol,
                Some(format!("the coordinator chose the assignor `{name}`, which was not offered")),
            )
        })?;
        let mut members = Vec::with_capacity(response.members.len());
        for member in &response.members {
            let subscription = decode_subscription(&member.metadata)
                .and_then(|subscription| known_to(*assignor, subscription))
                .map_err(|why| ClientError::Malformed {
                    address: format!("member {} of group {}", member.member_id, self.group),
                    what: "a subscription".to_owned(),
                    why,
                })?;
            members.push(Member {
                id: member.member_id.clone(),
                instance_id: member.group_instance_id.clone(),
                subscription,
            });
        }
        let topics: BTreeSet<&str> =
            members.iter().flat_map(|member| &member.subscription.topics).map(String::as_str).collect();
        let topics: Vec<&str> = topics.into_iter().collect();
        let cluster = self.core.topics(&topics).await?;
        let counts: BTreeMap<String, usize> = topics
            .iter()
            .map(|name| ((*name).to_owned(), cluster.topic(name).map_or(0, |topic| topic.partitions.len())))
            .collect();
        let mut assignments = Vec::with_capacity(members.len());
        for (member_id, partitions) in assignor.assign(&members, &counts) {
            let assignment: Bytes =
                encode_assignment(&partitions).map_err(|why| unencodable("an assignment", why))?;
            assignments.push(SyncGroupRequestAssignment { member_id, assignment });
        }
        Ok((assignments, counts))
    }

    async fn sync(
        &self,
        connection: &Connection,
        generation: i32,
        protocol: Option<String>,
        assignments: Vec<SyncGroupRequestAssignment>,
    ) -> Result<Vec<TopicPartition>> {
        let version = connection.version_of::<SyncGroupRequest>()?;
        let mut request = SyncGroupRequest {
            group_id: self.group.clone(),
            generation_id: generation,
            member_id: self.member_id.get(),
            assignments,
            ..Default::default()
        };
        if version >= 3 {
            request.group_instance_id = self.config.group_instance_id.clone();
        }
        if version >= 5 {
            request.protocol_type = Some(PROTOCOL_TYPE.to_owned());
            request.protocol_name = protocol;
        }
        let allowed = self.config.max_poll_interval + JOIN_GRACE;
        let began = Instant::now();
        let response = connection.start_within(version, &request, allowed)?.answer().await?;
        ClientError::check(response.error_code, || format!("assignment in group {}", self.group), None)?;
        note_since(&self.metrics.syncs, began);
        decode_assignment(&response.assignment).map_err(|why| ClientError::Malformed {
            address: connection.address().to_owned(),
            what: "an assignment".to_owned(),
            why,
        })
    }
}

/// The subscription with what its member had before, from where the members of this assignor say it.
fn known_to(assignor: Assignor, mut subscription: Subscription) -> Result<Subscription, String> {
    match (assignor, &subscription.user_data) {
        (Assignor::Sticky, Some(data)) => {
            let previous = decode_previous(data)?;
            (subscription.owned, subscription.generation) = (previous.partitions, previous.generation);
        }
        (Assignor::Sticky, None) => subscription.owned = Vec::new(),
        (Assignor::CooperativeSticky, _) => subscription.generation = generation_of(&subscription),
        (Assignor::Range | Assignor::RoundRobin, _) => {}
    }
    Ok(subscription)
}

fn unencodable(what: &str, why: String) -> ClientError {
    ClientError::Unencodable { what: what.to_owned(), why }
}

fn millis(duration: Duration) -> i32 {
    duration.as_millis().min(i32::MAX as u128) as i32
}
