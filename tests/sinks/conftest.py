"""Databases for the sink's tests, beside the servers of `tests/conftest.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from callweave import clickhouse
from sinks.migrate import migrate
from tests.servers import new_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clickhouse_driver import Client

    from callweave.settings import Settings

NO_KAFKA = "127.0.0.1:1"


@pytest.fixture
def bare_settings(clickhouse_address: str, tmp_path: Path) -> Iterator[Settings]:
    """A database's name that nobody uses, and no Kafka."""
    settings = new_settings(NO_KAFKA, clickhouse_address, tmp_path)
    yield settings
    with clickhouse.connected(settings.clickhouse, database="default") as client:
        client.execute(f"DROP DATABASE IF EXISTS {settings.clickhouse.database}")


@pytest.fixture
def store_settings(bare_settings: Settings) -> Settings:
    """With all tables and views, and no Kafka."""
    migrate(bare_settings)
    return bare_settings


@pytest.fixture
def client(store_settings: Settings) -> Iterator[Client]:
    """Connected to the database of `store_settings`."""
    with clickhouse.connected(store_settings.clickhouse) as connected:
        yield connected
