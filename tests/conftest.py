"""One Kafka and one ClickHouse for the whole session; each test has topics and a database of its own."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from callweave import clickhouse
from tests import servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from callweave.settings import Settings


# A job in a shell's background ignores Ctrl-C, and so would every program that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

NOT_RUN = pytest.StashKey[set[str]]()
"""What was taken out, and why: the summary says so."""


def say_not_run(config: pytest.Config, sentence: str) -> None:
    """Have the summary say it; a worker of pytest-xdist hands it to the process that prints."""
    if hasattr(config, "workeroutput"):
        config.workeroutput["not_run"] = sentence
    else:
        config.stash.setdefault(NOT_RUN, set()).add(sentence)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear of it, where the tests ran in workers."""
    if sentence := getattr(node, "workeroutput", {}).get("not_run"):
        say_not_run(node.config, sentence)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if NOT_RUN in config.stash:
        sentences: set[str] = config.stash[NOT_RUN]
        for sentence in sorted(sentences):
            terminalreporter.write_line(sentence, yellow=True)


@pytest.fixture(scope="session")
def kafka_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a Kafka answers that no test stops."""
    if servers.GIVEN_KAFKA:
        yield servers.GIVEN_KAFKA
        return
    with servers.kafka_node(tmp_path_factory.mktemp("kafka")) as node:
        yield node.bootstrap


@pytest.fixture(scope="session")
def clickhouse_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a ClickHouse answers that no test stops."""
    if servers.GIVEN_CLICKHOUSE:
        yield servers.GIVEN_CLICKHOUSE
        return
    with servers.clickhouse_node(tmp_path_factory.mktemp("clickhouse")) as node:
        yield node.address


@pytest.fixture
def stack_settings(kafka_address: str, clickhouse_address: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of the test's own, with topics and tables made."""
    settings = servers.prepared(servers.new_settings(kafka_address, clickhouse_address, tmp_path))
    yield settings
    with clickhouse.connected(settings.clickhouse, database="default") as client:
        client.execute(f"DROP DATABASE {settings.clickhouse.database}")
