//! What a caller gave to a producer panics, or its task ends in another way that nobody foresaw.

use std::sync::atomic::Ordering;
use std::time::Duration;

use moldau_client::producer::ProducerInterceptor;
use moldau_client::{ClientError, Producer, ProducerBuilder, ProducerConfig, ProducerRecord, RecordMetadata};

use crate::broker::{FakeBroker, Faults, TOPIC};

struct Panics;

impl ProducerInterceptor for Panics {
    fn on_send(&self, _record: ProducerRecord) -> ProducerRecord {
        panic!("on purpose, in on_send")
    }

    fn on_acknowledgement(&self, _result: &moldau_client::Result<RecordMetadata>) {
        panic!("on purpose, in on_acknowledgement")
    }

    fn close(&self) {
        panic!("on purpose, in close")
    }
}

/// The bug: the producer's task was gone after the first panic, and deliveries, `flush` and `close` waited for ever.
#[tokio::test]
async fn a_panic_in_a_callback_or_an_interceptor_does_not_end_the_producer() {
    let broker = FakeBroker::start(Faults::default(), 1).await;
    let builder = ProducerBuilder::new().set("bootstrap.servers", &broker.address).expect("an address");
    let producer = builder.interceptor(Panics).build().expect("a producer");
    let record = |value: &str| ProducerRecord::to(TOPIC).value(value.to_owned());
    producer.send_with(record("a"), |_| panic!("on purpose, in a callback")).await.expect("taken");
    producer.flush().await.expect("written");
    producer.send(record("b")).await.expect("taken").await.expect("written");
    producer.close().await.expect("closed");
    assert_eq!(broker.log().await, ["a", "b"]);
}

/// The bug: deliveries of a producer whose task had ended waited for ever.
#[test]
fn when_the_producers_task_ends_with_its_runtime_deliveries_hear_of_it() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let (ours, its) = (runtime().expect("a runtime"), runtime().expect("a runtime"));
    let broker = ours.block_on(FakeBroker::start(Faults::default(), 1));
    broker.mute.store(true, Ordering::Relaxed);
    let config = ProducerConfig::from_pairs([("bootstrap.servers", broker.address.as_str())]);
    let (_producer, delivery) = its.block_on(async {
        let producer = Producer::new(config.expect("settings")).expect("a producer");
        let delivery = producer.send(ProducerRecord::to(TOPIC).value("a")).await.expect("taken");
        (producer, delivery)
    });
    ours.block_on(broker.until_written(0, 1));
    its.shutdown_timeout(Duration::from_secs(10));
    let failed = ours.block_on(async { tokio::time::timeout(Duration::from_secs(60), delivery).await });
    let failed = failed.expect("told");
    assert!(matches!(failed, Err(ClientError::Closed("producer"))), "{failed:?}");
}
