"""Groups on their way to a real broker, with and without authentication."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from kafka.errors import KafkaError, LeaderNotAvailableError

from ingest.broker import AVOID_SECONDS, BATCH_BYTES, Broker, Turns
from ingest.groups import Message
from runtime import topics
from runtime.kafka import client_options
from runtime.settings import KafkaSettings
from schemas.topics import Topic
from tests.ingest.conftest import new_settings, read_topic
from tests.secure import PASSWORD, SecureNode
from tests.servers import PATIENCE, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runtime.settings import KafkaSettings, Settings


TIMEOUT_SECONDS = 10.0


def connected(settings: Settings, timeout_seconds: float = TIMEOUT_SECONDS) -> Broker:
    names = [settings.kafka.prefix + topic for topic in (Topic.RAW, Topic.REJECTED)]
    return Broker(client_options(settings.kafka), names, Turns(), timeout_seconds)


def send(broker: Broker, *messages: Message) -> None:
    """Return once all are acknowledged."""
    futures = [broker.send(message.topic, message.value, message.headers) for message in messages]
    for future in futures:
        future.get(PATIENCE)


def test_a_group_larger_than_a_batch_arrives_whole(settings: Settings) -> None:
    raw, rejected = (settings.kafka.prefix + topic for topic in (Topic.RAW, Topic.REJECTED))
    sizes = [1, BATCH_BYTES // 2, BATCH_BYTES // 2, 1000, BATCH_BYTES + 20_000, 1]
    messages = [Message(raw, b"%d" % number * size, [("n", b"")]) for number, size in enumerate(sizes)]
    broker = connected(settings)
    send(broker, *messages, Message(rejected, b"r", [("why", b"\xff")]))
    broker.close()
    assert sorted(value for value, _ in read_topic(settings, Topic.RAW)) == [m.value for m in messages]
    assert read_topic(settings, Topic.REJECTED) == [(b"r", [("why", b"\xff")])]


class Led:
    """What a producer knows of a topic: four partitions, of which some have a leader, or that it is gone."""

    def __init__(self, *available: int, gone: bool = False) -> None:
        self.available = set(available)
        self.gone = gone

    def available_partitions_for_topic(self, topic: str) -> set[int]:
        del topic
        return self.available

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        del topic
        return None if self.gone else {0, 1, 2, 3}


def taken(turns: Turns, cluster: Led, groups: int) -> list[int]:
    """Where so many groups go."""
    found = []
    for _ in range(groups):
        turns.next()
        both = {turns.partition("t", None, None, b"", b"", cluster) for _ in range(2)}
        assert both == {turns.chosen("t")}, "a group goes to one partition"
        found += sorted(both)
    return found


def test_groups_take_turns_among_the_partitions_that_can_be_written() -> None:
    now = [0.0]
    turns = Turns(lambda: now[0])
    assert sorted(taken(turns, Led(0, 1, 2, 3), 4)) == [0, 1, 2, 3]
    assert set(taken(turns, Led(0, 2), 4)) == {0, 2}
    turns.avoid("t", 2)
    assert set(taken(turns, Led(0, 1, 2, 3), 6)) == {0, 1, 3}
    assert set(taken(turns, Led(2), 2)) == {2}, "better than none"
    assert set(taken(turns, Led(), 4)) == {0, 1, 3}, "nobody leads: the producer waits for one"
    with pytest.raises(LeaderNotAvailableError):
        taken(turns, Led(gone=True), 1)
    now[0] = AVOID_SECONDS
    assert sorted(taken(turns, Led(0, 1, 2, 3), 4)) == [0, 1, 2, 3]


def test_a_missing_topic_is_an_error(kafka_address: str, tmp_path: Path) -> None:
    with pytest.raises(KafkaError):
        connected(new_settings(kafka_address, tmp_path))


def test_a_message_that_is_too_large_is_an_error(settings: Settings) -> None:
    broker = connected(settings)
    with pytest.raises(KafkaError):
        send(broker, Message(settings.kafka.prefix + Topic.RAW, b"x" * 4_000_000, []))
    broker.close()


def test_a_broker_that_is_away_leaves_no_thread_behind(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = new_settings("{}:{}".format(*silent.getsockname()), tmp_path)
        before = threading.active_count()
        for _ in range(3):
            with pytest.raises(KafkaError):
                connected(settings, timeout_seconds=0.3)
        eventually(lambda: threading.active_count() <= before, "their threads have ended")


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SecureNode, Settings]]:
    folder = tmp_path_factory.mktemp("secure")
    with SecureNode.new(folder) as node:
        settings = new_settings(node.bootstrap, folder)
        topics.ensure(settings)
        node.add_scram_user()
        yield node, settings


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("reach", [SecureNode.sasl, SecureNode.sasl_ssl])
def test_authentication(
    secure: tuple[SecureNode, Settings], mechanism: str, reach: Callable[..., KafkaSettings]
) -> None:
    node, settings = secure

    def with_password(password: str) -> Settings:
        kafka = reach(node, mechanism, password, settings.kafka.prefix)
        return settings.model_copy(update={"kafka": kafka})

    deadline = time.monotonic() + PATIENCE
    while True:  # the broker takes new SCRAM credentials up a moment later
        try:
            broker = connected(with_password(PASSWORD))
            break
        except KafkaError:
            assert time.monotonic() < deadline
    value = f"{mechanism} {reach.__name__}".encode()
    send(broker, Message(settings.kafka.prefix + Topic.RAW, value, []))
    broker.close()
    assert value in [found for found, _ in read_topic(settings, Topic.RAW)]
    with pytest.raises(KafkaError) as refused:
        connected(with_password("wrong-password"), timeout_seconds=1.0)
    assert "wrong-password" not in str(refused.value)
