"""Makes the views of what each event changed out of `calls.sql`: its formula is said there alone.

`calls` reads a call's one row of `call_records`. These views read in its place what was known after each
event: the events' contributions, merged up to that event, each field by the function of its rule in
`schemas.records`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from schemas import lattice
from schemas.changes import FIELDS as SEEN
from schemas.changes import column
from schemas.records import BILLED, FIELDS
from sinks.records import NUMBERS, TIMES

if TYPE_CHECKING:
    from schemas.lattice import Rule

TEMPLATES = Path(__file__).parent / "templates"

TIME = "DateTime64(6, 'UTC')"
PREFERENCE = "Tuple(priority UInt8, rank Int64, value String)"

JSON_TYPES = {
    lattice.EARLIEST.name: "Nullable(Int64)",
    lattice.LATEST.name: "Nullable(Int64)",
    lattice.SMALLEST.name: "Nullable(String)",
    lattice.UNION.name: "Array(String)",
    lattice.EACH_EARLIEST.name: "Map(String, Int64)",
    lattice.PREFERRED.name: PREFERENCE,
}
"""What a contribution's JSON is read as; times are microseconds. An absent field is empty, NULL or zero."""

MERGED = tuple(name for name in FIELDS if name not in {"merged_into", "closed", "legs"})
"""The fields that events fill and `calls` reads."""

COLUMNS = (
    ("account", "LowCardinality(String)", "The tenant"),
    ("call_id", "String", "The call"),
    ("revision", "UInt64", "The how manieth event of its call it was that changed it, from 1"),
    ("received_at", TIME, "When that event first came"),
    ("event_id", "String", "The event"),
    ("field", "String", "Which column of calls it changed"),
    ("before", "Nullable(String)", "What stood there before, as text; NULL for what was not known"),
    ("after", "Nullable(String)", "What stands there since, as text; NULL for what is not known"),
)

ALL = "merged_into IS NULL"
MASKED = "call_changes_masked"
"""The view that shows changes without numbers; so does each of the others in a twin of its own."""


@dataclass(frozen=True)
class View:
    """What a view of changes is of."""

    chosen: str
    """Which calls: a condition."""
    comment: str
    parameters: tuple[tuple[str, str], ...] = ()
    """Name and type of each."""


VIEWS = {
    "call_changes": View(
        ALL,
        "What each event changed in the row of its call, field by field, in the order in which events came. "
        "It works through every call: for one, or for some time, ask changes_of_call or late_changes",
    ),
    "changes_of_call": View(
        f"{ALL} AND account = {{account:String}} AND call_id = {{call_id:String}}",
        "call_changes of one call, in no time: SELECT * FROM changes_of_call(account = …, call_id = …)",
        (("account", "String"), ("call_id", "String")),
    ),
    "late_changes": View(
        f"{ALL} AND last_received_at >= {{since:{TIME}}} AND first_received_at < {{until:{TIME}}}",
        "call_changes of calls of which something was received in this time: "
        "SELECT * FROM late_changes(since = …, until = …) WHERE received_at …",
        (("since", TIME), ("until", TIME)),
    ),
}
"""By name."""


def render(calls: str, masked: str) -> dict[str, str]:
    """The statements of the views, by name, out of the texts of `calls.sql` and `call_changes_masked.sql`."""
    twins = {f"{name}_masked": twin(name, masked) for name in VIEWS if VIEWS[name].parameters}
    return {name: view(name, calls) for name in VIEWS} | twins


def twin(name: str, masked: str) -> str:
    """A view with parameters, as `call_changes_masked` shows it."""
    passed = ", ".join(f"{each} = {{{each}:{kind}}}" for each, kind in VIEWS[name].parameters)
    text = masked.replace(MASKED, f"{name}_masked")
    text = text.replace("FROM call_changes AS", f"FROM {name}({passed}) AS")
    return text.replace("COMMENT 'call_changes for", f"COMMENT '{name}, with its parameters, for")


def view(name: str, calls: str) -> str:
    """One of the views."""
    chosen, comment = VIEWS[name].chosen, VIEWS[name].comment
    columns = ",\n".join(f"    `{each}` {kind} COMMENT '{said}'" for each, kind, said in COLUMNS)
    return (
        "-- Made of calls.sql by sinks/changes.py; the meaning is that of schemas/changes.py.\n"
        f"CREATE OR REPLACE VIEW {name}\n(\n{columns}\n)\nAS {changes(versions(calls, chosen))}\n"
        f"COMMENT '{comment}';\n"
    )


def changes(versions: str) -> str:
    """Compare each version of a call with the one before it."""
    names = ", ".join(f"'{column(each)}'" for each in SEEN)
    first = ", ".join("'false'" if each.startswith("has_") else "''" for each in SEEN)
    values = ",\n".join(as_text(each) for each in SEEN)
    return template("changes.sql").substitute(
        names=names, first=first, values=indented(values, 4), versions=indented(versions, 4)
    )


