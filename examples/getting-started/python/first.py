from confluent_kafka import Consumer, Producer

producer = Producer({"bootstrap.servers": "127.0.0.1:9092"})
producer.produce("flights", key="N14228", value="EWR-IAH")
producer.flush()

consumer = Consumer({
    "bootstrap.servers": "127.0.0.1:9092",
    "group.id": "boards-python",
    "auto.offset.reset": "earliest",
})
consumer.subscribe(["flights"])
message = consumer.poll(30)
print(message.key().decode(), message.value().decode())
consumer.close()
