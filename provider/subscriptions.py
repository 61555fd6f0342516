"""Which events an extension should send us, which it does, and what to do about it. Pure.

Document 003 has no way to change or remove a subscription: one that is in the way is reported, for people to
remove.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provider.rest.models import Event

DEFAULT_EVENTS = ("dial-in", "dial-out", "answer", "hangup", "voicemail")
EVENT_TYPES = (*DEFAULT_EVENTS, "message-in", "message-out")


class Standing(StrEnum):
    THERE = "there"
    """It is sent to our URL."""
    MISSING = "missing"
    """It must be added."""
    ADDED = "added"
    """It was missing, and has been added."""
    OVER_LIMIT = "over the limit"
    """It is missing, and the provider's limit leaves no room for it."""
    TWICE = "twice"
    """It is sent to our URL already: each of these sends every event once more."""
    OTHER_METHOD = "other method"
    """It is sent to our URL by the other method, GET or POST: just as good for us."""
    STALE = "old URL"
    """It is sent to our ingress under another token: another source's, or a void one."""
    FOREIGN = "another URL"
    """It is sent to another URL."""


DRIFT = frozenset({Standing.MISSING, Standing.OVER_LIMIT, Standing.TWICE, Standing.STALE})
"""What `callweave subscribe --check` reports as drift."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What each of these extensions should send us."""

    extensions: tuple[str, ...]
    events: tuple[str, ...]
    url: str
    method: str


@dataclass(frozen=True, slots=True)
class Line:
    extension: str
    event_type: str
    standing: Standing
    method: str
    url: str
    """Holds a secret: show it only through `shown_url`."""
    id: str = ""
    """The provider's id, or '' if it does not exist there."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many events may be monitored; None if unknown."""

    of_extension: int | None = None
    of_client: int | None = None


def plan(wish: Wish, there: Mapping[str, Sequence[Event]], room: Room) -> list[Line]:
    """Return a line for each event that exists or should; `there` has every extension of the wish.

    The client's other extensions are not known here. Their events count against its limit as well, so the
    provider decides.
    """
    lines = []
    free_of_client = _free(room.of_client, sum(len(events) for events in there.values()))
    for extension in wish.extensions:
        events = there[extension]
        found = list(_found(wish, extension, events))
        coming = {
            line.event_type for line in found if line.standing in {Standing.THERE, Standing.OTHER_METHOD}
        }
        free = _free(room.of_extension, len(events))
        for event_type in wish.events:
            if event_type in coming:
                continue
            fits = free > 0 and free_of_client > 0
            if fits:
                free, free_of_client = free - 1, free_of_client - 1
            standing = Standing.MISSING if fits else Standing.OVER_LIMIT
            found.append(Line(extension, event_type, standing, wish.method, wish.url))
        lines += sorted(found, key=_order)
    return lines


def _free(limit: int | None, used: int) -> float:
    return float("inf") if limit is None else limit - used


def _found(wish: Wish, extension: str, events: Iterable[Event]) -> Iterable[Line]:
    """Return the existing ones; of those to our URL the one with our method comes first."""
    seen: set[str] = set()
    ours_first = sorted(events, key=lambda event: (not _is_to(wish, event), not _is_by(wish, event)))
    for event in ours_first:
        standing = _standing(wish, event, again=event.event_type in seen)
        if _is_to(wish, event):
            seen.add(event.event_type)
        yield Line(extension, event.event_type, standing, event.method, event.url, str(event.id))


def _standing(wish: Wish, event: Event, *, again: bool) -> Standing:
    if _is_to(wish, event):
        if again:
            return Standing.TWICE
        return Standing.THERE if _is_by(wish, event) else Standing.OTHER_METHOD
    return Standing.STALE if place(event.url) == place(wish.url) else Standing.FOREIGN


def _is_to(wish: Wish, event: Event) -> bool:
    """Whether it is sent to our URL; parameters of its own (document 003) lead nowhere else."""
    return _split(event.url) == _split(wish.url)


def _is_by(wish: Wish, event: Event) -> bool:
    return event.method.upper() == wish.method


def _order(line: Line) -> tuple[int, str, str]:
    known = EVENT_TYPES.index(line.event_type) if line.event_type in EVENT_TYPES else len(EVENT_TYPES)
    return known, line.standing, line.id


def _split(url: str) -> tuple[str, str, str]:
    """Return scheme and server, the rest of the path, and the token at its end; empty texts for no URL.

    A slash after the token changes nothing, nor do capitals in the server's name.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", "", ""
    folder, _, token = parts.path.removesuffix("/").rpartition("/")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}", folder, token


def place(url: str) -> str:
    """Return a callback URL without its query and the token at the end of its path."""
    server, folder, _ = _split(url)
    return server + folder


def shown_url(url: str) -> str:
    """Return a subscription's URL for people: whoever knows the rest could send callbacks in its name."""
    server, *_ = _split(url)
    return f"{server}/…" if server else "…"


def token_of(url: str) -> str:
    """Return the token in a callback URL, or ''."""
    return _split(url)[2]
