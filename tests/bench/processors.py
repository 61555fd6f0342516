"""Events per second and core: our processors beside a Faust agent that does nothing, and Quix Streams.

A round: fill `callbacks.raw`; the normalizer reads it and so fills `calls.events`; a bare agent reads that;
the correlator reads it; Quix Streams reads it and does what the correlator does. Each works alone, as fast
as it can, and its start is left out: counting begins when a tenth is done, and ends when nothing is left.
The rounds' medians are compared.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runtime import sources, topics
from schemas.topics import Topic
from tests.bench import calls, fill, machine
from tests.bench.report import Section
from tests.bench.stages import stage
from tests.servers import NO_CLICKHOUSE, PATIENCE, kafka_node, new_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runtime.settings import Settings
    from tests.pipeline import StageName

POLL_SECONDS = 0.5
"""Between two looks: each takes as long as fifty events."""
SETTLED_SECONDS = 1.0
"""Nothing more has come for so long: links follow their events."""

BARE = "bare Faust agent"
QUIX = "Quix Streams, as correlate"
NORMALIZE, CORRELATE = "normalize", "correlate"


@dataclass(frozen=True)
class Speed:
    """How fast one process worked off a topic."""

    wall: float
    """Events per second."""
    core: float
    """Events per second of processor time."""


@dataclass(frozen=True)
class Progress:
    """How far a process was at one moment."""

    at: float
    processor_seconds: float
    events: int
    messages: int
    """Events, and what follows from them."""


def watch(look: Callable[[], Progress], total: int) -> Speed:
    """Look on until `total` events, and what follows from them, are worked off."""
    deadline = time.monotonic() + PATIENCE * 4
    first: Progress | None = None
    last = look()
    while last.events < total or time.perf_counter() - last.at < SETTLED_SECONDS:
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {last.events} of {total} events were worked off in time")
        time.sleep(POLL_SECONDS)
        now = look()
        if first is None and now.events >= total / 10:
            first = now
        if now.messages != last.messages:
            last = now
    if first is None or first.events >= last.events:
        raise RuntimeError("too few events to measure anything")
    events = last.events - first.events
    return Speed(
        wall=events / (last.at - first.at),
        core=events / (last.processor_seconds - first.processor_seconds),
    )


def speed_of(name: StageName, settings: Settings, topic: Topic, total: int) -> Speed:
    """Of one of our own processors."""
    with stage(name, settings) as worker:

        def look() -> Progress:
            done = {
                labels["topic"]: int(value) for labels, value in worker.values("callweave_messages_total")
            }
            events = done.get(settings.kafka.topic(topic), 0)
            return Progress(time.perf_counter(), worker.processor_seconds(), events, sum(done.values()))

        return watch(look, total)


def speed_of_other(module: str, settings: Settings, total: int, python: str = sys.executable) -> Speed:
    """Of a program that is no stage of ours, over the same `calls.events`."""
    counter = Path(settings.data) / "counter"
    counter.write_bytes(bytes(8))
    group = f"{settings.kafka.prefix}{module.rpartition('.')[2]}"
    topic = settings.kafka.topic(Topic.EVENTS)
    command = [module, settings.kafka.bootstrap_servers, topic, group, str(counter)]
    with process([python, "-m", *command], Path(settings.data)) as pid:

        def look() -> Progress:
            done = int.from_bytes(counter.read_bytes(), sys.byteorder)
            return Progress(time.perf_counter(), machine.processor_seconds(pid), done, done)

        return watch(look, total)


@contextmanager
def process(command: list[str], folder: Path) -> Iterator[int]:
    """A program by its process id; it writes its data and its log into `folder`."""
    with (folder / "other.log").open("ab") as log:
        started = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield started.pid
    finally:
        started.kill()
        started.wait()


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    events: int
    rounds: int


FULL = Sizes(events=100_000, rounds=5)
SHORT = Sizes(events=100_000, rounds=1)


def quix_python(folder: Path) -> str:
    """Make an environment with Quix Streams, which wants an older pydantic than ours; give its Python."""
    uv = [sys.executable, "-m", "uv", "--quiet"]
    subprocess.run([*uv, "venv", "--python", sys.executable, str(folder)], check=True)
    python = str(folder / "bin" / "python")
    lock = Path(__file__).with_name("quix.lock")
    subprocess.run([*uv, "pip", "sync", "--python", python, str(lock)], check=True)
    return python


def one_round(kafka: str, folder: Path, sizes: Sizes, quix: str) -> dict[str, Speed]:
    """Every candidate once, over topics of this round's own."""
    folder.mkdir()
    settings = new_settings(kafka, NO_CLICKHOUSE, folder)
    topics.ensure(settings)
    sources.add(settings.sources_file, calls.SOURCE, calls.ACCOUNT, calls.DIALECT, calls.TIMEZONE)
    total = fill.callbacks(settings, calls.payloads(sizes.events // calls.EVENTS_A_CALL))
    return {
        NORMALIZE: speed_of("normalize", settings, Topic.RAW, total),
        BARE: speed_of_other("tests.bench.bare_faust", settings, total),
        CORRELATE: speed_of("correlate", settings, Topic.EVENTS, total),
        QUIX: speed_of_other("tests.bench.quix_streams", settings, total, quix),
    }


def bench(folder: Path, *, quick: bool) -> Section:
    """All rounds, and what they come to."""
    sizes = SHORT if quick else FULL
    quix = quix_python(folder / "quix")
    with kafka_node(folder / "kafka") as node:
        rounds = [
            one_round(node.bootstrap, folder / f"round{number}", sizes, quix)
            for number in range(sizes.rounds)
        ]
    return section(rounds, sizes)


def section(rounds: list[dict[str, Speed]], sizes: Sizes) -> Section:
    """As in the report."""
    bare = statistics.median(speeds[BARE].core for speeds in rounds)
    rows: list[tuple[str, ...]] = []
    for name in (BARE, NORMALIZE, CORRELATE, QUIX):
        core = statistics.median(speeds[name].core for speeds in rounds)
        wall = statistics.median(speeds[name].wall for speeds in rounds)
        rows.append(
            (
                name,
                f"{core:,.0f}",
                f"{1e6 / core:.0f}",
                f"{core / bare:.2f}",
                f"{wall:,.0f}",
            )
        )
    return Section(
        title="Processors",
        meaning=(
            f"Events per second of processor time, worked off from full topics of {sizes.events:,} events, "
            f"4 partitions, {calls.EVENTS_A_CALL} events a call, {calls.CALLS_UNDER_WAY} calls under way; "
            f"medians of {sizes.rounds} rounds. The bare agent reads `calls.events` and does nothing; the "
            "normalizer reads callbacks and publishes events; the correlator reads events, keeps its state "
            "with a changelog, tells legs of each other and publishes records. Quix Streams keeps each leg's "
            "state and publishes records, decided by the same code; it tells no leg of another. Wanted: "
            "correlate at 1.2 of the bare agent, and at 1.2 of Quix Streams."
        ),
        columns=("", "events/s a core", "µs an event", "to bare", "events/s, wall clock"),
        rows=rows,
    )
