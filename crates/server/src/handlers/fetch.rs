//! Fetch (api key 1), versions 4 to 18.
//!
//! - Version 7 brought sessions (KIP-227), 9 the check of the leader epoch (KIP-320), 12 the diverging epoch, 13 topic
//!   ids (KIP-516).
//! - The first batch is given even when it is larger than the limits; an offset in the middle of a batch gives the
//!   whole batch.
//! - A fetch that finds less than `min_bytes` waits: it is woken by its partitions, or by the end of `max_wait_ms`.
//! - Version 16 names the current leader where the client has an old idea of it (KIP-951).
//! - Records go from the segment file to the socket by `sendfile`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use moldau_protocol::messages::fetch_request::FetchRequestView;
use moldau_protocol::messages::fetch_response::{LeaderIdAndEpoch, NodeEndpoint};
use moldau_types::ErrorCode;
use parking_lot::Mutex;

use crate::broker::{Broker, CurrentLeader, LeaderEndpoint, Partition, current_leader};
use crate::dispatch::{RequestContext, now_or_later, reader};
use crate::fetch::{
    Asked, FINAL_EPOCH, FetchTopic, INITIAL_EPOCH, Limits, PartitionAnswer, Pass, ResponseHead, Session,
    SessionKey, Target, Wait, find, may_be_cold, read_all, read_at_once, warm, write,
};
use crate::network::{ConnectionInfo, Later, Outcome};

/// Clients of versions before it do not know KAFKA_STORAGE_ERROR; they look for the leader and try again.
const FIRST_VERSION_WITH_STORAGE_ERROR: i16 = 6;

/// How the response relates to a session.
enum Mode {
    /// No session: everything is answered.
    Sessionless,
    /// The client opens a session: everything is answered, and remembered when a slot is free.
    Open(Session),
    /// Only what changed is answered.
    Incremental { id: i32, session: Arc<Mutex<Session>> },
}

struct Fetch {
    broker: Arc<Broker>,
    connection: Arc<ConnectionInfo>,
    head: ResponseHead,
    mode: Mode,
    targets: Arc<[Target]>,
    limits: Limits,
    min_bytes: usize,
}

/// Answers a Fetch request.
pub(crate) fn handle(broker: &Arc<Broker>, context: &RequestContext, body: &[u8]) -> Outcome {
    let version = context.api_version;
    let request = match FetchRequestView::decode(&mut reader(body), version) {
        Ok(request) => request,
        Err(e) => return Outcome::Close(format!("FetchRequest version {version}: {e}")),
    };
    let head = ResponseHead {
        api_version: version,
        correlation_id: context.correlation_id,
        error_code: 0,
        session_id: 0,
    };
    let opened = open_mode(broker, &request, version)
        .and_then(|mode| Ok((targets(broker, &request, version, &mode)?, mode)));
    let (targets, mode) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let head = ResponseHead { error_code: error.code(), ..head };
            return finish(write(head, Vec::new(), Vec::new()));
        }
    };
    let max_bytes = usize::try_from(request.max_bytes).unwrap_or(0).min(broker.fetch_bytes_max());
    let fetch = Fetch {
        broker: broker.clone(),
        connection: context.connection.clone(),
        head,
        mode,
        targets: targets.into(),
        limits: Limits { max_bytes, read_committed: request.isolation_level == 1 },
        // More than it may get would be waited for in vain.
        min_bytes: usize::try_from(request.min_bytes).unwrap_or(0).min(max_bytes),
    };
    let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    fetch.start(max_wait)
}

fn open_mode(broker: &Broker, request: &FetchRequestView<'_>, version: i16) -> Result<Mode, ErrorCode> {
    let uses_topic_ids = version >= 13;
    let sessions = broker.fetch_sessions();
    match request.session_epoch {
        _ if version < 7 => Ok(Mode::Sessionless),
        FINAL_EPOCH => {
            sessions.remove(request.session_id);
            Ok(Mode::Sessionless)
        }
        INITIAL_EPOCH => {
            sessions.remove(request.session_id);
            Ok(Mode::Open(Session::new(uses_topic_ids)))
        }
        epoch => {
            let session = sessions.resume(request.session_id, epoch, uses_topic_ids, broker.now_ms())?;
            Ok(Mode::Incremental { id: request.session_id, session })
        }
    }
}

