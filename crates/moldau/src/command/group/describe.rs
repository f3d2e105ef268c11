//! Groups with their offsets, members or states.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use moldau_client::admin::GroupDescription;
use moldau_client::{
    Admin, ClientError, ErrorCode, IsolationLevel, OffsetAndMetadata, OffsetSpec, TopicPartition,
};
use serde_json::json;

use super::super::report_all;
use crate::args::GroupDescribeArgs;
use crate::failure::Failure;
use crate::output::{Table, show};
use crate::stderr::complain;

/// Where a group stands in one partition.
struct Standing {
    partition: TopicPartition,
    committed: Option<i64>,
    /// What the committer wrote beside the offset.
    metadata: Option<String>,
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

/// Groups that are asked for at the same time.
const AT_ONCE: usize = 64;

type Offsets = BTreeMap<TopicPartition, OffsetAndMetadata>;

/// Describes a group that is there: one that is dead and has no offsets is not.
pub(super) async fn describe_existing(
    admin: &Admin,
    id: &str,
) -> Result<(GroupDescription, Offsets), ClientError> {
    let group = describe_any(admin, id).await?;
    let offsets = admin.group_offsets(id).await?;
    if group.state == "Dead" && offsets.is_empty() {
        return Err(ClientError::server(format!("group {id}"), ErrorCode::GroupIdNotFound, None));
    }
    Ok((group, offsets))
}

/// As [`describe_existing`] for several groups, in their order, many at a time.
pub(super) async fn describe_existing_of_each(
    admin: &Admin,
    ids: &[String],
) -> Vec<Result<(GroupDescription, Offsets), ClientError>> {
    stream::iter(ids).map(|id| describe_existing(admin, id)).buffered(AT_ONCE).collect().await
}

/// Describes a group; of one that is not of the classic protocol only what a list of groups says.
pub(super) async fn describe_any(admin: &Admin, id: &str) -> Result<GroupDescription, ClientError> {
    let error = match admin.describe_group(id).await {
        Err(error) if error.code() == Some(ErrorCode::GroupIdNotFound) => error,
        result => return result,
    };
    let listed = admin.list_groups().await?.into_iter().find(|group| group.id == id).ok_or(error)?;
    let kind = listed.kind.as_deref().unwrap_or("unknown");
    complain(format_args!("group {id} is of the type {kind}: its members can't be described yet"));
    let mut group = GroupDescription::default();
    group.id = listed.id;
    group.state = listed.state.unwrap_or_default();
    group.protocol_type = listed.protocol_type;
    group.coordinator = -1;
    Ok(group)
}

/// The partitions of a group: those with a committed offset and those that a member has.
fn partitions_of(group: &GroupDescription, offsets: &Offsets) -> BTreeSet<TopicPartition> {
    let assigned = group.members.iter().flat_map(|member| &member.assignment);
    offsets.keys().chain(assigned).cloned().collect()
}

fn with_standings(
    (group, offsets): (GroupDescription, Offsets),
    ends: &BTreeMap<TopicPartition, i64>,
) -> Described {
    let owners: BTreeMap<&TopicPartition, usize> = group
        .members
        .iter()
        .enumerate()
        .flat_map(|(at, member)| member.assignment.iter().map(move |partition| (partition, at)))
        .collect();
    let standings = partitions_of(&group, &offsets)
        .into_iter()
        .map(|partition| {
            let member = owners.get(&partition).map(|at| &group.members[*at]);
            let committed = offsets.get(&partition);
            Standing {
                committed: committed.map(|committed| committed.offset),
                metadata: committed
                    .map(|committed| committed.metadata.clone())
                    .filter(|text| !text.is_empty()),
                end: ends.get(&partition).copied(),
                member: member.map(|member| member.id.clone()),
                client_id: member.map(|member| member.client_id.clone()),
                host: member.map(|member| member.client_host.clone()),
                partition,
            }
        })
        .collect();
    Described { group, standings }
}

/// The ends of partitions; a topic that is gone has committed offsets but no end.
async fn ends_of(
    admin: &Admin,
    partitions: &BTreeSet<TopicPartition>,
) -> Result<BTreeMap<TopicPartition, i64>, ClientError> {
    let names: BTreeSet<&str> = partitions.iter().map(|partition| &*partition.topic).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let topics = admin.describe_topics(&names).await?;
    let has_leader = |partition: &TopicPartition| {
        topics.iter().flatten().filter(|topic| topic.name == partition.topic).any(|topic| {
            topic.partition(partition.partition).is_some_and(|partition| partition.leader.is_some())
        })
    };
    let wanted = partitions
        .iter()
        .filter(|partition| has_leader(partition))
        .map(|partition| (partition.clone(), OffsetSpec::Latest));
    let found = admin.list_offsets(wanted, IsolationLevel::ReadUncommitted).await?;
    Ok(found.into_iter().filter_map(|(partition, found)| Some((partition, found?.offset))).collect())
}

pub(super) async fn describe(args: GroupDescribeArgs) -> Result<(), Failure> {
    let settings = args.cluster.administers()?;
    let admin = settings.admin().await?;
    let mut found = Vec::new();
    let mut failures = Vec::new();
    let ids = args.groups.ids(&admin).await?;
    for result in describe_existing_of_each(&admin, &ids).await {
        match result {
            Ok(one) => found.push(one),
            Err(error) => failures.push(Err::<(), _>(error)),
        }
    }
    let partitions = found.iter().flat_map(|(group, offsets)| partitions_of(group, offsets)).collect();
    let ends = ends_of(&admin, &partitions).await?;
    let described: Vec<Described> = found.into_iter().map(|one| with_standings(one, &ends)).collect();
    if !described.is_empty() || ids.is_empty() {
        show(
            settings.output,
            || described.iter().map(json_of).collect(),
            || {
                if args.state {
                    return states_of(&described);
                }
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
        "coordinator": coordinator(group),
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
            "metadata": standing.metadata,
            "end": standing.end,
            "lag": standing.lag(),
            "member": standing.member,
        })).collect::<Vec<_>>(),
    })
}

fn coordinator(group: &GroupDescription) -> Option<i32> {
    (group.coordinator >= 0).then_some(group.coordinator)
}

fn head(group: &GroupDescription) -> String {
    let coordinator = coordinator(group).map_or_else(|| "unknown".to_owned(), |node| node.to_string());
    format!("group {}  {}  coordinator {coordinator}\n", group.id, group.state)
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
    let mut table = Table::new(&["MEMBER", "INSTANCE", "CLIENT", "HOST", "COUNT", "PARTITIONS"]);
    for member in &described.group.members {
        let partitions: Vec<String> = member.assignment.iter().map(ToString::to_string).collect();
        table.row(vec![
            member.id.clone(),
            member.instance_id.clone().unwrap_or_else(|| "-".to_owned()),
            member.client_id.clone(),
            member.client_host.clone(),
            partitions.len().to_string(),
            partitions.join(" "),
        ]);
    }
    head(&described.group) + &table.text()
}

fn states_of(described: &[Described]) -> String {
    let mut table = Table::new(&["GROUP", "STATE", "COORDINATOR", "ASSIGNOR", "MEMBERS"]);
    for Described { group, .. } in described {
        let assignor = if group.protocol.is_empty() { "-" } else { &group.protocol };
        table.row(vec![
            group.id.clone(),
            group.state.clone(),
            coordinator(group).map_or_else(|| "-".to_owned(), |node| node.to_string()),
            assignor.to_owned(),
            group.members.len().to_string(),
        ]);
    }
    table.text()
}
