"""aiokafka. Usage and answers: tests/compat/README.md."""

import asyncio
import logging
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import for_code
from aiokafka.structs import OffsetAndMetadata

import scenario
from scenario import BASE_TIME, CUT_ADDRESS, SECONDS, Assigned, Deadline, Told, Unsupported, records, text, unique

MEMBER = sys.argv[1] == "member"
BOOTSTRAP = sys.argv[2 if MEMBER else 1]
logging.disable(logging.CRITICAL)


class Admin:
    """An admin client for one `async with`."""

    async def __aenter__(self):
        self._client = AIOKafkaAdminClient(bootstrap_servers=BOOTSTRAP)
        await self._client.start()
        return self._client

    async def __aexit__(self, *_):
        await self._client.close()


def name_of(error_code):
    return for_code(error_code).__name__


async def create(admin, name, partitions=1, replicas=1, configs=None):
    """Makes a topic; gives the name of the error."""
    response = await admin.create_topics([NewTopic(name, partitions, replicas, topic_configs=configs or {})])
    return name_of(response.topic_errors[0][1])


async def new_topic(partitions=1, **configs):
    name = unique("aiokafka")
    async with Admin() as admin:
        error = await create(admin, name, partitions, 1, configs)
        assert error == "NoError", error
        # Apache Kafka answers before its broker knows the topic
        deadline = Deadline()
        while name not in await admin.list_topics():
            deadline.check(f"{name} was not made")
    return name


class Member:
    """A consumer for one `async with`, in a group or by itself."""

    def __init__(self, topic, group=None, **config):
        defaults = {
            "bootstrap_servers": BOOTSTRAP, "group_id": group, "auto_offset_reset": "earliest", "enable_auto_commit": False,
            "session_timeout_ms": 6000, "heartbeat_interval_ms": 500, "metadata_max_age_ms": 1000,
        }
        self.consumer = AIOKafkaConsumer(*([topic] if group else []), **{**defaults, **config})
        self._partition = None if group else TopicPartition(topic, 0)

    async def __aenter__(self):
        await self.consumer.start()
        if self._partition:
            self.consumer.assign([self._partition])
            await self.consumer.seek_to_beginning()
        return self.consumer

    async def __aexit__(self, *_):
        await self.consumer.stop()


async def read(consumer, count):
    deadline = Deadline()
    messages = []
    while len(messages) < count:
        deadline.check(f"only {len(messages)} of {count} records came")
        for batch in (await consumer.getmany(timeout_ms=200)).values():
            messages += batch
    return messages


async def read_from(topic, count, **config):
    async with Member(topic, **config) as consumer:
        return await read(consumer, count)


async def send(topic, sent, **config):
    """Sends (key, value, timestamp) or (key, value, timestamp, headers) and gives the offsets, in order."""
    async with AIOKafkaProducer(**{"bootstrap_servers": BOOTSTRAP, **config}) as sender:
        futures = [
            await sender.send(topic, value, key, timestamp_ms=timestamp, partition=0, headers=headers[0] if headers else None)
            for key, value, timestamp, *headers in sent
        ]
        got = await asyncio.wait_for(asyncio.gather(*futures), SECONDS)
        return [metadata.offset for metadata in got if metadata]


def numbered(count, step=1):
    return [(None, str(n).encode(), BASE_TIME + n * step) for n in range(count)]


async def ends(topic):
    partition = TopicPartition(topic, 0)
    async with Member(topic) as consumer:
        first = await consumer.beginning_offsets([partition])
        last = await consumer.end_offsets([partition])
    return {"first": first[partition], "last": last[partition]}


def compression(codec):
    async def check():
        topic, sent = await new_topic(), records()
        offsets = await send(topic, sent, compression_type=codec, linger_ms=20)
        assert offsets == list(range(len(sent))), offsets
        got = await read_from(topic, len(sent))
        assert [(m.key, m.value, m.timestamp) for m in got] == sent
        return {"first": got[0].offset, "last": got[-1].offset}

    return check


