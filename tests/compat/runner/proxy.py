"""A proxy that loses what an idempotent producer must cope with.

It reads Kafka's frames from the client. Of the Produce requests, every third is passed on and its answer never comes
back: the connection is cut when the server has answered, so the records are in the log and the client does not know.
Every fifth is not passed on, and the connection is cut at once. Everything else goes through untouched.
"""

import socket
import threading

PRODUCE = 0


class CuttingProxy:
    """Listens at `port`, connects to `target` on the same machine; counts in `cuts` how often it cut."""

    def __init__(self, port, target):
        self.port = port
        self.target = target
        self.cuts = 0
        self._produced = 0
        self._lock = threading.Lock()
        self._listener = None

    def start(self):
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        if self._listener:
            # close alone leaves a blocked accept behind
            try:
                self._listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        link = _Link(client, server)
        threading.Thread(target=self._answers, args=(link,), daemon=True).start()
        try:
            while frame := read_frame(client):
                what = self._fate() if int.from_bytes(frame[4:6], "big") == PRODUCE else "pass"
                if what == "cut":
                    break
                if what == "lose":
                    link.losing.set()
                server.sendall(frame)
        except OSError:
            pass
        finally:
            if not link.losing.is_set():
                link.close()

    def _fate(self):
        with self._lock:
            self._produced += 1
            if self._produced % 3 == 0:
                self.cuts += 1
                return "lose"
            if self._produced % 5 == 0:
                self.cuts += 1
                return "cut"
            return "pass"

    def _answers(self, link):
        try:
            while answer := read_frame(link.server):
                if link.losing.is_set():
                    break
                link.client.sendall(answer)
        except OSError:
            pass
        finally:
            link.close()


class _Link:
    """The two ends of one connection."""

    def __init__(self, client, server):
        self.client = client
        self.server = server
        self.losing = threading.Event()

    def close(self):
        for end in (self.client, self.server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


def read_frame(end):
    """A frame with its four bytes of length; empty at the end of the stream."""
    head = _read(end, 4)
    if len(head) < 4:
        return b""
    body = _read(end, int.from_bytes(head, "big"))
    return head + body


def _read(end, count):
    parts = []
    while count > 0:
        part = end.recv(min(count, 1 << 16))
        if not part:
            return b""
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
