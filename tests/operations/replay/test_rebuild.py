"""`callweave replay --into`: a deliberately changed rule lists exactly the calls that it changes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from callweave.commands import differences
from operations.replay import rebuild
from operations.replay.archive import Selection
from operations.replay.changes import change
from operations.replay.rebuild import Code, Fed, record_of, said
from operations.replay.ties import Events
from processors.normalize.step import Normalized, Rejected
from runtime import clickhouse
from runtime.clock import SystemClock
from runtime.errors import CallweaveError
from schemas.callbacks import Reason
from schemas.topics import Topic
from sinks import rows
from sinks.batch import Batch
from sinks.span import Span
from sinks.store import Store
from tests.operations.replay.archived import START, read, status, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.settings import Settings
    from schemas.callbacks import Callback
    from schemas.events import CallEvent

ARCHIVE = [
    status(0, "ring", "a", "b"),
    status(1, "ring", "c"),
    status(2, "answer", "a", "b"),
    status(3, "ring", "d"),
    status(4, "hangup", "c"),
    status(5, "hangup", "b"),
]


@pytest.fixture(scope="module")
def settings(module_settings: Settings) -> Iterator[Settings]:
    """Running tables with `ARCHIVE`, and no Kafka; time has closed the call `d`."""
    made = module_settings
    store(made, made.data, ARCHIVE)
    close(made)
    with clickhouse.connected(made.clickhouse) as client:
        assert client.execute("SELECT close_reason FROM calls WHERE call_id = 'd'") == [("timeout",)]
    yield made
    with clickhouse.connected(made.clickhouse, database="default") as client:
        for name in (other(made), same(made), partly(made), older(made)):
            client.execute(f"DROP DATABASE IF EXISTS {name}")


def close(settings: Settings) -> None:
    """As a correlator does after a long silence."""
    (ring,) = said(read(ARCHIVE[3].callback))
    closing = replace(
        ring,
        event_id="closing",
        callback_id="",
        kind="closed",
        occurred_at=ring.received_at,
        clock="ingress",
        extra={"reason": "timeout"},
    )
    batch = Batch()
    record = record_of(Events("acme", "d", [ring, closing]))
    assert record is not None
    for topic, value in ((Topic.EVENTS, closing.to_json()), (Topic.RECORDS, record.to_json())):
        message = Fed("", 0, 0, value, [])
        batch.add(message, rows.read(topic, message), 0.0)
    sink = Store(settings)
    assert [taken.error for _, taken in sink.insert(batch.inserts()) if taken.error] == []
    sink.close()


@pytest.fixture(scope="module")
def tried(settings: Settings) -> Settings:
    """With other tables, by the rules of `changed`."""
    rebuild.into(settings, Selection(), other(settings), Code(changed, "changed"), SystemClock())
    return settings


def same(settings: Settings) -> str:
    return f"{settings.clickhouse.database}_same"


def other(settings: Settings) -> str:
    return f"{settings.clickhouse.database}_other"


def partly(settings: Settings) -> str:
    return f"{settings.clickhouse.database}_partly"


def older(settings: Settings) -> str:
    return f"{settings.clickhouse.database}_older"


def changed(callback: Callback) -> Normalized | Rejected:
    """Answers have another caller, `d` rings in vain, and a hangup of `c` is none of our business."""
    outcome = read(callback)
    assert isinstance(outcome, Normalized)
    (event,) = outcome.events
    if event.ids == ("d",):
        return Rejected((Reason("uuid", "unwanted", "is d"),))
    if event.ids == ("c",) and event.kind == "hangup":
        return Normalized((replace(event, ids=("z",), leg="z"),))
    return Normalized((dearer(event),))


def dearer(event: CallEvent) -> CallEvent:
    return replace(event, callee="99887766554") if event.ids == ("a", "b") else event


def shown(
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    database: str,
    span: Span | None = None,
    *,
    numbers: bool = False,
) -> tuple[dict[str, dict[str, Any]], str]:
    selection = Selection(span or Span())
    differences.show(settings, selection, database, as_json=True, numbers=numbers, limit=100)
    out, err = capsys.readouterr()
    return {each["call_id"]: each for each in map(json.loads, out.splitlines())}, err


def test_the_same_rules_change_nothing(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even what time alone has told: that a call was closed."""
    rebuild.into(settings, Selection(), same(settings), Code(read, "same"), SystemClock())
    assert shown(settings, capsys, same(settings)) == ({}, "0 calls would differ.\n")


