//! The cluster: versions, brokers, coordinators, producer ids, log directories, leaders.

use anyhow::{Context, Result};
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
    producer_ids(run)?;
    log_dirs(run)?;
    elections(run)?;
    producers(run)
}

fn producer_ids(run: &mut Run) -> Result<()> {
    let request = |transactional_id: Option<&str>, producer_id, producer_epoch| InitProducerIdRequest {
        transactional_id: transactional_id.map(str::to_owned),
        transaction_timeout_ms: 60_000,
        producer_id,
        producer_epoch,
        ..Default::default()
    };
    // The reference's broker asks its controller for ids when the first producer comes.
    run.wait_until("producer ids", |run| {
        let begun = run.world.connection.ask(4, &request(None, -1, -1))?.context("no answer")?;
        Ok(begun.error_code == 0)
    })?;
    for (title, transactional_id, producer_id, producer_epoch) in [
        ("an idempotent producer", None, -1, -1),
        ("an idempotent producer that has had an id", None, 5, 0),
        ("a producer id without its epoch", None, 5, -1),
        ("a producer epoch without its id", None, -1, 5),
        ("an empty transactional id", Some(""), -1, -1),
    ] {
        run.each(title, |_, _| request(transactional_id, producer_id, producer_epoch))?;
    }
    Ok(())
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
    run.each("all topics", |_, _| DescribeLogDirsRequest { topics: None })?;
    let all = DescribeLogDirsRequest { topics: Some(Vec::new()) };
    let own = run.world.connection.ask(4, &all)?.context("no answer")?.results[0].log_dir.clone();
    for (title, path) in [
        ("a directory that is not there", "/nowhere/at/all"),
        ("a relative path", "relative"),
        ("the directory where they are", own.as_str()),
    ] {
        run.each(title, |_, _| AlterReplicaLogDirsRequest {
            dirs: vec![AlterReplicaLogDir {
                path: path.to_owned(),
                topics: vec![AlterReplicaLogDirTopic {
                    name: "cluster".to_owned(),
                    partitions: vec![0, 1, 9],
                }],
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
    // The controller's listener is asked last, and there are other topics on each server.
    if !run.asks_brokers() {
        return Ok(());
    }
    run.each("preferred: all partitions", |_, _| ElectLeadersRequest {
        election_type: 0,
        topic_partitions: None,
        timeout_ms: 10_000,
    })
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
