from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.timeline.masks import Masks, number
from schemas.calls import SHOWN, column
from sinks.shown import COLUMNS, How
from tests.samples import in_shape
from tests.samples.shapes import SHAPES
from tests.scale import examples

if TYPE_CHECKING:
    from tests.samples.shapes import Shape

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
        ("customer_ref", "order 13912345678", "order ***78"),
        ("transferred_to", ["108", NUMBER, "", "+4930123456"], ["***08", "***00", "***", "***56"]),
        ("transferred_from", ["108", NUMBER], ["108", NUMBER]),
        ("legs", [ID, f"x{NUMBER}"], [ID, "x***00"]),
        ("variables", {"to": "+4930123456"}, {"to": "***56"}),
        ("tag", "call back 010-8765 4322", "call back ***22"),
        ("caller", None, None),
        ("round", 2, 2),
    ],
)
def test_a_field_is_masked_by_its_name(field: str, value: object, shown: object) -> None:
    assert MASKS.value(field, value) == shown
    assert OPEN.value(field, value) == value


HIDDEN = {name for name in {*COLUMNS, *map(column, SHOWN)} if COLUMNS.get(name) is not How.PLAIN}
"""Columns that the masked views don't show as they are."""
STRANGE = "+4930123456"
"""A number that is not among those that the call is known to have."""


@pytest.mark.parametrize("field", sorted(HIDDEN | {"a_new_column"}))
def test_what_the_masked_views_hide_is_hidden_in_whatever_shape(field: str) -> None:
    shapes: list[Any] = [STRANGE, [STRANGE], (STRANGE,), {"a": STRANGE}, {STRANGE: "a"}, [[STRANGE]]]
    for value in shapes:
        assert STRANGE not in repr(MASKS.value(field, value)), value
        assert STRANGE in repr(OPEN.value(field, value))
    for text in (STRANGE, f"108, {STRANGE}", f"{STRANGE}, 108", f"a={STRANGE}"):
        assert STRANGE not in str(MASKS.written(field, text)), text
        assert OPEN.written(field, text) == text


def test_numbers_in_a_list_are_known_in_other_texts() -> None:
    masks = Masks.of([("transferred_to", ["108", "a-sip-name"])], numbers=False)
    assert masks.value("campaign", "for a-sip-name") == "for ***me"


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
        ("starttime=2021/02/09 10:00:03", None),
        (r'"starttime":"2021\/02\/09 10:00:03"', None),
        ("at=2021-02-09T10:00:03.123+08:00", None),
        ("2021-02-09 10:00:03-2021-02-09 10:01:00", None),
        (f"12/2021-02-09 10:00:03/{ID.replace('5', '6')}", None),
        ("1,2,3,4,5", None),
        ("caller=7+981+765+43+21&round=2", "caller=***21&round=2"),
        ('"+7 (981) 765-43-21"', '"***21"'),
        ("to=%2B7+%28981%29+765-43-21", "to=***21"),
        ("to=7%20%28981%29%20765%2D43%2d21", "to=***21"),
        ("7/981/765 7_981_765", "***65"),
        ("7\u00a0981\u00a0765", "***65"),
        ("7\u2011981\u2011765", "***65"),
        ("7%C2%A0981%E2%80%91765", "***65"),
        (r'"7\u00a0981\u2011765"', '"***65"'),
        ("call １３８１２３４５６７８ back", "call ***７８ back"),
        ("call ٠١٢-٣٤٥ back", "call ***٤٥ back"),
        (f"tag={quote('１３８ １２３')}&round=2", "tag=***&round=2"),
        (f"tag={quote_plus('٠١٢ ٣٤٥')}&round=2", "tag=***&round=2"),
        (json.dumps("to １３８-１２３"), '"to ***"'),
        (json.dumps("to ۰۱۲۳۴۵").upper(), '"TO ***"'),
        (json.dumps("１２３４"), None),
    ],
)
def test_what_looks_like_a_secret_is_masked_in_what_a_provider_wrote(text: str, shown: str | None) -> None:
    assert MASKS.text(text) == (text if shown is None else shown)
    assert OPEN.text(text) == text


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["recordfilename", "recordurl", "RecID"])
def test_a_recording_is_masked_by_its_name_in_every_shape(name: str, shape: Shape) -> None:
    """Of a callback that nobody could read, too; an empty one hides nothing of what follows."""
    for value in ("/2021/02/09/rec-1.wav", "rec-1", ""):
        text = in_shape({"status": "sneeze", name: value, "tag": "after"}, shape).payload.decode()
        shown = Masks(open=False).text(text)
        assert "rec-1" not in shown
        assert ("***" in shown) is bool(value)
        assert "after" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r'"{\"recordfilename\":\"/a.wav\",\"n\":1}"', r'"{\"recordfilename\":\"***\",\"n\":1}"'),
        ("{'recordurl' : 'a b.wav', 'n': 1}", "{'recordurl' : '***', 'n': 1}"),
        ("{recordurl: a.wav, n: 1}", "{recordurl: ***, n: 1}"),
        ('{"recordurl":null,"n":1}', '{"recordurl":null,"n":1}'),
    ],
)
def test_a_recording_is_masked_by_its_name_in_what_is_no_callback(text: str, shown: str) -> None:
    assert Masks(open=False).text(text) == shown
    assert Masks(open=True).text(text) == text


def test_the_parts_of_a_recording_are_masked_as_the_whole() -> None:
    """A bill names a server and a file."""
    masks = Masks.of([("recording", "192.0.2.17/2021/02/09/rec-1.wav")], numbers=False)
    for text in ("2021/02/09/rec-1.wav", "/2021/02/09/rec-1.wav", r"\/2021\/02\/09\/rec-1.wav"):
        assert masks.text(f"at {text};") == "at ***;"
        assert masks.text(f"at {quote(text, safe='')};") == "at ***;"
        assert masks.value("customer_ref", text) == "***"
    assert masks.json({"recordfilename": "else/rec-2.wav", "file": "/2021/02/09/rec-1.wav"}) == {
        "recordfilename": "***",
        "file": "***",
    }


def test_a_recording_named_as_its_call_hides_no_id() -> None:
    masks = Masks.of([("recording", f"records/{ID}")], harmless={ID}, numbers=False)
    assert masks.text(f"uuid={ID}&file=records/{ID}") == f"uuid={ID}&file=***"


@examples(normal=300, long=5_000)
@given(secret=numbers, before=st.text(max_size=9), after=st.text(max_size=9))
def test_no_known_number_is_left_in_any_spelling(secret: str, before: str, after: str) -> None:
    masks = Masks.of([("callee", secret)], numbers=False)
    for spelled in (secret, quote(secret), quote_plus(secret), json.dumps(secret)):
        shown = masks.text(before + spelled + after)
        assert secret not in shown
        assert secret not in unquote_plus(shown)


@examples(normal=300, long=5_000)
@given(
    digits=st.lists(st.sampled_from("123456789"), min_size=7, max_size=15),
    between=st.lists(st.text(alphabet=" ()-./_\u00a0\u2011", max_size=3), min_size=14, max_size=14),
)
def test_no_number_is_left_however_its_digits_are_grouped(digits: list[str], between: list[str]) -> None:
    spelled = digits[0] + "".join(map("".join, zip(between, digits[1:], strict=False)))
    for text in (spelled, quote(spelled, safe=""), quote_plus(spelled), json.dumps(spelled)):
        assert Masks(open=False).text(text).strip('"') == f"***{text.strip(chr(34))[-2:]}"


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
