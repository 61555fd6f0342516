from __future__ import annotations

import orjson
import pytest

from schemas.links import Link, Merge, Told, told_from_json, told_to_json
from schemas.records import record_of
from tests.kit.events import event, samples


def test_a_link_in_json() -> None:
    assert told_to_json(Link("a")) == b'{"v":1,"type":"link","to":"a"}'


def test_a_merge_in_json() -> None:
    assert told_to_json(Merge({"ids": ["a"]})) == b'{"v":1,"type":"merge","record":{"ids":["a"]}}'


def test_a_forwarded_event_in_json() -> None:
    said = event()
    assert orjson.loads(told_to_json(said)) == {
        "v": 1,
        "type": "event",
        "event": orjson.loads(said.to_json()),
    }


@pytest.mark.parametrize("name", samples())
def test_what_is_told_survives_its_topic(name: str) -> None:
    told: list[Told] = [Link(name)]
    for each in samples()[name]:
        told += [each, Merge(record_of(each))]
    assert [told_from_json(told_to_json(each)) for each in told] == told


def test_fields_of_later_versions_are_passed_over() -> None:
    assert told_from_json(b'{"v":2,"type":"link","to":"a","mood":"good"}') == Link("a")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"type":"link"}',
        b'{"type":"merge"}',
        b'{"type":"event"}',
        b'{"type":"event","event":{"ids":[]}}',
        b'{"type":"event","event":{"kind":"ring"}}',
        b'{"type":"rumour","to":"a"}',
    ],
)
def test_what_is_none_of_the_three_is_refused(value: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        told_from_json(value)
