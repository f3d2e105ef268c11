//! Topics by id and by name, with their partitions.
//!
//! Each name has one id and each id one name.

use std::collections::BTreeMap;
use std::sync::Arc;

use moldau_types::{PartitionIndex, Uuid};
use rpds::HashTrieMapSync;

use super::PartitionRegistration;

/// A topic and its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicImage {
    /// The topic's name.
    pub name: Arc<str>,
    /// The topic's id.
    pub id: Uuid,
    /// Its partitions, in order.
    pub partitions: BTreeMap<PartitionIndex, Arc<PartitionRegistration>>,
}

impl TopicImage {
    /// The partition's registration.
    pub fn partition(&self, index: PartitionIndex) -> Option<&Arc<PartitionRegistration>> {
        self.partitions.get(&index)
    }
}

/// Topics by id and by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicsImage {
    by_id: HashTrieMapSync<Uuid, Arc<TopicImage>>,
    by_name: HashTrieMapSync<Arc<str>, Uuid>,
}

impl TopicsImage {
    /// The topic of this name.
    pub fn by_name(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.by_id.get(self.by_name.get(name)?)
    }

    /// The topic with this id.
    pub fn by_id(&self, id: Uuid) -> Option<&Arc<TopicImage>> {
        self.by_id.get(&id)
    }

    /// The id of a name.
    pub fn id_of(&self, name: &str) -> Option<Uuid> {
        self.by_name.get(name).copied()
    }

    /// The partition of a topic given by name.
    pub fn partition(&self, topic: &str, index: PartitionIndex) -> Option<&Arc<PartitionRegistration>> {
        self.by_name(topic)?.partition(index)
    }

    /// The partition of a topic given by id.
    pub fn partition_by_id(&self, id: Uuid, index: PartitionIndex) -> Option<&Arc<PartitionRegistration>> {
        self.by_id(id)?.partition(index)
    }

    /// Every topic, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.by_id.values()
    }

    /// Every topic, by name.
    pub fn sorted(&self) -> Vec<&Arc<TopicImage>> {
        let mut all: Vec<_> = self.iter().collect();
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Number of topics.
    pub fn len(&self) -> usize {
        self.by_id.size()
    }

    /// Whether there is no topic.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(crate) fn put(&mut self, topic: TopicImage) {
        self.by_name.insert_mut(topic.name.clone(), topic.id);
        self.by_id.insert_mut(topic.id, Arc::new(topic));
    }

    /// The topic to change in place; copied first while another image shares it.
    pub(crate) fn get_mut(&mut self, id: Uuid) -> Option<&mut TopicImage> {
        self.by_id.get_mut(&id).map(Arc::make_mut)
    }

    pub(crate) fn remove(&mut self, id: Uuid) -> Option<Arc<TopicImage>> {
        let topic = self.by_id.get(&id).cloned()?;
        self.by_id.remove_mut(&id);
        self.by_name.remove_mut(&topic.name);
        Some(topic)
    }
}
