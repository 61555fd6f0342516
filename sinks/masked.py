"""The masked twins of views: rendered from one declaration of how each column is shown. Pure.

A column that is not declared is dropped: a new one shows nothing until somebody has thought of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

UNFILTERED = "SETTINGS additional_table_filters = {}"
"""At the end of each view with a definer: otherwise a caller's filters are applied to the tables below it, and tell
what is in columns that the view does not show."""


class How(Enum):
    """How a column is shown to people who may not see phone numbers."""

    PLAIN = ""
    PSEUDONYM = ": a pseudonym"
    """Of a number: the same number of an account has the same one everywhere; the last two digits are readable."""
    REFERENCE = ": a pseudonym, since it may be a number"
    BLANKED = ", with numbers blanked"


_PARTIES = {name: How.PSEUDONYM for name in ("caller", "callee", "display_number")} | {"customer_ref": How.REFERENCE}
_TOLD = {
    name: How.PLAIN
    for name in (
        "direction method extension agent_id campaign round started_at answered_at ended_at ring_seconds talk_seconds "
        "outcome hangup_cause hangup_direction"
    ).split()
}
COLUMNS: dict[str, How] = {
    name: How.PLAIN
    for name in (
        # calls
        "account day call_id uuid legs source dialect rang_at began_at reached_at connected_at post_dial_seconds "
        "state close_reason has_ring has_answer has_hangup has_cdr first_received_at last_received_at requested_at "
        "requested_by request_to_ring_seconds reopened revision doubts leg_count transfers truncated version events "
        "sources dialects kinds cdr_received_at "
        # call_legs, call_events
        "leg_id side event_id callback_ids reading kind ids leg received_at occurred_at clock bridged transferred "
        # calls_named, directory
        "agent team campaign_name caller_country caller_region callee_country callee_region id valid_from valid_until "
        "name "
        # service_level
        "offered answered_in_time answered_late given_up_in_time given_up_late unknown_wait of_offered_percent "
        "without_short_percent short_as_served_percent"
    ).split()
}
COLUMNS |= _PARTIES | _TOLD | {"tag": How.BLANKED, "line": How.PSEUDONYM}
COLUMNS |= {f"{said}_{name}": how for said in ("event", "cdr") for name, how in (_PARTIES | _TOLD).items()}
"""By name, in whatever view."""


@dataclass(frozen=True)
class Twin:
    """What a masked view leaves out besides, and what it is for."""

    comment: str
    without: frozenset[str] = frozenset()
    where: str = ""


_NO_NUMBERS = "for people who may not see phone numbers: pseudonyms that still join"

TWINS = {
    "calls": Twin(f"calls {_NO_NUMBERS}, the last two digits readable; no recordings, no variables"),
    "calls_as_of": Twin(f"calls_as_of, with its parameter, {_NO_NUMBERS}; no recordings, no variables"),
    "call_legs": Twin("call_legs, which holds no phone number, for people who may read masked views alone"),
    "call_events": Twin(
        f"call_events {_NO_NUMBERS}; no recordings, no variables, nothing as the provider wrote it",
        without=frozenset({"doubts"}),  # raw text
    ),
    "calls_named": Twin(f"calls_named {_NO_NUMBERS}; no customers"),
    "directory": Twin("directory without customers and their numbers", where="known.kind != 'number'"),
    "service_level": Twin(
        "service_level with pseudonyms of the lines that were called. Parameters: since, until, threshold (seconds)"
    ),
}
"""By the view that each shows."""

KEYED = (
    "    -- 64 bits of a keyed hash (SipHash-2-4): the same number of an account has the same one everywhere\n"
    "    text -> lower(hex(substring(sipHash128Keyed((key0, key1), concat(known.account, '\\0', text)), 1, 8))) AS keyed,\n"
    "    number -> multiIf(isNull(number), NULL, number = '', '', "
    "concat(keyed(assumeNotNull(number)), '-', right(assumeNotNull(number), 2))) AS pseudonym,\n"
    "    text -> if(isNull(text), NULL, keyed(assumeNotNull(text))) AS reference,\n"
    "    text -> replaceRegexpAll(text, '\\\\+?[0-9](?:[^0-9A-Za-z]{0,3}[0-9]){4,}', '…') AS blanked"
)
SECRET = """CROSS JOIN
(
    -- a column, not a scalar: EXPLAIN would show the value of that. Without a key there are no rows
    SELECT key0, key1
    FROM pseudonym_keys
    ORDER BY created_at, key0, key1
    LIMIT 1
) AS secret"""

_COLUMN = re.compile(r"^    `(\w+)` (.+?) COMMENT '((?:[^']|'')*)',?$", re.MULTILINE)
_PARAMETER = re.compile(r"\{(\w+):([^}]+)\}")


@dataclass(frozen=True)
class Column:
    """As the head of a view declares it."""

    name: str
    type: str
    comment: str

    def declared(self) -> str:
        """Its line in the head."""
        return f"    `{self.name}` {self.type} COMMENT '{self.comment}'"


def columns(view: str) -> list[Column]:
    """What the head of a view declares."""
    return [Column(*each) for each in _COLUMN.findall(view)]


def parameters(view: str) -> dict[str, str]:
    """The parameters of a view, with their types."""
    return dict(_PARAMETER.findall(view))


def passed_on(name: str, view: str) -> str:
    """The view as another one reads it that has the same parameters."""
    given = ", ".join(f"{each} = {{{each}:{kind}}}" for each, kind in parameters(view).items())
    return f"{name}({given})" if given else name


def render(name: str, view: str) -> str:
    """The statement of a view's masked twin."""
    twin = TWINS[name]
    shown = [each for each in columns(view) if each.name in COLUMNS and each.name not in twin.without]
    heads = ",\n".join(
        Column(each.name, _type(each), each.comment + COLUMNS[each.name].value).declared() for each in shown
    )
    values = ",\n".join(f"    {_value(each.name)} AS {each.name}" for each in shown)
    keyed = any(COLUMNS[each.name] is not How.PLAIN for each in shown)
    parts = [
        f"-- Made of {name}.sql by sinks/masked.py.",
        f"CREATE OR REPLACE VIEW {name}_masked\n(\n{heads}\n)",
        "DEFINER = CURRENT_USER SQL SECURITY DEFINER",
        f"AS WITH\n{KEYED}\nSELECT" if keyed else "AS SELECT",
        f"{values}\nFROM {passed_on(name, view)} AS known",
        *([SECRET] if keyed else []),
        *([f"WHERE {twin.where}"] if twin.where else []),
        UNFILTERED,
        f"COMMENT '{twin.comment}';\n",
    ]
    return "\n".join(parts)


def _type(column: Column) -> str:
    if COLUMNS[column.name] is How.PLAIN:
        return column.type
    return "Nullable(String)" if "Nullable" in column.type else "String"


def _value(name: str) -> str:
    how = COLUMNS[name]
    return f"known.{name}" if how is How.PLAIN else f"{how.name.lower()}(known.{name})"