fn targets(
    broker: &Broker,
    request: &FetchRequestView<'_>,
    version: i16,
    mode: &Mode,
) -> Result<Vec<Target>, ErrorCode> {
    let name = |topic: &str, id| match version {
        13.. => FetchTopic::Id(id),
        _ => FetchTopic::Name(topic.into()),
    };
    let asked = request.topics.iter().flat_map(|topic| {
        let topic_name = name(topic.topic, topic.topic_id);
        topic.partitions.iter().map(move |p| {
            let key = SessionKey { topic: topic_name.clone(), partition: p.partition };
            let asked = Asked {
                fetch_offset: p.fetch_offset,
                max_bytes: p.partition_max_bytes,
                current_leader_epoch: p.current_leader_epoch,
                last_fetched_epoch: p.last_fetched_epoch,
            };
            (key, asked)
        })
    });
    let target = |(key, asked): (SessionKey, Asked)| {
        let partition = find(broker, &key);
        Target { key, asked, partition }
    };
    match mode {
        Mode::Sessionless | Mode::Open(_) => Ok(named_once(asked).into_iter().map(target).collect()),
        Mode::Incremental { id, session } => {
            let mut session = session.lock();
            session.forget(request.forgotten_topics_data.iter().flat_map(|topic| {
                let topic_name = name(topic.topic, topic.topic_id);
                let key =
                    move |partition: &i32| SessionKey { topic: topic_name.clone(), partition: *partition };
                topic.partitions.iter().map(key)
            }));
            session.update(asked);
            let partitions = session.len();
            let targets = session.partitions().map(|(key, asked)| target((key.clone(), asked))).collect();
            drop(session);
            broker.fetch_sessions().resized(*id, partitions, broker.now_ms())?;
            Ok(targets)
        }
    }
}

/// Each partition once; what is asked of it last counts, as in the reference.
fn named_once(asked: impl Iterator<Item = (SessionKey, Asked)>) -> Vec<(SessionKey, Asked)> {
    let mut all: Vec<(SessionKey, Asked)> = Vec::new();
    let mut places = HashMap::new();
    for (key, asked) in asked {
        match places.entry(key.clone()) {
            Entry::Vacant(place) => {
                place.insert(all.len());
                all.push((key, asked));
            }
            Entry::Occupied(place) => all[*place.get()].1 = asked,
        }
    }
    all
}

impl Fetch {
    fn start(self, max_wait: Duration) -> Outcome {
        let pass = read_at_once(&self.targets, self.limits);
        if let Some(pass) = pass
            && (self.is_enough(&pass) || max_wait.is_zero())
        {
            return self.deliver(pass);
        }
        Outcome::Later(Later::new(async move {
            let pass = self.wait(max_wait).await;
            self.deliver(pass)
        }))
    }

    fn is_enough(&self, pass: &Pass) -> bool {
        pass.bytes >= self.min_bytes || pass.urgent || self.targets.is_empty()
    }

    /// Reads on this thread if that needs no disk, else on one that may wait for it.
    async fn read(&self) -> Pass {
        if let Some(pass) = read_at_once(&self.targets, self.limits) {
            return pass;
        }
        let (targets, limits) = (self.targets.clone(), self.limits);
        let read = tokio::task::spawn_blocking(move || read_all(&targets, limits)).await;
        read.unwrap_or_else(|error| {
            tracing::error!("a fetch panicked: {error}");
            Pass::default()
        })
    }

    /// Waits until enough has come, something is wrong, or the time is over.
    async fn wait(&self, max_wait: Duration) -> Pass {
        let found: Vec<Arc<Partition>> =
            self.targets.iter().filter_map(|target| target.partition.as_ref().ok().cloned()).collect();
        let wait = Wait::on(found);
        let _waiting = self.broker.telemetry.waiting_fetches.enter();
        let deadline = tokio::time::sleep(max_wait);
        tokio::pin!(deadline);
        loop {
            let pass = self.read().await;
            if self.is_enough(&pass) || max_wait.is_zero() {
                return pass;
            }
            tokio::select! {
                () = wait.moved() => {}
                () = &mut deadline => return self.read().await,
            }
        }
    }

