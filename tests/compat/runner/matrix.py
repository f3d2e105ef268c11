"""What was answered: comparison of two servers' answers, the records beside the clients, and the table made of them.

A record, `answers/CLIENT.json`, holds the client's version and, for each server, what each scenario gave. A run against
Moldau alone is compared with Apache Kafka's recorded answers.
"""

import csv
import json

from .clients import CLIENTS, HERE, ROOT

PAGE = ROOT / "docs/compatibility.md"
BEGIN, END = "<!-- matrix: tests/compat/run --both --write -->", "<!-- end of matrix -->"


def scenarios():
    """The rows of scenarios.tsv."""
    with open(HERE / "scenarios.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def record_of(client):
    """What was recorded of a client; empty if nothing was."""
    path = HERE / "answers" / f"{client}.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def write_record(client, version, answers):
    """Records what each server answered; a server that is not in `answers` keeps what it had."""
    record = record_of(client)
    record["version"] = version
    record.update(answers)
    path = HERE / "answers" / f"{client}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def difference(scenario, ours, kafkas):
    """What is wrong with Moldau's answer, beside Kafka's if there is one; nothing if all is well."""
    if ours is None:
        return "the client said nothing of it"
    if ours["result"] == "failed":
        return ours.get("why", "failed")
    if scenario["servers"] != "both" or kafkas is None:
        return None
    if ours["result"] != kafkas["result"]:
        return f"{ours['result']} on Moldau, {kafkas['result']} on Apache Kafka: {kafkas.get('why', '')}"
    if ours.get("answer") != kafkas.get("answer"):
        return f"Moldau: {json.dumps(ours.get('answer'))} Apache Kafka: {json.dumps(kafkas.get('answer'))}"
    return None


def write_table():
    """Puts the table of all recorded clients into the page, between its two markers."""
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    records = {name: record_of(name) for name in CLIENTS}
    records = {name: record for name, record in records.items() if record}
    PAGE.write_text(f"{before}{BEGIN}\n\n{_table(records)}\n{END}{after}")


def _table(records):
    rows = [scenario for scenario in scenarios() if scenario["by"] != "tools"]
    columns = {name: record for name, record in records.items() if name != "tools"}
    notes = []
    lines = ["| | " + " | ".join(f"{name} {record['version']}" for name, record in columns.items()) + " |"]
    lines.append("|---|" + "---|" * len(columns))
    for scenario in rows:
        cells = [_cell(scenario, record, notes) for record in columns.values()]
        lines.append(f"| {scenario['title']} | " + " | ".join(cells) + " |")
    known = [f"{name} is {CLIENTS[name].title}" for name in columns if CLIENTS[name].title != name]
    lines += ["", "; ".join(known) + "."]
    if "tools" in records:
        lines += ["", _of_tools(records["tools"])]
    lines += ["", "What the rows check:", ""]
    lines += [f"- **{scenario['title']}**: {scenario['what is checked']}" for scenario in rows]
    if notes:
        lines += ["", "What a client cannot do:", ""]
        lines += [f"{number}. {note}" for number, note in enumerate(notes, 1)]
    return "\n".join(lines) + "\n"


def _of_tools(record):
    passed = {kind: record[kind]["tools"]["answer"]["passed"] for kind in ("moldau", "kafka")}
    both = [name for name in passed["kafka"] if name in passed["moldau"]]
    missing = [name for name in passed["kafka"] if name not in passed["moldau"]]
    text = f"Apache Kafka's command line tools {record['version']}, {len(both)} checks that pass on both servers: {', '.join(both)}."
    return text + (f" On Apache Kafka only: {', '.join(missing)}." if missing else "")


def _cell(scenario, record, notes):
    ours = record.get("moldau", {}).get(scenario["id"])
    kafkas = record.get("kafka", {}).get(scenario["id"])
    if ours is None and kafkas is None:
        return ""
    results = [one["result"] for one in (ours, kafkas) if one]
    if "unsupported" in results and "failed" not in results:
        why = next(one["why"] for one in (ours, kafkas) if one and one["result"] == "unsupported")
        if why not in notes:
            notes.append(why)
        return f"– ({notes.index(why) + 1})"
    if scenario["servers"] == "moldau":
        return "✓" if ours and ours["result"] == "passed" else "✗"
    if difference(scenario, ours, kafkas) is None:
        return "✓"
    if ours and ours["result"] == "passed":
        return "differs" if kafkas["result"] == "passed" else "Moldau only"
    return "Kafka only" if kafkas and kafkas["result"] == "passed" else "✗"
