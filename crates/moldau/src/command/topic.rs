//! `moldau topic`: make, list, describe, change and delete topics.

use std::sync::Arc;

use moldau_client::admin::{AlterConfigOp, ConfigResource, ConfigSource, NewTopic};
use moldau_client::{Admin, ErrorCode, Topic};
use serde_json::json;

use super::report_all;
use crate::args::{
    TopicAlterArgs, TopicCommand, TopicCreateArgs, TopicDeleteArgs, TopicDescribeArgs, TopicListArgs,
};
use crate::failure::Failure;
use crate::output::{Table, list, say, show};

pub(crate) async fn run(command: TopicCommand) -> Result<(), Failure> {
    match command {
        TopicCommand::Create(args) => create(args).await,
        TopicCommand::List(args) => list_all(args).await,
        TopicCommand::Describe(args) => describe(args).await,
        TopicCommand::Delete(args) => delete(args).await,
        TopicCommand::Alter(args) => alter(args).await,
    }
}

async fn create(args: TopicCreateArgs) -> Result<(), Failure> {
    let admin = args.cluster.admin().await?;
    let topics: Vec<NewTopic> = args
        .topics
        .iter()
        .map(|name| NewTopic {
            name: name.clone(),
            partitions: args.partitions,
            replication_factor: args.replication_factor,
            assignments: Vec::new(),
            configs: args.config.clone(),
        })
        .collect();
    let mut results = Vec::new();
    for (name, result) in args.topics.iter().zip(admin.create_topics(&topics, args.dry_run).await?) {
        match result {
            Ok(_) if args.dry_run => say(&format!("topic {name} can be made"))?,
            Ok(_) => say(&format!("topic {name} made"))?,
            Err(error) if args.if_not_exists && error.code() == Some(ErrorCode::TopicAlreadyExists) => {}
            Err(error) => results.push(Err::<(), _>(error)),
        }
    }
    report_all(results).map(|_| ())
}

async fn list_all(args: TopicListArgs) -> Result<(), Failure> {
    let admin = args.cluster.admin().await?;
    let topics = admin.list_topics(args.internal).await?;
    show(
        args.output.output,
        || {
            topics
                .iter()
                .map(|topic| {
                    json!({
                        "name": &*topic.name,
                        "id": topic.id.to_string(),
                        "internal": topic.internal,
                        "partitions": topic.partitions,
                        "replication_factor": topic.replication_factor,
                    })
                })
                .collect()
        },
        || {
            let mut table = Table::new(&["TOPIC", "PARTITIONS", "REPLICAS"]);
            for topic in &topics {
                table.row(vec![
                    topic.name.to_string(),
                    topic.partitions.to_string(),
                    topic.replication_factor.to_string(),
                ]);
            }
            table.text()
        },
    )
}

struct Described {
    topic: Arc<Topic>,
    configs: Vec<(String, String)>,
}

async fn describe_one(admin: &Admin, topic: Arc<Topic>) -> Result<Described, moldau_client::ClientError> {
    let resource = ConfigResource::topic(&*topic.name);
    let configs = admin
        .describe_configs(&resource, None, false)
        .await?
        .into_iter()
        .filter(|entry| entry.source == ConfigSource::TopicConfig)
        .map(|entry| (entry.name, entry.value.unwrap_or_default()))
        .collect();
    Ok(Described { topic, configs })
}

async fn describe(args: TopicDescribeArgs) -> Result<(), Failure> {
    let admin = args.cluster.admin().await?;
    let names: Vec<String> = if args.topics.is_empty() {
        admin.list_topics(false).await?.into_iter().map(|topic| topic.name.to_string()).collect()
    } else {
        args.topics.clone()
    };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut described = Vec::new();
    let mut failures = Vec::new();
    for found in admin.describe_topics(&names).await? {
        let result = match found {
            Ok(topic) => describe_one(&admin, topic).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(one) => described.push(one),
            Err(error) => failures.push(Err::<(), _>(error)),
        }
    }
    if !described.is_empty() || failures.is_empty() {
        show(
            args.output.output,
            || described.iter().map(json_of).collect(),
            || described.iter().map(text_of).collect::<Vec<_>>().join("\n"),
        )?;
    }
    report_all(failures).map(|_| ())
}

fn json_of(described: &Described) -> serde_json::Value {
    let topic = &described.topic;
    json!({
        "name": &*topic.name,
        "id": topic.id.to_string(),
        "internal": topic.internal,
        "configs": described.configs.iter().map(|(key, value)| (key.clone(), json!(value)))
            .collect::<serde_json::Map<_, _>>(),
        "partitions": topic.partitions.iter().map(|partition| json!({
            "partition": partition.index,
            "leader": partition.leader,
            "leader_epoch": partition.leader_epoch,
            "replicas": partition.replicas,
            "isr": partition.isr,
            "offline": partition.offline,
        })).collect::<Vec<_>>(),
    })
}

fn text_of(described: &Described) -> String {
    let topic = &described.topic;
    let mut text = format!("topic {}  id {}\n", topic.name, topic.id);
    for (key, value) in &described.configs {
        text.push_str(&format!("  {key}={value}\n"));
    }
    let mut table = Table::new(&["PARTITION", "LEADER", "EPOCH", "REPLICAS", "ISR", "OFFLINE"]);
    for partition in &topic.partitions {
        let offline = if partition.offline.is_empty() { "-".to_owned() } else { list(&partition.offline) };
        table.row(vec![
            partition.index.to_string(),
            partition.leader.map_or_else(|| "none".to_owned(), |leader| leader.to_string()),
            partition.leader_epoch.to_string(),
            list(&partition.replicas),
            list(&partition.isr),
            offline,
        ]);
    }
    text + &table.text()
}

async fn delete(args: TopicDeleteArgs) -> Result<(), Failure> {
    let admin = args.cluster.admin().await?;
    let names: Vec<&str> = args.topics.iter().map(String::as_str).collect();
    let mut failures = Vec::new();
    for (name, result) in names.iter().zip(admin.delete_topics(&names).await?) {
        match result {
            Ok(()) => say(&format!("topic {name} deleted"))?,
            Err(error) if args.if_exists && error.code() == Some(ErrorCode::UnknownTopicOrPartition) => {}
            Err(error) => failures.push(Err::<(), _>(error)),
        }
    }
    report_all(failures).map(|_| ())
}

async fn alter(args: TopicAlterArgs) -> Result<(), Failure> {
    if args.partitions.is_none() && args.config.is_empty() && args.delete_config.is_empty() {
        return Err(Failure::usage("nothing to change; use --partitions, --config or --delete-config"));
    }
    let admin = args.cluster.admin().await?;
    let changes: Vec<(String, AlterConfigOp)> = args
        .config
        .iter()
        .map(|(key, value)| (key.clone(), AlterConfigOp::Set(value.clone())))
        .chain(args.delete_config.iter().map(|key| (key.clone(), AlterConfigOp::Delete)))
        .collect();
    if !changes.is_empty() {
        admin.alter_configs(&ConfigResource::topic(&args.topic), &changes, args.dry_run).await?;
    }
    if let Some(count) = args.partitions {
        admin.create_partitions(&args.topic, count, args.dry_run).await?;
    }
    say(&format!("topic {} {}", args.topic, if args.dry_run { "can be changed" } else { "changed" }))
}
