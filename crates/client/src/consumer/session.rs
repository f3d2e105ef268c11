//! A fetch session with one broker (KIP-227): after a first request that names all partitions, only what changed is said.
//!
//! Always: what the broker remembers of a session is what is `known` here; whenever that is in doubt, the next request
//! begins a new session in place of the old one. Requests of a session are made one at a time.

use std::collections::BTreeMap;

use moldau_types::{ErrorCode, Uuid};

use super::record::TopicPartition;

/// The epoch of a request that begins a session.
const BEGIN: i32 = 0;
/// The epoch of a request that ends a session or has none.
pub(super) const END: i32 = -1;

/// What is asked of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) topic_id: Uuid,
    pub(super) offset: i64,
    pub(super) leader_epoch: i32,
}

/// What a request says of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) session_id: i32,
    pub(super) session_epoch: i32,
    /// The partitions to name.
    pub(super) named: Vec<(TopicPartition, Ask)>,
    /// The partitions that are no longer asked for, with the topic id they were known under.
    pub(super) forgotten: Vec<(TopicPartition, Uuid)>,
}

/// The session with one broker.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    id: i32,
    epoch: i32,
    known: BTreeMap<TopicPartition, Ask>,
    by_topic_id: bool,
}

impl Session {
    /// What to say so that the broker looks for exactly `asked`.
    pub(super) fn plan(&mut self, asked: BTreeMap<TopicPartition, Ask>, by_topic_id: bool) -> Plan {
        // Names and ids can't be mixed within a session.
        if self.by_topic_id != by_topic_id {
            self.epoch = BEGIN;
            self.by_topic_id = by_topic_id;
        }
        let (mut named, mut forgotten) = (Vec::new(), Vec::new());
        if self.epoch == BEGIN {
            named.extend(asked.iter().map(|(partition, ask)| (partition.clone(), *ask)));
        } else {
            for (partition, known) in &self.known {
                if asked.get(partition).is_none_or(|ask| ask.topic_id != known.topic_id) {
                    forgotten.push((partition.clone(), known.topic_id));
                }
            }
            let changed = asked.iter().filter(|(partition, ask)| self.known.get(*partition) != Some(ask));
            named.extend(changed.map(|(partition, ask)| (partition.clone(), *ask)));
        }
        self.known = asked;
        Plan { session_id: self.id, session_epoch: self.epoch, named, forgotten }
    }

    /// An answer came, with this session id in it.
    pub(super) fn answered(&mut self, session_id: i32) {
        self.epoch = match session_id {
            0 => BEGIN,
            _ if self.epoch == i32::MAX => 1,
            _ => self.epoch + 1,
        };
        self.id = session_id;
    }

    /// A request failed: a new session is begun, which ends the old one where the broker still has it.
    pub(super) fn failed(&mut self, code: Option<ErrorCode>) {
        self.epoch = BEGIN;
        if code == Some(ErrorCode::FetchSessionIdNotFound) {
            self.id = 0;
        }
    }

    /// The id of a session that the broker keeps.
    pub(super) fn open_id(&self) -> Option<i32> {
        (self.id != 0 && self.epoch != BEGIN).then_some(self.id)
    }
}

/// Whether an error says that the session is not what it should be, so that another request can follow at once.
pub(super) fn is_of_session(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::FetchSessionIdNotFound
            | ErrorCode::InvalidFetchSessionEpoch
            | ErrorCode::FetchSessionTopicIdError
            | ErrorCode::InconsistentTopicId
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(of: &[(i32, i64)]) -> BTreeMap<TopicPartition, Ask> {
        let ask = |offset| Ask { topic_id: Uuid([1; 16]), offset, leader_epoch: 3 };
        of.iter().map(|(partition, offset)| (TopicPartition::new("t", *partition), ask(*offset))).collect()
    }

    fn named(plan: &Plan) -> Vec<(i32, i64)> {
        plan.named.iter().map(|(partition, ask)| (partition.partition, ask.offset)).collect()
    }

    fn forgotten(plan: &Plan) -> Vec<i32> {
        plan.forgotten.iter().map(|(partition, _)| partition.partition).collect()
    }

    #[test]
    fn after_the_first_request_only_changes_are_named() {
        let mut session = Session::default();
        let first = session.plan(asks(&[(0, 5), (1, 5)]), true);
        assert_eq!((first.session_id, first.session_epoch), (0, 0));
        assert_eq!(named(&first), [(0, 5), (1, 5)]);
        session.answered(77);
        let second = session.plan(asks(&[(0, 5), (1, 9), (2, 0)]), true);
        assert_eq!((second.session_id, second.session_epoch), (77, 1));
        assert_eq!((named(&second), forgotten(&second)), (vec![(1, 9), (2, 0)], vec![]));
        session.answered(77);
        let third = session.plan(asks(&[(2, 0)]), true);
        assert_eq!(third.session_epoch, 2);
        assert_eq!((named(&third), forgotten(&third)), (vec![], vec![0, 1]));
        assert_eq!(session.open_id(), Some(77));
    }

    #[test]
    fn a_topic_that_was_made_anew_is_forgotten_under_its_old_id() {
        let mut session = Session::default();
        session.plan(asks(&[(0, 5)]), true);
        session.answered(77);
        let again = TopicPartition::new("t", 0);
        let ask = Ask { topic_id: Uuid([2; 16]), offset: 0, leader_epoch: 0 };
        let plan = session.plan(BTreeMap::from([(again.clone(), ask)]), true);
        assert_eq!(plan.forgotten, [(again.clone(), Uuid([1; 16]))]);
        assert_eq!(plan.named, [(again, ask)]);
    }

    #[test]
    fn in_doubt_a_new_session_takes_the_place_of_the_old_one() {
        let mut session = Session::default();
        session.plan(asks(&[(0, 5)]), true);
        session.answered(77);
        session.failed(None);
        let plan = session.plan(asks(&[(0, 5)]), true);
        assert_eq!((plan.session_id, plan.session_epoch, named(&plan)), (77, 0, vec![(0, 5)]));
        session.answered(78);
        session.failed(Some(ErrorCode::FetchSessionIdNotFound));
        assert_eq!(session.plan(asks(&[(0, 5)]), true).session_id, 0);
        session.answered(79);
        let by_name = session.plan(asks(&[(0, 5)]), false);
        assert_eq!((by_name.session_id, by_name.session_epoch, named(&by_name)), (79, 0, vec![(0, 5)]));
        session.answered(0);
        assert_eq!(session.plan(asks(&[(0, 5)]), false).session_epoch, 0, "the broker keeps no session");
    }
}
