"""What commands say when ClickHouse refuses what they ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from clickhouse_driver.errors import ServerException

from provider.settings import set_provider
from runtime import clickhouse, sources
from runtime.settings import ClickHouseSettings
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
    sources.add(settings.sources_file, "pbx", "acme", "extension-events", "UTC")
    (settings.data / "token").write_text("a token")
    reached = {"base_url": "https://127.0.0.1:1/api", "token_file": str(settings.data / "token")}
    set_provider(settings.sources_file, "pbx", reached)
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
        ("account", "list"),
        ("account", "set", "acme", "--timezone", "UTC"),
        ("backfill", "--source", "pbx"),
        ("call", "some-id"),
        ("directory", "list"),
        ("directory", "areas"),
    ],
    ids=" ".join,
)
def test_without_tables_one_sentence_says_what_to_do(bare: Settings, arguments: tuple[str, ...]) -> None:
    result = ran(bare, *(each.format(bare.clickhouse.database) for each in arguments))
    assert (result.returncode, result.stdout, result.stderr) == (1, "", SENTENCE)


def test_a_directory_without_tables_is_not_loaded(bare: Settings) -> None:
    names = bare.data / "names.csv"
    names.write_text("kind,id,name,valid_from,account\nextension,8001,Ana,2026-01-01T00:00:00Z,acme\n")
    result = ran(bare, "directory", "load", str(names))
    assert (result.returncode, result.stdout, result.stderr) == (1, "", SENTENCE)


def test_a_refusal_repeats_nothing_of_the_query(bare: Settings) -> None:
    with (
        pytest.raises(clickhouse.RefusedError) as raised,
        clickhouse.connected(bare.clickhouse, database="default") as client,
    ):
        client.execute("SELECT throwIf(1, %(number)s)", {"number": "+79817654321"})
    where = f"ClickHouse at {bare.clickhouse.host}:{bare.clickhouse.port}"
    assert str(raised.value) == (
        f"{where} refuses (code 395, FUNCTION_THROW_IF_VALUE_IS_NON_ZERO): its log says why."
    )
    assert raised.value.code == 395
    assert "+79817654321" in raised.value.words


@pytest.mark.parametrize(
    "grant",
    [
        "INSERT ON callweave.stored_accounts",
        "SELECT(caller, `day`) ON callweave.calls",
        "CREATE DATABASE ON *.*",
    ],
)
def test_who_lacks_a_grant_is_told_which(grant: str) -> None:
    text = (
        "DB::Exception: ana: Not enough privileges. To execute this query, it's necessary to have the grant "
        f"{grant}. (ACCESS_DENIED). Stack trace:\n\n0. Exception"
    )
    sentence = clickhouse.trouble(ClickHouseSettings(user="ana"), ServerException(text, 497))
    assert sentence == f"ClickHouse at 127.0.0.1:9000 refuses: the user ana lacks the grant {grant}."
