//! Topics as lists and descriptions.

use std::sync::Arc;

use moldau_client::admin::{ConfigEntry, ConfigResource, ConfigSource};
use moldau_client::{Admin, ClientError, ErrorCode, Topic};
use serde_json::json;

use super::super::report_all;
use crate::args::topic::TopicFilterArgs;
use crate::args::{TopicDescribeArgs, TopicListArgs};
use crate::failure::Failure;
use crate::output::{Table, list as ids, show};

/// A topic with what was asked for of it.
struct Described {
    topic: Arc<Topic>,
    /// The partitions that were asked for, as places in the topic's.
    partitions: Vec<usize>,
    /// Those of the topic itself.
    configs: Vec<(String, String)>,
}

pub(super) async fn list(args: TopicListArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let filter = &args.filter;
    let mut topics = admin.list_topics(filter.internal).await?;
    topics.retain(|topic| filter.matching.as_ref().is_none_or(|pattern| pattern.matches(&topic.name)));
    if filter.with_configs || filter.picks_partitions() {
        let names: Vec<&str> = topics.iter().map(|topic| &*topic.name).collect();
        let (described, failures) = describe_all(&admin, &names, filter).await?;
        report_all(failures)?;
        topics.retain(|topic| described.iter().any(|one| one.topic.name == topic.name));
    }
    show(
        settings.output,
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

pub(super) async fn describe(args: TopicDescribeArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let names: Vec<String> = if !args.topics.is_empty() {
        args.topics.clone()
    } else {
        let internal = args.filter.internal || !args.id.is_empty();
        let all = admin.list_topics(internal).await?;
        if let Some(id) = args.id.iter().find(|id| all.iter().all(|topic| topic.id != **id)) {
            return Err(Failure::said_no(format!(
                "no topic has the id {id}; `moldau topic list -o json` shows those there are"
            )));
        }
        all.into_iter()
            .filter(|topic| args.id.is_empty() || args.id.contains(&topic.id))
            .map(|topic| topic.name.to_string())
            .collect()
    };
    let matches = |name: &&str| args.filter.matching.as_ref().is_none_or(|pattern| pattern.matches(name));
    let names: Vec<&str> = names.iter().map(String::as_str).filter(matches).collect();
    let (described, mut failures) = describe_all(&admin, &names, &args.filter).await?;
    if args.if_exists {
        failures.retain(|result| {
            !matches!(result, Err(error) if error.code() == Some(ErrorCode::UnknownTopicOrPartition))
        });
    }
    if !described.is_empty() || failures.is_empty() {
        show(
            settings.output,
            || described.iter().map(json_of).collect(),
            || described.iter().map(text_of).collect::<Vec<_>>().join("\n"),
        )?;
    }
    report_all(failures).map(|_| ())
}

type Failures = Vec<Result<(), ClientError>>;

/// Describes topics, leaving those out of which nothing was asked for.
async fn describe_all(
    admin: &Admin,
    names: &[&str],
    filter: &TopicFilterArgs,
) -> Result<(Vec<Described>, Failures), Failure> {
    let mut failures = Vec::new();
    let mut topics = Vec::new();
    for found in admin.describe_topics(names).await? {
        match found {
            Ok(topic) => topics.push(topic),
            Err(error) => failures.push(Err(error)),
        }
    }
    let resources: Vec<ConfigResource> =
        topics.iter().map(|topic| ConfigResource::topic(&*topic.name)).collect();
    let mut described = Vec::new();
    for (topic, configs) in
        topics.into_iter().zip(admin.describe_configs_of_each(&resources, None, false).await)
    {
        match configs {
            Ok(entries) => {
                let one = describe_one(topic, entries, filter);
                let picked = !filter.picks_partitions() || !one.partitions.is_empty();
                if picked && (!filter.with_configs || !one.configs.is_empty()) {
                    described.push(one);
                }
            }
            Err(error) => failures.push(Err(error)),
        }
    }
    Ok((described, failures))
}

fn describe_one(topic: Arc<Topic>, entries: Vec<ConfigEntry>, filter: &TopicFilterArgs) -> Described {
    let min_isr = entries
        .iter()
        .find(|entry| entry.name == "min.insync.replicas")
        .and_then(|entry| entry.value.as_deref()?.parse().ok());
    let partitions = topic
        .partitions
        .iter()
        .enumerate()
        .filter(|(_, partition)| filter.picks(partition, min_isr.filter(|_| filter.needs_min_isr())))
        .map(|(at, _)| at)
        .collect();
    let of_topic = |entry: ConfigEntry| {
        (entry.source == ConfigSource::TopicConfig).then(|| (entry.name, entry.value.unwrap_or_default()))
    };
    Described { topic, partitions, configs: entries.into_iter().filter_map(of_topic).collect() }
}

fn json_of(described: &Described) -> serde_json::Value {
    let topic = &described.topic;
    let partition = |at: &usize| {
        let partition = &topic.partitions[*at];
        json!({
            "partition": partition.index,
            "leader": partition.leader,
            "leader_epoch": partition.leader_epoch,
            "replicas": partition.replicas,
            "isr": partition.isr,
            "offline": partition.offline,
        })
    };
    json!({
        "name": &*topic.name,
        "id": topic.id.to_string(),
        "internal": topic.internal,
        "configs": described.configs.iter().map(|(key, value)| (key.clone(), json!(value)))
            .collect::<serde_json::Map<_, _>>(),
        "partitions": described.partitions.iter().map(partition).collect::<Vec<_>>(),
    })
}

fn text_of(described: &Described) -> String {
    let topic = &described.topic;
    let mut text = format!("topic {}  id {}\n", topic.name, topic.id);
    for (key, value) in &described.configs {
        text.push_str(&format!("  {key}={value}\n"));
    }
    let mut table = Table::new(&["PARTITION", "LEADER", "LEADER EPOCH", "REPLICAS", "ISR", "OFFLINE"]);
    for partition in described.partitions.iter().map(|at| &topic.partitions[*at]) {
        let offline = if partition.offline.is_empty() { "-".to_owned() } else { ids(&partition.offline) };
        table.row(vec![
            partition.index.to_string(),
            partition.leader.map_or_else(|| "none".to_owned(), |leader| leader.to_string()),
            partition.leader_epoch.to_string(),
            ids(&partition.replicas),
            ids(&partition.isr),
            offline,
        ]);
    }
    text + &table.text()
}
