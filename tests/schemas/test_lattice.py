from __future__ import annotations

from typing import Any

import pytest

from schemas.lattice import (
    EACH_EARLIEST,
    EARLIEST,
    LARGEST,
    LATEST,
    LATEST_WHOLE,
    PREFERRED,
    SMALLEST,
    UNION,
    Fields,
    Rule,
    digest,
    each,
    merge,
    properties,
)

CDR = [5, "e1", {"outcome": "busy", "caller": "100"}]

EXAMPLES: tuple[tuple[Rule, Any, Any, Any], ...] = (
    (EARLIEST, 3, 5, 3),
    (LATEST, 3, 5, 5),
    (SMALLEST, "a", "b", "a"),
    (LARGEST, "a", "b", "b"),
    (UNION, ["b"], ["a", "b"], ["a", "b"]),
    (UNION, [], ["a"], ["a"]),
    (PREFERRED, [2, 1, "a"], [1, 9, "z"], [2, 1, "a"]),
    (PREFERRED, [1, -3, "a"], [1, -2, "a"], [1, -2, "a"]),
    (PREFERRED, [1, 1, "a"], [1, 1, "b"], [1, 1, "b"]),
    (LATEST_WHOLE, CDR, [6, "e0", {}], [6, "e0", {}]),
    # two of the same time: the greater digest, whatever the order of fields
    (LATEST_WHOLE, CDR, [5, "e2", {"outcome": "answered"}], CDR),
    (LATEST_WHOLE, [5, "e1", {"a": 1, "b": 2}], [5, "e1", {"b": 3, "a": 1}], [5, "e1", {"b": 3, "a": 1}]),
    (EACH_EARLIEST, {"a": 3, "b": 1}, {"a": 2, "c": 9}, {"a": 2, "b": 1, "c": 9}),
    (each({"at": EARLIEST}), {"a": {"at": 3}}, {"a": {"at": 2}, "b": {}}, {"a": {"at": 2}, "b": {}}),
)


@pytest.mark.parametrize(("rule", "a", "b", "joined"), EXAMPLES, ids=lambda each: getattr(each, "name", ""))
def test_a_rule_joins_two_values_in_either_order(rule: Rule, a: Any, b: Any, joined: Any) -> None:
    assert rule.join(a, b) == rule.join(b, a) == joined
    assert rule.join(joined, a) == rule.join(joined, b) == rule.join(joined, joined) == joined


def test_a_digest_is_64_bits_of_the_value_whatever_the_order_of_its_names() -> None:
    assert digest({"a": 1, "b": "x"}) == digest({"b": "x", "a": 1}) == 11_639_925_772_963_309_891
    assert digest({"a": 1, "b": "x"}) != digest({"a": 1, "b": "y"})


FIELDS: Fields = {"first": EARLIEST, "names": UNION}


def test_what_is_absent_merges_to_what_is_there_and_nothing_is_changed() -> None:
    a, b = {"first": 3}, {"names": ["x"]}
    assert merge(FIELDS, a, b) == merge(FIELDS, b, a) == {"first": 3, "names": ["x"]}
    assert (a, b) == ({"first": 3}, {"names": ["x"]})
    assert merge(FIELDS, a, {}) == merge(FIELDS, {}, a) == a


def test_nothing_that_was_merged_is_changed_by_it() -> None:
    fields = {"legs": each(FIELDS)}
    a, b = {"legs": {"x": {"first": 3}}}, {"legs": {"x": {"first": 2}, "y": {}}}
    assert merge(fields, a, b) == {"legs": {"x": {"first": 2}, "y": {}}}
    assert (a, b) == ({"legs": {"x": {"first": 3}}}, {"legs": {"x": {"first": 2}, "y": {}}})


def test_a_field_without_a_rule_is_dropped_on_either_side() -> None:
    a, b = {"first": 3, "mood": "good"}, {"first": 4}
    assert merge(FIELDS, a, b) == merge(FIELDS, b, a) == {"first": 3}


def test_a_time_of_zero_and_an_empty_text_are_values() -> None:
    assert merge({"at": LATEST}, {"at": 0}, {"at": -1}) == {"at": 0}
    assert merge({"id": SMALLEST}, {"id": ""}, {"id": "a"}) == {"id": ""}


def test_a_rule_with_a_meaning_is_the_same_rule() -> None:
    described = EARLIEST.of("When it began.")
    assert (described.name, described.join, described.aggregate) == ("earliest", min, "min")
    assert EARLIEST.meaning == ""


def test_a_property_has_its_meaning_its_unit_and_its_rule() -> None:
    assert properties({"at": EARLIEST.of("When it began."), "id": SMALLEST}) == {
        "at": {
            "type": "integer",
            "description": "When it began. Microseconds since 1970 UTC.",
            "x-merge": "earliest",
        },
        "id": {"type": "string", "x-merge": "smallest"},
    }
