"""Our SQL, as files and the statements in them. Pure but for reading our own files."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from sinks import agents_between, changes, grouped, local, masked, pinned

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

FOLDER = Path(__file__).parent

EXAMPLES = "examples.sql"
"""Beside the views in sinks/queries, and none of them."""

_PIECE = re.compile(
    r"""
      '(?:[^'\\]|\\.|'')*'  # a string
    | `[^`]*`               # a name
    | --[^\n]*              # a comment
    | ;
    | [^'`;-]+ | -
    """,
    re.VERBOSE | re.DOTALL,
)

_CREATE = re.compile(r"^CREATE TABLE IF NOT EXISTS (\w+)(?: AS (\w+))?$", re.MULTILINE)
"""A statement that creates a table: its name, and that of the table whose columns it has."""

_COLUMN = re.compile(r"^    `(\w+)` (.+?)(?: (?:DEFAULT|MATERIALIZED|COMMENT|CODEC)\b.*|,?)$", re.MULTILINE)
"""A column, in the statement that creates its table: its name, and its type."""

_READ = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)")

_INLINED = re.compile(r"\{(\w+)\}")
"""In a view: the query of another one with the same parameters. ClickHouse 24.10 can't read a view with
parameters through two others, if the outermost has a definer ("query context has expired")."""

EXACT_MODE = "use_skip_indexes_if_final_exact_mode"
"""Lets an index leave out no row that would hide another one under FINAL."""

LATER = (EXACT_MODE,)
"""Settings of views that servers know from some release on: each on a line of its own, before others."""


@dataclass(frozen=True)
class SqlFile:
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """A checksum of the text, whatever its line ends."""
        return hashlib.sha256("\n".join(self.text.splitlines()).encode()).hexdigest()

    @cached_property
    def statements(self) -> list[str]:
        return split(self.text)


def migrations() -> list[SqlFile]:
    """Return the files that make the tables, in order: applied once, and never changed afterwards."""
    return _files("migrations")


def column_types() -> dict[str, dict[str, str]]:
    """Return by table the type of each column that it was created with, as ClickHouse names it."""
    found: dict[str, dict[str, str]] = {}
    for text in (each for file in migrations() for each in file.statements):
        if created := _CREATE.search(text):
            table, model = created.groups()
            found[table] = found[model] if model else dict(_COLUMN.findall(text))
    return found


def queries() -> dict[str, str]:
    """Return the texts of the files that views are made of, by the name of the view."""
    return {file.name.removesuffix(".sql"): file.text for file in _files("queries") if file.name != EXAMPLES}


def views(unknown: Collection[str] = ()) -> list[SqlFile]:
    """Return the views, each after those it reads; one is made again when its text changes.

    `unknown` are the settings of `LATER` that the server does not know: the text is without them.
    Those of `sinks/{agents_between,changes,local,masked}.py` are not files, but made from the files' text;
    `sinks/grouped.py` has dashboards group by stored keys, and `sinks/pinned.py` adds settings to all.
    """
    texts = queries()
    texts = {
        name: _INLINED.sub(lambda found: _query_of(texts[found[1]]), text) for name, text in texts.items()
    }
    texts["agents_between"] = agents_between.render(texts["agents"])
    texts |= changes.render(texts["calls"])
    texts |= local.render(texts)
    texts |= grouped.render(texts)
    texts |= {f"{name}_masked": masked.render(name, texts[name]) for name in masked.TWINS}
    needed = {name: sorted(_names_read(text) & texts.keys()) for name, text in texts.items()}
    return [
        SqlFile(f"{name}.sql", _without(pinned.pin(texts[name]), unknown))
        for name in TopologicalSorter(needed).static_order()
    ]


def examples() -> list[str]:
    """Return an analyst's questions, each a comment with the SELECT that answers it."""
    (file,) = (file for file in _files("queries") if file.name == EXAMPLES)
    return file.statements


def _without(view: str, settings: Iterable[str]) -> str:
    for setting in settings:
        view = re.sub(rf"^    {setting} = .*\n", "", view, flags=re.MULTILINE)
    return view


def _query_of(view: str) -> str:
    """What a view selects, as a subquery."""
    query = view.split("\n)\nAS ", 1)[1].rsplit("\nCOMMENT ", 1)[0]
    return f"(\n{query}\n)"


def _names_read(text: str) -> set[str]:
    """Return what follows FROM or JOIN, outside of strings and comments."""
    code = (match.group() for match in _PIECE.finditer(text) if not match.group().startswith(("'", "--")))
    return {*_READ.findall("".join(code))}


def split(text: str) -> list[str]:
    """Divide at each ; outside of strings, names and comments; comments before a statement stay with it."""
    statements: list[str] = []
    current: list[str] = []
    for match in _PIECE.finditer(text):
        if match.group() == ";":
            statements.append("".join(current).strip())
            current = []
        else:
            current.append(match.group())
    rest = "".join(current).strip()
    if re.sub(r"--[^\n]*", "", rest).strip():
        statements.append(rest)
    return statements


def _files(folder: str) -> list[SqlFile]:
    return [SqlFile(path.name, path.read_text("utf-8")) for path in sorted((FOLDER / folder).glob("*.sql"))]
