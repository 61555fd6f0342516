"""Times that a CDR writes without a zone: which instant they name, or why they name none.

The zone belongs to the source. Where clocks go back, a local time happens twice: `after` and the version-1
UUID of the call, which carries its creation time, tell which of the two is meant (README of the documents).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from processors.normalize.fields import NEVER
from schemas.times import SECOND
from schemas.uuids import created_at

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from processors.normalize.fields import Fields

SHAPE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of local times, whose offset is taken off apart
ZERO, MICROSECOND = timedelta(), timedelta(microseconds=1)
SECONDS_IN_A_MINUTE = 60


def read_local_time(
    fields: Fields, name: str, zone: ZoneInfo, *, after: int | None, uuid: str | None
) -> int | None:
    """The field's instant (µs), None for never; one that can't be rejects the callback.

    Of two instants with the same local time, the first that is not before `after`; without an `after`, the
    one nearer to the UUID's own time; without that, the first.
    """
    text = fields.scalar(name)
    fields.understood(name)
    if text in NEVER:
        return None
    if text is None or not SHAPE.fullmatch(text):
        fields.reject(name, "malformed-time", "must be a local time, as in 2021-02-09 10:00:03")
        return None
    second = int(text[17:])
    instants = [minute + second * SECOND for minute in _minutes(text[:16], zone)]
    if not instants or second >= SECONDS_IN_A_MINUTE:
        fields.reject(name, "nonexistent-time", "there is no such date or time in the source's time zone")
        return None
    return fields.within(name, _which(instants, after, uuid))


@lru_cache(maxsize=4096)
def _minutes(local: str, zone: ZoneInfo) -> tuple[int, ...]:
    """When a zone's clocks show this minute: once, twice as they go back, or never as they go forward.

    Since 2000 no zone has changed its clocks within a minute. Calls of one time share their minutes.
    """
    try:
        naive = datetime.fromisoformat(local)
        offsets = [naive.replace(tzinfo=zone, fold=fold).utcoffset() or ZERO for fold in (0, 1)]
    except (ValueError, OverflowError):
        return ()
    if offsets[0] < offsets[1]:
        return ()
    return tuple((naive - EPOCH - offset) // MICROSECOND for offset in dict.fromkeys(offsets))


def _which(instants: list[int], after: int | None, uuid: str | None) -> int:
    if len(instants) == 1:
        return instants[0]
    if after is not None:
        return next((instant for instant in instants if instant >= after), instants[0])
    made_at = created_at(uuid) if uuid is not None else None
    if made_at is not None:
        return min(instants, key=lambda instant: abs(instant - made_at))
    return instants[0]
