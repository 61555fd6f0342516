"""The broker is away, stands still, is slow; the ingress is killed: every 200 is in Kafka in the end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest

from runtime import topics
from runtime.settings import KafkaSettings
from schemas.callbacks import Callback
from schemas.topics import Topic
from tests.ingest.conftest import accepted, is_drained, new_settings, new_token, read_topic, running, spooled
from tests.ingest.test_server import Load
from tests.scale import scaled
from tests.servers import NO_TLS, at_rest, eventually, kafka_node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from compose.embedded.kafka.node import KafkaNode
    from runtime.settings import Settings
    from tests.ingest.conftest import Ingress

CLIENTS = 30
RATE = 300
"""Callbacks a second."""
AWAY_SECONDS = scaled(30, 600)
KILLS = scaled(5, 100)
ANSWER_SECONDS = 3.0
"""Within which every answer comes while there is neither broker nor spool: the promise to providers."""


class Steady:
    """Clients that together post so many callbacks a second, each with a number of its own."""

    def __init__(self, url: str, rate: float = RATE) -> None:
        self.kept: dict[str, bytes] = {}
        """By the id of the answer, what was sent."""
        self.refused: list[int] = []
        """Every other status."""
        self.broken = 0
        """How many had no answer."""
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
                except httpx.TransportError:  # the ingress was killed: nothing is claimed
                    self.broken += 1
                    continue
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
    """One for the tests that stop it; it is not there before the first starts it."""
    made = kafka_node(tmp_path_factory.mktemp("outage") / "kafka")
    yield made
    made.kill()


@pytest.fixture
def there(node: KafkaNode) -> KafkaNode:
    """The same, running."""
    if not node.running:
        node.start()
    return node


def test_without_a_spool_every_answer_is_503_in_time_while_the_broker_is_away(
    node: KafkaNode, tmp_path: Path
) -> None:
    node.kill()
    settings = new_settings(node.bootstrap, tmp_path, spool_max_bytes=0)
    token = new_token(settings)
    with running(settings, tmp_path) as ingress:
        assert ingress.post(token).status_code == 503
        assert not ingress.ready()
        load = Load(ingress, token)
        try:
            node.start()
            eventually(lambda: topics.ensure(settings) != [], "topics are there")
            eventually(lambda: load.seen(200) > 100, "callbacks are acknowledged once there is a broker")
            for _ in range(scaled(1, 3)):
                node.kill()
                gone = time.monotonic()
                eventually(lambda: not ingress.ready(), "not ready without a broker")
                eventually(partial(load.has, 200, 503, gone), "answers without a broker")
                node.start()
                eventually(partial(load.has, 100, 200, time.monotonic()), "it is used when it is back")
                eventually(ingress.ready, "ready when it is back")
            acknowledged = load.end()
            assert acknowledged <= accepted(settings).keys()
            assert load.slowest < at_rest(ANSWER_SECONDS)
        finally:
            load.end()
        said = ingress.log.read_text()
    assert token not in said
    warnings = [line for line in said.splitlines() if '"warning"' in line and "broker" in line]
    assert 1 <= len(warnings) <= 10, "warnings are rate-limited"


def kill_again_and_again(ingress: Ingress) -> None:
    """Spread over the time that the broker is away; each lives for a while, on a slow machine, too."""
    apart = AWAY_SECONDS / KILLS
    due = time.monotonic()
    for _ in range(KILLS):
        due += apart
        time.sleep(max(apart / 2, due - time.monotonic()))
        ingress.kill()
        ingress.start()


def test_while_the_broker_is_away_every_answer_is_200_and_nothing_is_lost(
    there: KafkaNode, tmp_path: Path
) -> None:
    """The ingress is killed meanwhile, too."""
    settings = new_settings(there.bootstrap, tmp_path)
    topics.ensure(settings)
    token = new_token(settings)
    with running(settings, tmp_path) as ingress:
        eventually(ingress.connected, "the broker is found")
        load = Steady(f"{ingress.url}/callbacks/{token}")
        with contextlib.closing(load):
            eventually(lambda: len(load.kept) > RATE, "load")
            there.kill()
            begun = len(load.seconds)
            kill_again_and_again(ingress)
            away = sorted(load.seconds[begun:])
            in_spool = spooled(settings)
            assert len(in_spool) > RATE * AWAY_SECONDS / 4
            there.start()
            start, kept = time.monotonic(), len(load.kept)
            eventually(lambda: is_drained(settings), "the spool is empty", patience=300)
            drained_in = time.monotonic() - start
            eventually(lambda: len(load.kept) > kept + RATE, "it goes on")
        eventually(lambda: is_drained(settings), "the spool is empty")
        print(
            f"away: {len(away)} answers in {AWAY_SECONDS} s, p50, p99 {away[len(away) // 2] * 1e3:.0f}, "
            f"{away[int(len(away) * 0.99)] * 1e3:.0f} ms; {len(in_spool)} in the spool, empty "
            f"{drained_in:.1f} s after the broker's return: {len(in_spool) / drained_in / RATE:.1f} times "
            f"the rate; {KILLS} kills, {load.broken} unanswered; load average {os.getloadavg()[0]:.1f}"
        )
        assert load.refused == []
        found = in_kafka(settings)
        assert load.kept.keys() <= found.keys()
        assert all(found[each].payload == body for each, body in load.kept.items())
        assert all(found[each] == callback for each, callback in in_spool.items()), "with its own time and id"
        eventually(lambda: ingress.metric("callweave_ingest_spool_bytes") == 0, "its size is told")


def test_a_broker_that_stands_still_now_and_then_costs_no_callback(there: KafkaNode, tmp_path: Path) -> None:
    settings = new_settings(there.bootstrap, tmp_path)
    topics.ensure(settings)
    token = new_token(settings)
    with running(settings, tmp_path) as ingress:
        eventually(ingress.connected, "the broker is found")
        assert ingress.post(token).status_code == 200
        threads = ingress.threads()
        load = Steady(f"{ingress.url}/callbacks/{token}")
        try:
            for _ in range(scaled(3, 50)):
                os.kill(there.pid, signal.SIGSTOP)
                time.sleep(1.2)
                os.kill(there.pid, signal.SIGCONT)
                time.sleep(0.3)
        finally:
            os.kill(there.pid, signal.SIGCONT)
            load.close()
        assert load.refused == []
        eventually(lambda: is_drained(settings), "the spool is empty")
        assert load.kept.keys() <= in_kafka(settings).keys()
        eventually(lambda: ingress.threads() <= threads, "connections that were given up leave no thread")


def test_a_bootstrap_broker_that_hangs_is_not_the_only_one_asked(kafka_address: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        address = "{}:{}".format(*hanging.getsockname())
        settings = new_settings(kafka_address, tmp_path, spool_max_bytes=0, acknowledge_timeout_seconds=0.5)
        topics.ensure(settings)
        kafka = KafkaSettings(bootstrap_servers=f"{address},{kafka_address}", prefix=settings.kafka.prefix)
        token = new_token(settings)
        with running(settings.model_copy(update={"kafka": kafka}), tmp_path) as ingress:
            eventually(lambda: ingress.post(token).status_code == 200, "the second is asked")
            for _ in range(10):
                assert ingress.post(token).status_code == 200
    assert len(accepted(settings)) >= 11
