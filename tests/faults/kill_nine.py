"""kill -9 at random points under load, many times in a row on one data directory.

What must hold, whatever the moment of the kill (the process dies, the kernel lives):
- no acknowledged record is lost,
- none is there twice, since the producer is idempotent,
- the records of a partition are in the order in which they were sent,
- the node is back after each kill, and Apache Kafka's dump tool, whose jars are in $JARS, finds every batch of every segment valid
  (--without-dump-tool leaves that out).

Each round draws its numbers from the seed, which is printed.
"""

import argparse
import collections
import logging
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

# librdkafka tells of each connection that a kill ended.
QUIET = logging.getLogger("librdkafka")
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False

TOPIC = "killed"
PARTITIONS = 3
READY_SECONDS = 30


class Node:
    """The process under test, always on the same port and data directory."""

    def __init__(self, work, durability, settings=()):
        self.work, self.durability, self.settings = work, durability, settings
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.process = None
        self.starts = []

    def start(self):
        started = time.monotonic()
        log = open(self.work / "node.log", "a")
        self.process = subprocess.Popen(
            [
                os.environ["MOLDAU"], "serve", "--data", self.work / "data", "--listen", self.address,
                "--set", f"moldau.durability={self.durability}",
                # Small segments, so that kills meet rolls too.
                "--set", "log.segment.bytes=1048576",
                *(part for setting in self.settings for part in ("--set", setting)),
            ],
            stderr=log,
        )
        while True:
            if self.process.poll() is not None:
                sys.exit(f"the node ended with {self.process.returncode}:\n{self.last_lines()}")
            try:
                host, port = self.address.split(":")
                socket.create_connection((host, int(port)), 1).close()
                self.starts.append(time.monotonic() - started)
                return
            except OSError:
                if time.monotonic() - started > READY_SECONDS:
                    sys.exit(f"the node was not back after {READY_SECONDS} s:\n{self.last_lines()}")
                time.sleep(0.005)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(60)
        if code != 0:
            sys.exit(f"the node ended with {code} on SIGTERM:\n{self.last_lines()}")

    def last_lines(self):
        return "\n".join((self.work / "node.log").read_text().splitlines()[-20:])


class Load:
    """An idempotent producer that sends numbered records all the time, and what was acknowledged to it."""

    def __init__(self, address, seed, compression=None):
        self.random = random.Random(seed)
        self.producer = Producer(
            {
                "bootstrap.servers": address,
                "enable.idempotence": True,
                "linger.ms": 2,
                "compression.type": compression or self.random.choice(["none", "lz4", "zstd"]),
                "message.timeout.ms": 300_000,
                "reconnect.backoff.max.ms": 200,
                "retry.backoff.ms": 50,
            },
            logger=QUIET,
        )
        self.acknowledged = collections.defaultdict(dict)
        self.sent = [0] * PARTITIONS
        self.failed = []
        self.running = True
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while self.running:
            partition = self.random.randrange(PARTITIONS)
            number = self.sent[partition]
            value = f"{number} ".encode() + b"x" * self.random.randrange(900)
            try:
                self.producer.produce(TOPIC, value, partition=partition, on_delivery=self._delivered(number))
                self.sent[partition] += 1
            except BufferError:
                self.producer.poll(0.05)
            self.producer.poll(0)
            if self.random.random() < 0.02:
                time.sleep(0.002)

    def _delivered(self, number):
        def told(error, message):
            if error is None:
                self.acknowledged[message.partition()][number] = message.offset()
            else:
                self.failed.append(str(error))

        return told

    def count(self):
        return sum(len(numbers) for numbers in self.acknowledged.values())

    def stop(self):
        self.running = False
        self.thread.join()
        left = self.producer.flush(120)
        if left or self.failed:
            sys.exit(f"{left} records were never answered, {len(self.failed)} failed: {self.failed[:3]}")


