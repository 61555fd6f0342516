"""A call as one JSON document, for programs: `callweave call ID --json`. Pure.

Keys are added, never renamed. Times are ISO 8601 in UTC with microseconds, durations seconds; what
is not known is null. Without `--numbers`, phone numbers and recording links are masked wherever they stand.

    account, call_id
    call         every column of the view `calls`
    legs         every column of the view `call_legs` but account and call_id
    events       by when they happened: event_id, kind, leg, ids, side, source, dialect, occurred_at, clock,
                 received_at, delay_seconds (null where only the ingress knows the time), since_start_seconds,
                 said (what it says of the call: columns of `calls`), variables, extra, callbacks,
                 doubts (field, code and raw text of each field that could not be read)
      callbacks  each that said it: id, kind, status, received_at, source, topic, partition, offset, method,
                 content_type; only the id, and null for the rest, if it is not archived; with `--raw` also
                 query and payload as text, and with `--numbers` payload_base64, the exact bytes
    cdr          what the CDR that is believed says: columns of `calls`; null without one
    gaps         code, text, column, leg, event_ids, values (who says what)
    provenance   column, value, from: event_id, kind, callback_id, topic, partition, offset: the events
                 without which the value would be another, or the fewest that give it
    changes      what each event changed in the row as it was before: revision, received_at, event_id, kind,
                 column, before, after (texts)
"""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from operations.timeline.masks import Masks
from schemas.times import SECOND, moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operations.timeline.gaps import Gap
    from operations.timeline.model import Kept, Row
    from operations.timeline.timeline import Moment, Source, Timeline
    from schemas.events import CallEvent, Doubt

Json = dict[str, Any]

CDR = "cdr_"

_PLACE = ("kind", "status", "received_at", "source", "topic", "partition", "offset", "method", "content_type")


def masks_of(timeline: Timeline, *, numbers: bool) -> Masks:
    whole = timeline.whole
    said = [*whole.row.items(), *(pair for each in timeline.moments for pair in each.said().items())]
    ids = {*whole.row["legs"], whole.call_id, whole.row["uuid"] or whole.call_id}
    ids |= {each.event.event_id for each in timeline.moments} | set(whole.callbacks)
    times = {whole.row[name] for name in whole.row if name.endswith("_at")} - {None}
    digits = {str(int(time.timestamp() * factor)) for time in times for factor in (1, 1_000, 1_000_000)}
    return Masks.of(said, harmless=ids | digits, numbers=numbers)


def document(timeline: Timeline, masks: Masks) -> Json:
    """Return plain JSON values; callbacks' bytes only if they were read."""
    whole = timeline.whole
    call = {name: _shown(masks, name, value) for name, value in whole.row.items()}
    return {
        "account": whole.account,
        "call_id": whole.call_id,
        "call": call,
        "legs": [_leg(masks, leg) for leg in whole.legs],
        "events": [_event(masks, each) for each in timeline.moments],
        "cdr": _cdr(call) if whole.row["has_cdr"] else None,
        "gaps": [_gap(masks, gap) for gap in timeline.gaps],
        "provenance": [_source(timeline, masks, each) for each in timeline.sources],
        "changes": list(_changes(timeline, masks)),
    }


def iso(time: datetime) -> str:
    """Format a time in UTC, with all six digits of the second."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _shown(masks: Masks, name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    return masks.value(name, value)


def _leg(masks: Masks, leg: Row) -> Json:
    return {
        name: _shown(masks, name, value) for name, value in leg.items() if name not in {"account", "call_id"}
    }


def _event(masks: Masks, each: Moment) -> Json:
    event = each.event
    return {
        "event_id": event.event_id,
        "kind": event.kind,
        "leg": event.leg,
        "ids": list(event.ids),
        "side": event.side,
        "source": event.source,
        "dialect": event.dialect,
        "occurred_at": iso(moment(event.occurred_at)),
        "clock": event.clock,
        "received_at": iso(moment(event.received_at)),
        "delay_seconds": None if each.delay is None else each.delay / SECOND,
        "since_start_seconds": each.since_start / SECOND,
        "said": {name: _shown(masks, name, value) for name, value in each.said().items()},
        "variables": masks.json(event.variables or {}),
        "extra": masks.json(event.extra),
        "doubts": [_doubt(masks, doubt) for doubt in event.doubts],
        "callbacks": [_callback(masks, id_, kept) for id_, kept in each.callbacks],
    }


def _doubt(masks: Masks, doubt: Doubt) -> Json:
    ((field, raw),) = masks.json({doubt.field: doubt.raw}).items()
    return {"field": field, "code": doubt.code, "raw": raw}


def _callback(masks: Masks, id_: str, kept: Kept | None) -> Json:
    if kept is None:
        return {"id": id_, **dict.fromkeys(_PLACE)}
    known = {name: getattr(kept, name) for name in _PLACE} | {"received_at": iso(moment(kept.received_at))}
    if kept.payload is None:
        return {"id": id_, **known}
    text = {"query": masks.text(readable(kept.query or b"")), "payload": masks.text(readable(kept.payload))}
    exact = {"payload_base64": base64.b64encode(kept.payload).decode()} if masks.open else {}
    return {"id": id_, **known, **text, **exact}


def readable(payload: bytes) -> str:
    """Decode text, with escapes for what is not UTF-8."""
    return payload.decode("utf-8", "backslashreplace")


def _cdr(call: Json) -> Json:
    said = {name.removeprefix(CDR): value for name, value in call.items() if name.startswith(CDR)}
    return {name: value for name, value in said.items() if value is not None}


def _gap(masks: Masks, gap: Gap) -> Json:
    return {
        "code": gap.code,
        "text": gap.text,
        "column": gap.column or None,
        "leg": gap.leg or None,
        "event_ids": list(gap.events),
        "values": {teller: _shown(masks, gap.column, value) for teller, value in gap.values.items()},
    }


def _source(timeline: Timeline, masks: Masks, source: Source) -> Json:
    return {
        "column": source.column,
        "value": _shown(masks, source.column, source.value),
        "from": [_origin(timeline, each) for each in source.events],
    }


def _origin(timeline: Timeline, event: CallEvent) -> Json:
    kept = timeline.whole.callbacks.get(event.callback_id)
    return {
        "event_id": event.event_id,
        "kind": event.kind,
        "callback_id": event.callback_id or None,
        "topic": None if kept is None else kept.topic,
        "partition": None if kept is None else kept.partition,
        "offset": None if kept is None else kept.offset,
    }


def _changes(timeline: Timeline, masks: Masks) -> Iterator[Json]:
    for change in timeline.changes:
        yield {
            "revision": change.revision,
            "received_at": iso(moment(change.received_at)),
            "event_id": change.event_id,
            "kind": change.kind,
            "column": change.field,
            "before": masks.written(change.field, change.before),
            "after": masks.written(change.field, change.after),
        }
