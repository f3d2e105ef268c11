//! The producers that a partition's leader remembers (KIP-664).

use std::collections::BTreeMap;

use moldau_protocol::messages::DescribeProducersRequest;
use moldau_protocol::messages::describe_producers_request::TopicRequest;

use super::Admin;
use super::leaders::{at_leaders, by_topic};
use crate::consumer::TopicPartition;
use crate::error::{ClientError, Result};
use crate::net::{Connection, Lane};

/// What a broker remembers of an idempotent producer in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProducerState {
    /// The producer id.
    pub producer_id: i64,
    /// The producer epoch.
    pub producer_epoch: i32,
    /// The sequence number of its last record, −1 without one.
    pub last_sequence: i32,
    /// The timestamp of its last record in milliseconds since 1970 (UTC), −1 without one.
    pub last_timestamp: i64,
    /// The epoch of the transaction coordinator that wrote its last marker.
    pub coordinator_epoch: Option<i32>,
    /// The first offset of its open transaction.
    pub current_transaction_start_offset: Option<i64>,
}

impl Admin {
    /// The active producers of each partition, asked of its leader, or of `broker` where one is named.
    pub async fn describe_producers(
        &self,
        partitions: &[TopicPartition],
        broker: Option<i32>,
    ) -> Result<BTreeMap<TopicPartition, Result<Vec<ProducerState>>>> {
        if let Some(broker) = broker {
            self.core.fresh().await?;
            let connection = self.core.node(broker, Lane::Main).await?;
            return Ok(ask(connection, partitions.to_vec()).await?.into_iter().collect());
        }
        at_leaders(&self.core, partitions.iter().cloned(), ask).await
    }
}

async fn ask(
    connection: Connection,
    partitions: Vec<TopicPartition>,
) -> Result<Vec<(TopicPartition, Result<Vec<ProducerState>>)>> {
    let topic = |(name, partition_indexes): (&str, Vec<i32>)| TopicRequest {
        name: name.to_owned(),
        partition_indexes,
    };
    let request = DescribeProducersRequest { topics: by_topic(&partitions).into_iter().map(topic).collect() };
    let mut answers = Vec::new();
    for topic in connection.request(&request).await?.topics {
        for answer in topic.partitions {
            let partition = TopicPartition::new(topic.name.as_str(), answer.partition_index);
            let checked =
                ClientError::check(answer.error_code, || partition.to_string(), answer.error_message);
            let producers = answer.active_producers.into_iter().map(|state| ProducerState {
                producer_id: state.producer_id,
                producer_epoch: state.producer_epoch,
                last_sequence: state.last_sequence,
                last_timestamp: state.last_timestamp,
                coordinator_epoch: (state.coordinator_epoch >= 0).then_some(state.coordinator_epoch),
                current_transaction_start_offset: (state.current_txn_start_offset >= 0)
                    .then_some(state.current_txn_start_offset),
            });
            answers.push((partition, checked.map(|()| producers.collect())));
        }
    }
    Ok(answers)
}
