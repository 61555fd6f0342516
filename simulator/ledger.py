"""What was sent, how it was answered, and the row that each call must become; as JSON lines.

`sent.jsonl` has a line for each attempt, `expected.jsonl` one for each call. Both hold numbers and links of
recordings: only their owner can read them.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import orjson

from schemas.dialects import SENDING_CDRS
from simulator import expected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from simulator.model import SimulatedCall
    from simulator.schedule import Planned, Sending

SENT, EXPECTED = "sent.jsonl", "expected.jsonl"
OK, BAD_REQUEST = 200, 400


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request and its answer; times are µs since 1970, by this machine's clock."""

    number: int
    """1 for the first."""
    sent_at: int
    answered_at: int | None
    """None: no complete answer arrived."""
    status: int | None
    id: str | None
    """The callback's id in the answer."""
    final: bool
    """Whether it is not sent again."""


@dataclass(slots=True)
class _Arrivals:
    """The times between which the callbacks of some webhooks reached the ingress."""

    first: expected.Interval | None = None
    last: expected.Interval | None = None

    def add(self, sent_at: int, answered_at: int | None) -> None:
        """Add an attempt. Of one without an answer it is unknown when or whether it arrived."""
        until = answered_at
        if self.first is None or self.last is None:
            self.first = self.last = expected.Interval(sent_at, until)
            return
        ends = [each for each in (self.first.latest, until) if each is not None]
        self.first = expected.Interval(min(self.first.earliest, sent_at), min(ends, default=None))
        latest = None if until is None or self.last.latest is None else max(self.last.latest, until)
        # an unanswered attempt may not have arrived: it moves no lower bound
        earliest = self.last.earliest if until is None else max(self.last.earliest, sent_at)
        self.last = expected.Interval(earliest, latest)


@dataclass(slots=True)
class _Open:
    left: int
    unacknowledged: int = 0
    all: _Arrivals = field(default_factory=_Arrivals)
    rings: _Arrivals = field(default_factory=_Arrivals)


class Ledger:
    """Written during the run; a call's expected row once its last webhook is done."""

    def __init__(self, folder: Path, finished: Callable[[SimulatedCall], None] | None = None) -> None:
        """In a folder of its own; `finished` gets each call with nothing left to send."""
        self.folder = folder
        self._finished = finished
        self.outcomes: Counter[str] = Counter()
        """How many webhooks, duplicates, malformed requests, calls and lost hangups there were."""
        self._open: dict[int, _Open] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sent, self._expected = _created(self.folder / SENT), _created(self.folder / EXPECTED)
        return self

    def __exit__(self, *_: object) -> None:
        self._sent.close()
        self._expected.close()

    @property
    def under_way(self) -> int:
        return len(self._open)

    def begins(self, planned: Planned) -> None:
        self.outcomes["calls"] += 1
        self.outcomes["lost"] += len(planned.fate.lost)
        if planned.fate.deliveries:
            self._open[planned.number] = _Open(len(planned.fate.deliveries))

    def note(self, sending: Sending, attempt: Attempt) -> None:
        planned, delivery = sending.planned, sending.delivery
        webhook = planned.call.webhooks[delivery.place]
        line = {
            "source": planned.sender.source,
            "call_id": planned.call.truth.call_id,
            "webhook": delivery.place,
            "kind": webhook.kind,
            "why": delivery.why,
            "mischief": delivery.mischief,
            "attempt": attempt.number,
            "sent_at": attempt.sent_at,
            "answered_at": attempt.answered_at,
            "status": attempt.status,
            "id": attempt.id,
        }
        self._sent.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        state = self._open[planned.number]
        if delivery.why not in {"malformed", "probe"}:
            state.all.add(attempt.sent_at, attempt.answered_at)
            if webhook.kind == "ring":
                state.rings.add(attempt.sent_at, attempt.answered_at)
        if not attempt.final:
            return
        self.outcomes[delivery.why] += 1
        if delivery.why == "told" and delivery.mischief:
            self.outcomes["untidy"] += 1
        taken = {OK} if delivery.why != "malformed" else {OK, BAD_REQUEST}
        if attempt.status not in taken:
            state.unacknowledged += 1
            self.outcomes["unacknowledged"] += 1
        state.left -= 1
        if not state.left:
            self._finish(planned, self._open.pop(planned.number))

    def _finish(self, planned: Planned, state: _Open) -> None:
        if self._finished is not None:
            self._finished(planned.call)
        between = {"first_received_at": state.all.first, "last_received_at": state.all.last}
        if planned.sender.dialect in SENDING_CDRS:
            between["rang_at"] = state.rings.first
        untidy = planned.fate.untidy
        between["doubts"] = expected.Interval(sum(each.doubts for each in untidy.values()), None)
        line = {
            "source": planned.sender.source,
            "account": planned.sender.account,
            "scenario": planned.call.truth.scenario,
            "unacknowledged": state.unacknowledged,
            "columns": expected.columns(planned.call, planned.fate.lost, untidy),
            "between": {name: times and [times.earliest, times.latest] for name, times in between.items()},
        }
        self._expected.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            yield orjson.loads(line)


def _created(path: Path) -> BinaryIO:
    """Create a file that only this user can read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
