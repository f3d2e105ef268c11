"""librdkafka, through confluent-kafka: what its users do, against the server at the address given.

Usage: test.py BOOTSTRAP. Prints a line for each scenario and ends with "N passed, N failed".
"""

import sys
import time
import traceback
import uuid

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

BOOTSTRAP = sys.argv[1]
SECONDS = 30
SCENARIOS = []


def scenario(function):
    SCENARIOS.append(function)
    return function


# One client for all scenarios: its futures end with it.
ADMIN = AdminClient({"bootstrap.servers": BOOTSTRAP})


def admin():
    return ADMIN


def new_topic(partitions=1, **config):
    name = f"confluent-{uuid.uuid4()}"
    # records of the scenarios are years old: a node's first retention pass, half a minute after its start, would take them
    topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config={"retention.ms": "-1", **config})
    admin().create_topics([topic])[name].result(SECONDS)
    return name


def producer(**config):
    return Producer({"bootstrap.servers": BOOTSTRAP, **config})


def consumer(group=None, **config):
    defaults = {
        "bootstrap.servers": BOOTSTRAP,
        "group.id": group or f"group-{uuid.uuid4()}",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 500,
    }
    return Consumer({**defaults, **config})


def send(topic, records, **config):
    """Sends (key, value, headers, timestamp) and gives the offsets, in order."""
    offsets = []
    sender = producer(**config)

    def delivered(error, message):
        assert error is None, error
        offsets.append((message.partition(), message.offset()))

    for key, value, headers, timestamp in records:
        sender.produce(topic, value, key, headers=headers, timestamp=timestamp, on_delivery=delivered)
    assert sender.flush(SECONDS) == 0
    return offsets


def read(reader, count):
    deadline = time.monotonic() + SECONDS
    messages = []
    while len(messages) < count:
        assert time.monotonic() < deadline, f"only {len(messages)} of {count} records came"
        for message in reader.consume(num_messages=count - len(messages), timeout=0.5):
            assert message.error() is None, message.error()
            messages.append(message)
    return messages


@scenario
def each_compression_arrives_unchanged_in_order():
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
        topic = new_topic()
        sent = [(f"k{n}".encode(), f"value {n} ".encode() * 20, [("h", b"1"), ("h", None)], 1_700_000_000_000 + n) for n in range(1000)]
        send(topic, sent, **{"compression.type": codec, "linger.ms": 20})
        reader = consumer()
        reader.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        for message, (key, value, headers, timestamp) in zip(read(reader, len(sent)), sent):
            assert (message.key(), message.value(), message.timestamp()[1]) == (key, value, timestamp), codec
            assert message.headers() == headers, codec
        reader.close()


@scenario
def null_empty_and_large_records_arrive():
    topic = new_topic(**{"max.message.bytes": "5000000"})
    sent = [(None, None, None, 1), (b"", b"", None, 2), (b"k", None, None, 3), (None, b"x" * 4_000_000, None, 4)]
    send(topic, sent, **{"message.max.bytes": 4_500_000})
    reader = consumer(**{"fetch.message.max.bytes": 100})
    reader.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    got = [(message.key(), message.value()) for message in read(reader, len(sent))]
    assert got == [(key, value) for key, value, _, _ in sent]
    reader.close()


@scenario
def an_idempotent_producer_gets_consecutive_offsets():
    topic = new_topic()
    offsets = send(topic, [(None, str(n).encode(), None, n) for n in range(5000)], **{"enable.idempotence": True})
    assert offsets == [(0, n) for n in range(5000)]


@scenario
def acks_zero_one_and_all_are_taken():
    topic = new_topic()
    for acks in ["0", "1", "all"]:
        send(topic, [(None, acks.encode(), None, 5)] * 10, acks=acks)
    reader = consumer()
    reader.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    read(reader, 30)
    reader.close()


@scenario
def a_seek_by_time_finds_the_first_record_not_older():
    topic = new_topic()
    send(topic, [(None, str(n).encode(), None, 1_700_000_000_000 + 1000 * n) for n in range(100)])
    reader = consumer()
    found = reader.offsets_for_times([TopicPartition(topic, 0, 1_700_000_000_000 + 41_500)], SECONDS)
    assert found[0].offset == 42, found
    assert reader.get_watermark_offsets(TopicPartition(topic, 0), SECONDS) == (0, 100)
    reader.close()


@scenario
def a_group_goes_on_from_its_committed_offset():
    topic = new_topic()
    send(topic, [(None, str(n).encode(), None, n) for n in range(20)])
    group = f"resume-{uuid.uuid4()}"
    first = consumer(group)
    first.subscribe([topic])
    messages = read(first, 10)
    first.commit(message=messages[9], asynchronous=False)
    first.close()
    second = consumer(group)
    second.subscribe([topic])
    assert read(second, 1)[0].offset() == 10
    second.close()


@scenario
def a_group_of_three_shares_the_partitions_under_each_assignor():
    for assignor in ["range", "roundrobin", "cooperative-sticky"]:
        topic = new_topic(partitions=6)
        group = f"three-{uuid.uuid4()}"
        members = [consumer(group, **{"partition.assignment.strategy": assignor}) for _ in range(3)]
        for member in members:
            member.subscribe([topic])
        settle(members, 6)
        members.pop().close()  # leaves: the others take its partitions over
        settle(members, 6)
        members.append(consumer(group, **{"partition.assignment.strategy": assignor}))
        members[-1].subscribe([topic])
        settle(members, 6)
        for member in members:
            member.close()


