//! What a connection does with requests when it ends.

use moldau_protocol::messages as m;
use tokio::io::AsyncReadExt;

use super::*;
use crate::metrics::Group;

fn connection_and_peer() -> (Connection, tokio::io::DuplexStream) {
    let config = CommonConfig::default();
    measured_connection_and_peer(&config, &Arc::new(ConnectionMetrics::new(&config)))
}

fn measured_connection_and_peer(
    config: &CommonConfig,
    metrics: &Arc<ConnectionMetrics>,
) -> (Connection, tokio::io::DuplexStream) {
    connection_and_peer_over(1 << 20, config, metrics)
}

fn connection_and_peer_over(
    bytes_between: usize,
    config: &CommonConfig,
    metrics: &Arc<ConnectionMetrics>,
) -> (Connection, tokio::io::DuplexStream) {
    let (ours, peer) = tokio::io::duplex(bytes_between);
    let (reader, writer) = tokio::io::split(ours);
    (Connection::over(reader, writer, "127.0.0.1:9092", config, metrics), peer)
}

/// Produce with `acks=0` was lost when the producer was closed before the writer had its turn.
#[tokio::test]
async fn an_unanswered_request_is_written_though_the_connection_is_closed_at_once() {
    let (connection, mut peer) = connection_and_peer();
    let request = m::MetadataRequest::default();
    connection.send_unanswered(m::MetadataRequest::MAX_VERSION, &request).expect("sent");
    connection.close();
    let mut came = Vec::new();
    peer.read_to_end(&mut came).await.expect("the end of the connection");
    let length = came.get(..4).and_then(|length| length.try_into().ok()).map(u32::from_be_bytes);
    assert_eq!(length, Some(came.len() as u32 - 4), "one whole frame, not {} bytes", came.len());
}

#[tokio::test]
async fn a_closed_connection_takes_no_more_requests_and_fails_those_that_wait() {
    let (connection, _peer) = connection_and_peer();
    let version = m::MetadataRequest::MAX_VERSION;
    let waiting = connection.start(version, &m::MetadataRequest::default()).expect("sent");
    connection.close();
    let error = waiting.answer().await.expect_err("no answer any more");
    assert!(error.is_connection(), "{error}");
    assert!(connection.send_unanswered(version, &m::MetadataRequest::default()).is_err());
}

#[tokio::test]
async fn connections_count_what_they_carry() {
    let config = CommonConfig::default();
    let metrics = Arc::new(ConnectionMetrics::new(&config));
    let (connection, mut peer) = measured_connection_and_peer(&config, &metrics);
    let value = |name: &str| {
        let mut group = Group::new("producer-metrics");
        metrics.read_into(&mut group);
        let found = group.into_metrics().into_iter().find(|metric| metric.name == name);
        found.unwrap_or_else(|| panic!("no {name}")).value
    };
    let version = m::MetadataRequest::MAX_VERSION;
    let waiting = connection.start(version, &m::MetadataRequest::default()).expect("sent");
    let mut length = [0; 4];
    peer.read_exact(&mut length).await.expect("a request");
    let length = u32::from_be_bytes(length);
    assert_eq!(value("outgoing-byte-total"), f64::from(length + 4));
    assert_eq!((value("request-total"), value("response-total"), value("connection-count")), (1.0, 0.0, 1.0));
    // too short to be an answer, but answers are counted as they come
    peer.write_all(&[0, 0, 0, 4, 0, 0, 0, 0]).await.expect("written");
    waiting.answer().await.expect_err("no answer");
    assert_eq!((value("response-total"), value("incoming-byte-total")), (1.0, 8.0));
    assert_eq!((value("network-io-total"), value("connection-creation-total")), (2.0, 1.0));
    assert_eq!((value("connection-count"), value("connection-close-total")), (0.0, 1.0));
    connection.close();
    assert_eq!(value("connection-close-total"), 1.0, "a connection ends once");
}

/// The bug: such a request counted as written when it was put behind others.
#[tokio::test]
async fn an_unanswered_request_is_written_when_the_peer_has_taken_it_and_not_before() {
    let config = CommonConfig::default();
    let (connection, mut peer) =
        connection_and_peer_over(16, &config, &Arc::new(ConnectionMetrics::new(&config)));
    let request = m::MetadataRequest::default();
    let sent = connection.send_unanswered(m::MetadataRequest::MAX_VERSION, &request).expect("sent");
    let mut written = tokio::spawn(sent.written());
    peer.read_exact(&mut [0]).await.expect("it began");
    tokio::task::yield_now().await;
    assert!(timeout(Duration::from_millis(50), &mut written).await.is_err(), "most of it is not taken yet");
    connection.close();
    peer.read_to_end(&mut Vec::new()).await.expect("the rest");
    written.await.expect("joined").expect("written");
}

#[tokio::test]
async fn a_connection_that_a_peer_does_not_read_ends_in_time_and_tells_that_requests_are_not_written() {
    let config = CommonConfig { request_timeout: Duration::from_millis(50), ..CommonConfig::default() };
    let (connection, mut peer) =
        connection_and_peer_over(16, &config, &Arc::new(ConnectionMetrics::new(&config)));
    let request = m::MetadataRequest::default();
    let sent = connection.send_unanswered(m::MetadataRequest::MAX_VERSION, &request).expect("sent");
    peer.read_exact(&mut [0]).await.expect("it began");
    connection.close();
    connection.ended().await;
    sent.written().await.expect_err("not written");
}

/// The bug: only what was read counted as use, so a connection that only writes was dropped with what it had gathered.
#[tokio::test]
async fn a_connection_that_is_writing_is_not_idle() {
    let idle = Duration::from_millis(20);
    let config = CommonConfig { connections_max_idle: Some(idle), ..CommonConfig::default() };
    let (connection, mut peer) =
        connection_and_peer_over(16, &config, &Arc::new(ConnectionMetrics::new(&config)));
    let request = m::MetadataRequest::default();
    let send = || connection.send_unanswered(m::MetadataRequest::MAX_VERSION, &request).expect("open");
    let first = send();
    peer.read_exact(&mut [0]).await.expect("it began");
    let second = send();
    tokio::time::sleep(idle * 5).await;
    tokio::spawn(async move { peer.read_to_end(&mut Vec::new()).await });
    first.written().await.expect("written");
    second.written().await.expect("written");
    connection.ended().await;
    assert!(connection.is_closed(), "and now it was idle");
}

/// The bug: a first address that did not answer took all the time, and the next attempt began with it again.
#[tokio::test]
async fn an_address_that_does_not_answer_leaves_time_for_the_others_of_its_name() {
    let addresses: Vec<SocketAddr> =
        ["192.0.2.1:9092", "192.0.2.2:9092", "192.0.2.3:9092"].map(|a| a.parse().expect("an address")).into();
    let (silent, refusing) = (addresses[0], addresses[1]);
    let connect = |address: SocketAddr| async move {
        match address {
            address if address == silent => std::future::pending().await,
            address if address == refusing => Err(io::ErrorKind::ConnectionRefused.into()),
            address => Ok(address),
        }
    };
    let allowed = Duration::from_millis(60);
    let connected = first_that_connects(&addresses, allowed, connect).await.expect("the third answers");
    assert_eq!(connected, addresses[2]);
    let error = first_that_connects(&addresses[..1], allowed, connect).await.expect_err("no answer");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let error = first_that_connects(&[], allowed, connect).await.expect_err("no address");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
