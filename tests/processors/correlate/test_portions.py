from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from processors.correlate.leg import Leg
from processors.correlate.portions import portions
from processors.correlate.step import step
from schemas.events import CallEvent
from schemas.legs import MOST_LEGS
from schemas.links import Events, HandedOn, Link
from tests.kit.events import AT, event
from tests.processors.correlate.network import ACCOUNT
from tests.scale import examples

if TYPE_CHECKING:
    from schemas.links import Told

LEGS = 5 * MOST_LEGS


def told(number: int) -> tuple[str, ...]:
    return ("a", f"b{number:04}", f"c{number % 7}")


EVENTS = [
    event(event_id=f"{number}", kind="ring", ids=told(number), leg=f"b{number:04}", uuid="a")
    for number in range(LEGS)
]


@examples(normal=30, long=1_000)
@given(seed=st.integers(0, 2**63))
def test_nothing_is_left_out_and_few_legs_are_named_at_once(seed: int) -> None:
    rng = random.Random(seed)
    left = rng.sample(EVENTS, rng.randint(1, LEGS))
    messages: list[Told] = []
    while left:
        some, left = left[: rng.randint(1, 300)], left[300:]
        as_told: list[Told] = [Events(tuple(some)), Link("0"), some[0], HandedOn(some[0])]
        messages.append(rng.choice(as_told))
    found = portions(messages)
    assert all(found)
    for portion in found:
        named = {name for each in spread(portion) if not isinstance(each, Link) for name in each.ids}
        assert len(named) <= MOST_LEGS
    assert [each for portion in found for each in spread(portion)] == spread(messages)


def spread(messages: list[Told]) -> list[CallEvent | Link]:
    """Events, handed on or not, and links."""
    found: list[CallEvent | Link] = []
    for message in messages:
        if isinstance(message, Events):
            found += message.events
        elif isinstance(message, HandedOn):
            found.append(message.event)
        elif isinstance(message, CallEvent | Link):
            found.append(message)
    return found


def test_a_few_messages_are_left_as_they_are() -> None:
    messages: list[Told] = [Link("a"), Events(tuple(EVENTS[:20])), EVENTS[20]]
    assert portions(messages) == [messages]


def test_every_leg_has_its_row_however_many_have_news_at_once() -> None:
    leg, rows = Leg(), set[str]()
    for some in portions([*EVENTS[:500], Events(tuple(EVENTS[500:]))]):
        leg, sends = step("a", leg, some, AT)
        record = sends.record(ACCOUNT, "a")
        assert record is not None
        rows.update(row.leg_id for row in record.legs)
    assert rows == {name for each in EVENTS for name in each.ids}
