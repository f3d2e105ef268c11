"""expected.tsv: what each test is expected to do, why those that don't pass don't, and what Apache Kafka does when run the same way."""

import collections
import pathlib
import re

FILE = pathlib.Path(__file__).resolve().parent / "expected.tsv"
PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "compatibility.md"
HEADER = """\
# What Kafka's published tests do on Moldau: class, test, expected (passed, aborted, failed), Apache Kafka run the same way ("-": not tried),
# and the reason where it is not "passed". `run --update` writes this file and keeps the reasons; "?" before a reason: not looked into yet.
"""

# Apache Kafka is run the same way: one process outside the JVM of the tests.
OF_THE_WAY_IT_IS_RUN = ("looks inside the broker's JVM", "needs several brokers")

Entry = collections.namedtuple("Entry", "outcome kafka reason")


def read():
    """{class: {test: Entry}}"""
    listed = {}
    if FILE.exists():
        for line in FILE.read_text().splitlines():
            if line and not line.startswith("#"):
                class_name, test, outcome, kafka, reason = (line.split("\t") + [""])[:5]
                listed.setdefault(class_name, {})[test] = Entry(outcome, kafka, reason)
    return listed


def write(listed):
    def order(test):
        name, _, invocation = test.partition("[")
        return name, int(invocation[:-1] or 0) if invocation else 0

    lines = [HEADER]
    for class_name in sorted(listed):
        for test in sorted(listed[class_name], key=order):
            lines.append("\t".join((class_name, test, *listed[class_name][test])).rstrip() + "\n")
    FILE.write_text("".join(lines))


def updated(entries, results, server_is_kafka):
    """The entries of a class after a run of it. Moldau's results are what is expected from now on; Kafka's go beside them."""
    changed = dict(entries)
    for test, result in results.items():
        old = entries.get(test)
        if server_is_kafka:
            if old:
                changed[test] = old._replace(kafka=result.outcome)
            continue
        reason = "" if result.outcome == "passed" else old.reason if old and old.reason and old.outcome == result.outcome else "? " + result.text
        changed[test] = Entry(result.outcome, old.kafka if old else "-", reason)
    return changed


def lost(old, new):
    """The tests of a class that passed by the old entries and do not by the new ones."""
    return [test for test, entry in old.items() if entry.outcome == "passed" and new.get(test, entry).outcome != "passed"]


def counts(listed):
    """The table of docs/compatibility.md."""
    rows = ["| class | passed | aborted | failed | why |", "|---|---|---|---|---|"]
    total = collections.Counter()
    for class_name in sorted(listed, key=lambda name: (_package(name), name)):
        entries = listed[class_name].values()
        by_outcome = collections.Counter(entry.outcome for entry in entries)
        total.update(by_outcome)
        reasons = collections.Counter(entry.reason for entry in entries if entry.outcome != "passed")
        why = "; ".join(f"{reason} ({count})" if len(reasons) > 1 else reason for reason, count in reasons.most_common())
        rows.append(f"| {_short(class_name)} | {by_outcome['passed']} | {by_outcome['aborted']} | {by_outcome['failed']} | {why} |")
    rows.append(f"| **all** | **{total['passed']}** | **{total['aborted']}** | **{total['failed']}** | |")
    return "\n".join(rows) + "\n"


def _package(class_name):
    return class_name.rpartition(".")[0]


def _short(class_name):
    return re.sub(r"^org\.apache\.kafka\.", "", class_name)


_MARKED = re.compile(r"(<!-- kafka-tests: written by tests/compat/kafka-tests/run --update -->\n).*?(<!-- end of kafka-tests -->)", re.DOTALL)


def page_with_counts(page, listed):
    if not _MARKED.search(page):
        raise SystemExit(f"{PAGE} has lost the markers between which the counts stand")
    return _MARKED.sub(lambda marks: marks[1] + "\n" + counts(listed) + "\n" + marks[2], page)


def write_counts(listed):
    PAGE.write_text(page_with_counts(PAGE.read_text(), listed))


def complaints(listed):
    """What is wrong with the list itself."""
    found = [f"{class_name} {test}: {entry.outcome} without a reason" for class_name, tests in listed.items() for test, entry in tests.items()
             if entry.outcome != "passed" and (not entry.reason or entry.reason.startswith("?"))]
    found += [f"{class_name} {test}: passed on Apache Kafka run the same way, so that it {entry.reason} is not why" for class_name, tests in listed.items()
              for test, entry in tests.items() if entry.kafka == "passed" and entry.reason in OF_THE_WAY_IT_IS_RUN]
    if page_with_counts(PAGE.read_text(), listed) != PAGE.read_text():
        found.append(f"the counts in {PAGE.name} are not those of {FILE.name}; write them with `run --counts`")
    return found
