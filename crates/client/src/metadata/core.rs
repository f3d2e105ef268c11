//! What producer, consumer and admin stand on: connections by role and a snapshot of the cluster that is kept fresh.
//!
//! Always: when none of the known brokers can be reached, the addresses of `bootstrap.servers` are tried again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use moldau_protocol::Request;
use moldau_protocol::messages::metadata_request::MetadataRequestTopic;
use moldau_protocol::messages::{
    FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest, MetadataResponse,
};
use moldau_types::ErrorCode;
use rand::seq::SliceRandom;
use tokio::time::{Instant, sleep, timeout_at};

use super::cache::{Cache, Wanted};
use super::cluster::{Broker, Cluster, Topic};
use crate::config::{CommonConfig, MetadataRecovery};
use crate::error::{ClientError, Result};
use crate::net::{Connection, ConnectionMetrics, Lane, Pool};

/// The shared part of a client.
pub(crate) struct Core {
    config: CommonConfig,
    pool: Pool,
    cache: Cache,
    /// Whether a topic that is asked for by name may be made by the broker.
    create_topics: bool,
    /// How often a failed request is made again.
    retries: AtomicU32,
    refreshing: tokio::sync::Mutex<()>,
}

impl Core {
    pub(crate) fn new(config: CommonConfig, create_topics: bool) -> Result<Arc<Self>> {
        Self::forgetting(config, create_topics, None)
    }

    /// As [`Core::new`]; a topic that was not wanted again for `idle` is no longer asked for.
    pub(crate) fn forgetting(
        config: CommonConfig,
        create_topics: bool,
        idle: Option<Duration>,
    ) -> Result<Arc<Self>> {
        if config.bootstrap_servers.is_empty() {
            return Err(ClientError::Usage(
                "bootstrap.servers is empty; name at least one host:port".to_owned(),
            ));
        }
        for address in &config.bootstrap_servers {
            check_address(address)?;
        }
        Ok(Arc::new(Self {
            pool: Pool::new(config.clone()),
            config,
            cache: Cache::new(idle),
            create_topics,
            retries: AtomicU32::new(u32::MAX),
            refreshing: tokio::sync::Mutex::default(),
        }))
    }

    pub(crate) fn config(&self) -> &CommonConfig {
        &self.config
    }

