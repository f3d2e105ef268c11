//! Sends a record and reads it back.

use std::time::Duration;

use moldau_client::{Consumer, ConsumerConfig, Producer, ProducerConfig, ProducerRecord, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let server = ("bootstrap.servers", "127.0.0.1:9092");

    let producer = Producer::connect(ProducerConfig::from_pairs([server])?).await?;
    producer.send(ProducerRecord::to("flights").key("N14228").value("EWR-IAH")).await?.await?;
    producer.close().await?;

    let consuming = [server, ("group.id", "boards-rust"), ("auto.offset.reset", "earliest")];
    let mut consumer = Consumer::connect(ConsumerConfig::from_pairs(consuming)?).await?;
    consumer.subscribe(["flights"])?;
    for record in consumer.poll(Duration::from_secs(30)).await? {
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        println!("{} {}", text(record.key.as_deref()), text(record.value.as_deref()));
    }
    consumer.close().await
}
