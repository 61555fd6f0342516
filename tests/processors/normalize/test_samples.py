"""Every sample in every shape says the same, and makes the row that its documents mean, in any order."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from processors.normalize.step import Normalized, Rejected, normalize
from schemas.calls import call_of
from schemas.events import CallEvent, Doubt
from tests.kit.callbacks import NOW, posted, said, sent
from tests.samples import CALLS, DOCUMENTED, MESSAGES, SAMPLES, SHAPES, SampleCall, in_shape, requests
from tests.samples.calls import columns
from tests.samples.documents import RESOURCES, document, fields, resource
from tests.sinks.folded import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.samples.shapes import Shape

FEW = 5
"""So many events have few enough orders to try them all."""


def events_of(call: SampleCall, shape: Shape) -> list[CallEvent]:
    events: list[CallEvent] = []
    for number, request in enumerate(requests(call, shape)):
        received = sent(request, received_at=NOW + number, id=f"callback-{number}")
        outcome = normalize(received, call.dialect, ZoneInfo(call.timezone))
        assert isinstance(outcome, Normalized), outcome
        events += outcome.events
    return events


def orders(events: Sequence[CallEvent]) -> Iterator[Sequence[CallEvent]]:
    if len(events) <= FEW:
        yield from itertools.permutations(events)
        return
    shuffled = random.Random(7)
    for _ in range(200):
        yield shuffled.sample(events, len(events))


def differences(call: SampleCall, events: Iterable[CallEvent]) -> dict[str, tuple[object, object]]:
    """Where the row is not what the sample says: expected and found."""
    folded = call_of(joined(events))
    row = columns(folded.call_id, folded)
    return {name: (value, row[name]) for name, value in call.row.items() if row[name] != value}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_what_must_come_of_each_request_comes_of_it(sample: SampleCall) -> None:
    for each in sample.exchanges:
        outcome = normalize(sent(each.request), sample.dialect, ZoneInfo(sample.timezone))
        if isinstance(outcome, Rejected):
            assert {reason.field: reason.code for reason in outcome.reasons} == each.reasons
        else:
            told = [
                {name: _as_sampled(getattr(event, name)) for name in expected}
                for event, expected in zip(outcome.events, each.events, strict=True)
            ]
            assert told == list(each.events)


def _as_sampled(value: object) -> object:
    """A field of an event as a file has it: doubts are codes by field."""
    if not isinstance(value, tuple):
        return value
    return {each.field: each.code for each in value if isinstance(each, Doubt)} or list(value)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_every_shape_says_the_same(call: SampleCall, shape: Shape) -> None:
    assert [said(each) for each in events_of(call, shape)] == [said(each) for each in events_of(call, "json")]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_makes_the_row_in_every_order(call: SampleCall) -> None:
    for events in orders(events_of(call, DOCUMENTED[call.dialect][0])):
        assert not differences(call, events)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_events_survive_their_topic(call: SampleCall) -> None:
    for event in events_of(call, "json"):
        assert CallEvent.from_json(event.to_json()) == event


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_renamed_samples_are_other_calls(call: SampleCall) -> None:
    other = call.renamed("other-")
    events = events_of(other, "json")
    assert not differences(other, events)
    assert all(leg.startswith("other-") for leg in call_of(events).legs)


@pytest.mark.parametrize("name", ["000_ring.json", "001_ring.json", "001_cdr.json", "002_cdr.json"])
def test_the_documents_bytes_say_what_their_fields_say(name: str) -> None:
    (call,) = (each for each in CALLS if each.payloads == (fields(name),))
    outcome = normalize(posted(document(name)), call.dialect, ZoneInfo(call.timezone))
    assert isinstance(outcome, Normalized)
    assert [said(each) for each in outcome.events] == [said(each) for each in events_of(call, "json")]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: str(message["EventType"]))
@pytest.mark.parametrize("shape", DOCUMENTED["extension-events"])
def test_messages_are_events_of_no_call(message: dict[str, object], shape: Shape) -> None:
    outcome = normalize(sent(in_shape(message, shape)), "extension-events", ZoneInfo("UTC"))
    assert isinstance(outcome, Normalized)
    (event,) = outcome.events
    assert (event.kind, event.ids, event.leg) == ("message", (), "")
    assert event.extra == message


@pytest.mark.parametrize("name", RESOURCES)
@pytest.mark.parametrize("dialect", DOCUMENTED)
def test_bodies_of_the_rest_resources_are_no_callbacks(name: str, dialect: str) -> None:
    assert isinstance(normalize(posted(resource(name)), dialect, ZoneInfo("UTC")), Rejected)
