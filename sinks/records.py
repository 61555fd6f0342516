"""A call's record as rows of `call_records` and `stored_legs`. Pure.

Which check a field needs, and what stands for its absence, follow from its rule in `schemas.records`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from schemas import lattice
from schemas.records import BILLED, DESCRIBED, FIELDS, LEG_FIELDS
from sinks import checks
from sinks.tables import RECORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.callbacks import Reason
    from schemas.lattice import Fields
    from schemas.records import Record
    from sinks.tables import Row

NUMBERS = frozenset({"round", "hangup_cause", "hangup_direction", "ring_time", "talk_time"})
DURATIONS = frozenset({"ring_time", "talk_time"})
TIMES = frozenset({"started_at", "answered_at", "ended_at"})

_CHECKS = {
    lattice.EARLIEST.name: checks.is_time,
    lattice.LATEST.name: checks.is_time,
    lattice.SMALLEST.name: checks.is_text,
    lattice.LARGEST.name: checks.is_text,
    lattice.UNION.name: checks.is_texts,
    lattice.EACH_EARLIEST.name: checks.is_times,
    lattice.PREFERRED.name: checks.is_preference,
}

UNKNOWN = (0, 0, "")
"""Stands for an absent [priority, order, value]: every real one is greater."""
NO_CDR = (0, 0, "", *(None for _ in BILLED))
"""Stands for an absent CDR: every real one was received later."""

_ABSENT: dict[str, Any] = {
    lattice.UNION.name: [],
    lattice.EACH_EARLIEST.name: {},
    lattice.PREFERRED.name: UNKNOWN,
    lattice.LATEST_WHOLE.name: NO_CDR,
}
"""Of all other rules it is NULL."""


def _checks(fields: Fields) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (name, checks.is_numeric_preference if name in NUMBERS else _CHECKS[rule.name])
        for name, rule in fields.items()
        if rule.name in _CHECKS
    )


def _billed_check(name: str) -> Any:
    if name in DURATIONS:
        return checks.is_duration
    return checks.is_integer if name in NUMBERS else checks.is_time if name in TIMES else checks.is_text


_FIELD_CHECKS = _checks(FIELDS)
_LEG_CHECKS = _checks(LEG_FIELDS)
_BILLED_CHECKS = tuple((name, _billed_check(name)) for name in BILLED)
DESCRIBED_CHECKS = tuple((name, _billed_check(name)) for name in DESCRIBED)
"""Of what both an event and a CDR may say of a call."""

_COLUMNS = tuple((name, _ABSENT.get(FIELDS[name].name)) for name in RECORDS.columns[2:])
_LEG_COLUMNS = tuple((name, _ABSENT.get(rule.name)) for name, rule in LEG_FIELDS.items())


def unfit(record: Record) -> list[Reason]:
    """Say which fields no column can hold. A record may lack any field."""
    return [*checks.unfit(_FIELD_CHECKS, record), *_unfit_cdr(record), *_unfit_legs(record)]


def _unfit_cdr(record: Record) -> list[Reason]:
    cdr = record.get("cdr")
    if cdr is None:
        return []
    shaped = type(cdr) is list and len(cdr) == 3 and checks.is_object(cdr[2])
    if not (shaped and checks.is_receipt(cdr[0]) and checks.is_text(cdr[1])):
        return checks.unfit((("cdr", lambda _: False),), record)
    return checks.unfit(_BILLED_CHECKS, cdr[2], "cdr.")


def _unfit_legs(record: Record) -> list[Reason]:
    legs = record.get("legs")
    if legs is None:
        return []
    if not checks.is_object(legs) or not all(map(checks.is_object, legs.values())):
        return checks.unfit((("legs", lambda _: False),), record)
    # which leg it is stays untold: ids of calls are in no reason
    return [reason for leg in legs.values() for reason in checks.unfit(_LEG_CHECKS, leg, "legs.")]


def without_nulls(record: Record) -> Record:
    """The same with nulls left out: what is unknown is absent."""
    known = {name: value for name, value in record.items() if value is not None}
    if "legs" in known:
        known["legs"] = {
            leg_id: {name: value for name, value in leg.items() if value is not None}
            for leg_id, leg in known["legs"].items()
        }
    return known


def row(account: str, call_id: str, record: Record) -> Row:
    """A row of `call_records`."""
    values = {**record, "cdr": _cdr(record["cdr"])} if "cdr" in record else record
    return (account, call_id, *[values.get(name, absent) for name, absent in _COLUMNS])


def _cdr(cdr: list[Any]) -> Row:
    *decisive, event_id, billed = _with_digest(cdr)
    return (*decisive, event_id, *map(billed.get, BILLED))


def _with_digest(cdr: list[Any]) -> list[Any]:
    """With what decides between two of one time: [received_at, digest, event_id, {…}]."""
    received_at, *told = cdr
    return [received_at, lattice.digest(told), *told]


def contribution(record: Record) -> str:
    """What one event lets us know of its call, as `call_changes` reads it again: a JSON object."""
    known = {name: value for name, value in record.items() if name != "legs"}
    if "cdr" in known:
        known["cdr"] = _with_digest(known["cdr"])
    return orjson.dumps(known).decode()


def leg_rows(account: str, call_id: str, record: Record) -> Iterator[Row]:
    """The rows of `stored_legs`: one for each leg that something happened to, or that was named."""
    call_id = min(call_id, record.get("merged_into", call_id))
    legs = record.get("legs", {})
    for leg_id in {*legs, *record.get("ids", ())}:
        leg = legs.get(leg_id, {})
        yield (account, leg_id, call_id, *[leg.get(name, absent) for name, absent in _LEG_COLUMNS])
