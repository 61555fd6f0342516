"""`callweave replay --into`: other tables from the same bytes, by the code of this machine.

What the processors do between topics happens here in one place: each archived callback is read and its
events are stored; then the legs that they name are tied, and each call is folded from its events, by the same
`call_of`. Only a file of events and ties grows with the archive. It is made of what is stored:
interrupted work continues from a place in the archive, or from a call.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from operations import events, suspects
from operations.reading import reader
from operations.replay import archive
from operations.replay.archive import Key
from operations.replay.building import FOLDING, READING, Building, decide
from operations.replay.cursor import Cursor, alone, digest
from operations.replay.readings import means_of
from operations.replay.ties import Ties
from processors.normalize.step import Rejected
from runtime import clickhouse
from runtime.errors import CallweaveError
from runtime.progress import bar
from runtime.settings import ClickHouseSettings
from runtime.terminal import echo
from schemas.callbacks import Rejection, Stage
from schemas.calls import is_call
from schemas.legs import Tellings
from schemas.readings import newest
from schemas.records import Record, row_of
from schemas.topics import Topic
from sinks import migrate, rows
from sinks.batch import Batch, Insert
from sinks.rows import REFUSED, dead_letter
from sinks.store import Store
from sinks.tables import DEAD_LETTERS, EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from clickhouse_driver import Client

    from operations.reading import Read
    from operations.replay.archive import Archived, Selection
    from operations.replay.ties import Events
    from processors.normalize.step import Normalized
    from runtime.clock import Clock
    from runtime.settings import Settings
    from schemas.callbacks import Headers
    from schemas.events import CallEvent

BATCH_ROWS = 10_000
PORTION = 10_000
"""Callbacks or events, at most, that an interruption has read again."""
CLOSINGS = """
INSERT INTO {into}.stored_events ({columns})
SELECT {columns} FROM {known}.stored_events
WHERE kind = 'closed'
    AND received_at >= fromUnixTimestamp64Micro(toInt64(%(since)s), 'UTC')
    AND received_at < fromUnixTimestamp64Micro(toInt64(%(until)s), 'UTC')
"""
"""A call that was closed for silence: no callback says so."""


@dataclass(frozen=True)
class Code:
    """What reads the archive."""

    read: Read
    digest: str
    """Another one if anything may be read otherwise."""


def code_of(settings: Settings) -> Code:
    """Return this machine's code and sources; raises `SourcesError`."""
    return Code(reader(settings), means_of(settings, 0).digest)


Place = tuple[str, int, int]
"""Topic, partition, offset."""

NOWHERE: Place = ("", 0, 0)
"""A row of a call was never in Kafka."""


@dataclass(frozen=True, slots=True)
class Fed:
    """A message in the form in which the sink reads it."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: Headers
    key: bytes | None = None
    timestamp: int = 0


class Rebuild:
    """Feeds the sink's tables in one database."""

    def __init__(self, settings: Settings, store: Store, ties: Ties, read: Read) -> None:
        """`settings` name the database; `read` is the code that is tried."""
        self._settings = settings
        self._store = store
        self._ties = ties
        self._read = read
        self._batch = Batch()

    def callbacks(self, page: list[Archived]) -> None:
        """Store a page of the archive and the events that are read from it."""
        for archived in page:
            outcome = self._read(archived.callback)
            self._callback(archived, outcome)
            for event in said(outcome):
                self._add(Topic.EVENTS, archived.place, event.to_json(), [])

    def tie(self) -> None:
        """Tie the legs that stored events name together."""
        with clickhouse.connected(self._settings.clickhouse) as client:
            for event in events.tellings(client, "1", {}):
                self._ties.add(event)

    def call(self, call: Events) -> None:
        record = record_of(call)
        if record is not None:
            self._add(Topic.RECORDS, NOWHERE, record.to_json(), [])

    def _callback(self, archived: Archived, outcome: Normalized | Rejected) -> None:
        callback = archived.callback
        if isinstance(outcome, Rejected):
            stage = Stage(archived.stage) if archived.stage else Stage.NORMALIZE
            rejection = Rejection(stage, outcome.reasons, archived.topic, archived.partition, archived.offset)
            headers = [*callback.headers(), *rejection.headers()]
            self._add(Topic.REJECTED, archived.place, callback.payload, headers)
        else:
            self._add(Topic.RAW, archived.place, callback.payload, callback.headers())

    def _add(self, topic: Topic, place: Place, value: bytes, headers: Headers) -> None:
        message = Fed(*place, value, headers)
        now = time.monotonic()
        self._batch.add(message, rows.read(topic, message), now)
        if self._batch.is_due(now, rows=BATCH_ROWS, seconds=float("inf")):
            self.flush()

    def flush(self) -> None:
        """Write pending rows; raises `CallweaveError`."""
        batch, self._batch = self._batch, Batch()
        refused = self._insert(batch.inserts())
        if refused:
            letters = [dead_letter(message, REFUSED) for message in refused]
            self._insert([Insert(DEAD_LETTERS, letters, [None] * len(letters))])

    def _insert(self, inserts: list[Insert]) -> list[rows.Message]:
        """Return the messages of rows that can never be written."""
        refused: list[rows.Message] = []
        for _, taken in self._store.insert(inserts):
            if taken.error is not None:
                raise CallweaveError(str(taken.error))
            refused += taken.refused
        return refused


def said(outcome: Normalized | Rejected) -> tuple[CallEvent, ...]:
    """Return an outcome's events; none for a rejection."""
    return () if isinstance(outcome, Rejected) else outcome.events


