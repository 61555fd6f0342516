"""How two values of one field become one: every rule is commutative, associative and idempotent.

So records that were merged in any order, any number of times, in any groups, end up the same. A value that
is not known is absent, and absent merges with anything to that thing. Every value is plain JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

INFINITE = 2**63 - 1
"""Later than every time."""

Value = Any
Fields = dict[str, "Rule"]


@dataclass(frozen=True)
class Rule:
    """One way to merge, with what it means for JSON Schema and for ClickHouse."""

    name: str
    join: Callable[[Value, Value], Value]
    schema: dict[str, Any]
    aggregate: str
    """The function that does the same in a `SimpleAggregateFunction` column; '' where no column is one."""
    meaning: str = ""
    """What the field says that merges so; '' where it says what an event's field of that name says."""

    def of(self, meaning: str) -> Rule:
        """The rule of one field, with what that field says."""
        return replace(self, meaning=meaning)


def _union(a: list[str], b: list[str]) -> list[str]:
    return a if a == b else sorted({*a, *b})


def digest(value: Value) -> int:
    """64 bits of a JSON value: an order for what has none of its own, and a short one to keep."""
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


def _latest_whole(a: list[Value], b: list[Value]) -> list[Value]:
    """Later wins; of two that came at the same time, the one with the greater digest."""
    if a[0] != b[0]:
        return a if a[0] > b[0] else b
    return a if a == b else max(a, b, key=lambda whole: digest(whole[1:]))


_INTEGER = {"type": "integer"}
_STRING = {"type": "string"}
_TIME = {"type": "integer", "description": "Microseconds since 1970 UTC."}

EARLIEST = Rule("earliest", min, _TIME, "min")
LATEST = Rule("latest", max, _TIME, "max")
SMALLEST = Rule("smallest", min, _STRING, "min")
LARGEST = Rule("largest", max, _STRING, "max")
UNION = Rule("union", _union, {"type": "array", "items": _STRING}, "groupUniqArrayArray")
PREFERRED = Rule(
    "preferred",
    max,
    {
        "type": "array",
        "prefixItems": [
            {"type": "integer", "description": "priority, 1 or more: the higher wins"},
            {"type": "integer", "description": "order among equals: the higher wins"},
            {"type": "string", "description": "the value: the greater wins between equals"},
        ],
        "minItems": 3,
        "maxItems": 3,
    },
    "max",
)
"""A value with the reason to believe it: [priority, order, value], and the greatest wins."""
LATEST_WHOLE = Rule(
    "latest as a whole",
    _latest_whole,
    {
        "type": "array",
        "prefixItems": [_INTEGER, _STRING, {"type": "object"}],
        "minItems": 3,
        "maxItems": 3,
    },
    "max",
)
"""[received_at, event_id, {…}]: the latest wins with all its fields, those that it lacks included."""


def _each_smallest(a: dict[str, int], b: dict[str, int]) -> dict[str, int]:
    return a if a == b else {key: min(side.get(key, INFINITE) for side in (a, b)) for key in {**a, **b}}


EACH_EARLIEST = Rule(
    "each earliest",
    _each_smallest,
    {"type": "object", "additionalProperties": _TIME},
    "minMap",
)


def merge(fields: Fields, a: dict[str, Value], b: dict[str, Value]) -> dict[str, Value]:
    """Merge two values of the same fields; neither is changed. A field without a rule is dropped."""
    merged = dict(a) if a.keys() <= fields.keys() else {name: a[name] for name in a if name in fields}
    for name, value in b.items():
        rule = fields.get(name)
        if rule is not None:
            known = merged.get(name)
            merged[name] = value if known is None else rule.join(known, value)
    return merged


def each(fields: Fields) -> Rule:
    """A rule for an object whose every value is merged field by field."""

    def join(a: dict[str, Value], b: dict[str, Value]) -> dict[str, Value]:
        merged = dict(a)
        for key, value in b.items():
            known = merged.get(key)
            merged[key] = value if known is None else merge(fields, known, value)
        return merged

    return Rule(
        "each",
        join,
        {"type": "object", "additionalProperties": {"type": "object", "properties": properties(fields)}},
        "",
    )


def properties(fields: Fields) -> dict[str, Any]:
    """The JSON Schema of the fields, each with the name of its rule."""
    return {name: _property(rule) for name, rule in fields.items()}


def _property(rule: Rule) -> dict[str, Any]:
    said = " ".join(text for text in (rule.meaning, rule.schema.get("description")) if text)
    return {**rule.schema, **({"description": said} if said else {}), "x-merge": rule.name}
