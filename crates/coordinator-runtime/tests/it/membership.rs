//! Groups in time: waiting, timeouts, leaving.

use std::sync::Arc;
use std::time::Duration;

use moldau_coordinator_runtime::MemoryPartition;
use moldau_protocol::messages::leave_group_request::MemberIdentity;
use moldau_protocol::messages::{LeaveGroupRequest, SyncGroupRequest};
use moldau_types::ErrorCode;
use tokio::time::Instant;

use crate::harness::{GROUP, context, error_of, heartbeat, join, join_new, serving, sync};

#[tokio::test(start_paused = true)]
async fn two_members_find_together_and_share() {
    let coordinator = serving(Arc::new(MemoryPartition::default())).await;
    let start = Instant::now();
    let (one, two) = tokio::join!(join_new(&coordinator), join_new(&coordinator));
    let waited = start.elapsed();
    assert!((Duration::from_secs(3)..Duration::from_secs(7)).contains(&waited), "{waited:?}");
    assert_eq!((one.error_code, two.error_code), (0, 0));
    assert_eq!((one.generation_id, two.generation_id), (1, 1));
    let (leader, follower) = if one.leader == one.member_id { (one, two) } else { (two, one) };
    assert_eq!(leader.members.len(), 2);
    let shares = [(leader.member_id.as_str(), "left"), (follower.member_id.as_str(), "right")];
    let (given, taken) =
        tokio::join!(sync(&coordinator, &leader, &shares), sync(&coordinator, &follower, &[]),);
    assert_eq!((&given.assignment[..], &taken.assignment[..]), (&b"left"[..], &b"right"[..]));
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(heartbeat(&coordinator, &leader), ErrorCode::None);
        assert_eq!(heartbeat(&coordinator, &follower), ErrorCode::None);
    }
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(heartbeat(&coordinator, &leader), ErrorCode::None);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(heartbeat(&coordinator, &follower), ErrorCode::UnknownMemberId, "its session is over");
    assert_eq!(heartbeat(&coordinator, &leader), ErrorCode::RebalanceInProgress);
    let alone = coordinator.join_group(context(9), join(&leader.member_id)).await;
    assert_eq!((alone.generation_id, alone.members.len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_member_leaves_in_the_form_of_every_version() {
    let coordinator = serving(Arc::new(MemoryPartition::default())).await;
    for version in 0..=5 {
        let joined = join_new(&coordinator).await;
        let identity = MemberIdentity { member_id: joined.member_id.clone(), ..Default::default() };
        let request = LeaveGroupRequest {
            group_id: GROUP.to_owned(),
            member_id: joined.member_id.clone(),
            members: vec![identity],
        };
        let left = coordinator.leave_group(version, &request).await;
        assert_eq!(left.error_code, 0, "version {version}");
        assert_eq!(left.members.len(), usize::from(version >= 3));
        let again = coordinator.leave_group(version, &request).await;
        let error = if version < 3 { again.error_code } else { again.members[0].error_code };
        assert_eq!(error_of(error), ErrorCode::UnknownMemberId, "version {version}");
    }
    let missing = LeaveGroupRequest { group_id: "none".to_owned(), ..Default::default() };
    assert_eq!(error_of(coordinator.leave_group(2, &missing).await.error_code), ErrorCode::UnknownMemberId);
    let nameless = LeaveGroupRequest::default();
    assert_eq!(error_of(coordinator.leave_group(2, &nameless).await.error_code), ErrorCode::InvalidGroupId);
}

#[tokio::test(start_paused = true)]
async fn answers_fit_their_version() {
    let coordinator = serving(Arc::new(MemoryPartition::default())).await;
    let refused = coordinator.join_group(context(2), join("nobody")).await;
    assert_eq!(refused.protocol_name.as_deref(), Some(""), "null is not known before version 7");
    let refused = coordinator.join_group(context(7), join("nobody")).await;
    assert_eq!(refused.protocol_name, None);
    let unnamed = SyncGroupRequest { group_id: GROUP.to_owned(), ..Default::default() };
    let refused = coordinator.sync_group(5, unnamed.clone()).await;
    assert_eq!(error_of(refused.error_code), ErrorCode::InconsistentGroupProtocol);
    let refused = coordinator.sync_group(4, unnamed).await;
    assert_eq!(error_of(refused.error_code), ErrorCode::UnknownMemberId);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_while_it_waits_disturbs_nobody() {
    let coordinator = serving(Arc::new(MemoryPartition::default())).await;
    let gone = tokio::time::timeout(Duration::from_millis(100), join_new(&coordinator)).await;
    assert!(gone.is_err());
    let joined = join_new(&coordinator).await;
    assert_eq!(joined.generation_id, 1);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(heartbeat(&coordinator, &joined), ErrorCode::None);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(heartbeat(&coordinator, &joined), ErrorCode::RebalanceInProgress, "the other one is out");
}
