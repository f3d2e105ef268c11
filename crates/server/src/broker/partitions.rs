//! The partitions that this broker leads, found by topic name or topic id.
//!
//! Invariant: both maps hold the same topics. Lookups on the hot path take a read lock for the time of a hash.

use std::collections::HashMap;
use std::sync::Arc;

use moldau_types::{PartitionIndex, Uuid};
use parking_lot::RwLock;

use super::partition::Partition;

/// A topic with the partitions led here.
pub(crate) struct LedTopic {
    pub(crate) name: Arc<str>,
    pub(crate) id: Uuid,
    partitions: Vec<Option<Arc<Partition>>>,
}

impl LedTopic {
    pub(crate) fn partition(&self, index: PartitionIndex) -> Option<&Arc<Partition>> {
        self.partitions.get(usize::try_from(index.0).ok()?)?.as_ref()
    }

    pub(crate) fn partitions(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.partitions.iter().flatten()
    }
}

#[derive(Default)]
struct Maps {
    by_name: HashMap<Arc<str>, Arc<LedTopic>>,
    by_id: HashMap<Uuid, Arc<LedTopic>>,
}

/// All led partitions.
#[derive(Default)]
pub(crate) struct Partitions {
    maps: RwLock<Maps>,
}

impl Partitions {
    pub(crate) fn topic(&self, name: &str) -> Option<Arc<LedTopic>> {
        self.maps.read().by_name.get(name).cloned()
    }

    pub(crate) fn get(&self, topic: &str, index: i32) -> Option<Arc<Partition>> {
        self.maps.read().by_name.get(topic)?.partition(PartitionIndex(index)).cloned()
    }

    pub(crate) fn get_by_id(&self, id: Uuid, index: i32) -> Option<Arc<Partition>> {
        self.maps.read().by_id.get(&id)?.partition(PartitionIndex(index)).cloned()
    }

    /// Adds partitions, of one topic or of many.
    pub(crate) fn add(&self, added: impl IntoIterator<Item = Arc<Partition>>) {
        let mut by_topic: HashMap<Uuid, Vec<Arc<Partition>>> = HashMap::new();
        for partition in added {
            by_topic.entry(partition.topic_id).or_default().push(partition);
        }
        let mut maps = self.maps.write();
        for (id, added) in by_topic {
            let Some(first) = added.first() else { continue };
            let name = first.topic.clone();
            let mut partitions = maps.by_id.get(&id).map_or_else(Vec::new, |topic| topic.partitions.clone());
            for partition in added {
                let Ok(at) = usize::try_from(partition.index.0) else { continue };
                if partitions.len() <= at {
                    partitions.resize(at + 1, None);
                }
                partitions[at] = Some(partition);
            }
            let topic = Arc::new(LedTopic { name: name.clone(), id, partitions });
            maps.by_name.insert(name, topic.clone());
            maps.by_id.insert(id, topic);
        }
    }

    /// Removes a topic and gives what was led of it.
    pub(crate) fn remove(&self, id: Uuid) -> Option<Arc<LedTopic>> {
        let mut maps = self.maps.write();
        let topic = maps.by_id.remove(&id)?;
        // A new topic may have the name by now.
        if maps.by_name.get(&topic.name).is_some_and(|named| named.id == id) {
            maps.by_name.remove(&topic.name);
        }
        Some(topic)
    }

    /// The names of all led topics.
    pub(crate) fn topic_names(&self) -> Vec<Arc<str>> {
        self.maps.read().by_name.keys().cloned().collect()
    }
}
