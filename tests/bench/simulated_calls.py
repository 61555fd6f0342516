"""Calls of the simulated provider, straight into the tables: a million of them takes minutes, not an hour.

There is no HTTP and no Kafka, and else it is as in a running stack: the provider's model makes the calls and
misbehaves as in `make demo`, the normalizer reads the bytes of each callback in the order in which they come,
and the sink's own code makes rows of them and inserts these. What the correlator would arrive at is made at
once: the row that a call's events fold to by then, and a call that never ends is closed after a silence.

`python -m tests.bench.simulated_calls HOST PORT DATABASE SEED CALLS BEGIN END` loads the calls that one seed
makes and that begin between two times (µs since 1970). It tells of its progress on standard error, and in the
end of what there was as JSON. Several with seeds of their own may run at once: their ids never meet.
"""

from __future__ import annotations

import gc
import sys
import time
import uuid
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from hashlib import blake2b
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import orjson

from processors.normalize.step import Normalized, Rejected, normalize
from runtime.settings import ClickHouseSettings, CorrelateSettings, Settings
from schemas.callbacks import Callback
from schemas.calls import is_complete
from schemas.events import CallEvent
from schemas.legs import Leg
from schemas.records import FOR_GOOD
from schemas.times import SECOND
from schemas.topics import Topic
from simulator.schedule import Span, in_order, plan
from simulator.traffic import CALLBACKS_A_CALL, Sender
from sinks.batch import Batch
from sinks.rows import event_row
from sinks.store import Store
from tests.bench.simulate import MISBEHAVIOUR
from tests.kit.messages import StoredMessage
from tests.sinks.folded import joined, record_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.records import Record
    from simulator.schedule import Sending

ACCOUNT = "bench"
SHOP = Sender("shop", ACCOUNT, "common-api", "Asia/Shanghai")
PBX = Sender("pbx", ACCOUNT, "extension-events", "UTC")
SENDERS = (SHOP, PBX)
"""A call centre and an office: half of the calls have a CDR, and the ids of the other half hold no time."""
ZONES = {sender.source: ZoneInfo(sender.timezone) for sender in SENDERS}

PORTION = 5_000
"""So many calls' callbacks, on average, are inserted at once."""
LATENCY = SECOND // 20
"""A callback is with the ingress within so much (µs) of its sending."""
SILENCE = int(CorrelateSettings().silence_seconds * SECOND)
FORGET = int(CorrelateSettings().forget_seconds * SECOND)
PROGRESS_SECONDS = 10.0

EVENT_MESSAGE, RECORD_MESSAGE = StoredMessage(Topic.EVENTS.value), StoredMessage(Topic.RECORDS.value)
"""A batch counts messages; it takes no other notice of them."""


@dataclass(frozen=True, slots=True)
class Told:
    """A callback on its way through the pipeline."""

    sending: Sending
    callback: Callback
    said: Normalized | Rejected


