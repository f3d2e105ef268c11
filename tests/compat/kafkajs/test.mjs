// kafkajs: what its users do, against the server at the address given.
// Usage: node test.mjs BOOTSTRAP. Prints a line for each scenario and ends with "N passed, N failed".

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';

const { Kafka, CompressionTypes, logLevel } = kafkajs;
const kafka = new Kafka({ clientId: 'compat', brokers: [process.argv[2]], logLevel: logLevel.NOTHING });
const admin = kafka.admin();
const PATIENCE_MS = 30_000;

async function newTopic(numPartitions = 1, configs = {}) {
  const topic = `kafkajs-${randomUUID()}`;
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 1, configEntries }], waitForLeaders: true });
  return topic;
}

async function withProducer(options, use) {
  const producer = kafka.producer(options);
  await producer.connect();
  try {
    return await use(producer);
  } finally {
    await producer.disconnect();
  }
}

// Reads `count` messages of a topic with a member of `groupId`; `onMember` gets the running consumer.
async function read(topic, count, groupId = `group-${randomUUID()}`, options = {}) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 500, ...options });
  const messages = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  try {
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`only ${messages.length} of ${count} records came`)), PATIENCE_MS);
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      consumer.run({
        eachMessage: async ({ partition, message }) => {
          messages.push({ partition, ...message });
          if (messages.length >= count) { clearTimeout(timer); resolve(); }
        },
      }).catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return messages;
}

const scenarios = {
  async 'records arrive unchanged in order, plain and gzip'() {
    for (const compression of [CompressionTypes.None, CompressionTypes.GZIP]) {
      const topic = await newTopic();
      const sent = Array.from({ length: 500 }, (_, n) => ({
        key: `k${n}`, value: `value ${n}`.repeat(10), headers: { h: 'é' }, timestamp: String(1_700_000_000_000 + n),
      }));
      await withProducer({}, (producer) => producer.send({ topic, compression, messages: sent }));
      const got = await read(topic, sent.length);
      got.forEach((message, n) => {
        assert.equal(message.key.toString(), sent[n].key);
        assert.equal(message.value.toString(), sent[n].value);
        assert.equal(message.timestamp, sent[n].timestamp);
        assert.equal(message.headers.h.toString(), 'é');
        assert.equal(message.offset, String(n));
      });
    }
  },
  async 'null keys and values arrive'() {
    const topic = await newTopic();
    await withProducer({}, (producer) => producer.send({ topic, messages: [{ key: null, value: null }, { key: 'k', value: null }] }));
    const got = await read(topic, 2);
    assert.deepEqual(got.map(({ key, value }) => [key && key.toString(), value]), [[null, null], ['k', null]]);
  },
  async 'an idempotent producer is served'() {
    const topic = await newTopic();
    await withProducer({ idempotent: true, maxInFlightRequests: 1 }, async (producer) => {
      for (let n = 0; n < 20; n++) await producer.send({ topic, acks: -1, messages: [{ value: String(n) }] });
    });
    const got = await read(topic, 20);
    assert.deepEqual(got.map(({ value }) => Number(value.toString())), [...Array(20).keys()]);
  },
  async 'a group goes on from its committed offset'() {
    const topic = await newTopic();
    const groupId = `resume-${randomUUID()}`;
    const send = (values) => withProducer({}, (producer) => producer.send({ topic, messages: values.map((value) => ({ value })) }));
    await send(['a', 'b', 'c']);
    await read(topic, 3, groupId);
    await send(['d']);
    const [next] = await read(topic, 1, groupId);
    assert.equal(next.value.toString(), 'd');
  },
  async 'two members share the partitions'() {
    const topic = await newTopic(4);
    const groupId = `two-${randomUUID()}`;
    const members = [kafka.consumer({ groupId, sessionTimeout: 6000, rebalanceTimeout: 6000, heartbeatInterval: 300 }), kafka.consumer({ groupId, sessionTimeout: 6000, rebalanceTimeout: 6000, heartbeatInterval: 300 })];
    const assigned = [[], []];
    await Promise.all(members.map(async (member, n) => {
      await member.connect();
      await member.subscribe({ topics: [topic], fromBeginning: true });
      member.on(member.events.GROUP_JOIN, ({ payload }) => { assigned[n] = payload.memberAssignment[topic] ?? []; });
      await member.run({ eachMessage: async () => {} });
    }));
    const deadline = Date.now() + PATIENCE_MS;
    while (!(assigned[0].length === 2 && assigned[1].length === 2)) {
      assert.ok(Date.now() < deadline, `the group did not settle: ${JSON.stringify(assigned)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.deepEqual([...assigned[0], ...assigned[1]].sort(), [0, 1, 2, 3]);
    await Promise.all(members.map((member) => member.disconnect()));
  },
  async 'offsets are found by time, and records deleted'() {
    const topic = await newTopic();
    const messages = Array.from({ length: 10 }, (_, n) => ({ value: 'x', timestamp: String(1_700_000_000_000 + n * 1000) }));
    await withProducer({}, (producer) => producer.send({ topic, messages }));
    const [found] = await admin.fetchTopicOffsetsByTimestamp(topic, 1_700_000_000_000 + 4500);
    assert.equal(found.offset, '5');
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '4' }] });
    const [offsets] = await admin.fetchTopicOffsets(topic);
    assert.deepEqual([offsets.low, offsets.high], ['4', '10']);
  },
  async 'topics are described, grown and deleted'() {
    const topic = await newTopic(2, { 'retention.ms': '12345' });
    await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    assert.equal(topics[0].partitions.length, 3);
    const { resources } = await admin.describeConfigs({ resources: [{ type: 2, name: topic, configNames: ['retention.ms'] }], includeSynonyms: false });
    assert.equal(resources[0].configEntries[0].configValue, '12345');
    await admin.deleteTopics({ topics: [topic] });
    assert.ok(!(await admin.listTopics()).includes(topic));
  },
  async 'groups are described and deleted'() {
    const topic = await newTopic();
    const groupId = `gone-${randomUUID()}`;
    await withProducer({}, (producer) => producer.send({ topic, messages: [{ value: 'x' }] }));
    await read(topic, 1, groupId);
    const { groups } = await admin.describeGroups([groupId]);
    assert.equal(groups[0].state, 'Empty');
    const [result] = await admin.deleteGroups([groupId]);
    assert.equal(result.errorCode, 0);
  },
  async 'a topic that exists is an error'() {
    const topic = await newTopic();
    assert.equal(await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] }), false);
  },
};

await admin.connect();
let failed = 0;
for (const [name, run] of Object.entries(scenarios)) {
  try {
    await run();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
}
await admin.disconnect();
console.log(`${Object.keys(scenarios).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
