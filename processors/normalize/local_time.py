"""Times in every spelling that senders use: which instant they name, or why they name none.

A count since 1970 is in seconds, milliseconds or microseconds, which its size tells. A date that states its
zone means that zone. One without belongs to the source's zone; where clocks go back, such a time happens
twice: what happened before, how long after that it was, and the version-1 UUID of the call, which carries its
creation time, tell which of the two is meant (README of the documents).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from processors.normalize.nothing import INVISIBLE, QUOTES, counts_never, is_never
from processors.normalize.numbers import number_of
from schemas.times import SECOND, microseconds, moment
from schemas.uuids import created_at

if TYPE_CHECKING:
    from processors.normalize.fields import Fields

Read: TypeAlias = "int | str | None"
"""An instant (µs), None for never, or the code of a doubt."""

YEAR_2000 = 946_684_800 * SECOND
YEAR_2100 = 4_102_444_800 * SECOND
UNITS = (SECOND, 1, 1_000, Decimal("0.001"))
"""Of counts since 1970: those of one lie a thousand times apart from those of the next."""

SHAPE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
"""As the documents have it."""
LOOSE_SHAPE = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T_ ]\s*(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)?"
    r"\s*(z|utc|gmt|[+-]\d\d(?::?\d\d)?| \d\d:?\d\d)?(?:\[[\w/+-]+\]|(?<=\d\d\d\d) [a-z]{3,5})?)?"
    r"(?: m=[+-][\d.]+)?",
    re.ASCII | re.IGNORECASE,
)
"""The name of a zone may follow its offset; Go adds how long its process ran."""
BASIC_SHAPE = re.compile(r"\d{8}T\d{4,6}(?:[.,]\d+)?(?:Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII | re.IGNORECASE)
UTC_ZONE = ZoneInfo("UTC")
EPOCH = moment(0).replace(tzinfo=None)  # of local times, whose offset is subtracted separately
ZERO, MICROSECOND = timedelta(), timedelta(microseconds=1)
MINUTE = 60 * SECOND
MAIL_ZONE = re.compile(r" (?:[+-]\d{4}|GMT|UTC)(?: \(\w+\))?$", re.ASCII)
OF_BROWSERS = re.compile(
    r"\w{3} (\w{3}) (\d\d) (\d{4}) (\d\d:\d\d:\d\d) (?:GMT|UTC)([+-]\d{4})(?: \(.*\))?", re.ASCII
)
"""Thu Oct 16 2025 17:31:13 GMT+0800 (China Standard Time)."""
OF_NET = re.compile(r"\\?/Date\((-?\d{1,15})(?:[+-]\d{4})?\)\\?/", re.ASCII)
"""/Date(1760607073000+0800)/: milliseconds, in UTC whatever zone is told."""
IN_CHINESE = str.maketrans({"年": "-", "月": "-", "日": " ", "时": ":", "時": ":", "分": ":", "秒": None})
ZERO_TIME = re.compile(
    r"[0\-:/. tz]*(?:nan[\-:/. tz]*)*|-0.*|inval.*|never|nat"
    r"|(?:0?1([./-])0?1\1|31([./-])12\2|12([./-])31\3)(?:0001|1900|1969|1970)\b.*"
    r"|\w{3} \w{3} +\d+ .*(?:1970|1969)",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
"""No time in formats that are none of ISO's: nothing but zeros, a day in no year, the first day of all."""
LEAST_DIGITS = 10
"""Of a count with an exponent: with fewer, seconds are lost."""
MOST_AHEAD = 31 * 24 * 3600 * SECOND
"""Clocks may be wrong by an hour or a day; a call that is told of has begun."""
MOST_LATE = -10 * 365 * 24 * 3600 * SECOND
"""A clock that has begun anew shows the year in which it was made."""
DIGITS_OF_MICROSECONDS = 6
MOST_DISAGREEMENT = 2 * SECOND
"""The times of one bill may disagree by this much."""
MOST_ROUNDING = 60 * SECOND
"""A bill may count minutes that have begun."""


class Clues(NamedTuple):
    """These tell which of two instants with the same local time is meant."""

    after: int | None = None
    """When something happened before it (µs)."""
    lasted: int | None = None
    """How long before, as far as the sender says so (µs)."""
    uuid: str | None = None
    """The call's id, which may tell when it was made."""


NO_CLUES = Clues()


def read_time(
    fields: Fields,
    name: str,
    zone: ZoneInfo,
    clues: Clues = NO_CLUES,
    *,
    told_at: int | None = None,
) -> int | None:
    """The field's instant (µs), None for never, and for one in doubt, as one far from when it was told."""
    text = fields.scalar(name)
    if text == "":
        fields.understood(name)
        return None
    read = "malformed-time" if text is None else instant_of(text, zone, clues)
    if type(read) is int and not (
        YEAR_2000 <= read < YEAR_2100 and (told_at is None or MOST_LATE < read - told_at < MOST_AHEAD)
    ):
        read = "out-of-range"
    if isinstance(read, str):
        fields.doubt(name, read)
        return None
    fields.understood(name)
    return read


def says_a_time(fields: Fields, name: str) -> bool:
    """Whether the field says something else than never, even if that can't be read."""
    text = fields.scalar(name)
    if text is None:
        return bool(fields.scalars[name])
    return text.startswith("20") or (text != "" and instant_of(text, UTC_ZONE) is not None)


