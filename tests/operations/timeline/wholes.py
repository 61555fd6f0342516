"""A `Whole` as the tables would give it, made of events alone."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from operations.timeline.gaps import as_column
from operations.timeline.model import Kept, Told, Whole
from operations.timeline.provenance import joined
from schemas.calls import call_of
from schemas.records import BILLED
from schemas.times import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.events import CallEvent
    from schemas.records import Record


def whole(events: Sequence[CallEvent], *, beside: Record | None = None, **row: Any) -> Whole:
    """Each event said by one callback; `row` is what the row has otherwise than its events make it."""
    record = joined(events, beside)
    call = call_of(record)
    columns = dict(as_column(name, getattr(call, name)) for name in asdict(call))
    billed = record["cdr"][2] if "cdr" in record else {}
    of_events = call_of({name: value for name, value in record.items() if name != "cdr"})
    for name in BILLED:
        column, value = as_column(name, getattr(of_events, name))
        columns[f"event_{column}"] = value or None
        columns[f"cdr_{column}"] = as_column(name, billed.get(name))[1]
    kinds = {"kinds": record["kinds"], "dialects": record["dialects"], "sources": record["sources"]}
    legs = {leg: {} for leg in record["ids"]} | record.get("legs", {})
    return Whole(
        account="acme",
        call_id=record["ids"][0],
        row={"account": "acme", "call_id": record["ids"][0], **columns, **kinds, **row},
        beside=beside or {},
        merged=tuple(record["events"]),
        legs=tuple({"leg_id": leg, **_leg(known)} for leg, known in legs.items()),
        told=tuple(Told(event, (event.callback_id,)) for event in events),
        callbacks={event.callback_id: kept(event, place) for place, event in enumerate(events)},
    )


def kept(event: CallEvent, offset: int, payload: bytes | None = None) -> Kept:
    """The callback of an event."""
    return Kept(
        id=event.callback_id,
        received_at=event.received_at,
        source=event.source,
        status="accepted",
        kind="webhook",
        topic="callbacks.raw",
        partition=0,
        offset=offset,
        method="POST",
        content_type="application/json",
        query=None if payload is None else b"",
        payload=payload,
    )


def with_bytes(known: Whole, payload: bytes) -> Whole:
    """The same with these bytes in every callback."""
    callbacks = {id_: replace(each, payload=payload, query=b"") for id_, each in known.callbacks.items()}
    return replace(known, callbacks=callbacks)


def _leg(known: dict[str, Any]) -> dict[str, Any]:
    times = {name: moment(known[name]) if name in known else None for name in TIMES}
    said = {name: known[name][2] if name in known else None for name in ("extension", "outcome")}
    return {"side": known.get("side"), **times, **said}


TIMES = ("rang_at", "answered_at", "ended_at")
