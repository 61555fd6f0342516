"""The correlator as a Faust app: `calls.events` and `calls.links` in, `calls.records` and `calls.links` out.

It decodes, looks up, calls `step`, and sends; what to do is decided in `step` and `silence`.
"""

from __future__ import annotations

import asyncio
import gc
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from prometheus_client import Counter, Gauge

from processors import worker
from processors.correlate.leg import Leg, confirm
from processors.correlate.portions import portions
from processors.correlate.silence import (
    Quiet,
    Silences,
    close_after,
    closing,
    expects_nothing,
    is_open,
    is_reopened,
)
from processors.correlate.step import Bounds, Sends, step
from processors.correlate.table import LegTable
from processors.dead_letters import dead_letter, refused
from processors.memory import give_back
from processors.publisher import Outgoing, Publisher
from runtime.clock import SystemClock
from runtime.errors import StartError
from runtime.sources import SourcesFile
from schemas.callbacks import Reason, Stage
from schemas.events import CallEvent
from schemas.links import Events, HandedOn, told_from_json, told_to_json
from schemas.times import SECOND
from schemas.topics import Topic, partition_of, topic_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from processors.departures import App, Batch
    from runtime.clock import Clock
    from runtime.settings import Settings
    from runtime.sources import Sources
    from runtime.stage import StageProcess
    from schemas.links import Told

LEGS = Gauge("callweave_correlator_legs", "Legs held in the correlator's state.")
CLOSED = Counter("callweave_calls_closed_total", "Calls closed because nothing more came.")
REOPENED = Counter("callweave_calls_reopened_total", "Closed calls of which news came after all.")
FORGOTTEN = Counter("callweave_legs_forgotten_total", "Legs dropped from the state because they were silent.")

SWEEP_SECONDS = 5.0
SWEEP_AT_ONCE = 2000
"""Legs looked at in one go, so that calls under way don't wait for it."""

FETCH_BYTES = 2 * 1024 * 1024
"""The more events of a call come together, the fewer rows."""

LARGE_BATCH = 1000
"""What so many messages took is given back to the machine."""

GARBAGE_THRESHOLDS = 100_000, 20, 50
"""Of Python's three generations of objects."""


