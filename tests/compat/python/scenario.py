"""What the Python clients' programs share: how scenarios are run and reported, and how a member speaks to the runner."""

import contextlib
import json
import os
import sys
import threading
import time
import traceback
import uuid

SECONDS = 30
BASE_TIME = 1_700_000_000_000
CUT_ADDRESS = os.environ.get("CUT_ADDRESS")


class Unsupported(Exception):
    """The client itself cannot do what the scenario asks; says why."""


def unique(what):
    return f"{what}-{uuid.uuid4()}"


def say(what):
    print(json.dumps(what, ensure_ascii=False), flush=True)


def text(value):
    return None if value is None else value.decode()


def records(count=500):
    """(key, value, timestamp) of the records that are sent with each compression."""
    return [(f"k{n}".encode(), f"value {n} ".encode() * 20, BASE_TIME + n) for n in range(count)]


def run(scenarios):
    """Runs those of `scenarios` that the command line names, all without names; a line for each.

    A value is a function that gives the answer, or text: why the client cannot do it.
    """
    for name in sys.argv[2:] or scenarios:
        if name not in scenarios:
            say({"scenario": name, "result": "failed", "why": "this program has no such scenario"})
            continue
        try:
            if isinstance(scenarios[name], str):
                raise Unsupported(scenarios[name])
            say({"scenario": name, "result": "passed", "answer": scenarios[name]()})
        except Unsupported as why:
            say({"scenario": name, "result": "unsupported", "why": str(why)})
        except Exception:  # each scenario is reported, whatever it raised
            say({"scenario": name, "result": "failed", "why": traceback.format_exc()})


class Deadline:
    """Ends a wait with an error that says what was waited for."""

    def __init__(self, seconds=SECONDS):
        self._end = time.monotonic() + seconds

    def check(self, otherwise):
        assert time.monotonic() < self._end, otherwise


def raised(action):
    """The error that `action` raises."""
    try:
        action()
    except Exception as error:  # which one it is, is the answer
        return error
    raise AssertionError("an error was expected")


class Told:
    """Set when the runner ends this member's standard input: leave the group."""

    def __init__(self):
        self._told = threading.Event()
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self):
        with contextlib.suppress(OSError):
            sys.stdin.read()
        self._told.set()

    def __bool__(self):
        return self._told.is_set()


class Assigned:
    """Says what a member owns, whenever that changes."""

    def __init__(self):
        self._said = None

    def is_now(self, partitions):
        partitions = sorted(partitions)
        if partitions != self._said:
            self._said = partitions
            say({"assigned": partitions})
