//! Heartbeats of a member: a task that says "alive" to the coordinator and hears when the group rebalances.
//!
//! Always: a member whose owner does not poll for `max.poll.interval.ms` leaves the group by itself.

use std::sync::Arc;
use std::time::Duration;

use moldau_protocol::messages::leave_group_request::MemberIdentity;
use moldau_protocol::messages::{HeartbeatRequest, LeaveGroupRequest};
use moldau_types::ErrorCode;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::consumer::lookup::Committer;
use crate::consumer::metrics::{ConsumerMetrics, note_since};
use crate::error::{ClientError, Result};
use crate::metadata::Core;
use crate::net::Lane;

/// What a member hears between two joins.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// The group rebalances; the membership stays.
    Rebalance,
    /// The membership is lost; the member must join anew.
    Lost,
    /// It can't go on.
    Failed(ClientError),
}

/// The state that the task and the consumer share.
pub(crate) struct Pulse {
    notice: Mutex<Option<Notice>>,
    last_poll: Mutex<Instant>,
    wake: Notify,
}

impl Pulse {
    /// The notice that waits, taken.
    pub(crate) fn take(&self) -> Option<Notice> {
        self.notice.lock().take()
    }

    /// Whether a notice waits.
    pub(crate) fn has_notice(&self) -> bool {
        self.notice.lock().is_some()
    }

    /// Waits until there is a notice.
    pub(crate) async fn noticed(&self) {
        loop {
            let waiting = self.wake.notified();
            if self.notice.lock().is_some() {
                return;
            }
            waiting.await;
        }
    }

    /// The owner has polled.
    pub(crate) fn polled(&self) {
        *self.last_poll.lock() = Instant::now();
    }

    fn give(&self, notice: Notice) {
        *self.notice.lock() = Some(notice);
        self.wake.notify_waiters();
        self.wake.notify_one();
    }
}

/// A running heartbeat; dropping it ends the task.
pub(crate) struct Heartbeat {
    pub(crate) pulse: Arc<Pulse>,
    task: JoinHandle<()>,
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Heartbeat {
    pub(crate) fn start(
        core: Arc<Core>,
        coordinator: i32,
        member: Committer,
        interval: Duration,
        max_poll_interval: Duration,
        metrics: Arc<ConsumerMetrics>,
    ) -> Self {
        let pulse = Arc::new(Pulse {
            notice: Mutex::new(None),
            last_poll: Mutex::new(Instant::now()),
            wake: Notify::new(),
        });
        let task = tokio::spawn(beat(
            core,
            coordinator,
            member,
            interval,
            max_poll_interval,
            pulse.clone(),
            metrics,
        ));
        Self { pulse, task }
    }
}

async fn beat(
    core: Arc<Core>,
    mut coordinator: i32,
    member: Committer,
    interval: Duration,
    max_poll_interval: Duration,
    pulse: Arc<Pulse>,
    metrics: Arc<ConsumerMetrics>,
) {
    loop {
        sleep(interval).await;
        if pulse.last_poll.lock().elapsed() > max_poll_interval {
            tracing::warn!(
                group = member.group,
                max_poll_interval_ms = max_poll_interval.as_millis() as u64,
                "leaving the group: no poll within max.poll.interval.ms"
            );
            if member.instance_id.is_none() {
                let _ = leave(&core, coordinator, &member, "no poll within max.poll.interval.ms").await;
            }
            return pulse.give(Notice::Lost);
        }
        let began = Instant::now();
        metrics.last_heartbeat.note();
        let result = beat_once(&core, coordinator, &member).await;
        if !matches!(&result, Err(error) if error.is_connection()) {
            note_since(&metrics.heartbeats, began);
        }
        let Err(error) = result else { continue };
        tracing::debug!(group = member.group, %error, "heartbeat");
        match error.code() {
            Some(ErrorCode::RebalanceInProgress) => pulse.give(Notice::Rebalance),
            Some(ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration) => {
                return pulse.give(Notice::Lost);
            }
            Some(ErrorCode::CoordinatorLoadInProgress) => {}
            _ if error.is_retriable() => {
                if let Ok(found) = core.group_coordinator(&member.group).await {
                    coordinator = found;
                }
            }
            _ => return pulse.give(Notice::Failed(error)),
        }
    }
}

async fn beat_once(core: &Core, coordinator: i32, member: &Committer) -> Result<()> {
    let connection = core.node(coordinator, Lane::Heartbeat).await?;
    let version = connection.version_of::<HeartbeatRequest>()?;
    let mut request = HeartbeatRequest {
        group_id: member.group.clone(),
        generation_id: member.generation,
        member_id: member.member_id.clone(),
        ..Default::default()
    };
    if version >= 3 {
        request.group_instance_id = member.instance_id.clone();
    }
    let response = connection.start(version, &request)?.answer().await?;
    ClientError::check(response.error_code, || format!("heartbeat in group {}", member.group), None)
}

/// Leaves the group, so that the others need not wait for the session to end.
pub(crate) async fn leave(core: &Core, coordinator: i32, member: &Committer, reason: &str) -> Result<()> {
    let connection = core.node(coordinator, Lane::Heartbeat).await?;
    let version = connection.version_of::<LeaveGroupRequest>()?;
    let mut request = LeaveGroupRequest { group_id: member.group.clone(), ..Default::default() };
    if version >= 3 {
        request.members = vec![MemberIdentity {
            member_id: member.member_id.clone(),
            group_instance_id: member.instance_id.clone(),
            reason: (version >= 5).then(|| reason.to_owned()),
        }];
    } else {
        request.member_id = member.member_id.clone();
    }
    let response = connection.start(version, &request)?.answer().await?;
    ClientError::check(response.error_code, || format!("leaving group {}", member.group), None)?;
    for answer in response.members {
        ClientError::check(answer.error_code, || format!("leaving group {}", member.group), None)?;
    }
    Ok(())
}
