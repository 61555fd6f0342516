from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.callbacks import Callback, Reason, Rejection, Replayed, Stage, Told
from schemas.limits import LAST_RECEIPT, LAST_TIME, MOST_READING
from tests.scale import examples

RECEIPTS = st.integers(0, LAST_RECEIPT)
TIMES = st.integers(0, LAST_TIME)

CALLBACKS = st.builds(
    Callback,
    id=st.text(),
    source=st.text(),
    account=st.text(),
    received_at=RECEIPTS,
    method=st.sampled_from(["GET", "POST"]),
    content_type=st.text(),
    peer=st.text(),
    payload=st.binary(),
    query=st.binary(),
    kind=st.sampled_from(["webhook", "dial", "history"]),
)
REJECTIONS = st.builds(
    Rejection,
    stage=st.sampled_from(Stage),
    reasons=st.lists(st.builds(Reason, st.text(), st.text(), st.text())).map(tuple),
    topic=st.text(),
    partition=st.integers(-1, 2**31 - 1),
    offset=st.integers(-1, 2**63 - 1),
    decided_at=TIMES,
)


def told_of(event_id: str, ids: set[str]) -> Told:
    return Told(event_id, max(ids, default=""), tuple(sorted(ids)))


REPLAYED = st.builds(
    Replayed,
    replayed_at=TIMES,
    reading=st.integers(2, MOST_READING),
    reasons=st.lists(st.builds(Reason, st.text(), st.text(), st.text())).map(tuple),
    topic=st.text(),
    partition=st.integers(-1, 2**31 - 1),
    offset=st.integers(-1, 2**63 - 1),
    told=st.lists(st.builds(told_of, st.text(), st.sets(st.text(min_size=1)))).map(tuple),
)

ORIGINS_OF_NOTHING = (
    b"[]",
    b"[null,null,null]",
    b'["t",1.0,0]',
    b'["t",true,0]',
    b'["t",2147483648,0]',
    b'["t",0,-2]',
    b'{"a":1,"b":2,"c":3}',
)
SENT = Callback(
    "1", "shanghai", "acme", 7, "POST", "text/plain", "192.0.2.1", b"secret-body", b"secret-query"
)


@examples(normal=300, long=5_000)
@given(callback=CALLBACKS, rejection=REJECTIONS)
def test_a_callback_survives_its_topics(callback: Callback, rejection: Rejection) -> None:
    accepted = callback.headers()
    assert Callback.from_message(callback.payload, accepted) == callback
    assert Rejection.from_headers(accepted) is None
    rejected = [*accepted, *rejection.headers()]
    assert Callback.from_message(callback.payload, rejected) == callback
    assert Rejection.from_headers(rejected) == rejection


@examples(normal=300, long=5_000)
@given(callback=CALLBACKS, replayed=REPLAYED)
def test_a_callback_survives_a_replay(callback: Callback, replayed: Replayed) -> None:
    headers = [*callback.headers(), *replayed.headers()]
    assert Callback.from_message(callback.payload, headers) == callback
    assert Replayed.from_headers(headers) == replayed


