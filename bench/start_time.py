#!/usr/bin/env python3
"""From the start of the process to the first acknowledged produce: on an empty data directory, and on one with many
partitions of data after kill -9 (the data is in the page cache).

Usage: start_time.py MOLDAU [--turns 10] [--partitions 2000]. Prints medians and the longest, in milliseconds. Needs
nothing but Python: it speaks the few requests that it needs itself.
"""

import argparse
import pathlib
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
import time

TOPIC_PARTITIONS = 100
RECORDS = 20
VALUE = b"x" * 500


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def varint(number):
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def batch():
    """A record batch of RECORDS records."""
    records = b""
    for delta in range(RECORDS):
        body = b"\0" + varint(0) + varint(delta) + varint(-1) + varint(len(VALUE)) + VALUE + varint(0)
        records += varint(len(body)) + body
    now = int(time.time() * 1000)
    tail = struct.pack(">hiqqqhii", 0, RECORDS - 1, now, now, -1, -1, -1, RECORDS) + records
    return struct.pack(">qiibI", 0, 9 + len(tail), -1, 2, crc32c(tail)) + tail


def string(text):
    return struct.pack(">h", len(text)) + text.encode()


class Connection:
    def __init__(self, address):
        self.socket = socket.create_connection(address, 1)
        self.socket.settimeout(30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, api_key, version, body):
        frame = struct.pack(">hhi", api_key, version, 1) + string("start-time") + body
        self.socket.sendall(struct.pack(">i", len(frame)) + frame)
        (length,) = struct.unpack(">i", self.read(4))
        return self.read(length)[4:]

    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError("closed by the node")
            data += more
        return data

    def create(self, topic, partitions):
        body = struct.pack(">i", 1) + string(topic) + struct.pack(">ihii", partitions, 1, 0, 0) + struct.pack(">ib", 30000, 0)
        answer = self.call(19, 2, body)
        (error,) = struct.unpack_from(">h", answer, 8 + 2 + len(topic))
        if error not in (0, 36):
            raise RuntimeError(f"creating {topic}: error {error}")

    def produce(self, topic, partition, data):
        body = struct.pack(">hhi", -1, -1, 30000) + struct.pack(">i", 1) + string(topic)
        body += struct.pack(">iii", 1, partition, len(data)) + data
        answer = self.call(0, 7, body)
        (error,) = struct.unpack_from(">h", answer, 4 + 2 + len(topic) + 4 + 4)
        if error:
            raise RuntimeError(f"producing to {topic}-{partition}: error {error}")


class Node:
    def __init__(self, binary, data, port):
        self.address = ("127.0.0.1", port)
        self.command = [binary, "serve", "--data", str(data), "--listen", f"127.0.0.1:{port}"]

    def start(self):
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        while True:
            try:
                return Connection(self.address)
            except OSError:
                if self.process.poll() is not None or time.monotonic() - self.started > 60:
                    raise SystemExit("the node did not start") from None
                time.sleep(0.0005)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def show(name, milliseconds):
    print(f"{name}: median {statistics.median(milliseconds):.0f} ms, longest {max(milliseconds):.0f} ms of {len(milliseconds)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--partitions", type=int, default=2000)
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="moldau-start-"))
    data = batch()
    try:
        empty = []
        for turn in range(options.turns):
            node = Node(options.binary, work / f"empty-{turn}", free_port())
            connection = node.start()
            connection.create("first", 1)
            connection.produce("first", 0, data)
            empty.append(1000 * (time.monotonic() - node.started))
            node.kill()
        show("empty data directory, topic created and first produce acknowledged", empty)

        node = Node(options.binary, work / "full", free_port())
        connection = node.start()
        for topic in range(options.partitions // TOPIC_PARTITIONS):
            connection.create(f"t{topic}", TOPIC_PARTITIONS)
            for partition in range(TOPIC_PARTITIONS):
                for _ in range(3):
                    connection.produce(f"t{topic}", partition, data)
        node.kill()
        full = []
        for _ in range(options.turns):
            connection = node.start()
            connection.produce("t0", 0, data)
            full.append(1000 * (time.monotonic() - node.started))
            node.kill()
        show(f"{options.partitions} partitions with data, after kill -9, first produce acknowledged", full)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
