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

A suspect id (see `ties`) takes no link from another call, and hands an event of another call to the next
larger id that the event names, which may be suspect, too. So an event goes up, from `calls.events` and from
suspect to suspect, and then only down: whatever else another leg sends is taken. So messages still end, and
each event has one place.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from processors.correlate.bounds import MOST_BYTES, MOST_EVENTS, bounded, measured
from processors.correlate.known import known, with_news
from processors.correlate.leg import ASKED, Leg
from processors.correlate.ties import MOST_CALLS, tie_of
from schemas.calls import days_of, is_call, version_of
from schemas.events import CallEvent
from schemas.legs import Leg as LegRow
from schemas.legs import Tellings, legs_as_told
from schemas.links import Events, HandedOn, Link, Suspected, Tie, in_messages
from schemas.records import FOR_GOOD, Record, Suspect, row_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from processors.correlate.known import Known
    from processors.correlate.ties import Ties
    from schemas.links import Sent, Told

MOST_PEERS = 300
"""A leg may remember this many smaller legs of its call that it has told of its root."""

MOST_NAMED = 1_000
"""A record that a call is gone names this many legs: more than have events that are kept one by one."""

Refused = tuple["CallEvent | None", Tie]
"""An event, or None for a link, and the call that is one too many."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a call may grow."""

    events: int = MOST_EVENTS
    """So many events of it are kept one by one."""
    calls: int = MOST_CALLS
    """So many calls of an hour may one id tie together."""
    peers: int = MOST_PEERS
    """A leg that knows more smaller ones of its call lets go of those that it told of a root."""


@dataclass(slots=True)
class Sends:
    """What a step sends."""

    told: list[tuple[str, Sent]] = field(default_factory=list)
    """To other legs."""
    call: Sequence[CallEvent] = ()
    """The events of the call that this leg stands for, if there is news of it."""
    whole: Sequence[CallEvent] = ()
    """The same before some of them were summed up just now: the rows of their legs may not be told again."""
    news: frozenset[str] = frozenset()
    """Every leg that the news names."""
    gone: Sequence[CallEvent] = ()
    """The events that this leg knows of the call of a smaller one, if there is news."""
    root: str = ""
    """The leg to whose call these belong."""
    began: bool = False
    """Whether the leg's state began with nothing, which must be said."""
    suspect: Suspect | None = None
    """Set when something was not tied to the leg, since its id ties too many calls."""

    def for_good(self) -> frozenset[str]:
        """Give what need not be said again once the broker has acknowledged it, as in `Leg.told`."""
        linked = [leg for leg, told in self.told if isinstance(told, Link)]
        return frozenset([*linked, ASKED] if self.began else linked)

    def record(self, account: str, own: str) -> Record | None:
        """Give the message for `calls.records`, if there is anything to say."""
        events = self.call or self.gone
        if not events:
            said = self.began or self.suspect
            return (
                Record(account=account, call_id=own, began=self.began, suspect=self.suspect) if said else None
            )
        if self.call and is_call(events):
            told = Tellings(events)
            whole = told if self.whole is events else Tellings(self.whole)
            legs = legs_as_told(whole, self.news)
            return row_of(account, own, told, legs=legs, began=self.began, suspect=self.suspect)
        return Record(
            account=account,
            call_id=own,
            began=self.began,
            version=FOR_GOOD if self.gone else version_of(events),
            days=days_of(events),
            legs=_named(events),
            gone=True,
            part_of=self.root,
            suspect=self.suspect,
        )


def _named(events: Sequence[CallEvent]) -> tuple[LegRow, ...]:
    names = sorted({name for event in events for name in event.ids})
    return tuple(LegRow(leg_id=name) for name in names[:MOST_NAMED])


