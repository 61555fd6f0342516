"""The node itself: real Kafka, killed, restarted, misconfigured."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaTimeoutError

from compose.embedded.kafka.install import install
from compose.embedded.kafka.node import answers
from compose.embedded.kafka.storage import read_meta
from compose.embedded.node import NodeError, PortTakenError
from runtime.addresses import free_port, listening
from tests.compose.kafka.conftest import JARS, new_node
from tests.faults import TcpProxy

if TYPE_CHECKING:
    from pathlib import Path

    from compose.embedded.kafka import KafkaNode

PATIENCE_MS = 60_000


def create(bootstrap: str, topic: str, partitions: int = 1) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics({topic: {"num_partitions": partitions, "replication_factor": 1}})
    admin.close()


def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=2_000_000)
    for sent in [producer.send(topic, value) for value in values]:
        sent.get(PATIENCE_MS / 1000)
    producer.close()


def consume(bootstrap: str, topic: str, count: int, partitions: int = 1) -> list[bytes]:
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=PATIENCE_MS
    )
    consumer.assign([TopicPartition(topic, number) for number in range(partitions)])
    values = [next(consumer).value for _ in range(count)]
    ends = consumer.end_offsets([TopicPartition(topic, number) for number in range(partitions)])
    consumer.close()
    assert sum(ends.values()) == count
    return values


def test_what_was_acknowledged_survives_sigkill_and_restart(tmp_path: Path) -> None:
    node = new_node(tmp_path / "kafka")
    try:
        node.start()
        create(node.bootstrap, "calls", 3)
        values = [b"%d" % number for number in range(2_000)]
        produce(node.bootstrap, "calls", values)
        node.kill()
        assert not listening(node.host, node.port)
        node.start()
        assert sorted(consume(node.bootstrap, "calls", 2_000, 3)) == sorted(values)
        node.stop()
        node.start()
        produce(node.bootstrap, "calls", [b"more"])
        assert sorted(consume(node.bootstrap, "calls", 2_001, 3)) == sorted([*values, b"more"])
    finally:
        node.stop()


def test_two_nodes_run_side_by_side(node: KafkaNode, tmp_path: Path) -> None:
    with new_node(tmp_path / "kafka") as other:
        for one, value in ((node, b"one"), (other, b"other")):
            create(one.bootstrap, "side-by-side")
            produce(one.bootstrap, "side-by-side", [value])
        assert consume(node.bootstrap, "side-by-side", 1) == [b"one"]
        assert consume(other.bootstrap, "side-by-side", 1) == [b"other"]
        assert read_meta(node.data / "logs") != read_meta(other.data / "logs")


def test_only_the_given_address_is_listened_on(node: KafkaNode) -> None:
    for port in node.ports():
        assert listening("127.0.0.1", port)
        assert not listening("127.0.0.2", port)  # it would answer there, too, if it listened everywhere


def test_a_topic_that_nobody_created_stays_unknown(node: KafkaNode) -> None:
    producer = KafkaProducer(bootstrap_servers=node.bootstrap, max_block_ms=1_000)
    with pytest.raises(KafkaTimeoutError):
        producer.send("never-created", b"x")
    producer.close()


def test_a_payload_of_one_mebibyte_with_its_headers_is_taken(node: KafkaNode) -> None:
    create(node.bootstrap, "large")
    payload = os.urandom(1024 * 1024)
    producer = KafkaProducer(bootstrap_servers=node.bootstrap, acks="all", max_request_size=2_000_000)
    producer.send("large", payload, headers=[("id", b"x" * 8_000)]).get(PATIENCE_MS / 1000)
    producer.close()
    assert consume(node.bootstrap, "large", 1) == [payload]


def test_clients_are_told_the_advertised_address(tmp_path: Path) -> None:
    node = new_node(tmp_path / "kafka")
    with TcpProxy(node.host, node.port) as proxy:
        node.advertised = proxy.address
        with node:
            assert node.bootstrap == proxy.address
            create(node.bootstrap, "through-the-proxy")
            produce(node.bootstrap, "through-the-proxy", [b"x"])
            producer = KafkaProducer(bootstrap_servers=node.bootstrap, acks="all")
            producer.send("through-the-proxy", b"y").get(PATIENCE_MS / 1000)
            proxy.cut()
            sent = producer.send("through-the-proxy", b"z")
            assert not answers(proxy.host, proxy.port)
            proxy.restore()
            sent.get(PATIENCE_MS / 1000)
            producer.close()
            assert consume(node.bootstrap, "through-the-proxy", 3) == [b"x", b"y", b"z"]


def test_a_taken_port_is_one_sentence_and_nothing_is_written(node: KafkaNode, tmp_path: Path) -> None:
    other = new_node(tmp_path / "kafka")
    other.port = node.port
    with pytest.raises(PortTakenError, match=f"^Kafka needs 127.0.0.1:{node.port}, but another program"):
        other.start()
    other.port, other.controller_port = free_port(), node.port
    with pytest.raises(PortTakenError):
        other.start()
    assert not (tmp_path / "kafka" / "logs").exists()


def test_a_folder_in_use_is_one_sentence_and_stays_as_it_is(node: KafkaNode) -> None:
    other = new_node(node.data)
    configured = (node.data / "server.properties").read_bytes()
    with pytest.raises(
        NodeError, match=rf"^The Kafka data in {node.data} is in use by process {node.pid}: stop it, or"
    ):
        other.start()
    assert (node.data / "server.properties").read_bytes() == configured
    for number in range(50):  # a metadata log that was opened twice ends its broker after some 4 KiB more
        create(node.bootstrap, f"still-there-{number}")
    assert node.running


def test_a_damaged_folder_is_one_sentence(tmp_path: Path) -> None:
    node = new_node(tmp_path / "kafka")
    with node:
        create(node.bootstrap, "calls")
    (node.data / "logs" / "no-topic").mkdir()  # only Kafka itself sees this
    with pytest.raises(
        NodeError, match=r"^Kafka can't run: .*no-topic.*; its log is .*kafka\.log\.$"
    ) as caught:
        node.start()
    assert "\n" not in str(caught.value)
    assert not node.running


def test_a_missing_jar_without_a_network_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for scheme in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(scheme, "http://127.0.0.1:9")  # nothing listens on the port of discard
    monkeypatch.setattr("compose.embedded.kafka.fetch.PAUSE_SECONDS", 0.0)
    with pytest.raises(NodeError, match=r"\.jar could not be fetched .*: check the network and start again"):
        new_node(tmp_path / "kafka", jars=tmp_path / "jars").start()


def test_a_second_start_needs_no_network(node: KafkaNode, monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(scheme, "http://127.0.0.1:9")
    node.prepare()
    install(JARS, [])


def test_a_running_node_is_not_started_twice(node: KafkaNode) -> None:
    with pytest.raises(NodeError, match="runs already"):
        node.start()
    assert node.ready()
