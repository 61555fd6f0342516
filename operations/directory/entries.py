"""From a CSV file to rows of the directory, or to everything that is wrong with it. Pure.

    kind,id,name,team,valid_from
    extension,200,Ada Lovelace,Sales,2026-01-01T00:00:00+08:00
    user,90240005,Ada Lovelace,Sales,2026-01-01T00:00:00+08:00
    campaign,8842,Spring renewals,,2026-03-01T00:00:00+08:00
    number,+861062345678,ACME Ltd,,2026-01-01T00:00:00+08:00

A row holds from its `valid_from` until the next one of the same kind and id; one without a name says that
from then on it is nobody's. Ids may be phone numbers: no text that tells what is wrong holds any value.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from schemas.limits import is_time
from schemas.times import microseconds
from sinks.directory.places import place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

KINDS = ("extension", "user", "campaign", "number")
WITH_TEAM = frozenset({"extension", "user"})
REQUIRED = ("kind", "id", "name", "valid_from")
COLUMNS = (*REQUIRED, "team", "account")
DELIMITERS = ",;\t"
MOST_CHARACTERS = 200


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One row: the name of an id, valid from a time on (µs since 1970 UTC)."""

    account: str
    kind: str
    id: str
    valid_from: int
    name: str
    team: str = ""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """Entries with the same key replace each other."""
        return self.account, self.kind, self.id, self.valid_from


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake, without any value from the file."""

    line: int
    column: str
    """'' for the line as a whole."""
    sentence: str

    def __str__(self) -> str:
        where = f"line {self.line}, {self.column}" if self.column else f"line {self.line}"
        return f"{where}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Defaults:
    """Defaults for rows that leave something out."""

    account: str | None = None
    zone: ZoneInfo | None = None
    """For times without an offset."""
    country: str | None = None
    """ISO 3166, for numbers without a +; without it they stay as they are, to match the provider's writing.
    """


def parse(data: bytes, defaults: Defaults) -> tuple[list[Entry], list[Problem]]:
    """Return every entry and every problem, in the order of lines. If there is a problem, load nothing."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return [], [Problem(line, "", "is not UTF-8: save the file as “CSV UTF-8”")]
    rows = _rows(text)
    (_, cells), problems = next(rows, ((1, []), [Problem(1, "", "the file is empty")]))
    names = [name.strip().lower() for name in cells]
    problems = problems or list(_header_problems(names))
    if problems:
        return [], problems
    entries: list[Entry] = []
    first_line: dict[tuple[str, str, str, int], int] = {}
    for (line, cells), trouble in rows:
        found = trouble or _entry(line, names, cells, defaults)
        if isinstance(found, list):
            problems += found
        elif found is not None:
            entries.append(found)
            if (first := first_line.setdefault(found.key, line)) != line:
                problems.append(Problem(line, "", f"repeats the id and time of line {first}"))
    return entries, problems


Row = tuple[int, list[str]]


def _rows(text: str) -> Iterator[tuple[Row, list[Problem]]]:
    """Return each row with its first line's number; the last one may be a problem."""
    first = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield (line, []), [Problem(line, "", f"is not CSV: {error}")]
            return
        yield (line, row), []


def _header_problems(names: list[str]) -> Iterator[Problem]:
    for name, times in Counter(names).items():
        if name not in COLUMNS:
            yield Problem(1, "", f"has a column that is none of {', '.join(COLUMNS)}")
        elif times > 1:
            yield Problem(1, name, "is there more than once")
    for name in REQUIRED:
        if name not in names:
            yield Problem(1, name, "is missing among the columns")


def _entry(line: int, names: list[str], cells: list[str], defaults: Defaults) -> Entry | list[Problem] | None:
    """Return the entry of a line, or its problems, or nothing for an empty line."""
    if not any(cell.strip() for cell in cells):
        return None
    if len(cells) != len(names):
        return [Problem(line, "", f"has {len(cells)} cells, but the first line names {len(names)} columns")]
    values = {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
    problems = [
        Problem(line, name, f"must be text on one line, of at most {MOST_CHARACTERS} characters")
        for name, value in values.items()
        if len(value) > MOST_CHARACTERS or not value.isprintable()
    ]
    account = values.get("account") or defaults.account or ""
    kind, name, team = values["kind"].lower(), values["name"], values.get("team", "")
    if not account:
        problems.append(Problem(line, "account", "is missing: add the column, or give --account"))
    if kind not in KINDS:
        problems.append(Problem(line, "kind", f"must be one of {', '.join(KINDS)}"))
    elif team and kind not in WITH_TEAM:
        problems.append(Problem(line, "team", f"must be empty: a {kind} has none"))
    if team and not name:
        problems.append(Problem(line, "name", "must not be empty beside a team"))
    told_id = _id(kind, values["id"], defaults.country)
    if isinstance(told_id, Said):
        problems.append(Problem(line, "id", told_id.sentence))
    valid_from = _time(values["valid_from"], defaults.zone)
    if isinstance(valid_from, Said):
        problems.append(Problem(line, "valid_from", valid_from.sentence))
    if problems or isinstance(told_id, Said) or isinstance(valid_from, Said):
        return problems
    return Entry(account, kind, told_id, valid_from, name, team)


@dataclass(frozen=True, slots=True)
class Said:
    sentence: str


def _id(kind: str, text: str, country: str | None) -> str | Said:
    if not text:
        return Said("is missing")
    if kind != "number" or not (text.startswith("+") or country):
        return text
    return place(text, country).e164 or Said("is not a number that can be dialled")


def _time(text: str, zone: ZoneInfo | None) -> int | Said:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return Said("must be a date or a time as in 2026-01-31 or 2026-01-31T08:00:00+08:00")
    if read.tzinfo is None:
        if zone is None:
            return Said("has no offset: write one, as in 2026-01-31T08:00:00+08:00, or give --timezone")
        offsets = {read.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}
        if len(offsets) > 1:
            return Said("happens twice or never as the clocks of this time zone change: write an offset")
        read = read.replace(tzinfo=zone)
    time = microseconds(read)
    return time if is_time(time) else Said("is too early or too late to be stored")
