//! `moldau group`: consumer groups, their members, offsets and lag.

use std::collections::{BTreeMap, BTreeSet};

use moldau_client::admin::GroupDescription;
use moldau_client::{Admin, ClientError, ErrorCode, IsolationLevel, OffsetSpec, TopicPartition};
use serde_json::json;

use super::report_all;
use crate::args::{GroupCommand, GroupDescribeArgs, GroupListArgs};
use crate::failure::Failure;
use crate::output::{Table, show};

pub(crate) async fn run(command: GroupCommand) -> Result<(), Failure> {
    match command {
        GroupCommand::List(args) => list(args).await,
        GroupCommand::Describe(args) => describe(args).await,
    }
}

async fn list(args: GroupListArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let groups = admin.list_groups().await?;
    show(
        settings.output,
        || {
            groups
                .iter()
                .map(|group| {
                    json!({
                        "group": group.id,
                        "type": group.kind,
                        "protocol_type": group.protocol_type,
                        "state": group.state,
                    })
                })
                .collect()
        },
        || {
            let mut table = Table::new(&["GROUP", "TYPE", "STATE"]);
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            for group in &groups {
                table.row(vec![group.id.clone(), text(&group.kind), text(&group.state)]);
            }
            table.text()
        },
    )
}

/// Where a group stands in one partition.
struct Standing {
    partition: TopicPartition,
    committed: Option<i64>,
    end: Option<i64>,
    member: Option<String>,
    client_id: Option<String>,
    host: Option<String>,
}

impl Standing {
    fn lag(&self) -> Option<i64> {
        Some((self.end? - self.committed?).max(0))
    }
}

struct Described {
    group: GroupDescription,
    standings: Vec<Standing>,
}

async fn describe_one(admin: &Admin, name: &str) -> Result<Described, ClientError> {
    let group = admin.describe_group(name).await?;
    let offsets = admin.group_offsets(name).await?;
    if group.state == "Dead" && offsets.is_empty() {
        return Err(ClientError::server(format!("group {name}"), ErrorCode::GroupIdNotFound, None));
    }
    let owners: BTreeMap<&TopicPartition, usize> = group
        .members
        .iter()
        .enumerate()
        .flat_map(|(at, member)| member.assignment.iter().map(move |partition| (partition, at)))
        .collect();
    let partitions: BTreeSet<TopicPartition> =
        offsets.keys().chain(owners.keys().copied()).cloned().collect();
    let mut ends = BTreeMap::new();
    for partition in &partitions {
        // A topic that is gone has committed offsets but no end.
        if let Ok(found) = end_of(admin, partition).await {
            ends.insert(partition.clone(), found);
        }
    }
    let standings = partitions
        .into_iter()
        .map(|partition| {
            let member = owners.get(&partition).map(|at| &group.members[*at]);
            Standing {
                committed: offsets.get(&partition).map(|offset| offset.offset),
                end: ends.get(&partition).copied(),
                member: member.map(|member| member.id.clone()),
                client_id: member.map(|member| member.client_id.clone()),
                host: member.map(|member| member.client_host.clone()),
                partition,
            }
        })
        .collect();
    Ok(Described { group, standings })
}

async fn end_of(admin: &Admin, partition: &TopicPartition) -> Result<i64, ClientError> {
    for topic in admin.describe_topics(&[&partition.topic]).await? {
        topic?;
    }
    let wanted = [(partition.clone(), OffsetSpec::Latest)];
    let found = admin.list_offsets(wanted, IsolationLevel::ReadUncommitted).await?;
    Ok(found.into_values().flatten().next().map_or(0, |found| found.offset))
}

async fn describe(args: GroupDescribeArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let mut described = Vec::new();
    let mut failures = Vec::new();
    for name in &args.groups {
        match describe_one(&admin, name).await {
            Ok(one) => described.push(one),
            Err(error) => failures.push(Err::<(), _>(error)),
        }
    }
    if !described.is_empty() {
        show(
            settings.output,
            || described.iter().map(json_of).collect(),
            || {
                let text = if args.members { members_of } else { offsets_of };
                described.iter().map(text).collect::<Vec<_>>().join("\n")
            },
        )?;
    }
    report_all(failures).map(|_| ())
}

fn json_of(described: &Described) -> serde_json::Value {
    let group = &described.group;
    json!({
        "group": group.id,
        "state": group.state,
        "protocol_type": group.protocol_type,
        "assignor": group.protocol,
        "coordinator": group.coordinator,
        "members": group.members.iter().map(|member| json!({
            "member": member.id,
            "instance": member.instance_id,
            "client_id": member.client_id,
            "host": member.client_host,
            "topics": member.topics,
            "assignment": member.assignment.iter().map(|partition| json!({
                "topic": &*partition.topic, "partition": partition.partition,
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "offsets": described.standings.iter().map(|standing| json!({
            "topic": &*standing.partition.topic,
            "partition": standing.partition.partition,
            "committed": standing.committed,
            "end": standing.end,
            "lag": standing.lag(),
            "member": standing.member,
        })).collect::<Vec<_>>(),
    })
}

fn head(group: &GroupDescription) -> String {
    format!("group {}  {}  coordinator {}\n", group.id, group.state, group.coordinator)
}

fn offsets_of(described: &Described) -> String {
    let number = |value: Option<i64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let mut table =
        Table::new(&["TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "MEMBER", "CLIENT", "HOST"]);
    for standing in &described.standings {
        table.row(vec![
            standing.partition.topic.to_string(),
            standing.partition.partition.to_string(),
            number(standing.committed),
            number(standing.end),
            number(standing.lag()),
            text(&standing.member),
            text(&standing.client_id),
            text(&standing.host),
        ]);
    }
    head(&described.group) + &table.text()
}

fn members_of(described: &Described) -> String {
    let mut table = Table::new(&["MEMBER", "INSTANCE", "CLIENT", "HOST", "PARTITIONS"]);
    for member in &described.group.members {
        let partitions: Vec<String> = member.assignment.iter().map(ToString::to_string).collect();
        table.row(vec![
            member.id.clone(),
            member.instance_id.clone().unwrap_or_else(|| "-".to_owned()),
            member.client_id.clone(),
            member.client_host.clone(),
            partitions.join(" "),
        ]);
    }
    head(&described.group) + &table.text()
}
