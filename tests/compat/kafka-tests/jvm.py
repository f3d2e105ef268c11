"""Runs the tests of one class in a JVM of its own, and ends whatever it started: the JVM and its servers are one process group."""

import collections
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent

# Methods whose name says that they use the consumer group protocol (KIP-848): each would only wait for its timeout.
LEFT_OUT = r".*#(test|run|runClose)Async.*|.*(WithGroupProtocolConsumer|ForAsyncConsumer|WithAsyncConsumer).*"

# What a test may take beyond its own bound, for its server's start and end, before its JVM is ended.
GRACE_S = 75

_running = set()

Result = collections.namedtuple("Result", "outcome seconds text")


def run(class_path, server, class_name, methods, test_s_max, keep):
    """{test: Result} of a class, or of some methods of it. A test that is in the middle when the JVM ends has failed."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="kafka-tests-", dir=keep))
    results_file, output = work / "results.tsv", work / "output.txt"
    results_file.touch()
    select = ["--select-class", class_name, "--exclude-methodname", LEFT_OUT]
    if methods:
        select += ["--include-methodname", ".*#(" + "|".join(map(re.escape, sorted(methods))) + ")"]
    command = [
        "java", "-Xmx1500m", "-XX:TieredStopAtLevel=1", "-XX:+EnableDynamicAgentLoading",
        f"-Dkafkatests.server={server}", f"-Dkafkatests.directory={work}", f"-Dkafkatests.results={results_file}",
        f"-Dkafkatests.keep={'true' if keep else 'false'}", f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}", f"-Djava.io.tmpdir={work}",
        "-cp", class_path, "org.junit.platform.console.ConsoleLauncher", "execute", "--disable-banner", "--disable-ansi-colors", "--details=none",
        "--config", f"junit.jupiter.execution.timeout.default={test_s_max}s",
        "--config", "junit.jupiter.execution.timeout.thread.mode.default=SEPARATE_THREAD", *select]
    with open(output, "wb") as out:
        jvm = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=work, start_new_session=True)
        _running.add(jvm)
        try:
            ended = _wait(jvm, results_file, test_s_max + GRACE_S)
        finally:
            _end(jvm)
            _running.discard(jvm)
    results = _read(results_file, ended)
    if not results:
        tail = " / ".join(output.read_text(errors="replace").strip().splitlines()[-4:])
        results["(class)"] = Result("failed", 0.0, f"no test ran; the JVM's last lines: {tail}")
    if not keep:
        shutil.rmtree(work, ignore_errors=True)
    return results


def end_all():
    for jvm in list(_running):
        _end(jvm)


def _wait(jvm, results_file, quiet_s_max):
    """How the JVM ended. It is not waited for longer than it takes to be quiet for `quiet_s_max` seconds."""
    size, since = -1, time.monotonic()
    while jvm.poll() is None:
        if results_file.stat().st_size != size:
            size, since = results_file.stat().st_size, time.monotonic()
        elif time.monotonic() - since > quiet_s_max:
            return f"hung: no end within {quiet_s_max} s, so its JVM was ended"
        time.sleep(0.1)
    return f"its JVM ended with {jvm.returncode} in the middle"


def _end(jvm):
    try:
        os.killpg(jvm.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # all of it has ended by itself
    jvm.wait()


def _read(results_file, ended):
    results, running = {}, set()
    for line in results_file.read_text().splitlines():
        outcome, class_name, test, *rest = line.split("\t")
        if outcome == "started":
            running.add(test)
            continue
        running.discard(test)
        # two overloads of one name are one entry: the worse of them
        if test in results and (outcome == "passed" or results[test].outcome == "failed"):
            continue
        results[test] = Result(outcome, float(rest[0]), rest[1] if len(rest) > 1 else "")
    for test in running:
        results[test] = Result("failed", 0.0, ended)
    return results
