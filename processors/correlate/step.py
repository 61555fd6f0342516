"""The correlator's step: what one leg does with a batch of messages.

A leg's root is the smallest leg that it knows of its call. Events travel to the root, links tell larger legs
of it. Each message goes to a strictly smaller leg or tells a larger one of a smaller, so it ends; and every
leg of a connected call reaches the smallest among them, in whatever order the messages arrive.

A worker may die after the state was saved and before all was sent, and then sees the batch again. So what is
sent depends on the messages and on the state after them, never on what changed: the repeated batch sends it
again. Left out is only what was said before and the broker acknowledged (`Leg.told`): a link to a leg, which
reaches the root of then, and that is told of every later one; and that the state began with nothing.

A worker that stood still may work on the same messages as the one that took its legs over, and not know of a
link that came since: it emits the leg's events as a call's. So whatever comes for a leg that has a smaller
root, it is emitted as gone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from processors.correlate.bounds import MOST_EVENTS, bounded, is_summed
from processors.correlate.leg import ASKED, Known, Leg, known
from schemas.calls import call_of, days_between, days_of, is_call, version_of
from schemas.legs import MOST_LEGS, former_legs, legs_of
from schemas.legs import Leg as LegRow
from schemas.links import Events, Link
from schemas.records import FOR_GOOD, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schemas.events import CallEvent
    from schemas.links import Told

EVENTS_A_MESSAGE = 100
"""So many events go to another leg in one message."""


@dataclass(slots=True)
class Sends:
    """What a step sends."""

    told: list[tuple[str, Link | Events]] = field(default_factory=list)
    """To other legs."""
    call: Sequence[CallEvent] = ()
    """The events of the call that this leg stands for, if there is news of it."""
    gone: Sequence[CallEvent] = ()
    """The events that this leg knows of the call of a smaller one, if there is news."""
    began: bool = False
    """Whether the leg's state began with nothing, which must be said."""

    def for_good(self) -> frozenset[str]:
        """Give what need not be said again once the broker has acknowledged it, as in `Leg.told`."""
        linked = {leg for leg, told in self.told if isinstance(told, Link)}
        return frozenset(linked | ({ASKED} if self.began else set()))

    def record(self, account: str, own: str) -> Record | None:
        """Give the message for `calls.records`, if there is anything to say."""
        events = self.call or self.gone
        if not events:
            return Record(account=account, call_id=own, began=True) if self.began else None
        row = bool(self.call) and is_call(events)
        return Record(
            account=account,
            call_id=own,
            began=self.began,
            version=FOR_GOOD if self.gone else version_of(events),
            days=days_between(*days_of(events)),
            call=call_of(events) if row else None,
            legs=legs_of(events) if row else _named(events),
            former=former_legs(events) if row else (),
            gone=not row,
        )


def _named(events: Sequence[CallEvent]) -> tuple[LegRow, ...]:
    names = sorted({name for event in events for name in event.ids})
    return tuple(LegRow(leg_id=name) for name in names[:MOST_LEGS])


def step(
    own: str, leg: Leg, messages: Iterable[Told], now: int, most: int = MOST_EVENTS
) -> tuple[Leg, Sends]:
    """Work on messages for the leg `own`; `now` is in microseconds since 1970 UTC.

    Of a call, `most` events are kept one by one.
    """
    came, links = _sorted_out(messages)
    peers = leg.peers | {link.to for link in links if link.to < own}
    root = min(peers, default=own)
    sends = Sends(began=ASKED not in leg.told)
    events, told = leg.events, leg.told
    if root == own:
        unknown = [event for event in came if not is_summed(own, events, event)]
        events = bounded(own, known(events.values(), unknown), most)
        told = _worth_keeping(told, peers, events) if len(told) > most else told
        others = {name for event in came for name in event.ids if name > own}
        sends.call = tuple(events.values()) if came else ()
    else:
        everything = known(events.values(), came)
        others = set(peers - {root}) if links else set()
        sends.told = _forwarded(root, everything.values() if links else came)
        sends.gone = tuple(everything.values())
    sends.told += [(other, Link(root)) for other in sorted(others - leg.told)]
    return Leg(events, peers, told, max(now, leg.touched_at)), sends


def _worth_keeping(told: frozenset[str], peers: frozenset[str], events: Known) -> frozenset[str]:
    """Without legs that no event names any more: they may as well be told again."""
    return told & {ASKED, *peers, *(name for event in events.values() for name in event.ids)}


def _forwarded(root: str, events: Iterable[CallEvent]) -> list[tuple[str, Link | Events]]:
    going = tuple(known(events).values())
    return [
        (root, Events(going[start : start + EVENTS_A_MESSAGE]))
        for start in range(0, len(going), EVENTS_A_MESSAGE)
    ]


def _sorted_out(messages: Iterable[Told]) -> tuple[list[CallEvent], list[Link]]:
    came: list[CallEvent] = []
    links: list[Link] = []
    for message in messages:
        if isinstance(message, Link):
            links.append(message)
        elif isinstance(message, Events):
            came += message.events
        else:
            came.append(message)
    return came, links
