"""The webhooks look as the documents show them: the same fields, in the same order, of the same types."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from schemas.payload.decode import decode
from simulator.common_api import CallCentre
from simulator.extension_events import Office
from simulator.identifiers import Identifiers
from simulator.shapes import request_of
from tests.samples import document
from tests.simulator.reading import NOW, ZONE

if TYPE_CHECKING:
    from simulator.model import Webhook

STATUS_TYPES = {
    "dial-in": {"CALLING"},
    "dial-out": {"CALLING"},
    "answer": {"ANSWER"},
    "hangup": {"ANSWER", "BUSY", "NOANSWER", "CANCEL", "CONGESTION", "CHANUNAVAIL"},
}

DOCUMENTED = frozenset(
    {
        "EventType",
        "CallID",
        "CallerIDNum",
        "CallerIDName",
        "CalledDID",
        "CalledExtension",
        "CalledExtensionID",
        "CallStatus",
        "CallFlow",
        "CallerExtension",
        "CallerExtensionID",
        "CalledNumber",
        "RecID",
        "CallAPIID",
        "Diversion",
        "EventTime",
        "Duration",
        "Transfered",
        "Bridged",
        "BridgedDuration",
        "CallBackID",
        "SubCallID",
        "ClientApiID",
        "RemoteNumber",
        "ANI",
        "Tag",
    }
)
"""Event data of document 003."""


def webhooks(model: CallCentre | Office, calls: int = 1500) -> list[Webhook]:
    return [each for _ in range(calls) for each in model.call(NOW).webhooks]


@pytest.fixture(scope="module")
def of_a_centre() -> list[Webhook]:
    rng = Random(3)
    return webhooks(CallCentre(rng, Identifiers(rng), ZONE))


@pytest.fixture(scope="module")
def of_an_office() -> list[Webhook]:
    rng = Random(4)
    return webhooks(Office(rng, Identifiers(rng)))


def types(fields: dict[str, Any]) -> list[tuple[str, str]]:
    """The fields' names and types, in their order."""
    return [(name, type(value).__name__) for name, value in fields.items()]


@pytest.mark.parametrize(
    ("sample", "is_cdr", "shape"),
    [
        ("000_ring.json", False, "json"),
        ("001_ring.json", False, "detail"),
        ("001_cdr.json", True, "detail"),
        ("002_cdr.json", True, "json"),
    ],
)
def test_common_api_is_as_in_its_samples(
    of_a_centre: list[Webhook], sample: str, shape: str, *, is_cdr: bool
) -> None:
    shown = types(orjson.loads(document(sample)))
    alike = [each for each in of_a_centre if (each.kind == "cdr") == is_cdr and each.shape == shape]
    assert len(alike) > 100
    assert [each for each in alike if types(each.fields) != shown] == []


def test_extension_events_have_the_documents_fields_alone(of_an_office: list[Webhook]) -> None:
    assert {name for each in of_an_office for name in each.fields} <= DOCUMENTED
    assert {each.shape for each in of_an_office} == {"query", "urlencoded"}
    for event_type, statuses in STATUS_TYPES.items():
        found = {each.fields["CallStatus"] for each in of_an_office if each.event_type == event_type}
        assert found == statuses


def test_a_queue_and_an_ivr_never_answer_themselves(of_an_office: list[Webhook]) -> None:
    threads = {each.leg for each in of_an_office if "Bridged" in each.fields}
    assert threads
    assert not [each for each in of_an_office if each.leg in threads and each.kind == "answer"]
    assert {each.event_type for each in of_an_office if each.leg in threads} == {"dial-in", "hangup"}


def test_every_part_of_a_call_is_dialled_and_hung_up_once(of_an_office: list[Webhook]) -> None:
    for kind in ("dial", "hangup"):
        legs = [each.leg for each in of_an_office if each.kind == kind]
        assert sorted(legs) == sorted({each.leg for each in of_an_office})


def test_what_is_sent_reads_back_as_it_was(of_a_centre: list[Webhook], of_an_office: list[Webhook]) -> None:
    for each in (*of_a_centre[:300], *of_an_office[:300]):
        request = request_of(each.fields, each.shape)
        payload = request.query.encode() if request.method == "GET" else request.body
        assert decode(request.method, request.content_type, payload) == [each.fields]
