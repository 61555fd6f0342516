"""Calls of a call centre in the dialect `common-api` (documents 000 to 002).

Status events have no time of their own; the CDR's times are whole seconds in the source's zone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.times import SECOND
from simulator import durations, world
from simulator.bill import Billed, bill
from simulator.model import SimulatedCall, Truth, Webhook, ids_of
from simulator.statuses import Statuses, Talk, status_events

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random
    from zoneinfo import ZoneInfo

    from simulator.identifiers import Identifiers
    from simulator.model import Fields, Shape
    from simulator.world import Agent, Company

METHODS = {
    "0": "unrestricted",
    "2": "manual",
    "3": "api",
    "4": "api-double",
    "5": "predictive",
    "6": "ivr",
}
"""The documents' codes."""

ANSWERED, UNANSWERED, BUSY, ABANDONED = 10000, 10020, 10021, 10010
"""`hangupcause`: 10020 is from the samples; no document explains the codes."""
FATES = {ANSWERED: 62, UNANSWERED: 22, BUSY: 16}
AGENT_PICKS_UP = 0.95
AGENT_IS_FREE = 0.93
"""When a predictive campaign calls somebody; the other calls are abandoned."""
MOST_OFFERS = 3
BILLED_BY_OTHER_LEG = 0.1
"""How often a CDR names the call by its other leg."""


class CallCentre:
    """A company whose extensions, predictive campaigns and IVR send webhooks, and its next calls."""

    def __init__(self, rng: Random, ids: Identifiers, zone: ZoneInfo) -> None:
        self.rng = rng
        self.ids = ids
        self.zone = zone
        self.company: Company = world.company(rng)

    def call(self, at: int) -> SimulatedCall:
        """A call that begins now."""
        (scenario,) = self.rng.choices(SCENARIOS, WEIGHTS)
        return scenario(self, at)

    def agent(self) -> Agent:
        return self.rng.choice(self.company.agents)

    def fate(self) -> int:
        """How a called party fares, as a hangup cause."""
        return self.rng.choices(list(FATES), list(FATES.values()))[0]


def api(centre: CallCentre, at: int) -> SimulatedCall:
    """The API starts a call: first the agent is rung, then the customer (method 3)."""
    return _through_an_agent(centre, at, "3", "api")


def api_double(centre: CallCentre, at: int) -> SimulatedCall:
    """The API calls two numbers and joins them (method 4)."""
    return _through_an_agent(centre, at, "4", "api-double")


def _through_an_agent(centre: CallCentre, at: int, method: str, scenario: str) -> SimulatedCall:
    rng, agent, uuid = centre.rng, centre.agent(), centre.ids.at(at)
    callee, reference = world.dialled_customer(rng), f"{rng.getrandbits(128):032x}"
    number, buuid = rng.choice(centre.company.numbers), centre.ids.at(at + 22)
    statuses = status_events(
        centre.company,
        at,
        uuid=uuid,
        caller=agent.extension,
        callee=callee,
        number=number,
        method=method,
        reference=reference,
    )
    tell = {"buuid": buuid, "extension": agent.extension}
    rung_at = at + durations.moment(rng, 0.4)
    statuses.tell("ring", rung_at, is_b=False, **tell)
    cause, answered_at = UNANSWERED, None
    if rng.random() < AGENT_PICKS_UP:
        ours_at = rung_at + durations.ring(rng) // 2
        statuses.tell("answer", ours_at, is_b=False, **tell)
        their_ring = ours_at + durations.moment(rng)
        statuses.tell("ring", their_ring, is_b=True, **tell)
        cause = centre.fate()
        if cause == ANSWERED:
            answered_at = their_ring + durations.ring(rng)
            statuses.tell("answer", answered_at, is_b=True, **tell)
        ended_at = answered_at + durations.talk(rng) if answered_at else their_ring + durations.patience(rng)
        statuses.tell("hangup", ended_at, is_b=True, **tell)
        statuses.tell("hangup", ended_at + durations.moment(rng, 0.3), is_b=False, **tell)
    else:
        ended_at = rung_at + durations.patience(rng)
        statuses.tell("hangup", ended_at, is_b=False, **tell)
    return _billed(
        centre,
        scenario,
        statuses,
        Billed(
            uuid=buuid if rng.random() < BILLED_BY_OTHER_LEG else uuid,
            method=method,
            started_at=at,
            answered_at=answered_at,
            ended_at=ended_at,
            display_number=number,
            callee=callee,
            agent=agent,
            cause=cause,
            reference=reference,
        ),
    )