def test_closings_are_copied_from_tables_of_a_later_release(settings: Settings) -> None:
    with clickhouse.connected(settings.clickhouse) as client:
        client.execute("ALTER TABLE stored_events ADD COLUMN later String FIRST")
        try:
            rebuild.into(settings, Selection(), older(settings), Code(read, "same"), SystemClock())
        finally:
            client.execute("ALTER TABLE stored_events DROP COLUMN later")
        for database in (settings.clickhouse.database, older(settings)):
            closed = f"SELECT event_id, extra FROM {database}.stored_events FINAL WHERE kind = 'closed'"
            assert client.execute(closed) == [("closing", '{"reason":"timeout"}')]


def test_a_changed_rule_lists_exactly_the_calls_that_it_changes(
    tried: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    found, said = shown(tried, capsys, other(tried))
    assert {call_id: each["what"] for call_id, each in found.items()} == {
        "a": "changed",
        "c": "changed",
        "d": "gone",
        "z": "new",
    }
    assert found["a"]["fields"]["callee"] == {"before": "***24", "after": "***54"}
    assert "ended_at" not in found["a"]["fields"]
    assert said == "1 callbacks would be rejected that are accepted.\n4 calls would differ.\n"
    assert "99887766554" not in json.dumps(found)
    found, _ = shown(tried, capsys, other(tried), numbers=True)
    assert "99887766554" in json.dumps(found)
    differences.show(tried, Selection(), other(tried), as_json=False, numbers=False, limit=1)
    assert "    callee: ***24 -> ***54\n" in capsys.readouterr().out


@pytest.mark.parametrize("as_json", [True, False])
def test_numbers_in_lists_maps_and_references_are_masked_too(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    number = "+4930123456"
    after = {"transferred_to": ["108", number], "variables": {"to": number}, "customer_ref": number}
    made = change(("acme", "a"), {name: type(value)() for name, value in after.items()}, after)
    assert made is not None
    for numbers in (False, True):
        differences.print_change(made, as_json=as_json, numbers=numbers)
        assert capsys.readouterr().out.count(number) == (3 if numbers else 0)


def test_only_calls_that_lie_wholly_in_the_span_are_compared(
    tried: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of `a` and `c` only the ends are in the span."""
    found, _ = shown(tried, capsys, other(tried), Span(since=START + 3_000_000))
    assert set(found) == {"d", "z"}


def test_what_names_another_leg_of_a_call_that_began_before_is_no_new_call(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of `a` the last hangup alone is read, and it names only `b`."""
    span = Span(since=START + 5_000_000)
    rebuild.into(settings, Selection(span), partly(settings), Code(read, "same"), SystemClock())
    with clickhouse.connected(settings.clickhouse) as client:
        assert client.execute(f"SELECT legs FROM {partly(settings)}.calls") == [(["b"],)]
    assert shown(settings, capsys, partly(settings), span)[0] == {}


def test_only_another_database_can_be_meant(settings: Settings) -> None:
    for name, trouble in (
        (settings.clickhouse.database, "another database"),
        ("a; DROP DATABASE b", "letters, digits"),
    ):
        with pytest.raises(CallweaveError, match=trouble):
            rebuild.into(settings, Selection(), name, Code(read, "same"), SystemClock())


def test_which_events_of_a_truncated_call_were_summed_up_is_no_change() -> None:
    key = ("acme", "a")
    whole = {"events": ["x", "y", "z"], "legs": ["a", "b"], "truncated": False, "revision": 3}
    summed = {"events": ["z"], "legs": ["b"], "truncated": True, "revision": 3}
    otherwise = {"events": ["y"], "legs": ["a"], "truncated": True, "revision": 3}
    assert change(key, whole, summed) is None
    assert change(key, summed, otherwise) is None
    found = change(key, summed, otherwise | {"revision": 4})
    assert found is not None
    assert list(found.fields()) == [("revision", 3, 4)]
    assert change(key, whole, whole | {"legs": ["a"]}) is not None


def test_a_change_has_only_the_fields_that_differ() -> None:
    key = ("acme", "a")
    assert change(key, {"x": 1, "y": 2}, {"x": 1, "y": 2}) is None
    assert change(key, None, None) is None
    found = change(key, {"x": 1, "y": 2}, {"x": 1, "y": 3})
    assert found is not None
    assert list(found.fields()) == [("y", 2, 3)]
    new = change(key, None, {"x": 1, "y": None, "z": []})
    assert new is not None
    assert (new.what, list(new.fields())) == ("new", [("x", None, 1)])
