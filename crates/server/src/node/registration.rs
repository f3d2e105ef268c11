//! How this broker tells the controller that it comes and goes: registration, the first heartbeat, controlled shutdown.

use std::sync::Arc;

use moldau_controller::ControllerResult;
use moldau_log::LogDirInfo;
use moldau_metadata::feature::supported_features;
use moldau_protocol::messages::broker_registration_request::{Feature, Listener};
use moldau_protocol::messages::controller_registration_request;
use moldau_protocol::messages::{
    BrokerHeartbeatRequest, BrokerRegistrationRequest, ControllerRegistrationRequest,
};
use moldau_types::{ErrorCode, Uuid};
use tokio::sync::watch;

use super::NodeError;
use crate::broker::Broker;

/// Says where this node's controller listens and what it supports, as each controller does when it starts to lead.
pub(super) async fn register_controller(broker: &Arc<Broker>) -> Result<(), NodeError> {
    let features =
        supported_features().into_iter().map(|(name, levels)| controller_registration_request::Feature {
            name: name.to_owned(),
            min_supported_version: levels.min,
            max_supported_version: levels.max,
        });
    let listeners = broker.identity.controller_listeners.iter();
    let request = ControllerRegistrationRequest {
        controller_id: broker.node_id().0,
        incarnation_id: Uuid::random(),
        zk_migration_ready: false,
        listeners: listeners
            .map(|(name, host, port)| controller_registration_request::Listener {
                name: name.clone(),
                host: host.clone(),
                port: *port,
                security_protocol: 0,
            })
            .collect(),
        features: features.collect(),
    };
    let registered = broker
        .controller()
        .submit(move |controller, context| {
            if !context.image.features.version().has_controller_registration() {
                return ControllerResult::unchanged(0);
            }
            let ControllerResult { records, response, atomic } =
                controller.register_controller(context, &request);
            ControllerResult { records, response: response.error_code, atomic }
        })
        .await;
    match registered {
        Ok(0) => Ok(()),
        Ok(code) => Err(ErrorCode::from_code(code)),
        Err(error) => Err(error),
    }
    .map_err(|error| NodeError(format!("registering the controller: {}", error.name())))
}

/// Registers the broker and has it unfenced: from then on it leads its partitions.
pub(super) async fn join(
    broker: &Arc<Broker>,
    listeners: Vec<Listener>,
    log_dirs: Vec<Uuid>,
    rack: Option<String>,
    previous_broker_epoch: i64,
) -> Result<i64, NodeError> {
    let features = supported_features().into_iter().map(|(name, levels)| Feature {
        name: name.to_owned(),
        min_supported_version: levels.min,
        max_supported_version: levels.max,
    });
    let request = BrokerRegistrationRequest {
        broker_id: broker.node_id().0,
        cluster_id: broker.cluster_id().to_owned(),
        incarnation_id: Uuid::random(),
        listeners,
        features: features.collect(),
        rack,
        log_dirs,
        previous_broker_epoch,
        ..BrokerRegistrationRequest::default()
    };
    let failed =
        |what: &str, error: ErrorCode| NodeError(format!("{what}: the controller said {}", error.name()));
    let registered = broker
        .controller()
        .submit(move |controller, context| match controller.register_broker(context, &request, true) {
            Ok(ControllerResult { records, response, atomic }) => {
                ControllerResult { records, response: Ok(response), atomic }
            }
            Err(error) => ControllerResult::unchanged(Err(error)),
        })
        .await
        .map_err(|error| failed("registering the broker", error))?;
    let response =
        registered.map_err(|error| NodeError(format!("registering the broker: {}", error.message)))?;
    let broker_epoch = response.broker_epoch;
    heartbeat(broker, broker_epoch, false).await.map_err(|error| failed("unfencing the broker", error))?;
    Ok(broker_epoch)
}

/// Tells the controller that this broker goes, so that its partitions have no leader that does not answer.
pub(super) async fn leave(broker: &Arc<Broker>) {
    let broker_epoch = broker.own_epoch();
    // The first heartbeat begins the controlled shutdown, the second ends it.
    for _ in 0..2 {
        if let Err(error) = heartbeat(broker, broker_epoch, true).await {
            tracing::warn!(error = error.name(), "the controller does not know that this broker goes");
            return;
        }
    }
}

/// Tells the controller of each change of `cordoned.log.dirs`, so that it places nothing on a broker that takes nothing, and of
/// each log directory that goes offline, so that nobody is sent to the partitions in it.
pub(super) async fn tell_of_directories(broker: Arc<Broker>, mut stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = broker.directories_changed.notified() => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        if let Err(error) = heartbeat(&broker, broker.own_epoch(), false).await {
            tracing::warn!(
                error = error.name(),
                "the controller does not know which log directories are cordoned or offline"
            );
        }
    }
}

async fn heartbeat(broker: &Arc<Broker>, broker_epoch: i64, want_shut_down: bool) -> Result<(), ErrorCode> {
    let dirs = broker.logs.dirs();
    let ids = |of: &dyn Fn(&LogDirInfo) -> bool| -> Vec<_> {
        dirs.iter().filter(|dir| of(dir)).filter_map(|dir| dir.id).collect()
    };
    let request = BrokerHeartbeatRequest {
        cordoned_log_dirs: Some(ids(&|dir| dir.cordoned)),
        offline_log_dirs: ids(&|dir| dir.failure.is_some()),
        broker_id: broker.node_id().0,
        broker_epoch,
        current_metadata_offset: broker.image().provenance.last_offset.0,
        want_shut_down,
        ..BrokerHeartbeatRequest::default()
    };
    let response = broker
        .controller()
        .submit(move |controller, context| controller.broker_heartbeat(context, &request))
        .await?;
    match response.error_code {
        0 => Ok(()),
        code => Err(ErrorCode::from_code(code)),
    }
}
