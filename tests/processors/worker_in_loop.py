"""A Faust app in the test's own event loop, on the session's broker."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from kafka import KafkaConsumer, TopicPartition

from runtime.kafka import client_options
from tests.servers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from processors.departures import App
    from runtime.settings import Settings


@asynccontextmanager
async def started(app: App) -> AsyncIterator[App]:
    """Run it until the block ends."""
    try:
        await asyncio.wait_for(app.start(), PATIENCE)  # it ends once all state is recovered
        yield app
    finally:
        await app.stop()


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait, and let the app work."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, f"not within {PATIENCE:.0f} s: {what}"
        await asyncio.sleep(0.02)


def committed(settings: Settings, group: str, topic: str) -> list[int]:
    """What the group has committed, by partition; 0 for nothing."""
    consumer = KafkaConsumer(**client_options(settings.kafka), group_id=group, enable_auto_commit=False)
    try:
        partitions = [TopicPartition(topic, number) for number in range(settings.kafka.partitions)]
        return [consumer.committed(partition) or 0 for partition in partitions]
    finally:
        consumer.close()
