//! Drives a shard as the runtime does, with a log in memory and a clock that tests move.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;
use moldau_coordinator::{
    CoordinatorResult, EncodedRecord, GroupConfig, GroupRecord, GroupShard, JoinEvent, Now, ReplyBody,
    RequestContext, RequestId,
};
use moldau_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use moldau_protocol::messages::leave_group_request::MemberIdentity;
use moldau_protocol::messages::leave_group_response::MemberResponse;
use moldau_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use moldau_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use moldau_protocol::messages::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, OffsetCommitRequest, SyncGroupRequest,
    SyncGroupResponse,
};
use moldau_types::ErrorCode;

pub(crate) const GROUP: &str = "group";
const START_MS: i64 = 1_700_000_000_000;

pub(crate) struct Harness {
    pub(crate) shard: GroupShard,
    pub(crate) config: Arc<GroupConfig>,
    pub(crate) now: Now,
    pub(crate) log: Vec<EncodedRecord>,
    pub(crate) replies: BTreeMap<RequestId, ReplyBody>,
    /// Refuses the next appends.
    pub(crate) refusal: Option<ErrorCode>,
    next_request: u64,
    random: u128,
}

impl Harness {
    pub(crate) fn new(config: GroupConfig) -> Self {
        let config = Arc::new(config);
        Harness {
            shard: GroupShard::new(config.clone()),
            config,
            now: Now { timestamp_ms: START_MS, monotonic_ms: 0 },
            log: Vec::new(),
            replies: BTreeMap::new(),
            refusal: None,
            next_request: 0,
            random: 0,
        }
    }

    /// Without a delay of the first rebalance.
    pub(crate) fn prompt() -> Self {
        Harness::new(GroupConfig { initial_rebalance_delay_ms: 0, ..GroupConfig::default() })
    }

    pub(crate) fn run<R>(
        &mut self,
        action: impl FnOnce(&mut GroupShard, Now, &mut CoordinatorResult) -> R,
    ) -> Result<R, ErrorCode> {
        let mut out = CoordinatorResult::default();
        let result = action(&mut self.shard, self.now, &mut out);
        let settled = self.settle(out);
        self.shard.check().unwrap_or_else(|problem| panic!("{problem}"));
        settled?;
        Ok(result)
    }

    fn settle(&mut self, mut out: CoordinatorResult) -> Result<(), ErrorCode> {
        let mut first = Ok(());
        loop {
            for reply in out.replies.drain(..) {
                let earlier = self.replies.insert(reply.request, reply.response);
                assert!(earlier.is_none(), "{:?} was answered twice", reply.request);
            }
            let outcome = match (out.records.is_empty(), self.refusal) {
                (false, Some(error)) => Err(error),
                _ => {
                    let base_offset = self.log.len() as i64;
                    for record in &out.records {
                        let encoded = record.encode().expect("a record").expect("of a kind we write");
                        self.log.push(encoded);
                    }
                    if out.replay_records {
                        self.shard.appended(base_offset, std::mem::take(&mut out.records));
                    }
                    Ok(())
                }
            };
            first = first.and(outcome);
            let Some(completion) = out.completion.take() else { return first };
            out = CoordinatorResult::default();
            self.shard.completed(self.now, completion, outcome, &mut out);
        }
    }

    /// Moves the clock, stopping at each deadline on the way.
    pub(crate) fn advance(&mut self, by_ms: i64) {
        let until_ms = self.now.monotonic_ms + by_ms;
        while let Some(deadline_ms) = self.shard.next_deadline_ms().filter(|deadline| *deadline <= until_ms) {
            self.set_clock(deadline_ms.max(self.now.monotonic_ms));
            while self.run(|shard, now, out| shard.fire_due_timer(now, out)).unwrap_or(true) {}
        }
        self.set_clock(until_ms);
    }

    fn set_clock(&mut self, monotonic_ms: i64) {
        self.now = Now { timestamp_ms: START_MS + monotonic_ms, monotonic_ms };
    }

    /// A new shard from the log alone.
    pub(crate) fn reload(&mut self) {
        let mut shard = GroupShard::new(self.config.clone());
        for (offset, record) in self.log.iter().enumerate() {
            let record =
                GroupRecord::decode(&record.key, record.value.as_deref(), offset as i64).expect("a record");
            shard.replay(record, -1);
        }
        let mut out = CoordinatorResult::default();
        self.shard.unload(self.now, &mut out);
        self.settle(out).expect("no records");
        self.shard = shard;
        self.run(|shard, now, out| shard.loaded(now, out)).expect("no records");
    }

    pub(crate) fn request_id(&mut self) -> RequestId {
        self.next_request += 1;
        RequestId(self.next_request)
    }

