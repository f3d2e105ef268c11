//! The simulated world: clients, a clock, a log with slow and refused appends, and the invariants.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;
use moldau_coordinator::{
    Completion, CoordinatorResult, EncodedRecord, GroupConfig, GroupRecord, GroupShard, JoinEvent, Now,
    ReplyBody, RequestContext, RequestId,
};
use moldau_protocol::messages::HeartbeatRequest;
use moldau_protocol::messages::leave_group_request::MemberIdentity;
use moldau_types::ErrorCode;
use rand::rngs::SmallRng;
use rand::{Rng, RngCore};

use super::client::{Client, Phase};
use crate::harness::{GROUP, Join, commit_request, subscription, sync};

const START_MS: i64 = 1_700_000_000_000;
const INSTANCES: [&str; 3] = ["one", "two", "three"];

pub(crate) struct World {
    random: SmallRng,
    config: Arc<GroupConfig>,
    shard: GroupShard,
    now: Now,
    log: Vec<EncodedRecord>,
    clients: Vec<Client>,
    /// Parked requests without an answer.
    unanswered: BTreeSet<RequestId>,
    next_request: u64,
    /// Second halves that wait for their commit.
    in_flight: Vec<Completion>,
    /// The log misses something the group has done, because an append was refused.
    log_lags: bool,
    /// What the leader's SyncGroup of a generation was marked with, as members saw it. Cleared with the group.
    assignments: BTreeMap<i32, String>,
    highest_generation: i32,
    offsets: BTreeMap<i32, i64>,
    calm: bool,
}

impl World {
    pub(crate) fn new(mut random: SmallRng) -> Self {
        let config = Arc::new(GroupConfig {
            initial_rebalance_delay_ms: [0, 500, 3_000][random.random_range(0..3)],
            max_size: [3, 100, 100][random.random_range(0..3)],
            ..GroupConfig::default()
        });
        let clients = (0..random.random_range(1..7)).map(|_| Client::new(random_join(&mut random))).collect();
        World {
            random,
            shard: GroupShard::new(config.clone()),
            config,
            now: Now { timestamp_ms: START_MS, monotonic_ms: 0 },
            log: Vec::new(),
            clients,
            unanswered: BTreeSet::new(),
            next_request: 0,
            in_flight: Vec::new(),
            log_lags: false,
            assignments: BTreeMap::new(),
            highest_generation: 0,
            offsets: BTreeMap::new(),
            calm: false,
        }
    }

    /// One random event.
    pub(crate) fn step(&mut self) {
        let client = self.random.random_range(0..self.clients.len());
        match self.random.random_range(0..100) {
            0..57 => self.act(client),
            57..60 => self.join_with_news(client),
            60..64 => self.clients[client].crash(),
            64..66 => self.repeat(client),
            66..70 => self.leave(client),
            70..72 => self.remove_static(),
            72..75 => self.commit(client),
            75..77 => self.commit_from_outside(),
            77..78 => self.delete_group(),
            78..79 => self.run(|shard, now, out| shard.expire_offsets(now, out)).unwrap_or(()),
            79..81 => self.reload(),
            81..88 => self.complete_one(),
            88..98 => {
                let by_ms = self.random.random_range(1..4_000);
                self.advance(by_ms);
            }
            _ => self.advance(20_000),
        }
        self.check();
    }

    /// What a well-behaved client does next.
    fn act(&mut self, index: usize) {
        match self.clients[index].phase {
            Phase::Out => self.join(index),
            Phase::Joined => self.sync(index),
            Phase::Stable => self.heartbeat(index),
            Phase::Joining(_) | Phase::Syncing(_) | Phase::Gone => {}
        }
    }

    /// The client's subscription has changed, so it joins although it is a member.
    fn join_with_news(&mut self, index: usize) {
        if !matches!(self.clients[index].phase, Phase::Joined | Phase::Stable) {
            return;
        }
        let topic = format!("more-{}", self.random.random_range(0..1_000));
        for (_, metadata) in &mut self.clients[index].join.protocols {
            *metadata = subscription(&["flights", &topic]);
        }
        self.join(index);
    }

