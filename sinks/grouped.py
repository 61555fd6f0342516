"""Dashboards that group calls by one stored key in place of several columns: made of their own text. Pure.

ClickHouse groups a million rows by one LowCardinality column in a quarter of the time that two take. So
`sinks/migrations/0008_keys.sql` keeps what a dashboard groups by as one text: the account and then the other
columns, divided by line feeds. Here the dashboard is made to group by that, and to take it apart again: once
for each group and, where a condition asks, once for each different key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CALLS = "FROM calls AS call\n"
_STORED = "FROM stored_calls AS call FINAL\nWHERE call.is_gone = 0"
_SETTINGS = """SETTINGS
    use_skip_indexes_if_final_exact_mode = 0,
    optimize_move_to_prewhere_if_final = 1,
    use_skip_indexes_if_final = 1"""
"""Those of the view calls, and no exact mode, which would read other accounts' calls that lie between.

It is not needed: all rows of a call have the account in common.
"""

_GROUP_BY = re.compile(r"^GROUP BY (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Key:
    """A column of `stored_calls`, and the columns of the dashboard that it is made of, in order."""

    column: str
    parts: tuple[str, ...]


_DIRECTION = Key("direction_key", ("account", "direction", "source"))

KEYS = {
    "asr": _DIRECTION,
    "ner": _DIRECTION,
    "abr": _DIRECTION,
    "acd": _DIRECTION,
    "pdd": _DIRECTION,
    "service_level": Key("line_key", ("account", "line")),
    "calls_by_hour": Key("hour_key", ("account", "hour", "direction")),
    "calls_by_extension": Key("extension_key", ("account", "day", "extension")),
    "calls_by_campaign": Key("campaign_key", ("account", "day", "campaign")),
    "hangup_causes": Key(
        "cause_key", ("account", "day", "hangup_cause", "hangup_direction", "outcome", "dialect")
    ),
}
"""The key by which each dashboard groups."""

_READ = {
    "day": "toDate({})",
    "hour": "toDateTime({}, 'UTC')",
    "hangup_cause": "toInt64OrNull({})",
    "hangup_direction": "toInt64OrNull({})",
}
"""How those parts are read that are no texts."""


def render(texts: dict[str, str]) -> dict[str, str]:
    """Return these dashboards' texts by name, from those of all views. Raises ValueError."""
    return {name: _rendered(name, texts[name], key) for name, key in KEYS.items()}


def _rendered(name: str, text: str, key: Key) -> str:
    grouped = _GROUP_BY.search(text)
    if text.count(_CALLS) != 1 or grouped is None or {*grouped[1].split(", ")} != {*key.parts}:
        raise ValueError(f"{name}.sql has changed: say in sinks/grouped.py by what it groups")
    for position, part in enumerate(key.parts):
        text = _with_column(text, part, _part(key, position))
    text = text.replace(f"{_CALLS}WHERE ", f"{_STORED} AND ").replace(_CALLS, f"{_STORED}\n")
    return _GROUP_BY.sub(f"GROUP BY call.{key.column}\n{_SETTINGS}", text)


def _with_column(text: str, name: str, value: str) -> str:
    """Give a column that the dashboard selects this value."""
    (selected,) = re.findall(rf"^    (?:[^\n]+ AS )?{name},$", text, re.MULTILINE)
    return text.replace(selected, f"    {value} AS {name},")


def _part(key: Key, position: int) -> str:
    """Return the SQL of one part of a key. It reads only that column, so ClickHouse runs it once a value."""
    column, last = f"call.{key.column}", len(key.parts) - 1
    if position == 0:
        text = f"substringIndex({column}, '\\n', 1)"  # as the indexes have it
    elif position < last:
        text = f"substringIndex(substringIndex({column}, '\\n', {position + 1}), '\\n', -1)"
    else:
        text = f"replaceRegexpOne({column}, '\\\\A(?:[^\\n]*\\n){{{position}}}', '')"
    return _READ.get(key.parts[position], "{}").format(text)
