from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from schemas.events import CallEvent, Doubt
from schemas.links import Events, HandedOn, Link, Sent, Suspected, told_from_json, told_to_json
from schemas.versions import NewerVersionError
from tests.kit.events import AT, event, samples


def test_a_link_in_json() -> None:
    assert told_to_json(Link("a")) == b'{"v":2,"type":"link","to":"a"}'


def test_of_events_goes_along_what_makes_a_row() -> None:
    said = event(extra={"x": 1}, doubts=(Doubt("time", "malformed", "secret"),))
    closed = event(kind="closed", extra={"reason": "timeout"})
    written = orjson.loads(told_to_json(Events((said, closed))))
    assert written["type"] == "events"
    assert told_from_json(orjson.dumps(written)) == Events(
        (
            replace(said, callback_id="", extra={}, doubts=(Doubt("time", "malformed", ""),)),
            replace(closed, callback_id=""),
        )
    )


@pytest.mark.parametrize("name", samples())
def test_what_is_told_survives_its_topic(name: str) -> None:
    events = tuple(
        replace(each, callback_id="", extra={}, doubts=tuple(replace(doubt, raw="") for doubt in each.doubts))
        for each in samples()[name]
    )
    every: list[Sent] = [Link(name), Events(events), Events(()), Suspected(AT), *map(HandedOn, events)]
    for told in every:
        assert told_from_json(told_to_json(told)) == told


def test_fields_of_later_releases_are_passed_over_and_a_newer_version_is_refused() -> None:
    assert told_from_json(b'{"v":2,"type":"link","to":"a","mood":"good"}') == Link("a")
    for newer in (b'{"v":3,"type":"link","to":"a"}', b'{"v":3,"type":"rumour"}'):
        with pytest.raises(NewerVersionError, match="start a newer release"):
            told_from_json(newer)


def of_one(event: CallEvent) -> bytes:
    return told_to_json(Events((event,)))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"type":"link"}',
        b'{"type":"link","to":1}',
        b'{"type":"events"}',
        b'{"type":"events","events":[{"kind":"ring"}]}',
        b'{"type":"events","events":{}}',
        b'{"type":"events","events":[],"handed_on":true}',
        b'{"type":"rumour","to":"a"}',
        b'{"type":"link","to":""}',
        b'{"type":"link","to":"a","tie":{"call":"x","at":-1,"source":"s"}}',
        b'{"type":"link","to":"a","tie":{"call":"x","at":%d,"source":"s"}}' % 10**30,
        of_one(event(received_at=-1)),
        of_one(event(ids=("b", "a"))),
        of_one(event("message", "", ids=())),
        of_one(event("summed", extra={"events": -1})),
    ],
)
def test_what_is_neither_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        told_from_json(value)
