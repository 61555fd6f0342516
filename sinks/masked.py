"""The masked twins of views: rendered from one declaration of how each column is shown. Pure.

A column that `sinks/shown.py` does not declare is dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from sinks.shown import COLUMNS, How

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Twin:
    """What a masked view also leaves out, and what it is for."""

    comment: str
    without: frozenset[str] = frozenset()
    hidden: tuple[str, str] | None = None
    """A column and a text: rows that have it there are left out, and show no other value.

    Leaving them out does not hide them: a caller's condition may be evaluated first, and name a value in its
    error.
    """
    comments: Mapping[str, str] = field(default_factory=dict)
    """Of columns that mean less here, by name."""


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
    "directory": Twin(
        "directory without customers and their numbers",
        hidden=("kind", "number"),
        comments={
            "kind": "extension, user or campaign",
            "id": "The extension, the user''s id, or the campaign''s id",
            "name": "The agent or the campaign; empty: nobody",
        },
    ),
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
        replace(
            each, comment=twin.comments.get(each.name, each.comment) + COLUMNS[each.name].value
        ).declared()
        for each in shown
    )
    values = ",\n".join(f"    {_value(each.name, twin)} AS {each.name}" for each in shown)
    keyed = any(COLUMNS[each.name] is not How.PLAIN for each in shown)
    return template("masked").substitute(
        name=name,
        head=heads,
        keyed=f"WITH\n{part('keyed')}\n" if keyed else "",
        values=values,
        passed=passed_on(name, view),
        joined=f"\n{part('secret')}" if keyed else "",
        where=f"\nWHERE NOT ({_is_hidden(*twin.hidden)})" if twin.hidden else "",
        comment=twin.comment,
    )


def template(name: str) -> Template:
    """Read a file of SQL with gaps."""
    return Template((TEMPLATES / f"{name}.sql").read_text("utf-8"))


def part(name: str) -> str:
    """Read a file of SQL that is a piece of others."""
    return (TEMPLATES / f"{name}.sql").read_text("utf-8").rstrip("\n")


def _value(name: str, twin: Twin) -> str:
    how = COLUMNS[name]
    shown = f"known.{name}" if how is How.PLAIN else f"{how.name.lower()}(known.{name})"
    if twin.hidden is None or name == twin.hidden[0]:
        return shown
    return f"if({_is_hidden(*twin.hidden)}, defaultValueOfArgumentType(known.{name}), {shown})"


def _is_hidden(column: str, text: str) -> str:
    return f"known.{column} = '{text}'"
