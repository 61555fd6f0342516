"""How well sources keep us informed, against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from operations import suspects
from runtime.clickhouse import connected
from schemas.events import Doubt
from tests.rows import select
from tests.sinks.queries.telling import DAY, HOUR, SECOND, START, event, tell

if TYPE_CHECKING:
    from runtime.settings import Settings
    from schemas.events import CallEvent


def quality(settings: Settings) -> dict[str, dict[str, Any]]:
    rows = select(settings, "SELECT * FROM source_quality")
    return {row["source"]: row for row in rows}


def billed(number: int, delay: float, *kinds: str) -> list[CallEvent]:
    """A call that ended a minute after its start, with its CDR so many seconds later."""
    leg, start = f"leg-{number}", START + number * SECOND
    seconds = {"ring": 1, "answer": 10, "hangup": 60}
    cdr = event(
        "cdr",
        leg,
        start + 60 * SECOND + int(delay * SECOND),
        started_at=start,
        answered_at=start + 10 * SECOND,
        ended_at=start + 60 * SECOND,
    )
    return [*(event(kind, leg, start + seconds[kind] * SECOND) for kind in kinds), cdr]


def test_delays_of_cdrs(store_settings: Settings) -> None:
    # 0 … 100 s: 101 delays, so that the median is the 51st of them and the 99th percentile the 100th
    tell(store_settings, *(billed(number, number) for number in range(101)))
    row = quality(store_settings)["shop"]
    assert (row["calls"], row["events"], row["callbacks"]) == (101, 101, 101)
    assert row["cdr_delay_p50_seconds"] == 50
    assert row["cdr_delay_p99_seconds"] == 99
    assert row["missing_hangups_percent"] is None  # no call with a ring or an answer
    assert row["out_of_order_percent"] is None  # no leg with two kinds


def test_duplicates_order_and_hangups(store_settings: Settings) -> None:
    whole = billed(1, 5, "ring", "answer", "hangup")
    again = replace(whole[0], callback_id="callback-again", received_at=whole[0].received_at + HOUR)
    early = billed(2, -20, "ring", "answer", "hangup")  # its CDR came 40 s after the start, the hangup 60 s
    lost = billed(3, 5, "ring", "answer")
    alone = [event("ring", "leg-4", START)]  # still open: its hangup may come
    tell(store_settings, [*whole, again], early, lost, alone)
    row = quality(store_settings)["shop"]
    assert (row["calls"], row["events"], row["callbacks"]) == (4, 12, 13)
    assert row["duplicates_percent"] == pytest.approx(100 / 13)
    assert row["out_of_order_percent"] == pytest.approx(100 / 3)  # 1 of the 3 legs with more than a ring
    assert row["missing_hangups_percent"] == pytest.approx(100 / 3)  # 1 of the 3 calls that are over
    assert row["first_received_at"].timestamp() * SECOND == START
    assert row["last_received_at"].timestamp() * SECOND == again.received_at


def test_a_source_that_only_requested_has_none_of_what_others_told(store_settings: Settings) -> None:
    asked = event("requested", "leg-1", START, source="api", requested_by="200")
    alone = event("ring", "leg-2", START, source="api")
    tell(store_settings, [asked, *billed(1, 5, "ring", "answer", "hangup")], [alone])
    api, shop = (quality(store_settings)[source] for source in ("api", "shop"))
    assert (api["callbacks"], api["events"], api["calls"]) == (1, 1, 2)
    assert (shop["callbacks"], shop["events"], shop["calls"]) == (4, 4, 0)
    assert (api["out_of_order_percent"], shop["out_of_order_percent"]) == (None, 0)
    assert (api["duplicates_percent"], shop["duplicates_percent"]) == (0, 0)


ORDERS = {
    ("dial", "answer", "hangup"): 0,
    ("answer", "dial", "hangup"): 100,
    ("dial", "hangup", "answer"): 100,
    ("hangup", "dial"): 100,
    ("dial", "dial", "hangup"): 0,
    ("dial",): None,
}


def test_the_order_is_that_of_receipt(store_settings: Settings) -> None:
    def said(order: tuple[str, ...]) -> list[CallEvent]:
        fields: dict[str, Any] = {"occurred_at": START, "clock": "provider", "source": "-".join(order)}
        return [event(kind, "leg", START + number, **fields) for number, kind in enumerate(order)]

    tell(
        store_settings, [each for order in ORDERS for each in said(order)]
    )  # one call, which they all tell of
    found = {source: row["out_of_order_percent"] for source, row in quality(store_settings).items()}
    assert found == {"-".join(order): percent for order, percent in ORDERS.items()}


def test_extensions_that_fell_silent(store_settings: Settings) -> None:
    now = START
    heard = {
        "200": now,
        "201": now - 23 * HOUR,
        "202": now - 25 * HOUR,
        "203": now - 29 * DAY,
        "204": now - 31 * DAY,
    }
    tell(
        store_settings,
        *([event("ring", f"leg-{extension}", at, extension=extension)] for extension, at in heard.items()),
        [event("ring", "leg", now - 3 * DAY)],  # no extension
        [event("ring", "other-leg", now - 2 * DAY, extension="202", source="other")],  # its own last news
        [event("message", "", now + 3 * DAY, ids=(), extension="200")],  # no call
    )
    found = {source: row["silent_extensions"] for source, row in quality(store_settings).items()}
    assert found == {"shop": ["202", "203"], "other": []}


def test_which_fields_are_in_doubt(store_settings: Settings) -> None:
    def doubtful(leg: str, *doubts: tuple[str, str], **more: Any) -> list[CallEvent]:
        return [event("ring", leg, START, doubts=tuple(Doubt(*each, "raw") for each in doubts), **more)]

    round_, zone = ("round", "malformed-number"), ("starttime", "nonexistent-time")
    tell(store_settings, doubtful("1", round_, zone), doubtful("2", round_), doubtful("3"), doubtful("4"))
    tell(store_settings, doubtful("5", ("+4930123456", "malformed-text"), source="pbx"))
    found = quality(store_settings)
    assert found["shop"]["doubtful_fields"] == [(*round_, 2, 50.0), (*zone, 1, 25.0)]
    assert found["pbx"]["doubtful_fields"] == [("…", "malformed-text", 1, 100.0)]
    assert (found["shop"]["doubts"], found["shop"]["doubtful_percent"]) == (3, 50.0)


def test_ids_that_tied_too_many_calls(store_settings: Settings) -> None:
    tell(store_settings, billed(1, 5), [event("ring", "leg-2", START, source="pbx")])
    with connected(store_settings.clickhouse) as client:
        client.execute(
            "INSERT INTO stored_suspects (account, id, source, since, last_at) VALUES",
            [("acme", "0", "shop", START, START + last) for last in (0, SECOND)],
        )
    found = quality(store_settings)
    assert (found["shop"]["suspect_ids"], found["pbx"]["suspect_ids"]) == (["0"], [])
    assert select(store_settings, "SELECT last_at > since AS grew FROM suspect_ids") == [{"grew": True}]
    assert "0 of shop came" in suspects.sentence(asked_now(store_settings))


def asked_now(settings: Settings) -> list[tuple[str, str]]:
    with connected(settings.clickhouse) as client:
        client.execute(
            "INSERT INTO stored_suspects (account, id, source, since, last_at) "
            "SELECT account, id, source, since, now() FROM stored_suspects LIMIT 1"
        )
    return suspects.found(settings)
