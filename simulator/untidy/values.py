"""The same values written otherwise: the row stays the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from schemas.times import SECOND
from simulator.shapes import request_of
from simulator.untidy.told import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random
    from zoneinfo import ZoneInfo

    from simulator.model import Webhook

NOTHING = (
    "null",
    "NULL",
    "(null)",
    "undefined",
    "None",
    "nil",
    "<nil>",
    "N/A",
    "-",
    "${value}",
    "{{ value }}",
)
NO_ID = (*NOTHING, "0", "00000000-0000-0000-0000-000000000000", "false", "unknown")
NEVER = (
    *("0000-00-00 00:00:00", "0001-01-01 00:00:00", "1970-01-01 00:00:00", "1970-01-01 08:00:00"),
    *("1899-12-30 00:00:00", "1900-01-01 00:00:00", "0", "null"),
)
IDS = ("uuid", "buuid", "CallID", "SubCallID", "CallBackID")
OF_A_CDR = ("starttime", "answertime", "endtime")


def nothing(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """A missing value, or a missing id, is written as a language writes "nothing"."""
    empty = [name for name, value in webhook.fields.items() if value == ""]
    words: dict[str, Any] = {name: rng.choice(NOTHING) for name in empty}
    absent = "buuid" if webhook.kind == "cdr" else "CallBackID" if webhook.event_type else ""
    if absent and absent not in webhook.fields:
        words[absent] = rng.choice(NO_ID)
    return _with(webhook, words)


def never(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """A missing time, as languages and databases print it."""
    if webhook.fields.get("answertime") != "":
        return None
    return _with(webhook, {"answertime": rng.choice(NEVER)})


def times(rng: Random, webhook: Webhook, zone: ZoneInfo) -> Told | None:
    """Another unit, a fraction, or ISO 8601 with its zone."""
    if webhook.kind == "cdr":
        write = rng.choice(OF_LOCAL_TIMES)
        told = {name: str(webhook.fields[name]) for name in OF_A_CDR if webhook.fields[name]}
        local = {name: datetime.fromisoformat(text).replace(tzinfo=zone) for name, text in told.items()}
        if any(_is_twice(at) for at in local.values()):
            return None
        return _with(webhook, {name: write(at) for name, at in local.items()})
    name = "EventTime" if webhook.event_type else "starttime"
    unit = 1 if webhook.event_type else SECOND
    return _with(webhook, {name: rng.choice(OF_COUNTS)(int(webhook.fields[name]) * unit)})


def _is_twice(at: datetime) -> bool:
    """Whether the local time occurs twice, because clocks are set back."""
    return at.utcoffset() != at.replace(fold=1).utcoffset()


def _iso(micros: int) -> str:
    seconds, fraction = divmod(micros, SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:06}Z"


OF_COUNTS: tuple[Callable[[int], str], ...] = (
    str,
    _iso,
    lambda micros: f"{micros // SECOND}.{micros % SECOND:06}",
    lambda micros: f"{micros // 1000}.{micros % 1000:03}",
    lambda micros: f"{micros}.0",
    lambda micros: f"{micros}e-6",
)
"""Of microseconds since 1970."""
OF_LOCAL_TIMES: tuple[Callable[[datetime], str | int | float], ...] = (
    datetime.isoformat,
    lambda at: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    lambda at: f"{at:%Y-%m-%d %H:%M:%S}.000",
    lambda at: f"{at:%Y/%m/%d %H:%M:%S}",
    lambda at: f"{at:%Y-%m-%dT%H:%M:%S}",
    lambda at: int(at.timestamp()),
    lambda at: int(at.timestamp()) * 1000,
    lambda at: at.timestamp() + 0.0,
)


def durations(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """As a clock shows them, as floats, with an exponent."""
    names = [
        name for name in ("duration", "billsec", "Duration", "BridgedDuration") if name in webhook.fields
    ]
    if not names:
        return None
    write = rng.choice(OF_DURATIONS if webhook.event_type else (_clock, *OF_DURATIONS))
    return _with(webhook, {name: write(int(webhook.fields[name])) for name in names})


OF_DURATIONS: tuple[Callable[[int], str], ...] = (
    lambda number: f"{number}.0",
    lambda number: f"{number}e0",
    lambda number: f" {number} ",
)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def ids(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """UUIDs in capitals, in braces, as a URN: each leg is shown in every spelling."""
    spelling = rng.choice(("{}", "{{{}}}", "urn:uuid:{}"))
    told = {name: str(webhook.fields[name]) for name in IDS if name in webhook.fields}
    written = {id_: spelling.format(id_.upper()) for id_ in told.values()}
    changed = webhook.fields | {name: written[id_] for name, id_ in told.items()}
    return Told(request_of(changed, webhook.shape), written=written)


def _with(webhook: Webhook, changed: Mapping[str, Any]) -> Told | None:
    return Told(request_of({**webhook.fields, **changed}, webhook.shape)) if changed else None
