"""One member of the group: writes a line for each flight that it gets: partition, offset, row, key.

Usage: consumer.py BOOTSTRAP TOPIC GROUP OUTPUT. Ends on SIGTERM, committing what it has written.
"""

import json
import signal
import sys

from confluent_kafka import Consumer


def main(bootstrap: str, topic: str, group: str, output: str) -> None:
    running = True

    def stop(*_):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 500,
        }
    )
    consumer.subscribe([topic])
    with open(output, "w", buffering=1 << 16) as lines:
        while running:
            messages = consumer.consume(num_messages=1000, timeout=0.2)
            for message in messages:
                if message.error():
                    raise SystemExit(f"consumer: {message.error()}")
                row = json.loads(message.value())["row"]
                key = (message.key() or b"").decode()
                lines.write(f"{message.partition()} {message.offset()} {row} {key}\n")
            lines.flush()
            if messages:
                consumer.commit(asynchronous=False)
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
