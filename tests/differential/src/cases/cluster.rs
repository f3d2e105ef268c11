//! The cluster: versions, brokers, coordinators, producer ids, log directories, leaders.

use anyhow::Result;
use moldau_protocol::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use moldau_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use moldau_protocol::messages::describe_producers_request::TopicRequest as DescribedProducers;
use moldau_protocol::messages::elect_leaders_request::TopicPartitions;
use moldau_protocol::messages::*;

use super::Run;

pub(super) fn run(run: &mut Run) -> Result<()> {
    run.world.topic("cluster", 2, &[])?;
    run.each("a client with a name", |version, _| match version {
        3.. => ApiVersionsRequest {
            client_software_name: "differential".to_owned(),
            client_software_version: "1".to_owned(),
        },
        _ => ApiVersionsRequest::default(),
    })?;
    run.each("a client whose name is refused", |_, _| ApiVersionsRequest {
        client_software_name: "no spaces allowed".to_owned(),
        client_software_version: "1".to_owned(),
    })?;
    run.each("brokers", |_, _| DescribeClusterRequest::default())?;
    run.each("controllers, of a broker", |_, _| DescribeClusterRequest {
        endpoint_type: 2,
        ..Default::default()
    })?;
    run.each("an endpoint type that is not there", |_, _| DescribeClusterRequest {
        endpoint_type: 9,
        ..Default::default()
    })?;
    coordinators(run)?;
    run.each("an idempotent producer", |_, _| InitProducerIdRequest {
        transaction_timeout_ms: 60_000,
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    })?;
    run.each("an empty transactional id", |_, _| InitProducerIdRequest {
        transactional_id: Some(String::new()),
        transaction_timeout_ms: 60_000,
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    })?;
    log_dirs(run)?;
    elections(run)?;
    producers(run)
}

fn coordinators(run: &mut Run) -> Result<()> {
    for (title, key, kind) in
        [("a share group without its parts", "g", 2), ("a kind that is not there", "g", 9)]
    {
        run.each(title, |version, _| match version {
            ..4 => FindCoordinatorRequest { key: key.to_owned(), key_type: kind, ..Default::default() },
            _ => FindCoordinatorRequest {
                key_type: kind,
                coordinator_keys: vec![key.to_owned()],
                ..Default::default()
            },
        })?;
    }
    Ok(())
}

fn log_dirs(run: &mut Run) -> Result<()> {
    let topic = |name: &str, partitions: &[i32]| DescribableLogDirTopic {
        topic: name.to_owned(),
        partitions: partitions.to_vec(),
    };
    run.each("partitions of a topic", |_, _| DescribeLogDirsRequest {
        topics: Some(vec![topic("cluster", &[0, 1, 9]), topic("nothing", &[0])]),
    })?;
    run.each("no topics", |_, _| DescribeLogDirsRequest { topics: Some(Vec::new()) })?;
    for (title, path) in
        [("a directory that is not there", "/nowhere/at/all"), ("a relative path", "relative")]
    {
        run.each(title, |_, _| AlterReplicaLogDirsRequest {
            dirs: vec![AlterReplicaLogDir {
                path: path.to_owned(),
                topics: vec![AlterReplicaLogDirTopic { name: "cluster".to_owned(), partitions: vec![0, 9] }],
            }],
        })?;
    }
    Ok(())
}

pub(super) fn elections(run: &mut Run) -> Result<()> {
    let partitions = |topic: &str, partitions: &[i32]| TopicPartitions {
        topic: topic.to_owned(),
        partitions: partitions.to_vec(),
    };
    for (title, kind) in [("preferred", 0), ("unclean", 1), ("a kind that is not there", 7)] {
        run.each(&format!("{title}: a topic, a partition and a topic that are not there"), |_, _| {
            ElectLeadersRequest {
                election_type: kind,
                topic_partitions: Some(vec![partitions("cluster", &[0, 9]), partitions("nothing", &[0])]),
                timeout_ms: 10_000,
            }
        })?;
    }
    Ok(())
}

fn producers(run: &mut Run) -> Result<()> {
    run.each("producers of partitions, some not there", |_, _| DescribeProducersRequest {
        topics: vec![
            DescribedProducers { name: "cluster".to_owned(), partition_indexes: vec![0, 9] },
            DescribedProducers { name: "nothing".to_owned(), partition_indexes: vec![0] },
            DescribedProducers { name: "bad name".to_owned(), partition_indexes: vec![0] },
        ],
    })
}
