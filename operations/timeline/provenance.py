"""Which events decided each field of a call's row. Pure, and general: no field is known here by its name.

A record is taken apart into its smallest values. Each of these is changed a little, or taken away, and
`call_of` is asked again: the fields of the row that come out otherwise are the ones that it decided. Where it
came from follows from its rule in `schemas.records`: the earliest event whose own record carries it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING, Any

from schemas import lattice
from schemas.calls import Call, call_of
from schemas.records import FIELDS, join, record_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from schemas.events import CallEvent
    from schemas.records import Record

Path = tuple[str, ...]
"""Where a value stands in a record: `("caller",)`, `("cdr", "caller")`, `("ends", leg)`, `("ids", id)`."""

Deciders = defaultdict[str, set[Path]]
"""By the name of a field of the row."""

MOST_PAIRED = 80
"""Values of a record that are tried in pairs; a call of more is rare, and its single values say enough."""

ROW = tuple(each.name for each in fields(Call))

UNFIT = (KeyError, IndexError, ValueError, TypeError)
"""What `call_of` raises for a record that no events could make: nothing is learned from it."""

_ELEMENTS = frozenset({lattice.UNION.name})
_WHOLE = lattice.LATEST_WHOLE.name
_PREFERRED = lattice.PREFERRED.name
_NESTED = frozenset({lattice.EACH_EARLIEST.name})


@dataclass(frozen=True, slots=True)
class Origin:
    """One thing that decided a field."""

    paths: tuple[Path, ...]
    """The record's values that decided, and that it brought; none where only events together do."""
    event: CallEvent | None
    """The earliest event that carries it; None for what the correlator itself adds (`closed`)."""


def in_order(events: Iterable[CallEvent]) -> list[CallEvent]:
    """In the order in which they came; the same telling of one only once."""
    known = {(event.received_at, event.event_id, event.callback_id): event for event in events}
    return [known[key] for key in sorted(known)]


def joined(events: Iterable[CallEvent], beside: Record | None = None) -> Record:
    """What these events let us know of their call, and what is known `beside` them."""
    return reduce(join, map(record_of, events), beside or {})


def provenance(events: Sequence[CallEvent], beside: Record | None = None) -> dict[str, tuple[Origin, ...]]:
    """For each field of the row, what decided it; nothing for one that is empty for want of news.

    `events` is never empty. A callback that came twice may be given twice: the earlier one is named.
    `beside` is what no event says: why the call was closed.
    """
    ordered = in_order(events)
    own = [(event, record_of(event)) for event in ordered]
    record = joined(ordered, beside)
    row = call_of(record)
    by_value, by_presence = _by_value(row, record), _by_presence(row, record)
    return {
        name: _origins(own, record, by_value[name])
        or _completed(_origins(own, record, by_presence[name]), own, beside, name, getattr(row, name))
        for name in ROW
    }


def _by_value(row: Call, record: Record) -> Deciders:
    """What a field's value was taken or reckoned from."""
    found: Deciders = defaultdict(set)
    for path in paths(record):
        for other in altered(record, path):
            for name in _changed(row, other):
                found[name].add(path)
    return found


def _by_presence(row: Call, record: Record) -> Deciders:
    """What makes a field what it is by being there, alone or where either of two would do."""
    found: Deciders = defaultdict(set)
    lacking = {path: _lacking(record, path) for path in paths(record)}
    for path, other in lacking.items():
        for name in _changed(row, other):
            found[name].add(path)
    pairs = combinations(lacking, 2) if len(lacking) <= MOST_PAIRED else ()
    either: Deciders = defaultdict(set)
    for one, two in pairs:
        if one[0] != two[0] or len(one) == len(two):  # not a CDR and what it says
            for name in _changed(row, without(lacking[one], two)):
                if found[name].isdisjoint({one, two}):
                    either[name] |= {one, two}
    for name, paired in either.items():
        found[name] |= paired
    return found


def paths(record: Record) -> Iterator[Path]:
    """Where the smallest values of a record stand that `call_of` may read; the CDR also as a whole."""
    for name, value in record.items():
        rule = FIELDS[name].name
        if rule in _ELEMENTS:
            yield from ((name, element) for element in value)
        elif rule in _NESTED:
            yield from ((name, key) for key in value)
        elif rule == _WHOLE:
            yield (name,)
            yield from ((name, said) for said in value[2])
        elif name != "legs":
            yield (name,)


def without(record: Record, path: Path) -> Record:
    """The record as if nobody had said this."""
    name, *inside = path
    value = record.get(name)
    if value is None or not inside:
        return {key: kept for key, kept in record.items() if key != name}
    (part,) = inside
    if isinstance(value, dict):
        rest = {key: kept for key, kept in value.items() if key != part}
        return {**record, name: rest} if rest else without(record, (name,))
    if FIELDS[name].name == _WHOLE:
        return {**record, name: [*value[:2], {key: said for key, said in value[2].items() if key != part}]}
    return {**record, name: [kept for kept in value if kept != part]}


