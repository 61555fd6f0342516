"""The part of ClickHouse's SQL that a server's front must read: where data start, and which FORMAT is wanted.

The engine parses every statement itself; nothing here checks whether it is valid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SELECTS = frozenset({"SELECT", "WITH", "FROM"})
"""First words of a SELECT."""
EXPLAINS = frozenset({"SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK"})
"""First words of other statements that only read."""

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)
  | (?P<quoted>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
  | (?P<word>[^\W\d]\w*)
  | (?P<other>\d[\w.]*|.)
    """,
    re.DOTALL | re.VERBOSE,
)
_NOT_BEFORE_FORMAT = frozenset(",.(=<>+-/%|?:").union(
    ("SELECT", "DISTINCT", "FROM", "JOIN", "TABLE", "AS", "BY", "WHERE", "PREWHERE", "HAVING", "QUALIFY"),
    ("AND", "OR", "NOT", "IN", "ON", "USING", "WITH", "LIKE"),
)
_DATA_FOLLOWS = re.compile(r"[ \t\f]*\r?\n?")


@dataclass(frozen=True)
class Token:
    """One token; `depth` counts the open parentheses around it, `upper` is its text in upper case."""

    kind: str
    text: str
    start: int
    end: int
    depth: int

    @property
    def upper(self) -> str:
        """For keywords, which ignore case; quoted names aren't keywords."""
        return self.text.upper() if self.kind == "word" else self.text


@dataclass(frozen=True)
class Insert:
    head: str
    """The statement up to SETTINGS, VALUES or FORMAT, whichever comes first."""
    settings: str
    """The SETTINGS clause, or ''."""
    target: str
    """The table, or `FUNCTION name(...)`, as written."""
    columns: str | None
    """The text between the parentheses after the target."""
    format: str | None
    """As written; "Values" for VALUES; None without either."""
    data_at: int
    """Where the data start in the statement; its length without data."""


def tokens(sql: str) -> Iterator[Token]:
    """Every token except white space and comments. Never fails: an open quote is a token of one character."""
    position, depth = 0, 0
    while position < len(sql) and (found := _TOKEN.match(sql, position)) is not None:
        position = found.end()
        kind = found.lastgroup or "other"
        if kind == "space":
            continue
        if found[0] in (")", "]", "}"):
            depth = max(0, depth - 1)
        yield Token("quoted" if kind == "tag" else kind, found[0], found.start(), found.end(), depth)
        if found[0] in ("(", "[", "{"):
            depth += 1


def first_word(sql: str) -> str:
    """The first word in upper case, parentheses skipped; '' if there is none."""
    for token in tokens(sql):
        if token.text != "(":
            return token.upper if token.kind == "word" else ""
    return ""


def parse_insert(sql: str) -> Insert | None:
    """The statement as an `Insert`; None for any other, including an INSERT from a SELECT or a file."""
    stream = tokens(sql)
    token = next(stream, None)
    if token is None or token.upper != "INSERT":
        return None
    token = next(stream, None)
    for keyword in ("INTO", "TABLE"):
        if token is not None and token.upper == keyword:
            token = next(stream, None)
    if token is None:
        return None
    target_at = token.start
    if token.upper == "FUNCTION":
        next(stream, None)
        target_end, token = _closing(stream, next(stream, None))
    else:
        target_end, token = _dotted(stream, token)
    columns = None
    if token is not None and token.text == "(":
        opened = token
        inside = next(stream, None)
        if inside is not None and inside.upper in ("SELECT", "WITH", "("):
            return None
        closed, token = _closing(stream, opened, inside)
        columns = sql[opened.end : closed - 1]
    return _rest(sql, stream, token, sql[target_at:target_end], columns)


def _dotted(stream: Iterator[Token], token: Token) -> tuple[int, Token | None]:
    """The end of a name that may contain dots, and the token after it."""
    end = token.end
    following = next(stream, None)
    while following is not None and following.text == ".":
        end = (next(stream, None) or following).end
        following = next(stream, None)
    return end, following


