//! The start of a node, step by step.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moldau_config::broker::{Listener, NetworkConfig};
use moldau_config::{BrokerConfig, Loaded, TopicConfig};
use moldau_controller::{Controller, ControllerSettings};
use moldau_coordinator_runtime::{GroupCoordinator, GroupCoordinatorConfig};
use moldau_log::{LogConfig, LogManager};
use moldau_metadata::{ConfigResource, MetadataImage};
use moldau_protocol::messages::broker_registration_request::Listener as RegisteredListener;
use moldau_quorum::MetadataQuorum;
use moldau_types::{BrokerId, Uuid};
use tokio::sync::{Semaphore, watch};

use super::{Node, NodeError, NodeOptions, bootstrap, registration};
use crate::broker::{Applier, Broker, Configs, Identity, spawn_background, wall_clock_ms};
use crate::controller::{ControllerHandle, ControllerTask, SnapshotRules, load, open_quorum, run};
use crate::network::{Bound, ConnectionLimits, ConnectionRegistry, ConnectionSettings, bind, serve};
use crate::telemetry::{HttpListener, Started, serve_http};

impl Node {
    /// Starts a node; when this returns, its listeners answer and its partitions have leaders. Needs a multi-threaded
    /// tokio runtime.
    pub async fn start(options: NodeOptions) -> Result<Node, NodeError> {
        let started = Instant::now();
        options.check_first_start()?;
        let first_start = options.bootstrap();
        let Loaded { config, settings, warnings } = options.configs;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        check_roles(&config)?;
        raise_descriptor_limit();
        let bound = bind_all(&config).await?;
        let (stopping, stopped) = watch::channel(false);
        let started_node = Started::default();
        let http = bind_http(&config).await?;
        let http_address = http.as_ref().map(|listener| listener.address);
        let mut tasks: Vec<_> = http
            .map(|listener| tokio::spawn(serve_http(listener, started_node.clone(), stopped.clone())))
            .into_iter()
            .collect();
        let node_id = BrokerId(config.node.node_id);

        let logs = LogManager::lock(&config.log.log_dirs).map_err(|e| NodeError(e.to_string()))?;
        let meta = logs
            .ensure_meta(node_id.0, config.node.cluster_id.as_deref(), || Uuid::random().to_string())
            .map_err(|e| NodeError(e.to_string()))?;
        let controller_listeners = advertised(&config, &bound, true);
        let quorum = Arc::new(open_quorum(&config, &logs, &meta.cluster_id, &controller_listeners).await?);
        let loaded = load(&*quorum)?;
        let image = Arc::new(loaded.image);

        let dynamic = quorum.status().kraft_version > 0;
        let first_start = if image.features.metadata_version.is_none() {
            bootstrap::wanted(first_start, &config.metadata_log.dir, &settings, dynamic)?
        } else {
            first_start
        };

        let logs = Arc::new(logs);
        logs.set_cordoned(config.log.cordoned_log_dirs.clone());
        let settings = settings.with_dynamic(
            image.configs.get(&ConfigResource::default_broker()).clone(),
            image.configs.get(&ConfigResource::broker(node_id)).clone(),
        );
        // What was set while it ran counts at the start too; what cannot be taken is told of when it is.
        let altered = BrokerConfig::of(&settings).ok();
        let log_config = altered.as_ref().map_or(&config.log, |altered| &altered.log);
        let report = recover(logs.clone(), image.clone(), settings.clone(), log_config).await?;

        let identity = Identity {
            node_id,
            cluster_id: meta.cluster_id.clone(),
            controller_listeners,
            kraft_version: quorum.status().kraft_version,
        };
        let controller_settings = ControllerSettings::new(node_id, meta.cluster_id, &settings);
        let groups = GroupCoordinator::new(GroupCoordinatorConfig::from(&config));
        let (controller, operations) = ControllerHandle::new();
        let rules = SnapshotRules {
            max_record_bytes: u64::try_from(config.metadata_log.max_record_bytes_between_snapshots)
                .unwrap_or(0),
            max_interval_ms: config.metadata_log.max_snapshot_interval_ms,
        };
        let log_dir_ids = logs.dirs().into_iter().filter_map(|dir| dir.id).collect();
        let rack = config.node.broker_rack.clone();
        let client_listeners = registered(advertised(&config, &bound, false));
        let connection_settings = Arc::new(connection_settings(&config.network));
        let registry = ConnectionRegistry::new(ConnectionLimits::of(&config));
        let broker = Broker::new(
            identity,
            Configs { settings, broker: config },
            logs,
            groups,
            controller.clone(),
            options.loggers,
            registry.clone(),
        );
        let mut applier = Applier::new(broker.clone());
        applier.start(&image);
        let task = ControllerTask {
            quorum: quorum.clone(),
            controller: Controller::new(controller_settings, &image, wall_clock_ms()),
            publisher: applier,
            image,
            open_transaction: loaded.open_transaction,
            bytes_since_snapshot: loaded.bytes_since_snapshot,
            rules,
            clock: wall_clock_ms,
        };
        tokio::spawn(run(task, operations));
        let node_settings = broker.configs.load().settings.clone();
        bootstrap::write_if_empty(&controller, first_start, node_settings, dynamic).await?;
        // The first asked is the first written; both share an fsync.
        let (controller_registered, joined) = tokio::join!(
            registration::register_controller(&broker),
            registration::join(&broker, client_listeners, log_dir_ids, rack, report.previous_broker_epoch)
        );
        controller_registered?;
        joined?;

        tasks.extend(spawn_background(&broker, &stopped));
        tasks.push(tokio::spawn(registration::tell_of_directories(broker.clone(), stopped.clone())));
        tasks.push(tokio::spawn(reap_idle(broker.clone(), registry.clone(), stopped.clone())));
        let mut listeners = Vec::new();
        for listener in bound {
            tracing::info!(
                listener = &*listener.name,
                address = %listener.address,
                after_ms = started.elapsed().as_millis() as u64,
                "listening"
            );
            listeners.push((listener.name.clone(), listener.address));
            let accepting = serve(
                listener,
                broker.clone(),
                connection_settings.clone(),
                registry.clone(),
                stopped.clone(),
            );
            tasks.push(tokio::spawn(accepting));
        }
        if let Some(address) = http_address {
            tracing::info!(%address, "metrics and health over HTTP");
        }
        // It was set by nobody else.
        let _ = started_node.set((broker.clone(), quorum.clone()));
        Ok(Node { broker, quorum, stopping, listeners, http: http_address, tasks })
    }
}

