//! BrokerHeartbeat: brokers are fenced, unfenced and let go.
//!
//! A broker comes up fenced. It is unfenced once it has read its own registration and wants to be. One that wants to
//! stop first gives its leaderships away, then waits until every active broker knows of that, and may then go.

use moldau_metadata::{BrokerRegistration, MetadataRecord};
use moldau_protocol::messages::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationChangeRecord,
};
use moldau_types::{BrokerId, ErrorCode, Offset, Uuid};

use crate::leadership::BrokerEvent;
use crate::{ApiError, Context, Controller, ControllerResult};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BrokerState {
    Fenced,
    Unfenced,
    ControlledShutdown,
    ShutdownNow,
}

impl BrokerState {
    fn of(broker: &BrokerRegistration) -> BrokerState {
        if broker.fenced {
            BrokerState::Fenced
        } else if broker.in_controlled_shutdown {
            BrokerState::ControlledShutdown
        } else {
            BrokerState::Unfenced
        }
    }
}

impl Controller {
    /// Handles BrokerHeartbeat.
    pub fn broker_heartbeat(
        &mut self,
        cx: &mut Context<'_>,
        request: &BrokerHeartbeatRequest,
    ) -> ControllerResult<BrokerHeartbeatResponse> {
        let id = BrokerId(request.broker_id);
        let broker = match check_broker_epoch(cx, id, request.broker_epoch) {
            Ok(broker) => broker,
            Err(error) => {
                let error_code = error.code.code();
                return ControllerResult::unchanged(BrokerHeartbeatResponse {
                    error_code,
                    ..Default::default()
                });
            }
        };
        let lost = lost_directories(cx, broker, request);
        let current = BrokerState::of(broker);
        let next = match self.next_state(cx, broker, request) {
            // First its lost directories are noted; else it would get partitions in them to lead.
            BrokerState::Unfenced if current == BrokerState::Fenced && !lost.is_empty() => current,
            next => next,
        };
        let mut records = Vec::new();
        match (current, next) {
            _ if current == next => self.lose_directories(cx, broker, &lost, &mut records),
            (_, BrokerState::Fenced | BrokerState::ShutdownNow) if broker.fenced => {}
            (_, BrokerState::Fenced | BrokerState::ShutdownNow) => self.fence(cx, broker, &mut records),
            (_, BrokerState::Unfenced) => self.unfence(cx, broker, &mut records),
            (_, BrokerState::ControlledShutdown) => self.begin_controlled_shutdown(cx, broker, &mut records),
        }
        self.liveness.touch(id, Offset(request.current_metadata_offset), cx.now_ms);
        if next == BrokerState::ControlledShutdown && current != next {
            let shutdown_offset = cx.next_offset.0 + records.len() as i64 - 1;
            self.liveness.set_controlled_shutdown_offset(id, Offset(shutdown_offset));
        }
        let online: Vec<_> =
            broker.directories.iter().copied().filter(|directory| !lost.contains(directory)).collect();
        // A broker without any directory stops by itself; an empty list would say "no change".
        if !lost.is_empty() && !online.is_empty() {
            records.push(BrokerRegistrationChangeRecord { log_dirs: online, ..change_of(broker) }.into());
        }
        if cx.version().has_cordoned_dirs()
            && let Some(cordoned) = &request.cordoned_log_dirs
        {
            let mut cordoned = cordoned.clone();
            cordoned.sort_unstable();
            if broker.cordoned_directories.as_ref() != Some(&cordoned) {
                let change =
                    BrokerRegistrationChangeRecord { cordoned_log_dirs: Some(cordoned), ..change_of(broker) };
                records.push(change.into());
            }
        }
        let response = BrokerHeartbeatResponse {
            is_caught_up: request.current_metadata_offset >= broker.broker_epoch,
            is_fenced: matches!(next, BrokerState::Fenced | BrokerState::ShutdownNow),
            should_shut_down: next == BrokerState::ShutdownNow,
            ..Default::default()
        };
        ControllerResult::of(records, response)
    }

    fn next_state(
        &self,
        cx: &Context<'_>,
        broker: &BrokerRegistration,
        request: &BrokerHeartbeatRequest,
    ) -> BrokerState {
        let current = BrokerState::of(broker);
        let leads = || Controller::leads_anything(cx.image, broker.id);
        match (current, request.want_fence, request.want_shut_down) {
            (BrokerState::Fenced, _, true) | (BrokerState::Unfenced, true, true) => BrokerState::ShutdownNow,
            // It was let go: only a new incarnation comes back.
            (BrokerState::Fenced, ..) if broker.in_controlled_shutdown => BrokerState::ShutdownNow,
            // Its broker epoch is the offset of its registration record.
            (BrokerState::Fenced, false, _) if request.current_metadata_offset >= broker.broker_epoch => {
                BrokerState::Unfenced
            }
            (BrokerState::Fenced, ..) | (BrokerState::Unfenced, true, false) => BrokerState::Fenced,
            (BrokerState::Unfenced, false, false) => BrokerState::Unfenced,
            (BrokerState::Unfenced, false, true) if leads() => BrokerState::ControlledShutdown,
            (BrokerState::Unfenced, false, true) => BrokerState::ShutdownNow,
            (BrokerState::ControlledShutdown, ..) if leads() || !self.shutdown_is_known(cx, broker.id) => {
                BrokerState::ControlledShutdown
            }
            (BrokerState::ControlledShutdown | BrokerState::ShutdownNow, ..) => BrokerState::ShutdownNow,
        }
    }

