"""Three brokers, of which some stand still or are gone: what can be written is, and nothing is lost."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from compose.embedded.kafka.node import KafkaNode
from compose.embedded.kafka.properties import render, server_properties
from compose.embedded.kafka.storage import new_cluster_id
from runtime import topics
from runtime.addresses import free_port
from tests.ingest.conftest import is_drained, new_settings, new_token, running
from tests.ingest.test_outage import Steady, in_kafka
from tests.scale import scaled
from tests.servers import JARS, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.settings import Settings

ROUNDS = scaled(1, 20)
STILL_SECONDS = 4.0
"""Longer than a broker's session with the controller: its leaders move."""
RATE = 150


class Member(KafkaNode):
    """One broker of several; the first is their controller, too."""

    def __init__(self, data: Path, number: int, cluster_id: str, controller_port: int) -> None:
        super().__init__(data, port=free_port(), controller_port=controller_port, jars=JARS)
        self._number = number
        self._cluster_id = cluster_id
        self._prepared = False
        data.mkdir()

    def prepare(self) -> None:
        if self._prepared:  # a node that is alone would take another's number for somebody else's data
            self.output.unlink(missing_ok=True)
            return
        super().prepare()
        self._prepared = True

    def _configure(self, logs: Path) -> Path:
        properties = server_properties(
            host=self.host,
            port=self.port,
            controller_port=self.controller_port,
            advertised=self.advertised,
            logs=logs,
        )
        if self._number > 1:
            properties |= {
                "process.roles": "broker",
                "node.id": self._number,
                "listeners": f"CLIENT://{self.host}:{self.port}",
            }
        self._config.write_text(render(properties))
        return self._config

    def _java(self, main: str, arguments: list[str]) -> list[str]:
        if "--cluster-id" in arguments:  # the same for all
            arguments[arguments.index("--cluster-id") + 1] = self._cluster_id
        return super()._java(main, arguments)

    def ports(self) -> list[int]:
        return super().ports() if self._number == 1 else [self.port]


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Member]]:
    folder, controller_port, cluster_id = tmp_path_factory.mktemp("brokers"), free_port(), new_cluster_id()
    made = [Member(folder / str(number), number, cluster_id, controller_port) for number in (1, 2, 3)]
    made[0].start()
    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(Member.start, made[1:]))
        yield made
    finally:
        for member in made:
            member.kill()


def settings_for(
    brokers: list[Member], folder: Path, partitions: int, copies: int, **ingest: Any
) -> Settings:
    """With so many partitions of each topic, each in so many copies."""
    settings = new_settings(",".join(each.bootstrap for each in brokers), folder, **ingest)
    shape = {"partitions": partitions, "replication_factor": copies}
    settings = settings.model_copy(update={"kafka": settings.kafka.model_copy(update=shape)})
    eventually(lambda: made(settings), "three brokers are there")
    return settings


def made(settings: Settings) -> bool:
    """Whether the topics could be made: not before all brokers are known to the controller."""
    try:
        topics.ensure(settings)
    except Exception:  # noqa: BLE001 - whatever keeps it from being so, we ask again
        return False
    return True


def test_partitions_that_nobody_leads_are_left_out(brokers: list[Member], tmp_path: Path) -> None:
    """A third of them has no other copy. There is no spool that would help."""
    settings = settings_for(brokers, tmp_path, partitions=12, copies=1, spool_max_bytes=0)
    token = new_token(settings)
    with running(settings, tmp_path) as ingress:
        eventually(ingress.connected, "the brokers are found")
        brokers[2].kill()
        try:
            eventually(lambda: all(ingress.post(token).status_code == 200 for _ in range(5)), "it goes on")
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda _: ingress.post(token).status_code, range(48)))
            assert answers == [200] * 48
            halted = {report.name: report.halted for report in topics.inspect(settings)}
            assert all(0 < len(partitions) < 12 for partitions in halted.values()), halted
        finally:
            brokers[2].start()
    eventually(lambda: not any(report.halted for report in topics.inspect(settings)), "all are led again")


def test_whatever_brokers_do_no_acknowledged_callback_is_lost(brokers: list[Member], tmp_path: Path) -> None:
    """Leaders move, a broker stands still, another is killed, and then too few copies are left."""
    settings = settings_for(brokers, tmp_path, partitions=3, copies=3)
    token = new_token(settings)
    with running(settings, tmp_path) as ingress:
        eventually(ingress.connected, "the brokers are found")
        load = Steady(f"{ingress.url}/callbacks/{token}", RATE)
        try:
            for _ in range(ROUNDS):
                brokers[1].kill()
                os.kill(brokers[2].pid, signal.SIGSTOP)
                time.sleep(STILL_SECONDS)
                os.kill(brokers[2].pid, signal.SIGCONT)
                brokers[1].start()
                time.sleep(1.0)
        finally:
            os.kill(brokers[2].pid, signal.SIGCONT)
            load.close()
        print(f"{ROUNDS} rounds: {len(load.kept)} of {len(load.seconds)} kept, p99 {load.p99() * 1e3:.0f} ms")
        assert load.refused == []
        eventually(lambda: is_drained(settings), "the spool is empty")
        assert load.kept.keys() <= in_kafka(settings).keys()
