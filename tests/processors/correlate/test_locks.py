"""Who waits for a partition's lock decides by what is so when he has it, and not by what was so before."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from faust.types import TP

from processors import worker
from processors.correlate.app import Correlator
from processors.correlate.leg import Leg
from processors.departures import Batch
from schemas.topics import Topic, partition_of, topic_key
from tests.kit.clock import ManualClock
from tests.kit.events import AT, event
from tests.processors.worker_in_loop import started, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from processors.correlate.table import LegStore
    from runtime.settings import Settings
    from schemas.events import CallEvent

KINDS = ("ring", "answer", "hangup", "cdr")


class Running:
    """A correlator on a real broker, whose batches come from the test."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = ManualClock(AT)
        self.app = worker.new_app("correlate", settings.kafka, batch=100)
        self.correlator = Correlator(self.app, settings, self.clock)
        self.correlator.table.on_recover(self.correlator.watch_all)

    def leg_of(self, partition: int) -> str:
        """The name of some leg of a partition."""
        names = (f"leg-{number}" for number in range(1000))
        count = self.settings.kafka.partitions
        return next(name for name in names if partition_of(topic_key("acme", name), count) == partition)

    async def hear(self, *events: CallEvent) -> None:
        """Work on events of one leg."""
        key = topic_key(events[0].account, events[0].ids[0])
        records: list[Any] = [
            SimpleNamespace(key=key, value=each.to_json(), offset=0, headers=()) for each in events
        ]
        partition = partition_of(key, self.settings.kafka.partitions)
        await self.correlator.events(Batch(TP(self.settings.kafka.topic(Topic.EVENTS), partition), records))

    def known(self, leg: str) -> set[str]:
        """The ids of the events that it holds of a leg."""
        key = topic_key("acme", leg)
        value = self.correlator.table.get_leg(partition_of(key, self.settings.kafka.partitions), key)
        return set(Leg.from_json(value).events) if value is not None else set()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    correlator = Running(settings)

    async def agent(stream: Any) -> None:
        async for _ in stream:
            pass

    correlator.app.agent(correlator.app.batches(settings.kafka.topic(Topic.EVENTS)))(agent)
    async with started(correlator.app):
        await until(
            lambda: len(correlator.correlator.table.held()) == settings.kafka.partitions, "it is ready"
        )
        yield correlator


def test_news_that_comes_while_the_sweep_waits_is_not_forgotten(topics_settings: Settings) -> None:
    """A corrected bill comes just when its call is due to be forgotten."""

    async def scenario() -> None:
        async with running(topics_settings) as of:
            first, *_, last = of.correlator.table.held()
            leg = of.leg_of(last)
            told = [event(kind, leg, event_id=kind, talk_time=1) for kind in KINDS]
            await of.hear(*told)
            of.clock.advance(topics_settings.correlate.silence_seconds + 1)
            async with of.correlator.order[first]:
                sweep = asyncio.create_task(of.correlator.sweep())
                await asyncio.sleep(0)
                await of.hear(
                    event("cdr", leg, event_id="corrected", received_at=of.clock.now(), talk_time=2)
                )
            await sweep
            assert of.known(leg) == {*KINDS, "corrected"}
            of.clock.advance(topics_settings.correlate.silence_seconds + 1)
            await of.correlator.sweep()
            assert of.known(leg) == set()

    asyncio.run(scenario())


def test_news_that_comes_while_the_sweep_waits_through_a_rebalance_is_not_forgotten(
    topics_settings: Settings,
) -> None:
    """After a rebalance all silences are counted anew: those that the sweep began with are out of date."""

    async def scenario() -> None:
        async with running(topics_settings) as of:
            partition = next(iter(of.correlator.table.held()))
            leg = of.leg_of(partition)
            await of.hear(*(event(kind, leg, event_id=kind, talk_time=1) for kind in KINDS))
            of.clock.advance(topics_settings.correlate.silence_seconds + 1)
            corrected = event("cdr", leg, event_id="corrected", received_at=of.clock.now(), talk_time=2)
            async with of.correlator.order[partition]:
                news = asyncio.create_task(of.hear(corrected))
                await asyncio.sleep(0)
                sweep = asyncio.create_task(of.correlator.sweep())
                await asyncio.sleep(0)
                await of.correlator.watch_all()
            await asyncio.gather(news, sweep)
            assert of.known(leg) == {*KINDS, "corrected"}

    asyncio.run(scenario())


def test_a_batch_whose_partition_went_away_meanwhile_is_left_to_others(
    topics_settings: Settings,
) -> None:
    async def scenario() -> None:
        async with running(topics_settings) as of:
            table = of.correlator.table
            partition = min(table.held())
            async with of.correlator.order[partition]:
                waiting = asyncio.create_task(of.hear(event("ring", of.leg_of(partition))))
                await asyncio.sleep(0)
                gone = TP(table.changelog_topic.get_topic_name(), partition)
                await cast("LegStore", table.data).on_rebalance(set(), {gone}, set())
            await waiting
            assert partition not in table.held()

    asyncio.run(scenario())