async def null_and_empty():
    topic = await new_topic()
    # aiokafka refuses a record with neither key nor value
    await send(topic, [(b"", b"", 2), (b"k", None, 3), (None, b"", 1)])
    return {"records": [[text(m.key), text(m.value)] for m in await read_from(topic, 3)]}


async def large():
    topic = await new_topic(**{"max.message.bytes": "5000000"})
    await send(topic, [(None, b"a", 1), (None, b"x" * 4_000_000, 2), (None, b"b", 3)], max_request_size=4_500_000)
    got = await read_from(topic, 3, max_partition_fetch_bytes=100_000, fetch_max_bytes=100_000)
    return {"lengths": [len(m.value) for m in got]}


async def headers():
    topic = await new_topic()
    await send(topic, [(None, b"v", 1, [("h", b"1"), ("h", None), ("e", b""), ("ü", b"2")])])
    return {"headers": [[name, text(value)] for name, value in (await read_from(topic, 1))[0].headers]}


async def acks():
    topic = await new_topic()
    for level in ["all", 1, 0]:
        await send(topic, [(None, str(level).encode(), 5)] * 10, acks=level)
    return {"values": sorted(text(m.value) for m in await read_from(topic, 30))}


async def idempotence():
    topic, sent = await new_topic(), 150
    await send(topic, numbered(sent), bootstrap_servers=CUT_ADDRESS, enable_idempotence=True, max_batch_size=100, retry_backoff_ms=10)
    assert [m.value for m in await read_from(topic, sent)] == [str(n).encode() for n in range(sent)]
    return {**await ends(topic), "in order": True}


async def auto_create():
    topic = unique("made-by-use")
    assert await send(topic, [(b"k", b"v", 1)]) == [0]
    return {"value": text((await read_from(topic, 1))[0].value)}


async def seek_by_time():
    topic = await new_topic()
    await send(topic, numbered(100, 1000))
    partition = TopicPartition(topic, 0)
    async with Member(topic) as consumer:
        at = (await consumer.offsets_for_times({partition: BASE_TIME + 41_500}))[partition].offset
        after = (await consumer.offsets_for_times({partition: BASE_TIME + 999_999}))[partition]
        consumer.seek(partition, at)
        value = text((await read(consumer, 1))[0].value)
    return {"at": at, "after the last": after and after.offset, **await ends(topic), "read": value}


async def commit_resume():
    topic, group = await new_topic(), unique("resume")
    partition = TopicPartition(topic, 0)
    await send(topic, numbered(20))
    async with Member(topic, group) as first:
        await read(first, 20)
        await first.commit({partition: OffsetAndMetadata(7, "so far")})
    async with Admin() as admin:
        committed = (await admin.list_consumer_group_offsets(group))[partition]
    async with Member(topic, group) as second:
        resumed = (await read(second, 1))[0].offset
    return {"committed": committed.offset, "metadata": committed.metadata, "resumed": resumed}


async def error_of(action):
    try:
        await action
    except Exception as error:  # which one it is, is the answer
        return type(error).__name__
    raise AssertionError("an error was expected")


async def topics():
    topic = await new_topic(2)
    async with Admin() as admin:

        async def count():
            return len((await admin.describe_topics([topic]))[0]["partitions"])

        counts = [await count()]
        await admin.create_partitions({topic: NewPartitions(4)})
        deadline = Deadline()
        while await count() != 4:
            deadline.check("the topic did not grow")
        counts.append(4)
        errors = [await create(admin, *wrong) for wrong in [(topic,), ("a b",), (unique("r"), 1, 3), (unique("p"), 0, 1)]]
        await admin.delete_topics([topic])
        while topic in await admin.list_topics():
            deadline.check("the topic is still there")
    return {"partitions": counts, "errors": errors}


