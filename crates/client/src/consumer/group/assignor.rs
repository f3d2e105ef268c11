//! Who gets which partitions: pure functions from subscriptions and partition counts to an assignment.
//!
//! Always: each partition of each subscribed topic goes to exactly one member that wants the topic; the result depends on
//! nothing but the arguments. Static members are ordered by their instance id, so that a restart moves nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::protocol::Subscription;
use super::sticky;
use crate::consumer::record::TopicPartition;

/// A member as the assignors see it.
#[derive(Clone, Debug, Default)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) instance_id: Option<String>,
    pub(super) subscription: Subscription,
}

impl Member {
    /// Static members first, by their instance id; then the others by their member id.
    fn order(&self) -> (bool, &str) {
        match &self.instance_id {
            Some(instance) => (false, instance),
            None => (true, &self.id),
        }
    }
}

/// Partitions by member id; every member is in it.
pub(super) type Assignment = BTreeMap<String, Vec<TopicPartition>>;

/// A way to assign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assignor {
    /// For each topic a run of neighbouring partitions to each member.
    Range,
    /// All partitions of all topics dealt out in turn.
    RoundRobin,
    /// Balanced, with most partitions left where they were; members own nothing while they rebalance.
    Sticky,
    /// The same, and members go on with what they keep while they rebalance (KIP-429).
    CooperativeSticky,
}

impl Assignor {
    /// The name in the group protocol.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }

    /// The assignor with this name, or with the name of the Java class.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name.rsplit('.').next().unwrap_or(name) {
            "range" | "RangeAssignor" => Some(Self::Range),
            "roundrobin" | "RoundRobinAssignor" => Some(Self::RoundRobin),
            "sticky" | "StickyAssignor" => Some(Self::Sticky),
            "cooperative-sticky" | "CooperativeStickyAssignor" => Some(Self::CooperativeSticky),
            _ => None,
        }
    }

    /// Whether members may go on with their partitions while they rebalance. All assignors of a member must allow it.
    pub(crate) fn is_cooperative(self) -> bool {
        self == Self::CooperativeSticky
    }

    /// Assigns the partitions of the topics in `counts`.
    pub(super) fn assign(self, members: &[Member], counts: &BTreeMap<String, usize>) -> Assignment {
        let mut members: Vec<&Member> = members.iter().collect();
        members.sort_by(|one, other| one.order().cmp(&other.order()));
        let mut assignment: Assignment =
            members.iter().map(|member| (member.id.clone(), Vec::new())).collect();
        match self {
            Self::Range => range(&members, counts, &mut assignment),
            Self::RoundRobin => round_robin(&members, counts, &mut assignment),
            Self::Sticky => return sticky::eager(&members, counts),
            Self::CooperativeSticky => return sticky::cooperative(&members, counts),
        }
        assignment
    }
}

pub(super) fn wants(member: &Member, topic: &str) -> bool {
    member.subscription.topics.iter().any(|wanted| wanted == topic)
}

fn give(assignment: &mut Assignment, member: &Member, topic: &Arc<str>, partition: usize) {
    if let Some(partitions) = assignment.get_mut(&member.id) {
        partitions.push(TopicPartition::new(topic.clone(), partition as i32));
    }
}

fn range(members: &[&Member], counts: &BTreeMap<String, usize>, assignment: &mut Assignment) {
    for (topic, count) in counts {
        let takers: Vec<&&Member> = members.iter().filter(|member| wants(member, topic)).collect();
        if takers.is_empty() {
            continue;
        }
        let name: Arc<str> = topic.as_str().into();
        let (each, more) = (count / takers.len(), count % takers.len());
        let mut next = 0;
        for (at, member) in takers.into_iter().enumerate() {
            for _ in 0..each + usize::from(at < more) {
                give(assignment, member, &name, next);
                next += 1;
            }
        }
    }
}

