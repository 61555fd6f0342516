"""`callweave replay --into`: other tables from the same bytes, by the code of this machine.

What the processors do between topics happens here in one place: each archived callback is read, its events
are stored, its legs are tied; then each event is merged into the record of its call's root. The merging
itself is done by ClickHouse, as always, so nothing here grows with the archive but a file of ties.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from callweave.commands.progress import bar
from callweave.errors import CallweaveError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from callweave.commands.reading import Read
    from callweave.settings import Settings
    from processors.normalize.step import Normalized, Rejected
    from schemas.callbacks import Headers
    from schemas.topics import Topic
    from sinks.batch import Batch
    from sinks.replay.archive import Archived, Selection
    from sinks.replay.changes import Change
    from sinks.replay.ties import Ties
    from sinks.store import Store

BATCH_ROWS = 10_000
CARRIED_OVER = """
INSERT INTO {into}.call_records (account, call_id, closed)
SELECT account, call_id, closed FROM (SELECT account, call_id, closed FROM {known}.call_records FINAL)
WHERE closed.1 > 0 AND (account, call_id) IN (SELECT account, call_id FROM {into}.call_records)
"""
"""That a call was closed in silence is not in any bytes: time has told it."""


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
        from sinks.batch import Batch  # noqa: PLC0415

        self._settings = settings
        self._store = store
        self._ties = ties
        self._read = read
        self._new: Callable[[], Batch] = Batch
        self._batch = Batch()

    def callbacks(self, page: list[Archived]) -> None:
        """Store what a page of the archive is and says, and tie its legs."""
        from schemas.topics import Topic  # noqa: PLC0415

        for archived in page:
            outcome = self._read(archived.callback)
            self._callback(archived, outcome)
            for event in events(outcome):
                self._ties.tie(event.account, event.ids)
                self._add(Topic.EVENTS, archived, event.to_json(), [])

    def records(self, page: list[Archived]) -> None:
        """Merge what a page says into its calls, once all ties are known."""
        from schemas.records import record_of, record_to_json  # noqa: PLC0415
        from schemas.topics import Topic  # noqa: PLC0415

        for archived in page:
            for event in events(self._read(archived.callback)):
                if event.ids:
                    root = self._ties.root(event.account, event.ids[0])
                    self._add(
                        Topic.RECORDS, archived, record_to_json(event.account, root, record_of(event)), []
                    )

    def _callback(self, archived: Archived, outcome: Normalized | Rejected) -> None:
        from processors.normalize.step import Rejected  # noqa: PLC0415
        from schemas.callbacks import Rejection, Stage  # noqa: PLC0415
        from schemas.topics import Topic  # noqa: PLC0415

        callback = archived.callback
        if isinstance(outcome, Rejected):
            stage = Stage(archived.stage) if archived.stage else Stage.NORMALIZE
            rejection = Rejection(stage, outcome.reasons, archived.topic, archived.partition, archived.offset)
            headers = [*callback.headers(), *rejection.headers()]
            self._add(Topic.REJECTED, archived, callback.payload, headers)
        else:
            self._add(Topic.RAW, archived, callback.payload, callback.headers())

    def _add(self, topic: Topic, archived: Archived, value: bytes, headers: Headers) -> None:
        from sinks import rows  # noqa: PLC0415

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


def into(settings: Settings, selection: Selection, database: str, read: Read) -> None:
    """Make new tables there, of the selected part of the archive; raises `CallweaveError`."""
    from callweave import clickhouse  # noqa: PLC0415
    from sinks import migrate  # noqa: PLC0415
    from sinks.replay import archive  # noqa: PLC0415
    from sinks.replay.ties import Ties  # noqa: PLC0415
    from sinks.store import Store  # noqa: PLC0415

    other = elsewhere(settings, database)
    require_new(settings, database)
    migrate.migrate(other)
    with clickhouse.connected(settings.clickhouse) as client:
        total = sum(archive.count(client, selection).values())
    settings.data.mkdir(parents=True, exist_ok=True)
    store = Store(other)
    try:
        with (
            Ties(settings.data / f"ties-{database}.sqlite") as ties,
            clickhouse.connected(settings.clickhouse, as_bytes=True) as client,
        ):
            rebuild = Rebuild(other, store, ties, read)
            for text, work in (("reading callbacks", rebuild.callbacks), ("merging calls", rebuild.records)):
                with bar(text, total) as advance:
                    done = 0
                    for page in archive.pages(client, selection.where(), selection.values()):
                        work(page)
                        done += len(page)
                        advance(done)
                    rebuild.flush()
            client.execute(CARRIED_OVER.format(into=database, known=settings.clickhouse.database))
    finally:
        store.close()


def elsewhere(settings: Settings, database: str) -> Settings:
    """The same settings with another database; raises `CallweaveError` for a name that is none."""
    from pydantic import ValidationError  # noqa: PLC0415

    from callweave.settings import ClickHouseSettings  # noqa: PLC0415

    if database == settings.clickhouse.database:
        raise CallweaveError("--into must name another database than that of the running tables.")
    try:
        checked = ClickHouseSettings(database=database)
    except ValidationError:
        raise CallweaveError("--into must be letters, digits and _, not beginning with a digit.") from None
    return settings.model_copy(
        update={"clickhouse": settings.clickhouse.model_copy(update={"database": checked.database})}
    )


def require_new(settings: Settings, database: str) -> None:
    """Raise `CallweaveError` if there are tables already: they may be somebody's."""
    from callweave import clickhouse  # noqa: PLC0415

    with clickhouse.connected(settings.clickhouse, database="default") as client:
        known = client.execute(
            "SELECT count() FROM system.tables WHERE database = %(database)s", {"database": database}
        )
    if known != [(0,)]:
        raise CallweaveError(
            f"The database {database} has tables: DROP DATABASE {database}, or name another."
        )


