"""One call, whole, for whoever looks: of the tables, or of their masked twins."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from console.asking import query
from operations.timeline import read
from operations.timeline.model import Match, Told, Whole
from operations.timeline.timeline import timeline
from runtime import clickhouse
from schemas.events import CallEvent
from schemas.times import SECOND, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clickhouse_driver import Client

    from console.viewers import Viewer
    from operations.timeline.timeline import Timeline

NEEDED = frozenset({"calls", "call_legs", "stored_events", "event_ids", "call_ids", "callbacks"})
"""What `operations.timeline` reads."""
NOT_KNOWN_MASKED = frozenset({"callback-missing", "row-differs", "event-missing"})
"""Gaps that can't be told where bytes, doubts and links are hidden."""
_FIELDS = {each.name for each in fields(CallEvent)}
_DURATIONS = {"ring_seconds": "ring_time", "talk_seconds": "talk_time"}


def reads_all(viewer: Viewer) -> bool:
    return viewer.readable >= NEEDED


def timeline_of(viewer: Viewer, account: str, call_id: str, now: int, *, raw: bool) -> Timeline | None:
    """Laid out, with the bytes of its callbacks if `raw`; None if there is no such call."""
    with viewer.connected() as client:
        if reads_all(viewer):
            found = _plain(client, account, call_id, raw=raw)
            return None if found is None else timeline(found, now)
        whole = _masked(client, account, call_id)
    if whole is None:
        return None
    laid_out = timeline(whole, now)
    told = tuple(gap for gap in laid_out.gaps if gap.code not in NOT_KNOWN_MASKED)
    return replace(laid_out, gaps=told)


def _plain(client: Client, account: str, id_: str, *, raw: bool) -> Whole | None:
    """By its own id, or else by any that leads to it: a call may have been merged into another since."""
    found = read.whole(client, Match(account, id_), raw=raw)
    if found is not None:
        return found
    matches = read.find(client, id_, account)
    return read.whole(client, matches[0], raw=raw) if len(matches) == 1 else None


def _masked(client: Client, account: str, call_id: str) -> Whole | None:
    key = {"account": account, "call_id": call_id}
    found = clickhouse.rows(client, query("masked_call"), key)
    if not found:
        return None
    row = found[0]
    events = {"account": account, "events": list(row["events"]) or [""]}
    told = clickhouse.rows(client, query("masked_events"), events)
    return Whole(
        account=account,
        call_id=row["call_id"],
        row=row,
        legs=tuple(clickhouse.rows(client, query("masked_legs"), {**key, "day": row["day"]})),
        told=tuple(_told(each) for each in told),
        callbacks={},
    )


def _told(row: Mapping[str, Any]) -> Told:
    """An event as its masked row has it: what is hidden is as if nobody had said it."""
    said = {name: _plain_value(name, value) for name, value in row.items() if name in _FIELDS}
    for seconds, name in _DURATIONS.items():
        said[name] = None if row[seconds] is None else round(row[seconds] * SECOND)
    said["callback_id"] = next(iter(row["callback_ids"]), "")
    return Told(CallEvent(**said), tuple(row["callback_ids"]))


def _plain_value(name: str, value: Any) -> Any:
    if name == "ids":
        return tuple(value)
    if name.endswith("_at") and value is not None:
        return microseconds(value)
    return bool(value) if name in {"bridged", "transferred"} and value is not None else value


def numbered(ids: Iterable[str], sign: str) -> dict[str, str]:
    """Short names for long ids."""
    return {each: f"{sign}{number}" for number, each in enumerate(ids, 1)}
