from __future__ import annotations

from typing import TYPE_CHECKING

from kafka import KafkaProducer

from operations.timeline.follow import Due
from runtime import topics
from runtime.kafka import client_options
from schemas.topics import Topic
from tests.kit.events import event
from tests.operations.timeline.commands import Tail
from tests.servers import PATIENCE, eventually, new_settings
from tests.sinks.folded import record_of

if TYPE_CHECKING:
    from pathlib import Path


def record(call_id: str) -> bytes:
    return record_of([event(ids=(call_id,), leg=call_id)]).to_json()


def test_an_interval_is_over_once() -> None:
    due = Due(3.0, now=100.0)
    asked = [now for now in (100.0, 102.9, 103.0, 103.1, 105.9, 120.0, 122.9, 123.0) if due.is_over(now)]
    assert asked == [103.0, 120.0, 123.0]


def test_partitions_that_are_added_are_followed_though_messages_never_pause(
    kafka_address: str, tmp_path: Path
) -> None:
    settings = new_settings(kafka_address, "127.0.0.1:1", tmp_path)
    kafka = settings.kafka.model_copy(update={"partitions": 1})
    settings = settings.model_copy(update={"kafka": kafka})
    topics.ensure(settings)
    name = kafka.topic(Topic.RECORDS)
    tail = Tail(settings, tmp_path)
    try:
        tail.says("Following calls")
        with topics.admin(kafka) as admin:
            admin.create_partitions({name: 2})
        producer = KafkaProducer(**client_options(kafka), acks="all", metrics_enabled=False)
        try:
            producer.send(name, key=b"added", value=record("added"), partition=1).get(timeout=PATIENCE)

            def traffic_goes_on() -> bool:
                producer.send(name, key=b"known", value=record("known"), partition=0).get(timeout=PATIENCE)
                return "added" in tail.out

            eventually(traffic_goes_on, "the new partition is read", PATIENCE)
            assert "known" in tail.out
        finally:
            producer.close(timeout=PATIENCE)
        assert tail.stop() == 0
    finally:
        tail.kill()
