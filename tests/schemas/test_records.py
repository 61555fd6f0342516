from __future__ import annotations

from datetime import date

import orjson
import pytest

from schemas.calls import call_of, days_of, version_of
from schemas.legs import Leg, legs_of
from schemas.records import FOR_GOOD, Record
from schemas.versions import NewerVersionError
from tests.kit.events import event, samples

RING = event(caller="+7 999 123")

ROW = Record(
    account="acme",
    call_id="a",
    version=1,
    days=(date(2020, 9, 13),),
    call=call_of([RING]),
    legs=legs_of([RING]),
)

GONE = Record(
    account="acme",
    call_id="b",
    version=FOR_GOOD,
    days=(date(2020, 9, 13), date(2020, 9, 14)),
    legs=(Leg(leg_id="b"), Leg(leg_id="c")),
    gone=True,
)

BEGAN = Record(account="acme", call_id="b", began=True)


@pytest.mark.parametrize("record", [ROW, GONE, BEGAN])
def test_a_record_survives_its_topic(record: Record) -> None:
    assert Record.from_json(record.to_json()) == record


@pytest.mark.parametrize("name", samples())
def test_the_row_of_a_sample_survives_its_topic(name: str) -> None:
    events = samples()[name]
    record = Record(
        account="acme",
        call_id="a",
        began=True,
        version=version_of(events),
        days=days_of(events),
        call=call_of(events),
        legs=legs_of(events),
    )
    assert Record.from_json(record.to_json()) == record


def test_a_leg_that_is_gone_in_json() -> None:
    assert orjson.loads(GONE.to_json()) == {
        "v": 2,
        "account": "acme",
        "call_id": "b",
        "began": False,
        "version": 2**64 - 1,
        "days": ["2020-09-13", "2020-09-14"],
        "gone": True,
        "legs": [{"leg_id": "b"}, {"leg_id": "c"}],
    }


def test_fields_of_later_releases_are_passed_over_and_a_newer_version_is_refused() -> None:
    written = orjson.loads(ROW.to_json())
    written["call"]["mood"] = "good"
    assert Record.from_json(orjson.dumps({**written, "mood": "good"})) == ROW
    with pytest.raises(NewerVersionError, match="start a newer release"):
        Record.from_json(orjson.dumps({**written, "v": 3}))


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"{}", b'{"account":"acme"}', b'{"call_id":"a"}'])
def test_what_is_no_record_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Record.from_json(value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("account",), 7),
        (("version",), "1"),
        (("days",), ["today"]),
        (("began",), 1),
        (("gone",), "no"),
        (("legs",), ["a"]),
        (("call", "rang_at"), "early"),
        (("call", "caller"), 100),
        (("call", "legs"), "a"),
        (("call", "state"), "asleep"),
        (("call", "variables"), {"A": 1}),
    ],
)
def test_a_wrong_type_is_refused_with_the_name_of_its_field_and_without_a_value(
    path: tuple[str, ...], value: object
) -> None:
    written = orjson.loads(ROW.to_json())
    place = written
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(ValueError, match=r"\.".join(path)) as refused:
        Record.from_json(orjson.dumps(written))
    assert "999" not in str(refused.value)