def show(
    settings: Settings, selection: Selection, database: str, *, as_json: bool, numbers: bool, limit: int
) -> None:
    """Print what the two databases tell differently: at most so many calls, and how many there are."""
    from callweave import clickhouse  # noqa: PLC0415
    from sinks.replay import changes  # noqa: PLC0415

    found = 0
    with clickhouse.connected(settings.clickhouse) as client:
        for each in changes.calls(client, settings.clickhouse.database, database, selection.span):
            found += 1
            if found <= limit:
                _print(each, as_json=as_json, numbers=numbers)
        moved = changes.statuses(client, settings.clickhouse.database, database)
    for (was, now), number in sorted(moved.items()):
        click.echo(f"{number} callbacks would be {now} that are {was}.", err=as_json)
    click.echo(f"{found} calls would come out otherwise{_rest(found, limit)}.", err=as_json)


def _rest(found: int, limit: int) -> str:
    return f", the first {limit} are shown" if found > limit else ""


def _print(change: Change, *, as_json: bool, numbers: bool) -> None:
    import json  # noqa: PLC0415

    from callweave.commands.query import plain  # noqa: PLC0415
    from sinks.timeline.masks import Masks  # noqa: PLC0415

    masks = Masks(numbers)

    def masked(name: str, value: Any) -> Any:
        return (
            masks.json(value)
            if isinstance(value, dict | list) and name in WORDY
            else masks.value(name, value)
        )

    shown = [(name, masked(name, before), masked(name, after)) for name, before, after in change.fields()]
    if as_json:
        document = {
            "account": change.account,
            "call_id": change.call_id,
            "what": change.what,
            "fields": {name: {"before": before, "after": after} for name, before, after in shown},
        }
        click.echo(json.dumps(document, default=plain, ensure_ascii=False))
        return
    click.echo(f"{change.account} {change.call_id} {change.what}")
    for name, before, after in shown:
        click.echo(f"    {name}: {plain(before)} -> {plain(after)}")


WORDY = frozenset({"variables"})
"""Columns in a customer's own words, which may hold a number."""