    /// Answers at once, or after a blocking thread has brought cold regions into memory.
    fn deliver(self, pass: Pass) -> Outcome {
        let cold: Vec<_> = pass
            .answers
            .iter()
            .filter(|answer| answer.maybe_cold)
            .filter_map(|answer| answer.records.as_ref())
            .filter(|slice| may_be_cold(slice))
            .cloned()
            .collect();
        if cold.is_empty() {
            return self.respond(pass);
        }
        now_or_later(async move {
            let warmed = tokio::task::spawn_blocking(move || cold.iter().try_for_each(warm)).await;
            if let Ok(Err(e)) = warmed {
                tracing::warn!("reading a segment failed: {e}");
            }
            self.respond(pass)
        })
    }

    fn respond(self, pass: Pass) -> Outcome {
        let Fetch { broker, connection, mut head, mode, targets, .. } = self;
        let mut answers = pass.answers;
        count(&broker, &targets, &answers);
        if head.api_version < FIRST_VERSION_WITH_STORAGE_ERROR {
            for answer in &mut answers {
                if answer.data.error_code == ErrorCode::KafkaStorageError.code() {
                    answer.data.error_code = ErrorCode::NotLeaderOrFollower.code();
                }
            }
        }
        match mode {
            Mode::Sessionless => {}
            Mode::Open(mut session) => {
                session.update(targets.iter().map(|target| (target.key.clone(), target.asked)));
                for answer in &answers {
                    session.tell(&answer.key, answer.told());
                }
                if session.len() > 0 {
                    head.session_id = broker.fetch_sessions().insert(session, broker.now_ms(), rand::random);
                }
            }
            Mode::Incremental { id, session } => {
                head.session_id = id;
                let mut session = session.lock();
                answers.retain(|answer| session.tell(&answer.key, answer.told()));
            }
        }
        let leaders = match head.api_version {
            16.. => name_leaders(&broker, &connection.listener, &mut answers),
            _ => Vec::new(),
        };
        finish(write(head, answers, leaders))
    }
}

/// Counts the partitions of a fetch and the bytes that they are answered with.
fn count(broker: &Broker, targets: &[Target], answers: &[PartitionAnswer]) {
    for (target, answer) in targets.iter().zip(answers) {
        let failed = u64::from(answer.data.error_code != 0);
        match &target.partition {
            Ok(partition) => {
                let counters = &partition.counters;
                counters.fetch_requests.add(1);
                if failed > 0 {
                    counters.failed_fetch_requests.add(failed);
                }
                if let Some(records) = &answer.records {
                    counters.bytes_out.add(records.len as u64);
                }
            }
            Err(_) => {
                broker.telemetry.topics.others().fetch_requests.add(1);
                broker.telemetry.topics.others().failed_fetch_requests.add(failed);
            }
        }
    }
}

/// Names the current leader where a client had an old idea of it; gives where these leaders are.
fn name_leaders(broker: &Broker, listener: &str, answers: &mut [PartitionAnswer]) -> Vec<NodeEndpoint> {
    let outdated = [ErrorCode::NotLeaderOrFollower, ErrorCode::FencedLeaderEpoch];
    let mut endpoints: Vec<NodeEndpoint> = Vec::new();
    for answer in
        answers.iter_mut().filter(|answer| outdated.map(ErrorCode::code).contains(&answer.data.error_code))
    {
        let FetchTopic::Id(id) = answer.key.topic else { continue };
        let image = broker.image();
        let Some(partition) = image.topics.partition_by_id(id, answer.key.partition.into()) else { continue };
        let CurrentLeader { leader_id, leader_epoch, endpoint } = current_leader(&image, partition, listener);
        answer.data.current_leader = LeaderIdAndEpoch { leader_id, leader_epoch };
        if let Some(LeaderEndpoint { node_id, host, port, rack }) = endpoint
            && endpoints.iter().all(|known| known.node_id != node_id)
        {
            endpoints.push(NodeEndpoint { node_id, host, port: i32::from(port), rack });
        }
    }
    endpoints
}

fn finish(written: Result<crate::network::Response, String>) -> Outcome {
    match written {
        Ok(response) => Outcome::Reply(response),
        Err(reason) => Outcome::Close(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_that_a_fetch_names_often_was_read_and_waited_for_as_often() {
        let key = |partition| SessionKey { topic: FetchTopic::Name("t".into()), partition };
        let asked = |fetch_offset| Asked {
            fetch_offset,
            max_bytes: 1,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
        };
        let all = (0..1000).map(|number| (key(number % 2), asked(number.into())));
        assert_eq!(named_once(all), [(key(0), asked(998)), (key(1), asked(999))]);
    }
}
