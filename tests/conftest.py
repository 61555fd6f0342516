"""One Kafka and one ClickHouse for the whole session; each test has topics and a database of its own."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import uuid4

import pytest

from runtime import topics
from runtime.clickhouse import connected
from runtime.settings import ClickHouseSettings, KafkaSettings
from tests import order, scale, servers
from tests.databases import Databases
from tests.simulator.api.providers import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clickhouse_driver import Client

    from runtime.settings import Settings
    from tests.simulator.api.providers import RunningProvider


# A job in a shell's background ignores Ctrl-C, and so would every program that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

assert scale.SCALE in {"fast", "normal", "long"}, "CALLWEAVE_TEST_SCALE is fast, normal or long"

STARTERS = {
    "ClickHouseNode",
    "DockerCompose",
    "Ingress",
    "KafkaNode",
    "Pipeline",
    "SecureNode",
    "Servers",
    "Tail",
    "Worker",
    "clickhouse_node",
    "format_storage",
    "kafka_node",
    "new_node",
    "subprocess",
}
"""What starts a process: a module that imports one of these names has tests of servers."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark whatever starts a process, by its fixtures and its module: `make test-fast` leaves it out."""
    assert isinstance(item, pytest.Function)
    fixtures = item._fixtureinfo.name2fixturedefs.values()  # noqa: SLF001 - pytest tells it nowhere else
    names = {each[-1].argname for each in fixtures}
    modules = [vars(item.module), *(each[-1].func.__globals__ for each in fixtures)]
    if names & {"kafka_address", "clickhouse_address"} or any(STARTERS & each.keys() for each in modules):
        item.add_marker("server")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: order.place(item.location[0]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """Let no test without the mark start a process, so that a fast run starts none."""
    if item.get_closest_marker("server"):
        return (yield)
    with patch("subprocess.Popen.__init__", refuse_to_start):
        return (yield)


def refuse_to_start(_process: object, program: object, *_: object, **__: object) -> None:
    pytest.fail(f"This test starts {program}: mark it `server`, or name its starter in tests/conftest.py.")


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
def topics_settings(kafka_address: str, tmp_path: Path) -> Settings:
    """Settings of the test's own with topics made, and no ClickHouse."""
    settings = servers.new_settings(kafka_address, servers.NO_CLICKHOUSE, tmp_path)
    topics.ensure(settings)
    return settings


@pytest.fixture
def stack_settings(
    databases: Databases, kafka_address: str, clickhouse_address: str, tmp_path: Path
) -> Iterator[Settings]:
    """Settings of the test's own, with topics and tables made; its processes end before it does."""
    with databases.lent(servers.new_settings(kafka_address, clickhouse_address, tmp_path)) as settings:
        topics.ensure(settings)
        yield settings


@pytest.fixture
def kafka(kafka_address: str) -> KafkaSettings:
    """A part of the cluster of the test's own."""
    return KafkaSettings(bootstrap_servers=kafka_address, prefix=f"t{uuid4().hex}.")


@pytest.fixture
def clickhouse(clickhouse_address: str) -> ClickHouseSettings:
    """A database of the test's own, which does not exist yet."""
    host, _, port = clickhouse_address.rpartition(":")
    return ClickHouseSettings(host=host, port=int(port), database=f"t{uuid4().hex}")


@pytest.fixture
def bare_settings(clickhouse_address: str, tmp_path: Path) -> Iterator[Settings]:
    """A database's name that nobody uses, and no Kafka."""
    settings = servers.new_settings(servers.NO_KAFKA, clickhouse_address, tmp_path)
    yield settings
    with connected(settings.clickhouse, database="default") as client:
        client.execute(f"DROP DATABASE IF EXISTS {settings.clickhouse.database}")


@pytest.fixture(scope="session")
def databases(clickhouse_address: str) -> Iterator[Databases]:
    """Those that tests have one after the other."""
    made = Databases()
    yield made
    made.drop()


@pytest.fixture
def store_settings(databases: Databases, clickhouse_address: str, tmp_path: Path) -> Iterator[Settings]:
    """A database of the test's own for as long as it runs, with all tables and views, and no Kafka."""
    with databases.lent(servers.new_settings(servers.NO_KAFKA, clickhouse_address, tmp_path)) as settings:
        yield settings


@pytest.fixture(scope="module")
def module_settings(
    databases: Databases, clickhouse_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """The same for all tests of a module."""
    folder = tmp_path_factory.mktemp("module")
    with databases.lent(servers.new_settings(servers.NO_KAFKA, clickhouse_address, folder)) as settings:
        yield settings


@pytest.fixture
def client(store_settings: Settings) -> Iterator[Client]:
    """Connected to the database of `store_settings`."""
    with connected(store_settings.clickhouse) as connection:
        yield connection


@pytest.fixture
def provider() -> Iterator[RunningProvider]:
    """A simulated provider of the test's own."""
    with running() as found:
        yield found
