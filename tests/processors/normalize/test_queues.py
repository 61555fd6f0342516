"""A queue's call to two agents, told in every way and by any part of its events."""

from __future__ import annotations

from itertools import combinations

import pytest

from schemas.calls import call_of
from tests.kit.callbacks import event_of
from tests.kit.extension_events import ANNA, BORIS, DID, QUEUE, START, event, offered, us, waiting

NUMBERS = {QUEUE: "400", ANNA: "101", BORIS: "102"}


def told(number: bool, flow: str, caller: str) -> list[dict[str, object]]:
    """The events; `number`: with CalledNumber, the inner number that is called."""

    def of(extension: str, fields: dict[str, str]) -> dict[str, str]:
        named = {"CalledNumber": f"000*{NUMBERS[extension]}"} if number else {}
        return {**fields, **named, "CallerIDNum": caller, "CalledExtensionID": NUMBERS[extension]}

    def agent(extension: str) -> dict[str, str]:
        return of(extension, {**offered(extension), "CallFlow": flow})

    def part(extension: str) -> str:
        return f"{NUMBERS[extension]}-q"

    line, over = of(QUEUE, waiting(QUEUE)), {"Duration": us(78.2), "BridgedDuration": us(60)}
    return [
        event("dial-in", "q", part(QUEUE), 0, **line),
        event("dial-in", "q", part(ANNA), 2, **agent(ANNA)),
        event("hangup", "q", part(ANNA), 12, CallStatus="NOANSWER", Duration="0", **agent(ANNA)),
        event("dial-in", "q", part(BORIS), 13, **agent(BORIS)),
        event("answer", "q", part(BORIS), 18, **agent(BORIS)),
        event("hangup", "q", part(BORIS), 78, CallStatus="ANSWER", Duration=us(60), **agent(BORIS)),
        event("hangup", "q", part(QUEUE), 78.2, CallStatus="ANSWER", Bridged="yes", **over, **line),
    ]


BY_BORIS, LAST_OF_BORIS, LAST_OF_QUEUE = {4, 5}, 5, 6


@pytest.mark.parametrize("number", [True, False])
@pytest.mark.parametrize("flow", ["IN", "OUT"])
@pytest.mark.parametrize("caller", ["+79817654321", "103", ""])
def test_any_part_of_a_queues_call(number: bool, flow: str, caller: str) -> None:
    events = [event_of(each, "extension-events") for each in told(number, flow, caller)]
    for length in range(1, len(events) + 1):
        for places in combinations(range(len(events)), length):
            call = call_of([events[place] for place in places])
            assert (call.direction, call.callee) == ("inbound", DID)
            if BY_BORIS & set(places):
                assert call.extension == BORIS
            elif places != (0,) and (caller or flow == "OUT"):
                assert call.extension in {ANNA, BORIS, None}
            if LAST_OF_QUEUE in places:
                assert (call.outcome, call.talk_time, call.started_at) == ("answered", 60_000_000, START)
            elif LAST_OF_BORIS in places and places[0] == LAST_OF_BORIS:
                assert (call.outcome, call.talk_time) == ("answered", 60_000_000)
            assert call.transfers == 0
