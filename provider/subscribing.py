"""Bring subscriptions in line with the wish: list, add what is missing, list again if in doubt."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from provider.rest.errors import LimitReachedError, UnansweredError
from provider.rest.retries import WHEN_LOOKED_FOR, retrying
from provider.subscriptions import Line, Room, Standing, Wish, plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from provider.rest.client import Client
    from provider.rest.models import Event

ATTEMPTS = 4
LONGEST_PAUSE_SECONDS = 10.0


def look(client: Client, wish: Wish) -> list[Line]:
    """List the subscriptions; nothing is changed."""
    there = {extension: client.events(extension) for extension in wish.extensions}
    return plan(wish, there, room_of(client))


def room_of(client: Client) -> Room:
    """Return the room that the limits leave; the provider may not say."""
    limits = client.limits()
    return Room() if limits is None else Room(limits.extension_events, limits.client_events)


def subscribe(client: Client, wish: Wish, sleep: Callable[[float], None] = time.sleep) -> list[Line]:
    """Add what is missing, and return the result. Idempotent."""
    return _Subscribing(client, wish, sleep).run()


class _Subscribing:
    """One run. It remembers what was there before, so that a repeated try still knows what it added."""

    def __init__(self, client: Client, wish: Wish, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._wish = wish
        self._room = room_of(client)
        self._there: dict[str, list[Event]] = {each: client.events(each) for each in wish.extensions}
        self._before = {extension: {event.id for event in found} for extension, found in self._there.items()}
        self._full: set[str] = set()
        """Extensions for which the provider has refused another event."""
        self._retrying = retrying(ATTEMPTS, LONGEST_PAUSE_SECONDS, sleep, on=WHEN_LOOKED_FOR)

    def run(self) -> list[Line]:
        for extension in self._wish.extensions:
            self._retrying.copy()(self._complete, extension)
        return [self._told(line) for line in self._plan()]

    def _plan(self) -> list[Line]:
        return plan(self._wish, self._there, self._room)

    def _complete(self, extension: str) -> None:
        """Add what is missing; an addition without an answer is looked for before it is tried again."""
        missing = [
            line for line in self._plan() if line.extension == extension and line.standing == "missing"
        ]
        try:
            for line in missing:
                added = self._client.add_event(
                    extension, url=line.url, event_type=line.event_type, method=line.method
                )
                self._there[extension].append(added)
        except LimitReachedError:
            self._full.add(extension)
        except UnansweredError:
            self._there[extension] = self._client.events(extension)
            raise

    def _told(self, line: Line) -> Line:
        if line.standing is Standing.MISSING and line.extension in self._full:
            return replace(line, standing=Standing.OVER_LIMIT)
        known = {str(each) for each in self._before[line.extension]}
        if line.standing is Standing.THERE and line.id not in known:
            return replace(line, standing=Standing.ADDED)
        return line
