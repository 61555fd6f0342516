"""Which texts mean "nothing": every language prints its own, and templates print themselves.

The words hold for ids, texts, numbers and times alike; zero is one for ids and times, and for other fields
where the provider uses it so, which their readers say.
"""

from __future__ import annotations

import re

WORDS = frozenset(
    {
        *("", "null", "(null)", "<null>", "[null]", "{null}", '"null"', "'null'", "\\n", "\\0"),
        *("undefined", "(undefined)", "<undefined>", "[undefined]", "nil", "(nil)", "<nil>", "[nil]"),
        *(
            "none",
            "(none)",
            "<none>",
            "[none]",
            "nan",
            "n/a",
            "#n/a",
            "n.a.",
            "(not set)",
            "not set",
            "unset",
        ),
        *("-", "--", "---", "\N{EN DASH}", "\N{EM DASH}", '""', "''", "[]", "{}", "()", "[object object]"),
    }
)
"""In lower case."""
LONGEST_WORD = max(map(len, WORDS))
MAY_BE_NOTHING = frozenset("nNuU(<[{\"'\\#-\N{EN DASH}\N{EM DASH}$%")
"""How the words and templates begin: most values begin otherwise, which is seen at once."""

TEMPLATE = re.compile(
    r"\$\{[^{}]*\}|\$\([^()]*\)|\$[A-Za-z_]\w*|\{\{.*\}\}|#\{[^{}]*\}|%\{[^{}]*\}|%[A-Za-z_]\w*%|<%.*%>"
    r"|\{[A-Za-z_][A-Za-z_.]*\}",
    re.DOTALL,
)
"""What should have been replaced by a value, and was not."""
HOLDS_TEMPLATE = re.compile(r"\$\{|\{\{|#\{|<%|\b(?:null|undefined)\b", re.IGNORECASE)
"""An id that is put together of several parts, one of them without a value."""

is_plain_id = re.compile(r"(?=[0-]*[1-9a-e])[0-9a-f-]{8,256}").fullmatch
"""Most ids: no word, no zero, and written as ids are compared."""
NO_IDS = frozenset({"true", "false", "yes", "no", "-1", "anonymous", "unknown"})
"""Words that other fields may hold."""
OF_ZEROS = "0-{}"
LARGEST_UUID = "ffffffff-ffff-ffff-ffff-ffffffffffff"

SECONDS_A_DAY = 86_400
ZERO_DATES = frozenset(
    {
        *("0000-00-00", "0000-01-01", "0000-12-31", "0001-01-01", "0001-01-02"),
        *("1600-12-31", "1601-01-01", "1752-12-31", "1753-01-01", "1858-11-17"),
        *("1899-12-29", "1899-12-30", "1899-12-31", "1900-01-00", "1900-01-01", "1903-12-31", "1904-01-01"),
        *("1969-12-31", "1970-01-01", "1970-01-02", "9999-12-31"),
    }
)
"""Where languages and databases begin to count, in zones west or east of it too; and the end."""
ZERO_SECONDS = (-62_135_596_800, -11_644_473_600, -2_209_161_600, -2_208_988_800, 253_402_300_799)
"""The same counted since 1970."""


def says_nothing(text: str) -> bool:
    """Whether a text without spaces around it stands for no value."""
    if len(text) <= LONGEST_WORD and text.lower() in WORDS:
        return True
    return TEMPLATE.fullmatch(text) is not None


def names_nothing(text: str) -> bool:
    """Whether a text without spaces around it is no id."""
    if says_nothing(text) or not text.strip(OF_ZEROS):
        return True
    lowered = text.lower()
    return lowered in NO_IDS or lowered == LARGEST_UUID or HOLDS_TEMPLATE.search(text) is not None


def is_never(text: str) -> bool:
    """Whether a date, with or without its time, is the zero of some language."""
    date = text[:10]
    return date in ZERO_DATES or date.replace("/", "-").replace(".", "-") in ZERO_DATES


def counts_never(number: float) -> bool:
    """Whether a count since 1970 is zero, in whatever zone, or the zero of some language in any unit."""
    return abs(number) <= SECONDS_A_DAY or any(
        abs(number - zero * unit) < SECONDS_A_DAY * unit
        for zero in ZERO_SECONDS
        for unit in (1, 1_000, 1_000_000)
    )