    /// The client sends its request again on another connection.
    fn repeat(&mut self, index: usize) {
        match self.clients[index].phase {
            Phase::Joining(_) if !self.clients[index].join.member_id.is_empty() => self.join(index),
            Phase::Syncing(_) => self.sync(index),
            _ => {}
        }
    }

    fn new_request(&mut self) -> RequestId {
        self.next_request += 1;
        let request = RequestId(self.next_request);
        self.unanswered.insert(request);
        request
    }

    fn join(&mut self, index: usize) {
        let request_id = self.new_request();
        self.clients[index].phase = Phase::Joining(request_id);
        let join = self.clients[index].join.clone();
        let event = JoinEvent {
            context: RequestContext {
                client_id: "client",
                client_host: IpAddr::V4(Ipv4Addr::LOCALHOST),
                api_version: join.version,
            },
            request_id,
            random: u128::from(self.random.next_u64()),
            request: join.request(),
        };
        let _ = self.run(|shard, now, out| shard.join_group(now, &event, out));
    }

    fn sync(&mut self, index: usize) {
        let request_id = self.new_request();
        let mark = self.random.next_u64();
        let client = &mut self.clients[index];
        client.phase = Phase::Syncing(request_id);
        let members: Vec<_> =
            client.members.iter().map(String::as_str).filter(|_| client.is_leader).collect();
        let mut request = sync(&client.join.member_id, client.generation, &members);
        request.group_instance_id = client.join.instance_id.clone();
        for assignment in &mut request.assignments {
            assignment.assignment = Bytes::from(mark.to_string());
        }
        let _ = self.run(|shard, now, out| shard.sync_group(now, request_id, &request, out));
    }

    fn heartbeat(&mut self, index: usize) {
        let client = &self.clients[index];
        let request = HeartbeatRequest {
            group_id: GROUP.to_owned(),
            generation_id: client.generation,
            member_id: client.join.member_id.clone(),
            group_instance_id: client.join.instance_id.clone(),
        };
        if let Err(error) = self.shard.heartbeat(self.now, &request) {
            self.clients[index].on_error(error);
        }
    }

    fn leave(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let member = MemberIdentity {
            member_id: client.join.member_id.clone(),
            group_instance_id: client.join.instance_id.clone(),
            reason: None,
        };
        client.crash();
        let _ = self.run(|shard, now, out| shard.leave_group(now, GROUP, &[member], out).map(drop));
    }

    fn remove_static(&mut self) {
        let instance = INSTANCES[self.random.random_range(0..INSTANCES.len())];
        let member = MemberIdentity { group_instance_id: Some(instance.to_owned()), ..Default::default() };
        let _ = self.run(|shard, now, out| shard.leave_group(now, GROUP, &[member], out).map(drop));
    }

    fn commit(&mut self, index: usize) {
        let client = &self.clients[index];
        let (member_id, generation) = (client.join.member_id.clone(), client.generation);
        self.commit_as(&member_id, generation);
    }

    fn commit_from_outside(&mut self) {
        self.commit_as("", -1);
    }

    fn commit_as(&mut self, member_id: &str, generation: i32) {
        let (partition, offset) = (self.random.random_range(0..5), self.random.random_range(0..1_000));
        let request = commit_request(member_id, generation, &[("flights", partition, offset)]);
        let committed = self.run(|shard, now, out| {
            shard.commit_offsets(now, 8, &request, out).map(|_| !out.records.is_empty())
        });
        if committed == Ok(Ok(true)) {
            self.offsets.insert(partition, offset);
        }
    }

    fn delete_group(&mut self) {
        let deleted = self.run(|shard, _, out| shard.delete_groups(&[GROUP.to_owned()], out));
        if deleted.is_ok_and(|results| results[0].error_code == 0) {
            self.offsets.clear();
        }
    }

    /// Runs an event; its append may be refused, its second half may have to wait.
    fn run<R>(
        &mut self,
        action: impl FnOnce(&mut GroupShard, Now, &mut CoordinatorResult) -> R,
    ) -> Result<R, ErrorCode> {
        let mut out = CoordinatorResult::default();
        let result = action(&mut self.shard, self.now, &mut out);
        self.settle(out)?;
        Ok(result)
    }

