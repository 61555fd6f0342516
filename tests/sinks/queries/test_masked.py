"""The masked views: pseudonyms that join, and nothing that leads back to a number."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from clickhouse_driver.errors import ServerException

from schemas.events import Doubt
from sinks import masked, statements
from sinks.changes import UNSEEN, VIEWS
from sinks.masked import columns, render
from sinks.migrate import migrate
from sinks.shown import COLUMNS, How
from tests.rows import select
from tests.sinks.folded import versions_begin
from tests.sinks.queries.telling import LEG_A, SECOND, START, event, tell
from tests.sinks.views import reading

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from runtime.settings import Settings
    from schemas.events import CallEvent
    from sinks.masked import Column

CUSTOMER, COMPANY = "+8613812345678", "2190240001"
RECORDING = "http://127.0.0.1/records/1.mp3"
NUMBERS = {"caller", "callee", "display_number", "line"}
TEXTS = {"before", "after"}
LEFT_OUT = {"recording", "variables", "extra", "payload", "query"}
SHOWN_TO_FEW = {
    "callbacks",  # raw payloads: there is no masking these
    "rejected_callbacks",
}
"""Views without a masked twin: for nobody who may not see numbers."""


def spoken(**said: Any) -> dict[str, Any]:
    return {
        "ids": (LEG_A,),
        "caller": "200",
        "callee": CUSTOMER,
        "display_number": COMPANY,
        "customer_ref": CUSTOMER,
        "tag": f"call back {CUSTOMER[:3]} {CUSTOMER[3:6]}-{CUSTOMER[6:]}, twice",
        "variables": {"number": CUSTOMER},
        "recording": RECORDING,
        "extra": {"number": CUSTOMER},
        "extension": "200",
        **said,
    }


@pytest.fixture
def settings(store_settings: Settings) -> Settings:
    """A call to a customer with its CDR, one from the same customer, and one of another account."""
    versions_begin(store_settings)
    back = spoken(ids=("leg-2",), caller=CUSTOMER, callee=COMPANY, display_number=None)
    tell(
        store_settings,
        [
            event("hangup", LEG_A, START, **spoken()),
            event("cdr", LEG_A, START, **spoken(started_at=START, outcome="answered")),
        ],
        [event("ring", "leg-2", START + 1, **back)],
        [event("ring", "leg-3", START + 2, **spoken(ids=("leg-3",), account="other"))],
        inbound_missed(),
        handed_on(),
    )
    return store_settings


def inbound_missed() -> list[CallEvent]:
    said = spoken(
        ids=("leg-4",), caller=CUSTOMER, direction="inbound", outcome="unanswered", started_at=START
    )
    return [event(kind, "leg-4", START + SECOND, **said) for kind in ("hangup", "cdr")]


def handed_on() -> list[CallEvent]:
    """A call that extension 201 handed on to the customer."""
    said = {"extension": "201", "transferred": True}
    return [
        event("ring", "leg-5", START, ids=("leg-5",), extension="201"),
        event("dial", "leg-6", START + SECOND, ids=("leg-5", "leg-6"), callee=CUSTOMER, **said),
    ]


def by_call(settings: Settings, view: str) -> dict[str, dict[str, Any]]:
    return {row["call_id"]: row for row in select(settings, f"SELECT * FROM {view}")}


def test_pseudonyms_join_within_an_account_and_show_two_digits(settings: Settings) -> None:
    calls = by_call(settings, "calls_masked")
    to, back, other = calls[LEG_A], calls["leg-2"], calls["leg-3"]
    for row in (to, back, other):
        assert re.fullmatch(r"[0-9a-f]{16}-[0-9]{2}", row["callee"])
    assert to["callee"] == back["caller"] == to["cdr_callee"] == to["event_callee"]
    assert to["callee"].endswith("-78")
    assert to["display_number"] == back["callee"]
    assert len({to["caller"], to["callee"], to["display_number"], other["callee"]}) == 4
    assert back["display_number"] is None
    assert to["customer_ref"] == to["callee"].removesuffix("-78")
    assert to["tag"] == "call back …, twice"
    events = select(
        settings,
        f"SELECT callee, customer_ref, tag FROM call_events_masked WHERE kind = 'cdr' AND leg = '{LEG_A}'",
    )
    assert events == [{name: to[name] for name in ("callee", "customer_ref", "tag")}]


SEPARATED = (
    "06/12/34/56/78",
    "138_1234_5678",
    "+7 981 765 43 21",
    "+7\u00a0981\u00a0765\u00a043\u00a021",
    "138\u20111234\u20115678",
    "+7 (981) 765-43-21",
    "\uff11\uff13\uff18\uff11\uff12\uff13\uff14",  # wide, as Asian keyboards write them
    "\uff0b\uff11\uff13\uff18\u30fc\uff11\uff12\uff13\uff14",
    "\u0660\u0661\u0662 \u0663\u0664\u0665",
    "138\u8f6c1234\u8f6c5678",
)


@pytest.mark.parametrize("number", SEPARATED)
def test_a_number_in_a_tag_is_blanked_however_it_is_written(store_settings: Settings, number: str) -> None:
    versions_begin(store_settings)
    tell(store_settings, [event("ring", LEG_A, START, ids=(LEG_A,), tag=f"call {number} back, in 2024")])
    for view in ("calls_masked", "call_events_masked", "calls_named_masked"):
        assert select(store_settings, f"SELECT tag FROM {view}") == [{"tag": "call … back, in 2024"}], view
    told = select(store_settings, "SELECT after FROM call_changes_masked WHERE field = 'tag'")
    assert told == [{"after": "call … back, in 2024"}]


@pytest.mark.parametrize("number", SEPARATED)
def test_a_field_named_by_a_number_is_blanked_alike(store_settings: Settings, number: str) -> None:
    doubts = (Doubt(f"to {number}", "malformed-text", "raw"),)
    tell(store_settings, [event("ring", LEG_A, START, ids=(LEG_A,), doubts=doubts)])
    (row,) = select(store_settings, "SELECT doubtful_fields FROM source_quality")
    assert row["doubtful_fields"] == [("to …", "malformed-text", 1, 100.0)]


def test_the_last_two_digits_are_whole_whatever_their_script(store_settings: Settings) -> None:
    wide = CUSTOMER.translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})
    tell(store_settings, [event("ring", LEG_A, START, ids=(LEG_A,), callee=wide)])
    (row,) = select(store_settings, "SELECT callee FROM calls_masked")
    assert re.fullmatch("[0-9a-f]{16}-\uff17\uff18", row["callee"])


def test_all_else_is_as_it_is(settings: Settings) -> None:
    for view, key in (("calls", "call_id"), ("call_events", "event_id"), ("call_legs", "leg_id")):
        plain, masked = (
            {row[key]: row for row in select(settings, f"SELECT * FROM {name}")}
            for name in (view, f"{view}_masked")
        )
        assert plain.keys() == masked.keys()
        for name, row in masked.items():
            told = {
                column
                for column in row
                if re.sub("^(event|cdr)_", "", column) in {*NUMBERS, "customer_ref", "tag", "transferred_to"}
            }
            assert {column: row[column] for column in row.keys() - told} == {
                column: plain[name][column] for column in row.keys() - told
            }


def test_nothing_of_a_number_or_a_recording_is_left(settings: Settings, client: Client) -> None:
    views = [name for (name,) in client.execute("SHOW TABLES") if name.endswith("_masked")]
    assert {"calls_masked", "call_events_masked", "call_legs_masked", "call_changes_masked"} <= {*views}
    for view in views:
        said = repr(select(settings, reading(account="acme", call_id=LEG_A)[view]))
        assert "5678" not in said, view
        assert COMPANY not in said, view
        assert "127.0.0.1" not in said, view


def test_each_masked_column_is_tried(settings: Settings) -> None:
    """Each that is declared, and not as plain, holds a secret in some row of the fixture."""
    texts = {file.name.removesuffix(".sql"): file.text for file in statements.views()}
    queries = reading(account="acme", call_id=LEG_A)
    for view in masked.TWINS:
        rows = select(settings, queries[view])
        for column in {each.name for each in columns(texts[view])} & COLUMNS.keys():
            if COLUMNS[column] is not How.PLAIN:
                assert any(is_secret(row[column]) for row in rows), (view, column)
    told = {row["field"] for row in select(settings, queries["call_changes"]) if is_secret(row["after"])}
    hidden = {each.name for each in seen_changes() if COLUMNS.get(each.name) is not How.PLAIN}
    assert told == hidden


def is_secret(value: object) -> bool:
    return any(secret in repr(value) for secret in (CUSTOMER[-4:], COMPANY, "127.0.0.1"))


def seen_changes() -> list[Column]:
    (calls,) = (file.text for file in statements.views() if file.name == "calls.sql")
    return [
        each
        for each in columns(calls)
        if each.name not in UNSEEN and not each.name.startswith(("event_", "cdr_"))
    ]


@pytest.mark.parametrize("how", [how for how in How if how is not How.PLAIN])
def test_changes_hide_whatever_is_declared_as_hidden(how: How, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever way a column is declared, its changes are not shown as they are."""
    monkeypatch.setitem(COLUMNS, "queue", how)
    text = next(file.text for file in statements.views() if file.name == "call_changes_masked.sql")
    assert re.search(rf"IN \([^)]*'queue'[^)]*\), .*\b{how.name.lower()}\(", text)


