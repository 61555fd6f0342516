from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from operations.timeline.document import document, masks_of
from operations.timeline.model import Kept, Told
from operations.timeline.page import Page
from operations.timeline.timeline import Timeline, timeline
from schemas.events import Doubt
from tests.kit.events import AT, event
from tests.operations.timeline.wholes import whole, with_bytes

SECOND = 1_000_000
NOW = AT + 100 * SECOND
NUMBER = "13800138024"

RING = event(caller=NUMBER, callee="01087654321", extra={"note": f"call {NUMBER} back", "n": 13800138025})
HANGUP = event(
    event_id="e2",
    callback_id="c2",
    kind="hangup",
    occurred_at=AT + 9 * SECOND,
    received_at=AT + 10 * SECOND,
    recording="https://records.example.net/1.mp3",
)
CALL = whole([RING, HANGUP])


def printed(laid_out: Timeline, *, numbers: bool = False, raw: bool = False) -> str:
    console = Console(file=io.StringIO(), width=400, markup=False, highlight=False)
    for part in Page(laid_out, masks_of(laid_out, numbers=numbers)).parts(raw=raw):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_events_stand_in_the_order_in_which_they_happened_with_their_delays() -> None:
    late = replace(RING, received_at=AT + 50 * SECOND)
    laid_out = timeline(whole([HANGUP, late]), NOW)
    found = document(laid_out, masks_of(laid_out, numbers=False))["events"]
    assert [(each["kind"], each["delay_seconds"], each["since_start_seconds"]) for each in found] == [
        ("ring", 50.0, 0.0),
        ("hangup", 1.0, 9.0),
    ]
    assert found[0]["occurred_at"] == "2020-09-13T12:26:40.000000Z"


def test_an_event_without_a_time_of_its_own_has_no_delay() -> None:
    laid_out = timeline(whole([replace(RING, clock="ingress", occurred_at=RING.received_at)]), NOW)
    (found,) = document(laid_out, masks_of(laid_out, numbers=False))["events"]
    assert found["delay_seconds"] is None


def test_a_call_without_any_event_in_the_table_still_has_its_row() -> None:
    laid_out = timeline(replace(CALL, told=(), callbacks={}), NOW)
    found = document(laid_out, masks_of(laid_out, numbers=False))
    assert found["events"] == found["provenance"] == found["changes"] == []
    assert "event-missing" in {gap["code"] for gap in found["gaps"]}
    assert "Events, by when they happened: none in the table" in printed(laid_out)


def test_every_secret_is_masked_and_open_when_asked_for() -> None:
    laid_out = timeline(with_bytes(CALL, f'{{"caller":"{NUMBER}"}}'.encode()), NOW)
    for numbers in (False, True):
        for text in (
            json.dumps(document(laid_out, masks_of(laid_out, numbers=numbers))),
            printed(laid_out, numbers=numbers, raw=True),
        ):
            assert (NUMBER in text) is numbers
            assert ("records.example.net" in text) is numbers
            assert ("***24" in text) is not numbers


def test_a_number_that_a_call_was_transferred_to_is_masked_wherever_it_stands() -> None:
    said: dict[str, Any] = {"ids": ("a", "b"), "extension": "108", "transferred": True, "callee": NUMBER}
    outside = event("dial", "b", event_id="e2", callback_id="c2", occurred_at=AT + SECOND, **said)
    events = [event(ids=("a",), leg="a", extension="108"), outside]
    row_differs = whole(events, transferred_to=["01087654321"])
    for call in (whole(events), row_differs):
        laid_out = timeline(call, NOW)
        assert laid_out.whole.row["transferred_to"] in ([NUMBER], ["01087654321"])
        assert "transferred_to" in {change.field for change in laid_out.changes}
        for numbers in (False, True):
            for text in (
                json.dumps(document(laid_out, masks_of(laid_out, numbers=numbers))),
                printed(laid_out, numbers=numbers),
            ):
                assert (NUMBER in text) is numbers
                assert ("01087654321" in text) is (numbers and call is row_differs)


