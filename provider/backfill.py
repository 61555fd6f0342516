"""Ask the provider for calls whose end never arrived, and publish its answers as callbacks.

A call whose history arrived is complete, and is not asked for again. But calls that the provider doesn't
know, or that are not over, would be: so an interrupted run keeps how far it got in a file (`Progress`).
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import orjson

from provider.dialling import answered
from provider.rest.errors import NotFoundError, RefusedError, UnreadableError
from runtime import clickhouse
from runtime.files import replace_file
from runtime.portions import portions
from schemas.dialects import WITH_API

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from provider.publishing import Publish
    from provider.rest.client import Client
    from runtime.clock import Clock
    from runtime.settings import Settings
    from runtime.sources import Source

VERSION = 1
PAGE = 200
"""Calls read from ClickHouse at once."""
MOST_IDS = 4
"""How many ids of a call are tried: the provider answers only to its own id of the call."""

UNFINISHED = """
FROM (SELECT *, toUnixTimestamp64Micro(assumeNotNull(first_received_at)) AS first_us FROM calls)
WHERE account = %(account)s AND has(sources, %(source)s) AND hasAny(dialects, %(dialects)s)
  AND state != 'complete' AND NOT has_cdr
  AND first_us >= %(since)s AND first_us < %(until)s
  AND toUnixTimestamp64Micro(assumeNotNull(last_received_at)) < %(silent)s
  AND (first_us, call_id) > (%(after)s, %(after_id)s)
"""
"""Calls whose end we were not told of, and that nothing was heard of for a while.

Times are compared as numbers: clickhouse-driver writes a datetime without its microseconds.
"""

BEHIND = f"""
SELECT first_us, call_id, uuid, legs, if(has(kinds, 'requested'), events, [])
{UNFINISHED}
ORDER BY first_us, call_id
LIMIT {PAGE}
"""

REQUESTS = """
SELECT leg FROM call_events
WHERE account = %(account)s AND event_id IN %(events)s AND kind = 'requested'
"""
"""The API's ids of the calls that it started; by the key of the table."""


class Result(StrEnum):
    PUBLISHED = "published"
    UNKNOWN = "unknown"
    """The provider has no such call."""
    OPEN = "open"
    """The provider knows it, and it is not over."""
    REFUSED = "refused"
    """The provider answers something else: one such call must not keep the others from their end."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which calls: those first reported in this time (µs since 1970 UTC), and silent since `silent`."""

    since: int
    until: int
    silent: int


@dataclass(frozen=True, slots=True)
class Position:
    first_received_at: int = 0
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A call without an end, and the ids by which the provider may know it."""

    position: Position
    names: tuple[str, ...]


def payload_of(call_id: str, asked_at: int, answer: dict[str, Any]) -> bytes:
    """Return a `history` callback's payload; `asked_at` is in microseconds since 1970 UTC."""
    return orjson.dumps({"v": VERSION, "call_id": call_id, "asked_at": asked_at, "answer": answer})


def is_over(answer: dict[str, Any]) -> bool:
    return bool(answer.get("hangup_time_gmt"))


def names_of(uuid: str | None, requested: Iterable[str], legs: Iterable[str]) -> tuple[str, ...]:
    """Return the ids to try, the likeliest first.

    `call_uuid` is what events call `CallID`; for a call that the API started it is the `call_id` of that
    answer (document 004).
    """
    likely = [*requested, *([uuid] if uuid else []), *sorted(legs)]
    return tuple(dict.fromkeys(likely))[:MOST_IDS]


class Calls:
    """The unfinished calls of a source, as ClickHouse knows them."""

    def __init__(self, settings: Settings, source: Source, window: Window) -> None:
        self._settings = settings.clickhouse
        self._parameters: dict[str, object] = {
            "account": source.account,
            "source": source.name,
            "since": window.since,
            "until": window.until,
            "silent": window.silent,
            "dialects": sorted(WITH_API),
        }

    def count(self, after: Position) -> int:
        return int(self._ask(f"SELECT count() {UNFINISHED}", after)[0][0])

    def behind(self, after: Position) -> Iterator[Unfinished]:
        """Return those after this position, in order, read page by page."""
        while True:
            page = self._ask(BEHIND, after)
            requests = self._requests({event for *_, events in page for event in events})
            for first_received_at, call_id, uuid, legs, _ in page:
                after = Position(first_received_at, call_id)
                yield Unfinished(after, names_of(uuid, sorted(requests.intersection(legs)), legs))
            if len(page) < PAGE:
                return

    def _requests(self, events: set[str]) -> set[str]:
        """Return the ids that the API gave to calls with these events."""
        return {leg for some in portions(events) for (leg,) in self._execute(REQUESTS, {"events": some})}

    def _ask(self, query: str, after: Position) -> list[tuple[Any, ...]]:
        return self._execute(query, {"after": after.first_received_at, "after_id": after.call_id})

    def _execute(self, query: str, parameters: dict[str, object]) -> list[tuple[Any, ...]]:
        with clickhouse.connected(self._settings) as client:
            rows: list[tuple[Any, ...]] = client.execute(query, self._parameters | parameters)
        return rows


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run got, in a file beside the data."""

    path: Path

    def position(self, asked: dict[str, Any]) -> Position:
        """Where an interrupted run with these options stopped, or the beginning."""
        try:
            known = orjson.loads(self.path.read_bytes())
            return Position(**known["position"]) if known["asked"] == asked else Position()
        except (OSError, ValueError, KeyError, TypeError):
            return Position()

    def reached(self, asked: dict[str, Any], position: Position) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        document = {"asked": asked, "position": asdict(position)}
        replace_file(self.path, orjson.dumps(document))

    def done(self) -> None:
        """Let the next run start over."""
        self.path.unlink(missing_ok=True)


class Pace:
    """At most this many requests a second, evenly spread."""

    def __init__(
        self,
        per_second: float,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 1 / per_second
        self._monotonic = monotonic
        self._sleep = sleep
        self._next = 0.0

    def wait(self) -> None:
        """Return when the next request is due."""
        now = self._monotonic()
        if now < self._next:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._gap


@dataclass(frozen=True, slots=True)
class Asker:
    """What one call's processing needs."""

    client: Client
    publish: Publish
    source: Source
    clock: Clock
    pace: Pace

    def heal(self, call: Unfinished) -> Result:
        """Ask for the call and publish its history; raise `ProviderError` or `UnpublishedError`."""
        refused = False
        for name in call.names:
            self.pace.wait()
            asked_at = self.clock.now()
            try:
                answer = self.client.call_history(name)
            except NotFoundError:
                continue
            except (RefusedError, UnreadableError):
                refused = True
                continue
            if not is_over(answer):
                return Result.OPEN
            payload = payload_of(name, asked_at, answer)
            self.publish(answered("history", self.source, self.clock.now(), payload))
            return Result.PUBLISHED
        return Result.REFUSED if refused else Result.UNKNOWN


def run(
    calls: Calls, asker: Asker, progress: Progress, asked: dict[str, Any], after: Position
) -> Iterator[Result]:
    """Process every call after `after`, one a step; the position is kept after each."""
    for call in calls.behind(after):
        result = asker.heal(call)
        progress.reached(asked, call.position)
        yield result
    progress.done()