    /// Whether every active broker has read that this one leads nothing any more.
    fn shutdown_is_known(&self, cx: &Context<'_>, broker: BrokerId) -> bool {
        let Some(offset) = self.liveness.controlled_shutdown_offset(broker) else { return true };
        let mut active = cx.image.cluster.brokers().filter(|b| b.is_active());
        active.all(|b| self.liveness.metadata_offset(b.id).is_some_and(|seen| seen >= offset))
    }

    pub(crate) fn fence(
        &mut self,
        cx: &Context<'_>,
        broker: &BrokerRegistration,
        records: &mut Vec<MetadataRecord>,
    ) {
        self.update_leaders_and_isrs(cx.image, BrokerEvent::Left(broker.id), records);
        records.push(BrokerRegistrationChangeRecord { fenced: 1, ..change_of(broker) }.into());
    }

    fn unfence(&mut self, cx: &Context<'_>, broker: &BrokerRegistration, records: &mut Vec<MetadataRecord>) {
        records.push(BrokerRegistrationChangeRecord { fenced: -1, ..change_of(broker) }.into());
        self.update_leaders_and_isrs(cx.image, BrokerEvent::Arrived(broker.id), records);
    }

    fn begin_controlled_shutdown(
        &mut self,
        cx: &Context<'_>,
        broker: &BrokerRegistration,
        records: &mut Vec<MetadataRecord>,
    ) {
        let change = BrokerRegistrationChangeRecord { in_controlled_shutdown: 1, ..change_of(broker) };
        records.push(change.into());
        self.update_leaders_and_isrs(cx.image, BrokerEvent::Left(broker.id), records);
    }

    fn lose_directories(
        &self,
        cx: &Context<'_>,
        broker: &BrokerRegistration,
        lost: &[Uuid],
        records: &mut Vec<MetadataRecord>,
    ) {
        for directory in lost {
            self.update_leaders_and_isrs(
                cx.image,
                BrokerEvent::LostDirectory(broker.id, *directory),
                records,
            );
        }
    }

    /// Fences the first broker that was not heard of for a whole session timeout. To be called again until nothing
    /// comes back.
    pub fn fence_stale_broker(&mut self, cx: &mut Context<'_>) -> Option<(BrokerId, ControllerResult<()>)> {
        let timeout_ms = self.settings.broker_session_timeout_ms;
        let stale = |broker: &&std::sync::Arc<BrokerRegistration>| {
            !broker.fenced && self.liveness.is_expired(broker.id, cx.now_ms, timeout_ms)
        };
        let broker = cx.image.cluster.brokers().find(stale)?.clone();
        let mut records = Vec::new();
        self.fence(cx, &broker, &mut records);
        Some((broker.id, ControllerResult::of(records, ())))
    }

    /// When [`Controller::fence_stale_broker`] is to be asked next; `None` without brokers that could become stale.
    pub fn next_stale_check_ms(&self, cx: &Context<'_>) -> Option<i64> {
        let unfenced = cx.image.cluster.brokers().filter(|broker| !broker.fenced);
        let timeout_ms = self.settings.broker_session_timeout_ms;
        unfenced.map(|broker| self.liveness.deadline_ms(broker.id, timeout_ms).unwrap_or(cx.now_ms)).min()
    }
}

/// Directories of the broker that the request says are offline and that were not before.
fn lost_directories(
    cx: &Context<'_>,
    broker: &BrokerRegistration,
    request: &BrokerHeartbeatRequest,
) -> Vec<Uuid> {
    if !cx.version().has_directories() {
        return Vec::new();
    }
    let lost = broker.directories.iter().filter(|directory| request.offline_log_dirs.contains(directory));
    lost.copied().collect()
}

/// A change of the broker's registration in which nothing changes yet.
fn change_of(broker: &BrokerRegistration) -> BrokerRegistrationChangeRecord {
    BrokerRegistrationChangeRecord {
        broker_id: broker.id.0,
        broker_epoch: broker.broker_epoch,
        ..BrokerRegistrationChangeRecord::default()
    }
}

/// The broker's registration, if it is the one that the request speaks of.
pub(crate) fn check_broker_epoch<'a>(
    cx: &Context<'a>,
    id: BrokerId,
    broker_epoch: i64,
) -> Result<&'a BrokerRegistration, ApiError> {
    let stale = |message: String| ApiError::new(ErrorCode::StaleBrokerEpoch, message);
    let Some(broker) = cx.image.cluster.broker(id) else {
        return Err(stale(format!("No broker registration found for broker id {id}")));
    };
    if broker.broker_epoch != broker_epoch {
        let current = broker.broker_epoch;
        return Err(stale(format!("Expected broker epoch {current}, but got broker epoch {broker_epoch}")));
    }
    Ok(broker)
}
