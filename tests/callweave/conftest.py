"""Real servers for these tests: started once, on free ports, or those that the environment names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from callweave.settings import ClickHouseSettings, KafkaSettings
from compose.embedded.clickhouse.node import ClickHouseNode
from compose.embedded.kafka.node import KafkaNode
from compose.embedded.node import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

JARS = Path(__file__).parents[2] / "var" / "jars"


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a Kafka answers."""
    given = os.environ.get("CALLWEAVE_TEST_KAFKA")
    if given:
        yield given
        return
    folder = tmp_path_factory.mktemp("kafka")
    with KafkaNode(folder, port=free_port(), controller_port=free_port(), jars=JARS) as node:
        yield node.bootstrap


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Host and native port of a ClickHouse."""
    given = os.environ.get("CALLWEAVE_TEST_CLICKHOUSE")
    if given:
        host, _, port = given.rpartition(":")
        yield host, int(port)
        return
    with ClickHouseNode(
        tmp_path_factory.mktemp("clickhouse"), port=free_port(), http_port=free_port()
    ) as node:
        yield node.host, node.port


@pytest.fixture
def kafka(bootstrap: str) -> KafkaSettings:
    """A part of the cluster of the test's own."""
    return KafkaSettings(bootstrap_servers=bootstrap, prefix=f"t{uuid4().hex}.")


@pytest.fixture
def clickhouse(engine: tuple[str, int]) -> ClickHouseSettings:
    """A database of the test's own, which is not there yet."""
    return ClickHouseSettings(host=engine[0], port=engine[1], database=f"t{uuid4().hex}")