def record_of(call: Events) -> Record | None:
    """Return correlate's final record; None for what is no call, such as a closing without events. Pure."""
    known: dict[str, CallEvent] = {}
    for event in call.told:
        known[event.event_id] = newest(known.get(event.event_id, event), event)
    told = list(known.values())
    if not is_call(told):
        return None
    return row_of(call.account, call.root, Tellings(told))


@dataclass
class Kept:
    """A build's progress, and the file that keeps it."""

    cursor: Cursor[Building]
    building: Building

    def write(self, building: Building) -> None:
        """Note that all rows up to there are written."""
        self.cursor.write(building)
        self.building = building

    def portions(
        self, steps: Iterable[tuple[Key, int]], rebuild: Rebuild, advance: Callable[[int], None]
    ) -> None:
        """Take steps, each a key and a number; after every portion write the rows and note the progress."""
        building = self.building
        for key, number in steps:
            building = building.went_on(key, number)
            advance(building.done)
            if building.done - self.building.done >= PORTION:
                rebuild.flush()
                self.write(building)
        rebuild.flush()
        self.write(building.next())


def into(settings: Settings, selection: Selection, database: str, code: Code, clock: Clock) -> Selection:
    """Build new tables of a part of the archive, or continue to; raises `CallweaveError`.

    Return the selection, cut to what was received before the build began.
    """
    other = elsewhere(settings, database)
    with alone(settings.data, f"into-{database}.lock"):
        kept = begin(settings, selection, database, code, clock)
        selection = selection.before(kept.building.begun_at)
        migrate.migrate(other)
        build(settings, other, selection, code, kept)
    return selection


def begin(settings: Settings, selection: Selection, database: str, code: Code, clock: Clock) -> Kept:
    """Decide where to begin, say so, and create the database; raises `CallweaveError`."""
    known = settings.clickhouse
    archive = digest(known.host, known.port, known.database, sorted(selection.values().items()))
    cursor = Cursor(settings.data, f"into-{database}", Building)
    with clickhouse.connected(known, database="default") as client:
        home, tables = found(client, database)
        asked = Building(clock.now(), home, archive, code.digest)
        decision = decide(asked, cursor.read(), database, tables=tables)
        if decision.said:
            echo(decision.said, err=True)
        if decision.clear:
            client.execute(f"DROP DATABASE {database}")
        if decision.clear or not home:
            client.execute(f"CREATE DATABASE {database}")
            home, _ = found(client, database)
    kept = Kept(cursor, decision.building)
    kept.write(replace(decision.building, home=home))  # before any table: what we make must be known as ours
    return kept


def found(client: Client, database: str) -> tuple[str, bool]:
    """Return a database's UUID ('' if there is none), and whether it has tables."""
    values = {"name": database}
    ((home,),) = client.execute(
        "SELECT max(toString(uuid)) FROM system.databases WHERE name = %(name)s", values
    )
    ((tables,),) = client.execute("SELECT count() FROM system.tables WHERE database = %(name)s", values)
    return home, tables > 0


def build(settings: Settings, other: Settings, selection: Selection, code: Code, kept: Kept) -> None:
    """Build what is still missing from the tables that `other` names; raises `CallweaveError`.

    Calls are folded from the stored part of the archive, which may have grown in the meantime.
    """
    store = Store(other)
    try:
        scratch = settings.data / f"ties-{other.clickhouse.database}.sqlite"
        with Ties(scratch, suspects.legs(settings)) as ties:
            rebuild = Rebuild(other, store, ties, code.read)
            if kept.building.part == READING:
                read_archive(settings, selection, rebuild, kept)
            if kept.building.part == FOLDING:
                carry_closings_over(settings, other, selection)
                rebuild.tie()
                fold_calls(ties, rebuild, kept)
    finally:
        store.close()


def read_archive(settings: Settings, selection: Selection, rebuild: Rebuild, kept: Kept) -> None:
    """Store archived callbacks and their events, portion by portion."""
    with clickhouse.connected(settings.clickhouse, as_bytes=True) as client:

        def pages() -> Iterator[tuple[Key, int]]:
            for page in archive.pages(client, selection.where(), selection.values(), kept.building.after):
                rebuild.callbacks(page)
                yield page[-1].key, len(page)

        total = sum(archive.count(client, selection).values())
        with bar("reading callbacks", total) as advance:
            kept.portions(pages(), rebuild, advance)


def closings(into: str, known: str) -> str:
    """Return the statement that copies closings from a database, maybe of another release, into another."""
    return CLOSINGS.format(into=into, known=known, columns=", ".join(f"`{name}`" for name in EVENTS.columns))


def carry_closings_over(settings: Settings, other: Settings, selection: Selection) -> None:
    """Copy closings; to do it twice changes nothing."""
    query = closings(other.clickhouse.database, settings.clickhouse.database)
    with clickhouse.connected(settings.clickhouse) as client:
        client.execute(query, selection.values())


def fold_calls(ties: Ties, rebuild: Rebuild, kept: Kept) -> None:
    def calls() -> Iterator[tuple[Key, int]]:
        for call in ties.calls(kept.building.after.account, kept.building.after.id):
            rebuild.call(call)
            yield Key(call.account, 0, call.root), len(call.told)

    with bar("folding events", ties.count()) as advance:
        kept.portions(calls(), rebuild, advance)


def elsewhere(settings: Settings, database: str) -> Settings:
    """Return the same settings with another database; raises `CallweaveError` for an invalid name."""
    if database == settings.clickhouse.database:
        raise CallweaveError("--into must name another database than that of the running tables.")
    try:
        checked = ClickHouseSettings(database=database)
    except ValidationError:
        raise CallweaveError("--into must be letters, digits and _, not beginning with a digit.") from None
    return settings.model_copy(
        update={"clickhouse": settings.clickhouse.model_copy(update={"database": checked.database})}
    )