def manual(centre: CallCentre, at: int) -> SimulatedCall:
    """An agent dials by hand: the B leg rings (document 001's sample; method 2)."""
    rng, agent, uuid = centre.rng, centre.agent(), centre.ids.at(at)
    callee, number = world.dialled_customer(rng), rng.choice(centre.company.numbers)
    buuid = centre.ids.at(at + durations.moment(rng, 0.2))
    statuses = status_events(
        centre.company,
        at,
        uuid=uuid,
        caller=agent.extension,
        callee=callee,
        number=number,
        method="2",
        shape="detail",
    )
    cause = centre.fate()
    talk = Talk(rng, at + durations.moment(rng, 0.4), answered=cause == ANSWERED)
    talk.tell(statuses, buuid, agent, is_b=True)
    return _billed(
        centre,
        "manual",
        statuses,
        Billed(
            uuid=uuid,
            method="2",
            started_at=at,
            answered_at=talk.answered_at,
            ended_at=talk.ended_at,
            display_number=number,
            callee=callee,
            agent=agent,
            cause=cause,
            flavour="form",
        ),
    )


def predictive(centre: CallCentre, at: int) -> SimulatedCall:
    """A campaign calls somebody, and an agent's extension rings once they answer (document 001; method 5).

    If no agent is free the call is abandoned: the CDR has an `answertime`, and no extension.
    """
    rng, uuid = centre.rng, centre.ids.at(at)
    campaign, agent = rng.choice(centre.company.campaigns), centre.agent()
    callee = world.dialled_customer(rng)
    statuses = status_events(
        centre.company,
        at,
        uuid=uuid,
        caller=agent.extension,
        callee=callee,
        number=campaign.display_number,
        method="5",
        shape="detail",
    )
    cause: int = ANSWERED if rng.random() < campaign.contact_rate else rng.choice((UNANSWERED, BUSY))
    answered_at, took_it = None, None
    if cause != ANSWERED:
        ended_at = at + durations.patience(rng)
    else:
        answered_at = at + durations.ring(rng)
        ended_at = answered_at + durations.moment(rng, 8.0)
        if rng.random() < AGENT_IS_FREE:
            took_it, rung_at = agent, answered_at + durations.moment(rng, 0.5)
            talk = Talk(rng, rung_at, answered=True)
            talk.tell(statuses, centre.ids.at(rung_at), agent, is_b=True)
            ended_at = talk.ended_at
        else:
            cause = ABANDONED
    return _billed(
        centre,
        "predictive",
        statuses,
        Billed(
            uuid=uuid,
            method="5",
            started_at=at,
            answered_at=answered_at,
            ended_at=ended_at,
            display_number=campaign.display_number,
            callee=callee,
            agent=took_it,
            cause=cause,
            reference=str(rng.randrange(10**8, 10**9)),
            campaign=campaign.id,
            round=rng.choice((1, 1, 1, 2, 3)),
            flavour=rng.choice(("form", "json")),
        ),
    )


def group_call(centre: CallCentre, at: int) -> SimulatedCall:
    """A machine calls and plays a menu; without an extension there is only a CDR (method 6)."""
    rng, uuid = centre.rng, centre.ids.at(at)
    cause = centre.fate()
    answered_at = at + durations.ring(rng) if cause == ANSWERED else None
    ended_at = answered_at + durations.ring(rng) if answered_at else at + durations.patience(rng)
    number, callee = rng.choice(centre.company.numbers), world.dialled_customer(rng)
    return _billed(
        centre,
        "group call",
        status_events(centre.company, at, uuid=uuid, caller="", callee=callee, number=number, method="6"),
        Billed(
            uuid=uuid,
            method="6",
            started_at=at,
            answered_at=answered_at,
            ended_at=ended_at,
            display_number=number,
            callee=callee,
            agent=None,
            cause=cause,
            reference=f"{rng.getrandbits(128):032x}",
            pressed=str(rng.randrange(10)) if answered_at else "",
            flavour=rng.choice(("form", "json")),
        ),
    )


