"""What becomes of a leg without news: its call is closed, and in the end it is forgotten."""

from __future__ import annotations

import itertools
from enum import Enum
from hashlib import blake2b
from typing import TYPE_CHECKING, Generic, TypeVar

import orjson

from schemas.calls import is_call, is_complete
from schemas.events import UNHEARD, CallEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from processors.correlate.leg import Leg

Key = TypeVar("Key")


class Quiet(Enum):
    """What a leg's silence calls for, in this order."""

    CLOSE = "close"
    """Its call if that is open; a call that expects nothing more is forgotten at once."""
    FORGET = "forget"


def is_open(own: str, leg: Leg) -> bool:
    """Whether this leg stands for a call that still expects news and is not closed."""
    if leg.root(own) != own or expects_nothing(own, leg):
        return False
    return last_closed(leg) < last_heard(leg)


def expects_nothing(own: str, leg: Leg) -> bool:
    """Whether the leg stands for a call that is complete, or for none."""
    events = leg.events.values()
    return leg.root(own) == own and (not is_call(events) or is_complete(events))


def last_heard(leg: Leg) -> int:
    """When the last callback was received, in microseconds since 1970 UTC."""
    return max((e.last_heard for e in leg.events.values() if e.kind not in UNHEARD), default=0)


def last_closed(leg: Leg) -> int:
    """The last receipt before the call was closed, in microseconds since 1970 UTC; 0 if it never was."""
    return max([e.received_at for e in leg.events.values() if e.kind == "closed"], default=0)


def closing(account: str, own: str, leg: Leg, reason: str) -> CallEvent:
    """Make the event that closes the leg's call: in force until any callback is received later.

    The same news gives the same event, however often the silence after it is noticed.
    """
    at = last_heard(leg)
    last = max(leg.events.values(), key=lambda event: (event.last_heard, event.event_id))
    text = orjson.dumps([account, own, at])
    return CallEvent(
        event_id=blake2b(text, digest_size=16).hexdigest(),
        callback_id="",
        account=account,
        source=last.source,
        dialect=last.dialect,
        kind="closed",
        ids=(own,),
        leg=own,
        received_at=at,
        occurred_at=at,
        clock="ingress",
        extra={"reason": reason},
    )


def is_reopened(before: Leg, after: Leg) -> bool:
    """Whether what came between the two is news of a call that was closed."""
    closed = last_closed(before)
    return closed > 0 and last_heard(before) <= closed < last_heard(after)


def close_after(leg: Leg, waits: Mapping[str, int], usual: int) -> int:
    """After how long a silence the leg's call is closed: of several sources, the longest of their waits.

    A source that has none of its own waits as `usual`; all in microseconds.
    """
    if not waits:
        return usual
    sources = {event.source for event in leg.events.values()}
    return max((waits.get(source, usual) for source in sources), default=usual)


class Silences(Generic[Key]):
    """Since when each key has had no news; finds who has been silent for long without asking all of them.

    Times are in microseconds, of a clock that never jumps.
    """

    def __init__(self, *, forget_us: int) -> None:
        """After how long a silence a key is forgotten, but never before it was due to be closed."""
        self._forget_us = forget_us
        self._queues: dict[int, _Queue[Key]] = {}

    def touch(self, key: Key, now: int, close_us: int) -> None:
        """Note news of this key, which is due to be closed after so long a silence.

        Times never go backwards, and there are few different waits.
        """
        for queue in self._queues.values():
            queue.drop(key)
        if close_us not in self._queues:
            self._queues[close_us] = _Queue(close_us, max(close_us, self._forget_us))
        self._queues[close_us].append(key, now)

    def due(self, now: int, most: int) -> list[tuple[Key, Quiet]]:
        """Give up to so many keys that have been silent for long enough, each with what that calls for."""
        found = itertools.chain.from_iterable(queue.due(now, most) for queue in self._queues.values())
        return list(itertools.islice(found, most))

    def clear(self) -> None:
        """Forget all keys."""
        self._queues.clear()


class _Queue(Generic[Key]):
    """Keys that wait for the same: each in one of two lines, the oldest first."""

    def __init__(self, close_us: int, forget_us: int) -> None:
        self._waits = {Quiet.CLOSE: close_us, Quiet.FORGET: forget_us}
        self._lines: dict[Quiet, dict[Key, int]] = {quiet: {} for quiet in Quiet}

    def drop(self, key: Key) -> None:
        for line in self._lines.values():
            line.pop(key, None)

    def append(self, key: Key, since: int) -> None:
        self._lines[Quiet.CLOSE][key] = since

    def due(self, now: int, most: int) -> Iterator[tuple[Key, Quiet]]:
        """Give up to so many of each line that are due, the oldest first; each goes on to the next line."""
        following = dict(itertools.pairwise(Quiet))
        for quiet, line in self._lines.items():
            for key, since in list(itertools.islice(line.items(), most)):
                if since + self._waits[quiet] > now:
                    break
                del line[key]
                if quiet in following:
                    self._lines[following[quiet]][key] = since
                yield key, quiet
