"""The clients: how each is installed from its registry, in the version that is locked here, and how it is run.

Everything lands in target/compat, and is installed again only when its lock file changed, so a rerun needs no network.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import threading

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
CACHE = ROOT / "target/compat"
_LOCK = threading.RLock()


class Client:
    """A foreign client: `name` on the command line, `title` for readers, `prepare` gives the command that runs it.

    `wavers` are assignors whose members do not always keep their partitions, on any server, although the assignor is for that."""

    def __init__(self, name, title, version, prepare, wavers=()):
        self.name = name
        self.title = title
        self.version = version
        self.wavers = wavers
        self._prepare = prepare

    def command(self):
        with _LOCK:
            return self._prepare()


def _installed(name, *locks):
    """Whether `name` was installed from these files as they are now."""
    return all(
        (CACHE / f"{name}-{lock.name}").is_file() and (CACHE / f"{name}-{lock.name}").read_bytes() == lock.read_bytes()
        for lock in locks
    )


def _note(name, *locks):
    for lock in locks:
        shutil.copyfile(lock, CACHE / f"{name}-{lock.name}")


def _run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")


def jars():
    """The folder of Apache Kafka's jars: the Java client, the tools, the server."""
    pom = HERE / "java/pom.xml"
    with _LOCK:
        if not _installed("java", pom):
            shutil.rmtree(CACHE / "jars", ignore_errors=True)
            _run("mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={CACHE / 'jars'}")
            _note("java", pom)
    return CACHE / "jars"


def _java():
    source = HERE / "java"
    classes = CACHE / "java-classes"
    files = sorted(source.glob("*.java"))
    newest = max(file.stat().st_mtime for file in files)
    if not (classes / "Compat.class").is_file() or (classes / "Compat.class").stat().st_mtime < newest:
        _run("javac", "-nowarn", "-d", classes, "-cp", f"{jars()}/*", *files)
    lean = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
    log4j = f"-Dlog4j2.configurationFile={source / 'log4j2.properties'}"
    return ["java", *lean, log4j, "-cp", f"{classes}:{jars()}/*", "Compat"]


def python():
    """The Python interpreter that has the Python clients."""
    lock = HERE / "python/requirements.txt"
    with _LOCK:
        if not _installed("python", lock):
            shutil.rmtree(CACHE / "venv", ignore_errors=True)
            _run("python3", "-m", "venv", CACHE / "venv")
            _run(CACHE / "venv/bin/pip", "install", "--quiet", "-r", lock)
            _note("python", lock)
    return CACHE / "venv/bin/python"


def _python(script):
    return lambda: [str(python()), str(HERE / "python" / script)]


def _go(package):
    def prepare():
        binary = CACHE / f"go-{package}"
        _run("go", "build", "-o", binary, f"./{package}", cwd=HERE / "go")
        return [str(binary)]

    return prepare


def node_modules():
    """The folder of the clients for Node.js."""
    lock = HERE / "node/package-lock.json"
    with _LOCK:
        if not _installed("node", lock) or not (HERE / "node/node_modules").is_dir():
            _run("npm", "ci", "--silent", "--no-audit", "--no-fund", cwd=HERE / "node")
            _note("node", lock)
    return HERE / "node/node_modules"


def _node(script):
    def prepare():
        node_modules()
        return ["node", str(HERE / "node" / script)]

    return prepare


def _rust(package):
    def prepare():
        target = CACHE / "rust"
        _run("cargo", "build", "-q", "--locked", "-p", package, "--target-dir", target, cwd=HERE / "rust")
        return [str(target / "debug" / package)]

    return prepare


def _tools():
    os.environ["JARS"] = str(jars())
    return [str(HERE / "tools/test")]


def _locked(file, pattern):
    """What `pattern` finds as the version in a lock file."""
    found = re.search(pattern, (HERE / file).read_text(), re.MULTILINE | re.DOTALL)
    if not found:
        raise RuntimeError(f"{file} has no {pattern}")
    return found[1]


def _pinned(package):
    return lambda: _locked("python/requirements.txt", rf"^{re.escape(package)}==(\S+)")


def _required(module):
    return lambda: _locked("go/go.mod", rf"^\t{re.escape(module)} v(\S+)")


def _packaged(package):
    lock = HERE / "node/package-lock.json"
    return lambda: json.loads(lock.read_text())["packages"][f"node_modules/{package}"]["version"]


def _crate(name):
    return lambda: _locked("rust/Cargo.lock", rf'^name = "{name}"\nversion = "([^"]+)"')


def _kafka_version():
    return _locked("java/pom.xml", r"<kafka.version>([^<]+)</kafka.version>")


CLIENTS = {
    client.name: client
    for client in [
        Client("java", "Apache Kafka's Java client", _kafka_version, _java),
        Client("tools", "Apache Kafka's command line tools", _kafka_version, _tools),
        Client("confluent-kafka", "confluent-kafka for Python (librdkafka)", _pinned("confluent-kafka"), _python("confluent_client.py")),
        Client("kafka-python", "kafka-python", _pinned("kafka-python"), _python("kafka_python_client.py")),
        Client("aiokafka", "aiokafka", _pinned("aiokafka"), _python("aiokafka_client.py")),
        Client("franz-go", "franz-go", _required("github.com/twmb/franz-go"), _go("franz"), wavers=["sticky"]),
        Client("sarama", "sarama", _required("github.com/IBM/sarama"), _go("sarama")),
        Client("kafka-go", "segmentio/kafka-go", _required("github.com/segmentio/kafka-go"), _go("segmentio")),
        Client("kafkajs", "kafkajs", _packaged("kafkajs"), _node("kafkajs.mjs")),
        Client("platformatic", "@platformatic/kafka", _packaged("@platformatic/kafka"), _node("platformatic.mjs")),
        Client("rdkafka", "rdkafka for Rust (librdkafka)", _crate("rdkafka"), _rust("with-rdkafka")),
        Client("rskafka", "rskafka", _crate("rskafka"), _rust("with-rskafka")),
        Client("moldau", "Moldau's Rust client", _crate("moldau-client"), _rust("with-moldau")),
    ]
}
