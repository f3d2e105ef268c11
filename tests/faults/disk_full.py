"""A disk that is full under load, and has space again without a restart.

What must hold:
- writes wait or are refused, and the node says why in its log,
- reads and DeleteRecords go on meanwhile, and changes of metadata as long as the room reserved for them lasts,
- nothing acknowledged is lost, twice or out of order,
- when there is space again, writes and changes of metadata go on, and a partition that was made meanwhile can be written to, all by itself,
- a restart finds the same.
"""

import argparse
import pathlib
import random
import shutil
import sys
import tempfile

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType,
)

from kill_nine import PARTITIONS, QUIET, TOPIC, Load, Node, check, read_all
from move_dirs import patiently
from tmpfs import fill, free_bytes, mounted

MEGABYTES = 40


def set_config(admin, name, value):
    entry = ConfigEntry(name, str(value), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=[entry])
    next(iter(admin.incremental_alter_configs([resource]).values())).result(20)


def write_one(address, topic):
    producer = Producer({"bootstrap.servers": address, "message.timeout.ms": 30_000}, logger=QUIET)
    told = []
    producer.produce(topic, b"v", on_delivery=lambda error, _: told.append(error))
    producer.flush(40)
    return told == [None]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--durability", default="kafka")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"full disk: seed {options.seed}, moldau.durability={options.durability}")
    work = pathlib.Path(tempfile.mkdtemp(prefix="moldau-faults-"))
    with mounted(work / "data", MEGABYTES):
        run(work, options)
    shutil.rmtree(work)


def run(work, options):
    ballast = work / "data" / "ballast"
    node = Node(work, options.durability, ["log.segment.delete.delay.ms=200", "log.retention.check.interval.ms=300"])
    try:
        node.start()
        admin = AdminClient({"bootstrap.servers": node.address}, logger=QUIET)
        for topic in [NewTopic(TOPIC, PARTITIONS, 1), NewTopic("old", 1, 1)]:
            admin.create_topics([topic])[topic.topic].result(20)
        if not write_one(node.address, "old"):
            sys.exit("the node takes nothing from the start on")
        # Not compressed, so that each partition has closed segments soon.
        load = Load(node.address, options.seed, "none")
        load.thread.start()
        try:
            patiently("acknowledgements", node, lambda: True if load.count() > 12_000 else None)
            fill(ballast, 2 << 20)
            log = work / "node.log"
            refused = "no space left for"
            patiently("a refusal in the node's log", node, lambda: True if refused in log.read_text() else None)
            fill(ballast, 0)

            # Reads go on.
            there = read_all(node.address)
            check(load_so_far(load, there), there)
            # So do changes of metadata, also those that need room for files.
            set_config(admin, "retention.ms", 86_400_000)
            admin.create_topics([NewTopic("new", 1, 1)])["new"].result(20)
            admin.delete_topics(["old"])["old"].result(20)
            fill(ballast, 0)
            # In the end there is no room for them either, and they are refused.
            code = None
            for number in range(200):
                try:
                    set_config(admin, "leader.replication.throttled.replicas", ",".join(["0:1"] * (8000 + number)))
                except KafkaException as error:
                    code = error.args[0].code()
                    break
            if code != KafkaError.KAFKA_STORAGE_ERROR:
                sys.exit(f"changes of metadata without room end with {code}\n{node.last_lines()}")
            before = load.count()
            if free_bytes(ballast.parent) > 64 << 10:
                sys.exit(f"{free_bytes(ballast.parent)} bytes are free: the disk is not full")

            # Space comes back, and writes with it.
            ballast.unlink()
            patiently("acknowledgements after it", node, lambda: True if load.count() > before + 1000 else None)
            set_config(admin, "retention.ms", -1)
            if not write_one(node.address, "new"):
                sys.exit(f"what was made on a full disk stays offline\n{node.last_lines()}")
        finally:
            load.stop()
        partitions = read_all(node.address)
        check(load, partitions)
        # Full again: DeleteRecords is what makes room.
        fill(ballast, 0)
        ends = [TopicPartition(TOPIC, p, records[-1][0] + 1) for p, records in partitions.items()]
        for deleted in admin.delete_records(ends).values():
            deleted.result(20)
        patiently("room", node, lambda: True if free_bytes(ballast.parent) > 1 << 20 else None)
        if not write_one(node.address, "new"):
            sys.exit(f"the room is not used\n{node.last_lines()}")
        ballast.unlink()
        node.kill()
        node.start()
        if not write_one(node.address, TOPIC):
            sys.exit(f"nothing can be written after the restart\n{node.last_lines()}")
        node.stop()
        print(f"{load.count()} acknowledged, {sum(map(len, partitions.values()))} there, none lost, none twice, in order")
        print("1 passed, 0 failed")
    finally:
        if node.process and node.process.poll() is None:
            node.kill()


class load_so_far:  # noqa: N801: it stands for a Load
    """What was acknowledged of the records that can be seen by now; later ones may have come since."""

    def __init__(self, load, partitions):
        self.acknowledged = {}
        for partition, records in partitions.items():
            last = records[-1][0]
            known = dict(load.acknowledged[partition])
            self.acknowledged[partition] = {n: offset for n, offset in known.items() if offset <= last}


if __name__ == "__main__":
    main()
