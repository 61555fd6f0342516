"""The process: it starts with or without a broker, follows the sources file, and ends in order."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from runtime import sources
from runtime.addresses import listening
from tests.ingest.conftest import accepted, new_settings, new_token, running
from tests.servers import NO_KAFKA, PATIENCE, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.settings import Settings
    from tests.ingest.conftest import Ingress

THREADS = 40
"""More than the server has."""


class Load:
    """Clients that post without end; their answers."""

    def __init__(self, ingress: Ingress, token: str, clients: int = THREADS) -> None:
        self.answers: list[tuple[float, httpx.Response | None]] = []
        """When it came, and the answer; None for a connection that was refused or broke."""
        self.slowest = 0.0
        self._url = f"{ingress.url}/callbacks/{token}"
        self._ends = threading.Event()
        self._pool = ThreadPoolExecutor(clients)
        self._clients = [self._pool.submit(self._post) for _ in range(clients)]

    def _post(self) -> None:
        with httpx.Client(timeout=PATIENCE) as client:
            while not self._ends.is_set():
                start = time.monotonic()
                try:
                    answer = client.post(self._url, content=b'{"a":1}')
                except httpx.TransportError:
                    self.answers.append((time.monotonic(), None))
                    time.sleep(0.05)
                else:
                    self.slowest = max(self.slowest, time.monotonic() - start)
                    self.answers.append((time.monotonic(), answer))
                    time.sleep(0.02)

    def seen(self, status: int, since: float = 0.0) -> int:
        return sum(at >= since and a is not None and a.status_code == status for at, a in list(self.answers))

    def has(self, count: int, status: int, since: float) -> bool:
        return self.seen(status, since) > count

    def end(self) -> set[str]:
        """Stop, and tell which ids were acknowledged."""
        self._ends.set()
        for client in self._clients:
            client.result(PATIENCE)
        self._pool.shutdown()
        answers = [answer for _, answer in self.answers if answer is not None]
        assert {answer.status_code for answer in answers} <= {200, 503}
        assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 503)
        return {answer.json()["id"] for answer in answers if answer.status_code == 200}


def test_sigterm_finishes_what_is_under_way(ingress: Ingress, settings: Settings) -> None:
    token = new_token(settings)
    eventually(lambda: ingress.post(token).status_code == 200, "the source is known")
    load = Load(ingress, token)
    eventually(lambda: load.seen(200) > 200, "load")
    # A request whose body is half there when the signal comes.
    with socket.create_connection(("127.0.0.1", ingress.port), timeout=PATIENCE) as half:
        half.sendall(f"POST /callbacks/{token} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{".encode())
        time.sleep(1)  # for the server to have taken it
        ingress.signal(signal.SIGTERM)
        eventually(lambda: not listening("127.0.0.1", ingress.port), "no new connections are accepted")
        half.sendall(b"}")
        answer = b""
        while more := half.recv(65536):
            answer += more
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert ingress.wait(PATIENCE) == 0
    acknowledged = load.end()
    found = re.search(rb'"id":"([^"]+)"', answer)
    assert found is not None
    assert acknowledged | {found.group(1).decode()} <= accepted(settings).keys()
    said = ingress.log.read_text()
    assert "ingest serves" in said
    assert "ingest has stopped" in said
    assert token not in said


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingress]:
    """One that has no broker, which it does not need for these tests; the last of them ends it."""
    folder = tmp_path_factory.mktemp("alone")
    with running(new_settings(NO_KAFKA, folder, drain_seconds=1.0), folder) as ingress:
        yield ingress


def test_changed_sources_take_effect_while_it_runs(alone: Ingress) -> None:
    file = alone.settings.sources_file
    first = new_token(alone.settings)
    assert alone.post(first).status_code == 200, "an added source is accepted at once"
    second = sources.rotate(file, "shanghai", timedelta(0))
    eventually(lambda: alone.post(first).status_code == 404, "the old token is void")
    assert alone.post(second).status_code == 200
    good = file.read_bytes()
    file.write_bytes(b"[")
    eventually(lambda: "trouble" in httpx.get(f"{alone.probes}/readyz").text, "the broken file is noticed")
    assert alone.post(second).status_code == 200
    file.write_bytes(good)
    sources.remove(file, "shanghai")
    eventually(lambda: alone.post(second).status_code == 404, "a removed source is refused")
    said = alone.log.read_text()
    assert first not in said
    assert second not in said


def test_a_taken_port_is_one_sentence(alone: Ingress) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "callweave", "run", "ingest", "--metrics-port", "0"],
        env=alone.environment(),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    said = second.stderr.decode()
    assert second.returncode == 1
    assert f"127.0.0.1:{alone.port}" in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1


def test_a_client_that_never_finishes_does_not_hold_the_end_up(alone: Ingress) -> None:
    token = new_token(alone.settings, "patient")
    with socket.create_connection(("127.0.0.1", alone.port)) as half:
        half.sendall(f"POST /callbacks/{token} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{".encode())
        eventually(lambda: alone.post(token).status_code == 200, "others are served")
        alone.signal(signal.SIGTERM)
        assert alone.wait(PATIENCE) == 0
