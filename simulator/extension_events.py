"""Calls of a PBX in the dialect `extension-events` (document 003)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import durations, world
from simulator.model import SimulatedCall, Truth, ids_of
from simulator.pbx import dialled
from simulator.telling import Telling, incoming, offered, outgoing

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from schemas.events import Direction, Outcome
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
        """A call that begins now."""
        (scenario,) = self.rng.choices(SCENARIOS, WEIGHTS)
        return scenario(self, at)

    def telling(self, at: int) -> Telling:
        """The events of a new call."""
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
    return _call(
        telling,
        "outbound",
        [talk],
        direction="outbound",
        caller=caller,
        callee=callee,
        display_number=ani,
        extension=phone.name,
        ended_at=talk.ended_at,
    )


def inbound(office: Office, at: int) -> SimulatedCall:
    """Somebody calls an extension number."""
    telling, phone, outcome = office.telling(at), office.phone(), office.fate()
    caller, number, thread = _incoming(office, telling, at, phone)
    talk = Talk(office, thread, "dial-in", at, outcome)
    return _call(
        telling,
        "inbound",
        [talk],
        caller=caller,
        callee=number,
        display_number=number,
        extension=phone.name,
        ended_at=talk.ended_at,
    )


def voicemail(office: Office, at: int) -> SimulatedCall:
    """Nobody answers: the caller leaves a message."""
    telling, phone = office.telling(at), office.phone()
    caller, number, thread = _incoming(office, telling, at, phone)
    talk = Talk(office, thread, "dial-in", at, "unanswered")
    length = durations.ring(office.rng)
    thread.leaves_message(talk.ended_at + length + durations.moment(office.rng), length)
    return _call(
        telling,
        "voicemail",
        [talk],
        caller=caller,
        callee=number,
        display_number=number,
        extension=phone.name,
        ended_at=talk.ended_at,
        recording=thread.message,
    )


def forwarded(office: Office, at: int) -> SimulatedCall:
    """Nobody picks up, and the call is forwarded to a number outside (document 003: `Transfered: "yes"`)."""
    return _passed_on(office, at, "forwarded", "unanswered")


def transferred(office: Office, at: int) -> SimulatedCall:
    """Somebody picks up, talks, and transfers the caller to a number outside."""
    return _passed_on(office, at, "transferred", "answered")


def _passed_on(office: Office, at: int, scenario: str, first_outcome: Outcome) -> SimulatedCall:
    telling, phone = office.telling(at), office.phone()
    caller, number, thread = _incoming(office, telling, at, phone)
    first = Talk(office, thread, "dial-in", at, first_outcome)
    on_at = first.ended_at + durations.moment(office.rng)
    parties = outgoing(caller, phone, world.customer(office.rng), number)
    further = telling.thread(office.ids.at(on_at), phone, **parties, Transfered="yes")
    second = Talk(office, further, "dial-out", on_at, office.fate())
    return _call(
        telling,
        scenario,
        [first, second],
        caller=caller,
        callee=number,
        display_number=number,
        extension=phone.name,
        ended_at=second.ended_at,
    )


def queue(office: Office, at: int) -> SimulatedCall:
    """A queue rings one agent after the other, until one answers or the caller gives up."""
    rng, telling = office.rng, office.telling(at)
    line = rng.choice(office.pbx.queues)
    caller, number, thread = _incoming(office, telling, at, line)
    thread.dials("dial-in", at)
    talks: list[Talk] = []
    extension, offered_at = line.name, at + durations.moment(rng)
    outcome: Outcome = "unanswered"
    for agent in rng.sample(office.pbx.phones, MOST_OFFERS):
        outcome = "answered" if rng.random() < AGENT_ANSWERS else rng.choice(("unanswered", "busy"))
        offer = telling.thread(office.ids.at(offered_at), agent, **offered(caller, number, line, agent))
        talks.append(Talk(office, offer, "dial-in", offered_at, outcome))
        offered_at = talks[-1].ended_at + durations.moment(rng)
        if outcome == "answered":
            extension = agent.name
            break
        if rng.random() > CALLER_STAYS:
            outcome = "cancelled"
            break
    ended_at, answered = offered_at, outcome == "answered"
    if outcome == "busy":  # of the last agent, not of the caller
        outcome = "unanswered"
    thread.hangs_up(
        ended_at,
        "cancelled" if outcome == "cancelled" else "answered",
        ended_at - at,
        Bridged="yes" if answered else "no",
        BridgedDuration=str(talks[-1].talked) if answered else None,
        RecID=None,
    )
    return _call(
        telling,
        "queue",
        talks,
        caller=caller,
        callee=number,
        display_number=number,
        extension=extension,
        ended_at=ended_at,
        rang_at=at,
        outcome=outcome,
    )


def menu(office: Office, at: int) -> SimulatedCall:
    """An IVR: only `dial-in` and `hangup`, whose `Bridged` says whether somebody answered behind it."""
    rng, telling = office.rng, office.telling(at)
    ivr = rng.choice(office.pbx.menus)
    caller, number, thread = _incoming(office, telling, at, ivr)
    answered = rng.random() < AGENT_ANSWERS
    talked = durations.talk(rng) if answered else 0
    ended_at = at + durations.patience(rng) + talked
    thread.dials("dial-in", at)
    thread.hangs_up(
        ended_at,
        "answered",
        ended_at - at,
        Bridged="yes" if answered else "no",
        BridgedDuration=str(talked) if answered else None,
        RecID=None,
    )
    return SimulatedCall(
        Truth(
            scenario="menu",
            dialect="extension-events",
            legs=ids_of(telling.told(), "CallID", "SubCallID"),
            uuid=telling.call_id,
            direction="inbound",
            method=None,
            caller=caller,
            callee=number,
            display_number=number,
            extension=ivr.name,
            started_at=at,
            rang_at=at,
            answered_at=None,
            ended_at=ended_at,
            ring_time=None if answered else ended_at - at,
            talk_time=talked,
            outcome="answered" if answered else "unanswered",
        ),
        telling.told(),
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


def _incoming(office: Office, telling: Telling, at: int, to: Extension) -> tuple[str, str, Thread]:
    """Who calls, which number was dialled, and the thread."""
    caller, number = world.customer(office.rng), office.rng.choice(office.pbx.numbers)
    return caller, number, telling.thread(office.ids.at(at), to, **incoming(caller, number, to))


def _call(
    telling: Telling,
    scenario: str,
    talks: list[Talk],
    *,
    direction: Direction = "inbound",
    caller: str,
    callee: str,
    display_number: str,
    extension: str,
    ended_at: int,
    rang_at: int | None = None,
    outcome: Outcome | None = None,
    recording: str | None = None,
) -> SimulatedCall:
    """The call with what happened in it: answered if any party did, and otherwise as its last party fared."""
    rang_at = talks[0].rang_at if rang_at is None else rang_at
    answered_at = next((talk.answered_at for talk in talks if talk.answered_at), None)
    how = "answered" if answered_at else talks[-1].outcome
    truth = Truth(
        scenario=scenario,
        dialect="extension-events",
        legs=ids_of(tuple(telling.webhooks), "CallID", "SubCallID"),
        uuid=telling.call_id,
        direction=direction,
        method=None,
        caller=caller,
        callee=callee,
        display_number=display_number,
        extension=extension,
        started_at=rang_at,
        rang_at=rang_at,
        answered_at=answered_at,
        ended_at=ended_at,
        ring_time=(answered_at or ended_at) - rang_at,
        # `calls` has one conversation of a transferred call: the longest (schemas/records.py)
        talk_time=max(talk.talked for talk in talks),
        outcome=outcome or how,
        recording=recording or next((talk.recording for talk in talks if talk.recording), None),
    )
    return SimulatedCall(truth, telling.told())


SCENARIOS: tuple[Callable[[Office, int], SimulatedCall], ...] = (
    outbound,
    inbound,
    queue,
    menu,
    forwarded,
    transferred,
    voicemail,
    click_to_call,
)
WEIGHTS = (30, 18, 25, 8, 5, 4, 4, 6)