    fn settle(&mut self, mut out: CoordinatorResult) -> Result<(), ErrorCode> {
        let mut first = Ok(());
        loop {
            self.deliver(&mut out);
            let writes_group = !out.replay_records;
            let refused = !self.calm && !out.records.is_empty() && self.random.random_range(0..20) == 0;
            let outcome = if refused {
                self.log_lags |= writes_group;
                Err(ErrorCode::CoordinatorNotAvailable)
            } else {
                if !out.records.is_empty() && writes_group {
                    self.log_lags = false;
                }
                self.append(&mut out);
                Ok(())
            };
            first = first.and(outcome);
            let Some(completion) = out.completion.take() else { return first };
            if outcome.is_ok() && !self.calm && self.random.random_bool(0.5) {
                self.in_flight.push(completion);
                return first;
            }
            out = CoordinatorResult::default();
            self.shard.completed(self.now, completion, outcome, &mut out);
        }
    }

    fn append(&mut self, out: &mut CoordinatorResult) {
        let base_offset = self.log.len() as i64;
        for record in &out.records {
            self.log.push(record.encode().expect("a record").expect("of a kind we write"));
        }
        if out.replay_records {
            self.shard.appended(base_offset, std::mem::take(&mut out.records));
        }
    }

    fn complete_one(&mut self) {
        if self.in_flight.is_empty() {
            return;
        }
        let completion = self.in_flight.remove(0);
        let mut out = CoordinatorResult::default();
        self.shard.completed(self.now, completion, Ok(()), &mut out);
        let _ = self.settle(out);
    }

    fn deliver(&mut self, out: &mut CoordinatorResult) {
        for reply in out.replies.drain(..) {
            assert!(self.unanswered.remove(&reply.request), "{reply:?} is a second answer");
            if let ReplyBody::Join(response) = &reply.response
                && response.error_code == 0
            {
                assert!(response.generation_id >= self.highest_generation, "{response:?}");
                self.highest_generation = response.generation_id;
            }
            for client in &mut self.clients {
                let Some(assignment) = client.on_reply(reply.request, &reply.response) else { continue };
                // Whoever the leader did not know has an empty assignment.
                if !assignment.is_empty() {
                    let given =
                        self.assignments.entry(client.generation).or_insert_with(|| assignment.clone());
                    assert_eq!(*given, assignment, "two assignments in generation {}", client.generation);
                }
            }
        }
    }

    /// The coordinator restarts from its log.
    fn reload(&mut self) {
        let mut out = CoordinatorResult::default();
        self.shard.unload(self.now, &mut out);
        self.settle(out).expect("no records");
        assert!(self.unanswered.is_empty(), "{:?} have no answer", self.unanswered);
        self.in_flight.clear();
        self.log_lags = false;
        self.shard = self.replayed();
        self.run(|shard, now, out| shard.loaded(now, out)).expect("no records");
        self.highest_generation = 0;
        // A generation that was never written down may be made a second time.
        let durable = self.generation_in_log();
        self.assignments.retain(|generation, _| *generation <= durable);
    }

    fn generation_in_log(&self) -> i32 {
        let mut generation = 0;
        for record in &self.log {
            let record = GroupRecord::decode(&record.key, record.value.as_deref(), 0).expect("a record");
            if let GroupRecord::Group { value, .. } = record {
                generation = value.map_or(0, |value| value.generation);
            }
        }
        generation
    }

    fn replayed(&self) -> GroupShard {
        let mut shard = GroupShard::new(self.config.clone());
        for (offset, record) in self.log.iter().enumerate() {
            let record =
                GroupRecord::decode(&record.key, record.value.as_deref(), offset as i64).expect("a record");
            shard.replay(record, -1);
        }
        shard
    }

    fn advance(&mut self, by_ms: i64) {
        let until_ms = self.now.monotonic_ms + by_ms;
        while let Some(deadline_ms) = self.shard.next_deadline_ms().filter(|deadline| *deadline <= until_ms) {
            self.set_clock(deadline_ms.max(self.now.monotonic_ms));
            while self.run(|shard, now, out| shard.fire_due_timer(now, out)).unwrap_or(true) {}
            self.check();
        }
        self.set_clock(until_ms);
    }

