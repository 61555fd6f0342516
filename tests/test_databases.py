"""A test finds nothing of another one in the database that both use, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtime.clickhouse import connected
from sinks.migrate import pending
from tests import servers
from tests.databases import Databases, shape_of
from tests.operations.watch.archived import archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.settings import Settings


@pytest.fixture(scope="module")
def databases(clickhouse_address: str) -> Iterator[Databases]:
    made = Databases()
    yield made
    made.drop()


@pytest.fixture
def settings(clickhouse_address: str, tmp_path: Path) -> Settings:
    return servers.new_settings(servers.NO_KAFKA, clickhouse_address, tmp_path)


def test_a_database_is_lent_again_and_empty(
    databases: Databases, settings: Settings, clickhouse_address: str, tmp_path: Path
) -> None:
    with databases.lent(settings) as first, connected(first.clickhouse) as client:
        archive(client, "shop", now=1_785_000_000)
        assert client.execute("SELECT count() > 0 FROM callbacks") == [(1,)]
        keys = client.execute("SELECT * FROM pseudonym_keys")
    others = servers.new_settings(servers.NO_KAFKA, clickhouse_address, tmp_path)
    with databases.lent(others) as another:
        assert another.clickhouse != first.clickhouse, "what still comes for the first one meets nobody"
    with databases.lent(settings) as again, connected(again.clickhouse) as client:
        assert again.clickhouse == first.clickhouse
        assert pending(again) == []
        tables = "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0"
        assert {name for (name,) in client.execute(tables)} == {"pseudonym_keys", "schema_migrations"}
        assert client.execute("SELECT * FROM pseudonym_keys") != keys


CHANGES = (
    "ALTER TABLE dead_letters ADD COLUMN more Int8",
    "CREATE OR REPLACE VIEW calls AS SELECT 1",
    "DROP VIEW calls",
    "CREATE TABLE more (a Int8) ENGINE = MergeTree ORDER BY a",
    "TRUNCATE TABLE schema_migrations",
)


def test_one_that_a_test_changed_is_not(databases: Databases, settings: Settings) -> None:
    with databases.lent(settings) as changed, connected(changed.clickhouse) as client:
        for change in CHANGES:
            before = shape_of(client)
            client.execute(change)
            assert shape_of(client) != before, change
    with databases.lent(settings) as another:
        assert pending(another) == []
