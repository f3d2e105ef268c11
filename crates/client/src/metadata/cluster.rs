//! A snapshot of the cluster as one client sees it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use moldau_protocol::messages::MetadataResponse;
use moldau_protocol::messages::metadata_response::MetadataResponseTopic;
use moldau_types::{ErrorCode, Uuid};

use crate::consumer::TopicPartition;

/// A broker's address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broker {
    /// The node id.
    pub id: i32,
    /// The advertised host.
    pub host: String,
    /// The advertised port.
    pub port: i32,
    /// The rack, where the broker has one.
    pub rack: Option<String>,
}

impl Broker {
    /// `host:port`, with brackets around an IPv6 address.
    pub fn address(&self) -> String {
        if self.host.contains(':') && !self.host.starts_with('[') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// A partition and who leads it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Partition {
    /// The number of the partition.
    pub index: i32,
    /// The leader's node id, `None` while there is none.
    pub leader: Option<i32>,
    /// The leader epoch, −1 where the broker did not say.
    pub leader_epoch: i32,
    /// The replicas' node ids, the preferred leader first.
    pub replicas: Vec<i32>,
    /// The in-sync replicas.
    pub isr: Vec<i32>,
    /// Replicas whose log directory or broker is offline.
    pub offline: Vec<i32>,
    /// What keeps the partition from being used.
    pub error: ErrorCode,
}

impl Partition {
    /// A partition without leader and replicas, for the tests of what takes partitions.
    pub fn new(index: i32) -> Self {
        Self {
            index,
            leader: None,
            leader_epoch: -1,
            replicas: Vec::new(),
            isr: Vec::new(),
            offline: Vec::new(),
            error: ErrorCode::None,
        }
    }
}

/// A topic with its partitions, ordered by their number.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Topic {
    /// The name.
    pub name: Arc<str>,
    /// The topic id, zero where the broker did not say.
    pub id: Uuid,
    /// Whether it belongs to the cluster itself.
    pub internal: bool,
    /// Its partitions.
    pub partitions: Vec<Partition>,
    /// What keeps the topic from being used.
    pub error: ErrorCode,
}

impl Topic {
    /// The partition with this number.
    pub fn partition(&self, index: i32) -> Option<&Partition> {
        usize::try_from(index)
            .ok()
            .and_then(|at| self.partitions.get(at))
            .filter(|partition| partition.index == index)
    }

    /// Its partitions with the topic's name.
    pub fn topic_partitions(&self) -> impl Iterator<Item = TopicPartition> + '_ {
        self.partitions.iter().map(|partition| TopicPartition::new(self.name.clone(), partition.index))
    }

    /// The partitions that have a leader.
    pub fn available(&self) -> Vec<i32> {
        self.partitions
            .iter()
            .filter(|partition| partition.leader.is_some())
            .map(|partition| partition.index)
            .collect()
    }
}

/// A snapshot of the cluster.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Cluster {
    /// The cluster's id.
    pub id: Option<String>,
    /// The node that takes administrative requests, `None` while unknown.
    pub controller: Option<i32>,
    /// The live brokers.
    pub brokers: BTreeMap<i32, Broker>,
    /// The topics that were asked for, those with errors too.
    pub topics: HashMap<Arc<str>, Arc<Topic>>,
    names_by_id: HashMap<Uuid, Arc<str>>,
}

