from __future__ import annotations

import orjson
import pytest

from schemas.events import CallEvent
from tests.kit.events import event, messages, samples


@pytest.mark.parametrize("name", samples())
def test_an_event_survives_its_topic(name: str) -> None:
    for each in samples()[name]:
        assert CallEvent.from_json(each.to_json()) == each


def test_a_message_survives_its_topic() -> None:
    for each in messages():
        assert CallEvent.from_json(each.to_json()) == each


def test_what_is_not_said_is_left_out_and_what_is_false_or_zero_is_not() -> None:
    written = orjson.loads(event(bridged=False, talk_time=0, caller="").to_json())
    assert (written["bridged"], written["talk_time"], written["caller"], written["extra"]) == (
        False,
        0,
        "",
        {},
    )
    assert "callee" not in written
    assert None not in written.values()


def test_fields_of_later_versions_are_passed_over() -> None:
    written = orjson.loads(event().to_json())
    assert CallEvent.from_dict({**written, "mood": "good"}) == event()


@pytest.mark.parametrize("name", ["event_id", "account", "kind", "ids", "leg", "occurred_at", "clock"])
def test_without_what_is_always_said_it_is_no_event(name: str) -> None:
    written = orjson.loads(event().to_json())
    del written[name]
    with pytest.raises((KeyError, TypeError)):
        CallEvent.from_dict(written)
