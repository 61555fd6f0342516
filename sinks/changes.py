"""Makes the views of what changed in calls, and of calls as they were, from `call_versions`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sinks.masked import Column, columns, part, passed_on, template
from sinks.shown import COLUMNS as SHOWN
from sinks.shown import LIST, How

if TYPE_CHECKING:
    from collections.abc import Iterable

TIME = "DateTime64(6, 'UTC')"
AT = f"{{at:{TIME}}}"
KEPT_SINCE = part("kept_since")
"""The day with which call_versions begin: of calls received before, earlier versions may be gone."""

UNSEEN = frozenset(
    {
        "account",
        "day",
        "call_id",
        "began_at",
        "revision",
        "first_received_at",
        "last_received_at",
        "events",
        "version",
        "sources",
        "dialects",
        "kinds",
        "cdr_received_at",
        "reached_at",
        "connected_at",
        "post_dial_seconds",
        "leg_count",
        "truncated",
    }
)
"""Columns of `calls` whose changes are not listed; nor are those of `event_…` and `cdr_…`."""

HEAD = (
    Column("account", "LowCardinality(String)", "The tenant"),
    Column("call_id", "String", "The call"),
    Column("revision", "UInt64", "How many events the call is made of since this change"),
    Column("received_at", TIME, "When the last of these events was received"),
    Column("visible_at", TIME, "Since when the change is visible, by the clock of ClickHouse"),
    Column("event_ids", "Array(String)", "The events that the call had not been made of before"),
    Column("field", "String", "Which column of calls changed"),
    Column("before", "Nullable(String)", "Its value before, as text; NULL for what was not known"),
    Column("after", "Nullable(String)", "Its value since, as text; NULL for what is not known"),
)


@dataclass(frozen=True)
class View:
    chosen: str
    """Which rows of call_versions: a condition."""
    comment: str


VIEWS = {
    "call_changes": View(
        "1",
        "What changed in the row of each call, field by field, from one visible version to the next, for as "
        "long as call_versions are kept: of a call received before, the earliest version that is kept is no "
        "change. It works through every call: for one, or for some time, ask "
        "changes_of_call or late_changes",
    ),
    "changes_of_call": View(
        "account = {account:String} AND call_id = {call_id:String}",
        "call_changes of one call, in no time: SELECT * FROM changes_of_call(account = …, call_id = …)",
    ),
    "late_changes": View(
        """(account, call_id) IN (
                    SELECT account, call_id
                    FROM stored_calls FINAL
                    WHERE is_gone = 0
                        AND last_received_at >= {since:DateTime64(6, 'UTC')}
                        AND first_received_at < {until:DateTime64(6, 'UTC')}
                )""",
        "call_changes of calls of which something was received in this time: "
        "SELECT * FROM late_changes(since = …, until = …) WHERE received_at …",
    ),
}
"""By name."""


def render(calls: str) -> dict[str, str]:
    """Make the statements of the views and their masked twins, by name, from the text of `calls.sql`."""
    known = columns(calls)
    seen = [
        each for each in known if each.name not in UNSEEN and not each.name.startswith(("event_", "cdr_"))
    ]
    made = {name: _changes(name, view, seen) for name, view in VIEWS.items()}
    twins = {f"{name}_masked": _masked(name, text, seen) for name, text in made.items()}
    return made | twins | {"calls_as_of": _as_of(known)}


def _changes(name: str, view: View, seen: list[Column]) -> str:
    return template("changes").substitute(
        name=name,
        head=_head(HEAD),
        names=_texts(each.name for each in seen),
        first=", ".join("'false'" if each.type == "Bool" else "''" for each in seen),
        values=",\n".join(f"                    {_text(each)}" for each in seen),
        chosen=view.chosen,
        kept_since=KEPT_SINCE,
        comment=view.comment,
    )


def _masked(name: str, made: str, seen: list[Column]) -> str:
    shown = {each.name: SHOWN[each.name] for each in seen if each.name in SHOWN}
    return template("changes_masked").substitute(
        name=name,
        head=_head(HEAD),
        keyed=part("keyed"),
        shown=",\n".join(
            f"        known.field IN ({_texts(field for field in shown if shown[field] is how)}), "
            f"{_shown(how)}"
            for how in How
            if how in shown.values()
        ),
        passed=passed_on(name, made),
        secret=part("secret"),
        fields=_texts(shown),
    )


def _shown(how: How) -> str:
    """Return what is shown of a column's text."""
    if how is How.PLAIN:
        return "value"
    if how is How.PSEUDONYMS:
        return f"arrayStringConcat(pseudonyms(splitByString('{LIST}', assumeNotNull(value))), '{LIST}')"
    return f"{how.name.lower()}(assumeNotNull(value))"


def _as_of(known: list[Column]) -> str:
    names = ",\n".join(f"    {each.name}" for each in known)
    told = f"visible_at <= {AT} OR (first_received_at <= {AT} AND first_received_at < {KEPT_SINCE})"
    return template("as_of").substitute(head=_head(known), names=names, told=told)


def _head(each_column: tuple[Column, ...] | list[Column]) -> str:
    return ",\n".join(each.declared() for each in each_column)


def _texts(values: Iterable[str]) -> str:
    return ", ".join(f"'{each}'" for each in values)


def _text(column: Column) -> str:
    """Return a column of `calls` as text, '' for what is unknown."""
    if column.type.startswith("Array"):
        return f"arrayStringConcat({column.name}, '{LIST}')"
    if column.type.startswith("Map"):
        pairs = f"arrayMap((k, v) -> concat(k, '=', v), mapKeys({column.name}), mapValues({column.name}))"
        return f"arrayStringConcat(arraySort({pairs}), '{LIST}')"
    if column.type == "Bool":
        return f"if({column.name}, 'true', 'false')"
    return f"ifNull(toString({column.name}), '')"
