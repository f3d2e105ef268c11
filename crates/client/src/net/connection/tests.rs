//! What a connection does with requests when it ends.

use moldau_protocol::messages as m;
use tokio::io::AsyncReadExt;

use super::*;

fn connection_and_peer() -> (Connection, tokio::io::DuplexStream) {
    let (ours, peer) = tokio::io::duplex(1 << 20);
    let (reader, writer) = tokio::io::split(ours);
    (Connection::over(reader, writer, "127.0.0.1:9092", &CommonConfig::default()), peer)
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
