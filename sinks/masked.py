"""The masked twins of views: rendered from one declaration of how each column is shown. Pure.

A column that is not declared is dropped: a new one shows nothing until somebody has thought of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from string import Template

UNFILTERED = "SETTINGS additional_table_filters = {}"
"""At the end of each view with a definer: otherwise a caller's filters reach the tables below it, and
tell what is in columns that the view does not show."""


class How(Enum):
    """How a column is shown to people who may not see phone numbers.

    Each but the first is a function in `templates/keyed.sql`.
    """

    PLAIN = ""
    PSEUDONYM = ": a pseudonym"
    """Of a number: the same everywhere in an account; the last two digits are readable."""
    REFERENCE = ": a pseudonym, since it may be a number"
    BLANKED = ", with numbers blanked"
    PSEUDONYMS = ": pseudonyms"
    """Of each text in a list."""


_SAID = {
    "caller": How.PSEUDONYM,
    "callee": How.PSEUDONYM,
    "display_number": How.PSEUDONYM,
    "customer_ref": How.REFERENCE,
    "direction": How.PLAIN,
    "method": How.PLAIN,
    "extension": How.PLAIN,
    "agent_id": How.PLAIN,
    "campaign": How.PLAIN,
    "round": How.PLAIN,
    "started_at": How.PLAIN,
    "answered_at": How.PLAIN,
    "ended_at": How.PLAIN,
    "ring_seconds": How.PLAIN,
    "talk_seconds": How.PLAIN,
    "outcome": How.PLAIN,
    "hangup_cause": How.PLAIN,
    "hangup_direction": How.PLAIN,
}
"""What events and CDRs may both say of a call."""

COLUMNS: dict[str, How] = {
    **_SAID,
    **{f"event_{name}": how for name, how in _SAID.items()},
    **{f"cdr_{name}": how for name, how in _SAID.items()},
    "line": How.PSEUDONYM,
    "tag": How.BLANKED,
    "account": How.PLAIN,
    "day": How.PLAIN,
    "call_id": How.PLAIN,
    "uuid": How.PLAIN,
    "legs": How.PLAIN,
    "source": How.PLAIN,
    "dialect": How.PLAIN,
    "rang_at": How.PLAIN,
    "began_at": How.PLAIN,
    "reached_at": How.PLAIN,
    "connected_at": How.PLAIN,
    "post_dial_seconds": How.PLAIN,
    "state": How.PLAIN,
    "close_reason": How.PLAIN,
    "has_ring": How.PLAIN,
    "has_answer": How.PLAIN,
    "has_hangup": How.PLAIN,
    "has_cdr": How.PLAIN,
    "first_received_at": How.PLAIN,
    "last_received_at": How.PLAIN,
    "requested_at": How.PLAIN,
    "requested_by": How.PLAIN,
    "request_to_ring_seconds": How.PLAIN,
    "reopened": How.PLAIN,
    "revision": How.PLAIN,
    "doubts": How.PLAIN,
    "leg_count": How.PLAIN,
    "transfers": How.PLAIN,
    "transferred_from": How.PLAIN,
    "transferred_to": How.PSEUDONYMS,
    "truncated": How.PLAIN,
    "version": How.PLAIN,
    "events": How.PLAIN,
    "sources": How.PLAIN,
    "dialects": How.PLAIN,
    "kinds": How.PLAIN,
    "cdr_received_at": How.PLAIN,
    "leg_id": How.PLAIN,
    "side": How.PLAIN,
    "event_id": How.PLAIN,
    "callback_ids": How.PLAIN,
    "reading": How.PLAIN,
    "kind": How.PLAIN,
    "ids": How.PLAIN,
    "leg": How.PLAIN,
    "received_at": How.PLAIN,
    "occurred_at": How.PLAIN,
    "clock": How.PLAIN,
    "bridged": How.PLAIN,
    "transferred": How.PLAIN,
    "agent": How.PLAIN,
    "team": How.PLAIN,
    "campaign_name": How.PLAIN,
    "caller_country": How.PLAIN,
    "caller_region": How.PLAIN,
    "callee_country": How.PLAIN,
    "callee_region": How.PLAIN,
    "id": How.PLAIN,
    "valid_from": How.PLAIN,
    "valid_until": How.PLAIN,
    "name": How.PLAIN,
    "offered": How.PLAIN,
    "answered_in_time": How.PLAIN,
    "answered_late": How.PLAIN,
    "given_up_in_time": How.PLAIN,
    "given_up_late": How.PLAIN,
    "unknown_wait": How.PLAIN,
    "of_offered_percent": How.PLAIN,
    "without_short_percent": How.PLAIN,
    "short_as_served_percent": How.PLAIN,
    "queue": How.PLAIN,
    **dict.fromkeys(
        (
            *(
                "local_day",
                "local_time",
                "timezone",
                "offset_seconds",
                "clock_since",
                "clock_until",
                "interval_began_at",
                "interval_ended_at",
            ),
            *("calls", "inbound", "outbound", "answered", "without_outcome"),
            *("offered_answered", "abandoned", "abandoned_short", "abandoned_percent"),
            *(
                "abandoned_without_short_percent",
                "service_level_percent",
                "service_level_without_short_percent",
            ),
            *(
                "average_speed_of_answer_seconds",
                "wait_p50_seconds",
                "wait_p90_seconds",
                "wait_longest_seconds",
            ),
            *("handled", "handle_seconds", "average_handle_seconds", "transferred", "transferred_percent"),
            *("service_level_seconds", "abandon_seconds"),
            *("callers", "repeat_calls", "repeat_callers", "repeat_percent", "followed_by_repeat"),
            *("missed_callers", "called_back", "reached", "rang_again", "not_called_back", "left_unanswered"),
            *(
                "called_back_percent",
                "call_back_p50_seconds",
                "call_back_p90_seconds",
                "call_back_longest_seconds",
            ),
            *("wait_seconds", "called_back_at", "call_back_seconds", "rang_again_at"),
        ),
        How.PLAIN,
    ),
}
"""By name, in whatever view."""


@dataclass(frozen=True)
class Twin:
    """What a masked view also leaves out, and what it is for."""

    comment: str
    without: frozenset[str] = frozenset()
    where: str = ""


_NO_NUMBERS = "for people who may not see phone numbers: pseudonyms that still join"

TWINS = {
    "calls": Twin(f"calls {_NO_NUMBERS}, the last two digits readable; no recordings, no variables"),
    "calls_as_of": Twin(f"calls_as_of, with its parameter, {_NO_NUMBERS}; no recordings, no variables"),
    "call_legs": Twin(f"call_legs {_NO_NUMBERS}; no recordings"),
    "call_events": Twin(
        f"call_events {_NO_NUMBERS}; no recordings, no variables, nothing as the provider wrote it",
        without=frozenset({"doubts", "written"}),  # raw text
    ),
    "calls_named": Twin(f"calls_named {_NO_NUMBERS}; no customers"),
    "directory": Twin("directory without customers and their numbers", where="known.kind != 'number'"),
    "calls_local": Twin(f"calls_local {_NO_NUMBERS}"),
    "call_figures": Twin(
        "call_figures with pseudonyms of lines. Parameters: first_day, last_day, minutes, by",
    ),
    "caller_figures": Twin(
        "caller_figures with pseudonyms of lines. Parameters: first_day, last_day, minutes, by",
    ),
    "missed_callers": Twin(f"missed_callers {_NO_NUMBERS}. Parameters: first_day, last_day"),
    "service_level": Twin(
        "service_level with pseudonyms of the lines that were called. "
        "Parameters: since, until, threshold (seconds)"
    ),
}
"""By the view that each shows."""

TEMPLATES = Path(__file__).parent / "templates"

_COLUMN = re.compile(r"^    `(\w+)` (.+?) COMMENT '((?:[^']|'')*)',?$", re.MULTILINE)
_PARAMETER = re.compile(r"\{(\w+):([^}]+)\}")


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    comment: str

    def declared(self) -> str:
        return f"    `{self.name}` {self.type} COMMENT '{self.comment}'"


def columns(view: str) -> list[Column]:
    return [Column(*each) for each in _COLUMN.findall(view)]


def parameters(view: str) -> dict[str, str]:
    return dict(_PARAMETER.findall(view))


def passed_on(name: str, view: str) -> str:
    """Return how another view with the same parameters reads this one."""
    given = ", ".join(f"{each} = {{{each}:{kind}}}" for each, kind in parameters(view).items())
    return f"{name}({given})" if given else name


def render(name: str, view: str) -> str:
    """Make the statement of a view's masked twin."""
    twin = TWINS[name]
    shown = [each for each in columns(view) if each.name in COLUMNS and each.name not in twin.without]
    heads = ",\n".join(
        replace(each, comment=each.comment + COLUMNS[each.name].value).declared() for each in shown
    )
    values = ",\n".join(f"    {_value(each.name)} AS {each.name}" for each in shown)
    keyed = any(COLUMNS[each.name] is not How.PLAIN for each in shown)
    return template("masked").substitute(
        name=name,
        head=heads,
        keyed=f"WITH\n{part('keyed')}\n" if keyed else "",
        values=values,
        passed=passed_on(name, view),
        joined=f"{part('secret')}\n" if keyed else "",
        where=f"WHERE {twin.where}\n" if twin.where else "",
        unfiltered=UNFILTERED,
        comment=twin.comment,
    )


def template(name: str) -> Template:
    """Read a file of SQL with gaps."""
    return Template((TEMPLATES / f"{name}.sql").read_text("utf-8"))


def part(name: str) -> str:
    """Read a file of SQL that is a piece of others."""
    return (TEMPLATES / f"{name}.sql").read_text("utf-8").rstrip("\n")


def _value(name: str) -> str:
    how = COLUMNS[name]
    return f"known.{name}" if how is How.PLAIN else f"{how.name.lower()}(known.{name})"
