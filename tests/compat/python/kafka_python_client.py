"""kafka-python. Usage and answers: tests/compat/README.md."""

import logging
import sys
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import AlterConfigOp, ConfigResource, OffsetSpec
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

import scenario
from scenario import BASE_TIME, CUT_ADDRESS, SECONDS, Assigned, Deadline, Told, raised, records, text, unique

MEMBER = sys.argv[1] == "member"
BOOTSTRAP = sys.argv[2 if MEMBER else 1]
OLD = [(0, 11), (1, 0), (2, 4)]
_ADMIN = []


def admin():
    if not _ADMIN:
        _ADMIN.append(KafkaAdminClient(bootstrap_servers=BOOTSTRAP))
    return _ADMIN[0]


def new_topic(partitions=1, **configs):
    name = unique("kafka-python")
    # Apache Kafka answers before its broker knows the topic
    admin().create_topics({name: {"num_partitions": partitions, "replication_factor": 1, "configs": configs}}, wait_for_metadata=True)
    return name


def consumer(group=None, **config):
    defaults = {
        "bootstrap_servers": BOOTSTRAP,
        "group_id": group,
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "session_timeout_ms": 6000,
        "heartbeat_interval_ms": 500,
        # a member that joins before it knows the topic looks again soon
        "metadata_max_age_ms": 1000,
    }
    return KafkaConsumer(**{**defaults, **config})


def send(topic, sent, **config):
    """Sends (key, value, timestamp) or (key, value, timestamp, headers) and gives the offsets, in order."""
    sender = KafkaProducer(**{"bootstrap_servers": BOOTSTRAP, **config})
    futures = [
        sender.send(topic, value, key, timestamp_ms=timestamp, partition=0, headers=headers[0] if headers else None)
        for key, value, timestamp, *headers in sent
    ]
    try:
        return [future.get(SECONDS).offset for future in futures]
    finally:
        sender.close(SECONDS)


def numbered(count, step=1):
    return [(None, str(n).encode(), BASE_TIME + n * step) for n in range(count)]


def read(reader, count):
    deadline = Deadline()
    messages = []
    while len(messages) < count:
        deadline.check(f"only {len(messages)} of {count} records came")
        for batch in reader.poll(200).values():
            messages += batch
    return messages


def read_from(topic, count, **config):
    reader = consumer(**config)
    reader.assign([TopicPartition(topic, 0)])
    reader.seek_to_beginning()
    messages = read(reader, count)
    reader.close()
    return messages


def compression(codec):
    def check():
        topic, sent = new_topic(), records()
        offsets = send(topic, sent, compression_type=codec, linger_ms=20)
        assert offsets == list(range(len(sent))), offsets
        got = read_from(topic, len(sent))
        assert [(m.key, m.value, m.timestamp) for m in got] == sent
        return {"first": got[0].offset, "last": got[-1].offset}

    return check


def null_and_empty():
    topic = new_topic()
    # kafka-python refuses a record with neither key nor value
    send(topic, [(b"", b"", 2), (b"k", None, 3), (None, b"", 1)])
    return {"records": [[text(m.key), text(m.value)] for m in read_from(topic, 3)]}


def large():
    topic = new_topic(**{"max.message.bytes": "5000000"})
    send(topic, [(None, b"a", 1), (None, b"x" * 4_000_000, 2), (None, b"b", 3)], max_request_size=4_500_000)
    got = read_from(topic, 3, max_partition_fetch_bytes=100_000, fetch_max_bytes=100_000)
    return {"lengths": [len(m.value) for m in got]}


def headers():
    topic = new_topic()
    # kafka-python sends no null in a header
    send(topic, [(None, b"v", 1, [("h", b"1"), ("h", b"3"), ("e", b""), ("ü", b"2")])])
    return {"headers": [[name, text(value)] for name, value in read_from(topic, 1)[0].headers]}