    fn set_clock(&mut self, monotonic_ms: i64) {
        self.now = Now { timestamp_ms: START_MS + monotonic_ms, monotonic_ms };
    }

    fn check(&mut self) {
        self.shard.check().unwrap_or_else(|problem| panic!("{problem}"));
        let live = self.shard.describe_group(GROUP, 5);
        if live.group_state == "Dead" {
            // The next group of this name starts anew.
            self.assignments.clear();
            self.highest_generation = 0;
        }
        let stored: BTreeMap<_, _> = self
            .shard
            .fetch_all_offsets(GROUP, false)
            .into_iter()
            .flat_map(|topic| topic.partitions)
            .map(|partition| (partition.partition_index, partition.committed_offset))
            .collect();
        assert_eq!(stored, self.offsets);
        // Reading the whole log is the dear part.
        if self.random.random_range(0..10) != 0 {
            return;
        }
        let replayed = self.replayed();
        assert_eq!(replayed.fetch_all_offsets(GROUP, false), self.shard.fetch_all_offsets(GROUP, false));
        let settled = matches!(live.group_state.as_str(), "Stable" | "Empty") && self.in_flight.is_empty();
        if settled && !self.log_lags {
            assert_eq!(replayed.describe_group(GROUP, 5), live);
        }
    }

    /// No more faults: whoever can be a member becomes one, all in one generation.
    pub(crate) fn calm_down(&mut self) {
        self.calm = true;
        while !self.in_flight.is_empty() {
            self.complete_one();
        }
        let mut names = BTreeSet::new();
        // Two of one name would fence each other for ever, and a full group stays full.
        self.clients.retain(|client| {
            client.phase != Phase::Gone
                && client.join.instance_id.as_ref().is_none_or(|name| names.insert(name.clone()))
        });
        self.clients.truncate(self.config.max_size);
        for client in &mut self.clients {
            client.crash();
        }
        // Longer than all sessions and rebalances of those that are no more; then another while for those that are.
        self.advance(600_000);
        for _ in 0..300 {
            for index in 0..self.clients.len() {
                self.act(index);
            }
            self.advance(1_000);
            self.check();
        }
        let generations: BTreeSet<_> = self.clients.iter().map(|client| client.generation).collect();
        assert!(generations.len() <= 1, "{:#?}", self.clients);
        for client in &self.clients {
            assert_eq!(client.phase, Phase::Stable, "{client:?}");
        }
        let described = self.shard.describe_group(GROUP, 5);
        assert_eq!(described.members.len(), self.clients.len(), "{described:#?}");
    }

    /// All sessions end: nobody waits, nothing is left but offsets.
    pub(crate) fn everybody_leaves(&mut self) {
        self.advance(600_000);
        assert!(self.unanswered.is_empty(), "{:?} have no answer", self.unanswered);
        let state = self.shard.describe_group(GROUP, 5).group_state;
        assert!(state == "Empty" || state == "Dead", "{state}");
        assert!(self.shard.next_deadline_ms().is_none(), "a deadline that never comes due");
    }
}

fn random_join(random: &mut SmallRng) -> Join {
    let all = ["range", "sticky", "roundrobin"];
    let first = random.random_range(0..3);
    let count = random.random_range(1..=3);
    let mut protocols: Vec<_> = (0..count).map(|next| all[(first + next) % 3]).collect();
    if !protocols.contains(&"range") {
        protocols.push("range");
    }
    let instance = random.random_bool(0.4).then(|| INSTANCES[random.random_range(0..3)].to_owned());
    Join {
        version: if instance.is_some() { random.random_range(5..10) } else { random.random_range(0..10) },
        member_id: String::new(),
        instance_id: instance,
        protocol_type: "consumer".to_owned(),
        protocols: protocols.into_iter().map(|name| (name.to_owned(), subscription(&["flights"]))).collect(),
        session_timeout_ms: random.random_range(6_000..30_000),
        rebalance_timeout_ms: random.random_range(1_000..60_000),
    }
}
