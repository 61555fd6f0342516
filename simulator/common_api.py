"""Calls of a call centre in the dialect `common-api` (documents 000 to 002).

Status events have no time of their own; the CDR's times are whole seconds in the source's zone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from schemas.dialects import COMMON_API
from schemas.times import SECOND
from simulator import durations, world
from simulator.bill import Billed, bill
from simulator.model import SimulatedCall, Truth, Webhook, ids_of
from simulator.statuses import Statuses, Talk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random
    from zoneinfo import ZoneInfo

    from simulator.identifiers import Identifiers
    from simulator.model import Fields, Shape
    from simulator.world import Agent, Company

METHODS = {"0": "unrestricted", "2": "manual", "3": "api", "4": "api-double", "5": "predictive", "6": "ivr"}
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
        (scenario,) = self.rng.choices(list(SCENARIOS), list(SCENARIOS.values()))
        return scenario(self, at)

    def agent(self) -> Agent:
        return self.rng.choice(self.company.agents)

    def fate(self) -> int:
        return self.rng.choices(list(FATES), list(FATES.values()))[0]


class _Call:
    """A call under way: its status events so far, and what its CDR repeats of them."""

    def __init__(
        self,
        centre: CallCentre,
        scenario: str,
        at: int,
        *,
        number: str,
        callee: str,
        method: str,
        **more: Any,
    ) -> None:
        """`more` is for `Statuses`."""
        self.scenario = scenario
        self.uuid = centre.ids.at(at)
        self.statuses = Statuses(
            centre.company, at, uuid=self.uuid, callee=callee, number=number, method=method, **more
        )
        self._centre = centre
        self._billed = partial(
            Billed, uuid=self.uuid, method=method, started_at=at, display_number=number, callee=callee
        )

    def over(self, **known: Any) -> SimulatedCall:
        """The call with its CDR, of which the rest is `known`. Its true times are the CDR's seconds."""
        centre, billed, told = self._centre, self._billed(**known), self.statuses.webhooks
        sent_at = max([billed.ended_at, *(each.at for each in told)])
        cdr = bill(centre.rng, centre.company, billed, centre.zone)
        shape: Shape = "detail" if billed.flavour == "form" else "json"
        webhooks = (
            *sorted(told, key=lambda each: each.at),
            Webhook(sent_at + durations.moment(centre.rng, 3.0), "cdr", billed.uuid, shape, cdr),
        )
        return SimulatedCall(_truth(self.scenario, billed, cdr, self.uuid, webhooks), webhooks)


def api(centre: CallCentre, at: int) -> SimulatedCall:
    """The API starts a call: first the agent is rung, then the customer (method 3)."""
    return _through_an_agent(centre, at, "3", "api")


def api_double(centre: CallCentre, at: int) -> SimulatedCall:
    """The API calls two numbers and joins them (method 4)."""
    return _through_an_agent(centre, at, "4", "api-double")


def _through_an_agent(centre: CallCentre, at: int, method: str, scenario: str) -> SimulatedCall:
    rng, agent = centre.rng, centre.agent()
    callee, reference = world.dialled_customer(rng), f"{rng.getrandbits(128):032x}"
    number, caller = rng.choice(centre.company.numbers), agent.extension
    call = _Call(
        *(centre, scenario, at),
        number=number,
        callee=callee,
        method=method,
        caller=caller,
        reference=reference,
    )
    buuid = centre.ids.at(at + 22)
    tell = partial(call.statuses.tell, buuid=buuid, extension=caller)
    rung_at = at + durations.moment(rng, 0.4)
    tell("ring", rung_at, is_b=False)
    cause, answered_at = UNANSWERED, None
    if rng.random() < AGENT_PICKS_UP:
        ours_at = rung_at + durations.ring(rng) // 2
        tell("answer", ours_at, is_b=False)
        their_ring = ours_at + durations.moment(rng)
        tell("ring", their_ring, is_b=True)
        cause = centre.fate()
        if cause == ANSWERED:
            answered_at = their_ring + durations.ring(rng)
            tell("answer", answered_at, is_b=True)
        ended_at = answered_at + durations.talk(rng) if answered_at else their_ring + durations.patience(rng)
        tell("hangup", ended_at, is_b=True)
        tell("hangup", ended_at + durations.moment(rng, 0.3), is_b=False)
    else:
        ended_at = rung_at + durations.patience(rng)
        tell("hangup", ended_at, is_b=False)
    uuid = buuid if rng.random() < BILLED_BY_OTHER_LEG else call.uuid
    times = {"answered_at": answered_at, "ended_at": ended_at}
    return call.over(uuid=uuid, agent=agent, cause=cause, reference=reference, **times)


