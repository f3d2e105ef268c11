//! The work with librdkafka, by its plain producer and consumer, as a program in a hurry uses it.

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::Work;
use crate::measure::{Measure, value};

fn config(work: &Work) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &work.bootstrap);
    for (key, value) in &work.settings {
        config.set(key, value);
    }
    config
}

pub(crate) fn produce(work: &Work) {
    let mut config = config(work);
    // Its queue counts records as well, and has room for 1 GB; a smaller one costs it much more, since a full queue is waited
    // for by polling.
    config.set("queue.buffering.max.messages", "10000000");
    let producer: BaseProducer = config.create().expect("a producer");
    let metadata = producer.client().fetch_metadata(Some(&work.topic), Duration::from_secs(10));
    assert!(!metadata.expect("metadata").topics()[0].partitions().is_empty());
    let value = value(work.size);
    let measure = Measure::begin();
    for number in 0..work.records {
        if number % 1000 == 0 {
            producer.poll(Duration::ZERO);
        }
        let mut record = BaseRecord::<(), [u8]>::to(&work.topic).payload(&value);
        while let Err((error, refused)) = producer.send(record) {
            assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            record = refused;
            producer.poll(Duration::from_millis(20));
        }
    }
    producer.flush(Duration::from_secs(120)).expect("written");
    measure.end("librdkafka", "produce", work.records, work.size);
}

pub(crate) fn consume(work: &Work) {
    let mut config = config(work);
    config.set("group.id", "bench").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(&work.topic), Duration::from_secs(10)).expect("metadata");
    let mut partitions = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        partitions.add_partition_offset(&work.topic, partition.id(), Offset::Beginning).expect("a partition");
    }
    let measure = Measure::begin();
    consumer.assign(&partitions).expect("assigned");
    let (mut records, mut bytes) = (0, 0);
    while records < work.records {
        if let Some(message) = consumer.poll(Duration::from_secs(1)) {
            let message = message.expect("a record");
            records += 1;
            bytes += message.payload().map_or(0, <[u8]>::len);
        }
    }
    assert_eq!(bytes, records as usize * work.size);
    measure.end("librdkafka", "consume", records, work.size);
}
