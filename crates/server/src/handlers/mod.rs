//! The request handlers, one file for each API, and the table that leads to them.

mod alter_configs;
mod alter_replica_log_dirs;
mod api_versions;
mod asked_broker;
mod authorized;
mod create_partitions;
mod create_topics;
mod delete_records;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_log_dirs;
mod describe_producers;
mod describe_topic_partitions;
mod elect_leaders;
mod fetch;
mod groups;
mod incremental_alter_configs;
mod init_producer_id;
mod list_config_resources;
mod list_offsets;
mod metadata;
mod offered;
mod offset_for_leader_epoch;
mod produce;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moldau_protocol::ApiKey;
use tokio::sync::Semaphore;

use crate::broker::Broker;
use crate::dispatch::{RequestHead, call};
use crate::network::{ConnectionInfo, Later, Outcome, Service};
use crate::telemetry::{Counted, settled};

/// What the reference says with INVALID_REQUEST when it has nothing more to say; clients show it.
const INVALID_REQUEST_TEXT: &str = "This most likely occurs because of a request being malformed by the client library or the message was \
     sent to an incompatible broker. See the broker logs for more details.";

impl Service for Broker {
    fn left(&self, api: usize, waited: Duration) {
        self.telemetry.requests.left(api, waited);
    }

    fn handle(
        self: &Arc<Self>,
        connection: &Arc<ConnectionInfo>,
        bytes: &mut [u8],
        frames: &[Range<usize>],
        received: Instant,
        outcomes: &mut Vec<Outcome>,
    ) -> usize {
        let (first, began) = (outcomes.len(), Instant::now());
        let taken = self.work(connection, bytes, frames, outcomes);
        let now = Instant::now();
        for (frame, outcome) in frames.iter().zip(&mut outcomes[first..]) {
            if let Some(counted) = self.telemetry.requests.begin(&bytes[frame.clone()], received, began) {
                let settled = std::mem::replace(outcome, Outcome::Silence);
                *outcome = self.count(counted, settled, now);
            }
        }
        taken
    }
}

impl Broker {
    /// Counts a request when it has its answer: now, or later.
    fn count(self: &Arc<Self>, counted: Counted, outcome: Outcome, now: Instant) -> Outcome {
        let Outcome::Later(later) = outcome else {
            let mut answered = outcome;
            self.telemetry.requests.end(counted, now, now, &mut answered);
            return answered;
        };
        let broker = self.clone();
        let (held_bytes, is_busy) = (later.held_bytes, later.is_busy);
        let answer = async move {
            let mut answered = settled(Outcome::Later(later)).await;
            broker.telemetry.requests.end(counted, now, Instant::now(), &mut answered);
            answered
        };
        Outcome::Later(Later::new(answer).holding(held_bytes).busy(is_busy))
    }

    /// Works on the first of `frames`, as [`Service::handle`] says.
    fn work(
        self: &Arc<Self>,
        connection: &Arc<ConnectionInfo>,
        bytes: &mut [u8],
        frames: &[Range<usize>],
        outcomes: &mut Vec<Outcome>,
    ) -> usize {
        let produces = frames.iter().take_while(|frame| is_produce(&bytes[(*frame).clone()])).count();
        if produces > 0 && !connection.is_controller {
            produce::handle(self, connection, bytes, &frames[..produces], outcomes);
            return produces;
        }
        if let Some(frame) = frames.first() {
            let bytes = &bytes[frame.clone()];
            outcomes.push(match self.answer_elsewhere_if_long(connection, bytes) {
                Outcome::Later(later) => Outcome::Later(later.holding(bytes.len())),
                answered => answered,
            });
        }
        1
    }
}

/// Requests that are longer and only read are worked on by a blocking thread.
const LONG_BYTES: usize = 16 * 1024;
/// How many of them at once: the threads are there for cold reads too.
static LONG_AT_ONCE: Semaphore = Semaphore::const_new(8);
/// What may be worked on beside the requests that follow it.
const ONLY_READ: [ApiKey; 7] = [
    ApiKey::Metadata,
    ApiKey::DescribeConfigs,
    ApiKey::ListOffsets,
    ApiKey::OffsetForLeaderEpoch,
    ApiKey::DescribeTopicPartitions,
    ApiKey::DescribeProducers,
    ApiKey::DescribeLogDirs,
];

