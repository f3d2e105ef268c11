"""The one request the runner makes itself: CreateTopics, so that group scenarios need nothing of a client but members."""

import socket
import struct

from .proxy import read_frame

CREATE_TOPICS, VERSION = 19, 2


def _string(text):
    raw = text.encode()
    return struct.pack(">h", len(raw)) + raw


def create_topic(address, name, partitions):
    """Makes a topic with one replica for each partition."""
    host, port = address.split(":")
    header = struct.pack(">hhi", CREATE_TOPICS, VERSION, 1) + _string("compat-runner")
    topic = _string(name) + struct.pack(">ihii", partitions, 1, 0, 0)
    body = struct.pack(">i", 1) + topic + struct.pack(">i?", 30_000, False)
    with socket.create_connection((host, int(port)), 30) as connection:
        connection.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
        answer = read_frame(connection)
    # length, correlation id, throttle time, count, then the topic's name and its error code
    at = 16
    (length,) = struct.unpack_from(">h", answer, at)
    (error,) = struct.unpack_from(">h", answer, at + 2 + length)
    if error:
        raise OSError(f"topic {name} was not made: error code {error}")
