"""The servers that tests use: started once a session on free ports, or those that the environment names."""

from __future__ import annotations

import os
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from compose.embedded.clickhouse.node import ClickHouseNode
from compose.embedded.kafka.node import KafkaNode
from runtime import topics
from runtime.addresses import free_port
from runtime.settings import ClickHouseSettings, ConsoleSettings, IngestSettings, KafkaSettings, Settings
from sinks.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Callable

NO_KAFKA = NO_CLICKHOUSE = "127.0.0.1:1"
"""Where nobody answers."""
JARS = Path(__file__).parents[1] / "var" / "jars"

GIVEN_KAFKA = os.environ.get("CALLWEAVE_TEST_KAFKA")
"""HOST:PORT of a Kafka to use in place of our own."""
GIVEN_CLICKHOUSE = os.environ.get("CALLWEAVE_TEST_CLICKHOUSE")
"""HOST:PORT of a ClickHouse's native protocol."""

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For `httpx`, which otherwise reads all certificate authorities for each request: 20 ms of processor."""

PATIENCE = 180.0
"""Seconds that anything may take on a slow machine."""


def eventually(
    holds: Callable[[], bool],
    what: str | Callable[[], str],
    patience: float = PATIENCE,
    so_far: Callable[[], object] = lambda: None,
) -> None:
    """Wait until it holds; after a question that takes long rest as long: the others need the processor.

    While `so_far` tells something new, patience begins anew: much work may take long on a busy machine.
    """
    begun = moved = time.monotonic()
    told = so_far()
    while not holds():
        now = time.monotonic()
        if (news := so_far()) != told:
            told, moved = news, now
        said = what if isinstance(what, str) else what()
        assert now < moved + patience, f"not within {patience:.0f} s: {said}"
        time.sleep(min(1.0, max(0.05, now - begun)))
        begun = time.monotonic()


def at_rest(seconds: float) -> float:
    """What so many seconds of a machine at rest are on this one, which may have more work than processors."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def kafka_node(data: Path) -> KafkaNode:
    """A node of our own, not started."""
    return KafkaNode(data, port=free_port(), controller_port=free_port(), jars=JARS)


def clickhouse_node(data: Path) -> ClickHouseNode:
    """A node of our own, not started."""
    return ClickHouseNode(data, port=free_port(), http_port=free_port())


def new_settings(kafka: str, clickhouse: str, folder: Path) -> Settings:
    """Settings for topics, consumer groups, a database and a sources file that nobody else uses."""
    host, port = clickhouse.rsplit(":", 1)
    name = f"t{uuid4().hex[:10]}"
    return Settings(
        kafka=KafkaSettings(bootstrap_servers=kafka, prefix=f"{name}."),
        clickhouse=ClickHouseSettings(host=host, port=int(port), database=f"test_{name}"),
        ingest=IngestSettings(port=free_port()),
        console=ConsoleSettings(port=free_port()),
        sources_file=folder / "sources.toml",
        data=folder,
    )


def prepared(settings: Settings) -> Settings:
    """The same, with topics and tables made."""
    topics.ensure(settings)
    migrate(settings)
    return settings
