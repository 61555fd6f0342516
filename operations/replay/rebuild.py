"""`callweave replay --into`: other tables from the same bytes, by the code of this machine.

What the processors do between topics happens here in one place: each archived callback is read and its
events are stored; then the legs that they name are tied, and each event is merged into the record of its
call's root. The merging itself is done by ClickHouse, as always, so nothing here grows with the archive but a
file of ties. That is made of what is stored: interrupted work goes on from a place in the archive.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from operations.reading import reader
from operations.replay import archive, ties
from operations.replay.archive import Selection
from operations.replay.building import MERGING, READING, Building, decide
from operations.replay.cursor import Cursor, alone, digest
from operations.replay.ties import Ties
from processors.normalize.step import Rejected
from runtime import clickhouse, sources
from runtime.errors import CallweaveError
from runtime.progress import bar
from runtime.settings import ClickHouseSettings
from runtime.terminal import echo
from schemas.callbacks import Rejection, Stage
from schemas.records import record_of, record_to_json
from schemas.topics import Topic
from sinks import migrate, rows
from sinks.batch import Batch
from sinks.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clickhouse_driver import Client

    from operations.reading import Read
    from operations.replay.archive import Archived
    from processors.normalize.step import Normalized
    from runtime.clock import Clock
    from runtime.settings import Settings
    from schemas.callbacks import Headers

BATCH_ROWS = 10_000
PORTION = 10_000
"""Callbacks, at most, that an interruption has read again."""
TEXTS = ("reading callbacks", "merging calls")
PACKAGES = ("operations", "processors", "runtime", "schemas", "sinks")
"""Where everything is that new tables depend on, but for the sources."""
CARRIED_OVER = """
INSERT INTO {into}.call_records (account, call_id, closed)
SELECT account, call_id, closed FROM (SELECT account, call_id, closed FROM {known}.call_records FINAL)
WHERE closed.1 > 0 AND (account, call_id) IN (SELECT account, call_id FROM {into}.call_records)
"""
"""That a call was closed in silence is not in any bytes: time has told it."""


@dataclass(frozen=True)
class Code:
    """What reads the archive."""

    read: Read
    digest: str
    """Another one if anything may be read otherwise."""


def code_of(settings: Settings) -> Code:
    """This machine's; raises `SourcesError`."""
    return Code(reader(settings), digest_of(settings))


