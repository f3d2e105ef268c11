// Runs the scenarios with kafkajs. Usage and answers: tests/compat/README.md.

import kafkajs from 'kafkajs';
import SnappyCodec from 'kafkajs-snappy';
import { lz4Compress, lz4Decompress } from '@platformatic/wasm-utils';
import { zstdCompress, zstdDecompress } from './zstd.mjs';
import { BASE_TIME, assigned, bootstrap, cannot, check, cutAddress, isMember, main, raised, records, text, told, unique, until } from './scenario.mjs';

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;
// kafkajs takes other codecs than gzip as plug-ins
CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec;
CompressionCodecs[CompressionTypes.LZ4] = () => ({ compress: async (encoder) => lz4Compress(encoder.buffer), decompress: async (buffer) => lz4Decompress(buffer) });
CompressionCodecs[CompressionTypes.ZSTD] = () => ({ compress: async (encoder) => zstdCompress(encoder.buffer), decompress: async (buffer) => zstdDecompress(buffer) });

const connect = (address) => new Kafka({ clientId: 'compat', brokers: [address], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, retries: 20 } });
const kafka = connect(bootstrap);
const admin = kafka.admin();
const quick = { retry: { retries: 1 } };
const group = { sessionTimeout: 6000, heartbeatInterval: 500 };

async function newTopic(numPartitions = 1, configs = {}) {
  const topic = unique('kafkajs');
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 1, configEntries }], waitForLeaders: false });
  // Apache Kafka answers before its broker knows the topic
  await until(async () => (await admin.listTopics()).includes(topic), () => `${topic} was not made`);
  return topic;
}

async function withProducer(options, use, client = kafka) {
  const producer = client.producer(options);
  await producer.connect();
  try {
    return await use(producer);
  } finally {
    await producer.disconnect();
  }
}

const send = (topic, messages, more = {}) => withProducer({}, (producer) => producer.send({ topic, messages, ...more }));

const numbered = (count, step = 1) => Array.from({ length: count }, (_, n) => ({ value: String(n), timestamp: String(BASE_TIME + n * step) }));

// Reads `count` messages of a topic; `use` gets the running consumer and the messages before it ends.
async function read(topic, count, { groupId = unique('group'), seek, use = async (_, messages) => messages, ...options } = {}) {
  const consumer = kafka.consumer({ groupId, ...group, ...options });
  const messages = [];
  let crash;
  await consumer.connect();
  consumer.on(consumer.events.CRASH, ({ payload }) => { crash = payload.error; });
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => { messages.push(message); } });
    if (seek !== undefined) {
      consumer.seek({ topic, partition: 0, offset: seek });
      // only what came before; from here on nothing comes but from there
      messages.length = 0;
    }
    await until(() => messages.length >= count || crash, () => `only ${messages.length} of ${count} records came`);
    if (crash) throw crash;
    return await use(consumer, messages);
  } finally {
    await consumer.disconnect();
  }
}

const compression = (codec) => async () => {
  const topic = await newTopic();
  const sent = records.map((record) => ({ ...record, timestamp: String(record.timestamp) }));
  const [acknowledged] = await send(topic, sent, { compression: codec });
  check(acknowledged.baseOffset === '0', `the base offset is ${acknowledged.baseOffset}`);
  const got = await read(topic, sent.length);
  got.forEach((message, n) => check(
    message.offset === String(n) && text(message.key) === sent[n].key && text(message.value) === sent[n].value && message.timestamp === sent[n].timestamp,
    `record ${n} came as ${JSON.stringify(message)}`,
  ));
  return { first: got[0].offset, last: got.at(-1).offset };
};

const code = async (action) => {
  const error = await raised(action);
  return error.type ?? error.errors?.[0]?.type ?? error.groups?.[0]?.error?.type ?? error.cause?.type ?? error.name;
};

const values = (messages) => messages.map((message) => text(message.value));

async function shownConfigs(topic) {
  const configNames = ['retention.ms', 'segment.bytes', 'cleanup.policy'];
  const { resources } = await admin.describeConfigs({ resources: [{ type: 2, name: topic, configNames }], includeSynonyms: false });
  return Object.fromEntries(resources[0].configEntries.map((entry) => [entry.configName, [entry.configValue, entry.configSource]]));
}

