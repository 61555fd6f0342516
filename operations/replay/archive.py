"""Archived callbacks, page by page in the order of the table: so a reader can go on where it stopped."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from schemas.callbacks import Callback, Reason, Replayed
from sinks.span import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_driver import Client

    from schemas.callbacks import CallbackKind, Told

PAGE = 1_000
"""Callbacks read at once."""


class Key(NamedTuple):
    """A callback's position in the archive's order."""

    account: str
    received_at: int
    """Microseconds since 1970 UTC."""
    id: str


FIRST = Key("", Span().since, "")
"""Before all."""


@dataclass(frozen=True, slots=True)
class Archived:
    """A callback with what the archive knows of it."""

    callback: Callback
    reasons: tuple[Reason, ...]
    """Why it is rejected; none if it is accepted."""
    stage: str
    """Which stage rejected it, '' for an accepted one."""
    topic: str
    partition: int
    offset: int

    @property
    def key(self) -> Key:
        return Key(self.callback.account, self.callback.received_at, self.callback.id)

    @property
    def place(self) -> tuple[str, int, int]:
        """The callback's topic, partition and offset in Kafka."""
        return self.topic, self.partition, self.offset

    def replayed(self, at: int, reading: int, told: tuple[Told, ...] = ()) -> Replayed:
        """Return the headers' data for a replay; `told` are the events made of the callback before."""
        return Replayed(at, reading, self.reasons, *self.place, told)


@dataclass(frozen=True)
class Selection:
    span: Span = field(default_factory=Span)
    rejected: bool = False
    """Only rejected callbacks."""
    code: str | None = None
    """And of these those with a reason of this code."""

    @property
    def is_whole(self) -> bool:
        return self.span.is_whole and not self.rejected and self.code is None

    @property
    def is_all_of_its_sources(self) -> bool:
        """Whether it has every callback of the one source that it names, or of all."""
        return replace(self, span=self.span._replace(source=None)).is_whole

    def before(self, time: int) -> Selection:
        """Return the selection, cut to what was received before that time (µs since 1970 UTC)."""
        return replace(self, span=self.span._replace(until=min(self.span.until, time)))

    def where(self) -> str:
        return SELECTED

    def values(self) -> dict[str, Any]:
        return {
            **self.span.values(),
            "any_verdict": int(not self.rejected),
            "any_code": int(self.code is None),
            "code": self.code or "",
        }


SELECTED = """
received_at >= fromUnixTimestamp64Micro(toInt64(%(since)s), 'UTC')
AND received_at < fromUnixTimestamp64Micro(toInt64(%(until)s), 'UTC')
AND source != '' -- a message that no stage could read, and no callback
AND (%(any_source)s OR source = %(source)s)
AND (%(any_verdict)s OR bitAnd(verdict, 1) = 1)
AND (%(any_code)s OR arrayExists(reason -> reason.2 = %(code)s, reasons))
"""

PAGE_SQL = """
SELECT account, toUnixTimestamp64Micro(received_at), id, source, method, content_type, peer, query, payload,
    stage, reasons, topic, partition, offset, kind, revision, kept_headers
FROM stored_callbacks FINAL
WHERE account >= %(account)s
    AND (account > %(account)s OR received_at >= fromUnixTimestamp64Micro(toInt64(%(received_at)s), 'UTC'))
    AND (account > %(account)s
        OR received_at > fromUnixTimestamp64Micro(toInt64(%(received_at)s), 'UTC') OR id > %(id)s)
    AND ({where})
ORDER BY account, received_at, id
LIMIT %(page)s
"""
COUNT_SQL = "SELECT source, count() FROM stored_callbacks FINAL WHERE {where} GROUP BY source"


def pages(
    client: Client, where: str, values: dict[str, Any], after: Key = FIRST, page: int | None = None
) -> Iterator[list[Archived]]:
    """Return callbacks that meet `where`, in order, after `after`; `client` must return bytes for texts."""
    query = PAGE_SQL.format(where=where)
    page = page or PAGE
    while True:
        found = [_archived(row) for row in client.execute(query, {**values, **after._asdict(), "page": page})]
        if found:
            yield found
            after = found[-1].key
        if len(found) < page:
            return


def count(client: Client, selection: Selection) -> dict[str, int]:
    """How many callbacks of each source are selected."""
    found = client.execute(COUNT_SQL.format(where=selection.where()), selection.values())
    return {text(source): int(number) for source, number in found}


def one(client: Client, callback_id: str) -> Archived | None:
    """The callback with this id."""
    for page in pages(client, "id = %(wanted)s", {"wanted": callback_id}, page=1):
        return page[0]
    return None


def _archived(row: tuple[Any, ...]) -> Archived:
    account, received_at, id_, source, method, content_type, peer, query, payload, stage, *rest = row
    reasons, topic, partition, offset, kind, revision, kept_headers = rest
    callback = Callback(
        id=text(id_),
        source=text(source),
        account=text(account),
        received_at=received_at,
        method="GET" if text(method) == "GET" else "POST",
        content_type=text(content_type),
        peer=text(peer),
        payload=payload,
        query=query,
        kind=cast("CallbackKind", text(kind)),
        revision=revision,
        kept_headers=kept_headers,
    )
    return Archived(
        callback=callback,
        reasons=tuple(Reason(*map(text, reason)) for reason in reasons),
        stage=text(stage),
        topic=text(topic),
        partition=partition,
        offset=offset,
    )


def text(value: bytes | str) -> str:
    """Decode what a client with bytes for texts returns."""
    return value if isinstance(value, str) else value.decode()