@pytest.mark.parametrize("headers", [[], [("replayed_at", b"x"), ("reasons", b"[]"), ("origin", b"[1,2]")]])
def test_what_says_nothing_of_a_replay_is_none(headers: list[tuple[str, bytes]]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Replayed.from_headers(headers)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("replayed_at", b"-1"),
        ("replayed_at", b"%d" % 2**62),
        ("reading", b"1"),
        ("reading", b"%d" % 2**63),
        *(("origin", value) for value in ORIGINS_OF_NOTHING),
        *(("reasons", value) for value in (b'["x"]', b'[{"field":1,"code":"c","message":""}]', b'{"a":1}')),
        *(
            ("told", value)
            for value in (
                b'[["e","a",[null]]]',
                b'[["e","a",["b"]]]',
                b'[["e","",["","a"]]]',
                b'[["e","a",["b","a"]]]',
                b'[["e","a",[]]]',
                b'[[null,"a",["a"]]]',
                b'[["e","a","a"]]',
                b'["eab"]',
            )
        ),
    ],
)
def test_a_header_of_no_replay_is_a_value_error(name: str, value: bytes) -> None:
    replayed = Replayed(7, 7, (), "callbacks.raw", 3, 9)
    with pytest.raises(ValueError, match=r"."):
        Replayed.from_headers([*replayed.headers(), (name, value)])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("decided_at", b"-1"),
        ("decided_at", b"%d" % 2**62),
        *(("origin", value) for value in ORIGINS_OF_NOTHING),
        ("reasons", b'["x"]'),
        ("reasons", b'[{"field":"f","code":{},"message":""}]'),
    ],
)
def test_a_header_of_no_rejection_is_a_value_error(name: str, value: bytes) -> None:
    rejection = Rejection(Stage.NORMALIZE, (), "callbacks.raw", 3, 9)
    with pytest.raises(ValueError, match=r"."):
        Rejection.from_headers([*rejection.headers(), (name, value)])


def test_an_empty_payload_may_come_back_as_none() -> None:
    assert Callback.from_message(None, SENT.headers()).payload == b""


def test_a_callback_without_the_header_query_has_no_query() -> None:
    headers = [each for each in SENT.headers() if each[0] != "query"]
    assert Callback.from_message(b"", headers).query == b""


@pytest.mark.parametrize("name", [name for name, _ in SENT.headers() if name != "query"])
def test_a_message_without_one_of_the_other_headers_is_no_callback(name: str) -> None:
    with pytest.raises(KeyError):
        Callback.from_message(b"", [each for each in SENT.headers() if each[0] != name])


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("method", b"PUT", "method is neither"),
        ("method", b"", "method is neither"),
        ("received_at", b"now", "invalid literal for int"),
        ("received_at", b"-1", "out of range"),
        ("received_at", b"%d" % (LAST_RECEIPT + 1), "out of range"),
        ("received_at", b"%d" % (2**63 - 1), "out of range"),
        ("revision", b"-1", "out of range"),
        ("revision", b"%d" % 2**32, "out of range"),
        ("kept_headers", b"[1]", "no JSON object"),
        ("kept_headers", b"null", "no JSON object"),
        ("kept_headers", b'"gzip"', "no JSON object"),
        ("kept_headers", b"{", "unexpected end"),
        ("source", b"\xff", "can't decode byte 0xff"),
        ("kind", b"rumour", "kind is none"),
        ("kind", b"", "kind is none"),
    ],
)
def test_a_header_that_makes_no_sense_is_a_value_error(name: str, value: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Callback.from_message(b"", [*SENT.headers(), (name, value)])


@pytest.mark.parametrize("name", [name for name, _ in SENT.headers()])
def test_a_message_with_a_header_without_a_value_is_no_callback(name: str) -> None:
    headers: list[tuple[str, Any]] = [*SENT.headers(), (name, None)]
    with pytest.raises(ValueError, match="a header has no value"):
        Callback.from_message(b"", headers)


def test_a_webhook_says_nothing_of_its_kind() -> None:
    assert "kind" not in dict(SENT.headers())
    assert Callback.from_message(b"", SENT.headers()).kind == "webhook"
    assert dict(replace(SENT, kind="dial").headers())["kind"] == b"dial"


def test_a_content_type_that_is_no_text_is_still_sent() -> None:
    sent = Callback("1", "s", "a", 7, "POST", "text/\udc80", "", b"")
    assert Callback.from_message(b"", sent.headers()).content_type == "text/?"


def test_what_a_callback_shows_of_itself_has_nothing_of_its_payload() -> None:
    assert "secret" not in repr(SENT)


def test_a_reason_in_json() -> None:
    assert Reason("status", "missing", "There is none.").to_json() == {
        "field": "status",
        "code": "missing",
        "message": "There is none.",
    }
