"""Partitions are moved between log directories under load, and the node is killed in the middle, again and again.

What must hold besides what kill_nine.py says: a move that was under way goes on after the restart, each partition is in
one directory in the end, and no copy is left.
"""

import argparse
import pathlib
import random
import shutil
import sys
import tempfile
import time

from confluent_kafka.admin import AdminClient, NewTopic

from kill_nine import PARTITIONS, QUIET, TOPIC, Load, Node, check, dump, read_all, with_dump_tool
from wire import Wire

SECONDS = 60
RECORDS_FIRST = 40_000


def patiently(what, node, ask):
    """Asks until there is an answer that is not None."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        answer = ask()
        if answer is not None:
            return answer
        time.sleep(0.005)
    sys.exit(f"not in time: {what}\n{node.last_lines()}")


def places(node):
    """Where the partitions are, and where their copies: {partition: directory} twice."""
    wire = Wire(node.address)
    logs, copies = {}, {}
    found, errors = wire.describe_log_dirs()
    if any(errors.values()):
        sys.exit(f"directories are not in order: {errors}\n{node.last_lines()}")
    for directory, _, topic, partition, _, copy in found:
        if topic == TOPIC:
            (copies if copy else logs)[partition] = directory
    wire.close()
    return logs, copies


def move(node, moments, dirs):
    """Asks for another directory for one partition; the partition and the directory."""
    partition = moments.randrange(PARTITIONS)
    target = moments.choice([d for d in dirs if str(d) != places(node)[0][partition]])
    wire = Wire(node.address)
    error = wire.alter_replica_log_dir(target, TOPIC, partition)
    wire.close()
    if error:
        sys.exit(f"partition {partition} is not moved to {target}: {error}\n{node.last_lines()}")
    return partition, str(target)


def arrived(node, partition, target):
    logs, copies = places(node)
    return logs if logs.get(partition) == target and partition not in copies else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--durability", default="kafka")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = with_dump_tool(parser)
    print(f"moves: seed {options.seed}, {options.rounds} rounds, moldau.durability={options.durability}")
    moments = random.Random(options.seed)
    work = pathlib.Path(tempfile.mkdtemp(prefix="moldau-faults-"))
    dirs = [work / "a", work / "b", work / "c"]
    node = Node(work, options.durability, [f"log.dirs={','.join(map(str, dirs))}"])
    moved = killed = unfinished = 0
    try:
        node.start()
        admin = AdminClient({"bootstrap.servers": node.address}, logger=QUIET)
        admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(30)
        load = Load(node.address, options.seed)
        load.thread.start()
        try:
            for number in range(options.rounds):
                before = load.count()
                # Enough at first, that a move takes its time.
                wanted = max(before + 1, RECORDS_FIRST)
                patiently("acknowledgements", node, lambda: True if load.count() >= wanted else None)
                partition, target = move(node, moments, dirs)
                if number % 2:
                    time.sleep(moments.random() ** 2 * 0.08)
                    node.kill()
                    node.start()
                    killed += 1
                    logs, copies = places(node)
                    unfinished += partition in copies
                    if target not in (logs[partition], copies.get(partition)):
                        sys.exit(f"the move of {partition} to {target} is forgotten\n{node.last_lines()}")
                patiently("a move's end", node, lambda: arrived(node, partition, target))
                moved += 1
        finally:
            load.stop()
        partitions = read_all(node.address)
        check(load, partitions)
        logs, copies = places(node)
        if copies or sorted(logs) != list(range(PARTITIONS)):
            sys.exit(f"partitions in {logs}, copies in {copies}")
        node.stop()
        for partition, directory in logs.items():
            found = [str(path.parent) for path in work.glob(f"*/{TOPIC}-{partition}")]
            if found != [directory]:
                sys.exit(f"partition {partition} is in {found}, not in {directory} alone")
        for directory in dirs:
            dump(directory, options)
        node.start()
        check(load, read_all(node.address))
        node.stop()
        count = sum(map(len, partitions.values()))
        print(f"{moved} moves, {killed} with a kill, which cut {unfinished} of them: {load.count()} acknowledged, {count} there, none lost, none twice, in order")
        print("1 passed, 0 failed")
        shutil.rmtree(work)
    finally:
        if node.process and node.process.poll() is None:
            node.kill()


if __name__ == "__main__":
    main()
