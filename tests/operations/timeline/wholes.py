"""A `Whole` as the tables would give it, made of events alone."""

from __future__ import annotations

import random
from dataclasses import asdict, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from operations.timeline.gaps import as_column
from operations.timeline.model import Kept, Told, Whole
from schemas.calls import SHOWN, call_of
from schemas.legs import legs_of
from tests.kit.events import call_events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.events import CallEvent


def calls_of(seed: int, number: int = 9) -> list[list[CallEvent]]:
    """The events of each call that so many random ones make."""
    found: list[list[CallEvent]] = []
    for event in call_events(random.Random(seed), events=number):
        tied = [each for each in found if any(set(event.ids) & set(other.ids) for other in each)]
        apart = [each for each in found if each not in tied]
        found = [*apart, [*chain.from_iterable(tied), event]]
    return found


def whole(events: Sequence[CallEvent], **row: Any) -> Whole:
    """Each event said by one callback; `row` is what the row has otherwise than its events make it."""
    call = call_of(events)
    said = [event for event in events if event.callback_id]
    return Whole(
        account=call.account,
        call_id=call.call_id,
        row=dict(as_column(name, getattr(call, name)) for name in SHOWN) | row,
        legs=tuple(dict(as_column(*each) for each in asdict(leg).items()) for leg in legs_of(events)),
        told=tuple(Told(event, tuple(filter(None, [event.callback_id]))) for event in events),
        callbacks={event.callback_id: kept(event, place) for place, event in enumerate(said)},
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
