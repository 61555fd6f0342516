"""The day of `day.py`, written once for all tests of views."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from runtime import clickhouse
from sinks.migrate import migrate
from tests.rows import select
from tests.servers import NO_KAFKA, new_settings
from tests.sinks.queries import day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runtime.settings import Settings

Answer = list[dict[str, Any]]


@pytest.fixture(scope="module")
def day_settings(clickhouse_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A database with the day in it, and no Kafka."""
    settings = new_settings(NO_KAFKA, clickhouse_address, tmp_path_factory.mktemp("day"))
    migrate(settings)
    day.write(settings)
    yield settings
    with clickhouse.connected(settings.clickhouse, database="default") as client:
        client.execute(f"DROP DATABASE {settings.clickhouse.database}")


@pytest.fixture(scope="module")
def ask(day_settings: Settings) -> Callable[[str], Answer]:
    """Ask the day's database. Only a genuine server has clickhouse-driver give a DateTime its zone."""

    def asked(query: str) -> Answer:
        return [
            {
                name: value.replace(tzinfo=value.tzinfo or UTC) if isinstance(value, datetime) else value
                for name, value in row.items()
            }
            for row in select(day_settings, query)
        ]

    return asked
