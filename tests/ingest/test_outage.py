"""The broker is away, stands still, is slow; the ingress is killed: every 200 is in Kafka in the end."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from runtime import topics
from runtime.settings import KafkaSettings
from schemas.callbacks import Callback
from schemas.topics import Topic
from tests.ingest.conftest import accepted, new_settings, new_token, read_topic, running, spooled
from tests.scale import scaled
from tests.servers import NO_KAFKA, NO_TLS, eventually, kafka_node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from compose.embedded.kafka.node import KafkaNode
    from runtime.settings import Settings

CLIENTS = 30
RATE = 300
"""Callbacks a second."""
AWAY_SECONDS = scaled(5, 600)
KILLS = scaled(3, 100)


class Steady:
    """Clients that together post so many callbacks a second, each with a number of its own."""

    def __init__(self, url: str, rate: float = RATE) -> None:
        self.kept: dict[str, bytes] = {}
        """By the id of the answer, what was sent."""
        self.refused: list[int] = []
        """Every other status."""
        self.seconds: list[float] = []
        self._url = url
        self._pause = CLIENTS / rate
        self._ends = threading.Event()
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._clients = [self._pool.submit(self._post, number) for number in range(CLIENTS)]

    def _post(self, client_number: int) -> None:
        due = time.monotonic() + self._pause * client_number / CLIENTS
        number = 0
        with httpx.Client(timeout=30, verify=NO_TLS) as client:
            while not self._ends.wait(max(0.0, due - time.monotonic())):
                due += self._pause
                number += 1
                body = b'{"uuid":"%d-%d","status":"ring"}' % (client_number, number)
                start = time.monotonic()
                try:
                    answer = client.post(self._url, content=body)
                except httpx.TransportError:
                    continue  # the ingress was killed: nothing is claimed
                self.seconds.append(time.monotonic() - start)
                if answer.status_code == 200:
                    self.kept[answer.json()["id"]] = body
                else:
                    self.refused.append(answer.status_code)

    def close(self) -> None:
        self._ends.set()
        for client in self._clients:
            client.result(60)
        self._pool.shutdown()

    def p99(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)]


def in_kafka(settings: Settings) -> dict[str, Callback]:
    """What `callbacks.raw` holds, by id. What comes twice, since an acknowledgement was late, is the same."""
    found: dict[str, Callback] = {}
    for message in read_topic(settings, Topic.RAW):
        callback = Callback.from_message(*message)
        assert found.setdefault(callback.id, callback) == callback
    return found


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaNode]:
    """One for the tests that stop it."""
    with kafka_node(tmp_path_factory.mktemp("outage") / "kafka") as running_node:
        yield running_node


def test_while_the_broker_is_away_every_answer_is_200_and_nothing_is_lost(
    node: KafkaNode, tmp_path: Path
) -> None:
    """The ingress is killed meanwhile, too."""
    settings = new_settings(node.bootstrap, tmp_path)
    topics.ensure(settings)
    token = new_token(settings)
    with running(settings, tmp_path) as ingress:
        eventually(ingress.connected, "the broker is found")
        load = Steady(f"{ingress.url}/callbacks/{token}")
        with contextlib.closing(load):
            eventually(lambda: len(load.kept) > RATE, "load")
            node.kill()
            begun = len(load.seconds)
            time.sleep(AWAY_SECONDS)
            away = sorted(load.seconds[begun:])
            in_spool = spooled(settings)
            assert len(in_spool) > RATE * AWAY_SECONDS / 4
            for _ in range(KILLS):
                ingress.kill()
                ingress.start()
                time.sleep(0.2)
            killed_at = len(load.kept)
            node.start()
            start = time.monotonic()
            eventually(lambda: not spooled(settings), "the spool is empty", patience=120)
            drained_in = time.monotonic() - start
            eventually(lambda: len(load.kept) > killed_at + RATE, "it goes on")
        eventually(lambda: not spooled(settings), "the spool is empty")
        print(
            f"away: {len(away)} answers, p99 {away[int(len(away) * 0.99)] * 1e3:.0f} ms; "
            f"{len(in_spool)} in the spool, empty {drained_in:.1f} s after the broker's return"
        )
        assert load.refused == []
        found = in_kafka(settings)
        assert load.kept.keys() <= found.keys()
        assert all(found[each].payload == body for each, body in load.kept.items())
        assert all(found[each] == callback for each, callback in in_spool.items()), "with its own time and id"
        eventually(lambda: ingress.metric("callweave_ingest_spool_bytes") == 0, "its size is told")


def test_a_broker_that_stands_still_now_and_then_costs_no_callback(node: KafkaNode, tmp_path: Path) -> None:
    settings = new_settings(node.bootstrap, tmp_path)
    topics.ensure(settings)
    token = new_token(settings)
    with running(settings, tmp_path) as ingress:
        eventually(ingress.connected, "the broker is found")
        assert ingress.post(token).status_code == 200
        threads = ingress.threads()
        load = Steady(f"{ingress.url}/callbacks/{token}")
        try:
            for _ in range(scaled(3, 50)):
                os.kill(node.pid, signal.SIGSTOP)
                time.sleep(1.2)
                os.kill(node.pid, signal.SIGCONT)
                time.sleep(0.3)
        finally:
            os.kill(node.pid, signal.SIGCONT)
            load.close()
        assert load.refused == []
        eventually(lambda: not spooled(settings), "the spool is empty")
        assert load.kept.keys() <= in_kafka(settings).keys()
        eventually(lambda: ingress.threads() <= threads, "connections that were given up leave no thread")


def test_a_full_disk_is_a_503_until_there_is_room(tmp_path: Path) -> None:
    """A limit on the size of files stands in for it."""
    settings = new_settings(NO_KAFKA, tmp_path)
    token = new_token(settings)
    with running(settings, tmp_path) as ingress:
        assert ingress.process is not None
        assert ingress.post(token).status_code == 200
        _, hard = resource.prlimit(ingress.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(ingress.process.pid, resource.RLIMIT_FSIZE, (0, hard))
        refused = [ingress.post(token) for _ in range(5)]
        assert {(answer.status_code, "Retry-After" in answer.headers) for answer in refused} == {(503, True)}
        assert not ingress.ready()
        assert len(list((tmp_path / "spool").iterdir())) <= 2, "no file is left for each that failed"
        resource.prlimit(ingress.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert ingress.post(token).status_code == 200
        assert ingress.ready()
        assert len(spooled(settings)) == 2


def test_a_bootstrap_broker_that_hangs_is_not_the_only_one_asked(kafka_address: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        address = "{}:{}".format(*hanging.getsockname())
        settings = new_settings(kafka_address, tmp_path, spool_max_bytes=0)
        topics.ensure(settings)
        kafka = KafkaSettings(bootstrap_servers=f"{address},{kafka_address}", prefix=settings.kafka.prefix)
        token = new_token(settings)
        with running(settings.model_copy(update={"kafka": kafka}), tmp_path) as ingress:
            eventually(lambda: ingress.post(token).status_code == 200, "the second is asked")
            for _ in range(10):
                assert ingress.post(token).status_code == 200
    assert len(accepted(settings)) >= 11