def test_changes_are_masked_as_calls_are(settings: Settings) -> None:
    calls = by_call(settings, "calls_masked")
    changes = select(settings, "SELECT * FROM call_changes_masked")
    last = {
        (row["call_id"], row["field"]): row["after"]
        for row in sorted(changes, key=lambda row: row["revision"])
    }
    for call_id, row in calls.items():
        for field in ("caller", "callee", "display_number", "customer_ref", "tag", "extension", "dialect"):
            assert last.get((call_id, field)) == row[field], field
        assert last.get((call_id, "transferred_to"), "") == ", ".join(row["transferred_to"])
    assert last["leg-5", "transferred_to"] == calls["leg-2"]["caller"]
    assert not {field for _, field in last} & LEFT_OUT
    queries = reading(account="acme", call_id=LEG_A)
    assert in_any_order(select(settings, queries["late_changes_masked"])) == in_any_order(changes)
    of_call = [row for row in changes if (row["account"], row["call_id"]) == ("acme", LEG_A)]
    assert in_any_order(select(settings, queries["changes_of_call_masked"])) == in_any_order(of_call) != []


def in_any_order(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(map(repr, rows))


def test_a_line_has_the_pseudonym_that_calls_have(settings: Settings) -> None:
    inbound = spoken(ids=("leg-9",), direction="inbound", outcome="answered", started_at=START)
    tell(settings, [event("hangup", "leg-9", START + 2, **inbound)])
    (call,) = (row for row in select(settings, "SELECT * FROM calls_masked") if row["call_id"] == "leg-9")
    plain, masked = (select(settings, reading()[view]) for view in ("service_level", "service_level_masked"))
    assert [row["line"] for row in plain] == [CUSTOMER]
    assert masked == [row | {"line": call["callee"]} for row in plain]


def test_every_view_that_shows_numbers_has_a_twin(client: Client) -> None:
    columns: dict[str, dict[str, str]] = {}
    for view, name, kind in client.execute(
        "SELECT c.table, c.name, c.type FROM system.columns AS c INNER JOIN system.tables AS t "
        "ON t.database = c.database AND t.name = c.table "
        "WHERE c.database = currentDatabase() AND t.engine = 'View'"
    ):
        columns.setdefault(view, {})[name] = kind

    def meaning(column: str) -> str:
        return re.sub("^(event|cdr)_", "", column)

    for view, kinds in columns.items():
        if view.endswith("_masked"):
            assert not {*map(meaning, kinds)} & LEFT_OUT, view
            plain = columns[view.removesuffix("_masked")]
            kept = {name: kind for name, kind in plain.items() if meaning(name) not in LEFT_OUT}
            assert kinds.items() <= kept.items(), view
            assert kept.keys() - kinds.keys() <= LEFT_OUT_BESIDES.get(view, frozenset()), view
        elif {*map(meaning, kinds)} & (NUMBERS | LEFT_OUT | TEXTS) and view not in SHOWN_TO_FEW:
            assert f"{view}_masked" in columns, f"{view} shows numbers or recordings, and has no masked twin"


LEFT_OUT_BESIDES = {
    "calls_named_masked": frozenset({"customer"}),
    "calls_local_masked": frozenset(
        {"call_key", "party_key"}
    ),  # hashes of numbers: whoever tries all finds them
    "call_events_masked": frozenset({"doubts", "written"}),  # raw text, and ids as providers write them
}


INLINED = {"analyzer_inline_views": 1}
"""ClickHouse 26 then plans a view as a part of its caller's query; earlier ones pass over the setting."""


def test_the_key_stays_with_the_definer(settings: Settings, client: Client) -> None:
    ((key0, key1),) = client.execute("SELECT key0, key1 FROM pseudonym_keys")
    assert key0 != key1
    views = [name for (name,) in client.execute("SHOW TABLES") if name.endswith("_masked")]
    for view in views:
        (made,) = client.execute(f"SHOW CREATE TABLE {view}")[0]
        assert "SQL SECURITY DEFINER" in made, view
        query = reading(account="acme", call_id=LEG_A)[view]
        planned = ("PLAN actions = 1, indexes = 1", "QUERY TREE", "PIPELINE")
        for explain, given in (*product(planned, ({}, INLINED)), ("SYNTAX", {}), ("AST", {})):
            try:
                explained = repr(client.execute(f"EXPLAIN {explain} {query}", settings=given))
            except ServerException as error:  # 24.10 can't read a parameter that a view passes on
                explained = error.message
            assert str(key0) not in explained, (view, explain)
            assert str(key1) not in explained, (view, explain)


def test_a_callers_filter_does_not_reach_below_a_view(settings: Settings, client: Client) -> None:
    """Otherwise whoever may read a masked view finds every number out, digit by digit."""
    database = settings.clickhouse.database
    for table, column in (("stored_calls", "callee"), ("stored_events", "callee"), ("calls", "callee")):
        given = {"additional_table_filters": f"{{'{database}.{table}': '{column} = \\'nobody\\''}}"}
        for view in ("calls_masked", "call_events_masked", "calls_by_hour", "agents"):
            query = f"SELECT count() FROM {view}"
            unfiltered = client.execute(query)
            assert client.execute(query, settings=given) == unfiltered, (view, table)
            assert client.execute(query, settings={**given, **INLINED}) == unfiltered, (view, table)


ORDERS: tuple[dict[str, Any], ...] = (
    {"enable_multiple_prewhere_read_steps": 0, "optimize_move_to_prewhere_if_final": 1},
    {"query_plan_merge_filters": 1, "optimize_move_to_prewhere": 0},
    {"query_plan_merge_filters": 1, "query_plan_filter_push_down": 0},
)
"""Settings with which some release evaluates a caller's condition before that of a view."""
NO_UUID, OTHER_UUID = "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001"
CUSTOMERS_NAME = "Jane Customer"


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_a_callers_failing_condition_names_nothing_hidden(
    settings: Settings, client: Client, order: dict[str, Any]
) -> None:
    """The errors of a conversion name the value, also of rows that the view leaves out afterwards."""
    entries = [("number", CUSTOMER, CUSTOMERS_NAME), ("extension", "200", "Ann"), ("user", "1", "Ann")]
    client.execute(
        "INSERT INTO directory_entries (account, kind, id, valid_from, name, team, loaded_at) VALUES",
        [("acme", kind, known, START // SECOND, name, "", START // SECOND) for kind, known, name in entries],
    )
    queries = reading(account="acme", call_id=LEG_A)
    given = {"short_circuit_function_evaluation": "disable", **order}
    for file in statements.views():
        view = file.name.removesuffix(".sql")
        if view.endswith("_masked"):
            texts = [each.name for each in columns(file.text) if "String" in each.type]
            condition = " AND ".join(map(failing, texts))
            query = queries[view].replace("*", "count()", 1)
            ((rows,),) = client.execute(query, settings=given)
            assert client.execute(f"{query} WHERE {condition}", settings=given) == [(rows,)], view


def failing(column: str) -> str:
    """A condition that is true, and fails for a secret."""
    text = f"ifNull(toString({column}), '')"
    secrets = [CUSTOMER[1:], COMPANY, "127.0.0.1", CUSTOMERS_NAME]
    return f"toUUID(if(multiSearchAny({text}, {secrets}), {text}, '{NO_UUID}')) != toUUID('{OTHER_UUID}')"


def test_what_is_not_declared_as_plain_has_no_value() -> None:
    """Whichever rows are left out: in those that are hidden each column but the one that says so is empty."""
    made = {file.name.removesuffix(".sql"): file.text for file in statements.views()}
    for name, twin in masked.TWINS.items():
        if twin.hidden:
            column, text = twin.hidden
            for each in columns(made[f"{name}_masked"]):
                if each.name != column:
                    hides = f"if(known.{column} = '{text}', defaultValueOfArgumentType(known.{each.name}), "
                    assert hides in made[f"{name}_masked"], (name, each.name)
    for name in VIEWS:
        assert re.search(r"NULL --[^\n]*\n    \) AS masked", made[f"{name}_masked"]), name


def test_comments_name_only_what_a_masked_view_shows(client: Client) -> None:
    told = client.execute(
        "SELECT comment FROM system.columns WHERE database = currentDatabase() AND table = 'directory_masked'"
    )
    assert not [text for (text,) in told if "number" in text or "customer" in text]


def test_a_column_that_nobody_declared_is_dropped() -> None:
    (calls,) = (file.text for file in statements.views() if file.name == "calls.sql")
    more = calls.replace("    `uuid`", "    `secret` String COMMENT 'New',\n    `uuid`")
    assert render("calls", more) == render("calls", calls)
    undeclared = {each.name for each in columns(calls)} - COLUMNS.keys()
    assert undeclared == {"recording", "event_recording", "cdr_recording", "variables"}


def test_pseudonyms_come_from_the_key_alone(settings: Settings, client: Client) -> None:
    before = by_call(settings, "calls_masked")
    assert migrate(settings) == []  # no second key
    client.execute("OPTIMIZE TABLE pseudonym_keys FINAL")
    assert by_call(settings, "calls_masked") == before
    client.execute("TRUNCATE TABLE pseudonym_keys")
    assert (
        by_call(settings, "calls_masked") == {}
    )  # without a key nothing is shown, rather than anything unkeyed
    migrate(settings)
    after = by_call(settings, "calls_masked")
    assert after.keys() == before.keys()
    for call_id, row in after.items():
        assert row["callee"] != before[call_id]["callee"]
        assert row["callee"][-3:] == before[call_id]["callee"][-3:]


def test_of_two_keys_made_at_once_the_first_counts(settings: Settings, client: Client) -> None:
    before = by_call(settings, "calls_masked")
    client.execute("INSERT INTO pseudonym_keys SELECT now64(6, 'UTC') + 1, 1, 2")
    assert by_call(settings, "calls_masked") == before
