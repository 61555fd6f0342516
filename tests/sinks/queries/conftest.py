"""The day of `day.py`, written once for all tests of views."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.rows import select
from tests.sinks.queries import day

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.settings import Settings

Answer = list[dict[str, Any]]


@pytest.fixture(scope="module")
def day_settings(module_settings: Settings) -> Settings:
    """A database with the day in it, and no Kafka."""
    day.write(module_settings)
    return module_settings


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
