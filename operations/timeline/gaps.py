"""What is missing of a call, and where its tellers disagree. Pure.

No value of the call is in a gap's sentence: what disagrees stands beside it, for its reader to mask.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from operations.timeline.provenance import ROW
from schemas.calls import BILLED, call_of, column, is_call
from schemas.dialects import SENDING_CDRS
from schemas.events import SAYS_NOTHING
from schemas.times import SECOND, microseconds, moment
from schemas.uuids import canonical, created_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from operations.timeline.model import Row, Whole
    from schemas.events import CallEvent

CLOCKS_AGREE_US = SECOND
"""CDRs count in whole seconds."""
UUIDS_AGREE_US = 60 * SECOND
"""A call's first leg may be made while the call waits to be dialled; a wrong time zone is far beyond."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something a reader of the row should know."""

    code: str
    """Stable and short."""
    text: str
    """One sentence for people."""
    column: str = ""
    """Of the row, '' for none."""
    values: dict[str, Any] = field(default_factory=dict)
    """Who says what of it: `events`, `cdr`, `uuid`, `row`."""
    leg: str = ""
    """The leg's id, '' for the call as a whole."""
    events: tuple[str, ...] = ()
    """Ids of the events that it is about."""


def gaps(whole: Whole, now: int) -> list[Gap]:
    """Return all gaps, the gravest first; `now` is in microseconds since 1970 UTC."""
    return [
        *_missing(whole, now),
        *_unmerged(whole),
        *_disagreements(whole.row),
        *_legs(whole),
        *_clocks(whole),
    ]


def _is_over(row: Row) -> bool:
    return bool(row["outcome"] or row["close_reason"] or row["has_cdr"])


def _missing(whole: Whole, now: int) -> Iterator[Gap]:
    row = whole.row
    kinds = set(row["kinds"])
    if row["close_reason"]:
        yield Gap("closed", f"Closed without its end: {row['close_reason']}.", "close_reason")
    if not row["has_cdr"] and _is_over(row) and not SENDING_CDRS.isdisjoint(row["dialects"]):
        since = row["ended_at"] or row["last_received_at"]
        waited = (now - microseconds(since)) / SECOND
        yield Gap("cdr-missing", f"No CDR, {_duration(waited)} after its end.")
    if row["has_cdr"] and kinds <= {"cdr", "requested"}:
        yield Gap("cdr-alone", "A CDR, but no event of the call itself.")
    if row["has_answer"] and not row["has_hangup"] and _is_over(row):
        yield Gap("hangup-missing", "Answered, but no hangup arrived.")
    if not _is_over(row):
        heard = (now - microseconds(row["last_received_at"])) / SECOND
        yield Gap("open", f"Still open: the last event arrived {_duration(heard)} ago.")
    lost = sorted({id_ for told in whole.told for id_ in told.callback_ids} - whole.callbacks.keys())
    if lost:
        yield Gap("callback-missing", f"Not in the archive: {_callbacks(lost)}.")


def _unmerged(whole: Whole) -> Iterator[Gap]:
    """Report where the row differs from what its events make."""
    if whole.row["truncated"] or whole.row["leg_count"] > len(whole.row["legs"]):
        return  # not all of its events are known here
    held = set(whole.row["events"])
    there = {event.event_id for event in whole.events if event.kind not in SAYS_NOTHING}
    lost = tuple(sorted(held - there))
    if lost:
        yield Gap("event-missing", "The row was made of events that are not in the table.", events=lost)
    strange = tuple(sorted(there - held))
    if strange:
        yield Gap("event-unmerged", "The row does not have these events of its call yet.", events=strange)
    if lost or strange or not is_call(whole.events):
        return
    made = call_of(whole.events)
    for name in ROW:
        named, value = as_column(name, getattr(made, name))
        if named in whole.row and _differ(whole.row[named], value, 0):
            values = {"row": whole.row[named], "events": value}
            yield Gap("row-differs", "The row differs from what its events give.", named, values)


def as_column(name: str, value: Any) -> tuple[str, Any]:
    """Return a field of `Call` as a column of `calls`."""
    if value is not None and name.endswith("_at"):
        value = moment(value)
    elif value is not None and name.endswith("_time"):
        value = value / SECOND
    return column(name), list(value) if isinstance(value, tuple) else value


def _disagreements(row: Row) -> Iterator[Gap]:
    """Report where events and CDR differ; the CDR is believed."""
    for name in BILLED:
        named = column(name)
        events, cdr = row.get(f"event_{named}"), row.get(f"cdr_{named}")
        if events is not None and cdr is not None and _differ(events, cdr, CLOCKS_AGREE_US / SECOND):
            text = "Events and CDR disagree; the CDR counts."
            yield Gap("disagreement", text, named, {"events": events, "cdr": cdr})


def _differ(one: Any, other: Any, seconds: float) -> bool:
    """Return whether values are more than this many seconds apart or, if they are no times, differ at all."""
    if one is None or other is None or type(one) is not type(other):
        return bool(one != other)
    if isinstance(one, float):
        return bool(abs(one - other) > max(seconds, 1 / SECOND))
    if isinstance(one, datetime):
        return bool(abs(one - other) > timedelta(seconds=seconds))
    return bool(one != other)


def _legs(whole: Whole) -> Iterator[Gap]:
    """Report legs that began and never ended; while a call goes on, no leg is late."""
    over = _is_over(whole.row)
    for leg in whole.legs:
        if not over or leg["ended_at"] is not None:
            continue
        if leg["answered_at"] is not None:
            yield Gap("leg-hangup-missing", "This leg was answered, but no hangup came.", leg=leg["leg_id"])
        elif leg["rang_at"] is not None:
            text = "This leg rang, but neither answer nor hangup arrived."
            yield Gap("leg-end-missing", text, leg=leg["leg_id"])


def _clocks(whole: Whole) -> Iterator[Gap]:
    """Report times that can't be true, and events that arrived in another order than they happened."""
    events = [event for event in whole.events if event.kind not in SAYS_NOTHING]
    for event in events:
        if event.occurred_at > event.received_at + CLOCKS_AGREE_US:
            ahead = (event.occurred_at - event.received_at) / SECOND
            text = f"The provider's clock is {_duration(ahead)} ahead of ours."
            yield Gap("clock-ahead", text, events=(event.event_id,))
    yield from _overtaken(events)
    yield from _uuids(whole.row)


def _overtaken(events: Sequence[CallEvent]) -> Iterator[Gap]:
    dated = sorted((each for each in events if each.clock == "provider"), key=lambda each: each.received_at)
    latest: CallEvent | None = None
    for event in dated:
        if latest is not None and event.occurred_at < latest.occurred_at:
            text = f"This {event.kind} arrived after a {latest.kind} that happened later."
            yield Gap("overtaken", text, leg=event.leg, events=(event.event_id, latest.event_id))
        else:
            latest = event


def _uuids(row: Row) -> Iterator[Gap]:
    started_at: datetime | None = row["started_at"]
    made = [time for each in row["legs"] if (time := created_at(canonical(each))) is not None]
    if started_at is None or not made:
        return
    if abs(min(made) - microseconds(started_at)) > UUIDS_AGREE_US:
        values = {"row": started_at, "uuid": moment(min(made))}
        text = "The start is not the time inside the call's ids: is the source's time zone right?"
        yield Gap("uuid-time", text, "started_at", values)


def _callbacks(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return f"callback{'s' if len(ids) > 1 else ''} {', '.join(ids[:3])}{more}"


def _duration(seconds: float) -> str:
    """Format a duration in the largest unit that is exact enough."""
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"
