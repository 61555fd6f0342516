"""Samples from their files, and how a `Call` compares with the columns that are expected of it."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import orjson

from tests.samples.shapes import Request, in_shape, shape_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from schemas.calls import Call

Dialect = Literal["common-api", "extension-events"]
Columns = dict[str, Any]
"""By the names of `calls`; times are aware, durations are seconds."""

IDS = frozenset({"uuid", "buuid", "CallID", "SubCallID", "CallBackID"})
ROW_IDS = frozenset({"call_id", "uuid"})

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Exchange:
    """A callback, and what must come of it: events with these fields, or these reasons by field."""

    request: Request
    fields: dict[str, object]
    """What the request says; nothing if its body is a text that must be taken as it is."""
    events: tuple[dict[str, object], ...]
    reasons: dict[str, str]


@dataclass(frozen=True)
class SampleCall:
    """Callbacks in the order in which a provider sends them, mostly of one call."""

    name: str
    dialect: Dialect
    timezone: str
    exchanges: tuple[Exchange, ...]
    row: Columns
    """What the callbacks say about the row; what depends on when they are received is left out."""

    @property
    def payloads(self) -> tuple[dict[str, object], ...]:
        return tuple(each.fields for each in self.exchanges)

    def renamed(self, prefix: str) -> SampleCall:
        """The same call under other ids: some samples share theirs, and calls of one account must not."""

        def other(columns: Mapping[str, object], ids: frozenset[str]) -> dict[str, Any]:
            return {name: f"{prefix}{said}" if name in ids else said for name, said in columns.items()}

        row = other(self.row, ROW_IDS)
        if "legs" in row:
            row["legs"] = sorted(f"{prefix}{leg}" for leg in row["legs"])
        exchanges = tuple(replace(each, fields=other(each.fields, IDS)) for each in self.exchanges)
        return replace(self, exchanges=exchanges, row=row)


def load(path: Path) -> SampleCall:
    """A sample from its file; README.md says what it holds."""
    sample = orjson.loads(path.read_bytes())
    row = sample.get("row", {})
    return SampleCall(
        name=sample["name"],
        dialect=path.parent.name,  # type: ignore[arg-type]  # a folder for each dialect
        timezone=sample["timezone"],
        exchanges=tuple(_exchange(**each) for each in sample["requests"]),
        row={name: utc(said) if said and name.endswith("_at") else said for name, said in row.items()},
    )


def _exchange(
    *,
    method: Literal["GET", "POST"],
    headers: Mapping[str, str] | None = None,
    body: dict[str, object] | str = "",
    query: dict[str, object] | str = "",
    base64: str = "",
    event: dict[str, object] | None = None,
    events: tuple[dict[str, object], ...] = (),
    reasons: dict[str, str] | None = None,
) -> Exchange:
    said = query if method == "GET" else body
    content_type = (headers or {}).get("Content-Type", "")
    if isinstance(said, str):
        payload = b64decode(base64) if base64 else said.encode()
        request, fields = Request("json", method, content_type, payload), {}
    else:
        request, fields = in_shape(said, shape_of(method, content_type)), said
    return Exchange(request, fields, (event,) if event else tuple(events), reasons or {})


def utc(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def columns(call_id: str, call: Call) -> Columns:
    """A call as its row in `calls`."""
    row = {"call_id": call_id, **asdict(call)}
    row |= {name: list(value) for name, value in row.items() if isinstance(value, tuple)}
    for name in [each for each in row if each.endswith("_at")]:
        row[name] = None if row[name] is None else EPOCH + timedelta(microseconds=row[name])
    for name in ("ring_time", "talk_time"):
        value = row.pop(name)
        row[name.replace("_time", "_seconds")] = None if value is None else value / 1e6
    return row
