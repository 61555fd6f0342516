"""One embedded ClickHouse server for all of these tests, and clients of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import httpx
import pytest
from clickhouse_driver import Client

from compose.embedded.clickhouse.node import ClickHouseNode
from runtime.addresses import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clickhouse_driver.connection import Connection

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseNode]:
    server = ClickHouseNode(tmp_path_factory.mktemp("clickhouse"), port=free_port(), http_port=free_port())
    with server:
        yield server


@pytest.fixture
def connect(node: ClickHouseNode) -> Iterator[Callable[..., Client]]:
    """Make clients of a database that this test has for itself."""
    database = f"test_{next(_numbers)}"
    with Client(node.host, node.port) as first:
        first.execute(f"CREATE DATABASE {database}")
        clients: list[Client] = []

        def make(**options: object) -> Client:
            clients.append(Client(node.host, node.port, database=database, **options))
            return clients[-1]

        yield make
        for client in clients:
            client.disconnect()
        first.execute(f"DROP DATABASE {database}")


@pytest.fixture
def client(connect: Callable[..., Client]) -> Client:
    return connect()


@pytest.fixture
def database(client: Client) -> str:
    name: str = client.execute("SELECT currentDatabase()")[0][0]
    return name


@pytest.fixture
def connection(client: Client) -> Connection:
    """The bare connection of `client`, which doesn't end at every exception."""
    client.execute("SELECT 1")
    client.make_query_settings({})
    return client.connection


@pytest.fixture
def http(node: ClickHouseNode, database: str) -> Iterator[httpx.Client]:
    """Requests in the database of `client`."""
    with httpx.Client(base_url=node.url, headers={"X-ClickHouse-Database": database}, timeout=60) as requests:
        yield requests
