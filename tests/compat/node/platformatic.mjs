// Runs the scenarios with @platformatic/kafka. Usage and answers: tests/compat/README.md.

import './zstd.mjs';
import { BASE_TIME, assigned, bootstrap, cannot, check, cutAddress, main, raised, records, text, told, unique, until } from './scenario.mjs';

// not before, since it takes what Node.js has when it is loaded
const { Admin, Consumer, MessagesStreamModes, Producer } = await import('@platformatic/kafka');

const base = { clientId: 'compat', bootstrapBrokers: [bootstrap], retries: 10, retryDelay: 100, timeout: 10_000 };

async function using(client, use) {
  try {
    return await use(client);
  } finally {
    await (client instanceof Consumer ? client.close(true) : client.close());
  }
}

const withAdmin = (use) => using(new Admin(base), use);

async function newTopic(partitions = 1, configs = {}) {
  const topic = unique('platformatic');
  await withAdmin(async (admin) => {
    await admin.createTopics({ topics: [topic], partitions, replicas: 1, configs: Object.entries(configs).map(([name, value]) => ({ name, value })) });
    // Apache Kafka answers before its broker knows the topic
    await until(async () => (await admin.listTopics()).includes(topic), () => `${topic} was not made`);
  });
  return topic;
}

const bytes = (value) => (typeof value === 'string' ? Buffer.from(value) : value);

const send = (topic, messages, { options = {}, ...more } = {}) => using(new Producer({ ...base, ...options }), (producer) => producer.send({
  messages: messages.map((message) => ({ topic, partition: 0, ...message, key: bytes(message.key), value: bytes(message.value) })), acks: -1, ...more,
}));

const numbered = (count, step = 1) => Array.from({ length: count }, (_, n) => ({ value: String(n), timestamp: BigInt(BASE_TIME + n * step) }));

const consumerOf = (groupId, options = {}) => new Consumer({ ...base, groupId, sessionTimeout: 6000, rebalanceTimeout: 6000, heartbeatInterval: 500, minBytes: 1, maxWaitTime: 500, ...options });

async function take(stream, count) {
  const messages = [];
  let failed;
  stream.on('data', (message) => messages.push(message));
  stream.on('error', (error) => { failed = error; });
  await until(() => messages.length >= count || failed, () => `only ${messages.length} of ${count} records came`);
  if (failed) throw failed;
  return messages;
}

// Reads `count` messages of a topic; `use` gets the consumer and the messages before it ends.
const read = (topic, count, { groupId = unique('group'), consume = { mode: MessagesStreamModes.EARLIEST }, use = async (_, messages) => messages, ...options } = {}) =>
  using(consumerOf(groupId, options), async (consumer) => {
    const stream = await consumer.consume({ topics: [topic], autocommit: false, ...consume });
    return use(consumer, await take(stream, count));
  });

const values = (messages) => messages.map((message) => text(message.value));

const compression = (codec) => async () => {
  const topic = await newTopic();
  const { offsets } = await send(topic, records.map((record) => ({ ...record, timestamp: BigInt(record.timestamp) })), { compression: codec });
  check(offsets[0].offset === 0n, `the base offset is ${offsets[0].offset}`);
  const got = await read(topic, records.length);
  got.forEach((message, n) => check(
    message.offset === BigInt(n) && text(message.key) === records[n].key && text(message.value) === records[n].value && message.timestamp === BigInt(records[n].timestamp),
    `record ${n} came as ${message.offset} ${text(message.key)} ${message.timestamp}`,
  ));
  return { first: Number(got[0].offset), last: Number(got.at(-1).offset) };
};

// The names of the errors that the broker gave, wherever this client has put them.
const codes = (error) => [...new Set([error.apiId, ...(error.errors ?? []).flatMap(codes), ...(error.cause ? codes(error.cause) : [])].filter(Boolean))];

const code = async (action) => {
  const error = await raised(action);
  return codes(error).length ? codes(error) : [error.code ?? error.name];
};

async function offsetAt(topic, timestamp) {
  const offsets = await using(consumerOf(unique('offsets')), (consumer) => consumer.listOffsets({ topics: [topic], timestamp: BigInt(timestamp) }));
  return Number(offsets.get(topic)[0]);
}

async function committed(groupId, topic) {
  const [{ topics }] = await withAdmin((admin) => admin.listConsumerGroupOffsets({ groups: [groupId] }));
  const [{ committedOffset, metadata }] = topics.find(({ name }) => name === topic).partitions;
  return { committed: Number(committedOffset), metadata };
}