def test_a_file_on_a_server_is_masked_in_all_its_parts() -> None:
    file, server = "/2021/02/09/9c6f2092.wav", "192.0.2.17"
    bill = replace(
        HANGUP, kind="cdr", recording=server + file, extra={"recordfilename": file, "downloadip": server}
    )
    payload = json.dumps({"recordfilename": file, "downloadip": server}).encode()
    laid_out = timeline(with_bytes(whole([RING, bill]), payload), NOW)
    for numbers in (False, True):
        for text in (
            json.dumps(document(laid_out, masks_of(laid_out, numbers=numbers))),
            printed(laid_out, numbers=numbers, raw=True),
        ):
            assert ("9c6f2092" in text) is numbers


def test_the_note_of_a_provider_is_masked_too() -> None:
    laid_out = timeline(CALL, NOW)
    (ring, _) = document(laid_out, masks_of(laid_out, numbers=False))["events"]
    assert ring["extra"] == {"note": "call ***24 back", "n": "***25"}


def test_doubts_are_told_with_their_raw_text_masked() -> None:
    ring = replace(RING, doubts=(Doubt("caller", "malformed-text", "call +49 30 1234567"),))
    laid_out = timeline(whole([ring, HANGUP]), NOW)
    (told, _) = document(laid_out, masks_of(laid_out, numbers=False))["events"]
    assert told["doubts"] == [{"field": "caller", "code": "malformed-text", "raw": "call ***67"}]
    assert "caller malformed-text" in printed(laid_out)


def test_a_retried_callback_stands_with_its_event() -> None:
    again = Kept(
        **{name: getattr(CALL.callbacks["c1"], name) for name in Kept.__slots__}
        | {"id": "c9", "received_at": AT + 30 * SECOND, "offset": 7}
    )
    told = (Told(replace(RING, last_received_at=AT + 30 * SECOND), ("c1", "c9")), *CALL.told[1:])
    row = CALL.row | {"last_received_at": CALL.row["last_received_at"].replace(second=10, minute=27)}
    known = replace(CALL, told=told, callbacks=CALL.callbacks | {"c9": again}, row=row)
    laid_out = timeline(known, NOW)
    found = document(laid_out, masks_of(laid_out, numbers=False))
    assert [each["id"] for each in found["events"][0]["callbacks"]] == ["c1", "c9"]
    (last,) = [each for each in found["provenance"] if each["column"] == "last_received_at"]
    assert [origin["event_id"] for origin in last["from"]] == ["e1"]
    assert [gap["code"] for gap in found["gaps"]] == ["cdr-missing"]


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b"\x1b[2Jgone\x07", "\\x1b[2Jgone\\x07"),
        (b"\xff\x00\r\nnext", "\\xff\\x00\\r\n  next"),
        ("[bold]\u202e\u009b31m".encode(), "[bold]\\u202e\\x9b31m"),
    ],
)
def test_bytes_are_printed_so_that_they_move_no_cursor(payload: bytes, shown: str) -> None:
    text = printed(timeline(with_bytes(CALL, payload), NOW), raw=True)
    assert shown in "\n".join(line.rstrip() for line in text.splitlines())
    assert all(char.isprintable() or char == "\n" for char in text)


def test_values_of_a_row_are_printed_safely_too() -> None:
    laid_out = timeline(whole([replace(RING, campaign="\x1b[31m[red]")]), NOW)
    assert "\\x1b[31m[red]" in printed(laid_out)


def test_a_leg_is_shown_as_the_provider_wrote_it() -> None:
    leg, written = "526d637c-e8fe-11ea-ad78-1d7ff0749d07", "{526D637C-E8FE-11EA-AD78-1D7FF0749D07}"
    ring = replace(RING, ids=(leg,), leg=leg, written={leg: written})
    hangup = replace(HANGUP, ids=(leg,), leg=leg)
    page = printed(timeline(whole([ring, hangup]), NOW))
    (shown,) = (line.split() for line in page.splitlines() if line.startswith("  L1 "))
    assert shown[1] == written
    assert leg not in page.partition("\n")[2]  # all below the title, which has the id that is compared
    events = page.partition("Events, by")[2].partition("Callbacks that")[0].splitlines()
    assert [line.split().count("L1") for line in events if "#" in line] == [1, 1]
