from __future__ import annotations

import json
import re
from urllib.parse import quote, quote_plus, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.timeline.masks import Masks, number
from tests.scale import examples

NUMBER, LINK = "+8613800138000", "https://records.example.net/a b/526d.mp3?sign=a%2Fb"
ID = "526d637c-e8fe-11ea-a849-cf6e45e88543"
SAID = [("caller", NUMBER), ("recording", LINK), ("callee", "4006"), ("cdr_display_number", "01087654321")]
MASKS = Masks.of(SAID, harmless={ID, "1598598959"}, numbers=False)
OPEN = Masks.of(SAID, harmless=set(), numbers=True)

numbers = st.from_regex(r"\A\+?[0-9]{5,15}\Z")


@pytest.mark.parametrize(
    ("value", "shown"), [("13800138024", "***24"), ("200", "***00"), ("7", "***"), ("", "***")]
)
def test_of_a_number_its_end_is_shown(value: str, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("caller", NUMBER, "***00"),
        ("event_callee", "4006", "***06"),
        ("cdr_display_number", "01087654321", "***21"),
        ("recording", LINK, "***"),
        ("event_recording", "rec-1", "***"),
        ("extension", NUMBER, NUMBER),
        ("customer_ref", f"order {NUMBER}", "order ***00"),
        ("tag", "call back 010-8765 4322", "call back ***22"),
        ("caller", None, None),
        ("round", 2, 2),
    ],
)
def test_a_field_is_masked_by_its_name(field: str, value: object, shown: object) -> None:
    assert MASKS.value(field, value) == shown
    assert OPEN.value(field, value) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f'{{"uuid":"{ID}","starttime":"1598598959"}}', None),
        ("starttime=2020-08-28+15:15:59&round=2", None),
        ("starttime=2020-08-28%2015%3A15%3A59", None),
        ("to=%2B8613800138001", "to=***01"),
        ('"phone":"138 0013 8001","n":86138001}', '"phone":"***01","n":***01}'),
        ("at=tel:+4930123456&x=1", "at=***&x=1"),
        (f"url={quote_plus(LINK)}&round=2", "url=***&round=2"),
        (r'"url":"https:\/\/records.example.net\/x.mp3"}', r'"url":"***"}'),
        ("a1234b", None),
    ],
)
def test_what_looks_like_a_secret_is_masked_in_what_a_provider_wrote(text: str, shown: str | None) -> None:
    assert MASKS.text(text) == (text if shown is None else shown)
    assert OPEN.text(text) == text


@examples(normal=300, long=5_000)
@given(secret=numbers, before=st.text(max_size=9), after=st.text(max_size=9))
def test_no_known_number_is_left_in_any_spelling(secret: str, before: str, after: str) -> None:
    masks = Masks.of([("callee", secret)], numbers=False)
    for spelled in (secret, quote(secret), quote_plus(secret), json.dumps(secret)):
        shown = masks.text(before + spelled + after)
        assert secret not in shown
        assert secret not in unquote_plus(shown)


@examples(normal=300, long=5_000)
@given(text=st.text(alphabet='0123456789 -.()+%2B"{}:,ab', max_size=60))
def test_no_five_digits_are_left_together_but_in_times(text: str) -> None:
    shown = MASKS.text(text)
    for found in re.findall(r"[0-9]{5,}", shown):
        assert found == "1598598959"


def test_json_is_masked_all_through() -> None:
    value = {"a": [NUMBER, {"13800138001": 13800138002}], "b": True, "c": None, "d": 12, "e": 1.5}
    assert MASKS.json(value) == {
        "a": ["***00", {"***01": "***02"}],
        "b": True,
        "c": None,
        "d": 12,
        "e": 1.5,
    }
    assert OPEN.json(value) == value