impl Cluster {
    /// A topic by its name.
    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.topics.get(name)
    }

    /// The name of a topic id.
    pub fn name_of(&self, id: Uuid) -> Option<&Arc<str>> {
        self.names_by_id.get(&id)
    }

    /// The leader of a partition, with its leader epoch.
    pub fn leader(&self, topic: &str, partition: i32) -> Option<(&Broker, i32)> {
        let partition = self.topic(topic)?.partition(partition)?;
        Some((self.brokers.get(&partition.leader?)?, partition.leader_epoch))
    }

    /// This snapshot with an answer worked in. With `whole` the answer speaks of all topics, so others are forgotten.
    pub(crate) fn merged(&self, response: MetadataResponse, whole: bool) -> Self {
        let brokers = response
            .brokers
            .into_iter()
            .map(|broker| {
                let id = broker.node_id;
                (id, Broker { id, host: broker.host, port: broker.port, rack: broker.rack })
            })
            .collect();
        let mut topics = if whole { HashMap::new() } else { self.topics.clone() };
        for answer in response.topics {
            let Some(name) = answer.name.clone() else { continue };
            let known = self.topics.get(name.as_str());
            let topic = topic_of(answer, known.map(|known| &**known));
            topics.insert(topic.name.clone(), Arc::new(topic));
        }
        let names_by_id = topics
            .values()
            .filter(|topic| !topic.id.is_zero())
            .map(|topic| (topic.id, topic.name.clone()))
            .collect();
        Self {
            id: response.cluster_id,
            controller: (response.controller_id >= 0).then_some(response.controller_id),
            brokers,
            topics,
            names_by_id,
        }
    }

    /// This snapshot without its brokers.
    pub(super) fn without_brokers(&self) -> Self {
        Self { brokers: BTreeMap::new(), controller: None, ..self.clone() }
    }

    #[cfg(all(test, feature = "regex"))]
    pub(crate) fn of_answer_for_test(response: MetadataResponse) -> Self {
        Self::default().merged(response, true)
    }

    /// This snapshot without a topic.
    pub(super) fn without(&self, name: &str) -> Self {
        let mut next = self.clone();
        if let Some(topic) = next.topics.remove(name) {
            next.names_by_id.remove(&topic.id);
        }
        next
    }
}

fn topic_of(answer: MetadataResponseTopic, known: Option<&Topic>) -> Topic {
    let name: Arc<str> = match known {
        Some(known) => known.name.clone(),
        None => answer.name.unwrap_or_default().into(),
    };
    let same_topic = known.filter(|known| known.id == answer.topic_id);
    let mut partitions: Vec<Partition> = answer
        .partitions
        .into_iter()
        .map(|partition| Partition {
            index: partition.partition_index,
            leader: (partition.leader_id >= 0).then_some(partition.leader_id),
            leader_epoch: partition.leader_epoch,
            replicas: partition.replica_nodes,
            isr: partition.isr_nodes,
            offline: partition.offline_replicas,
            error: ErrorCode::from_code(partition.error_code),
        })
        .map(|partition| match same_topic.and_then(|topic| topic.partition(partition.index)) {
            Some(newer) if partition.leader_epoch >= 0 && newer.leader_epoch > partition.leader_epoch => {
                newer.clone()
            }
            _ => partition,
        })
        .collect();
    partitions.sort_by_key(|partition| partition.index);
    Topic {
        name,
        id: answer.topic_id,
        internal: answer.is_internal,
        partitions,
        error: ErrorCode::from_code(answer.error_code),
    }
}

#[cfg(test)]
mod tests {
    use moldau_protocol::messages::metadata_response::MetadataResponsePartition;

    use super::*;

    fn answer(topic: &str, leader: i32, epoch: i32) -> MetadataResponse {
        MetadataResponse {
            controller_id: 1,
            topics: vec![MetadataResponseTopic {
                name: Some(topic.to_owned()),
                topic_id: Uuid([7; 16]),
                partitions: vec![MetadataResponsePartition {
                    partition_index: 0,
                    leader_id: leader,
                    leader_epoch: epoch,
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn an_older_leader_epoch_does_not_replace_a_newer_one() {
        let cluster = Cluster::default().merged(answer("a", 1, 5), false).merged(answer("a", 2, 4), false);
        assert_eq!(cluster.topic("a").expect("known").partitions[0].leader, Some(1));
        let cluster = cluster.merged(answer("a", 3, 6), false);
        assert_eq!(cluster.topic("a").expect("known").partitions[0].leader, Some(3));
    }

    #[test]
    fn topics_that_were_not_asked_for_are_kept_unless_the_answer_is_whole() {
        let cluster = Cluster::default().merged(answer("a", 1, 5), false).merged(answer("b", 1, 5), false);
        assert!(cluster.topic("a").is_some() && cluster.topic("b").is_some());
        let cluster = cluster.merged(answer("b", 1, 5), true);
        assert!(cluster.topic("a").is_none() && cluster.topic("b").is_some());
        assert!(cluster.without("b").name_of(Uuid([7; 16])).is_none());
    }

    #[test]
    fn ipv6_hosts_are_bracketed() {
        let broker = Broker { id: 1, host: "::1".to_owned(), port: 9092, rack: None };
        assert_eq!(broker.address(), "[::1]:9092");
    }
}
