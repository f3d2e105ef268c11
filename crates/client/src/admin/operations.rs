//! What the asker may do with a topic, a group or the cluster (KIP-430).

use std::collections::BTreeSet;
use std::fmt;

use futures_util::future::join_all;
use moldau_protocol::messages::metadata_request::MetadataRequestTopic;
use moldau_protocol::messages::{DescribeClusterRequest, DescribeGroupsRequest, MetadataRequest};

use super::Admin;
use super::topics::take;
use crate::consumer::lookup::at_coordinator;
use crate::error::{ClientError, Result};

/// Something that can be allowed or denied, with Kafka's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AclOperation {
    /// Reading records, and joining a group.
    Read = 3,
    /// Writing records.
    Write = 4,
    /// Making topics.
    Create = 5,
    /// Deleting a topic or a group.
    Delete = 6,
    /// Changing a topic, or the cluster's access rules.
    Alter = 7,
    /// Seeing what there is.
    Describe = 8,
    /// What brokers ask of each other.
    ClusterAction = 9,
    /// Seeing configs.
    DescribeConfigs = 10,
    /// Changing configs.
    AlterConfigs = 11,
    /// Writing with an idempotent producer; since Kafka 3.0 every writer may.
    IdempotentWrite = 12,
    /// Making delegation tokens.
    CreateTokens = 13,
    /// Seeing delegation tokens.
    DescribeTokens = 14,
    /// Transactions whose end another system decides (KIP-939).
    TwoPhaseCommit = 15,
}

impl AclOperation {
    const ALL: [AclOperation; 13] = [
        AclOperation::Read,
        AclOperation::Write,
        AclOperation::Create,
        AclOperation::Delete,
        AclOperation::Alter,
        AclOperation::Describe,
        AclOperation::ClusterAction,
        AclOperation::DescribeConfigs,
        AclOperation::AlterConfigs,
        AclOperation::IdempotentWrite,
        AclOperation::CreateTokens,
        AclOperation::DescribeTokens,
        AclOperation::TwoPhaseCommit,
    ];

    /// Kafka's name.
    pub fn name(self) -> &'static str {
        match self {
            AclOperation::Read => "READ",
            AclOperation::Write => "WRITE",
            AclOperation::Create => "CREATE",
            AclOperation::Delete => "DELETE",
            AclOperation::Alter => "ALTER",
            AclOperation::Describe => "DESCRIBE",
            AclOperation::ClusterAction => "CLUSTER_ACTION",
            AclOperation::DescribeConfigs => "DESCRIBE_CONFIGS",
            AclOperation::AlterConfigs => "ALTER_CONFIGS",
            AclOperation::IdempotentWrite => "IDEMPOTENT_WRITE",
            AclOperation::CreateTokens => "CREATE_TOKENS",
            AclOperation::DescribeTokens => "DESCRIBE_TOKENS",
            AclOperation::TwoPhaseCommit => "TWO_PHASE_COMMIT",
        }
    }

    /// Those whose bits are set; later ones that are not known here are passed over.
    fn of_bits(bits: i32) -> BTreeSet<AclOperation> {
        Self::ALL.into_iter().filter(|operation| bits & (1 << *operation as u32) != 0).collect()
    }
}

impl fmt::Display for AclOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Admin {
    /// What the asker may do with topics, with a result for each in the order they were asked for. Needs a broker of 2.3
    /// or later.
    pub async fn topic_operations(&self, names: &[&str]) -> Result<Vec<Result<BTreeSet<AclOperation>>>> {
        let versions = 8..=13;
        let topic =
            |name: &&str| MetadataRequestTopic { name: Some((*name).to_owned()), ..Default::default() };
        let request = &MetadataRequest {
            topics: Some(names.iter().map(topic).collect()),
            allow_auto_topic_creation: false,
            include_topic_authorized_operations: true,
            ..MetadataRequest::default()
        };
        let answer = self.retried(|| async {
            let connection = self.core.any().await?;
            let version =
                connection.version_between::<MetadataRequest>(*versions.start(), *versions.end())?;
            connection.start(version, request)?.answer().await
        });
        let mut topics = answer.await?.topics;
        let operations = |name: &&str| {
            let what = || format!("topic {name}");
            let topic = take(&mut topics, |topic| topic.name.as_deref() == Some(*name), what)?;
            ClientError::check(topic.error_code, what, None)?;
            Ok(AclOperation::of_bits(topic.topic_authorized_operations))
        };
        Ok(names.iter().map(operations).collect())
    }

    /// What the asker may do with groups, with a result for each in the order they were asked for. Needs a broker of 2.3
    /// or later.
    pub async fn group_operations(&self, groups: &[&str]) -> Result<Vec<Result<BTreeSet<AclOperation>>>> {
        let versions = 3..=6;
        let ask = |group: &str| {
            let (group, versions) = (group.to_owned(), versions.clone());
            async move {
                at_coordinator(&self.core, &group, |connection| {
                    let (group, versions) = (&group, &versions);
                    async move {
                        let request = DescribeGroupsRequest {
                            groups: vec![group.clone()],
                            include_authorized_operations: true,
                        };
                        let version = connection
                            .version_between::<DescribeGroupsRequest>(*versions.start(), *versions.end())?;
                        let mut response = connection.start(version, &request)?.answer().await?;
                        let what = || format!("group {group}");
                        let answer = take(&mut response.groups, |answer| answer.group_id == *group, what)?;
                        ClientError::check(answer.error_code, what, answer.error_message)?;
                        Ok(AclOperation::of_bits(answer.authorized_operations))
                    }
                })
                .await
            }
        };
        Ok(join_all(groups.iter().map(|group| ask(group))).await)
    }

    /// What the asker may do with the cluster. Needs a broker of 2.8 or later.
    pub async fn cluster_operations(&self) -> Result<BTreeSet<AclOperation>> {
        let request =
            DescribeClusterRequest { include_cluster_authorized_operations: true, ..Default::default() };
        let (_, response) = self.cluster(0, 1, &request).await?;
        Ok(AclOperation::of_bits(response.cluster_authorized_operations))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_operations_by_kafkas_numbers() {
        let of_topics = AclOperation::of_bits(3576);
        let names: Vec<&str> = of_topics.iter().map(|operation| operation.name()).collect();
        assert_eq!(
            names,
            ["READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"]
        );
        assert!(AclOperation::of_bits(i32::MIN).is_empty(), "it was not asked for");
    }
}