const scenarios = {
  'compression-none': compression(CompressionTypes.None),
  'compression-gzip': compression(CompressionTypes.GZIP),
  'compression-snappy': compression(CompressionTypes.Snappy),
  'compression-lz4': compression(CompressionTypes.LZ4),
  'compression-zstd': compression(CompressionTypes.ZSTD),
  async 'null-and-empty'() {
    const topic = await newTopic();
    await send(topic, [{ key: null, value: null }, { key: '', value: '' }, { key: 'k', value: null }]);
    return { records: (await read(topic, 3)).map(({ key, value }) => [text(key), text(value)]) };
  },
  async large() {
    const topic = await newTopic(1, { 'max.message.bytes': '5000000' });
    for (const length of [1, 4_000_000, 1]) await send(topic, [{ value: Buffer.alloc(length, 'x') }]);
    const got = await read(topic, 3, { maxBytesPerPartition: 100_000, maxBytes: 100_000 });
    return { lengths: got.map(({ value }) => value.length) };
  },
  async headers() {
    const topic = await newTopic();
    await send(topic, [{ value: 'v', headers: { h: ['1', '2'], e: '', ü: '2' } }]);
    const [{ headers }] = await read(topic, 1);
    return { headers: Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.map(text) : text(value)]) };
  },
  async acks() {
    const topic = await newTopic();
    for (const acks of [-1, 1, 0]) await send(topic, Array(10).fill({ value: String(acks) }), { acks });
    return { values: values(await read(topic, 30)).sort() };
  },
  async idempotence() {
    const topic = await newTopic();
    const options = { idempotent: true, maxInFlightRequests: 1, retry: { initialRetryTime: 20, retries: 50, maxRetryTime: 100 } };
    await withProducer(options, async (producer) => {
      for (let n = 0; n < 30; n++) await producer.send({ topic, messages: numbered(5).map((_, i) => ({ value: String(n * 5 + i) })) });
    }, connect(cutAddress));
    const got = values(await read(topic, 150));
    check(got.every((value, n) => value === String(n)), `the records are ${got}`);
    const [{ high }] = await admin.fetchTopicOffsets(topic);
    return { records: high, 'in order': true };
  },
  async 'auto-create'() {
    const topic = unique('made-by-use');
    await withProducer({ allowAutoTopicCreation: true }, (producer) => producer.send({ topic, messages: [{ value: 'v' }] }));
    return { value: values(await read(topic, 1))[0] };
  },
  async 'seek-by-time'() {
    const topic = await newTopic();
    await send(topic, numbered(100, 1000));
    const [at] = await admin.fetchTopicOffsetsByTimestamp(topic, BASE_TIME + 41_500);
    const [after] = await admin.fetchTopicOffsetsByTimestamp(topic, BASE_TIME + 999_999);
    const [{ low, high }] = await admin.fetchTopicOffsets(topic);
    const got = await read(topic, 58, { seek: at.offset });
    return { at: at.offset, 'after the last': after.offset, first: low, last: high, read: values(got)[0] };
  },
  async 'commit-resume'() {
    const topic = await newTopic();
    await send(topic, numbered(20));
    const groupId = unique('resume');
    await read(topic, 20, { groupId, use: (consumer) => consumer.commitOffsets([{ topic, partition: 0, offset: '7', metadata: 'so far' }]) });
    const [{ partitions: [{ offset, metadata }] }] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const [next] = await read(topic, 1, { groupId });
    return { committed: offset, metadata, resumed: next.offset };
  },
  async topics() {
    const topic = await newTopic(2);
    const count = async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length;
    const before = await count();
    await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] });
    await until(async () => (await count()) === 4, () => 'the topic did not grow');
    const errors = [];
    const wrong = [{ topic: 'a b' }, { topic: unique('r'), replicationFactor: 3 }, { topic: unique('p'), numPartitions: 0 }];
    for (const one of wrong) errors.push(await code(() => admin.createTopics({ topics: [one] })));
    // kafkajs takes an existing topic for no error
    const again = await admin.createTopics({ topics: [{ topic }] });
    await admin.deleteTopics({ topics: [topic] });
    await until(async () => !(await admin.listTopics()).includes(topic), () => 'the topic is still there');
    return { partitions: [before, 4], errors, 'made again': again };
  },
  async configs() {
    const topic = await newTopic(1, { 'retention.ms': '100000' });
    const before = await shownConfigs(topic);
    const alter = (name, value) => admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: topic, configEntries: [{ name, value }] }] });
    await alter('cleanup.policy', 'compact');
    await until(async () => (await shownConfigs(topic))['cleanup.policy'][0] === 'compact', () => 'the config did not change');
    const after = await shownConfigs(topic);
    return { before, after, error: await code(() => alter('retention.ms', 'soon')) };
  },
  async groups() {
    const topic = await newTopic();
    const groupId = unique('described');
    await send(topic, [{ value: 'x' }]);
    const during = await read(topic, 1, {
      groupId,
      use: async () => {
        const { groups: [described] } = await admin.describeGroups([groupId]);
        const { groups } = await admin.listGroups();
        const error = await code(() => admin.deleteGroups([groupId]));
        return { state: described.state, assignor: described.protocol, members: described.members.length, listed: groups.some((one) => one.groupId === groupId), error };
      },
    });
    const { groups: [left] } = await admin.describeGroups([groupId]);
    const [{ errorCode }] = await admin.deleteGroups([groupId]);
    return { ...during, 'when left': left.state, deleted: errorCode, again: await code(() => admin.deleteGroups([groupId])) };
  },
  async 'delete-records'() {
    const topic = await newTopic();
    await send(topic, numbered(10));
    // kafkajs looks up the leader only in what it knows already
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '4' }] });
    const [{ low, high }] = await admin.fetchTopicOffsets(topic);
    return { first: low, last: high };
  },
  async 'unknown-topic'() {
    const topic = unique('no');
    const error = await code(() => withProducer({ allowAutoTopicCreation: false, ...quick }, (producer) => producer.send({ topic, messages: [{ value: 'x' }] })));
    return { error, made: (await admin.listTopics()).includes(topic) };
  },
  async 'too-large'() {
    const topic = await newTopic(1, { 'max.message.bytes': '1000' });
    return { error: await code(() => send(topic, [{ value: Buffer.alloc(5000) }])) };
  },
  async 'stale-commit'() {
    const topic = await newTopic();
    await send(topic, numbered(5));
    const groupId = unique('stale');
    const stale = kafka.consumer({ groupId, ...group });
    await stale.connect();
    await stale.subscribe({ topics: [topic], fromBeginning: true });
    let begun = false;
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    // kafkajs sends heartbeats between messages only: one that takes too long is put out
    await stale.run({ autoCommit: false, eachMessage: async () => { begun = true; await held; } });
    await until(() => begun, () => 'no record came');
    const error = await read(topic, 5, {
      groupId,
      use: async (other) => {
        await other.commitOffsets([{ topic, partition: 0, offset: '3' }]);
        return code(() => stale.commitOffsets([{ topic, partition: 0, offset: '1' }]));
      },
    });
    const [{ partitions: [{ offset }] }] = await admin.fetchOffsets({ groupId, topics: [topic] });
    release();
    await stale.disconnect();
    return { error, committed: offset };
  },
  'old-versions': cannot('kafkajs takes the versions that it and the server have; it cannot be held to older ones'),
  async 'transaction-refused'() {
    const producer = kafka.producer({ transactionalId: unique('t'), idempotent: true, maxInFlightRequests: 1, ...quick });
    const error = await raised(async () => { await producer.connect(); await producer.transaction(); });
    await producer.disconnect();
    check(!error.retriable, `the error may be retried: ${error}`);
    return { error: error.type };
  },
};

async function member(topic, groupId, assignor, instance) {
  if (instance) await cannot('kafkajs has no static members')();
  if (!['default', 'roundrobin'].includes(assignor)) await cannot('kafkajs has the round robin assignor only')();
  const consumer = kafka.consumer({ groupId, ...group, rebalanceTimeout: 10_000 });
  const now = assigned();
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => now(payload.memberAssignment[topic] ?? []));
  consumer.on(consumer.events.REBALANCING, () => now([]));
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ eachMessage: async () => {} });
  await told();
  await consumer.disconnect();
}

if (!isMember) await admin.connect();
await main(scenarios, member);