    /// The newest snapshot, however old.
    pub(crate) fn cluster(&self) -> Arc<Cluster> {
        self.cache.cluster()
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// Makes failed requests again at most so often, where the caller has a setting for that.
    pub(crate) fn with_retries(self: Arc<Self>, retries: u32) -> Arc<Self> {
        self.retries.store(retries, Ordering::Relaxed);
        self
    }

    /// Whether the bootstrap addresses are asked although brokers are known.
    fn may_rebootstrap(&self) -> bool {
        self.config.metadata_recovery == MetadataRecovery::Rebootstrap
    }

    /// A connection to any broker: known ones in random order, then (with `metadata.recovery.strategy=rebootstrap`, or
    /// while none is known) the bootstrap addresses.
    pub(crate) async fn any(&self) -> Result<Connection> {
        if self.may_rebootstrap() && self.cache.is_failing_for(self.config.rebootstrap_trigger) {
            tracing::warn!("no metadata for too long: the cluster is found anew from bootstrap.servers");
            self.cache.forget_brokers();
        }
        let mut known: Vec<String> = self.cluster().brokers.values().map(Broker::address).collect();
        known.shuffle(&mut rand::rng());
        let mut bootstrap = self.config.bootstrap_servers.clone();
        bootstrap.shuffle(&mut rand::rng());
        bootstrap.retain(|address| !known.contains(address));
        if !known.is_empty() && !self.may_rebootstrap() {
            bootstrap.clear();
        }
        let mut errors = Vec::new();
        for address in known.iter().chain(&bootstrap) {
            match self.pool.get(address, Lane::Main).await {
                Ok(connection) => return Ok(connection),
                Err(error) => errors.push(error),
            }
        }
        match errors.len() {
            1 => Err(errors.remove(0)),
            _ => Err(ClientError::NoBroker { errors }),
        }
    }

    /// A connection to a broker by its node id.
    pub(crate) async fn node(&self, id: i32, lane: Lane) -> Result<Connection> {
        let address = match self.cluster().brokers.get(&id) {
            Some(broker) => broker.address(),
            None => {
                let cluster = self.refresh().await?;
                let broker = cluster.brokers.get(&id);
                broker
                    .ok_or_else(|| {
                        ClientError::server(format!("broker {id}"), ErrorCode::BrokerNotAvailable, None)
                    })?
                    .address()
            }
        };
        self.pool.get(&address, lane).await
    }

    /// A connection to the node that takes administrative requests.
    pub(crate) async fn controller(&self) -> Result<Connection> {
        let cluster = self.fresh().await?;
        match cluster.controller.and_then(|id| cluster.brokers.get(&id)) {
            Some(broker) => match self.pool.get(&broker.address(), Lane::Main).await {
                Ok(connection) => Ok(connection),
                Err(_) => self.any().await,
            },
            None => self.any().await,
        }
    }

    pub(crate) fn connection_metrics(&self) -> &ConnectionMetrics {
        self.pool.metrics()
    }

    /// How old the snapshot is; `None` before the first one.
    pub(crate) fn metadata_age(&self) -> Option<Duration> {
        self.cache.age()
    }

    /// Whether the snapshot is older than `metadata.max.age.ms`.
    pub(crate) fn is_stale(&self) -> bool {
        self.cache.age().is_none_or(|age| age >= self.config.metadata_max_age)
    }

    /// A snapshot that is not older than `metadata.max.age.ms`.
    pub(crate) async fn fresh(&self) -> Result<Arc<Cluster>> {
        if self.is_stale() { self.refresh().await } else { Ok(self.cluster()) }
    }

    /// Reads metadata now; callers that wait for the same reading share it.
    pub(crate) async fn refresh(&self) -> Result<Arc<Cluster>> {
        let before = self.cache.version();
        let wanted_before = self.cache.wanted();
        let _one_at_a_time = self.refreshing.lock().await;
        if self.cache.version() > before + 1
            || (self.cache.version() > before && self.cache.wanted() == wanted_before)
        {
            return Ok(self.cluster());
        }
        self.cache.forget_idle();
        let wanted = self.cache.wanted();
        let response = self.read_metadata(&wanted, self.create_topics).await?;
        Ok(self.cache.update(response, wanted == Wanted::All))
    }

    /// Metadata of all topics as they are now, apart from what is kept.
    pub(crate) async fn read_all_topics(&self) -> Result<Cluster> {
        let response = self.read_metadata(&Wanted::All, false).await?;
        Ok(Cluster::default().merged(response, true))
    }

    async fn read_metadata(&self, wanted: &Wanted, create: bool) -> Result<MetadataResponse> {
        let mut attempt = 0;
        let deadline = Instant::now() + self.config.default_api_timeout;
        loop {
            let result = self.read_metadata_once(wanted, create).await;
            self.cache.note_reading(result.is_ok());
            match result {
                Err(error)
                    if error.code() == Some(ErrorCode::RebootstrapRequired) && self.may_rebootstrap() =>
                {
                    self.pause_or(error, &mut attempt, deadline).await?;
                }
                Err(error)
                    if error.is_retriable()
                        && !matches!(error, ClientError::Connect { .. } | ClientError::NoBroker { .. }) =>
                {
                    self.pause_or(error, &mut attempt, deadline).await?;
                }
                other => return other,
            }
        }
    }

    async fn read_metadata_once(&self, wanted: &Wanted, create: bool) -> Result<MetadataResponse> {
        let connection = self.any().await?;
        let version = connection.version_of::<MetadataRequest>()?;
        let topics = match wanted {
            Wanted::All if version == 0 => Some(Vec::new()),
            Wanted::All => None,
            Wanted::Topics(names) => Some(
                names
                    .iter()
                    .map(|name| MetadataRequestTopic { name: Some(name.clone()), ..Default::default() })
                    .collect(),
            ),
        };
        // Before version 4 the field is not there and its default, true, is what the broker does.
        let request = MetadataRequest {
            topics,
            allow_auto_topic_creation: create || version < 4,
            ..Default::default()
        };
        let response = connection.start(version, &request)?.answer().await?;
        if ErrorCode::from_code(response.error_code) == ErrorCode::RebootstrapRequired
            && self.may_rebootstrap()
        {
            tracing::info!("the cluster asks this client to find it anew");
            self.cache.forget_brokers();
        }
        ClientError::check(response.error_code, || "metadata".to_owned(), None)?;
        Ok(response)
    }

    /// Metadata of one topic, read until it can be used or `allowed` is over.
    pub(crate) async fn topic(
        self: &Arc<Self>,
        name: &str,
        allowed: Duration,
        setting: &'static str,
    ) -> Result<Arc<Topic>> {
        let deadline = Instant::now() + allowed;
        let mut attempt = 0;
        self.cache.want(&[name]);
        let too_long =
            || ClientError::TimedOut { what: format!("metadata of topic {name}"), after: allowed, setting };
        let mut cluster = self.fresh_or_cached(name, deadline).await.unwrap_or_else(|| Err(too_long()));
        loop {
            let error = match cluster {
                Ok(cluster) => match cluster.topic(name) {
                    Some(topic) if topic.error == ErrorCode::None && !topic.partitions.is_empty() => {
                        return Ok(topic.clone());
                    }
                    Some(topic) if topic.error != ErrorCode::None => {
                        let error = ClientError::server(format!("topic {name}"), topic.error, None);
                        let stays = topic.error == ErrorCode::UnknownTopicOrPartition && !self.create_topics;
                        if !error.is_retriable() || stays {
                            self.cache.forget(name);
                            return Err(error);
                        }
                        error
                    }
                    _ => {
                        ClientError::server(format!("topic {name}"), ErrorCode::UnknownTopicOrPartition, None)
                    }
                },
                Err(error) if error.is_retriable() => error,
                Err(error) => return Err(error),
            };
            if Instant::now() >= deadline {
                if error.code() == Some(ErrorCode::UnknownTopicOrPartition) {
                    self.cache.forget(name);
                }
                return Err(match error {
                    ClientError::Server { .. }
                    | ClientError::Connect { .. }
                    | ClientError::NoBroker { .. } => error,
                    _ => too_long(),
                });
            }
            sleep(self.config.retry_pause(attempt).min(deadline.saturating_duration_since(Instant::now())))
                .await;
            attempt += 1;
            cluster = self.refresh_until(deadline).await.unwrap_or(Err(error));
        }
    }

    async fn fresh_or_cached(
        self: &Arc<Self>,
        name: &str,
        deadline: Instant,
    ) -> Option<Result<Arc<Cluster>>> {
        let cluster = self.cluster();
        match cluster.topic(name) {
            Some(topic) if topic.error == ErrorCode::None && !self.is_stale() => Some(Ok(cluster)),
            _ => self.refresh_until(deadline).await,
        }
    }

    /// As [`Core::refresh`]; `None` when `deadline` comes first. The reading then goes on for those who ask later: a
    /// connection that takes longer than they wait would else never be made.
    pub(crate) async fn refresh_until(self: &Arc<Self>, deadline: Instant) -> Option<Result<Arc<Cluster>>> {
        let core = self.clone();
        let reading = tokio::spawn(async move { core.refresh().await });
        timeout_at(deadline, reading).await.ok()?.ok()
    }

    /// Metadata of several topics at once, with whatever errors they have.
    pub(crate) async fn topics(&self, names: &[&str]) -> Result<Arc<Cluster>> {
        let new = self.cache.want(names);
        let cluster = self.cluster();
        if new
            || names.iter().any(|name| cluster.topic(name).is_none_or(|topic| topic.error != ErrorCode::None))
        {
            self.refresh().await
        } else {
            self.fresh().await
        }
    }

    /// Metadata of these topics as they are now, apart from what is kept, with whatever errors they have.
    pub(crate) async fn topics_now(&self, names: &[String]) -> Result<Arc<Cluster>> {
        let wanted = Wanted::Topics(names.iter().cloned().collect());
        let response = self.read_metadata(&wanted, false).await?;
        self.cache.learn_brokers(&response);
        Ok(Arc::new(Cluster::default().merged(response, true)))
    }

    /// Keeps all topics of the cluster from the next reading on.
    #[cfg(feature = "regex")]
    pub(crate) fn want_all(&self) {
        self.cache.want_all();
    }

    /// If all topics were kept, keeps only these from the next reading on.
    pub(crate) fn want_no_more_than(&self, names: &BTreeSet<String>) {
        self.cache.want_no_more_than(names);
    }

    /// Keeps these topics fresh from the next reading on; they count as used now.
    pub(crate) fn want(&self, names: &[&str]) {
        self.cache.want(names);
    }

    /// Stops keeping a topic fresh.
    pub(crate) fn forget(&self, name: &str) {
        self.cache.forget(name);
    }

    /// The node id of a group's coordinator, asked until there is one.
    pub(crate) async fn group_coordinator(&self, group: &str) -> Result<i32> {
        const GROUP: i8 = 0;
        let deadline = Instant::now() + self.config.default_api_timeout;
        let mut attempt = 0;
        loop {
            match self.find_coordinator_once(group, GROUP).await {
                Ok(broker) => return Ok(broker),
                Err(error)
                    if error.is_retriable()
                        && !matches!(error, ClientError::Connect { .. } | ClientError::NoBroker { .. }) =>
                {
                    self.pause_or(error, &mut attempt, deadline).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn find_coordinator_once(&self, key: &str, key_type: i8) -> Result<i32> {
        self.fresh().await?;
        let connection = self.any().await?;
        let version = connection.version_of::<FindCoordinatorRequest>()?;
        let mut request = FindCoordinatorRequest::default();
        if version >= 4 {
            request.coordinator_keys = vec![key.to_owned()];
        } else {
            request.key = key.to_owned();
        }
        if version >= 1 {
            request.key_type = key_type;
        }
        let response: FindCoordinatorResponse = connection.start(version, &request)?.answer().await?;
        let (code, message, node) = if version >= 4 {
            let Some(first) = response.coordinators.into_iter().next() else {
                return Err(ClientError::server(
                    format!("coordinator of {key}"),
                    ErrorCode::CoordinatorNotAvailable,
                    None,
                ));
            };
            (first.error_code, first.error_message, first.node_id)
        } else {
            (response.error_code, response.error_message, response.node_id)
        };
        ClientError::check(code, || format!("coordinator of group {key}"), message)?;
        Ok(node)
    }

    /// Makes a request of the controller until it succeeds, fails for good, or `default.api.timeout.ms` is over.
    /// `code` picks the top-level error out of an answer.
    pub(crate) async fn ask_controller<R: Request>(
        &self,
        what: &str,
        request: &R,
        code: impl Fn(&R::Response) -> ErrorCode,
    ) -> Result<R::Response> {
        let deadline = Instant::now() + self.config.default_api_timeout;
        let mut attempt = 0;
        loop {
            let result = match self.controller().await {
                Ok(connection) => connection.request(request).await,
                Err(error) => Err(error),
            };
            let error = match result {
                Ok(response) => match code(&response) {
                    ErrorCode::None => return Ok(response),
                    code => ClientError::server(what, code, None),
                },
                Err(error @ (ClientError::Connect { .. } | ClientError::NoBroker { .. })) => {
                    return Err(error);
                }
                Err(error) => error,
            };
            if !(error.is_retriable() || error.code() == Some(ErrorCode::NotController)) {
                return Err(error);
            }
            self.pause_or(error, &mut attempt, deadline).await?;
            let _ = self.refresh().await;
        }
    }

    /// Waits before the next attempt, or gives `error` back when `deadline` is over.
    pub(crate) async fn pause_or(
        &self,
        error: ClientError,
        attempt: &mut u32,
        deadline: Instant,
    ) -> Result<()> {
        let pause = self.config.retry_pause(*attempt);
        if Instant::now() + pause >= deadline || *attempt >= self.retries.load(Ordering::Relaxed) {
            return Err(error);
        }
        tracing::debug!(%error, attempt, "trying again");
        *attempt += 1;
        sleep(pause).await;
        Ok(())
    }
}

fn check_address(address: &str) -> Result<()> {
    let good = address
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0));
    if good {
        Ok(())
    } else {
        Err(ClientError::Usage(format!(
            "bootstrap.servers: `{address}` is not host:port, for example 127.0.0.1:9092"
        )))
    }
}
