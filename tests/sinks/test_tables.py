"""The tables, the words of `schemas` and what the sink writes: none drifts from the others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from schemas.calls import SHOWN, column
from sinks import statements
from sinks.masked import columns as declared
from sinks.store import TYPES
from sinks.tables import CALLBACKS, CALLS, DEAD_LETTERS, EVENTS, IN_ORDER, LEGS, SUSPECTS, Table

if TYPE_CHECKING:
    from clickhouse_driver import Client

TIME = "DateTime64(6, 'UTC')"
MADE_BY_CLICKHOUSE = {
    CALLS: {"began_at", "visible_at", "uuid_times"},
    EVENTS: {"day"},
    DEAD_LETTERS: {"kept_at"},
}


@pytest.mark.parametrize("table", IN_ORDER, ids=lambda table: table.name)
def test_every_column_is_written(client: Client, table: Table) -> None:
    described = client.execute(f"DESCRIBE TABLE {table.name}")
    found = {name for name, _, default, *_ in described if default != "MATERIALIZED"}
    assert {*table.columns} == found - MADE_BY_CLICKHOUSE.get(table, set())
    assert len(table.columns) == len(set(table.columns))


@pytest.mark.parametrize("table", IN_ORDER, ids=lambda table: table.name)
def test_the_types_of_columns_are_known_without_asking(client: Client, table: Table) -> None:
    types = {name: kind for _, name, kind in client.execute(TYPES, {"tables": [table.name]})}
    known = statements.column_types()[table.name]
    assert {name: known[name] for name in table.columns} == {name: types[name] for name in table.columns}


def test_no_column_has_another_type_than_its_migration_says(client: Client) -> None:
    known = statements.column_types()
    types = {(table, name): kind for table, name, kind in client.execute(TYPES, {"tables": list(known)})}
    assert {"stored_calls", "call_versions", "event_ids", "call_ids"} <= known.keys()
    for table, columns in known.items():
        assert columns == {name: types[table, name] for name in columns}, table


def test_the_engines_are_those_that_replace(client: Client) -> None:
    engines = dict(
        client.execute(
            "SELECT name, engine_full FROM system.tables "
            "WHERE database = currentDatabase() AND engine LIKE '%%MergeTree'"
        )
    )
    found = {table: re.split(r"\s+SETTINGS", engines[table.name])[0] for table in IN_ORDER}
    of_day = "PARTITION BY toYYYYMMDD(day) ORDER BY (account, day, "
    assert found == {
        CALLBACKS: "ReplacingMergeTree(verdict) PARTITION BY toYYYYMMDD(received_at) "
        "ORDER BY (account, received_at, id)",
        DEAD_LETTERS: "ReplacingMergeTree PARTITION BY toYYYYMM(kept_at) "
        "ORDER BY (topic, partition, offset, written_at)",
        EVENTS: f"ReplacingMergeTree(reading) {of_day}event_id, callback_id)",
        CALLS: f"ReplacingMergeTree(version) {of_day}call_id)",
        LEGS: f"ReplacingMergeTree(version) {of_day}call_id, leg_id)",
        SUSPECTS: "ReplacingMergeTree(last_at) ORDER BY (account, id, source, since)",
    }


def test_calls_has_every_column_of_a_call() -> None:
    (view,) = (file for file in statements.views() if file.name == "calls.sql")
    shown = {each.name for each in declared(view.text)}
    assert shown == {*map(column, SHOWN)} | {"day", "began_at", "version"}


CONTRACT = """
    account, call_id, uuid, legs, source, dialect, direction, method, caller, callee,
    display_number, extension, agent_id, customer_ref, campaign, round, started_at, rang_at,
    answered_at, ended_at, ring_seconds, talk_seconds, outcome, hangup_cause, hangup_direction,
    recording, state, close_reason, has_ring, has_answer, has_hangup, has_cdr, first_received_at,
    last_received_at, requested_at, requested_by, tag, variables, request_to_ring_seconds, reopened,
    revision, events
"""


def test_calls_has_the_columns_that_were_promised(client: Client) -> None:
    described = [(name, kind) for name, kind, *_ in client.execute("DESCRIBE TABLE calls")]
    promised = {name.strip() for name in CONTRACT.split(",")}
    assert promised <= {name for name, _ in described}
    for name, kind in described:
        if name.endswith("_at") and name != "began_at":
            assert kind == f"Nullable({TIME})"
        if name.endswith("_seconds"):
            assert kind == "Nullable(Float64)"
        if name.startswith("has_"):
            assert kind == "Bool"
