"""The fault proxy itself: a test that relies on it needs to know that it does what it says."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.faults import TcpProxy
from tests.servers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

QUIET_SECONDS = 0.3  # how long a stalled connection is watched


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """The address of a server that sends back what it is sent."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                while chunk := connection.recv(1024):
                    connection.sendall(chunk)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(echo: tuple[str, int]) -> Iterator[TcpProxy]:
    with TcpProxy(*echo) as made:
        yield made


def connect(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection((proxy.host, proxy.port), timeout=PATIENCE)


def say(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return hear(connection, len(text))


def hear(connection: socket.socket, length: int) -> bytes:
    heard = b""
    while len(heard) < length and (chunk := connection.recv(length - len(heard))):
        heard += chunk
    return heard


def test_bytes_go_through_both_ways(proxy: TcpProxy) -> None:
    with connect(proxy) as one, connect(proxy) as two:
        big = bytes(range(256)) * 2_000
        threading.Thread(target=one.sendall, args=(big,), daemon=True).start()
        assert say(two, b"two") == b"two"
        assert hear(one, len(big)) == big


def test_a_cut_drops_connections_and_refuses_new_ones_until_it_is_restored(proxy: TcpProxy) -> None:
    for _ in range(3):
        with connect(proxy) as connection:
            assert say(connection, b"before") == b"before"
            proxy.cut()
            assert connection.recv(1) == b""
        for _ in range(50):  # as a client does that tries again and again
            with pytest.raises(ConnectionRefusedError):
                connect(proxy)
        proxy.restore()
        with connect(proxy) as connection:
            assert say(connection, b"after") == b"after"


def test_a_stall_keeps_connections_and_what_they_were_sent(proxy: TcpProxy) -> None:
    with connect(proxy) as old:
        assert say(old, b"before") == b"before"
        proxy.stall()
        old.sendall(b"held")
        with connect(proxy) as new:
            new.sendall(b"back")
            for connection in (old, new):
                connection.settimeout(QUIET_SECONDS)
                with pytest.raises(TimeoutError):
                    connection.recv(1)
                connection.settimeout(PATIENCE)
            proxy.restore()
            assert hear(old, 4) == b"held"
            assert hear(new, 4) == b"back"


def test_a_stalled_proxy_can_be_cut(proxy: TcpProxy) -> None:
    with connect(proxy) as connection:
        assert say(connection, b"before") == b"before"
        proxy.stall()
        connection.sendall(b"lost")
        proxy.cut()
        assert connection.recv(1) == b""


def test_a_server_that_is_away_ends_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with TcpProxy(*address) as proxy, connect(proxy) as connection:
        assert connection.recv(1) == b""


def test_a_closed_end_closes_the_other_one(proxy: TcpProxy) -> None:
    with connect(proxy) as connection:
        assert say(connection, b"x") == b"x"
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
