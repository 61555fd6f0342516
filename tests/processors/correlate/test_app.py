"""The correlator as a process, on a real broker."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

import orjson
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from processors.correlate.app import checked_key
from runtime import sources
from runtime.kafka import ByKey, client_options
from runtime.settings import CorrelateSettings
from runtime.topics import ensure
from schemas.links import Events, HandedOn, Link, told_to_json
from schemas.records import FOR_GOOD, Record
from schemas.topics import Topic, topic_key
from tests import servers
from tests.kit.events import event
from tests.pipeline import Pipeline, Worker
from tests.servers import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings
    from schemas.calls import Call
    from schemas.events import CallEvent

RING = event(source="src", ids=("a", "b"), received_at=1_000, occurred_at=1_000, clock="ingress")


class Topics:
    """What goes in and what comes out."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.calls: dict[str, Call] = {}
        self.told: list[Call] = []
        """Every version that came, also those that another followed at once."""
        self.records: list[Record] = []
        """Every record."""
        self.rejected: list[tuple[bytes, list[tuple[str, bytes]]]] = []
        self._producer = KafkaProducer(**client_options(settings.kafka), partitioner=ByKey(), acks="all")
        self._consumer = KafkaConsumer(
            settings.kafka.topic(Topic.RECORDS),
            settings.kafka.topic(Topic.REJECTED),
            **client_options(settings.kafka),
            auto_offset_reset="earliest",
        )

    def send(
        self, key: bytes, value: bytes, topic: Topic = Topic.EVENTS, partition: int | None = None
    ) -> None:
        name = self.settings.kafka.topic(topic)
        self._producer.send(name, key=key, value=value, partition=partition).get(60)

    def event(self, event: CallEvent) -> None:
        self.send(topic_key(event.account, event.ids[0]), event.to_json())

    def read(self) -> None:
        for messages in self._consumer.poll(timeout_ms=200).values():
            for message in messages:
                if message.topic == self.settings.kafka.topic(Topic.REJECTED):
                    self.rejected.append((message.value, list(message.headers)))
                    continue
                record = Record.from_json(message.value)
                self.records.append(record)
                if record.call is not None:
                    self.calls[record.call_id] = record.call
                    self.told.append(record.call)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.close()
        self._consumer.close()


def test_a_silent_call_is_closed_and_late_news_reopens_it(topics_settings: Settings, tmp_path: Path) -> None:
    settings = topics_settings.model_copy(update={"correlate": CorrelateSettings(silence_seconds=1.0)})

    with Topics(settings) as topics, Pipeline(settings, tmp_path, ("correlate",)) as pipeline:

        def versions(*, has_answer: bool, close_reason: str) -> list[Call]:
            topics.read()
            return [
                call
                for call in topics.told
                if (call.has_answer, call.close_reason) == (has_answer, close_reason)
            ]

        topics.event(RING)
        eventually(lambda: bool(versions(has_answer=False, close_reason="")), "the call is known")
        eventually(lambda: bool(versions(has_answer=False, close_reason="timeout")), "the call is closed")
        pipeline.workers["correlate"].kill()
        pipeline.workers["correlate"].start()
        topics.event(replace(RING, event_id="e2", kind="answer", received_at=2_000, occurred_at=2_000))
        eventually(lambda: bool(versions(has_answer=True, close_reason="")), "late news reopens it")
        eventually(lambda: bool(versions(has_answer=True, close_reason="timeout")), "it is closed again")
        assert topics.calls["a"].close_reason == "timeout"
        assert pipeline.workers["correlate"].stop() == 0


def test_a_sources_own_wait_closes_its_calls_as_soon_as_it_is_configured(
    topics_settings: Settings, tmp_path: Path
) -> None:
    with Topics(topics_settings) as topics, Pipeline(topics_settings, tmp_path, ("correlate",)):

        def known() -> dict[str, str]:
            topics.read()
            return {call_id: call.close_reason for call_id, call in topics.calls.items()}

        topics.event(replace(RING, ids=("o",), leg="o", source="other"))
        topics.event(replace(RING, kind="requested"))
        eventually(lambda: known() == {"a": "", "o": ""}, "both calls are known")
        sources.add(topics_settings.sources_file, "src", "acme", "common-api", "UTC", close_after_seconds=1)
        eventually(lambda: known()["a"] == "never_came", "the call of this source is closed")
        assert known()["o"] == ""


def test_legs_that_an_event_ties_become_one_call_whichever_is_heard_of_first(
    topics_settings: Settings, tmp_path: Path
) -> None:
    """The smaller leg tells the larger one, which hands over what it knows, and is gone for good."""
    with Topics(topics_settings) as topics, Pipeline(topics_settings, tmp_path, ("correlate",)):
        topics.event(replace(RING, event_id="e0", ids=("b",), leg="b"))

        def known(call_id: str, revision: int) -> bool:
            topics.read()
            return call_id in topics.calls and topics.calls[call_id].revision == revision

        eventually(lambda: known("b", 1), "the larger leg is a call of its own")
        topics.event(RING)
        eventually(lambda: known("a", 2), "it hands its event over")
        topics.event(replace(RING, event_id="e2", kind="hangup", ids=("b",), leg="b"))
        eventually(lambda: known("a", 3), "it forwards what comes later")
    gone = [record for record in topics.records if record.gone]
    assert {(record.call_id, record.version) for record in gone} == {("b", FOR_GOOD)}
    assert {leg.leg_id for record in gone for leg in record.legs} == {"b"}
    assert {record.call_id for record in topics.records if record.began} == {"a", "b"}


