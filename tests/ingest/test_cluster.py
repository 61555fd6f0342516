"""Groups on their way to a real broker, with and without authentication."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest
from kafka.errors import KafkaError, SaslAuthenticationFailedError

from ingest import wire
from ingest.cluster import BATCH_BYTES, Cluster
from ingest.groups import Message
from ingest.wire import Wire, address_of
from runtime import topics
from runtime.kafka import client_options
from runtime.settings import KafkaSettings
from schemas.topics import Topic
from tests.ingest.conftest import new_settings, read_topic
from tests.secure import PASSWORD, SecureNode
from tests.servers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runtime.settings import KafkaSettings, Settings


def soon() -> float:
    return time.monotonic() + PATIENCE


def connected(settings: Settings) -> Cluster:
    names = [settings.kafka.prefix + topic for topic in (Topic.RAW, Topic.REJECTED)]
    return Cluster(client_options(settings.kafka), names, soon())


def test_a_group_larger_than_a_batch_arrives_whole(settings: Settings) -> None:
    raw, rejected = (settings.kafka.prefix + topic for topic in (Topic.RAW, Topic.REJECTED))
    sizes = [1, BATCH_BYTES // 2, BATCH_BYTES // 2, 1000, BATCH_BYTES + 20_000, 1]
    messages = [Message(raw, b"%d" % number * size, [("n", b"")]) for number, size in enumerate(sizes)]
    cluster = connected(settings)
    cluster.send([*messages, Message(rejected, b"r", [("why", b"\xff")])], soon())
    cluster.close()
    assert sorted(value for value, _ in read_topic(settings, Topic.RAW)) == [m.value for m in messages]
    assert read_topic(settings, Topic.REJECTED) == [(b"r", [("why", b"\xff")])]


def test_groups_take_turns_among_the_partitions(settings: Settings) -> None:
    cluster = connected(settings)
    name = settings.kafka.prefix + Topic.RAW
    for number in range(settings.kafka.partitions):
        cluster.send([Message(name, b"%d" % number, [])], soon())
    cluster.close()
    with topics.admin(settings.kafka) as admin:
        described = admin.describe_topics([name])
    assert len(described[0]["partitions"]) == settings.kafka.partitions
    assert len(read_topic(settings, Topic.RAW)) == settings.kafka.partitions


def test_a_missing_topic_is_an_error(kafka_address: str, tmp_path: Path) -> None:
    with pytest.raises(KafkaError):
        connected(new_settings(kafka_address, tmp_path))


def test_a_message_that_the_broker_refuses_is_an_error(settings: Settings) -> None:
    cluster = connected(settings)
    with pytest.raises(KafkaError):
        cluster.send([Message(settings.kafka.prefix + Topic.RAW, b"x" * 4_000_000, [])], soon())
    cluster.close()


def test_a_connection_that_the_broker_closed_is_noticed_before_it_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "IDLE_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        idle = Wire(server.getsockname(), {"security_protocol": "PLAINTEXT"}, soon())
        accepted, _ = server.accept()
        assert idle.usable()
        accepted.close()
        deadline = soon()
        while idle.usable():
            assert time.monotonic() < deadline
        idle.close()


@pytest.mark.parametrize(
    ("server", "address"),
    [
        ("a.example:1", ("a.example", 1)),
        ("a.example", ("a.example", 9092)),
        ("[::1]:9093", ("::1", 9093)),
        ("127.0.0.1:9092", ("127.0.0.1", 9092)),
    ],
)
def test_addresses(server: str, address: tuple[str, int]) -> None:
    assert address_of(server) == address


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

    deadline = soon()
    while True:  # the broker takes new SCRAM credentials up a moment later
        try:
            cluster = connected(with_password(PASSWORD))
            break
        except SaslAuthenticationFailedError:
            assert time.monotonic() < deadline
    value = f"{mechanism} {reach.__name__}".encode()
    cluster.send([Message(settings.kafka.prefix + Topic.RAW, value, [])], soon())
    cluster.close()
    assert value in [found for found, _ in read_topic(settings, Topic.RAW)]
    with pytest.raises(SaslAuthenticationFailedError) as refused:
        connected(with_password("wrong-password"))
    assert "wrong-password" not in str(refused.value)
