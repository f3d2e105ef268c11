"""librdkafka, through confluent-kafka. Usage and answers: tests/compat/README.md."""

import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

import scenario
from scenario import BASE_TIME, CUT_ADDRESS, SECONDS, Assigned, Deadline, Told, Unsupported, raised, records, text, unique

MEMBER = sys.argv[1] == "member"
BOOTSTRAP = sys.argv[2 if MEMBER else 1]
OLD = {"api.version.request": False, "broker.version.fallback": "0.11.0.0"}
_ADMIN = []


def admin():
    # one client for all scenarios: its futures end with it
    if not _ADMIN:
        _ADMIN.append(AdminClient({"bootstrap.servers": BOOTSTRAP}))
    return _ADMIN[0]


def new_topic(partitions=1, **config):
    name = unique("confluent")
    topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=config)
    admin().create_topics([topic])[name].result(SECONDS)
    # Apache Kafka answers before its broker knows the topic
    deadline = Deadline()
    while name not in admin().list_topics(timeout=SECONDS).topics:
        deadline.check(f"{name} was not made")
    return name


def consumer(group=None, **config):
    defaults = {
        "bootstrap.servers": BOOTSTRAP,
        "group.id": group or unique("group"),
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 500,
    }
    return Consumer({**defaults, **config})


def send(topic, sent, **config):
    """Sends (key, value, timestamp) or (key, value, timestamp, headers) and gives the offsets, in order."""
    offsets = []
    sender = Producer({"bootstrap.servers": BOOTSTRAP, **config})

    def delivered(error, message):
        assert error is None, error
        offsets.append(message.offset())

    for key, value, timestamp, *headers in sent:
        sender.produce(topic, value, key, timestamp=timestamp, headers=headers[0] if headers else None, on_delivery=delivered)
    assert sender.flush(SECONDS) == 0
    return offsets


def read(reader, count):
    deadline = Deadline()
    messages = []
    while len(messages) < count:
        deadline.check(f"only {len(messages)} of {count} records came")
        for message in reader.consume(num_messages=count - len(messages), timeout=0.5):
            assert message.error() is None, message.error()
            messages.append(message)
    return messages


def read_from(topic, count, offset=OFFSET_BEGINNING, **config):
    reader = consumer(**config)
    reader.assign([TopicPartition(topic, 0, offset)])
    messages = read(reader, count)
    reader.close()
    return messages


def compression(codec):
    def check():
        topic, sent = new_topic(), records()
        offsets = send(topic, sent, **{"compression.type": codec, "linger.ms": 20})
        assert offsets == list(range(len(sent))), offsets
        got = read_from(topic, len(sent))
        assert [(m.key(), m.value(), m.timestamp()[1]) for m in got] == sent
        return {"first": got[0].offset(), "last": got[-1].offset()}

    return check


def null_and_empty():
    topic = new_topic()
    send(topic, [(None, None, 1), (b"", b"", 2), (b"k", None, 3)])
    return {"records": [[text(m.key()), text(m.value())] for m in read_from(topic, 3)]}


def large():
    topic = new_topic(**{"max.message.bytes": "5000000"})
    send(topic, [(None, b"a", 1), (None, b"x" * 4_000_000, 2), (None, b"b", 3)], **{"message.max.bytes": 4_500_000})
    got = read_from(topic, 3, **{"fetch.message.max.bytes": 100_000})
    return {"lengths": [len(m.value()) for m in got]}


def headers():
    topic = new_topic()
    send(topic, [(None, b"v", 1, [("h", b"1"), ("h", None), ("e", b""), ("ü", b"2")])])
    return {"headers": [[name, text(value)] for name, value in read_from(topic, 1)[0].headers()]}


def acks():
    topic = new_topic()
    for level in ["all", "1", "0"]:
        send(topic, [(None, level.encode(), 5)] * 10, acks=level)
    return {"values": sorted(text(m.value()) for m in read_from(topic, 30))}


