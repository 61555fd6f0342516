"""What a correlator holds in memory for each open call, and how long it takes to have it back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runtime import topics
from schemas.topics import Topic
from tests.bench import calls, fill, machine
from tests.bench.report import Section
from tests.bench.stages import Stage, stage
from tests.servers import NO_CLICKHOUSE, PATIENCE, eventually, kafka_node, new_settings

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings

CALLS, CALLS_SHORT = 100_000, 20_000
SETTLED_SECONDS = 8.0


def bench(folder: Path, *, quick: bool) -> Section:
    """Start with nothing, open the calls, start again."""
    count = CALLS_SHORT if quick else CALLS
    with kafka_node(folder / "kafka") as node:
        settings = new_settings(node.bootstrap, NO_CLICKHOUSE, folder)
        topics.ensure(settings)
        return section(settings, count)


def section(settings: Settings, count: int) -> Section:
    """Measure one correlator with so many open calls."""
    with stage("correlate", settings) as joined:  # the first start makes the changelog
        stopped(joined)
    one_more(settings)
    with stage("correlate", settings) as worker:
        empty_seconds = until_it_works(worker)
        settle()
        empty = machine.resident_bytes(worker.pid)
        opened = fill.events(settings, calls.open_payloads(count))
        eventually(lambda: worked(worker) > opened, "all events are worked off", PATIENCE * 4)
        settle()
        legs = int(worker.total("callweave_correlator_legs"))
        full = machine.resident_bytes(worker.pid)
        stopped(worker)
    one_more(settings)
    with stage("correlate", settings) as worker:
        again_seconds = until_it_works(worker)
        settle()
        again = machine.resident_bytes(worker.pid)
    return Section(
        title="Memory of a correlator",
        meaning=(
            f"Resident memory of one process at {count:,} open calls of two legs each, a ring and an answer "
            "of each; and the time from a process's start until it works, when all of it must first be read "
            "from the changelog again, less the time of a start with nothing to read."
        ),
        columns=("", ""),
        rows=[
            ("with no call", f"{empty / 2**20:,.0f} MiB"),
            (f"with {count:,} open calls, {legs:,} legs", f"{full / 2**20:,.0f} MiB"),
            ("for each open call", f"{(full - empty) / count:,.0f} bytes"),
            ("after a restart", f"{again / 2**20:,.0f} MiB"),
            ("for each open call, after a restart", f"{(again - empty) / count:,.0f} bytes"),
            ("start with nothing to read", f"{empty_seconds:.1f} s"),
            ("start with all of it", f"{again_seconds:.1f} s"),
            ("to read 100,000 legs", f"{(again_seconds - empty_seconds) / legs * 100_000:.1f} s"),
        ],
    )


def one_more(settings: Settings) -> None:
    """An event that waits for the next start."""
    fill.events(settings, [calls.ring(calls.new_ids())])


def stopped(worker: Stage) -> None:
    """Stop it, and wait until its group has noticed: the next start shall not wait for that."""
    worker.stop()
    time.sleep(worker.settings.kafka.session_timeout_seconds + 2)


def until_it_works(worker: Stage) -> float:
    """Seconds from the start of a process until it has worked on an event that waited for it."""
    eventually(lambda: worked(worker) > 0, "the correlator works")
    return time.monotonic() - worker.started_at


def worked(worker: Stage) -> int:
    """Events that this process has worked on."""
    topic = worker.settings.kafka.topic(Topic.EVENTS)
    values = worker.values("callweave_messages_total")
    return sum(int(value) for labels, value in values if labels["topic"] == topic)


def settle() -> None:
    """Let links arrive, sweeps count and buffers empty."""
    time.sleep(SETTLED_SECONDS)
