//! Subscribing to all topics whose names match a pattern.
//!
//! Always: the pattern is matched against each new snapshot of the cluster; the subscription changes only when the set
//! of matching topics does.

use std::collections::BTreeSet;
use std::sync::Arc;

use regex::Regex;

use super::Consumer;
use crate::error::{ClientError, Result};
use crate::metadata::Cluster;

/// A pattern, and the snapshot it was last matched against.
pub(super) struct Pattern {
    regex: Regex,
    group: String,
    matched: Option<Arc<Cluster>>,
}

/// The topics that match: usable ones, and the cluster's own only if they are not excluded.
fn matching(regex: &Regex, cluster: &Cluster, exclude_internal: bool) -> BTreeSet<String> {
    let topics = cluster.topics.values().filter(|topic| topic.error.is_none());
    let wanted = topics.filter(|topic| !(exclude_internal && topic.internal) && regex.is_match(&topic.name));
    wanted.map(|topic| topic.name.to_string()).collect()
}

impl Consumer {
    /// Reads all topics whose whole name matches `pattern`, now and later, as a member of the group `group.id`. New
    /// topics are noticed when metadata is read again (`metadata.max.age.ms`). The cluster's own topics match only with
    /// `exclude.internal.topics=false`.
    ///
    /// The pattern is of the `regex` crate: as Java's, without look-around and back references.
    pub fn subscribe_pattern(&mut self, pattern: &str) -> Result<()> {
        let Some(group) = self.config.group_id.clone() else {
            return Err(ClientError::Usage(
                "subscribe_pattern needs group.id; to read without a group use assign".to_owned(),
            ));
        };
        let regex = Regex::new(&format!("^(?:{pattern})$"))
            .map_err(|error| ClientError::Usage(format!("`{pattern}` is not a pattern: {error}")))?;
        self.core.want_all();
        self.fetcher.metadata_wanted = true;
        self.pattern = Some(Pattern { regex, group, matched: None });
        Ok(())
    }

    /// Takes up topics that match by now, and lets go of those that are gone.
    pub(super) fn match_topics(&mut self) -> Result<()> {
        let Some(pattern) = &mut self.pattern else { return Ok(()) };
        let cluster = self.core.cluster();
        // Before the first reading of all topics there is nothing to go by.
        if self.core.is_stale() || pattern.matched.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &cluster)) {
            return Ok(());
        }
        let topics = matching(&pattern.regex, &cluster, self.config.exclude_internal_topics);
        pattern.matched = Some(cluster);
        let group = pattern.group.clone();
        self.subscribe_to(group, topics)
    }
}

#[cfg(test)]
mod tests {
    use moldau_protocol::messages::MetadataResponse;
    use moldau_protocol::messages::metadata_response::MetadataResponseTopic;

    use super::*;

    #[test]
    fn whole_names_match_and_internal_topics_only_when_asked_for() {
        let topic = |name: &str| MetadataResponseTopic {
            name: Some(name.to_owned()),
            is_internal: name.starts_with("__"),
            error_code: if name == "broken.a" { 3 } else { 0 },
            ..Default::default()
        };
        let names = ["a.1", "a.2", "b.a.1", "__a.1", "broken.a"];
        let response = MetadataResponse { topics: names.map(topic).to_vec(), ..Default::default() };
        let cluster = Cluster::of_answer_for_test(response);
        let matches = |pattern: &str, exclude| {
            let regex = Regex::new(&format!("^(?:{pattern})$")).expect("a pattern");
            matching(&regex, &cluster, exclude).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(matches("a\\..", true), ["a.1", "a.2"]);
        assert_eq!(matches("a.1|b.*", true), ["a.1", "b.a.1"]);
        assert_eq!(matches(".*a.1", false), ["__a.1", "a.1", "b.a.1"]);
        assert!(matches("broken.*", true).is_empty());
    }
}
