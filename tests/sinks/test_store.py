"""Inserts into ClickHouse, and what is said when it refuses: logs and /readyz repeat that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sinks.batch import Insert
from sinks.store import Store, StoreError
from sinks.tables import SUSPECTS
from tests.rows import select

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.settings import Settings

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


def test_two_inserts_for_one_table_are_a_mistake(store: Store) -> None:
    ours = Insert(SUSPECTS, [("acme", SECRET, "shop", 0, 0)], [None])
    with pytest.raises(ValueError, match="one table"):
        list(store.insert([ours, ours]))
