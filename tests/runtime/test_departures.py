"""No socket of a client of Kafka is left to the garbage collector, and none that is closed is read."""

from __future__ import annotations

import importlib
import socket
from contextlib import closing

import pytest
from kafka.errors import KafkaConnectionError
from kafka.net.inet import KafkaNetSocket
from kafka.net.selector import NetworkSelector
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

importlib.import_module("runtime.kafka")  # which mends kafka-python


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
