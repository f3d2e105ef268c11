//! Tells the controller in which log directory each replica of this broker is (AssignReplicasToDirs, KIP-858): after a
//! partition was made in one of several, after a move, and at the start for whatever was not told before a crash.
//!
//! Invariant: the files say where a replica is; what the controller knows follows them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use moldau_log::{LogDirInfo, LogManager};
use moldau_metadata::{MetadataImage, TopicImage};
use moldau_protocol::messages::AssignReplicasToDirsRequest;
use moldau_protocol::messages::assign_replicas_to_dirs_request::{DirectoryData, PartitionData, TopicData};
use moldau_types::{ErrorCode, TopicId, Uuid};
use tokio::sync::watch;

use super::Broker;

/// How long it waits after the controller has refused.
const RETRY: Duration = Duration::from_secs(1);
/// Replicas that are told of at once.
const REPLICAS_MAX: usize = 1000;

/// Tells until the node stops.
pub(super) async fn run(broker: Arc<Broker>, mut stopping: watch::Receiver<bool>) {
    let mut told = tell(&broker, abandoned(&broker)).await;
    loop {
        told = match told {
            Ok(()) => tell(&broker, misplaced(&broker)).await,
            failed => failed,
        };
        let again = match told {
            // Before directories were known: there is nothing to tell.
            Ok(()) | Err(ErrorCode::UnsupportedVersion) => false,
            Err(error) => {
                tracing::warn!(error = error.name(), "the controller does not know where replicas are");
                true
            }
        };
        tokio::select! {
            () = broker.places_changed.notified() => {}
            () = tokio::time::sleep(RETRY), if again => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        told = Ok(());
    }
}

/// Where the log of a replica is to be made if there is none, by the directory that the controller knows it in; `None`
/// for anywhere. An error where it may be in a directory that is offline: an empty one must not take its place.
pub(super) fn home(
    logs: &LogManager,
    topic: &str,
    partition: i32,
    known: Option<Uuid>,
) -> Result<Option<PathBuf>, String> {
    let Some(known) = known.filter(|id| !is_special(*id)) else { return Ok(None) };
    if logs.get(topic, partition).is_some() {
        return Ok(None);
    }
    let dirs = logs.dirs();
    let offline = |dir: &LogDirInfo| format!("log directory {} is offline", dir.path.display());
    if let Some(dir) = dirs.iter().find(|dir| dir.id == Some(known)) {
        return if dir.failure.is_none() { Ok(Some(dir.path.clone())) } else { Err(offline(dir)) };
    }
    // One that was offline from the start on has not told its id.
    match dirs.iter().find(|dir| dir.failure.is_some() || dir.id.is_none()) {
        Some(dir) => Err(offline(dir)),
        None => {
            tracing::error!(
                topic,
                partition,
                "the log directory of a partition is gone: it begins anew, empty"
            );
            Ok(None)
        }
    }
}

fn is_special(id: Uuid) -> bool {
    [Uuid::UNASSIGNED_DIR, Uuid::MIGRATING_DIR].contains(&id)
}

/// A replica, and the id of the directory to tell.
type Place = (Uuid, i32, Uuid);

/// Replicas that are elsewhere than the controller thinks.
fn misplaced(broker: &Broker) -> Vec<Place> {
    let image = broker.image();
    let logs = broker.logs.logs().into_iter();
    let places = logs.filter_map(|log| {
        let topic = image.topics.by_name(log.topic())?;
        if log.topic_id().is_some_and(|id| id != TopicId(topic.id)) {
            return None;
        }
        let known = topic.partition(log.partition().into())?.directory(broker.node_id())?;
        let found = broker.logs.directory_id(&log)?;
        (known != found).then_some((topic.id, log.partition(), found))
    });
    places.collect()
}

/// Replicas whose directory is not there any more, with none offline that it could be: they begin anew, wherever there
/// is room.
fn abandoned(broker: &Broker) -> Vec<Place> {
    let dirs = broker.logs.dirs();
    if dirs.iter().any(|dir| dir.failure.is_some() || dir.id.is_none()) {
        return Vec::new();
    }
    let image: Arc<MetadataImage> = broker.image();
    let of_topic = |topic: &Arc<TopicImage>| {
        let mut places = Vec::new();
        for (index, partition) in &topic.partitions {
            let Some(known) = partition.directory(broker.node_id()) else { continue };
            let here = broker.logs.get(&topic.name, index.0).is_some()
                || broker.logs.failure_of(&topic.name, index.0).is_some();
            if !is_special(known) && !here && !dirs.iter().any(|dir| dir.id == Some(known)) {
                tracing::error!(topic = %topic.name, partition = index.0, "the log directory of a partition is gone: it begins anew, empty");
                places.push((topic.id, index.0, Uuid::UNASSIGNED_DIR));
            }
        }
        places
    };
    image.topics.iter().flat_map(of_topic).collect()
}

async fn tell(broker: &Broker, places: Vec<Place>) -> Result<(), ErrorCode> {
    for places in places.chunks(REPLICAS_MAX) {
        let request = request(broker, places);
        let response = broker
            .controller()
            .submit(move |controller, context| controller.assign_replicas_to_dirs(context, &request))
            .await?;
        let partitions = response.directories.iter().flat_map(|directory| &directory.topics);
        let mut refused = partitions.flat_map(|topic| &topic.partitions).filter(|p| p.error_code != 0);
        // A topic that was deleted meanwhile needs no place.
        let gone = [ErrorCode::UnknownTopicId, ErrorCode::UnknownTopicOrPartition].map(ErrorCode::code);
        let refused = refused.find(|partition| !gone.contains(&partition.error_code));
        match refused.map_or(response.error_code, |partition| partition.error_code) {
            0 => {}
            code => return Err(ErrorCode::from_code(code)),
        }
    }
    Ok(())
}

fn request(broker: &Broker, places: &[Place]) -> AssignReplicasToDirsRequest {
    let mut by_dir: BTreeMap<Uuid, BTreeMap<Uuid, Vec<PartitionData>>> = BTreeMap::new();
    for (topic, partition_index, dir) in places {
        let partition = PartitionData { partition_index: *partition_index };
        by_dir.entry(*dir).or_default().entry(*topic).or_default().push(partition);
    }
    let topics = |topics: BTreeMap<Uuid, Vec<PartitionData>>| {
        topics.into_iter().map(|(topic_id, partitions)| TopicData { topic_id, partitions }).collect()
    };
    let directories = by_dir.into_iter().map(|(id, found)| DirectoryData { id, topics: topics(found) });
    AssignReplicasToDirsRequest {
        broker_id: broker.node_id().0,
        broker_epoch: broker.own_epoch(),
        directories: directories.collect(),
    }
}