fn round_robin(members: &[&Member], counts: &BTreeMap<String, usize>, assignment: &mut Assignment) {
    let mut next = 0;
    for (topic, count) in counts {
        if !members.iter().any(|member| wants(member, topic)) {
            continue;
        }
        let name: Arc<str> = topic.as_str().into();
        for partition in 0..*count {
            while !wants(members[next % members.len()], topic) {
                next += 1;
            }
            give(assignment, members[next % members.len()], &name, partition);
            next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, instance: Option<&str>, topics: &[&str]) -> Member {
        Member {
            id: id.to_owned(),
            instance_id: instance.map(str::to_owned),
            subscription: Subscription {
                topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
                ..Default::default()
            },
        }
    }

    fn counts(topics: &[(&str, usize)]) -> BTreeMap<String, usize> {
        topics.iter().map(|(topic, count)| ((*topic).to_owned(), *count)).collect()
    }

    fn text(assignment: &Assignment) -> Vec<String> {
        assignment
            .iter()
            .map(|(member, partitions)| {
                let partitions: Vec<String> = partitions.iter().map(ToString::to_string).collect();
                format!("{member}: {}", partitions.join(" "))
            })
            .collect()
    }

    #[test]
    fn range_gives_neighbours_and_the_first_members_one_more() {
        let members =
            [member("c2", None, &["t", "u"]), member("c1", None, &["t", "u"]), member("c3", None, &["t"])];
        let got = Assignor::Range.assign(&members, &counts(&[("t", 7), ("u", 3)]));
        assert_eq!(text(&got), ["c1: t-0 t-1 t-2 u-0 u-1", "c2: t-3 t-4 u-2", "c3: t-5 t-6"]);
    }

    #[test]
    fn round_robin_deals_over_all_topics_to_those_who_want_them() {
        let members = [member("c1", None, &["t"]), member("c2", None, &["t", "u"])];
        let got = Assignor::RoundRobin.assign(&members, &counts(&[("t", 3), ("u", 2), ("v", 9)]));
        assert_eq!(text(&got), ["c1: t-0 t-2", "c2: t-1 u-0 u-1"]);
    }

    #[test]
    fn static_members_keep_their_place_under_new_member_ids() {
        let before = [member("x1", Some("a"), &["t"]), member("x2", Some("b"), &["t"])];
        let after = [member("x9", Some("a"), &["t"]), member("x2", Some("b"), &["t"])];
        let counts = counts(&[("t", 4)]);
        assert_eq!(
            Assignor::Range.assign(&before, &counts)["x1"],
            Assignor::Range.assign(&after, &counts)["x9"]
        );
    }

    #[test]
    fn every_partition_goes_to_exactly_one_member() {
        for seed in 0..200u32 {
            let members: Vec<Member> = (0..1 + seed % 5)
                .map(|at| {
                    let topics: Vec<&str> = ["t", "u", "v"]
                        .into_iter()
                        .enumerate()
                        .filter(|(n, _)| (seed >> (n + at as usize)) & 1 == 0)
                        .map(|(_, t)| t)
                        .collect();
                    member(&format!("m{at}"), None, &topics)
                })
                .collect();
            let counts = counts(&[("t", (seed % 7) as usize), ("u", 3), ("v", (seed % 4) as usize)]);
            for assignor in [Assignor::Range, Assignor::RoundRobin] {
                let got = assignor.assign(&members, &counts);
                let mut all: Vec<TopicPartition> = got.values().flatten().cloned().collect();
                all.sort();
                let wanted: Vec<TopicPartition> = counts
                    .iter()
                    .filter(|(topic, _)| members.iter().any(|member| wants(member, topic)))
                    .flat_map(|(topic, count)| {
                        (0..*count as i32).map(move |p| TopicPartition::new(topic.as_str(), p))
                    })
                    .collect();
                assert_eq!(all, wanted, "seed {seed}");
            }
        }
    }

    #[test]
    fn java_class_names_are_known() {
        assert_eq!(Assignor::named("org.apache.kafka.clients.consumer.RangeAssignor"), Some(Assignor::Range));
        assert_eq!(Assignor::named("roundrobin"), Some(Assignor::RoundRobin));
        assert_eq!(Assignor::named("sticky"), Some(Assignor::Sticky));
        let cooperative = Assignor::named("org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
        assert_eq!(cooperative.map(Assignor::name), Some("cooperative-sticky"));
        assert_eq!(Assignor::named("uniform"), None);
    }
}
