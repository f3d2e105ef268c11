"""Compares what Apache Kafka's tools say of a server with what they said of Apache Kafka 4.3.1 (recorded.txt).

    compare.py BOOTSTRAP DATA_DIR             prints what differs; exit code 1 if anything does
    compare.py BOOTSTRAP DATA_DIR --record    writes recorded.txt; the server must be a fresh Apache Kafka

JARS names the folder of the tools' jars. The server is a fresh one with node.id=1. Ids, times, addresses
and measured figures are masked; neither the order of lines is compared, since the tools print from hash maps, nor the width of columns.
"""

import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
JVM = ["-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Duser.timezone=UTC"]
FILES = {
    "delete.json": '{"partitions":[{"topic":"tools","partition":0,"offset":-1},{"topic":"tools","partition":1,"offset":0}],"version":1}',
    "delete-out-of-range.json": '{"partitions":[{"topic":"tools","partition":0,"offset":99}],"version":1}',
}
MASKS = [
    (re.compile(pattern), replacement)
    for pattern, replacement in [
        (r"((?:TopicId|Cluster ID|[Dd]irectoryId): |DirectoryId=)[^\s,\])]+", r"\1ID"),
        (r'("(?:topicId|brokerId|leaderId|incarnationId|directories)":)("[^"]+"|\["[^\]]+\])', r"\1ID"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
        (r"\b1[78]\d{11}\b", "TIME"),
        (r"\[?20\d\d-\d\d-\d\d[ T][\d:,.]+(Z|\])?", "DATE"),
        (r"((?:console|perf)-consumer)-\d+", r"\1-N"),
        # the first producer id depends on the producers that came before
        (r"(producerId: )\d+|^\d+(?=\s+\t0\s+\t-1\s)", r"\1N"),
        (r"(crc: )\d+", r"\1CRC"),
        (r"/127\.0\.0\.1\b", "HOST"),
    ]
]
# Stack traces, and what only comes from running the tools in one process.
NOISE = ("\tat ", "\t... ", "SLF4J: ", "Tools$Ended")
# The verifiable producer's threads still print when it has returned; its last line counts them.
LATE = '"name":"producer_send_success"'
# Tools that print what they measured, or sizes of files: their numbers are masked.
MEASURED = ("producer-perf-test", "consumer-perf-test", "e2e-latency", "log-dirs")


def run(bootstrap, data):
    """What the tools print, as (command, lines)."""
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        for name, content in FILES.items():
            (work / name).write_text(content)
        logging = work / "log4j2.properties"
        logging.write_text("rootLogger.level=off\n")
        command = ["java", *JVM, f"-Dlog4j2.configurationFile={logging}", "-cp", os.environ["JARS"] + "/*"]
        command += [str(HERE / "Tools.java"), str(HERE / "commands.txt"), bootstrap, data, str(work)]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, errors="replace", check=True).stdout
    places = {bootstrap: "BOOTSTRAP", data: "DATA", str(work): "WORK"}
    answers = []
    for line in output.splitlines():
        if line.startswith(">>> "):
            answers.append((line, []))
        elif answers and not line.startswith(NOISE) and line != "null" and LATE not in line:
            answers[-1][1].append(masked(answers[-1][0], line, places))
    return [(command, sorted(filter(None, lines))) for command, lines in answers]


def masked(command, line, places):
    for place, name in places.items():
        line = line.replace(place, name)
    for pattern, replacement in MASKS:
        line = pattern.sub(replacement, line)
    if command.split()[1] in MEASURED:
        line = re.sub(r"\d+(\.\d+)?(E-?\d+)?|NaN", "N", line)
    return re.sub(r"[ \t]+", " ", line).rstrip()


def recorded_answers(path):
    answers = []
    for line in path.read_text().splitlines():
        if line.startswith(">>> "):
            answers.append((line, []))
        else:
            answers[-1][1].append(line)
    return answers


def main():
    bootstrap, data, *flags = sys.argv[1:]
    answers = run(bootstrap, data)
    recorded = HERE / "recorded.txt"
    if flags == ["--record"]:
        recorded.write_text("".join("\n".join([command, *lines]) + "\n" for command, lines in answers))
        return 0
    expected = recorded_answers(recorded)
    if [command for command, _ in answers] != [command for command, _ in expected]:
        print("FAILED  recorded.txt is of other commands: record it again, from Apache Kafka")
        return 1
    differ = 0
    for (command, lines), (_, was) in zip(answers, expected):
        if was == lines:
            continue
        differ += 1
        print("FAILED ", command)
        print("\n".join("    " + line for line in difflib.unified_diff(was, lines, "Apache Kafka", "this server", lineterm="", n=0)))
    if differ:
        print(f"FAILED  {differ} of {len(answers)} commands of Kafka's tools say something else than of Apache Kafka")
    else:
        print(f"ok      {len(answers)} commands of Kafka's tools say what they say of Apache Kafka")
    return 1 if differ else 0


sys.exit(main())
