import { Kafka } from 'kafkajs';

const kafka = new Kafka({ brokers: ['127.0.0.1:9092'] });

const producer = kafka.producer();
await producer.connect();
await producer.send({ topic: 'flights', messages: [{ key: 'N14228', value: 'EWR-IAH' }] });
await producer.disconnect();

const consumer = kafka.consumer({ groupId: 'boards-node' });
await consumer.connect();
await consumer.subscribe({ topics: ['flights'], fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message }) => {
    console.log(`${message.key} ${message.value}`);
    setImmediate(() => consumer.disconnect());
  },
});
