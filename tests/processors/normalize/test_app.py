"""The normalizer as a process, on a real broker."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import orjson
from aiokafka import AIOKafkaProducer
from faust.types import TP
from kafka import KafkaConsumer

from processors.departures import Batch
from processors.normalize import app as app_of_normalize
from processors.normalize.app import Normalizer
from processors.normalize.outcome import GRACE
from runtime import sources
from runtime.clock import SystemClock
from runtime.kafka import client_options
from runtime.settings import Settings
from runtime.stuck import Progress
from schemas.topics import Topic
from tests.kit.callbacks import posted
from tests.pipeline import Pipeline
from tests.servers import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pytest
    from kafka.consumer.fetcher import ConsumerRecord

    Foreign = Mapping[bytes, Sequence[tuple[str, bytes | None]]]
    """Headers by value; unlike ours they may be null."""

RING = posted({"status": "ring", "uuid": "a", "isbleg": "false"})
NAMED = dict(RING.headers())


async def send(settings: Settings, messages: Foreign) -> None:
    """All to one partition of `callbacks.raw`; kafka-python sends no header without a value."""
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka.bootstrap_servers) as producer:
        for value, headers in messages.items():
            await producer.send_and_wait(settings.kafka.topic(Topic.RAW), value, partition=0, headers=headers)


def test_what_is_no_callback_is_kept_byte_for_byte_and_the_rest_goes_on(
    topics_settings: Settings, tmp_path: Path
) -> None:
    """Also where a header has no value at all, which Kafka allows."""
    foreign: Foreign = {
        b"without headers": [],
        **{b"null " + name.encode(): list((NAMED | {name: None}).items()) for name in NAMED},
    }
    sources.add(topics_settings.sources_file, RING.source, RING.account, "common-api", "Asia/Shanghai")
    rejected, events = map(topics_settings.kafka.topic, (Topic.REJECTED, Topic.EVENTS))
    found: list[ConsumerRecord] = []
    with Pipeline(topics_settings, tmp_path, ("normalize",)):
        consumer = KafkaConsumer(
            rejected, events, **client_options(topics_settings.kafka), auto_offset_reset="earliest"
        )

        def all_there() -> bool:
            found.extend(record for some in consumer.poll(timeout_ms=200).values() for record in some)
            return len(found) == len(foreign) + 1

        asyncio.run(send(topics_settings, {**foreign, RING.payload: RING.headers()}))
        eventually(all_there, "foreign messages are kept, the callback is worked on")
        consumer.close()
    kept = {record.value: dict(record.headers) for record in found if record.topic == rejected}
    assert set(kept) == set(foreign)
    for headers in kept.values():
        (reason,) = orjson.loads(headers["reasons"])
        assert (headers["stage"], reason["code"]) == (b"normalize", "unreadable")


def test_a_callback_that_waits_for_its_source_is_not_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for longer than `normalize.stuck_seconds`, and nothing of its partition is committed then."""
    monkeypatch.setattr(app_of_normalize, "PAUSE_SECONDS", 0)
    now = [0.0]
    progress = Progress(60, now=lambda: now[0])
    app: Any = SimpleNamespace(progress=progress)
    normalizer = Normalizer(app, Settings(sources_file=tmp_path / "sources.toml"))
    early = replace(RING, received_at=SystemClock().now(), revision=1)
    record: Any = SimpleNamespace(value=early.payload, headers=early.headers())
    batch = Batch(TP(Topic.RAW, 0), [record])

    async def wait() -> None:
        progress.begin(batch)
        progress.lag(1)
        waiting = asyncio.create_task(normalizer.callbacks(batch))
        for now[0] in (50.0, 100.0):
            for _ in range(5):  # rounds of its loop
                await asyncio.sleep(0)
            assert progress.reasons() == []
        assert not waiting.done()
        waiting.cancel()

    asyncio.run(wait())


def test_no_metric_has_a_number_or_a_link_that_a_sender_gave_a_field_for_a_name(
    topics_settings: Settings, tmp_path: Path
) -> None:
    sources.add(topics_settings.sources_file, RING.source, RING.account, "common-api", "Asia/Shanghai")
    body = b"uuid=a&status=ring&isbleg=x&87847569524=%FF&https%3A%2F%2Frec.example.org%2Fa=%FF"
    garbled = replace(RING, payload=body, content_type="application/x-www-form-urlencoded")
    published: list[ConsumerRecord] = []
    with Pipeline(topics_settings, tmp_path, ("normalize",)) as pipeline:
        events = topics_settings.kafka.topic(Topic.EVENTS)
        consumer = KafkaConsumer(
            events, **client_options(topics_settings.kafka), auto_offset_reset="earliest"
        )

        def told() -> bool:
            published.extend(record for some in consumer.poll(timeout_ms=200).values() for record in some)
            return bool(published)

        asyncio.run(send(topics_settings, {garbled.payload: garbled.headers()}))
        eventually(told, "the callback is worked on")
        consumer.close()
        shown = pipeline.workers["normalize"].metrics()
    assert len(published) == 1
    of = f'source="{RING.source}"'
    assert f'code="unknown-word",field="isbleg",{of}' in shown
    assert f'code="malformed-text",field="other",{of}}} 2.0' in shown
    assert "87847569524" not in shown
    assert "rec.example.org" not in shown


def test_a_callback_waits_for_its_source_and_holds_nobody_up(
    topics_settings: Settings, tmp_path: Path
) -> None:
    sources.add(topics_settings.sources_file, RING.source, RING.account, "common-api", "Asia/Shanghai")
    rejected, events = map(topics_settings.kafka.topic, (Topic.REJECTED, Topic.EVENTS))
    found: list[tuple[str, str]] = []
    with Pipeline(topics_settings, tmp_path, ("normalize",)):
        now = SystemClock().now()
        # by another machine's clock, which is ahead: so a slow test has nearly twice the grace
        early = replace(RING, id="early", source="added-later", received_at=now + GRACE * 9 // 10)
        unknown = replace(RING, id="unknown", source="nowhere", received_at=now - 2 * GRACE)
        consumer = KafkaConsumer(
            rejected, events, **client_options(topics_settings.kafka), auto_offset_reset="earliest"
        )

        def told(*wanted: tuple[str, str]) -> bool:
            for record in (record for some in consumer.poll(timeout_ms=200).values() for record in some):
                headers = {name: value.decode() for name, value in record.headers}
                event = orjson.loads(record.value)
                found.append(
                    (record.topic, headers["id"] if record.topic == rejected else event["callback_id"])
                )
            return set(found) == set(wanted)

        messages = {
            each.payload + b" " * number: each.headers() for number, each in enumerate((early, unknown, RING))
        }
        asyncio.run(send(topics_settings, messages))
        others = (rejected, "unknown"), (events, RING.id)
        eventually(lambda: told(*others), "the callbacks behind it are worked on")
        sources.add(topics_settings.sources_file, "added-later", RING.account, "common-api", "Asia/Shanghai")
        eventually(lambda: told(*others, (events, "early")), "its source is there now")
        consumer.close()
