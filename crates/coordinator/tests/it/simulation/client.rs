//! A simulated member: knows what a Kafka client knows, and reacts to errors as one.

use moldau_coordinator::{ReplyBody, RequestId};
use moldau_types::ErrorCode;

use crate::harness::{Join, error_of};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phase {
    /// Has to join.
    Out,
    Joining(RequestId),
    /// Has the generation, not yet the assignment.
    Joined,
    Syncing(RequestId),
    Stable,
    /// Fenced: never comes back.
    Gone,
}

#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) join: Join,
    pub(crate) phase: Phase,
    pub(crate) generation: i32,
    pub(crate) is_leader: bool,
    /// The member ids that the leader was given.
    pub(crate) members: Vec<String>,
}

impl Client {
    pub(crate) fn new(join: Join) -> Self {
        Client { join, phase: Phase::Out, generation: -1, is_leader: false, members: Vec::new() }
    }

    /// The process dies: it forgets its member id, and answers go to nobody.
    pub(crate) fn crash(&mut self) {
        if self.phase != Phase::Gone {
            self.reset();
        }
    }

    fn reset(&mut self) {
        self.join.member_id.clear();
        self.generation = -1;
        self.phase = Phase::Out;
    }

    pub(crate) fn on_error(&mut self, error: ErrorCode) {
        match error {
            ErrorCode::FencedInstanceId => self.phase = Phase::Gone,
            ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration => self.reset(),
            ErrorCode::RebalanceInProgress
            | ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            // A reloaded group knows only the chosen protocol of its members, which this client may not have.
            | ErrorCode::InconsistentGroupProtocol
            | ErrorCode::GroupMaxSizeReached => self.phase = Phase::Out,
            other => panic!("{other:?} to {self:?}"),
        }
    }

    /// Takes an answer; gives the assignment when it brings one.
    pub(crate) fn on_reply(&mut self, request: RequestId, reply: &ReplyBody) -> Option<String> {
        match reply {
            ReplyBody::Join(response) if self.phase == Phase::Joining(request) => {
                match error_of(response.error_code) {
                    ErrorCode::None => {
                        assert!(response.generation_id > 0);
                        assert!(!response.member_id.is_empty());
                        self.join.member_id = response.member_id.clone();
                        self.generation = response.generation_id;
                        self.is_leader = response.leader == response.member_id;
                        self.members =
                            response.members.iter().map(|member| member.member_id.clone()).collect();
                        // A leader that is told to skip has nothing to assign, it only syncs.
                        self.is_leader &= !response.skip_assignment && !self.members.is_empty();
                        self.phase = Phase::Joined;
                    }
                    ErrorCode::MemberIdRequired => {
                        self.join.member_id = response.member_id.clone();
                        self.phase = Phase::Out;
                    }
                    error => self.on_error(error),
                }
                None
            }
            ReplyBody::Sync(response) if self.phase == Phase::Syncing(request) => {
                match error_of(response.error_code) {
                    ErrorCode::None => {
                        self.phase = Phase::Stable;
                        Some(String::from_utf8(response.assignment.to_vec()).expect("our own text"))
                    }
                    error => {
                        self.on_error(error);
                        None
                    }
                }
            }
            _ => None,
        }
    }
}