class Correlator:
    """Works on batches of events and links, and on silence."""

    def __init__(self, app: App, settings: Settings, clock: Clock) -> None:
        """Make the table, and nothing yet that needs a broker."""
        self._prefix = settings.kafka.prefix
        self._clock = clock
        self._publisher = Publisher(
            app, lambda message: refused(self._prefix, message, Stage.CORRELATE, clock.now())
        )
        self.table = LegTable(app)
        app.tables.add(self.table)
        self._sources = SourcesFile(settings.sources_file)
        self._waits = waits(self._sources.current())
        self._usual_wait = int(settings.correlate.silence_seconds * SECOND)
        forget_us = int(settings.correlate.forget_seconds * SECOND)
        self._silences: dict[int, Silences[bytes]] = defaultdict(lambda: Silences(forget_us=forget_us))
        """By partition, since when each leg has had no news."""
        self._bounds = Bounds(settings.correlate.events_per_call, settings.correlate.calls_per_id)
        self._confirmed: dict[bytes, frozenset[str]] = {}
        """What the broker acknowledged since a leg's state was written, and the leg need not say again."""
        self._memory_taken = False
        """By a large batch, or by the recovery."""
        self._partitions = 0
        """Of each of its topics, once that is known."""
        self.order: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        """By partition: what is decided first is published first, so a leg's changelog keeps its order."""

    async def events(self, batch: Batch) -> None:
        """Work on a batch of `calls.events`."""
        await self._work(batch, CallEvent.from_json)

    async def links(self, batch: Batch) -> None:
        """Work on a batch of `calls.links`."""
        await self._work(batch, told_from_json)

    async def _work(self, batch: Batch, read: Callable[[bytes], Told]) -> None:
        if not self._partitions:
            self._partitions = await self._count_partitions()
        self._memory_taken |= len(batch.records) >= LARGE_BATCH
        by_leg, outgoing = self._read(batch, read)
        partition = batch.tp.partition
        said: dict[bytes, frozenset[str]] = {}
        async with self.order[partition]:
            if partition not in self.table.held():
                return  # it went away meanwhile: who has it now gets the batch as well
            for key, messages in by_leg.items():
                for some in portions(messages):
                    outgoing += self._step(partition, key, some, said)
            await self._publisher.publish(outgoing)
            for key, legs in said.items():
                self._confirmed[key] = self._confirmed.get(key, frozenset()) | legs

    def _read(
        self, batch: Batch, read: Callable[[bytes], Told]
    ) -> tuple[dict[bytes, list[Told]], list[Outgoing]]:
        """Return the messages by leg, and what to send on: dead letters, and messages in a wrong partition.

        Another producer may have another rule for keys; a leg's state is where our rule puts it.
        """
        by_leg: dict[bytes, list[Told]] = defaultdict(list)
        onward: list[Outgoing] = []
        for record in batch.records:
            try:
                told = read(record.value or b"")
                if isinstance(told, CallEvent) and not told.ids:
                    continue  # a message: no call
                key = checked_key(record.key, told)
            except ValueError as error:
                reason = Reason("", "unreadable", f"not a message of this topic: {error}")
                onward.append(dead_letter(self._prefix, record, Stage.CORRELATE, reason))
                continue
            if partition_of(key, self._partitions) == batch.tp.partition:
                by_leg[key].append(told)
            else:
                onward.append(Outgoing(batch.tp.topic, key, record.value))
        return by_leg, onward

    async def _count_partitions(self) -> int:
        """Refuse to part a leg's events from its links and its state."""
        topics = (
            self._prefix + Topic.EVENTS,
            self._prefix + Topic.LINKS,
            self.table.changelog_topic.get_topic_name(),
        )
        counts = {topic: await self._publisher.partitions(topic) for topic in topics}
        if len(set(counts.values())) > 1:
            found = ", ".join(f"{topic} has {count}" for topic, count in counts.items())
            raise StartError(f"These topics must have one number of partitions: {found}.")
        return counts[self._prefix + Topic.EVENTS]

    def _step(
        self, partition: int, key: bytes, messages: list[Told], said: dict[bytes, frozenset[str]]
    ) -> list[Outgoing]:
        account, _, own = key.decode().partition("/")
        known = self.table.get_leg(partition, key)
        leg = confirm(Leg.from_json(known) if known else Leg(), self._confirmed.pop(key, frozenset()))
        before = leg
        leg, sends = step(own, leg, messages, self._clock.now(), self._bounds)
        if is_reopened(before, leg):
            REOPENED.inc()
        since = self._clock.elapsed()
        self._silences[partition].touch(key, since, close_after(leg, self._waits, self._usual_wait))
        if for_good := sends.for_good():
            said[key] = said.get(key, frozenset()) | for_good
        return [self.table.write(partition, key, leg.to_json()), *self._messages(account, own, sends)]

    def _messages(self, account: str, own: str, sends: Sends) -> list[Outgoing]:
        messages = [
            Outgoing(self._prefix + Topic.LINKS, topic_key(account, leg), told_to_json(told))
            for leg, told in sends.told
        ]
        record = sends.record(account, own)
        if record is not None:
            messages.append(Outgoing(self._prefix + Topic.RECORDS, topic_key(account, own), record.to_json()))
        return messages

    async def sweep(self) -> None:
        """Close calls without news, and forget legs that are no longer needed: all that are due."""
        if (found := waits(self._sources.current())) != self._waits:
            self._waits = found
            await self.watch_all()
        for partition in list(self.table.held()):
            await self._sweep(partition)
        LEGS.set(sum(len(legs) for legs in self.table.held().values()))
        if self._memory_taken:
            self._memory_taken = False
            give_back()

    async def _sweep(self, partition: int) -> None:
        """Do so for one partition: what is due is decided and done between two of its batches."""
        due = True
        while due:
            async with self.order[partition]:
                legs = self._silences[partition].due(self._clock.elapsed(), SWEEP_AT_ONCE)
                outgoing = [message for key, quiet in legs for message in self._quiet(partition, key, quiet)]
                await self._publisher.publish(outgoing)
            due = bool(legs)
            await asyncio.sleep(0)  # calls under way don't wait for it

    def _quiet(self, partition: int, key: bytes, quiet: Quiet) -> list[Outgoing]:
        self._confirmed.pop(key, None)  # it would stay there for good, and a link may well be sent twice
        value = self.table.get_leg(partition, key)
        if value is None:
            return []  # the partition went to another worker
        leg = Leg.from_json(value)
        account, _, own = key.decode().partition("/")
        # the tables are asked for what is older than half of `silence_seconds`: no state is dropped sooner
        waited = close_after(leg, self._waits, self._usual_wait) >= self._usual_wait
        if quiet is Quiet.FORGET or (waited and expects_nothing(own, leg)):
            FORGOTTEN.inc()
            return [self.table.write(partition, key, None)]
        if not is_open(own, leg):
            return []
        CLOSED.inc()
        event = closing(account, own, leg, "timeout")
        return [Outgoing(self._prefix + Topic.EVENTS, key, event.to_json())]

    async def watch_all(self) -> None:
        """Start every leg's silence from its state, after a recovery or a change of waits."""
        self._silences.clear()
        self._confirmed.clear()
        self._memory_taken = True
        found: list[tuple[int, int, int, bytes]] = []
        now, elapsed = self._clock.now(), self._clock.elapsed()
        for partition, legs in self.table.held().items():
            for key, value in legs.items():
                leg = Leg.from_json(value)
                since = elapsed - max(0, now - leg.touched_at)  # a clock that was set back makes no future
                found.append((since, close_after(leg, self._waits, self._usual_wait), partition, key))
        for since, wait, partition, key in sorted(found):  # who has been silent for longest stands first
            self._silences[partition].touch(key, since, wait)


