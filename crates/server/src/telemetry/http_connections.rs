//! Connections of the HTTP listener, within limits: so many at a time, and none that is silent, sends its request a byte at a time, or does
//! not read its answer for long.
//!
//! What always holds: what a client can make the listener keep is bounded by [`Limits`]. One beyond them ends the one that is open for
//! longest, which had its time: an answer takes milliseconds. So clients that keep silent hold up no probe of the node's health.

use std::collections::VecDeque;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// What connections may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Connections that are open at a time.
    pub(super) connections: usize,
    /// For a whole header to come, from the connection's begin or the answer before.
    pub(super) header: Duration,
    /// For a connection in all; a request that has begun then has `last_answer` more.
    pub(super) connection: Duration,
    pub(super) last_answer: Duration,
    /// Bytes of a request that are held.
    pub(super) buffer_bytes: usize,
}

pub(super) const LIMITS: Limits = Limits {
    connections: 64,
    header: Duration::from_secs(15),
    connection: Duration::from_secs(120),
    last_answer: Duration::from_secs(10),
    buffer_bytes: 16 * 1024,
};

/// How long an accept that failed, for want of descriptors for instance, is waited out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves connections until it is dropped; those that are open end with it.
pub(super) async fn serve(listener: TcpListener, router: Router, limits: Limits) {
    let mut tasks = JoinSet::new();
    // In the order in which they came.
    let mut open = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                while tasks.try_join_next().is_some() {}
                open.retain(|connection: &AbortHandle| !connection.is_finished());
                if open.len() >= limits.connections
                    && let Some(oldest) = open.pop_front()
                {
                    oldest.abort();
                }
                open.push_back(tasks.spawn(converse(stream, router.clone(), limits)));
            }
            Err(error) => {
                tracing::debug!("the HTTP listener could not accept: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// An error of a connection is its client's alone.
async fn converse(stream: TcpStream, router: Router, limits: Limits) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header).max_buf_size(limits.buffer_bytes);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    if timeout(limits.connection, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(limits.last_answer, connection).await;
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const SHORT: Duration = Duration::from_millis(200);
    const PATIENCE: Duration = Duration::from_secs(20);

    async fn listener(limits: Limits) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().route("/healthz", get(|| async { "ok\n" }));
        tokio::spawn(serve(listener, router, limits));
        address
    }

    async fn healthz(address: std::net::SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let request = b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.expect("sent");
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("in time").expect("an answer");
        answer
    }

    #[tokio::test]
    async fn clients_that_send_a_byte_now_and_then_are_ended_and_others_served() {
        let address = listener(Limits { connections: 3, header: SHORT, ..LIMITS }).await;
        let mut slow = Vec::new();
        for _ in 0..8 {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.write_all(b"G").await.expect("sent");
            slow.push(stream);
        }
        assert!(healthz(address).await.ends_with("ok\n"));
        for mut stream in slow {
            let mut rest = Vec::new();
            // The end, orderly or not.
            let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it is ended");
        }
    }

    #[tokio::test]
    async fn clients_that_keep_silent_hold_up_nobody() {
        let forever = Duration::from_secs(3600);
        let address =
            listener(Limits { connections: 3, header: forever, connection: forever, ..LIMITS }).await;
        let mut silent = Vec::new();
        for _ in 0..8 {
            silent.push(TcpStream::connect(address).await.expect("a connection"));
        }
        assert!(healthz(address).await.ends_with("ok\n"));
    }

    #[tokio::test]
    async fn a_connection_that_asks_again_and_again_ends_in_its_time() {
        let address = listener(Limits { connection: SHORT, ..LIMITS }).await;
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let mut answers = Vec::new();
        let asking = async {
            let mut buffer = [0; 1024];
            while stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await.is_ok() {
                match stream.read(&mut buffer).await {
                    Ok(n) if n > 0 => answers.extend_from_slice(&buffer[..n]),
                    _ => return,
                }
            }
        };
        timeout(PATIENCE, asking).await.expect("it is ended");
        assert!(String::from_utf8_lossy(&answers).contains("ok\n"), "it was served before");
    }
}