def _lacking(record: Record, path: Path) -> Record:
    """The same, but where `call_of` counts on one element of a set, the last gives way to another."""
    fewer = without(record, path)
    if fewer.get(path[0]) == []:
        try:
            call_of(fewer)
        except UNFIT:
            return {**record, path[0]: [f"{path[1]}\0"]}
    return fewer


def altered(record: Record, path: Path) -> Iterator[Record]:
    """The record with another value in this place, as near to it as can be.

    Not of a set's elements: all that one says is that it is there.
    """
    name, *inside = path
    value, rule = record[name], FIELDS[name].name
    if rule == _PREFERRED:
        yield from ({**record, name: [*value[:2], other]} for other in _others(value[2]))
    elif rule == _WHOLE and inside:
        said = value[2]
        for other in _others(said[inside[0]]):
            yield {**record, name: [*value[:2], {**said, inside[0]: other}]}
    elif rule in _NESTED:
        yield from ({**record, name: {**value, inside[0]: other}} for other in _others(value[inside[0]]))
    else:
        yield from ({**record, name: other} for other in _others(value))


def _others(value: Any) -> tuple[Any, ...]:
    """The nearest other values: no earliest or latest of several loses its place by more than it must."""
    if isinstance(value, int):
        return (value - 1, value + 1)
    if isinstance(value, str):
        # some are numbers in digits
        return (str(int(value) + 1),) if value.isascii() and value.isdigit() else (f"{value}\0",)
    return ()


def _changed(row: Call, record: Record) -> list[str]:
    """The fields of the row that come out otherwise from this record."""
    try:
        other = call_of(record)
    except UNFIT:
        return []
    return [] if other == row else [name for name in ROW if getattr(other, name) != getattr(row, name)]


def _origins(
    own: Sequence[tuple[CallEvent, Record]], record: Record, found: Iterable[Path]
) -> tuple[Origin, ...]:
    """One for each event that brought any of these."""
    brought: dict[int, list[Path]] = defaultdict(list)
    for path in sorted(found):
        brought[_carrier(own, record, path)].append(path)
    return tuple(
        Origin(tuple(values), own[place][0] if place < len(own) else None)
        for place, values in sorted(brought.items())
    )


def _carrier(own: Sequence[tuple[CallEvent, Record]], record: Record, path: Path) -> int:
    """The place of the earliest event that carries this; one past the last if none does."""
    return next((place for place, (_, alone) in enumerate(own) if _carries(alone, record, path)), len(own))


def _carries(alone: Record, record: Record, path: Path) -> bool:
    """Whether an event's own record has what stands there in the record of all."""
    name, *inside = path
    if name not in alone:
        return False
    if FIELDS[name].name in _ELEMENTS:
        return inside[0] in alone[name]
    if FIELDS[name].name == _WHOLE:
        return bool(alone[name] == record[name])
    here, there = alone[name], record[name]
    for part in inside:
        if part not in here:
            return False
        here, there = here[part], there[part]
    return bool(here == there)


def _completed(
    origins: tuple[Origin, ...],
    own: Sequence[tuple[CallEvent, Record]],
    beside: Record | None,
    name: str,
    value: Any,
) -> tuple[Origin, ...]:
    """The same with the earliest events that are still needed for the value.

    So of what has several reasons, any of which would do, the first is named.
    """
    if value is None or value is False or value in ("", (), {}):
        return origins
    named = {place for place, (event, _) in enumerate(own) if any(each.event is event for each in origins)}
    kept = sorted(named)
    if not kept or not _says((own[place][1] for place in kept), beside, name, value):
        kept = list(range(len(own)))
    for place in reversed(range(len(own))):
        fewer = [each for each in kept if each != place]
        if (
            place in kept
            and place not in named
            and fewer
            and _says((own[each][1] for each in fewer), beside, name, value)
        ):
            kept = fewer
    by_place = {place: Origin((), own[place][0]) for place in kept}
    by_place |= {_place(own, each): each for each in origins}
    return tuple(by_place[place] for place in sorted(by_place))


def _place(own: Sequence[tuple[CallEvent, Record]], origin: Origin) -> int:
    return next((place for place, (event, _) in enumerate(own) if event is origin.event), len(own))


def _says(records: Iterable[Record], beside: Record | None, name: str, value: Any) -> bool:
    """Whether what these let us know gives the field this value."""
    try:
        return bool(getattr(call_of(reduce(join, records, beside or {})), name) == value)
    except UNFIT:
        return False