async def configs():
    topic = await new_topic(**{"retention.ms": "100000"})
    names = ["retention.ms", "segment.bytes", "cleanup.policy"]
    async with Admin() as admin:

        async def shown():
            resource = ConfigResource(ConfigResourceType.TOPIC, topic, dict.fromkeys(names))
            (response,) = await admin.describe_configs([resource])
            entries = response.resources[0][4]
            return {entry[0]: list(entry[1:4]) for entry in entries}

        async def alter(**changes):
            named = {name.replace("_", "."): value for name, value in changes.items()}
            (response,) = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, named)])
            return name_of(response.resources[0][0])

        before = await shown()
        errors = [await alter(retention_ms="200000", cleanup_policy="compact"), await alter(retention_ms="soon")]
        deadline = Deadline()
        while await shown() == before:
            deadline.check("the configs did not change")
        return {"before": before, "after": await shown(), "errors": errors}


async def groups():
    topic, group = await new_topic(), unique("described")
    await send(topic, [(None, b"x", 1)])
    async with Member(topic, group) as member, Admin() as admin:
        await read(member, 1)
        await member.commit()
        (response,) = await admin.describe_consumer_groups([group])
        error, _, state, kind, assignor, members, *_ = response.groups[0]
        listed = group in [one[0] for one in await admin.list_consumer_groups()]
    async with Admin() as admin:
        (response,) = await admin.describe_consumer_groups([group])
    # aiokafka deletes no groups
    return {"error": error, "state": state, "kind": kind, "assignor": assignor, "members": len(members), "listed": listed, "when left": response.groups[0][2]}


async def delete_records():
    topic = await new_topic()
    await send(topic, numbered(10))
    async with Admin() as admin:
        deleted = await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(4)})
    return {"low": list(deleted.values()), **await ends(topic)}


async def too_large():
    topic = await new_topic(**{"max.message.bytes": "1000"})
    return {"error": await error_of(send(topic, [(None, b"x" * 5000, 1)]))}


async def stale_commit():
    topic, group = await new_topic(), unique("stale")
    partition = TopicPartition(topic, 0)
    await send(topic, numbered(5))
    async with Member(topic, group, max_poll_interval_ms=3000, rebalance_timeout_ms=3000) as stale:
        await read(stale, 5)
        # the one that is not polled any more is put out, and the other one takes over
        async with Member(topic, group) as other:
            await read(other, 5)
            await other.commit({partition: OffsetAndMetadata(3, "")})
            error = await error_of(stale.commit({partition: OffsetAndMetadata(1, "")}))
            committed = await other.committed(partition)
    # which one depends on whether the client has noticed by itself
    assert error in ("CommitFailedError", "IllegalStateError"), error
    return {"refused": True, "committed": committed}


async def transaction_refused():
    sender = AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id=unique("t"))
    error = await error_of(asyncio.wait_for(sender.start(), SECONDS))
    assert error == "TransactionalIdAuthorizationFailed", error
    await sender.stop()
    return {"error": error}


async def member():
    topic, group, assignor, *instance = sys.argv[3:]
    assignors = {"range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor, "sticky": StickyPartitionAssignor}
    if assignor == "cooperative-sticky":
        raise Unsupported("aiokafka has no cooperative assignor")
    config = {} if assignor == "default" else {"partition_assignment_strategy": [assignors[assignor]]}
    if instance:
        config.update(group_instance_id=instance[0], session_timeout_ms=30000)
    told, assigned = Told(), Assigned()
    async with Member(topic, group, **config) as consumer:
        while not told:
            await consumer.getmany(timeout_ms=100)
            assigned.is_now(partition.partition for partition in consumer.assignment())


def waited(check):
    return check if isinstance(check, str) else lambda: asyncio.run(check())


if MEMBER:
    try:
        asyncio.run(member())
    except Unsupported as why:
        scenario.say({"unsupported": str(why)})
else:
    scenario.run({name: waited(check) for name, check in {
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
        "unknown-topic": "aiokafka makes a topic by asking for it, and cannot be told not to",
        "too-large": too_large,
        "stale-commit": stale_commit,
        "old-versions": "aiokafka takes the versions that it and the server have; it cannot be held to older ones",
        "transaction-refused": transaction_refused,
    }.items()})