def read_all(address):
    """All records of each partition: [(offset, number)]."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "check", "enable.auto.commit": False})
    partitions = {}
    for partition in range(PARTITIONS):
        at = TopicPartition(TOPIC, partition)
        low, high = consumer.get_watermark_offsets(at, 30)
        consumer.assign([TopicPartition(TOPIC, partition, low)])
        records = []
        while not records or records[-1][0] < high - 1:
            left = high - (records[-1][0] + 1 if records else low)
            messages = consumer.consume(min(left, 10_000), 10)
            if not messages:
                sys.exit(f"partition {partition} gave nothing after offset {records[-1][0] if records else low} of {high}")
            for message in messages:
                if message.error():
                    raise KafkaException(message.error())
                records.append((message.offset(), int(message.value().split(b" ")[0])))
        partitions[partition] = records
    consumer.close()
    return partitions


def check(load, partitions):
    for partition, records in partitions.items():
        numbers = [number for _, number in records]
        at = {number: offset for offset, number in records}
        if len(at) != len(numbers):
            sys.exit(f"partition {partition} has {len(numbers) - len(at)} records twice")
        if numbers != sorted(numbers):
            sys.exit(f"partition {partition} is out of order")
        lost = [n for n, offset in load.acknowledged[partition].items() if offset >= 0 and at.get(n) != offset]
        missing = [n for n in load.acknowledged[partition] if n not in at]
        if lost or missing:
            sys.exit(f"partition {partition} lost {len(missing)} acknowledged records, {len(lost)} moved: {(missing or lost)[:5]}")


def with_dump_tool(parser):
    """The options of the command line; ends when the dump tool is not there and nobody said that it is not wanted."""
    parser.add_argument("--without-dump-tool", action="store_true", help="do not let Apache Kafka's dump tool read the segments")
    options = parser.parse_args()
    jars = os.environ.get("JARS")
    if not options.without_dump_tool and not (jars and pathlib.Path(jars).is_dir() and shutil.which("java")):
        sys.exit("the reference's dump tool is not here: it needs java and $JARS, the folder of Apache Kafka's jars; or say --without-dump-tool")
    return options


def dump(data, options):
    """Has Apache Kafka's own tool read every segment."""
    if options.without_dump_tool:
        print("the reference's dump tool was not asked")
        return
    jars = os.environ["JARS"]
    segments = sorted(str(path) for path in data.glob(f"{TOPIC}-*/*.log") if path.stat().st_size)
    for at in range(0, len(segments), 50):
        out = subprocess.run(
            ["java", "-Xmx512m", "-cp", f"{jars}/*", "org.apache.kafka.tools.DumpLogSegments", "--files", ",".join(segments[at : at + 50])],
            capture_output=True, text=True, check=False,
        )
        invalid = [line for line in out.stdout.splitlines() if "isvalid: false" in line]
        if out.returncode or invalid or "isvalid: true" not in out.stdout:
            sys.exit(f"the dump tool is not content: {invalid[:3]} {out.stderr[-500:]}")
    print(f"the reference's dump tool finds all {len(segments)} segments valid")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--durability", default="kafka")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = with_dump_tool(parser)
    print(f"seed {options.seed}, {options.rounds} rounds, moldau.durability={options.durability}")
    moments = random.Random(options.seed)
    work = pathlib.Path(tempfile.mkdtemp(prefix="moldau-faults-"))
    node = Node(work, options.durability)
    try:
        node.start()
        topic = NewTopic(TOPIC, PARTITIONS, 1)
        admin = AdminClient({"bootstrap.servers": node.address}, logger=QUIET)
        admin.create_topics([topic])[TOPIC].result(30)
        load = Load(node.address, options.seed)
        load.thread.start()
        try:
            for _ in range(options.rounds):
                before = load.count()
                deadline = time.monotonic() + 60
                while load.count() == before:
                    if time.monotonic() > deadline:
                        sys.exit(f"nothing was acknowledged for 60 s:\n{node.last_lines()}")
                    time.sleep(0.01)
                time.sleep(moments.random() * 0.5)
                node.kill()
                node.start()
        finally:
            load.stop()
        partitions = read_all(node.address)
        check(load, partitions)
        node.stop()
        dump(work / "data", options)
        node.start()
        check(load, read_all(node.address))
        node.stop()
        count = sum(map(len, partitions.values()))
        starts = sorted(node.starts)
        print(f"{options.rounds} kills: {load.count()} acknowledged, {count} there, none lost, none twice, in order")
        print(f"start until connections are taken: median {1000 * starts[len(starts) // 2]:.0f} ms, longest {1000 * starts[-1]:.0f} ms")
        print("1 passed, 0 failed")
        shutil.rmtree(work)
    finally:
        if node.process and node.process.poll() is None:
            node.kill()


if __name__ == "__main__":
    main()
