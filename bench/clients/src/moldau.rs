//! The work with moldau-client.

use std::time::Duration;

use moldau_client::{Consumer, ConsumerConfig, Producer, ProducerConfig, ProducerRecord, TopicPartition};

use crate::Work;
use crate::measure::{Measure, value};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

pub(crate) fn produce(work: &Work) {
    runtime().block_on(async {
        let mut config = ProducerConfig::from_pairs(work.settings.iter().cloned()).expect("good settings");
        config.common.bootstrap_servers = vec![work.bootstrap.clone()];
        let producer = Producer::connect(config).await.expect("connected");
        producer.partitions_for(&work.topic).await.expect("a topic");
        let value: bytes::Bytes = value(work.size).into();
        let measure = Measure::begin();
        for _ in 0..work.records {
            let record = ProducerRecord::to(&*work.topic).value(value.clone());
            drop(producer.send(record).await.expect("taken"));
        }
        producer.flush().await.expect("written");
        measure.end("moldau", "produce", work.records, work.size);
        producer.close().await.expect("closed");
    });
}

pub(crate) fn consume(work: &Work) {
    runtime().block_on(async {
        let mut config = ConsumerConfig::from_pairs(work.settings.iter().cloned()).expect("good settings");
        config.common.bootstrap_servers = vec![work.bootstrap.clone()];
        config.set("auto.offset.reset", "earliest").expect("a setting");
        let mut consumer = Consumer::connect(config).await.expect("connected");
        let topic = consumer.partitions_for(&work.topic).await.expect("a topic");
        let partitions: Vec<TopicPartition> = topic.topic_partitions().collect();
        let measure = Measure::begin();
        consumer.assign(partitions).expect("assigned");
        let (mut records, mut bytes) = (0, 0);
        while records < work.records {
            for record in consumer.poll(Duration::from_secs(1)).await.expect("a poll") {
                records += 1;
                bytes += record.value.map_or(0, |value| value.len());
            }
        }
        assert_eq!(bytes, records as usize * work.size);
        measure.end("moldau", "consume", records, work.size);
        consumer.close().await.expect("closed");
    });
}
