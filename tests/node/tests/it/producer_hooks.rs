//! What a caller puts into a producer: callbacks, interceptors, partitioners, serializers.

use std::sync::{Arc, Mutex};

use moldau_client::producer::{Partitioner, ProducerInterceptor};
use moldau_client::serialization::{Datum, NumberSerde, StringSerde, TypedConsumer, TypedProducer};
use moldau_client::{
    ErrorCode, ProducerBuilder, ProducerConfig, ProducerRecord, RecordMetadata, Result, Topic, TopicPartition,
};
use moldau_node_tests::{Node, PATIENCE, read, value};

fn builder(node: &Node) -> ProducerBuilder {
    ProducerBuilder::new().set("bootstrap.servers", node.address()).expect("a setting")
}

#[tokio::test]
async fn callbacks_come_in_the_order_of_send() {
    let node = Node::get();
    let topic = node.topic("callbacks", 1, &[]).await.expect("a topic");
    let producer = node.producer(&[("linger.ms", "20")]).await.expect("a producer");
    let heard = Arc::new(Mutex::new(Vec::new()));
    for number in 0..50 {
        let heard = heard.clone();
        let callback = move |result: Result<RecordMetadata>| {
            heard.lock().expect("a lock").push((number, result.expect("written").offset));
        };
        producer.send_with(ProducerRecord::to(&*topic).value("v"), callback).await.expect("taken");
    }
    producer.flush().await.expect("written");
    let heard = heard.lock().expect("a lock");
    assert!(heard.iter().copied().eq((0..50).map(|number| (number, Some(number)))), "{heard:?}");
}

