//! BrokerRegistration, UnregisterBroker and ControllerRegistration.
//!
//! A broker registers with each start, fenced, and gets as its broker epoch the offset of its registration record. What
//! is left of the incarnation before it is cleaned up first: a clean stop is recognized by the broker epoch that it
//! remembers.

use std::collections::BTreeMap;

use moldau_metadata::{BrokerRegistration, MetadataVersion, VersionRange, feature};
use moldau_protocol::messages::register_broker_record::{BrokerEndpoint, BrokerFeature};
use moldau_protocol::messages::register_controller_record::{ControllerEndpoint, ControllerFeature};
use moldau_protocol::messages::{
    BrokerRegistrationRequest, BrokerRegistrationResponse, ControllerRegistrationRequest,
    ControllerRegistrationResponse, RegisterBrokerRecord, RegisterControllerRecord, UnregisterBrokerRecord,
    UnregisterBrokerRequest, UnregisterBrokerResponse,
};
use moldau_types::{BrokerId, ErrorCode, Offset};

use crate::leadership::BrokerEvent;
use crate::{ApiError, Context, Controller, ControllerResult};

impl Controller {
    /// Handles BrokerRegistration. `detects_unclean_stops` is whether the request's version (3 on) tells the broker
    /// epoch before a clean stop.
    pub fn register_broker(
        &mut self,
        cx: &mut Context<'_>,
        request: &BrokerRegistrationRequest,
        detects_unclean_stops: bool,
    ) -> Result<ControllerResult<BrokerRegistrationResponse>, ApiError> {
        let id = BrokerId(request.broker_id);
        self.check_registration(cx, request)?;
        let existing = cx.image.cluster.broker(id);
        let amended = existing.filter(|broker| broker.incarnation_id == request.incarnation_id);
        let mut records = Vec::new();
        if let (Some(existing), None) = (existing, amended) {
            let clean = !detects_unclean_stops || existing.broker_epoch == request.previous_broker_epoch;
            let event = if clean || !cx.image.elr_enabled() {
                BrokerEvent::Left(id)
            } else {
                BrokerEvent::StoppedUncleanly(id)
            };
            self.update_leaders_and_isrs(cx.image, event, &mut records);
        }
        // Behind the records that clean up: the epoch is the offset of this very record.
        let epoch_of_new = Offset(cx.next_offset.0 + records.len() as i64).0;
        let broker_epoch = amended.map_or(epoch_of_new, |broker| broker.broker_epoch);
        records.push(record_of(request, broker_epoch, amended.map(|b| &**b), cx.version()).into());
        if amended.is_none() {
            self.liveness.registered(id, cx.now_ms);
        }
        let response = BrokerRegistrationResponse { broker_epoch, ..Default::default() };
        Ok(ControllerResult::atomic(records, response))
    }

    fn check_registration(
        &self,
        cx: &Context<'_>,
        request: &BrokerRegistrationRequest,
    ) -> Result<(), ApiError> {
        let id = BrokerId(request.broker_id);
        if request.cluster_id != self.settings.cluster_id {
            let (ours, theirs) = (&self.settings.cluster_id, &request.cluster_id);
            let message = format!("Expected cluster ID {ours}, but got cluster ID {theirs}");
            return Err(ApiError::new(ErrorCode::InconsistentClusterId, message));
        }
        if let Some(existing) = cx.image.cluster.broker(id)
            && existing.incarnation_id != request.incarnation_id
            && !existing.in_controlled_shutdown
            && self.liveness.has_session(id, cx.now_ms, self.settings.broker_session_timeout_ms)
        {
            let message = "Another broker is registered with that broker id. If the broker was recently restarted \
                           this should self-resolve once the heartbeat manager expires the broker's session.";
            return Err(ApiError::new(ErrorCode::DuplicateBrokerRegistration, message));
        }
        let invalid = |message: String| ApiError::new(ErrorCode::InvalidRegistration, message);
        if request.is_migrating_zk_broker {
            let message = "Controller does not support registering ZK brokers.";
            return Err(ApiError::new(ErrorCode::BrokerIdNotRegistered, message));
        }
        if cx.version().has_directories() {
            check_directories(cx, request).map_err(invalid)?;
        }
        let unsupported = |message: String| ApiError::new(ErrorCode::UnsupportedVersion, message);
        let supported: BTreeMap<&str, VersionRange> = request
            .features
            .iter()
            .map(|f| {
                (f.name.as_str(), VersionRange { min: f.min_supported_version, max: f.max_supported_version })
            })
            .collect();
        let mut finalized = cx.image.features.all();
        finalized.insert(feature::KRAFT_VERSION, cx.kraft_version);
        for (name, level) in finalized {
            let range = match supported.get(name) {
                Some(range) => *range,
                // Brokers before 3.9 do not name it; level 0 needs nothing of them.
                None if name == feature::KRAFT_VERSION => VersionRange { min: 0, max: 0 },
                None if name == MetadataVersion::FEATURE_NAME => {
                    return Err(unsupported("Request features do not contain 'metadata.version'".into()));
                }
                None => VersionRange { min: 0, max: 0 },
            };
            if !range.contains(level) {
                return Err(unsupported(format!(
                    "Unable to register because the broker does not support finalized version {level} of {name}. The \
                     broker wants a version between {} and {}, inclusive.",
                    range.min, range.max
                )));
            }
        }
        Ok(())
    }

