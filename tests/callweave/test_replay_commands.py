"""`callweave replay` and `callweave rejected` on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtime import clickhouse
from tests.kit.commands import ran
from tests.servers import new_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.settings import Settings

SENTENCE = f"callweave: {clickhouse.OTHER_TABLES}\n"


@pytest.fixture(scope="module")
def bare(clickhouse_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A database without any table."""
    settings = new_settings("127.0.0.1:1", clickhouse_address, tmp_path_factory.mktemp("bare"))
    name = settings.clickhouse.database
    with clickhouse.connected(settings.clickhouse, database="default") as client:
        client.execute(f"CREATE DATABASE {name}")
        yield settings
        for each in (name, f"{name}_other"):
            client.execute(f"DROP DATABASE IF EXISTS {each}")


@pytest.mark.parametrize(
    "arguments",
    [
        ("rejected", "list"),
        ("rejected", "show", "some-id"),
        ("rejected", "redrive"),
        ("rejected", "redrive", "--dry-run"),
        ("replay",),
        ("replay", "--dry-run"),
        ("replay", "--into", "{}_other"),
    ],
    ids=" ".join,
)
def test_without_tables_one_sentence_says_what_to_do(bare: Settings, arguments: tuple[str, ...]) -> None:
    result = ran(bare, *(each.format(bare.clickhouse.database) for each in arguments))
    assert (result.returncode, result.stdout, result.stderr) == (1, "", SENTENCE)