/// Marks what is sent, and notes what became of it.
struct Marker(&'static str, Arc<Mutex<Vec<String>>>);

impl ProducerInterceptor for Marker {
    fn on_send(&self, mut record: ProducerRecord) -> ProducerRecord {
        let mut marked = record.value.map(|value| value.to_vec()).unwrap_or_default();
        marked.extend_from_slice(self.0.as_bytes());
        record.value = Some(marked.into());
        record
    }

    fn on_acknowledgement(&self, result: &Result<RecordMetadata>) {
        let note = match result {
            Ok(written) => format!("{}{:?}", self.0, written.offset),
            Err(error) => format!("{}{:?}", self.0, error.code()),
        };
        self.1.lock().expect("a lock").push(note);
    }

    fn close(&self) {
        self.1.lock().expect("a lock").push(format!("{} closed", self.0));
    }
}

#[tokio::test]
async fn interceptors_see_records_one_after_the_other_and_failures_too() {
    let node = Node::get();
    let topic = node.topic("intercepted", 1, &[("max.message.bytes", "500")]).await.expect("a topic");
    let notes = Arc::new(Mutex::new(Vec::new()));
    let producer = builder(&node)
        .interceptor(Marker("a", notes.clone()))
        .interceptor(Marker("b", notes.clone()))
        .build()
        .expect("a producer");
    producer.send(ProducerRecord::to(&*topic).value("v")).await.expect("taken").await.expect("written");
    let large = producer.send(ProducerRecord::to(&*topic).value(vec![b'x'; 1000])).await.expect("taken");
    assert_eq!(large.await.expect_err("too large").code(), Some(ErrorCode::MessageTooLarge));
    assert!(producer.send(ProducerRecord::to(&*topic).partition(-1).value("v")).await.is_err());
    producer.close().await.expect("closed");
    let notes = notes.lock().expect("a lock").clone();
    let wanted = [
        "aSome(0)",
        "bSome(0)",
        "aSome(MessageTooLarge)",
        "bSome(MessageTooLarge)",
        "aNone",
        "bNone",
        "a closed",
        "b closed",
    ];
    assert_eq!(notes, wanted);
    let mut consumer = node.consumer(&[]).await.expect("a consumer");
    consumer.assign([TopicPartition::new(&*topic, 0)]).expect("assigned");
    assert_eq!(value(&read(&mut consumer, 1).await[0]), "vab");
}

/// Records go to the partition that their value names; others where the producer wants.
struct ByValue;

impl Partitioner for ByValue {
    fn partition(&self, record: &ProducerRecord, topic: &Topic) -> Option<i32> {
        assert_eq!(topic.partitions.len(), 4);
        std::str::from_utf8(record.value.as_ref()?).ok()?.parse().ok()
    }
}

#[tokio::test]
async fn a_partitioner_of_the_callers_own_and_round_robin_choose_partitions() {
    let node = Node::get();
    let topic = node.topic("partitioned", 4, &[]).await.expect("a topic");
    let producer = builder(&node).partitioner(ByValue).build().expect("a producer");
    for partition in [3, 0, 2] {
        let record = ProducerRecord::to(&*topic).key("same").value(partition.to_string());
        assert_eq!(producer.send(record).await.expect("taken").partition(), partition);
    }
    let wrong = producer.send(ProducerRecord::to(&*topic).value("9")).await.expect_err("no such partition");
    assert!(wrong.to_string().contains("has no partition 9"), "{wrong}");
    let left = producer.send(ProducerRecord::to(&*topic).key("N14228").value("any")).await.expect("taken");
    assert_eq!(left.partition(), moldau_client::producer::partition_of_key(b"N14228", 4));
    producer.close().await.expect("closed");

    let class = "org.apache.kafka.clients.producer.RoundRobinPartitioner";
    let producer = node.producer(&[("partitioner.class", class)]).await.expect("a producer");
    let mut partitions = Vec::new();
    for _ in 0..8 {
        let sent = producer.send(ProducerRecord::to(&*topic).key("same").value("v")).await.expect("taken");
        partitions.push(sent.partition());
    }
    assert_eq!(partitions, [0, 1, 2, 3, 0, 1, 2, 3]);
    producer.close().await.expect("closed");
}

#[tokio::test]
async fn typed_records_go_and_come_and_a_broken_one_harms_no_other() {
    let node = Node::get();
    let topic = node.topic("typed", 1, &[]).await.expect("a topic");
    let package = "org.apache.kafka.common.serialization";
    let text = format!(
        "bootstrap.servers={}\nkey.serializer={package}.StringSerializer\nvalue.serializer={package}.LongSerializer\n",
        node.address()
    );
    let config = ProducerConfig::from_properties(&text).expect("good properties");
    let producer = TypedProducer::from_config(config).expect("a producer");
    let record = || ProducerRecord::to(&*topic);
    let (key, number) = (Datum::from("k"), Datum::from(1i64 << 33));
    producer.send(record(), Some(&key), Some(&number)).await.expect("taken").await.expect("written");
    let refused = producer.send(record(), Some(&number), None).await.expect_err("not a string");
    assert!(refused.to_string().contains("StringSerializer can't take a long"), "{refused}");
    producer.producer().send(record().value("bad")).await.expect("taken").await.expect("written");
    producer.send(record(), None, None).await.expect("taken").await.expect("written");

    let mut consumer = node.consumer(&[]).await.expect("a consumer");
    consumer.assign([TopicPartition::new(&*topic, 0)]).expect("assigned");
    let mut consumer: TypedConsumer<String, i64> = TypedConsumer::new(consumer, StringSerde, NumberSerde);
    let mut records = Vec::new();
    let reading = async {
        while records.len() < 3 {
            records.extend(consumer.poll(PATIENCE).await.expect("a poll"));
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("in time");
    assert_eq!(records[0].key.as_ref().expect("read").as_deref(), Some("k"));
    assert_eq!(*records[0].value.as_ref().expect("read"), Some(1 << 33));
    let broken = records[1].value.as_ref().expect_err("three bytes");
    assert!(
        broken.to_string().ends_with("at offset 1 can't be converted: it has 3 bytes instead of 8"),
        "{broken}"
    );
    assert_eq!(*records[2].value.as_ref().expect("read"), None);
}
