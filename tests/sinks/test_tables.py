"""The tables, the rules of `schemas` and what the sink writes: none drifts from the others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from schemas import lattice
from schemas.events import NAMES
from schemas.records import BILLED, FIELDS, LEG_FIELDS
from sinks.records import NUMBERS, TIMES
from sinks.tables import CALLBACKS, DEAD_LETTERS, EVENTS, IN_ORDER, LEGS, RECORDS, Table

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from schemas.lattice import Fields

TIME = "DateTime64(6, 'UTC')"
TYPES = {
    lattice.EARLIEST.name: f"Nullable({TIME})",
    lattice.LATEST.name: f"Nullable({TIME})",
    lattice.SMALLEST.name: "Nullable(String)",
    lattice.LARGEST.name: "Nullable(String)",
    lattice.UNION.name: "Array(String)",
    lattice.EACH_EARLIEST.name: f"Map(String, {TIME})",
    lattice.PREFERRED.name: "Tuple(priority UInt8, rank Int64, value String)",
}


def columns(client: Client, table: Table) -> dict[str, str]:
    """A table's columns with their types, less what names are in backticks."""
    return {
        name: " ".join(kind.replace("`", "").split()).replace("( ", "(").replace(" )", ")")
        for name, kind, *_ in client.execute(f"DESCRIBE TABLE {table.name}")
    }


@pytest.mark.parametrize("table", IN_ORDER, ids=lambda table: table.name)
def test_every_column_is_written(client: Client, table: Table) -> None:
    assert sorted(table.columns) == sorted(columns(client, table))
    assert len(table.columns) == len(set(table.columns))


@pytest.mark.parametrize(
    ("table", "fields"), [(RECORDS, FIELDS), (LEGS, LEG_FIELDS)], ids=["call_records", "stored_legs"]
)
def test_each_column_merges_by_the_rule_of_its_field(client: Client, table: Table, fields: Fields) -> None:
    found = columns(client, table)
    for name, rule in fields.items():
        if not rule.aggregate:
            assert name not in found
            continue
        kind = cdr_type() if rule.name == lattice.LATEST_WHOLE.name else TYPES[rule.name]
        assert found[name] == f"SimpleAggregateFunction({rule.aggregate}, {kind})", name


def cdr_type() -> str:
    kinds = {name: "Int64" if name in NUMBERS else TIME if name in TIMES else "String" for name in BILLED}
    billed = ", ".join(f"{name} Nullable({kinds[name]})" for name in BILLED)
    return f"Tuple(received_at {TIME}, digest UInt64, event_id String, {billed})"


def test_each_column_of_an_event_merges_whatever_the_order(client: Client) -> None:
    assert {*EVENTS.columns} == {*NAMES} - {"v", "callback_id"} | {"callback_ids", "contributions"}
    plain = {name for name, kind in columns(client, EVENTS).items() if "SimpleAggregateFunction" not in kind}
    assert plain == {"account", "event_id"}
    merging = {
        kind.removeprefix("SimpleAggregateFunction(").partition(",")[0]
        for name, kind in columns(client, EVENTS).items()
        if name not in plain
    }
    assert merging == {"min", "max", "groupUniqArrayArray"}


def test_the_engines_are_those_that_merge(client: Client) -> None:
    engines = dict(
        client.execute(
            "SELECT name, engine_full FROM system.tables "
            "WHERE database = currentDatabase() AND engine LIKE '%%MergeTree'"
        )
    )
    found = {table: re.split(r"\s+SETTINGS", engines[table.name])[0] for table in IN_ORDER}
    assert found == {
        CALLBACKS: "ReplacingMergeTree(verdict) ORDER BY (account, received_at, id)",
        DEAD_LETTERS: "ReplacingMergeTree ORDER BY (topic, partition, offset, written_at)",
        EVENTS: "AggregatingMergeTree ORDER BY (account, event_id)",
        RECORDS: "AggregatingMergeTree ORDER BY (account, call_id)",
        LEGS: "AggregatingMergeTree ORDER BY (account, leg_id)",
    }


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
    promised = [name.strip() for name in CONTRACT.split(",")]
    assert [name for name, _ in described][: len(promised)] == promised
    for name, kind in described:
        if name.endswith("_at"):
            assert kind == f"Nullable({TIME})"
        if name.endswith("_seconds"):
            assert kind == "Nullable(Float64)"
        if name.startswith("has_"):
            assert kind == "Bool"
