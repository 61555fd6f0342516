"""Thousands of connections that say nothing, or next to nothing: another source notices nothing of them."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import pytest

from ingest.server import open_files
from tests.ingest.conftest import new_settings, new_token, running
from tests.ingest.test_outage import Steady
from tests.scale import scaled
from tests.servers import NO_KAFKA, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ingest.conftest import Ingress

pytestmark = pytest.mark.server  # the ingress is a process

CONNECTIONS = scaled(600, 2_000)
ADDRESSES = 10
"""They come from so many, so that the bound of connections for a peer alone does not turn them away."""
SECONDS = scaled(5, 60)
RATE = 100
"""Callbacks a second of the other source."""


class Crowd:
    """Half of it is silent; the others have a valid URL, and send a byte of their body a second.

    Whoever is thrown out comes again.
    """

    def __init__(self, ingress: Ingress, token: str) -> None:
        head = f"POST /callbacks/{token} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{{"
        self._begins = head.encode()
        self._port = ingress.port
        self._ends = threading.Event()
        self._there: list[socket.socket | None] = [None] * CONNECTIONS
        self._thread = threading.Thread(target=self._push, name="crowd")
        self.come = 0
        """How many connections there were."""

    def is_there(self) -> bool:
        """Whether all have come once."""
        return self.come >= CONNECTIONS

    def _push(self) -> None:
        while not self._ends.is_set():
            for number in range(CONNECTIONS):
                if not self._said(number):
                    self._come(number)
            self._ends.wait(1.0)

    def _said(self, number: int) -> bool:
        """Whether it is still there, and has said what it says."""
        line = self._there[number]
        if line is None:
            return False
        try:
            if number % 2:
                line.send(b" ")
            return line.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def _come(self, number: int) -> None:
        self._leave(number)
        line = socket.socket()
        with suppress(OSError):
            line.bind((f"127.0.1.{number % ADDRESSES}", 0))
            line.connect(("127.0.0.1", self._port))
            line.setblocking(False)
            self.come += 1
            if number % 2:
                line.send(self._begins)
        self._there[number] = line

    def _leave(self, number: int) -> None:
        line = self._there[number]
        if line is not None:
            line.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        for number in range(CONNECTIONS):
            self._leave(number)


def test_a_crowd_of_silent_and_slow_connections_keeps_nobody_out(tmp_path: Path) -> None:
    assert open_files() > 2 * CONNECTIONS
    settings = new_settings(NO_KAFKA, tmp_path)
    slow, busy = new_token(settings, "slow"), new_token(settings, "busy")
    with running(settings, tmp_path) as ingress, Crowd(ingress, slow) as crowd:
        eventually(crowd.is_there, "the crowd is there")
        load = Steady(f"{ingress.url}/callbacks/{busy}", RATE)
        time.sleep(SECONDS)
        load.close()
        assert crowd.is_there()
        assert (load.refused, load.broken) == ([], 0)
        assert len(load.kept) == len(load.seconds) > 0
        print(
            f"{CONNECTIONS} silent and slow connections, {crowd.come} in all: "
            f"{len(load.kept) / SECONDS:.0f} callbacks/s of another source, p99 {load.p99() * 1e3:.0f} ms"
        )
