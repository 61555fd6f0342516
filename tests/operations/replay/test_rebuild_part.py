"""`callweave replay --into` with a part of the archive: a call that is read in part is not compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from operations.replay import changes, rebuild
from operations.replay.archive import Selection
from operations.replay.rebuild import Code
from runtime import clickhouse
from runtime.clock import SystemClock
from sinks.span import Span
from tests.operations.replay.archived import START, read, status, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.settings import Settings

LEG = "526D637C-E8FE-11EA-A849-CF6E45E88543"
OTHER = "626D643A-E8FE-11EA-A84A-CF6E45E88543"
ARCHIVE = [status(0, "ring", LEG, OTHER), status(1, "answer", LEG, OTHER), status(2, "hangup", OTHER)]


@pytest.fixture(scope="module")
def settings(module_settings: Settings) -> Iterator[Settings]:
    """Running tables with a call whose ids the provider writes in capitals."""
    store(module_settings, module_settings.data, ARCHIVE)
    yield module_settings
    with clickhouse.connected(module_settings.clickhouse, database="default") as client:
        client.execute(f"DROP DATABASE IF EXISTS {part(module_settings)}")


def part(settings: Settings) -> str:
    return f"{settings.clickhouse.database}_part"


@pytest.mark.parametrize(
    "span", [Span(until=START + 2_000_000), Span(since=START + 2_000_000)], ids=["without end", "end alone"]
)
def test_ids_in_capitals_are_those_of_the_call_that_was_read_in_part(settings: Settings, span: Span) -> None:
    rebuild.into(settings, Selection(span), part(settings), Code(read, "same"), SystemClock())
    with clickhouse.connected(settings.clickhouse) as client:
        assert client.execute(f"SELECT count() FROM {part(settings)}.calls") == [(1,)]
        assert list(changes.calls(client, settings.clickhouse.database, part(settings), span)) == []
