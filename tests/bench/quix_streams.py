"""Quix Streams doing what correlate does: each event joined to its leg's state, the row folded, both written.

`python -m tests.bench.quix_streams BROKER TOPIC GROUP COUNTER`

The decisions are our own (`step`), so that two ways of carrying them out are compared. It has less to do: it
tells no leg of another, and never closes or forgets a call. COUNTER is as in `bare_faust`.
"""

from __future__ import annotations

import mmap
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from quixstreams import Application

from processors.correlate.leg import Leg
from processors.correlate.step import step
from schemas.events import CallEvent

if TYPE_CHECKING:
    from quixstreams.state import State

LEG = "leg"


def correlated(value: bytes, key: bytes, state: State) -> bytes | None:
    """The message for `calls.records` that follows from an event."""
    account, _, own = key.decode().partition("/")
    known = state.get_bytes(LEG)
    leg, sends = step(
        own,
        Leg.from_json(known) if known else Leg(),
        [CallEvent.from_json(value)],
        time.time_ns() // 1000,
    )
    state.set_bytes(LEG, leg.to_json())
    record = sends.record(account, own)
    return None if record is None else record.to_json()


def run(broker: str, topic: str, group: str, counter: memoryview) -> None:
    """Work until SIGTERM. All settings are Quix Streams' own, but that it begins with the first event."""
    app = Application(
        broker_address=broker,
        consumer_group=group,
        auto_offset_reset="earliest",
        state_dir=str(Path.cwd() / group),
        loglevel="WARNING",
    )
    events = app.topic(topic, value_deserializer="bytes", key_deserializer="bytes")
    records = app.topic(f"{group}.records", value_serializer="bytes", key_serializer="bytes")

    def count(_: object) -> None:
        counter[0] += 1

    def joined(value: bytes, key: bytes, _timestamp: object, _headers: object, state: State) -> bytes | None:
        return correlated(value, key, state)

    app.dataframe(events).apply(joined, stateful=True, metadata=True).update(count).to_topic(records)
    app.run()


def main(broker: str, topic: str, group: str, counter: str) -> None:
    """Run until SIGTERM."""
    with Path(counter).open("r+b") as file, mmap.mmap(file.fileno(), 8) as memory:
        run(broker, topic, group, memoryview(memory).cast("Q"))


if __name__ == "__main__":
    main(*sys.argv[1:])
