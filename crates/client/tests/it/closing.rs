//! Closing clients whose broker takes connections and never answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use moldau_client::consumer::{CloseOptions, Offsets};
use moldau_client::producer::ProducerInterceptor;
use moldau_client::{ClientError, Consumer, ConsumerConfig, ProducerBuilder, TopicPartition};
use tokio::net::TcpListener;

const SOON: Duration = Duration::from_millis(200);
/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    (listener, address)
}

/// The bug: the callbacks were never called, and the end of sessions and connections was waited for without a limit.
#[tokio::test]
async fn a_consumer_that_is_closed_in_time_tells_of_commits_that_are_under_way() {
    let (_listener, address) = silent().await;
    let config = ConsumerConfig::from_pairs([("bootstrap.servers", address.as_str()), ("group.id", "g")]);
    let mut consumer = Consumer::new(config.expect("settings")).expect("a consumer");
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    for offset in [1, 2] {
        let (sender, offsets) =
            (sender.clone(), Offsets::from([(TopicPartition::new("t", 0), offset.into())]));
        let callback = move |offsets: &Offsets, result: moldau_client::Result<()>| {
            sender.send((offsets.clone(), result)).expect("listened to");
        };
        consumer.commit_offsets_async(offsets, callback).expect("begun");
    }
    let options = CloseOptions::default().timeout(SOON);
    let closed = tokio::time::timeout(PATIENCE, consumer.close_with(options)).await.expect("in time");
    assert!(matches!(closed, Err(ClientError::TimedOut { .. })));
    for offset in [1, 2] {
        let (offsets, result) = told.try_recv().expect("told");
        assert_eq!(offsets[&TopicPartition::new("t", 0)].offset, offset);
        assert!(matches!(result, Err(ClientError::TimedOut { .. })), "{result:?}");
    }
}

struct Closes(Arc<AtomicU32>);

impl ProducerInterceptor for Closes {
    fn close(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The bug: they heard of it twice when time ended while connections were closed.
#[tokio::test]
async fn interceptors_hear_once_that_a_producer_is_closed() {
    let (listener, address) = silent().await;
    let closes = Arc::new(AtomicU32::new(0));
    let producer = ProducerBuilder::new()
        .set("bootstrap.servers", &address)
        .expect("a setting")
        .interceptor(Closes(closes.clone()))
        .build()
        .expect("a producer");
    let asking = producer.clone();
    let asking = tokio::spawn(async move { asking.partitions_for("t").await.map(|_| ()) });
    let _connection = listener.accept().await.expect("a connection that is being made");
    let closing = tokio::time::timeout(PATIENCE, producer.close_within(SOON));
    closing.await.expect("in time").expect("there was nothing to deliver");
    assert_eq!(closes.load(Ordering::Relaxed), 1);
    asking.abort();
}
