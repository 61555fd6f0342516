"""`dial` callbacks: what `callweave dial` publishes of the provider's answer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.normalize.step import Rejected, normalize
from schemas.calls import call_of
from schemas.events import CallEvent
from tests.kit import callbacks
from tests.kit.callbacks import NOW, SHANGHAI, posted
from tests.samples.documents import resource
from tests.scale import examples

if TYPE_CHECKING:
    from schemas.callbacks import Callback


def document(name: str) -> dict[str, Any]:
    """A body that the documents show, with spaces that JSON knows."""
    body: dict[str, Any] = orjson.loads(" ".join(resource(name).decode().split()))
    return body


CALLBACK_REQUEST = document("003_callback_request.json")
CALLBACK_WITH_VARIABLES = document("004_callback_with_variables.json")

DIALECT = "extension-events"
event_of = partial(callbacks.event_of, dialect=DIALECT)
reasons_of = partial(callbacks.reasons_of, dialect=DIALECT)
CALL_ID = "02abb9ee685a11ea94bfe17eb6eaecba"
API_ID = "02abb9ee685a11ea94bfe17eb6eaecbb"
REQUESTED_AT = NOW - 1_000_000


def dial(asked: dict[str, Any], /, **changes: Any) -> Callback:
    body = {
        "v": 1,
        "extension": "@200",
        "requested_at": REQUESTED_AT,
        "request": asked,
        "answer": {"call_id": CALL_ID, "call_api_id": API_ID},
    } | changes
    return posted({name: value for name, value in body.items() if value is not ...}, kind="dial")


def test_the_documents_request() -> None:
    event = event_of(dial(CALLBACK_REQUEST))
    assert (event.kind, event.ids, event.leg, event.uuid) == ("requested", (CALL_ID,), CALL_ID, None)
    assert (event.occurred_at, event.clock, event.received_at) == (REQUESTED_AT, "ingress", NOW)
    assert (event.direction, event.method, event.caller, event.callee) == (
        "outbound",
        "api",
        "200",
        "+79817654321",
    )
    assert (event.requested_by, event.tag, event.variables) == ("@200", None, None)
    assert event.extra == {"answer": {"call_api_id": API_ID}}


def test_the_documents_request_with_variables() -> None:
    event = event_of(dial(CALLBACK_WITH_VARIABLES))
    assert event.variables == {"autoanswer": "4", "testvar": "'testval"}
    assert event.tag is None


def test_a_tag_and_every_other_option() -> None:
    request = CALLBACK_REQUEST | {
        "variables": {"tag": "spring", "n": 4},
        "caller_id_number": "201",
        "wait_for_pickup": 30,
    }
    event = event_of(dial(request, later="field"))
    assert (event.tag, event.variables) == ("spring", {"tag": "spring", "n": "4"})
    assert (event.caller, event.callee) == ("201", "+79817654321")
    assert event.extra == {
        "later": "field",
        "request": {"src_num": ["200"], "wait_for_pickup": 30},
        "answer": {"call_api_id": API_ID},
    }


def test_a_clients_variable_is_nobodys_number() -> None:
    request = {"dst_num": "$cv({to})", "src_num": ["$cv({from})"], "caller_id_number": "$cv({shown})"}
    event = event_of(dial(request))
    assert (event.caller, event.callee) == (None, None)
    assert event.extra["request"] == request


def test_of_several_origins_any_may_call() -> None:
    event = event_of(dial({"dst_num": "1", "src_num": ["200", "201"]}))
    assert event.caller is None
    assert event.extra["request"] == {"src_num": ["200", "201"]}


def test_the_call_knows_that_it_was_asked_for() -> None:
    call = call_of([event_of(dial(CALLBACK_REQUEST | {"variables": {"tag": "spring"}}))])
    assert (call.state, call.requested_at, call.legs) == ("requested", REQUESTED_AT, (CALL_ID,))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"answer": ...}, ("answer", "missing")),
        ({"answer": "yes"}, ("answer", "malformed")),
        ({"answer": {}}, ("call_id", "missing")),
        ({"answer": {"call_id": ["a"]}}, ("call_id", "malformed-id")),
        ({"answer": {"call_id": "a" * 300}}, ("call_id", "too-long")),
    ],
)
def test_what_is_no_request(changes: dict[str, Any], reason: tuple[str, str]) -> None:
    assert reason in reasons_of(dial(CALLBACK_REQUEST, **changes))


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"request": ...}, ("request", "missing")),
        ({"request": []}, ("request", "malformed")),
        ({"request": {"variables": [1]}}, ("request.variables", "malformed")),
        ({"request": {"variables": {"a": {}}}}, ("request.variables", "malformed")),
        ({"requested_at": "now"}, ("requested_at", "malformed-time")),
        ({"requested_at": -(10**12)}, ("requested_at", "out-of-range")),
    ],
)
def test_what_is_in_doubt(changes: dict[str, Any], doubt: tuple[str, str]) -> None:
    event = event_of(dial(CALLBACK_REQUEST, **changes))
    assert [(each.field, each.code) for each in event.doubts] == [doubt]


def test_without_its_time_it_was_asked_for_when_it_was_published() -> None:
    assert event_of(dial(CALLBACK_REQUEST, requested_at=...)).occurred_at == NOW


def test_published_again_it_is_the_same_event() -> None:
    first = event_of(dial(CALLBACK_REQUEST))
    again = event_of(replace(dial(CALLBACK_REQUEST), id="callback-2", received_at=NOW + 5))
    assert first.event_id == again.event_id


def test_a_webhook_with_the_same_fields_is_another_event() -> None:
    body = {"EventType": "answer", "CallID": CALL_ID, "answer": {"call_id": CALL_ID}, "request": {}}
    callback = posted(body | {"requested_at": REQUESTED_AT}, kind="dial")
    assert event_of(callback).event_id != event_of(replace(callback, kind="webhook")).event_id


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5) | st.just(str(NOW)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("call_id", "dst_num", "src_num", "variables", "caller_id_number")
objects = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), json, max_size=5)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "extension": json,
            "requested_at": json,
            "request": json | objects,
            "answer": json | objects,
        },
    )
)
@examples(200, 5000)
def test_whatever_is_in_it_there_is_a_verdict(body: dict[str, Any]) -> None:
    outcome = normalize(posted(orjson.dumps(body), kind="dial"), DIALECT, SHANGHAI)
    if isinstance(outcome, Rejected):
        assert outcome.reasons
    else:
        (event,) = outcome.events
        assert CallEvent.from_json(event.to_json()) == event
        call_of([event])
