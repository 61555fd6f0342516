"""Where numbers belong; the numbers are those that regulators keep for fiction, or of public offices."""

from __future__ import annotations

import pytest

from sinks.directory import areas
from sinks.directory.places import NOWHERE, Place, place, prefixes


@pytest.mark.parametrize(
    ("number", "country", "expected"),
    [
        ("+442079460123", None, Place("+442079460123", "GB", "442079460123")),
        ("020 7946 0123", "GB", Place("+442079460123", "GB", "442079460123")),
        ("+442079460123", "CN", Place("+442079460123", "GB", "442079460123")),
        ("01062345678", "CN", Place("+861062345678", "CN", "861062345678")),
        ("+12125550123", None, Place("+12125550123", "US", "12125550123")),
        ("+14165550123", None, Place("+14165550123", "CA", "14165550123")),
        ("+5491143211234", None, Place("+5491143211234", "AR", "541143211234")),  # the 9 is of no area
        ("+80012345678", None, Place("+80012345678", "001")),  # a freephone number of the world
        ("020 7946 0123", None, NOWHERE),
        ("200", "CN", NOWHERE),
        ("90240005", "CN", NOWHERE),
        ("", "CN", NOWHERE),
        ("anonymous", "CN", NOWHERE),
        ("+" + "9" * 300, None, NOWHERE),
        ("sip:200@example.com", "CN", NOWHERE),
    ],
)
def test_places(number: str, country: str | None, expected: Place) -> None:
    assert place(number, country) == expected


def test_prefixes_begin_with_the_longest() -> None:
    assert prefixes("442079460123") == [
        "442079460",
        "44207946",
        "4420794",
        "442079",
        "44207",
        "4420",
        "442",
        "44",
        "4",
    ]
    assert prefixes("44") == ["44", "4"]
    assert prefixes("") == []


def test_areas_are_those_with_an_english_name() -> None:
    assert areas.named({"4420": {"en": "London", "fr": "Londres"}, "331": {"fr": "Paris"}}) == [
        ("4420", "London")
    ]
