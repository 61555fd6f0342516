"""After an outage of the correlators: is what is hours old worked off as fast as what is minutes old?

The sink has written all events by then. Calls begin anew in the correlator's state, as if it had forgotten
them, and only of those that it may have forgotten shall the tables be asked.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from operations.audit import log
from operations.audit.settle import settle
from runtime import topics
from schemas.times import SECOND
from schemas.topics import Topic, partition_of, topic_key
from sinks.migrate import migrate
from tests.bench import calls, fill, machine
from tests.bench.report import Section
from tests.bench.stages import stage
from tests.servers import PATIENCE, clickhouse_node, kafka_node, new_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.settings import Settings
    from schemas.events import CallEvent

CALLS, CALLS_SHORT = 10_000, 2_000
HOUR = 3600 * SECOND
LONG = 2 * HOUR
"""The calls came within so long: the outage began with the first, and ended when the correlator starts."""
SOON, LATE = "minutes", "hours"
AGES = {SOON: LONG, LATE: LONG + 3 * HOUR}
"""When the first call came; older than half of `correlate.silence_seconds` may be forgotten."""
ROUNDS = 2


def bench(folder: Path, *, quick: bool) -> Section:
    """By turns, each with topics and tables of its own."""
    count = CALLS_SHORT if quick else CALLS
    rows: list[tuple[str, ...]] = []
    with kafka_node(folder / "kafka") as kafka, clickhouse_node(folder / "clickhouse") as clickhouse:
        for number in range(ROUNDS):
            for name, age in AGES.items():
                own = folder / f"{name}{number}"
                own.mkdir()
                settings = new_settings(kafka.bootstrap, f"127.0.0.1:{clickhouse.port}", own)
                rows.append((name, *one(settings, clickhouse.pid, count, age)))
    return Section(
        title="A backlog after an outage",
        meaning=(
            f"{count:,} calls of four events and two legs, whose ids hold no time, came within "
            f"{LONG // HOUR} hours while no correlator was there; the sink has written all events. The "
            f"outage ends at once, or {(AGES[LATE] - LONG) // HOUR} hours later. µs of processor an event, "
            "until nothing is left to do; and messages that follow from an event."
        ),
        columns=("ended within", "seconds", "correlate", "sink", "ClickHouse", "links", "records"),
        rows=rows,
    )


def one(settings: Settings, clickhouse: int, count: int, age: int) -> tuple[str, ...]:
    """What one backlog takes, as in the report; `clickhouse` is the server's process."""
    topics.ensure(settings)
    migrate(settings)
    events = fill.publish(settings, settings.kafka.topic(Topic.EVENTS), _messages(settings, count, age))
    with stage("sink", settings) as sink, log.opened(settings.kafka) as kafka:
        settle(kafka, settings.kafka, PATIENCE, only=(Topic.EVENTS,), stages=("sink",))
        taken = [sink.processor_seconds(), machine.processor_seconds(clickhouse)]
        begun = time.monotonic()
        with stage("correlate", settings) as correlate:
            only = (Topic.EVENTS, Topic.LINKS, Topic.RECORDS)
            if settle(kafka, settings.kafka, 10 * PATIENCE, only=only).lags:
                raise RuntimeError("the backlog was not worked off in time")
            seconds = time.monotonic() - begun
            processor = (
                correlate.processor_seconds(),
                sink.processor_seconds() - taken[0],
                machine.processor_seconds(clickhouse) - taken[1],
            )
        followed = [
            sum(kafka.ends([settings.kafka.topic(topic)]).values()) for topic in (Topic.LINKS, Topic.RECORDS)
        ]
    return (
        f"{seconds:.0f}",
        *(f"{each / events * 1e6:.0f}" for each in processor),
        *(f"{each / events:.2f}" for each in followed),
    )


def _messages(settings: Settings, count: int, age: int) -> Iterator[fill.Message]:
    """What the normalizer published meanwhile."""
    began = time.time_ns() // 1000 - age
    for number in range(count):
        at = began + number * LONG // count
        ids = str(uuid.uuid4()), str(uuid.uuid4())
        for tell in calls.TELLINGS:
            event = replace(calls.event(tell(ids)), received_at=at, occurred_at=at)
            yield _message(settings, event)


def _message(settings: Settings, event: CallEvent) -> fill.Message:
    key = topic_key(event.account, event.ids[0])
    partition = partition_of(key, settings.kafka.partitions)
    return fill.Message(partition, key, event.to_json(), [], at=event.received_at)