    pub(crate) fn send_join(&mut self, join: &Join) -> RequestId {
        let request_id = self.request_id();
        self.random += 1;
        let event = JoinEvent {
            context: RequestContext {
                client_id: "client",
                client_host: IpAddr::V4(Ipv4Addr::LOCALHOST),
                api_version: join.version,
            },
            request_id,
            random: self.random,
            request: join.request(),
        };
        // A refusal shows in the reply.
        let _ = self.run(|shard, now, out| shard.join_group(now, &event, out));
        request_id
    }

    pub(crate) fn send_sync(&mut self, request: SyncGroupRequest) -> RequestId {
        let request_id = self.request_id();
        let _ = self.run(|shard, now, out| shard.sync_group(now, request_id, &request, out));
        request_id
    }

    pub(crate) fn join_reply(&mut self, request: RequestId) -> Option<JoinGroupResponse> {
        match self.replies.remove(&request) {
            Some(ReplyBody::Join(response)) => Some(response),
            None => None,
            Some(other) => panic!("{other:?} answers a JoinGroup"),
        }
    }

    pub(crate) fn sync_reply(&mut self, request: RequestId) -> Option<SyncGroupResponse> {
        match self.replies.remove(&request) {
            Some(ReplyBody::Sync(response)) => Some(response),
            None => None,
            Some(other) => panic!("{other:?} answers a SyncGroup"),
        }
    }

    /// A JoinGroup that must be answered at once.
    pub(crate) fn join_now(&mut self, join: &Join) -> JoinGroupResponse {
        let request = self.send_join(join);
        self.join_reply(request).expect("an answer at once")
    }

    /// Gets an id for a dynamic member.
    pub(crate) fn new_member_id(&mut self, join: &Join) -> String {
        let response = self.join_now(join);
        assert_eq!(error_of(response.error_code), ErrorCode::MemberIdRequired);
        response.member_id
    }

    /// Lets these members form a generation; gives each one's answer, by member id.
    pub(crate) fn form(&mut self, joins: &[Join]) -> BTreeMap<String, JoinGroupResponse> {
        let requests: Vec<_> = joins
            .iter()
            .map(|join| {
                let mut join = join.clone();
                if join.member_id.is_empty() && join.instance_id.is_none() && join.version >= 4 {
                    join.member_id = self.new_member_id(&join);
                }
                self.send_join(&join)
            })
            .collect();
        self.advance(i64::from(self.config.initial_rebalance_delay_ms) * 2);
        requests
            .into_iter()
            .map(|request| self.join_reply(request).expect("the generation is formed"))
            .map(|response| {
                assert_eq!(response.error_code, 0, "{response:?}");
                (response.member_id.clone(), response)
            })
            .collect()
    }

    /// Forms a generation and lets every member sync; each assignment is the member's id. Gives member ids and the generation.
    pub(crate) fn stabilize(&mut self, joins: &[Join]) -> (Vec<String>, i32) {
        let joined = self.form(joins);
        let (generation, leader) =
            joined.values().next().map(|r| (r.generation_id, r.leader.clone())).expect("members");
        let ids: Vec<String> = joined.keys().cloned().collect();
        self.sync_all(&ids, &leader, generation);
        (ids, generation)
    }

    pub(crate) fn sync_all(&mut self, ids: &[String], leader: &str, generation: i32) {
        let followers: Vec<_> = ids.iter().filter(|id| *id != leader).collect();
        let mut requests: Vec<_> =
            followers.iter().map(|id| self.send_sync(sync(id, generation, &[]))).collect();
        let all: Vec<&str> = ids.iter().map(String::as_str).collect();
        requests.push(self.send_sync(sync(leader, generation, &all)));
        for request in requests {
            let response = self.sync_reply(request).expect("the assignment");
            assert_eq!(response.error_code, 0);
        }
    }

    pub(crate) fn heartbeat(&mut self, member_id: &str, generation_id: i32) -> ErrorCode {
        self.heartbeat_as(member_id, None, generation_id)
    }

    pub(crate) fn heartbeat_as(
        &mut self,
        member_id: &str,
        instance: Option<&str>,
        generation_id: i32,
    ) -> ErrorCode {
        let request = HeartbeatRequest {
            group_id: GROUP.to_owned(),
            generation_id,
            member_id: member_id.to_owned(),
            group_instance_id: instance.map(str::to_owned),
        };
        self.shard.heartbeat(self.now, &request).err().unwrap_or(ErrorCode::None)
    }

    pub(crate) fn leave(
        &mut self,
        members: &[(&str, Option<&str>)],
    ) -> Result<Vec<MemberResponse>, ErrorCode> {
        let members: Vec<_> = members
            .iter()
            .map(|(member_id, instance)| MemberIdentity {
                member_id: (*member_id).to_owned(),
                group_instance_id: instance.map(str::to_owned),
                reason: None,
            })
            .collect();
        self.run(|shard, now, out| shard.leave_group(now, GROUP, &members, out))?
    }