def step(
    own: str,
    leg: Leg,
    messages: Iterable[Told],
    now: int,
    bounds: Bounds = Bounds(),
) -> tuple[Leg, Sends]:
    """Work on messages for the leg `own`; `now` is in microseconds since 1970 UTC.

    `bounds` say how many events of a call are kept one by one, and how many calls an id may tie.
    """
    most = bounds.events
    leg = _with_few_peers(leg) if len(leg.peers) > bounds.peers else leg
    came, links, refused, ties = _sorted_out(own, leg.ties, messages, bounds.calls)
    peers = leg.peers | {link.to for link in links if link.to < own}
    root = min(peers, default=own)
    sends = Sends(began=ASKED not in leg.told, suspect=_suspect(refused, ties))
    events, told = leg.events, leg.told
    if root == own:
        everything, size = with_news(events, came), measured(leg.size, came)
        events = bounded(own, everything, most, size)
        told = _worth_keeping(told, peers, events) if len(told) > most else told
        sends.told = _linked(own, came, leg.told)
        if came:
            sends.call = tuple(events.values())
            # the rows of very large events might make a record that no broker takes
            is_summed = events is not everything and size <= MOST_BYTES
            sends.whole = tuple(everything.values()) if is_summed else sends.call
            sends.news = frozenset(name for event in came for name in event.ids)
    else:
        everything = known(events.values(), came)
        others = sorted(peers - {root} - leg.told) if links else ()
        sends.told = _forwarded(root, everything.values() if links else came)
        sends.told += [(other, Link(root)) for other in others]
        sends.gone, sends.root = tuple(everything.values()), root
    sends.told += _handed_on(own, refused)
    return Leg(events, peers, told, max(now, leg.touched_at), ties), sends


def _linked(own: str, came: list[CallEvent], told: frozenset[str]) -> list[tuple[str, Sent]]:
    """Links to the larger ids that events name, each with the call of the event that was received first."""
    ties: dict[str, Tie] = {}
    for event in came:
        for name in event.ids:
            if name > own and name not in told:
                if name in ties and event.received_at > ties[name].at:
                    continue
                tie = tie_of(event, name)
                ties[name] = min(tie, ties.get(name, tie), key=_as_received)
    return [(name, Link(own, tie)) for name, tie in sorted(ties.items())]


def _as_received(tie: Tie) -> tuple[int, str, str]:
    return tie.at, tie.call, tie.source


def _handed_on(own: str, refused: list[Refused]) -> list[tuple[str, HandedOn]]:
    """Each event that is not tied to a suspect id, to the next larger one that it names."""
    return [
        (min(name for name in event.ids if name > own), HandedOn(event))
        for event, _ in refused
        if event is not None
    ]


def _suspect(refused: list[Refused], ties: Ties) -> Suspect | None:
    if not refused:
        return None
    last = max((tie for _, tie in refused), key=lambda tie: (tie.at, tie.source))
    return Suspect(since=ties.suspect_at, at=last.at, source=last.source)


def _worth_keeping(told: frozenset[str], peers: frozenset[str], events: Known) -> frozenset[str]:
    """Without legs that no event names any more: they may as well be told again."""
    return told & {ASKED, *peers, *(name for event in events.values() for name in event.ids)}


def _with_few_peers(leg: Leg) -> Leg:
    """Let go of smaller legs that were already told of a root: they may as well be told again.

    An id that ties a few calls an hour, day after day, is told of a smaller leg by each of them.
    """
    settled = (leg.peers & leg.told) - {min(leg.peers)}
    return replace(leg, peers=leg.peers - settled, told=leg.told - settled)


def _forwarded(root: str, events: Iterable[CallEvent]) -> list[tuple[str, Sent]]:
    # a sum goes first: what it stands for may be on its way to the root from elsewhere, too
    going = sorted(known(events).values(), key=lambda event: event.kind != "summed")
    return [(root, Events(some)) for some in in_messages(going)]


def _sorted_out(
    own: str, ties: Ties, messages: Iterable[Told], most_calls: int
) -> tuple[list[CallEvent], list[Link], list[Refused], Ties]:
    """Give events and links that are the leg's, what its id does not tie, and the calls that it ties."""
    came: list[CallEvent] = []
    links: list[Link] = []
    refused: list[Refused] = []
    for message in messages:
        if isinstance(message, Events):
            came += message.events
            continue
        if isinstance(message, Suspected):
            ties = ties.suspected(message.since)
            continue
        said = message.event if isinstance(message, HandedOn) else message
        tie = _tie(own, said)
        if tie is not None:
            ties = ties.admit(tie, most_calls)
            if ties.suspect_at and not ties.holds(tie):
                refused.append((said if isinstance(said, CallEvent) else None, tie))
                continue
        if isinstance(said, Link):
            links.append(said)
        else:
            came.append(said)
    return came, links, refused, ties.recent()


def _tie(own: str, message: Link | CallEvent) -> Tie | None:
    """The call that a message would tie to this id; None if it ties nothing new."""
    if isinstance(message, Link):
        return message.tie
    return tie_of(message, own) if message.ids[-1] > own else None