@dataclass(slots=True)
class Totals:
    """What there was."""

    calls: int = 0
    """Of which anything was told: some that the API starts never are."""
    callbacks: int = 0
    rejected: int = 0
    """Callbacks of which nothing can be made."""
    closed: int = 0
    """Calls that lack an end."""
    portions: int = 0

    def __add__(self, other: Totals) -> Totals:
        """Of both together."""
        return Totals(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def told(seed: int, calls: int, span: Span) -> Iterator[Told]:
    """The callbacks of so many calls, in the order in which they come. Pure."""
    rng = Random(f"ingress {seed}")
    for sending in in_order(plan(seed, SENDERS, calls, span, MISBEHAVIOUR)):
        sender, request = sending.planned.sender, sending.delivery.request
        callback = Callback(
            id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            source=sender.source,
            account=sender.account,
            received_at=sending.delivery.due + int(rng.random() * LATENCY),
            method="GET" if request.method == "GET" else "POST",
            content_type=request.content_type,
            peer="127.0.0.1",
            payload=request.query.encode() if request.method == "GET" else request.body,
        )
        yield Told(sending, callback, normalize(callback, sender.dialect, ZONES[sender.source]))


class Loader:
    """Takes callbacks in and writes what comes of them, a portion at a time."""

    def __init__(self, store: Store, *, timeless: bool = False) -> None:
        self.totals = Totals()
        self._timeless = timeless
        self._store = store
        self._batch = Batch()
        self._known: dict[str, list[CallEvent]] = {}
        """The events of each call that may have news yet, by call id."""
        self._touched: set[str] = set()
        self._told: dict[str, Record] = {}
        """Of each of them what was written last."""

    def take(self, each: Told) -> None:
        """Take in what one callback comes to."""
        self.totals.callbacks += 1
        if isinstance(each.said, Rejected):
            self.totals.rejected += 1
            return
        planned = each.sending.planned
        self.totals.calls += each.sending.delivery is planned.fate.deliveries[0]
        call_id = planned.call.truth.call_id
        events = [timeless(event) if self._timeless else event for event in each.said.events]
        self._known.setdefault(call_id, []).extend(events)
        self._touched.add(call_id)
        for event in events:
            self._batch.add(EVENT_MESSAGE, event_row(event), 0.0)

    def write(self, now: int | None = None) -> None:
        """Insert what was taken in, and close the calls that are silent by this time (µs), or all of them."""
        forgotten: list[str] = []
        for call_id, events in self._known.items():
            quiet = SILENCE if now is None else now - max(event.last_heard for event in events)
            if quiet >= SILENCE and events[-1].kind != "closed":
                self._close(call_id, events)
            if quiet >= FORGET:
                forgotten.append(call_id)
        for call_id in self._touched:
            self._tell(call_id, record_of(self._known[call_id]))
        for _, taken in self._store.insert(self._batch.inserts()):
            if taken.error is not None:
                raise taken.error
        for call_id in forgotten:
            del self._known[call_id]
            self._told.pop(call_id, None)
        self._batch, self._touched = Batch(), set()
        self.totals.portions += 1

    def _tell(self, known: str, record: Record) -> None:
        """Write a call's row; what it had under the name of another leg is gone."""
        before = self._told.get(known, record)
        if before.call_id != record.call_id:
            legs = tuple(Leg(leg_id=leg.leg_id) for leg in before.legs)
            gone = replace(before, call=None, legs=legs, former=(), gone=True, version=FOR_GOOD)
            self._batch.add(RECORD_MESSAGE, gone, 0.0)
        self._batch.add(RECORD_MESSAGE, record, 0.0)
        self._told[known] = record

    def _close(self, known: str, events: list[CallEvent]) -> None:
        if not is_complete(joined(events)):
            last = max(event.last_heard for event in events)
            call_id = min(name for event in events for name in event.ids)
            events.append(closing(events[0], call_id, last))
            self._batch.add(EVENT_MESSAGE, event_row(events[-1]), 0.0)
            self._touched.add(known)
            self.totals.closed += 1


def timeless(event: CallEvent) -> CallEvent:
    """The office's ids hold no time: the same event with random ones, as `uuid4` makes them."""
    if event.source != PBX.source:
        return event
    return replace(
        event,
        ids=tuple(sorted(map(_random_id, event.ids))),
        leg=_random_id(event.leg),
        uuid=event.uuid and _random_id(event.uuid),
        written=None,
    )


@lru_cache(100_000)
def _random_id(known: str) -> str:
    return str(uuid.UUID(bytes=blake2b(known.encode(), digest_size=16).digest(), version=4)) if known else ""


def closing(event: CallEvent, call_id: str, at: int) -> CallEvent:
    """What correlate makes of a call's silence."""
    return CallEvent(
        event_id=f"closing-{call_id}",
        callback_id="",
        account=event.account,
        source=event.source,
        dialect=event.dialect,
        kind="closed",
        ids=(call_id,),
        leg=call_id,
        received_at=at,
        occurred_at=at,
        clock="ingress",
        extra={"reason": "timeout"},
    )


def load(
    settings: Settings, seed: int, calls: int, span: Span, portion: int = PORTION, *, timeless: bool = False
) -> Totals:
    """Write them all, so many calls at a time; raise `StoreError` if ClickHouse does not take them.

    `timeless` gives the office's calls ids that hold no time.
    """
    store = Store(settings)
    try:
        store.check()
        loader = Loader(store, timeless=timeless)
        progress = Progress(seed, calls)
        size = int(portion * CALLBACKS_A_CALL)
        for number, each in enumerate(told(seed, calls, span), 1):
            loader.take(each)
            if number % size == 0:
                loader.write(each.callback.received_at)
                progress.show(loader.totals)
        loader.write()
    finally:
        store.close()
    return loader.totals


class Progress:
    """A line on standard error now and then."""

    def __init__(self, seed: int, calls: int) -> None:
        self._seed = seed
        self._calls = calls
        self._begun = self._shown = time.monotonic()

    def show(self, totals: Totals) -> None:
        """How far it is, unless that was said just now."""
        now = time.monotonic()
        if now - self._shown >= PROGRESS_SECONDS:
            self._shown = now
            rate = totals.calls / (now - self._begun)
            sys.stderr.write(f"seed {self._seed}: {totals.calls:,} of {self._calls:,} calls, {rate:,.0f}/s\n")


def main(clickhouse: ClickHouseSettings, seed: int, calls: int, span: Span) -> None:
    """Load, and tell what there was."""
    gc.disable()  # nothing here goes in circles, and looking for that takes a twelfth of the time
    totals = load(Settings(clickhouse=clickhouse), seed, calls, span, timeless=True)
    sys.stdout.buffer.write(orjson.dumps(asdict(totals)) + b"\n")


if __name__ == "__main__":
    host, port, database, *numbers = sys.argv[1:]
    main(
        ClickHouseSettings(host=host, port=int(port), database=database, query_timeout_seconds=300),
        int(numbers[0]),
        int(numbers[1]),
        Span(int(numbers[2]), int(numbers[3])),
    )