def idempotence():
    topic, sent = new_topic(), 300
    offsets = send(
        topic,
        [(None, str(n).encode(), BASE_TIME) for n in range(sent)],
        **{"bootstrap.servers": CUT_ADDRESS, "enable.idempotence": True, "batch.num.messages": 5, "linger.ms": 1,
           "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100, "retry.backoff.ms": 10, "log_level": 0},
    )
    assert len(offsets) == sent
    assert [m.value() for m in read_from(topic, sent)] == [str(n).encode() for n in range(sent)]
    reader = consumer()
    end = reader.get_watermark_offsets(TopicPartition(topic, 0), SECONDS)[1]
    reader.close()
    return {"records": end, "in order": True}


def auto_create():
    topic = unique("made-by-use")
    assert send(topic, [(b"k", b"v", 1)]) == [0]
    return {"value": text(read_from(topic, 1)[0].value())}


def seek_by_time():
    topic = new_topic()
    send(topic, [(None, str(n).encode(), BASE_TIME + 1000 * n) for n in range(100)])
    reader = consumer()
    at, after = (reader.offsets_for_times([TopicPartition(topic, 0, BASE_TIME + t)], SECONDS)[0] for t in (41_500, 999_999))
    first, last = reader.get_watermark_offsets(TopicPartition(topic, 0), SECONDS)
    reader.assign([at])
    value = text(read(reader, 1)[0].value())
    reader.close()
    # librdkafka says the end for a time after the last record
    return {"at": at.offset, "after the last": after.offset, "first": first, "last": last, "read": value}


def commit_resume():
    topic, group = new_topic(), unique("resume")
    send(topic, [(None, str(n).encode(), n) for n in range(20)])
    first = consumer(group)
    first.subscribe([topic])
    read(first, 20)
    first.commit(offsets=[TopicPartition(topic, 0, 7, metadata="so far")], asynchronous=False)
    committed = first.committed([TopicPartition(topic, 0)], SECONDS)[0]
    first.close()
    second = consumer(group)
    second.subscribe([topic])
    resumed = read(second, 1)[0].offset()
    second.close()
    return {"committed": committed.offset, "metadata": committed.metadata, "resumed": resumed}


def code(action):
    """The name of the error code that the broker or librdkafka gave."""
    error = raised(action)
    assert isinstance(error, KafkaException), error
    return error.args[0].name()


def topics():
    topic = new_topic(partitions=2)
    counts = [len(admin().list_topics(timeout=SECONDS).topics[topic].partitions)]
    admin().create_partitions([NewPartitions(topic, 4)])[topic].result(SECONDS)
    counts.append(len(admin().list_topics(topic, SECONDS).topics[topic].partitions))

    def refused(new):
        return code(lambda: admin().create_topics([new])[new.topic].result(SECONDS))

    errors = [refused(NewTopic(topic, 1, 1)), refused(NewTopic("a b", 1, 1)), refused(NewTopic(unique("r"), 1, 3)), refused(NewTopic(unique("p"), 0, 1))]
    admin().delete_topics([topic])[topic].result(SECONDS)
    return {"partitions": counts, "errors": errors, "there at the end": topic in admin().list_topics(timeout=SECONDS).topics}


def configs():
    topic = new_topic(**{"retention.ms": "100000"})
    resource = ConfigResource(ResourceType.TOPIC, topic)

    def shown():
        entries = admin().describe_configs([resource])[resource].result(SECONDS)
        return {key: [entries[key].value, entries[key].source] for key in ("retention.ms", "segment.bytes", "cleanup.policy")}

    def alter(name, value, how):
        change = ConfigEntry(name, value, incremental_operation=how)
        altered = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[change])
        admin().incremental_alter_configs([altered])[altered].result(SECONDS)

    before = shown()
    alter("retention.ms", "200000", AlterConfigOpType.SET)
    alter("cleanup.policy", "compact", AlterConfigOpType.APPEND)
    error = code(lambda: alter("retention.ms", "soon", AlterConfigOpType.SET))
    return {"before": before, "after": shown(), "error": error}


def groups():
    topic, group = new_topic(), unique("described")
    send(topic, [(None, b"x", 1)])
    member = consumer(group)
    member.subscribe([topic])
    read(member, 1)
    member.commit(asynchronous=False)
    described = admin().describe_consumer_groups([group])[group].result(SECONDS)
    listed = group in [one.group_id for one in admin().list_consumer_groups().result(SECONDS).valid]
    error = code(lambda: admin().delete_consumer_groups([group])[group].result(SECONDS))
    member.close()
    admin().delete_consumer_groups([group])[group].result(SECONDS)
    gone = code(lambda: admin().delete_consumer_groups([group])[group].result(SECONDS))
    return {
        "state": described.state.name, "assignor": described.partition_assignor, "members": len(described.members),
        "listed": listed, "errors": [error, gone],
    }


