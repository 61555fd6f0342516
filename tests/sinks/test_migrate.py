from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from runtime import clickhouse
from runtime.errors import StartError
from sinks import statements
from sinks.migrate import MigrationError, migrate, pending, pending_tables
from tests.servers import eventually

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from runtime.settings import Settings

LATER = datetime(2100, 1, 1, tzinfo=UTC)
ALL = [file.name for file in (*statements.migrations(), *statements.views())]


def test_everything_is_applied_once_and_in_order(bare_settings: Settings) -> None:
    assert pending(bare_settings) == ALL
    assert migrate(bare_settings) == ALL
    assert pending(bare_settings) == []
    assert migrate(bare_settings) == []


def test_two_migrators_at_once_do_no_harm(bare_settings: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [bare_settings] * 4))
    assert pending(bare_settings) == []


def test_a_changed_migration_is_refused(store_settings: Settings, client: Client) -> None:
    name = statements.migrations()[0].name
    client.execute("INSERT INTO schema_migrations VALUES", [(name, "other", LATER)])
    with pytest.raises(MigrationError, match=f"{name} was applied with another text"):
        migrate(store_settings)


def test_a_view_whose_text_changed_or_that_is_gone_is_made_anew(
    store_settings: Settings, client: Client
) -> None:
    ((applied,),) = client.execute("SELECT checksum FROM schema_migrations WHERE name = 'calls.sql'")
    client.execute("INSERT INTO schema_migrations VALUES", [("calls.sql", "other", LATER)])
    client.execute("DROP VIEW call_legs")
    assert sorted(pending(store_settings)) == ["call_legs.sql", "calls.sql"]
    assert pending_tables(store_settings) == []
    client.execute("INSERT INTO schema_migrations VALUES", [("calls.sql", applied, LATER + timedelta(1))])
    assert migrate(store_settings) == ["call_legs.sql"]
    assert client.execute("SELECT count() FROM call_legs") == [(0,)]


def test_calls_from_before_the_keys_of_dashboards_get_them(store_settings: Settings, client: Client) -> None:
    client.execute(
        "INSERT INTO stored_calls (account, day, call_id, source, direction, outcome, started_at, version) "
        "VALUES ('acme', '2026-03-29', 'x', 'shop', 'inbound', 'answered', '2026-03-29 08:15:00', 1)"
    )
    (keys,) = (file for file in statements.migrations() if file.name == "0008_keys.sql")
    for kind, name in re.findall(r"ADD (COLUMN|INDEX) IF NOT EXISTS `?(\w+)", keys.text)[::-1]:
        client.execute(f"ALTER TABLE stored_calls DROP {kind} {name} SETTINGS mutations_sync = 1")
    client.execute(
        f"ALTER TABLE schema_migrations DELETE WHERE name = '{keys.name}' SETTINGS mutations_sync = 1"
    )
    assert migrate(store_settings) == [keys.name]
    hourly = "SELECT account, toString(hour), direction, calls FROM calls_by_hour"
    assert client.execute(hourly) == [("acme", "2026-03-29 08:00:00", "inbound", 1)]
    stored = (
        "SELECT count() FROM system.parts_columns WHERE active AND database = currentDatabase() "
        "AND table = 'stored_calls' AND column = 'hour_key'"
    )
    eventually(lambda: client.execute(stored) == [(1,)], "the part has the key")


def test_every_statement_may_be_repeated() -> None:
    for file in statements.migrations():
        for statement in file.statements:
            # equal rows of call_days are merged, and what was worked out may be worked out again
            said = ("IF NOT EXISTS", "IF EXISTS", "INSERT INTO call_days", " MATERIALIZE ")
            assert any(words in statement for words in said), statement
    for file in statements.views():
        assert len(file.statements) == 1
        assert f"CREATE OR REPLACE VIEW {file.name.removesuffix('.sql')}\n" in file.statements[0]


def test_nothing_that_merges_can_fall_into_two_partitions() -> None:
    """A partition is made of columns that all rows of one key share, so that they meet.

    But of a dead letter nothing that its message says may decide when it is dropped: FINAL makes them one.
    """
    for file in statements.migrations():
        for statement in file.statements:
            for partition in re.findall(r"^PARTITION BY (.+)$", statement, re.MULTILINE):
                (key,) = re.findall(r"^ORDER BY \((.+)\)$", statement, re.MULTILINE)
                columns = re.findall(r"^    `(\w+)`", statement, re.MULTILINE)
                of_others = {*columns} & {*re.findall(r"\w+", partition)} - {*key.split(", ")}
                assert of_others == ({"kept_at"} if "EXISTS dead_letters" in statement else set())


def test_everything_says_what_it_is(client: Client) -> None:
    tables = client.execute(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND comment = ''"
    )
    # a materialized view's columns are those of the table that it writes
    columns = client.execute(
        "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND comment = '' "
        "AND table NOT IN (SELECT name FROM system.tables WHERE engine = 'MaterializedView')"
    )
    assert (tables, columns) == ([], [])


def test_every_column_of_a_view_says_what_it_is() -> None:
    """ClickHouse tells of no parameterised view's columns; `SHOW CREATE VIEW` does."""
    for file in statements.views():
        (statement,) = file.statements
        declared = re.search(r"^\(\n(.*?)\n\)", statement, re.MULTILINE | re.DOTALL)
        assert declared, file.name
        for column in declared[1].splitlines():
            assert re.fullmatch(r"    `\w+` .+ COMMENT '(?:[^'\\]|'')+',?", column), column
        assert re.search(r"\nCOMMENT '[^\n]+'\Z", statement), file.name


def test_views_come_after_what_they_read() -> None:
    names = [file.name for file in statements.views()]
    assert names.index("abandoned_rate.sql") > names.index("calls.sql")
    assert names.index("agents_local.sql") > names.index("agents.sql")
    assert names.index("calls_as_of_masked.sql") > names.index("calls_as_of.sql")
    assert statements.EXAMPLES not in names


def test_a_database_that_is_not_there_is_a_clear_sentence(bare_settings: Settings) -> None:
    with (
        pytest.raises(StartError, match="run `callweave migrate`"),
        clickhouse.connected(bare_settings.clickhouse) as client,
    ):
        client.execute("SELECT 1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;\n\nSELECT 2;\n", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';', ''';', `a;b`;SELECT 'it\\';'", ["SELECT ';', ''';', `a;b`", "SELECT 'it\\';'"]),
        ("-- it's one; or two\nSELECT 1 - 1;\n-- the end;\n", ["-- it's one; or two\nSELECT 1 - 1"]),
    ],
)
def test_statements_end_at_semicolons_alone(text: str, expected: list[str]) -> None:
    assert statements.split(text) == expected


def test_a_checksum_is_that_of_the_text_whatever_its_line_ends() -> None:
    unix, windows, other = (statements.SqlFile("a.sql", text) for text in ("a\nb\n", "a\r\nb\r\n", "a\nc\n"))
    assert unix.checksum == windows.checksum
    assert unix.checksum != other.checksum
