//! Opening this node's metadata quorum as its configs say.

use std::path::Path;
use std::sync::Arc;

use moldau_config::BrokerConfig;
use moldau_log::{
    LogDir, LogManager, METADATA_LOG_DIR, MetaProperties, read_meta_properties, write_meta_properties,
};
use moldau_quorum::{FirstVoters, QuorumConfig, RaftQuorum, Voter, VoterEndpoint};
use moldau_types::{BrokerId, Uuid};

/// Opens the metadata log, and leads when this returns. `listeners` are the controller's, by name, as others reach them.
pub(crate) async fn open_quorum(
    config: &BrokerConfig,
    logs: &LogManager,
    cluster_id: &str,
    listeners: &[(String, String, u16)],
) -> Result<RaftQuorum, String> {
    let node_id = BrokerId(config.node.node_id);
    let dir = config.metadata_log.dir.as_path();
    check_metadata_is_there(dir, logs)?;
    let directory_id = directory_id(dir, logs, node_id, cluster_id)?;
    let endpoint = |(name, host, port): &(String, String, u16)| VoterEndpoint {
        name: name.clone(),
        host: host.clone(),
        port: *port,
    };
    let own = Voter {
        id: node_id,
        directory_id,
        endpoints: listeners.iter().map(endpoint).collect(),
        min_kraft_version: 0,
        max_kraft_version: 1,
    };
    let first_voters = if config.quorum.is_static() {
        if config.quorum.voters.iter().any(|voter| voter.id != node_id.0) {
            return Err(
                "controller.quorum.voters must be this node alone: this version runs a quorum of one"
                    .to_owned(),
            );
        }
        FirstVoters::Static(vec![own])
    } else {
        FirstVoters::Dynamic(vec![own])
    };
    let log = &config.metadata_log;
    let mut quorum = QuorumConfig::new(node_id, Arc::new(LogDir::new(dir)), directory_id, first_voters);
    quorum.segment_bytes = u32::try_from(log.segment_bytes).unwrap_or(quorum.segment_bytes);
    quorum.segment_ms = log.segment_ms;
    quorum.retention_bytes = log.max_retention_bytes;
    quorum.retention_ms = log.max_retention_ms;
    let quorum = RaftQuorum::open(quorum).await.map_err(|error| format!("{}: {error}", dir.display()))?;
    let others = moldau_quorum::MetadataQuorum::status(&quorum).voters;
    if others.iter().any(|voter| voter.id != node_id) {
        return Err(format!("the metadata log in {} belongs to a quorum of several nodes", dir.display()));
    }
    Ok(quorum)
}

/// Refuses to begin a new metadata log beside partitions of an old one: no topic would own them.
fn check_metadata_is_there(dir: &Path, logs: &LogManager) -> Result<(), String> {
    let log = dir.join(METADATA_LOG_DIR);
    let entries = match std::fs::read_dir(&log) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return refuse_if_there_is_data(&log, logs);
        }
        Err(error) => return Err(format!("{}: {error}", log.display())),
    };
    let is_of_the_log = |name: &std::ffi::OsStr| {
        Path::new(name).extension().is_some_and(|extension| extension == "log" || extension == "checkpoint")
    };
    match entries.flatten().any(|entry| is_of_the_log(&entry.file_name())) {
        true => Ok(()),
        false => refuse_if_there_is_data(&log, logs),
    }
}

fn refuse_if_there_is_data(log: &Path, logs: &LogManager) -> Result<(), String> {
    match logs.any_partition_dir().map_err(|error| error.to_string())? {
        None => Ok(()),
        Some(found) => Err(format!(
            "there is no metadata log in {}, but partitions are there, such as {}: a disk is missing, was exchanged, or \
             metadata.log.dir is another one than before. Without the metadata no topic owns these partitions, so nothing is \
             started. Put the directory back, from a backup if need be; for a new cluster, empty all log directories",
            log.display(),
            found.display()
        )),
    }
}

/// The id in the directory's `meta.properties`; a metadata directory of its own gets the file here.
fn directory_id(dir: &Path, logs: &LogManager, node_id: BrokerId, cluster_id: &str) -> Result<Uuid, String> {
    if let Some(id) = logs.dirs().into_iter().find(|found| found.path == dir).and_then(|found| found.id) {
        return Ok(id);
    }
    std::fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let found = read_meta_properties(dir).map_err(|error| error.to_string())?;
    if let Some(meta) = &found
        && (meta.cluster_id != cluster_id || meta.node_id != node_id.0)
    {
        let (cluster, node) = (&meta.cluster_id, meta.node_id);
        return Err(format!("{} belongs to node {node} of cluster {cluster}", dir.display()));
    }
    if let Some(id) = found.and_then(|meta| meta.directory_id) {
        return Ok(id);
    }
    let id = Uuid::random();
    let meta =
        MetaProperties { cluster_id: cluster_id.to_owned(), node_id: node_id.0, directory_id: Some(id) };
    write_meta_properties(dir, &meta).map_err(|error| error.to_string())?;
    Ok(id)
}
