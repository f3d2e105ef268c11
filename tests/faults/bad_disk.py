"""Disks that fail, and files that are damaged, in a node that has others.

What must hold:
- a segment with a batch that is no batch gives an error to who reads there, by that name in the node's log; the rest of
  the partition, the other partitions and the node work on, and Moldau's dump finds the place,
- a damaged index is built anew,
- a log directory that cannot be used any more goes offline with a clear message; its partitions answer KAFKA_STORAGE_ERROR,
  DescribeLogDirs says so, those in other directories work on,
- when the disk is whole again, a restart has everything that was acknowledged.
"""

import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from kill_nine import PARTITIONS, QUIET, TOPIC, Load, Node, check, read_all
from move_dirs import patiently, places
from wire import Wire

CORRUPT_MESSAGE = 2
LARGE = 200_000


def write(address, partition, seconds, size=1):
    """Whether a record is acknowledged within so many seconds."""
    producer = Producer({"bootstrap.servers": address, "log_level": 0})
    producer.produce(TOPIC, b"0 " + b"v" * size, partition=partition)
    left = producer.flush(seconds)
    producer.purge()
    return left == 0


def fetch_error(address, partition, offset, version=6):
    """The error code that a fetch from this offset gets, None if it gets records."""
    wire = Wire(address)
    error, records = wire.fetch(version, TOPIC, partition, offset)
    wire.close()
    return None if records else error


def expect(holds, what, node):
    if not holds:
        sys.exit(f"not so: {what}\n{node.last_lines()}")


def segments(directory):
    return sorted(path for path in directory.glob("*.log") if path.stat().st_size)


def fill(node, seed):
    load = Load(node.address, seed, "none")
    load.thread.start()
    patiently("acknowledgements", node, lambda: True if load.count() > 20_000 else None)
    load.stop()
    return load


def damaged_files(work, seed):
    """Batches and indexes that are not what was written."""
    node = Node(work, "kafka", [f"log.dirs={work / 'data'}"])
    try:
        node.start()
        admin = AdminClient({"bootstrap.servers": node.address}, logger=QUIET)
        admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(20)
        load = fill(node, seed)
        before = read_all(node.address)
        check(load, before)
        node.stop()

        # Partition 0: a closed segment begins with what is no batch. Partition 1: no index is what it was.
        second = segments(work / "data" / f"{TOPIC}-0")[1]
        with open(second, "r+b") as file:
            file.seek(8)
            file.write(b"\xff" * 9)
        for index in (work / "data" / f"{TOPIC}-1").glob("*.*index"):
            index.write_bytes(os.urandom(1001))
        node.start()
        at = int(second.stem)
        error = fetch_error(node.address, 0, at)
        expect(error == CORRUPT_MESSAGE, f"a reader of damaged records gets {error}", node)
        expect(second.name in (work / "node.log").read_text(), "the node's log names the segment", node)
        expect(fetch_error(node.address, 0, 0) is None, "what is before it is read", node)
        end = before[0][-1][0]
        expect(fetch_error(node.address, 0, end) is None, "what is behind it is read", node)
        expect(write(node.address, 0, 20), "the partition takes records", node)
        log = [os.environ["MOLDAU"], "log", "dump", str(second)]
        dump = subprocess.run(log, capture_output=True, text=True, check=False)
        expect(dump.returncode != 0 or "isvalid: false" in dump.stdout, f"the dump finds it: {dump.stdout[-300:]}", node)
        for partition in (1, 2):
            records = read_partition(node.address, partition)
            expect(records == before[partition], f"partition {partition} is what it was", node)
            expect(write(node.address, partition, 20), f"partition {partition} takes records", node)
        node.stop()
    finally:
        if node.process and node.process.poll() is None:
            node.kill()
    print("damaged files: the reader is told, all else goes on")