def delete_records():
    topic = new_topic()
    send(topic, [(None, b"x", n) for n in range(10)])
    at = TopicPartition(topic, 0, 4)
    admin().delete_records([at])[at].result(SECONDS)
    found = [
        list(admin().list_offsets({TopicPartition(topic, 0): spec}).values())[0].result(SECONDS).offset
        for spec in (OffsetSpec.earliest(), OffsetSpec.latest())
    ]
    return {"first": found[0], "last": found[1]}


def unknown_topic():
    topic = unique("no")
    reader = consumer(**{"allow.auto.create.topics": False})
    error = code(lambda: reader.get_watermark_offsets(TopicPartition(topic, 0), 5))
    reader.close()
    described = admin().list_topics(timeout=SECONDS).topics
    return {"error": error, "made": topic in described}


def too_large():
    topic = new_topic(**{"max.message.bytes": "1000"})
    failures = []
    sender = Producer({"bootstrap.servers": BOOTSTRAP, "compression.type": "none"})
    sender.produce(topic, b"x" * 5000, on_delivery=lambda error, _: failures.append(error.name()))
    sender.flush(SECONDS)
    return {"error": failures[0]}


def stale_commit():
    topic, group = new_topic(), unique("stale")
    send(topic, [(None, b"x", n) for n in range(5)])
    stale = consumer(group, **{"max.poll.interval.ms": 6000})
    stale.subscribe([topic])
    read(stale, 5)
    other = consumer(group)
    other.subscribe([topic])
    # the one that is not polled any more is put out, and the other one takes over
    read(other, 5)
    other.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
    error = code(lambda: stale.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False))
    committed = other.committed([TopicPartition(topic, 0)], SECONDS)[0].offset
    other.close()
    stale.close()
    return {"error": error, "committed": committed}


def old_versions():
    topic, group = new_topic(), unique("old")
    send(topic, [(b"k", str(n).encode(), BASE_TIME + n) for n in range(10)], **OLD)
    first = consumer(group, **OLD)
    first.subscribe([topic])
    got = read(first, 10)
    first.commit(message=got[3], asynchronous=False)
    first.close()
    second = consumer(group, **OLD)
    second.subscribe([topic])
    resumed = read(second, 1)[0].offset()
    second.close()
    return {"pinned": OLD["broker.version.fallback"], "values": [text(m.value()) for m in got], "resumed": resumed}


def transaction_refused():
    sender = Producer({"bootstrap.servers": BOOTSTRAP, "transactional.id": unique("t")})
    error = raised(lambda: sender.init_transactions(SECONDS)).args[0]
    assert error.code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED and not error.retriable(), error
    return {"error": error.name()}


def member():
    topic, group, assignor, *instance = sys.argv[3:]
    if assignor == "sticky":
        raise Unsupported("librdkafka has no sticky assignor but the cooperative one")
    config = {} if assignor == "default" else {"partition.assignment.strategy": assignor}
    if instance:
        config.update({"group.instance.id": instance[0], "session.timeout.ms": 30000})
    told, assigned = Told(), Assigned()
    reader = consumer(group, **config)
    reader.subscribe([topic])
    while not told:
        reader.poll(0.1)
        assigned.is_now(partition.partition for partition in reader.assignment())
    reader.close()


if MEMBER:
    try:
        member()
    except Unsupported as why:
        scenario.say({"unsupported": str(why)})
else:
    scenario.run({
        **{f"compression-{codec}": compression(codec) for codec in ("none", "gzip", "snappy", "lz4", "zstd")},
        "null-and-empty": null_and_empty,
        "large": large,
        "headers": headers,
        "acks": acks,
        "idempotence": idempotence,
        "auto-create": auto_create,
        "seek-by-time": seek_by_time,
        "commit-resume": commit_resume,
        "topics": topics,
        "configs": configs,
        "groups": groups,
        "delete-records": delete_records,
        "unknown-topic": unknown_topic,
        "too-large": too_large,
        "stale-commit": stale_commit,
        "old-versions": old_versions,
        "transaction-refused": transaction_refused,
    })