fn check_roles(config: &BrokerConfig) -> Result<(), NodeError> {
    if config.node.is_broker && config.node.is_controller {
        return Ok(());
    }
    Err(NodeError(
        "process.roles must be broker,controller: this version runs both in one process".to_owned(),
    ))
}

/// Servers need a descriptor for each connection and each segment in use; the soft limit is often far below what the
/// system allows.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!("the limit of open files stays as it is: {error}");
        }
    }
}

/// The HTTP listener, if there is one. A port that nobody asked for may be missing: several nodes on a machine are no mistake.
async fn bind_http(config: &BrokerConfig) -> Result<Option<HttpListener>, NodeError> {
    let Some(wanted) = &config.network.http_listener else { return Ok(None) };
    match HttpListener::bind(&wanted.address.host, wanted.address.port).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if wanted.is_default && error.kind() == std::io::ErrorKind::AddrInUse => {
            tracing::warn!(
                "no metrics and health over HTTP: {} is in use; choose another with moldau.http.listener",
                wanted.address
            );
            Ok(None)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Err(NodeError(format!(
            "moldau.http.listener={0}: something else listens on {0}; stop it or choose another port",
            wanted.address
        ))),
        Err(error) => {
            Err(NodeError(format!("moldau.http.listener={0}: cannot listen on {0}: {error}", wanted.address)))
        }
    }
}