def read_partition(address, partition):
    consumer = Consumer({"bootstrap.servers": address, "group.id": "check", "enable.auto.commit": False}, logger=QUIET)
    low, high = consumer.get_watermark_offsets(TopicPartition(TOPIC, partition), 30)
    consumer.assign([TopicPartition(TOPIC, partition, low)])
    records = []
    while not records or records[-1][0] < high - 1:
        left = high - (records[-1][0] + 1 if records else low)
        for message in consumer.consume(min(left, 10_000), 10):
            records.append((message.offset(), int(message.value().split(b" ")[0])))
    consumer.close()
    return records


def no_leaders(admin, partitions):
    """Whether in some seconds none of these partitions has a leader, and all others have one."""
    for _ in range(100):
        found = admin.list_topics(TOPIC, timeout=20).topics[TOPIC].partitions
        if all((found[p].leader == -1) == (p in partitions) for p in found):
            return True
        time.sleep(0.1)
    return False


def failing_directory(work, seed):
    """One of two log directories is no directory any more: no file can be made or opened in it."""
    good, bad, away = work / "good", work / "bad", work / "away"
    node = Node(work, "kafka", [f"log.dirs={good},{bad}", f"metadata.log.dir={work / 'metadata'}"])
    try:
        node.start()
        admin = AdminClient({"bootstrap.servers": node.address}, logger=QUIET)
        admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(20)
        load = fill(node, seed)
        homes, _ = places(node)
        on_bad = [p for p, home in homes.items() if home == str(bad)]
        on_good = [p for p, home in homes.items() if home == str(good)]
        expect(on_bad and on_good, f"both directories have partitions: {homes}", node)
        before = read_all(node.address)
        check(load, before)
        bad.rename(away)
        bad.write_text("no directory")
        # Open files can be written to; the next segment cannot be made.
        written = 0
        while write(node.address, on_bad[0], 3, LARGE):
            written += 1
            expect(written < 50, "nothing is acknowledged without a disk", node)
        offline = f"log directory goes offline dir={bad}"
        expect(offline in (work / "node.log").read_text(), "the node says so", node)
        wire = Wire(node.address)
        errors = wire.describe_log_dirs()[1]
        wire.close()
        offline = [directory for directory, error in errors.items() if error == KafkaError.KAFKA_STORAGE_ERROR]
        expect(offline == [str(bad)], f"DescribeLogDirs says so: {offline}", node)
        error = fetch_error(node.address, on_bad[0], 0)
        expect(error == KafkaError.KAFKA_STORAGE_ERROR, f"a reader there gets {error}", node)
        # Old clients do not know that error; they look for a leader and try again.
        error = fetch_error(node.address, on_bad[0], 0, version=4)
        expect(error == KafkaError.NOT_LEADER_FOR_PARTITION, f"an old reader there gets {error}", node)
        expect(no_leaders(admin, on_bad), "the metadata name no leader for its partitions", node)
        for partition in on_good:
            expect(write(node.address, partition, 20), f"partition {partition} takes records", node)
            expect(read_partition(node.address, partition)[:-1] == before[partition], "and has them", node)
        node.kill()
        bad.unlink()
        away.rename(bad)
        node.start()
        for partition in on_bad:
            records = read_partition(node.address, partition)
            more = len(records) - len(before[partition])
            expect(records[: len(before[partition])] == before[partition], f"partition {partition} has all", node)
            expect(more == (written if partition == on_bad[0] else 0), f"partition {partition} has {more} more", node)
            expect(write(node.address, partition, 20), f"partition {partition} takes records again", node)
        node.stop()
    finally:
        if node.process and node.process.poll() is None:
            node.kill()
    print("a failing log directory: its partitions are offline, the others go on, nothing is lost")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"bad disks: seed {options.seed}")
    work = pathlib.Path(tempfile.mkdtemp(prefix="moldau-faults-"))
    (work / "files").mkdir()
    (work / "directory").mkdir()
    damaged_files(work / "files", options.seed)
    failing_directory(work / "directory", options.seed)
    print("2 passed, 0 failed")
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
