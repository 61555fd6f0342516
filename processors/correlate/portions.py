"""Cut what a leg is told into portions, so that every leg that has news gets its row. Pure.

A record has rows of only some hundred legs of a call. After an outage, or in a replay, more of them may have
news in one batch, and neither people nor recall find a leg that has no row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.events import CallEvent
from schemas.legs import MOST_LEGS
from schemas.links import Events, HandedOn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.links import Told


def portions(messages: list[Told]) -> list[list[Told]]:
    """Return all messages in order, in portions whose events name at most `MOST_LEGS` legs.

    A single event may name more. Events that were told together may be told one after the other.
    """
    if sum(len(event.ids) for message in messages for event in _events(message)) <= MOST_LEGS:
        return [messages]
    found: list[list[Told]] = [[]]
    named: set[str] = set()
    for message in _singly(messages):
        names = {name for event in _events(message) for name in event.ids}
        if named and len(named | names) > MOST_LEGS:
            found.append([])
            named = set()
        found[-1].append(message)
        named |= names
    return found


def _singly(messages: Iterable[Told]) -> Iterator[Told]:
    for message in messages:
        if isinstance(message, Events):
            yield from (Events((event,)) for event in message.events)
        else:
            yield message


def _events(message: Told) -> tuple[CallEvent, ...]:
    if isinstance(message, CallEvent):
        return (message,)
    if isinstance(message, HandedOn):
        return (message.event,)
    return message.events if isinstance(message, Events) else ()
