"""Which events gave each field of a call's row. Pure, and general: no field is known here by its name.

The row is folded again without each event: the fields that change are those that it decided. Where several
events say the same, none of them alone is missed: then the one that is believed is named, without which the
others would not be asked; or else the fewest that give the value: bills first, then the earliest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from schemas.calls import SHOWN, Call, call_of, is_call
from schemas.readings import newest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schemas.events import CallEvent

ROW = tuple(name for name in SHOWN if name not in {"account", "call_id"})


def is_empty(value: Any) -> bool:
    """Return whether this is what a field holds while its value is unknown; 0 seconds is a value."""
    return value is None or value is False or value in ("", (), {})


def tellings(events: Iterable[CallEvent]) -> list[CallEvent]:
    """Return each event once, in its newest reading, in the order of first receipt."""
    known: dict[str, CallEvent] = {}
    for event in events:
        known[event.event_id] = newest(known[event.event_id], event) if event.event_id in known else event
    return sorted(known.values(), key=_came)


def _came(event: CallEvent) -> tuple[int, bool, str]:
    """Order events by receipt; a closing is as old as the call's last event, and follows it."""
    return event.received_at, event.kind == "closed", event.event_id


def provenance(events: Iterable[CallEvent]) -> dict[str, tuple[CallEvent, ...]]:
    """Return the events that decided each field of the row, by receipt; none for an empty field.

    `events` make one call. An event may be given several times.
    """
    said = tellings(events)
    row = call_of(said)
    missed = _missed(said, row)
    first = _first_enough(said, row)
    found = {}
    for name in ROW:
        decided = missed[name]
        if not is_empty(getattr(row, name)) and not _gives(decided, name, row):
            decided = [*decided, *(_believed(said, name, row) or _fewest(first[name], name, row))]
        ids = {each.event_id for each in decided}
        found[name] = tuple(each for each in said if each.event_id in ids)
    return found


def _missed(said: Sequence[CallEvent], row: Call) -> dict[str, list[CallEvent]]:
    """Return by field the events without which it would differ."""
    missed: dict[str, list[CallEvent]] = {name: [] for name in ROW}
    for event in said:
        other = _fold([each for each in said if each is not event])
        for name in ROW:
            if _value(other, name) != getattr(row, name):
                missed[name].append(event)
    return missed


def _believed(said: Sequence[CallEvent], name: str, row: Call) -> list[CallEvent]:
    """Of events that agree on a field, return the one that counts: if it said otherwise, so would the row."""
    for event in said:
        other = _other(getattr(event, name, None))
        if other is not None:
            changed = [replace(each, **{name: other}) if each is event else each for each in said]
            if _value(_fold(changed), name) != getattr(row, name):
                return [event]
    return []


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return None
    return value + 1 if isinstance(value, int) else f"{value}\0" if isinstance(value, str) else None


def _first_enough(said: Sequence[CallEvent], row: Call) -> dict[str, list[CallEvent]]:
    """Return by field the first events that give its value, CDRs first, as they are believed more."""
    ordered = sorted(said, key=lambda event: event.kind != "cdr")
    enough: dict[str, list[CallEvent]] = {}
    for number in range(1, len(ordered) + 1):
        partly = _fold(ordered[:number])
        for name in ROW:
            if name not in enough and _value(partly, name) == getattr(row, name):
                enough[name] = ordered[:number]
        if len(enough) == len(ROW):
            break
    return enough


def _fewest(enough: Sequence[CallEvent], name: str, row: Call) -> list[CallEvent]:
    """Return the events that give a field its value, reduced until none can be left out."""
    kept = list(enough)
    for event in reversed(enough):
        fewer = [each for each in kept if each is not event]
        if _gives(fewer, name, row):
            kept = fewer
    return kept


def _gives(events: Sequence[CallEvent], name: str, row: Call) -> bool:
    return bool(_value(_fold(events), name) == getattr(row, name))


def _fold(events: Sequence[CallEvent]) -> Call | None:
    return call_of(events) if is_call(events) else None


def _value(row: Call | None, name: str) -> Any:
    """Return a field's value; all fields of what is no call are unknown."""
    return None if row is None else getattr(row, name)
