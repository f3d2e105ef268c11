"""Requests that the client library has no call for, in versions without tagged fields."""

import socket
import struct


class Wire:
    """One connection. Any failure is an OSError."""

    def __init__(self, address):
        host, port = address.split(":")
        self.connection = socket.create_connection((host, int(port)), 10)

    def close(self):
        self.connection.close()

    def ask(self, key, version, body):
        header = struct.pack(">hhi", key, version, 1) + text("faults")
        self.connection.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
        (length,) = struct.unpack(">i", self._read(4))
        return Answer(self._read(length)[4:])

    def _read(self, count):
        data = b""
        while len(data) < count:
            more = self.connection.recv(count - len(data))
            if not more:
                raise ConnectionError("closed by the node")
            data += more
        return data

    def alter_replica_log_dir(self, directory, topic, partition):
        """AlterReplicaLogDirs: the error code."""
        body = struct.pack(">i", 1) + text(str(directory))
        body += struct.pack(">i", 1) + text(topic) + struct.pack(">ii", 1, partition)
        answer = self.ask(34, 1, body)
        answer.take(">ii")
        answer.text()
        return answer.take(">iih")[2]

    def describe_log_dirs(self):
        """DescribeLogDirs: [(directory, error code, topic, partition, lag, is a copy)], and {directory: error code}."""
        answer = self.ask(35, 1, struct.pack(">i", -1))
        found, errors = [], {}
        for _ in range(answer.take(">ii")[1]):
            (error,) = answer.take(">h")
            directory = answer.text()
            errors[directory] = error
            for _ in range(answer.take(">i")[0]):
                topic = answer.text()
                for _ in range(answer.take(">i")[0]):
                    partition, _size, lag, copy = answer.take(">iqqb")
                    found.append((directory, error, topic, partition, lag, bool(copy)))
        return found, errors


    def fetch(self, version, topic, partition, offset):
        """Fetch 4 to 6: the error code, and the bytes of the records."""
        body = struct.pack(">iiiib", -1, 100, 1, 1 << 20, 0)
        body += struct.pack(">i", 1) + text(topic) + struct.pack(">iiq", 1, partition, offset)
        body += (struct.pack(">q", -1) if version > 4 else b"") + struct.pack(">i", 1 << 20)
        answer = self.ask(1, version, body)
        answer.take(">ii")
        answer.text()
        error = answer.take(">iihqq" if version == 4 else ">iihqqq")[2]
        answer.take(f">{2 * max(answer.take('>i')[0], 0)}q")
        (length,) = answer.take(">i")
        return error, answer.data[answer.at : answer.at + max(length, 0)]


class Answer:
    """Reads an answer from its begin to its end."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return values

    def text(self):
        (length,) = self.take(">h")
        self.at += length
        return self.data[self.at - length : self.at].decode()


def text(value):
    return struct.pack(">h", len(value)) + value.encode()
