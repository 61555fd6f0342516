"""Calls of the simulated provider, straight into the tables: a million of them takes minutes, not an hour.

There is no HTTP and no Kafka, and else it is as in a running stack: the provider's model makes the calls and
misbehaves as in `make demo`, the normalizer reads the bytes of each callback in the order in which they come,
and the sink's own code makes rows of them and inserts these. What the correlator would arrive at is made at
once: a call's records bear its smallest id, and a call that never ends is closed after a silence.

`python -m tests.bench.simulated_calls HOST PORT DATABASE SEED CALLS BEGIN END` loads the calls that one seed
makes and that begin between two times (µs since 1970). It tells of its progress on standard error, and in the
end of what there was as JSON. Several with seeds of their own may run at once: their ids never meet.
"""

from __future__ import annotations

import gc
import sys
import time
import uuid
from dataclasses import asdict, dataclass, fields
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import orjson

from processors.correlate.leg import Leg
from processors.correlate.silence import close
from processors.normalize.step import Normalized, Rejected, normalize
from runtime.settings import ClickHouseSettings, CorrelateSettings, Settings
from schemas.callbacks import Callback
from schemas.calls import is_complete
from schemas.records import join, record_of
from schemas.times import SECOND
from schemas.topics import Topic
from simulator.schedule import Span, in_order, plan
from simulator.traffic import CALLBACKS_A_CALL, Sender
from sinks.batch import Batch
from sinks.rows import Known, event_row
from sinks.store import Store
from tests.bench.simulate import MISBEHAVIOUR
from tests.kit.messages import StoredMessage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.records import Record
    from simulator.schedule import Sending

ACCOUNT = "bench"
SHOP = Sender("shop", ACCOUNT, "common-api", "Asia/Shanghai")
PBX = Sender("pbx", ACCOUNT, "extension-events", "UTC")
SENDERS = (SHOP, SHOP, PBX)
"""Two call centres of one source, and an office: two of three calls have a CDR."""
ZONES = {sender.source: ZoneInfo(sender.timezone) for sender in SENDERS}

PORTION = 5_000
"""So many calls' callbacks, on average, are inserted at once."""
LATENCY = SECOND // 20
"""A callback is with the ingress within so much (µs) of its sending."""
SILENCE = int(CorrelateSettings().silence_seconds * SECOND)
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
            method=request.method,
            content_type=request.content_type,
            peer="127.0.0.1",
            payload=request.query.encode() if request.method == "GET" else request.body,
        )
        yield Told(sending, callback, normalize(callback, sender.dialect, ZONES[sender.source]))


class Loader:
    """Takes callbacks in and writes what comes of them, a portion at a time."""

    def __init__(self, store: Store) -> None:
        self.totals = Totals()
        self._store = store
        self._batch = Batch()
        self._endless: dict[str, Record] = {}
        """What is known of calls whose provider keeps an end to itself, by call id."""

    def take(self, each: Told) -> None:
        """Take in what one callback comes to."""
        self.totals.callbacks += 1
        if isinstance(each.said, Rejected):
            self.totals.rejected += 1
            return
        planned = each.sending.planned
        self.totals.calls += each.sending.delivery is planned.fate.deliveries[0]
        call_id = planned.call.truth.call_id
        for event in each.said.events:
            record = record_of(event)
            self._batch.add(EVENT_MESSAGE, event_row(event, record), 0.0)
            self._add_record(call_id, record)
            if planned.fate.lost:
                self._endless[call_id] = join(self._endless.get(call_id, {}), record)

    def write(self, now: int | None = None) -> None:
        """Insert what was taken in, and close the calls that are silent by this time (µs), or all of them."""
        for call_id, record in list(self._endless.items()):
            if now is None or record["last_received_at"] + SILENCE <= now:
                self._close(call_id, self._endless.pop(call_id))
        for _, error in self._store.insert(self._batch.inserts()):
            if error is not None:
                raise error
        self._batch = Batch()
        self.totals.portions += 1

    def _add_record(self, call_id: str, record: Record) -> None:
        self._batch.add(RECORD_MESSAGE, Known(ACCOUNT, call_id, record), 0.0)

    def _close(self, call_id: str, record: Record) -> None:
        if not is_complete(record):
            _, closed = close(Leg(record=record), "timeout")
            self._add_record(call_id, closed)
            self.totals.closed += 1


def load(settings: Settings, seed: int, calls: int, span: Span, portion: int = PORTION) -> Totals:
    """Write them all, so many calls at a time; raise `StoreError` if ClickHouse does not take them."""
    store = Store(settings)
    try:
        store.check()
        loader = Loader(store)
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
    totals = load(Settings(clickhouse=clickhouse), seed, calls, span)
    sys.stdout.buffer.write(orjson.dumps(asdict(totals)) + b"\n")


if __name__ == "__main__":
    host, port, database, *numbers = sys.argv[1:]
    main(
        ClickHouseSettings(host=host, port=int(port), database=database, query_timeout_seconds=300),
        int(numbers[0]),
        int(numbers[1]),
        Span(int(numbers[2]), int(numbers[3])),
    )