def _closing(
    stream: Iterator[Token], opened: Token | None, inside: Token | None = None
) -> tuple[int, Token | None]:
    """The end of the parenthesis that closes `opened`, and the token after it."""
    if opened is None:
        return 0, None
    token = inside or next(stream, None)
    end = opened.end
    while token is not None:
        end = token.end
        if token.text == ")" and token.depth == opened.depth:
            return end, next(stream, None)
        token = next(stream, None)
    return end, None


def _rest(
    sql: str, stream: Iterator[Token], token: Token | None, target: str, columns: str | None
) -> Insert | None:
    settings_at: int | None = None

    def insert(end: int, form: str | None, data_at: int) -> Insert:
        at = end if settings_at is None else settings_at
        return Insert(sql[:at], sql[at:end], target, columns, form, data_at)

    while token is not None:
        if token.depth == 0 and token.kind == "word":
            if token.upper == "SETTINGS" and settings_at is None:
                settings_at = token.start
            if token.upper == "VALUES":
                return insert(token.start, "Values", _skip_space(sql, token.end))
            if token.upper == "FORMAT":
                name = next(stream, None)
                end = token.end if name is None else name.end
                space = _DATA_FOLLOWS.match(sql, end)
                return insert(
                    token.start, None if name is None else name.text, end if space is None else space.end()
                )
            if token.upper in ("SELECT", "WITH", "FROM", "WATCH", "EXPLAIN"):
                return None
        elif token.text == "(":
            return None  # INSERT INTO t (a) (SELECT …)
        elif token.text == ";":
            return insert(token.start, None, len(sql))
        token = next(stream, None)
    return insert(len(sql), None, len(sql))


def _skip_space(sql: str, at: int) -> int:
    """Where the first token from `at` on starts; a lone semicolon counts as nothing."""
    for token in tokens(sql[at:]):
        return len(sql) if token.text == ";" and not sql[at + token.end :].strip() else at + token.start
    return len(sql)


@dataclass(frozen=True)
class Formatted:
    """A statement without its FORMAT clause and closing semicolons, and the requested format."""

    sql: str
    format: str | None


def cut_format(sql: str) -> Formatted:
    """Take the FORMAT clause of a statement that isn't an INSERT with data."""
    found = list(tokens(sql))
    end = len(sql)
    while found and found[-1].text == ";":
        end = found.pop().start
    for at in range(len(found) - 2, 0, -1):
        token, name = found[at], found[at + 1]
        if token.depth or token.upper != "FORMAT" or name.kind != "word":
            continue
        after = found[at + 2].upper if at + 2 < len(found) else ""
        if after in ("", "SETTINGS") and found[at - 1].upper not in _NOT_BEFORE_FORMAT:
            return Formatted(sql[: token.start] + sql[name.end : end], name.text)
    return Formatted(sql[:end], None)


def column_names(columns: str) -> list[str] | None:
    """The names in an INSERT's list, unquoted; None if it contains an expression, such as `* EXCEPT(a)`."""
    names: list[str] = []
    name, expects_name = "", True
    for token in tokens(columns):
        if token.text == "," and not expects_name:
            names.append(name)
            name, expects_name = "", True
        elif token.text == "." and not expects_name:
            name, expects_name = name + ".", True
        elif expects_name and (token.kind == "word" or token.text[0] in '`"'):
            name, expects_name = name + _unquote(token.text), False
        else:
            return None
    if expects_name:
        return None
    return [*names, name]


def _unquote(word: str) -> str:
    if word[0] not in '`"':
        return word
    return re.sub(r"\\(.)|(``|\"\")", lambda found: found[1] or found[2][0], word[1:-1])


def quote(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f"}


def unescape(value: str) -> str:
    """A value that ClickHouse's backslashes protect, in a TabSeparated cell or between quotes."""
    if "\\" not in value:
        return value
    characters = iter(value)
    return "".join(
        _ESCAPES.get(escaped := next(characters, ""), escaped) if character == "\\" else character
        for character in characters
    )
