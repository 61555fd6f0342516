"""What holds of every callback: no exception, a verdict, and the same event for the same fields."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processors.normalize.step import LONGEST_PAYLOAD, Rejected, normalize
from schemas.callbacks import Callback
from schemas.calls import call_of
from schemas.events import HELD_BACK, LONGEST_NAME, MOST_DOUBTS, CallEvent
from tests.kit.callbacks import event_of, posted, sent
from tests.kit.extension_events import CALL_OF_175, event
from tests.samples import CALLS, SAMPLES, SHAPES, Request, in_shape
from tests.samples.documents import CDR_001, CDR_002, RING_000
from tests.samples.shapes import FORM
from tests.scale import examples

DIALECTS = ("common-api", "extension-events")
ZONE = ZoneInfo("Europe/Berlin")
NAMES = sorted({name for call in CALLS for payload in call.payloads for name in payload})
VALUES = sorted({str(value) for call in CALLS for payload in call.payloads for value in payload.values()})

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(VALUES),
    st.sampled_from(["-0", "\u0661", "1e3", " 12 ", "2021-02-30 00:00:00", "0000-00-00 00:00:00", "9" * 40]),
)
nested = st.lists(scalars, max_size=3) | st.dictionaries(st.text(max_size=5), scalars, max_size=3)
values = scalars | nested | st.lists(nested, max_size=2)
payloads = st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=8)), values, max_size=25)
samples = st.sampled_from([payload for call in CALLS for payload in call.payloads])
mutated = st.builds(lambda sample, changes: {**sample, **changes}, samples, payloads)


def check(received: Callback, dialect: str) -> None:
    outcome = normalize(received, dialect, ZONE)
    if isinstance(outcome, Rejected):
        assert outcome.reasons
        assert all(reason.code and reason.message for reason in outcome.reasons)
        return
    for each in outcome.events:
        assert CallEvent.from_json(each.to_json()) == each
        assert (each.leg in each.ids) if each.kind != "message" else each.ids == ()
        if each.ids:
            call_of([each])
        orjson.loads(each.to_json())


@examples(300, 5_000)
@given(payload=st.one_of(payloads, mutated), dialect=st.sampled_from(DIALECTS))
@example(payload={"uuid": "a", "status": "ring", "starttime": 2**64 - 1}, dialect="common-api")
@example(payload={"uuid": 1e300, "status": "ring"}, dialect="common-api")
def test_any_object_gets_a_verdict(payload: dict[str, Any], dialect: str) -> None:
    check(posted(payload), dialect)


@examples(200, 5_000)
@given(body=st.binary(max_size=200), content_type=st.sampled_from(["", "application/json", FORM]))
@example(body=b'{"a":1e999,"b":"\\ud800","uuid":"x","status":"ring"}', content_type="application/json")
@example(body=b'{"uuid":"x","status":"ring","a":' + b"[" * 300 + b"]" * 300 + b"}", content_type="")
def test_any_bytes_get_a_verdict(body: bytes, content_type: str) -> None:
    for dialect in DIALECTS:
        for method in ("POST", "GET"):
            received = posted(body, method=method, content_type=content_type)
            check(received, dialect)


sent_bytes = st.sampled_from(
    [
        (each.request, sample.dialect)
        for sample in SAMPLES
        for each in sample.exchanges
        if each.request.payload
    ]
)
PIECES = [
    b"\xff",
    b"\x00",
    b"null",
    b"%",
    b"&",
    b"?",
    b"=",
    b"+",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"\\ud800",
    b"-",
    b"e9",
]
mutations = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(PIECES) | st.binary(max_size=4)),
    max_size=4,
)


@examples(300, 20_000)
@given(sent=sent_bytes, changes=mutations, swapped=st.booleans())
def test_a_sample_with_any_bytes_changed_gets_a_verdict(
    sent: tuple[Request, str], changes: list[tuple[float, int, bytes]], *, swapped: bool
) -> None:
    request, dialect = sent
    body = request.payload
    for where, gone, new in changes:
        at = int(where * len(body))
        body = body[:at] + new + body[at + gone :]
    content_type = (
        (FORM if "json" in request.content_type else "application/json") if swapped else request.content_type
    )
    check(Callback("1", "s", "a", 1, request.method, content_type, "", body), dialect)


@examples(100, 2_000)
@given(payload=st.one_of(samples, st.dictionaries(st.text(min_size=1), st.text())), data=st.data())
def test_order_makes_no_other_event(payload: dict[str, Any], data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(list(payload.items()))))
    for dialect in DIALECTS:
        assert normalize(posted(payload), dialect, ZONE) == normalize(posted(shuffled), dialect, ZONE)


def test_of_two_spellings_of_a_name_the_same_one_counts_in_every_process_and_order() -> None:
    for number in range(25):  # a set's order differs from process to process, and may be right by chance
        after = "_" * number
        ring = {"status": "ring", f"Uuid{after}": "abcdef02", f"UUID{after}": "abcdef01"}
        assert event_of(ring).ids == ("abcdef01",)
        assert event_of(dict(reversed(ring.items()))) == event_of(ring)


@pytest.mark.parametrize("sample", [RING_000, CDR_001, CDR_002], ids=["ring", "cdr 001", "cdr 002"])
def test_a_retry_is_the_same_event_in_whatever_shape(sample: dict[str, object]) -> None:
    ids = {
        event_of(sent(in_shape(sample, shape), received_at=number, id=str(number))).event_id
        for number, shape in enumerate(SHAPES)
    }
    assert len(ids) == 1


def test_a_null_says_as_little_as_no_field() -> None:
    assert event_of({**RING_000, "taskid": None}).event_id == event_of(RING_000).event_id


def test_changed_content_is_another_event() -> None:
    assert event_of({**CDR_001, "billsec": 1}).event_id != event_of(CDR_001).event_id


def test_another_source_means_another_event() -> None:
    one = posted(RING_000)
    other = posted(RING_000, source="berlin")
    assert event_of(one).event_id != event_of(other).event_id


def test_parameters_in_the_url_of_a_post_are_fields() -> None:
    request = in_shape(event("hangup", "c1", "c1-1", 1, **CALL_OF_175), "urlencoded")
    received = sent(request, query=b"tenant=7")
    assert event_of(received, "extension-events").extra["tenant"] == "7"


def test_what_kafka_could_not_carry_is_rejected() -> None:
    body = b"status=ring&uuid=x&extra=" + b"\x01" * (LONGEST_PAYLOAD // 6 + 1)
    outcome = normalize(posted(body, content_type=FORM), "common-api", ZONE)
    assert isinstance(outcome, Rejected)
    assert [reason.code for reason in outcome.reasons] == ["too-long"]


def test_a_payload_that_can_not_be_read_is_rejected_with_its_reason() -> None:
    outcome = normalize(posted(b'{"status":'), "common-api", ZONE)
    assert isinstance(outcome, Rejected)
    assert [reason.code for reason in outcome.reasons] == ["malformed-json"]


def codes_of(payload: dict[str, object]) -> set[str]:
    outcome = normalize(posted(payload), "common-api", ZONE)
    return {reason.code for reason in outcome.reasons} if isinstance(outcome, Rejected) else set()


@pytest.mark.parametrize("name", ["data", "detail"])
def test_no_object_in_an_envelope_is_left_out_in_silence(name: str) -> None:
    rings = [{**RING_000, "uuid": f"abcdef{number:04}"} for number in range(1001)]
    outcome = normalize(posted({name: rings[1:]}), "common-api", ZONE)
    assert not isinstance(outcome, Rejected)
    assert len(outcome.events) == 1000
    assert codes_of({name: rings}) == {"too-many-objects"}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["data", "detail"])
def test_many_objects_with_much_beside_them_are_not_read(name: str) -> None:
    beside: dict[str, object] = {f"x{number}": 1 for number in range(20_000)}
    assert "too-many-fields" in codes_of({**beside, name: [{"a": number} for number in range(900)]})
    nested = [{"b": [{"a": number} for number in range(50)]} for _ in range(50)]
    assert "too-many-fields" in codes_of({**dict(list(beside.items())[:500]), name: nested})


def test_a_dialect_that_we_do_not_know() -> None:
    outcome = normalize(posted(RING_000), "morse", ZONE)
    assert isinstance(outcome, Rejected)
    assert [reason.code for reason in outcome.reasons] == ["unknown-dialect"]


def test_of_very_many_doubts_the_first_are_kept_with_short_names_and_that_it_was_held_back() -> None:
    garbled = b"".join(b"&%s%d=\xff\x81" % (b"n" * 440, number) for number in range(900))
    received = posted(
        b"uuid=a&isbleg=false&status=ring&starttime=1500000000" + garbled,
        content_type="application/x-www-form-urlencoded",
    )
    doubts = event_of(received).doubts
    assert {(doubt.field, doubt.code) for doubt in doubts[-10:]} == {("n" * LONGEST_NAME, "malformed-text")}
    assert (len(doubts), doubts[0].code) == (MOST_DOUBTS, HELD_BACK)