def instant_of(text: str, zone: ZoneInfo, clues: Clues = NO_CLUES) -> Read:
    """Read a time in any spelling."""
    if text[4:5] == "-" and SHAPE.fullmatch(text):
        return None if is_never(text) else _local(text[:16], int(text[17:]) * SECOND, zone, clues)
    number = number_of(text)
    if number is not None:
        return _counted(number) if type(number) is int or not _is_rounded(text) else "malformed-time"
    bare = text.strip(QUOTES + INVISIBLE).strip()
    if bare and bare != text:
        return instant_of(bare, zone, clues)
    return _dated(text.translate(IN_CHINESE).strip(), zone, clues)


def _dated(text: str, zone: ZoneInfo, clues: Clues) -> Read:
    """Read a date and time in a spelling other than the documents'."""
    found = LOOSE_SHAPE.fullmatch(_extended(text) if BASIC_SHAPE.fullmatch(text) else text)
    if found is None:
        return None if ZERO_TIME.fullmatch(text) else _of_languages(text)
    year, month, day, hour, minute, second, fraction, stated = found.groups()
    date = f"{year}-{month:0>2}-{day:0>2}"
    if is_never(date):
        return None
    if hour is None:
        return "malformed-time"
    local, micros = f"{date} {hour:0>2}:{minute}", _micros(second or "0", fraction or "")
    return _zoned(local, micros, stated) if stated else _local(local, micros, zone, clues)


def _is_rounded(text: str) -> bool:
    """Whether a spreadsheet has read the number, and only its beginning is left."""
    figures, exponent, _ = text.lower().partition("e")
    return bool(exponent) and sum(map(str.isdigit, figures)) < LEAST_DIGITS


def _of_languages(text: str) -> Read:
    """A time as .NET writes it in JSON, as browsers do, or as mail and HTTP do."""
    if found := OF_NET.fullmatch(text):
        return _counted(int(found.group(1)))
    found = OF_BROWSERS.fullmatch(text)
    return _of_mail("{1} {0} {2} {3} {4}".format(*found.groups()) if found else text)


def _of_mail(text: str) -> Read:
    """A time as mail and HTTP write it, with its zone: Thu, 16 Oct 2025 09:31:13 +0000."""
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return "malformed-time"
    if at.tzinfo is None or not MAIL_ZONE.search(text):
        return "malformed-time"
    return None if is_never(at.date().isoformat()) else microseconds(at)


def _micros(second: str, fraction: str) -> int:
    """Within a minute; a minute and more for a second that there isn't."""
    return int(second) * SECOND + int(fraction[:DIGITS_OF_MICROSECONDS].ljust(DIGITS_OF_MICROSECONDS, "0"))


def _counted(number: int | Decimal) -> Read:
    """A count since 1970."""
    for unit in UNITS:
        instant = number * unit
        if YEAR_2000 <= instant < YEAR_2100:
            return int(instant)
    return None if counts_never(float(number)) else "out-of-range"


def _extended(basic: str) -> str:
    """ISO 8601 without its separators, with them."""
    date, time = basic[:8], basic[9:]
    digits = re.match(r"\d+", time)
    clock = digits.group() if digits else ""
    parts = ":".join(clock[at : at + 2] for at in range(0, len(clock), 2))
    return f"{date[:4]}-{date[4:6]}-{date[6:]}T{parts}{time[len(clock) :]}"


def _zoned(local: str, micros: int, stated: str) -> Read:
    """A time that states its zone."""
    offset = stated.strip().replace(":", "").upper()
    if offset in {"Z", "UTC", "GMT"}:
        offset = "+0000"
    digits = offset.lstrip("+-").ljust(4, "0")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    try:
        at = datetime.fromisoformat(local).replace(tzinfo=UTC)
        at = at + ahead if offset[0] == "-" else at - ahead
    except (ValueError, OverflowError):
        return "nonexistent-time"
    return microseconds(at) + micros if micros < MINUTE else "nonexistent-time"


def _local(local: str, micros: int, zone: ZoneInfo, clues: Clues) -> Read:
    """A time of the source's zone."""
    minutes = _minutes(local, zone)
    if not minutes or micros >= MINUTE:
        return "nonexistent-time"
    if len(minutes) == 1:
        return minutes[0] + micros
    return _which([minute + micros for minute in minutes], clues)


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


def _which(instants: list[int], clues: Clues) -> int:
    """Choose the instant that comes as long after the other as it should, or else the first that may be.

    Without another instant it is the one nearer to the UUID's own time, or else the first.
    """
    if clues.after is not None:
        return _which_after(instants, clues.after, clues.lasted)
    made_at = created_at(clues.uuid) if clues.uuid is not None else None
    if made_at is not None:
        return min(instants, key=lambda instant: abs(instant - made_at))
    return instants[0]


def _which_after(instants: list[int], after: int, lasted: int | None) -> int:
    possible = [instant for instant in instants if instant >= after - MOST_DISAGREEMENT] or instants
    if lasted is None:
        return possible[0]
    fitting = (instant for instant in possible if abs(instant - after - lasted) <= MOST_ROUNDING)
    return next(fitting, possible[0])