def acks():
    topic = new_topic()
    for level in ["all", 1, 0]:
        send(topic, [(None, str(level).encode(), 5)] * 10, acks=level, enable_idempotence=level == "all")
    return {"values": sorted(text(m.value) for m in read_from(topic, 30))}


class Logged(logging.Handler):
    """What the producer warns of: why it sends again."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []
        logging.getLogger("kafka.producer").addHandler(self)

    def emit(self, record):
        self.lines.append(record.getMessage()[-160:])


def idempotence():
    topic, sent, logged = new_topic(), 150, Logged()
    send(
        topic, numbered(sent), bootstrap_servers=CUT_ADDRESS, enable_idempotence=True, batch_size=100,
        retry_backoff_ms=10, reconnect_backoff_ms=10, reconnect_backoff_max_ms=100,
    )
    got = [int(m.value) for m in read_from(topic, sent)]
    assert got == list(range(sent)), f"{got}; the producer said {logged.lines}"
    return {"records": offset(topic, OffsetSpec.LATEST), "in order": True}


def offset(topic, spec):
    partition = TopicPartition(topic, 0)
    return admin().list_partition_offsets({partition: spec})[partition].offset


def auto_create():
    topic = unique("made-by-use")
    assert send(topic, [(b"k", b"v", 1)]) == [0]
    return {"value": text(read_from(topic, 1)[0].value)}


def seek_by_time():
    topic = new_topic()
    send(topic, numbered(100, 1000))
    partition = TopicPartition(topic, 0)
    reader = consumer()
    reader.assign([partition])
    at = reader.offsets_for_times({partition: BASE_TIME + 41_500})[partition].offset
    after = reader.offsets_for_times({partition: BASE_TIME + 999_999})[partition]
    reader.seek(partition, at)
    answer = {
        "at": at, "after the last": after and after.offset, "first": reader.beginning_offsets([partition])[partition],
        "last": reader.end_offsets([partition])[partition], "newest": offset(topic, OffsetSpec.MAX_TIMESTAMP),
        "read": text(read(reader, 1)[0].value),
    }
    reader.close()
    return answer


def resume(topic, group, **config):
    """Commits 7 with a member of a group; gives what is committed then, and where the next member goes on."""
    partition = TopicPartition(topic, 0)
    first = consumer(group, **config)
    first.subscribe([topic])
    read(first, 20)
    first.commit({partition: OffsetAndMetadata(7, "so far", -1)})
    committed = first.committed(partition, metadata=True)
    first.close()
    second = consumer(group, **config)
    second.subscribe([topic])
    resumed = read(second, 1)[0].offset
    second.close()
    return {"committed": committed.offset, "metadata": committed.metadata, "resumed": resumed}


def commit_resume():
    topic = new_topic()
    send(topic, numbered(20))
    return resume(topic, unique("resume"))


def old_versions():
    answer = {}
    for version in OLD:
        topic = new_topic()
        send(topic, numbered(20), api_version=version, enable_idempotence=False)
        answer[".".join(map(str, version))] = resume(topic, unique("old"), api_version=version)
    return answer


def code(action):
    return type(raised(action)).__name__


def unknown_topic():
    topic = unique("no")
    # a producer makes it, although allow_auto_create_topics says that it may not
    described = admin().describe_topics([topic])[0]["error_code"]
    return {"error": described, "made": topic in admin().list_topics()}


def topics():
    topic = new_topic(2)

    def count():
        return len(admin().describe_topics([topic])[0]["partitions"])

    counts = [count()]
    admin().create_partitions({topic: 4})
    deadline = Deadline()
    while count() != 4:
        deadline.check("the topic did not grow")
    counts.append(4)
    wrong = [(topic, 1, 1), ("a b", 1, 1), (unique("r"), 1, 3), (unique("p"), 0, 1)]
    errors = [code(lambda: admin().create_topics({name: {"num_partitions": n, "replication_factor": r}})) for name, n, r in wrong]
    admin().delete_topics([topic])
    while topic in admin().list_topics():
        deadline.check("the topic is still there")
    return {"partitions": counts, "errors": errors}


def configs():
    topic = new_topic(**{"retention.ms": "100000"})
    names = ["retention.ms", "segment.bytes", "cleanup.policy"]

    def shown():
        entries = admin().describe_configs([ConfigResource("TOPIC", topic, names)], config_filter="all")["topic"][topic]
        return {name: [entries[name]["value"], entries[name]["config_source"]] for name in names}

    def alter(**changes):
        named = {name.replace("_", "."): change for name, change in changes.items()}
        return str(admin().alter_configs([ConfigResource("TOPIC", topic, named)], incremental=True)).replace(topic, "TOPIC")

    before = shown()
    alter(retention_ms="200000", cleanup_policy=(AlterConfigOp.APPEND, "compact"))
    error = alter(retention_ms="soon")
    deadline = Deadline()
    while shown() == before:
        deadline.check("the configs did not change")
    return {"before": before, "after": shown(), "error": error}


def groups():
    topic, group = new_topic(), unique("described")
    send(topic, [(None, b"x", 1)])
    member = consumer(group)
    member.subscribe([topic])
    read(member, 1)
    member.commit()
    described = admin().describe_groups([group])[group]
    listed = group in [one["group_id"] for one in admin().list_groups()]
    deletions = [str(admin().delete_groups([group])[group])]
    member.close()
    deletions += [str(admin().delete_groups([group])[group]) for _ in range(2)]
    return {
        "state": described["group_state"], "assignor": described["protocol_data"], "members": len(described["members"]),
        "listed": listed, "deletions": deletions,
    }


def delete_records():
    topic = new_topic()
    send(topic, numbered(10))
    admin().delete_records({TopicPartition(topic, 0): 4})
    return {"first": offset(topic, OffsetSpec.EARLIEST), "last": offset(topic, OffsetSpec.LATEST)}


def too_large():
    topic = new_topic(**{"max.message.bytes": "1000"})
    return {"error": code(lambda: send(topic, [(None, b"x" * 5000, 1)]))}


def stale_commit():
    topic, group = new_topic(), unique("stale")
    partition = TopicPartition(topic, 0)
    send(topic, numbered(5))
    stale = consumer(group, max_poll_interval_ms=3000)
    stale.subscribe([topic])
    read(stale, 5)
    # the one that is not polled any more is put out, and the other one takes over
    other = consumer(group)
    other.subscribe([topic])
    read(other, 5)
    other.commit({partition: OffsetAndMetadata(3, "", -1)})
    error = code(lambda: stale.commit({partition: OffsetAndMetadata(1, "", -1)}))
    committed = other.committed(partition)
    other.close()
    stale.close()
    return {"error": error, "committed": committed}


def transaction_refused():
    sender = KafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id=unique("t"))
    error = raised(sender.init_transactions)
    assert not getattr(error, "retriable", False), error
    return {"error": type(error).__name__}


def member():
    topic, group, assignor, *instance = sys.argv[3:]
    assignors = {
        "range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor, "sticky": StickyPartitionAssignor,
        "cooperative-sticky": CooperativeStickyAssignor,
    }
    config = {} if assignor == "default" else {"partition_assignment_strategy": [assignors[assignor]]}
    if instance:
        config.update(group_instance_id=instance[0], session_timeout_ms=30000)
    told, assigned = Told(), Assigned()
    reader = consumer(group, **config)
    reader.subscribe([topic])
    # A kafka-python 3.0.12 that leads the group and learns of the topic only after it joined joins again, and loses the outcome when that
    # comes between two polls: it stays without partitions and heartbeats for good, on any server.
    while not reader.partitions_for_topic(topic):
        time.sleep(0.01)
    while not told:
        reader.poll(100)
        assigned.is_now(partition.partition for partition in reader.assignment())
    reader.close()


if MEMBER:
    member()
else:
    scenario.run({
        **{f"compression-{codec}": compression(None if codec == "none" else codec) for codec in ("none", "gzip", "snappy", "lz4", "zstd")},
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
