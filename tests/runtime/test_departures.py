"""What we mend of kafka-python: sockets and threads left behind, closed sockets read, answers left out."""

from __future__ import annotations

import os
import signal
import socket
import threading
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaConnectionError, KafkaTimeoutError
from kafka.net.inet import KafkaNetSocket
from kafka.net.selector import NetworkSelector
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

from runtime import topics
from runtime.departures import close_producer
from runtime.kafka import client_options  # which mends kafka-python
from runtime.settings import KafkaSettings
from tests.servers import PATIENCE, kafka_node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from compose.embedded.kafka.node import KafkaNode

SOON_SECONDS = 0.1
NEVER = 4_102_444_800_000
"""2100, milliseconds since 1970 UTC: nothing is later."""


@pytest.fixture
def unconnected() -> socket.socket:
    made = socket.socket()
    made.setblocking(False)
    return made


def is_closed(sock: socket.socket) -> bool:
    return sock.fileno() == -1


def test_a_socket_that_is_refused_is_closed(unconnected: socket.socket) -> None:
    with closing(NetworkSelector()) as net, pytest.raises(KafkaConnectionError):
        net.run(KafkaNetSocket().sock_connect, net, unconnected, ("127.0.0.1", 1))
    assert is_closed(unconnected)


def test_a_socket_that_connects_is_closed_with_its_client(unconnected: socket.socket) -> None:
    with closing(NetworkSelector()) as net, socket.create_server(("127.0.0.1", 0)) as listener:
        connecting = KafkaNetSocket().sock_connect(net, unconnected, listener.getsockname())
        connecting.send(None)
        assert not is_closed(unconnected)
        connecting.close()
    assert is_closed(unconnected)


def test_a_socket_with_something_to_write_is_closed_with_its_client() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        net = NetworkSelector()
        transport = KafkaTCPTransport(net, ours)
        transport.write(b"x" * 10_000_000)  # more than fits on the way
        net.poll(timeout_ms=10)
        transport.close()
        assert not is_closed(ours), "it would write the rest first"
        net.close()
    assert is_closed(ours)


@pytest.mark.parametrize("kind", [KafkaTCPTransport, KafkaSSLTransport])
def test_to_read_from_a_connection_that_was_closed_meanwhile_logs_no_traceback(
    kind: type, caplog: pytest.LogCaptureFixture
) -> None:
    receive = vars(kind)["_sock_recv"]
    ours, theirs = socket.socketpair()
    with theirs, closing(NetworkSelector()) as net:
        transport = KafkaTCPTransport(net, ours)
        transport.close()
        assert isinstance(receive(transport)[1], KafkaConnectionError)
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaNode]:
    with kafka_node(tmp_path_factory.mktemp("kafka")) as made:
        with topics.admin(KafkaSettings(bootstrap_servers=made.bootstrap)) as admin:
            admin.create_topics([NewTopic("t", 1, 1)])
            admin.wait_for_topics(["t"])
        yield made


def producer_to(node: KafkaNode, **options: int) -> KafkaProducer:
    """It knows the partitions of the topic `t`."""
    settings = KafkaSettings(bootstrap_servers=node.bootstrap)
    producer = KafkaProducer(**client_options(settings), acks="all", metrics_enabled=False, **options)
    producer.partitions_for("t")
    return producer


@contextmanager
def standing_still(node: KafkaNode) -> Iterator[None]:
    os.kill(node.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(node.pid, signal.SIGCONT)


def test_a_producer_ends_though_its_broker_takes_nothing(node: KafkaNode) -> None:
    threads = set(threading.enumerate())
    producer = producer_to(node)
    producer.send("t", b"before").get(PATIENCE)
    with standing_still(node):
        under_way = [producer.send("t", b"x" * 10_000) for _ in range(10)]
        close_producer(producer, SOON_SECONDS)
        assert set(threading.enumerate()) <= threads
    assert all(future.failed() for future in under_way)


def test_a_producer_first_sends_what_it_has(node: KafkaNode) -> None:
    producer = producer_to(node, linger_ms=1_000_000, delivery_timeout_ms=2_000_000)
    waiting = [producer.send("t", b"%d" % number) for number in range(10)]
    close_producer(producer, PATIENCE)
    assert all(future.succeeded() for future in waiting)


@pytest.fixture
def consumer(node: KafkaNode) -> Iterator[KafkaConsumer]:
    settings = KafkaSettings(bootstrap_servers=node.bootstrap)
    made = KafkaConsumer(**client_options(settings), metrics_enabled=False)
    yield made
    made.close()


def offsets(consumer: KafkaConsumer, *partitions: TopicPartition) -> list[dict[TopicPartition, object]]:
    """Where the log begins, ends and reaches a time, each if it is answered soon."""
    asked: list[Callable[..., dict[TopicPartition, object]]] = [
        lambda **options: consumer.beginning_offsets(partitions, **options),
        lambda **options: consumer.end_offsets(partitions, **options),
        lambda **options: consumer.offsets_for_times(dict.fromkeys(partitions, NEVER), **options),
    ]
    found = []
    for ask in asked:
        with suppress(KafkaTimeoutError):
            found.append(ask(timeout_ms=1000))
    return found


def test_for_a_partition_without_a_leader_there_is_no_answer(consumer: KafkaConsumer) -> None:
    led, leaderless = TopicPartition("t", 0), TopicPartition("t", 1)
    assert [list(each) for each in offsets(consumer, led)] == [[led]] * 3
    assert offsets(consumer, led, leaderless) == []
    assert offsets(consumer, leaderless) == []