    /// Handles UnregisterBroker.
    pub fn unregister_broker(
        &mut self,
        cx: &mut Context<'_>,
        request: &UnregisterBrokerRequest,
    ) -> ControllerResult<UnregisterBrokerResponse> {
        let id = BrokerId(request.broker_id);
        let Some(broker) = cx.image.cluster.broker(id) else {
            return ControllerResult::unchanged(UnregisterBrokerResponse {
                error_code: ErrorCode::BrokerIdNotRegistered.code(),
                error_message: Some(format!("Broker ID {id} is not currently registered")),
                ..Default::default()
            });
        };
        let mut records = Vec::new();
        self.update_leaders_and_isrs(cx.image, BrokerEvent::Left(id), &mut records);
        let (broker_id, broker_epoch) = (id.0, broker.broker_epoch);
        records.push(UnregisterBrokerRecord { broker_id, broker_epoch }.into());
        self.liveness.forget(id);
        ControllerResult::atomic(
            records,
            UnregisterBrokerResponse { error_message: None, ..Default::default() },
        )
    }

    /// Handles ControllerRegistration.
    pub fn register_controller(
        &mut self,
        cx: &mut Context<'_>,
        request: &ControllerRegistrationRequest,
    ) -> ControllerResult<ControllerRegistrationResponse> {
        if !cx.version().has_controller_registration() {
            return ControllerResult::unchanged(ControllerRegistrationResponse {
                error_code: ErrorCode::UnsupportedVersion.code(),
                error_message: Some(
                    "The current MetadataVersion is too old to support controller registrations.".into(),
                ),
                ..Default::default()
            });
        }
        let end_points = request.listeners.iter().map(|l| ControllerEndpoint {
            name: l.name.clone(),
            host: l.host.clone(),
            port: l.port,
            security_protocol: l.security_protocol,
        });
        let features = request.features.iter().map(|f| ControllerFeature {
            name: f.name.clone(),
            min_supported_version: f.min_supported_version,
            max_supported_version: f.max_supported_version,
        });
        let record = RegisterControllerRecord {
            controller_id: request.controller_id,
            incarnation_id: request.incarnation_id,
            zk_migration_ready: request.zk_migration_ready,
            end_points: end_points.collect(),
            features: features.collect(),
        };
        let response = ControllerRegistrationResponse { error_message: None, ..Default::default() };
        ControllerResult::atomic(vec![record.into()], response)
    }
}

fn check_directories(cx: &Context<'_>, request: &BrokerRegistrationRequest) -> Result<(), String> {
    let mut directories = request.log_dirs.clone();
    directories.sort_unstable();
    if directories.is_empty() {
        return Err("No directories specified in request".into());
    }
    if directories.iter().any(|directory| directory.is_reserved()) {
        return Err("Reserved directory ID in request".into());
    }
    if directories.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("Duplicate directory ID in request".into());
    }
    for other in cx.image.cluster.brokers().filter(|other| other.id.0 != request.broker_id) {
        if let Some(taken) = directories.iter().find(|directory| other.directories.contains(directory)) {
            return Err(format!("Broker {} is already registered with directory {taken}", other.id));
        }
    }
    Ok(())
}

fn record_of(
    request: &BrokerRegistrationRequest,
    broker_epoch: i64,
    amended: Option<&BrokerRegistration>,
    version: MetadataVersion,
) -> RegisterBrokerRecord {
    let end_points = request.listeners.iter().map(|l| BrokerEndpoint {
        name: l.name.clone(),
        host: l.host.clone(),
        port: l.port,
        security_protocol: l.security_protocol,
    });
    let features = request.features.iter().map(|f| BrokerFeature {
        name: f.name.clone(),
        min_supported_version: f.min_supported_version,
        max_supported_version: f.max_supported_version,
    });
    RegisterBrokerRecord {
        broker_id: request.broker_id,
        is_migrating_zk_broker: false,
        incarnation_id: request.incarnation_id,
        broker_epoch,
        end_points: end_points.collect(),
        features: features.collect(),
        rack: request.rack.clone(),
        fenced: amended.is_none_or(|broker| broker.fenced),
        in_controlled_shutdown: amended.is_some_and(|broker| broker.in_controlled_shutdown),
        log_dirs: if version.has_directories() { request.log_dirs.clone() } else { Vec::new() },
        cordoned_log_dirs: None,
    }
}
