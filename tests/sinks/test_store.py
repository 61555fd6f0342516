"""Inserts into ClickHouse, and what is said when it refuses: logs and /readyz repeat that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtime import clickhouse
from sinks import statements
from sinks.batch import Insert
from sinks.rows import event_row
from sinks.store import MOST_REFUSED, Store, StoreError
from sinks.tables import DEAD_LETTERS, EVENTS, SUSPECTS
from tests.kit.events import event
from tests.kit.messages import StoredMessage
from tests.rows import count, select

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.settings import Settings
    from sinks.rows import Message
    from sinks.tables import Row

SECRET = "13800138000"


@pytest.fixture
def store(store_settings: Settings) -> Iterator[Store]:
    store = Store(store_settings)
    yield store
    store.close()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT count() FROM stored_calls WHERE call_id IN %(ids)s AND", "62, SYNTAX_ERROR"),
        ("SELECT throwIf(1, toString(%(ids)s))", "395, FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
    ],
)
def test_a_refused_question_is_not_quoted(store: Store, query: str, code: str) -> None:
    with pytest.raises(StoreError) as raised:
        store.ask(query, {"ids": [SECRET]})
    assert f"code {code}" in str(raised.value)
    assert SECRET not in str(raised.value)


def test_a_refused_row_is_not_quoted(store_settings: Settings, store: Store) -> None:
    select(store_settings, f"ALTER TABLE stored_suspects ADD CONSTRAINT known CHECK id != '{SECRET}'")
    ours = Insert(SUSPECTS, [("acme", SECRET, "shop", 0, 0)], [None])
    ((_, taken),) = store.insert([ours])
    assert taken.error is not None
    assert str(taken.error).startswith("stored_suspects: ")
    assert "code 469" in str(taken.error)
    assert SECRET not in str(taken.error)


def test_rows_are_in_the_tables_of_views_too_whatever_a_profile_sets(
    store_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = {"settings": {"async_insert": 1, "materialized_views_ignore_errors": 1}}
    options = clickhouse.client_options
    monkeypatch.setattr(
        clickhouse, "client_options", lambda server, **more: options(server, **more) | profile
    )
    store = Store(store_settings)
    told = Insert(EVENTS, [event_row(event("ring", "a")).row], [None])
    select(store_settings, "RENAME TABLE event_ids TO hidden")
    ((_, taken),) = store.insert([told])
    assert taken.error is not None
    select(store_settings, "RENAME TABLE hidden TO event_ids")
    ((_, taken),) = store.insert([told])
    assert taken.error is None
    assert count(store_settings, "SELECT count() FROM event_ids") == 1
    store.close()


def test_what_the_driver_refuses_is_the_row_however_many_rows_it_refuses(
    store_settings: Settings, store: Store
) -> None:
    wrong = range(0, 2 * MOST_REFUSED + 2, 2)
    messages: list[Message | None] = [StoredMessage("t", 0, number) for number in range(wrong.stop + 1)]
    rows = [("acme", f"{n}", "shop", "x" if n in wrong else n, 0) for n in range(len(messages))]
    ((_, taken),) = store.insert([Insert(SUSPECTS, rows, messages)])
    assert taken.error is None
    assert [message.offset for message in taken.refused] == list(wrong)
    kept = count(store_settings, "SELECT uniqExact(id) FROM stored_suspects")
    assert kept == len(rows) - len(wrong)


@pytest.mark.parametrize("kind", ["UInt64", "Decimal(9, 2)", "Enum8('other' = 1)"])
def test_what_does_not_fit_a_column_that_somebody_changed_is_not_the_row(
    kind: str, store_settings: Settings, store: Store
) -> None:
    select(store_settings, f"ALTER TABLE dead_letters MODIFY COLUMN value {kind}")
    ours = Insert(DEAD_LETTERS, [("t", 0, 1, 0, b"", [], SECRET, [])], [StoredMessage("t", 0, 1)])
    ((_, taken),) = store.insert([ours])
    assert str(taken.error) == f"dead_letters: its column value is {kind}, not String: undo that."
    assert taken.error is not None
    assert not taken.error.passes
    select(store_settings, "ALTER TABLE dead_letters MODIFY COLUMN value String")
    ((_, taken),) = store.insert([ours])
    assert (taken.error, list(taken.refused)) == (None, [])
    assert count(store_settings, "SELECT count() FROM dead_letters") == 1


@pytest.mark.parametrize(
    ("table", "column", "kind"),
    [("event_ids", "id", "UInt64"), ("number_places", "number", "FixedString(4)")],
)
def test_what_does_not_fit_a_table_that_a_view_fills_is_not_the_row(
    table: str, column: str, kind: str, store_settings: Settings, store: Store
) -> None:
    ours = statements.column_types()[table]
    columns = ", ".join(f"`{name}` {kind if name == column else was}" for name, was in ours.items())
    select(store_settings, f"CREATE TABLE other ({columns}) ENGINE = MergeTree ORDER BY ()")
    select(store_settings, f"RENAME TABLE {table} TO hidden, other TO {table}")
    told = event_row(event("ring", "a", caller=SECRET)).row
    insert = Insert(EVENTS, [told], [StoredMessage("t", 0, 1)])
    ((_, taken),) = store.insert([insert])
    assert str(taken.error) == f"{table}: its column {column} is {kind}, not String: undo that."
    select(store_settings, f"RENAME TABLE {table} TO other, hidden TO {table}")
    ((_, taken),) = store.insert([insert])
    assert (taken.error, list(taken.refused)) == (None, [])
    assert count(store_settings, f"SELECT count() FROM {table}") == 1


def test_another_change_does_not_make_a_wrong_row_right(store_settings: Settings, store: Store) -> None:
    select(store_settings, "ALTER TABLE dead_letters MODIFY COLUMN value LowCardinality(String)")
    messages: list[Message | None] = [StoredMessage("t", 0, number) for number in range(3)]
    rows: list[Row] = [("t", 0, offset, 0, b"", [], SECRET, []) for offset in (0, "x", 2)]
    ((_, taken),) = store.insert([Insert(DEAD_LETTERS, rows, messages)])
    assert (taken.error, list(taken.refused)) == (None, [messages[1]])
    assert count(store_settings, "SELECT count() FROM dead_letters") == 2


def test_rows_of_both_kinds_are_put_aside(store_settings: Settings, store: Store) -> None:
    select(store_settings, "ALTER TABLE stored_suspects ADD CONSTRAINT known CHECK id != '2'")
    messages: list[Message | None] = [StoredMessage("t", 0, number) for number in range(5)]
    rows = [("acme", f"{n}", "shop", "x" if n == 1 else n, 0) for n in range(5)]
    ((_, taken),) = store.insert([Insert(SUSPECTS, rows, messages)])
    assert (taken.error, [message.offset for message in taken.refused]) == (None, [1, 2])
    assert count(store_settings, "SELECT count() FROM stored_suspects") == 3


def test_more_rows_than_may_be_wrong_are_refused_by_clickhouse_for_another_reason(
    store_settings: Settings, store: Store
) -> None:
    select(store_settings, "ALTER TABLE stored_suspects ADD CONSTRAINT none CHECK id = ''")
    messages: list[Message | None] = [StoredMessage("t", 0, number) for number in range(MOST_REFUSED + 1)]
    rows = [("acme", SECRET, "shop", 0, 0)] * len(messages)
    ((_, taken),) = store.insert([Insert(SUSPECTS, rows, messages)])
    assert taken.error is not None
    assert taken.error.code == "469"


def test_a_value_that_is_never_sent_is_not_a_server_that_does_not_answer(store: Store) -> None:
    ((_, taken),) = store.insert([Insert(SUSPECTS, [("acme", SECRET, "shop", "x", 0)], [None])])
    assert taken.error is not None
    assert "does not answer" not in str(taken.error)
    assert "does not fit its column" in str(taken.error)
    assert not taken.error.passes


def test_two_inserts_for_one_table_are_a_mistake(store: Store) -> None:
    ours = Insert(SUSPECTS, [("acme", SECRET, "shop", 0, 0)], [None])
    with pytest.raises(ValueError, match="one table"):
        list(store.insert([ours, ours]))