const commit = (consumer, topic, offset) => consumer.commit({ offsets: [{ topic, partition: 0, offset: BigInt(offset), leaderEpoch: 0 }] });

async function shownConfigs(admin, topic) {
  const configurationKeys = ['retention.ms', 'segment.bytes', 'cleanup.policy'];
  const [{ configs }] = await admin.describeConfigs({ resources: [{ resourceType: 2, resourceName: topic, configurationKeys }] });
  return Object.fromEntries(configs.map(({ name, value, configSource }) => [name, [value, configSource]]));
}

const scenarios = {
  'compression-none': compression('none'),
  'compression-gzip': compression('gzip'),
  'compression-snappy': compression('snappy'),
  'compression-lz4': compression('lz4'),
  'compression-zstd': compression('zstd'),
  async 'null-and-empty'() {
    const topic = await newTopic();
    await send(topic, [{}, { key: '', value: '' }, { key: 'k' }]);
    return { records: (await read(topic, 3)).map(({ key, value }) => [text(key), text(value)]) };
  },
  async large() {
    const topic = await newTopic(1, { 'max.message.bytes': '5000000' });
    for (const length of [1, 4_000_000, 1]) await send(topic, [{ value: Buffer.alloc(length, 'x') }]);
    const got = await read(topic, 3, { maxBytes: 100_000, maxBytesPerPartition: 100_000 });
    return { lengths: got.map(({ value }) => value.length) };
  },
  async headers() {
    const topic = await newTopic();
    // a name that comes twice must be two buffers
    const headers = new Map([['h', '1'], ['h', '3'], ['e', ''], ['ü', '2']].map(([name, value]) => [Buffer.from(name), Buffer.from(value)]));
    await send(topic, [{ value: 'v', headers }]);
    const [message] = await read(topic, 1);
    return { headers: [...message.headers].map(([name, value]) => [text(name), text(value)]) };
  },
  async acks() {
    const topic = await newTopic();
    for (const acks of [-1, 1, 0]) await send(topic, Array(10).fill({ value: String(acks) }), { acks });
    return { values: values(await read(topic, 30)).sort() };
  },
  async idempotence() {
    const topic = await newTopic();
    const options = { bootstrapBrokers: [cutAddress], idempotent: true, retries: 50, retryDelay: 20 };
    await using(new Producer({ ...base, ...options }), async (producer) => {
      for (let n = 0; n < 30; n++) {
        await producer.send({ messages: Array.from({ length: 5 }, (_, i) => ({ topic, partition: 0, value: Buffer.from(String(n * 5 + i)) })), acks: -1 });
      }
    });
    const got = values(await read(topic, 150));
    check(got.every((value, n) => value === String(n)), `the records are ${got}`);
    return { records: await offsetAt(topic, -1), 'in order': true };
  },
  async 'auto-create'() {
    const topic = unique('made-by-use');
    await send(topic, [{ value: 'v' }], { options: { autocreateTopics: true } });
    return { value: values(await read(topic, 1))[0] };
  },
  async 'seek-by-time'() {
    const topic = await newTopic();
    await send(topic, numbered(100, 1000));
    const at = await offsetAt(topic, BASE_TIME + 41_500);
    const got = await read(topic, 1, { consume: { mode: MessagesStreamModes.MANUAL, offsets: [{ topic, partition: 0, offset: BigInt(at) }] } });
    return { at, 'after the last': await offsetAt(topic, BASE_TIME + 999_999), first: await offsetAt(topic, -2), last: await offsetAt(topic, -1), read: values(got)[0] };
  },
  async 'commit-resume'() {
    const topic = await newTopic();
    await send(topic, numbered(20));
    const groupId = unique('resume');
    await read(topic, 20, { groupId, use: (consumer) => commit(consumer, topic, 7) });
    const [next] = await read(topic, 1, { groupId, consume: { mode: MessagesStreamModes.COMMITTED } });
    return { ...await committed(groupId, topic), resumed: Number(next.offset) };
  },
  async topics() {
    const topic = await newTopic(2);
    return withAdmin(async (admin) => {
      await admin.createPartitions({ topics: [{ name: topic, count: 4 }] });
      await until(async () => (await admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic)?.partitionsCount === 4, () => 'the topic did not grow');
      const wrong = [{ topics: [topic], partitions: 1 }, { topics: ['a b'], partitions: 1 }, { topics: [unique('r')], partitions: 1, replicas: 3 }, { topics: [unique('p')], partitions: 0 }];
      const errors = [];
      for (const one of wrong) errors.push(await code(() => admin.createTopics({ replicas: 1, ...one })));
      await admin.deleteTopics({ topics: [topic] });
      await until(async () => !(await admin.listTopics()).includes(topic), () => 'the topic is still there');
      return { errors };
    });
  },
  async configs() {
    const topic = await newTopic(1, { 'retention.ms': '100000' });
    return withAdmin(async (admin) => {
      const before = await shownConfigs(admin, topic);
      const alter = (...changes) => admin.incrementalAlterConfigs({
        resources: [{ resourceType: 2, resourceName: topic, configs: changes.map(([name, configOperation, value]) => ({ name, configOperation, value })) }],
      });
      await alter(['retention.ms', 0, '200000'], ['cleanup.policy', 2, 'compact']);
      const error = await code(() => alter(['retention.ms', 0, 'soon']));
      await until(async () => (await shownConfigs(admin, topic))['retention.ms'][0] === '200000', () => 'the config did not change');
      return { before, after: await shownConfigs(admin, topic), error };
    });
  },
  async groups() {
    const topic = await newTopic();
    const groupId = unique('described');
    await send(topic, [{ value: 'x' }]);
    return withAdmin(async (admin) => {
      const deletion = async () => { try { await admin.deleteGroups({ groups: [groupId] }); return 'deleted'; } catch (error) { return codes(error); } };
      const during = await read(topic, 1, {
        groupId,
        use: async (consumer) => {
          await commit(consumer, topic, 1);
          const described = (await admin.describeGroups({ groups: [groupId] })).get(groupId);
          return { state: described.state, assignor: described.protocol, members: described.members.size, listed: (await admin.listGroups()).has(groupId), 'in use': await deletion() };
        },
      });
      await admin.alterConsumerGroupOffsets({ groupId, topics: [{ name: topic, partitionOffsets: [{ partition: 0, offset: 3n }] }] });
      const { committed: altered } = await committed(groupId, topic);
      return { ...during, altered, deletions: [await deletion(), await deletion()] };
    });
  },
  async 'delete-records'() {
    const topic = await newTopic();
    await send(topic, numbered(10));
    await withAdmin((admin) => admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 4n }] }] }));
    return { first: await offsetAt(topic, -2), last: await offsetAt(topic, -1) };
  },
  async 'unknown-topic'() {
    const topic = unique('no');
    const error = await code(() => send(topic, [{ value: 'x' }], { options: { autocreateTopics: false, retries: 1 } }));
    return { error, made: (await withAdmin((admin) => admin.listTopics())).includes(topic) };
  },
  async 'too-large'() {
    const topic = await newTopic(1, { 'max.message.bytes': '1000' });
    return { error: await code(() => send(topic, [{ value: Buffer.alloc(5000) }], { options: { retries: 1 } })) };
  },
  async 'stale-commit'() {
    const topic = await newTopic();
    await send(topic, numbered(5));
    const groupId = unique('stale');
    // Apache Kafka's first coordinator takes more than one try
    await read(topic, 5);
    const error = await read(topic, 5, {
      groupId,
      // else it joins again and commits once more
      retries: 0,
      use: async (consumer) => {
        await commit(consumer, topic, 3);
        consumer.generationId -= 1;
        const refused = await code(() => commit(consumer, topic, 1));
        consumer.generationId += 1;
        return refused;
      },
    });
    return { error, committed: (await committed(groupId, topic)).committed };
  },
  'old-versions': cannot('@platformatic/kafka takes the versions that it and the server have; it cannot be held to older ones'),
  async 'transaction-refused'() {
    const error = await code(() => using(new Producer({ ...base, retries: 1, transactionalId: unique('t'), idempotent: true }), (producer) => producer.beginTransaction()));
    check(error.length === 1, `the errors are ${error}`);
    return { error };
  },
};

async function member(topic, groupId, assignor, instance) {
  if (!['default', 'roundrobin'].includes(assignor)) await cannot('@platformatic/kafka has the round robin assignor only')();
  const consumer = consumerOf(groupId, instance ? { groupInstanceId: instance, sessionTimeout: 30_000, rebalanceTimeout: 30_000 } : { rebalanceTimeout: 10_000 });
  const now = assigned();
  consumer.on('consumer:group:join', ({ assignments }) => now((assignments ?? []).filter((one) => one.topic === topic).flatMap(({ partitions }) => partitions)));
  consumer.on('consumer:group:rebalance', () => now([]));
  const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST, autocommit: false });
  stream.on('data', () => {});
  stream.on('error', () => {});
  await told();
  await consumer.close(true);
}

await main(scenarios, member);