def inbound(centre: CallCentre, at: int) -> SimulatedCall:
    """Somebody calls; agents ring one after the other, each on a B leg of its own, until one answers."""
    rng, uuid = centre.rng, centre.ids.at(at)
    caller, number = world.dialled_customer(rng), rng.choice(centre.company.numbers)
    statuses = status_events(
        centre.company,
        at,
        uuid=uuid,
        caller=caller,
        callee=number,
        number=caller,
        method="0",
        direction="callin",
    )
    rung_at = at + durations.moment(rng, 2.0)
    agents = rng.sample(centre.company.agents, rng.randint(1, MOST_OFFERS))
    for each, agent in enumerate(agents, 1):
        talk = Talk(rng, rung_at, answered=each == len(agents) and rng.random() < AGENT_PICKS_UP)
        talk.tell(statuses, centre.ids.at(rung_at), agent, is_b=True)
        rung_at = talk.ended_at + durations.moment(rng)
    return _billed(
        centre,
        "inbound",
        statuses,
        Billed(
            uuid=uuid,
            method="0",
            direction="callin",
            started_at=at,
            answered_at=talk.answered_at,
            ended_at=talk.ended_at,
            display_number=caller,
            callee=number,
            agent=agents[-1],
            cause=ANSWERED if talk.answered_at else UNANSWERED,
        ),
    )


def _billed(centre: CallCentre, scenario: str, statuses: Statuses, billed: Billed) -> SimulatedCall:
    """The call with its CDR. What is known of its times are the CDR's seconds."""
    sent_at = max([billed.ended_at, *(each.at for each in statuses.webhooks)])
    cdr = bill(centre.rng, centre.company, billed, centre.zone)
    shape: Shape = "detail" if billed.flavour == "form" else "json"
    webhooks = (
        *sorted(statuses.webhooks, key=lambda each: each.at),
        Webhook(sent_at + durations.moment(centre.rng, 3.0), "cdr", billed.uuid, shape, cdr),
    )
    return SimulatedCall(_truth(scenario, billed, cdr, statuses.uuid, webhooks), webhooks)


def _truth(scenario: str, billed: Billed, cdr: Fields, uuid: str, webhooks: Sequence[Webhook]) -> Truth:
    legs = ids_of(tuple(webhooks), "uuid", "buuid")
    return Truth(
        scenario=scenario,
        dialect="common-api",
        legs=legs,
        uuid=min(uuid, billed.uuid),
        direction="inbound" if billed.direction == "callin" else "outbound",
        method=METHODS[billed.method],
        caller=billed.display_number,
        callee=billed.callee,
        display_number=billed.display_number,
        extension=billed.agent.extension if billed.agent else None,
        agent_id=billed.agent.id if billed.agent else None,
        customer_ref=billed.reference or None,
        campaign=(billed.campaign or None) if billed.flavour == "json" else None,
        round=billed.round if billed.flavour == "json" and billed.campaign else None,
        started_at=billed.start * SECOND,
        rang_at=None,
        answered_at=billed.answer * SECOND if billed.answer is not None else None,
        ended_at=billed.end * SECOND,
        ring_time=billed.waited * SECOND,
        talk_time=billed.talked * SECOND,
        outcome="unanswered" if billed.answer is None else "answered",
        hangup_cause=billed.cause,
        hangup_direction=int(cdr["hangupdirection"]),
        recording=billed.recording,
    )


SCENARIOS: tuple[Callable[[CallCentre, int], SimulatedCall], ...] = (
    api,
    api_double,
    manual,
    predictive,
    group_call,
    inbound,
)
WEIGHTS = (22, 8, 15, 30, 8, 17)
