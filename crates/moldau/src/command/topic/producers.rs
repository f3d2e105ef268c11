//! `moldau topic producers`: what partitions remember of idempotent producers.

use moldau_client::TopicPartition;
use moldau_client::admin::ProducerState;
use serde_json::json;

use crate::args::TopicProducersArgs;
use crate::command::report_all;
use crate::command::selection::partitions;
use crate::failure::Failure;
use crate::output::{Table, show};

pub(super) async fn producers(args: TopicProducersArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let partitions = partitions(&admin, &args.topics).await?;
    let mut rows = Vec::new();
    let mut failures = Vec::new();
    for (partition, result) in admin.describe_producers(&partitions, args.broker).await? {
        match result {
            Ok(producers) => {
                rows.extend(producers.into_iter().map(|producer| (partition.clone(), producer)));
            }
            Err(error) => failures.push(Err::<(), _>(error)),
        }
    }
    show(settings.output, || rows.iter().map(json_of).collect(), || text_of(&rows))?;
    report_all(failures).map(|_| ())
}

/// The time of a producer's last record, where there was one.
fn last_timestamp(producer: &ProducerState) -> Option<i64> {
    (producer.last_timestamp >= 0).then_some(producer.last_timestamp)
}

fn json_of((partition, producer): &(TopicPartition, ProducerState)) -> serde_json::Value {
    json!({
        "topic": &*partition.topic,
        "partition": partition.partition,
        "producer_id": producer.producer_id,
        "producer_epoch": producer.producer_epoch,
        "last_sequence": producer.last_sequence,
        "last_timestamp": last_timestamp(producer),
        "coordinator_epoch": producer.coordinator_epoch,
        "current_transaction_start_offset": producer.current_transaction_start_offset,
    })
}

fn text_of(rows: &[(TopicPartition, ProducerState)]) -> String {
    let mut table = Table::new(&[
        "TOPIC",
        "PARTITION",
        "PRODUCER ID",
        "PRODUCER EPOCH",
        "LAST SEQUENCE",
        "LAST RECORD",
        "COORDINATOR EPOCH",
        "TRANSACTION START",
    ]);
    let dash = || "-".to_owned();
    for (partition, producer) in rows {
        table.row(vec![
            partition.topic.to_string(),
            partition.partition.to_string(),
            producer.producer_id.to_string(),
            producer.producer_epoch.to_string(),
            producer.last_sequence.to_string(),
            last_timestamp(producer).map_or_else(dash, crate::time::to_iso),
            producer.coordinator_epoch.map_or_else(dash, |coordinator_epoch| coordinator_epoch.to_string()),
            producer.current_transaction_start_offset.map_or_else(dash, |offset| offset.to_string()),
        ]);
    }
    table.text()
}
