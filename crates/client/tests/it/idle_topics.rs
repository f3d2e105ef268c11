//! A producer asks for metadata of the topics it uses, and of no others for long.

use std::time::Duration;

use moldau_client::{Producer, ProducerConfig, ProducerRecord};

use crate::broker::{FakeBroker, Faults, TOPIC};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_topic_that_nothing_is_sent_to_leaves_the_metadata_and_comes_back_when_it_is_used() {
    let broker = FakeBroker::start(Faults::default(), 1).await;
    let config = ProducerConfig::from_pairs([
        ("bootstrap.servers", broker.address.as_str()),
        ("metadata.max.idle.ms", "5000"),
        ("metadata.max.age.ms", "50"),
    ]);
    let producer = Producer::new(config.expect("settings")).expect("a producer");
    producer.partitions_for("other").await.expect("known");
    assert_eq!(broker.last_asked().await, ["other"]);
    let mut both_seen = false;
    let sending = async {
        loop {
            let delivery = producer.send(ProducerRecord::to(TOPIC).value("v")).await.expect("taken");
            delivery.await.expect("written");
            let asked = broker.last_asked().await;
            both_seen |= asked == ["other", TOPIC];
            if both_seen && asked == [TOPIC] {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, sending).await.expect("the idle topic is forgotten in time");
    producer.partitions_for("other").await.expect("known again");
    assert_eq!(broker.last_asked().await, ["other", TOPIC]);
    producer.close().await.expect("closed");
}
