"""A message that has to be sent again never puts an old state over a newer one, and what follows it waits."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from processors.publisher import Outgoing, Publisher
from runtime.stuck import Progress
from schemas.topics import Topic
from tests.chaos.stack import Servers, stand_still

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

REQUEST_MS = 1_000
PAUSE_SECONDS = 5.0
"""Before the older state is sent again: time enough for the newer one to overtake it."""


async def published(servers: Servers, topic: str) -> list[bytes | None]:
    """Two states of one key, the older one while the broker stands still for longer than a request takes.

    Something is to follow the older one.
    """
    bootstrap = servers.settings.kafka.bootstrap_servers
    state = {"latest": b"old"}
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, request_timeout_ms=REQUEST_MS) as producer:
        app: Any = SimpleNamespace(record_producer=producer, progress=Progress(60))
        publisher = Publisher(app, dead_letter=lambda message: message)

        def change() -> Outgoing:
            return Outgoing(topic, b"k", state["latest"], partition=0, renew=lambda: state["latest"])

        await publisher.publish([Outgoing(topic, b"k", b"first", partition=0)])  # metadata, connections
        stand_still(servers.kafka.pid)
        try:
            with structlog.testing.capture_logs() as logged:
                followed = replace(change(), then=[Outgoing(topic, b"other", b"following", partition=0)])
                older = asyncio.create_task(publisher.publish([followed]))
                while not logged:  # noqa: ASYNC110 - what is logged sets no event
                    await asyncio.sleep(0.05)
        finally:
            os.kill(servers.kafka.pid, signal.SIGCONT)
        state["latest"] = b"new"
        await publisher.publish([change()])
        await older
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        return [(await consumer.getone()).value for _ in range(end)]


def test_what_is_sent_again_is_the_latest_and_what_follows_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.backoff.FIRST_SECONDS", 2 * PAUSE_SECONDS)
    with Servers(tmp_path) as servers:
        found = asyncio.run(published(servers, servers.settings.kafka.topic(Topic.RECORDS)))
    assert found[0] == b"first"
    assert found[-2:] == [b"new", b"following"]
