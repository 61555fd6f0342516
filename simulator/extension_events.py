"""Calls of a PBX in the dialect `extension-events` (document 003)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.dialects import EXTENSION_EVENTS
from simulator import durations, world
from simulator.model import SimulatedCall, Truth, ids_of
from simulator.pbx import dialled
from simulator.telling import Telling, incoming, offered, outgoing

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from schemas.events import Outcome
    from simulator.identifiers import Identifiers
    from simulator.telling import Thread
    from simulator.world import Extension, Pbx

MOST_OFFERS = 4
"""How many agents a queue rings before it gives up."""
AGENT_ANSWERS = 0.55
CALLER_STAYS = 0.9
"""With each further agent."""
FATES: dict[Outcome, int] = {
    "answered": 62,
    "unanswered": 16,
    "busy": 9,
    "cancelled": 9,
    "congestion": 2,
    "unavailable": 2,
}
"""Outcomes of a single called party, and how likely each is."""


class Office:
    """A PBX with subscribed extension numbers, and its next calls."""

    def __init__(self, rng: Random, ids: Identifiers) -> None:
        self.rng = rng
        self.ids = ids
        self.pbx: Pbx = world.pbx(rng)

    def call(self, at: int) -> SimulatedCall:
        (scenario,) = self.rng.choices(list(SCENARIOS), list(SCENARIOS.values()))
        return scenario(self, at)

    def telling(self, at: int) -> Telling:
        call_id = self.ids.at(at)
        return Telling(call_id, CallAPIID=f"api-{call_id}")

    def phone(self) -> Extension:
        return self.rng.choice(self.pbx.phones)

    def fate(self) -> Outcome:
        return self.rng.choices(list(FATES), list(FATES.values()))[0]


class Talk:
    """One party called by one thread: it rings, and is answered or not."""

    def __init__(self, office: Office, thread: Thread, event_type: str, at: int, outcome: Outcome) -> None:
        rng = office.rng
        self.rang_at, self.outcome = at, outcome
        self.answered_at = at + durations.ring(rng) if outcome == "answered" else None
        self.talked = durations.talk(rng) if self.answered_at else 0
        self.ended_at = (self.answered_at or at + durations.patience(rng)) + self.talked
        self.recording = thread.recording if self.talked else None
        thread.dials(event_type, at)
        if self.answered_at:
            thread.answers(self.answered_at)
        thread.hangs_up(self.ended_at, outcome, self.talked)


def outbound(office: Office, at: int) -> SimulatedCall:
    """An extension number calls somebody outside."""
    telling, phone, callee = office.telling(at), office.phone(), world.customer(office.rng)
    ani = office.rng.choice(office.pbx.numbers)
    caller = f"000*{phone.number}"
    thread = telling.thread(office.ids.at(at), phone, **outgoing(caller, phone, callee, ani))
    talk = Talk(office, thread, "dial-out", at, office.fate())
    parties = {"caller": caller, "callee": callee, "display_number": ani, "extension": phone.name}
    return _call(telling, "outbound", [talk], **parties, direction="outbound")


def inbound(office: Office, at: int) -> SimulatedCall:
    """Somebody calls an extension number."""
    telling, phone, outcome = office.telling(at), office.phone(), office.fate()
    thread, parties = _incoming(office, telling, at, phone)
    return _call(telling, "inbound", [Talk(office, thread, "dial-in", at, outcome)], **parties)


def voicemail(office: Office, at: int) -> SimulatedCall:
    """Nobody answers: the caller leaves a message."""
    telling, phone = office.telling(at), office.phone()
    thread, parties = _incoming(office, telling, at, phone)
    talk = Talk(office, thread, "dial-in", at, "unanswered")
    length = durations.ring(office.rng)
    thread.leaves_message(talk.ended_at + length + durations.moment(office.rng), length)
    return _call(telling, "voicemail", [talk], recording=thread.message, **parties)


def forwarded(office: Office, at: int) -> SimulatedCall:
    """Nobody picks up, and the call is forwarded to a number outside (document 003: `Transfered: "yes"`)."""
    return _passed_on(office, at, "forwarded", "unanswered")


def transferred(office: Office, at: int) -> SimulatedCall:
    """Somebody picks up, talks, and transfers the caller to a number outside."""
    return _passed_on(office, at, "transferred", "answered")


def _passed_on(office: Office, at: int, scenario: str, first_outcome: Outcome) -> SimulatedCall:
    telling, phone = office.telling(at), office.phone()
    thread, parties = _incoming(office, telling, at, phone)
    first = Talk(office, thread, "dial-in", at, first_outcome)
    on_at = first.ended_at + durations.moment(office.rng)
    onward = outgoing(parties["caller"], phone, world.customer(office.rng), parties["callee"])
    further = telling.thread(office.ids.at(on_at), phone, **onward, Transfered="yes")
    second = Talk(office, further, "dial-out", on_at, office.fate())
    return _call(telling, scenario, [first, second], **parties)


def queue(office: Office, at: int) -> SimulatedCall:
    """A queue rings one agent after the other, until one answers or the caller gives up."""
    rng, telling = office.rng, office.telling(at)
    line = rng.choice(office.pbx.queues)
    thread, parties = _incoming(office, telling, at, line)
    thread.dials("dial-in", at)
    talks: list[Talk] = []
    ended_at = at + durations.moment(rng)
    outcome: Outcome = "unanswered"
    for agent in rng.sample(office.pbx.phones, MOST_OFFERS):
        outcome = "answered" if rng.random() < AGENT_ANSWERS else rng.choice(("unanswered", "busy"))
        offer = offered(parties["caller"], parties["callee"], line, agent)
        offered_to = telling.thread(office.ids.at(ended_at), agent, **offer)
        talks.append(Talk(office, offered_to, "dial-in", ended_at, outcome))
        ended_at = talks[-1].ended_at + durations.moment(rng)
        if outcome == "answered" or len(talks) == 1:  # who answered, or else who was rung first
            parties["extension"] = agent.name
        if outcome == "answered":
            break
        if rng.random() > CALLER_STAYS:
            outcome = "cancelled"
            break
    if outcome == "busy":  # of the last agent, not of the caller
        outcome = "unanswered"
    talked = talks[-1].talked if outcome == "answered" else None
    thread.ends_bridged(
        ended_at, "cancelled" if outcome == "cancelled" else "answered", ended_at - at, talked
    )
    return _call(telling, "queue", talks, ended_at=ended_at, rang_at=at, outcome=outcome, **parties)


def menu(office: Office, at: int) -> SimulatedCall:
    """An IVR: only `dial-in` and `hangup`; its `Bridged` says whether a party behind the IVR answered."""
    rng, telling = office.rng, office.telling(at)
    thread, parties = _incoming(office, telling, at, rng.choice(office.pbx.menus))
    parties["extension"] = None  # nobody says who answered
    answered = rng.random() < AGENT_ANSWERS
    talked = durations.talk(rng) if answered else 0
    ended_at = at + durations.patience(rng) + talked
    thread.dials("dial-in", at)
    thread.ends_bridged(ended_at, "answered", ended_at - at, talked if answered else None)
    return _simulated(
        telling,
        "menu",
        rang_at=at,
        answered_at=None,
        ended_at=ended_at,
        ring_time=None if answered else ended_at - at,
        talk_time=talked,
        outcome="answered" if answered else "unanswered",
        **parties,
    )


def click_to_call(office: Office, at: int) -> SimulatedCall:
    """A call that the API started, for the owner itself or for several others."""
    rng = office.rng
    owner, others = office.phone(), [phone.number for phone in rng.sample(office.pbx.phones, 2)]
    request = {
        "dst_num": world.customer(rng),
        "src_num": rng.choice([[owner.number], others[:1], others]),
        "variables": {"tag": rng.choice(("spring", "autumn"))},
    }
    picked_up = True if request["src_num"] == [owner.number] else None  # a call without events is no call
    return dialled(rng, request, at, pbx=office.pbx, owner=owner, picked_up=picked_up)


def _incoming(office: Office, telling: Telling, at: int, to: Extension) -> tuple[Thread, dict[str, Any]]:
    """The thread of a call from outside, and its parties as `Truth` names them."""
    caller, number = world.customer(office.rng), office.rng.choice(office.pbx.numbers)
    thread = telling.thread(office.ids.at(at), to, **incoming(caller, number, to))
    return thread, {"caller": caller, "callee": number, "display_number": number, "extension": to.name}


def _call(telling: Telling, scenario: str, talks: list[Talk], **known: Any) -> SimulatedCall:
    """The call as its talks tell, and as is `known` besides.

    It is answered if any party answered, and fares otherwise as its last party did.
    """
    rang_at = known.get("rang_at", talks[0].rang_at)
    answered_at = next((talk.answered_at for talk in talks if talk.answered_at), None)
    ended_at = known.get("ended_at", talks[-1].ended_at)
    told = {
        "rang_at": rang_at,
        "answered_at": answered_at,
        "ended_at": ended_at,
        "ring_time": (answered_at or ended_at) - rang_at,
        "talk_time": sum(talk.talked for talk in talks),  # one after the other
        "outcome": "answered" if answered_at else talks[-1].outcome,
        "recording": next((talk.recording for talk in talks if talk.recording), None),
    }
    return _simulated(telling, scenario, **told | known)


def _simulated(telling: Telling, scenario: str, **known: Any) -> SimulatedCall:
    webhooks = telling.told()
    truth = Truth(
        scenario=scenario,
        dialect=EXTENSION_EVENTS.name,
        legs=ids_of(webhooks, "CallID", "SubCallID"),
        uuid=telling.call_id,
        method=None,
        started_at=known["rang_at"],
        **{"direction": "inbound"} | known,
    )
    return SimulatedCall(truth, webhooks)


SCENARIOS: dict[Callable[[Office, int], SimulatedCall], int] = {
    outbound: 30,
    inbound: 18,
    queue: 25,
    menu: 8,
    forwarded: 5,
    transferred: 4,
    voicemail: 4,
    click_to_call: 6,
}
"""What calls there are, and how often."""
