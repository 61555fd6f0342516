"""Twins of dashboards by the clock of the account: rendered from the dashboards' own text. Pure.

Each has the columns of its dashboard; a day is one of the account's clock, and an hour begins when that clock
shows a full hour.
"""

from __future__ import annotations

import re

BY_DAY = ("calls_by_extension", "calls_by_campaign", "hangup_causes")
BY_HOUR = ("calls_by_hour",)

_UTC_DAY = "toDate(call.began_at, 'UTC') AS day"
_LOCAL_DAY = "call.local_day AS day"
_UTC_HOUR = "toStartOfHour(toDateTime(call.began_at, 'UTC')) AS hour"
_LOCAL_HOUR = """any(call.local_day) AS local_day,
    any(concat(substring(call.local_time, 1, 13), ':00', substring(call.local_time, 20))) AS local_hour,
    toDateTime(greatest(
        intDiv(toUnixTimestamp64Micro(call.began_at), 1000000)
        - (intDiv(toUnixTimestamp64Micro(call.began_at), 1000000) + call.offset_seconds) % 3600,
        call.clock_since
    ), 'UTC') AS hour"""
_HOUR = re.compile(r"^    `hour` .*\n", re.MULTILINE)
_LOCAL_COLUMNS = """    `local_day` Date COMMENT 'The day in which the hour is, by the clock of the account',
    `local_hour` String COMMENT 'The hour by that clock, as in 2026-03-29 03:00+02:00',
    `hour` DateTime('UTC') COMMENT 'When it began, UTC; its calls began or, if unknown, were reported in it',
"""


def render(texts: dict[str, str]) -> dict[str, str]:
    """The twins' texts by name, from those of all views."""
    return {f"{name}_local": _rendered(name, texts[name]) for name in (*BY_DAY, *BY_HOUR)}


def _rendered(name: str, text: str) -> str:
    changes = [
        (f"CREATE OR REPLACE VIEW {name}\n", f"CREATE OR REPLACE VIEW {name}_local\n"),
        ("FROM calls AS call", "FROM calls_local AS call"),
        ("\nCOMMENT '", "\nCOMMENT 'By the clock of each account: "),
    ]
    if name in BY_DAY:
        changes += [
            (_UTC_DAY, _LOCAL_DAY),
            ("'The day, UTC, on which", "'The day, by the clock of the account, on which"),
        ]
    else:
        changes += [(_UTC_HOUR, _LOCAL_HOUR)]
        text = _HOUR.sub(_LOCAL_COLUMNS, text, count=1)
    for old, new in changes:
        if text.count(old) != 1:
            raise ValueError(f"{name}.sql has changed: say in sinks/local.py what its local twin is made of")
        text = text.replace(old, new)
    return f"-- Made of {name}.sql by sinks/local.py.\n{text}"
