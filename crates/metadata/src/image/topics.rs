//! Topics by id and by name, with their partitions.
//!
//! Each name has one id and each id one name. Names that differ only in `.` and `_` are found by the form that they share, as metrics
//! cannot tell them apart.

use std::collections::{BTreeMap, BTreeSet};
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

/// The form that names share which differ only in `.` and `_`.
pub fn collision_form(name: &str) -> String {
    name.replace('.', "_")
}

/// Topics by id and by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicsImage {
    by_id: HashTrieMapSync<Uuid, Arc<TopicImage>>,
    by_name: HashTrieMapSync<Arc<str>, Uuid>,
    /// Names with a `.` or `_`, by their collision form.
    by_form: HashTrieMapSync<Box<str>, BTreeSet<Arc<str>>>,
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

    /// A topic of another name that differs from this one only in `.` and `_`.
    pub fn colliding(&self, name: &str) -> Option<&Arc<str>> {
        let names = self.by_form.get(collision_form(name).as_str())?;
        names.iter().find(|other| &***other != name)
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
        if may_collide(&topic.name) {
            let form = collision_form(&topic.name).into_boxed_str();
            let mut names = self.by_form.get(&form).cloned().unwrap_or_default();
            names.insert(topic.name.clone());
            self.by_form.insert_mut(form, names);
        }
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
        let form = collision_form(&topic.name);
        if let Some(names) = self.by_form.get_mut(form.as_str()) {
            names.remove(&topic.name);
            if names.is_empty() {
                self.by_form.remove_mut(form.as_str());
            }
        }
        Some(topic)
    }
}

fn may_collide(name: &str) -> bool {
    name.contains(['.', '_'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, id: u128) -> TopicImage {
        TopicImage { name: name.into(), id: Uuid::from_u128(id), partitions: BTreeMap::new() }
    }

    #[test]
    fn names_collide_as_long_as_the_other_topic_is_there() {
        let mut topics = TopicsImage::default();
        topics.put(topic("a.b_c", 1));
        topics.put(topic("a_b_c", 2));
        topics.put(topic("abc", 3));
        let colliding =
            |topics: &TopicsImage, name: &str| topics.colliding(name).map(|name| name.to_string());
        assert_eq!(colliding(&topics, "a.b.c").as_deref(), Some("a.b_c"));
        assert_eq!(colliding(&topics, "a.b_c").as_deref(), Some("a_b_c"), "the other one");
        assert_eq!(colliding(&topics, "abc"), None);
        let before = topics.clone();
        topics.remove(Uuid::from_u128(1));
        assert_eq!(colliding(&topics, "a_b_c"), None);
        assert_eq!(colliding(&topics, "a.b.c").as_deref(), Some("a_b_c"));
        topics.remove(Uuid::from_u128(2));
        assert_eq!(colliding(&topics, "a.b.c"), None);
        assert_eq!(topics.by_form.size(), 0);
        assert_eq!(colliding(&before, "a.b.c").as_deref(), Some("a.b_c"), "the image before stays");
    }
}