impl Broker {
    /// Answers a request. One that asks about thousands of things takes too long for a worker that has other connections.
    fn answer_elsewhere_if_long(self: &Arc<Self>, connection: &Arc<ConnectionInfo>, frame: &[u8]) -> Outcome {
        let only_reads = || ONLY_READ.iter().any(|key| frame.get(..2) == Some(&key.code().to_be_bytes()));
        if frame.len() < LONG_BYTES || !only_reads() {
            return answer(self, connection, frame);
        }
        let (broker, connection, frame) = (self.clone(), connection.clone(), frame.to_vec());
        let answering = async move {
            // The semaphore is never closed.
            let _turn = LONG_AT_ONCE.acquire().await;
            tokio::task::spawn_blocking(move || answer(&broker, &connection, &frame))
                .await
                .unwrap_or_else(|e| Outcome::Close(format!("the request could not be worked on: {e}")))
        };
        Outcome::Later(Later::new(answering).busy(true))
    }
}

fn is_produce(frame: &[u8]) -> bool {
    frame.get(..2) == Some(&ApiKey::Produce.code().to_be_bytes())
}

fn answer(broker: &Arc<Broker>, connection: &Arc<ConnectionInfo>, frame: &[u8]) -> Outcome {
    let head = match RequestHead::parse(frame) {
        Ok(head) => head,
        Err(reason) => return Outcome::Close(reason),
    };
    let Some(key) = ApiKey::from_i16(head.api_key) else {
        return Outcome::Close(format!("there is no API with key {}", head.api_key));
    };
    let context = head.context(key, connection);
    let body = &frame[head.body_at..];
    if key == ApiKey::ApiVersions {
        return api_versions::handle(broker, context, body);
    }
    if !offered::is_offered(key, head.api_version, connection.is_controller) {
        return Outcome::Close(format!("{} version {} is not offered here", key.name(), head.api_version));
    }
    macro_rules! to {
        ($handler:path) => {{
            let broker = broker.clone();
            call(context, body, move |context, request| $handler(broker, context, request))
        }};
    }
    match key {
        ApiKey::Fetch => fetch::handle(broker, &context, body),
        ApiKey::ListOffsets => to!(list_offsets::handle),
        ApiKey::Metadata => to!(metadata::handle),
        ApiKey::CreateTopics => to!(create_topics::handle),
        ApiKey::DeleteTopics => to!(delete_topics::handle),
        ApiKey::DeleteRecords => to!(delete_records::handle),
        ApiKey::InitProducerId => to!(init_producer_id::handle),
        ApiKey::OffsetForLeaderEpoch => to!(offset_for_leader_epoch::handle),
        ApiKey::DescribeConfigs => to!(describe_configs::handle),
        ApiKey::AlterConfigs => to!(alter_configs::handle),
        ApiKey::AlterReplicaLogDirs => to!(alter_replica_log_dirs::handle),
        ApiKey::DescribeLogDirs => to!(describe_log_dirs::handle),
        ApiKey::CreatePartitions => to!(create_partitions::handle),
        ApiKey::ElectLeaders => to!(elect_leaders::handle),
        ApiKey::IncrementalAlterConfigs => to!(incremental_alter_configs::handle),
        ApiKey::DescribeCluster => to!(describe_cluster::handle),
        ApiKey::DescribeProducers => to!(describe_producers::handle),
        ApiKey::ListConfigResources => to!(list_config_resources::handle),
        ApiKey::DescribeTopicPartitions => to!(describe_topic_partitions::handle),
        ApiKey::FindCoordinator => to!(groups::find_coordinator::handle),
        ApiKey::JoinGroup => to!(groups::join_group::handle),
        ApiKey::SyncGroup => to!(groups::sync_group::handle),
        ApiKey::Heartbeat => to!(groups::heartbeat::handle),
        ApiKey::LeaveGroup => to!(groups::leave_group::handle),
        ApiKey::OffsetCommit => to!(groups::offset_commit::handle),
        ApiKey::OffsetFetch => to!(groups::offset_fetch::handle),
        ApiKey::OffsetDelete => to!(groups::offset_delete::handle),
        ApiKey::DescribeGroups => to!(groups::describe_groups::handle),
        ApiKey::ListGroups => to!(groups::list_groups::handle),
        ApiKey::DeleteGroups => to!(groups::delete_groups::handle),
        _ => Outcome::Close(format!("{} is not offered here", key.name())),
    }
}
