"""The requests the runner makes itself: a topic for a group scenario and its group's protocol, so that it needs nothing of a client but
members."""

import socket
import struct
import time

from .proxy import read_frame

CREATE_TOPICS, METADATA, DESCRIBE_GROUPS = (19, 2), (3, 1), (15, 0)
KNOWN_SECONDS = 30


def _string(text):
    raw = text.encode()
    return struct.pack(">h", len(raw)) + raw


def _ask(connection, api, body):
    """Sends a request; gives the answer behind its length and correlation id."""
    head = struct.pack(">hhi", *api, 1) + _string("compat-runner")
    connection.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
    return read_frame(connection)[8:]


def create_topic(address, name, partitions):
    """Makes a topic with one replica for each partition, and waits until the server knows it."""
    host, port = address.split(":")
    topic = _string(name) + struct.pack(">ihii", partitions, 1, 0, 0)
    with socket.create_connection((host, int(port)), 30) as connection:
        answer = _ask(connection, CREATE_TOPICS, struct.pack(">i", 1) + topic + struct.pack(">i?", 30_000, False))
        # throttle time and count stand before the topic's name, its error code behind it
        (error,) = struct.unpack_from(">h", answer, 8 + len(_string(name)))
        if error:
            raise OSError(f"topic {name} was not made: error code {error}")
        # Apache Kafka answers before its broker knows the topic
        deadline = time.monotonic() + KNOWN_SECONDS
        while error := _described(connection, name):
            if time.monotonic() > deadline:
                raise OSError(f"topic {name} is not there: error code {error}")
            time.sleep(0.02)


def _described(connection, name):
    """The error code with which Metadata shows a topic; it stands right before the name."""
    answer = _ask(connection, METADATA, struct.pack(">i", 1) + _string(name))
    (error,) = struct.unpack_from(">h", answer, answer.index(_string(name)) - 2)
    return error


def group_protocol(address, group):
    """The protocol, for consumers the assignor, that the members of a group have agreed on; waits until they have."""
    host, port = address.split(":")
    deadline = time.monotonic() + KNOWN_SECONDS
    with socket.create_connection((host, int(port)), 30) as connection:
        while True:
            # a count and an error code, then group, state, protocol type, protocol
            answer = _ask(connection, DESCRIBE_GROUPS, struct.pack(">i", 1) + _string(group))
            texts = _texts(answer, 6, 4)
            if texts[1] == "Stable":
                return texts[3]
            if time.monotonic() > deadline:
                raise OSError(f"the group {group} is not stable: {texts}")
            time.sleep(0.05)


def _texts(answer, at, count):
    """`count` texts, one behind the other."""
    texts = []
    for _ in range(count):
        (length,) = struct.unpack_from(">h", answer, at)
        texts.append(answer[at + 2:at + 2 + length].decode())
        at += 2 + length
    return texts