def checked_key(key: bytes | None, told: Told) -> bytes:
    """Give a message's key, account and leg; ValueError for what is none, or not that of what it tells."""
    account, slash, leg = (key or b"").decode().partition("/")
    if not (account and slash and leg):
        raise ValueError("its key is not an account and a leg")
    if isinstance(told, CallEvent) and (account, leg) != (told.account, told.ids[0]):
        raise ValueError("its key is not the event's account and its smallest id")
    if isinstance(told, HandedOn) and (account != told.event.account or leg not in told.event.ids):
        raise ValueError("its key is not the event's account and one of its ids")
    if isinstance(told, Events) and any(event.account != account for event in told.events):
        raise ValueError("its key is of another account than its events")
    return key or b""


def waits(sources: Sources) -> dict[str, int]:
    """Return how long a silence closes calls (µs), for each source that sets it itself."""
    return {
        source.name: int(source.close_after_seconds * SECOND)
        for source in sources
        if source.close_after_seconds is not None
    }


def create_app(settings: Settings, clock: Clock | None = None) -> App:
    """Wire the correlator to its topics."""
    prefix = settings.kafka.prefix
    app = worker.new_app(
        "correlate",
        settings.kafka,
        batch=settings.correlate.batch,
        fetch_bytes=FETCH_BYTES,
        stuck_seconds=settings.correlate.stuck_seconds,
    )
    correlator = Correlator(app, settings, clock or SystemClock())

    @app.agent(app.batches(prefix + Topic.EVENTS))
    async def events(stream: Any) -> None:
        await worker.work(stream, correlator.events)

    @app.agent(app.batches(prefix + Topic.LINKS))
    async def links(stream: Any) -> None:
        await worker.work(stream, correlator.links)

    app.timer(SWEEP_SECONDS)(correlator.sweep)
    correlator.table.on_recover(correlator.watch_all)
    worker.Lag(app)
    return app


def run(stage: StageProcess) -> None:
    """Run the correlator until it is told to stop."""
    collect_garbage_seldom()
    topics = (Topic.EVENTS, Topic.LINKS, Topic.RECORDS, Topic.REJECTED)
    worker.run(stage, topics, lambda: create_app(stage.settings))


def collect_garbage_seldom() -> None:
    """Collect cycles rarely: a batch makes many thousands of objects, and none of them is in a cycle.

    With Python's own thresholds that search takes a sixth of the correlator's time (`make bench`).
    """
    gc.collect()
    gc.freeze()  # what was imported stays
    gc.set_threshold(*GARBAGE_THRESHOLDS)
