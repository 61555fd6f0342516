"""Which texts mean "nothing": every language prints its own, and templates print themselves.

The words hold for ids, texts, numbers and times alike, whatever brackets or quotes are around them; zero is
one for ids and times, and for other fields where the provider uses it so, which their readers say.
"""

from __future__ import annotations

import re

WORDS = frozenset(
    {
        *("", "null", "nul", "undefined", "nil", "none", "nan", "n/a", "n.a.", "no value", "no data"),
        *("not set", "unset", "not applicable", "\\n", "\\0"),
        *("#n/a", "#ref!", "#value!", "#name?", "#null!", "#num!", "#div/0!", "%!s(<nil>)", "%!d(<nil>)"),
        *("-", "--", "---", "\N{EN DASH}", "\N{EM DASH}"),
        *("无", "無", "空", "暂无", "未设置", "нет", "пусто", "не задано", "не указано", "не определено"),
    }
)
"""In lower case; the words of people are those of the providers' languages."""
BRACKETED = frozenset(
    {"empty", "missing", "unknown", "void", "blank", "object object", "object null", "object undefined"}
)
"""Words that say so only within brackets: `<empty>`, `[object Object]`."""
LONGEST_WORD = max(map(len, WORDS | BRACKETED)) + 4
INVISIBLE = (
    "\0\ufeff\N{SOFT HYPHEN}\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}\N{WORD JOINER}"
    "\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}"
)
"""What some strings end in, or begin with, and nobody sees."""
QUOTES = "\"'`\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
BRACKETS = "<>()[]{}"
SPACES = " \t\r\n"
WRAPPERS = QUOTES + BRACKETS + INVISIBLE + SPACES
MAY_BE_NOTHING = frozenset(
    {*WRAPPERS, *"$%#@", *(letter for word in WORDS if word for letter in (word[0], word[0].upper()))}
)
"""How the words and templates begin: most values begin otherwise, which is seen at once."""

TEMPLATE = re.compile(
    r"\$+\{.*\}|\$\w*\(.*\)|\$[A-Za-z_]\w*|@\{.*\}|\{\{.*\}\}|\[\[.*\]\]|#\{.*\}|%\{.*\}|%\([\w.]+\)[sd]"
    r"|%[A-Za-z_]\w*%|%[sdi]|<%.*%>|\{(?![0-9A-Fa-f]{32}\})(?:[A-Za-z_][\w.]*|\d{1,2})\}",
    re.DOTALL,
)
"""What should have been replaced by a value, and was not."""
HOLDS_TEMPLATE = re.compile(
    r"\$+\{|\$\w*\(|@\{|\{\{|#\{|%\{|%\(|%!|<%|%[sd]\b"
    r"|(?<![^\W_])(?:null|undefined|none|(?-i:NaN))(?![^\W_])|^(?:null|undefined){2}$",
    re.IGNORECASE,
)
"""An id that is put together of several parts, one of them without a value."""

is_plain_id = re.compile(r"(?=[0-]*[1-9a-e])[0-9a-f-]{8,256}").fullmatch
"""Most ids: no word, no zero, and written as ids are compared."""
NO_IDS = frozenset(
    {
        *("true", "false", "yes", "no", "-1", "anonymous", "unknown", "empty", "missing", "void", "void 0"),
        *("infinity", "-infinity", "inf", "-inf", "-nan", "nan(ind", "blank", "not available", "unavailable"),
        *("system.object", "nulo", "ninguno", "nessuno", "aucun", "kein", "keine", "неизвестно", "未知"),
    }
)
"""Words that other fields may hold."""
NO_ID = re.compile(r"(?:urn:uuid:)?(?:[\W_0]*|0x0*|[\W_x]{8,}|[\W_f]{32,})|\d{1,6}[-_:]", re.IGNORECASE)
"""Zeros, the largest UUID, a mask without its figures, and a number before an id that is missing."""

SECONDS_A_DAY = 86_400
QUARTER, MOST_OFFSET = 900, 14 * 3600
"""In seconds: zones lie whole quarters of an hour apart, and so far from UTC at most."""
ZERO_DATES = frozenset(
    {
        *("1900-01-00", "1900-01-01", "1903-12-31", "1904-01-01"),
        *("1969-12-31", "1970-01-01", "1970-01-02", "9999-12-31"),
    }
)
"""Where languages and databases begin to count, in zones west or east of it too; and the end."""
FIRST_YEAR = "1900"
"""Whatever counts from an earlier one, no call was made in it."""
ZERO_SECONDS = (-62_135_596_800, -11_644_473_600, -2_209_161_600, -2_208_988_800, 253_402_300_799)
"""The same counted since 1970."""


def says_nothing(text: str) -> bool:
    """Whether a text without spaces around it stands for no value."""
    if len(text) <= LONGEST_WORD:
        lowered = text.lower()
        bare = lowered.strip(WRAPPERS)
        if bare in WORDS or lowered in WORDS or (bare in BRACKETED and lowered[0] in BRACKETS):
            return True
    elif text[0] in INVISIBLE and not text.strip(WRAPPERS):
        return True
    return TEMPLATE.fullmatch(text) is not None


def names_nothing(text: str) -> bool:
    """Whether a text without spaces around it is no id."""
    if says_nothing(text) or NO_ID.fullmatch(text):
        return True
    return text.lower().strip(WRAPPERS) in NO_IDS or HOLDS_TEMPLATE.search(text) is not None


def is_never(text: str) -> bool:
    """Whether a date as ISO 8601 writes it, with or without its time, is the zero of some language."""
    date = text[:10]
    return date < FIRST_YEAR or date in ZERO_DATES


def counts_never(number: float) -> bool:
    """Whether a count since 1970 is zero, in whatever zone, or the zero of some language in any unit."""
    if number == -1:
        return True
    units = (1, 1_000, 1_000_000)
    return any(abs(number) <= MOST_OFFSET * unit and number % (QUARTER * unit) == 0 for unit in units) or any(
        abs(number - zero * unit) < SECONDS_A_DAY * unit for zero in ZERO_SECONDS for unit in units
    )