def manual(centre: CallCentre, at: int) -> SimulatedCall:
    """An agent dials by hand: the B leg rings (document 001's sample; method 2)."""
    rng, agent = centre.rng, centre.agent()
    callee, number = world.dialled_customer(rng), rng.choice(centre.company.numbers)
    parties = {"number": number, "callee": callee, "caller": agent.extension}
    call = _Call(centre, "manual", at, method="2", shape="detail", **parties)
    buuid = centre.ids.at(at + durations.moment(rng, 0.2))
    cause = centre.fate()
    talk = Talk(rng, at + durations.moment(rng, 0.4), answered=cause == ANSWERED)
    talk.tell(call.statuses, buuid, agent, is_b=True)
    return call.over(agent=agent, cause=cause, flavour="form", **talk.times)


def predictive(centre: CallCentre, at: int) -> SimulatedCall:
    """A campaign calls somebody, and an agent's extension rings once they answer (document 001; method 5).

    If no agent is free the call is abandoned: the CDR has an `answertime`, and no extension.
    """
    rng = centre.rng
    campaign, agent = rng.choice(centre.company.campaigns), centre.agent()
    number, callee = campaign.display_number, world.dialled_customer(rng)
    parties = {"number": number, "callee": callee, "caller": agent.extension}
    call = _Call(centre, "predictive", at, method="5", shape="detail", **parties)
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
            talk.tell(call.statuses, centre.ids.at(rung_at), agent, is_b=True)
            ended_at = talk.ended_at
        else:
            cause = ABANDONED
    return call.over(
        answered_at=answered_at,
        ended_at=ended_at,
        agent=took_it,
        cause=cause,
        reference=str(rng.randrange(10**8, 10**9)),
        campaign=campaign.id,
        round=rng.choice((1, 1, 1, 2, 3)),
        flavour=rng.choice(("form", "json")),
    )


def group_call(centre: CallCentre, at: int) -> SimulatedCall:
    """A machine calls and plays a menu; without an extension there is only a CDR (method 6)."""
    rng, cause = centre.rng, centre.fate()
    answered_at = at + durations.ring(rng) if cause == ANSWERED else None
    ended_at = answered_at + durations.ring(rng) if answered_at else at + durations.patience(rng)
    number, callee = rng.choice(centre.company.numbers), world.dialled_customer(rng)
    call = _Call(centre, "group call", at, number=number, callee=callee, method="6", caller="")
    return call.over(
        answered_at=answered_at,
        ended_at=ended_at,
        cause=cause,
        reference=f"{rng.getrandbits(128):032x}",
        pressed=str(rng.randrange(10)) if answered_at else "",
        flavour=rng.choice(("form", "json")),
    )


def inbound(centre: CallCentre, at: int) -> SimulatedCall:
    """Somebody calls; agents ring one after the other, each on a B leg of its own, until one answers."""
    rng = centre.rng
    caller, number = world.dialled_customer(rng), rng.choice(centre.company.numbers)
    parties = {"number": caller, "callee": number, "caller": caller}
    call = _Call(centre, "inbound", at, method="0", direction="callin", **parties)
    rung_at = at + durations.moment(rng, 2.0)
    agents = rng.sample(centre.company.agents, rng.randint(1, MOST_OFFERS))
    for each, agent in enumerate(agents, 1):
        talk = Talk(rng, rung_at, answered=each == len(agents) and rng.random() < AGENT_PICKS_UP)
        talk.tell(call.statuses, centre.ids.at(rung_at), agent, is_b=True)
        rung_at = talk.ended_at + durations.moment(rng)
    cause = ANSWERED if talk.answered_at else UNANSWERED
    return call.over(direction="callin", agent=agents[-1], cause=cause, **talk.times)


def _truth(scenario: str, billed: Billed, cdr: Fields, uuid: str, webhooks: Sequence[Webhook]) -> Truth:
    legs = ids_of(tuple(webhooks), "uuid", "buuid")
    return Truth(
        scenario=scenario,
        dialect=COMMON_API.name,
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


SCENARIOS: dict[Callable[[CallCentre, int], SimulatedCall], int] = {
    api: 22,
    api_double: 8,
    manual: 15,
    predictive: 30,
    group_call: 8,
    inbound: 17,
}
"""What calls there are, and how often."""