def as_text(name: str) -> str:
    """A column of `calls` as text, '' for what is unknown, as `schemas.changes.text` writes it."""
    if name == "legs":
        return "arrayStringConcat(version.legs, ', ')"
    if name == "variables":
        pairs = "arrayMap((k, v) -> concat(k, '=', v), mapKeys(variables), mapValues(variables))"
        return f"arrayStringConcat({pairs}, ', ')"
    if name.startswith("has_"):
        return f"if(version.{name}, 'true', 'false')"
    return f"ifNull(toString(version.{column(name)}), '')"


def versions(calls: str, chosen: str) -> str:
    """The SELECT of `calls`, over what was known after each event of the chosen calls."""
    body = calls[calls.index("AS WITH") + len("AS ") : calls.rindex("\nCOMMENT ")]
    start = body.index("    FROM\n    (\n        -- Whole columns")
    end = body.index("    ) AS r\n", start)
    body = f"{body[:start]}    FROM\n    (\n{indented(merged(chosen), 2)}\n{body[end:]}"
    body = without_sides(body)
    for level, owner in (("", ""), ("        ", "r.")):
        before = f"SELECT\n{level or '    '}{owner}account"
        after = before.replace("SELECT\n", f"SELECT\n{level or '    '}{owner}received_at AS received_at,\n")
        after = after.replace("SELECT\n", f"SELECT\n{level or '    '}{owner}event_id AS event_id,\n")
        if body.count(before) != 1:
            raise ValueError("calls.sql does not look as it did: see `versions`")
        body = body.replace(before, after)
    return body


def without_sides(body: str) -> str:
    """Leave out what events alone and what the CDR alone say: no change of it is told."""
    first, rest = body.index(",\n    sources,\n"), body.index("\nFROM\n")
    return body[:first] + body[rest:]


def merged(chosen: str) -> str:
    """Each event of the chosen calls, with what was known once it had come."""
    fields = ",\n".join(f"{merge(name)} AS {name}" for name in MERGED)
    kinds = ",\n".join(f"{name} {json_type(FIELDS[name])}" for name in MERGED)
    return template("merged.sql").substitute(
        chosen=chosen, fields=indented(fields, 1), kinds=indented(kinds, 3), preference=PREFERENCE
    )


def merge(name: str) -> str:
    """A field's values so far as one, of the type that its column has in `call_records`."""
    rule = FIELDS[name]
    value = f"{rule.aggregate}(said.{name}) OVER so_far"
    if rule.name in {lattice.EARLIEST.name, lattice.LATEST.name}:
        return f"fromUnixTimestamp64Micro({value}, 'UTC')"
    if rule.name == lattice.EACH_EARLIEST.name:
        return f"mapApply((k, v) -> (k, fromUnixTimestamp64Micro(v, 'UTC')), {value})"
    if rule.name == lattice.LATEST_WHOLE.name:
        return merge_cdr(value)
    return value


def merge_cdr(value: str) -> str:
    """The latest CDR as `call_records` has it."""
    named = ", ".join(f"{name} Nullable({billed_type(name, TIME)})" for name in BILLED)
    kind = f"Tuple(received_at {TIME}, digest UInt64, event_id String, {named})".replace("'", "\\'")
    parts = ["fromUnixTimestamp64Micro(c.1, 'UTC')", "c.2", "c.3"]
    for place, name in enumerate(BILLED, 1):
        part = f"c.4.{place}"
        parts.append(f"fromUnixTimestamp64Micro({part}, 'UTC')" if name in TIMES else part)
    return f"CAST(arrayMap(c -> ({', '.join(parts)}), [{value}])[1], '{kind}')"


def json_type(rule: Rule) -> str:
    """As what a field of a contribution is read."""
    if rule.name == lattice.LATEST_WHOLE.name:
        billed = ", ".join(f"{each} Nullable({billed_type(each, 'Int64')})" for each in BILLED)
        return f"Tuple(received_at Int64, digest UInt64, event_id String, billed Tuple({billed}))"
    return JSON_TYPES[rule.name]


def billed_type(name: str, time: str) -> str:
    """Of what a CDR says."""
    return "Int64" if name in NUMBERS else time if name in TIMES else "String"


def template(name: str) -> Template:
    """A file of SQL with gaps, without its first line, which says what it is."""
    return Template((TEMPLATES / name).read_text("utf-8").partition("\n")[2].rstrip("\n"))


def indented(text: str, steps: int) -> str:
    """Each line so many steps further in."""
    return "\n".join(f"{'    ' * steps}{line}" if line else line for line in text.split("\n"))
