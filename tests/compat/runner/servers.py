"""One node of Moldau or of Apache Kafka, started from the same server.properties, and what stands in front of it.

Each server has two listeners for clients: one as it is, and one that is advertised as the cutting proxy's.
"""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from . import clients
from .proxy import CuttingProxy

START_SECONDS = 60
STOP_SECONDS = 30

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{plain},CUT://127.0.0.1:{cut},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},CUT://127.0.0.1:{proxy}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CUT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""
# Records of scenarios have timestamps of long ago.
KEEPS_EVERYTHING = "log.retention.ms=-1\n"

LOG4J = """\
status = error
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = [%d] %p %m (%c)%n
"""


def free_ports(count):
    """Ports nobody listens at now."""
    taken = [socket.socket() for _ in range(count)]
    try:
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in taken]
    finally:
        for one in taken:
            one.close()


def await_listener(address, process):
    """Whether `process` listens on `address` in good time."""
    host, port = address.split(":")
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection((host, int(port)), 1).close()
            return True
        time.sleep(0.05)
    return False


class Server:
    """A running node: `address` for clients, `cut_address` through the proxy, `data` its log directory."""

    def __init__(self, kind, work, settings):
        self.kind = kind
        self.work = pathlib.Path(work)
        self.data = self.work / "data"
        self.log = self.work / "node.log"
        plain, cut, controller, proxy = free_ports(4)
        self.address = f"127.0.0.1:{plain}"
        self.cut_address = f"127.0.0.1:{proxy}"
        self.proxy = CuttingProxy(proxy, cut)
        self._properties = self.work / "server.properties"
        self._properties.write_text(
            PROPERTIES.format(plain=plain, cut=cut, controller=controller, proxy=proxy, data=self.data) + settings
        )
        self._process = None

    def start(self):
        command = _moldau(self._properties) if self.kind == "moldau" else _kafka(self._properties, self.work)
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        if not await_listener(self.address, self._process):
            raise RuntimeError(f"{self.kind} did not start:\n{self.tail()}")
        self.proxy.start()

    def tail(self, lines=20):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self):
        """Ends the node; says what was wrong with its end, or nothing."""
        self.proxy.stop()
        if self._process is None:
            return None
        self._process.terminate()
        try:
            status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return f"{self.kind} did not stop within {STOP_SECONDS} s"
        # a JVM that was told to end says 143
        return None if status in (0, 143) else f"{self.kind} ended with {status}:\n{self.tail()}"


@contextlib.contextmanager
def running(kind, settings=KEEPS_EVERYTHING):
    """A started server of `kind`, moldau or kafka, in a directory that is removed afterwards; `settings` go into its properties."""
    work = tempfile.mkdtemp(prefix=f"compat-{kind}-")
    server = Server(kind, work, settings)
    try:
        server.start()
        yield server
    finally:
        problem = server.stop()
        shutil.rmtree(work, ignore_errors=True)
        if problem:
            raise RuntimeError(problem)


def _moldau(properties):
    binary = os.environ.get("MOLDAU", clients.ROOT / "target/release/moldau")
    return [str(binary), "serve", "--config", str(properties)]


def _kafka(properties, work):
    jars = clients.jars()
    log4j = work / "log4j2.properties"
    log4j.write_text(LOG4J)
    java = ["java", "-Xmx1G", "-Xms256M", f"-Dlog4j2.configurationFile={log4j}", "-cp", f"{jars}/*"]
    made = subprocess.run(
        [*java, "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", str(properties)],
        capture_output=True, text=True,
    )
    if made.returncode != 0:
        raise RuntimeError(f"the storage of Apache Kafka was not made:\n{made.stdout}{made.stderr}")
    return [*java, "kafka.Kafka", str(properties)]