def settle(members, partitions):
    deadline = time.monotonic() + SECONDS
    while True:
        for member in members:
            member.poll(0.1)
        assigned = [sorted(p.partition for p in member.assignment()) for member in members]
        if sorted(sum(assigned, [])) == list(range(partitions)) and all(assigned):
            return
        assert time.monotonic() < deadline, f"the group did not settle: {assigned}"


@scenario
def a_static_member_comes_back_without_a_rebalance():
    topic = new_topic(partitions=2)
    group = f"static-{uuid.uuid4()}"
    config = {"session.timeout.ms": 30000}
    other = consumer(group, **{"group.instance.id": "other", **config})
    other.subscribe([topic])
    one = consumer(group, **{"group.instance.id": "one", **config})
    one.subscribe([topic])
    settle([one, other], 2)
    before = one.assignment()
    one.close()
    again = consumer(group, **{"group.instance.id": "one", **config})
    again.subscribe([topic])
    settle([again, other], 2)
    assert again.assignment() == before
    again.close()
    other.close()


@scenario
def topics_are_described_grown_and_deleted():
    topic = new_topic(partitions=2)
    metadata = admin().list_topics(timeout=SECONDS)
    assert len(metadata.topics[topic].partitions) == 2
    admin().create_partitions([NewPartitions(topic, 5)])[topic].result(SECONDS)
    assert len(admin().list_topics(topic, SECONDS).topics[topic].partitions) == 5
    admin().delete_topics([topic])[topic].result(SECONDS)
    assert topic not in admin().list_topics(timeout=SECONDS).topics


@scenario
def configs_are_described_and_altered():
    topic = new_topic(**{"retention.ms": "1000"})
    resource = ConfigResource(ResourceType.TOPIC, topic)
    entries = admin().describe_configs([resource])[resource].result(SECONDS)
    assert entries["retention.ms"].value == "1000" and not entries["retention.ms"].is_default
    assert entries["segment.bytes"].value == "1073741824" and entries["segment.bytes"].is_default
    change = ConfigEntry("retention.ms", "2000", incremental_operation=AlterConfigOpType.SET)
    altered = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[change])
    admin().incremental_alter_configs([altered])[altered].result(SECONDS)
    assert admin().describe_configs([resource])[resource].result(SECONDS)["retention.ms"].value == "2000"
    wrong = ConfigEntry("retention.ms", "soon", incremental_operation=AlterConfigOpType.SET)
    altered = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[wrong])
    expect(KafkaError.INVALID_CONFIG, lambda: admin().incremental_alter_configs([altered])[altered].result(SECONDS))


@scenario
def groups_are_listed_described_and_deleted():
    topic = new_topic()
    send(topic, [(None, b"x", None, 1)])
    group = f"described-{uuid.uuid4()}"
    member = consumer(group)
    member.subscribe([topic])
    read(member, 1)
    member.commit(asynchronous=False)
    described = admin().describe_consumer_groups([group])[group].result(SECONDS)
    assert described.state.name == "STABLE" and len(described.members) == 1
    assert group in [listed.group_id for listed in admin().list_consumer_groups().result(SECONDS).valid]
    expect(KafkaError.NON_EMPTY_GROUP, lambda: admin().delete_consumer_groups([group])[group].result(SECONDS))
    member.close()
    admin().delete_consumer_groups([group])[group].result(SECONDS)


@scenario
def records_are_deleted_before_an_offset():
    topic = new_topic()
    send(topic, [(None, b"x", None, n) for n in range(10)])
    at = TopicPartition(topic, 0, 4)
    admin().delete_records([at])[at].result(SECONDS)
    found = admin().list_offsets({TopicPartition(topic, 0): OffsetSpec.earliest()})
    assert [future.result(SECONDS).offset for future in found.values()] == [4]


@scenario
def unknown_topics_and_too_large_records_are_errors():
    reader = consumer(**{"allow.auto.create.topics": False})
    expect(KafkaError._UNKNOWN_PARTITION, lambda: reader.get_watermark_offsets(TopicPartition(f"no-{uuid.uuid4()}", 0), 5))
    reader.close()
    topic = new_topic(**{"max.message.bytes": "1000"})
    failures = []
    sender = producer(**{"compression.type": "none"})
    sender.produce(topic, b"x" * 5000, on_delivery=lambda error, _: failures.append(error))
    sender.flush(SECONDS)
    assert failures[0].code() == KafkaError.MSG_SIZE_TOO_LARGE, failures
    name = new_topic()
    expect(KafkaError.TOPIC_ALREADY_EXISTS, lambda: admin().create_topics([NewTopic(name, 1, 1)])[name].result(SECONDS))
    expect(KafkaError.TOPIC_EXCEPTION, lambda: admin().create_topics([NewTopic("a b", 1, 1)])["a b"].result(SECONDS))


def expect(code, action):
    try:
        action()
    except KafkaException as error:
        assert error.args[0].code() == code, error
        return
    raise AssertionError(f"error {code} was expected")


def main():
    failed = 0
    for run in SCENARIOS:
        started = time.monotonic()
        try:
            run()
            print(f"ok      {run.__name__} ({time.monotonic() - started:.1f} s)", flush=True)
        except Exception:  # each scenario is reported, whatever it raised
            failed += 1
            print(f"FAILED  {run.__name__}\n{traceback.format_exc()}", flush=True)
    print(f"{len(SCENARIOS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