    pub(crate) fn state(&self) -> String {
        self.shard.describe_group(GROUP, 6).group_state
    }

    pub(crate) fn commit(
        &mut self,
        version: i16,
        member_id: &str,
        generation: i32,
        offsets: &[(&str, i32, i64)],
    ) -> Result<(), ErrorCode> {
        let request = commit_request(member_id, generation, offsets);
        let response = self.run(|shard, now, out| shard.commit_offsets(now, version, &request, out))??;
        match response.topics[0].partitions[0].error_code {
            0 => Ok(()),
            code => Err(error_of(code)),
        }
    }

    pub(crate) fn committed(&self, topic: &str, partition: i32) -> Option<i64> {
        self.shard
            .fetch_all_offsets(GROUP, false)
            .iter()
            .find(|answer| answer.name == topic)
            .and_then(|answer| answer.partitions.iter().find(|answer| answer.partition_index == partition))
            .map(|answer| answer.committed_offset)
    }
}

pub(crate) fn error_of(code: i16) -> ErrorCode {
    ErrorCode::try_from_code(code).expect("a known code")
}

pub(crate) fn commit_request(
    member_id: &str,
    generation: i32,
    offsets: &[(&str, i32, i64)],
) -> OffsetCommitRequest {
    OffsetCommitRequest {
        group_id: GROUP.to_owned(),
        generation_id_or_member_epoch: generation,
        member_id: member_id.to_owned(),
        topics: offsets
            .iter()
            .map(|(topic, partition, offset)| OffsetCommitRequestTopic {
                name: (*topic).to_owned(),
                partitions: vec![OffsetCommitRequestPartition {
                    partition_index: *partition,
                    committed_offset: *offset,
                    committed_metadata: Some("note".to_owned()),
                    ..Default::default()
                }],
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    }
}

pub(crate) fn sync(member_id: &str, generation_id: i32, assigned: &[&str]) -> SyncGroupRequest {
    SyncGroupRequest {
        group_id: GROUP.to_owned(),
        generation_id,
        member_id: member_id.to_owned(),
        protocol_type: Some("consumer".to_owned()),
        assignments: assigned
            .iter()
            .map(|member| SyncGroupRequestAssignment {
                member_id: (*member).to_owned(),
                assignment: Bytes::copy_from_slice(member.as_bytes()),
            })
            .collect(),
        ..Default::default()
    }
}

/// A subscription as the consumer protocol writes it.
pub(crate) fn subscription(topics: &[&str]) -> Bytes {
    let mut out = vec![0, 1];
    out.extend((topics.len() as i32).to_be_bytes());
    for topic in topics {
        out.extend((topic.len() as i16).to_be_bytes());
        out.extend(topic.as_bytes());
    }
    out.extend((-1i32).to_be_bytes());
    out.into()
}

/// A JoinGroup.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    pub(crate) version: i16,
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) protocol_type: String,
    pub(crate) protocols: Vec<(String, Bytes)>,
    pub(crate) session_timeout_ms: i32,
    pub(crate) rebalance_timeout_ms: i32,
}

impl Default for Join {
    fn default() -> Self {
        Join {
            version: 9,
            member_id: String::new(),
            instance_id: None,
            protocol_type: "consumer".to_owned(),
            protocols: vec![("range".to_owned(), subscription(&["flights"]))],
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 60_000,
        }
    }
}

impl Join {
    pub(crate) fn of(member_id: &str) -> Self {
        Join { member_id: member_id.to_owned(), ..Join::default() }
    }

    pub(crate) fn fixed(instance_id: &str, member_id: &str) -> Self {
        Join { instance_id: Some(instance_id.to_owned()), ..Join::of(member_id) }
    }

    pub(crate) fn version(self, version: i16) -> Self {
        Join { version, ..self }
    }

    pub(crate) fn protocols(self, protocols: &[(&str, &str)]) -> Self {
        let protocols = protocols
            .iter()
            .map(|(name, metadata)| ((*name).to_owned(), Bytes::copy_from_slice(metadata.as_bytes())))
            .collect();
        Join { protocols, ..self }
    }

    pub(crate) fn request(&self) -> JoinGroupRequest {
        JoinGroupRequest {
            group_id: GROUP.to_owned(),
            session_timeout_ms: self.session_timeout_ms,
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
            protocol_type: self.protocol_type.clone(),
            protocols: self
                .protocols
                .iter()
                .map(|(name, metadata)| JoinGroupRequestProtocol {
                    name: name.clone(),
                    metadata: metadata.clone(),
                })
                .collect(),
            reason: None,
        }
    }
}