def digest_of(settings: Settings) -> str:
    """Of this machine's code and sources; raises `SourcesError`."""
    root = Path(__file__).parents[2]
    files = sorted(
        path for name in PACKAGES for path in (root / name).rglob("*") if path.suffix in {".py", ".sql"}
    )
    texts = [(str(path.relative_to(root)), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]
    return digest(texts, sorted(map(repr, sources.load(settings.sources_file))))


@dataclass(frozen=True, slots=True)
class Fed:
    """A message as the sink reads it."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: Headers
    key: bytes | None = None
    timestamp: int = 0


class Rebuild:
    """Feeds the sink's tables of one database."""

    def __init__(self, settings: Settings, store: Store, ties: Ties, read: Read) -> None:
        """`settings` name the database; `read` is the code that is tried."""
        self._settings = settings
        self._store = store
        self._ties = ties
        self._read = read
        self._new: Callable[[], Batch] = Batch
        self._batch = Batch()

    def callbacks(self, page: list[Archived]) -> None:
        """Store what a page of the archive is and says."""
        for archived in page:
            outcome = self._read(archived.callback)
            self._callback(archived, outcome)
            for event in events(outcome):
                self._add(Topic.EVENTS, archived, event.to_json(), [])

    def tie(self) -> None:
        """Tie the legs that the stored events name together."""
        with clickhouse.connected(self._settings.clickhouse) as client:
            for account, legs in ties.named(client):
                self._ties.tie(account, legs)

    def records(self, page: list[Archived]) -> None:
        """Merge what a page says into its calls, once all ties are known."""
        for archived in page:
            for event in events(self._read(archived.callback)):
                if event.ids:
                    root = self._ties.root(event.account, event.ids[0])
                    self._add(
                        Topic.RECORDS, archived, record_to_json(event.account, root, record_of(event)), []
                    )

    def _callback(self, archived: Archived, outcome: Normalized | Rejected) -> None:

        callback = archived.callback
        if isinstance(outcome, Rejected):
            stage = Stage(archived.stage) if archived.stage else Stage.NORMALIZE
            rejection = Rejection(stage, outcome.reasons, archived.topic, archived.partition, archived.offset)
            headers = [*callback.headers(), *rejection.headers()]
            self._add(Topic.REJECTED, archived, callback.payload, headers)
        else:
            self._add(Topic.RAW, archived, callback.payload, callback.headers())

    def _add(self, topic: Topic, archived: Archived, value: bytes, headers: Headers) -> None:

        message = Fed(archived.topic, archived.partition, archived.offset, value, headers)
        now = time.monotonic()
        self._batch.add(message, rows.read(topic, message), now)
        if self._batch.is_due(now, rows=BATCH_ROWS, seconds=float("inf")):
            self.flush()

    def flush(self) -> None:
        """Write what waits; raises `CallweaveError`."""
        batch, self._batch = self._batch, self._new()
        for _, error in self._store.insert(batch.inserts()):
            if error is not None:
                raise CallweaveError(str(error))


def events(outcome: Normalized | Rejected) -> Iterator[Any]:
    """The events of an outcome; none of a rejection."""
    yield from getattr(outcome, "events", ())


@dataclass
class Kept:
    """How far the tables have come, and where that is kept."""

    cursor: Cursor[Building]
    building: Building

    def write(self, building: Building) -> None:
        """All rows up to there are written."""
        self.cursor.write(building)
        self.building = building


def into(settings: Settings, selection: Selection, database: str, code: Code, clock: Clock) -> Selection:
    """Make new tables there, of a part of the archive, or go on with them; raises `CallweaveError`.

    Gives what of the selection there is: all that was received before the tables were begun.
    """
    other = elsewhere(settings, database)
    with alone(settings.data, f"into-{database}.lock"):
        kept = begin(settings, selection, database, code, clock)
        selection = selection.before(kept.building.begun_at)
        migrate.migrate(other)
        build(settings, other, selection, code, kept)
        with clickhouse.connected(settings.clickhouse) as client:
            client.execute(CARRIED_OVER.format(into=database, known=settings.clickhouse.database))
    return selection


def begin(settings: Settings, selection: Selection, database: str, code: Code, clock: Clock) -> Kept:
    """Decide where to begin, say so, and have a database for it; raises `CallweaveError`."""
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
    """The UUID of a database, '' where there is none, and whether it has tables."""
    values = {"name": database}
    ((home,),) = client.execute(
        "SELECT max(toString(uuid)) FROM system.databases WHERE name = %(name)s", values
    )
    ((tables,),) = client.execute("SELECT count() FROM system.tables WHERE database = %(name)s", values)
    return home, tables > 0


def build(settings: Settings, other: Settings, selection: Selection, code: Code, kept: Kept) -> None:
    """What is missing yet of the tables that `other` names; raises `CallweaveError`.

    Calls are merged from what was stored of the archive, which may have got more in the meantime.
    """
    store = Store(other)
    try:
        with Ties(settings.data / f"ties-{other.clickhouse.database}.sqlite") as ties:
            rebuild = Rebuild(other, store, ties, code.read)
            if kept.building.part == READING:
                through(settings, selection, rebuild, rebuild.callbacks, kept)
            if kept.building.part == MERGING:
                rebuild.tie()
                through(other, Selection(), rebuild, rebuild.records, kept)
    finally:
        store.close()


def through(
    settings: Settings,
    selection: Selection,
    rebuild: Rebuild,
    work: Callable[[list[Archived]], None],
    kept: Kept,
) -> None:
    """Do one part of the work to its end, portion by portion."""
    building = kept.building
    with clickhouse.connected(settings.clickhouse, as_bytes=True) as client:
        total = sum(archive.count(client, selection).values())
        with bar(TEXTS[building.part], total) as advance:
            for page in archive.pages(client, selection.where(), selection.values(), building.after):
                work(page)
                building = building.went_on(page[-1].key, len(page))
                advance(building.done)
                if building.done - kept.building.done >= PORTION:
                    rebuild.flush()
                    kept.write(building)
            rebuild.flush()
    kept.write(building.next())


def elsewhere(settings: Settings, database: str) -> Settings:
    """The same settings with another database; raises `CallweaveError` for a name that is none."""
    if database == settings.clickhouse.database:
        raise CallweaveError("--into must name another database than that of the running tables.")
    try:
        checked = ClickHouseSettings(database=database)
    except ValidationError:
        raise CallweaveError("--into must be letters, digits and _, not beginning with a digit.") from None
    return settings.model_copy(
        update={"clickhouse": settings.clickhouse.model_copy(update={"database": checked.database})}
    )
