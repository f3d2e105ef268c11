//! What a case needs to know of the server that it speaks to, and the words in its answers that stand for what every server names
//! differently.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use moldau_protocol::messages::create_topics_request::CreatableTopic;
use moldau_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use moldau_protocol::messages::metadata_request::MetadataRequestTopic;
use moldau_protocol::messages::{CreateTopicsRequest, ListOffsetsRequest, MetadataRequest};
use moldau_types::Uuid;

use crate::connection::Connection;

/// One server.
pub(crate) struct World {
    pub(crate) connection: Connection,
    pub(crate) address: String,
    /// Texts of this server and the words for them.
    names: BTreeMap<String, String>,
    topic_ids: BTreeMap<String, Uuid>,
}

impl World {
    pub(crate) fn new(address: &str) -> Self {
        let mut names = BTreeMap::new();
        let port = address.rsplit(':').next().unwrap_or_default().to_owned();
        names.insert(address.to_owned(), "ADDRESS".to_owned());
        names.insert(port, "PORT".to_owned());
        World {
            connection: Connection::new(address),
            address: address.to_owned(),
            names,
            topic_ids: BTreeMap::new(),
        }
    }

    /// From now on the other listener of the same server is asked.
    pub(crate) fn turn_to(&mut self, address: &str) {
        self.connection = Connection::new(address);
        self.name(address, "ADDRESS");
        self.name(address.rsplit(':').next().unwrap_or_default(), "PORT");
        address.clone_into(&mut self.address);
    }

    /// Makes a topic and waits until it is led.
    pub(crate) fn topic(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Result<()> {
        use moldau_protocol::messages::create_topics_request::CreatableTopicConfig;
        let configs = configs.iter().map(|(name, value)| CreatableTopicConfig {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
        });
        let topic = CreatableTopic {
            name: name.to_owned(),
            num_partitions: partitions,
            replication_factor: 1,
            configs: configs.collect(),
            ..CreatableTopic::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000, ..Default::default() };
        let created = self.connection.ask(7, &request)?.context("no answer")?;
        anyhow::ensure!(created.topics[0].error_code == 0, "{name}: {:?}", created.topics[0].error_message);
        let wanted = MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() };
        let request = MetadataRequest { topics: Some(vec![wanted]), ..Default::default() };
        for _ in 0..300 {
            let told = self.connection.ask(12, &request)?.context("no answer")?;
            let topic = &told.topics[0];
            let led =
                topic.error_code == 0 && topic.partitions.iter().all(|partition| partition.error_code == 0);
            if led && self.answers_for(name, partitions)? {
                self.topic_ids.insert(name.to_owned(), topic.topic_id);
                self.name(&topic.topic_id.to_string(), &format!("ID-OF-{name}"));
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        anyhow::bail!("{name} has no leader")
    }

    /// Whether the leader knows that it leads: the reference's Metadata says so a moment before.
    fn answers_for(&mut self, name: &str, partitions: i32) -> Result<bool> {
        let latest = |partition_index| ListOffsetsPartition {
            partition_index,
            current_leader_epoch: -1,
            timestamp: -1,
        };
        let topic =
            ListOffsetsTopic { name: name.to_owned(), partitions: (0..partitions).map(latest).collect() };
        let request = ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
        let told = self.connection.ask(7, &request)?.context("no answer")?;
        Ok(told.topics[0].partitions.iter().all(|partition| partition.error_code == 0))
    }

    pub(crate) fn topic_id(&self, name: &str) -> Uuid {
        self.topic_ids.get(name).copied().unwrap_or(Uuid::ZERO)
    }

    /// From now on `text` is called `word` in answers.
    pub(crate) fn name(&mut self, text: &str, word: &str) {
        self.names.insert(text.to_owned(), word.to_owned());
    }

    /// The word for a whole text.
    pub(crate) fn word(&self, text: &str) -> Option<&str> {
        self.names.get(text).map(String::as_str)
    }
}