async fn bind_all(config: &BrokerConfig) -> Result<Vec<Bound>, NodeError> {
    let backlog = u32::try_from(config.network.socket_listen_backlog_size).unwrap_or(50);
    let mut bound = Vec::new();
    for listener in &config.listeners.all {
        let Listener { name, address, is_controller, .. } = listener;
        bound.push(bind(name, *is_controller, &address.host, address.port, backlog).await?);
    }
    Ok(bound)
}

/// Listener names with host and port as others reach them.
fn advertised(config: &BrokerConfig, bound: &[Bound], controllers: bool) -> Vec<(String, String, u16)> {
    let pairs = config.listeners.all.iter().zip(bound);
    let wanted = pairs.filter(|(listener, _)| listener.is_controller == controllers);
    wanted
        .map(|(listener, bound)| {
            let host = match listener.advertised.host.as_str() {
                "" => host_name(bound.address),
                host => host.to_owned(),
            };
            let port = match listener.advertised.port {
                0 => bound.address.port(),
                port => port,
            };
            (listener.name.clone(), host, port)
        })
        .collect()
}

fn host_name(address: SocketAddr) -> String {
    if !address.ip().is_unspecified() {
        return address.ip().to_string();
    }
    let name = rustix::system::uname();
    name.nodename().to_str().map_or_else(|_| "localhost".to_owned(), str::to_owned)
}

fn registered(listeners: Vec<(String, String, u16)>) -> Vec<RegisteredListener> {
    listeners
        .into_iter()
        .map(|(name, host, port)| RegisteredListener { name, host, port, security_protocol: 0 })
        .collect()
}

async fn recover(
    logs: Arc<LogManager>,
    image: Arc<MetadataImage>,
    settings: moldau_config::Settings,
    config: &moldau_config::broker::LogConfig,
) -> Result<moldau_log::LoadReport, NodeError> {
    let expiration = i64::from(config.producer_id_expiration_ms);
    let per_dir = usize::try_from(config.num_recovery_threads_per_data_dir).unwrap_or(1);
    let dirs: &[PathBuf] = &config.log_dirs;
    let threads = (per_dir * dirs.len()).max(std::thread::available_parallelism().map_or(1, usize::from));
    let loaded = tokio::task::spawn_blocking(move || {
        let config_of = |topic: &str, _| {
            LogConfig::of_topic(&TopicConfig::resolve(image.configs.topic(topic), &settings), expiration)
        };
        logs.load(&config_of, threads, wall_clock_ms())
    });
    loaded.await.map_err(|error| NodeError(format!("opening the logs: {error}")))
}

fn connection_settings(network: &NetworkConfig) -> ConnectionSettings {
    let own = |bytes: i32, default: i32| u32::try_from(bytes).ok().filter(|_| bytes != default);
    let queued = usize::try_from(network.queued_max_request_bytes).ok().filter(|bytes| *bytes > 0);
    ConnectionSettings {
        queued_bytes: queued.map(|bytes| Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)))),
        request_bytes_max: usize::try_from(network.socket_request_max_bytes).unwrap_or(0),
        receive_buffer_bytes: own(network.socket_receive_buffer_bytes, DEFAULT_SOCKET_BUFFER_BYTES),
        send_buffer_bytes: own(network.socket_send_buffer_bytes, DEFAULT_SOCKET_BUFFER_BYTES),
    }
}

/// The reference's default of the socket buffers; the kernel's own sizing is better than this number, so only another
/// one is set.
const DEFAULT_SOCKET_BUFFER_BYTES: i32 = 102_400;

async fn reap_idle(
    broker: Arc<Broker>,
    registry: Arc<ConnectionRegistry>,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        let max = u64::try_from(broker.configs.load().broker.network.connections_max_idle_ms)
            .ok()
            .map(Duration::from_millis);
        let pause = max.map_or(Duration::from_secs(5), |max| {
            (max / 4).clamp(Duration::from_millis(50), Duration::from_secs(5))
        });
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        registry.look_at_idle(max.unwrap_or(Duration::MAX));
    }
}