def test_what_came_to_a_wrong_partition_goes_to_the_right_one(
    topics_settings: Settings, tmp_path: Path
) -> None:
    """Kafka's usual rule for keys is another than ours, and a leg's state must not be in two places."""
    with Topics(topics_settings) as topics, Pipeline(topics_settings, tmp_path, ("correlate",)):
        for number in range(topics_settings.kafka.partitions):
            later = replace(RING, event_id=f"e{number}", received_at=1_000 + number)
            topics.send(b"acme/a", later.to_json(), partition=number)
            topics.send(b"acme/b", told_to_json(Link("a")), Topic.LINKS, partition=number)

        def together() -> bool:
            topics.read()
            return "a" in topics.calls and len(topics.calls["a"].events) == topics_settings.kafka.partitions

        eventually(together, "the call has all of its events")
    assert [record.call_id for record in topics.records if record.began].count("a") == 1


def test_a_message_of_a_newer_release_stops_the_stage_with_a_sentence(
    topics_settings: Settings, tmp_path: Path
) -> None:
    worker = Worker("correlate", topics_settings, tmp_path / "correlate.log")
    ensure(topics_settings)
    worker.start()
    with Topics(topics_settings) as topics:
        topics.send(b"acme/a", b'{"v":2,"kind":"sung"}')
        eventually(lambda: not worker.running, "the correlator refuses to go on")
    log = (tmp_path / "correlate.log").read_text()
    assert "start a newer release" in log
    assert "Traceback" not in log
    assert worker.stop() != 0


def test_topics_that_would_part_a_leg_from_its_links_are_refused(kafka_address: str, tmp_path: Path) -> None:
    settings = servers.new_settings(kafka_address, servers.NO_CLICKHOUSE, tmp_path)
    other = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"partitions": 3})})
    admin = KafkaAdminClient(**client_options(settings.kafka))
    admin.create_topics([NewTopic(settings.kafka.topic(Topic.LINKS), 2, 1)])
    admin.close()
    ensure(other)
    worker = Worker("correlate", other, tmp_path / "correlate.log")
    worker.start()
    with Topics(other) as topics:
        topics.event(RING)
        eventually(lambda: not worker.running, "the correlator refuses to work")
    assert "must have one number of partitions" in (tmp_path / "correlate.log").read_text()
    assert worker.stop() != 0


@pytest.mark.parametrize("key", [b"other/a", b"acme/b", b"acme/", b"/a", b"acme", b"", None])
def test_a_key_is_the_account_and_the_smallest_id_of_its_event(key: bytes | None) -> None:
    assert checked_key(b"acme/a", RING) == b"acme/a"
    assert checked_key(b"acme/b", Events((RING,))) == b"acme/b"  # a link goes to any leg of the call
    assert checked_key(b"acme/b", HandedOn(RING)) == b"acme/b"
    with pytest.raises(ValueError, match="one of its ids"):
        checked_key(b"acme/c", HandedOn(RING))
    with pytest.raises(ValueError, match="its key is"):
        checked_key(key, RING)
    if key != b"acme/b":
        with pytest.raises(ValueError, match="its key is"):
            checked_key(key, Events((RING,)))


def test_what_is_no_event_is_kept_byte_for_byte_and_the_rest_goes_on(
    topics_settings: Settings, tmp_path: Path
) -> None:
    mistyped = RING.to_json().replace(b'"ring"', b"7")
    absurd = (
        RING.to_json().replace(b'"received_at":1000', b'"received_at":9223372036854775807'),
        replace(RING, kind="summed", extra={"heard": [["src", 1]]}).to_json(),
        RING.to_json().replace(b'"v":1', b'"v":1,"round":18446744073709551616'),
    )
    wrong = (b"\xff\xfe", b"{}", b"[1]", b'{"v":1,"ids":"a"}', b"")
    with Topics(topics_settings) as topics, Pipeline(topics_settings, tmp_path, ("correlate",)):
        for value in wrong:
            topics.send(b"acme/a", value)
        topics.send(b"no-slash", RING.to_json())
        topics.send(b"acme/a", mistyped)
        topics.send(b"acme/a", b'{"type":"nonsense"}', Topic.LINKS)
        for value in absurd:
            topics.send(b"acme/a", value)
        topics.send(b"other/a", RING.to_json())
        topics.event(RING)

        def all_there() -> bool:
            topics.read()
            return len(topics.rejected) == len(wrong) + len(absurd) + 4 and "a" in topics.calls

        eventually(all_there, "wrong messages are kept, right ones worked on")
    kept = {value for value, _ in topics.rejected}
    assert kept == {*wrong, *absurd, RING.to_json(), mistyped, b'{"type":"nonsense"}'}
    for _, headers in topics.rejected:
        (reason,) = orjson.loads(dict(headers)["reasons"])
        assert dict(headers)["stage"] == b"correlate"
        assert reason["code"] == "unreadable"
