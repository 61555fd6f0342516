"""Calls that the API started (document 004), and what their webhooks say of them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import expected, world
from simulator.pbx import dialled
from tests.scale import examples
from tests.simulator.reading import NOW, row

if TYPE_CHECKING:
    from schemas.events import Outcome
    from simulator.model import SimulatedCall

PBX = world.pbx(Random(1))
OWNER = PBX.phones[0]
SECOND = 1_000_000


def started(
    request: dict[str, Any], *, picked_up: bool | None = True, outcome: Outcome | None = "answered"
) -> SimulatedCall:
    return dialled(
        Random(1),
        {"dst_num": "+79817654321", **request},
        NOW,
        pbx=PBX,
        owner=OWNER,
        call_id="the-call",
        call_api_id="the-api",
        picked_up=picked_up,
        outcome=outcome,
    )


def told(call: SimulatedCall) -> list[str]:
    return [each.event_type for each in call.webhooks]


def test_an_extension_that_calls_itself_first_tells_of_the_other_party_alone() -> None:
    call = started({"src_num": [OWNER.number]})
    assert told(call) == ["dial-out", "answer", "hangup"]
    assert {each.fields["CallerExtension"] for each in call.webhooks} == {OWNER.name}
    assert {each.fields["CalledNumber"] for each in call.webhooks} == {"+79817654321"}
    assert {each.fields["CallBackID"] for each in call.webhooks} == {"the-call"}
    assert {each.fields["CallAPIID"] for each in call.webhooks} == {"the-api"}


def test_nothing_is_heard_of_one_that_does_not_pick_up_its_own_call() -> None:
    call = started({"src_num": [OWNER.number]}, picked_up=False)
    assert call.webhooks == ()
    assert call.truth.legs == ("the-call",)
    assert call.truth.outcome == "unanswered"


def test_another_origin_is_rung_first_and_is_there_until_the_end() -> None:
    call = started({"src_num": ["102"]})
    assert told(call) == ["dial-in", "answer", "dial-out", "answer", "hangup", "hangup"]
    assert call.truth.extension == "000*102@sip.example.org"
    assert call.truth.answered_at == call.webhooks[3].at


def test_of_several_origins_one_picks_up_and_the_others_stop_ringing() -> None:
    call = started({"src_num": ["102", "103", "104"]})
    assert told(call)[:6] == ["dial-in"] * 3 + ["answer", "hangup", "hangup"]
    assert [each.fields["CallStatus"] for each in call.webhooks[4:6]] == ["CANCEL", "CANCEL"]


def test_a_number_outside_has_no_events_as_an_origin() -> None:
    call = started({"src_num": ["+79990000001"]})
    assert told(call) == ["dial-out", "answer", "hangup"]


@pytest.mark.parametrize("outcome", ["busy", "unanswered", "cancelled"])
def test_a_destination_that_does_not_answer(outcome: Outcome) -> None:
    call = started({"src_num": [OWNER.number]}, outcome=outcome)
    assert told(call) == ["dial-out", "hangup"]
    assert (call.truth.outcome, call.truth.talk_time) == (outcome, 0)


def test_nobody_waits_longer_than_the_request_says() -> None:
    call = started({"src_num": ["102"], "wait_for_pickup": 2}, picked_up=False)
    assert call.truth.ring_time == 2 * SECOND
    call = started({"src_num": [OWNER.number], "wait_for_pickup": 2}, outcome="unanswered")
    assert call.truth.ring_time == 2 * SECOND


REQUESTS = st.fixed_dictionaries(
    {
        "dst_num": st.sampled_from(["+79817654321", "000116644", "400"]),
        "src_num": st.lists(
            st.sampled_from(["101", "102", "103", "175", "+79990000001"]), min_size=1, max_size=3, unique=True
        ),
    },
    optional={
        "variables": st.dictionaries(st.sampled_from(["tag", "autoanswer"]), st.just("spring")),
        "caller_id_number": st.just("8123"),
        "src_caller_id_number": st.just("8124"),
        "caller_id_name": st.just("Ivan"),
        "dst_ani": st.just("+78120000000"),
        "wait_for_pickup": st.integers(1, 120),
    },
)


@given(request=REQUESTS, seed=st.integers(0, 2**32), chance=st.randoms(use_true_random=False))
@examples(150, 10_000)
def test_the_row_is_what_happened(request: dict[str, Any], seed: int, chance: Random) -> None:
    call = dialled(Random(seed), request, NOW, pbx=PBX, owner=OWNER)
    if not call.webhooks:
        return
    hangups = [place for place, each in enumerate(call.webhooks) if each.kind == "hangup"]
    lost = {place for place in hangups if chance.random() < 0.2}
    places = [place for place in range(len(call.webhooks)) if place not in lost]
    chance.shuffle(places)
    want = expected.columns(call, lost)
    found = row(call, places)
    assert {name: found[name] for name in want} == want
