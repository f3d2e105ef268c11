//! The HTTP listener (`moldau.http.listener`): plain HTTP/1.1, read only, no authentication.
//!
//! - `/metrics`: Prometheus' text format 0.0.4; 503 until the node has started.
//! - `/healthz`: 200 as long as the process answers.
//! - `/readyz`: 200 when clients are served, else 503 with the reasons, one a line.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use moldau_quorum::RaftQuorum;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::http_connections;
use super::scrape::scrape;
use crate::broker::Broker;

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const FRONT: &str = "Moldau\n/metrics\n/healthz\n/readyz\n";

/// The node as the listener sees it: nothing until it has started.
pub(crate) type Started = Arc<OnceLock<(Arc<Broker>, Arc<RaftQuorum>)>>;

/// A bound listener that does not answer yet.
pub(crate) struct HttpListener {
    socket: TcpListener,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl HttpListener {
    /// Binds a host, empty for every interface, and a port.
    pub(crate) async fn bind(host: &str, port: u16) -> io::Result<Self> {
        let host = if host.is_empty() { "0.0.0.0" } else { host };
        let socket = TcpListener::bind((host, port)).await?;
        let address = socket.local_addr()?;
        Ok(HttpListener { socket, address })
    }
}

/// Answers until the node stops.
pub(crate) async fn serve_http(listener: HttpListener, node: Started, mut stopping: watch::Receiver<bool>) {
    let router = Router::new()
        .route("/", get(|| async { FRONT }))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state((node, stopping.clone()));
    let stopped = async move {
        // An error means that the node is gone.
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    tokio::select! {
        () = http_connections::serve(listener.socket, router, http_connections::LIMITS) => {}
        () = stopped => {}
    }
}

async fn metrics(State((node, stopping)): State<(Started, watch::Receiver<bool>)>) -> Response {
    let Some((broker, quorum)) = node.get().cloned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the node is starting\n").into_response();
    };
    // Thousands of partitions take milliseconds, in which a worker would serve nobody.
    let stopping = *stopping.borrow();
    match tokio::task::spawn_blocking(move || scrape(&broker, &*quorum, stopping)).await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], text).into_response(),
        Ok(Err(_)) | Err(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written\n").into_response()
        }
    }
}

async fn ready(State((node, stopping)): State<(Started, watch::Receiver<bool>)>) -> Response {
    let reasons = match node.get() {
        None => vec!["the node is starting".to_owned()],
        Some(_) if *stopping.borrow() => vec!["the node is stopping".to_owned()],
        Some((broker, _)) => not_ready(broker),
    };
    if reasons.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, reasons.join("\n") + "\n").into_response()
}

/// Why clients are not served as they should be.
fn not_ready(broker: &Broker) -> Vec<String> {
    let mut reasons = Vec::new();
    match broker.image().cluster.broker(broker.node_id()) {
        None => reasons.push("the broker is not registered".to_owned()),
        Some(registration) if registration.fenced => reasons.push("the broker is fenced".to_owned()),
        Some(_) => {}
    }
    for dir in broker.logs.dirs() {
        if let Some(failure) = dir.failure {
            reasons.push(format!("log directory {} is offline: {failure}", dir.path.display()));
        }
    }
    reasons
}
