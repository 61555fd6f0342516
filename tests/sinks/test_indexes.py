"""A number's calls are found without reading all calls, and no row shows that a newer one has replaced."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from sinks import indexes, statements
from sinks.migrate import migrate, pending
from tests.servers import eventually

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from runtime.settings import Settings

CALLS = 10_000
INSERT = "INSERT INTO stored_calls (account, day, call_id, caller, callee, version) "
OF_A_NUMBER = "SELECT call_id FROM calls WHERE caller = '{0}' OR callee = '{0}'"
GRANULES = re.compile(r"Granules: (\d+)/(\d+)")


@pytest.fixture
def knows(client: Client) -> bool:
    """Whether the server reads exactly."""
    question = "SELECT count() FROM system.settings WHERE name = %(name)s"
    return bool(client.execute(question, {"name": statements.EXACT_MODE}) == [(1,)])


@pytest.fixture
def corrected(store_settings: Settings, client: Client) -> None:
    """Calls of as many numbers; a CDR then says that one of them was with another number."""
    client.execute("SYSTEM STOP MERGES stored_calls")
    client.execute(
        f"{INSERT} SELECT 'acme', '2026-03-29', toString(number), toString(number + 1000000), "
        f"toString(number + 2000000), 1 FROM numbers({CALLS})"
    )
    client.execute(f"{INSERT} VALUES ('acme', '2026-03-29', '77', '5', '6', 2)")


@pytest.mark.usefixtures("corrected")
@pytest.mark.parametrize("view", ["calls", "calls_local", "calls_named"])
def test_calls_of_a_number_are_those_of_the_newest_rows_whatever_a_reader_sets(
    view: str, client: Client, knows: bool
) -> None:
    given = {statements.EXACT_MODE: 0, "use_skip_indexes_if_final": 1} if knows else {}
    for number, calls in (
        *(("1000077", []), ("2000077", []), ("5", [("77",)]), ("6", [("77",)])),
        *(("1000078", [("78",)]), ("2000078", [("78",)]), ("3", [])),
    ):
        query = OF_A_NUMBER.format(number).replace("FROM calls", f"FROM {view}")
        assert client.execute(query) == calls
        assert client.execute(query, settings=given) == calls


@pytest.mark.usefixtures("corrected")
def test_only_a_server_that_reads_exactly_has_the_index_and_reads_little(client: Client, knows: bool) -> None:
    explained = [line for (line,) in client.execute(f"EXPLAIN indexes = 1 {OF_A_NUMBER.format('1000078')}")]
    assert any(indexes.BY_NUMBER in line for line in explained) is knows
    if knows:
        after = explained[next(n for n, line in enumerate(explained) if indexes.BY_NUMBER in line) :]
        found = next(filter(None, map(GRANULES.search, after)))
        assert int(found[1]) <= int(found[2]) / 2


@pytest.mark.usefixtures("corrected")
def test_a_server_that_has_learnt_to_read_exactly_gets_it(
    store_settings: Settings, client: Client, knows: bool
) -> None:
    client.execute("SYSTEM START MERGES stored_calls")
    client.execute(
        f"ALTER TABLE stored_calls DROP INDEX IF EXISTS {indexes.BY_NUMBER} SETTINGS mutations_sync = 1"
    )
    assert not indexes.ensure(client, statements.LATER)
    assert migrate(store_settings) == []
    assert not indexes.ensure(client, () if knows else statements.LATER), "it is there already"
    bytes_of = (
        "SELECT sum(data_compressed_bytes) > 0 FROM system.data_skipping_indices "
        f"WHERE database = currentDatabase() AND name = '{indexes.BY_NUMBER}'"
    )
    eventually(lambda: client.execute(bytes_of) == [(int(knows),)], "the rows that were there have it")


def test_a_view_is_made_again_once_its_server_reads_exactly(
    store_settings: Settings, client: Client, knows: bool
) -> None:
    """The index and the view must learn of it together: with only the index, calls show replaced rows."""
    (calls,) = (file for file in statements.views(statements.LATER) if file.name == "calls.sql")
    client.execute(calls.text)
    client.execute(
        "INSERT INTO schema_migrations (name, checksum, applied_at) "
        "SELECT %(name)s, %(checksum)s, now64(6, 'UTC')",
        {"name": calls.name, "checksum": calls.checksum},
    )
    assert pending(store_settings) == migrate(store_settings) == ([calls.name] if knows else [])
    ((made,),) = client.execute("SHOW CREATE TABLE calls")
    assert (statements.EXACT_MODE in made) is knows
